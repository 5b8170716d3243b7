"""buy: a deal that the seller signed, bought by who sends."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import DAY, ZERO_ADDRESS, compact, next_block_at, now, reverts_with, sign, upper_half
from tests.orders import POINTS, words
from tests.sales import PRICE, State, hexed
from tests.sealing import ORDER
from tests.unit.DataMarket.conftest import HELD

YEAR = 365 * DAY


def test_price_goes_into_escrow(buy: Any, market: Any, cash: Any, buyer: Any, seller: Any) -> None:
    buy()
    assert [cash.balanceOf(who) for who in (buyer, market, seller)] == [HELD - PRICE, PRICE, 0]


def test_points_go_into_a_pocket_of_the_sales_own(
    buy: Any, create_deal: Any, points: Any, market: Any, buyer: Any
) -> None:
    sale = buy(create_deal(points, kind=POINTS))
    assert points.balanceOf(points.pocketOf(market, sale.id)) == PRICE
    assert (points.balanceOf(buyer), points.balanceOf(market)) == (HELD - PRICE, 0)


def test_begins_the_time_to_deliver(market: Any, prepare: Any, buyer: Any) -> None:
    sale = prepare()
    then = now() + 100
    next_block_at(then)
    market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})
    assert market.saleOf(sale.id) == (State.BOUGHT, then + DAY, False, 0, 0)


def test_emits_who_bought_from_whom_and_the_point(market: Any, prepare: Any, buyer: Any, seller: Any) -> None:
    sale = prepare()
    transaction = market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})
    assert [dict(event) for event in transaction.events["Bought"]] == [
        {"saleId": hexed(sale.id), "seller": seller, "buyer": buyer, "pointB": hexed(sale.b.x)}
    ]
    assert "AnswerTaken" not in transaction.events


def test_a_gift_moves_no_money(buy: Any, create_deal: Any, cash: Any, buyer: Any, state_of: Any) -> None:
    sale = buy(create_deal(price=0))
    assert (cash.balanceOf(buyer), state_of(sale)) == (HELD, State.BOUGHT)


def test_an_open_deal_is_bought_by_many_each_once(
    market: Any, buy: Any, prepare: Any, create_deal: Any, cash: Any, buyer: Any, stranger: Any
) -> None:
    deal = create_deal()
    first = buy(deal)
    cash.mint(stranger, PRICE, {"from": stranger})
    cash.approve(market, PRICE, {"from": stranger})
    buy(deal, buyer=stranger)
    again = prepare(deal)
    with reverts_with("BoughtBefore", first.id):
        market.buy(again.words, again.signature, again.b.x, {"from": buyer})


def test_a_sale_that_ended_is_not_bought_again(market: Any, sell: Any, buyer: Any) -> None:
    sale = sell()
    market.settle(sale.words, buyer, {"from": buyer})
    with reverts_with("BoughtBefore", sale.id):
        market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_is_open_until_its_last_second(market: Any, prepare: Any, buyer: Any, late: int) -> None:
    sale = prepare()
    next_block_at(sale.deal["openUntil"] + late)
    buying = (sale.words, sale.signature, sale.b.x, {"from": buyer})
    if late <= 0:
        market.buy(*buying)
        return
    with reverts_with("DealExpired", sale.deal["openUntil"]):
        market.buy(*buying)


def test_reserved_deal_is_bought_by_that_buyer_alone(
    market: Any, buy: Any, prepare: Any, create_deal: Any, buyer: Any, stranger: Any
) -> None:
    deal = create_deal(buyer=buyer)
    other = prepare(deal, buyer=stranger)
    with reverts_with("OnlyBuyer", buyer, stranger):
        market.buy(other.words, other.signature, other.b.x, {"from": stranger})
    buy(deal)


REFUSED: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
    ({"tokenKind": 2}, ("TokenKindUnknown", 2)),
    ({"tokenKind": 255}, ("TokenKindUnknown", 255)),
    ({"price": 2**128}, ("PriceOutOfRange", 2**128)),
    ({"count": 0}, ("CountOutOfRange", 0)),
    ({"count": 2**32}, ("CountOutOfRange", 2**32)),
    ({"count": 2**256 - 1}, ("CountOutOfRange", 2**256 - 1)),
    ({"deliverSeconds": DAY - 1}, ("TimesOutOfRange", DAY - 1, 2 * DAY)),
    ({"deliverSeconds": 0}, ("TimesOutOfRange", 0, 2 * DAY)),
    ({"deliverSeconds": YEAR + 1}, ("TimesOutOfRange", YEAR + 1, 2 * DAY)),
    ({"deliverSeconds": 2**256 - 1}, ("TimesOutOfRange", 2**256 - 1, 2 * DAY)),
    ({"disputeSeconds": 2 * DAY - 1}, ("TimesOutOfRange", DAY, 2 * DAY - 1)),
    ({"disputeSeconds": YEAR + 1}, ("TimesOutOfRange", DAY, YEAR + 1)),
    ({"liveUntil": 1}, ("LiveUntilOutOfRange", 1, 0, 0)),
    ({"requestId": b"\1" * 32}, ("OtherRequest", bytes(32), b"\1" * 32)),
]


def test_reverts_on_terms_out_of_range(market: Any, prepare: Any, create_deal: Any, buyer: Any) -> None:
    for fields, error in REFUSED:
        sale = prepare(create_deal(**fields))
        with reverts_with(*error):
            market.buy.call(sale.words, sale.signature, sale.b.x, {"from": buyer})


BOUNDS: list[dict[str, Any]] = [
    {"count": 1},
    {"count": 2**32 - 1},
    {"deliverSeconds": YEAR, "disputeSeconds": YEAR},
    {"price": HELD},
    {"price": 0, "token": ZERO_ADDRESS},
    {"termsHash": bytes(32), "manifestRoot": bytes(32), "keyCommit": bytes(32)},
]


def test_takes_terms_at_their_bounds(market: Any, prepare: Any, create_deal: Any, buyer: Any) -> None:
    for fields in BOUNDS:
        sale = prepare(create_deal(**fields))
        market.buy.call(sale.words, sale.signature, sale.b.x, {"from": buyer})


@pytest.mark.parametrize("short", [1, 0, -1])
def test_points_must_live_a_day_longer_than_both_times(
    market: Any, prepare: Any, create_deal: Any, points: Any, buyer: Any, short: int
) -> None:
    then = now() + 100
    least = then + DAY + 2 * DAY + DAY
    sale = prepare(create_deal(points, kind=POINTS, liveUntil=least - short))
    next_block_at(then)
    buying = (sale.words, sale.signature, sale.b.x, {"from": buyer})
    if short <= 0:
        market.buy(*buying)
        return
    with reverts_with("LiveUntilOutOfRange", least - short, least, 2**256 - 1):
        market.buy(*buying)


def test_points_that_die_too_soon_do_not_pay(
    market: Any, prepare: Any, create_deal: Any, points: Any, buyer: Any
) -> None:
    last = points.expiryOf(0)
    sale = prepare(create_deal(points, kind=POINTS, liveUntil=last))
    with reverts_with("PointsOutOfBounds", buyer, 0, PRICE, last, 0):
        market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})
    sale = prepare(create_deal(points, kind=POINTS, liveUntil=last - 1))
    market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})


def test_reverts_when_seller_and_buyer_are_one(
    market: Any, prepare: Any, create_deal: Any, buyer: Any
) -> None:
    sale = prepare(create_deal(seller=buyer))
    with reverts_with("SelfSale", buyer):
        market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})


@pytest.mark.parametrize("x", [0, 5, ORDER, ORDER + 1, 2**256 - 1])
def test_reverts_when_there_is_no_such_point(market: Any, prepare: Any, buyer: Any, x: int) -> None:
    """5 is below the field's prime, but no point has it; those above the order could not be multiplied."""
    sale = prepare()
    with reverts_with("BadPoint", x.to_bytes(32)):
        market.buy(sale.words, sale.signature, x.to_bytes(32), {"from": buyer})


