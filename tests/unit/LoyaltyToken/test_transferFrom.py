"""transferFrom: out of an allowance, the oldest points first."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import MAX_UINT256, reverts_with


def test_uses_the_allowance_up(
    held: Any, token: Any, lots: Any, customer: Any, buyer: Any, stranger: Any
) -> None:
    token.approve(stranger, 35, {"from": customer})
    events = token.transferFrom(customer, buyer, 25, {"from": stranger}).events
    assert events["Transfer"] == {"from": customer, "to": buyer, "value": 25}
    assert token.allowance(customer, stranger) == 10
    assert (lots(customer), lots(buyer)) == ((0, 5, 30, 40), (10, 15, 0, 0))


def test_leaves_an_endless_allowance(held: Any, token: Any, customer: Any, buyer: Any, stranger: Any) -> None:
    token.approve(stranger, MAX_UINT256, {"from": customer})
    token.transferFrom(customer, buyer, 25, {"from": stranger})
    assert token.allowance(customer, stranger) == MAX_UINT256


def test_reverts_when_the_allowance_is_one_short(
    held: Any, token: Any, customer: Any, buyer: Any, stranger: Any
) -> None:
    token.approve(stranger, 35, {"from": customer})
    with reverts_with("ERC20InsufficientAllowance", stranger, 35, 36):
        token.transferFrom(customer, buyer, 36, {"from": stranger})


@pytest.mark.parametrize("role", ["brand", "issuer", "stranger", "deployer"])
def test_reverts_when_nothing_was_allowed(
    held: Any, token: Any, customer: Any, role: str, request: pytest.FixtureRequest
) -> None:
    account = request.getfixturevalue(role)
    with reverts_with("ERC20InsufficientAllowance", account, 0, 1):
        token.transferFrom(customer, account, 1, {"from": account})


def test_reverts_when_one_point_is_missing(held: Any, token: Any, customer: Any, stranger: Any) -> None:
    token.approve(stranger, MAX_UINT256, {"from": customer})
    with reverts_with("ERC20InsufficientBalance", customer, 100, 101):
        token.transferFrom(customer, stranger, 101, {"from": stranger})


def test_reverts_when_the_receiver_is_refused(
    held: Any, token: Any, customer: Any, stranger: Any, refused: Any
) -> None:
    token.approve(stranger, 10, {"from": customer})
    with reverts_with("ERC20InvalidReceiver", refused):
        token.transferFrom(customer, refused, 1, {"from": stranger})
