"""`troc brand members`: who belongs to a programme, kept off the chain."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troc import words
from troc.brands import Brand
from troc.cli.acting import agreed, amount_form, troc_of
from troc.cli.session import Session, session_of
from troc.client import Troc
from troc.errors import InputError
from troc.network import setting

if TYPE_CHECKING:
    from troc.programme.members import Member
    from troc.programme.programme import Programme

app = typer.Typer(
    no_args_is_help=True, help="Members: cards, addresses, consent, claims; encrypted, off chain."
)

BrandName = Annotated[str, typer.Argument(metavar="BRAND", help="Symbol, proven domain or address")]
Card = Annotated[str, typer.Argument(metavar="CARD", help="The card's number")]
Database = Annotated[str, typer.Option(help="URL of the brand's database (default: a file of its own)")]
_OPTION = "--members-password-file"
PasswordFile = Annotated[
    Path | None, typer.Option(help="File with the passphrase of the members (default: you are asked)")
]
_Reason = Annotated[str, typer.Option(help="Why, for the journal")]


@dataclass(frozen=True)
class Desk:
    """One command's way to a programme: who acts, for which brand."""

    session: Session
    troc: Troc
    brand: Brand
    programme: Programme

    @property
    def actor(self) -> str:
        """Who acts, for the journal."""
        return actor_of(self.session)


def need_store() -> None:
    """Say what to install where there are no databases, before a part that uses them is loaded."""
    import troc.store  # noqa: F401


def actor_of(session: Session) -> str:
    """The account that was named, else who is logged in."""
    return session.options.account or setting("TROC_ACCOUNT") or getpass.getuser()


def desk_of(context: typer.Context, brand: str, database: str, password_file: Path | None) -> Desk:
    """Open a brand's programme with its passphrase."""
    need_store()
    from troc.programme.programme import open_programme

    session = session_of(context)
    troc = troc_of(session)
    found = troc.brand(brand)
    passphrase = session.passphrase(
        "the members",
        password_file,
        _OPTION,
        f"Passphrase of the members of {found.symbol}: ",
    )
    return Desk(session, troc, found, open_programme(session.chain, found, passphrase, database))


def _new_passphrase(session: Session, file: Path | None) -> str:
    return session.new_passphrase("the members", file, _OPTION)


def units_of(text: str, brand: Brand) -> int:
    """Smallest units of an amount in whole points."""
    return words.to_units(words.parse_amount(text), brand.decimals, brand.symbol)


def _dry(session: Session, data: dict[str, Any], text: str) -> bool:
    if session.options.dry_run:
        session.result(data | {"written": False}, f"{text}\nNothing was written.")
    return session.options.dry_run


def _form(member: Member) -> dict[str, Any]:
    return {**vars(member), "details": dict(member.details)}


def _line(member: Member) -> str:
    parts = [member.card, member.address or "no address"]
    parts += [f"household {member.household}"] if member.household else []
    parts += [member.status] if member.status else []
    return "  ".join(parts)


