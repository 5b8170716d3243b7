"""What the market tells without a transaction, against the page and plain arithmetic."""

from __future__ import annotations

from typing import Any

from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from tests.helpers import DAY, nonce
from tests.orders import POINTS, words
from tests.sales import Sale, State, sale_id_of


def test_digests_are_what_a_wallet_signs(
    market: Any, bought: Sale, create_request: Any, request_id: Any
) -> None:
    assert bytes(market.digestOf(bought.words)) == bought.digest
    request = create_request()
    assert bytes(market.requestIdOf(words(request))) == request_id(request)


def test_the_id_of_a_sale(market: Any, bought: Sale, seller: Any, buyer: Any) -> None:
    told = bytes(market.saleIdOf(bought.digest, seller, buyer))
    assert told == bought.id == sale_id_of(bought.digest, seller.address, buyer.address)
    assert bytes(market.saleIdOf(bought.digest, buyer, seller)) != told


def test_what_was_never_sold_or_asked(
    market: Any, prepare: Any, create_request: Any, request_id: Any
) -> None:
    assert market.saleOf(prepare().id) == (State.NONE, 0, False, 0, 0)
    assert market.leftOf(request_id(create_request())) == 0


def test_nonces_are_open_in_the_current_series(market: Any, seller: Any) -> None:
    assert [market.nonceOpen(seller, nonce(index, 9)) for index in (0, 223, 224)] == [True, True, False]
    assert not market.nonceOpen(seller, nonce(0, 9, 1))


def test_how_long_the_points_of_a_request_live(market: Any, create_request: Any, points: Any) -> None:
    request = create_request(points, kind=POINTS)
    assert market.liveUntilOf(words(request)) == request["openUntil"] + DAY + 2 * DAY + DAY
    assert market.liveUntilOf(words(create_request())) == 0


def test_the_domain(market: Any, web3: Any) -> None:
    name, version, chain_id, verifier = market.eip712Domain()[1:5]
    assert (name, version, chain_id) == ("Troc Data Market", "1", web3.chain_id)
    assert verifier == market.address
    domain = {"name": name, "version": "1", "chainId": web3.chain_id, "verifyingContract": market.address}
    kind = {"Revoke": [{"type": "address", "name": "seller"}]}
    signable = encode_typed_data(domain, kind, {"seller": market.address})
    assert bytes(market.DOMAIN_SEPARATOR()) == signable.header


def test_events_and_state_never_tell_key_or_content(
    market: Any, delivered: Sale, buyer: Any, web3: Any
) -> None:
    """D3: what an undisputed sale leaves on the chain."""
    market.settle(delivered.words, buyer, {"from": buyer})
    content = delivered.content
    hidden = {content.key, delivered.b.scalar.to_bytes(32), delivered.e.scalar.to_bytes(32)}
    hidden |= {keccak(cipher) for cipher in content.ciphers} | set(content.plain_leaves)
    for number in range(web3.eth.block_number + 1):
        for transaction in web3.eth.get_block(number, full_transactions=True)["transactions"]:
            logs = web3.eth.get_transaction_receipt(transaction["hash"])["logs"]
            told = bytes(transaction["input"]) + b"".join(bytes(log["data"]) for log in logs)
            assert not any(secret in told for secret in hidden)
