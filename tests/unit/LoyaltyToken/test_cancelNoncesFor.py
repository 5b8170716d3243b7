"""cancelNoncesFor: ends messages by a signature that anyone submits, as often as they like."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import reverts_with, sign


def test_ends_messages_again_and_again(token: Any, customer: Any, stranger: Any) -> None:
    message = {"holder": customer.address, "nonces": [5, 6]}
    signature = sign(customer, token, "CancelNonces", message)
    for _ in range(2):
        events = token.cancelNoncesFor(customer, [5, 6], signature, {"from": stranger}).events
        assert events["NoncesCancelled"] == {"holder": customer, "nonces": [5, 6]}
    assert [token.nonceOpen(customer, index) for index in (4, 5, 6, 7)] == [True, False, False, True]


@pytest.mark.parametrize("nonces", [[5], [6, 5], [5, 6, 7], [5, 7], []])
def test_reverts_when_the_list_was_changed(
    token: Any, customer: Any, stranger: Any, nonces: list[int]
) -> None:
    signature = sign(customer, token, "CancelNonces", {"holder": customer.address, "nonces": [5, 6]})
    with reverts_with("NotSignedByHolder", customer):
        token.cancelNoncesFor(customer, nonces, signature, {"from": stranger})


def test_reverts_for_another_holder(token: Any, customer: Any, buyer: Any, stranger: Any) -> None:
    signature = sign(customer, token, "CancelNonces", {"holder": buyer.address, "nonces": [5]})
    with reverts_with("NotSignedByHolder", buyer):
        token.cancelNoncesFor(buyer, [5], signature, {"from": stranger})


def test_contract_wallet_signs(token: Any, create_wallet: Any, customer: Any, stranger: Any) -> None:
    wallet = create_wallet(customer)
    signature = sign(customer, token, "CancelNonces", {"holder": wallet.address, "nonces": [5]})
    token.cancelNoncesFor(wallet, [5], signature, {"from": stranger})
    assert not token.nonceOpen(wallet, 5)
    assert token.nonceOpen(customer, 5)
