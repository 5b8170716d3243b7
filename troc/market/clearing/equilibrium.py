"""Prices and fills of a market in which every order may be filled in part, group by group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from troc.market.clearing.batch import Integers
from troc.market.clearing.market import Floats, Market
from troc.market.clearing.polish import polish
from troc.market.clearing.prices import FIRST_SMOOTHING, Problem, State, solve

_COARSE, _FINE = 3e-4, 1e-6
"""Smoothings at which the exact method takes over: the first serves most books, the second costs more."""

_LOOKS = 250
"""How often to look at a market that hardly gives way; most need 40."""

_NEARBY = 1e-2
"""Smoothing from which a market is solved again that hardly changed."""

_GOOD = 1e-9
"""Share of the turnover that may be lost in surplus without another try."""


@dataclass(frozen=True)
class Solved:
    """A market's log prices (for goods without a group as they were before, or 0), the fills of its offers,
    and the smoothing.
    """

    log_prices: Floats
    fills: Floats
    smoothing: float


def solve_groups(market: Market, near: Solved | None) -> Solved:
    """From prices nearby, if there are any."""
    log_prices = np.zeros(len(market.good_token)) if near is None else near.log_prices.copy()
    fills = np.zeros(len(market))
    smoothing = 0.0
    for number in range(market.groups):
        goods = np.flatnonzero(market.group == number)
        offers, problem = _problem(market, goods)
        state = _state(problem, None if near is None else near.log_prices[goods])
        log_prices[goods], fills[offers] = state.log_prices, state.fills
        smoothing = max(smoothing, state.smoothing)
    return Solved(log_prices, fills, smoothing)


def _state(problem: Problem, near: Floats | None) -> State:
    """Exact prices from a coarse solution; where that fails, from the finest that there is."""
    coarse = solve(problem, _COARSE, near, FIRST_SMOOTHING if near is None else _NEARBY, _LOOKS)
    exact = polish(problem, coarse)
    if exact.residual <= _GOOD:
        return exact
    fine = solve(problem, _FINE, coarse.log_prices, coarse.smoothing, 3 * _LOOKS)
    return min(exact, polish(problem, fine), key=lambda state: state.residual)


def _problem(market: Market, goods: Integers) -> tuple[Integers, Problem]:
    """The market of one group by itself, and its offers' places."""
    place = np.full(len(market.good_token), -1)
    place[goods] = np.arange(len(goods))
    offers = np.flatnonzero(place[market.give] >= 0)
    pooled = np.flatnonzero(market.pooled[offers])
    pooled = pooled[np.argsort(market.heap[offers[pooled]], kind="stable")]
    heaps, heap = np.unique(market.heap[offers[pooled]], return_inverse=True)
    arcs = place[market.arcs]
    return offers, Problem(
        goods=len(goods),
        give=place[market.give[offers]],
        want=place[market.want[offers]],
        limit=market.limit[offers],
        units=market.units[offers].astype(np.float64),
        pooled=pooled,
        heap=heap,
        heap_units=market.heap_units[heaps].astype(np.float64),
        arcs=arcs[(arcs >= 0).all(1)],
    )
