"""What must hold of every clearing, on batches of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.batches import FAMILIES, whole
from benchmarks.best import Apart
from benchmarks.clearing import deviation, shuffled
from tests.client.clearing.reference import figures
from troc.errors import InputError
from troc.market.clearing import Batch, Clearing, check_execution, clear, split
from troc.market.clearing.execution import Wallets

PLAIN = ["ordinary", "shared", "islands", "rings", "one_huge"]
QUICK = sorted(set(FAMILIES) - {"all_whole", "everything", "ages_tiny"})


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_clearing_runs_and_says_the_truth(name: str) -> None:
    batch = FAMILIES[name](0)
    clearing = clear(batch)
    check_execution(batch, clearing.transfers, clearing.given, clearing.received)
    found = clearing.surplus, clearing.bound, clearing.unfilled, clearing.traded
    assert found == figures(batch, clearing)
    assert 0 <= clearing.surplus <= clearing.bound
    for good, price, group in zip(clearing.goods, clearing.prices, clearing.groups, strict=True):
        assert len(str(price).rstrip("0")) <= 9
        assert price >= 10**8
        for other, dearer, same in zip(clearing.goods, clearing.prices, clearing.groups, strict=True):
            if group == same and good.token == other.token and good.living_until < other.living_until:
                assert price <= dearer


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(QUICK), st.integers(100, 10_000))
def test_any_batch_clears_and_its_sequence_does_not_matter(name: str, seed: int) -> None:
    batch = FAMILIES[name](seed)
    clearing = clear(batch)
    other, rows = shuffled(batch, seed)
    again = clear(other)
    assert np.array_equal(again.given, clearing.given[rows])
    assert np.array_equal(again.received, clearing.received[rows])
    assert again.surplus == clearing.surplus
    assert 0 <= clearing.surplus <= clearing.bound


@pytest.mark.parametrize("name", PLAIN)
def test_it_is_as_good_as_it_can_be(name: str) -> None:
    for seed in (1, 2):
        batch = FAMILIES[name](seed)
        clearing = clear(batch)
        assert clearing.surplus >= 0.9995 * clearing.bound
        assert clearing.unfilled <= 1e-4 * clearing.traded
        assert deviation(batch, clearing) <= 3e-4
        assert len(clearing.transfers) <= 2 * (clearing.given > 0).sum()


@pytest.mark.parametrize(("name", "seed"), [("dead_ends", 0), ("thin", 191), ("shared", 294)])
def test_prices_are_exact_where_no_order_is_at_its_limit(name: str, seed: int) -> None:
    # A good's price that no limit makes; a good that nobody trades at these prices; a heap whose scarcity is
    # another where the programme would go than at the prices themselves.
    batch = FAMILIES[name](seed)
    clearing = clear(batch)
    assert clearing.smoothing == 1e-6
    assert clearing.surplus >= 0.9995 * clearing.bound > 0
    assert clearing.unfilled <= 1e-6 * clearing.traded
    assert deviation(batch, clearing) <= 1e-5


@pytest.mark.parametrize(
    ("name", "seed", "before"),
    [
        ("desks", 8, 0.972),
        ("desks", 12, 0.870),
        ("desks", 25, 0.717),
        ("desks", 33, 0.922),
        ("two_makers", 0, 0.0),
        ("two_makers", 12, 0.0),
        ("two_makers", 17, 0.096),
    ],
)
def test_where_makers_could_serve_themselves_nobody_can_do_better(
    name: str, seed: int, before: float
) -> None:
    # `before`: what leaving out the orders that are stuck comes to.
    batch = FAMILIES[name](seed)
    clearing = clear(batch)
    ours, apart = clearing.surplus / clearing.bound, Apart(batch, clearing)
    assert ours >= 0.9995 * apart.reached(apart.prices) > before
    assert ours <= apart.reached(apart.prices) + 1e-6
    assert deviation(batch, clearing) <= 1e-5


def whole_or_nothing(batch: Batch, clearing: Clearing) -> bool:
    """Whether each all-or-nothing order gives all of it, or nothing."""
    return bool(((clearing.given == 0) | ~batch.whole | (clearing.given == batch.left)).all())


@pytest.mark.parametrize(("seed", "before"), [(0, 0.525), (10, 0.832)])
def test_makers_on_both_sides_of_several_ages_and_of_whole_orders_are_served(
    seed: int, before: float
) -> None:
    batch = FAMILIES["everything"](seed)
    clearing = clear(batch)
    assert clearing.surplus >= 0.97 * clearing.bound > before * clearing.bound
    assert whole_or_nothing(batch, clearing)


@pytest.mark.parametrize("name", ["ages", "whole"])
def test_ages_and_whole_orders_cost_little(name: str) -> None:
    clearing = clear(FAMILIES[name](1))
    assert clearing.surplus >= 0.98 * clearing.bound


@pytest.mark.parametrize(("seed", "before"), [(16, 0.9503), (90, 0.9207), (140, 0.9392)])
def test_what_does_not_fit_whole_is_chosen_at_prices_at_which_it_costs_little(
    seed: int, before: float
) -> None:
    # `before`: what leaving out the less filled half, again and again, comes to.
    batch = FAMILIES["whole"](seed)
    clearing = clear(batch)
    assert clearing.surplus >= 0.98 * clearing.bound > before * clearing.bound
    assert whole_or_nothing(batch, clearing)
    # None that allows parts is passed over for one of the same two goods that asks for more.
    price = dict(zip([good.token for good in clearing.goods], clearing.prices, strict=True))
    for give in range(batch.tokens):
        for want in range(batch.tokens):
            rows = np.flatnonzero((batch.give == give) & (batch.want == want))
            rows = rows[np.argsort(batch.want_amount[rows] / batch.give_amount[rows])]
            served = np.flatnonzero(clearing.given[rows])
            if not len(served):
                continue
            before_last = rows[: served[-1]][~batch.whole[rows[: served[-1]]]]
            skipped = float(price[give]) * (batch.left - clearing.given)[before_last].sum()
            assert skipped <= 1e-4 * clearing.traded


@pytest.mark.parametrize(("seed", "before"), [(3, 0.20), (4, 0.06), (1, 0.42)])
def test_where_nothing_fills_in_part_prices_follow_the_choice(seed: int, before: float) -> None:
    clearing = clear(FAMILIES["all_whole"](seed))
    assert clearing.surplus >= 0.8 * clearing.bound > before * clearing.bound


def test_nothing_but_us_writes_to_the_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    # A batch of which HiGHS would write.
    assert clear(whole(0, 1000, 50)).surplus > 0
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("seed", [77, 96])
def test_who_is_cut_by_more_than_is_missing_makes_nobody_give_more(seed: int) -> None:
    """One unit of these brands is worth thousands of another's: who gives none any more frees too many."""
    batch = FAMILIES["coarse"](seed)
    assert (clear(batch).given <= batch.left).all()


