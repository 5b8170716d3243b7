"""Questions to the index. Amounts in smallest units, times in seconds, a span of time without its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from troc.brands import Brand
from troc.index import tables
from troc.index.ledger import Lots
from troc.points import Lot
from troc.store import reading


@dataclass(frozen=True)
class Issue:
    """Points that came into being. `kind` as in `troc.index.events`; `issuer` None: the brand itself.

    `reference` is the receipt's or the batch's, `nonce` the voucher's that was claimed.
    """

    block: int
    time: int
    transaction: str
    kind: str
    issuer: str | None
    reference: str | None
    nonce: int | None
    recipient: str
    units: int
    expiry: int


@dataclass(frozen=True)
class Redemption:
    """Points that were spent at their brand; `agent` submitted it."""

    block: int
    time: int
    transaction: str
    holder: str
    receipt: str
    units: int
    agent: str


@dataclass(frozen=True)
class GiveBack:
    """Redeemed points that the brand gave back."""

    block: int
    time: int
    transaction: str
    holder: str
    receipt: str
    units: int


@dataclass(frozen=True)
class Transfer:
    """Points that went from one holder to another."""

    block: int
    time: int
    transaction: str
    sender: str
    recipient: str
    units: int


@dataclass(frozen=True)
class Pending:
    """Points of a purchase that can be returned.

    `left` is what is neither cancelled nor released. `state` is "waiting", "due" (mature, not released),
    "released", "cancelled", or "lapsed" (released after its lot had expired).
    """

    block: int
    time: int
    transaction: str
    issuer: str | None
    number: int
    customer: str
    units: int
    matures_at: int
    reference: str | None
    cancelled: int
    released: int
    left: int
    state: str


@dataclass(frozen=True)
class Balance:
    """What an account holds, soonest to expire first, without empty lots. `exact` is false where the total
    is known and its lots are a guess, because the node kept no state of that time.
    """

    account: str
    lots: tuple[Lot, ...]
    exact: bool = True

    @property
    def units(self) -> int:
        """All of them."""
        return sum(lot.units for lot in self.lots)


@dataclass(frozen=True)
class AccountChange:
    """Why an account's balance changed. `units` is negative for what went.

    `reason` is a kind of issue, or "redeemed", "given back", "received", "sent", "expired". `other` is the
    other side of a transfer, the agent of a redemption, the issuer of an issue. What expires has no
    transaction; its `time` is the first second without it.
    """

    time: int
    reason: str
    units: int
    other: str | None = None
    reference: str | None = None
    block: int | None = None
    transaction: str | None = None


def lots_of_row(row: Any) -> Lots:
    """Units by epoch in a row of a history."""
    amounts = (row.lot0, row.lot1, row.lot2, row.lot3)
    return {row.epoch - age: units for age, units in enumerate(amounts) if units}


class Reading:
    """Questions to an index, which its reader brought up to date before (`Index.catch_up`)."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """A connection for questions of one's own: it only reads, and sees one state throughout."""
        return reading(self.engine)

    def reached(self) -> tuple[int, int]:
        """Number and time of the last block that is in the index."""
        return self._moment(None)

    # ---------------------------------------------------------------------------------------- what happened

    def issues(
        self, brand: Brand, since: int = 0, until: int | None = None, recipient: str | None = None
    ) -> list[Issue]:
        """Points issued with `since <= time < until`, oldest first."""
        where = [] if recipient is None else [tables.issues.c.recipient == recipient]
        return [
            Issue(
                **_common(row),
                kind=row.kind,
                issuer=row.issuer,
                reference=row.reference,
                nonce=None if row.nonce is None else int(row.nonce),
                recipient=row.recipient,
                units=row.units,
                expiry=brand.expiry_of(row.epoch),
            )
            for row in self._events(tables.issues, brand, since, until, where)
        ]

    def issued(self, brand: Brand, since: int = 0, until: int | None = None) -> dict[tuple[str, int], int]:
        """What was issued in a span, added up by kind and expiry."""
        t = tables.issues
        query = sa.select(t.c.kind, t.c.epoch, sa.func.sum(t.c.units)).group_by(t.c.kind, t.c.epoch)
        with self.reading() as connection:
            found = connection.execute(query.where(*_within(t, brand, since, until)))
            return {(kind, brand.expiry_of(epoch)): int(units) for kind, epoch, units in found}

    def arrived(self, brand: Brand, kind: str, until: int | None = None) -> dict[str, tuple[int, int]]:
        """When each reference of a kind of issues was used, and for how many units in all."""
        t = tables.issues
        query = sa.select(t.c.reference, sa.func.min(t.c.time), sa.func.sum(t.c.units)).group_by(
            t.c.reference
        )
        with self.reading() as connection:
            found = connection.execute(query.where(*_within(t, brand, 0, until), t.c.kind == kind))
            return {reference: (time, int(units)) for reference, time, units in found if reference}

    def redeemed(self, brand: Brand, since: int = 0, until: int | None = None) -> tuple[int, int]:
        """What was redeemed in a span, and what was given back in it, each added up."""
        sums = []
        with self.reading() as connection:
            for t in (tables.redemptions, tables.give_backs):
                query = sa.select(sa.func.sum(t.c.units)).where(*_within(t, brand, since, until))
                sums.append(int(connection.scalar(query) or 0))
        return sums[0], sums[1]

    def accounts(self, brand: Brand, until: int) -> dict[str, int]:
        """What all that happened before a time adds up to, by account: what each must hold."""
        found: dict[str, int] = {}
        with self.reading() as connection:
            for each in tables.BALANCE_CHANGES:
                column = each.table.c[each.account]
                query = sa.select(column, sa.func.sum(each.table.c.units)).group_by(column)
                for account, units in connection.execute(query.where(*_within(each.table, brand, 0, until))):
                    found[account] = found.get(account, 0) + each.sign * int(units)
        for account, lot in self.expired_of_all(brand, 0, until):
            found[account] = found.get(account, 0) - lot.units
        return found

    def redemptions(
        self, brand: Brand, since: int = 0, until: int | None = None, holder: str | None = None
    ) -> list[Redemption]:
        """Points redeemed in a span, oldest first."""
        where = [] if holder is None else [tables.redemptions.c.holder == holder]
        return [
            Redemption(
                **_common(row), holder=row.holder, receipt=row.receipt, units=row.units, agent=row.agent
            )
            for row in self._events(tables.redemptions, brand, since, until, where)
        ]

    def give_backs(
        self, brand: Brand, since: int = 0, until: int | None = None, holder: str | None = None
    ) -> list[GiveBack]:
        """Points given back in a span, oldest first."""
        where = [] if holder is None else [tables.give_backs.c.holder == holder]
        return [
            GiveBack(**_common(row), holder=row.holder, receipt=row.receipt, units=row.units)
            for row in self._events(tables.give_backs, brand, since, until, where)
        ]

    def transfers(
        self, brand: Brand, since: int = 0, until: int | None = None, account: str | None = None
    ) -> list[Transfer]:
        """Points moved between holders in a span, oldest first; of `account` from it or to it."""
        table = tables.transfers
        where = [] if account is None else [sa.or_(table.c.sender == account, table.c.recipient == account)]
        return [
            Transfer(**_common(row), sender=row.sender, recipient=row.recipient, units=row.units)
            for row in self._events(table, brand, since, until, where)
        ]

    def pending(self, brand: Brand, at: int | None = None, customer: str | None = None) -> list[Pending]:
        """Purchases that can be, or could be, returned, as they stood at a time (none: as far as the index
        goes), in the order of issue.
        """
        now = self.reached()[1] if at is None else at
        table, changes = tables.pending, tables.pending_changes
        where, about = (
            ([], [])
            if customer is None
            else ([table.c.customer == customer], [changes.c.customer == customer])
        )
        done: dict[tuple[str | None, int], dict[str, int]] = {}
        for row in self._events(changes, brand, 0, now + 1, about):
            sums = done.setdefault((row.issuer, row.number), {})
            sums[row.kind] = sums.get(row.kind, 0) + row.units
        found = []
        for row in self._events(table, brand, 0, now + 1, where):
            sums = done.get((row.issuer, row.number), {})
            cancelled, released = sums.get("cancelled", 0), sums.get("released", 0)
            left = 0 if "released" in sums else row.units - cancelled
            found.append(
                Pending(
                    **_common(row),
                    issuer=row.issuer,
                    number=row.number,
                    customer=row.customer,
                    units=row.units,
                    matures_at=row.matures_at,
                    reference=row.reference,
                    cancelled=cancelled,
                    released=released,
                    left=left,
                    state=_pending_state(sums, left, row.matures_at, now),
                )
            )
        return found

    def changes(
        self, brand: Brand, account: str, since: int = 0, until: int | None = None
    ) -> list[AccountChange]:
        """Every change of an account's balance in a span with its reason, oldest first. Their sum is the
        difference of its balances.
        """
        # At the same second, what expires is gone before anything else happens.
        order: list[tuple[int, int, int, int, AccountChange]] = []
        for table, whose, sign, reason, other, reference in tables.BALANCE_CHANGES:
            for row in self._events(table, brand, since, until, [table.c[whose] == account]):
                if table is tables.transfers and row.sender == row.recipient:
                    continue
                values = row._mapping
                change = AccountChange(
                    time=row.time,
                    reason=row.kind if table is tables.issues else reason,
                    units=sign * row.units,
                    other=other and values[other],
                    reference=reference and values[reference],
                    block=row.block,
                    transaction=row.transaction,
                )
                order.append((row.time, 1, row.block, row.position, change))
        lots = tables.lots
        for _, lot in self._expired(lots, brand, since, until, [lots.c.account == account]):
            order.append((lot.expiry, 0, 0, 0, AccountChange(lot.expiry, "expired", -lot.units)))
        return [entry[-1] for entry in sorted(order, key=lambda entry: entry[:-1])]

    def expired(self, brand: Brand, since: int = 0, until: int | None = None) -> list[Lot]:
        """What expired with `since <= expiry < until`, a lot for each date. `until` none: up to the last
        block of the index.
        """
        found: dict[int, int] = {}
        for _, lot in self._expired(tables.supply, brand, since, until, []):
            found[lot.expiry] = found.get(lot.expiry, 0) + lot.units
        return [Lot(found[expiry], expiry) for expiry in sorted(found)]

    def expired_of_all(self, brand: Brand, since: int = 0, until: int | None = None) -> list[tuple[str, Lot]]:
        """What expired in a span, with who had it, by date and address."""
        found = [(str(row.account), lot) for row, lot in self._expired(tables.lots, brand, since, until, [])]
        return sorted(found, key=lambda each: (each[1].expiry, each[0]))

    # -------------------------------------------------------------------------------------------- balances

    def balance(self, brand: Brand, account: str, at: int | None = None) -> Balance:
        """What an account held at a time, after all blocks up to then (none: the last one). For a time to
        come: what will be left if nothing happens.
        """
        found = self._balances(brand, at, [tables.lots.c.account == account])
        return found[0] if found else Balance(account, ())

    def balance_after(self, brand: Brand, account: str, block: int, time: int) -> Balance:
        """What an account held after a block, whose time is `time`: blocks can have one time together."""
        query = _as_of(tables.lots, brand, block).where(tables.lots.c.account == account)
        with self.reading() as connection:
            row = connection.execute(query).one_or_none()
        return Balance(account, ()) if row is None else Balance(account, _living(brand, row, time), row.exact)

    def balances(self, brand: Brand, at: int | None = None) -> list[Balance]:
        """Everybody who held something at a time, by address."""
        return self._balances(brand, at, [])

    def guessed(self, brand: Brand) -> bool:
        """Whether the lots of any balance of a brand, past ones included, are a guess (docs/index.md)."""
        query = sa.select(tables.lots.c.account).where(
            tables.lots.c.token == brand.address, sa.not_(tables.lots.c.exact)
        )
        with self.reading() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def totals(self, brand: Brand, at: int | None = None) -> tuple[Lot, ...]:
        """What all held together at a time, by expiry: what the brand owed."""
        block, time = self._moment(at)
        with self.reading() as connection:
            row = connection.execute(_as_of(tables.supply, brand, block)).one_or_none()
        return () if row is None else _living(brand, row, time)

    # -------------------------------------------------------------------------------------------- internal

    def _moment(self, at: int | None) -> tuple[int, int]:
        """The last block that is not after a time (none: the last of all), and that time."""
        with self.reading() as connection:
            query = sa.select(tables.blocks.c.number, tables.blocks.c.time)
            if at is not None:
                query = query.where(tables.blocks.c.time <= at)
            row = connection.execute(query.order_by(tables.blocks.c.number.desc()).limit(1)).one_or_none()
        if row is None:
            return -1, at or 0
        return row.number, row.time if at is None else at

    def _balances(self, brand: Brand, at: int | None, where: Sequence[Any]) -> list[Balance]:
        block, time = self._moment(at)
        query = _as_of(tables.lots, brand, block).where(*where).order_by(tables.lots.c.account)
        with self.reading() as connection:
            found = [
                Balance(row.account, _living(brand, row, time), row.exact)
                for row in connection.execute(query)
            ]
        return [balance for balance in found if balance.lots]

    def _events(
        self, table: sa.Table, brand: Brand, since: int, until: int | None, where: Sequence[Any]
    ) -> list[Any]:
        query = (
            sa.select(table)
            .where(*_within(table, brand, since, until), *where)
            .order_by(table.c.block, table.c.position)
        )
        with self.reading() as connection:
            return list(connection.execute(query))

    def _expired(
        self, table: sa.Table, brand: Brand, since: int, until: int | None, where: Sequence[Any]
    ) -> Iterator[tuple[Any, Lot]]:
        """Lots that ran out while a row of a history held, with that row."""
        end = self.reached()[1] + 1 if until is None else until
        ending = tables.blocks.alias("ending")
        query = (
            sa.select(table, ending.c.time.label("until_time"))
            .outerjoin(ending, ending.c.number == table.c.until_block)
            .where(table.c.token == brand.address, *where)
        )
        with self.reading() as connection:
            found = list(connection.execute(query))
        for row in found:
            for lot in _lots(brand, row):
                ran_out = row.until_time is None or lot.expiry <= row.until_time
                if ran_out and since <= lot.expiry < end:
                    yield row, lot


def _within(table: sa.Table, brand: Brand, since: int, until: int | None) -> list[Any]:
    where = [table.c.token == brand.address, table.c.time >= since]
    return where if until is None else [*where, table.c.time < until]


def _common(row: Any) -> dict[str, Any]:
    return {"block": row.block, "time": row.time, "transaction": row.transaction}


def _as_of(table: sa.Table, brand: Brand, block: int) -> sa.Select[Any]:
    return sa.select(table).where(
        table.c.token == brand.address,
        table.c.from_block <= block,
        sa.or_(table.c.until_block.is_(None), table.c.until_block > block),
    )


def _lots(brand: Brand, row: Any) -> list[Lot]:
    lots = lots_of_row(row)
    return [Lot(lots[epoch], brand.expiry_of(epoch)) for epoch in sorted(lots)]


def _living(brand: Brand, row: Any, time: int) -> tuple[Lot, ...]:
    return tuple(lot for lot in _lots(brand, row) if lot.expiry > time)


def _pending_state(sums: dict[str, int], left: int, matures_at: int, now: int) -> str:
    if "released" in sums:
        return "released" if sums["released"] else "lapsed"
    if not left:
        return "cancelled"
    return "due" if now >= matures_at else "waiting"
