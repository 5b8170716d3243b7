"""`troc data offer`, `bid`, `buy`, `open`, `request`, `fill`, `take`, `status`, `watch` and the rest: the
market.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troc import words
from troc.chain import Receipt
from troc.cli.acting import agreed, sent_form, troc_of
from troc.cli.data import app
from troc.cli.data_vault import VaultPasswordFile, need_data, open_vault, shelf_of
from troc.cli.session import Session, session_of
from troc.errors import DealError, InputError
from troc.messages import ZERO_ADDRESS

if TYPE_CHECKING:
    from troc.data.attesting import Attested
    from troc.data.client import Data
    from troc.data.consent import Terms
    from troc.data.deals import SignedDeal
    from troc.data.manifest import Manifest
    from troc.data.messages import Deal
    from troc.data.party import Did
    from troc.data.requests import Open

_Deal = Annotated[str, typer.Argument(metavar="DEAL", help="Its text, its file, or how its number begins")]
_Sale = Annotated[str, typer.Argument(metavar="SALE", help="How its number begins (`troc data status`)")]
_Request = Annotated[str, typer.Argument(metavar="REQUEST", help="How its number begins")]
_Copy = Annotated[str, typer.Argument(metavar="COPY", help="Its root, or how that begins (`troc data list`)")]
_Until = Annotated[str, typer.Option(help="How long it stands: 12h, 7d or 2027-02-19")]
_Deliver = Annotated[str, typer.Option(help="How long the seller has to deliver, a day or more")]
_Dispute = Annotated[str, typer.Option(help="How long the buyer has to object, two days or more")]
_Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Write it to this new file: .json, or .txt as text")
]
_Link = Annotated[str, typer.Option(help="The link behind which the copy is served (`troc data token`)")]
_TermsFile = Annotated[
    Path | None, typer.Option("--terms", help="The terms of consent, a file of `troc data terms --out`")
]
_ID = 14


def _data(session: Session, vault: bool = False, password_file: Path | None = None) -> Data:
    """The market as the account sees it; with its vault where something is to be sold."""
    need_data()
    copies = open_vault(session, password_file) if vault else None
    return troc_of(session).data.using(copies)


def _terms(file: Path | None) -> Terms | None:
    if file is None:
        return None
    from troc.data.consent import Terms, keep_terms
    from troc.data.facts import terms_folder

    try:
        found = Terms.read(file.read_text())
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror})", "check its name") from None
    keep_terms(terms_folder(), found)
    return found


def _terms_of(signed: SignedDeal) -> Terms | None:
    from troc.data.facts import terms_of

    return terms_of(signed.deal, signed)


def _share(session: Session, signed: SignedDeal, out: Path | None, qr: bool, data: dict[str, Any]) -> None:
    """Hand a signed deal over: into a file, or as text, and as a picture for a telephone."""
    from troc import qr as codes
    from troc.data.deals import write_deal

    text = signed.to_text()
    lines = [f"Signed the {signed.kind} {signed.id[:_ID]}."]
    if out is not None:
        write_deal(signed, out)
        lines.append(f"It is in {out}: send that file.")
    else:
        lines.append(text)
        if signed.papers:
            lines.append("The text leaves the terms and the attestation away: -o FILE.json takes them along.")
    if qr:
        lines.append(codes.blocks(text))
    found = data | {"id": signed.id, "kind": signed.kind, "text": text, "file": str(out) if out else None}
    session.result(found, "\n".join(lines))


def _did(session: Session, receipt: Receipt | None, text: str, **data: Any) -> None:
    if receipt is None:
        session.result({"sent": False, **data}, "Nothing was left to do.")
    else:
        session.result(data | sent_form(receipt), text)


# ----------------------------------------------------------------------------------------------------- words


def _before_selling(
    data: Data,
    deal: Deal,
    terms: Terms | None,
    what: Sequence[str],
    more: Sequence[str] = (),
    accepts: bool = False,
    attested: Attested | None = None,
) -> str:
    """What she reads before she signs or, where she `accepts` a bid, sends. `attested`: what goes along."""
    from troc.data.facts import who_attests, who_buys
    from troc.data.words import HELD, ON_ACCEPT, ON_BUY, Proposal, before_selling, linked
    from troc.domains import fetch_https

    if sold := len(data.seller.sales.view({"seller": deal.seller}).sales):
        more = [*more, linked(sold)]
    attestor = "" if attested is None else who_attests(data.seller, attested.attestation.attestor)
    price = str(data.seller.money_of(deal)) if deal.price else ""
    named = deal.buyer != ZERO_ADDRESS
    buyer = who_buys(data.standings, deal.buyer, terms, fetch_https) if named else None
    money = HELD if any(deal.request_id) else ON_ACCEPT if accepts else ON_BUY
    if terms is None:
        who = f"to {buyer.words}" if buyer is not None else "to whoever buys"
        lines = [
            f"You sell {words.listed(map(words.shown, what))}, {who}, for {price or 'nothing'}.",
            *([f"{words.shown(attestor)} vouches for it."] if attestor else []),
            "Careful: no terms say what for, or how long it may be kept (`troc data terms`).",
            f"You deliver within {_days(deal.deliver_seconds)}; the buyer then has"
            f" {_days(deal.dispute_seconds)} to object.",
            "You can withdraw any day. Know this: a buyer who has read it could keep a copy; in a dispute the"
            " whole sold file becomes readable to whoever kept the sealed copy.",
            *(f"Careful: {each}." for each in more),
        ]
        return "\n".join(lines)
    return before_selling(
        Proposal(
            what=tuple(what),
            buyer=buyer,
            price=price,
            money=money,
            terms=terms,
            deliver_seconds=deal.deliver_seconds,
            dispute_seconds=deal.dispute_seconds,
            open_until=deal.open_until,
            attestor=attestor,
            warnings=tuple(more),
        )
    )


def _before_buying(data: Data, deal: Deal, seen: SignedDeal, manifest: Manifest, terms: Terms | None) -> str:
    """What he reads before he pays. `seen`: the deal that came, with its papers."""
    from troc.data.facts import who_vouches
    from troc.data.words import Purchase, before_buying, contents, vouched

    what = contents(manifest)
    found = who_vouches(data.buyer, seen, manifest)
    price = str(data.buyer.money_of(deal)) if deal.price else ""
    if terms is None:
        return (
            f"You buy {words.listed(map(words.shown, what))} from {deal.seller} for {price or 'nothing'},"
            f" held until she delivers: within {_days(deal.deliver_seconds)}, or it comes back. The sealed"
            f" copy is here and checked. You then have {_days(deal.dispute_seconds)} to object.\n"
            f"{vouched(found.attested_by, found.trusted, found.doubts)}\n"
            "Careful: no terms say what you may use it for."
        )
    return before_buying(
        Purchase(
            what=tuple(what),
            seller=deal.seller,
            pieces=deal.count,
            price=price,
            terms=terms,
            deliver_seconds=deal.deliver_seconds,
            dispute_seconds=deal.dispute_seconds,
            attested_by=found.attested_by,
            trusted=found.trusted,
            doubts=found.doubts,
            checked=True,
        )
    )


def _days(seconds: int) -> str:
    if seconds % words.DAY == 0:
        return words.count(seconds // words.DAY, "day")
    return words.count(-(-seconds // words.HOUR), "hour")


# -------------------------------------------------------------------------------------------- offers and bids


@app.command()
def offer(
    context: typer.Context,
    copy: _Copy,
    price: Annotated[str, typer.Argument(help='Such as "50 PANIER", or "12.5 0x…" for an ERC-20')],
    to: Annotated[str, typer.Option(help="The only buyer (default: whoever buys, each once)")] = "",
    terms: _TermsFile = None,
    link: _Link = "",
    attestation: Annotated[
        Path | None, typer.Option(help="What an attestor says of it: a file of `troc data attest`")
    ] = None,
    until: _Until = "7d",
    deliver: _Deliver = "3d",
    dispute: _Dispute = "7d",
    out: _Out = None,
    qr: Annotated[bool, typer.Option("--qr", help="Draw it as a QR code too")] = False,
    vault_password_file: VaultPasswordFile = None,
) -> None:
    """Offer a sealed copy: shown in words before you sign. Nothing is sent."""
    from troc.data.attesting import Attested
    from troc.data.deals import SignedDeal
    from troc.data.facts import ATTESTATION, TERMS, who_vouches
    from troc.data.seller import NO_TERMS
    from troc.data.words import contents

    session = session_of(context)
    data = _data(session, True, vault_password_file)
    manifest = data.seller.copies.manifest(shelf_of().find(copy))
    found = _terms(terms)
    deal = data.seller.draft(
        manifest,
        data.seller.money(price),
        buyer=session.address_of(to, "buyer") if to else ZERO_ADDRESS,
        until=until,
        deliver=deliver,
        dispute=dispute,
        terms_hash=NO_TERMS if found is None else found.hash,
    )
    if found is not None:
        found.check_deal(deal.terms_hash, deal.buyer)
    papers: dict[str, Any] = {} if found is None else {TERMS: dict(found.document)}
    attested = None if attestation is None else Attested.read(attestation)
    if attested is not None:
        papers[ATTESTATION] = attested.as_json()
        unsigned = SignedDeal(deal, b"", data.seller.domain, papers=papers)
        if doubts := who_vouches(data.seller, unsigned, manifest).doubts:
            raise DealError(
                f"the attestation does not count: {words.listed(doubts)}", "ask the attestor for another"
            )
    text = _before_selling(data, deal, found, contents(manifest), attested=attested)
    if agreed(session, text, {"words": text, "deal": deal.to_json()}, "Sign it?"):
        _share(session, data.seller.sign(deal, link, papers), out, qr, {"words": text})


@app.command()
def offers(
    context: typer.Context,
    add: Annotated[
        list[str] | None, typer.Option(help="Keep a deal that came: its text or file; several possible")
    ] = None,
) -> None:
    """Deals that you signed or keep, and whether they still stand."""
    session = session_of(context)
    data = _data(session)
    for source in add or ():
        signed = data.buyer.read(source)
        data.buyer.keep(signed, mine=signed.deal.seller == data.buyer.address)
    rows = []
    now = session.chain.now()
    for signed in data.buyer.kept_deals():
        deal = signed.deal
        signer = deal.seller if signed.signature else deal.buyer
        if deal.open_until < now:
            state = "expired"
        elif not data.buyer.sales.nonce_open(signer, deal.nonce):
            state = "ended"
        else:
            state = "open"
        rows.append((signed, state))
    session.result(
        {
            "offers": [
                {
                    "id": signed.id,
                    "kind": signed.kind,
                    "state": state,
                    "mine": signed.deal.seller == data.buyer.address,
                    "price": data.buyer.money_of(signed.deal).as_json(),
                    "open_until": signed.deal.open_until,
                    "deal": signed.deal.to_json(),
                }
                for signed, state in rows
            ]
        },
        "\n".join(
            f"{signed.id[:_ID]}  {signed.kind}, {state}: {data.buyer.money_of(signed.deal)} for"
            f" {words.count(signed.deal.count, 'sealed piece')} of {words.short(signed.deal.seller)},"
            f" until {words.moment(signed.deal.open_until)}"
            for signed, state in rows
        )
        or "No deal yet: `troc data offer COPY PRICE`.",
    )


@app.command()
def bid(
    context: typer.Context,
    deal: _Deal,
    price: Annotated[str, typer.Argument(help="What you bid instead")],
    until: _Until = "7d",
    deliver: _Deliver = "3d",
    dispute: _Dispute = "7d",
    out: _Out = None,
    qr: Annotated[bool, typer.Option("--qr", help="Draw it as a QR code too")] = False,
) -> None:
    """Bid another price for what an offer is about. You pay once the seller agrees."""

    session = session_of(context)
    data = _data(session)
    seen = data.buyer.read(deal)
    manifest = data.buyer.keep_copy(seen)
    drafted = data.buyer.draft_bid(
        manifest,
        seen.deal.seller,
        data.buyer.money(price),
        terms_hash=seen.deal.terms_hash,
        until=until,
        deliver=deliver,
        dispute=dispute,
    )
    text = _before_buying(data, drafted, seen, manifest, _terms_of(seen))
    if agreed(session, text, {"words": text, "deal": drafted.to_json()}, "Sign it?"):
        _share(session, data.buyer.sign_bid(drafted, seen.source), out, qr, {"words": text})


@app.command()
def accept(context: typer.Context, deal: _Deal, vault_password_file: VaultPasswordFile = None) -> None:
    """Take a bid: the buyer's money goes into escrow, and you owe him the key."""
    from troc.data.words import contents

    session = session_of(context)
    data = _data(session, True, vault_password_file)
    found = data.seller.read(deal)
    manifest = data.seller.copies.manifest(found.deal.manifest_root)
    text = _before_selling(data, found.deal, _terms_of(found), contents(manifest), accepts=True)
    if agreed(session, text, {"words": text, "deal": found.deal.to_json()}, "Accept it?"):
        receipt = data.seller.accept(found)
        sale = "0x" + found.sale_id(found.bid.buy.buyer).hex() if found.bid else ""
        _did(session, receipt, f"Sold: {sale[:_ID]}. Let `troc data watch` deliver the key.", sale=sale)


