"""giveBack: redeemed points come back into the lots they came from, aged."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import ZERO_ADDRESS, next_block_at, reverts_with

RECEIPT = "0x" + "ab" * 32


@pytest.fixture(scope="module")
def redeemed(held: Any, token: Any, customer: Any) -> int:
    """The customer redeemed 70: all of three lots and 10 of the youngest."""
    token.redeem(70, RECEIPT, {"from": customer})
    return 70


def test_gives_the_youngest_first(
    redeemed: int, token: Any, lots: Any, totals: Any, brand: Any, customer: Any
) -> None:
    events = token.giveBack(customer, RECEIPT, 35, {"from": brand}).events
    assert events["Transfer"] == {"from": ZERO_ADDRESS, "to": customer, "value": 35}
    assert events["GivenBack"] == {"holder": customer, "receiptId": RECEIPT, "amount": 35}
    assert lots(customer) == (0, 0, 25, 40)
    assert totals() == (100, 65, 35, 0)


def test_gives_everything_back(
    redeemed: int, held: Any, token: Any, lots: Any, brand: Any, customer: Any
) -> None:
    token.giveBack(customer, RECEIPT, 70, {"from": brand})
    assert lots(customer) == held


def test_what_expired_meanwhile_stays_redeemed(
    redeemed: int, token: Any, lots: Any, totals: Any, brand: Any, customer: Any, enter: Any
) -> None:
    enter(5)
    with reverts_with("GiveBackExceeded", customer, RECEIPT, 40, 41):
        token.giveBack(customer, RECEIPT, 41, {"from": brand})
    token.giveBack(customer, RECEIPT, 40, {"from": brand})
    assert lots(customer) == (30, 40, 0, 0)
    assert totals() == (100, 70, 30, 0)
    enter(6)
    assert totals() == (100, 40, 30, 30)


def test_reverts_in_the_second_of_expiry(redeemed: int, token: Any, brand: Any, customer: Any) -> None:
    next_block_at(token.expiryOf(0) - 1)
    token.giveBack(customer, RECEIPT, 1, {"from": brand})
    next_block_at(token.expiryOf(0))
    with reverts_with("GiveBackExceeded", customer, RECEIPT, 59, 60):
        token.giveBack(customer, RECEIPT, 60, {"from": brand})


def test_reverts_when_more_than_redeemed(redeemed: int, token: Any, brand: Any, customer: Any) -> None:
    with reverts_with("GiveBackExceeded", customer, RECEIPT, 70, 71):
        token.giveBack(customer, RECEIPT, 71, {"from": brand})


def test_reverts_when_nothing_was_redeemed(redeemed: int, token: Any, brand: Any, buyer: Any) -> None:
    with reverts_with("GiveBackExceeded", buyer, RECEIPT, 0, 1):
        token.giveBack(buyer, RECEIPT, 1, {"from": brand})


def test_reverts_when_nothing_is_given(redeemed: int, token: Any, brand: Any, customer: Any) -> None:
    with reverts_with("ZeroAmount"):
        token.giveBack(customer, RECEIPT, 0, {"from": brand})


def test_reverts_when_somebody_else_gives(redeemed: int, token: Any, customer: Any) -> None:
    with reverts_with("Unauthorized"):
        token.giveBack(customer, RECEIPT, 1, {"from": customer})
