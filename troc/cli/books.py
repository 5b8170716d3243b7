"""The books: what a brand owes, its journal by month, statements of customers, its report."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troc import words
from troc.brands import Brand
from troc.cli.acting import amount_form, brand_form, mind, troc_of
from troc.cli.members import BrandName, Database, PasswordFile, desk_of, need_store
from troc.cli.session import Session, session_of
from troc.domains import proof_url
from troc.errors import InputError
from troc.messages import to_address

if TYPE_CHECKING:
    from fractions import Fraction

    from troc.programme.books import Books, Entry, Journal, Period, Value
    from troc.programme.statement import Statement

_Members = Annotated[
    bool, typer.Option("--members", help="Add what is kept for members and what customers owe")
]
_Index = Annotated[
    str, typer.Option("--index", help="URL of the index (default: a file in the folder of the chain)")
]
_At = Annotated[str, typer.Option(help="The end of this day, such as 2027-02-28 (default: now)")]
_From = Annotated[str, typer.Option("--from", help="First day, such as 2027-02-01")]
_To = Annotated[str, typer.Option("--to", help="Last day, such as 2027-02-28")]
_Value = Annotated[str, typer.Option(help="What a whole point is worth, such as 0.01")]
_Currency = Annotated[str, typer.Option(help="Of that worth, in three letters")]
_Rate = Annotated[
    str, typer.Option("--breakage", help="Share that is never redeemed, such as 0.12 (default: as it showed)")
]


def books_of(context: typer.Context, brand: str | Brand, url: str) -> tuple[Session, Books]:
    """The books of a brand, over an index that is up to date."""
    need_store()
    from troc.index import Index
    from troc.programme.books import Books

    session = session_of(context)
    troc = troc_of(session)
    found = troc.brand(brand)
    index = Index(session.chain, session.manifest, url or None)
    index.catch_up()
    return session, Books(troc, index, found)


# ------------------------------------------------------------------------------------------------- owed


def status(
    context: typer.Context,
    brand: BrandName,
    members: Annotated[
        bool, typer.Option("--members", help="Add claims and debts of members, from the brand's database")
    ] = False,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """How a brand stands: what was issued, what it owes by date, whether its domain agrees."""
    session = session_of(context)
    troc = troc_of(session)
    found = troc.brands.prove(troc.brand(brand))
    state = troc.status(found)
    owed = [(units, expiry) for units, expiry in state.owed if units]
    lines = [
        f"{found.title}, {found.address}",
        f"Points live {words.life(found.epoch_length)}. {state.owner} issues them.",
        f"Issued {found.number(state.issued)} = live {found.number(state.live)}"
        f" + redeemed {found.number(state.redeemed)} + expired {found.number(state.expired)}.",
        *(f"  Owes {found.number(units)} {_until(expiry)}." for units, expiry in owed),
    ]
    if state.pending:
        lines.append(f"Pending, of goods that can be returned: {found.number(state.pending)}.")
    if state.promised:
        lines.append(f"Issuers may still issue {found.number(state.promised)} that are promised.")
    data: dict[str, Any] = brand_form(found) | {
        "owner": state.owner,
        "issued": str(state.issued),
        "live": str(state.live),
        "redeemed": str(state.redeemed),
        "expired": str(state.expired),
        "owed": [amount_form(found, units) | {"expiry": expiry} for units, expiry in owed],
        "pending": str(state.pending),
        "promised": str(state.promised),
    }
    if members or members_password_file is not None:
        desk = desk_of(context, brand, database, members_password_file)
        from troc.programme.books import off_chain

        kept = off_chain(desk.programme, session.chain, troc.brands.token(found))
        total = state.live + state.pending + kept.unclaimed
        lines += [
            f"Kept for members without an address: {found.number(kept.unclaimed)}.",
            *(f"  Owes {found.number(units)} {_until(expiry)}." for units, expiry in kept.by_expiry),
            f"Owed in all: live {found.number(state.live)} + pending {found.number(state.pending)}"
            f" + unclaimed {found.number(kept.unclaimed)} = {found.number(total)}.",
            f"Customers owe {found.number(kept.debts)}, netted against what they earn.",
        ]
        data |= {
            "unclaimed": str(kept.unclaimed),
            "unclaimed_by_date": [
                amount_form(found, units) | {"expiry": expiry} for units, expiry in kept.by_expiry
            ],
            "owed_in_all": str(total),
            "debts": str(kept.debts),
        }
    if found.domain and not found.proven:
        lines.append(
            f"Unproven: {found.domain} was asked just now; {proof_url(found.domain)} does not answer or names"
            " other points."
        )
    lines += [f"Mind: it {note}." for note in mind(troc, found)]
    session.result(data, "\n".join(lines))


def liability(
    context: typer.Context,
    brand: BrandName,
    at: _At = "",
    members: _Members = False,
    database: Database = "",
    members_password_file: PasswordFile = None,
    index: _Index = "",
) -> None:
    """What a brand owes, or owed on a day of the past: live points by date, pending, promised; with --members
    unclaimed ones and debts.
    """
    session, books = books_of(context, brand, index)
    found = books.brand
    owed = books.owed(_end(at) if at else None)
    kept = None
    if members or members_password_file is not None:
        from troc.programme.books import Period, kept_of

        programme = desk_of(context, brand, database, members_password_file).programme
        kept = kept_of(programme, books, Period(0, owed.at + 1))
    number = found.number
    lines = [f"{found.title} on {words.moment(owed.at)}:"]
    lines += [f"  {number(lot.units)} {_until(lot.expiry)}" for lot in owed.lots]
    lines.append(f"  {number(owed.live)} live")
    lines += [f"  {number(units)} pending until {words.moment(due - 1)}" for units, due in owed.pending]
    lines.append(f"  {number(owed.pending_units)} pending")
    if owed.promised is None:
        lines.append("  promised: not known, the node keeps no state of then")
    else:
        lines.append(f"  {number(owed.promised)} promised to issuers with locked grants")
    more: dict[str, str] = {}
    if kept is not None:
        unclaimed, debts = kept.claims.closing, kept.debts.closing
        lines += [
            f"  {number(unclaimed)} unclaimed, kept for members without an address",
            f"  {number(owed.live + owed.pending_units + unclaimed)} owed in all: live, pending, unclaimed",
            f"  {number(debts)} owed by customers, netted against what they earn",
        ]
        more = {"unclaimed": str(unclaimed), "debts": str(debts)}
    if owed.at > books.now:
        lines.append("That day is to come: this is what is left of today's if nothing happens.")
    else:
        lines.append(
            "The token itself says the same."
            if owed.checked
            else "Not held against the token: the node keeps no state of then."
        )
    session.result(
        {
            "token": found.address,
            "at": owed.at,
            "live": str(owed.live),
            "owed": [amount_form(found, lot.units) | {"expiry": lot.expiry} for lot in owed.lots],
            "pending": str(owed.pending_units),
            "pending_by_date": [
                amount_form(found, units) | {"matures_at": due} for units, due in owed.pending
            ],
            "promised": None if owed.promised is None else str(owed.promised),
            "checked": owed.checked,
        }
        | more,
        "\n".join(lines),
    )


def balances(
    context: typer.Context,
    brand: BrandName,
    output: Annotated[Path, typer.Option("--output", "-o", help="A new CSV file")],
    at: _At = "",
    index: _Index = "",
) -> None:
    """Who held what at the end of a day: address, until when it is good, amount. Adds up to the supply."""
    session, books = books_of(context, brand, index)
    found = books.brand
    time = _end(at) if at else books.now
    held = books.balances(time)
    rows = [
        (
            balance.account,
            "" if words.never_expires(lot.expiry) else words.iso_day(lot.expiry - 1),
            _plain(found, lot.units),
            "yes" if balance.exact else "no",
        )
        for balance in held
        for lot in balance.lots
    ]
    _write(output, _csv(("address", "good_until", "amount", "lot_known"), rows))
    total = sum(balance.units for balance in held)
    session.result(
        {"file": str(output), "at": time, "accounts": len(held), "total": amount_form(found, total)},
        f"{words.count(len(held), 'account')} with {found.text(total)} on {words.moment(time)}: {output}.",
    )


# ----------------------------------------------------------------------------------------------- journal


def month(
    context: typer.Context,
    brand: BrandName,
    which: Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2027-02")] = "",
    named: Annotated[str, typer.Option("--month", help="The same as an option")] = "",
    first: _From = "",
    last: _To = "",
    value: _Value = "0.01",
    currency: _Currency = "EUR",
    breakage: _Rate = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A new CSV file")] = None,
    members: _Members = False,
    database: Database = "",
    members_password_file: PasswordFile = None,
    index: _Index = "",
) -> None:
    """The books of a month in the terms of IFRS 15 and ASC 606: issued, redeemed, expired, what is owed, in
    points and in money. Everything is added up against the chain first.
    """
    need_store()
    from troc.programme.books import journal
    from troc.programme.vault import has_members

    if which and named:
        raise InputError("the month is named twice", "name it once")
    period = _period(which or named, first, last)
    worth, rate = _worth(value, currency), _rate(breakage)
    session, books = books_of(context, brand, index)
    books.check_launched(period)
    programme = None
    if members or members_password_file is not None:
        programme = desk_of(context, brand, database, members_password_file).programme
    found = journal(books, period, worth, rate, programme)
    if programme is None and has_members(session.chain, books.brand, database):
        session.say("What is kept for members is not in these books: --members adds it.")
    if output is not None:
        _write(output, _csv(JOURNAL_COLUMNS, journal_rows(found)))
    said = "\n".join(_journal_lines(found))
    session.result(_journal_form(found), said if output is None else f"{said}\nWritten to {output}.")


JOURNAL_COLUMNS = (
    *("token", "from", "to", "section", "figure", "good_until", "points", "full_value", "money"),
    *("currency", "debit", "credit"),
)


def journal_rows(found: Journal) -> list[tuple[str, ...]]:
    """The journal's rows. In `movements` all but the last add up to the last; so do those of a lot in `lots`
    and those of `pending`.
    """
    rolled, value = found.rolled, found.value
    brand = rolled.brand
    head = (brand.address, words.iso_day(rolled.period.since), words.iso_day(rolled.period.until - 1))
    rows: list[tuple[str, ...]] = [
        (
            *(*head, section, entry.figure, "", _plain(brand, entry.units)),
            *(_decimal(entry.full), f"{entry.money}", value.currency, entry.debit, entry.credit),
        )
        for section, entries in (("movements", found.entries), ("kept for members", found.kept_entries))
        for entry in entries
    ]

    def plain(section: str, figure: str, units: int, good_until: str = "") -> None:
        full = _decimal(value.of(brand, units))
        points = _plain(brand, units)
        rows.append((*head, section, figure, good_until, points, full, "", value.currency, "", ""))

    for lot in rolled.lots:
        until = "never expires" if words.never_expires(lot.expiry) else words.iso_day(lot.expiry - 1)
        for figure, units in (
            ("opening balance", lot.opening),
            ("issued", lot.issued),
            ("redeemed less given back", -lot.redeemed),
            ("expired", -lot.expired),
            ("closing balance", lot.closing),
        ):
            plain("lots", figure, units, until)
    pending = rolled.pending
    for figure, units in (
        ("opening balance", pending.opening),
        ("promised for goods that can be returned", pending.issued),
        ("cancelled", -pending.cancelled),
        ("matured", -pending.released),
        ("matured after their lot had expired", -pending.lapsed),
        ("closing balance", pending.closing),
    ):
        plain("pending", figure, units)
    if found.kept is not None:
        debts = found.kept.debts
        for figure, units in (
            ("opening balance", debts.opening),
            ("noted", debts.noted),
            ("netted against earnings", -debts.netted),
            ("closing balance", debts.closing),
        ):
            plain("debts of customers", figure, units)
    plain("memo", "traded between customers", rolled.traded)
    plain("memo", "given between customers", rolled.given)
    if rolled.promised is not None:
        plain("memo", "promised to issuers with locked grants", rolled.promised)
    rows += [(*head, "notes", note, *[""] * 7) for note in found.notes]
    return rows


def _journal_lines(found: Journal) -> list[str]:
    rolled, value = found.rolled, found.value
    brand = rolled.brand
    head = ("points", f"full value {value.currency}", f"liability {value.currency}")

    def shown(title: str, entries: Iterable[Entry]) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [(title, *head)]
        return rows + [
            (entry.figure, _signed(brand, entry.units), _grouped(entry.full), f"{entry.money:,}")
            for entry in entries
        ]

    lines = [f"{brand.title}, {rolled.period.text}", *columns(shown("", found.entries))]
    if found.kept is not None:
        debts = found.kept.debts
        lines += columns(shown("Kept for members", found.kept_entries))
        lines.append(
            f"Customers owe: {brand.number(debts.opening)} + {brand.number(debts.noted)} noted"
            f" - {brand.number(debts.netted)} netted = {brand.number(debts.closing)}."
        )
    if any(vars(rolled.pending).values()):
        pending = rolled.pending
        lines.append(
            f"Pending: {brand.number(pending.opening)} + {brand.number(pending.issued)} promised"
            f" - {brand.number(pending.cancelled)} cancelled - {brand.number(pending.released)} matured"
            f" - {brand.number(pending.lapsed)} lapsed = {brand.number(pending.closing)}."
        )
    return [*lines, *(f"- {note}" for note in found.notes)]


def _entry_form(brand: Brand, entry: Entry) -> dict[str, str]:
    return {
        "figure": entry.figure,
        "units": str(entry.units),
        "points": _plain(brand, entry.units),
        "full_value": _decimal(entry.full),
        "money": str(entry.money),
        "debit": entry.debit,
        "credit": entry.credit,
    }


def _journal_form(found: Journal) -> dict[str, Any]:
    rolled = found.rolled
    brand = rolled.brand
    return {
        "token": brand.address,
        "since": rolled.period.since,
        "until": rolled.period.until,
        "ended": rolled.ended,
        "block": rolled.block,
        "checked": rolled.checked,
        "currency": found.value.currency,
        "value": str(found.value.each),
        "breakage": {"rate": str(found.closed.rate), "reason": found.closed.reason},
        "entries": [_entry_form(brand, entry) for entry in found.entries],
        "kept": None
        if found.kept is None
        else {
            "entries": [_entry_form(brand, entry) for entry in found.kept_entries],
            "debts": {name: str(units) for name, units in vars(found.kept.debts).items()},
        },
        "lots": [{name: str(units) for name, units in vars(lot).items()} for lot in rolled.lots],
        "pending": {name: str(units) for name, units in vars(rolled.pending).items()},
        "promised": None if rolled.promised is None else str(rolled.promised),
        "traded": str(rolled.traded),
        "given": str(rolled.given),
        "notes": list(found.notes),
    }


# --------------------------------------------------------------------------------------- a customer's points


def statement(
    context: typer.Context,
    brand: BrandName,
    of: Annotated[str, typer.Option("--of", help="Address to look at (default: your account)")] = "",
    first: _From = "",
    last: _To = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A new file, .csv or .json")] = None,
    index: _Index = "",
) -> None:
    """Every change of your points of a brand with its reason, and a balance that adds up."""
    need_store()
    from troc.programme.books import Period
    from troc.programme.statement import statement as statement_of

    _suffix(output, ".csv", ".json")
    session, books = books_of(context, brand, index)
    account = to_address(of) if of else session.address
    launched = books.launched[1]
    since = words.parse_day(first) if first else launched
    until = words.parse_day(last) + words.DAY if last else max(books.now, since) + 1
    found = statement_of(books, account, Period(since, until))
    form = _statement_form(found)
    if output is not None:
        rows = _statement_rows(found)
        _write(output, json.dumps(form, indent=2) + "\n" if output.suffix == ".json" else _csv(*rows))
    text = "\n".join(_statement_lines(found))
    session.result(form, text if output is None else f"{text}\nWritten to {output}.")


def _statement_lines(found: Statement) -> list[str]:
    brand = found.brand
    rows = [("opening balance", "", brand.number(found.opening))]
    rows += [
        (
            f"{words.moment(line.time)}  {line.reason}",
            _signed(brand, line.units) if line.units < 0 else f"+{brand.number(line.units)}",
            brand.number(line.balance),
        )
        for line in found.lines
    ]
    rows.append(("closing balance", "", brand.number(found.closing)))
    lines = [f"{brand.title}, {found.account}, {found.period.text}", *columns(rows)]
    for each in found.pending:
        if each.state == "due":
            when = f"yours since {words.moment(each.matures_at)}"
        else:
            when = f"of a purchase that can be returned until {words.moment(each.matures_at - 1)}"
        lines.append(f"Pending: {brand.text(each.left)}, {when}.")
    if not found.checked:
        lines.append("Not held against the token: the node keeps no state of then.")
    return lines


def _statement_rows(found: Statement) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    brand = found.brand
    ends = [words.iso_day(found.period.since), words.iso_day(found.period.until - 1)]
    return (
        ("time", "kind", "reason", "points", "balance", "transaction"),
        [
            (ends[0], "opening", "opening balance", "", _plain(brand, found.opening), ""),
            *(
                (
                    *(_time(line.time), line.kind, line.reason, _plain(brand, line.units)),
                    *(_plain(brand, line.balance), line.transaction),
                )
                for line in found.lines
            ),
            (ends[1], "closing", "closing balance", "", _plain(brand, found.closing), ""),
        ],
    )


def _statement_form(found: Statement) -> dict[str, Any]:
    return {
        "token": found.brand.address,
        "account": found.account,
        "since": found.period.since,
        "until": found.period.until,
        "opening": str(found.opening),
        "lines": [
            vars(line) | {"units": str(line.units), "balance": str(line.balance)} for line in found.lines
        ],
        "closing": str(found.closing),
        "pending": [
            amount_form(found.brand, each.left) | {"matures_at": each.matures_at, "state": each.state}
            for each in found.pending
        ],
        "checked": found.checked,
    }


# -------------------------------------------------------------------------------------------------- report


def report(
    context: typer.Context,
    brand: BrandName,
    which: Annotated[str, typer.Option("--month", help="Such as 2027-02")],
    output: Annotated[
        list[Path], typer.Option("--output", "-o", help="New files, .html or .md (plots lie beside that)")
    ],
    value: _Value = "0.01",
    currency: _Currency = "EUR",
    breakage: _Rate = "",
    index: _Index = "",
) -> None:
    """A month in one page: what was issued, redeemed and traded, what is owed, what a member costs, and
    breakage beside what trading brought.
    """
    need_store()
    from troc.programme.books import month as month_of
    from troc.programme.report import as_html, as_markdown, report_of

    for path in output:
        _suffix(path, ".html", ".md")
    worth, rate, period = _worth(value, currency), _rate(breakage), month_of(which)
    session, books = books_of(context, brand, index)
    books.check_launched(period)
    found = report_of(books, period, worth, rate)
    files = []
    for path in output:
        if path.suffix == ".html":
            _write(path, as_html(found))
            files.append(path)
        else:
            text, plots = as_markdown(found, path.stem)
            for name, image in plots.items():
                _write(path.with_name(name), image)
            _write(path, text)
            files += [path, *(path.with_name(name) for name in plots)]
    session.result(
        {"files": [str(path) for path in files], "since": period.since, "until": found.rolled.period.until},
        f"{found.rolled.brand.title}, {found.rolled.period.text}: {words.listed(map(str, files))}.",
    )


# ------------------------------------------------------------------------------------------------- internal


def _period(which: str, first: str, last: str) -> Period:
    from troc.programme.books import days
    from troc.programme.books import month as month_of

    if bool(which) == bool(first or last) or bool(first) != bool(last):
        raise InputError("one time is needed", "name a month as in 2027-02, or both --from and --to")
    return month_of(which) if which else days(first, last)


def _worth(value: str, currency: str) -> Value:
    from troc.programme.books import Value

    return Value.parse(value, currency)


def _rate(text: str) -> Fraction | None:
    from troc.programme.books import parse_rate

    return parse_rate(text) if text else None


def _end(day: str) -> int:
    return words.end_of_day(words.parse_day(day))


def _until(expiry: int) -> str:
    return "for ever" if words.never_expires(expiry) else f"until {words.last_day(expiry)}"


def _plain(brand: Brand, units: int) -> str:
    """For programs: no thousands separators, and a sign where it is below 0."""
    return _signed(brand, units).replace(",", "")


def _signed(brand: Brand, units: int) -> str:
    return f"-{brand.number(-units)}" if units < 0 else brand.number(units)


def _decimal(amount: Fraction) -> str:
    """A fraction whose decimal form ends, whole."""
    from decimal import Decimal

    places = 0
    while (10**places) % amount.denominator:
        places += 1
    shown = Decimal(amount.numerator * 10**places // amount.denominator).scaleb(-max(places, 0))
    return f"{shown:f}" if places > 1 else f"{shown:.2f}"


def _grouped(amount: Fraction) -> str:
    whole, point, places = _decimal(amount).partition(".")
    return f"{int(whole):,}" + point + places if whole != "-0" else _decimal(amount)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines: the first column to the left, the others to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _csv(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return file.getvalue()


def _suffix(path: Path | None, *allowed: str) -> None:
    if path is not None and path.suffix not in allowed:
        raise InputError(
            f"{path} is of no kind that is known here", f"end its name in {words.one_of(allowed)}"
        )


def _time(time: int) -> str:
    return words.iso_day(time) + f"T{time % words.DAY // 3600:02}:{time % 3600 // 60:02}:{time % 60:02}Z"


def _write(path: Path, text: str | bytes) -> None:
    if path.exists():
        raise InputError(f"{path} is there already", "choose another name")
    try:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", "choose another place") from None
