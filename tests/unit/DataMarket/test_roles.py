"""Who may call what: every function against every role. The market has no owner.

Nothing is sent: each cell is a call on the same state. `late` was not delivered in time, `over` was delivered
and nobody objected in time; `bought`, `delivered`, `cheated` and `spoiled` still run, and so do two requests.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.helpers import DAY, MAX_UINT256, nonce, reverts_with, sign, travel_to
from tests.orders import digest, words
from tests.sales import NO_ATTESTATION, State, sale_id_of
from tests.sealing import make_content

ROLES = ("seller", "buyer", "attestor", "brand", "deployer", "stranger")
SERIES = [nonce(0, 99)]
Outcome = Callable[[Any, str], tuple[Any, ...] | None]
Cell = tuple[Callable[[Any], tuple[Any, ...]], Outcome]


@pytest.fixture(autouse=True)
def isolation(module_isolation: None) -> None:
    """Calls alone: nothing to undo between tests."""


@pytest.fixture(scope="module")
def stage(
    market: Any,
    attestor: Any,
    brand: Any,
    deployer: Any,
    seller: Any,
    buyer: Any,
    stranger: Any,
    prepare: Any,
    buy: Any,
    sell: Any,
    create_deal: Any,
    create_request: Any,
    opened: Any,
    answer: Any,
    attest: Any,
) -> SimpleNamespace:
    spoiled = make_content([64, 64], "spoiled", wrong=[1])
    stage = SimpleNamespace(
        market=market,
        attestor=attestor,
        brand=brand,
        deployer=deployer,
        seller=seller,
        buyer=buyer,
        stranger=stranger,
        late=buy(),
        over=sell(),
    )
    travel_to(market.saleOf(stage.over.id)[1] + 1)
    stage.bought, stage.delivered, stage.cheated = buy(), sell(), sell(key=bytes(32))
    stage.spoiled = sell(create_deal(content=spoiled), content=spoiled)
    # Nobody but the buyer has money, so these are given for nothing.
    stage.fresh = prepare(create_deal(price=0))
    stage.request, stage.unopened = opened(), create_request()
    stage.answer = answer(stage.request)
    stage.attested_request = opened(attestor=attestor)
    stage.attested = answer(stage.attested_request)
    stage.attestation = attest()
    stage.signed = {
        name: sign(getattr(stage, who), market, kind, message)
        for name, (who, kind, message) in signed_messages(stage).items()
    }
    return stage


def signed_messages(stage: Any) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Of each call by signature: who signs, and what."""
    market, seller, buyer = stage.market, stage.seller.address, stage.buyer.address
    posted = dict(zip(("pointB", "pointE", "wrapped"), stage.bought.posted, strict=True))

    def purchase(sale: Any) -> dict[str, Any]:
        return {
            "buyer": buyer,
            "dealDigest": sale.digest,
            "content": bytes(32),
            "pointB": sale.b.x,
            "deadline": MAX_UINT256,
        }

    request_id = digest(market, "Request", stage.request)
    return {
        "buyFor": ("buyer", "Buy", purchase(stage.fresh)),
        "deliverFor": ("seller", "Deliver", stage.bought.about("seller") | posted),
        "concedeFor": ("seller", "Concede", stage.delivered.about("seller")),
        "settleFor": ("buyer", "Settle", stage.delivered.about("buyer")),
        "settleToFor": ("seller", "SettleTo", {"payee": seller, "saleId": stage.over.id, "to": seller}),
        "revokeFor": ("seller", "Revoke", stage.bought.about("seller")),
        "acknowledgeFor": ("buyer", "Acknowledge", stage.bought.about("buyer")),
        "acknowledgeManyFor": (
            "buyer",
            "AcknowledgeMany",
            {"buyer": buyer, "saleIds": [stage.bought.id, stage.over.id]},
        ),
        "cancelFor": ("seller", "CancelDeals", {"account": seller, "nonces": SERIES}),
        "cancelAllFor": ("seller", "CancelDealSeries", {"account": seller, "series": SERIES}),
        "openRequestFor": ("buyer", "Request", stage.unopened),
        "takeManyFor": ("buyer", "Buy", purchase(stage.answer)),
        "closeRequestToFor": (
            "buyer",
            "CloseRequest",
            {"buyer": buyer, "requestId": request_id, "to": buyer},
        ),
    }


