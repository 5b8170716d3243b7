"""issue: points out of a grant."""

from __future__ import annotations

from typing import Any

from tests.helpers import DAY, LANE, ZERO_ADDRESS, next_block_at, now, reverts_with

NO_RECEIPT = "0x" + "00" * 32
RECEIPT = "0x" + "ab" * 32


def test_charges_the_grant(token: Any, brand: Any, issuer: Any, customer: Any) -> None:
    token.setGrant(issuer, 1, 100, 0, 0, {"from": brand})
    events = token.issue(1, customer, 40, RECEIPT, {"from": issuer}).events
    assert events["IssuedFor"] == {"issuer": issuer, "receiptId": RECEIPT, "to": customer, "amount": 40}
    assert events["Transfer"] == {"from": ZERO_ADDRESS, "to": customer, "value": 40}
    assert token.grantOf(issuer, 1)[0] == 60
    assert token.balanceOf(customer) == 40
    with reverts_with("GrantExceeded", issuer, 1, 60, 61):
        token.issue(1, customer, 61, NO_RECEIPT, {"from": issuer})


def test_remembers_receipts_by_issuer(token: Any, brand: Any, issuer: Any, customer: Any) -> None:
    token.setGrant(issuer, 1, 100, 0, 0, {"from": brand})
    token.mintFor(customer, 1, RECEIPT, {"from": brand})
    token.issue(1, customer, 1, RECEIPT, {"from": issuer})
    with reverts_with("ReferenceUsed", issuer, RECEIPT):
        token.issue(1, customer, 1, RECEIPT, {"from": issuer})


def test_needs_no_receipt(token: Any, brand: Any, issuer: Any, customer: Any) -> None:
    token.setGrant(issuer, 1, 100, 0, 0, {"from": brand})
    for _ in range(2):
        events = token.issue(1, customer, 1, NO_RECEIPT, {"from": issuer}).events
        assert (events["IssuedFor"]["issuer"], events["IssuedFor"]["to"]) == (issuer, customer)
    assert not token.referenceUsed(issuer, NO_RECEIPT)


def test_keeps_to_the_cap_of_a_day(token: Any, brand: Any, issuer: Any, customer: Any) -> None:
    midnight = (now() // DAY + 2) * DAY
    token.setGrant(issuer, 1, 100, 30, 0, {"from": brand})
    next_block_at(midnight - 1)
    token.issue(1, customer, 30, NO_RECEIPT, {"from": issuer})
    with reverts_with("DayCapExceeded", issuer, 1, 0, 1):
        token.issue(1, customer, 1, NO_RECEIPT, {"from": issuer, "gas_limit": 200_000})
    next_block_at(midnight)
    token.issue(1, customer, 30, NO_RECEIPT, {"from": issuer})
    assert token.balanceOf(customer) == 60


def test_a_promise_keeps_its_place(token: Any, brand: Any, issuer: Any, customer: Any) -> None:
    token.setGrant(issuer, 1, 100, 0, now() + 1_000, {"from": brand})
    token.setGrant(issuer, 2, 100, 0, 0, {"from": brand})
    with reverts_with("NoHeadroom", LANE - 100, LANE - 99):
        token.mint(customer, LANE - 99, {"from": brand})
    token.mint(customer, LANE - 100, {"from": brand})
    with reverts_with("NoHeadroom", 0, 1):
        token.issue(2, customer, 1, NO_RECEIPT, {"from": issuer})
    token.issue(1, customer, 100, NO_RECEIPT, {"from": issuer})
    assert token.totalSupply() == LANE


def test_reverts_without_a_grant(token: Any, brand: Any, customer: Any) -> None:
    with reverts_with("GrantExceeded", brand, 1, 0, 1):
        token.issue(1, customer, 1, NO_RECEIPT, {"from": brand})


def test_reverts_when_nothing_is_issued(token: Any, customer: Any, stranger: Any) -> None:
    with reverts_with("ZeroAmount"):
        token.issue(1, customer, 0, RECEIPT, {"from": stranger})


def test_reverts_when_the_receiver_is_refused(token: Any, brand: Any, issuer: Any, refused: Any) -> None:
    token.setGrant(issuer, 1, 100, 0, 0, {"from": brand})
    with reverts_with("ERC20InvalidReceiver", refused):
        token.issue(1, refused, 1, RECEIPT, {"from": issuer})
