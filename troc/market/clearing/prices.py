"""Uniform prices: damped Newton steps in log prices on a smoothed market, with ever less smoothing.

An order fills by the share clip((u - limit) / μ, 0, 1), where u is the logarithm of the rate that the prices
give it; as μ falls to 0 that becomes the market itself, an Arrow-Debreu exchange market of linear utilities
(Ramseyer, Goel and Mazières, "SPEEDEX", NSDI 2023). In values, the Jacobian of what goes into each good less
what comes out of it is an M-matrix whose columns add up to 0, which makes Newton's way work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from troc.market.clearing.batch import Flags, Integers
from troc.market.clearing.market import Floats

FIRST_SMOOTHING = 0.3
_FACTOR = 0.4
_GIVE_UP = 0.97
_STEPS = 40
_DAMPINGS = 6
_HALVINGS = 7
_CLOSE = 1e-4
"""Residual, as a share of a good's turnover, at which the smoothing is lowered."""
_QUIET = 1e-3
"""A good's turnover counts as at least this share of what is offered of it: no division by nearly nothing."""


@dataclass(frozen=True)
class Problem:
    """One group's market: goods from 0 on, offers, and arcs that turn a fresher good into an older one.

    `units` of an offer in floating point, `heap` numbers the heaps of `pooled` offers (sorted by heap, from 0
    on), whose sizes are `heap_units`.
    """

    goods: int
    give: Integers
    want: Integers
    limit: Floats
    units: Floats
    pooled: Integers
    heap: Integers
    heap_units: Floats
    arcs: Integers


@dataclass(frozen=True)
class State:
    """Log prices, the share of each offer that fills, units along each arc, the smoothing and residual that
    were reached, and what the scarcity of each heap takes off the gains of its offers.
    """

    log_prices: Floats
    fills: Floats
    arc_units: Floats
    smoothing: float
    residual: float
    threshold: Floats


