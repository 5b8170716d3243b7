"""Attack 5: what the token hashes is what wallets hash: 1,000 random messages against eth-account."""

from __future__ import annotations

import json
import random
from typing import Any

import brownie
import pytest
import requests
from brownie import web3
from eth_account.messages import _hash_eip191_message as hash_message

from tests.helpers import MAX_UINT256, ZERO_ADDRESS, now, typed_data

COUNT = 250
# What an accepted message may fail with later: nobody here has points.
LATER = ("ERC20InsufficientBalance(address,uint256,uint256)", "ZeroAmount()")


@pytest.fixture(autouse=True)
def isolation(module_isolation: None) -> None:
    """Calls alone: nothing to undo between tests."""


@pytest.fixture(scope="module")
def asker(deployer: Any) -> Any:
    """A wallet whose signature is the digest that it is asked about."""
    return brownie.DigestMock.deploy({"from": deployer})


def digest(contract: Any, kind: str, message: dict[str, Any]) -> bytes:
    """By eth-account, without the contract."""
    return bytes(hash_message(typed_data(contract, kind, message, name="Le Panier")))


def selector(signature: str) -> str:
    return bytes(web3.keccak(text=signature)[:4]).hex()


def count_accepted(contract: Any, calls: list[str]) -> int:
    """How many calls got past the check of the signature; the others must fail just there."""
    questions = [
        {
            "jsonrpc": "2.0",
            "id": number,
            "method": "eth_call",
            "params": [{"to": contract.address, "data": data}, "latest"],
        }
        for number, data in enumerate(calls)
    ]
    accepted = 0
    for answer in requests.post(web3.provider.endpoint_uri, json=questions, timeout=60).json():
        text = json.dumps(answer)
        if "result" in answer or any(selector(error) in text for error in LATER):
            accepted += 1
        else:
            assert selector("NotSignedByHolder(address)") in text, text
    return accepted


def some_amount(dice: random.Random) -> int:
    return dice.choice([0, 1, 2**56, MAX_UINT256, dice.getrandbits(256), dice.getrandbits(40)])


def some_address(dice: random.Random) -> str:
    return str(web3.to_checksum_address(dice.randbytes(20)))


def some_nonce(dice: random.Random) -> int:
    return dice.getrandbits(128) << 128 | dice.randrange(224)


def test_send(token: Any, asker: Any) -> None:
    dice, soon = random.Random(1), now() + 1_000
    calls = []
    for _ in range(COUNT):
        message = {
            "holder": asker.address,
            "to": some_address(dice),
            "amount": some_amount(dice),
            "deadline": soon + dice.getrandbits(200),
            "nonce": some_nonce(dice),
        }
        asked = digest(token, "Send", message)
        calls.append(token.sendFor.encode_input(tuple(message.values()), asked))
    assert count_accepted(token, calls) == COUNT
    message["amount"] ^= 1
    assert count_accepted(token, [token.sendFor.encode_input(tuple(message.values()), asked)]) == 0


def test_redeem(token: Any, asker: Any) -> None:
    dice, soon = random.Random(2), now() + 1_000
    calls = []
    for _ in range(COUNT):
        message = {
            "holder": asker.address,
            "amount": some_amount(dice),
            "receiptId": "0x" + dice.randbytes(32).hex(),
            "agent": ZERO_ADDRESS,
            "deadline": soon + dice.getrandbits(200),
            "nonce": some_nonce(dice),
        }
        asked = digest(token, "Redeem", message)
        calls.append(token.redeemFor.encode_input(tuple(message.values()), asked))
    assert count_accepted(token, calls) == COUNT
    message["amount"] ^= 1
    assert count_accepted(token, [token.redeemFor.encode_input(tuple(message.values()), asked)]) == 0


def test_redeem_by_an_agent(token: Any, asker: Any, stranger: Any) -> None:
    message = {
        "holder": asker.address,
        "amount": 5,
        "receiptId": "0x" + "ab" * 32,
        "agent": stranger.address,
        "deadline": MAX_UINT256,
        "nonce": 7,
    }
    asked = digest(token, "Redeem", message)
    with brownie.reverts(f"ERC20InsufficientBalance: {asker.address.lower()}, 0, 5"):
        token.redeemFor.call(tuple(message.values()), asked, {"from": stranger})


def test_cancel_nonces(token: Any, asker: Any) -> None:
    dice = random.Random(3)
    calls = []
    for _ in range(COUNT):
        nonces = [some_nonce(dice) for _ in range(dice.randrange(6))]
        asked = digest(token, "CancelNonces", {"holder": asker.address, "nonces": nonces})
        calls.append(token.cancelNoncesFor.encode_input(asker, nonces, asked))
    assert count_accepted(token, calls) == COUNT
    assert count_accepted(token, [token.cancelNoncesFor.encode_input(asker, [*nonces, 1], asked)]) == 0


def test_permit(token: Any, create_token: Any, asker: Any) -> None:
    dice, soon = random.Random(4), now() + 1_000
    calls = []
    for _ in range(COUNT):
        message = {
            "owner": asker.address,
            "spender": some_address(dice),
            "value": some_amount(dice),
            "nonce": 0,
            "deadline": soon + dice.getrandbits(200),
        }
        asked = digest(token, "Permit", message)
        words = (asker, message["spender"], message["value"], message["deadline"])
        calls.append(token.permit.encode_input(*words, 27, asked, b"\0" * 32))
    assert count_accepted(token, calls) == COUNT
    assert count_accepted(create_token(), calls) == 0
