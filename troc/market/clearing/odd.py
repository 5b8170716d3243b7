"""Odd units: moves that the exchange would refuse, from a maker to herself, are left out where both sides
can bear it. Whole units seldom come out exactly as shares do.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from troc.market.clearing.batch import Integers
from troc.market.clearing.exact import product_over
from troc.market.clearing.market import Book

_ODD = 10_000
"""One part in so many, and a unit, is what an order may get or give less than it should."""


def leave_out(book: Book, transfers: Integers, refused: Integers) -> tuple[Integers, Integers]:
    """The transfers without those that are refused, and the takers for whom these are more than odd units, or
    more than their limits allow.
    """
    return _Odd(book, transfers, refused).run()


class _Odd:
    def __init__(self, book: Book, transfers: Integers, refused: Integers) -> None:
        self.book, self.refused = book, refused
        self.rows: list[list[int]] = transfers.tolist()
        given, received = np.zeros(len(book), np.int64), np.zeros(len(book), np.int64)
        for moves in (transfers, refused):
            np.add.at(given, moves[:, 0], moves[:, 2])
            np.add.at(received, moves[:, 1], moves[:, 2])
        self.may_give_less, self.may_get_less = given // _ODD + 1, received // _ODD + 1
        self.may_give_less[book.whole] = 0
        self.given, self.received = given, received
        self.by_giver, self.by_maker = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
        for place, (giver, taker, _) in enumerate(self.rows):
            self.by_giver[giver].append(place)
            self.by_maker[int(book.maker[taker])].append(place)

    def run(self) -> tuple[Integers, Integers]:
        stuck = []
        for giver, taker, units in self.refused.tolist():
            self._give_less(giver, units)
            left = units - self._get_less(taker, units)
            left -= self._hand_on(taker, left) if left else 0
            left -= self._shrink(taker, left) if left else 0
            if left or self.may_give_less[giver] < 0:
                stuck.append(taker)
        kept = np.array([row for row in self.rows if row[2]], np.int64).reshape(-1, 3)
        return kept, np.unique(np.array(stuck, np.int64))

    def _give_less(self, giver: int, units: int) -> None:
        self.given[giver] -= units
        self.may_give_less[giver] -= units

    def _get_less(self, taker: int, units: int) -> int:
        """How much of it the taker goes without."""
        most = min(int(self.received[taker]) - self._need(taker), int(self.may_get_less[taker]))
        units = max(min(units, most), 0)
        self.received[taker] -= units
        self.may_get_less[taker] -= units
        return units

    def _need(self, taker: int) -> int:
        book, one = self.book, slice(taker, taker + 1)
        return int(product_over(self.given[one], book.want_amount[one], book.give_amount[one], up=True)[0])

    def _hand_on(self, taker: int, units: int) -> int:
        """Another order of the same maker gets less, and this one what it would have got."""
        book, done = self.book, 0
        for place in list(self.by_maker[int(book.maker[taker])]):
            giver, other, moved = self.rows[place]
            alike = book.want[other] == book.want[taker] and other != taker
            if alike and book.living_until[other] >= book.living_until[taker]:
                less = self._get_less(other, min(units - done, moved))
                self.rows[place][2] -= less
                self.rows.append([giver, taker, less])
                done += less
        return done

    def _shrink(self, taker: int, units: int) -> int:
        """The taker gives as much less as its limit asks, to those who can go without."""
        book = self.book
        got, one = self.received[taker : taker + 1] - units, slice(taker, taker + 1)
        enough = int(product_over(got, book.give_amount[one], book.want_amount[one])[0])
        surplus = int(self.given[taker]) - enough
        if surplus > self.may_give_less[taker] or units > self.may_get_less[taker]:
            return 0
        for place in self.by_giver[taker]:
            less = self._get_less(self.rows[place][1], min(surplus, self.rows[place][2]))
            self.rows[place][2] -= less
            self._give_less(taker, less)
            surplus -= less
        return self._get_less(taker, units) if surplus <= 0 else 0
