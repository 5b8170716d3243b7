"""The most that anybody could trade with the orders of a week: linear programmes over flows of points.

Variables are what each offer gives and what each order gets, in dollars at the till. For each good, a token
and how long its points live at least, what is given is what is got; a point may go to who asks for less life.
Both are bounds: units need not be whole, and households that could only serve themselves count.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, vstack

from benchmarks.market.households import UNIT, Book
from benchmarks.market.ledger import Ledger
from troc.market.clearing import Clearing, Good
from troc.market.clearing.market import Market, book_of, market_of

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_TIE = 1e-8
"""Published prices have nine digits: a limit may be missed by that."""


def most(book: Book, ledger: Ledger, clearing: Clearing | None = None) -> float:
    """The most value that can be traded, in dollars: at any rates that keep all limits, another one for each
    transfer if need be; or at the prices of a clearing.
    """
    market = market_of(book_of(book.batch(ledger)))
    if not len(market):
        return 0.0
    unit = UNIT[market.book.tokens[market.good_token]]
    least = np.exp(market.limit) * unit[market.want] / unit[market.give]
    value = market.units * unit[market.give]
    if clearing is None:
        return _flow(market, value, least, False)
    price = _prices(market, clearing) / unit
    rate = price[market.give] / price[market.want]
    return _flow(market, np.where(rate >= least * (1 - _TIE), value, 0.0), rate, True)


def _prices(market: Market, clearing: Clearing) -> Floats:
    listed: dict[Good, int] = dict(zip(clearing.goods, clearing.prices, strict=True))
    return np.array([listed.get(good, 1) for good in market.goods], dtype=np.float64)


def _flow(market: Market, value: Floats, rate: Floats, exactly: bool) -> float:
    """The most that offers give, where an order gets its rate, or at least that, for a dollar."""
    orders, first, order = np.unique(market.order, return_index=True, return_inverse=True)
    offers, goods, arcs = len(market), len(market.good_token), len(market.arcs)
    gives = np.arange(offers)
    gets = offers + np.arange(len(orders))
    ages = offers + len(orders) + np.arange(arcs)
    width = offers + len(orders) + arcs
    balance = _matrix(
        [
            (np.ones(offers), market.give, gives),
            (-np.ones(len(orders)), market.want[first], gets),
            (np.ones(arcs), market.arcs[:, 0], ages),
            (-np.ones(arcs), market.arcs[:, 1], ages),
        ],
        goods,
        width,
    )
    rates = _matrix(
        [(rate, order, gives), (-np.ones(len(orders)), np.arange(len(orders)), gets)], len(orders), width
    )
    unit = UNIT[market.book.tokens[market.book.give[market.order]]]
    shared, row = np.unique(market.heap, return_inverse=True)
    room = np.zeros(len(shared))
    room[row] = market.heap_units[market.heap] * unit
    heaps = _matrix([(np.ones(offers), row, gives)], len(shared), width)
    upper, below = (
        (heaps, room) if exactly else (vstack([heaps, rates]), np.append(room, np.zeros(len(orders))))
    )
    equal = vstack([balance, rates]) if exactly else balance
    found = linprog(
        -(np.arange(width) < offers).astype(float),
        A_ub=upper,
        b_ub=below,
        A_eq=equal,
        b_eq=np.zeros(equal.shape[0]),
        bounds=np.column_stack([np.zeros(width), np.append(value, np.full(width - offers, np.inf))]),
        method="highs",
    )
    if found.status != 0:
        raise AssertionError(f"the most that could be traded was not found: {found.message}")
    return float(-found.fun)


def _matrix(entries: Sequence[tuple[Floats, Integers, Integers]], rows: int, columns: int) -> csr_array:
    values, row, column = (np.concatenate(part) for part in zip(*entries, strict=True))
    return coo_array((values, (row, column)), shape=(rows, columns)).tocsr()
