"""Questions to the index about orders, trades and batches. Amounts in smallest units, times in seconds.

What is left of an order is what its nonce leaves, as far as the log tells. Whether its points are still there
is a question to `holdings`, and, before anything is sent, to the chain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from troc.index import tables
from troc.index.market import Words, order_of
from troc.index.reading import Reading, lots_of_row
from troc.messages import Domain, Order
from troc.orders import SignedOrder
from troc.points import Lot
from troc.words import LIFE_EPOCHS

_PER_QUERY = 500
_FIXED = 480
"""Bytes of an encoded order."""


@dataclass(frozen=True)
class IndexedOrder:
    """An order that the index knows. `filled` is what it has given by itself, `left` what its nonce still
    leaves it to give: orders that share a nonce share the limit. `cancelled`: its maker ended it.

    `by_key`: signed by its maker's own key, once for all; else a wallet must be asked (ERC-1271).
    """

    id: str
    block: int
    time: int
    transaction: str
    maker: str
    give_token: str
    want_token: str
    words: Words
    signature: bytes
    by_key: bool
    published: bool
    filled: int
    left: int
    cancelled: bool
    domain: Domain

    @cached_property
    def order(self) -> Order:
        """The message itself."""
        return order_of(b"".join(word.to_bytes(32) for word in self.words))

    @property
    def signed(self) -> SignedOrder:
        """With its signature, as it is settled."""
        return SignedOrder(self.order, self.signature, self.domain)


@dataclass(frozen=True)
class Fill:
    """A part of an order that was settled. Without an `order` nobody can say of which points it was: it was
    settled through another contract and never published.
    """

    block: int
    position: int
    time: int
    transaction: str
    id: str
    maker: str
    given: int
    received: int
    order: IndexedOrder | None


@dataclass(frozen=True)
class IndexedBatch:
    """A solver's record in the log. `record` is the event's data, for `troc.market.records`."""

    block: int
    position: int
    time: int
    transaction: str
    solver: str
    id: str
    record: bytes


class MarketReading(Reading):
    """Questions about the market, to an index that its reader brought up to date before."""

    def __init__(self, engine: sa.Engine, domain: Domain) -> None:
        super().__init__(engine)
        self.domain = domain

    # ------------------------------------------------------------------------------------------------ orders

    def open_orders(
        self,
        give: str | None = None,
        want: str | None = None,
        maker: str | None = None,
        now: int | None = None,
    ) -> list[IndexedOrder]:
        """Published orders that could be settled by their date and nonce, oldest first.

        `give`, `want` and `maker` are addresses; `now` is the time to measure by (none: the last block's).
        """
        at = self.reached()[1] if now is None else now
        t = tables.orders
        return [
            order
            for order in self._orders([t.c.published, t.c.open_until >= at, *_about(give, want, maker)])
            if order.left
        ]

    def orders(
        self, give: str | None = None, want: str | None = None, maker: str | None = None
    ) -> list[IndexedOrder]:
        """Published orders, ended ones too, oldest first."""
        return self._orders([tables.orders.c.published, *_about(give, want, maker)])

    def orders_named(self, digits: str) -> list[IndexedOrder]:
        """Published orders whose id begins with these lower-case hex digits, without 0x."""
        t = tables.orders
        return self._orders([t.c.published, t.c.digest.startswith("0x" + digits, autoescape=True)])

    def _orders(self, where: Sequence[Any]) -> list[IndexedOrder]:
        t = tables.orders
        with self.reading() as connection:
            query = sa.select(t).where(*where).order_by(t.c.block, t.c.position)
            rows = list(connection.execute(query))
            lanes = _Lanes(connection, {row.maker for row in rows})
        return [self._order(row, lanes) for row in rows]

    def _order(self, row: Any, lanes: _Lanes) -> IndexedOrder:
        words = Words.of(row.data)
        left, cancelled = lanes.left(row, words.give_amount)
        return IndexedOrder(
            id=row.digest,
            block=row.block,
            time=row.time,
            transaction=row.transaction,
            maker=row.maker,
            give_token=row.give_token,
            want_token=row.want_token,
            words=words,
            signature=row.signature,
            by_key=row.by_key,
            published=row.published,
            filled=lanes.by_order.get(row.digest, 0),
            left=left,
            cancelled=cancelled,
            domain=self.domain,
        )

    # ------------------------------------------------------------------------------------------------- fills

    def fills(
        self,
        since: int = 0,
        until: int | None = None,
        maker: str | None = None,
        order: str | None = None,
        transactions: Iterable[str] | None = None,
    ) -> list[Fill]:
        """Fills with `since <= time < until`, oldest first, each with its order."""
        f = tables.fills
        where = [f.c.time >= since]
        if until is not None:
            where.append(f.c.time < until)
        if maker is not None:
            where.append(f.c.maker == maker)
        if order is not None:
            where.append(f.c.digest == order)
        rows: list[Any] = []
        with self.reading() as connection:
            query = sa.select(f).order_by(f.c.block, f.c.position)
            if transactions is None:
                rows += connection.execute(query.where(*where))
            else:
                for part in _parts(sorted(set(transactions))):
                    rows += connection.execute(query.where(*where, f.c.transaction.in_(part)))
            known: dict[str, Any] = {}
            t = tables.orders
            for part in _parts(sorted({row.digest for row in rows})):
                for found in connection.execute(sa.select(t).where(t.c.digest.in_(part))):
                    known.setdefault(found.digest, found)
            lanes = _Lanes(connection, {found.maker for found in known.values()})
        orders = {digest: self._order(found, lanes) for digest, found in known.items()}
        return [
            Fill(
                block=row.block,
                position=row.position,
                time=row.time,
                transaction=row.transaction,
                id=row.digest,
                maker=row.maker,
                given=row.given,
                received=row.received,
                order=orders.get(row.digest),
            )
            for row in rows
        ]

    # ----------------------------------------------------------------------------------------------- batches

    def batches(self, since: int = 0, last: int | None = None) -> list[IndexedBatch]:
        """Records of batches published at `since` or later, oldest first; of `last` the latest so many.

        One that was published twice counts where it stands first.
        """
        t = tables.batches
        query = sa.select(t).where(t.c.time >= since)
        if last is not None:
            query = query.order_by(t.c.block.desc(), t.c.position.desc()).limit(last)
        with self.reading() as connection:
            rows = sorted(connection.execute(query), key=lambda row: (row.block, row.position))
        found: dict[str, IndexedBatch] = {}
        for row in rows:
            found.setdefault(
                row.batch,
                IndexedBatch(
                    block=row.block,
                    position=row.position,
                    time=row.time,
                    transaction=row.transaction,
                    solver=row.solver,
                    id=row.batch,
                    record=row.record,
                ),
            )
        return list(found.values())

    # ---------------------------------------------------------------------------------------------- holdings

    def holdings(
        self, pairs: Iterable[tuple[str, str]], now: int | None = None
    ) -> dict[tuple[str, str], tuple[Lot, ...]]:
        """Living lots by (token, account), soonest to expire first, as the last block left them; `now` ages
        them. Whoever holds nothing is left out. An amount is the chain's own; its lots can be a guess where
        the node kept no state (docs/index.md).
        """
        at = self.reached()[1] if now is None else now
        wanted: dict[str, set[str]] = defaultdict(set)
        for token, account in pairs:
            wanted[token].add(account)
        t = tables.lots
        found: dict[tuple[str, str], tuple[Lot, ...]] = {}
        with self.reading() as connection:
            calendars = {
                row.token: (row.origin, row.epoch_length)
                for row in connection.execute(
                    sa.select(tables.brands.c.token, tables.brands.c.origin, tables.brands.c.epoch_length)
                )
            }
            for token, accounts in wanted.items():
                if token not in calendars:
                    continue
                origin, length = calendars[token]
                for part in _parts(sorted(accounts)):
                    query = sa.select(t).where(
                        t.c.token == token, t.c.account.in_(part), t.c.until_block.is_(None)
                    )
                    for row in connection.execute(query):
                        lots = lots_of_row(row)
                        living = tuple(
                            Lot(lots[epoch], expiry)
                            for epoch in sorted(lots)
                            if (expiry := origin + (epoch + LIFE_EPOCHS) * length) > at
                        )
                        if living:
                            found[token, row.account] = living
        return found


class _Lanes:
    """What makers' nonces still allow, from fills and ends: as the exchange's own words of lanes say."""

    def __init__(self, connection: sa.Connection, makers: set[str]) -> None:
        self.by_order: dict[str, int] = {}
        self._filled: dict[tuple[str, str, str], int] = defaultdict(int)
        self._used: set[tuple[str, str, str, int]] = set()
        self._ended: dict[tuple[str, bool, str], str] = {}
        self._ended_one: set[tuple[str, bool, str, str, int]] = set()
        f, t, e = tables.fills, tables.orders, tables.order_ends
        for part in _parts(sorted(makers)):
            # An order that became known by its fill and was published later has two rows.
            known = (
                sa.select(t.c.digest, t.c.partial, t.c.lane, t.c.series, t.c.place)
                .where(t.c.maker.in_(part))
                .distinct()
                .subquery()
            )
            filled = (
                sa.select(known, sa.func.sum(f.c.given).label("given"))
                .join(f, f.c.digest == known.c.digest)
                .group_by(*known.c, f.c.maker)
                .add_columns(f.c.maker)
            )
            for row in connection.execute(filled):
                self.by_order[row.digest] = int(row.given)
                if row.partial:
                    self._filled[row.maker, row.lane, row.series] += int(row.given)
                else:
                    self._used.add((row.maker, row.lane, row.series, row.place))
            for row in connection.execute(sa.select(e).where(e.c.maker.in_(part))):
                lane = (row.maker, row.partial, row.lane)
                if row.all_of_series:
                    self._ended[lane] = max(self._ended.get(lane, ""), row.series)
                else:
                    self._ended_one.add((*lane, row.series, row.place))

    def left(self, row: Any, amount: int) -> tuple[int, bool]:
        """What the nonce of an order still leaves it to give, and whether its maker ended it."""
        lane = (row.maker, row.partial, row.lane)
        cancelled = (lane in self._ended and row.series <= self._ended[lane]) or (
            *lane,
            row.series,
            row.place,
        ) in self._ended_one
        # A lane's series counts up as it is ended: one that is ahead of it is not open yet.
        current = int(self._ended[lane], 16) + 1 if lane in self._ended else 0
        if cancelled or int(row.series, 16) > current:
            return 0, cancelled
        if row.partial:
            return max(amount - self._filled[row.maker, row.lane, row.series], 0), False
        return (0 if (row.maker, row.lane, row.series, row.place) in self._used else amount), False


def _about(give: str | None, want: str | None, maker: str | None) -> list[Any]:
    t = tables.orders
    return [
        column == value
        for column, value in ((t.c.give_token, give), (t.c.want_token, want), (t.c.maker, maker))
        if value is not None
    ]


def _parts(items: Sequence[str]) -> list[Sequence[str]]:
    return [items[start : start + _PER_QUERY] for start in range(0, len(items), _PER_QUERY)]