@app.command()
def cancel(
    context: typer.Context,
    deals: Annotated[list[str], typer.Argument(metavar="DEALS", help="Offers, bids or answers of yours")],
) -> None:
    """End offers, bids or answers of yours. What was sold stays sold."""
    session = session_of(context)
    data = _data(session)
    found = [data.seller.read(each) for each in deals]
    text = f"These end for good: {words.listed(each.id[:_ID] for each in found)}."
    if agreed(session, text, {"deals": [each.id for each in found]}, "End them?"):
        _did(session, data.seller.cancel(*found), "Ended.", deals=[each.id for each in found])


# ---------------------------------------------------------------------------------------------------- buying


@app.command()
def buy(context: typer.Context, deal: _Deal) -> None:
    """Buy an offer. The sealed copy is fetched and checked first; then the price is held until it is
    delivered.
    """

    session = session_of(context)
    data = _data(session)
    signed = data.buyer.read(deal)
    manifest = data.buyer.check(signed)
    text = _before_buying(data, signed.deal, signed, manifest, _terms_of(signed))
    if agreed(session, text, {"words": text, "deal": signed.deal.to_json()}, "Buy it?"):
        sale = data.buyer.buy(signed)
        session.result(
            {"sent": True, "sale": sale.name, "transaction": sale.transaction, "deliver_by": sale.deliver_by},
            f"Bought: {sale.name[:_ID]}. The key comes until {words.moment(sale.deliver_by)}, or your money.",
        )