def _details(pairs: Iterable[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name.strip():
            raise InputError(f"{pair!r} is no detail", "write it as in name=Jo")
        found[name.strip()] = value.strip()
    return found


# ------------------------------------------------------------ the database


@app.command()
def init(
    context: typer.Context,
    brand: BrandName,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Make the database of a brand's members, with a passphrase."""
    need_store()
    from troc.programme.vault import Vault, open_brand_store

    session = session_of(context)
    found = troc_of(session).brand(brand)
    if _dry(session, {"token": found.address}, f"The members of {found.title} get a database."):
        return
    store = open_brand_store(session.chain, found, database)
    Vault.create(store, _new_passphrase(session, members_password_file))
    shown = store.engine.url.render_as_string(hide_password=True)
    session.result(
        {"token": found.address, "database": shown},
        f"The members of {found.title} are kept in {shown}. Without the passphrase nobody can read them: keep"
        " it apart from the database, and copies of both.",
    )


@app.command()
def passphrase(
    context: typer.Context,
    brand: BrandName,
    new_password_file: Annotated[
        Path | None, typer.Option(help="File with the new passphrase (default: you are asked)")
    ] = None,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Change the passphrase. Copies of the database from before open with the old one."""
    desk = desk_of(context, brand, database, members_password_file)
    if _dry(desk.session, {}, "The passphrase would be changed."):
        return
    desk.programme.members.vault.change_passphrase(_new_passphrase(desk.session, new_password_file))
    desk.session.result({"changed": True}, "The passphrase is changed.")


@app.command()
def scrub(
    context: typer.Context,
    brand: BrandName,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Rewrite the database, so that nothing of what was erased is left in its files."""
    desk = desk_of(context, brand, database, members_password_file)
    desk.programme.store.scrub()
    desk.session.result({"scrubbed": True}, "The database is rewritten.")


# ------------------------------------------------------------ members


@app.command()
def add(
    context: typer.Context,
    brand: BrandName,
    card: Card,
    household: Annotated[str, typer.Option(help="Cards of one household have the same")] = "",
    status: Annotated[str, typer.Option(help="The brand's own word: gold, staff, …")] = "",
    detail: Annotated[list[str] | None, typer.Option(help="name=value, any number of times")] = None,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Add a member by her card."""
    from troc.programme.members import NewMember

    desk = desk_of(context, brand, database, members_password_file)
    new = NewMember(card, household, status, _details(detail or ()))
    if _dry(desk.session, {"card": card}, f"{card} would be added."):
        return
    member = desk.programme.members.add(new, desk.actor)
    desk.session.result(_form(member), f"{member.card} is a member of {desk.brand.name}.")


@app.command("add-all")
def add_all(
    context: typer.Context,
    brand: BrandName,
    file: Annotated[Path, typer.Argument(help="CSV or Parquet with a column card; others are not read")],
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Add a member for each card of a file, such as `earn --unclaimed` wrote. Who is one stays as she is."""
    from troc.programme.members import NewMember
    from troc.programme.moving import read_cards

    desk = desk_of(context, brand, database, members_password_file)
    cards = read_cards(file)
    known = desk.programme.members.ids_of(cards)
    new = [NewMember(card) for card, number in zip(cards, known, strict=True) if number is None]
    before = len(cards) - len(new)
    said = f" {words.count(before, 'card')} had a member before." if before else ""
    if _dry(desk.session, {"cards": len(new)}, f"{words.count(len(new), 'member')} would be added.{said}"):
        return
    desk.programme.members.add_many(new, desk.actor)
    desk.session.result(
        {"added": len(new), "before": before},
        f"{words.count(len(new), 'member')} added to {desk.brand.name}.{said}",
    )


@app.command()
def change(
    context: typer.Context,
    brand: BrandName,
    card: Card,
    household: Annotated[str | None, typer.Option(help="Another household")] = None,
    status: Annotated[str | None, typer.Option(help="Another status")] = None,
    detail: Annotated[list[str] | None, typer.Option(help="name=value; name= takes it away")] = None,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Correct what is kept of a member."""
    desk = desk_of(context, brand, database, members_password_file)
    if _dry(desk.session, {"card": card}, f"{card} would be changed."):
        return
    member = desk.programme.members.update(
        card, desk.actor, household=household, status=status, details=_details(detail or ())
    )
    desk.session.result(_form(member), _line(member))


@app.command("list")
def list_(
    context: typer.Context,
    brand: BrandName,
    household: Annotated[str, typer.Option(help="Only of this household")] = "",
    purpose: Annotated[str, typer.Option(help="Only who agrees to this purpose")] = "",
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Show the members."""
    desk = desk_of(context, brand, database, members_password_file)
    members = desk.programme.members
    found = list(members.household(household) if household else members.all())
    if purpose:
        agreeing = {member.id for member in members.agreed(purpose)}
        found = [member for member in found if member.id in agreeing]
    desk.session.result(
        {"members": [_form(member) for member in found]},
        "\n".join(map(_line, found)) or "There are no such members.",
    )


@app.command()
def find(
    context: typer.Context,
    brand: BrandName,
    who: Annotated[str, typer.Argument(metavar="CARD|ADDRESS", help="A card, or an address that cards feed")],
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Show one member, or all whose cards feed an address."""
    desk = desk_of(context, brand, database, members_password_file)
    members, claims = desk.programme.members, desk.programme.claims
    found = members.find_all(who) or [members.find(who)]
    lines, forms = [], []
    for member in found:
        claim, debt = claims.of(member.card), desk.programme.debts.debt_of(member.card)
        consents = members.consents(member)
        lines.append(_line(member))
        lines += [f"  {name}: {value}" for name, value in member.details.items()]
        lines += [f"  {desk.brand.text(units)} kept until {_until(expiry)}" for units, expiry in claim]
        lines += [f"  owes {desk.brand.text(debt)}"] if debt else []
        lines += [
            f"  {consent.purpose}: agreed {words.day(consent.given)} ({consent.given_how})"
            + ("" if consent.withdrawn is None else f", withdrawn {words.day(consent.withdrawn)}")
            for consent in consents
        ]
        forms.append(
            _form(member)
            | {
                "claim": [amount_form(desk.brand, units) | {"expiry": expiry} for units, expiry in claim],
                "debt": amount_form(desk.brand, debt),
                "consents": [vars(consent) for consent in consents],
            }
        )
    desk.session.result({"members": forms}, "\n".join(lines))


@app.command()
def consent(
    context: typer.Context,
    brand: BrandName,
    card: Card,
    purpose: Annotated[str, typer.Argument(help="What she agrees to: newsletter, profiling, …")],
    how: Annotated[str, typer.Option(help="How she said it: form 17, by phone, …")],
    withdraw: Annotated[bool, typer.Option("--withdraw", help="She no longer agrees")] = False,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Note that a member agrees to a purpose, or no longer does."""
    desk = desk_of(context, brand, database, members_password_file)
    said = f"{card} {'no longer agrees' if withdraw else 'agrees'} to {purpose}."
    data = {"card": card, "purpose": purpose, "agrees": not withdraw}
    if _dry(desk.session, data, said):
        return
    members = desk.programme.members
    if withdraw:
        members.withdraw(card, purpose, how, desk.actor)
    else:
        members.consent(card, purpose, how, desk.actor)
    desk.session.result(data, said)


# ------------------------------------------------------------ addresses


@app.command()
def invite(
    context: typer.Context,
    brand: BrandName,
    card: Card,
    address: Annotated[str, typer.Argument(help="The address that the card is to feed")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File for its holder to sign")],
    until: Annotated[str, typer.Option(help="Until when she can sign: 2027-02-19 or 30d")] = "30d",
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Write what the holder of an address signs (`troc points link`), so that a card feeds it."""
    from troc.programme.linking import write_link

    desk = desk_of(context, brand, database, members_password_file)
    deadline = words.parse_until(until, desk.session.chain.now())
    message = desk.programme.members.link_message(card, address, deadline)
    write_link(output, message, desk.session.chain.chain_id)
    desk.session.result(
        message.to_json() | {"file": str(output)},
        f"Have the holder of {message.holder} sign {output} until {words.moment(deadline)}:"
        f" `troc points link {output}`.",
    )


def sign_link(
    context: typer.Context, file: Annotated[Path, typer.Argument(help="What the brand gave you to sign")]
) -> None:
    """Sign that a brand's card feeds your address; then give the file back to the brand."""
    from troc.messages import sign
    from troc.programme.linking import link_domain, read_link, write_link

    session = session_of(context)
    message, chain_id, _ = read_link(file)
    found = troc_of(session).brand(message.token)
    if chain_id != session.chain.chain_id:
        raise InputError(f"{file} is for chain {chain_id}", "use --network with that chain's name")
    text = (
        f"Points of a card of {found.title} will go to {message.holder}. The brand will know that this"
        f" address is yours. It can use your signature until {words.moment(message.deadline)}."
    )
    if not agreed(session, text, message.to_json(), "Sign it?"):
        return
    signature = sign(message, link_domain(chain_id, message.token), session.signer)
    write_link(file, message, chain_id, signature)
    session.result(message.to_json() | {"file": str(file)}, f"Signed. Give {file} to {found.name}.")


@app.command()
def link(
    context: typer.Context,
    brand: BrandName,
    card: Card,
    file: Annotated[Path, typer.Argument(help="The message that the address's holder signed")],
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Let a card feed the address whose holder signed for it."""
    from troc.programme.linking import read_link

    desk = desk_of(context, brand, database, members_password_file)
    message, _, signature = read_link(file)
    if _dry(desk.session, {"card": card}, f"{card} would feed {message.holder}."):
        return
    member = desk.programme.members.link(desk.session.chain, card, message, signature, desk.actor)
    kept = sum(units for units, _ in desk.programme.claims.of(card))
    text = f"{card} feeds {member.address}."
    if kept:
        text += f" {desk.brand.text(kept)} are kept for her: `troc brand members pay {brand}` pays them out."
    desk.session.result(_form(member) | {"kept": amount_form(desk.brand, kept)}, text)


@app.command()
def unlink(
    context: typer.Context,
    brand: BrandName,
    card: Card,
    reason: _Reason,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Let a card feed no address any more."""
    desk = desk_of(context, brand, database, members_password_file)
    if _dry(desk.session, {"card": card}, f"{card} would feed no address any more."):
        return
    member = desk.programme.members.unlink(card, reason, desk.actor)
    desk.session.result(_form(member), f"{card} feeds no address any more; her points are kept as a claim.")


# ------------------------------------------------------------ claims and debts


@app.command()
def claims(
    context: typer.Context,
    brand: BrandName,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Show what is kept for members without an address, and what is owed by customers."""
    desk = desk_of(context, brand, database, members_password_file)
    books, debt = desk.programme.claims.books(), desk.programme.debts.total()
    number = desk.brand.number
    lines = [
        f"Earned {number(books.earned)} = unclaimed {number(books.unclaimed)} + paid {number(books.paid)}"
        f" + lapsed {number(books.lapsed)} + reduced {number(books.reduced)}"
        f" + given up {number(books.given_up)}."
    ]
    lines += [f"  Unclaimed {number(units)} until {_until(expiry)}." for units, expiry in books.by_expiry]
    lines += [f"Customers owe {number(debt)}."] if debt else []
    names = ("earned", "unclaimed", "paid", "lapsed", "reduced", "given_up")
    desk.session.result(
        {name: str(getattr(books, name)) for name in names}
        | {
            "debt": str(debt),
            "by_expiry": [amount_form(desk.brand, units) | {"expiry": at} for units, at in books.by_expiry],
        },
        "\n".join(lines),
    )


@app.command()
def pay(
    context: typer.Context,
    brand: BrandName,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Pay out claims of members who have an address. Stopped and run again, it pays nobody twice."""
    desk = desk_of(context, brand, database, members_password_file)
    members, units = desk.programme.claims.due()
    preview = {"due": amount_form(desk.brand, units), "members": members}
    text = f"{desk.brand.text(units)} are due to {words.count(members, 'member')} with an address."
    if not agreed(desk.session, text, preview, "Pay them?"):
        return
    token = desk.troc.brands.token(desk.brand)
    report = desk.programme.claims.pay(desk.session.chain, token, desk.troc.signer)
    text = (
        f"Paid {desk.brand.text(report.units)} to {words.count(report.recipients, 'address', 'addresses')}."
        if report.transactions
        else "Nothing was left to pay."
    )
    if report.units_before:
        text += f" {desk.brand.text(report.units_before)} were paid by an earlier run."
    if report.units_lapsed:
        text += f" {desk.brand.text(report.units_lapsed)} had expired before they could be paid."
    desk.session.result(
        {
            "paid": amount_form(desk.brand, report.units),
            "recipients": report.recipients,
            "paid_before": amount_form(desk.brand, report.units_before),
            "lapsed": amount_form(desk.brand, report.units_lapsed),
            "transactions": list(report.transactions),
        },
        text,
    )


@app.command()
def debt(
    context: typer.Context,
    brand: BrandName,
    who: Annotated[str, typer.Argument(metavar="CARD|ADDRESS", help="Who owes it")],
    amount: Annotated[str, typer.Argument(help="How many whole points")],
    reference: Annotated[str, typer.Option(help="The refund that came too late; it counts once")],
    reason: _Reason,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Note a debt: points for goods that came back too late. It is netted against later earnings."""
    desk = desk_of(context, brand, database, members_password_file)
    units = units_of(amount, desk.brand)
    if _dry(desk.session, {"who": who}, f"{who} would owe {desk.brand.text(units)}."):
        return
    new = desk.programme.debts.record_debt(who, units, reference, reason, desk.actor)
    owed = desk.programme.debts.debt_of(who)
    text = (
        f"{who} owes {desk.brand.text(owed)}; nothing is taken from her, it is netted against what she earns."
    )
    desk.session.result(
        {"new": new, "debt": amount_form(desk.brand, owed)},
        text if new else f"{reference} was noted before. {text}",
    )


@app.command()
def check(
    context: typer.Context,
    brand: BrandName,
    head: Annotated[Path | None, typer.Option(help="A head of before, as `journal head -o` wrote it")] = None,
    begin: Annotated[
        bool, typer.Option("--begin", help="For a database of an earlier version: take it as it stands now")
    ] = False,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Check that nobody without the passphrase changed, removed, added or put back anything."""
    desk = desk_of(context, brand, database, members_password_file)
    from troc.programme.journal import Head

    if begin:
        text = (
            "The database as it stands now is what later changes are told from; what was changed before can"
            " not be told any more."
        )
        if not agreed(desk.session, text, {}, "Is it as you left it?"):
            return
        desk.programme.begin_again(desk.actor)
    rows = desk.programme.check(Head.read(head) if head else None)
    text = f"{words.count(rows, 'row')} of members, claims and debts are as they were written."
    if head is None:
        text += (
            " Whether all of it was put back to an earlier day shows only against a head of before (--head)."
        )
    desk.session.result({"rows": rows, "anchored": head is not None}, text)


# ------------------------------------------------------------ her rights


@app.command()
def export(
    context: typer.Context,
    brand: BrandName,
    card: Card,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A new file (default: shown)")] = None,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Everything that is known of one member, as JSON for her."""
    desk = desk_of(context, brand, database, members_password_file)
    data = desk.programme.members.export(card)
    if output is None:
        print(json.dumps(data, indent=2))
        return
    if output.exists():
        raise InputError(f"{output} is there already", "choose another name")
    output.touch(mode=0o600)
    output.write_text(json.dumps(data, indent=2) + "\n")
    desk.session.result({"file": str(output)}, f"What is known of {card} is in {output}.")


@app.command()
def erase(
    context: typer.Context,
    brand: BrandName,
    card: Card,
    reason: _Reason,
    give_up: Annotated[
        bool, typer.Option("--give-up", help="She gives up the points that are kept for her")
    ] = False,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Erase one member, and say what stays."""
    desk = desk_of(context, brand, database, members_password_file)
    member = desk.programme.members.find(card)
    text = f"{member.card} and all that is kept of her are erased; the link to her address is cut."
    if not agreed(desk.session, text, {"card": member.card}, "Erase her? This cannot be undone"):
        return
    erased = desk.programme.members.erase(card, reason, desk.actor, give_up=give_up)
    lines = [f"Erased: {words.listed(erased.gone)}.", "What stays:", *(f"  {line}." for line in erased.stays)]
    desk.session.result({"gone": list(erased.gone), "stays": list(erased.stays)}, "\n".join(lines))


def _until(expiry: int) -> str:
    return "for ever" if words.never_expires(expiry) else words.last_day(expiry)
