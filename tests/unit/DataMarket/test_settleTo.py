"""settleTo and settleToFor: the payee names another address, the way out when a payment to itself fails."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import next_block_at, reverts_with, sign, travel_to
from tests.orders import POINTS, digest
from tests.sales import PRICE, Sale, State, hexed
from tests.unit.DataMarket.conftest import HELD

FRIEND = "0x" + "fe" * 20


def test_the_seller_is_paid_elsewhere(
    market: Any, delivered: Sale, buyer: Any, seller: Any, cash: Any
) -> None:
    travel_to(market.saleOf(delivered.id)[1] + 1)
    transaction = market.settleTo(delivered.words, buyer, FRIEND, {"from": seller})
    assert (cash.balanceOf(FRIEND), cash.balanceOf(seller)) == (PRICE, 0)
    assert market.saleOf(delivered.id)[0] == State.PAID
    assert dict(transaction.events["SaleEnded"]) == {
        "saleId": hexed(delivered.id),
        "outcome": State.PAID,
        "to": FRIEND,
        "token": cash,
        "amount": PRICE,
    }


@pytest.mark.parametrize("late", [0, 1])
def test_the_seller_waits_until_the_time_to_object_is_over(
    market: Any, delivered: Sale, buyer: Any, seller: Any, late: int
) -> None:
    deadline = market.saleOf(delivered.id)[1]
    next_block_at(deadline + late)
    if late:
        market.settleTo(delivered.words, buyer, FRIEND, {"from": seller})
        return
    with reverts_with("TooEarly", delivered.id, deadline):
        market.settleTo(delivered.words, buyer, FRIEND, {"from": seller})


@pytest.mark.parametrize("late", [0, 1])
def test_the_buyer_is_refunded_elsewhere(market: Any, bought: Sale, buyer: Any, cash: Any, late: int) -> None:
    deadline = market.saleOf(bought.id)[1]
    next_block_at(deadline + late)
    if late:
        market.settleTo(bought.words, buyer, FRIEND, {"from": buyer})
        assert cash.balanceOf(FRIEND) == PRICE
        assert market.saleOf(bought.id)[0] == State.REFUNDED
        return
    with reverts_with("TooEarly", bought.id, deadline):
        market.settleTo(bought.words, buyer, FRIEND, {"from": buyer})


def test_is_the_payees_alone(
    market: Any, bought: Sale, delivered: Sale, buyer: Any, seller: Any, stranger: Any
) -> None:
    """The seller's while delivered, else the buyer's."""
    travel_to(market.saleOf(delivered.id)[1] + 1)
    for sale, payee, others in (
        (bought, buyer, (seller, stranger)),
        (delivered, seller, (buyer, stranger)),
    ):
        for sender in others:
            with reverts_with("NotTheParty", payee, sender):
                market.settleTo(sale.words, buyer, sender, {"from": sender})


def test_reverts_when_the_sale_has_ended(market: Any, delivered: Sale, buyer: Any, seller: Any) -> None:
    market.settle(delivered.words, buyer, {"from": buyer})
    with reverts_with("WrongState", delivered.id, State.PAID):
        market.settleTo(delivered.words, buyer, FRIEND, {"from": buyer})
    with reverts_with("NotTheParty", buyer, seller):
        market.settleTo(delivered.words, buyer, FRIEND, {"from": seller})


def test_anyone_submits_what_the_payee_signed(
    market: Any, delivered: Sale, bought: Sale, buyer: Any, seller: Any, stranger: Any, cash: Any
) -> None:
    travel_to(max(market.saleOf(sale.id)[1] for sale in (bought, delivered)) + 1)
    for sale, payee in ((delivered, seller), (bought, buyer)):
        message = {"payee": payee.address, "saleId": sale.id, "to": FRIEND}
        signature = sign(payee, market, "SettleTo", message)
        market.settleToFor(sale.words, buyer, FRIEND, signature, {"from": stranger})
    assert cash.balanceOf(FRIEND) == 2 * PRICE


def test_who_submits_names_no_other_address(
    market: Any, delivered: Sale, buyer: Any, seller: Any, stranger: Any
) -> None:
    travel_to(market.saleOf(delivered.id)[1] + 1)
    message = {"payee": seller.address, "saleId": delivered.id, "to": FRIEND}
    signature = sign(seller, market, "SettleTo", message)
    asked = digest(market, "SettleTo", message | {"to": stranger.address})
    with reverts_with("NotSignedBy", seller, asked):
        market.settleToFor(delivered.words, buyer, stranger, signature, {"from": stranger})


def test_the_other_sides_signature_is_worth_nothing(
    market: Any, delivered: Sale, buyer: Any, seller: Any
) -> None:
    """What the buyer signed for a refund does not take the seller's money."""
    travel_to(market.saleOf(delivered.id)[1] + 1)
    message = {"payee": buyer.address, "saleId": delivered.id, "to": buyer.address}
    asked = digest(market, "SettleTo", message | {"payee": seller.address})
    with reverts_with("NotSignedBy", seller, asked):
        market.settleToFor(
            delivered.words, buyer, buyer, sign(buyer, market, "SettleTo", message), {"from": buyer}
        )


