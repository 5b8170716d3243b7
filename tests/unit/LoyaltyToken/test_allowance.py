"""allowance: what was approved; the exchange's is everything unless it was switched off."""

from __future__ import annotations

from typing import Any

from tests.helpers import MAX_UINT256


def test_is_nothing_at_first(token: Any, customer: Any, buyer: Any) -> None:
    assert token.allowance(customer, buyer) == 0


def test_is_everything_for_the_exchange_by_birth(token: Any, exchange: Any, customer: Any) -> None:
    assert token.allowance(customer, exchange) == MAX_UINT256


def test_is_of_one_holder_for_one_spender(token: Any, exchange: Any, customer: Any, buyer: Any) -> None:
    token.approve(buyer, 7, {"from": customer})
    token.approve(exchange, 0, {"from": customer})
    assert token.allowance(buyer, customer) == 0
    assert token.allowance(buyer, exchange) == MAX_UINT256
