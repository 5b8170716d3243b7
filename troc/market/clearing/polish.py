"""Exact prices from close ones, by linear programmes.

At given prices the best allocation is a flow of values between goods: a linear programme, whose dual values
say by how much the prices are off. An order at its limit is an edge of a spanning tree of goods, and these
limits alone make the prices: as soon as the tree stands still, so do they.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from troc.market.clearing.batch import Flags, Integers
from troc.market.clearing.market import Floats
from troc.market.clearing.prices import Problem, State

_ROUNDS = 15
_STILL = 1e-9
_NEAR = 20
_FAR = 10.0
"""A step of log prices that is longer comes of a matrix that has hardly an inverse."""

_LIMIT = 1e-9
"""An order so close to its limit is at it."""

_TIE = 1e-8
"""Log prices that differ by less are the same."""


@dataclass(frozen=True)
class Flow:
    """Best fills at log prices, the change of log prices that makes them consistent, and the threshold of
    each heap.
    """

    fills: Floats
    arc_units: Floats
    change: Floats
    threshold: Floats
    whole: bool


def polish(problem: Problem, state: State) -> State:
    """A solution whose smoothing is nearly 0, or the best that was found near a smoothed one. Its residual is
    the surplus that is lost, as a share of the turnover.
    """
    reach = 2 * state.smoothing
    width = _width(problem, state)
    best = _try(problem, state.log_prices, state.threshold, width)
    if best is None:
        return state
    for _ in range(_ROUNDS):
        if best.gap <= _STILL or reach < _STILL:
            break
        tried = _candidates(problem, best, width, reach)
        found = min((one for one in tried if one is not None), key=lambda one: one.gap, default=None)
        if found is None or found.gap >= best.gap:
            reach /= 8
            continue
        if found.gap < best.gap / 2:
            reach *= 2
        best = found
    flow, off = best.flow, _off(problem, best.flow, best.log_prices)
    if off <= _TIE:
        # Swaps without any surplus are wished for too, and cost nobody anything.
        more = best_flow(problem, best.log_prices, flow.threshold, _TIE, volume=0.1)
        flow = more if more is not None and more.whole else flow
    return State(best.log_prices, flow.fills, flow.arc_units, max(off, _STILL), best.gap, flow.threshold)


def _width(problem: Problem, state: State) -> float:
    """How far from the prices orders may be that the programmes look at one by one: several a good at least,
    since prices move to where the next of them stand.
    """
    gain = np.abs(_gains(problem, state.log_prices, state.threshold))
    enough = min(_NEAR * problem.goods, len(gain) - 1)
    return max(4 * state.smoothing, float(np.partition(gain, enough)[enough]))


def _candidates(problem: Problem, best: _Found, width: float, reach: float) -> list[_Found | None]:
    """Where to go from here: to the limits that the programme names, from there to between them, to those of
    them that are within reach and between the parts that they tie, and a little way into each direction.
    """

    def move(start: _Found, step: Floats) -> _Found | None:
        if np.abs(step).max(initial=0.0) > _FAR:
            return None
        return _try(problem, start.log_prices + step, start.flow.threshold, width)

    there = move(best, best.flow.change)
    if there is None or there.gap <= _STILL:
        return [there]
    between = move(there, _between(problem, there.flow, there.log_prices, _LIMIT))
    if between is not None and between.gap <= _STILL:
        return [between]
    # Where what balances a good is an order far from its limit, no limit makes the good's price.
    near = move(best, _between(problem, best.flow, best.log_prices, reach))
    if near is not None and near.gap <= _STILL:
        return [near]
    here = _between(problem, best.flow, best.log_prices, _LIMIT)
    small = [move(best, np.clip(step, -reach, reach)) for step in (best.flow.change, here)]
    return [there, between, near, *small]


@dataclass(frozen=True)
class _Found:
    """Prices, their best flow, and what surplus it lacks beside the turnover."""

    log_prices: Floats
    flow: Flow
    gap: float


def _try(problem: Problem, log_prices: Floats, threshold: Floats, width: float) -> _Found | None:
    flow = best_flow(problem, log_prices, threshold, max(width, 1e-7))
    if flow is None:
        return None
    # The programme names the scarcity of heaps at the prices where it would go; what counts is that at these.
    flow = replace(flow, threshold=_scarcity(problem, log_prices))
    gain = _gains(problem, log_prices, flow.threshold)
    value = np.exp(log_prices)[problem.give] * problem.units
    lost = float((np.where(gain > 0, 1 - flow.fills, -flow.fills) * gain * value).sum())
    lost += _left_in_heaps(problem, flow, value)
    arcs = problem.arcs
    arc_loss = (log_prices[arcs[:, 1]] - log_prices[arcs[:, 0]]) * np.exp(log_prices[arcs[:, 0]])
    lost += float((np.maximum(arc_loss, 0.0) * flow.arc_units).sum())
    # An older good must not cost more than a fresher one.
    upside = float(np.maximum(-arc_loss, 0.0).sum() / max(float(np.exp(log_prices).max()), 1e-300))
    traded = float((value * flow.fills).sum())
    return _Found(log_prices, flow, lost / traded + upside if traded > 0 else lost / max(value.max(), 1e-300))


def _scarcity(problem: Problem, log_prices: Floats) -> Floats:
    """What each heap's last unit gains where its best offers take it: nothing, unless it is too small."""
    offers, heap = problem.pooled, problem.heap
    if not len(offers):
        return np.zeros(len(problem.heap_units))
    margin = log_prices[problem.give[offers]] - log_prices[problem.want[offers]] - problem.limit[offers]
    sequence = np.lexsort((-margin, heap))
    units = problem.units[offers[sequence]]
    starts = np.flatnonzero(np.diff(heap, prepend=-1))
    taken = np.cumsum(units)
    taken -= np.repeat(taken[starts] - units[starts], np.diff(starts, append=len(heap)))
    last = np.flatnonzero(taken >= problem.heap_units[heap])
    heaps, first = np.unique(heap[last], return_index=True)
    threshold = np.zeros(len(problem.heap_units))
    threshold[heaps] = np.maximum(margin[sequence[last[first]]], 0.0)
    return threshold


