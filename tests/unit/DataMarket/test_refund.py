"""refund: the price goes back when nothing was delivered in time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import next_block_at, reverts_with, travel_to
from tests.orders import POINTS
from tests.sales import PRICE, Sale, State, hexed
from tests.unit.DataMarket.conftest import HELD

SENDERS = ["buyer", "seller", "stranger"]


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_waits_until_the_last_second_is_over(
    market: Any, bought: Sale, buyer: Any, cash: Any, late: int
) -> None:
    deadline = market.saleOf(bought.id)[1]
    next_block_at(deadline + late)
    if late == 1:
        market.refund(bought.words, buyer, {"from": buyer})
        assert cash.balanceOf(buyer) == HELD
        return
    with reverts_with("TooEarly", bought.id, deadline):
        market.refund(bought.words, buyer, {"from": buyer})


@pytest.mark.parametrize("role", SENDERS)
def test_whoever_calls_the_buyer_is_paid(
    request: Any, market: Any, bought: Sale, buyer: Any, cash: Any, role: str
) -> None:
    travel_to(market.saleOf(bought.id)[1] + 1)
    transaction = market.refund(bought.words, buyer, {"from": request.getfixturevalue(role)})
    assert cash.balanceOf(buyer) == HELD
    assert market.saleOf(bought.id) == (State.REFUNDED, 0, False, 0, 0)
    assert dict(transaction.events["SaleEnded"]) == {
        "saleId": hexed(bought.id),
        "outcome": State.REFUNDED,
        "to": buyer,
        "token": cash,
        "amount": PRICE,
    }


def test_happens_once(market: Any, bought: Sale, buyer: Any) -> None:
    travel_to(market.saleOf(bought.id)[1] + 1)
    market.refund(bought.words, buyer, {"from": buyer})
    with reverts_with("WrongState", bought.id, State.REFUNDED):
        market.refund(bought.words, buyer, {"from": buyer})


def test_points_go_back_as_they_came(
    market: Any, buy: Any, create_deal: Any, points: Any, buyer: Any, stranger: Any
) -> None:
    lots = points.lotsOf(buyer)
    sale = buy(create_deal(points, kind=POINTS))
    travel_to(market.saleOf(sale.id)[1] + 1)
    market.refund(sale.words, buyer, {"from": stranger})
    assert points.lotsOf(buyer) == lots


@pytest.mark.parametrize("of", ["delivered", "cheated"])
def test_reverts_when_something_was_delivered(request: Any, market: Any, buyer: Any, of: str) -> None:
    sale = request.getfixturevalue(of)
    travel_to(market.saleOf(sale.id)[1] + 1)
    with reverts_with("WrongState", sale.id, State.DELIVERED):
        market.refund(sale.words, buyer, {"from": buyer})


def test_reverts_without_a_sale(market: Any, prepare: Any, bought: Sale, buyer: Any, stranger: Any) -> None:
    sale = prepare()
    with reverts_with("WrongState", sale.id, State.NONE):
        market.refund(sale.words, buyer, {"from": buyer})
    travel_to(market.saleOf(bought.id)[1] + 1)
    # Nobody is refunded for another's purchase.
    with pytest.raises(Exception, match="WrongState"):
        market.refund(bought.words, stranger, {"from": stranger})


def test_reverts_on_terms_that_are_not_the_sales(market: Any, bought: Sale, buyer: Any) -> None:
    travel_to(market.saleOf(bought.id)[1] + 1)
    for name, value in (("price", HELD), ("tokenKind", 0), ("seller", buyer.address)):
        deal = bought.deal | {name: value}
        with pytest.raises(Exception, match="WrongState"):
            market.refund(tuple(deal.values()), buyer, {"from": buyer})
