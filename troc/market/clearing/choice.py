"""Which all-or-nothing orders take part.

The best choice is a hard problem: a knapsack already between two goods. What is kept, for each group of
goods, is what comes closest to the bound that is published, which counts the orders that were left out.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array

from troc.market.clearing.apart import Entries, Pairs, capped, on_both_sides, rows_apart, unserved
from troc.market.clearing.batch import Flags, Integers
from troc.market.clearing.equilibrium import Solved, solve_groups
from troc.market.clearing.market import Floats, Market, market_of

_NOTHING = 1e-9
"""Shares closer than this to nothing or to the whole are that."""

_ENOUGH, _FAIR = 0.999, 0.98
"""Shares of the bound from which no other choice is looked for at other prices, and at all."""

_TIE = 1e-9
"""An order may take part whose limit is above the rate by a factor of less than this."""

_NODES, _FEW_NODES, _GAP = 200, 50, 1e-4
"""How far programmes are searched: a count and no time, which would not end alike twice."""

_BETWEEN = (0.25, 0.5, 0.75)
"""Ways from the first prices to the last at which a choice is tried too."""

_ROUNDS = 8
"""How often orders are left out before other ways are tried."""

_ANY_PRICE = 0.5
"""What is taken off the logarithm of a limit that does not matter."""

_TURNS = 4
"""How often choice and prices may follow each other."""

_COST = 2.0
"""What a unit of value out of balance costs in surplus, where prices will follow the choice."""

_FOLLOW = 4
"""How often prices may follow what makers on both sides can be served."""

_VOLUME = 1e-6
"""What trading is worth beside surplus: orders exactly at the prices swap too."""


class Best:
    """The best solution of each group so far."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.solved: Solved | None = None
        self.quality = np.full(market.groups, -1.0)

    def consider(self, tried: Solved | None) -> None:
        if tried is None:
            return
        quality = quality_of(self.market, tried)
        if self.solved is None:
            self.solved, self.quality = tried, quality
            return
        better = quality > self.quality + _NOTHING
        group = self.market.group
        self.solved = Solved(
            np.where(better[group] & (group >= 0), tried.log_prices, self.solved.log_prices),
            np.where(better[group[self.market.give]], tried.fills, self.solved.fills),
            max(tried.smoothing, self.solved.smoothing),
        )
        self.quality = np.maximum(quality, self.quality)

    @property
    def worst(self) -> float:
        return float(self.quality.min(initial=1.0))


def choose(market: Market, without: Flags, near: Solved | None) -> Solved:
    """Prices and fills of a market, in which each all-or-nothing order is filled whole or not at all.
    `without` are the orders of the book that are not in the market.
    """
    book = market.book
    solved = solve_groups(market, near)
    if not len(_torn(market, solved)):
        solved.fills[book.whole[market.order]] = np.rint(solved.fills[book.whole[market.order]])
        return solved
    best = Best(market)
    rounds = _Rounds(market, without, solved)
    while rounds.torn and len(rounds.prices) < _ROUNDS:
        rounds.leave_out()
    if not rounds.torn:
        best.consider(rounds.result())
    for log_prices in () if book.whole[market.order].all() else rounds.prices:
        if best.worst >= _ENOUGH:
            break
        tried = choice_at(market, log_prices)
        if tried is None:
            break
        best.consider(tried)
    first, last = rounds.prices[0], rounds.prices[-1]
    for part in _BETWEEN:
        if best.solved is None or best.worst >= _FAIR:
            break
        best.consider(choice_at(market, first + part * (last - first)))
    if best.worst < _FAIR:
        follow(market, without, rounds.prices[0], best)
    if best.solved is None:
        while rounds.torn:
            rounds.leave_out()
        return rounds.result()
    return best.solved