def _left_in_heaps(problem: Problem, flow: Flow, value: Floats) -> float:
    """Value of what scarce heaps do not give, times their scarcity."""
    if not len(problem.pooled):
        return 0.0
    fills, heap, heaps = flow.fills[problem.pooled], problem.heap, len(problem.heap_units)
    worth = np.zeros(heaps)
    worth[heap] = value[problem.pooled] / problem.units[problem.pooled]
    given = np.bincount(heap, problem.units[problem.pooled] * fills, heaps)
    return float((flow.threshold * worth * np.maximum(problem.heap_units - given, 0.0)).sum())


def _gains(problem: Problem, log_prices: Floats, threshold: Floats) -> Floats:
    gain = log_prices[problem.give] - log_prices[problem.want] - problem.limit
    if len(problem.pooled):
        gain[problem.pooled] -= threshold[problem.heap]
    return gain


def _off(problem: Problem, flow: Flow, log_prices: Floats) -> float:
    """How much better than the prices the best order is that is not filled whole, but for a millionth of the
    turnover.
    """
    gain = _gains(problem, log_prices, flow.threshold)
    value = np.exp(log_prices)[problem.give] * problem.units
    wrong = np.where(gain > 0, 1 - flow.fills, flow.fills) * value
    enough = 1e-6 * float((value * flow.fills).sum())
    sequence = np.argsort(-np.abs(gain))
    beyond = np.searchsorted(np.cumsum(wrong[sequence]), enough, "right")
    return float(np.abs(gain[sequence[beyond]])) if beyond < len(sequence) else 0.0


