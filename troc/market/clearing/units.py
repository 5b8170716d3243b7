"""Whole units: from shares of offers to amounts that balance token by token and keep every limit.

Rounding is done within a pair of goods, so that what one order loses by it another wins. What does not
balance then is mended first by those who gain from it, then by those who have something above their limits,
last by filling less of the orders that gain least.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from troc.market.clearing.batch import Integers
from troc.market.clearing.exact import product_over, spread
from troc.market.clearing.market import Floats, Market

_PASSES = 40
_GENEROUS = 12
"""After so many passes nobody is given more any longer: what only falls comes to an end."""


@dataclass
class Amounts:
    """What offers give and get; `broken` are orders, whole ones, that cannot be filled as they must."""

    given: Integers
    received: Integers
    broken: Integers


def whole_units(market: Market, fills: Floats, rates: Floats) -> Amounts:
    """Amounts near `fills` at `rates` (units of the wanted good for one of the given)."""
    given = _given(market, fills)
    received = np.floor(given * rates * (1 + 2e-16) + 1e-9)
    received = np.minimum(received, 2.0**62).astype(np.int64)
    return _Mending(market, given, received, rates).run()


def _given(market: Market, fills: Floats) -> Integers:
    """Rounded within pairs by largest remainder; heaps are not exceeded."""
    exact = np.minimum(market.units * fills, market.units)
    given = np.minimum(np.floor(exact).astype(np.int64), market.units)
    given = np.where(fills >= 1.0, market.units, given)
    rest = np.where(given < market.units, exact - given, 0.0)
    rest[rest < 1e-6] = 0.0
    part = np.flatnonzero((rest > 0) & ~market.pooled)
    if len(part):
        goods = len(market.good_token)
        pair = market.give[part] * goods + market.want[part]
        sequence = part[np.lexsort((market.book.tie[market.order[part]], -rest[part], pair))]
        pair = market.give[sequence] * goods + market.want[sequence]
        starts = np.flatnonzero(np.diff(pair, prepend=-1))
        count = np.diff(starts, append=len(pair))
        more = np.rint(np.add.reduceat(rest[sequence], starts)).astype(np.int64)
        rank = np.arange(len(pair)) - np.repeat(starts, count)
        given[sequence[rank < np.repeat(more, count)]] += 1
    over = np.zeros(len(market.heap_units), np.int64)
    np.add.at(over, market.heap, given)
    over -= market.heap_units
    for heap in np.flatnonzero(over > 0).tolist():
        offers = np.flatnonzero(market.heap == heap)
        given[offers] -= spread(int(over[heap]), given[offers], market.book.tie[market.order[offers]])
    return given


class _Mending:
    def __init__(self, market: Market, given: Integers, received: Integers, rates: Floats) -> None:
        book = market.book
        kept = np.flatnonzero(given > 0)
        self.market, self.kept = market, kept
        order = market.order[kept]
        self.order = order
        self.give, self.want = market.give[kept], market.want[kept]
        self.give_amount, self.want_amount = book.give_amount[order], book.want_amount[order]
        self.units, self.whole = market.units[kept], book.whole[order]
        self.free = ~market.pooled[kept] & ~self.whole
        self.tie = book.tie[order]
        self.rates = rates[kept]
        self.given = given[kept]
        self.received = np.maximum(received[kept], self._need(slice(None)))
        self.margin = np.log(self.rates) - market.limit[kept]
        self.broken: list[int] = []
        tokens = market.good_token
        self.givers = by_token(tokens[self.give], len(book.tokens))
        self.takers = by_token(tokens[self.want], len(book.tokens))
        self.generous = True

    def _need(self, which: Integers | slice) -> Integers:
        return product_over(self.given[which], self.want_amount[which], self.give_amount[which], up=True)

    def run(self) -> Amounts:
        goods = len(self.market.good_token)
        tokens = self.market.good_token
        for number in range(_PASSES):
            self.generous = number < _GENEROUS
            balance = _sums(self.give, self.given, goods) - _sums(self.want, self.received, goods)
            off = np.unique(tokens[balance != 0])
            changed = False
            for token in off.tolist():
                changed |= self._mend(token)
                if self.broken:
                    return self._result()
            if not changed:
                break
        else:
            # Whole orders without whom it might balance; without any, the least of the others.
            self.broken.extend(self._least())
        return self._result()

    def _result(self) -> Amounts:
        given = np.zeros(len(self.market), np.int64)
        received = np.zeros(len(self.market), np.int64)
        given[self.kept], received[self.kept] = self.given, self.received
        return Amounts(given, received, np.unique(np.array(self.broken, np.int64)))

    def _least(self) -> list[int]:
        filled = np.flatnonzero(self.given > 0)
        whole = filled[self.whole[filled]]
        among = whole if len(whole) else filled
        return [int(self.order[among[np.argmin(self.margin[among])]])] if len(among) else []

    def _mend(self, token: int) -> bool:
        """Balances one token, the classes that live longest first."""
        givers, takers = self.givers[token], self.takers[token]
        goods = np.flatnonzero(self.market.good_token == token)[::-1]
        changed = False
        for good in goods.tolist():
            able, asking = givers[self.give[givers] >= good], takers[self.want[takers] >= good]
            missing = _total(self.received[asking]) - _total(self.given[able])
            if missing > 0:
                changed = True
                self._fill_gap(missing, able, asking)
                if self.broken:
                    return True
        # What classes have over, from the one that lives longest on; a unit given away to one class is
        # missing in all that live shorter.
        over: dict[int, int] = {}
        for good in goods.tolist():
            over[good] = _total(self.given[givers[self.give[givers] >= good]]) - _total(
                self.received[takers[self.want[takers] >= good]]
            )
        lowest = int(goods[-1])
        if over[lowest] == 0:
            return changed
        for good in goods[::-1].tolist():
            spare = min(over[other] for other in over if other <= good)
            asking = takers[(self.want[takers] == good) & (self.given[takers] > 0)]
            used = self._give_away(spare, asking) if spare > 0 and len(asking) else 0
            for other in over:
                if other <= good:
                    over[other] -= used
        if over[lowest] > 0:
            self._take_back(over[lowest], givers[np.argsort(self.give[givers], kind="stable")])
        return True

    def _fill_gap(self, missing: int, able: Integers, asking: Integers) -> None:
        if self.generous:
            able = able[self.free[able] & (self.given[able] > 0)]
            most = product_over(self.received[able], self.give_amount[able], self.want_amount[able])
            room = np.minimum(self.units[able], most) - self.given[able]
            more = spread(missing, room, self.tie[able])
            self.given[able] += more
            missing -= _total(more)
        for gentle in (True, False):
            if missing == 0:
                return
            slack = self.received[asking] - self._need(asking)
            if gentle:
                slack = np.minimum(slack, self.received[asking] // 10_000 + 1)
            less = spread(missing, slack, self.tie[asking])
            self.received[asking] -= less
            missing -= _total(less)
        for offer in asking[np.lexsort((self.tie[asking], self.margin[asking]))].tolist():
            # Who gives nothing any more gets nothing: that can be more than is missing.
            if missing <= 0:
                return
            got = int(self.received[offer])
            if got == 0 or self.whole[offer]:
                continue
            left = max(got - missing, 0)
            given = int(self.given[offer]) * left // got
            if given == 0:
                left = 0
            self.given[offer], self.received[offer] = given, left
            missing -= got - left
        if missing > 0:
            whole = asking[self.whole[asking] & (self.received[asking] > 0)]
            self.broken.append(int(self.order[whole[np.argmin(self.margin[whole])]]))

    def _give_away(self, spare: int, asking: Integers) -> int:
        """Everything that is spare: a unit each to those whom rounding cost most, the rest in proportion."""
        lost = self.given[asking] * self.rates[asking] - self.received[asking]
        if spare <= len(asking):
            luck = np.lexsort((self.tie[asking], -np.round(lost, 6)))
            self.received[asking[luck[:spare]]] += 1
            return spare
        lacking = np.maximum(np.minimum(lost, 2.0**62), 0.0).astype(np.int64)
        more = spread(spare, lacking, self.tie[asking])
        self.received[asking] += more
        left = spare - _total(more)
        if left:
            shares = spread(left, np.maximum(self.received[asking], left), self.tie[asking])
            self.received[asking] += shares
        return spare

    def _take_back(self, over: int, givers: Integers) -> None:
        """Nobody wants it: givers keep it."""
        for offer in givers.tolist():
            if over == 0:
                return
            if self.whole[offer] or self.given[offer] == 0:
                continue
            less = min(over, int(self.given[offer]))
            self.given[offer] -= less
            over -= less
            if self.given[offer] == 0:
                self.received[offer] = 0
        if over > 0:
            whole = givers[self.whole[givers] & (self.given[givers] > 0)]
            self.broken.append(int(self.order[whole[np.argmin(self.margin[whole])]]))


def by_token(token: Integers, tokens: int) -> list[Integers]:
    sequence = np.argsort(token, kind="stable")
    ends = np.searchsorted(token[sequence], np.arange(tokens + 1))
    return [sequence[ends[number] : ends[number + 1]] for number in range(tokens)]


def _sums(place: Integers, amounts: Integers, size: int) -> Integers:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, place, amounts)
    return sums


def _total(amounts: Integers) -> int:
    return int(amounts.sum())
