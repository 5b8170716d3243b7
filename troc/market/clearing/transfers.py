"""From amounts to transfers, straight from maker to maker: for a token, givers and receivers less one for
each group of them that fits exactly, the last of which is all the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import comb
from typing import NamedTuple

import numpy as np

from troc.market.clearing.batch import Flags, Integers
from troc.market.clearing.forest import Forest, Row
from troc.market.clearing.market import Book
from troc.market.clearing.routes import most_moved
from troc.market.clearing.units import by_token

_MANY, _MANY_LIVES = 3_000, 300
"""Rows of a token, up to which circles among them are looked for: with one class of life, and with several,
which allow few of them to be undone.
"""

_FEW, _PARTS = 32, 2**14
"""How many orders on a side, and how many parts of them, groups that fit exactly are looked for among."""


@dataclass(frozen=True)
class Side:
    """Orders that give, or get, `units` of points of a good; goods of a token are numbered by how long they
    live.
    """

    order: Integers
    good: Integers
    units: Integers


def transfers_of(book: Book, givers: Side, takers: Side, good_token: Integers) -> tuple[Integers, Integers]:
    """Rows (giving order, receiving order, units), in the sequence in which the exchange must run them, and
    those that it would refuse, since only their own makers could serve them. Takers come once each.

    The exchange takes the oldest lots that fit: it finds what it needs if those go first who may give the
    least choice of lots.
    """
    size = len(book.tokens)
    give_of, take_of = by_token(good_token[givers.good], size), by_token(good_token[takers.good], size)
    rows = [np.zeros((0, 3), np.int64)]
    refused = [np.zeros((0, 3), np.int64)]
    for token in range(size):
        if not len(give_of[token]):
            continue
        table = _Table(book, givers, takers, give_of[token], take_of[token])
        moves = table.merge()
        if table.meet and table.own(moves).any():
            moves, left = table.part(moves)
            refused.append(left)
        rows.append(table.thin(moves))
    return in_sequence(book, np.concatenate(rows)), np.concatenate(refused)


def in_sequence(book: Book, transfers: Integers) -> Integers:
    """In which the exchange must run them."""
    latest = np.where(book.expiring_by == 0, np.iinfo(np.int64).max, book.expiring_by)
    sequence = np.lexsort((transfers[:, 1], transfers[:, 0], latest[transfers[:, 0]]))
    sorted_rows: Integers = transfers[sequence]
    return sorted_rows


class _Table:
    """One token: what each order gives of each class of life, and what each asks."""

    def __init__(self, book: Book, givers: Side, takers: Side, give: Integers, take: Integers) -> None:
        self.maker = book.maker
        self.classes = np.unique(np.concatenate([givers.good[give], takers.good[take]]))
        self.givers, row = np.unique(givers.order[give], return_inverse=True)
        self.units = np.zeros((len(self.givers), len(self.classes)), np.int64)
        np.add.at(self.units, (row, np.searchsorted(self.classes, givers.good[give])), givers.units[give])
        self.takers, self.asked = takers.order[take], takers.units[take]
        self.asked_class = np.searchsorted(self.classes, takers.good[take])
        self.shy_givers = np.isin(self.maker[self.givers], self.maker[self.takers])
        self.shy_takers = np.isin(self.maker[self.takers], self.maker[self.givers])
        self.meet = bool(self.shy_givers.any())

    def own(self, moves: Integers) -> Flags:
        own: Flags = self.maker[moves[:, 0]] == self.maker[moves[:, 1]]
        return own

    def merge(self) -> Integers:
        """Class by class, from the one that lives longest on: equal amounts to each other, then groups that
        fit exactly, what is left in descending order. Each row uses up what an order can give to the class,
        or what one asks.
        """
        rows = [np.zeros((0, 3), np.int64)]
        able = np.zeros(len(self.givers), np.int64)
        for number in range(len(self.classes))[::-1]:
            able += self.units[:, number]
            later = self.units[:, :number].sum(1) > 0
            asking = np.flatnonzero(self.asked_class == number)
            give, take = self._equal(able, later, asking)
            rows.append(self._rows(give, take, able[give]))
            able[give] = 0
            asking = np.setdiff1d(asking, take)
            for group in self._groups(able, later, asking):
                rows.append(self._descend(able, later, *group))
                asking = np.setdiff1d(asking, group[1])
            if len(asking):
                rows.append(self._descend(able, later, np.flatnonzero(able), asking))
        return _added_up(np.concatenate(rows))

    def _descend(self, able: Integers, later: Flags, giving: Integers, asking: Integers) -> Integers:
        """Both sides in descending order; takes what it uses from what is able."""
        # Who gives this class alone goes first; makers on both sides go first here, and last there.
        giving = giving[np.lexsort((-able[giving], ~self.shy_givers[giving], later[giving]))]
        asking = asking[np.lexsort((-self.asked[asking], self.shy_takers[asking]))]
        given, taken = np.cumsum(able[giving]), np.cumsum(self.asked[asking])
        ends = np.union1d(given[given < taken[-1]], taken)
        units = np.diff(ends, prepend=0)
        give = giving[np.searchsorted(given, ends)]
        rows = self._rows(give, asking[np.searchsorted(taken, ends)], units)
        np.subtract.at(able, give, units)
        return rows

    def _groups(self, able: Integers, later: Flags, asking: Integers) -> Iterator[tuple[Integers, Integers]]:
        """Some who give together exactly what some ask together, the fewest first: each such group takes a
        transfer less. The fewest transfers are those of the most groups, a hard problem; so this looks only
        where a settlement is made, and for groups that are small or leave a small rest.
        """
        giving = np.flatnonzero((able > 0) & ~later & ~self.shy_givers)
        asking = asking[~self.shy_takers[asking]]
        while 0 < len(giving) <= _FEW and 0 < len(asking) <= _FEW:
            give = _fewest_by_sum(able[giving])
            take = _fewest_by_sum(self.asked[asking])
            _, left, right = np.intersect1d(give.sums, take.sums, assume_unique=True, return_indices=True)
            members = give.members[left] + take.members[right]
            apart = np.flatnonzero(members < len(giving) + len(asking))
            if not len(apart):
                return
            best = apart[np.argmin(members[apart])]
            chosen = (
                giving[_bits(give.masks[left[best]], len(giving))],
                asking[_bits(take.masks[right[best]], len(asking))],
            )
            yield chosen
            giving, asking = np.setdiff1d(giving, chosen[0]), np.setdiff1d(asking, chosen[1])

    def _rows(self, give: Integers, take: Integers, units: Integers) -> Integers:
        return np.column_stack([self.givers[give], self.takers[take], units])

    def _equal(self, able: Integers, later: Flags, asking: Integers) -> tuple[Integers, Integers]:
        """Orders that give, and ask, the same amount, one to one."""
        giving = np.flatnonzero((able > 0) & ~later)
        amounts, place = np.unique(np.concatenate([able[giving], self.asked[asking]]), return_inverse=True)
        left = _ranked(place[: len(giving)], len(amounts))
        right = _ranked(place[len(giving) :], len(amounts))
        _, at_left, at_right = np.intersect1d(left, right, return_indices=True)
        give, take = giving[at_left], asking[at_right]
        others = self.maker[self.givers[give]] != self.maker[self.takers[take]]
        return give[others], take[others]

    def part(self, moves: Integers) -> tuple[Integers, Integers]:
        """No maker serves herself: her row swaps its receiver with one in which she has no part, perhaps
        another's own. With one class of life that ends well wherever anything does; with several, everything
        is paid anew where it does not.
        """
        own = self.own(moves)
        rows = [[giver, taker, units] for giver, taker, units in moves.tolist()]
        maker = {order: int(self.maker[order]) for order in [*self.givers.tolist(), *self.takers.tolist()]}
        served = _Served(self, moves.tolist())
        for at in np.flatnonzero(own).tolist():
            giver, taker, _ = rows[at]
            for other in range(len(rows)):
                other_giver, other_taker, units = rows[other]
                swapped = min(rows[at][2], units)
                if not swapped or maker[giver] in (maker[other_giver], maker[other_taker]):
                    continue
                if not served.swap(giver, taker, other_giver, other_taker, swapped):
                    continue
                rows[at][2] -= swapped
                rows[other][2] -= swapped
                rows += [[giver, other_taker, swapped], [other_giver, taker, swapped]]
        moves = _rows_of([row for row in rows if row[2]])
        own = self.own(moves)
        if own.any() and len(self.classes) > 1:
            return self._route()
        return moves[~own], moves[own]

    def _route(self) -> tuple[Integers, Integers]:
        """By who may give to whom alone, whatever it takes: what is paid, and what there is no way for."""
        give, give_class = np.nonzero(self.units)
        # Makers on one side alone are as one.
        give_maker = np.where(self.shy_givers, self.maker[self.givers], -1)[give]
        take_maker = np.where(self.shy_takers, self.maker[self.takers], -1)
        giving, give_place = np.unique(np.column_stack([give_maker, give_class]), axis=0, return_inverse=True)
        taking, take_place = np.unique(
            np.column_stack([take_maker, self.asked_class]), axis=0, return_inverse=True
        )
        others = (giving[:, :1] != taking[:, 0]) | (giving[:, :1] < 0)
        allowed = others & (giving[:, 1:] >= taking[:, 1])
        supply, demand = np.zeros(len(giving), np.int64), np.zeros(len(taking), np.int64)
        np.add.at(supply, give_place.reshape(-1), self.units[give, give_class])
        np.add.at(demand, take_place.reshape(-1), self.asked)
        moved = most_moved(supply, demand, allowed)
        able = _queues(give_place, self.givers[give], self.units[give, give_class], len(giving))
        lacking = _queues(take_place, self.takers, self.asked, len(taking))
        rows = []
        for giver, taker in np.argwhere(moved).tolist():
            rows += _paid(able[giver], lacking[taker], int(moved[giver, taker]))
        left, short = list(chain.from_iterable(able)), list(chain.from_iterable(lacking))
        refused = _paid(left, short, sum(units for _, units in left))
        return _rows_of(rows), _rows_of(refused)

    def thin(self, moves: Integers) -> Integers:
        """The same amounts by fewer rows, where exchanges or several classes of life have made many."""
        least = len(np.unique(moves[:, 0])) + len(np.unique(moves[:, 1])) - 1
        most = _MANY if len(self.classes) == 1 else _MANY_LIVES
        if not least < len(moves) <= most:
            return moves
        forest = Forest(_Served(self, moves.tolist()).shift)
        for giver, taker, units in moves.tolist():
            forest.add(giver, taker, units)
        return _rows_of([[giver, taker, units] for (giver, taker), units in forest.units.items()])


def _queues(place: Integers, orders: Integers, units: Integers, size: int) -> list[list[tuple[int, int]]]:
    queues: list[list[tuple[int, int]]] = [[] for _ in range(size)]
    for at, order, amount in zip(place.reshape(-1).tolist(), orders.tolist(), units.tolist(), strict=True):
        queues[at].append((order, amount))
    return queues


def _paid(able: list[tuple[int, int]], lacking: list[tuple[int, int]], units: int) -> list[list[int]]:
    """Rows that move so many units from the first who are able to the first who lack; these are changed."""
    rows = []
    while units:
        (giver, has), (taker, lacks) = able[0], lacking[0]
        now = min(units, has, lacks)
        rows.append([giver, taker, now])
        able[:1] = [(giver, has - now)] if has > now else []
        lacking[:1] = [(taker, lacks - now)] if lacks > now else []
        units -= now
    return rows


def _rows_of(rows: list[list[int]]) -> Integers:
    return _added_up(np.array(rows, np.int64).reshape(-1, 3))


class _Served:
    """What each order gives to each class of life: a swap must leave everybody enough that lives as long."""

    def __init__(self, table: _Table, rows: list[tuple[int, int, int]]) -> None:
        self.units = dict(zip(table.givers.tolist(), table.units.tolist(), strict=True))
        self.asked = dict(zip(table.takers.tolist(), table.asked_class.tolist(), strict=True))
        self.given = {order: [0] * len(table.classes) for order in self.units}
        for giver, taker, units in rows:
            self.given[giver][self.asked[taker]] += units

    def swap(self, giver: int, taker: int, other_giver: int, other_taker: int, units: int) -> bool:
        return self.shift(
            [(giver, taker), (other_giver, other_taker)], [(giver, other_taker), (other_giver, taker)], units
        )

    def shift(self, less: Sequence[Row], more: Sequence[Row], units: int) -> bool:
        """So many units less of some rows and more of others, where all who give them still can."""
        self._move(less, more, units)
        if all(self._able(giver) for giver, _ in less):
            return True
        self._move(more, less, units)
        return False

    def _move(self, less: Sequence[Row], more: Sequence[Row], units: int) -> None:
        for rows, change in ((less, -units), (more, units)):
            for giver, taker in rows:
                self.given[giver][self.asked[taker]] += change

    def _able(self, giver: int) -> bool:
        spare = 0
        for held, given in zip(reversed(self.units[giver]), reversed(self.given[giver]), strict=True):
            spare += held - given
            if spare < 0:
                return False
        return True


class _Sums(NamedTuple):
    """Sums of parts of some amounts, each once, with the fewest members that make it."""

    sums: Integers
    members: Integers
    masks: Integers


def _fewest_by_sum(amounts: Integers) -> _Sums:
    """Of all parts but the empty one, as far as there is room: of many amounts only small parts."""
    most = len(amounts)
    while sum(comb(len(amounts), size) for size in range(most + 1)) > _PARTS:
        most -= 1
    sums, members, masks = (np.zeros(1, np.int64) for _ in range(3))
    for number, amount in enumerate(amounts.tolist()):
        more = members < most
        sums = np.concatenate([sums, sums[more] + amount])
        masks = np.concatenate([masks, masks[more] | 1 << number])
        members = np.concatenate([members, members[more] + 1])
    sequence = np.lexsort((masks, members, sums))[1:]
    _, first = np.unique(sums[sequence], return_index=True)
    return _Sums(*(column[sequence[first]] for column in (sums, members, masks)))


def _bits(mask: int, size: int) -> Flags:
    bits: Flags = (mask >> np.arange(size)) & 1 > 0
    return bits


def _added_up(rows: Integers) -> Integers:
    """One row for each giver and receiver."""
    if not len(rows):
        return rows
    pairs, place = np.unique(rows[:, :2], axis=0, return_inverse=True)
    units = np.zeros(len(pairs), np.int64)
    np.add.at(units, place.reshape(-1), rows[:, 2])
    return np.column_stack([pairs, units])


def _ranked(place: Integers, size: int) -> Integers:
    """Numbers that say which of its like each one is."""
    sequence = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[sequence], np.arange(size))
    rank = np.empty(len(place), np.int64)
    rank[sequence] = np.arange(len(place)) - starts[place[sequence]]
    ranked: Integers = rank * size + place
    return ranked
