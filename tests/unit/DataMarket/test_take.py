"""take: the buyer accepts one answer to a request that names no attestor."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import DAY, next_block_at, now, reverts_with
from tests.orders import POINTS, words
from tests.sales import NO_ATTESTATION, PRICE, State, hexed
from tests.unit.DataMarket.conftest import HELD


@pytest.fixture(scope="module")
def request_(opened: Any) -> dict[str, Any]:
    """An open request for three answers in cash."""
    request: dict[str, Any] = opened()
    return request


@pytest.fixture(scope="module")
def in_points(opened: Any, points: Any) -> dict[str, Any]:
    """An open request for three answers in points."""
    request: dict[str, Any] = opened(points, kind=POINTS)
    return request


def test_begins_a_sale_out_of_the_budget(
    market: Any, request_: Any, request_id: Any, answer: Any, buyer: Any, seller: Any, cash: Any
) -> None:
    sale, held = answer(request_), cash.balanceOf(buyer)
    then = now() + 100
    next_block_at(then)
    transaction = market.take(words(request_), sale.words, sale.signature, sale.b.x, {"from": buyer})
    assert market.saleOf(sale.id) == (State.BOUGHT, then + DAY, False, 0, 0)
    assert (market.leftOf(request_id(request_)), cash.balanceOf(market)) == (2, 3 * PRICE)
    assert cash.balanceOf(buyer) == held
    assert dict(transaction.events["AnswerTaken"]) == {
        "requestId": hexed(request_id(request_)),
        "saleId": hexed(sale.id),
    }
    assert dict(transaction.events["Bought"]) == {
        "saleId": hexed(sale.id),
        "seller": seller,
        "buyer": buyer,
        "pointB": hexed(sale.b.x),
    }


def test_points_wait_in_the_requests_pocket(
    market: Any, in_points: Any, request_id: Any, answer: Any, points: Any, buyer: Any, seller: Any
) -> None:
    sale = answer(in_points)
    market.take(words(in_points), sale.words, sale.signature, sale.b.x, {"from": buyer})
    pocket = points.pocketOf(market, request_id(in_points))
    assert points.balanceOf(pocket) == 3 * PRICE
    market.deliver(*sale.delivery, {"from": seller})
    market.settle(sale.words, buyer, {"from": buyer})
    assert (points.balanceOf(seller), points.balanceOf(pocket)) == (PRICE, 2 * PRICE)


def test_takes_so_many_and_no_more(
    market: Any, opened: Any, request_id: Any, answer: Any, buyer: Any, cash: Any
) -> None:
    request = opened(number=2)
    opened()
    for _ in range(2):
        sale = answer(request)
        market.take(words(request), sale.words, sale.signature, sale.b.x, {"from": buyer})
    sale = answer(request)
    with reverts_with("RequestNotOpen", request_id(request)):
        market.take(words(request), sale.words, sale.signature, sale.b.x, {"from": buyer})
    with reverts_with("RequestNotOpen", request_id(request)):
        market.closeRequest(words(request), {"from": buyer})
    assert cash.balanceOf(market) >= 5 * PRICE


def test_is_the_buyers_alone(
    market: Any, request_: Any, answer: Any, buyer: Any, seller: Any, stranger: Any
) -> None:
    sale = answer(request_)
    for sender in (seller, stranger):
        with reverts_with("NotTheParty", buyer, sender):
            market.take(words(request_), sale.words, sale.signature, sale.b.x, {"from": sender})


def test_reverts_before_it_is_open_and_after_it_is_closed(
    market: Any, create_request: Any, request_id: Any, answer: Any, buyer: Any
) -> None:
    request = create_request()
    sale = answer(request)
    taking = (words(request), sale.words, sale.signature, sale.b.x, {"from": buyer})
    with reverts_with("RequestNotOpen", request_id(request)):
        market.take(*taking)
    market.openRequest(words(request), {"from": buyer})
    market.closeRequest(words(request), {"from": buyer})
    with reverts_with("RequestNotOpen", request_id(request)):
        market.take(*taking)


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_may_be_made_until_the_requests_last_second(
    market: Any, request_: Any, answer: Any, buyer: Any, late: int
) -> None:
    sale = answer(request_, openUntil=2**256 - 1)
    next_block_at(request_["openUntil"] + late)
    taking = (words(request_), sale.words, sale.signature, sale.b.x, {"from": buyer})
    if late <= 0:
        market.take(*taking)
        return
    with reverts_with("DealExpired", request_["openUntil"]):
        market.take(*taking)


@pytest.mark.parametrize("late", [0, 1])
def test_may_be_made_until_the_answers_last_second(
    market: Any, request_: Any, answer: Any, buyer: Any, late: int
) -> None:
    sale = answer(request_)
    next_block_at(sale.deal["openUntil"] + late)
    taking = (words(request_), sale.words, sale.signature, sale.b.x, {"from": buyer})
    if not late:
        market.take(*taking)
        return
    with reverts_with("DealExpired", sale.deal["openUntil"]):
        market.take(*taking)


def test_happens_once(market: Any, request_: Any, answer: Any, buyer: Any) -> None:
    sale = answer(request_)
    market.take(words(request_), sale.words, sale.signature, sale.b.x, {"from": buyer})
    with reverts_with("BoughtBefore", sale.id):
        market.take(words(request_), sale.words, sale.signature, sale.b.x, {"from": buyer})


def test_an_answer_is_not_bought_without_its_request(
    market: Any, request_: Any, request_id: Any, answer: Any, buyer: Any
) -> None:
    sale = answer(request_)
    with reverts_with("OtherRequest", bytes(32), request_id(request_)):
        market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})


def test_reverts_when_it_answers_another_request_or_none(
    market: Any, request_: Any, opened: Any, request_id: Any, answer: Any, prepare: Any, buyer: Any
) -> None:
    other = opened()
    for sale in (answer(other), prepare()):
        with reverts_with("OtherRequest", request_id(request_), sale.deal["requestId"]):
            market.take(words(request_), sale.words, sale.signature, sale.b.x, {"from": buyer})


def test_reverts_when_it_is_not_what_was_asked_for(
    market: Any, request_: Any, request_id: Any, answer: Any, buyer: Any, points: Any
) -> None:
    for fields in (
        {"price": PRICE - 1},
        {"price": PRICE + 1},
        {"termsHash": bytes(32)},
        {"deliverSeconds": DAY + 1},
        {"disputeSeconds": 2 * DAY + 1},
        {"tokenKind": POINTS},
        {"liveUntil": 1},
    ):
        sale = answer(request_, **fields)
        with reverts_with("NotAsRequested", request_id(request_)):
            market.take.call(words(request_), sale.words, sale.signature, sale.b.x, {"from": buyer})
    sale = answer(request_ | {"token": points.address}, requestId=request_id(request_))
    with reverts_with("NotAsRequested", request_id(request_)):
        market.take.call(words(request_), sale.words, sale.signature, sale.b.x, {"from": buyer})


def test_reverts_on_what_buying_refuses_too(
    market: Any, request_: Any, answer: Any, buyer: Any, seller: Any, stranger: Any
) -> None:
    cases: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
        ({"buyer": stranger}, ("OnlyBuyer", stranger, buyer)),
        ({"count": 0}, ("CountOutOfRange", 0)),
        ({"deliverSeconds": DAY - 1}, ("TimesOutOfRange", DAY - 1, 2 * DAY)),
        ({"seller": buyer}, ("SelfSale", buyer)),
    ]
    for fields, error in cases:
        sale = answer(request_, **fields)
        with reverts_with(*error):
            market.take.call(words(request_), sale.words, sale.signature, sale.b.x, {"from": buyer})
    sale = answer(request_)
    with reverts_with("NotSignedBy", seller, sale.digest):
        market.take.call(words(request_), sale.words, b"", sale.b.x, {"from": buyer})
    with reverts_with("BadPoint", bytes(32)):
        market.take.call(words(request_), sale.words, sale.signature, bytes(32), {"from": buyer})
    market.cancel([sale.deal["nonce"]], {"from": seller})
    with reverts_with("DealCancelled", seller, sale.deal["nonce"]):
        market.take.call(words(request_), sale.words, sale.signature, sale.b.x, {"from": buyer})


@pytest.mark.parametrize("over", [1, 0, -1])
def test_points_of_an_answer_live_just_as_long_as_the_budget(
    market: Any, in_points: Any, request_id: Any, answer: Any, buyer: Any, over: int
) -> None:
    sale = answer(in_points, liveUntil=market.liveUntilOf(words(in_points)) + over)
    taking = (words(in_points), sale.words, sale.signature, sale.b.x, {"from": buyer})
    if over == 0:
        market.take(*taking)
        return
    with reverts_with("NotAsRequested", request_id(in_points)):
        market.take(*taking)


def test_at_the_last_second_the_budgets_points_are_just_old_enough(
    market: Any, in_points: Any, answer: Any, buyer: Any
) -> None:
    most = market.liveUntilOf(words(in_points))
    sale = answer(in_points, liveUntil=most, openUntil=2**256 - 1)
    next_block_at(in_points["openUntil"])
    market.take(words(in_points), sale.words, sale.signature, sale.b.x, {"from": buyer})
    assert market.saleOf(sale.id)[1] + 2 * DAY + DAY == most


def test_a_request_that_names_an_attestor_needs_one(
    market: Any, opened: Any, request_: Any, answer: Any, buyer: Any, attestor: Any
) -> None:
    request = opened(attestor=attestor)
    sale = answer(request)
    with reverts_with("AttestationExpected", attestor):
        market.take(words(request), sale.words, sale.signature, sale.b.x, {"from": buyer})
    sale = answer(request_)
    with reverts_with("AttestationExpected", "0x" + "00" * 20):
        market.takeAttested(
            words(request_), sale.words, sale.signature, sale.b.x, NO_ATTESTATION, {"from": buyer}
        )


def test_no_second_sale_is_paid_out_of_one_answer(
    market: Any, request_: Any, answer: Any, buyer: Any, seller: Any, cash: Any
) -> None:
    """What a seller signs once is taken once, and what is left is still the buyer's."""
    sale, held = answer(request_), cash.balanceOf(buyer)
    market.take(words(request_), sale.words, sale.signature, sale.b.x, {"from": buyer})
    market.deliver(*sale.delivery, {"from": seller})
    market.settle(sale.words, buyer, {"from": buyer})
    market.closeRequest(words(request_), {"from": buyer})
    assert (cash.balanceOf(buyer), cash.balanceOf(seller)) == (held + 2 * PRICE, PRICE)
    assert held <= HELD
