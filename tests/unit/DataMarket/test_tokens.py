"""Tokens that do not do what they were told, on the way in and on the way out."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import reverts_with
from tests.orders import POINTS, words
from tests.sales import PRICE, Sale, State
from tests.unit.DataMarket.conftest import HELD
from tests.unit.PointsExchange.test_assets import ODDITIES

FRIEND = "0x" + "fe" * 20
REFUSALS = ["ReturnsFalse", "ReturnsTwo", "Reverts", "RevertsWithMegabyte", "BurnsGas"]


@pytest.fixture(scope="module")
def odd(deployer: Any, market: Any, buyer: Any) -> Any:
    """Money that misbehaves as it is told; the buyer holds 1,000."""
    token = brownie.OddTokenMock.deploy({"from": deployer})
    token.mint(buyer, HELD, {"from": deployer})
    token.approve(market, 1, {"from": buyer})
    return token


@pytest.fixture(scope="module")
def behave(odd: Any, deployer: Any) -> Any:
    return lambda oddity: odd.behave(ODDITIES.index(oddity), {"from": deployer})


@pytest.fixture(scope="module")
def in_odd(sell: Any, create_deal: Any, odd: Any) -> Sale:
    """A sale that was delivered with another key, in the odd token while it was honest."""
    sale: Sale = sell(create_deal(odd), key=bytes(32))
    return sale


# ------------------------------------------------------------------------------------------------ the way in


@pytest.mark.parametrize("oddity", ["None", "ReturnsNothing", "ReturnsMegabyte"])
def test_harmless_oddities(
    buy: Any, create_deal: Any, odd: Any, behave: Any, market: Any, in_odd: Sale, oddity: str
) -> None:
    behave(oddity)
    buy(create_deal(odd))
    assert odd.balanceOf(market) == 2 * PRICE


ARRIVALS = {
    "TakesFee": PRICE - 1,
    "DeliversNothing": 0,
    "DeliversTwice": 2 * PRICE,
    "HalvesBalances": PRICE // 2,
    "DoublesBalances": 2 * PRICE,
    "ReportsFallingBalances": 0,
}


def test_exactly_the_price_arrives_or_nothing_is_bought(
    market: Any,
    prepare: Any,
    create_deal: Any,
    create_request: Any,
    odd: Any,
    behave: Any,
    in_odd: Sale,
    buyer: Any,
) -> None:
    """While 50 of another sale lie in escrow, which a rebasing token moves too."""
    sale, request = prepare(create_deal(odd)), create_request(odd, number=1)
    for oddity, arrived in ARRIVALS.items():
        behave(oddity)
        with reverts_with("ArrivalDiffers", odd, arrived, PRICE):
            market.buy.call(sale.words, sale.signature, sale.b.x, {"from": buyer})
        with reverts_with("ArrivalDiffers", odd, arrived, PRICE):
            market.openRequest.call(words(request), {"from": buyer})


def test_nothing_is_bought_when_money_does_not_move(
    market: Any, prepare: Any, create_deal: Any, odd: Any, behave: Any, buyer: Any
) -> None:
    sale = prepare(create_deal(odd))
    for oddity in REFUSALS:
        behave(oddity)
        with reverts_with("TransferFromFailed"):
            market.buy.call(sale.words, sale.signature, sale.b.x, {"from": buyer})


def test_rising_balances_buy_nothing(
    market: Any, prepare: Any, create_deal: Any, odd: Any, behave: Any, buyer: Any
) -> None:
    behave("ReportsRisingBalances")
    sale = prepare(create_deal(odd))
    with pytest.raises(Exception, match="ArrivalDiffers"):
        market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})


@pytest.mark.parametrize("nobody", ["0x" + "00" * 20, "0x" + "12" * 20])
def test_a_token_without_code_buys_nothing(
    market: Any, prepare: Any, create_deal: Any, buyer: Any, nobody: str
) -> None:
    for kind in (0, 1):
        sale = prepare(create_deal(nobody, kind=kind))
        with pytest.raises(Exception, match="revert"):
            market.buy.call(sale.words, sale.signature, sale.b.x, {"from": buyer})


def test_what_is_not_points_is_refused_as_points(
    market: Any, prepare: Any, create_deal: Any, cash: Any, deployer: Any, buyer: Any
) -> None:
    sale = prepare(create_deal(cash, kind=POINTS))
    with pytest.raises(Exception, match="revert"):
        market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})
    says_no = brownie.FallbackMock.deploy(bytes(32), {"from": deployer})
    sale = prepare(create_deal(says_no, kind=POINTS))
    with reverts_with("NotOfThisKind", says_no, 0):
        market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})


def test_points_that_lie_harm_that_sale_alone(
    market: Any,
    sell: Any,
    create_deal: Any,
    points: Any,
    in_odd: Sale,
    deployer: Any,
    buyer: Any,
    state_of: Any,
) -> None:
    liar = brownie.FallbackMock.deploy((1).to_bytes(32), {"from": deployer})
    real = sell(create_deal(points, kind=POINTS))
    lied = sell(create_deal(liar, kind=POINTS))
    market.settle(lied.words, buyer, {"from": buyer})
    assert state_of(lied) == State.PAID
    assert points.balanceOf(points.pocketOf(market, real.id)) == PRICE


# ----------------------------------------------------------------------------------------------- the way out


@pytest.mark.parametrize("oddity", REFUSALS)
def test_a_payment_that_fails_undoes_the_end_of_the_sale(
    market: Any, in_odd: Sale, odd: Any, behave: Any, buyer: Any, seller: Any, state_of: Any, oddity: str
) -> None:
    behave(oddity)
    with reverts_with("PaymentFailed", odd, seller):
        market.settle(in_odd.words, buyer, {"from": buyer})
    with reverts_with("PaymentFailed", odd, buyer):
        market.concede(in_odd.words, buyer, {"from": seller})
    assert state_of(in_odd) == State.DELIVERED
    behave("None")
    market.settle(in_odd.words, buyer, {"from": buyer})
    assert odd.balanceOf(seller) == PRICE


@pytest.mark.parametrize("oddity", sorted(set(REFUSALS) - {"ReturnsTwo"}))
def test_no_token_undoes_a_verdict(
    market: Any, in_odd: Sale, odd: Any, behave: Any, buyer: Any, stranger: Any, oddity: str
) -> None:
    """Nor does one that burns all that it is given: a sixty-fourth is enough to write it down.

    One that pays and answers 2 would pay again: whoever signs a deal in a token trusts that token.
    """
    behave(oddity)
    market.disputeKey(in_odd.words, buyer, in_odd.posted, in_odd.b.scalar, {"from": buyer})
    assert market.saleOf(in_odd.id)[:3] == (State.KEY_WRONG, 0, True)
    behave("None")
    market.refund(in_odd.words, buyer, {"from": stranger})
    assert (odd.balanceOf(buyer), market.saleOf(in_odd.id)[2]) == (HELD, False)


@pytest.mark.parametrize("oddity", ["ReturnsNothing", "ReturnsMegabyte"])
def test_these_are_payments(
    market: Any, in_odd: Sale, odd: Any, behave: Any, buyer: Any, seller: Any, oddity: str
) -> None:
    behave(oddity)
    transaction = market.settle(in_odd.words, buyer, {"from": buyer})
    assert odd.balanceOf(seller) == PRICE
    # The token's own memory costs 2.2 million; a copy would cost as much again.
    assert transaction.gas_used < 2_500_000


def test_a_fee_on_the_way_out_is_borne_by_who_is_paid(
    market: Any, in_odd: Sale, odd: Any, behave: Any, buyer: Any, seller: Any
) -> None:
    behave("TakesFee")
    market.settle(in_odd.words, buyer, {"from": buyer})
    assert (odd.balanceOf(seller), odd.balanceOf(market)) == (PRICE - 1, 0)


def test_a_budget_that_the_token_does_not_return_waits(
    market: Any, opened: Any, request_id: Any, odd: Any, behave: Any, buyer: Any
) -> None:
    request = opened(odd)
    behave("Reverts")
    with reverts_with("PaymentFailed", odd, buyer):
        market.closeRequest(words(request), {"from": buyer})
    assert market.leftOf(request_id(request)) == 3
    behave("None")
    market.closeRequestTo(words(request), FRIEND, {"from": buyer})
    assert odd.balanceOf(FRIEND) == 3 * PRICE
