"""How good a choice of all-or-nothing orders could be: far longer searches than a clearing has time for.

What any choice can reach at given prices is the optimum of a mixed-integer programme, searched to its end
here. Over all prices nobody knows a way that surely ends: prices walk at random around the best so far, each
with its programme, and where nothing fills in part, they follow the choice from several starts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from troc.market.clearing import Batch, Clearing
from troc.market.clearing.choice import Best, choice_at, follow
from troc.market.clearing.equilibrium import Solved, solve_groups
from troc.market.clearing.market import Floats, Market, book_of, market_of

_NODES = 3000
_WALK, _FIRST_STEP, _SHRINK = 40, 0.03, 0.95
_COSTS = (0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class BestFound:
    """Surplus over its bound: of the best choice at the prices of a clearing, and of the best that was found
    at any prices.
    """

    at_prices: float
    anywhere: float


def best_found(batch: Batch, clearing: Clearing, seed: int) -> BestFound:
    """For a batch in one trading group, whose lots are of one age."""
    book = book_of(batch)
    market = market_of(book)
    published = np.log(_prices(market, clearing))
    ours = clearing.surplus / clearing.bound
    at_prices = max(ours, _reached(market, choice_at(market, published, nodes=_NODES)))
    anywhere, here = at_prices, published
    first = solve_groups(market, None).log_prices
    if not book.whole.all():
        random = np.random.default_rng(seed)
        starts = [first, 0.5 * (first - first[0]) + 0.5 * (published - published[0])]
        for number in range(_WALK):
            step = _FIRST_STEP * _SHRINK**number
            tried = here + random.normal(0, step, len(here)) * (random.random(len(here)) < 0.4)
            tried = starts[number] if number < len(starts) else tried
            reached = _reached(market, choice_at(market, tried))
            if reached > anywhere:
                anywhere, here = reached, tried
    elif anywhere < 1:
        for cost in _COSTS:
            best = Best(market)
            follow(market, np.zeros(len(book), np.bool_), first, best, cost, _NODES // 5)
            anywhere = max(anywhere, best.worst)
    return BestFound(at_prices, anywhere)


def _prices(market: Market, clearing: Clearing) -> Floats:
    listed = {good: float(price) for good, price in zip(clearing.goods, clearing.prices, strict=True)}
    return np.array([listed.get(good, 1.0) for good in market.goods])


def _reached(market: Market, tried: Solved | None) -> float:
    best = Best(market)
    best.consider(tried)
    return max(best.worst, 0.0)
