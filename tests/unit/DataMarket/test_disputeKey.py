"""disputeKey: the delivered key is not the committed one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import next_block_at, reverts_with
from tests.orders import POINTS
from tests.sales import PRICE, Sale, State, hexed
from tests.sealing import ORDER, point_of
from tests.unit.DataMarket.conftest import HELD


@pytest.mark.parametrize("role", ["buyer", "stranger"])
def test_the_buyer_is_paid_whoever_brings_the_scalar(
    request: Any, market: Any, cheated: Sale, buyer: Any, cash: Any, role: str
) -> None:
    """Who copies the buyer's transaction out of the queue pays the buyer."""
    sender = request.getfixturevalue(role)
    transaction = market.disputeKey(cheated.words, buyer, cheated.posted, cheated.b.scalar, {"from": sender})
    assert cash.balanceOf(buyer) == HELD
    assert market.saleOf(cheated.id) == (State.KEY_WRONG, 0, False, 0, 0)
    assert dict(transaction.events["SaleEnded"]) == {
        "saleId": hexed(cheated.id),
        "outcome": State.KEY_WRONG,
        "to": buyer,
        "token": cash,
        "amount": PRICE,
    }
    assert "PaymentRefused" not in transaction.events


def test_points_go_back_as_they_came(
    market: Any, sell: Any, create_deal: Any, points: Any, buyer: Any
) -> None:
    lots = points.lotsOf(buyer)
    sale = sell(create_deal(points, kind=POINTS), key=bytes(32))
    market.disputeKey(sale.words, buyer, sale.posted, sale.b.scalar, {"from": buyer})
    assert points.lotsOf(buyer) == lots


def test_reverts_when_the_key_is_right(market: Any, delivered: Sale, buyer: Any) -> None:
    with reverts_with("KeyIsRight", delivered.id):
        market.disputeKey(delivered.words, buyer, delivered.posted, delivered.b.scalar, {"from": buyer})


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_may_be_made_until_the_last_second(market: Any, cheated: Sale, buyer: Any, late: int) -> None:
    deadline = market.saleOf(cheated.id)[1]
    dispute = (cheated.words, buyer, cheated.posted, cheated.b.scalar, {"from": buyer})
    next_block_at(deadline + late)
    if late <= 0:
        market.disputeKey(*dispute)
        return
    with reverts_with("TooLate", cheated.id, deadline):
        market.disputeKey(*dispute)


def test_reverts_on_any_other_scalar(market: Any, cheated: Sale, buyer: Any) -> None:
    b = cheated.b.scalar
    for scalar in (0, 1, b - 1, b + 1, ORDER - b, ORDER, cheated.e.scalar, 2**256 - 1):
        with reverts_with("WrongScalar", cheated.b.x):
            market.disputeKey.call(cheated.words, buyer, cheated.posted, scalar, {"from": buyer})


def test_reverts_on_points_and_keys_that_were_not_posted(market: Any, cheated: Sale, buyer: Any) -> None:
    b, e, wrapped = cheated.posted
    own = point_of("own")
    for posted, scalar in (
        ((b, own.x, wrapped), cheated.b.scalar),
        ((b, e, bytes(32)), cheated.b.scalar),
        ((own.x, e, wrapped), own.scalar),
    ):
        with reverts_with("NotWhatWasPosted", cheated.id):
            market.disputeKey.call(cheated.words, buyer, posted, scalar, {"from": buyer})


def test_an_honest_seller_is_not_cheated_by_other_words(market: Any, delivered: Sale, buyer: Any) -> None:
    """Neither by a deal with another commitment nor by a wrapped word of the buyer's own."""
    b, e, _ = delivered.posted
    dispute = (delivered.b.scalar, {"from": buyer})
    other = delivered.deal | {"keyCommit": bytes(32)}
    with pytest.raises(Exception, match="WrongState"):
        market.disputeKey.call(tuple(other.values()), buyer, delivered.posted, *dispute)
    with reverts_with("NotWhatWasPosted", delivered.id):
        market.disputeKey.call(delivered.words, buyer, (b, e, bytes(32)), *dispute)


def test_reverts_before_the_delivery_and_after_the_end(
    market: Any, bought: Sale, cheated: Sale, buyer: Any
) -> None:
    with reverts_with("WrongState", bought.id, State.BOUGHT):
        market.disputeKey(bought.words, buyer, bought.posted, bought.b.scalar, {"from": buyer})
    dispute = (cheated.words, buyer, cheated.posted, cheated.b.scalar, {"from": buyer})
    market.disputeKey(*dispute)
    with reverts_with("WrongState", cheated.id, State.KEY_WRONG):
        market.disputeKey(*dispute)


def test_a_key_for_another_sale_of_the_same_content_is_wrong(
    market: Any, sell: Any, prepare: Any, delivered: Sale, buyer: Any, seller: Any, cash: Any
) -> None:
    """What was sealed for one sale opens nothing in another: the mask is of the sale."""
    again, held = prepare(), cash.balanceOf(buyer)
    market.buy(again.words, again.signature, delivered.b.x, {"from": buyer})
    market.deliver(again.id, again.deal["disputeSeconds"], delivered.posted, delivered.e.y, {"from": seller})
    market.disputeKey(again.words, buyer, delivered.posted, delivered.b.scalar, {"from": buyer})
    assert cash.balanceOf(buyer) == held


def test_the_sellers_point_may_be_the_buyers(
    market: Any, bought: Sale, buyer: Any, seller: Any, state_of: Any
) -> None:
    posted = (bought.b.x, bought.b.x, bytes(32))
    market.deliver(bought.id, bought.deal["disputeSeconds"], posted, bought.b.y, {"from": seller})
    market.disputeKey(bought.words, buyer, posted, bought.b.scalar, {"from": buyer})
    assert state_of(bought) == State.KEY_WRONG