def anyone(_: Any, __: str) -> None:
    """Succeeds for every role."""


def only(party: str) -> Outcome:
    return lambda stage, role: (
        None if role == party else ("NotTheParty", getattr(stage, party), getattr(stage, role))
    )


def only_as_seller(stage: Any, role: str) -> tuple[Any, ...] | None:
    """Who sends names a sale of his own, and there is none."""
    sale = stage.bought
    own = sale_id_of(sale.digest, getattr(stage, role).address, stage.buyer.address)
    return None if role == "seller" else ("WrongState", own, State.NONE)


def only_as_buyer(stage: Any, role: str) -> tuple[Any, ...] | None:
    sale = stage.bought
    own = sale_id_of(sale.digest, stage.seller.address, getattr(stage, role).address)
    return None if role == "buyer" else ("WrongState", own, State.NONE)


def about(name: str, *more: Any) -> Callable[[Any], tuple[Any, ...]]:
    return lambda stage: (getattr(stage, name).words, stage.buyer, *more)


def dispute(name: str, *chunk: int) -> Callable[[Any], tuple[Any, ...]]:
    def arguments(stage: Any) -> tuple[Any, ...]:
        sale = getattr(stage, name)
        return (sale.words, stage.buyer, sale.posted, sale.b.scalar, *map(sale.content.chunk, chunk))

    return arguments


def by_signature(function: str, arguments: Callable[[Any], tuple[Any, ...]]) -> Cell:
    return lambda stage: (*arguments(stage), stage.signed[function]), anyone


MATRIX: dict[str, Cell] = {
    # buying
    "buy": (
        lambda stage: (stage.fresh.words, stage.fresh.signature, stage.fresh.b.x),
        lambda stage, role: ("SelfSale", stage.seller) if role == "seller" else None,
    ),
    "buyFor": by_signature(
        "buyFor",
        lambda stage: (stage.fresh.words, stage.fresh.signature, stage.buyer, stage.fresh.b.x, MAX_UINT256),
    ),
    # the sale
    "deliver": (
        lambda stage: stage.bought.delivery,
        lambda stage, role: None if role == "seller" else ("NotWhatWasPosted", stage.bought.id),
    ),
    "deliverFor": by_signature(
        "deliverFor", lambda stage: (stage.bought.id, stage.seller, *stage.bought.delivery[1:])
    ),
    "refund": (about("late"), anyone),
    "concede": (about("delivered"), only("seller")),
    "concedeFor": by_signature("concedeFor", about("delivered")),
    "disputeKey": (dispute("cheated"), anyone),
    "disputeChunk": (dispute("spoiled", 1), anyone),
    "settle": (
        about("delivered"),
        lambda stage, role: (
            None
            if role == "buyer"
            else ("TooEarly", stage.delivered.id, stage.market.saleOf(stage.delivered.id)[1])
        ),
    ),
    "settleFor": by_signature("settleFor", about("delivered")),
    "settleTo": (lambda stage: (*about("over")(stage), stage.stranger), only("seller")),
    "settleToFor": by_signature("settleToFor", lambda stage: (*about("over")(stage), stage.seller)),
    # after the sale
    "revoke": (lambda stage: (stage.bought.digest, stage.buyer), only_as_seller),
    "revokeFor": by_signature("revokeFor", lambda stage: (stage.bought.digest, stage.seller, stage.buyer)),
    "acknowledge": (lambda stage: (stage.bought.digest, stage.seller), only_as_buyer),
    "acknowledgeFor": by_signature(
        "acknowledgeFor", lambda stage: (stage.bought.digest, stage.seller, stage.buyer)
    ),
    "acknowledgeMany": (
        lambda stage: ([stage.bought.digest, stage.over.digest], [stage.seller] * 2),
        only_as_buyer,
    ),
    "acknowledgeManyFor": by_signature(
        "acknowledgeManyFor",
        lambda stage: ([stage.bought.digest, stage.over.digest], [stage.seller] * 2, stage.buyer),
    ),
    # cancellation: everyone for herself
    "cancel": (lambda _: (SERIES,), anyone),
    "cancelFor": by_signature("cancelFor", lambda stage: (stage.seller, SERIES)),
    "cancelAll": (lambda _: (SERIES,), anyone),
    "cancelAllFor": by_signature("cancelAllFor", lambda stage: (stage.seller, SERIES)),
    # requests
    "openRequest": (lambda stage: (words(stage.unopened),), only("buyer")),
    "openRequestFor": by_signature("openRequestFor", lambda stage: (words(stage.unopened),)),
    "take": (
        lambda stage: (
            words(stage.request),
            stage.answer.words,
            stage.answer.signature,
            stage.answer.b.x,
        ),
        only("buyer"),
    ),
    "takeAttested": (
        lambda stage: (
            words(stage.attested_request),
            stage.attested.words,
            stage.attested.signature,
            stage.attested.b.x,
            stage.attestation,
        ),
        only("buyer"),
    ),
    "takeMany": (lambda stage: (words(stage.request), [stage.answer.answer()]), only("buyer")),
    "takeManyFor": (
        lambda stage: (
            words(stage.request),
            [stage.answer.answer(NO_ATTESTATION)],
            MAX_UINT256,
            [stage.signed["takeManyFor"]],
        ),
        anyone,
    ),
    "closeRequest": (lambda stage: (words(stage.request),), only("buyer")),
    "closeRequestTo": (lambda stage: (words(stage.request), stage.stranger), only("buyer")),
    "closeRequestToFor": by_signature("closeRequestToFor", lambda stage: (words(stage.request), stage.buyer)),
}


