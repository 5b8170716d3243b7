"""transferFromAtEpoch: points of one epoch of issue, out of an allowance (ERC-7818)."""

from __future__ import annotations

from typing import Any

from tests.helpers import next_block_at, reverts_with


def test_moves_points_of_that_epoch(
    held: Any, token: Any, lots: Any, customer: Any, buyer: Any, stranger: Any
) -> None:
    token.approve(stranger, 25, {"from": customer})
    token.transferFromAtEpoch(3, customer, buyer, 20, {"from": stranger})
    assert (lots(customer), lots(buyer)) == ((10, 20, 30, 20), (0, 0, 0, 20))
    assert token.allowance(customer, stranger) == 5


def test_reverts_when_the_allowance_is_one_short(
    held: Any, token: Any, customer: Any, buyer: Any, stranger: Any
) -> None:
    token.approve(stranger, 25, {"from": customer})
    with reverts_with("ERC20InsufficientAllowance", stranger, 25, 26):
        token.transferFromAtEpoch(3, customer, buyer, 26, {"from": stranger})


def test_reverts_when_one_point_of_that_epoch_is_missing(
    held: Any, token: Any, customer: Any, buyer: Any, stranger: Any
) -> None:
    token.approve(stranger, 100, {"from": customer})
    with reverts_with("ERC20InsufficientBalance", customer, 40, 41):
        token.transferFromAtEpoch(3, customer, buyer, 41, {"from": stranger})


def test_reverts_when_the_epoch_has_expired(
    held: Any, token: Any, customer: Any, buyer: Any, stranger: Any
) -> None:
    token.approve(stranger, 100, {"from": customer})
    next_block_at(token.expiryOf(0))
    with reverts_with("ERC7818TransferredExpiredToken", customer, 0):
        token.transferFromAtEpoch(0, customer, buyer, 1, {"from": stranger})
