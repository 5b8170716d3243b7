"""transferAtEpoch: points of one epoch of issue (ERC-7818)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers import next_block_at, reverts_with


def test_moves_points_of_that_epoch(held: Any, token: Any, lots: Any, customer: Any, buyer: Any) -> None:
    events = token.transferAtEpoch(2, buyer, 7, {"from": customer}).events
    assert events["Transfer"] == {"from": customer, "to": buyer, "value": 7}
    assert (lots(customer), lots(buyer)) == ((10, 20, 23, 40), (0, 0, 7, 0))


@pytest.mark.parametrize(("epoch", "left"), [(0, 10), (1, 20), (2, 30), (3, 40), (4, 0)])
def test_reverts_when_one_point_of_that_epoch_is_missing(
    held: Any, token: Any, customer: Any, buyer: Any, epoch: int, left: int
) -> None:
    with reverts_with("ERC20InsufficientBalance", customer, left, left + 1):
        token.transferAtEpoch(epoch, buyer, left + 1, {"from": customer})


def test_reverts_when_the_epoch_has_expired(held: Any, token: Any, customer: Any, buyer: Any) -> None:
    next_block_at(token.expiryOf(0) - 1)
    token.transferAtEpoch(0, buyer, 1, {"from": customer})
    next_block_at(token.expiryOf(0))
    with reverts_with("ERC7818TransferredExpiredToken", customer, 0):
        token.transferAtEpoch(0, buyer, 1, {"from": customer})


def test_reverts_long_after(
    held: Any, token: Any, customer: Any, buyer: Any, enter: Callable[[int], None]
) -> None:
    enter(50)
    with reverts_with("ERC7818TransferredExpiredToken", customer, 3):
        token.transferAtEpoch(3, buyer, 1, {"from": customer})


def test_reverts_when_the_receiver_is_refused(held: Any, token: Any, customer: Any, refused: Any) -> None:
    with reverts_with("ERC20InvalidReceiver", refused):
        token.transferAtEpoch(3, refused, 1, {"from": customer})
