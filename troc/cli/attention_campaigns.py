"""`troc attention campaign …`, `enrol`, `activate`: a brand's campaigns on the chain."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troc import words
from troc.cli.acting import agreed, progress_bar, sent_form, troc_of
from troc.cli.attention import app
from troc.cli.session import Session, session_of
from troc.errors import CampaignError, InputError
from troc.messages import ZERO_ADDRESS

if TYPE_CHECKING:
    from web3.contract.contract import ContractFunction

    from troc.attention.campaigns import Campaign, Root, Terms
    from troc.attention.drafting import Wanted
    from troc.client import Troc

campaign_app = typer.Typer(no_args_is_help=True, help="Campaigns: opened, funded, looked at, closed.")
admin_app = typer.Typer(no_args_is_help=True, help="Hand a campaign over, in two steps.")
app.add_typer(campaign_app, name="campaign")
campaign_app.add_typer(admin_app, name="admin")

Named = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="How its id begins (`troc attention campaign list`)")
]
_MOST_BATCHES = 10_000


# --------------------------------------------------------------------------------------------------- opening


@campaign_app.command("open")
def open_(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="YAML or TOML with the names of these options; options win")
    ] = None,
    price: Annotated[
        str | None, typer.Option(help='Of one contact: "5 PANIER", or "0.02 0x…" for an ERC-20')
    ] = None,
    budget: Annotated[int | None, typer.Option(help="In contacts, those of the codes included")] = None,
    end: Annotated[str | None, typer.Option(help="The last day that counts: 2027-02-19 or 30d")] = None,
    signer: Annotated[
        str | None, typer.Option(help="Whose key signs statements and tickets: an account, or its address")
    ] = None,
    start: Annotated[str | None, typer.Option(help="The first day (default: today)")] = None,
    claim_until: Annotated[
        str | None, typer.Option(help="The last day of claims (default: 30 days after the end)")
    ] = None,
    contacts: Annotated[int | None, typer.Option(help="Of one account at most")] = None,
    per_day: Annotated[
        int | None, typer.Option(help="Of one account in a day (default: no bound); codes too")
    ] = None,
    codes: Annotated[int | None, typer.Option(help="How many codes there are")] = None,
    codes_per_account: Annotated[
        int | None, typer.Option(help="Codes of one account (default: no bound)")
    ] = None,
    root_delay: Annotated[
        int | None, typer.Option(help="Days until a root takes effect, 1 to 7", show_default="2")
    ] = None,
    credentials: Annotated[
        str | None, typer.Option(help="The contract that says whose a pseudonym is, where accounts are such")
    ] = None,
    topic: Annotated[str | None, typer.Option(help="What it is about: food, travel, or a number")] = None,
    channel: Annotated[str | None, typer.Option(help="How it comes: email, web, store, or a number")] = None,
    terms: Annotated[Path | None, typer.Option(help="The text that people read; its hash is fixed")] = None,
    escrow: Annotated[
        bool | None,
        typer.Option("--escrow/--fresh", help="Pay out of what you put in; or issue points (default)"),
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help='Tells it apart from one that was opened in the same words: "May"')
    ] = None,
    wallet: Annotated[
        str,
        typer.Option("--for", help="A contract wallet that is to open and run it, such as a Safe; with -o"),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A new .json file: the wallet's transactions, for Safe's Transaction Builder",
        ),
    ] = None,
) -> None:
    """Open a campaign: shown in words before anything is sent. Cut off and run again, it goes on."""
    from troc.attention import drafting
    from troc.client import Troc

    session = session_of(context)
    given = {
        "price": price,
        "budget": budget,
        "end": end,
        "signer": signer,
        "start": start,
        "claim_until": claim_until,
        "contacts": contacts,
        "per_day": per_day,
        "codes": codes,
        "codes_per_account": codes_per_account,
        "root_delay": root_delay,
        "credentials": credentials,
        "topic": topic,
        "channel": channel,
        "terms": None if terms is None else drafting.hash_of_terms(terms),
        "escrow": escrow,
        "reference": reference,
    }
    wanted = _wanted(file, given)
    if bool(wallet) != (output is not None):
        raise InputError("a wallet's transactions go into a file", "name both --for and -o")
    if output is not None and (output.suffix.lower() != ".json" or output.exists()):
        raise InputError(f"{output} cannot be a new .json file", "choose another name")
    if wallet:
        troc = Troc(session.chain, session.manifest, session.address_of(wallet, "--for"))
    else:
        troc = troc_of(session)
    rewards = troc.attention
    draft = drafting.take_up(troc, wanted, session.address_of(wanted.signer, "signer"))
    id_ = rewards.id_of(draft.terms)
    if draft.opened is not None:
        session.result(
            campaign_form(draft.opened) | {"sent": False},
            f"It is open already: {draft.opened.name}. For another in the same words, give it a --reference.",
        )
        return
    rewards.check_open(draft.terms, wanted.budget)
    lines = drafting.before_opening(rewards, draft.terms, wanted.budget)
    if draft.begun:
        lines.append("An earlier run agreed to this and did not finish; --reference begins another.")
    if wallet:
        lines.append(f"{troc.address} opens it, by transactions of its own.")
    text = "\n".join(lines)
    preview = {
        "campaign": "0x" + id_.hex(),
        "terms": draft.terms.to_json(),
        "budget": wanted.budget,
        "words": text,
    }
    if output is not None:
        calls = rewards.opening(draft.terms, wanted.budget)
        if agreed(session, text, preview, f"Write what {troc.address} is to send?"):
            draft.keep()
            _write_batch(session, output, calls, troc.address, id_)
            session.result(
                preview | {"sent": False, "file": str(output), "transactions": len(calls)},
                f"{words.count(len(calls), 'transaction')} of {troc.address} in {output}: it is open once all"
                " are sent, in their order.",
            )
        return
    if not agreed(session, text, preview, "Open it?"):
        return
    draft.keep()
    opened = rewards.open(draft.terms, wanted.budget, session.say)
    session.result(
        campaign_form(opened) | {"sent": True}, f"It is open: name it by {opened.short} from now on."
    )


def _write_batch(
    session: Session, path: Path, calls: Sequence[ContractFunction], wallet: str, id_: bytes
) -> None:
    """A batch in the form of Safe's Transaction Builder, version 1.0."""
    from troc.files import write_file

    batch = {
        "version": "1.0",
        "chainId": str(session.chain.chain_id),
        "createdAt": session.chain.now() * 1_000,
        "meta": {"name": f"Open the campaign 0x{id_.hex()}", "createdFromSafeAddress": wallet},
        "transactions": [
            {"to": call.address, "value": "0", "data": call._encode_transaction_data()} for call in calls
        ],
    }
    write_file(path, (json.dumps(batch, indent=2) + "\n").encode())