class _Smoothed:
    """The market at one smoothing: excess values and their Jacobian."""

    def __init__(self, problem: Problem, smoothing: float) -> None:
        self.problem = problem
        self.looks = 0
        self.smoothing = smoothing
        arcs = problem.arcs
        arc_give, arc_want = arcs[:, 0], arcs[:, 1]
        offered = np.bincount(problem.give, problem.units, problem.goods)
        self.give = np.concatenate([problem.give, arc_give])
        self.want = np.concatenate([problem.want, arc_want])
        # An arc gives older points and takes fresher ones, as many as there are of its token at most.
        chained = offered.copy()
        for older, fresher in arcs[::-1].tolist():
            chained[older] += chained[fresher]
        self.units = np.concatenate([problem.units, chained[arc_want]])
        # Its limit lies a band below 1, so that it works only while the fresher good costs no less.
        self.limit = np.concatenate([problem.limit - smoothing / 2, np.full(len(arcs), -smoothing)])
        self.offered = offered
        starts = np.flatnonzero(np.diff(problem.heap, prepend=-1))
        self.heap_starts = starts
        self.pair = self.give * problem.goods + self.want
        self.threshold = np.zeros(len(starts))

    def fills(self, log_prices: Floats) -> tuple[Floats, Flags]:
        """The share of each offer and arc that fills, and which are inside the band."""
        self.looks += 1
        gain = (log_prices[self.give] - log_prices[self.want] - self.limit) / self.smoothing
        pooled = self.problem.pooled
        if len(pooled):
            self.threshold = self._thresholds(gain[pooled])
            gain[pooled] -= self.threshold[self.problem.heap]
        fills: Floats = np.clip(gain, 0.0, 1.0)
        return fills, (gain > 0.0) & (gain < 1.0)

    def _thresholds(self, gain: Floats) -> Floats:
        """What is taken off the gains of all offers of a heap, so that together they fit it: Newton steps
        kept between bounds, from where it stood before.
        """
        problem, starts = self.problem, self.heap_starts
        units, heap, room = problem.units[problem.pooled], problem.heap, problem.heap_units
        low = np.zeros(len(starts))
        high = np.maximum(np.maximum.reduceat(gain, starts), 0.0)
        short = np.add.reduceat(units * np.clip(gain, 0.0, 1.0), starts) > room
        high[~short] = 0.0
        at = np.clip(self.threshold, low, high)
        for _ in range(30):
            rest = gain - at[heap]
            fills = np.clip(rest, 0.0, 1.0)
            over = np.add.reduceat(units * fills, starts) - room
            if not (short & (np.abs(over) > 1e-11 * room)).any():
                break
            slope = np.add.reduceat(np.where((rest > 0) & (rest < 1), units, 0.0), starts)
            low, high = np.where(over > 0, at, low), np.where(over > 0, high, at)
            step = at + np.divide(over, slope, out=np.full_like(over, np.inf), where=slope > 0)
            middle = (low + high) / 2
            moved = np.where(short & (step > low) & (step < high), step, middle)
            if (moved == at).all():
                break
            at = np.where(short, moved, 0.0)
        return at

    def excess(self, fills: Floats, log_prices: Floats) -> tuple[Floats, Floats]:
        """Value given less value received of each good, and its turnover."""
        goods = self.problem.goods
        values = np.exp(log_prices)[self.give] * self.units * fills
        given = np.bincount(self.give, values, goods)
        received = np.bincount(self.want, values, goods)
        offered = np.exp(log_prices) * self.offered
        turnover: Floats = np.maximum(given + received, _QUIET * offered) + 1e-300
        excess: Floats = np.asarray(given - received, np.float64)
        return excess, turnover

    def jacobian(self, fills: Floats, inside: Flags, log_prices: Floats) -> Floats:
        goods = self.problem.goods
        worth = np.exp(log_prices)[self.give] * self.units
        value = np.bincount(self.pair, worth * fills, goods * goods).reshape(goods, goods)
        band = np.flatnonzero(inside)
        steep = worth[band] / self.smoothing
        slope = np.bincount(self.pair[band], steep, goods * goods).reshape(goods, goods)
        jacobian: Floats = np.asarray(-slope - slope.T - value.T, np.float64)
        jacobian[np.diag_indices(goods)] += slope.sum(1) + slope.sum(0) + value.sum(1)
        if len(self.problem.pooled):
            self._add_thresholds(jacobian, inside, worth)
        return jacobian

    def _add_thresholds(self, jacobian: Floats, inside: Flags, worth: Floats) -> None:
        """A threshold moves with the mean gain of the offers inside the band, and takes it off each."""
        pooled, heap = self.problem.pooled, self.problem.heap
        kept = inside[pooled] & (self.threshold[heap] > 0)
        offers, heaps = pooled[kept], heap[kept]
        if not len(offers):
            return
        steep = worth[offers] / self.smoothing
        total = np.bincount(heaps, steep, len(self.threshold))
        shape = (len(total), self.problem.goods)
        minus = csr_array((-steep, (heaps, self.want[offers])), shape=shape)
        plus = csr_array((steep, (heaps, self.give[offers])), shape=shape)
        gain = plus + minus
        weight = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
        jacobian -= (gain.T @ (gain * weight[:, None])).toarray()


