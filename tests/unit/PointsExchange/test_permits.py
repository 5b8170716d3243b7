"""takeWithPermits and settleWithPermits: permits tried first, and passed over when they fail."""

from __future__ import annotations

from typing import Any

import brownie
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from tests.helpers import DAY, MAX_UINT256, ZERO_ADDRESS, message_types, now
from tests.orders import ERC20, words
from tests.unit.PointsExchange.conftest import HELD


@pytest.fixture(scope="module")
def create_permit(exchange: Any) -> Any:
    """A permit for the exchange, signed by its owner, as the exchange takes it."""

    def create(token: Any, owner: Any, value: Any) -> Any:
        domain = {
            "name": token.name(),
            "version": "1",
            "chainId": brownie.chain.id,
            "verifyingContract": token.address,
        }
        deadline = now() + DAY
        message = {
            "owner": owner.address,
            "spender": exchange.address,
            "value": value,
            "nonce": token.nonces(owner),
            "deadline": deadline,
        }
        typed = encode_typed_data(domain, {"Permit": message_types()["Permit"]}, message)
        signed = Account.sign_message(typed, owner.private_key)
        r, s = (number.to_bytes(32, "big") for number in (signed.r, signed.s))
        return (token.address, owner.address, value, deadline, signed.v, r, s)

    return create


@pytest.fixture
def money(cash: Any, exchange: Any, customer: Any) -> Any:
    """Money that the exchange may not move yet."""
    cash.approve(exchange, 0, {"from": customer})
    return cash


@pytest.fixture
def order(create_order: Any, money: Any, beta: Any, customer: Any) -> Any:
    """The customer gives 100 of money for 80 BETA."""
    return create_order(customer, money, 100, beta, 80, giveKind=ERC20)


def test_take_with_a_permit(
    exchange: Any, create_permit: Any, sign_order: Any, order: Any, money: Any, customer: Any, buyer: Any
) -> None:
    permit = create_permit(money, customer, 100)
    transaction = exchange.takeWithPermits([permit], words(order), sign_order(order), 100, 0, {"from": buyer})
    assert transaction.return_value == 80
    assert money.balanceOf(buyer) == HELD + 100
    assert money.allowance(customer, exchange) == 0


def test_settle_with_a_permit(
    exchange: Any, create_permit: Any, sign_order: Any, order: Any, money: Any, customer: Any, buyer: Any
) -> None:
    permit = create_permit(money, customer, 100)
    exchange.settleWithPermits(
        [permit], [words(order)], [sign_order(order)], [(0, 1, 100), (1, 0, 80)], {"from": buyer}
    )
    assert money.balanceOf(buyer) == HELD + 100


def test_permit_switches_the_exchange_on(
    exchange: Any, create_permit: Any, sign_order: Any, pair: Any, acme: Any, customer: Any, stranger: Any
) -> None:
    acme.approve(exchange, 0, {"from": customer})
    exchange.settleWithPermits(
        [create_permit(acme, customer, MAX_UINT256)],
        [words(order) for order in pair],
        [sign_order(order) for order in pair],
        [(0, 1, 100), (1, 0, 80)],
        {"from": stranger},
    )
    assert acme.allowance(customer, exchange) == MAX_UINT256


def test_attack_06_permit_was_submitted_before(
    exchange: Any,
    create_permit: Any,
    sign_order: Any,
    order: Any,
    money: Any,
    customer: Any,
    buyer: Any,
    stranger: Any,
) -> None:
    permit = create_permit(money, customer, 100)
    money.permit(customer, exchange, *permit[2:], {"from": stranger})
    exchange.takeWithPermits([permit], words(order), sign_order(order), 100, 0, {"from": buyer})
    assert money.balanceOf(buyer) == HELD + 100


def test_permits_of_nonsense_are_passed_over(
    exchange: Any,
    sign_order: Any,
    create_order: Any,
    acme: Any,
    beta: Any,
    coupons: Any,
    customer: Any,
    buyer: Any,
) -> None:
    order = create_order(customer, acme, 100, beta, 80)
    nonsense = [
        (token, ZERO_ADDRESS, 0, 0, 0, bytes(32), bytes(32))
        for token in (ZERO_ADDRESS, exchange, coupons, acme, buyer)
    ]
    exchange.takeWithPermits(nonsense, words(order), sign_order(order), 100, 0, {"from": buyer})
    assert acme.balanceOf(buyer) == HELD + 100


def test_reverts_when_the_permit_was_needed(
    exchange: Any, create_permit: Any, sign_order: Any, order: Any, money: Any, customer: Any, buyer: Any
) -> None:
    permit = list(create_permit(money, customer, 99))
    with brownie.reverts("TransferFromFailed: "):
        exchange.takeWithPermits([permit], words(order), sign_order(order), 100, 0, {"from": buyer})
