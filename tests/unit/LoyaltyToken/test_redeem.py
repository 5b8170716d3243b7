"""redeem: spends points at the brand, once for each receipt."""

from __future__ import annotations

from typing import Any

from tests.helpers import ZERO_ADDRESS, next_block_at, reverts_with

RECEIPT = "0x" + "ab" * 32


def test_takes_the_oldest_lots_first(held: Any, token: Any, lots: Any, totals: Any, customer: Any) -> None:
    events = token.redeem(35, RECEIPT, {"from": customer}).events
    assert events["Transfer"] == {"from": customer, "to": ZERO_ADDRESS, "value": 35}
    assert events["Redeemed"] == {
        "holder": customer,
        "receiptId": RECEIPT,
        "amount": 35,
        "agent": customer,
    }
    assert lots(customer) == (0, 0, 25, 40)
    assert totals() == (100, 65, 35, 0)
    assert token.totalSupply() == 65


def test_reverts_when_nothing_is_redeemed(held: Any, token: Any, customer: Any) -> None:
    with reverts_with("ZeroAmount"):
        token.redeem(0, RECEIPT, {"from": customer})


def test_reverts_when_the_receipt_is_missing(held: Any, token: Any, customer: Any) -> None:
    with reverts_with("ReferenceMissing"):
        token.redeem(1, "0x" + "00" * 32, {"from": customer})


def test_reverts_when_one_point_is_missing(held: Any, token: Any, customer: Any) -> None:
    with reverts_with("ERC20InsufficientBalance", customer, 100, 101):
        token.redeem(101, RECEIPT, {"from": customer})


def test_reverts_when_the_receipt_was_used(held: Any, token: Any, customer: Any) -> None:
    token.redeem(1, RECEIPT, {"from": customer})
    with reverts_with("ReceiptUsed", customer, RECEIPT):
        token.redeem(1, RECEIPT, {"from": customer})


def test_reverts_when_points_have_expired(held: Any, token: Any, customer: Any) -> None:
    next_block_at(token.expiryOf(0))
    with reverts_with("ERC20InsufficientBalance", customer, 90, 91):
        token.redeem(91, RECEIPT, {"from": customer})
