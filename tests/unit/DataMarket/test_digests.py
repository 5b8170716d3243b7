"""Attack 5: what the market takes for signed is what wallets sign, for random messages of each kind."""

from __future__ import annotations

import random
from typing import Any

import brownie
import pytest

from tests.orders import words
from tests.sales import content_hash, sale_id_of
from tests.unit.test_digests import MANY, anything, call_all, digests, message, selector

DATA = (
    "Buy",
    "Deliver",
    "Concede",
    "Settle",
    "SettleTo",
    "Revoke",
    "Acknowledge",
    "AcknowledgeMany",
    "CancelDeals",
    "CancelDealSeries",
    "CloseRequest",
)
# The 1,000 are shared by all kinds.
EACH = MANY // (len(DATA) + 3)


@pytest.fixture
def chance() -> random.Random:
    return random.Random("troc digests of data")


@pytest.mark.parametrize(("kind", "function"), [("Deal", "digestOf"), ("Request", "requestIdOf")])
def test_deals_and_requests(market: Any, chance: random.Random, kind: str, function: str) -> None:
    messages = [message(chance, kind) for _ in range(EACH)]
    encode = getattr(market, function).encode_input
    answers = call_all(market, [encode(words(drawn)) for drawn in messages])
    assert answers == [(True, digest) for digest in digests(market, kind, messages)]


def not_signed(account: str, digest: bytes) -> tuple[bool, bytes]:
    return False, selector("NotSignedBy(address,bytes32)") + bytes(12) + bytes.fromhex(account[2:]) + digest


def data_call(market: Any, chance: random.Random, kind: str) -> tuple[dict[str, Any], str]:
    """A random message, and the call that asks for it without a signature."""
    # A nonce that is open, which a purchase asks for.
    deal = message(chance, "Deal", nonce=chance.getrandbits(128) << 128 | chance.randrange(224))
    seller, buyer, to = deal["seller"], anything(chance, "address"), anything(chance, "address")
    (deal_digest,) = digests(market, "Deal", [deal])
    sale_id = sale_id_of(deal_digest, seller, buyer)
    terms, deadline = words(deal), 2**40 + chance.getrandbits(200)
    if kind == "Buy":
        drawn = message(
            chance, kind, buyer=buyer, dealDigest=deal_digest, content=bytes(32), deadline=deadline
        )
        call = market.buyFor.encode_input(terms, b"", buyer, drawn["pointB"], deadline, b"")
    elif kind == "Deliver":
        drawn = message(chance, kind, seller=seller)
        posted = (drawn["pointB"], drawn["pointE"], drawn["wrapped"])
        numbers = (chance.getrandbits(256), chance.getrandbits(256))
        call = market.deliverFor.encode_input(drawn["saleId"], seller, numbers[0], posted, numbers[1], b"")
    elif kind == "Concede":
        drawn = message(chance, kind, seller=seller, saleId=sale_id)
        call = market.concedeFor.encode_input(terms, buyer, b"")
    elif kind == "Settle":
        drawn = message(chance, kind, buyer=buyer, saleId=sale_id)
        call = market.settleFor.encode_input(terms, buyer, b"")
    elif kind == "SettleTo":
        drawn = message(chance, kind, payee=buyer, saleId=sale_id, to=to)
        call = market.settleToFor.encode_input(terms, buyer, to, b"")
    elif kind == "Revoke":
        drawn = message(chance, kind, seller=seller, saleId=sale_id)
        call = market.revokeFor.encode_input(deal_digest, seller, buyer, b"")
    elif kind == "Acknowledge":
        drawn = message(chance, kind, buyer=buyer, saleId=sale_id)
        call = market.acknowledgeFor.encode_input(deal_digest, seller, buyer, b"")
    elif kind == "AcknowledgeMany":
        deals = [message(chance, "Deal") for _ in range(chance.choice((0, 1, 2)))]
        lists = (digests(market, "Deal", deals), [one["seller"] for one in deals])
        sales = [sale_id_of(deal_digest, who, buyer) for deal_digest, who in zip(*lists, strict=True)]
        drawn = message(chance, kind, buyer=buyer, saleIds=sales)
        call = market.acknowledgeManyFor.encode_input(*lists, buyer, b"")
    elif kind == "CloseRequest":
        request = message(chance, "Request")
        (request_id,) = digests(market, "Request", [request])
        drawn = message(chance, kind, buyer=request["buyer"], requestId=request_id, to=to)
        call = market.closeRequestToFor.encode_input(words(request), to, b"")
    else:
        drawn = message(chance, kind)
        function = market.cancelFor if kind == "CancelDeals" else market.cancelAllFor
        call = function.encode_input(*drawn.values(), b"")
    return drawn, call


def test_messages_of_the_market(market: Any, chance: random.Random) -> None:
    """Without a signature they are refused, with the digest that should have been signed."""
    for kind in DATA:
        drawn = [data_call(market, chance, kind) for _ in range(EACH)]
        answers = call_all(market, [call for _, call in drawn])
        messages = [one for one, _ in drawn]
        signers = [next(iter(one.values())) for one in messages]
        expected = map(not_signed, signers, digests(market, kind, messages))
        assert answers == list(expected), kind


def test_attestations(market: Any, deployer: Any, buyer: Any, chance: random.Random) -> None:
    """Their content is hashed by eth-account's own rules; the market sees the hash alone."""
    attestor = brownie.DigestMock.deploy({"from": deployer}).address
    nobody, far = {"tokenKind": 1, "token": deployer.address}, 2**39
    request = message(chance, "Request", **nobody, buyer=buyer.address, price=0, number=EACH)
    request |= {"attestor": attestor, "seller": brownie.ZERO_ADDRESS, "periodSeconds": 0, "openUntil": far}
    request |= {"maxDeliverSeconds": 86_400, "maxDisputeSeconds": 2 * 86_400}
    market.openRequest(words(request), {"from": buyer})
    (request_id,) = digests(market, "Request", [request])
    seller = brownie.DigestMock.deploy({"from": deployer}).address
    deal = message(chance, "Deal", **nobody, seller=seller, buyer=buyer.address, price=0, count=1)
    deal |= {"termsHash": request["termsHash"], "deliverSeconds": 86_400, "disputeSeconds": 2 * 86_400}
    deal |= {"liveUntil": 0, "openUntil": far, "requestId": request_id, "nonce": 0}
    (deal_digest,) = digests(market, "Deal", [deal])
    generator = bytes.fromhex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")

    def call(drawn: dict[str, Any], digest: bytes) -> str:
        attestation = (content_hash(drawn), drawn["issued"], drawn["expires"], drawn["index"], digest)
        encode = market.takeAttested.encode_input
        return str(encode(words(request), words(deal), deal_digest, generator, attestation))

    given = {"attestor": attestor, "subject": seller, "schema": request["schema"]}
    messages = [
        message(
            chance,
            "Attestation",
            **given,
            issued=chance.getrandbits(30),
            expires=far + chance.getrandbits(200),
        )
        for _ in range(EACH)
    ]
    signed = list(zip(messages, digests(market, "Attestation", messages), strict=True))
    sender = {"from": buyer.address}
    good = call_all(market, [call(*one) for one in signed], sender)
    assert good == [(True, b"")] * EACH
    wrong = call_all(market, [call(one, bytes(32)) for one, _ in signed[:10]], sender)
    assert wrong == [not_signed(attestor, digest) for _, digest in signed[:10]]