def test_points_that_a_wallet_cannot_receive_go_elsewhere(
    market: Any, sell: Any, create_deal: Any, points: Any, buyer: Any, seller: Any
) -> None:
    sale = sell(create_deal(points, kind=POINTS))
    travel_to(market.saleOf(sale.id)[1] + 1)
    market.settleTo(sale.words, buyer, FRIEND, {"from": seller})
    assert points.balanceOf(FRIEND) == PRICE


# ------------------------------------------------------------------------------------ a payment that is owed


@pytest.fixture(scope="module")
def odd(deployer: Any, market: Any, buyer: Any) -> Any:
    """Money that can be told to refuse."""
    token = brownie.OddTokenMock.deploy({"from": deployer})
    token.mint(buyer, HELD, {"from": deployer})
    token.approve(market, 1, {"from": buyer})
    return token


@pytest.fixture(scope="module")
def owed(market: Any, sell: Any, create_deal: Any, odd: Any, buyer: Any, deployer: Any) -> Sale:
    """The buyer won a dispute, and the token does not pay him."""
    sale: Sale = sell(create_deal(odd), key=bytes(32))
    odd.behave(REVERTS, {"from": deployer})
    transaction = market.disputeKey(sale.words, buyer, sale.posted, sale.b.scalar, {"from": buyer})
    assert dict(transaction.events["PaymentRefused"]) == {"saleId": hexed(sale.id), "to": buyer}
    return sale


REVERTS = 9


def test_a_verdict_stands_although_the_payment_fails(market: Any, owed: Sale, odd: Any, buyer: Any) -> None:
    assert market.saleOf(owed.id) == (State.KEY_WRONG, 0, True, 0, 0)
    with reverts_with("PaymentFailed", odd, buyer):
        market.refund(owed.words, buyer, {"from": buyer})
    assert market.saleOf(owed.id)[2]


def test_what_is_owed_is_refunded_once(
    market: Any, owed: Sale, odd: Any, buyer: Any, stranger: Any, deployer: Any
) -> None:
    odd.behave(0, {"from": deployer})
    odd.mint(market, PRICE, {"from": deployer})
    transaction = market.refund(owed.words, buyer, {"from": stranger})
    assert dict(transaction.events["PaymentMade"]) == {
        "saleId": hexed(owed.id),
        "to": buyer,
        "token": odd,
        "amount": PRICE,
    }
    assert "SaleEnded" not in transaction.events
    assert (odd.balanceOf(buyer), market.saleOf(owed.id)[2]) == (HELD, False)
    for again in (market.refund, lambda *terms: market.settleTo(*terms[:2], FRIEND, terms[2])):
        with reverts_with("WrongState", owed.id, State.KEY_WRONG):
            again(owed.words, buyer, {"from": buyer})


def test_what_is_owed_goes_where_the_buyer_says(
    market: Any, owed: Sale, odd: Any, buyer: Any, seller: Any, stranger: Any, deployer: Any
) -> None:
    odd.behave(0, {"from": deployer})
    for sender in (seller, stranger):
        with reverts_with("NotTheParty", buyer, sender):
            market.settleTo(owed.words, buyer, sender, {"from": sender})
    market.settleTo(owed.words, buyer, FRIEND, {"from": buyer})
    assert odd.balanceOf(FRIEND) == PRICE