def start(problem: Problem) -> Floats:
    """Log prices that fit the limits of most pairs (least absolute deviations, by reweighted least
    squares).
    """
    goods = problem.goods
    pair = problem.give * goods + problem.want
    sequence = np.lexsort((problem.limit, pair))
    sorted_pair = pair[sequence]
    first = np.flatnonzero(np.diff(sorted_pair, prepend=-1))
    count = np.diff(first, append=len(pair))
    median = problem.limit[sequence[first + count // 2]]
    begin, end = np.divmod(sorted_pair[first], goods)
    begin = np.concatenate([begin, problem.arcs[:, 0]])
    end = np.concatenate([end, problem.arcs[:, 1]])
    median = np.concatenate([median, np.zeros(len(problem.arcs))])
    weight = np.sqrt(np.concatenate([count, np.ones(len(problem.arcs))]))
    log_prices = np.zeros(goods)
    current = weight
    for _ in range(8):
        laplacian = np.zeros((goods, goods))
        np.add.at(laplacian, (begin, end), -current)
        laplacian += laplacian.T
        laplacian[np.diag_indices(goods)] = -laplacian.sum(1)
        right = np.bincount(begin, current * median, goods) - np.bincount(end, current * median, goods)
        log_prices[1:] = np.linalg.solve(laplacian[1:, 1:], right[1:])
        off = np.abs(log_prices[begin] - log_prices[end] - median)
        current = weight / np.maximum(off, 1e-2)
    return log_prices


def solve(problem: Problem, least: float, near: Floats | None, first: float, looks: int) -> State:
    """Lower the smoothing from `first` to `least`, or as far as it goes, from prices nearby if there are any.

    After so many looks at the market what was found must do. Limits are moved by half a band, so that each
    offer takes some part and no good stands alone.
    """
    log_prices = start(problem) if near is None else near
    smoothing = first
    factor, reached = _FACTOR, None
    work = 0
    for _ in range(80):
        found, used = _newton(problem, log_prices, smoothing)
        work += used
        if found.residual <= _CLOSE * 10:
            log_prices, reached = found.log_prices, found
            if smoothing <= least * (1 + 1e-9) or work > looks:
                break
            smoothing = max(least, smoothing * factor)
        elif reached is None:
            smoothing *= 3
            if smoothing > 1000:
                return found
        else:
            factor = factor + (1 - factor) / 2
            if factor > _GIVE_UP or work > looks:
                break
            smoothing = max(least, reached.smoothing * factor)
    assert reached is not None
    return reached


@dataclass(frozen=True)
class _Point:
    """A market at some prices: how far it is from balance, by value and by goods."""

    log_prices: Floats
    fills: Floats
    inside: Flags
    excess: Floats
    turnover: Floats

    @property
    def by_value(self) -> float:
        return float(np.abs(self.excess).sum())

    @property
    def by_goods(self) -> float:
        return float(np.sqrt(np.mean((self.excess / self.turnover) ** 2)))

    @property
    def worst(self) -> float:
        return float(np.abs(self.excess / self.turnover).max())


def _at(market: _Smoothed, log_prices: Floats) -> _Point:
    fills, inside = market.fills(log_prices)
    return _Point(log_prices, fills, inside, *market.excess(fills, log_prices))


def _newton(problem: Problem, log_prices: Floats, smoothing: float) -> tuple[State, int]:
    """The solution at one smoothing, or the closest that was found, and how often it took a look."""
    market = _Smoothed(problem, smoothing)
    point = _at(market, log_prices)
    damping = 0.0
    for _ in range(_STEPS):
        if point.worst <= _CLOSE:
            break
        jacobian = market.jacobian(point.fills, point.inside, point.log_prices)
        better = None
        for _attempt in range(_DAMPINGS):
            step = _step(jacobian, point, damping)
            better = _search(market, point, step)
            if better is not None:
                break
            damping = max(damping * 30, 1e-4)
        if better is None:
            break
        damping = damping / 10 if damping > 1e-7 else 0.0
        point = better
    offers = len(problem.give)
    state = State(
        point.log_prices,
        point.fills[:offers],
        (point.fills * market.units)[offers:],
        smoothing,
        point.worst,
        market.threshold * smoothing,
    )
    return state, market.looks


def _step(jacobian: Floats, point: _Point, damping: float) -> Floats:
    scale = 1.0 / point.turnover[1:]
    matrix = jacobian[1:, 1:] * scale[:, None]
    diagonal = np.diag_indices(len(matrix))
    matrix[diagonal] += damping * np.maximum(np.abs(matrix[diagonal]), 1e-3) + 1e-13
    step = np.zeros(len(point.excess))
    try:
        step[1:] = np.linalg.solve(matrix, -point.excess[1:] * scale)
    except np.linalg.LinAlgError:
        step[:] = np.nan
    return step


def _search(market: _Smoothed, point: _Point, step: Floats) -> _Point | None:
    """Along a step, the first point that is closer to balance, by value or by goods."""
    size = float(np.abs(step).max(initial=0.0))
    if not np.isfinite(size) or not size:
        return None
    length = min(1.0, 1.0 / size)
    for _ in range(_HALVINGS):
        moved = _at(market, point.log_prices + length * step)
        enough = 1 - 1e-4 * length
        if moved.by_goods < point.by_goods * enough or moved.by_value < point.by_value * enough:
            return moved
        length /= 2
    return None