@app.command("open")
def open_(
    context: typer.Context,
    sale: _Sale,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write what was bought here")] = None,
    settle: Annotated[bool, typer.Option("--settle", help="Pay the seller at once if it is right")] = False,
) -> None:
    """Open what was delivered, and check it."""
    session = session_of(context)
    data = _data(session)
    found = data.buyer.find(sale)
    opened = data.buyer.open(found)
    if out is not None:
        opened.save(out)
    form: dict[str, Any] = {
        "sale": found.name,
        "kind": opened.kind,
        "rows": [dict(row) for row in opened.rows],
        "bytes": len(opened.data),
        "file": str(out) if out else None,
    }
    lines = ["It is what was sold."]
    if out is not None:
        lines.append(f"It is in {out}.")
    elif opened.rows:
        lines += [json.dumps(dict(row)) for row in opened.rows[:20]]
        if len(opened.rows) > 20:
            lines.append(f"… {len(opened.rows) - 20} rows more: -o FILE writes all.")
    else:
        lines.append(f"{len(opened.data):,} bytes: -o FILE writes them.")
    if settle:
        form |= sent_form(data.buyer.settle(found))
        lines.append("The seller is paid.")
    session.result(form, "\n".join(lines))


@app.command()
def settle(context: typer.Context, sale: _Sale, to: Annotated[
    str, typer.Option(help="Another address that gets the money (the seller's)")
] = "") -> None:  # fmt: skip
    """Pay the seller: the buyer on any day, the seller when the time to object is over."""
    session = session_of(context)
    data = _data(session)
    found = data.buyer.find(sale)
    where = session.address_of(to) if to else ""
    if not agreed(session, f"The seller of {found.name[:_ID]} is paid.", {"sale": found.name}, "Pay?"):
        return
    if found.buyer == data.buyer.address and not to:
        receipt = data.buyer.settle(found)
    else:
        receipt = data.seller.withdraw(found, where)
    _did(session, receipt, "Paid.", sale=found.name)


