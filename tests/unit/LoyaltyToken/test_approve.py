"""approve: an amount for anyone, all or nothing for the exchange."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import MAX_UINT256, ZERO_ADDRESS, reverts_with


def test_sets_the_allowance_anew(token: Any, customer: Any, buyer: Any) -> None:
    events = token.approve(buyer, 7, {"from": customer}).events
    assert events["Approval"] == {"owner": customer, "spender": buyer, "value": 7}
    assert token.allowance(customer, buyer) == 7
    token.approve(buyer, 3, {"from": customer})
    assert token.allowance(customer, buyer) == 3


def test_switches_the_exchange_off_and_on(
    held: Any, token: Any, lots: Any, exchange: Any, customer: Any
) -> None:
    events = token.approve(exchange, 0, {"from": customer}).events
    assert events["Approval"] == {"owner": customer, "spender": exchange, "value": 0}
    assert token.allowance(customer, exchange) == 0
    token.approve(exchange, MAX_UINT256, {"from": customer})
    assert token.allowance(customer, exchange) == MAX_UINT256
    assert lots(customer) == held


@pytest.mark.parametrize("value", [1, 2**255, MAX_UINT256 - 1])
def test_reverts_when_the_exchange_is_authorised_in_part(
    token: Any, exchange: Any, customer: Any, value: int
) -> None:
    with reverts_with("ExchangeAllOrNothing", value):
        token.approve(exchange, value, {"from": customer})


def test_reverts_when_the_spender_is_zero(token: Any, customer: Any) -> None:
    with reverts_with("ERC20InvalidSpender", ZERO_ADDRESS):
        token.approve(ZERO_ADDRESS, 1, {"from": customer})