def test_reverts_when_not_signed_by_the_seller(
    market: Any, prepare: Any, buyer: Any, seller: Any, stranger: Any
) -> None:
    sale = prepare()
    for signature in (b"", sale.signature[:-2], sign(stranger, market, "Deal", sale.deal)):
        with reverts_with("NotSignedBy", seller, sale.digest):
            market.buy.call(sale.words, signature, sale.b.x, {"from": buyer})


def test_reverts_when_any_word_was_changed(market: Any, prepare: Any, buyer: Any) -> None:
    sale = prepare()
    for field, value in enumerate(sale.words):
        changed: list[Any] = list(sale.words)
        if isinstance(value, bytes):
            changed[field] = bytes([value[0] ^ 1]) + value[1:]
        elif isinstance(value, int):
            changed[field] = value + 1
        else:
            changed[field] = "0x" + f"{int(value, 16) ^ 1:040x}"
        with pytest.raises(Exception, match=r"NotSignedBy|OtherRequest"):
            market.buy.call(changed, sale.signature, sale.b.x, {"from": buyer})


@pytest.mark.parametrize("word", [0, 1, 2])
def test_reverts_when_a_word_is_too_large(
    market: Any, prepare: Any, create_deal: Any, deployer: Any, buyer: Any, web3: Any, word: int
) -> None:
    """Although a contract signs for the word as it is."""
    wallet = brownie.OddWalletMock.deploy({"from": deployer})
    sale = prepare(create_deal(seller=wallet, price=0), signature=b"")
    data = bytearray(bytes.fromhex(market.buy.encode_input(sale.words, b"", sale.b.x)[2:]))
    call = {"from": buyer.address, "to": market.address}
    web3.eth.call({**call, "data": "0x" + data.hex()})
    data[4 + 32 * word] = 1
    with pytest.raises(Exception, match=web3.keccak(text="MalformedDeal()").hex()[:8]):
        web3.eth.call({**call, "data": "0x" + data.hex()})


