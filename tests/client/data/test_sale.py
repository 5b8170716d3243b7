"""A sale from the offer to the opened record, its money, and every way in which it can end."""

from __future__ import annotations

from tests.client.data.conftest import ROWS, Market


def test_an_honest_sale_in_points(market: Market) -> None:
    offer = market.ann.offer(market.copy(), "50 MILK")
    before = market.balance(market.dai)
    sale = market.dai.buy(offer.to_text())
    assert market.balance(market.dai) == before - 50
    market.ann.deliver(sale.name)
    assert [dict(row) for row in market.dai.open(sale.name).rows] == ROWS
    assert market.dai.judge(sale.id).is_right
    market.dai.settle(sale.id)
    assert market.balance(market.ann) == 50


def test_an_honest_sale_in_an_erc20(market: Market) -> None:
    offer = market.ann.offer(market.copy(), f"12.5 {market.cash}")
    sale = market.dai.buy(offer)
    market.ann.deliver(sale.id)
    assert [dict(row) for row in market.dai.open(sale.id).rows] == ROWS
    market.dai.settle(sale.id)
    assert market.balance(market.ann, "CASH") == 12.5 * 10**18
