"""Three ways to bring the orders of a week together: pairs, greedy rings, fair clearing.

Each takes the book and what makers hold and returns transfers, which `settle` then runs as the exchange
would.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import exp, log

import numpy as np
import numpy.typing as npt

from benchmarks.market.households import UNIT, Book
from benchmarks.market.ledger import Ledger
from troc.market.clearing import Clearing
from troc.market.clearing import clear as clear_fairly

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

Transfer = tuple[int, int, int]
"""Giving order, receiving order, units."""


class SettlementError(Exception):
    """Transfers that the exchange would refuse."""


@dataclass(frozen=True)
class Outcome:
    """What a mechanism did with a book: per order what it gave and received, and the transfers.

    `clearing` is what the fair clearing publishes, None for the others.
    """

    given: Integers
    received: Integers
    transfers: Sequence[Transfer]
    clearing: Clearing | None = None

    def surplus(self, book: Book) -> float:
        """What all received beyond their limits, in dollars at the till."""
        limits = self.given * (book.want_amount / book.give_amount)
        return float(((self.received - limits) * UNIT[book.want]).sum())

    def value(self, book: Book) -> float:
        """What was given, in dollars at the till."""
        return float((self.given * UNIT[book.give]).sum())


Mechanism = Callable[[Book, Ledger], Outcome]


def settle(book: Book, transfers: Sequence[Transfer], ledger: Ledger) -> tuple[Integers, Integers]:
    """Run transfers as the exchange would; returns what each order gave and received.

    Raises `SettlementError` where both ends disagree on the token, an order gives more than it has, or one
    receives less than its limit; `LedgerError` where lots within both bounds are missing.
    """
    given, received = [0] * len(book), [0] * len(book)
    household, give, want = (column.tolist() for column in (book.household, book.give, book.want))
    living, expiring = book.want_living_until.tolist(), book.give_expiring_by.tolist()
    for source, target, units in transfers:
        if give[source] != want[target]:
            raise SettlementError(f"order {target} does not want what order {source} gives")
        ledger.transfer(
            household[source], household[target], give[source], units, living[target], expiring[source]
        )
        given[source] += units
        received[target] += units
    for order, (amount, wanted) in enumerate(
        zip(book.give_amount.tolist(), book.want_amount.tolist(), strict=True)
    ):
        if given[order] > amount:
            raise SettlementError(f"order {order} gives {given[order]}, more than {amount}")
        if received[order] * amount < given[order] * wanted:
            raise SettlementError(
                f"order {order} receives {received[order]} for {given[order]}, below its limit"
            )
    return np.array(given, dtype=np.int64), np.array(received, dtype=np.int64)


@dataclass
class Standing:
    """An order with what is left of its lots: [expiry, units], the oldest first."""

    number: int
    give: int
    want: int
    amount: int
    wanted: int
    bound: int
    lots: list[list[int]]
    rate: float = field(init=False)

    def __post_init__(self) -> None:
        self.rate = log(self.wanted / self.amount)

    def __lt__(self, other: Standing) -> bool:
        """The better price first, then the earlier one."""
        return (self.rate, self.number) < (other.rate, other.number)

    def left(self, beyond: int) -> int:
        """What it can still give out of lots that live beyond a time."""
        return sum(units for expiry, units in self.lots if expiry > beyond)

    def pay(self, units: int, beyond: int) -> None:
        """Take units from the oldest lots that live beyond a time."""
        for lot in self.lots:
            if lot[0] > beyond:
                part = min(units, lot[1])
                lot[1] -= part
                units -= part

    def least(self, given: int) -> int:
        """The least it must receive for what it gives."""
        return -(-given * self.wanted // self.amount)


def _standing(book: Book, ledger: Ledger) -> Iterator[Standing]:
    expiries = ledger.expiries
    rows = zip(
        book.household.tolist(),
        book.give.tolist(),
        book.want.tolist(),
        book.give_amount.tolist(),
        book.want_amount.tolist(),
        book.give_expiring_by.tolist(),
        book.want_living_until.tolist(),
        strict=True,
    )
    for number, (who, give, want, amount, wanted, until, living) in enumerate(rows):
        lots, left = [], amount
        units = ledger.units[who, give]
        for epoch in np.flatnonzero(units).tolist():
            part = min(left, int(units[epoch]))
            if part and (not until or expiries[give, epoch] <= until):
                lots.append([int(expiries[give, epoch]), part])
                left -= part
        yield Standing(number, give, want, amount, wanted, living, lots)


def _outcome(book: Book, transfers: Sequence[Transfer]) -> Outcome:
    """Transfers between the same two orders are made one, as anyone would who pays for them."""
    given, received = np.zeros((2, len(book)), dtype=np.int64)
    merged: dict[tuple[int, int], int] = {}
    for source, target, units in transfers:
        given[source] += units
        received[target] += units
        merged[source, target] = merged.get((source, target), 0) + units
    return Outcome(given, received, [(*ends, units) for ends, units in merged.items()])


def pairs(book: Book, ledger: Ledger) -> Outcome:
    """An order book for each pair: an order that comes takes the best standing ones, at their price.

    Orders come in the sequence of `arrival`, and may be filled in part; what is left stands for the week.
    """
    books: dict[tuple[int, int], list[Standing]] = {}
    transfers: list[Transfer] = []
    entries = list(_standing(book, ledger))
    for number in np.argsort(book.arrival, kind="stable").tolist():
        taker = entries[number]
        against = books.get((taker.want, taker.give), [])
        for maker in against:
            if maker.rate + taker.rate > 0:
                break
            _match(taker, maker, transfers)
            if not taker.left(0):
                break
        if any(not maker.left(0) for maker in against):
            against[:] = [maker for maker in against if maker.left(0)]
        if taker.left(0):
            insort(books.setdefault((taker.give, taker.want), []), taker)
    return _outcome(book, transfers)


def _match(taker: Standing, maker: Standing, transfers: list[Transfer]) -> None:
    gives = min(maker.left(taker.bound), taker.left(maker.bound) * maker.amount // maker.wanted)
    pays = maker.least(gives)
    if gives <= 0 or gives < taker.least(pays):
        return
    maker.pay(gives, taker.bound)
    taker.pay(pays, maker.bound)
    transfers.append((maker.number, taker.number, gives))
    transfers.append((taker.number, maker.number, pays))


class _Rings:
    """Which ring is best, kept up to date as orders run out.

    Nodes are lots of a token that no order in the book tells apart. From a node an order leads to every node
    of what it wants that lives long enough; its weight is the logarithm of its limit. A ring is good for all
    where the weights add up to less than 0; the best has the lowest mean.
    """

    def __init__(self, entries: Sequence[Standing], longest: int) -> None:
        self._longest = longest
        bounds: dict[int, set[int]] = {}
        for entry in entries:
            bounds.setdefault(entry.want, set()).add(entry.bound)
        self._bounds = {token: sorted(found) for token, found in bounds.items()}
        nodes = sorted({self._kind(entry.give, lot[0]) for entry in entries for lot in entry.lots})
        self._place = {node: number for number, node in enumerate(nodes)}
        self._queues: dict[tuple[int, int, int], list[Standing]] = {}
        for entry in sorted(entries, reverse=True):
            for node in self.nodes_of(entry):
                self._queues.setdefault((node, entry.want, entry.bound), []).append(entry)
        self._over: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        for key in self._queues:
            node, want, bound = key
            for (token, kind), target in self._place.items():
                if token == want and kind > bisect_left(self._bounds[want], bound):
                    self._over.setdefault((node, target), []).append(key)
        size = len(nodes)
        self._weights = np.full((size, size), np.inf)
        for node, target in self._over:
            self._weights[node, target] = self._best(node, target)[0]
        # Best weight of all ways of two and of three orders.
        self._two = _join(self._weights, self._weights)
        self._three = _join(self._two, self._weights)

    def _kind(self, token: int, expiry: int) -> tuple[int, int]:
        """A token and how many of the bounds that are asked of it a lot lives beyond."""
        return token, bisect_left(self._bounds.get(token, []), expiry)

    def nodes_of(self, entry: Standing) -> list[int]:
        """The nodes of all lots that an order had."""
        return sorted({self._place[self._kind(entry.give, lot[0])] for lot in entry.lots})

    def _has(self, entry: Standing, node: int) -> bool:
        return any(lot[1] and self._place[self._kind(entry.give, lot[0])] == node for lot in entry.lots)

    def take_out(self, entry: Standing) -> None:
        """Leave an order out from now on."""
        for lot in entry.lots:
            lot[1] = 0

    def _best(self, node: int, target: int) -> tuple[float, tuple[int, int, int] | None]:
        """The lowest limit over an edge, and the queue at whose end that order is."""
        best: tuple[float, tuple[int, int, int] | None] = (np.inf, None)
        for key in self._over[node, target]:
            queue = self._queues[key]
            while queue and not self._has(queue[-1], node):
                queue.pop()
            if queue and queue[-1].rate < best[0]:
                best = queue[-1].rate, key
        return best

    def next(self) -> list[int] | None:
        """The nodes of the best ring, None where no ring is good for all."""
        best, found = -1e-12, None
        ways: list[tuple[int, Floats]] = [(2, self._two.diagonal())]
        if self._longest >= 3:
            ways.append((3, self._three.diagonal()))
        if self._longest >= 4:
            ways.append((4, self._two + self._two.T))
        if self._longest >= 5:
            ways.append((5, self._three + self._two.T))
        for length, weights in ways:
            if not weights.size:
                return None
            place = int(weights.argmin())
            # A longer ring must be better by more than the last digit: so it never visits a node twice.
            if weights.flat[place] / length < best - 1e-12:
                best, found = weights.flat[place] / length, (length, place)
        if found is None:
            return None
        return self._unfold(*found)

    def _unfold(self, length: int, place: int) -> list[int]:
        if length == 2:
            return [place, self._middle(place, place)]
        if length == 3:
            last = self._last(place, place)
            return [place, self._middle(place, last), last]
        first, other = divmod(place, len(self._weights))
        back = self._middle(other, first)
        if length == 4:
            return [first, self._middle(first, other), other, back]
        last = self._last(first, other)
        return [first, self._middle(first, last), last, other, back]

    def _middle(self, source: int, target: int) -> int:
        return int((self._weights[source] + self._weights[:, target]).argmin())

    def _last(self, source: int, target: int) -> int:
        return int((self._two[source] + self._weights[:, target]).argmin())

    def orders(self, ring: Sequence[int]) -> list[Standing]:
        """The best order over each edge of a ring."""
        found = []
        for node, target in zip(ring, [*ring[1:], ring[0]], strict=True):
            key = self._best(node, target)[1]
            if key is None:
                raise AssertionError("a ring leads over an edge without orders")
            found.append(self._queues[key][-1])
        return found

    def refresh(self, entries: Sequence[Standing]) -> None:
        """Look again at the edges of some orders, which may have run out."""
        nodes = [node for entry in entries for node in self.nodes_of(entry)]
        changed: dict[int, list[int]] = {}
        for node in set(nodes):
            for target in np.flatnonzero(np.isfinite(self._weights[node])).tolist():
                weight = self._best(node, target)[0]
                if weight != self._weights[node, target]:
                    self._weights[node, target] = weight
                    changed.setdefault(node, []).append(target)
        if not changed:
            return
        columns = sorted({target for targets in changed.values() for target in targets})
        rows = sorted(changed)
        # Weights only grow. A way of two changes where its first or its second order did.
        self._two[rows] = _join(self._weights[rows], self._weights)
        self._two[:, columns] = _join(self._weights, self._weights[:, columns])
        self._three = _join(self._two, self._weights)


def _join(left: Floats, right: Floats) -> Floats:
    """The best weight of a way of `left` and then one of `right`."""
    if not left.size or not right.size:
        return np.full((left.shape[0], right.shape[1]), np.inf)
    return np.asarray((left[:, :, None] + right[None, :, :]).min(axis=1))


def rings(book: Book, ledger: Ledger, longest: int = 5) -> Outcome:
    """The ring with the best rate first, from two orders to `longest`, all of it that its smallest order
    bears.

    All orders of a ring gain by the same factor over their limits.
    """
    entries = list(_standing(book, ledger))
    graph = _Rings(entries, longest)
    transfers: list[Transfer] = []
    while (ring := graph.next()) is not None:
        orders = graph.orders(ring)
        takers = [orders[-1], *orders[:-1]]
        has = [order.left(taker.bound) for order, taker in zip(orders, takers, strict=True)]
        amounts = _amounts(orders, has)
        if amounts is None:
            # Too little is left of the smallest to share the gain in whole units.
            shares = [units / order.amount for units, order in zip(has, orders, strict=True)]
            graph.take_out(min(zip(shares, orders, strict=True))[1])
        else:
            for giver, taker, units in zip(orders, takers, amounts, strict=True):
                giver.pay(units, taker.bound)
                transfers.append((giver.number, taker.number, units))
        graph.refresh(orders)
    return _outcome(book, transfers)


def _amounts(orders: Sequence[Standing], has: Sequence[int]) -> list[int] | None:
    """What each order of a ring gives to the one before it, which wants it; None where no whole units do.

    `has` is what each can give. The same factor lies between each order's limit and its rate, and the
    smallest order is used up.
    """
    factor = exp(-sum(order.rate for order in orders) / len(orders))
    weight, weights = 1.0, []
    for order in orders:
        weights.append(weight)
        weight *= exp(order.rate) * factor
    scale = min(units / weight for units, weight in zip(has, weights, strict=True))
    for cut in (1.0, 0.999, 0.99, 0.9):
        amounts = [
            min(units, round(cut * scale * weight)) for units, weight in zip(has, weights, strict=True)
        ]
        gets = [*amounts[1:], amounts[0]]
        if all(
            amount > 0 and got >= order.least(amount)
            for order, amount, got in zip(orders, amounts, gets, strict=True)
        ):
            return amounts
    return None


def fair(book: Book, ledger: Ledger) -> Outcome:
    """Uniform prices (troc.market.clearing)."""
    clearing = clear_fairly(book.batch(ledger))
    transfers = [(row[0], row[1], row[2]) for row in clearing.transfers.tolist()]
    return Outcome(clearing.given, clearing.received, transfers, clearing)


MECHANISMS: dict[str, Mechanism] = {"pairs": pairs, "rings": rings, "fair": fair}
