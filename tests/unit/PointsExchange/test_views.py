"""What the exchange tells: digests, what is left, words, its domain."""

from eth_utils import keccak

from tests.helpers import nonce
from tests.orders import digest, words


def test_digestOf_is_what_a_wallet_signs(exchange, pair):
    for order in pair:
        assert bytes(exchange.digestOf(words(order))) == digest(exchange, "Order", order)


def test_remainingOf_whole(exchange, take, pair):
    assert exchange.remainingOf(words(pair[0])) == 100
    take(pair[0], 100)
    assert exchange.remainingOf(words(pair[0])) == 0


def test_remainingOf_partial(exchange, take, create_order, acme, beta, customer):
    order = create_order(customer, acme, 100, beta, 80, allowPartial=True)
    take(order, 33)
    assert exchange.remainingOf(words(order)) == 67
    assert exchange.remainingOf(words(order | {"nonce": order["nonce"] + 1})) == 0


def test_remainingOf_does_not_look_at_the_deadline(exchange, pair):
    assert exchange.remainingOf(words(pair[0] | {"openUntil": 0})) == 100


def test_words_of_lanes(exchange, take, create_order, acme, beta, customer, buyer):
    take(create_order(customer, acme, 1, beta, 1, nonce=nonce(223, lane=2**128 - 1)), 1)
    take(create_order(customer, acme, 10, beta, 1, nonce=nonce(lane=9), allowPartial=True), 7)
    assert exchange.wholeWordOf(customer, 2**128 - 1) == 1 << 223
    assert exchange.partialWordOf(customer, 9) == 7
    assert exchange.wholeWordOf(customer, 9) == exchange.partialWordOf(buyer, 9) == 0


def test_domain(exchange, web3):
    fields, name, version, chain_id, contract, salt, extensions = exchange.eip712Domain()
    assert (name, version, chain_id, contract) == ("Troc Exchange", "1", web3.eth.chain_id, exchange)
    assert (int(bytes(fields).hex(), 16), int(bytes(salt).hex(), 16), list(extensions)) == (0x0F, 0, [])
    typed = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    separator = keccak(
        typed
        + keccak(text=name)
        + keccak(text=version)
        + chain_id.to_bytes(32, "big")
        + int(contract, 16).to_bytes(32, "big")
    )
    assert bytes(exchange.DOMAIN_SEPARATOR()) == separator
