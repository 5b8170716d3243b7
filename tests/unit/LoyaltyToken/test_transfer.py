"""transfer: the oldest points first, to anyone but three addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.helpers import MAX_UINT256, reverts_with, travel_to


def test_takes_the_oldest_lots_first(held: Any, token: Any, lots: Any, customer: Any, buyer: Any) -> None:
    token.transfer(buyer, 35, {"from": customer})
    assert (lots(customer), lots(buyer)) == ((0, 0, 25, 40), (10, 20, 5, 0))


def test_emits_transfer(held: Any, token: Any, customer: Any, buyer: Any) -> None:
    events = token.transfer(buyer, 35, {"from": customer}).events
    assert len(events) == 1
    assert events["Transfer"] == {"from": customer, "to": buyer, "value": 35}


def test_answers_true(held: Any, token: Any, customer: Any, buyer: Any) -> None:
    assert token.transfer.call(buyer, 35, {"from": customer}) is True


def test_moves_nothing_from_nobody(token: Any, stranger: Any, buyer: Any) -> None:
    assert token.transfer(buyer, 0, {"from": stranger}).events["Transfer"]["value"] == 0


def test_keeps_everything_when_sent_to_oneself(held: Any, token: Any, lots: Any, customer: Any) -> None:
    token.transfer(customer, 35, {"from": customer})
    assert lots(customer) == held


def test_leaves_the_switch_of_both_sides(
    held: Any, token: Any, exchange: Any, customer: Any, buyer: Any
) -> None:
    token.approve(exchange, 0, {"from": customer})
    token.transfer(buyer, 35, {"from": customer})
    assert token.allowance(customer, exchange) == 0
    assert token.allowance(buyer, exchange) == MAX_UINT256
    token.transfer(customer, 35, {"from": buyer})
    assert token.allowance(customer, exchange) == 0
    assert token.balanceOf(customer) == 100


def test_reverts_when_one_point_is_missing(held: Any, token: Any, customer: Any, buyer: Any) -> None:
    with reverts_with("ERC20InsufficientBalance", customer, 100, 101):
        token.transfer(buyer, 101, {"from": customer})


def test_reverts_when_the_receiver_is_refused(held: Any, token: Any, customer: Any, refused: Any) -> None:
    with reverts_with("ERC20InvalidReceiver", refused):
        token.transfer(refused, 1, {"from": customer})


def test_reverts_when_points_have_expired(
    held: Any, token: Any, customer: Any, buyer: Any, enter: Callable[[int], None]
) -> None:
    travel_to(token.expiryOf(0) - 1)
    assert token.balanceOf(customer) == 100
    enter(4)
    assert token.balanceOf(customer) == 90
    with reverts_with("ERC20InsufficientBalance", customer, 90, 91):
        token.transfer(buyer, 91, {"from": customer})
    token.transfer(buyer, 90, {"from": customer})