@pytest.mark.parametrize("name", ["ordinary", "shared", "ages", "whole", "rings", "ties", "coarse"])
def test_each_settlement_of_a_split_stands_by_itself(name: str) -> None:
    batch = FAMILIES[name](3)
    clearing = clear(batch)
    parts = split(batch, clearing, 30)
    assert len(parts.settlements) > 1
    wallets = Wallets(batch)
    given, received = np.zeros(len(batch), np.int64), np.zeros(len(batch), np.int64)
    for part in parts.settlements:
        assert len(part.orders) <= 30
        rows = part.transfers.copy()
        rows[:, :2] = part.orders[rows[:, :2]]
        wallets.run(rows)
        np.add.at(given, rows[:, 0], rows[:, 2])
        np.add.at(received, rows[:, 1], rows[:, 2])
    assert np.array_equal(given, parts.given)
    assert np.array_equal(received, parts.received)
    assert (given <= clearing.given + 3).all()
    assert set(parts.dropped.tolist()) == set(np.flatnonzero((clearing.given > 0) & (given == 0)).tolist())
    least = 0.8 if name == "whole" else 0.95
    assert given.sum() >= least * clearing.given.sum()


def test_what_fits_is_not_split() -> None:
    batch = FAMILIES["islands"](3)
    clearing = clear(batch)
    parts = split(batch, clearing, len(batch))
    assert np.array_equal(parts.given, clearing.given)
    assert np.array_equal(parts.received, clearing.received)
    assert not len(parts.dropped)


def test_a_settlement_of_one_order_is_refused() -> None:
    batch = FAMILIES["ordinary"](3)
    with pytest.raises(InputError, match="settles nothing"):
        split(batch, clear(batch), 1)
