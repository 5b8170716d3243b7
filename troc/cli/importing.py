"""`troc brand import`: bring a programme over."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from troc import words
from troc.cli.acting import agreed, amount_form, progress_bar, troc_of
from troc.cli.members import Database, PasswordFile, desk_of
from troc.cli.session import session_of
from troc.errors import BrandError, InputError

if TYPE_CHECKING:
    from troc.programme.correcting import Difference
    from troc.programme.importing import Claims, ImportPlan

_SHOWN = 20


def import_members(
    context: typer.Context,
    brand: Annotated[str, typer.Argument(metavar="BRAND", help="Symbol, proven domain or address")],
    file: Annotated[Path, typer.Argument(help="CSV of cards, points and dates")],
    layout: Annotated[
        str, typer.Option("--format", help="Whose export it is: troc, talon-one or salesforce")
    ] = "troc",
    total: Annotated[str, typer.Option(help="The points that the file must come to")] = "",
    undated: Annotated[
        str, typer.Option(help="Last day of points that have no date, such as 2027-06-30")
    ] = "",
    report: Annotated[Path | None, typer.Option(help="Where to write what becomes of each row")] = None,
    unclaimed: Annotated[
        Path | None, typer.Option(help="Where to write the points of cards without an address")
    ] = None,
    members: Annotated[
        bool, typer.Option("--members", help="Keep them with the members of the brand, and add who is new")
    ] = False,
    database: Database = "",
    members_password_file: PasswordFile = None,
    as_of: Annotated[
        str, typer.Option(help="Day of the first run, to take up one whose dates have passed since")
    ] = "",
    reference: Annotated[
        str, typer.Option(help="What these points are for, if an equal file was brought over before")
    ] = "",
    difference: Annotated[
        bool, typer.Option("--difference", help="Send only what was not brought over before, by any file")
    ] = False,
    before: Annotated[
        list[Path] | None,
        typer.Option(help="A file of before: by it a card is known that has another address since"),
    ] = None,
    further: Annotated[
        bool, typer.Option("--further", help="These are further points for whoever was brought some before")
    ] = False,
) -> None:
    """Bring a programme over: points keep their date or a later one. Run again, it pays nobody twice."""
    if members and unclaimed:
        raise InputError("points are kept once", "use --members or --unclaimed")
    if difference and further:
        raise InputError("these points are missing, or further ones", "use --difference or --further")
    from troc.programme.correcting import earlier_imports
    from troc.programme.importing import plan_import, send_import, write_claims, write_rows

    session = session_of(context)
    troc = troc_of(session)
    found = troc.brand(brand)
    read = partial(
        plan_import,
        brand=found,
        now=words.parse_day(as_of) if as_of else session.chain.now(),
        layout=layout,
        undated=undated,
        forbidden=(found.address, session.manifest.address("PointsExchange")),
        reference=reference,
    )
    plan = read(file, total=words.parse_amount(total) if total else None)
    whole = plan
    files = [read(each) for each in before or ()]
    desk = desk_of(context, found.address, database, members_password_file) if members else None
    text = _text(plan)
    told: dict[str, Any] = {}
    if difference:
        if session.chain.has_unmined(troc.sender.address):
            raise BrandError(
                "transactions of the brand are under way, and what they bring over cannot be seen yet",
                "wait until they are in a block",
            )
        missing = earlier_imports(
            troc.brands, plan, desk.programme.claims if desk else None, files
        ).difference()
        plan = missing.plan
        text = _difference_text(missing, whole)
        told["brought_before"] = amount_form(found, missing.before) | {
            "less": str(missing.less),
            "elsewhere": str(missing.elsewhere),
        }
    elif not further:
        earlier_imports(troc.brands, plan, desk.programme.claims if desk else None, files).refuse_twice()
    if report:
        write_rows(report, plan)
    kept = None
    claims: Claims | None = _ClaimsFile(unclaimed, whole) if unclaimed else None
    if unclaimed and session.options.dry_run:
        write_claims(unclaimed, whole)
    if not session.options.as_json:
        session.console.print(_table(plan))
    if not agreed(session, text, _form(plan) | told, "Bring them over?"):
        return
    if desk is not None:
        from troc.programme.moving import KeptImport

        claims = kept = KeptImport(desk.programme, plan, desk.actor)
        kept.add_members()
    with progress_bar(session, "Issuing", sum(len(of) for of in plan.issued.values())) as step:
        done = send_import(troc.brands, plan, troc.sender, claims, step)
    if kept is not None:
        kept.note(done.units, done.recipients, done.transactions)
    said = f"Issued {found.text(done.units)} to {words.count(done.recipients, 'recipient')}."
    if done.recipients_before:
        said += f" {found.text(done.units_before)} were issued by an earlier run."
    if plan.claimed_units:
        said += (
            f" {found.text(plan.claimed_units)} wait {'with the members' if members else f'in {unclaimed}'}."
        )
    session.result(
        _form(plan)
        | told
        | {
            "sent": bool(done.transactions),
            "issued_now": amount_form(found, done.units),
            "issued_before": amount_form(found, done.units_before),
            "transactions": list(done.transactions),
        },
        said,
    )


class _ClaimsFile:
    """Keeps claims in a file, all of them at once."""

    def __init__(self, path: Path, plan: ImportPlan) -> None:
        self._path = path
        self._plan = plan

    def add_many(self, rows: Any) -> int:
        """See `Claims`."""
        from troc.programme.importing import write_claims

        write_claims(self._path, self._plan)
        return len(rows)


def _text(plan: ImportPlan) -> str:
    brand = plan.brand
    return (
        f"{words.count(len(plan.rows), 'row')} with {brand.text(plan.units)}:"
        f" {brand.text(plan.issued_units)} are issued, {brand.text(plan.claimed_units)} wait for an address."
    )


def _difference_text(missing: Difference, whole: ImportPlan) -> str:
    plan = missing.plan
    text = plan.brand.text
    lines = [
        f"Of {text(whole.units)} in the file, {text(missing.before)} were brought over before.",
        f"Missing: {_text(plan)}" if plan.units else "Nothing is missing.",
    ]
    if missing.less:
        lines.append(f"{text(missing.less)} more than in the file were brought over before: they stay.")
    if missing.elsewhere:
        lines.append(
            f"{text(missing.elsewhere)} were brought over to addresses that are not in the file: if a card"
            " has another address now, what it had on the old one is sent once more, unless --before names"
            " the file that had it."
        )
    return "\n".join(lines)


def _table(plan: ImportPlan) -> Table:
    table = Table("line", "card", "points", "goes to", "date", box=None, pad_edge=False)
    for row in plan.rows[:_SHOWN]:
        where = f"claim ({row.held})" if row.held else words.short(row.address)
        table.add_row(str(row.line), row.card, plan.brand.number(row.units), where, row.kept)
    if len(plan.rows) > _SHOWN:
        table.add_row("…", f"{len(plan.rows) - _SHOWN:,} more", "", "", "--report FILE writes all")
    return table


def _form(plan: ImportPlan) -> dict[str, Any]:
    brand = plan.brand
    return {
        "rows": len(plan.rows),
        "total": amount_form(brand, plan.units),
        "issued": amount_form(brand, plan.issued_units),
        "claims": amount_form(brand, plan.claimed_units),
        "lots": [
            {"epoch": epoch, "expiry": brand.expiry_of(epoch)}
            | amount_form(brand, sum(payout.units for payout in of))
            for epoch, of in plan.issued.items()
        ],
        "each": [
            {
                "line": row.line,
                "card": row.card,
                "address": row.address or None,
                "units": str(row.units),
                "good_until": row.good_until,
                "expiry": row.expiry,
                "held": row.held,
            }
            for row in plan.rows
        ],
    }
