"""transferFromWithin: only points that expire within bounds, those that expire soonest first."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import MAX_UINT256, reverts_with


@pytest.fixture(scope="module")
def spender(held: Any, token: Any, customer: Any, stranger: Any) -> Any:
    """May move everything of the customer's."""
    token.approve(stranger, MAX_UINT256, {"from": customer})
    return stranger


@pytest.mark.parametrize(
    ("soonest", "latest", "value", "taken"),
    [
        (None, None, 15, (10, 5, 0, 0)),
        (0, None, 15, (0, 15, 0, 0)),
        (None, 1, 30, (10, 20, 0, 0)),
        (0, 2, 50, (0, 20, 30, 0)),
        (2, None, 40, (0, 0, 0, 40)),
        (3, None, 0, (0, 0, 0, 0)),
    ],
)
def test_takes_lots_within_bounds(
    spender: Any,
    token: Any,
    lots: Any,
    customer: Any,
    buyer: Any,
    soonest: int | None,
    latest: int | None,
    value: int,
    taken: tuple[int, ...],
) -> None:
    at_least = 0 if soonest is None else token.expiryOf(soonest)
    at_most = 0 if latest is None else token.expiryOf(latest)
    token.transferFromWithin(customer, buyer, value, at_least, at_most, {"from": spender})
    assert lots(buyer) == taken
    assert token.balanceOf(customer) == 100 - value


@pytest.mark.parametrize(("late", "within"), [(-1, 100), (0, 90), (1, 90)])
def test_points_must_live_beyond_the_lower_bound(
    spender: Any, token: Any, customer: Any, buyer: Any, late: int, within: int
) -> None:
    bound = token.expiryOf(0) + late
    with reverts_with("PointsOutOfBounds", customer, within, 101, bound, 0):
        token.transferFromWithin(customer, buyer, 101, bound, 0, {"from": spender})
    token.transferFromWithin(customer, buyer, within, bound, 0, {"from": spender})


@pytest.mark.parametrize(("late", "within"), [(-1, 0), (0, 10), (1, 10)])
def test_points_must_expire_by_the_upper_bound(
    spender: Any, token: Any, customer: Any, buyer: Any, late: int, within: int
) -> None:
    bound = token.expiryOf(0) + late
    with reverts_with("PointsOutOfBounds", customer, within, 101, 0, bound):
        token.transferFromWithin(customer, buyer, 101, 0, bound, {"from": spender})
    token.transferFromWithin(customer, buyer, within, 0, bound, {"from": spender})


def test_spends_the_allowance(held: Any, token: Any, customer: Any, buyer: Any, stranger: Any) -> None:
    token.approve(stranger, 20, {"from": customer})
    token.transferFromWithin(customer, buyer, 15, token.expiryOf(0), 0, {"from": stranger})
    assert token.allowance(customer, stranger) == 5
    with reverts_with("ERC20InsufficientAllowance", stranger, 5, 6):
        token.transferFromWithin(customer, buyer, 6, token.expiryOf(0), 0, {"from": stranger})


def test_without_bounds_a_shortage_is_a_plain_one(
    spender: Any, token: Any, customer: Any, buyer: Any
) -> None:
    with reverts_with("ERC20InsufficientBalance", customer, 100, 101):
        token.transferFromWithin(customer, buyer, 101, 0, 0, {"from": spender})


def test_reverts_when_the_receiver_is_refused(spender: Any, token: Any, customer: Any, refused: Any) -> None:
    with reverts_with("ERC20InvalidReceiver", refused):
        token.transferFromWithin(customer, refused, 1, 1, 0, {"from": spender})
