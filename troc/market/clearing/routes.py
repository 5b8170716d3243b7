"""Who gives to whom where only some may: as much as there is any way for, in whole units."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from troc.market.clearing.batch import Flags, Integers


class _Way(NamedTuple):
    """Givers and takers in turn, from one who has something left to one who lacks something."""

    givers: list[int]
    takers: list[int]


def most_moved(supply: Integers, demand: Integers, allowed: Flags) -> Integers:
    """What goes from each giver to each taker so that together it is the most: straight as far as it goes,
    then by shortest augmenting paths (Edmonds and Karp 1972). `allowed` says who may give to whom.
    """
    left, lacking = supply.copy(), demand.copy()
    moved = np.zeros(allowed.shape, np.int64)
    for giver, taker in np.argwhere(allowed).tolist():
        units = min(left[giver], lacking[taker])
        moved[giver, taker] = units
        left[giver] -= units
        lacking[taker] -= units
    while way := _find_way(left, lacking, moved, allowed):
        back = list(zip(way.givers[1:], way.takers[:-1], strict=True))
        units = min(left[way.givers[0]], lacking[way.takers[-1]], *(moved[one] for one in back))
        left[way.givers[0]] -= units
        lacking[way.takers[-1]] -= units
        for one in back:
            moved[one] -= units
        for one in zip(way.givers, way.takers, strict=True):
            moved[one] += units
    return moved


def _find_way(left: Integers, lacking: Integers, moved: Integers, allowed: Flags) -> _Way | None:
    from_taker, from_giver = np.full(len(left), -1), np.full(len(lacking), -1)
    seen = left > 0
    givers = np.flatnonzero(seen)
    while len(givers):
        takers = np.flatnonzero(allowed[givers].any(0) & (from_giver < 0))
        from_giver[takers] = givers[allowed[np.ix_(givers, takers)].argmax(0)] if len(takers) else 0
        ends = takers[lacking[takers] > 0]
        if len(ends):
            return _trace(int(ends[0]), from_taker, from_giver)
        givers = np.flatnonzero((moved[:, takers] > 0).any(1) & ~seen)
        from_taker[givers] = takers[(moved[np.ix_(givers, takers)] > 0).argmax(1)] if len(givers) else 0
        seen[givers] = True
    return None


def _trace(taker: int, from_taker: Integers, from_giver: Integers) -> _Way:
    way = _Way([], [])
    while taker >= 0:
        giver = int(from_giver[taker])
        way.takers.insert(0, taker)
        way.givers.insert(0, giver)
        taker = int(from_taker[giver])
    return way