def _between(problem: Problem, flow: Flow, log_prices: Floats, reach: float) -> Floats:
    """A Newton step for prices that no single limit makes: goods tied together by orders within reach of
    their limits go to these and move together, so that values balance between the parts.
    """
    gain = _gains(problem, log_prices, flow.threshold)
    tight = (flow.fills > 1e-9) & (flow.fills < 1 - 1e-9) & (np.abs(gain) <= reach)
    bound = np.zeros(len(tight), np.bool_)
    if len(problem.pooled):
        bound[problem.pooled] = (flow.threshold > 0)[problem.heap]
    begin, end = problem.give[tight & ~bound], problem.want[tight & ~bound]
    arcs = problem.arcs
    arc_gain = log_prices[arcs[:, 0]] - log_prices[arcs[:, 1]]
    tied = (flow.arc_units > 0) & (np.abs(arc_gain) <= reach)
    begin, end = np.concatenate([begin, arcs[tied, 0]]), np.concatenate([end, arcs[tied, 1]])
    if bound.any():
        # Orders behind a scarce heap tie to each other what they want; what they give does not count.
        heap_of = np.full(len(tight), -1)
        heap_of[problem.pooled] = problem.heap
        shared = np.flatnonzero(tight & bound)
        shared = shared[np.argsort(heap_of[shared], kind="stable")]
        same = np.flatnonzero(np.diff(heap_of[shared]) == 0)
        begin = np.concatenate([begin, problem.want[shared[same]]])
        end = np.concatenate([end, problem.want[shared[same + 1]]])
    goods = problem.goods
    graph = coo_array((np.ones(len(begin)), (begin, end)), shape=(goods, goods))
    parts, part = connected_components(graph.tocsr(), directed=False)
    if parts < 2:
        return flow.change / 2
    _, first = np.unique(part, return_index=True)
    within = flow.change - flow.change[first[part]]
    moved = log_prices + within
    gain = _gains(problem, moved, _scarcity(problem, moved))
    give, want = problem.give, problem.want
    value = np.exp(moved)[give] * problem.units
    # On a circle of trade, programmes balance by far orders what the prices do not; nothing is traded between
    # circles.
    used, lived = flow.fills > 1e-9, flow.arc_units > 0
    begin, end = np.concatenate([give[used], arcs[lived, 0]]), np.concatenate([want[used], arcs[lived, 1]])
    graph = coo_array((np.ones(len(begin)), (begin, end)), shape=(goods, goods))
    _, circle = connected_components(graph.tocsr(), directed=False)
    far = (np.abs(gain) > _LIMIT) & ~tight & (circle[give] == circle[want])
    value *= np.where(far, (gain > 0).astype(float), flow.fills)
    flows = np.bincount(part[give] * parts + part[want], value, parts * parts).reshape(parts, parts)
    np.fill_diagonal(flows, 0.0)
    excess = flows.sum(1) - flows.sum(0)
    jacobian = np.diag(flows.sum(1)) - flows.T
    # One part of each circle of trade stands still: only relative prices count.
    _, circle = connected_components(flows > 0, directed=False)
    _, still = np.unique(circle, return_index=True)
    moving = np.setdiff1d(np.arange(parts), still)
    step = np.zeros(parts)
    if len(moving):
        step[moving] = np.linalg.lstsq(jacobian[np.ix_(moving, moving)], -excess[moving], rcond=1e-12)[0]
    change = within + step[part]
    change += _apart(problem, log_prices + change, circle[part])
    anchored: Floats = change - change[0]
    return anchored


def _apart(problem: Problem, log_prices: Floats, circle: Integers) -> Floats:
    """What makes goods of other circles of trade so dear that nobody on this one would want to buy them."""
    begin = np.concatenate([problem.give, problem.arcs[:, 0]])
    end = np.concatenate([problem.want, problem.arcs[:, 1]])
    gain = log_prices[begin] - log_prices[end]
    gain[: len(problem.give)] -= problem.limit
    between = np.flatnonzero(circle[begin] != circle[end])
    begin, end, gain = circle[begin[between]], circle[end[between]], gain[between]
    dearer = np.zeros(problem.goods)
    for _ in range(problem.goods):
        want = dearer.copy()
        np.maximum.at(want, end, dearer[begin] + gain)
        if (want <= dearer + _LIMIT).all():
            break
        dearer = want
    placed: Floats = dearer[circle]
    return placed


def _open_overfull(problem: Problem, inside: Flags, deep: Flags) -> None:
    """Where the offers deep inside the money are more than their heap, all of them take part one by one."""
    heaps = len(problem.heap_units)
    whole = np.bincount(problem.heap, problem.units[problem.pooled] * deep[problem.pooled], heaps)
    over = (whole > problem.heap_units)[problem.heap]
    inside[problem.pooled[over]] = True
    deep[problem.pooled[over]] = False


