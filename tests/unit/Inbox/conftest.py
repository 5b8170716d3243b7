"""An inbox paid in cash, a customer who lets three messages in a week, and a brand that writes to her."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brownie
import pytest
from eth_abi.abi import encode
from web3 import Web3

from tests.helpers import DAY, MAX_UINT256

HELD = 1_000_000
FLOOR = 105
PER_WEEK = 3
TOPIC, CHANNEL, DAYS = 5, 1, 7
DEPOSIT = 1_007
# Of the deposit a tenth, rounded up, is hers at once.
TENTH, REST = 101, 906
LETTER, REPLY = (bytes(Web3.keccak(text=text)) for text in ("letter", "reply"))
POLICY = (True, FLOOR, PER_WEEK, 1 << TOPIC, 1 << CHANNEL, DAYS)
PAID, FREE, BLOCKED = range(3)

Words = tuple[str, str, int, bytes]


def id_of(message: Words) -> bytes:
    """The id of a message, computed without the contract."""
    return bytes(Web3.keccak(encode(["address", "address", "uint256", "bytes32"], message)))


def terms_of(deposit: int, answer_by: int, place: int = 0, number: int = 0) -> int:
    """`number:40 | place:64 | answerBy:40 | channel:8 | topic:8 | deposit:96`."""
    return number << 216 | place << 152 | answer_by << 112 | CHANNEL << 104 | TOPIC << 96 | deposit


@pytest.fixture(scope="module")
def cash(deployer: Any) -> Any:
    return brownie.CashMock.deploy("Euro", "EUR", {"from": deployer})


@pytest.fixture(scope="module")
def inbox(deployer: Any, cash: Any, brand: Any, customer: Any, stranger: Any) -> Any:
    """After the people, so that a test may ask for one by name."""
    inbox = brownie.Inbox.deploy(cash, {"from": deployer})
    cash.mint(brand, HELD, {"from": deployer})
    cash.approve(inbox, MAX_UINT256, {"from": brand})
    inbox.setPolicy(POLICY, {"from": customer})
    return inbox


@pytest.fixture(scope="module")
def send(inbox: Any, brand: Any, customer: Any) -> Callable[..., Words]:
    """The brand writes to her; the message as the other functions take it."""

    def send(deposit: int = DEPOSIT, place: int = 0, recipient: Any = customer) -> Words:
        number = inbox.policyOf(recipient)[2]
        transaction = inbox.send(recipient, deposit, TOPIC, CHANNEL, DAYS, place, LETTER, {"from": brand})
        answer_by = transaction.timestamp + DAYS * DAY
        return recipient.address, brand.address, terms_of(deposit, answer_by, place, number), LETTER

    return send


@pytest.fixture(scope="module")
def answer_by(inbox: Any) -> Callable[[Words], int]:
    """The last second at which she can answer."""
    return lambda message: message[2] >> 112 & (2**40 - 1)