@app.command()
def refund(context: typer.Context, sale: _Sale, to: Annotated[
    str, typer.Option(help="Another address that gets the money")
] = "") -> None:  # fmt: skip
    """Take the money back of what was not delivered in time."""
    session = session_of(context)
    data = _data(session)
    found = data.buyer.find(sale)
    where = session.address_of(to) if to else ""
    if agreed(session, f"The money of {found.name[:_ID]} comes back.", {"sale": found.name}, "Take it?"):
        _did(session, data.buyer.refund(found, where), "Taken back.", sale=found.name)


@app.command()
def dispute(
    context: typer.Context,
    sale: _Sale,
    ask: Annotated[
        str, typer.Option(help="Only ask the seller to concede: a signed note in this shared folder")
    ] = "",
) -> None:
    """Let the contract judge a wrong delivery. Ask the seller to concede first: this publishes the key."""
    from troc.data.party import Drop

    session = session_of(context)
    data = _data(session)
    found = data.buyer.find(sale)
    finding = data.buyer.judge(found)
    if finding.is_right:
        raise DealError("what was delivered is what was sold", "pay for it (`troc data settle`)")
    if ask:
        text = f"{found.name[:_ID]}: {finding}. You ask the seller to give the money back."
        if agreed(session, text, {"sale": found.name, "finding": finding.to_json()}, "Ask her?"):
            note = data.buyer.ask(found, finding, Drop(ask))
            session.result({"sale": found.name, "asked": note, "sent": False}, f"The note is in {ask}.")
        return
    text = (
        f"{found.name[:_ID]}: {finding}. The contract gives the money back at once; what was delivered, and"
        " the key if it is right, becomes public for ever."
    )
    if agreed(session, text, {"sale": found.name, "finding": finding.to_json()}, "Dispute it?"):
        receipt = data.buyer.dispute(found, finding)
        _did(session, receipt, "The money is back.", sale=found.name, finding=finding.to_json())


