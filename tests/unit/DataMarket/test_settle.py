"""settle and settleFor: the seller is paid."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import next_block_at, reverts_with, sign, travel_to
from tests.orders import POINTS, digest
from tests.sales import PRICE, Sale, State, hexed


def test_the_buyer_settles_at_once(market: Any, delivered: Sale, buyer: Any, seller: Any, cash: Any) -> None:
    transaction = market.settle(delivered.words, buyer, {"from": buyer})
    assert (cash.balanceOf(seller), cash.balanceOf(market)) == (PRICE, 0)
    assert market.saleOf(delivered.id) == (State.PAID, 0, False, 0, 0)
    assert dict(transaction.events["SaleEnded"]) == {
        "saleId": hexed(delivered.id),
        "outcome": State.PAID,
        "to": seller,
        "token": cash,
        "amount": PRICE,
    }


@pytest.mark.parametrize("role", ["seller", "stranger"])
@pytest.mark.parametrize("late", [-1, 0, 1])
def test_others_wait_until_the_time_to_object_is_over(
    request: Any, market: Any, delivered: Sale, buyer: Any, seller: Any, cash: Any, role: str, late: int
) -> None:
    sender, deadline = request.getfixturevalue(role), market.saleOf(delivered.id)[1]
    next_block_at(deadline + late)
    if late == 1:
        market.settle(delivered.words, buyer, {"from": sender})
        assert cash.balanceOf(seller) == PRICE
        return
    with reverts_with("TooEarly", delivered.id, deadline):
        market.settle(delivered.words, buyer, {"from": sender})


def test_also_with_a_wrong_key_when_nobody_objected(
    market: Any, cheated: Sale, buyer: Any, stranger: Any, seller: Any, cash: Any
) -> None:
    travel_to(market.saleOf(cheated.id)[1] + 1)
    market.settle(cheated.words, buyer, {"from": stranger})
    assert cash.balanceOf(seller) == PRICE


def test_points_are_paid_out_of_the_sales_pocket(
    market: Any, sell: Any, create_deal: Any, points: Any, buyer: Any, seller: Any
) -> None:
    sale = sell(create_deal(points, kind=POINTS))
    market.settle(sale.words, buyer, {"from": buyer})
    assert (points.balanceOf(seller), points.balanceOf(points.pocketOf(market, sale.id))) == (PRICE, 0)


def test_happens_once(
    market: Any, delivered: Sale, cheated: Sale, buyer: Any, cash: Any, seller: Any
) -> None:
    """Although there is money of another sale to pay with."""
    market.settle(delivered.words, buyer, {"from": buyer})
    with reverts_with("WrongState", delivered.id, State.PAID):
        market.settle(delivered.words, buyer, {"from": buyer})
    assert cash.balanceOf(seller) == PRICE


def test_reverts_before_the_delivery(market: Any, bought: Sale, buyer: Any) -> None:
    with reverts_with("WrongState", bought.id, State.BOUGHT):
        market.settle(bought.words, buyer, {"from": buyer})


def test_who_names_himself_as_the_buyer_settles_nothing(
    market: Any, delivered: Sale, seller: Any, stranger: Any
) -> None:
    for sender in (seller, stranger):
        with pytest.raises(Exception, match="WrongState"):
            market.settle(delivered.words, sender, {"from": sender})


def test_anyone_submits_the_buyers_word(
    market: Any, delivered: Sale, buyer: Any, seller: Any, stranger: Any, cash: Any
) -> None:
    signature = sign(buyer, market, "Settle", delivered.about("buyer"))
    market.settleFor(delivered.words, buyer, signature, {"from": stranger})
    assert cash.balanceOf(seller) == PRICE
    with reverts_with("WrongState", delivered.id, State.PAID):
        market.settleFor(delivered.words, buyer, signature, {"from": stranger})


@pytest.mark.parametrize("signer", ["seller", "stranger"])
def test_nobody_else_signs_it(request: Any, market: Any, delivered: Sale, buyer: Any, signer: str) -> None:
    who = request.getfixturevalue(signer)
    message = delivered.about("buyer")
    with reverts_with("NotSignedBy", buyer, digest(market, "Settle", message)):
        market.settleFor(delivered.words, buyer, sign(who, market, "Settle", message), {"from": who})


def test_his_word_before_the_delivery_waits(
    market: Any, bought: Sale, buyer: Any, seller: Any, stranger: Any, state_of: Any
) -> None:
    signature = sign(buyer, market, "Settle", bought.about("buyer"))
    with reverts_with("WrongState", bought.id, State.BOUGHT):
        market.settleFor(bought.words, buyer, signature, {"from": stranger})
    market.deliver(*bought.delivery, {"from": seller})
    market.settleFor(bought.words, buyer, signature, {"from": stranger})
    assert state_of(bought) == State.PAID


def test_an_acknowledgement_settles_nothing(market: Any, delivered: Sale, buyer: Any, seller: Any) -> None:
    message = delivered.about("buyer")
    signature = sign(buyer, market, "Acknowledge", message)
    with reverts_with("NotSignedBy", buyer, digest(market, "Settle", message)):
        market.settleFor(delivered.words, buyer, signature, {"from": seller})
