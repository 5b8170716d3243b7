"""Signatures are worth nothing on another chain, for another market, or a second time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brownie
import pytest

from tests.helpers import MAX_UINT256, nonce, sign, travel_to
from tests.orders import words
from tests.sales import Sale

Call = tuple[Any, ...]
LANE = 55


@pytest.fixture(scope="module")
def messages(
    market: Any,
    prepare: Any,
    delivered: Sale,
    bought: Sale,
    create_request: Any,
    opened: Any,
    answer: Any,
    request_id: Any,
    seller: Any,
    buyer: Any,
) -> dict[str, tuple[Any, str, dict[str, Any], Callable[[bytes], Call]]]:
    """Of each signed call: who signs what, and the call with that signature."""
    fresh, request, running = prepare(), create_request(), opened()
    taken = answer(running)
    purchase = {
        "buyer": buyer.address,
        "dealDigest": fresh.digest,
        "content": bytes(32),
        "pointB": fresh.b.x,
        "deadline": MAX_UINT256,
    }
    accepted = purchase | {"dealDigest": taken.digest, "pointB": taken.b.x}
    posted = dict(zip(("pointB", "pointE", "wrapped"), bought.posted, strict=True))
    many = {"buyer": buyer.address, "saleIds": [bought.id]}
    ends = {"account": seller.address, "nonces": [nonce(0, LANE)]}
    series = {"account": seller.address, "series": [nonce(0, LANE)]}
    to = {"payee": seller.address, "saleId": delivered.id, "to": seller.address}
    close = {"buyer": buyer.address, "requestId": request_id(running), "to": buyer.address}
    by_buyer = sign(buyer, market, "Buy", purchase)
    return {
        "buy": (seller, "Deal", fresh.deal, lambda s: ("buy", fresh.words, s, fresh.b.x)),
        "buyFor": (
            buyer,
            "Buy",
            purchase,
            lambda s: ("buyFor", fresh.words, fresh.signature, buyer, fresh.b.x, MAX_UINT256, s),
        ),
        "buyFor, the seller's": (
            seller,
            "Deal",
            fresh.deal,
            lambda s: ("buyFor", fresh.words, s, buyer, fresh.b.x, MAX_UINT256, by_buyer),
        ),
        "deliverFor": (
            seller,
            "Deliver",
            bought.about("seller") | posted,
            lambda s: ("deliverFor", bought.delivery[0], seller, *bought.delivery[1:], s),
        ),
        "concedeFor": (
            seller,
            "Concede",
            delivered.about("seller"),
            lambda s: ("concedeFor", delivered.words, buyer, s),
        ),
        "settleFor": (
            buyer,
            "Settle",
            delivered.about("buyer"),
            lambda s: ("settleFor", delivered.words, buyer, s),
        ),
        "settleToFor": (
            seller,
            "SettleTo",
            to,
            lambda s: ("settleToFor", delivered.words, buyer, seller, s),
        ),
        "revokeFor": (
            seller,
            "Revoke",
            bought.about("seller"),
            lambda s: ("revokeFor", bought.digest, seller, buyer, s),
        ),
        "acknowledgeFor": (
            buyer,
            "Acknowledge",
            bought.about("buyer"),
            lambda s: ("acknowledgeFor", bought.digest, seller, buyer, s),
        ),
        "acknowledgeManyFor": (
            buyer,
            "AcknowledgeMany",
            many,
            lambda s: ("acknowledgeManyFor", [bought.digest], [seller], buyer, s),
        ),
        "cancelFor": (seller, "CancelDeals", ends, lambda s: ("cancelFor", seller, [nonce(0, LANE)], s)),
        "cancelAllFor": (
            seller,
            "CancelDealSeries",
            series,
            lambda s: ("cancelAllFor", seller, [nonce(0, LANE)], s),
        ),
        "openRequestFor": (buyer, "Request", request, lambda s: ("openRequestFor", words(request), s)),
        "takeManyFor": (
            buyer,
            "Buy",
            accepted,
            lambda s: ("takeManyFor", words(running), [taken.answer()], MAX_UINT256, [s]),
        ),
        "take": (seller, "Deal", taken.deal, lambda s: ("take", words(running), taken.words, s, taken.b.x)),
        "closeRequestToFor": (
            buyer,
            "CloseRequest",
            close,
            lambda s: ("closeRequestToFor", words(running), buyer, s),
        ),
    }


NAMES = [
    "buy",
    "buyFor",
    "buyFor, the seller's",
    "deliverFor",
    "concedeFor",
    "settleFor",
    "settleToFor",
    "revokeFor",
    "acknowledgeFor",
    "acknowledgeManyFor",
    "cancelFor",
    "cancelAllFor",
    "openRequestFor",
    "takeManyFor",
    "take",
    "closeRequestToFor",
]


@pytest.fixture
def submit(market: Any, messages: Any, buyer: Any, stranger: Any, delivered: Sale) -> Any:
    def submit(name: str, signature: bytes) -> Any:
        function, *arguments = messages[name][3](signature)
        if function == "settleToFor":
            travel_to(market.saleOf(delivered.id)[1] + 1)
        sender = buyer if function in ("buy", "take") else stranger
        return getattr(market, function).call(*arguments, {"from": sender})

    return submit


def test_every_signed_call_is_here(market: Any, messages: Any) -> None:
    signed = {
        entry["name"] for entry in market.abi if entry["type"] == "function" and entry["name"].endswith("For")
    }
    assert list(messages) == NAMES
    assert signed <= {call(b"")[0] for _, _, _, call in messages.values()}


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_is_for_this_market_on_this_chain(
    market: Any, attestors: Any, messages: Any, submit: Any, web3: Any, name: str
) -> None:
    signer, kind, message, _ = messages[name]
    elsewhere: list[dict[str, Any]] = [
        {"chainId": web3.chain_id + 1},
        {"verifyingContract": attestors.address},
        {"name": "Troc Exchange"},
        {"version": "2"},
    ]
    for domain in elsewhere:
        with pytest.raises(Exception, match="NotSignedBy"):
            submit(name, sign(signer, market, kind, message, **domain))
    submit(name, sign(signer, market, kind, message))


def test_what_was_signed_for_one_deployment_is_refused_by_another(
    market: Any, attestors: Any, deployer: Any, prepare: Any, buyer: Any, cash: Any
) -> None:
    other = brownie.DataMarket.deploy(attestors, {"from": deployer})
    cash.approve(other, MAX_UINT256, {"from": buyer})
    sale = prepare()
    market.buy.call(sale.words, sale.signature, sale.b.x, {"from": buyer})
    with pytest.raises(Exception, match="NotSignedBy"):
        other.buy.call(sale.words, sale.signature, sale.b.x, {"from": buyer})


def test_a_copied_transaction_pays_the_same_person(
    market: Any, delivered: Sale, seller: Any, buyer: Any, stranger: Any, cash: Any
) -> None:
    """Whoever is first in the block, and whoever sends."""
    signature = sign(buyer, market, "Settle", delivered.about("buyer"))
    held = cash.balanceOf(seller)
    market.settleFor(delivered.words, buyer, signature, {"from": stranger})
    with pytest.raises(Exception, match="WrongState"):
        market.settleFor(delivered.words, buyer, signature, {"from": buyer})
    assert cash.balanceOf(seller) - held == delivered.deal["price"]
    assert cash.balanceOf(stranger) == 0