def follow(
    market: Market,
    without: Flags,
    log_prices: Floats,
    best: Best,
    cost: float = _COST,
    nodes: int = _FEW_NODES,
) -> None:
    """Lets the choice miss balance a little, and the prices follow it: for books in which hardly anything can
    be filled in part, where prices that balance belong to a choice.
    """
    book = market.book
    whole = book.whole[market.order]
    for _ in range(_TURNS):
        wished = choice_at(market, log_prices, cost, nodes)
        if wished is None:
            return
        taking = np.zeros(len(book), np.bool_)
        taking[market.order[whole & (wished.fills > 0)]] = True
        part = market_of(book, without | (book.whole & ~taking))
        # What is chosen takes part at any price; whether it may, the prices that come of it tell.
        limit = np.where(book.whole[part.order], part.limit - _ANY_PRICE, part.limit)
        there = solve_groups(replace(part, limit=limit), wished)
        if len(_torn(part, there)):
            return
        found = Solved(there.log_prices, _spread(market, part, there.fills), there.smoothing)
        _, margin = _margins(market, found.log_prices)
        if (found.fills[whole] > _NOTHING).any() and not (margin[whole & (found.fills > 0)] < -_TIE).any():
            best.consider(found)
            if best.worst >= _FAIR:
                return
        log_prices = found.log_prices


def _torn(market: Market, solved: Solved) -> Integers:
    """All-or-nothing orders that are filled in part, from the least filled on."""
    book = market.book
    filled = np.bincount(market.order, market.units * solved.fills, len(book)) / book.left
    part = np.flatnonzero(book.whole & (filled > _NOTHING) & (filled < 1 - _NOTHING))
    torn: Integers = part[np.lexsort((book.tie[part], filled[part]))]
    return torn


