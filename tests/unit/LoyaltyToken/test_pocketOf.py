"""pocketOf: an address a holder and id."""

from __future__ import annotations

from typing import Any

from brownie import web3


def test_is_the_hash_of_holder_and_id(token: Any, customer: Any) -> None:
    identity = b"\x07" * 32
    words = web3.codec.encode(["string", "address", "bytes32"], ["troc.pocket", customer.address, identity])
    assert token.pocketOf(customer, identity) == web3.to_checksum_address(web3.keccak(words)[12:])


def test_differs_by_holder_and_id(token: Any, customer: Any, buyer: Any) -> None:
    pockets = {token.pocketOf(who, bytes([i]) * 32) for who in (customer, buyer) for i in range(5)}
    assert len(pockets) == 10


def test_is_the_same_for_every_token(token: Any, create_token: Any, customer: Any) -> None:
    assert create_token("BioBox", "BIO").pocketOf(customer, b"\x07" * 32) == token.pocketOf(
        customer, b"\x07" * 32
    )
