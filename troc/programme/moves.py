"""Everything that happened to a brand's points, in one order, with whom it happened to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa

from troc.brands import Brand
from troc.index import Index, tables


class Kind(Enum):
    """What can happen to points."""

    ISSUE = "issued"
    REDEEM = "redeemed"
    GIVE_BACK = "given back"
    GIFT = "given"
    TRADE = "traded"
    EXPIRE = "expired"


@dataclass(frozen=True, slots=True)
class Move:
    """`source` has the points (smallest units) before, `target` after; empty: nobody. Time in seconds."""

    kind: Kind
    time: int
    units: int
    source: str = ""
    target: str = ""
    receipt: str = ""


def moves(index: Index, brand: Brand, until: int, is_trade: Callable[[str, str, str], bool]) -> list[Move]:
    """All of a brand's before a time, oldest first; at the same second what expires goes first."""
    order: list[tuple[int, int, int, int, Move]] = []

    def note(row: Any, kind: Kind, source: str = "", target: str = "", receipt: str = "") -> None:
        move = Move(kind, row.time, row.units, source, target, receipt)
        order.append((row.time, 1, row.block, row.position, move))

    with index.reading() as connection:

        def rows(table: sa.Table) -> Sequence[Any]:
            here = sa.and_(table.c.token == brand.address, table.c.time < until)
            return connection.execute(sa.select(table).where(here)).all()

        for row in rows(tables.issues):
            note(row, Kind.ISSUE, target=row.recipient)
        for row in rows(tables.redemptions):
            note(row, Kind.REDEEM, source=row.holder, receipt=row.receipt)
        for row in rows(tables.give_backs):
            note(row, Kind.GIVE_BACK, target=row.holder, receipt=row.receipt)
        transfers = rows(tables.transfers)
    for row in transfers:
        if row.sender != row.recipient:
            traded = is_trade(row.transaction, row.sender, row.recipient)
            note(row, Kind.TRADE if traded else Kind.GIFT, row.sender, row.recipient)
    for place, (account, lot) in enumerate(index.expired_of_all(brand, 0, until)):
        order.append((lot.expiry, 0, 0, place, Move(Kind.EXPIRE, lot.expiry, lot.units, account)))
    return [entry[-1] for entry in sorted(order, key=lambda entry: entry[:-1])]
