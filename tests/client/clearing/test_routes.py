"""Amounts between givers and takers of whom only some may meet, beside another way to find the most."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from benchmarks.batches import ages_tiny
from troc.market.clearing import check_execution, clear
from troc.market.clearing.batch import Flags, Integers
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
