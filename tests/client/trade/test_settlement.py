"""`troc.settlement`: transfers that make named orders fit, against a checker of its own."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troc.brands import Brand
from troc.errors import OrderError, PointsError
from troc.messages import ZERO_ADDRESS, Order
from troc.points import Holding, Lot
from troc.settlement import Leg, Settlement, fit

LENGTH = 1_000_000


def address(number: int) -> str:
    return "0x" + f"{number:02x}" * 20


TOKENS = [address(0x20 + place) for place in range(4)]
MAKERS = [address(0x50 + place) for place in range(6)]
STRANGER = address(0x70)


def order(
    maker: int, give: int, amount: int, want: int, price: int, partial: bool = False, **rest: object
) -> Order:
    filled = {
        "give_points_expiring_by": 0,
        "want_points_living_until": 0,
        "only_taker": ZERO_ADDRESS,
        "open_until": 100,
        "nonce": 0,
        **rest,
    }
    return Order(
        MAKERS[maker],
        TOKENS[give],
        0,
        0,
        amount,
        TOKENS[want],
        0,
        0,
        price,
        allow_partial=partial,
        **filled,  # type: ignore[arg-type]
    )


def rich(*orders: Order, lots: tuple[int, ...] = (0, 0, 0, 10**20)) -> dict[tuple[str, str], Holding]:
    """Makers who have plenty, in lots that expire at 1, 2, 3 and 4 million."""
    return {
        (each.maker, each.give_token): Holding(
            Brand(each.give_token, "X", "X", 0, LENGTH, 0, ZERO_ADDRESS),
            each.maker,
            tuple(Lot(units, (place + 1) * LENGTH) for place, units in enumerate(lots)),
        )
        for each in orders
    }


def settle(*orders: Order, sender: str = STRANGER) -> Settlement:
    settlement = fit([Leg(each, each.give_amount) for each in orders], rich(*orders), sender)
    check(orders, settlement, sender)
    return settlement


def check(orders: tuple[Order, ...], settlement: Settlement, sender: str) -> None:
    """What the exchange checks (X2), told apart from how the transfers were found."""
    given = [0] * len(orders)
    received = [0] * len(orders)
    for move in settlement.transfers:
        giver, receiver = orders[move.giver], orders[move.receiver]
        assert move.amount > 0
        assert giver.give_token == receiver.want_token
        assert giver.maker != receiver.maker
        assert giver.only_taker in (ZERO_ADDRESS, sender, receiver.maker)
        given[move.giver] += move.amount
        received[move.receiver] += move.amount
    assert given == list(settlement.given)
    assert received == list(settlement.received)
    for each, gives, gets in zip(orders, given, received, strict=True):
        assert 0 < gives <= each.give_amount
        assert each.allow_partial or gives == each.give_amount
        assert gets * each.give_amount >= gives * each.want_amount


def test_two_whole_orders() -> None:
    found = settle(order(0, 0, 100, 1, 80), order(1, 1, 80, 0, 100))
    assert found.given == (100, 80)


def test_what_is_given_beyond_the_prices_goes_to_who_receives() -> None:
    found = settle(order(0, 0, 100, 1, 80), order(1, 1, 90, 0, 95))
    assert found.given == (100, 90)
    assert found.received == (90, 100)


def test_a_swap_among_three() -> None:
    found = settle(order(0, 0, 100, 1, 80), order(1, 1, 80, 2, 30), order(2, 2, 30, 0, 100))
    assert found.given == (100, 80, 30)
    assert len(found.transfers) == 3


def test_a_partial_order_is_cut_to_what_the_other_needs() -> None:
    found = settle(order(0, 0, 1000, 1, 900, partial=True), order(1, 1, 100, 0, 100))
    assert found.given == (111, 100)
    assert found.received == (100, 111)


def test_parts_are_rounded_in_favour_of_makers() -> None:
    found = settle(order(0, 0, 3, 1, 2, partial=True), order(1, 1, 1, 0, 1))
    # One unit of the second pays for one of the first, not for one and a half.
    assert found.given == (1, 1)


def test_earlier_orders_come_first_where_there_is_too_little() -> None:
    found = settle(
        order(0, 0, 100, 1, 100),
        order(1, 1, 70, 0, 70, partial=True),
        order(2, 1, 70, 0, 70, partial=True),
    )
    assert found.given == (100, 70, 30)


def test_many_to_many() -> None:
    found = settle(
        order(0, 0, 100, 1, 100),
        order(1, 0, 50, 1, 50),
        order(2, 1, 120, 0, 120),
        order(3, 1, 30, 0, 30),
    )
    assert found.given == (100, 50, 120, 30)


@pytest.mark.parametrize(
    ("orders", "why"),
    [
        ([order(0, 0, 100, 1, 81), order(1, 1, 80, 0, 100)], "too little for order 1"),
        ([order(0, 0, 9, 1, 10, partial=True), order(1, 1, 9, 0, 10, partial=True)], "nothing left"),
        ([order(0, 0, 100, 1, 80), order(1, 2, 80, 0, 100)], "nobody here wants what order 2 gives"),
        ([order(0, 0, 100, 1, 80), order(0, 1, 80, 0, 100)], "nobody may trade with order 1"),
        (
            [order(0, 0, 100, 1, 80, only_taker=MAKERS[3]), order(1, 1, 80, 0, 100)],
            "nobody may trade with order 1",
        ),
        ([order(0, 0, 100, 1, 80)], "one order alone"),
    ],
)
def test_refuses_what_does_not_fit(orders: list[Order], why: str) -> None:
    with pytest.raises(OrderError, match=why):
        settle(*orders)


def test_prices_that_miss_each_other_by_a_hair_end() -> None:
    big = 2**55
    with pytest.raises(OrderError, match="do not fit"):
        settle(order(0, 0, big, 1, big + 1, partial=True), order(1, 1, big, 0, big, partial=True))


def test_an_order_for_one_taker_goes_to_her_or_is_submitted_by_her() -> None:
    pair = order(0, 0, 100, 1, 80, only_taker=MAKERS[1]), order(1, 1, 80, 0, 100)
    settle(*pair)
    other = replace(pair[0], only_taker=STRANGER), pair[1]
    settle(*other, sender=STRANGER)
    with pytest.raises(OrderError):
        settle(*other, sender=MAKERS[5])


def test_two_orders_of_one_maker_go_to_others() -> None:
    found = settle(
        order(0, 0, 50, 1, 50),
        order(0, 1, 50, 0, 50),
        order(1, 1, 50, 0, 50),
        order(2, 0, 50, 1, 50),
    )
    assert {(move.giver, move.receiver) for move in found.transfers} == {(0, 2), (2, 0), (1, 3), (3, 1)}


def test_points_go_where_they_live_long_enough() -> None:
    giver = order(0, 0, 100, 1, 100)
    picky = order(1, 1, 50, 0, 50, want_points_living_until=LENGTH)
    easy = order(2, 1, 50, 0, 50)
    orders = giver, picky, easy
    # Half of the points are old: they must go to the one who does not mind, first.
    found = fit(
        [Leg(each, each.give_amount) for each in orders], rich(*orders, lots=(50, 0, 0, 50)), STRANGER
    )
    check(orders, found, STRANGER)
    assert [move.receiver for move in found.transfers if move.giver == 0] == [2, 1]
    with pytest.raises(PointsError, match="order 1 has 49 X that live beyond"):
        fit([Leg(each, each.give_amount) for each in orders], rich(*orders, lots=(51, 0, 0, 49)), STRANGER)


_AMOUNTS = st.integers(1, 10**6)


@given(st.data())
def test_rings_and_crowds_that_are_found_pass_the_exchanges_checks(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 6))
    tokens = data.draw(st.integers(2, 4))
    orders = tuple(
        order(
            maker,
            give,
            data.draw(_AMOUNTS),
            (give + data.draw(st.integers(1, tokens - 1))) % tokens,
            data.draw(_AMOUNTS),
            data.draw(st.booleans()),
        )
        for maker, give in enumerate(
            data.draw(st.lists(st.integers(0, tokens - 1), min_size=size, max_size=size))
        )
    )
    try:
        settle(*orders)
    except OrderError:
        return


@given(st.integers(2, 6), st.data())
def test_a_ring_of_partial_orders_fits_if_its_prices_do(size: int, data: st.DataObject) -> None:
    # Each gives far more than rounding can cost, at prices whose product leaves a tenth.
    prices = [data.draw(st.integers(50, 200)) for _ in range(size - 1)]
    product = Fraction(1)
    for price in prices:
        product *= Fraction(price, 100)
    last = Fraction(9, 10) / product
    wanted = [*(price * 10**7 for price in prices), int(last * 10**9)]
    orders = [
        replace(
            order(place, 0, 10**9, 1, amount, partial=True),
            give_token=address(0x20 + place),
            want_token=address(0x20 + (place + 1) % size),
        )
        for place, amount in enumerate(wanted)
    ]
    found = settle(*orders)
    assert min(found.given) > 1000