@pytest.mark.parametrize("missing", ["allowance", "balance"])
def test_reverts_when_the_buyer_cannot_pay(
    market: Any, prepare: Any, cash: Any, buyer: Any, stranger: Any, missing: str
) -> None:
    if missing == "allowance":
        cash.approve(market, PRICE - 1, {"from": buyer})
    else:
        cash.transfer(stranger, HELD - PRICE + 1, {"from": buyer})
    sale = prepare()
    with reverts_with("TransferFromFailed"):
        market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})


def test_reverts_when_points_are_offered_as_money(
    market: Any, prepare: Any, create_deal: Any, points: Any, buyer: Any
) -> None:
    sale = prepare(create_deal(points))
    with reverts_with("NotOfThisKind", points, 1):
        market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})


def test_a_cancelled_deal_is_not_bought(market: Any, prepare: Any, buyer: Any, seller: Any) -> None:
    sale = prepare()
    market.cancel([sale.deal["nonce"]], {"from": seller})
    with reverts_with("DealCancelled", seller, sale.deal["nonce"]):
        market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})


def test_uses_up_no_nonce(market: Any, bought: Any, seller: Any) -> None:
    assert market.nonceOpen(seller, bought.deal["nonce"])


def test_a_signature_of_64_bytes_counts_and_the_other_half_does_not(
    market: Any, prepare: Any, buyer: Any, seller: Any
) -> None:
    sale = prepare()
    with reverts_with("NotSignedBy", seller, sale.digest):
        market.buy(sale.words, upper_half(sale.signature), sale.b.x, {"from": buyer})
    market.buy(words(sale.deal), compact(sale.signature), sale.b.x, {"from": buyer})
