"""Questions to the index about orders, trades and batches. Amounts in smallest units, times in seconds.

What is left of an order is what its nonce leaves, as far as the log tells. Whether its points are still there
is a question to `holdings`, and, before anything is sent, to the chain.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa

from troc.brands import Brand
from troc.errors import InputError, OrderError
from troc.index import tables
from troc.index.market import Words, lane_of, order_of
from troc.index.reading import Balance, Reading
from troc.messages import Domain, Order
from troc.orders import LONGEST_OPEN, SHORTEST_ID, SignedOrder
from troc.points import Lot
from troc.words import LIFE_EPOCHS

_PER_QUERY = 500
_GIVE_AMOUNT = slice(4 * 32, 5 * 32)
"""Where it stands in an order's data."""
_FIRST_SERIES = f"{0:016x}"
_HALF = 32
"""Bits of the lower half of an amount."""


class IndexedOrder(NamedTuple):
    """An order that the index knows. `filled` is what it has given by itself, `left` what its nonce still
    leaves it to give: orders that share a nonce share the limit. `cancelled`: its maker ended it.

    `row` is its row in the database: a book has thousands, and few are looked at more closely.
    """

    row: Any
    filled: int
    left: int
    cancelled: bool
    domain: Domain

    @property
    def id(self) -> str:
        """Its digest in hex."""
        return str(self.row.digest)

    @property
    def block(self) -> int:
        """Where it first became known."""
        return int(self.row.block)

    @property
    def time(self) -> int:
        """When, in seconds."""
        return int(self.row.time)

    @property
    def transaction(self) -> str:
        """By which transaction."""
        return str(self.row.transaction)

    @property
    def maker(self) -> str:
        """Who signed it."""
        return str(self.row.maker)

    @property
    def give_token(self) -> str:
        """The points that it gives."""
        return str(self.row.give_token)

    @property
    def want_token(self) -> str:
        """The points that it wants."""
        return str(self.row.want_token)

    @property
    def signature(self) -> bytes:
        """Its maker's signature."""
        return bytes(self.row.signature)

    @property
    def by_key(self) -> bool:
        """Whether its maker's own key signed it, once for all; else a wallet must be asked (ERC-1271)."""
        return bool(self.row.by_key)

    @property
    def published(self) -> bool:
        """Whether it stands in the log; else it is known by a fill."""
        return bool(self.row.published)

    @property
    def words(self) -> Words:
        """The message as the contracts see it."""
        return Words.of(self.row.data)

    @property
    def order(self) -> Order:
        """The message itself."""
        return order_of(self.row.data)

    @property
    def signed(self) -> SignedOrder:
        """With its signature, as it is settled."""
        return SignedOrder(self.order, self.signature, self.domain)


@dataclass(frozen=True)
class OpenBook:
    """Open orders, oldest first: their rows in the database, what each can still give, and how to make an
    order of a row.
    """

    rows: Sequence[Any]
    left: Sequence[int]
    order_of: Callable[[Any], IndexedOrder]


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
class End:
    """When a maker ended orders (seconds), and whether it was all that she had signed."""

    time: int
    everything: bool


class Traded(NamedTuple):
    """What a fill moved: tokens, and smallest units."""

    give: str
    want: str
    given: int
    received: int


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


