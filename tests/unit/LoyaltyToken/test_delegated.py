"""Attack 20: an account that borrows code by EIP-7702 still signs with its own key; its code signs only what
it would sign as a wallet, and nothing stays of it when the account takes the code back.
"""

from __future__ import annotations

from typing import Any

import brownie
import pytest
from brownie import web3
from eth_account import Account

from tests.helpers import MAX_UINT256, ZERO_ADDRESS, reverts_with, sign

pytestmark = pytest.mark.prague


def borrow(account: Any, code: str) -> None:
    """Let an account have the code of a contract, or, of the zero address, none."""
    authorization = Account.sign_authorization(
        {
            "chainId": web3.eth.chain_id,
            "address": web3.to_checksum_address(code),
            # The transaction itself, which the account sends, uses one up first.
            "nonce": web3.eth.get_transaction_count(account.address) + 1,
        },
        account.private_key,
    )
    signed = Account.sign_transaction(
        {
            "type": 4,
            "chainId": web3.eth.chain_id,
            "nonce": web3.eth.get_transaction_count(account.address),
            "to": account.address,
            "value": 0,
            "data": "0x",
            "gas": 200_000,
            "maxFeePerGas": 2 * 10**9,
            "maxPriorityFeePerGas": 0,
            "authorizationList": [authorization],
        },
        account.private_key,
    )
    web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(signed.raw_transaction))
    expected = b"" if code == ZERO_ADDRESS else bytes.fromhex("ef0100" + code[2:])
    assert bytes(web3.eth.get_code(account.address)) == expected


@pytest.fixture(scope="module")
def delegated(token: Any, deployer: Any, brand: Any, customer: Any) -> Any:
    """The customer, who has points and borrows the code of a wallet that `buyer`'s key may sign for."""
    token.mint(customer, 100, {"from": brand})
    borrow(customer, brownie.DelegateMock.deploy({"from": deployer}).address)
    return customer


def send(customer: Any, buyer: Any, nonce: int = 0) -> dict[str, Any]:
    return {
        "holder": customer.address,
        "to": buyer.address,
        "amount": 10,
        "deadline": MAX_UINT256,
        "nonce": nonce,
    }


def test_own_key_signs(delegated: Any, token: Any, buyer: Any, stranger: Any) -> None:
    message = send(delegated, buyer)
    token.sendFor(tuple(message.values()), sign(delegated, token, "Send", message), {"from": stranger})
    assert token.balanceOf(buyer) == 10


def test_own_key_redeems_permits_and_cancels(
    delegated: Any, token: Any, exchange: Any, stranger: Any
) -> None:
    redeem = {
        "holder": delegated.address,
        "amount": 10,
        "receiptId": "0x" + "ab" * 32,
        "agent": ZERO_ADDRESS,
        "deadline": MAX_UINT256,
        "nonce": 0,
    }
    token.redeemFor(tuple(redeem.values()), sign(delegated, token, "Redeem", redeem), {"from": stranger})
    permit = {
        "owner": delegated.address,
        "spender": exchange.address,
        "value": 0,
        "nonce": 0,
        "deadline": MAX_UINT256,
    }
    signature = sign(delegated, token, "Permit", permit)
    parts = signature[64], signature[:32], signature[32:64]
    token.permit(delegated, exchange, 0, MAX_UINT256, *parts, {"from": stranger})
    cancel = {"holder": delegated.address, "nonces": [5]}
    token.cancelNoncesFor(delegated, [5], sign(delegated, token, "CancelNonces", cancel), {"from": stranger})
    assert token.balanceOf(delegated) == 90
    assert token.allowance(delegated, exchange) == 0
    assert not token.nonceOpen(delegated, 5)


def test_another_key_does_not_sign(delegated: Any, token: Any, buyer: Any, stranger: Any) -> None:
    message = send(delegated, buyer)
    with reverts_with("NotSignedByHolder", delegated):
        token.sendFor(tuple(message.values()), sign(buyer, token, "Send", message), {"from": stranger})


def test_a_key_that_the_account_named_signs_until_the_code_goes(
    delegated: Any, token: Any, buyer: Any, stranger: Any
) -> None:
    wallet = brownie.Contract.from_abi("DelegateMock", delegated.address, brownie.DelegateMock.abi)
    wallet.allow(buyer, True, {"from": delegated})
    message = send(delegated, buyer)
    token.sendFor(tuple(message.values()), sign(buyer, token, "Send", message), {"from": stranger})
    assert token.balanceOf(buyer) == 10
    borrow(delegated, ZERO_ADDRESS)
    message = send(delegated, buyer, nonce=1)
    with reverts_with("NotSignedByHolder", delegated):
        token.sendFor(tuple(message.values()), sign(buyer, token, "Send", message), {"from": stranger})
    token.sendFor(tuple(message.values()), sign(delegated, token, "Send", message), {"from": stranger})


def test_it_receives_and_sends_points_as_before(
    delegated: Any, token: Any, lots: Any, brand: Any, buyer: Any
) -> None:
    token.mint(delegated, 5, {"from": brand})
    token.transfer(buyer, 105, {"from": delegated})
    assert (token.balanceOf(delegated), token.balanceOf(buyer)) == (0, 105)
