"""Makers that are contracts, and accounts that borrowed code."""

from __future__ import annotations

from typing import Any

import brownie
import pytest
from eth_account import Account

from tests.helpers import ZERO_ADDRESS, reverts_with, sign
from tests.orders import digest, words
from tests.unit.PointsExchange.conftest import HELD

ANSWERS = [
    "Yes",
    "No",
    "True",
    "ShortYes",
    "DirtyYes",
    "Question",
    "Nothing",
    "YesInMegabyte",
    "NoInMegabyte",
    "RevertsWithYes",
    "BurnsGas",
    "CallsBack",
    "YesUntilMoved",
]


@pytest.fixture(scope="module")
def odd(deployer: Any, acme: Any, customer: Any) -> Any:
    """A wallet that answers oddly, with 100 ACME."""
    wallet = brownie.OddWalletMock.deploy({"from": deployer})
    acme.transfer(wallet, 100, {"from": customer})
    return wallet


@pytest.fixture
def odd_order(create_order: Any, odd: Any, acme: Any, beta: Any) -> Any:
    return create_order(odd, acme, 100, beta, 80, allowPartial=True)


@pytest.mark.parametrize("safe", [False, True], ids=["plain", "as a Safe"])
def test_several_owners_sign_for_a_wallet(
    safe: Any,
    deployer: Any,
    exchange: Any,
    create_order: Any,
    acme: Any,
    beta: Any,
    customer: Any,
    buyer: Any,
    neighbour: Any,
) -> None:
    owners = sorted([customer, buyer], key=lambda owner: int(owner.address, 16))
    mock = brownie.SafeMock if safe else brownie.WalletMock
    wallet = mock.deploy(owners, 2, {"from": deployer})
    acme.transfer(wallet, 100, {"from": customer})
    order = create_order(wallet, acme, 100, beta, 80)
    signed = bytes(wallet.signedHashOf(digest(exchange, "Order", order)))
    signatures = [bytes(Account.unsafe_sign_hash(signed, owner.private_key).signature) for owner in owners]
    with reverts_with("NotSignedByMaker", wallet, digest(exchange, "Order", order)):
        exchange.take(words(order), signatures[0], 100, 0, {"from": neighbour})
    exchange.take(words(order), b"".join(signatures), 100, 0, {"from": neighbour})
    assert beta.balanceOf(wallet) == 80


def test_a_wallet_takes_and_cancels(
    deployer: Any,
    exchange: Any,
    create_order: Any,
    sign_order: Any,
    acme: Any,
    beta: Any,
    customer: Any,
    buyer: Any,
) -> None:
    wallet = brownie.WalletMock.deploy([buyer], 1, {"from": deployer})
    beta.transfer(wallet, 80, {"from": buyer})
    order = create_order(customer, acme, 100, beta, 80)
    wallet.execute(
        exchange, exchange.take.encode_input(words(order), sign_order(order), 100, 0), {"from": buyer}
    )
    assert acme.balanceOf(wallet) == 100
    wallet.execute(exchange, exchange.cancel.encode_input([5], []), {"from": buyer})
    assert exchange.wholeWordOf(wallet, 0) == 1 << 5


def test_attack_19_a_wallet_that_says_yes_and_then_no(
    exchange: Any, odd: Any, odd_order: Any, acme: Any, beta: Any, buyer: Any
) -> None:
    exchange.take(words(odd_order), b"", 60, 0, {"from": buyer})
    odd.setAnswer(ANSWERS.index("No"), {"from": buyer})
    with reverts_with("NotSignedByMaker", odd, digest(exchange, "Order", odd_order)):
        exchange.take(words(odd_order), b"", 40, 0, {"from": buyer})
    assert (acme.balanceOf(odd), beta.balanceOf(odd)) == (40, 48)


@pytest.mark.parametrize(
    "answer",
    [
        "No",
        "True",
        "ShortYes",
        "DirtyYes",
        "Question",
        "Nothing",
        "NoInMegabyte",
        "RevertsWithYes",
        "BurnsGas",
    ],
)
def test_odd_answers_are_no_signature(
    exchange: Any, odd: Any, odd_order: Any, buyer: Any, answer: str
) -> None:
    odd.setAnswer(ANSWERS.index(answer), {"from": buyer})
    with reverts_with("NotSignedByMaker", odd, digest(exchange, "Order", odd_order)):
        exchange.take(words(odd_order), b"", 10, 0, {"from": buyer})


def test_attack_12_a_megabyte_is_not_copied(exchange: Any, odd: Any, odd_order: Any, buyer: Any) -> None:
    odd.setAnswer(ANSWERS.index("YesInMegabyte"), {"from": buyer})
    transaction = exchange.take(words(odd_order), b"", 10, 0, {"from": buyer})
    # The wallet's own memory costs 2.2 million; a copy would cost as much again.
    assert transaction.gas_used < 2_500_000


