"""How good a clearing is, in whole numbers that anyone can recompute, as docs/clearing.md says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from troc.market.clearing.batch import Integers
from troc.market.clearing.exact import python_integers
from troc.market.clearing.market import Market

DECIMALS = 10**18


@dataclass(frozen=True)
class Certificate:
    """In the unit of prices, with 18 decimals, as docs/clearing.md says."""

    surplus: int
    bound: int
    unfilled: int
    traded: int


def certify(
    market: Market,
    prices: Sequence[int],
    groups: Sequence[int],
    smoothing: int,
    given: Integers,
    received: Integers,
) -> Certificate:
    """`market` of all orders; `prices` and `groups` of all its goods, 0 and -1 for goods without; `smoothing`
    with 18 decimals; `given` and `received` an order of the book.
    """
    book = market.book
    group = np.array(groups, np.int64)
    counts = np.flatnonzero((group[market.give] >= 0) & (group[market.give] == group[market.want]))
    price = np.array([*prices, 0], dtype=object)
    order = market.order[counts]
    heap_price, order_price = price[market.give[counts]], price[market.want[counts]]
    give_amount = python_integers(book.give_amount[order])
    want_amount = python_integers(book.want_amount[order])
    units = python_integers(market.units[counts])
    gain = heap_price * give_amount - order_price * want_amount
    taken = _by_offer(order, heap_price, market.units[counts], given)

    filled, first = np.unique(order, return_index=True)
    terms = order_price[first] * (
        python_integers(received[filled]) * give_amount[first]
        - python_integers(given[filled]) * want_amount[first]
    )
    surplus = sum((terms // give_amount[first]).tolist())

    positive = gain > 0
    alone = positive & ~market.pooled[counts]
    bound = -sum((-units[alone] * gain[alone] // give_amount[alone]).tolist())
    shared = np.flatnonzero(positive & market.pooled[counts])
    heap = market.heap[counts]
    by_heap: dict[int, list[int]] = {}
    for offer in shared.tolist():
        by_heap.setdefault(int(heap[offer]), []).append(offer)
    for number, offers in by_heap.items():
        left = int(market.heap_units[number])
        for offer in sorted(
            offers, key=lambda k: Fraction(int(order_price[k] * want_amount[k]), int(give_amount[k]))
        ):
            most = min(left, int(units[offer]))
            bound -= -most * int(gain[offer]) // int(give_amount[offer])
            left -= most

    better = np.flatnonzero(
        heap_price * give_amount * DECIMALS > order_price * want_amount * (DECIMALS + smoothing)
    )
    size = len(market.heap_units)
    wished, went = np.zeros(size, np.int64), np.zeros(size, np.int64)
    np.add.at(wished, heap[better], np.minimum(market.units[counts[better]], market.heap_units[heap[better]]))
    np.add.at(went, heap, taken)
    short = np.maximum(np.minimum(wished, market.heap_units) - went, 0)
    lacking, at = np.unique(heap, return_index=True)
    unfilled = sum((heap_price[at] * python_integers(short[lacking])).tolist())
    traded = sum((heap_price * python_integers(taken)).tolist())
    return Certificate(surplus, bound, unfilled, traded)


def _by_offer(order: Integers, heap_price: Any, units: Integers, given: Integers) -> Integers:
    """What each order gave, taken from its offers of the highest price first."""
    taken = np.minimum(units, given[order])
    several = np.flatnonzero(np.bincount(order)[order] > 1) if len(order) else order
    by_order: dict[int, list[int]] = {}
    for offer in several.tolist():
        by_order.setdefault(int(order[offer]), []).append(offer)
    for number, offers in by_order.items():
        left = int(given[number])
        for offer in sorted(offers, key=lambda k: -heap_price[k]):
            taken[offer] = min(left, int(units[offer]))
            left -= int(taken[offer])
    return taken