def test_the_matrix_is_whole(market: Any) -> None:
    functions = {
        entry["name"]
        for entry in market.abi
        if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
    }
    assert functions == set(MATRIX)


@pytest.mark.parametrize("function", MATRIX)
def test_each_role(stage: SimpleNamespace, function: str) -> None:
    arguments, outcome = MATRIX[function]
    call = getattr(stage.market, function)
    for role in ROLES:
        sender, refusal = {"from": getattr(stage, role).address}, outcome(stage, role)
        if refusal is None:
            call.call(*arguments(stage), sender)
            continue
        with reverts_with(*refusal):
            call.call(*arguments(stage), sender)


@pytest.mark.parametrize("function", [name for name in MATRIX if name.endswith("For")])
def test_no_other_role_signs(stage: SimpleNamespace, function: str) -> None:
    """Whoever else signs it, and submits it himself."""
    signer, kind, message = signed_messages(stage)[function]
    arguments, _ = MATRIX[function]
    *head, last = arguments(stage)
    for role in ROLES:
        if role == signer:
            continue
        who = getattr(stage, role)
        signature = sign(who, stage.market, kind, message) if role != "deployer" else b""
        with reverts_with("NotSignedBy", getattr(stage, signer), digest(stage.market, kind, message)):
            getattr(stage.market, function).call(
                *head, [signature] if isinstance(last, list) else signature, {"from": who.address}
            )


@pytest.mark.parametrize("role", ROLES)
def test_nobody_hurries_a_sale_that_waits(stage: SimpleNamespace, role: str) -> None:
    """Neither party, before its time, whatever it may do later."""
    sale, sender = stage.bought, {"from": getattr(stage, role).address}
    about = (sale.words, stage.buyer)
    with reverts_with("TooEarly", sale.id, stage.market.saleOf(sale.id)[1]):
        stage.market.refund.call(*about, sender)
    for function in ("settle", "disputeKey"):
        more = (sale.posted, sale.b.scalar) if function == "disputeKey" else ()
        with reverts_with("WrongState", sale.id, State.BOUGHT):
            getattr(stage.market, function).call(*about, *more, sender)
    assert stage.market.saleOf(sale.id)[1] > DAY