def best_flow(
    problem: Problem, log_prices: Floats, threshold: Floats, width: float, volume: float = 0.0
) -> Flow | None:
    """The allocation with the most surplus at these prices. Offers further than `width` inside the money move
    together, by pairs of goods; `whole` says that none of them was needed in part. `volume` is what trading
    is worth beside surplus, in widths.
    """
    goods, offers = problem.goods, len(problem.give)
    gain = _gains(problem, log_prices, threshold)
    # The scarcity of a heap is for its row to find: rewards are without it.
    margin = log_prices[problem.give] - log_prices[problem.want] - problem.limit
    worth = np.exp(log_prices)
    value = worth[problem.give] * problem.units
    inside = np.abs(gain) <= width
    beyond = gain > width
    if len(problem.pooled):
        _open_overfull(problem, inside, beyond)
    deep, near = np.flatnonzero(beyond), np.flatnonzero(inside)
    pair = problem.give[deep] * goods + problem.want[deep]
    pairs, place = np.unique(pair, return_inverse=True)
    deep_value = np.bincount(place, value[deep], len(pairs))
    deep_gain = np.bincount(place, value[deep] * gain[deep], len(pairs)) / np.maximum(deep_value, 1e-300)
    arcs = problem.arcs
    unit = max(float(value.max(initial=0.0)), 1e-300)
    begin = np.concatenate([problem.give[near], pairs // goods, arcs[:, 0]])
    end = np.concatenate([problem.want[near], pairs % goods, arcs[:, 1]])
    most = np.concatenate([value[near], deep_value, np.full(len(arcs), value.sum() + unit)]) / unit
    # A point that is turned into an older one is no trade: it has no bonus.
    arc_gain = log_prices[arcs[:, 0]] - log_prices[arcs[:, 1]]
    reward = np.concatenate([margin[near] / width + volume, deep_gain / width, arc_gain / width - volume])
    count = len(begin)
    if not count:
        return Flow(np.zeros(offers), np.zeros(0), np.zeros(goods), threshold, True)
    columns = np.arange(count)
    balance = coo_array(
        (
            np.concatenate([np.ones(count), -np.ones(count)]),
            (np.concatenate([begin, end]), np.concatenate([columns, columns])),
        ),
        shape=(goods, count),
    ).tocsr()
    heap_rows, heap_room, used = None, None, np.zeros(0, np.int64)
    if len(problem.pooled):
        heap_of = np.full(offers, -1)
        heap_of[problem.pooled] = problem.heap
        heap_worth = np.zeros(len(problem.heap_units))
        heap_worth[problem.heap] = worth[problem.give[problem.pooled]]
        fixed = deep[heap_of[deep] >= 0]
        room = heap_worth * problem.heap_units - np.bincount(
            heap_of[fixed], value[fixed], len(problem.heap_units)
        )
        shared = np.flatnonzero(heap_of[near] >= 0)
        used, rows = np.unique(heap_of[near[shared]], return_inverse=True)
        heap_rows = coo_array((np.ones(len(shared)), (rows, shared)), shape=(len(used), count)).tocsr()
        heap_room = np.maximum(room[used], 0.0) / unit
    found = linprog(
        -reward,
        A_ub=heap_rows if len(used) else None,
        b_ub=heap_room if len(used) else None,
        A_eq=balance,
        b_eq=np.zeros(goods),
        bounds=np.column_stack([np.zeros(count), most]),
        method="highs-ds",
    )
    if found.status != 0:
        return None
    amounts = found.x * unit
    fills = np.zeros(offers)
    fills[near] = np.clip(amounts[: len(near)] / np.maximum(value[near], 1e-300), 0.0, 1.0)
    part = amounts[len(near) : len(near) + len(pairs)]
    share = np.clip(part / np.maximum(deep_value, 1e-300), 0.0, 1.0)
    whole = bool((share > 1 - 1e-7).all())
    fills[deep] = 1.0 if whole else share[place]
    arc_units = amounts[count - len(arcs) :] / worth[arcs[:, 0]]
    new_threshold = threshold.copy()
    if len(used):
        new_threshold[used] = -found.ineqlin.marginals * width
    change = found.eqlin.marginals * width
    return Flow(fills, arc_units, change - change[0], new_threshold, whole)