def test_attack_19_a_wallet_that_calls_back_while_it_is_asked(
    exchange: Any,
    odd: Any,
    odd_order: Any,
    create_order: Any,
    sign_order: Any,
    acme: Any,
    beta: Any,
    neighbour: Any,
    buyer: Any,
) -> None:
    other = create_order(neighbour, beta, 10, acme, 10)
    odd.setAnswer(ANSWERS.index("CallsBack"), {"from": buyer})
    odd.setCall(exchange, exchange.take.encode_input(words(other), sign_order(other), 10, 0), {"from": buyer})
    with reverts_with("NotSignedByMaker", odd, digest(exchange, "Order", odd_order)):
        exchange.take(words(odd_order), b"", 10, 0, {"from": buyer, "gas_limit": 3_000_000})
    odd.setCall(exchange, exchange.remainingOf.encode_input(words(odd_order)), {"from": buyer})
    exchange.take(words(odd_order), b"", 10, 0, {"from": buyer})
    assert exchange.remainingOf(words(other)) == 10


# ------------------------------------------------------------------------------------------------- EIP-7702


def _delegate(web3: Any, account: Any, target: Any, sender: Any) -> None:
    """Let `account` borrow the code of `target`, or none, in a transaction of `sender`'s."""
    authorization = account_key(account).sign_authorization(
        {
            "chainId": web3.eth.chain_id,
            "address": target,
            "nonce": web3.eth.get_transaction_count(account.address),
        }
    )
    transaction = {
        "type": 4,
        "chainId": web3.eth.chain_id,
        "nonce": web3.eth.get_transaction_count(sender.address),
        "to": sender.address,
        "value": 0,
        "gas": 200_000,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 0,
        "authorizationList": [authorization],
    }
    raw = account_key(sender).sign_transaction(transaction).raw_transaction
    receipt = web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(raw))
    assert receipt["status"] == 1


def account_key(account: Any) -> Any:
    return Account.from_key(account.private_key)


@pytest.fixture
def delegated(web3: Any, deployer: Any, customer: Any, stranger: Any) -> Any:
    """The customer's account with the code of a delegate."""
    delegate = brownie.DelegateMock.deploy({"from": deployer})
    _delegate(web3, customer, delegate.address, stranger)
    assert web3.eth.get_code(customer.address).hex() == "ef0100" + delegate.address[2:].lower()
    return brownie.Contract.from_abi("DelegateMock", customer.address, brownie.DelegateMock.abi)


@pytest.fixture
def parts(create_order: Any, acme: Any, beta: Any, customer: Any) -> Any:
    return create_order(customer, acme, 100, beta, 80, allowPartial=True)


@pytest.mark.prague
def test_attack_20_a_delegated_account_signs_with_its_own_key(
    delegated: Any, exchange: Any, take: Any, parts: Any, acme: Any, buyer: Any, stranger: Any
) -> None:
    take(parts, 10)
    message = {"maker": parts["maker"], "wholeNonces": [], "partialNonces": [parts["nonce"]]}
    signature = exchange.cancelFor(
        *message.values(), _own_signature(exchange, delegated, message, buyer), {"from": stranger}
    )
    assert signature.events["OrdersCancelled"]["maker"] == parts["maker"]
    assert acme.balanceOf(buyer) == HELD + 10


def _own_signature(exchange: Any, delegated: Any, message: Any, buyer: Any) -> Any:
    customer = brownie.accounts.at(delegated.address)
    with reverts_with("NotSignedByMaker", customer, digest(exchange, "Cancel", message)):
        exchange.cancelFor(*message.values(), sign(buyer, exchange, "Cancel", message), {"from": buyer})
    return sign(customer, exchange, "Cancel", message)


@pytest.mark.prague
def test_attack_20_a_delegate_signs_as_erc1271_says_and_no_longer(
    delegated: Any,
    web3: Any,
    exchange: Any,
    parts: Any,
    customer: Any,
    buyer: Any,
    neighbour: Any,
    stranger: Any,
) -> None:
    by_neighbour = sign(neighbour, exchange, "Order", parts)
    refused = reverts_with("NotSignedByMaker", customer, digest(exchange, "Order", parts))
    with refused:
        exchange.take(words(parts), by_neighbour, 10, 0, {"from": buyer})
    delegated.allow(neighbour, True, {"from": customer})
    exchange.take(words(parts), by_neighbour, 10, 0, {"from": buyer})
    # Without the code, what it had allowed is worth nothing.
    _delegate(web3, customer, ZERO_ADDRESS, stranger)
    with reverts_with("NotSignedByMaker", customer, digest(exchange, "Order", parts)):
        exchange.take(words(parts), by_neighbour, 10, 0, {"from": buyer})


@pytest.mark.prague
def test_attack_20_a_delegated_account_takes_and_receives(
    delegated: Any,
    exchange: Any,
    create_order: Any,
    sign_order: Any,
    take: Any,
    beta: Any,
    coupons: Any,
    customer: Any,
    buyer: Any,
) -> None:
    order = create_order(buyer, coupons, 10, beta, 10, giveKind=2, giveId=7)
    take(order, 10, sender=customer)
    assert coupons.balanceOf(customer, 7) == HELD + 10
