"""openRequest and openRequestFor: a buyer asks, with the whole budget in escrow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import DAY, next_block_at, now, reverts_with, sign
from tests.orders import POINTS, words
from tests.sales import PRICE, hexed
from tests.unit.DataMarket.conftest import HELD

YEAR = 365 * DAY


def test_the_budget_goes_into_escrow(
    market: Any, create_request: Any, request_id: Any, buyer: Any, cash: Any
) -> None:
    request = create_request()
    transaction = market.openRequest(words(request), {"from": buyer})
    assert (cash.balanceOf(buyer), cash.balanceOf(market)) == (HELD - 3 * PRICE, 3 * PRICE)
    assert market.leftOf(request_id(request)) == 3
    event = transaction.events["RequestOpened"]
    assert (event["requestId"], event["buyer"]) == (hexed(request_id(request)), buyer)
    assert list(event["request"])[:5] == list(words(request))[:5]


def test_returns_its_id(market: Any, create_request: Any, request_id: Any, buyer: Any) -> None:
    request = create_request()
    returned = market.openRequest.call(words(request), {"from": buyer})
    assert bytes(returned) == request_id(request) == bytes(market.requestIdOf(words(request)))


def test_points_go_into_a_pocket_of_the_requests_own(
    market: Any, opened: Any, request_id: Any, points: Any, buyer: Any
) -> None:
    request = opened(points, kind=POINTS)
    assert points.balanceOf(points.pocketOf(market, request_id(request))) == 3 * PRICE
    assert points.balanceOf(buyer) == HELD - 3 * PRICE


def test_points_live_until_the_last_answer_could_be_judged_and_a_day(
    market: Any, create_request: Any, points: Any, buyer: Any
) -> None:
    last = points.expiryOf(0)
    until = last - DAY - 3 * DAY
    for late in (0, 1):
        request = create_request(points, kind=POINTS, openUntil=until - late)
        assert market.liveUntilOf(words(request)) == last - late
        if late:
            market.openRequest(words(request), {"from": buyer})
            continue
        with reverts_with("PointsOutOfBounds", buyer, 0, 3 * PRICE, last, 0):
            market.openRequest(words(request), {"from": buyer})


def test_is_the_buyers_alone(
    market: Any, create_request: Any, buyer: Any, seller: Any, stranger: Any
) -> None:
    request = create_request()
    for sender in (seller, stranger):
        with reverts_with("NotTheParty", buyer, sender):
            market.openRequest(words(request), {"from": sender})


def test_is_opened_once_even_after_it_was_closed(
    market: Any, opened: Any, request_id: Any, buyer: Any, stranger: Any
) -> None:
    request = opened()
    signature = sign(buyer, market, "Request", request)
    for _ in range(2):
        with reverts_with("OpenedBefore", request_id(request)):
            market.openRequest(words(request), {"from": buyer})
        with reverts_with("OpenedBefore", request_id(request)):
            market.openRequestFor(words(request), signature, {"from": stranger})
        if market.leftOf(request_id(request)):
            market.closeRequest(words(request), {"from": buyer})


@pytest.mark.parametrize("late", [0, 1])
def test_is_opened_until_its_last_second(market: Any, create_request: Any, buyer: Any, late: int) -> None:
    request = create_request()
    next_block_at(request["openUntil"] + late)
    if not late:
        market.openRequest(words(request), {"from": buyer})
        return
    with reverts_with("DealExpired", request["openUntil"]):
        market.openRequest(words(request), {"from": buyer})


SELLER = "0x" + "5e" * 20
REFUSED: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
    ({"seller": SELLER}, ("SubscriptionsNotSupported", SELLER, 0)),
    ({"periodSeconds": 1}, ("SubscriptionsNotSupported", "0x" + "00" * 20, 1)),
    ({"openUntil": 2**40}, ("OpenUntilTooFar", 2**40)),
    ({"openUntil": 2**256 - 1}, ("OpenUntilTooFar", 2**256 - 1)),
    ({"number": 0}, ("NumberOutOfRange", 0)),
    ({"number": 2**32}, ("NumberOutOfRange", 2**32)),
    ({"tokenKind": 2}, ("TokenKindUnknown", 2)),
    ({"price": 2**128}, ("PriceOutOfRange", 2**128)),
    ({"maxDeliverSeconds": DAY - 1}, ("TimesOutOfRange", DAY - 1, 2 * DAY)),
    ({"maxDeliverSeconds": YEAR + 1}, ("TimesOutOfRange", YEAR + 1, 2 * DAY)),
    ({"maxDisputeSeconds": 2 * DAY - 1}, ("TimesOutOfRange", DAY, 2 * DAY - 1)),
    ({"maxDisputeSeconds": 2**256 - 1}, ("TimesOutOfRange", DAY, 2**256 - 1)),
]


def test_reverts_on_terms_out_of_range(market: Any, create_request: Any, buyer: Any) -> None:
    for fields, error in REFUSED:
        with reverts_with(*error):
            market.openRequest.call(words(create_request(**fields)), {"from": buyer})


def test_takes_terms_at_their_bounds(market: Any, create_request: Any, buyer: Any) -> None:
    for fields in (
        {"openUntil": 2**40 - 1},
        {"number": 2**32 - 1, "price": 0},
        {"number": 1, "price": HELD},
        {"maxDeliverSeconds": YEAR, "maxDisputeSeconds": YEAR},
    ):
        market.openRequest.call(words(create_request(**fields)), {"from": buyer})


def test_reverts_when_the_buyer_cannot_pay_for_all(market: Any, create_request: Any, buyer: Any) -> None:
    request = create_request(number=HELD // PRICE + 1)
    with reverts_with("TransferFromFailed"):
        market.openRequest(words(request), {"from": buyer})


def test_reverts_when_points_are_offered_as_money(
    market: Any, create_request: Any, points: Any, buyer: Any
) -> None:
    with reverts_with("NotOfThisKind", points, 1):
        market.openRequest(words(create_request(points)), {"from": buyer})


# ---------------------------------------------------------------------------------------------- by signature


def test_anyone_opens_what_the_buyer_signed(
    market: Any, create_request: Any, request_id: Any, buyer: Any, stranger: Any, cash: Any
) -> None:
    request = create_request()
    signature = sign(buyer, market, "Request", request)
    market.openRequestFor(words(request), signature, {"from": stranger})
    assert market.leftOf(request_id(request)) == 3
    assert cash.balanceOf(buyer) == HELD - 3 * PRICE


def test_nobody_else_signs_it(
    market: Any, create_request: Any, request_id: Any, buyer: Any, stranger: Any
) -> None:
    request = create_request()
    signature = sign(stranger, market, "Request", request)
    for submitter in (stranger, buyer):
        with reverts_with("NotSignedBy", buyer, request_id(request)):
            market.openRequestFor(words(request), signature, {"from": submitter})


def test_no_word_of_it_can_be_changed(
    market: Any, create_request: Any, request_id: Any, buyer: Any, stranger: Any
) -> None:
    request = create_request()
    signature = sign(buyer, market, "Request", request)
    for name, value in request.items():
        if name == "buyer":
            continue
        other: Any = value + 1 if isinstance(value, int) else b"\7" * 32
        changed = request | {name: SELLER if isinstance(value, str) else other}
        with reverts_with("NotSignedBy", buyer, request_id(changed)):
            market.openRequestFor.call(words(changed), signature, {"from": stranger})


def test_a_cancelled_request_is_opened_by_the_buyer_alone(
    market: Any, create_request: Any, request_id: Any, buyer: Any, stranger: Any
) -> None:
    request = create_request()
    signature = sign(buyer, market, "Request", request)
    market.cancel([request["nonce"]], {"from": buyer})
    with reverts_with("DealCancelled", buyer, request["nonce"]):
        market.openRequestFor(words(request), signature, {"from": stranger})
    market.openRequest(words(request), {"from": buyer})
    assert market.leftOf(request_id(request)) == 3


def test_closing_one_request_leaves_another_alone(
    market: Any, opened: Any, request_id: Any, buyer: Any, cash: Any
) -> None:
    first, second = opened(), opened()
    market.closeRequest(words(first), {"from": buyer})
    assert [market.leftOf(request_id(one)) for one in (first, second)] == [0, 3]
    assert cash.balanceOf(market) == 3 * PRICE
    assert now() <= second["openUntil"]