def _wanted(file: Path | None, given: dict[str, Any]) -> Wanted:
    from troc.attention.drafting import Wanted

    if file is not None:
        return Wanted.read(file, **given)
    return Wanted(**{name: value for name, value in given.items() if value is not None})


@campaign_app.command()
def fund(
    context: typer.Context,
    campaign: Named,
    contacts: Annotated[int, typer.Argument(help="By how many contacts the budget grows")],
    up_to: Annotated[
        bool, typer.Option("--up-to", help="Only until so many are left, however often it is run")
    ] = False,
) -> None:
    """Raise the budget of a campaign."""
    session = session_of(context)
    troc = troc_of(session)
    rewards = troc.attention
    found = rewards.find(campaign)
    more = contacts - found.standing.left if up_to else contacts
    if up_to and more <= 0:
        session.result(
            campaign_form(found) | {"sent": False},
            f"{words.count(found.standing.left, 'contact')} are left already.",
        )
        return
    rewards.check_fund(found, more)
    where = "are set aside in its points" if found.terms.fresh else "go into its escrow"
    text = (
        f"{words.count(more, 'contact')} more for {found.short}: {found.worth(more)} {where}, and cannot be"
        f" taken back before {words.moment(found.terms.claim_until)}."
    )
    preview = {"campaign": found.name, "contacts": more, "amount": found.worth(more).as_json()}
    if agreed(session, text, preview, "Raise it?"):
        receipt = rewards.fund(found.id, more, session.say)
        left = rewards.campaign(found.id).standing.left
        session.result(
            preview | {"left": left} | sent_form(receipt),
            f"Raised: {words.count(left, 'contact')} are left.",
        )