class MarketReading(Reading, ABC):
    """Questions about the market, to an index that its reader brought up to date before."""

    def __init__(self, engine: sa.Engine, domain: Domain) -> None:
        super().__init__(engine)
        self.domain = domain

    # ------------------------------------------------------------------------------------------------ orders

    def open_orders(
        self,
        give: str | Brand | None = None,
        want: str | Brand | None = None,
        maker: str | None = None,
        at: int | None = None,
    ) -> list[IndexedOrder]:
        """Published orders that could be settled by their date and nonce, oldest first, each once.

        `give` and `want` are brands or addresses. `at`: as the book stood then, after all blocks up to then;
        for a time to come: what will be left if nothing happens (none: at the last block).
        """
        where, block = self._open(at)
        return [order for order in self._orders([*where, *_about(give, want, maker)], block) if order.left]

    def orders(
        self, give: str | Brand | None = None, want: str | Brand | None = None, maker: str | None = None
    ) -> list[IndexedOrder]:
        """Published orders, ended ones too, oldest first, each once."""
        return self._orders(_about(give, want, maker))

    def order(self, name: str) -> IndexedOrder:
        """The published order whose id begins so. Raises `InputError` or `OrderError` unless there is one."""
        digits = name.lower().removeprefix("0x")
        if len(digits) < SHORTEST_ID or not all(digit in "0123456789abcdef" for digit in digits):
            raise InputError(
                f"{name!r} names no order", "name a file, or an order's id as `troc trade book` shows it"
            )
        # The first and the last id that begin so: an index serves this, as it does not serve LIKE.
        t = tables.orders
        found = self._orders([t.c.digest.between("0x" + digits.ljust(64, "0"), "0x" + digits.ljust(64, "f"))])
        if not found:
            raise OrderError(
                f"no order {name} is published here", "check it with `troc trade book`, or name its file"
            )
        if len(found) > 1:
            raise InputError(
                f"{len(found)} orders begin with {name}", "write more digits of the one you mean"
            )
        return found[0]

    def open_book(self, at: int | None = None) -> OpenBook:
        """What `open_orders` finds, for whoever looks at all of it and at few of them closely."""
        rows, lanes = self._rows(*self._open(at))
        left = lanes.left_of(rows)
        return OpenBook(
            [row for row, units in zip(rows, left, strict=True) if units],
            [units for units in left if units],
            lambda row: self._order(row, lanes),
        )

    def _open(self, at: int | None) -> tuple[list[Any], int | None]:
        block, time = self._moment(at)
        t = tables.orders
        where = [t.c.open_until >= time]
        return (where, None) if at is None else ([*where, t.c.block <= block], block)

    def _orders(self, where: Sequence[Any], block: int | None = None) -> list[IndexedOrder]:
        rows, lanes = self._rows(where, block)
        return [self._order(row, lanes) for row in rows]

    def _rows(self, where: Sequence[Any], block: int | None = None) -> tuple[list[Any], _Lanes]:
        # One that stays open longer counts as open for ever, and is passed over.
        longest = self._moment(None)[1] + LONGEST_OPEN
        t = tables.orders
        asked = [t.c.published, t.c.open_until <= longest, *where]
        with self.reading() as connection:
            rows = list(connection.execute(sa.select(t).where(*asked)).all())
            lanes = _Lanes(connection, sa.select(t.c.maker).where(*asked), block)
        # Sorted here it takes half the time: SQLite would carry every order's bytes along.
        block_at, position_at, by_key_at = (
            t.c.keys().index(name) for name in ("block", "position", "by_key")
        )
        rows.sort(key=itemgetter(block_at, position_at))
        unsure = [row for row in rows if not row[by_key_at]]
        if unsure:
            answers = zip(unsure, self._confirmed(unsure), strict=True)
            denied = {id(row) for row, confirmed in answers if not confirmed}
            rows = [row for row in rows if id(row) not in denied]
        # The first that counts, of each.
        digest_at = t.c.keys().index("digest")
        found = {row[digest_at]: row for row in reversed(rows)}
        return (rows if len(found) == len(rows) else list(found.values())[::-1]), lanes

    @abstractmethod
    def _confirmed(self, rows: Sequence[Any]) -> list[bool]:
        """For orders of contracts, whether each says now that it signed its order (ERC-1271)."""

    def _order(self, row: Any, lanes: _Lanes) -> IndexedOrder:
        left, cancelled = lanes.left(row, int.from_bytes(row.data[_GIVE_AMOUNT]))
        return IndexedOrder(row, lanes.by_order.get(row.digest, 0), left, cancelled, self.domain)

    # ------------------------------------------------------------------------------------------------- fills

    def fills(
        self,
        give: str | Brand | None = None,
        want: str | Brand | None = None,
        maker: str | None = None,
        since: int = 0,
        until: int | None = None,
        order: str | None = None,
        transactions: Iterable[str] | None = None,
    ) -> list[Fill]:
        """Fills with `since <= time < until`, oldest first, each with its order: what it gave of which
        points, and what it received. `order` is an id.
        """
        f, t = tables.fills, tables.orders
        where = [f.c.time >= since]
        if until is not None:
            where.append(f.c.time < until)
        if maker is not None:
            where.append(f.c.maker == maker)
        if order is not None:
            where.append(f.c.digest == order)
        of_tokens = _about(give, want, None)
        if of_tokens:
            where.append(f.c.digest.in_(sa.select(t.c.digest).where(*of_tokens)))
        rows: list[Any] = []
        with self.reading() as connection:
            query = sa.select(f).where(*where).order_by(f.c.block, f.c.position)
            if transactions is None:
                asked = [sa.select(f.c.digest).where(*where)]
                rows += connection.execute(query)
            else:
                asked = []
                for part in _parts(sorted(set(transactions))):
                    chosen = f.c.transaction.in_(part)
                    asked.append(sa.select(f.c.digest).where(*where, chosen))
                    rows += connection.execute(query.where(chosen))
            known: dict[str, IndexedOrder] = {}
            for digests in asked:
                of_these = t.c.digest.in_(digests)
                lanes = _Lanes(connection, sa.select(t.c.maker).where(of_these))
                for found in connection.execute(sa.select(t).where(of_these).order_by(t.c.published.desc())):
                    if found.digest not in known:
                        known[found.digest] = self._order(found, lanes)
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
                order=known.get(row.digest),
            )
            for row in sorted(rows, key=lambda row: (row.block, row.position))
        ]

    def last_fills(self, give: str | Brand, want: str | Brand, most: int) -> list[Fill]:
        """The latest fills of orders that gave and wanted these points, at most so many, the last first."""
        f, t = tables.fills, tables.orders
        query = sa.select(f.c.transaction, f.c.position).where(
            f.c.digest.in_(sa.select(t.c.digest).where(*_about(give, want, None)))
        )
        with self.reading() as connection:
            rows = connection.execute(query.order_by(f.c.block.desc(), f.c.position.desc()).limit(most)).all()
        wanted = {(row.transaction, row.position) for row in rows}
        found = self.fills(transactions={row.transaction for row in rows})
        return [fill for fill in reversed(found) if (fill.transaction, fill.position) in wanted]

    def traded(self, brand: Brand, since: int, until: int, most: int) -> list[Traded]:
        """The first fills with `since <= time < until` of orders that gave or wanted these points, at most so
        many.
        """
        f, t = tables.fills, tables.orders
        query = (
            sa.select(t.c.give_token, t.c.want_token, f.c.given, f.c.received)
            .join(t, t.c.digest == f.c.digest)
            .where(f.c.time >= since, f.c.time < until)
            .where(sa.or_(t.c.give_token == brand.address, t.c.want_token == brand.address))
            .order_by(f.c.block, f.c.position)
            .limit(most)
        )
        with self.reading() as connection:
            return [Traded(*row) for row in connection.execute(query)]

    def filled(self, ids: Iterable[str]) -> dict[str, tuple[int, int, int]]:
        """What orders have given and received so far, and when they last did; those without a fill are left
        out.
        """
        f = tables.fills
        sums = (*_sum(f.c.given), *_sum(f.c.received), sa.func.max(f.c.time))
        found: dict[str, tuple[int, int, int]] = {}
        with self.reading() as connection:
            for part in _parts(sorted(set(ids))):
                query = sa.select(f.c.digest, *sums).where(f.c.digest.in_(part)).group_by(f.c.digest)
                for digest, *halves, time in connection.execute(query):
                    found[digest] = _whole(*halves[:2]), _whole(*halves[2:]), int(time)
        return found

    def ended(self, maker: str, nonce: int, partial: bool) -> End | None:
        """How the maker first ended the orders with a nonce; None: she did not."""
        lane, series, place = lane_of(nonce)
        e = tables.order_ends
        query = (
            sa.select(e.c.time, e.c.all_of_series)
            .where(
                e.c.maker == maker,
                e.c.partial == partial,
                e.c.lane == lane,
                sa.or_(
                    sa.and_(e.c.all_of_series, e.c.series >= series),
                    sa.and_(sa.not_(e.c.all_of_series), e.c.series == series, e.c.place == place),
                ),
            )
            .order_by(e.c.block, e.c.position)
            .limit(1)
        )
        with self.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else End(row.time, row.all_of_series)

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
        self,
        makers: Iterable[str] | None = None,
        tokens: Iterable[str | Brand] | None = None,
        at: int | None = None,
    ) -> dict[tuple[str, str], Balance]:
        """What accounts hold, by (account, token); who holds nothing is left out. None: everybody, and all
        points.

        `at`: as after all blocks up to then; for a time to come: what will be left of it if nothing happens.
        """
        block, time = self._moment(at)
        t, brands = tables.lots, tables.brands
        of_age = (t.c.lot3, t.c.lot2, t.c.lot1, t.c.lot0)
        columns = (t.c.account, t.c.token, t.c.exact, t.c.epoch, brands.c.origin, brands.c.epoch_length)
        query = sa.select(*columns, *of_age).join(brands, brands.c.token == t.c.token)
        if at is None:
            query = query.where(t.c.until_block.is_(None))
        else:
            still = sa.or_(t.c.until_block.is_(None), t.c.until_block > block)
            query = query.where(t.c.from_block <= block, still)
        if tokens is not None:
            query = query.where(t.c.token.in_([_address_of(token) for token in tokens]))
        parts = [None] if makers is None else _parts(sorted(set(makers)))
        found: dict[tuple[str, str], Balance] = {}
        with self.reading() as connection:
            for part in parts:
                asked = query if part is None else query.where(t.c.account.in_(part))
                for account, token, exact, epoch, origin, length, *lots in connection.execute(asked).all():
                    # The oldest first: three epochs ago, and with that as much nearer to its end.
                    first = origin + (epoch - len(lots) + 1 + LIFE_EPOCHS) * length
                    living = tuple(
                        [
                            Lot(units, expiry)
                            for age, units in enumerate(lots)
                            if units and (expiry := first + age * length) > time
                        ]
                    )
                    if living:
                        found[account, token] = Balance(account, living, exact)
        return found


