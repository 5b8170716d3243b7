"""permit: approve by a signature that anyone submits (EIP-2612)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import MAX_UINT256, ZERO_ADDRESS, next_block_at, now, reverts_with, sign


def permit(
    token: Any,
    holder: Any,
    spender: Any,
    value: int,
    submitter: Any,
    nonce: int = 0,
    deadline: int = MAX_UINT256,
) -> Any:
    """Sign and submit."""
    address = getattr(spender, "address", spender)
    message = {
        "owner": holder.address,
        "spender": address,
        "value": value,
        "nonce": nonce,
        "deadline": deadline,
    }
    signature = sign(holder, token, "Permit", message)
    return token.permit(
        holder, spender, value, deadline, signature[64], signature[:32], signature[32:64], {"from": submitter}
    )


def test_sets_the_allowance(token: Any, customer: Any, buyer: Any, stranger: Any) -> None:
    events = permit(token, customer, buyer, 7, stranger).events
    assert events["Approval"] == {"owner": customer, "spender": buyer, "value": 7}
    assert token.allowance(customer, buyer) == 7
    assert token.nonces(customer) == 1
    permit(token, customer, buyer, 8, stranger, nonce=1)
    assert token.allowance(customer, buyer) == 8


def test_switches_the_exchange_off_and_on(token: Any, exchange: Any, customer: Any, stranger: Any) -> None:
    permit(token, customer, exchange, 0, stranger)
    assert token.allowance(customer, exchange) == 0
    permit(token, customer, exchange, MAX_UINT256, stranger, nonce=1)
    assert token.allowance(customer, exchange) == MAX_UINT256


@pytest.mark.parametrize("value", [1, MAX_UINT256 - 1])
def test_reverts_when_the_exchange_is_authorised_in_part(
    token: Any, exchange: Any, customer: Any, stranger: Any, value: int
) -> None:
    with reverts_with("ExchangeAllOrNothing", value):
        permit(token, customer, exchange, value, stranger)


@pytest.mark.parametrize("nonce", [1, MAX_UINT256])
def test_reverts_when_the_nonce_is_not_the_next(
    token: Any, customer: Any, buyer: Any, stranger: Any, nonce: int
) -> None:
    with reverts_with("NotSignedByHolder", customer):
        permit(token, customer, buyer, 7, stranger, nonce=nonce)


def test_reverts_when_submitted_again(token: Any, customer: Any, buyer: Any, stranger: Any) -> None:
    permit(token, customer, buyer, 7, stranger)
    with reverts_with("NotSignedByHolder", customer):
        permit(token, customer, buyer, 7, stranger)


def test_holds_until_its_deadline(token: Any, customer: Any, buyer: Any, stranger: Any) -> None:
    deadline = now() + 1_000
    for nonce, moment in enumerate((deadline - 1, deadline)):
        next_block_at(moment)
        permit(token, customer, buyer, nonce + 1, stranger, nonce=nonce, deadline=deadline)
    next_block_at(deadline + 1)
    with reverts_with("DeadlinePassed", deadline):
        permit(token, customer, buyer, 3, stranger, nonce=2, deadline=deadline)


def test_reverts_when_the_spender_is_zero(token: Any, customer: Any, stranger: Any) -> None:
    with reverts_with("ERC20InvalidSpender", ZERO_ADDRESS):
        permit(token, customer, ZERO_ADDRESS, 1, stranger)


def test_contract_wallet_signs(
    token: Any, create_wallet: Any, customer: Any, buyer: Any, stranger: Any
) -> None:
    wallet = create_wallet(customer)
    message = {
        "owner": wallet.address,
        "spender": buyer.address,
        "value": 7,
        "nonce": 0,
        "deadline": MAX_UINT256,
    }
    signature = sign(customer, token, "Permit", message)
    parts = signature[64], signature[:32], signature[32:64]
    token.permit(wallet, buyer, 7, MAX_UINT256, *parts, {"from": stranger})
    assert token.allowance(wallet, buyer) == 7
    with reverts_with("NotSignedByHolder", customer):
        token.permit(customer, buyer, 7, MAX_UINT256, *parts, {"from": stranger})