@app.command()
def acknowledge(
    context: typer.Context,
    sales: Annotated[list[str], typer.Argument(metavar="SALES", help="How their numbers begin")],
) -> None:
    """State that you erased what you bought; the sealed copies here are deleted."""
    session = session_of(context)
    data = _data(session)
    found = [data.buyer.find(each) for each in sales]
    names = [each.name for each in found]
    text = (
        "You state, for ever and for all to see, that you erased"
        f" {words.listed(name[:_ID] for name in names)}."
        " Delete first what you wrote elsewhere: only the sealed copies are deleted here."
    )
    if agreed(session, text, {"sales": names}, "State it?"):
        for each in found:
            data.buyer.erase_copy(each)
        _did(session, data.buyer.acknowledge(*found), "Stated.", sales=names)


# ---------------------------------------------------------------------------------------------------- selling


@app.command()
def deliver(context: typer.Context, sale: _Sale, vault_password_file: VaultPasswordFile = None) -> None:
    """Deliver the key of a sale now. `troc data watch` does so by itself."""
    session = session_of(context)
    data = _data(session, True, vault_password_file)
    found = data.seller.find(sale)
    if agreed(
        session, f"The key of {found.name[:_ID]} goes to {found.buyer}.", {"sale": found.name}, "Deliver?"
    ):
        _did(session, data.seller.deliver(found), "Delivered.", sale=found.name)