class _Rounds:
    """Leaves the less filled half of those filled in part out, and solves again, until none is."""

    def __init__(self, market: Market, without: Flags, solved: Solved) -> None:
        self.market = self.part = market
        self.without, self.solved = without.copy(), solved
        self.prices = [solved.log_prices]
        self._torn = _torn(market, solved)

    @property
    def torn(self) -> bool:
        return len(self._torn) > 0

    def leave_out(self) -> None:
        self.without[self._torn[: (len(self._torn) + 1) // 2]] = True
        self.part = market_of(self.market.book, self.without)
        self.solved = solve_groups(self.part, self.solved)
        self.prices.append(self.solved.log_prices)
        self._torn = _torn(self.part, self.solved)

    def result(self) -> Solved:
        solved = self.solved
        return Solved(solved.log_prices, _spread(self.market, self.part, solved.fills), solved.smoothing)


def _spread(market: Market, part: Market, fills: Floats) -> Floats:
    """Fills of a part of the market as those of all of it; all or nothing to the last digit."""
    heaps = len(market.heap_units)
    spread = np.zeros(len(market))
    spread[np.searchsorted(market.order * heaps + market.heap, part.order * heaps + part.heap)] = fills
    whole = market.book.whole[market.order]
    spread[whole] = np.rint(spread[whole])
    return spread


def _margins(market: Market, log_prices: Floats) -> tuple[Floats, Floats]:
    """Of each offer its value, and what part of that is above the limit."""
    gain = log_prices[market.give] - log_prices[market.want] - market.limit
    return np.exp(log_prices)[market.give] * market.units, -np.expm1(-gain)


def quality_of(market: Market, solved: Solved) -> Floats:
    """Surplus over its bound by group, as docs/clearing.md defines them, in floating point. A group in which
    nothing could be gained has 1.
    """
    value, margin = _margins(market, solved.log_prices)
    group = market.group[market.give]
    sequence = np.lexsort((-margin, market.heap))
    units, heap = market.units[sequence], market.heap[sequence]
    before = np.cumsum(units) - units
    starts = np.flatnonzero(np.diff(heap, prepend=-1))
    before -= np.repeat(before[starts], np.diff(starts, append=len(heap)))
    share = np.zeros(len(market))
    share[sequence] = np.clip((market.heap_units[heap] - before) / units, 0.0, 1.0)
    bound = np.bincount(group, value * np.maximum(margin, 0.0) * share, market.groups)
    surplus = np.bincount(group, value * margin * solved.fills, market.groups)
    return np.divide(surplus, bound, out=np.ones(market.groups), where=bound > 0)


def choose_apart(market: Market, solved: Solved, stuck: Integers, spare: float) -> Solved | None:
    """Where orders, places in the book, are stuck because their makers would have to serve themselves: the
    choice with the most surplus of those in which nobody does, for the groups that they are in. At the prices
    of `solved`, and at prices that follow what such makers can trade. None where none was found.
    """
    best = Best(market)
    log_prices = solved.log_prices
    book = market.book
    takers = set(zip(book.maker[stuck].tolist(), book.want[stuck].tolist(), strict=True))
    pairs = sorted(takers | set(unserved(market, log_prices, solved.fills)))
    for turn in range(1 if book.whole[market.order].any() else _FOLLOW):
        before = best.quality.sum()
        tried = _apart_at(market, log_prices, pairs, spare)
        if tried is None:
            break
        best.consider(tried)
        if best.worst >= 1 - spare - _NOTHING or (turn and best.quality.sum() <= before + _NOTHING):
            break
        log_prices = solve_groups(capped(market, log_prices, tried.fills), solved).log_prices
    if best.solved is None:
        return None
    changed = np.zeros(market.groups + 1, np.bool_)
    changed[market.group[market.want[np.isin(market.order, stuck)]]] = True
    return Solved(
        np.where(changed[market.group], best.solved.log_prices, solved.log_prices),
        np.where(changed[market.group[market.give]], best.solved.fills, solved.fills),
        solved.smoothing,
    )


def _apart_at(market: Market, log_prices: Floats, pairs: Pairs, spare: float) -> Solved | None:
    """The best choice in which nobody serves herself. Few makers come close to that: `pairs` are those of
    whom it is known, and gets those of whom it turns out.
    """
    while True:
        tried = choice_at(market, log_prices, nodes=_FEW_NODES, apart=pairs, spare=spare)
        if tried is None:
            return None
        more = [pair for pair in unserved(market, log_prices, tried.fills) if pair not in pairs]
        if not more:
            return tried
        pairs.extend(more)


def choice_at(
    market: Market,
    log_prices: Floats,
    cost: float = 0.0,
    nodes: int = _NODES,
    apart: Pairs | None = None,
    spare: float = 0.0,
) -> Solved | None:
    """The choice with the most surplus at these prices, by a mixed-integer programme over flows of value
    between goods: a column an order that allows parts and heap, and one an all-or-nothing order. With a
    `cost`, values may miss balance at that cost. Makers named in `apart` do not serve themselves with these
    tokens, and a part, `spare`, of what others give is kept back. None where none was found.
    """
    book, goods = market.book, len(market.good_token)
    value, margin = _margins(market, log_prices)
    group = market.group[market.give]
    scale = np.maximum(np.bincount(group, value * np.maximum(margin, 0.0), market.groups), 1e-300)
    largest = np.zeros(market.groups)
    np.maximum.at(largest, group, value)
    whole = book.whole[market.order]
    bad = np.zeros(len(book), np.bool_)
    bad[market.order[whole & (margin < -_TIE)]] = True
    taking = np.flatnonzero((margin >= -_TIE) & ~bad[market.order])
    if not len(taking):
        return None
    # All offers of an all-or-nothing order are one column.
    key = np.where(whole[taking], market.order[taking], len(book) + taking)
    _, first, column = np.unique(key, return_index=True, return_inverse=True)
    count = len(first)
    arcs = market.arcs[(np.abs(np.diff(log_prices[market.arcs], axis=1)[:, 0]) <= _TIE)]
    arcs = arcs[(market.group[arcs[:, 0]] >= 0)]
    units = value[taking] / largest[group[taking]]
    reward = (value * (np.maximum(margin, 0.0) + _VOLUME) / scale[group])[taking]
    rewards = [np.bincount(column, reward, count), np.full(len(arcs), -1e-9)]
    most = [np.ones(count), np.full(len(arcs), np.inf)]
    entries = [
        (units, market.give[taking], column),
        (-units, market.want[taking], column),
        (np.ones(len(arcs)), arcs[:, 0], count + np.arange(len(arcs))),
        (-np.ones(len(arcs)), arcs[:, 1], count + np.arange(len(arcs))),
    ]
    width = count + len(arcs)
    if cost:
        priced = np.flatnonzero(market.group >= 0)
        for sign in (1.0, -1.0):
            entries.append((np.full(len(priced), sign), priced, width + np.arange(len(priced))))
            rewards.append(-cost * (largest / scale)[market.group[priced]])
            most.append(np.full(len(priced), np.inf))
            width += len(priced)
    limits = [LinearConstraint(_matrix(entries, goods, width), 0.0, 0.0)]
    shared = np.flatnonzero(market.pooled[taking])
    if len(shared):
        heaps, row = np.unique(market.heap[taking[shared]], return_inverse=True)
        share = market.units[taking[shared]] / market.heap_units[heaps][row]
        limits.append(
            LinearConstraint(_matrix([(share, row, column[shared])], len(heaps), width), -np.inf, 1.0)
        )
    if apart is not None and (others := rows_apart(market, log_prices, taking, apart, spare)):
        entries = [(values, row, column[place]) for pair in others for values, row, place in pair]
        limits.append(LinearConstraint(_matrix(entries, len(others), width), 0.0, np.inf))
    passable = np.ones(len(taking), np.bool_)
    if apart is not None:
        passable = ~_may_meet_herself(market)[taking]
    if not cost and (rows := _first_served(market, taking, column, margin, units, passable)):
        sums = _matrix(rows, 1 + max(int(row.max()) for _, row, _ in rows), width)
        limits.append(LinearConstraint(sums, 0.0, np.inf))
    integral = np.zeros(width)
    integral[:count] = whole[taking[first]]
    with _silence():
        found = milp(
            -np.concatenate(rewards),
            constraints=limits,
            integrality=integral,
            bounds=Bounds(0.0, np.concatenate(most)),
            options={"node_limit": nodes, "mip_rel_gap": _GAP, "presolve": False},
        )
    if found.x is None:
        return None
    fills = np.zeros(len(market))
    fills[taking] = np.clip(found.x[:count], 0.0, 1.0)[column]
    fills[fills < _NOTHING] = 0.0
    fills[fills > 1 - _NOTHING] = 1.0
    fills[whole] = np.rint(fills[whole])
    return Solved(log_prices, fills, 0.0)


def _may_meet_herself(market: Market) -> Flags:
    """Offers of makers who would get some of what these give, or give some of what these want."""
    token, wallet = market.good_token, market.book.maker[market.order] * len(market.book.tokens)
    both = [
        who * len(market.book.tokens) + which for who, which in on_both_sides(market, np.arange(len(market)))
    ]
    meets: Flags = np.isin(wallet + token[market.give], both) | np.isin(wallet + token[market.want], both)
    return meets


def _first_served(
    market: Market, taking: Integers, column: Integers, margin: Floats, units: Floats, passable: Flags
) -> list[Entries]:
    """Rows of what must not be less than nothing: an all-or-nothing order takes part only where all that
    allow parts, go the same way and ask for less are filled, or give all that their heaps hold. An audit
    finds whoever was passed over; `passable` are not those whom nobody may be there to serve.
    """
    whole = market.book.whole[market.order[taking]]
    way = market.give[taking] * len(market.good_token) + market.want[taking]
    heap, pooled = market.heap[taking], market.pooled[taking]
    rows: list[Entries] = []
    count = 0
    for offer in np.flatnonzero(whole).tolist():
        same = passable & ~whole & (way == way[offer])
        better = same & (margin[taking] > margin[taking[offer]] + _TIE)
        alone = np.flatnonzero(better & ~pooled)
        demands = [(alone, float(units[alone].sum()))] if len(alone) else []
        for shared in np.unique(heap[better & pooled]).tolist():
            behind = better & (heap == shared)
            room = units[behind][0] / market.units[taking[behind]][0] * market.heap_units[shared]
            demands.append((np.flatnonzero(heap == shared), min(float(units[behind].sum()), float(room))))
        for members, demand in demands:
            rows.append((units[members], np.full(len(members), count), column[members]))
            rows.append((np.array([-demand * (1 - _NOTHING)]), np.array([count]), column[[offer]]))
            count += 1
    return rows


def _matrix(entries: Sequence[Entries], rows: int, columns: int) -> csr_array:
    values, row, column = (np.concatenate(part) for part in zip(*entries, strict=True))
    return coo_array((values, (row, column)), shape=(rows, columns)).tocsr()


@contextmanager
def _silence() -> Iterator[None]:
    """HiGHS writes a line of its own to the standard output, whatever it is told, where shares made whole
    miss balance by more than its tolerance; a program that prints JSON cannot bear that.
    """
    flush = ctypes.CDLL(None).fflush if os.name == "posix" else None
    if flush is None:
        yield
        return
    flush(None)
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    try:
        yield
    finally:
        flush(None)
        os.dup2(kept, 1)
        os.close(kept)
