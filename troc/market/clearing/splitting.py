"""A clearing in settlements that fit a block.

Orders that no transfer connects settle apart. What is still too large is taken apart into circles of trade:
at uniform prices an order is an edge from what it gives to what it wants, values balance at each good, and so
everything consists of circles (as every circulation does). Circles go into a settlement until it is full, an
all-or-nothing order with all of its circles; amounts are made whole in each settlement by itself, with the
method that made those of the clearing whole.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from troc.errors import InputError, OrderError
from troc.market.clearing.batch import Batch, Clearing, Flags, Integers
from troc.market.clearing.execution import Wallets
from troc.market.clearing.market import Floats, Market, book_of, market_of
from troc.market.clearing.solver import pay
from troc.market.clearing.units import whole_units

_DUST = 1e-9
_TRIES = 6
"""How often an order may fail to find a place in a settlement."""


@dataclass(frozen=True)
class Settlement:
    """Orders (rows of the batch) that settle together, what each gives and gets, and the transfers: rows
    (place of the giving order in `orders`, place of the receiving one, units), in their sequence.
    """

    orders: Integers
    given: Integers
    received: Integers
    transfers: Integers


@dataclass(frozen=True)
class Split:
    """Settlements, in the sequence in which they must be sent, what each order of the batch gives and gets in
    all of them, and the orders that the clearing fills and that fit none (or, all or nothing, not whole).
    """

    settlements: tuple[Settlement, ...]
    given: Integers
    received: Integers
    dropped: Integers


def split(batch: Batch, clearing: Clearing, most_orders: int) -> Split:
    """A clearing in settlements of at most `most_orders` orders, each of which keeps every limit by itself.

    A partial order can be in several. What rounding leaves over in between (a few units an order) is not
    traded. Raises `InputError` for fewer than two orders.
    """
    if most_orders < 2:
        raise InputError(f"a settlement of {most_orders} orders settles nothing", "allow two or more")
    size = len(batch)
    transfers = clearing.transfers
    graph = coo_array((np.ones(len(transfers)), (transfers[:, 0], transfers[:, 1])), shape=(size, size))
    _, label = connected_components(graph.tocsr(), directed=False)
    component = label[transfers[:, 0]]
    found: list[Integers] = []
    large: list[Integers] = []
    for rows in _grouped(component, transfers):
        fits = len(np.unique(rows[:, :2])) <= most_orders
        (found if fits else large).append(rows)
    if large:
        pieces = _Pieces(batch, clearing)
        for rows in large:
            found.extend(pieces.settle(rows, most_orders))
    return _checked(batch, clearing, found)


def _grouped(keys: Integers, rows: Integers) -> Iterable[Integers]:
    sequence = np.argsort(keys, kind="stable")
    ends = np.flatnonzero(np.diff(keys[sequence])) + 1
    return [part for part in np.split(rows[sequence], ends) if len(part)]


def _checked(batch: Batch, clearing: Clearing, found: list[Integers]) -> Split:
    """Settlements whose makers have the lots when they come up."""
    latest = np.where(batch.give_expiring_by == 0, np.iinfo(np.int64).max, batch.give_expiring_by)
    found.sort(key=lambda rows: (int(latest[rows[:, 0]].min()), rows[0].tolist()))
    wallets = Wallets(batch)
    settlements = []
    given, received = np.zeros(len(batch), np.int64), np.zeros(len(batch), np.int64)
    for rows in found:
        try:
            wallets.run(rows)
        except OrderError:
            continue
        orders, place = np.unique(rows[:, :2], return_inverse=True)
        place = place.reshape(-1, 2)
        gives, gets = np.zeros(len(orders), np.int64), np.zeros(len(orders), np.int64)
        np.add.at(gives, place[:, 0], rows[:, 2])
        np.add.at(gets, place[:, 1], rows[:, 2])
        settlements.append(Settlement(orders, gives, gets, np.column_stack([place, rows[:, 2]])))
        given[orders] += gives
        received[orders] += gets
    dropped = np.flatnonzero((clearing.given > 0) & (given == 0))
    return Split(tuple(settlements), given, received, dropped)


@dataclass
class _Block:
    """What goes into one settlement so far: value by piece."""

    most: int
    values: dict[int, float] = field(default_factory=dict)
    orders: set[int] = field(default_factory=set)


class _Pieces:
    """Orders by what they give to each good, as edges between goods."""

    def __init__(self, batch: Batch, clearing: Clearing) -> None:
        self.book = book_of(batch)
        self.market = market_of(self.book)
        self.place = np.empty(len(batch), np.int64)
        self.place[self.book.rows] = np.arange(len(batch))
        numbers = {good: number for number, good in enumerate(self.market.goods)}
        self.price = np.ones(len(numbers))
        for good, price in zip(clearing.goods, clearing.prices, strict=True):
            self.price[numbers[good]] = float(price)
        self.want = np.zeros(len(batch), np.int64)
        self.want[self.market.order] = self.market.want

    def settle(self, rows: Integers, most: int) -> list[Integers]:
        """Transfers of one component, a list for each settlement."""
        order, to = self.place[rows[:, 0]], self.place[rows[:, 1]]
        # What an order gives counts for the good that its receiver asks for: so each good balances.
        width = len(self.price)
        keys, at = np.unique(order * width + self.want[to], return_inverse=True)
        units = np.zeros(len(keys), np.int64)
        np.add.at(units, at, rows[:, 2])
        self.order, self.give = keys // width, keys % width
        self.get = self.want[self.order]
        self.left = units
        self.value = units * self.price[self.give]
        # A few units of many are not worth a place in another settlement.
        self.dust = np.maximum(self.value * _DUST, np.minimum(3 * self.price[self.give], self.value / 100))
        self.tries = np.zeros(len(keys), np.int64)
        self.open: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        # The last of a list is used first: all-or-nothing orders, then large ones.
        for piece in np.lexsort(
            (self.book.tie[self.order], self.value, self.book.whole[self.order])
        ).tolist():
            self.open[int(self.give[piece])][int(self.get[piece])].append(piece)
        self.of_order: dict[int, list[int]] = defaultdict(list)
        for piece, number in enumerate(self.order.tolist()):
            self.of_order[number].append(piece)
        settled = []
        whole = self.book.whole[self.order]
        for piece in np.lexsort((self.book.tie[self.order], -self.value, ~whole)).tolist():
            while self.value[piece] > self.dust[piece]:
                block = self._fill(piece, most)
                if len(block.orders) < 2:
                    self._close(piece)
                    break
                settled.append(self._transfers(block))
        return [rows for rows in settled if len(rows)]

    def _fill(self, piece: int, most: int) -> _Block:
        """Circles through this piece, and then through whatever is large, until the block is full."""
        block = _Block(most)
        queue: Iterable[int] = np.argsort(
            -np.where(self.book.whole[self.order], np.inf, self.value), kind="stable"
        ).tolist()
        for seed in [piece, *queue]:
            if self.value[seed] <= self.dust[seed]:
                continue
            parts = self.of_order[int(self.order[seed])] if self.book.whole[self.order[seed]] else [seed]
            self._exhaust(parts, block)
            if len(block.orders) >= most - 1:
                break
        return block

    def _exhaust(self, parts: list[int], block: _Block) -> None:
        """All circles that the block has room for; of a whole order all that it needs, or none."""
        before = dict(block.values), set(block.orders)
        touched: dict[int, float] = {}
        for part in parts:
            while self.value[part] > self.dust[part]:
                circle = self._circle(part, block)
                if circle is None:
                    break
                amount = min(float(self.value[one]) for one in circle)
                for one in circle:
                    self.value[one] -= amount
                    touched[one] = touched.get(one, 0.0) + amount
                    block.values[one] = block.values.get(one, 0.0) + amount
                    block.orders.add(int(self.order[one]))
        if self._torn(block, touched):
            block.values, block.orders = before
            for one, amount in touched.items():
                self.value[one] += amount
            if len(before[1]) == 0:
                # Not even alone in a settlement.
                for part in parts:
                    self._close(part)

    def _torn(self, block: _Block, touched: dict[int, float]) -> bool:
        """Whether a whole order would be in the block in part."""
        whole = {int(self.order[one]) for one in touched if self.book.whole[self.order[one]]}
        return any(self.value[part] > self.dust[part] for number in whole for part in self.of_order[number])

    def _close(self, piece: int) -> None:
        self.value[piece] = 0.0

    def _head(self, give: int, get: int) -> int | None:
        pieces = self.open[give][get]
        while pieces and self.value[pieces[-1]] <= self.dust[pieces[-1]]:
            pieces.pop()
        return pieces[-1] if pieces else None

    def _circle(self, piece: int, block: _Block) -> list[int] | None:
        """The shortest way from what the piece gets back to what it gives, through orders of the block if
        that is possible, and otherwise with new ones that it has room for.
        """
        room = block.most - len(block.orders | {int(self.order[piece])})
        for inside in (True, False):
            start, goal = int(self.get[piece]), int(self.give[piece])
            came: dict[int, tuple[int, int]] = {start: (-1, -1)}
            queue = deque([start])
            while queue and goal not in came:
                here = queue.popleft()
                for there in self.open[here]:
                    if there in came:
                        continue
                    head = self._head(here, there)
                    if head is None or (inside and int(self.order[head]) not in block.orders):
                        continue
                    came[there] = here, head
                    queue.append(there)
            if goal not in came:
                continue
            circle, at = [piece], goal
            while at != start:
                at, head = came[at]
                circle.append(head)
            new = {int(self.order[one]) for one in circle[1:]} - block.orders - {int(self.order[piece])}
            if len(new) <= room:
                return circle
        return None

    def _transfers(self, block: _Block) -> Integers:
        """Whole units, and transfers, of one settlement; it takes what it uses from what is left. None, where
        an order stands in the way: it is left then, and the others try again without it.
        """
        pieces = np.array(sorted(block.values), np.int64)
        market = self._market(pieces)
        shares = np.array([block.values[piece] for piece in pieces.tolist()])
        shares = np.clip(shares / (market.units * self.price[market.give]), 0.0, 1.0)
        shares[shares > 1 - 1e-9] = 1.0
        rates: Floats = self.price[market.give] / self.price[market.want]
        amounts = whole_units(market, shares, rates)
        transfers, bad = np.zeros((0, 3), np.int64), amounts.broken
        if not len(bad):
            transfers, bad = pay(market, amounts)
        if len(bad):
            transfers = transfers[:0]
        else:
            self.left[pieces] -= amounts.given
        self._give_back(pieces, np.isin(self.order[pieces], bad), amounts.given > 0)
        rows = self.book.rows
        return np.column_stack([rows[transfers[:, 0]], rows[transfers[:, 1]], transfers[:, 2]])

    def _give_back(self, pieces: Integers, bad: Flags, used: Flags) -> None:
        """What a settlement left of its pieces has another try, but not for ever."""
        self.tries[pieces[~used]] += 1
        left = self.left[pieces] * self.price[self.give[pieces]]
        again = (self.tries[pieces] < _TRIES) & ~bad
        self.value[pieces] = np.where(again, left, 0.0)
        for piece in pieces[again & (left > self.dust[pieces])].tolist():
            stack = self.open[int(self.give[piece])][int(self.get[piece])]
            if piece not in stack:
                stack.append(piece)

    def _market(self, pieces: Integers) -> Market:
        """Of the pieces of one settlement alone."""
        everyone = self.market
        order = self.order[pieces]
        none: Flags = np.zeros(len(pieces), np.bool_)
        return Market(
            book=self.book,
            order=order,
            heap=np.arange(len(pieces)),
            give=self.give[pieces],
            want=self.get[pieces],
            units=self.left[pieces],
            limit=np.log(self.book.want_amount[order]) - np.log(self.book.give_amount[order]),
            heap_units=self.left[pieces],
            pooled=none,
            good_token=everyone.good_token,
            good_life=everyone.good_life,
            arcs=everyone.arcs,
            group=everyone.group,
        )