@app.command()
def concede(context: typer.Context, sale: _Sale) -> None:
    """Give the money of a sale back. Nothing is revealed."""
    session = session_of(context)
    data = _data(session)
    found = data.seller.find(sale)
    text = f"The money of {found.name[:_ID]} goes back to {found.buyer}."
    if agreed(session, text, {"sale": found.name}, "Give it back?"):
        _did(session, data.seller.concede(found), "Given back.", sale=found.name)


@app.command()
def revoke(context: typer.Context, sale: _Sale) -> None:
    """Withdraw your consent to a sale. You need no reason, and it costs you nothing."""
    session = session_of(context)
    data = _data(session)
    found = data.seller.find(sale)
    text = (
        f"You withdraw your consent: {found.buyer} must erase what it bought in {found.name[:_ID]}. That you"
        " withdrew stays public for ever."
    )
    if agreed(session, text, {"sale": found.name}, "Withdraw it?"):
        _did(session, data.seller.revoke(found), "Withdrawn.", sale=found.name)


# --------------------------------------------------------------------------------------------------- requests


@app.command()
def request(
    context: typer.Context,
    price: Annotated[str, typer.Argument(help='Of one answer, such as "50 PANIER"')],
    number: Annotated[int, typer.Argument(help="How many answers at most; the whole budget is held")],
    schema: Annotated[str, typer.Option(help="What an attestation must be about")] = "",
    attestor: Annotated[str, typer.Option(help="Who must vouch for each answer, by address")] = "",
    terms: _TermsFile = None,
    until: _Until = "14d",
    deliver: _Deliver = "3d",
    dispute: _Dispute = "7d",
) -> None:
    """Ask for data, with the budget held until you take answers."""
    from troc.data.facts import who_attests
    from troc.data.seller import NO_TERMS

    session = session_of(context)
    data = _data(session)
    found = _terms(terms)
    drafted = data.requests.draft(
        data.buyer.money(price),
        number,
        schema=schema,
        attestor=session.address_of(attestor, "attestor") if attestor else "",
        until=until,
        deliver=deliver,
        dispute=dispute,
        terms_hash=NO_TERMS if found is None else found.hash,
    )
    budget = data.requests.budget(drafted)
    who = (
        f"each attested by {who_attests(data.buyer, drafted.attestor).rstrip(',')}"
        if attestor
        else "attested by nobody: your choice is the only filter"
    )
    text = (
        f"You ask for {words.count(number, 'answer')} for {data.buyer.money_of(drafted)} each, {who}."
        f" {budget} are held until {words.moment(drafted.open_until)}; what you do not take comes back."
    )
    if agreed(session, text, {"words": text, "request": drafted.to_json()}, "Open it?"):
        id_ = "0x" + data.requests.open(drafted).hex()
        session.result(
            {"sent": True, "request": id_, "budget": budget.as_json()},
            f"Opened: {id_}\nTell people that number; take answers with `troc data take {id_[:_ID]}`.",
        )


@app.command()
def requests(
    context: typer.Context,
    mine: Annotated[bool, typer.Option("--mine", help="Only those of your account, closed ones too")] = False,
) -> None:
    """Open requests for data."""
    session = session_of(context)
    data = _data_of_anyone(session)
    now = session.chain.now()
    found = data.requests.mine() if mine else [each for each in data.requests.all() if each.is_open(now)]
    session.result(
        {"requests": [each.as_json(now) for each in found]},
        "\n".join(_request_line(data, each, now) for each in found) or "No open request.",
    )


def _data_of_anyone(session: Session) -> Data:
    need_data()
    return troc_of(session).data


