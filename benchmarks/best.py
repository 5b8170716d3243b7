"""How good a clearing could be, where its bound is out of reach: by far longer searches than it has time for.

All-or-nothing orders: what any choice can reach at given prices is the optimum of a mixed-integer programme,
searched to its end here. Over all prices nobody knows a way that surely ends: prices walk at random around
the best so far, each with its programme, and where nothing fills in part, they follow the choice from several
starts.

Makers on both sides (`Apart`): the best at given prices is a linear programme, written here apart from the
solver's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

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


_EXACT = 1e-8
"""A price has nine digits: an order may be at its limit that misses it by so much."""

_APART_WALK, _APART_STEP, _APART_SHRINK = 300, 0.1, 0.985


class Apart:
    """What any allocation at uniform prices can reach of the bound if nobody serves herself: for a batch
    without all-or-nothing orders whose lots are of one age. Surplus is in value; what is given of a token by
    others covers what a maker gets of it, which is all that transfers between others ask.
    """

    def __init__(self, batch: Batch, clearing: Clearing) -> None:
        if batch.whole.any() or any(good.living_until for good in clearing.goods):
            raise ValueError("this is for orders that allow parts, and one age")
        self.tokens = [good.token for good in clearing.goods]
        self.prices = np.log([float(price) for price in clearing.prices])
        place = {token: number for number, token in enumerate(self.tokens)}
        group = dict(zip(self.tokens, clearing.groups, strict=True))
        rows = [
            row
            for row, (give, want) in enumerate(zip(batch.give.tolist(), batch.want.tolist(), strict=True))
            if give in place and want in place and group[give] == group[want]
        ]
        self.give = np.array([place[token] for token in batch.give[rows].tolist()])
        self.want = np.array([place[token] for token in batch.want[rows].tolist()])
        self.limit = np.log(batch.want_amount[rows]) - np.log(batch.give_amount[rows])
        self.left = batch.left[rows].astype(np.float64)
        self.maker = batch.maker[rows]
        held = np.zeros((int(batch.holdings.maker.max()) + 1, batch.tokens))
        np.add.at(held, (batch.holdings.maker, batch.holdings.token), batch.holdings.units)
        self.held = held[:, self.tokens]

    def reached(self, log_prices: Floats) -> float:
        """The most surplus at these prices, over its bound."""
        worth, orders, tokens = (
            np.exp(log_prices - log_prices.max()),
            np.arange(len(self.give)),
            len(self.tokens),
        )
        margin = -np.expm1(self.limit - log_prices[self.give] + log_prices[self.want])
        held = self.held[self.maker, self.give]
        value = np.minimum(self.left, held) * worth[self.give]
        unit = value.max()
        balance = np.zeros((tokens, len(orders)))
        np.add.at(balance, (self.give, orders), 1.0)
        np.add.at(balance, (self.want, orders), -1.0)
        rows, room, bound = [], [], 0.0
        for maker in np.unique(self.maker).tolist():
            for token in range(tokens):
                own = self.maker == maker
                gives, gets = own & (self.give == token), own & (self.want == token)
                left = self.held[maker, token] * worth[token]
                for order in sorted(np.flatnonzero(gives).tolist(), key=lambda k: -margin[k]):
                    used = min(left, value[order])
                    bound += used * max(margin[order], 0.0)
                    left -= used
                rows.append(gives.astype(np.float64))
                room.append(self.held[maker, token] * worth[token] / unit)
                # What she gives and gets is at most what all give.
                rows.append(rows[-1] + gets - (self.give == token))
                room.append(0.0)
        most = np.where(margin >= -_EXACT, value, 0.0) / unit
        found = linprog(
            -margin,
            A_ub=np.array(rows),
            b_ub=np.array(room),
            A_eq=balance,
            b_eq=np.zeros(tokens),
            bounds=np.column_stack([np.zeros(len(orders)), most]),
            method="highs",
        )
        return float(-found.fun * unit / bound) if bound else 1.0

    def anywhere(self, seed: int) -> float:
        """The best that a walk of prices finds, from those of the clearing on."""
        random = np.random.default_rng(seed)
        here, best = self.prices, self.reached(self.prices)
        for number in range(_APART_WALK):
            step = _APART_STEP * _APART_SHRINK**number
            tried = here + random.normal(0, step, len(here)) * (random.random(len(here)) < 0.5)
            reached = self.reached(tried)
            if reached > best:
                here, best = tried, reached
        return best


def _prices(market: Market, clearing: Clearing) -> Floats:
    listed = {good: float(price) for good, price in zip(clearing.goods, clearing.prices, strict=True)}
    return np.array([listed.get(good, 1.0) for good in market.goods])


def _reached(market: Market, tried: Solved | None) -> float:
    best = Best(market)
    best.consider(tried)
    return max(best.worst, 0.0)
