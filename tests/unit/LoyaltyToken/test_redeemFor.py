"""redeemFor: spends points by a signature that anyone, or only the agent it names, submits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import MAX_UINT256, ZERO_ADDRESS, next_block_at, now, reverts_with, sign

RECEIPT = "0x" + "ab" * 32


@pytest.fixture
def message(held: Any, customer: Any) -> dict[str, Any]:
    """The customer spends 35 points; anyone submits."""
    return {
        "holder": customer.address,
        "amount": 35,
        "receiptId": RECEIPT,
        "agent": ZERO_ADDRESS,
        "deadline": MAX_UINT256,
        "nonce": 5,
    }


def redeem(token: Any, message: dict[str, Any], signature: bytes, submitter: Any) -> Any:
    return token.redeemFor(tuple(message.values()), signature, {"from": submitter})


def test_redeems_the_oldest_first(
    message: Any, token: Any, lots: Any, totals: Any, customer: Any, stranger: Any
) -> None:
    events = redeem(token, message, sign(customer, token, "Redeem", message), stranger).events
    assert events["Transfer"] == {"from": customer, "to": ZERO_ADDRESS, "value": 35}
    assert events["Redeemed"] == {
        "holder": customer,
        "receiptId": RECEIPT,
        "amount": 35,
        "agent": stranger,
    }
    assert lots(customer) == (0, 0, 25, 40)
    assert totals() == (100, 65, 35, 0)


def test_only_the_agent_submits(
    message: Any, token: Any, brand: Any, customer: Any, buyer: Any, stranger: Any
) -> None:
    message["agent"] = buyer.address
    signature = sign(customer, token, "Redeem", message)
    for other in (stranger, brand, customer):
        with reverts_with("NotTheAgent", buyer, other):
            redeem(token, message, signature, other)
    assert redeem(token, message, signature, buyer).events["Redeemed"]["agent"] == buyer


@pytest.mark.parametrize("field", ["amount", "receiptId", "agent", "deadline", "nonce"])
def test_reverts_when_a_field_was_changed(
    message: Any, token: Any, customer: Any, stranger: Any, field: str
) -> None:
    signature = sign(customer, token, "Redeem", message)
    others = {"agent": stranger.address, "receiptId": "0x" + "cd" * 32}
    message[field] = others.get(field) or message[field] - 1
    with reverts_with("NotSignedByHolder", customer):
        redeem(token, message, signature, stranger)


def test_reverts_when_submitted_again(message: Any, token: Any, customer: Any, stranger: Any) -> None:
    signature = sign(customer, token, "Redeem", message)
    redeem(token, message, signature, stranger)
    with reverts_with("NonceUsed", customer, 5):
        redeem(token, message, signature, stranger)


def test_reverts_when_the_receipt_was_used(message: Any, token: Any, customer: Any, stranger: Any) -> None:
    token.redeem(1, RECEIPT, {"from": customer})
    with reverts_with("ReceiptUsed", customer, RECEIPT):
        redeem(token, message, sign(customer, token, "Redeem", message), stranger)


def test_reverts_when_signed_by_somebody_else(message: Any, token: Any, customer: Any, stranger: Any) -> None:
    with reverts_with("NotSignedByHolder", customer):
        redeem(token, message, sign(stranger, token, "Redeem", message), stranger)


def test_holds_until_its_deadline(message: Any, token: Any, customer: Any, stranger: Any) -> None:
    deadline = message["deadline"] = now() + 1_000
    for index, moment in enumerate((deadline - 1, deadline)):
        message |= {"nonce": index, "receiptId": "0x" + f"{index + 1:064x}"}
        next_block_at(moment)
        redeem(token, message, sign(customer, token, "Redeem", message), stranger)
    message |= {"nonce": 2, "receiptId": RECEIPT}
    next_block_at(deadline + 1)
    with reverts_with("DeadlinePassed", deadline):
        redeem(token, message, sign(customer, token, "Redeem", message), stranger)
