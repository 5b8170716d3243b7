"""Amounts between givers and takers: the most of them where only some may meet, by the fewest transfers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, maximum_flow

from benchmarks.batches import ages_tiny, desks
from troc.market.clearing import check_execution, clear
from troc.market.clearing.batch import Flags, Integers
from troc.market.clearing.forest import Forest, Row
from troc.market.clearing.routes import most_moved


def the_most(supply: Integers, demand: Integers, allowed: Flags) -> int:
    """By SciPy, which counts to 2^31."""
    givers, takers = allowed.shape
    capacity = np.zeros((givers + takers + 2,) * 2, np.int32)
    capacity[0, 1 : givers + 1] = supply
    capacity[givers + 1 : -1, -1] = demand
    capacity[1 : givers + 1, givers + 1 : -1] = np.where(allowed, 2**30, 0)
    return int(maximum_flow(csr_array(capacity), 0, givers + takers + 1).flow_value)


@pytest.mark.parametrize("seed", range(60))
def test_moves_the_most_that_anybody_can(seed: int) -> None:
    random = np.random.default_rng(seed)
    givers, takers = random.integers(1, 12, 2)
    supply, demand = random.integers(0, 50, givers), random.integers(0, 50, takers)
    allowed = random.random((givers, takers)) < random.choice([0.1, 0.3, 0.7])
    moved = most_moved(supply, demand, allowed)
    assert (moved >= 0).all()
    assert not moved[~allowed].any()
    assert (moved.sum(1) <= supply).all()
    assert (moved.sum(0) <= demand).all()
    assert moved.sum() == the_most(supply, demand, allowed)


def test_gives_way_to_who_has_no_other() -> None:
    """Straight on the first would give to the first, and the second have nobody to give to."""
    allowed = np.array([[True, True], [True, False]])
    assert most_moved(np.array([2**58, 5]), np.array([5, 2**58]), allowed).tolist() == [[0, 2**58], [5, 0]]


def test_makers_on_both_sides_with_several_lives_are_served() -> None:
    """Exchanging receivers alone ends at 0.65 here, and leaves orders out."""
    batch = ages_tiny(4)
    clearing = clear(batch)
    check_execution(batch, clearing.transfers, clearing.given, clearing.received)
    assert clearing.surplus / clearing.bound > 0.85


@pytest.mark.parametrize("seed", range(60))
def test_a_forest_moves_the_same_by_no_circles(seed: int) -> None:
    random = np.random.default_rng(seed)
    givers, takers = random.integers(1, 10, 2).tolist()
    amounts = random.integers(0, 9, (givers, takers)) * 2**50
    forest = Forest(lambda less, more, units: True)
    for giver, taker in np.argwhere(amounts).tolist():
        forest.add(giver, taker, int(amounts[giver, taker]))
    left = np.zeros_like(amounts)
    for row, units in forest.units.items():
        assert units > 0
        assert amounts[row]
        left[row] = units
    assert (left.sum(0) == amounts.sum(0)).all()
    assert (left.sum(1) == amounts.sum(1)).all()
    parts, _ = connected_components(
        np.block([[np.zeros((givers,) * 2), left], [left.T, np.zeros((takers,) * 2)]])
    )
    assert len(forest.units) == givers + takers - parts


def test_a_circle_that_may_not_be_undone_stays() -> None:
    rows = [(0, 0, 5), (0, 1, 5), (1, 0, 5), (1, 1, 5)]
    asked = []

    def refuse(less: Sequence[Row], more: Sequence[Row], units: int) -> bool:
        asked.append((set(less), set(more), units))
        return False

    forest = Forest(refuse)
    for giver, taker, units in rows:
        forest.add(giver, taker, units)
    assert forest.units == {(giver, taker): units for giver, taker, units in rows}
    one, other = {(0, 0), (1, 1)}, {(0, 1), (1, 0)}
    assert asked == [(other, one, 5), (one, other, 5)]


@pytest.mark.parametrize("seed", range(6))
def test_makers_on_both_sides_take_two_transfers_an_order_at_most(seed: int) -> None:
    clearing = clear(desks(seed))
    assert len(clearing.transfers) <= 2 * (clearing.given > 0).sum()
