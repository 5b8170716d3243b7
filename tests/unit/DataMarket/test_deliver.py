"""deliver: the seller posts the sealed key, once and in time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import DAY, next_block_at, now, reverts_with
from tests.sales import PRICE, Sale, State, hexed
from tests.sealing import FIELD, ORDER, one_time


def test_begins_the_time_to_object(market: Any, bought: Sale, seller: Any, cash: Any) -> None:
    then = now() + 100
    next_block_at(then)
    market.deliver(*bought.delivery, {"from": seller})
    assert market.saleOf(bought.id) == (State.DELIVERED, then + 2 * DAY, False, 0, 0)
    assert (cash.balanceOf(market), cash.balanceOf(seller)) == (PRICE, 0)


def test_emits_what_the_buyer_needs(market: Any, bought: Sale, seller: Any) -> None:
    transaction = market.deliver(*bought.delivery, {"from": seller})
    assert dict(transaction.events["Delivered"]) == {
        "saleId": hexed(bought.id),
        "pointE": hexed(bought.e.x),
        "wrapped": hexed(bought.wrapped),
    }


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_may_be_made_until_the_last_second(market: Any, bought: Sale, seller: Any, late: int) -> None:
    deadline = market.saleOf(bought.id)[1]
    next_block_at(deadline + late)
    if late <= 0:
        market.deliver(*bought.delivery, {"from": seller})
        return
    with reverts_with("TooLate", bought.id, deadline):
        market.deliver(*bought.delivery, {"from": seller})


def test_happens_once(market: Any, delivered: Sale, seller: Any) -> None:
    with reverts_with("WrongState", delivered.id, State.DELIVERED):
        market.deliver(*delivered.delivery, {"from": seller})


def test_is_the_sellers_alone(market: Any, bought: Sale, buyer: Any, stranger: Any) -> None:
    for sender in (buyer, stranger):
        with reverts_with("NotWhatWasPosted", bought.id):
            market.deliver(*bought.delivery, {"from": sender})


def test_must_be_for_the_buyers_point_and_the_deals_time(market: Any, bought: Sale, seller: Any) -> None:
    (sale_id, seconds, (b, e, wrapped), y) = bought.delivery
    with reverts_with("NotWhatWasPosted", sale_id):
        market.deliver(sale_id, seconds, (e, e, wrapped), y, {"from": seller})
    for other in (seconds - 1, seconds + 1, 0, 2**256 - 1):
        with reverts_with("NotWhatWasPosted", sale_id):
            market.deliver.call(sale_id, other, (b, e, wrapped), y, {"from": seller})


def test_needs_a_sale(market: Any, prepare: Any, seller: Any) -> None:
    sale = prepare()
    with reverts_with("WrongState", sale.id, State.NONE):
        market.deliver(*sale.delivery, {"from": seller})


def test_reverts_when_there_is_no_such_point(market: Any, bought: Sale, seller: Any) -> None:
    (sale_id, seconds, (b, e, wrapped), y) = bought.delivery
    bad = [
        (int.from_bytes(e), FIELD - y),
        (int.from_bytes(e), FIELD),
        (int.from_bytes(e), 2**256 - 1),
        (int.from_bytes(e), 0),
        (int.from_bytes(e) + 1, y),
        (0, y),
        (0, 0),
        (5, y),
        (ORDER, y),
        (2**256 - 1, y),
    ]
    for x, even_y in bad:
        with reverts_with("BadPoint", x.to_bytes(32)):
            market.deliver.call(sale_id, seconds, (b, x.to_bytes(32), wrapped), even_y, {"from": seller})


def test_takes_any_point_and_any_wrapped_word(market: Any, bought: Sale, seller: Any, buyer: Any) -> None:
    """Whether the key is right is found out in a dispute, not here."""
    (sale_id, seconds, (b, _, _), _) = bought.delivery
    for secret in (1, 2, 3, ORDER - 1, ORDER // 2):
        point = one_time(secret)
        for wrapped in (bytes(32), b"\xff" * 32):
            market.deliver.call(sale_id, seconds, (b, point.x, wrapped), point.y, {"from": seller})
