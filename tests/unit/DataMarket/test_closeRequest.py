"""closeRequest, closeRequestTo and closeRequestToFor: what is left of the budget goes back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import next_block_at, reverts_with, sign, travel_to
from tests.orders import POINTS, digest, words
from tests.sales import PRICE, hexed
from tests.unit.DataMarket.conftest import HELD

FRIEND = "0x" + "fe" * 20


@pytest.fixture(scope="module")
def request_(opened: Any) -> dict[str, Any]:
    """An open request for three answers."""
    request: dict[str, Any] = opened()
    return request


def test_the_buyer_closes_at_any_time(
    market: Any, request_: Any, request_id: Any, buyer: Any, cash: Any
) -> None:
    transaction = market.closeRequest(words(request_), {"from": buyer})
    assert (cash.balanceOf(buyer), market.leftOf(request_id(request_))) == (HELD, 0)
    assert dict(transaction.events["RequestClosed"]) == {
        "requestId": hexed(request_id(request_)),
        "to": buyer,
        "token": cash,
        "amount": 3 * PRICE,
    }


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_others_wait_until_its_last_second_is_over(
    market: Any, request_: Any, buyer: Any, stranger: Any, cash: Any, late: int
) -> None:
    next_block_at(request_["openUntil"] + late)
    if late == 1:
        market.closeRequest(words(request_), {"from": stranger})
        assert cash.balanceOf(buyer) == HELD
        return
    with reverts_with("NotTheParty", buyer, stranger):
        market.closeRequest(words(request_), {"from": stranger})


def test_what_was_taken_stays_taken(
    market: Any, request_: Any, answer: Any, buyer: Any, cash: Any, seller: Any
) -> None:
    sale = answer(request_)
    market.take(words(request_), sale.words, sale.signature, sale.b.x, {"from": buyer})
    market.closeRequest(words(request_), {"from": buyer})
    assert (cash.balanceOf(buyer), cash.balanceOf(market)) == (HELD - PRICE, PRICE)
    market.deliver(*sale.delivery, {"from": seller})
    market.settle(sale.words, buyer, {"from": buyer})
    assert cash.balanceOf(seller) == PRICE


def test_happens_once(market: Any, request_: Any, request_id: Any, opened: Any, buyer: Any) -> None:
    """Although there is money of another request."""
    opened()
    market.closeRequest(words(request_), {"from": buyer})
    with reverts_with("RequestNotOpen", request_id(request_)):
        market.closeRequest(words(request_), {"from": buyer})
    with reverts_with("RequestNotOpen", request_id(request_)):
        market.closeRequestTo(words(request_), FRIEND, {"from": buyer})


def test_reverts_when_it_was_never_opened(
    market: Any, create_request: Any, request_id: Any, buyer: Any
) -> None:
    request = create_request()
    with reverts_with("RequestNotOpen", request_id(request)):
        market.closeRequest(words(request), {"from": buyer})


def test_terms_that_were_not_opened_take_nothing(
    market: Any, request_: Any, stranger: Any, buyer: Any
) -> None:
    for changed in (
        request_ | {"price": HELD},
        request_ | {"buyer": stranger.address},
        request_ | {"number": 20},
    ):
        with pytest.raises(Exception, match=r"RequestNotOpen|NotTheParty"):
            market.closeRequest.call(words(changed), {"from": stranger})
    with pytest.raises(Exception, match="RequestNotOpen"):
        market.closeRequest.call(words(request_ | {"price": HELD}), {"from": buyer})


def test_points_go_back_as_they_came(market: Any, opened: Any, points: Any, buyer: Any) -> None:
    lots = points.lotsOf(buyer)
    request = opened(points, kind=POINTS)
    market.closeRequest(words(request), {"from": buyer})
    assert points.lotsOf(buyer) == lots


def test_the_buyer_names_another_address(market: Any, request_: Any, buyer: Any, cash: Any) -> None:
    market.closeRequestTo(words(request_), FRIEND, {"from": buyer})
    assert cash.balanceOf(FRIEND) == 3 * PRICE


def test_nobody_else_names_an_address_not_even_after_its_end(
    market: Any, request_: Any, buyer: Any, stranger: Any
) -> None:
    travel_to(request_["openUntil"] + 1)
    with reverts_with("NotTheParty", buyer, stranger):
        market.closeRequestTo(words(request_), stranger, {"from": stranger})


def test_anyone_submits_what_the_buyer_signed(
    market: Any, request_: Any, request_id: Any, buyer: Any, stranger: Any, cash: Any
) -> None:
    message = {"buyer": buyer.address, "requestId": request_id(request_), "to": FRIEND}
    signature = sign(buyer, market, "CloseRequest", message)
    asked = digest(market, "CloseRequest", message | {"to": stranger.address})
    with reverts_with("NotSignedBy", buyer, asked):
        market.closeRequestToFor(words(request_), stranger, signature, {"from": stranger})
    market.closeRequestToFor(words(request_), FRIEND, signature, {"from": stranger})
    assert cash.balanceOf(FRIEND) == 3 * PRICE


def test_nobody_else_signs_it(market: Any, request_: Any, request_id: Any, buyer: Any, stranger: Any) -> None:
    message = {"buyer": buyer.address, "requestId": request_id(request_), "to": FRIEND}
    with reverts_with("NotSignedBy", buyer, digest(market, "CloseRequest", message)):
        market.closeRequestToFor(
            words(request_), FRIEND, sign(stranger, market, "CloseRequest", message), {"from": stranger}
        )


def test_a_request_for_nothing_returns_nothing(
    market: Any, opened: Any, request_id: Any, buyer: Any, cash: Any
) -> None:
    held = cash.balanceOf(buyer)
    request = opened(price=0)
    market.closeRequest(words(request), {"from": buyer})
    assert (cash.balanceOf(buyer), market.leftOf(request_id(request))) == (held, 0)
