"""giveBackFrom: a give-back out of a grant, charged like an issue."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import LANE, now, reverts_with

RECEIPT = "0x" + "ab" * 32


@pytest.fixture(scope="module")
def redeemed(token: Any, brand: Any, customer: Any) -> int:
    """The customer redeemed 40 points of this epoch."""
    token.mint(customer, 50, {"from": brand})
    token.redeem(40, RECEIPT, {"from": customer})
    return 40


def test_charges_the_grant(redeemed: int, token: Any, brand: Any, issuer: Any, customer: Any) -> None:
    token.setGrant(issuer, 1, 30, 20, 0, {"from": brand})
    events = token.giveBackFrom(1, customer, RECEIPT, 15, {"from": issuer}).events
    assert events["GivenBack"] == {"holder": customer, "receiptId": RECEIPT, "amount": 15}
    assert tuple(token.grantOf(issuer, 1)) == (15, 0, 20, 15)
    assert token.balanceOf(customer) == 25
    with reverts_with("DayCapExceeded", issuer, 1, 5, 6):
        token.giveBackFrom(1, customer, RECEIPT, 6, {"from": issuer})


def test_a_promise_keeps_its_place(
    redeemed: int, token: Any, brand: Any, issuer: Any, customer: Any, buyer: Any
) -> None:
    token.setGrant(issuer, 1, 40, 0, now() + 1_000, {"from": brand})
    token.mint(buyer, LANE - 50, {"from": brand})
    with reverts_with("NoHeadroom", 0, 1):
        token.giveBack(customer, RECEIPT, 1, {"from": brand})
    token.giveBackFrom(1, customer, RECEIPT, 40, {"from": issuer})
    assert token.totalSupply() == LANE


def test_reverts_without_a_grant(redeemed: int, token: Any, customer: Any, stranger: Any) -> None:
    with reverts_with("GrantExceeded", stranger, 1, 0, 1):
        token.giveBackFrom(1, customer, RECEIPT, 1, {"from": stranger})


def test_reverts_when_more_than_redeemed(
    redeemed: int, token: Any, brand: Any, issuer: Any, customer: Any
) -> None:
    token.setGrant(issuer, 1, 100, 0, 0, {"from": brand})
    with reverts_with("GiveBackExceeded", customer, RECEIPT, 40, 41):
        token.giveBackFrom(1, customer, RECEIPT, 41, {"from": issuer})


def test_reverts_when_nothing_is_given(redeemed: int, token: Any, issuer: Any, customer: Any) -> None:
    with reverts_with("ZeroAmount"):
        token.giveBackFrom(1, customer, RECEIPT, 0, {"from": issuer})