class _Lanes:
    """What makers' nonces still allow, from fills and ends: as the exchange's own words of lanes say."""

    def __init__(self, connection: sa.Connection, makers: sa.Select[Any], block: int | None = None) -> None:
        """`makers` selects whose; `block`: as after that block (none: the last)."""
        self.by_order: dict[str, int] = {}
        self._filled: dict[tuple[str, str, str], int] = defaultdict(int)
        self._used: set[tuple[str, str, str, int]] = set()
        self._ended: dict[tuple[str, bool, str], str] = {}
        self._ended_one: set[tuple[str, bool, str, str, int]] = set()
        # Most makers of a book have only published.
        self._active: set[str] = set()
        f, t, e = tables.fills, tables.orders, tables.order_ends
        # An order that became known by its fill and was published later has two rows.
        known = (
            sa.select(t.c.digest, t.c.maker, t.c.partial, t.c.lane, t.c.series, t.c.place)
            .where(t.c.digest.in_(sa.select(f.c.digest).where(f.c.maker.in_(makers))))
            .distinct()
            .subquery()
        )
        filled = sa.select(known, *_sum(f.c.given)).join(f, f.c.digest == known.c.digest).group_by(*known.c)
        ended = sa.select(e).where(e.c.maker.in_(makers))
        if block is not None:
            filled, ended = filled.where(f.c.block <= block), ended.where(e.c.block <= block)
        for row in connection.execute(filled).all():
            self._active.add(row.maker)
            given = _whole(*row[-2:])
            self.by_order[row.digest] = given
            if row.partial:
                self._filled[row.maker, row.lane, row.series] += given
            else:
                self._used.add((row.maker, row.lane, row.series, row.place))
        for row in connection.execute(ended).all():
            self._active.add(row.maker)
            lane = (row.maker, row.partial, row.lane)
            if row.all_of_series:
                self._ended[lane] = max(self._ended.get(lane, ""), row.series)
            else:
                self._ended_one.add((*lane, row.series, row.place))

    def left_of(self, rows: Sequence[Any]) -> list[int]:
        """What the nonces of orders still leave them to give."""
        names = tables.orders.c.keys()
        data_at, series_at = names.index("data"), names.index("series")
        amounts = [int.from_bytes(row[data_at][_GIVE_AMOUNT]) for row in rows]
        if not self._active:
            return [
                amount if row[series_at] == _FIRST_SERIES else 0
                for row, amount in zip(rows, amounts, strict=True)
            ]
        return [self.left(row, amount)[0] for row, amount in zip(rows, amounts, strict=True)]

    def left(self, row: Any, amount: int) -> tuple[int, bool]:
        """What the nonce of an order still leaves it to give, and whether its maker ended it."""
        if row.maker not in self._active:
            return (amount if row.series == _FIRST_SERIES else 0), False
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


def _sum(units: sa.Column[int]) -> tuple[sa.ColumnElement[int], sa.ColumnElement[int]]:
    """The sum of a column in two halves: SQLite fails where a sum is beyond 63 bits, and anybody can trade
    tokens of his own in such amounts.
    """
    return sa.func.sum(units.op(">>")(sa.literal_column(str(_HALF)))), sa.func.sum(
        units.op("&")((1 << _HALF) - 1)
    )


def _whole(high: Any, low: Any) -> int:
    return (int(high) << _HALF) + int(low)


def _address_of(token: str | Brand) -> str:
    return token.address if isinstance(token, Brand) else token


def _about(give: str | Brand | None, want: str | Brand | None, maker: str | None) -> list[Any]:
    t = tables.orders
    where = [
        column == _address_of(token)
        for column, token in ((t.c.give_token, give), (t.c.want_token, want))
        if token is not None
    ]
    return where if maker is None else [*where, t.c.maker == maker]


def _parts(items: Sequence[str]) -> list[Sequence[str]]:
    return [items[start : start + _PER_QUERY] for start in range(0, len(items), _PER_QUERY)]
