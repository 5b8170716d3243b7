"""issueBatch: many recipients out of a grant, once for each batch."""

from __future__ import annotations

from typing import Any

from tests.helpers import batch, reverts_with

BATCH = "0x" + "ba" * 32


def test_charges_the_sum(token: Any, brand: Any, issuer: Any, customer: Any, buyer: Any) -> None:
    token.setGrant(issuer, 1, 100, 70, 0, {"from": brand})
    events = token.issueBatch(1, BATCH, batch([(customer, 30), (buyer, 40)]), {"from": issuer}).events
    assert events["BatchIssued"] == {"issuer": issuer, "batchId": BATCH, "recipients": 2, "amount": 70}
    assert tuple(token.grantOf(issuer, 1)) == (30, 0, 70, 70)
    assert (token.balanceOf(customer), token.balanceOf(buyer)) == (30, 40)


def test_reverts_when_sent_again(token: Any, brand: Any, issuer: Any, customer: Any) -> None:
    token.setGrant(issuer, 1, 100, 0, 0, {"from": brand})
    token.issueBatch(1, BATCH, batch([(customer, 30)]), {"from": issuer})
    with reverts_with("ReferenceUsed", issuer, BATCH):
        token.issueBatch(1, BATCH, batch([(customer, 30)]), {"from": issuer})


def test_reverts_when_the_sum_exceeds_the_grant(token: Any, brand: Any, issuer: Any, customer: Any) -> None:
    token.setGrant(issuer, 1, 100, 0, 0, {"from": brand})
    with reverts_with("GrantExceeded", issuer, 1, 100, 101):
        token.issueBatch(1, BATCH, batch([(customer, 50), (customer, 51)]), {"from": issuer})


def test_reverts_without_reference(token: Any, issuer: Any, customer: Any) -> None:
    with reverts_with("ReferenceMissing"):
        token.issueBatch(1, "0x" + "00" * 32, batch([(customer, 1)]), {"from": issuer})


def test_reverts_when_nothing_is_issued(token: Any, stranger: Any) -> None:
    with reverts_with("ZeroAmount"):
        token.issueBatch(1, BATCH, [], {"from": stranger})


def test_reverts_when_one_receiver_is_refused(
    token: Any, brand: Any, issuer: Any, customer: Any, refused: Any
) -> None:
    token.setGrant(issuer, 1, 100, 0, 0, {"from": brand})
    with reverts_with("ERC20InvalidReceiver", refused):
        token.issueBatch(1, BATCH, batch([(customer, 1), (refused, 1)]), {"from": issuer})
