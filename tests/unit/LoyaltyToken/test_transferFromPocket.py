"""transferFromPocket: only who named the pocket moves what lies in it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import reverts_with

POCKET = b"\x01" * 32


@pytest.fixture(scope="module")
def pocket(held: Any, token: Any, customer: Any, stranger: Any) -> str:
    """A pocket of the stranger's with 35 points of two lots."""
    address: str = token.pocketOf(stranger, POCKET)
    token.transfer(address, 35, {"from": customer})
    return address


def test_moves_the_oldest_first(pocket: str, token: Any, lots: Any, buyer: Any, stranger: Any) -> None:
    events = token.transferFromPocket(POCKET, buyer, 15, 0, {"from": stranger}).events
    assert events["Transfer"] == {"from": pocket, "to": buyer, "value": 15}
    assert (lots(pocket), lots(buyer)) == ((0, 15, 5, 0), (10, 5, 0, 0))


def test_pays_with_points_that_live_beyond_a_bound(
    pocket: str, token: Any, lots: Any, buyer: Any, stranger: Any
) -> None:
    expiry = token.expiryOf(0)
    with reverts_with("PointsOutOfBounds", pocket, 25, 26, expiry, 0):
        token.transferFromPocket(POCKET, buyer, 26, expiry, {"from": stranger})
    token.transferFromPocket(POCKET, buyer, 25, expiry, {"from": stranger})
    assert (lots(pocket), lots(buyer)) == ((10, 0, 0, 0), (0, 20, 5, 0))


@pytest.mark.parametrize("role", ["brand", "customer", "buyer"])
def test_reverts_when_somebody_else_asks(
    pocket: str, token: Any, role: str, request: pytest.FixtureRequest
) -> None:
    account = request.getfixturevalue(role)
    with reverts_with("ERC20InsufficientBalance", token.pocketOf(account, POCKET), 0, 1):
        token.transferFromPocket(POCKET, account, 1, 0, {"from": account})


def test_reverts_when_one_point_is_missing(pocket: str, token: Any, buyer: Any, stranger: Any) -> None:
    with reverts_with("ERC20InsufficientBalance", pocket, 35, 36):
        token.transferFromPocket(POCKET, buyer, 36, 0, {"from": stranger})


def test_reverts_when_points_expired_in_the_pocket(
    pocket: str, token: Any, enter: Any, buyer: Any, stranger: Any
) -> None:
    enter(4)
    with reverts_with("ERC20InsufficientBalance", pocket, 25, 26):
        token.transferFromPocket(POCKET, buyer, 26, 0, {"from": stranger})


def test_reverts_when_the_receiver_is_refused(pocket: str, token: Any, stranger: Any, refused: Any) -> None:
    with reverts_with("ERC20InvalidReceiver", refused):
        token.transferFromPocket(POCKET, refused, 1, 0, {"from": stranger})
