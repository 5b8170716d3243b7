"""Watchers: what they do for whoever is away, at which second they stop, and that a crash anywhere, a
reorganisation or a node that is away changes nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.client.core.conftest import rpc_call
from tests.client.data.conftest import DAY, HOUR, Market, deliver_anything
from troc.chain import Chain
from troc.data import sealed
from troc.data.book import Book
from troc.data.buyer import Finding
from troc.data.client import Data
from troc.data.deals import SaleState, SignedDeal, margin
from troc.data.party import Did, Drop, watch
from troc.errors import NetworkError, PendingError


def again(market: Market, name: str) -> Data:
    """A new process of the same account, on the same book."""
    return market.party(name)


def whats(found: list[Did]) -> list[str]:
    return [did.what for did in found]


class Crash(BaseException):
    """The power goes."""


WRITES = (
    "add_deal",
    "add_point",
    "note_sale",
    "set_finding",
    "set_asked",
    "close_sale",
    "add_answer",
    "answer_is_out",
    "see_points",
    "set_reached",
)


@contextmanager
def power_goes(at: int) -> Iterator[Callable[[], int]]:
    """Just after the `at`-th durable step, counted from 0: before the next. Gives how many there were."""
    passed = 0

    def point() -> None:
        nonlocal passed
        if passed == at:
            raise Crash
        passed += 1

    def deadly(method: Any) -> Any:
        def run(*arguments: Any, **options: Any) -> Any:
            result = method(*arguments, **options)
            point()
            return result

        return run

    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:
            patch.setattr(Book, name, deadly(getattr(Book, name)))
        patch.setattr(Chain, "submit", deadly(Chain.submit))
        yield lambda: passed


def deliveries(market: Market, sale: bytes) -> int:
    event = market.ann.seller.sales.contract.events.Delivered()
    return len(list(market.chain.logs(event, {"saleId": sale})))


# ---------------------------------------------------------------------------------------------------- seller


def test_a_seller_who_is_away_delivers_and_is_paid(market: Market) -> None:
    _, sale = market.sold()
    assert whats(market.ann.seller.step()) == ["delivered"]
    assert market.dai.open(sale.id).rows
    assert market.ann.seller.step() == []
    delivered = market.sale(sale.id).delivered
    assert delivered is not None
    market.pass_to(delivered.dispute_until)
    assert market.ann.seller.step() == []
    market.pass_to(delivered.dispute_until + 1)
    assert whats(market.ann.seller.step()) == ["withdrawn"]
    assert market.balance(market.ann) == 50
    assert market.ann.seller.step() == []


def test_a_seller_delivers_until_the_margin_and_not_after(market: Market) -> None:
    offer, first = market.sold(deliver="20d")
    assert margin(20 * DAY) == 2 * DAY
    market.pass_to(first.deliver_by - 2 * DAY)
    assert whats(market.ann.seller.step()) == ["delivered"]
    second = market.eve.buy(market.ann.offer(market.copies.manifest(offer.deal.manifest_root), "5 MILK"))
    last = second.deliver_by - margin(3 * DAY)
    market.pass_to(last + 1)
    (did,) = market.ann.seller.step()
    assert did.what == "trouble"
    assert "too late to deliver" in did.text
    market.pass_to(second.deliver_by)
    assert whats(market.ann.seller.step()) == ["trouble"]
    assert deliveries(market, second.id) == 0
    before = market.balance(market.eve)
    market.pass_to(second.deliver_by + 1)
    assert whats(market.ann.seller.step()) == ["refunded"]
    assert market.balance(market.eve) == before + 5


def test_the_margin_is_never_less_than_an_hour() -> None:
    assert margin(DAY) == 2.4 * HOUR
    assert margin(5 * HOUR) == HOUR


def test_a_node_that_lags_behind_makes_nothing_look_early(market: Market) -> None:
    _, sale = market.sold()
    late = sale.deliver_by - margin(3 * DAY) + 1
    (did,) = market.party("ann", clock=lambda: float(late)).seller.step()
    assert "too late to deliver" in did.text
    assert whats(market.party("ann", clock=lambda: 0.0).seller.step()) == ["delivered"]


def test_what_may_be_public_is_pushed_on(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    _, sale = market.sold()

    def stuck(*_: Any) -> Any:
        raise PendingError("it is not confirmed yet", "wait")

    with monkeypatch.context() as patch:
        patch.setattr(Chain, "submit", stuck)
        assert whats(market.ann.seller.step()) == ["trouble"]
    market.pass_to(sale.deliver_by - 60)
    assert whats(again(market, "ann").seller.step()) == ["delivered"]


def test_a_purchase_that_is_not_final_waits(market: Market) -> None:
    _, sale = market.sold()
    patient = Chain(market.chain.web3, replace(market.chain.config, confirmations=4))
    slow = Market(patient, market.deployment, market.cash, market.folder, market.copies)
    head = market.chain.block_number()
    assert head - sale.bought_block + 1 == 1
    assert slow.ann.seller.step() == []
    rpc_call(market.chain, "anvil_mine", hex(3))
    market.ann.seller.step()
    assert market.sale(sale.id).state == SaleState.DELIVERED


def test_a_reorganisation_between_purchase_and_delivery(market: Market) -> None:
    offer, sale = market.sold()
    market.ann.seller.step()
    first = market.sale(sale.id).delivered
    assert first is not None
    rpc_call(market.chain, "anvil_reorg", 2, [])
    assert market.ann.seller.sales.sale(sale.id) is None
    assert market.ann.seller.step() == []
    # The same buyer buys again; his point serves this sale, so it is the same, and so is her answer.
    again_bought = again(market, "dai").buy(offer)
    assert again_bought.point_b == sale.point_b
    assert whats(market.ann.seller.step()) == ["delivered"]
    second = market.sale(sale.id).delivered
    assert second is not None
    assert (second.point_e, second.wrapped) == (first.point_e, first.wrapped)


def test_another_point_after_a_reorganisation_gets_another_answer(market: Market) -> None:
    offer, sale = market.sold()
    market.ann.seller.step()
    first = market.sale(sale.id).delivered
    rpc_call(market.chain, "anvil_reorg", 2, [])
    fresh = sealed.one_time(int.from_bytes(keccak(b"another secret")) % sealed.ORDER)
    dai = again(market, "dai").buyer
    function = dai.call("buy", offer.deal.as_tuple(), offer.signature, fresh.x)
    from troc.data.acts import Context
    from troc.data.messages import Buy

    buy = Buy(dai.address, offer.digest, bytes(32), fresh.x, market.now() + HOUR)
    dai.do(function, buy, Context(offer.deal, offer.signature, dai.address))
    assert whats(market.ann.seller.step()) == ["delivered"]
    second = market.sale(sale.id).delivered
    assert first is not None
    assert second is not None
    assert second.point_e != first.point_e
    key = sealed.unwrap(second.wrapped, sale.id, fresh, second.point_e)
    assert key == market.copies.keys[offer.deal.manifest_root]


def test_no_key_for_a_point_that_serves_twice_or_is_weak(market: Market) -> None:
    offer, sale = market.sold()
    other = market.ann.offer(market.copies.manifest(offer.deal.manifest_root), "1 MILK")
    weak = sealed.one_time(1024)
    eve = market.eve.buyer
    eve.allow(eve.money("2 MILK"))
    from troc.data.acts import Context
    from troc.data.messages import Buy

    for signed, x in ((other, sale.point_b), (offer, weak.x)):
        eve.allow(eve.money_of(signed.deal))
        buy = Buy(eve.address, signed.digest, bytes(32), x, market.now() + HOUR)
        function = eve.call("buy", signed.deal.as_tuple(), signed.signature, x)
        eve.do(function, buy, Context(signed.deal, signed.signature, eve.address))
    done = {did.about: did for did in market.ann.seller.step()}
    assert done[sale.id].what == "trouble"
    assert "used in another sale" in done[sale.id].text
    assert "used in another sale" in done[other.sale_id(eve.address)].text
    assert "near the curve's generator" in done[offer.sale_id(eve.address)].text


def test_a_seller_crashes_anywhere(market: Market) -> None:
    offer = market.ann.offer(market.copy(), "1 MILK")
    manifest = market.copies.manifest(offer.deal.manifest_root)
    sales = []

    at = 0
    while True:
        sale = market.dai.buy(market.ann.offer(manifest, "1 MILK"))
        sales.append(sale)
        with power_goes(at) as passed:
            try:
                again(market, "ann").seller.step()
                crashed = False
            except Crash:
                crashed = True
        again(market, "ann").seller.step()
        assert market.sale(sale.id).state == SaleState.DELIVERED
        assert deliveries(market, sale.id) == 1
        if not crashed:
            assert passed() <= at
            break
        at += 1
    assert at > 3
    assert market.dai.open(sales[2].id).rows


# ----------------------------------------------------------------------------------------------------- buyer


def test_a_buyer_who_is_away_pays_for_what_is_right(market: Market) -> None:
    _, sale = market.sold()
    assert market.dai.buyer.step() == []
    market.ann.deliver(sale.id)
    assert market.dai.buyer.step(settle=False) == []
    assert whats(market.dai.buyer.step()) == ["settled"]
    assert market.balance(market.ann) == 50
    assert market.dai.buyer.step() == []


def test_a_buyer_who_is_away_gets_his_money_back(market: Market) -> None:
    before = market.balance(market.dai)
    _, sale = market.sold()
    market.pass_to(sale.deliver_by)
    assert market.dai.buyer.step() == []
    market.pass_to(sale.deliver_by + 1)
    assert whats(market.dai.buyer.step()) == ["refunded"]
    assert market.balance(market.dai) == before


def test_he_asks_first_and_she_concedes(market: Market) -> None:
    notes = Drop(str(market.folder / "notes"))
    before = market.balance(market.dai)
    _, sale = market.wrong_key()
    assert whats(market.dai.buyer.step(notes)) == ["asked"]
    assert market.dai.buyer.step(notes) == []
    assert whats(market.ann.seller.step(notes)) == ["conceded"]
    assert market.balance(market.dai) == before
    assert market.sale(sale.id).state == SaleState.CONCEDED


def test_she_concedes_a_wrong_chunk_as_well(market: Market) -> None:
    notes = Drop(str(market.folder / "notes"))
    _, sale = market.forged()
    assert whats(market.dai.buyer.step(notes)) == ["asked"]
    assert whats(market.ann.seller.step(notes)) == ["conceded"]
    assert market.sale(sale.id).state == SaleState.CONCEDED


def test_she_does_not_concede_what_is_right_or_what_others_ask(market: Market) -> None:
    notes = Drop(str(market.folder / "notes"))
    _, sale = market.delivered()
    for finding in (Finding("key"), Finding("chunk", 2), Finding("chunk", 10**6)):
        market.dai.buyer.ask(sale, finding, notes)
        assert market.ann.seller.step(notes) == []
    market.dai.settle(sale.id)
    _, wrong = market.wrong_key()
    # Somebody else's wish, though it is true.
    data = market.eve.buyer.ask(wrong, Finding("key"), notes)
    assert market.ann.seller.step(notes) == []
    data["message"]["buyer"] = market.dai.buyer.address
    notes.put(f"{wrong.id.hex()}.concede.json", data)
    notes.put("nonsense.concede.json", {"message": [], "signature": 7})
    assert market.ann.seller.step(notes) == []


def test_he_disputes_when_she_does_not_answer(market: Market) -> None:
    notes = Drop(str(market.folder / "notes"))
    _, sale = market.wrong_key()
    market.dai.buyer.step(notes, patience=DAY)
    market.pass_to(market.now() + DAY - 60)
    assert market.dai.buyer.step(notes, patience=DAY) == []
    market.pass_to(market.now() + 120)
    assert whats(market.dai.buyer.step(notes, patience=DAY)) == ["disputed"]
    assert market.sale(sale.id).state == SaleState.KEY_WRONG


def test_he_waits_no_longer_than_the_time_to_object_allows(market: Market) -> None:
    notes = Drop(str(market.folder / "notes"))
    _, sale = market.wrong_key(dispute="2d")
    assert sale.delivered is not None
    market.dai.buyer.step(notes, patience=30 * DAY)
    last = sale.delivered.dispute_until - margin(2 * DAY)
    market.pass_to(last - 1)
    assert market.dai.buyer.step(notes, patience=30 * DAY) == []
    market.pass_to(last)
    assert whats(market.dai.buyer.step(notes, patience=30 * DAY)) == ["disputed"]


@pytest.mark.parametrize(("late", "state"), [(-1, SaleState.KEY_WRONG), (0, SaleState.KEY_WRONG)])
def test_a_dispute_counts_to_the_last_second(market: Market, late: int, state: SaleState) -> None:
    _, sale = market.wrong_key()
    assert sale.delivered is not None
    market.next_at(sale.delivered.dispute_until + late)
    market.dai.dispute(sale.id)
    assert market.sale(sale.id).state == state


def test_he_who_was_away_too_long_is_told(market: Market) -> None:
    _, sale = market.wrong_key()
    assert sale.delivered is not None
    market.pass_to(sale.delivered.dispute_until + 1)
    (did,) = market.dai.buyer.step()
    assert did.what == "trouble"
    assert "time to object is over" in did.text


def test_a_buyer_crashes_anywhere(market: Market) -> None:
    """From the purchase to the payment, with every sale crashing at another step."""
    manifest = market.copy()
    at = 0
    while True:
        offer = market.ann.offer(manifest, "1 MILK")
        paid = market.balance(market.dai)

        def run(offer: Any = offer) -> None:
            dai = again(market, "dai")
            sale = dai.buy(offer)
            market_sale = market.sale(sale.id)
            if market_sale.state == SaleState.BOUGHT:
                with pytest.MonkeyPatch.context():
                    deliver_quietly(market, sale.id)
            again(market, "dai").buyer.step()

        crashed = False
        with power_goes(at):
            try:
                run()
            except Crash:
                crashed = True
        id_ = offer.sale_id(market.dai.buyer.address)
        found = market.ann.seller.sales.sale(id_)
        if found is None or found.state != SaleState.PAID:
            run()
        assert market.sale(id_).state == SaleState.PAID
        assert market.balance(market.dai) == paid - 1
        if not crashed:
            break
        at += 1
    assert at > 4


def deliver_quietly(market: Market, sale: bytes) -> None:
    """Deliver without passing the steps that crash."""
    seller = market.ann.seller
    found = market.sale(sale)
    offer = SignedDeal(seller.deal_of(found), b"", seller.domain)
    deliver_anything(market.ann, found, offer, market.copies.keys[offer.deal.manifest_root])


def test_a_buyer_who_disputes_crashes_anywhere(market: Market) -> None:
    notes = Drop(str(market.folder / "notes"))
    manifest = market.copy()
    at = 0
    while True:
        offer = market.ann.offer(manifest, "1 MILK")
        before = market.balance(market.dai)
        sale = market.dai.buy(offer)
        deliver_anything(market.ann, sale, offer, bytes(31) + b"\7")
        crashed = False
        with power_goes(at):
            try:
                again(market, "dai").buyer.step(notes, patience=0)
            except Crash:
                crashed = True
        again(market, "dai").buyer.step(notes, patience=0)
        again(market, "dai").buyer.step(notes, patience=0)
        assert market.sale(sale.id).state == SaleState.KEY_WRONG
        assert market.balance(market.dai) == before
        if not crashed:
            break
        at += 1
    assert at > 2


# ------------------------------------------------------------------------------------------------- watching


def test_a_node_that_is_away_is_asked_again(market: Market) -> None:
    told: list[Did] = []
    pauses: list[float] = []
    node = [NetworkError("the node does not answer", "start it")] * 9

    def step() -> list[Did]:
        if node:
            raise node.pop()
        return market.ann.seller.step()

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        return len(pauses) < 11

    _, sale = market.sold()
    watch(step, told.append, wait, every=5)
    assert [did.what for did in told] == ["waiting", "delivered"]
    assert pauses[:5] == [10, 20, 40, 60, 60]
    assert pauses[9] == 5
    assert market.sale(sale.id).state == SaleState.DELIVERED


def test_a_real_node_that_is_down_for_a_while(market: Market) -> None:
    """Down just before her delivery, and just before his payment: both go on when it is back."""
    _, sale = market.sold()
    provider: Any = market.chain.web3.provider
    here = provider.endpoint_uri
    looks = [0]

    def wait(_: float) -> bool:
        looks[0] += 1
        provider.endpoint_uri = here if looks[0] % 3 else _NOWHERE
        return looks[0] < 8

    def both() -> list[Did]:
        return market.ann.seller.step() + market.dai.buyer.step()

    told: list[Did] = []
    provider.endpoint_uri = _NOWHERE
    try:
        watch(both, told.append, wait, every=1)
    finally:
        provider.endpoint_uri = here
    assert "waiting" in [did.what for did in told]
    assert [did.what for did in told if did.transaction] == ["delivered", "settled"]
    assert market.sale(sale.id).state == SaleState.PAID


_NOWHERE = "http://127.0.0.1:9"


def test_what_was_read_is_not_read_again_unless_the_chain_turned(market: Market) -> None:
    _, first = market.sold()
    assert market.ann.seller.step()
    rpc_call(market.chain, "anvil_mine", hex(200))
    market.ann.seller.step()
    reached = market.ann.book.reached(f"seller {market.ann.seller.address}")
    assert reached is not None
    assert first.bought_block < reached[0] < market.chain.block_number()
    # What is open is followed all the same, and what is new is found.
    second = market.eve.buy(market.ann.offer(market.copy(), "5 MILK"))
    view = market.ann.seller.follow("seller")
    assert set(view.sales) == {first.id, second.id}
    # Deeper than anybody expects: everything is read anew, and nothing is taken for true that is gone.
    rpc_call(market.chain, "anvil_reorg", market.chain.block_number() - first.bought_block + 1, [])
    assert market.ann.seller.follow("seller").sales == {}
    assert market.ann.seller.step() == []


def test_a_purchase_below_what_was_read_is_found_when_the_chain_turned(market: Market) -> None:
    offer = market.ann.offer(market.copy(), "5 MILK")
    before = rpc_call(market.chain, "evm_snapshot")
    rpc_call(market.chain, "anvil_mine", hex(200))
    market.ann.seller.step()
    rpc_call(market.chain, "evm_revert", before)
    sale = market.dai.buy(offer)
    reached = market.ann.book.reached(f"seller {market.ann.seller.address}")
    assert reached is not None
    assert sale.bought_block < reached[0]
    assert whats(market.ann.seller.step()) == ["delivered"]


def test_he_is_told_to_erase(market: Market) -> None:
    _, sale = market.delivered()
    market.dai.buyer.step()
    market.ann.revoke(sale.id)
    (did,) = market.dai.buyer.step()
    assert (did.what, did.about) == ("consent withdrawn", sale.id)
    market.dai.acknowledge(sale.id)
    assert market.dai.buyer.step() == []