@campaign_app.command()
def close(
    context: typer.Context,
    campaign: Named,
    to: Annotated[str, typer.Option(help="Who gets what is left in escrow (default: you)")] = "",
) -> None:
    """After the claims: get back what is left in escrow, or give up what was not issued."""
    session = session_of(context)
    troc = troc_of(session)
    rewards = troc.attention
    found = rewards.find(campaign)
    rewards.check_close(found)
    if rewards.closed(found.id) and not found.standing.left:
        session.result({"campaign": found.name, "sent": False}, "It is closed already.")
        return
    receiver = session.address_of(to, "receiver") if to else troc.address
    if found.terms.fresh:
        text = f"{found.worth(found.standing.left)} that nobody claimed are given up, and free again."
    else:
        text = (
            f"{found.worth(found.standing.left)} that nobody claimed go to {receiver}; points among them that"
            " have expired are gone."
        )
    preview = {"campaign": found.name, "left": found.standing.left, "to": receiver}
    if agreed(session, text, preview, "Close it?"):
        session.result(preview | sent_form(rewards.close(found.id, receiver)), "Closed.")


# ----------------------------------------------------------------------------------------------- looking at


@campaign_app.command("list")
def list_(
    context: typer.Context,
    brand: Annotated[
        str, typer.Argument(metavar="[BRAND]", help="Only campaigns that pay these points", show_default="")
    ] = "",
) -> None:
    """List campaigns."""
    session = session_of(context)
    troc = troc_of(session)
    found = troc.attention.campaigns(troc.brand(brand).address if brand else None)
    session.result(
        {"campaigns": [campaign_form(each) for each in found]},
        "\n".join(map(_line, found)) or "There is no campaign yet: `troc attention campaign open`.",
    )


def _line(campaign: Campaign) -> str:
    terms, standing = campaign.terms, campaign.standing
    return (
        f"{campaign.short}  {campaign.price} a contact, {standing.left:,} left, contacts until"
        f" {words.moment(terms.end)}, claims until {words.moment(terms.claim_until)}"
    )


@campaign_app.command()
def status(
    context: typer.Context,
    campaign: Named,
    terms: Annotated[Path | None, typer.Option(help="A text: is it the one that people read?")] = None,
) -> None:
    """Show how a campaign stands: its budget, what it paid, its roots, and who may do what."""
    from troc.attention import drafting

    session = session_of(context)
    troc = troc_of(session)
    rewards = troc.attention
    found = rewards.find(campaign)
    if terms is not None:
        said = drafting.hash_of_terms(terms)
        if said != "0x" + found.terms.terms_hash.hex():
            raise CampaignError(
                f"{terms.name} is not the text that this campaign fixed", "ask the brand for that text"
            )
    now = session.chain.now()
    contacts, codes = rewards.paid_in_all(found.id)
    active, roots = rewards.active_batches(found), rewards.roots(found.id)
    closed = rewards.closed(found.id)
    owner = _owner(troc, found)
    lines = [found.name, *drafting.in_words(rewards, found.terms)]
    if terms is not None:
        lines.append(f"{terms.name} is that text.")
    lines += _budget_lines(found, contacts, codes, active)
    lines += [root_line(root, now) for root in roots]
    lines += _who(found, owner)
    lines.append(_when(found, now, closed))
    session.result(
        campaign_form(found)
        | {
            "paid": {
                "contacts": contacts,
                "codes": codes,
                "amount": found.worth(contacts + codes).as_json(),
            },
            "active_batches": active,
            "roots": [root_form(root, now) for root in roots],
            "closed": closed,
            "over": found.is_over(now),
            "token_owner": owner,
        },
        "\n".join(lines),
    )


def _budget_lines(campaign: Campaign, contacts: int, codes: int, active: list[int]) -> list[str]:
    standing, terms = campaign.standing, campaign.terms
    lines = [
        f"Left: {words.count(standing.left, 'contact')}, {campaign.worth(standing.left)}:"
        f" {standing.reserved:,} reserved, {standing.codes_left:,} for codes, {standing.free:,} free, first"
        " come.",
        f"Paid: {words.count(contacts, 'contact')} and {words.count(codes, 'code')},"
        f" {campaign.worth(contacts + codes)}.",
    ]
    if terms.codes:
        on = f"{len(active):,} of {words.count(terms.batches, 'batch', 'batches')}"
        lines.append(f"Active: {on}" + (f" ({_spans(active)})." if active else "."))
    return lines


