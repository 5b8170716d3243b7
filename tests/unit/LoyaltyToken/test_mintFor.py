"""mintFor: points for a receipt, once."""

from __future__ import annotations

from typing import Any

from tests.helpers import ZERO_ADDRESS, reverts_with

RECEIPT = "0x" + "ab" * 32


def test_issues_for_a_receipt(token: Any, brand: Any, customer: Any) -> None:
    events = token.mintFor(customer, 10, RECEIPT, {"from": brand}).events
    assert events["IssuedFor"] == {
        "issuer": ZERO_ADDRESS,
        "receiptId": RECEIPT,
        "to": customer,
        "amount": 10,
    }
    assert events["Transfer"] == {"from": ZERO_ADDRESS, "to": customer, "value": 10}
    assert token.balanceOf(customer) == 10
    assert token.referenceUsed(ZERO_ADDRESS, RECEIPT)


def test_reverts_when_the_receipt_was_used(token: Any, brand: Any, customer: Any, buyer: Any) -> None:
    token.mintFor(customer, 10, RECEIPT, {"from": brand})
    with reverts_with("ReferenceUsed", ZERO_ADDRESS, RECEIPT):
        token.mintFor(buyer, 5, RECEIPT, {"from": brand})


def test_reverts_when_the_receipt_is_missing(token: Any, brand: Any, customer: Any) -> None:
    with reverts_with("ReferenceMissing"):
        token.mintFor(customer, 10, "0x" + "00" * 32, {"from": brand})


def test_reverts_when_somebody_else_mints(token: Any, customer: Any) -> None:
    with reverts_with("Unauthorized"):
        token.mintFor(customer, 1, RECEIPT, {"from": customer})


def test_reverts_when_the_receiver_is_refused(token: Any, brand: Any, refused: Any) -> None:
    with reverts_with("ERC20InvalidReceiver", refused):
        token.mintFor(refused, 1, RECEIPT, {"from": brand})
