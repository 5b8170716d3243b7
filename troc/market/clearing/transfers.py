"""From amounts to transfers, straight from maker to maker: for a token, givers and receivers less one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from troc.market.clearing.batch import Integers
from troc.market.clearing.market import Book
from troc.market.clearing.units import _by_token


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
    the orders that keep their own makers from being served by others, if there are any.

    Equal amounts go to each other, what is left is merged in descending order, from the points that live
    longest on. The exchange takes the oldest lots that fit: it finds what it needs if those go first who may
    give the least choice of lots.
    """
    size = len(book.tokens)
    give_of, take_of = _by_token(good_token[givers.good], size), _by_token(good_token[takers.good], size)
    rows, stuck = [], []
    for token in range(size):
        if not len(give_of[token]):
            continue
        moves = _merge(givers, takers, give_of[token], take_of[token])
        alone = book.maker[givers.order[moves[:, 0]]] == book.maker[takers.order[moves[:, 1]]]
        if alone.any():
            moves, left = _part(book, givers, takers, moves)
            stuck.extend(left)
        rows.append(np.column_stack([givers.order[moves[:, 0]], takers.order[moves[:, 1]], moves[:, 2]]))
    if not rows:
        return np.zeros((0, 3), np.int64), np.zeros(0, np.int64)
    transfers = np.concatenate(rows)
    # Two parts of an order that went to one receiver are one transfer.
    pairs, place = np.unique(transfers[:, 0] * len(book) + transfers[:, 1], return_inverse=True)
    units = np.zeros(len(pairs), np.int64)
    np.add.at(units, place, transfers[:, 2])
    transfers = np.column_stack([pairs // len(book), pairs % len(book), units])
    latest = np.where(book.expiring_by == 0, np.iinfo(np.int64).max, book.expiring_by)
    sequence = np.lexsort((transfers[:, 1], transfers[:, 0], latest[transfers[:, 0]]))
    return transfers[sequence], np.unique(np.array(stuck, np.int64))


def _merge(givers: Side, takers: Side, give: Integers, take: Integers) -> Integers:
    """Rows (place among givers, place among takers, units)."""
    equal_give, equal_take = _equal(givers, takers, give, take)
    moves = [np.column_stack([equal_give, equal_take, givers.units[equal_give]])]
    give = np.setdiff1d(give, equal_give)
    take = np.setdiff1d(take, equal_take)
    if len(give):
        give = give[np.lexsort((givers.order[give], -givers.units[give], -givers.good[give]))]
        take = take[np.lexsort((takers.order[take], -takers.units[take], -takers.good[take]))]
        given, taken = np.cumsum(givers.units[give]), np.cumsum(takers.units[take])
        ends = np.union1d(given, taken)
        units = np.diff(ends, prepend=0)
        moves.append(
            np.column_stack([give[np.searchsorted(given, ends)], take[np.searchsorted(taken, ends)], units])
        )
    return np.concatenate(moves)


def _equal(givers: Side, takers: Side, give: Integers, take: Integers) -> tuple[Integers, Integers]:
    """Givers and takers of one good and amount, one to one."""
    keys, place = np.unique(
        np.concatenate(
            [
                np.column_stack([givers.good[give], givers.units[give]]),
                np.column_stack([takers.good[take], takers.units[take]]),
            ]
        ),
        axis=0,
        return_inverse=True,
    )
    place = place.reshape(-1)
    left, right = _ranked(place[: len(give)], len(keys)), _ranked(place[len(give) :], len(keys))
    _, at_left, at_right = np.intersect1d(left, right, return_indices=True)
    return give[at_left], take[at_right]


def _ranked(place: Integers, size: int) -> Integers:
    """Numbers that say which of its like each one is."""
    sequence = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[sequence], np.arange(size))
    rank = np.empty(len(place), np.int64)
    rank[sequence] = np.arange(len(place)) - starts[place[sequence]]
    ranked: Integers = rank * size + place
    return ranked


def _part(book: Book, givers: Side, takers: Side, moves: Integers) -> tuple[Integers, list[int]]:
    """No maker serves herself: her transfer swaps its receiver with one between two others."""
    rows = [tuple(row) for row in moves.tolist()]
    maker = book.maker.tolist()
    give_order, give_good = givers.order.tolist(), givers.good.tolist()
    take_order, take_good = takers.order.tolist(), takers.good.tolist()

    def own(row: tuple[int, int, int]) -> bool:
        return bool(maker[give_order[row[0]]] == maker[take_order[row[1]]])

    good = [row for row in rows if not own(row)]
    stuck = []
    for giver, taker, units in [row for row in rows if own(row)]:
        left, who = units, maker[give_order[giver]]
        for at in range(len(good)):
            if left == 0:
                break
            other_giver, other_taker, other_units = good[at]
            if (
                who in (maker[give_order[other_giver]], maker[take_order[other_taker]])
                or give_good[giver] < take_good[other_taker]
                or give_good[other_giver] < take_good[taker]
            ):
                continue
            swapped = min(left, other_units)
            left -= swapped
            good[at] = (giver, other_taker, swapped)
            good.append((other_giver, taker, swapped))
            if other_units > swapped:
                good.append((other_giver, other_taker, other_units - swapped))
        if left:
            stuck.append(take_order[taker])
    return np.array(good, np.int64).reshape(-1, 3), stuck
