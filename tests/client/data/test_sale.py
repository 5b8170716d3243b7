"""A sale from the offer to the opened record, its money, and every way in which it can end."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import pytest

from tests.client.data.conftest import DAY, ROWS, Market
from troc.data.chunks import Content
from troc.data.deals import SaleState, SignedDeal
from troc.data.standing import State
from troc.errors import ContractError, DealError, TrocError
from troc.messages import pack_nonce, unpack_nonce


def state_of(market: Market, sale: bytes, selling: bool = True) -> State:
    (standing,) = (market.ann if selling else market.dai).status(sale)
    assert standing.next_step
    return standing.state


def test_an_honest_sale_in_points(market: Market) -> None:
    offer = market.ann.offer(market.copy(), "50 MILK")
    before = market.balance(market.dai)
    sale = market.dai.buy(offer.to_text())
    assert market.balance(market.dai) == before - 50
    assert state_of(market, sale.id) == State.BOUGHT
    market.ann.deliver(sale.name)
    assert state_of(market, sale.id) == State.DELIVERED
    assert [dict(row) for row in market.dai.open(sale.name).rows] == ROWS
    assert market.dai.judge(sale.id).is_right
    market.dai.settle(sale.id)
    assert market.balance(market.ann) == 50
    assert state_of(market, sale.id) == State.PAID


def test_an_honest_sale_in_an_erc20(market: Market) -> None:
    offer = market.ann.offer(market.copy(), f"12.5 {market.cash}")
    sale = market.dai.buy(offer)
    market.ann.deliver(sale.id)
    assert [dict(row) for row in market.dai.open(sale.id).rows] == ROWS
    market.dai.settle(sale.id)
    assert market.balance(market.ann, "CASH") == 12.5 * 10**18


def test_a_mebibyte_takes_little_of_our_own_time(market: Market) -> None:
    data = random.Random(1).randbytes(2**20)
    manifest = market.copies.add(Content.of_file(data, "film"), "film")
    started = time.process_time()
    sale = market.dai.buy(market.ann.offer(manifest, "50 MILK"))
    market.ann.deliver(sale.id)
    opened = market.dai.open(sale.id)
    market.dai.settle(sale.id)
    spent = time.process_time() - started
    assert opened.data == data
    assert spent < 5, f"{spent:.2f} s"


def test_whoever_has_ether_sends_for_himself(market: Market) -> None:
    offer = market.ann.offer(market.copy(), f"3 {market.cash}")
    sale = market.fox.buy(offer)
    market.ann.deliver(sale.id)
    assert market.fox.open(sale.id).rows
    assert sale.buyer == market.fox.buyer.address
    market.fox.settle(sale.id)
    assert market.sale(sale.id).state == SaleState.PAID


def test_a_bid_is_taken(market: Market) -> None:
    offer = market.ann.offer(market.copy(), "80 MILK")
    bid = market.dai.bid(offer, "60 MILK")
    assert bid.kind == "bid"
    again = market.ann.seller.read(bid.to_text())
    assert again == replace(bid, papers={})
    market.ann.accept(again)
    sale = market.sale(bid.sale_id(market.dai.buyer.address))
    assert sale.state == SaleState.BOUGHT
    market.ann.deliver(sale.id)
    assert market.dai.open(sale.id).rows


def test_a_bid_ends_when_its_buyer_says_so(market: Market) -> None:
    bid = market.dai.bid(market.ann.offer(market.copy(), "80 MILK"), "60 MILK")
    market.dai.cancel(bid)
    with pytest.raises(ContractError):
        market.ann.accept(bid)


def test_a_purchase_leaves_bids_what_they_stand_for(market: Market) -> None:
    offer = market.ann.offer(market.copy(), "80 MILK")
    bid = market.dai.bid(offer, "60 MILK")
    market.dai.buy(market.ann.offer(market.copy(), "50 MILK"))
    market.dai.bid(market.ann.offer(market.copy(), "70 MILK"), "10 MILK")
    market.ann.accept(bid)
    assert market.sale(bid.sale_id(market.dai.buyer.address)).state == SaleState.BOUGHT


def test_an_offer_is_sold_to_many_and_to_each_once(market: Market) -> None:
    offer = market.ann.offer(market.copy(), "50 MILK")
    first, second = market.dai.buy(offer), market.eve.buy(offer)
    assert first.id != second.id
    assert first.point_b != second.point_b
    # Bought again after a cut, it is the same sale.
    paid = market.balance(market.dai)
    assert market.dai.buy(offer) == market.sale(first.id)
    assert market.balance(market.dai) == paid
    for sale in (first, second):
        market.ann.deliver(sale.id)
    market.dai.settle(first.id)
    with pytest.raises(DealError, match="bought this before"):
        market.dai.buy(offer)


def test_an_offer_to_one_is_for_that_one(market: Market) -> None:
    offer = market.ann.offer(market.copy(), "50 MILK", to=market.eve.buyer.address)
    with pytest.raises(DealError, match="alone: ask"):
        market.dai.buy(offer)
    market.eve.buy(offer)


def test_an_offer_that_was_ended_is_not_bought(market: Market) -> None:
    offer = market.ann.offer(market.copy(), "50 MILK")
    assert market.ann.cancel(offer) is not None
    assert market.ann.cancel(offer) is None
    with pytest.raises(DealError, match="ended this offer"):
        market.dai.buy(offer)


def test_what_is_wrong_is_not_paid(market: Market) -> None:
    offer = market.ann.offer(market.copy(), "50 MILK")
    root = offer.deal.manifest_root
    paid = market.balance(market.dai)
    cases: list[tuple[SignedDeal, str]] = [
        (replace(offer, deal=replace(offer.deal, price=1)), "has not signed"),
        (replace(offer, signature=b""), "has not signed"),
        (replace(offer, deal=replace(offer.deal, deliver_seconds=DAY - 1)), "days to deliver"),
        (replace(offer, deal=replace(offer.deal, dispute_seconds=2 * DAY - 1)), "days to object"),
        (replace(offer, deal=replace(offer.deal, live_until=market.now() + 5 * DAY)), "die in escrow"),
        (replace(offer, deal=replace(offer.deal, open_until=market.now() - 1)), "was open until"),
        (replace(offer, deal=replace(offer.deal, token_kind=2)), "no points and no ERC-20"),
        (replace(offer, deal=replace(offer.deal, count=0)), "0 chunks"),
        (replace(offer, deal=replace(offer.deal, buyer=offer.deal.seller)), "are one"),
    ]
    for wrong, why in cases:
        with pytest.raises(DealError, match=why):
            market.dai.buy(wrong)
    market.copies.blobs[root] = bytes(100) + market.copies.blobs[root][100:]
    with pytest.raises(TrocError, match="damaged"):
        market.dai.buy(offer)
    market.copies.manifests[root] = market.copy([{"other": 1}])
    with pytest.raises(DealError, match="not what the deal is about"):
        market.dai.buy(offer)
    with pytest.raises(DealError, match="your own offer"):
        market.ann.buy(offer)
    assert market.balance(market.dai) == paid


def test_a_seller_offers_nothing_that_she_could_not_deliver(market: Market) -> None:
    manifest = market.copy()
    root = manifest.root
    key, blob = market.copies.keys[root], market.copies.blobs[root]
    market.copies.keys[root] = bytes(31) + b"\1"
    with pytest.raises(DealError, match="key is not the one"):
        market.ann.offer(manifest, "50 MILK")
    market.copies.keys[root], market.copies.blobs[root] = key, blob[:-1] + bytes([blob[-1] ^ 1])
    with pytest.raises(DealError, match="damaged"):
        market.ann.offer(manifest, "50 MILK")


def test_a_buyer_keeps_what_he_checked(market: Market) -> None:
    offer, sale = market.delivered()
    # The seller's copy is gone: his is not.
    market.copies.blobs.clear()
    market.copies.manifests.clear()
    assert market.dai.open(sale.id).rows
    assert market.copies.fetched == [offer.deal.manifest_root]


def test_a_buyer_who_lost_his_book_opens_all_the_same(market: Market) -> None:
    _, sale = market.delivered()
    again = market.party("dai", database=f"sqlite:///{market.folder / 'new.sqlite'}")
    assert again.open(sale.id).rows
    assert again.buyer.deal_of(sale).price == 50


def test_consent_is_withdrawn_and_erasure_stated(market: Market) -> None:
    _, sale = market.delivered()
    market.dai.settle(sale.id)
    market.ann.revoke(sale.id)
    assert state_of(market, sale.id) == State.WITHDRAWN
    assert "acknowledge" in market.dai.status(sale.id)[0].next_step
    market.dai.acknowledge(sale.id)
    assert state_of(market, sale.id) == State.ERASED
    assert not list(market.dai.buyer.folder.iterdir())
    with pytest.raises(ContractError):
        market.ann.revoke(sale.id)


def test_many_erasures_are_stated_at_once(market: Market) -> None:
    sales = [market.delivered()[1] for _ in range(2)]
    market.dai.acknowledge(*(sale.id for sale in sales))
    assert all(market.sale(sale.id).acknowledged_at for sale in sales)


def test_a_buyers_record_counts_who_was_paid(market: Market) -> None:
    _, sale = market.delivered()
    market.dai.settle(sale.id)
    market.ann.revoke(sale.id)
    record = market.eve.standings.record(market.dai.buyer.address)
    # Nobody attested this seller: anybody could have made her up.
    assert (record.apart, record.is_empty) == (1, True)
    assert market.eve.standings.who_buys(market.dai.buyer.address).domain == ""


def test_a_sale_that_is_not_delivered_is_returned(market: Market) -> None:
    before = market.balance(market.dai)
    _, sale = market.sold()
    with pytest.raises(ContractError):
        market.dai.buyer.refund(sale)
    market.pass_to(sale.deliver_by + 1)
    assert state_of(market, sale.id, False) == State.OVERDUE
    market.dai.buyer.refund(sale)
    assert market.balance(market.dai) == before
    assert state_of(market, sale.id, False) == State.RETURNED


def test_a_seller_concedes(market: Market) -> None:
    before = market.balance(market.dai)
    _, sale = market.delivered()
    market.ann.concede(sale.id)
    assert market.balance(market.dai) == before
    assert state_of(market, sale.id) == State.CONCEDED


def test_a_seller_takes_her_money_when_the_time_is_over(market: Market) -> None:
    _, sale = market.delivered()
    assert sale.delivered is not None
    with pytest.raises(ContractError):
        market.ann.seller.withdraw(sale)
    market.pass_to(sale.delivered.dispute_until + 1)
    assert state_of(market, sale.id) == State.PAYABLE
    market.ann.seller.withdraw(sale, market.eve.buyer.address)
    assert state_of(market, sale.id) == State.PAID
    assert market.balance(market.ann) == 0


def test_a_key_that_everybody_has_is_not_offered_again(market: Market) -> None:
    offer, sale = market.delivered()
    # The first number of the series ended before by itself: the rest of it must end all the same.
    lane = unpack_nonce(offer.deal.nonce)[0]
    market.ann.seller.cancel_nonces([pack_nonce(lane, 0)])
    if not market.ann.seller.sales.nonce_open(offer.deal.seller, offer.deal.nonce):
        offer = market.ann.offer(market.copies.manifest(offer.deal.manifest_root), "50 MILK")
    assert market.ann.seller.cancel_key(offer.deal.key_commit) is not None
    assert market.ann.seller.cancel_key(offer.deal.key_commit) is None
    with pytest.raises(DealError, match="ended this offer"):
        market.eve.buy(offer)
    with pytest.raises(DealError, match="key of this sealed copy"):
        market.ann.offer(market.copies.manifest(offer.deal.manifest_root), "50 MILK")
    # What was sold before is not touched.
    market.dai.settle(sale.id)


def test_a_wrong_key_gives_the_money_back(market: Market) -> None:
    before = market.balance(market.dai)
    _, sale = market.wrong_key()
    finding = market.dai.judge(sale.id)
    assert finding.fault == "key"
    with pytest.raises(TrocError, match="not the one"):
        market.dai.open(sale.id)
    market.dai.dispute(sale.id)
    assert market.balance(market.dai) == before
    assert state_of(market, sale.id) == State.KEY_WRONG


def test_a_forged_chunk_gives_the_money_back(market: Market) -> None:
    before = market.balance(market.dai)
    offer, sale = market.forged()
    finding = market.dai.judge(sale.id)
    assert (finding.fault, finding.index) == ("chunk", 7)
    market.dai.dispute(sale.id)
    assert market.balance(market.dai) == before
    assert state_of(market, sale.id) == State.CHUNK_WRONG
    # The key is public: her client ends every offer of it.
    assert [did.what for did in market.ann.seller.step()] == ["cancelled"]
    with pytest.raises(DealError, match="ended this offer"):
        market.eve.buy(offer)
    assert market.ann.seller.step() == []


def test_the_last_chunk_is_judged_like_any_other(market: Market) -> None:
    manifest = market.copy()
    _, sale = market.forge(manifest, manifest.count - 1)
    assert market.dai.judge(sale.id).index == manifest.count - 1
    market.dai.dispute(sale.id)
    assert market.sale(sale.id).state == SaleState.CHUNK_WRONG


def test_what_is_right_is_never_disputed(market: Market) -> None:
    _, sale = market.delivered()
    with pytest.raises(DealError, match="is what was sold"):
        market.dai.dispute(sale.id)
    from troc.data.buyer import Finding

    for lie in (Finding("key"), Finding("chunk", 3)):
        with pytest.raises(DealError, match="not wrong in this way"):
            market.dai.buyer.dispute(sale, lie)
    assert market.sale(sale.id).state == SaleState.DELIVERED


def test_a_dispute_that_would_be_late_is_not_sent(market: Market) -> None:
    _, sale = market.wrong_key()
    assert sale.delivered is not None
    market.pass_to(sale.delivered.dispute_until + 1)
    sent = market.chain.transaction_count(market.payer.address)
    with pytest.raises(DealError, match="time to object was over"):
        market.dai.dispute(sale.id)
    assert market.chain.transaction_count(market.payer.address) == sent
