"""take: one order, with the sender as the other side."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import DAY, next_block_at, now, reverts_with, travel_to
from tests.orders import ERC20, ERC1155, digest, words
from tests.unit.PointsExchange.conftest import HELD


@pytest.fixture
def order(create_order: Any, acme: Any, beta: Any, customer: Any) -> Any:
    """The customer gives 100 ACME for 80 BETA."""
    return create_order(customer, acme, 100, beta, 80)


@pytest.fixture
def parts(create_order: Any, acme: Any, beta: Any, customer: Any) -> Any:
    """The same, in parts."""
    return create_order(customer, acme, 100, beta, 80, allowPartial=True)


def test_moves_points_both_ways(
    take: Any, order: Any, acme: Any, beta: Any, customer: Any, buyer: Any
) -> None:
    transaction = take(order, 100)
    assert transaction.return_value == 80
    assert (acme.balanceOf(customer), beta.balanceOf(customer)) == (HELD - 100, HELD + 80)
    assert (acme.balanceOf(buyer), beta.balanceOf(buyer)) == (HELD + 100, HELD - 80)


def test_emits_what_was_given_and_received(take: Any, parts: Any, exchange: Any, customer: Any) -> None:
    event = take(parts, 10).events["OrderFilled"]
    expected = "0x" + digest(exchange, "Order", parts).hex()
    assert event == {"digest": expected, "maker": customer, "given": 10, "received": 8}


@pytest.mark.parametrize(("amount", "paid"), [(1, 1), (5, 4), (6, 5), (99, 80), (100, 80)])
def test_price_is_rounded_up(take: Any, parts: Any, amount: int, paid: int) -> None:
    assert take(parts, amount).return_value == paid


def test_attack_09_splitting_never_pays(take: Any, parts: Any, exchange: Any) -> None:
    assert sum(take(parts, 30).return_value for _ in range(3)) + take(parts, 10).return_value == 80
    assert exchange.remainingOf(words(parts)) == 0


def test_money_for_coupons(
    take: Any, create_order: Any, cash: Any, coupons: Any, customer: Any, buyer: Any
) -> None:
    order = create_order(customer, cash, 20, coupons, 10, giveKind=ERC20, wantKind=ERC1155, wantId=7)
    take(order, 20)
    assert cash.balanceOf(buyer) == HELD + 20
    assert coupons.balanceOf(customer, 7) == HELD + 10


def test_deadline_to_the_second(take: Any, parts: Any) -> None:
    for moment in (parts["openUntil"] - 1, parts["openUntil"]):
        next_block_at(moment)
        take(parts, 10)
    next_block_at(parts["openUntil"] + 1)
    with reverts_with("OrderExpired", parts["openUntil"]):
        take(parts, 10)


def test_reverts_when_the_maker_takes_her_own(take: Any, order: Any, customer: Any) -> None:
    with reverts_with("SameParty", customer):
        take(order, 100, sender=customer)


def test_reserved_for_one_taker(
    take: Any, create_order: Any, acme: Any, beta: Any, customer: Any, buyer: Any, neighbour: Any
) -> None:
    order = create_order(customer, acme, 100, beta, 80, onlyTaker=neighbour)
    with reverts_with("OnlyTaker", neighbour, buyer):
        take(order, 100)
    take(order, 100, sender=neighbour)


@pytest.mark.parametrize("amount", [0, 2**128])
def test_reverts_when_the_amount_is_out_of_range(take: Any, parts: Any, amount: int) -> None:
    with reverts_with("AmountOutOfRange", amount):
        take(parts, amount)


@pytest.mark.parametrize("amount", [0, 99, 101])
def test_reverts_when_a_whole_order_is_taken_in_part(
    take: Any, order: Any, exchange: Any, amount: int
) -> None:
    with reverts_with("NotWhole", digest(exchange, "Order", order), amount, 100):
        take(order, amount)


def test_attack_08_reverts_when_taken_again(take: Any, order: Any, customer: Any) -> None:
    take(order, 100)
    with reverts_with("NonceUsed", customer, order["nonce"]):
        take(order, 100)


def test_reverts_when_the_taker_bounds_something_without_lots(
    take: Any, create_order: Any, cash: Any, beta: Any, customer: Any
) -> None:
    order = create_order(customer, cash, 20, beta, 10, giveKind=ERC20)
    with reverts_with("BoundNotZero", 1):
        take(order, 20, living_until=1)


# ------------------------------------------------------------------------------------------------------- lots


@pytest.fixture
def aged(acme: Any, beta: Any, brand: Any, customer: Any, buyer: Any) -> Any:
    """Two lots of 1,000 each, of the first epoch and the second. Returns when each of ACME expires."""
    travel_to(max(token.origin() + token.epochLength() for token in (acme, beta)))
    for token in (acme, beta):
        for holder in (customer, buyer):
            token.mint(holder, HELD, {"from": brand})
    return acme.expiryOf(0), acme.expiryOf(1)


def test_hole_a_taker_does_not_strip_a_maker_of_fresh_points(
    take: Any, create_order: Any, aged: Any, acme: Any, beta: Any, customer: Any
) -> None:
    order = create_order(customer, acme, HELD + 1, beta, 1, givePointsExpiringBy=aged[0])
    with reverts_with("PointsOutOfBounds", customer, HELD, HELD + 1, 0, aged[0]):
        take(order, HELD + 1)


def test_maker_gives_what_expires_by_her_bound(
    take: Any, create_order: Any, aged: Any, acme: Any, beta: Any, customer: Any
) -> None:
    take(create_order(customer, acme, HELD, beta, 1, givePointsExpiringBy=aged[0]), HELD)
    assert acme.balanceOfAtEpoch(0, customer) == 0
    assert acme.balanceOfAtEpoch(1, customer) == HELD


def test_maker_receives_what_lives_beyond_her_bound(
    take: Any, create_order: Any, aged: Any, acme: Any, beta: Any, customer: Any, buyer: Any
) -> None:
    bound = beta.expiryOf(0)
    take(create_order(customer, acme, 1, beta, HELD, wantPointsLivingUntil=bound), 1)
    assert beta.balanceOfAtEpoch(1, customer) == 2 * HELD
    order = create_order(customer, acme, 1, beta, 1, wantPointsLivingUntil=bound)
    with reverts_with("PointsOutOfBounds", buyer, 0, 1, bound, 0):
        take(order, 1)


def test_taker_receives_what_lives_beyond_his_bound(
    take: Any, create_order: Any, aged: Any, acme: Any, beta: Any, customer: Any, buyer: Any
) -> None:
    take(create_order(customer, acme, HELD, beta, 1), HELD, living_until=aged[0])
    assert acme.balanceOfAtEpoch(1, buyer) == 2 * HELD
    order = create_order(customer, acme, 1, beta, 1)
    with reverts_with("PointsOutOfBounds", customer, 0, 1, aged[0], 0):
        take(order, 1, living_until=aged[0])


def test_attack_25_points_at_their_expiry(
    take: Any, create_order: Any, aged: Any, acme: Any, beta: Any, customer: Any
) -> None:
    order = create_order(
        customer,
        acme,
        10,
        beta,
        1,
        givePointsExpiringBy=aged[0],
        openUntil=now() + 1_000 * DAY,
        allowPartial=True,
    )
    next_block_at(aged[0] - 1)
    take(order, 1)
    for moment in (aged[0], aged[0] + 1):
        next_block_at(moment)
        with reverts_with("PointsOutOfBounds", customer, 0, 1, 0, aged[0]):
            take(order, 1)
