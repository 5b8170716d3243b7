"""What the exchange tells: digests, what is left, words, its domain."""

from __future__ import annotations

from typing import Any

from web3 import Web3

from tests.helpers import nonce
from tests.orders import digest, words


def test_digest_is_what_a_wallet_signs(exchange: Any, pair: Any) -> None:
    for order in pair:
        assert bytes(exchange.digestOf(words(order))) == digest(exchange, "Order", order)


def test_remaining_whole(exchange: Any, take: Any, pair: Any) -> None:
    assert exchange.remainingOf(words(pair[0])) == 100
    take(pair[0], 100)
    assert exchange.remainingOf(words(pair[0])) == 0


def test_remaining_partial(
    exchange: Any, take: Any, create_order: Any, acme: Any, beta: Any, customer: Any
) -> None:
    order = create_order(customer, acme, 100, beta, 80, allowPartial=True)
    take(order, 33)
    assert exchange.remainingOf(words(order)) == 67
    assert exchange.remainingOf(words(order | {"nonce": order["nonce"] + 1})) == 0


def test_remaining_does_not_look_at_the_deadline(exchange: Any, pair: Any) -> None:
    assert exchange.remainingOf(words(pair[0] | {"openUntil": 0})) == 100


def test_words_of_lanes(
    exchange: Any, take: Any, create_order: Any, acme: Any, beta: Any, customer: Any, buyer: Any
) -> None:
    take(create_order(customer, acme, 1, beta, 1, nonce=nonce(223, lane=2**128 - 1)), 1)
    take(create_order(customer, acme, 10, beta, 1, nonce=nonce(lane=9), allowPartial=True), 7)
    assert exchange.wholeWordOf(customer, 2**128 - 1) == 1 << 223
    assert exchange.partialWordOf(customer, 9) == 7
    assert exchange.wholeWordOf(customer, 9) == exchange.partialWordOf(buyer, 9) == 0


def test_domain(exchange: Any, web3: Any) -> None:
    fields, name, version, chain_id, contract, salt, extensions = exchange.eip712Domain()
    assert (name, version, chain_id, contract) == ("Troc Exchange", "1", web3.eth.chain_id, exchange)
    assert (int(bytes(fields).hex(), 16), int(bytes(salt).hex(), 16), list(extensions)) == (0x0F, 0, [])
    typed = Web3.keccak(
        text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    )
    separator = Web3.keccak(
        typed
        + Web3.keccak(text=name)
        + Web3.keccak(text=version)
        + chain_id.to_bytes(32, "big")
        + int(contract, 16).to_bytes(32, "big")
    )
    assert bytes(exchange.DOMAIN_SEPARATOR()) == bytes(separator)
