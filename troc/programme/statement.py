"""A customer's statement: every change of her points with its reason, and a balance that adds up."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from troc import words
from troc.brands import Brand
from troc.errors import ChecksFailedError, TrocError
from troc.index import AccountChange, Pending, tables
from troc.index.events import ATTENTION, BATCH, GRANT, IMPORTED, OWN, RELEASED, VOUCHER
from troc.programme.books import Books, Period


@dataclass(frozen=True)
class Line:
    """One change: `units` in smallest units, below 0 for what went, `balance` after it. `kind` is one word
    for programs, `reason` for people. What expires has no transaction.
    """

    time: int
    kind: str
    reason: str
    units: int
    balance: int
    transaction: str


@dataclass(frozen=True)
class Statement:
    """A customer's points of one brand over a period, in smallest units: opening + all lines = closing.

    `pending` are her purchases at the end that can be returned or were not released yet. `checked`: the token
    says the same of the end.
    """

    brand: Brand
    account: str
    period: Period
    opening: int
    lines: tuple[Line, ...]
    closing: int
    pending: tuple[Pending, ...]
    checked: bool


def statement(books: Books, account: str, period: Period) -> Statement:
    """A customer's statement. Raises `ChecksFailedError` where it does not add up."""
    period, _ = books.cut(period)
    brand, index = books.brand, books.index
    opening = index.balance(brand, account, period.since - 1).units
    closing = index.balance(brand, account, period.until - 1).units
    lines = []
    balance = opening
    for change in index.changes(brand, account, period.since, period.until):
        balance += change.units
        kind, reason = _reason(books, account, change)
        lines.append(Line(change.time, kind, reason, change.units, balance, change.transaction or ""))
    _same(brand, account, period, "opening and changes", balance, closing)
    return Statement(
        brand=brand,
        account=account,
        period=period,
        opening=opening,
        lines=tuple(lines),
        closing=closing,
        pending=tuple(
            each
            for each in index.pending(brand, period.until - 1, account)
            if each.state in ("waiting", "due")
        ),
        checked=_asked(books, account, period),
    )


def _asked(books: Books, account: str, period: Period) -> bool:
    """Whether the token could be asked, which then says the same as the index."""
    block = books.last_block(period.until)
    if block < 0:
        return False
    try:
        told = books.troc.points.lots(books.brand, [account], block)[0]
    except TrocError:
        return False
    at = books.troc.chain.time_of(block)
    counted = books.index.balance(books.brand, account, at).units
    _same(books.brand, account, period, "the token", sum(lot.units for lot in told), counted)
    return True


def _same(brand: Brand, account: str, period: Period, by: str, told: int, counted: int) -> None:
    if told != counted:
        raise ChecksFailedError(
            f"the balance of {account} at the end of {words.last_day(period.until)}: the index says"
            f" {brand.text(counted)}, {by} {brand.text(told)}",
            "build the index anew with `troc index --rebuild`",
        )


def _reason(books: Books, account: str, change: AccountChange) -> tuple[str, str]:
    name, other = books.brand.name, change.other or ""
    receipt = f", receipt {change.reference[:10]}…" if change.reference else ""
    simple = {
        OWN: ("earned", f"earned at {name}{receipt}"),
        GRANT: ("earned", f"earned at {name}{receipt}, issued by {words.short(other)}"),
        BATCH: ("earned", f"earned at {name}"),
        VOUCHER: ("voucher", f"voucher of {name} claimed{receipt}"),
        RELEASED: ("matured", f"matured: the goods from {name} can no longer be returned"),
        ATTENTION: ("attention", f"paid by {name} for attention"),
        IMPORTED: ("credited", f"credited by {name}{_dated(books, account, change)}"),
        "redeemed": ("redeemed", f"redeemed at {name}{receipt}"),
        "given back": ("given back", f"given back by {name}{receipt}"),
        "expired": ("expired", f"expired: good until {words.last_day(change.time)}"),
    }
    if change.reason in simple:
        return simple[change.reason]
    assert change.transaction is not None
    sent = change.units < 0
    if not sent and books.index.is_attention(books.brand, change.transaction, account, change.units):
        return simple[ATTENTION]
    if books.is_trade(change.transaction, account, other):
        for_ = _for(books, account, change.transaction, not sent)
        return "traded", f"traded away{for_}" if sent else f"got in trade{for_}"
    return ("given", f"given to {other}") if sent else ("received", f"received from {other}")


def _dated(books: Books, account: str, change: AccountChange) -> str:
    """Said of points that live shorter than those of their day."""
    table = tables.issues
    query = sa.select(sa.func.min(table.c.epoch)).where(
        table.c.transaction == change.transaction,
        table.c.recipient == account,
        table.c.kind == IMPORTED,
        table.c.units == change.units,
    )
    if change.reason != IMPORTED:
        return ""
    with books.index.reading() as connection:
        epoch = connection.scalar(query)
    is_older = epoch is not None and epoch < books.brand.epoch_at(change.time)
    return " with the date of earlier points" if is_older else ""


def _for(books: Books, account: str, transaction: str, gave: bool) -> str:
    """What the other side of a trade was, as far as it was points."""
    table = tables.transfers
    side = table.c.sender if gave else table.c.recipient
    query = (
        sa.select(table.c.token, sa.func.sum(table.c.units))
        .where(table.c.transaction == transaction, side == account, table.c.token != books.brand.address)
        .group_by(table.c.token)
        .order_by(table.c.token)
    )
    with books.index.reading() as connection:
        found = [
            (books.troc.brands.by_address(token), int(units)) for token, units in connection.execute(query)
        ]
    return (
        "".join([" for ", words.listed(brand.text(units) for brand, units in found if brand)])
        if found
        else ""
    )
