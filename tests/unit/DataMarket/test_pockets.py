"""Points in escrow: each purchase's and each request's in a pocket of its own, and never mixed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import next_block_at, travel_to
from tests.orders import POINTS, words
from tests.sales import PRICE, State


def test_two_sales_never_mix(
    market: Any, buy: Any, create_deal: Any, points: Any, buyer: Any, seller: Any
) -> None:
    first, second = (buy(create_deal(points, kind=POINTS)) for _ in range(2))
    pockets = [points.pocketOf(market, sale.id) for sale in (first, second)]
    assert len(set(pockets)) == 2
    travel_to(market.saleOf(second.id)[1] + 1)
    market.refund(first.words, buyer, {"from": seller})
    assert [points.balanceOf(pocket) for pocket in pockets] == [0, PRICE]


def test_what_a_stranger_sends_into_a_pocket_stays_behind(
    market: Any, sell: Any, create_deal: Any, points: Any, brand: Any, buyer: Any, seller: Any, stranger: Any
) -> None:
    sale = sell(create_deal(points, kind=POINTS))
    pocket = points.pocketOf(market, sale.id)
    points.mint(stranger, 7, {"from": brand})
    points.transfer(pocket, 7, {"from": stranger})
    market.settle(sale.words, buyer, {"from": buyer})
    assert (points.balanceOf(seller), points.balanceOf(pocket)) == (PRICE, 7)


def test_dying_points_that_a_stranger_sends_are_not_what_is_paid(
    market: Any, buy: Any, create_deal: Any, points: Any, brand: Any, buyer: Any, seller: Any, stranger: Any
) -> None:
    """Fresh points went in, so fresh points come out."""
    points.mint(stranger, PRICE, {"from": brand})
    dying = points.expiryOf(0)
    travel_to(dying - 5 * 86_400)
    points.mint(buyer, PRICE, {"from": brand})
    sale = buy(create_deal(points, kind=POINTS, liveUntil=dying))
    pocket = points.pocketOf(market, sale.id)
    points.transfer(pocket, PRICE, {"from": stranger})
    market.deliver(*sale.delivery, {"from": seller})
    market.settle(sale.words, buyer, {"from": buyer})
    amounts, expiries = points.lotsOf(seller)
    assert {expiry for amount, expiry in zip(amounts, expiries, strict=True) if amount} == {
        points.expiryOf(3)
    }


def test_points_that_all_expired_do_not_keep_a_sale_open(
    market: Any, sell: Any, create_deal: Any, points: Any, buyer: Any, seller: Any, stranger: Any
) -> None:
    sale = sell(create_deal(points, kind=POINTS, liveUntil=points.expiryOf(0) - 1))
    next_block_at(points.expiryOf(0))
    transaction = market.settle(sale.words, buyer, {"from": stranger})
    assert transaction.events["SaleEnded"]["amount"] == 0
    assert (market.saleOf(sale.id)[0], points.balanceOf(seller)) == (State.PAID, 0)


def test_until_their_last_second_they_are_paid(
    market: Any, sell: Any, create_deal: Any, points: Any, buyer: Any, seller: Any, stranger: Any
) -> None:
    sale = sell(create_deal(points, kind=POINTS, liveUntil=points.expiryOf(0) - 1))
    next_block_at(points.expiryOf(0) - 1)
    transaction = market.settle(sale.words, buyer, {"from": stranger})
    assert transaction.events["SaleEnded"]["amount"] == PRICE
    assert points.balanceOf(seller) == PRICE


def test_a_budget_that_expired_closes_too(
    market: Any, opened: Any, request_id: Any, points: Any, buyer: Any, stranger: Any
) -> None:
    request = opened(points, kind=POINTS)
    travel_to(points.expiryOf(0))
    transaction = market.closeRequest(words(request), {"from": stranger})
    assert transaction.events["RequestClosed"]["amount"] == 0
    assert market.leftOf(request_id(request)) == 0


def test_nobody_else_empties_a_pocket(
    market: Any, buy: Any, create_deal: Any, points: Any, brand: Any, buyer: Any, stranger: Any
) -> None:
    sale = buy(create_deal(points, kind=POINTS))
    for sender in (brand, buyer, stranger):
        with pytest.raises(Exception, match="ERC20InsufficientBalance"):
            points.transferFromPocket(sale.id, sender, PRICE, 0, {"from": sender})
