"""cancel, cancelFor, cancelAll and cancelAllFor: what was signed counts no longer; sales are not touched."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import nonce, reverts_with, sign
from tests.orders import digest
from tests.sales import Sale, State

LANE = 77


def test_ends_one_deal_and_no_other(
    market: Any, prepare: Any, buyer: Any, seller: Any, state_of: Any
) -> None:
    ended, other = prepare(), prepare()
    transaction = market.cancel([ended.deal["nonce"]], {"from": seller})
    assert dict(transaction.events["DealsCancelled"]) == {
        "account": seller,
        "nonces": (ended.deal["nonce"],),
    }
    with reverts_with("DealCancelled", seller, ended.deal["nonce"]):
        market.buy(ended.words, ended.signature, ended.b.x, {"from": buyer})
    market.buy(other.words, other.signature, other.b.x, {"from": buyer})
    assert state_of(other) == State.BOUGHT


def test_ends_many_and_once_more_does_nothing(market: Any, seller: Any) -> None:
    nonces = [nonce(0, LANE), nonce(223, LANE), nonce(5, LANE + 1)]
    for _ in range(2):
        market.cancel(nonces, {"from": seller})
    assert not any(market.nonceOpen(seller, one) for one in nonces)
    assert market.nonceOpen(seller, nonce(1, LANE))


def test_everyone_ends_only_her_own(market: Any, seller: Any, buyer: Any) -> None:
    market.cancel([nonce(0, LANE)], {"from": buyer})
    assert market.nonceOpen(seller, nonce(0, LANE))


def test_never_touches_a_sale(market: Any, bought: Sale, seller: Any, buyer: Any, state_of: Any) -> None:
    for who in (seller, buyer):
        market.cancel([bought.deal["nonce"]], {"from": who})
        market.cancelAll([bought.deal["nonce"]], {"from": who})
    market.deliver(*bought.delivery, {"from": seller})
    market.settle(bought.words, buyer, {"from": buyer})
    assert state_of(bought) == State.PAID


def test_indices_and_series_out_of_range(market: Any, seller: Any) -> None:
    with reverts_with("NonceIndexTooLarge", nonce(224, LANE)):
        market.cancel([nonce(224, LANE)], {"from": seller})
    with reverts_with("NonceNotCurrent", seller, nonce(0, LANE, 1), 0):
        market.cancel([nonce(0, LANE, 1)], {"from": seller})
    with reverts_with("NonceIndexTooLarge", nonce(1, LANE)):
        market.cancelAll([nonce(1, LANE)], {"from": seller})
    with reverts_with("NonceNotCurrent", seller, nonce(0, LANE, 1), 0):
        market.cancelAll([nonce(0, LANE, 1)], {"from": seller})


@pytest.mark.parametrize("index", [224, 2**64 - 1])
def test_a_deal_with_an_index_too_large_is_never_open(
    market: Any, prepare: Any, create_deal: Any, buyer: Any, seller: Any, index: int
) -> None:
    sale = prepare(create_deal(nonce=nonce(index, LANE)))
    with reverts_with("DealCancelled", seller, nonce(index, LANE)):
        market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})


def test_anyone_submits_what_the_account_signed(
    market: Any, prepare: Any, buyer: Any, seller: Any, stranger: Any
) -> None:
    sale = prepare()
    message = {"account": seller.address, "nonces": [sale.deal["nonce"], nonce(3, LANE)]}
    signature = sign(seller, market, "CancelDeals", message)
    for _ in range(2):
        market.cancelFor(*message.values(), signature, {"from": stranger})
    with reverts_with("DealCancelled", seller, sale.deal["nonce"]):
        market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})


@pytest.mark.parametrize(
    ("kind", "function", "field"),
    [("CancelDeals", "cancelFor", "nonces"), ("CancelDealSeries", "cancelAllFor", "series")],
)
def test_nobody_else_signs_it_and_nothing_is_added(
    market: Any, seller: Any, stranger: Any, kind: str, function: str, field: str
) -> None:
    call = getattr(market, function)
    message = {"account": seller.address, field: [nonce(0, LANE)]}
    with reverts_with("NotSignedBy", seller, digest(market, kind, message)):
        call(*message.values(), sign(stranger, market, kind, message), {"from": stranger})
    signature = sign(seller, market, kind, message)
    more = message | {field: [nonce(0, LANE), nonce(0, LANE + 1)]}
    with reverts_with("NotSignedBy", seller, digest(market, kind, more)):
        call(*more.values(), signature, {"from": stranger})


def test_one_cancellation_is_not_the_other(market: Any, seller: Any, stranger: Any) -> None:
    numbers = [nonce(0, LANE)]
    one = {"account": seller.address, "nonces": numbers}
    series = {"account": seller.address, "series": numbers}
    with reverts_with("NotSignedBy", seller, digest(market, "CancelDealSeries", series)):
        market.cancelAllFor(seller, numbers, sign(seller, market, "CancelDeals", one), {"from": stranger})
    with reverts_with("NotSignedBy", seller, digest(market, "CancelDeals", one)):
        market.cancelFor(
            seller, numbers, sign(seller, market, "CancelDealSeries", series), {"from": stranger}
        )


def test_one_message_ends_all_deals_of_a_lane(
    market: Any, prepare: Any, create_deal: Any, buyer: Any, seller: Any, stranger: Any, state_of: Any
) -> None:
    deals = [prepare(create_deal(nonce=nonce(index, LANE))) for index in (0, 7, 223)]
    message = {"account": seller.address, "series": [nonce(0, LANE)]}
    signature = sign(seller, market, "CancelDealSeries", message)
    transaction = market.cancelAllFor(*message.values(), signature, {"from": stranger})
    assert transaction.events["DealSeriesCancelled"] == message
    for sale in deals:
        with reverts_with("DealCancelled", seller, sale.deal["nonce"]):
            market.buy.call(sale.words, sale.signature, sale.b.x, {"from": buyer})
    newer = prepare(create_deal(nonce=nonce(0, LANE, 1)))
    # Submitted again it ends nothing that was signed since.
    market.cancelAllFor(*message.values(), signature, {"from": stranger})
    market.buy(newer.words, newer.signature, newer.b.x, {"from": buyer})
    assert state_of(newer) == State.BOUGHT


def test_a_deal_of_a_later_series_waits(
    market: Any, prepare: Any, create_deal: Any, buyer: Any, seller: Any, state_of: Any
) -> None:
    sale = prepare(create_deal(nonce=nonce(0, LANE, 1)))
    with reverts_with("DealCancelled", seller, nonce(0, LANE, 1)):
        market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})
    market.cancelAll([nonce(0, LANE)], {"from": seller})
    market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})
    assert state_of(sale) == State.BOUGHT
