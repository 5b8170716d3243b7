"""redemptionOf: what is left of a redemption, aged."""

from __future__ import annotations

from typing import Any

RECEIPT = "0x" + "ab" * 32


def test_is_nothing_where_nothing_was_redeemed(token: Any, customer: Any) -> None:
    exists, amounts, _ = token.redemptionOf(customer, RECEIPT)
    assert (exists, tuple(amounts)) == (False, (0, 0, 0, 0))


def test_tells_the_lots_that_were_taken(held: Any, token: Any, brand: Any, customer: Any) -> None:
    token.redeem(35, RECEIPT, {"from": customer})
    exists, amounts, expiries = token.redemptionOf(customer, RECEIPT)
    assert (exists, tuple(amounts)) == (True, (10, 20, 5, 0))
    assert tuple(expiries) == tuple(token.expiryOf(epoch) for epoch in range(4))
    token.giveBack(customer, RECEIPT, 10, {"from": brand})
    assert tuple(token.redemptionOf(customer, RECEIPT)[1]) == (10, 15, 0, 0)


def test_ages(held: Any, token: Any, customer: Any, enter: Any) -> None:
    token.redeem(35, RECEIPT, {"from": customer})
    enter(5)
    exists, amounts, _ = token.redemptionOf(customer, RECEIPT)
    assert (exists, tuple(amounts)) == (True, (5, 0, 0, 0))
    enter(50)
    exists, amounts, _ = token.redemptionOf(customer, RECEIPT)
    assert (exists, tuple(amounts)) == (True, (0, 0, 0, 0))
