"""Our contracts stay under the bars, in the states that the bars are meant for."""

from __future__ import annotations

import pytest

from benchmarks.bars import BARS, FLOOR, OURS, results
from benchmarks.records import BenchmarkError, Record

# From zero a slot costs 17,100 more than one in use; other digits and another branch cost little beside it.
FRESH_SLOT = 17_100
LITTLE = 300


@pytest.fixture(scope="session")
def ours(measured: list[Record]) -> dict[str, Record]:
    return {record.operation: record for record in measured}


@pytest.fixture(scope="session")
def peers(committed: list[Record]) -> list[Record]:
    return [record for record in committed if record.system != OURS]


@pytest.mark.parametrize("operation", [bar.operation for bar in BARS])
def test_stays_under_the_bar(operation: str, measured: list[Record], peers: list[Record]) -> None:
    (result,) = [one for one in results(measured, peers) if one.bar.operation == operation]
    assert result.gas <= result.limit


@pytest.mark.parametrize(
    ("fresh", "in_use", "slots"),
    [
        ("transfer-new", "transfer-existing", 1),
        ("mint-new", "mint-existing", 1),
        ("mint-batch-new", "mint-batch-existing", 1),
        ("take-order-first", "take-order", 1),
        ("first-trade", "take-order", 2),
        ("take-partial-first", "take-partial", 1),
        ("match-two-first", "match-two", 1),
        ("match-two-new", "match-two", 2),
        ("match-two-partial-first", "match-two-partial", 1),
        ("ring-of-three-first", "ring-of-three", 1),
        ("batch-of-30-first", "batch-of-30", 1),
        ("batch-of-30-new", "batch-of-30", 2),
        ("solver-batch-first", "solver-batch", 1),
        ("statement-first", "statement-first-holder", 1),
        ("statement-first-holder", "statement-later", 1),
        ("statement-batch-new", "statement-batch", 2),
        ("ticket-bound-first", "ticket-bound-later", 2),
        ("ticket-code-first", "ticket-code-later", 2),
        ("root-first", "root-later", 2),
        ("inbox-send-first", "inbox-send", 1),
    ],
)
def test_states_differ_by_fresh_slots(ours: dict[str, Record], fresh: str, in_use: str, slots: int) -> None:
    """A measurement that forgot to prepare a state would differ by 17,100 from what it says."""
    difference = ours[fresh].gas - ours[in_use].gas
    assert abs(difference - slots * FRESH_SLOT) <= LITTLE


def test_each_peer_of_the_bars_is_measured(peers: list[Record]) -> None:
    """The bars stand beside real peers, not beside nothing."""
    best = {
        operation: min(r.gas for r in peers if r.operation == operation and r.system != FLOOR)
        for operation in ("take-order", "first-trade", "match-two", "ring-of-three", "batch-of-30")
    }
    bars = {bar.operation: int(bar.limit) for bar in BARS}
    assert all(bars[operation] < gas for operation, gas in best.items())


def test_nothing_undercuts_the_floor(ours: dict[str, Record], committed: list[Record]) -> None:
    floor = {record.operation: record.gas for record in committed if record.system == FLOOR}
    for operation in ("match-two", "ring-of-three", "batch-of-30"):
        assert floor[operation] < ours[operation].gas


def test_names_the_figure_that_is_missing(measured: list[Record], peers: list[Record]) -> None:
    with pytest.raises(BenchmarkError, match="take-order of troc was not measured"):
        results([record for record in measured if record.operation != "take-order"], peers)
    with pytest.raises(BenchmarkError, match="no figure for transfer-existing of openzeppelin"):
        results(measured, [record for record in peers if record.system != "openzeppelin"])
