"""concede and concedeFor: the seller gives the money back, and nothing is revealed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import reverts_with, sign, travel_to
from tests.orders import POINTS, digest
from tests.sales import PRICE, Sale, State, hexed
from tests.unit.DataMarket.conftest import HELD


def test_the_buyer_is_paid(market: Any, delivered: Sale, seller: Any, buyer: Any, cash: Any) -> None:
    transaction = market.concede(delivered.words, buyer, {"from": seller})
    assert (cash.balanceOf(buyer), cash.balanceOf(seller)) == (HELD, 0)
    assert market.saleOf(delivered.id) == (State.CONCEDED, 0, False, 0, 0)
    assert dict(transaction.events["SaleEnded"]) == {
        "saleId": hexed(delivered.id),
        "outcome": State.CONCEDED,
        "to": buyer,
        "token": cash,
        "amount": PRICE,
    }


def test_points_go_back_as_they_came(
    market: Any, sell: Any, create_deal: Any, points: Any, buyer: Any, seller: Any
) -> None:
    lots = points.lotsOf(buyer)
    sale = sell(create_deal(points, kind=POINTS))
    market.concede(sale.words, buyer, {"from": seller})
    assert points.lotsOf(buyer) == lots


def test_is_the_sellers_alone(market: Any, delivered: Sale, seller: Any, buyer: Any, stranger: Any) -> None:
    for sender in (buyer, stranger):
        with reverts_with("NotTheParty", seller, sender):
            market.concede(delivered.words, buyer, {"from": sender})


def test_also_after_the_time_to_object(
    market: Any, delivered: Sale, seller: Any, buyer: Any, cash: Any
) -> None:
    travel_to(market.saleOf(delivered.id)[1] + 1)
    market.concede(delivered.words, buyer, {"from": seller})
    assert cash.balanceOf(buyer) == HELD


def test_reverts_before_the_delivery(market: Any, bought: Sale, seller: Any, buyer: Any) -> None:
    with reverts_with("WrongState", bought.id, State.BOUGHT):
        market.concede(bought.words, buyer, {"from": seller})


def test_reverts_when_the_sale_has_ended(market: Any, delivered: Sale, seller: Any, buyer: Any) -> None:
    market.settle(delivered.words, buyer, {"from": buyer})
    with reverts_with("WrongState", delivered.id, State.PAID):
        market.concede(delivered.words, buyer, {"from": seller})


def test_anyone_submits_what_she_signed(
    market: Any, delivered: Sale, seller: Any, buyer: Any, stranger: Any, cash: Any
) -> None:
    signature, held = sign(seller, market, "Concede", delivered.about("seller")), cash.balanceOf(buyer)
    market.concedeFor(delivered.words, buyer, signature, {"from": stranger})
    assert cash.balanceOf(buyer) == held + PRICE
    with reverts_with("WrongState", delivered.id, State.CONCEDED):
        market.concedeFor(delivered.words, buyer, signature, {"from": stranger})


@pytest.mark.parametrize("signer", ["buyer", "stranger"])
def test_nobody_else_signs_it(
    request: Any, market: Any, delivered: Sale, seller: Any, buyer: Any, signer: str
) -> None:
    who = request.getfixturevalue(signer)
    message = delivered.about("seller")
    with reverts_with("NotSignedBy", seller, digest(market, "Concede", message)):
        market.concedeFor(delivered.words, buyer, sign(who, market, "Concede", message), {"from": who})


def test_no_other_message_of_hers_counts(market: Any, delivered: Sale, seller: Any, buyer: Any) -> None:
    message = delivered.about("seller")
    signature = sign(seller, market, "Revoke", message)
    with reverts_with("NotSignedBy", seller, digest(market, "Concede", message)):
        market.concedeFor(delivered.words, buyer, signature, {"from": buyer})


def test_her_signature_is_for_one_sale(
    market: Any, delivered: Sale, cheated: Sale, seller: Any, buyer: Any
) -> None:
    signature = sign(seller, market, "Concede", cheated.about("seller"))
    with reverts_with("NotSignedBy", seller, digest(market, "Concede", delivered.about("seller"))):
        market.concedeFor(delivered.words, buyer, signature, {"from": buyer})