def _request_line(data: Data, found: Open, now: int) -> str:
    state, step = found.state(now)
    who = "attested" if found.request.attestor != ZERO_ADDRESS else "not attested"
    return (
        f"{found.name[:_ID]}  {data.buyer.money_of(found.request)} each, {found.left} left, {who},"
        f" {state} until {words.moment(found.request.open_until)}\n  Next: {step}."
    )


@app.command()
def fill(
    context: typer.Context,
    request: _Request,
    copy: _Copy,
    link: _Link = "",
    attestation: Annotated[Path | None, typer.Option(help="Where an attestor is named: its file")] = None,
    terms: _TermsFile = None,
    criteria: Annotated[str, typer.Option(help="What the buyer says in public that it looks for")] = "",
    folder: Annotated[str, typer.Option(help="Put the answer into this shared folder (any fsspec URL)")] = "",
    out: _Out = None,
    vault_password_file: VaultPasswordFile = None,
) -> None:
    """Answer a request with a sealed copy: shown in words before you sign."""
    from troc.data.attesting import Attested
    from troc.data.facts import TERMS, terms_of
    from troc.data.party import Drop
    from troc.data.requests import ANSWER
    from troc.data.words import contents

    session = session_of(context)
    data = _data(session, True, vault_password_file)
    found = data.requests.find(request)
    manifest = data.seller.copies.manifest(shelf_of().find(copy))
    attested = None if attestation is None else Attested.read(attestation)
    drafted = data.requests.draft_answer(found, manifest)
    known = _terms(terms) or terms_of(drafted)
    if known is not None:
        known.check_deal(found.request.terms_hash, drafted.buyer)
    warnings = data.requests.warnings(found, criteria, known.kinds if known is not None else ())
    text = _before_selling(data, drafted, known, contents(manifest), warnings, attested=attested)
    if not agreed(session, text, {"words": text, "deal": drafted.to_json()}, "Sign it?"):
        return
    papers = {} if known is None else {TERMS: dict(known.document)}
    signed = data.requests.sign_answer(found, drafted, manifest, link, attested, papers)
    if folder:
        Drop(folder).put(f"{signed.id[2:]}{ANSWER}", signed.to_json())
    _share(session, signed, out, False, {"words": text, "folder": folder or None})


@app.command()
def take(
    context: typer.Context,
    request: _Request,
    answers: Annotated[
        list[str] | None, typer.Argument(metavar="[ANSWERS]", help="Files or texts of answers")
    ] = None,
    folder: Annotated[str, typer.Option(help="A shared folder in which answers lie (any fsspec URL)")] = "",
    most: Annotated[int | None, typer.Option(help="Take at most so many now")] = None,
) -> None:
    """Take answers to your request. Each is fetched and checked first; what nobody can fetch is not paid."""
    from troc.data.party import Drop

    session = session_of(context)
    data = _data(session)
    found = data.requests.find(request)
    judged = data.requests.judge(
        found, data.requests.gather(found, answers or (), Drop(folder) if folder else None)
    )
    good = [each.signed for each in judged if not each.why][
        : found.left if most is None else min(found.left, most)
    ]
    bad = [
        f"Not taken: {each.signed.id[:_ID]} of {each.signed.deal.seller}: {each.why}."
        for each in judged
        if each.why
    ]
    text = "\n".join(
        [
            *bad,
            f"You take {words.count(len(good), 'answer')}, for {data.buyer.money_of(found.request)}"
            f"{' each' if len(good) > 1 else ''}.",
        ]
    )
    refused = {each.signed.id: each.why for each in judged if each.why}
    form = {"request": found.name, "take": [each.id for each in good], "refused": refused}
    if not good:
        session.result(form | {"sent": False}, "\n".join([*bad, "No answer can be taken."]))
        return
    if agreed(session, text, form, "Take them?"):
        sales = data.requests.take(found, good)
        session.result(
            form | {"sent": True, "sales": [sale.name for sale in sales]},
            "\n".join(f"Taken: {sale.name[:_ID]} of {sale.seller}." for sale in sales),
        )


