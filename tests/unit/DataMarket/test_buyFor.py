"""buyFor: a purchase that the buyer signed, which anyone submits, the seller too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import MAX_UINT256, next_block_at, now, reverts_with, sign
from tests.orders import digest
from tests.sales import PRICE, Sale, State
from tests.sealing import point_of
from tests.unit.DataMarket.conftest import HELD


@pytest.fixture(scope="module")
def purchase(market: Any) -> Any:
    """What the buyer signs, and what `buyFor` takes beside the deal."""

    def purchase(sale: Sale, signer: Any = None, deadline: int = MAX_UINT256) -> tuple[Any, ...]:
        message = _message(sale, deadline)
        return (
            sale.buyer.address,
            sale.b.x,
            deadline,
            sign(signer or sale.buyer, market, "Buy", message),
        )

    return purchase


def _message(sale: Sale, deadline: int = MAX_UINT256) -> dict[str, Any]:
    return {
        "buyer": sale.buyer.address,
        "dealDigest": sale.digest,
        "content": bytes(32),
        "pointB": sale.b.x,
        "deadline": deadline,
    }


def test_anyone_submits_what_both_signed(
    market: Any, prepare: Any, purchase: Any, cash: Any, buyer: Any, stranger: Any, state_of: Any
) -> None:
    sale = prepare()
    market.buyFor(sale.words, sale.signature, *purchase(sale), {"from": stranger})
    assert (state_of(sale), cash.balanceOf(buyer)) == (State.BOUGHT, HELD - PRICE)


def test_the_seller_takes_a_bid_without_signing(
    market: Any, prepare: Any, purchase: Any, seller: Any, state_of: Any
) -> None:
    sale = prepare(signature=b"")
    market.buyFor(sale.words, b"", *purchase(sale), {"from": seller})
    assert state_of(sale) == State.BOUGHT


def test_a_stranger_needs_the_sellers_signature(
    market: Any, prepare: Any, purchase: Any, seller: Any, stranger: Any, buyer: Any
) -> None:
    sale = prepare()
    for sender in (stranger, buyer):
        with reverts_with("NotSignedBy", seller, sale.digest):
            market.buyFor(sale.words, b"", *purchase(sale), {"from": sender})


def test_the_seller_who_sends_agrees_although_she_cancelled(
    market: Any, prepare: Any, purchase: Any, seller: Any, state_of: Any
) -> None:
    sale = prepare()
    market.cancel([sale.deal["nonce"]], {"from": seller})
    market.buyFor(sale.words, b"", *purchase(sale), {"from": seller})
    assert state_of(sale) == State.BOUGHT


def test_the_buyer_must_sign_even_if_he_sends(
    market: Any, prepare: Any, purchase: Any, buyer: Any, seller: Any
) -> None:
    sale = prepare()
    with reverts_with("NotSignedBy", buyer, digest(market, "Buy", _message(sale))):
        market.buyFor(sale.words, sale.signature, *purchase(sale, signer=seller), {"from": buyer})


def test_a_relay_cannot_put_in_its_own_point(
    market: Any, prepare: Any, purchase: Any, buyer: Any, stranger: Any
) -> None:
    sale = prepare()
    who, _, deadline, signature = purchase(sale)
    own = point_of("relay").x
    with reverts_with("NotSignedBy", buyer, digest(market, "Buy", _message(sale) | {"pointB": own})):
        market.buyFor(sale.words, sale.signature, who, own, deadline, signature, {"from": stranger})


def test_a_relay_cannot_put_in_another_deal_or_buyer_or_deadline(
    market: Any, prepare: Any, purchase: Any, create_deal: Any, stranger: Any, buyer: Any
) -> None:
    sale, dear = prepare(), prepare(create_deal(price=2 * PRICE))
    who, point, deadline, signature = purchase(sale)
    with reverts_with(
        "NotSignedBy", buyer, digest(market, "Buy", _message(sale) | {"dealDigest": dear.digest})
    ):
        market.buyFor(dear.words, dear.signature, who, point, deadline, signature, {"from": stranger})
    with reverts_with("NotSignedBy", buyer, digest(market, "Buy", _message(sale, deadline - 1))):
        market.buyFor(sale.words, sale.signature, who, point, deadline - 1, signature, {"from": stranger})
    message = _message(sale) | {"buyer": stranger.address}
    with reverts_with("NotSignedBy", stranger, digest(market, "Buy", message)):
        market.buyFor(sale.words, sale.signature, stranger, point, deadline, signature, {"from": stranger})


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_holds_until_its_last_second(
    market: Any, prepare: Any, purchase: Any, stranger: Any, late: int
) -> None:
    sale = prepare()
    deadline = now() + 100
    buying = (sale.words, sale.signature, *purchase(sale, deadline=deadline), {"from": stranger})
    next_block_at(deadline + late)
    if late <= 0:
        market.buyFor(*buying)
        return
    with reverts_with("PurchaseExpired", deadline):
        market.buyFor(*buying)


def test_one_signature_buys_once(
    market: Any, prepare: Any, purchase: Any, cash: Any, buyer: Any, stranger: Any
) -> None:
    sale = prepare()
    buying = (sale.words, sale.signature, *purchase(sale), {"from": stranger})
    market.buyFor(*buying)
    with reverts_with("BoughtBefore", sale.id):
        market.buyFor(*buying)
    assert cash.balanceOf(buyer) == HELD - PRICE


def test_the_buyer_cancels_his_purchase_by_the_deals_nonce(
    market: Any, prepare: Any, purchase: Any, buyer: Any, seller: Any
) -> None:
    sale = prepare()
    market.cancel([sale.deal["nonce"]], {"from": buyer})
    with reverts_with("DealCancelled", buyer, sale.deal["nonce"]):
        market.buyFor(sale.words, b"", *purchase(sale), {"from": seller})


def test_he_still_buys_by_sending_what_he_cancelled(
    market: Any, prepare: Any, buyer: Any, state_of: Any
) -> None:
    sale = prepare()
    market.cancel([sale.deal["nonce"]], {"from": buyer})
    market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})
    assert state_of(sale) == State.BOUGHT


def test_reverts_when_it_answers_a_request(
    market: Any, prepare: Any, purchase: Any, create_deal: Any, stranger: Any
) -> None:
    sale = prepare(create_deal(requestId=b"\1" * 32))
    with reverts_with("OtherRequest", bytes(32), b"\1" * 32):
        market.buyFor(sale.words, sale.signature, *purchase(sale), {"from": stranger})


def test_reverts_when_the_bid_is_the_sellers_own(
    market: Any, prepare: Any, purchase: Any, seller: Any
) -> None:
    sale = prepare(buyer=seller)
    with reverts_with("SelfSale", seller):
        market.buyFor(sale.words, b"", *purchase(sale), {"from": seller})
