"""Clearing small batches whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from benchmarks.best import Apart
from tests.client.clearing.batches import LATE, Ask, Lot, batch_of
from tests.client.clearing.reference import figures
from troc.errors import InputError
from troc.market.clearing import Batch, Clearing, check_execution, clear


def cleared(batch: Batch) -> Clearing:
    clearing = clear(batch)
    check_execution(batch, clearing.transfers, clearing.given, clearing.received)
    found = clearing.surplus, clearing.bound, clearing.unfilled, clearing.traded
    assert found == figures(batch, clearing)
    assert 0 <= clearing.surplus <= clearing.bound
    return clearing


def test_a_pair_that_fits_exactly() -> None:
    clearing = cleared(batch_of([Ask(0, 0, 1000, 1, 2000), Ask(1, 1, 2000, 0, 1000)]))
    assert clearing.given.tolist() == [1000, 2000]
    assert clearing.received.tolist() == [2000, 1000]
    prices = dict(zip([good.token for good in clearing.goods], clearing.prices, strict=True))
    assert prices[0] == 2 * prices[1]


def test_a_ring_of_three_in_which_no_two_match() -> None:
    clearing = cleared(batch_of([Ask(0, 0, 1000, 1, 900), Ask(1, 1, 1000, 2, 900), Ask(2, 2, 1000, 0, 900)]))
    assert clearing.given.tolist() == [1000] * 3
    assert clearing.received.tolist() == [1000] * 3
    assert len(clearing.transfers) == 3


def test_limits_that_miss_each_other_trade_nothing() -> None:
    clearing = cleared(batch_of([Ask(0, 0, 1000, 1, 1001), Ask(1, 1, 1000, 0, 1000)]))
    assert not clearing.given.any()
    assert not len(clearing.transfers)
    assert clearing.surplus == clearing.traded == 0


def test_nothing_is_cleared_of_nothing() -> None:
    clearing = cleared(batch_of([]))
    assert clearing.goods == ()
    assert clearing.transfers.shape == (0, 3)


def test_exactly_one_for_one_trades_all_that_balances() -> None:
    asks = [Ask(0, 0, 700, 1, 700), Ask(1, 0, 300, 1, 300), Ask(2, 1, 1000, 0, 1000)]
    clearing = cleared(batch_of(asks))
    assert clearing.given.tolist() == [700, 300, 1000]


def test_the_better_limit_goes_first() -> None:
    asks = [Ask(0, 0, 1000, 1, 1100), Ask(1, 0, 1000, 1, 900), Ask(2, 1, 1000, 0, 950)]
    clearing = cleared(batch_of(asks))
    assert clearing.given[0] == 0
    assert clearing.given[1] > 0


def test_equal_limits_on_the_scarce_side_pay_one_rate() -> None:
    asks = [Ask(0, 0, 10_000, 1, 9_000), Ask(1, 0, 10_000, 1, 8_000), Ask(2, 1, 12_000, 0, 11_000)]
    clearing = cleared(batch_of(asks))
    rates = clearing.received[:2] / np.maximum(clearing.given[:2], 1)
    assert rates[0] == pytest.approx(rates[1], rel=1e-3)


def test_a_lot_is_worth_more_to_those_who_need_it_to_live_longer() -> None:
    # Points of token 0 that live until 200 are scarce; those that live until 100 are not.
    lots = [Lot(0, 0, 1000, 100), Lot(1, 0, 1000, 200), Lot(2, 1, 1000), Lot(3, 1, 1000)]
    asks = [
        Ask(0, 0, 1000, 1, 500),
        Ask(1, 0, 1000, 1, 500),
        Ask(2, 1, 1000, 0, 500, beyond=150),
        Ask(3, 1, 1000, 0, 500),
    ]
    clearing = cleared(batch_of(asks, lots))
    prices = {
        (good.token, good.living_until): price
        for good, price in zip(clearing.goods, clearing.prices, strict=True)
    }
    assert prices[0, 150] >= prices[0, 0]
    assert clearing.given.tolist() == [1000] * 4


def test_nobody_gets_points_that_do_not_live_as_long_as_she_asks() -> None:
    lots = [Lot(0, 0, 1000, 100), Lot(1, 1, 1000)]
    asks = [Ask(0, 0, 1000, 1, 500), Ask(1, 1, 1000, 0, 500, beyond=100)]
    assert not cleared(batch_of(asks, lots)).given.any()


def test_nobody_gives_lots_that_she_keeps() -> None:
    lots = [Lot(0, 0, 300, 100), Lot(0, 0, 700, 200), Lot(1, 1, 1000)]
    asks = [Ask(0, 0, 1000, 1, 1000, by=100), Ask(1, 1, 1000, 0, 1000)]
    assert cleared(batch_of(asks, lots)).given.tolist() == [300, 300]


def test_one_balance_behind_several_orders_is_never_overdrawn_and_serves_the_best() -> None:
    lots = [Lot(0, 0, 1000), Lot(1, 1, 1000), Lot(2, 2, 1000)]
    asks = [
        Ask(0, 0, 1000, 1, 500),
        Ask(0, 0, 1000, 2, 990),
        Ask(1, 1, 1000, 0, 900),
        Ask(2, 2, 1000, 0, 900),
    ]
    clearing = cleared(batch_of(asks, lots))
    assert 900 <= clearing.given[:2].sum() <= 1000


def test_what_a_maker_gets_is_not_what_she_gives_from() -> None:
    # Maker 0 has 100 of token 0; the 1000 that she gets in this batch must not serve her other order.
    lots = [Lot(0, 0, 100), Lot(0, 1, 1000), Lot(1, 0, 1000), Lot(2, 2, 1000)]
    asks = [
        Ask(0, 1, 1000, 0, 1000),
        Ask(1, 0, 1000, 1, 1000),
        Ask(0, 0, 1000, 2, 1000),
        Ask(2, 2, 1000, 0, 1000),
    ]
    assert cleared(batch_of(asks, lots)).given[2] <= 100


def test_a_maker_never_serves_herself() -> None:
    asks = [Ask(0, 0, 1000, 1, 900), Ask(0, 1, 1000, 0, 900)]
    assert not cleared(batch_of(asks)).given.any()
    asks += [Ask(1, 0, 1000, 1, 950), Ask(2, 1, 1000, 0, 950)]
    assert cleared(batch_of(asks)).given.tolist() == [1000] * 4


RATES = [*np.exp(np.linspace(np.log(0.5), np.log(2.0), 4001)).tolist(), 1.0, 1.05, 1.2]

# A maker whose two orders cross, and a small one of somebody else, which the second of them can serve.
CROSSING = [Ask(0, 0, 1000, 1, 900), Ask(0, 1, 1000, 0, 900), Ask(1, 0, 100, 1, 95)]


def best_beside_herself(rate: float) -> float:
    """Surplus over its bound of the most that can be traded of `CROSSING`, where one unit of good 0 costs
    `rate` of good 1: nobody else gives what the first order wants, so the other two trade, or nobody does.
    """
    gains = [1000 * rate - 900, 1000 - 900 * rate, 100 * rate - 95]
    bound = sum(max(gain, 0.0) for gain in gains)
    # Prices of nine digits miss a limit by so much.
    if min(gains[1:]) < -1e-6:
        return 0.0
    return (gains[2] + 100 * rate * gains[1] / 1000) / bound


def test_crossing_orders_of_one_maker_of_which_no_prices_reach_much_of_the_bound() -> None:
    # Alone, they trade nothing; whatever a unit costs, one of them is better than the prices.
    clearing = cleared(batch_of(CROSSING[:2]))
    assert not clearing.given.any()
    assert all(1000 * rate > 900 or 900 * rate < 1000 for rate in RATES)
    reached = max(best_beside_herself(rate) for rate in [*RATES, 1000 / 900])
    assert reached == pytest.approx(0.0735, abs=1e-4)
    batch = batch_of(CROSSING)
    clearing = cleared(batch)
    assert clearing.given[0] == 0
    assert clearing.given[2] == 100
    prices = dict(zip([good.token for good in clearing.goods], clearing.prices, strict=True))
    here, apart = best_beside_herself(prices[0] / prices[1]), Apart(batch, clearing)
    assert apart.reached(apart.prices) == pytest.approx(here, rel=1e-6)
    assert 0.98 * here <= clearing.surplus / clearing.bound <= here * 1.000001
    assert 0.9 * reached <= here <= reached
    # Of two makers the same orders trade all that there is.
    clearing = cleared(batch_of([CROSSING[0], CROSSING[1]._replace(maker=2), CROSSING[2]]))
    assert clearing.surplus >= 0.999 * clearing.bound > 0


def test_all_or_nothing_is_all_or_nothing() -> None:
    asks = [Ask(0, 0, 1000, 1, 900, whole=True), Ask(1, 1, 600, 0, 500), Ask(2, 0, 500, 1, 450)]
    clearing = cleared(batch_of(asks))
    assert clearing.given[0] in (0, 1000)
    asks[1] = Ask(1, 1, 1600, 0, 1500)
    assert cleared(batch_of(asks)).given[0] == 1000


def test_orders_that_fit_together_exactly_take_a_transfer_less() -> None:
    # No two amounts are equal, but two and two are.
    gives, asks = [700, 513, 240, 61], [911, 302, 199, 102]
    assert 700 + 513 == 911 + 302
    rows = [Ask(number, 0, units, 1, units) for number, units in enumerate(gives)]
    rows += [Ask(10 + number, 1, units, 0, units) for number, units in enumerate(asks)]
    clearing = cleared(batch_of(rows))
    assert clearing.given.tolist() == [*gives, *asks]
    # Two groups of two and two for each of the two brands: three transfers each.
    assert len(clearing.transfers) == 12
    # Without the one group there is one chain a brand.
    rows[0] = Ask(0, 0, 701, 1, 701)
    rows[2] = Ask(2, 0, 239, 1, 239)
    assert len(cleared(batch_of(rows)).transfers) == 14


# One order, all or nothing, that the others can fill to 60 % only.
TOO_LARGE = [
    Ask(0, 0, 1000, 1, 1000, whole=True),
    Ask(1, 1, 600, 0, 500),
    Ask(2, 0, 200, 1, 210),
]


def best_by_hand(asks: list[Ask], rate: float) -> float:
    """Surplus over its bound of the best choice between two goods, where one unit of good 0 costs `rate` of
    good 1: every set of all-or-nothing orders is tried, and those that allow parts fill by their margins.
    """
    price = [rate, 1.0]
    margins = [price[ask.give] * ask.gives - price[ask.want] * ask.wants for ask in asks]
    bound = sum(max(margin, 0.0) for margin in margins)
    best = 0.0
    whole = [number for number, ask in enumerate(asks) if ask.whole]
    for chosen in product((False, True), repeat=len(whole)):
        taken = [number for number, takes in zip(whole, chosen, strict=True) if takes]
        if any(margins[number] < 0 for number in taken):
            continue
        parts = [number for number, ask in enumerate(asks) if not ask.whole and margins[number] >= 0]
        value = [sum(price[k] * asks[n].gives for n in taken if asks[n].give == k) for k in (0, 1)]
        more = [sum(price[k] * asks[n].gives for n in parts if asks[n].give == k) for k in (0, 1)]
        level = min(value[0] + more[0], value[1] + more[1])
        if level < max(value):
            continue
        surplus = sum(margins[number] for number in taken)
        for good in (0, 1):
            room = level - value[good]
            side = [number for number in parts if asks[number].give == good]
            for number in sorted(
                side, key=lambda n: asks[n].wants * price[asks[n].want] / (asks[n].gives * price[good])
            ):
                used = min(room, price[good] * asks[number].gives)
                surplus += margins[number] * used / (price[good] * asks[number].gives)
                room -= used
        best = max(best, surplus / bound if bound else 0.0)
    return best


def test_two_orders_of_which_no_prices_and_no_choice_reach_anything_of_the_bound() -> None:
    two = TOO_LARGE[:2]
    clearing = cleared(batch_of(two))
    assert not clearing.given.any()
    # Whatever a unit costs, one of the two is worth more than its limit.
    for rate in RATES:
        assert best_by_hand(two, rate) == 0.0
        assert 1000 * rate > 1000 or 500 * rate < 600
    # Allowed in parts, the same order trades all that there is.
    two[0] = two[0]._replace(whole=False)
    clearing = cleared(batch_of(two))
    assert clearing.surplus >= 0.999 * clearing.bound > 0


def test_three_orders_of_which_no_prices_and_no_choice_come_close_to_the_bound() -> None:
    reached = max(best_by_hand(TOO_LARGE, rate) for rate in RATES)
    assert reached == pytest.approx(0.21)
    clearing = cleared(batch_of(TOO_LARGE))
    assert clearing.given[0] == 0
    assert clearing.given[2] == 200
    assert 0.8 * reached <= clearing.surplus / clearing.bound <= reached


def test_four_ages_can_need_more_than_two_transfers_an_order() -> None:
    """Of each age there is just what one asks who takes nothing older: every giver has to meet everybody."""
    ages = [LATE + 1000 * age for age in range(1, 5)]
    asks = [Ask(maker, 0, 400, 1, 360) for maker in range(6)]
    asks += [Ask(6 + place, 1, 600, 0, 540, beyond=age - 1) for place, age in enumerate(ages)]
    lots = [Lot(maker, 0, 100, age) for maker in range(6) for age in ages]
    lots += [Lot(6 + place, 1, 600) for place in range(4)]
    clearing = cleared(batch_of(asks, lots))
    assert clearing.given.tolist() == [400] * 6 + [600] * 4
    # Each age goes to whoever asks for it: six by four, and for what they get eight, in two groups that fit.
    assert len(clearing.transfers) == 6 * 4 + 8 > 2 * len(asks)


def test_an_order_that_fits_only_without_another_takes_part() -> None:
    # Both fill in part where everything may: the larger fits once the smaller is left out.
    asks = [
        Ask(0, 0, 1000, 1, 1000, whole=True),
        Ask(1, 0, 300, 1, 300, whole=True),
        Ask(2, 1, 1100, 0, 990),
    ]
    clearing = cleared(batch_of(asks))
    assert clearing.given[:2].tolist() == [1000, 0]
    assert clearing.surplus >= 0.9 * clearing.bound


def test_orders_for_one_taker_are_left_out() -> None:
    asks = [Ask(0, 0, 1000, 1, 900, only=1), Ask(1, 1, 1000, 0, 900)]
    assert not cleared(batch_of(asks)).given.any()


def test_islands_have_prices_of_their_own() -> None:
    asks = [
        Ask(0, 0, 1000, 1, 900),
        Ask(1, 1, 1000, 0, 900),
        Ask(2, 2, 1000, 3, 900),
        Ask(3, 3, 1000, 2, 900),
        Ask(4, 4, 1000, 0, 1),
    ]
    clearing = cleared(batch_of(asks))
    assert sorted(zip([good.token for good in clearing.goods], clearing.groups, strict=True)) == [
        (0, 0),
        (1, 0),
        (2, 1),
        (3, 1),
    ]


def test_amounts_beyond_floating_point_are_exact() -> None:
    giant = 2**55 + 1
    clearing = cleared(batch_of([Ask(0, 0, giant, 1, giant), Ask(1, 1, giant, 0, giant)]))
    assert clearing.given.tolist() == [giant] * 2
    assert clearing.received.tolist() == [giant] * 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"give": [1, 1]}, "same token"),
        ({"give": [9, 1]}, "not listed"),
        ({"want_amount": [0, 1]}, "nothing"),
        ({"left": [2**56, 1]}, "2\\^56"),
        ({"left": [1001, 1]}, "more left"),
        ({"whole": [True, False], "left": [999, 1]}, "in part"),
        ({"ids": np.zeros((2, 32), np.uint8)}, "digest"),
    ],
)
def test_a_malformed_batch_is_refused(change: dict[str, Any], words: str) -> None:
    batch = batch_of([Ask(0, 0, 1000, 1, 1000), Ask(1, 1, 1000, 0, 1000)])
    arrays: dict[str, Any] = {name: np.array(values) for name, values in change.items()}
    with pytest.raises(InputError, match=words):
        clear(replace(batch, **arrays))


def test_a_lot_listed_twice_is_refused() -> None:
    asks = [Ask(0, 0, 1000, 1, 1000)]
    with pytest.raises(InputError, match="twice"):
        clear(batch_of(asks, [Lot(0, 0, 1, LATE), Lot(0, 0, 2, LATE)]))


def test_more_of_a_token_than_can_be_is_refused() -> None:
    asks = [Ask(maker, 0, 2**55, 1, 1000) for maker in range(40)]
    with pytest.raises(InputError, match="2\\^60"):
        clear(batch_of(asks))