def _spans(numbers: list[int]) -> str:
    """`0-2, 5`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def root_line(root: Root, now: int) -> str:
    """A root in words."""
    if root.withdrawn:
        state = "withdrawn"
    elif root.is_in_effect(now):
        state = f"in effect since {words.moment(root.effect_from)}"
    else:
        state = f"takes effect {words.moment(root.effect_from)}, and can be withdrawn until then"
    return f"Root {root.name}: {state}."


def _who(campaign: Campaign, owner: str) -> list[str]:
    standing = campaign.standing
    runs = "enrols, activates batches, appends roots" + (
        "" if campaign.terms.fresh else ", and gets what is left"
    )
    lines = [f"{standing.admin} runs it: {runs}."]
    if standing.next_admin != ZERO_ADDRESS:
        lines.append(f"It is offered to {standing.next_admin}, who has not accepted yet.")
    if campaign.terms.fresh:
        lines.append(f"{owner} raises its budget: the owner of its points.")
    else:
        lines.append("Anybody may raise its budget.")
    return lines


def _when(campaign: Campaign, now: int, closed: bool) -> str:
    until = words.moment(campaign.terms.claim_until)
    if closed and not campaign.standing.left:
        return f"The claims ended on {until}, and it is closed."
    if campaign.is_over(now):
        return f"The claims ended on {until}: it can be closed."
    return f"Claims come until {until}; it can be closed after that."


def _owner(troc: Troc, campaign: Campaign) -> str:
    """Who raises the budget where points are issued; else empty."""
    if not campaign.terms.fresh:
        return ""
    brand = troc.brand(campaign.terms.token)
    return str(troc.chain.call(troc.brands.token(brand).functions.owner()))


def campaign_form(campaign: Campaign) -> dict[str, Any]:
    """A campaign for programs."""
    return {
        "campaign": campaign.name,
        "terms": campaign.terms.to_json(),
        "price": campaign.price.as_json(),
        "standing": campaign.standing._asdict(),
    }


def root_form(root: Root, now: int) -> dict[str, Any]:
    """A root for programs."""
    return {
        "root": root.name,
        "effect_from": root.effect_from,
        "withdrawn": root.withdrawn,
        "in_effect": root.is_in_effect(now),
    }


# ----------------------------------------------------------------------------------------------- handing over


@admin_app.command()
def offer(
    context: typer.Context,
    campaign: Named,
    to: Annotated[str, typer.Argument(help="Who shall run it; `nobody` takes an offer back")],
) -> None:
    """Offer a campaign to another admin, who accepts it."""
    session = session_of(context)
    rewards = troc_of(session).attention
    found = rewards.find(campaign)
    rewards.check_admin(found)
    receiver = ZERO_ADDRESS if to == "nobody" else session.address_of(to, "new admin")
    preview = {"campaign": found.name, "to": receiver}
    text = (
        f"The offer of {found.short} is taken back."
        if to == "nobody"
        else f"{receiver} may take over {found.short}, and then runs it alone"
        + ("." if found.terms.fresh else ": what is left in escrow goes where the admin says.")
    )
    if agreed(session, text, preview, "Go on?"):
        session.result(preview | sent_form(rewards.offer(found.id, receiver)), "Done.")


@admin_app.command()
def accept(context: typer.Context, campaign: Named) -> None:
    """Take over a campaign that was offered to you."""
    session = session_of(context)
    rewards = troc_of(session).attention
    found = rewards.find(campaign)
    rewards.check_accept(found)
    preview = {"campaign": found.name, "from": found.standing.admin}
    if agreed(session, f"You run {found.short} from now on.", preview, "Accept it?"):
        session.result(preview | sent_form(rewards.accept(found.id)), "Accepted.")


# -------------------------------------------------------------------------------------------------- enrolling


@app.command()
def enrol(
    context: typer.Context,
    campaign: Named,
    accounts: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|ACCOUNT…", help="Addresses, pseudonyms or names; or a CSV or Parquet file"
        ),
    ],
) -> None:
    """Reserve all contacts that accounts can have. Those enrolled already are passed over."""
    session = session_of(context)
    rewards = troc_of(session).attention
    found = rewards.find(campaign)
    wanted = list(dict.fromkeys(_accounts(session, found.terms, accounts)))
    todo = rewards.not_enrolled(found, wanted)
    reserved = rewards.check_enrol(found, todo)
    before = len(wanted) - len(todo)
    preview = {
        "campaign": found.name,
        "accounts": len(todo),
        "enrolled_before": before,
        "reserved": reserved,
        "free_after": found.standing.free - reserved,
    }
    passed = f" {words.count(before, 'account')} had it already." if before else ""
    if not todo:
        nothing = preview | {"sent": False, "transactions": []}
        session.result(nothing, f"Nothing was left to do.{passed}")
        return
    text = (
        f"{words.count(reserved, 'contact')} are reserved for {words.count(len(todo), 'account')},"
        f" {found.worth(reserved)}, for good; {found.standing.free - reserved:,} stay free.{passed}"
    )
    if found.terms.contacts < found.terms.max_contacts:
        text += (
            f"\nCareful: of {found.terms.max_contacts:,} contacts of an account only"
            f" {found.terms.contacts:,} can ever be claimed, and the others are set aside too."
        )
    if not agreed(session, text, preview, "Enrol them?"):
        return
    with progress_bar(session, "Enrolling", len(todo)) as step:
        receipts, done = rewards.enrol(found.id, todo, step)
    session.result(
        preview | {"sent": True, "transactions": [each.transaction for each in receipts]},
        f"Enrolled {words.count(done, 'account')} in {words.count(len(receipts), 'transaction')}.",
    )


def _accounts(session: Session, terms: Terms, texts: Iterable[str]) -> list[bytes]:
    found: list[bytes] = []
    for text in texts:
        if not text.startswith("0x") and Path(text).is_file():
            found += _accounts_of_file(Path(text))
        else:
            found.append(account_of(session, text))
    return found


def account_of(session: Session, text: str) -> bytes:
    """The account that a person meant: an address or its name, or a pseudonym."""
    from troc.attention import contacts

    if re.fullmatch(r"0x[0-9a-fA-F]{64}", text):
        return bytes.fromhex(text[2:])
    return contacts.account_of(session.address_of(text, "account"))


def _accounts_of_file(path: Path) -> list[bytes]:
    from troc.attention.roots import read_accounts

    return read_accounts(path)


@app.command()
def activate(
    context: typer.Context,
    campaign: Named,
    batches: Annotated[
        list[str], typer.Argument(metavar="BATCH…", help="Numbers of batches of 1,000: 0, 3-7, or all")
    ],
) -> None:
    """Make batches of codes claimable, for good. Do it once their sheets are where they belong."""
    session = session_of(context)
    rewards = troc_of(session).attention
    found = rewards.find(campaign)
    wanted = _batches(found.terms, batches)
    todo = rewards.not_active(found, wanted)
    codes = sum(min(1_000, found.terms.codes - batch * 1_000) for batch in todo)
    preview = {"campaign": found.name, "batches": todo, "codes": codes}
    if not todo:
        session.result(preview | {"sent": False}, "All of them are active.")
        return
    text = (
        f"{words.count(codes, 'code')} of {'batch' if len(todo) == 1 else 'batches'} {_spans(todo)} become"
        f" cash, {found.worth(codes)}, for whoever has them. This cannot be undone."
    )
    if not agreed(session, text, preview, "Activate them?"):
        return
    receipt = rewards.activate(found.id, todo)
    session.result(preview | (sent_form(receipt) if receipt else {"sent": False}), "Activated.")


def _batches(terms: Terms, texts: Iterable[str]) -> list[int]:
    found: list[int] = []
    for text in texts:
        span = re.fullmatch(r"(\d{1,7})(?:-(\d{1,7}))?", text.strip(), re.ASCII)
        if text == "all":
            found += range(terms.batches)
        elif span is not None:
            first, last = int(span[1]), int(span[2] or span[1])
            if last < first or last - first >= _MOST_BATCHES:
                raise InputError(f"{text!r} is no span of batches", "write the smaller number first: 3-7")
            found += range(first, last + 1)
        else:
            raise InputError(f"{text!r} is no batch", "write numbers, as in 0 3-7, or all")
    return list(dict.fromkeys(found))
