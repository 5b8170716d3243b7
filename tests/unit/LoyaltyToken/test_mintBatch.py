"""mintBatch: many recipients in one transaction, once for each batch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import LANE, ZERO_ADDRESS, batch, reverts_with

BATCH = "0x" + "ba" * 32


def test_issues_to_each(token: Any, totals: Any, brand: Any, customer: Any, buyer: Any) -> None:
    words = batch([(customer, 10), (buyer, 20), (customer, 30)])
    events = token.mintBatch(BATCH, words, {"from": brand}).events
    assert [dict(event) for event in events["Transfer"]] == [
        {"from": ZERO_ADDRESS, "to": to, "value": value}
        for to, value in ((customer, 10), (buyer, 20), (customer, 30))
    ]
    assert events["BatchIssued"] == {
        "issuer": ZERO_ADDRESS,
        "batchId": BATCH,
        "recipients": 3,
        "amount": 60,
    }
    assert (token.balanceOf(customer), token.balanceOf(buyer)) == (40, 20)
    assert totals() == (60, 60, 0, 0)


def test_issues_to_two_hundred_within_a_block(token: Any, brand: Any) -> None:
    recipients = [("0x" + f"{number + 1:040x}", number) for number in range(200)]
    transaction = token.mintBatch(BATCH, batch(recipients), {"from": brand})
    assert transaction.gas_used < 12_000_000
    assert [token.balanceOf(to) for to, _ in recipients[::20]] == list(range(0, 200, 20))


def test_reverts_when_sent_again(token: Any, brand: Any, customer: Any, buyer: Any) -> None:
    token.mintBatch(BATCH, batch([(customer, 10)]), {"from": brand})
    assert token.referenceUsed(ZERO_ADDRESS, BATCH)
    with reverts_with("ReferenceUsed", ZERO_ADDRESS, BATCH):
        token.mintBatch(BATCH, batch([(buyer, 10)]), {"from": brand})


def test_reverts_without_reference(token: Any, brand: Any, customer: Any) -> None:
    with reverts_with("ReferenceMissing"):
        token.mintBatch("0x" + "00" * 32, batch([(customer, 10)]), {"from": brand})


@pytest.mark.parametrize("amounts", [(LANE, 1), (LANE + 1,), (2**96 - 1,), (2**95, 2**95, 2)])
def test_reverts_when_the_sum_exceeds_the_lot(
    token: Any, brand: Any, customer: Any, amounts: tuple[int, ...]
) -> None:
    with reverts_with("NoHeadroom", LANE, sum(amounts)):
        token.mintBatch(BATCH, batch([(customer, amount) for amount in amounts]), {"from": brand})
    assert token.balanceOf(customer) == 0


def test_reverts_when_one_receiver_is_refused(token: Any, brand: Any, customer: Any, refused: Any) -> None:
    with reverts_with("ERC20InvalidReceiver", refused):
        token.mintBatch(BATCH, batch([(customer, 1), (refused, 1)]), {"from": brand})


def test_reverts_when_somebody_else_mints(token: Any, customer: Any) -> None:
    with reverts_with("Unauthorized"):
        token.mintBatch(BATCH, batch([(customer, 1)]), {"from": customer})