@app.command()
def close(
    context: typer.Context,
    request: _Request,
    to: Annotated[str, typer.Option(help="Another address that gets the rest")] = "",
) -> None:
    """Take back what is left of a request's budget."""
    session = session_of(context)
    data = _data(session)
    found = data.requests.find(request)
    where = session.address_of(to) if to else ""
    rest = data.buyer.money_of(found.request).of(found.left * found.request.price)
    if agreed(
        session, f"{rest} of the request {found.name[:_ID]} come back.", {"request": found.name}, "Close it?"
    ):
        _did(session, data.requests.close(found, where), "Closed.", request=found.name)


# ------------------------------------------------------------------------------------------------- looking on


@app.command()
def status(
    context: typer.Context,
    sale: Annotated[str, typer.Argument(metavar="[SALE]", help="How its number begins (default: all)")] = "",
) -> None:
    """How your sales and purchases stand, and what to do next."""
    session = session_of(context)
    found = _data(session).status(sale)
    session.result(
        {"sales": [each.as_json() for each in found]},
        "\n".join(each.text() for each in found) or "No sale yet.",
    )


@app.command()
def buyer(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="Whose record to look at")],
) -> None:
    """How a buyer has kept its word: what it stated about erasing, from the log."""
    from troc.data.words import record_details

    session = session_of(context)
    data = _data_of_anyone(session)
    who = data.standings.who_buys(session.address_of(address, "buyer"))
    record = who.record
    assert record is not None
    tallies = {name: getattr(record, name) for name in ("in_time", "late", "never", "not_due")}
    session.result(
        {
            "buyer": who.address,
            "name": who.name,
            "domain": who.domain,
            "apart": record.apart,
            **{
                name: {"sellers": tally.sellers, "money": {t: str(u) for t, u in tally.money.items()}}
                for name, tally in tallies.items()
            },
        },
        f"{who.words}.\n{record_details(record, data.money_in_words)}",
    )


@app.command()
def watch(
    context: typer.Context,
    sell: Annotated[bool, typer.Option("--sell", help="Deliver, concede, take your money")] = False,
    buy: Annotated[bool, typer.Option("--buy", help="Open, pay, object, take your money back")] = False,
    notes: Annotated[
        str, typer.Option(help="A shared folder for buyers' wishes that you concede (any fsspec URL)")
    ] = "",
    answers: Annotated[str, typer.Option(help="A shared folder with answers to your requests")] = "",
    patience: Annotated[
        str, typer.Option(help="How long a seller has to concede before you dispute")
    ] = "24h",
    no_settle: Annotated[
        bool, typer.Option("--no-settle", help="Leave the money until the time to object is over")
    ] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks")] = 12.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end")] = False,
    vault_password_file: VaultPasswordFile = None,
) -> None:
    """Do what is to be done while you are away, until Ctrl-C. Killed and started again, it goes on."""
    from troc.data.party import Drop
    from troc.data.party import watch as look
    from troc.data.seller import span

    session = session_of(context)
    if not (sell or buy):
        raise InputError("it is not said what to watch", "use --sell, --buy, or both")
    data = _data(session, sell, vault_password_file)
    shared = Drop(notes) if notes else None
    offered = Drop(answers) if answers else None
    waits = span(patience)

    def step() -> list[Did]:
        found: list[Did] = []
        if sell:
            found += data.seller.step(shared)
        if buy:
            found += data.buyer.step(shared, waits, not no_settle)
            if offered is not None:
                found += data.requests.step(offered)
        return found

    if once:
        done = step()
        session.result(
            {"done": [did.as_json() for did in done]},
            "\n".join(f"{did.text}." for did in done) or "Nothing was to be done.",
        )
        return

    def say(did: Did) -> None:
        session.result(did.as_json(), f"{did.text}.")

    def wait(seconds: float) -> bool:
        time.sleep(seconds)
        return True

    # Opened before the first look: nobody is there to type a passphrase later.
    _ = session.signer
    session.say("Watching. Ctrl-C ends it; nothing is lost.")
    look(step, say, wait, every)
