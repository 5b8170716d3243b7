"""Requests with a budget: answered off the chain, checked, taken one or many; nothing is paid unseen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.client.data.conftest import DAY, ROWS, Market
from tests.client.trade.conftest import poor
from troc.accounts import open_account
from troc.data.attesting import Attested, Ledger, Opened, attest
from troc.data.chunks import Content, lay_out
from troc.data.cipher import new_key
from troc.data.client import Data
from troc.data.deals import SaleState, SignedDeal, sign_deal
from troc.data.manifest import Manifest, seal
from troc.data.party import Drop
from troc.data.requests import ANSWER, Open
from troc.errors import ContractError, DealError
from troc.messages import ZERO_ADDRESS


class Town:
    """Answerers with records, and an attestor (the grocer) who vouches for them."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.grocer = open_account("dev:7", market.chain.config)
        self.drop = Drop(str(market.folder / "answers"))
        self.ledger = Ledger(market.folder / "ledger.jsonl")

    def person(self, name: str) -> Data:
        return self.market.party(name)

    def record(self, name: str, rows: Any = ROWS, schema: str = "dairy") -> tuple[Manifest, Attested]:
        """A record of a person's, sealed, and what the grocer says of it."""
        market = self.market
        record, key = lay_out(Content.of_rows(rows), new_key()), new_key()
        manifest, blob = seal(record, key, schema, None, None)
        market.copies.manifests[manifest.root], market.copies.blobs[manifest.root] = manifest, blob
        market.copies.keys[manifest.root] = key
        opened = Opened.of(record, poor(name).address, schema)
        now = market.now()
        (found,) = attest(
            [opened],
            self.grocer,
            market.chain.chain_id,
            market.ann.seller.sales.address,
            now,
            now + 90 * DAY,
            self.ledger,
        )
        return manifest, found

    def request(self, number: int = 5, attested: bool = True, price: str = "50 MILK") -> Open:
        """Dai's request."""
        requests = self.market.dai.requests
        drafted = requests.draft(
            self.market.dai.buyer.money(price),
            number,
            schema="dairy",
            attestor=self.grocer.address if attested else "",
        )
        return requests.find(requests.open(drafted))

    def answer(self, found: Open, name: str, attested: bool = True, **more: Any) -> SignedDeal:
        """A person's answer, put where the buyer looks."""
        manifest, word = self.record(name, **more)
        signed = self.person(name).requests.fill(found, manifest, attested=word if attested else None)
        self.put(signed)
        return signed

    def put(self, signed: SignedDeal) -> None:
        self.drop.put(f"{signed.id[2:]}{ANSWER}", signed.to_json())


@pytest.fixture
def town(market: Market) -> Town:
    return Town(market)


def test_a_request_with_several_answers(market: Market, town: Town) -> None:
    before = market.balance(market.dai)
    found = town.request(5)
    assert market.balance(market.dai) == before - 250
    names = ["gil", "hal", "ida"]
    for name in names:
        town.answer(found, name)
    done = market.dai.requests.step(town.drop)
    assert [did.what for did in done] == ["taken"] * 3
    assert market.dai.requests.step(town.drop) == []
    sales = [market.sale(did.about) for did in done]
    assert len({sale.point_b for sale in sales}) == 3
    for name in names:
        assert [did.what for did in town.person(name).seller.step()] == ["delivered"]
    for sale in sales:
        assert [dict(row) for row in market.dai.open(sale.id).rows] == ROWS
    assert [did.what for did in market.dai.buyer.step()] == ["settled"] * 3
    assert market.balance(town.person("gil")) == 50
    # The rest comes back.
    again = market.dai.requests.find(found.id)
    assert again.left == 2
    market.pass_to(found.request.open_until + 1)
    assert [did.what for did in market.dai.requests.step(town.drop)] == ["closed"]
    assert market.balance(market.dai) == before - 150
    assert market.dai.requests.find(found.id).state(market.now())[0] == "closed"


def test_an_answer_is_not_bought_without_its_request(market: Market, town: Town) -> None:
    signed = town.answer(town.request(), "gil")
    with pytest.raises(ContractError):
        market.dai.buy(signed)


def test_one_subject_is_taken_once(market: Market, town: Town) -> None:
    found = town.request(5)
    first, second = town.answer(found, "gil"), town.answer(found, "gil", rows=[{"day": "x"}])
    judged = {each.signed.id: each.why for each in market.dai.requests.judge(found, [first, second])}
    assert judged == {first.id: "", second.id: "another answer of this subject comes first"}
    assert len(market.dai.requests.take(found, [first])) == 1
    assert "taken before" in market.dai.requests.judge(found, [second])[0].why
    assert [did.what for did in market.dai.requests.step(town.drop)] == []


def test_without_an_attestor_the_buyer_chooses(market: Market, town: Town) -> None:
    found = town.request(2, attested=False)
    first, second = (
        town.answer(found, "gil", attested=False, rows=[{"n": n}]) for n in (1, 2)
    )  # fmt: skip
    sales = market.dai.requests.take(found, [first, second])
    assert {sale.seller for sale in sales} == {town.person("gil").seller.address}
    assert market.dai.requests.find(found.id).left == 0


def test_what_is_no_good_answer_is_not_taken(market: Market, town: Town) -> None:
    found = town.request(5)
    good = town.answer(found, "gil")
    gil = town.person("gil").seller
    deal = good.deal
    papers = good.papers

    def signed(**changes: Any) -> SignedDeal:
        return gil.sign(replace(deal, **changes), papers=papers)

    def signed_anyhow(**changes: Any) -> SignedDeal:
        """Past the seller's own program, which refuses it."""
        return sign_deal(replace(deal, **changes), gil.domain, gil.troc.signer, papers=papers)

    junk = town.answer(found, "hal")
    market.copies.blobs[junk.deal.manifest_root] = b"junk"
    missing = town.answer(found, "ida")
    del market.copies.manifests[missing.deal.manifest_root]
    stolen = replace(
        town.person("ida").seller.sign(replace(deal, seller=town.person("ida").seller.address)), papers=papers
    )
    ended = signed(nonce=deal.nonce + 1 if deal.nonce & 0xFF < 222 else deal.nonce - 1)
    gil.cancel(ended)
    bad = {
        "price": signed(price=51),
        "terms": signed(terms_hash=b"\1" * 32),
        "longer than the request": signed(deliver_seconds=found.request.max_deliver_seconds + 1),
        "live longer": signed(live_until=deal.live_until + 1),
        "somebody else": signed(buyer=market.eve.buyer.address),
        "no attestation": replace(good, papers={}),
        "not about the seller": stolen,
        "ended": ended,
        "taken unseen": signed_anyhow(count=2**17 + 1),
        "not signed": replace(good, signature=b"\1" * 65),
        "damaged": junk,
        "vault does not answer": missing,
    }
    for why, answer in bad.items():
        (judged,) = market.dai.requests.judge(found, [answer])
        assert why in judged.why, (why, judged.why)
    for answer in bad.values():
        town.put(answer)
    town.drop.put(f"nonsense{ANSWER}", {"format": "troc-deal-1"})
    town.put(good)
    done = market.dai.requests.step(town.drop)
    assert [did.what for did in done] == ["taken"]
    assert market.sale(done[0].about).seller == gil.address


def test_what_the_attestor_revoked_or_never_said_does_not_count(market: Market, town: Town) -> None:
    found = town.request(5)
    first, second = town.answer(found, "gil"), town.answer(found, "hal")
    attestors = market.chain.contract("Attestors", market.deployment.address("Attestors"))
    index = int(first.papers["attestation"]["attestation"]["index"])
    market.chain.send(attestors.functions.revokeAttestations([index]), town.grocer)
    (judged,) = market.dai.requests.judge(found, [first])
    assert "revoked" in judged.why
    forged = {**second.papers["attestation"], "signature": first.papers["attestation"]["signature"]}
    (judged,) = market.dai.requests.judge(found, [replace(second, papers={"attestation": forged})])
    assert "not signed" in judged.why
    manifest, word = town.record("ida")
    with pytest.raises(DealError, match="attestation does not count"):
        town.person("gil").requests.fill(found, manifest, attested=word)
    with pytest.raises(DealError, match="wants an attestation"):
        town.person("ida").requests.fill(found, manifest)
    other, word = town.record("ida", schema="income")
    with pytest.raises(DealError, match="something else"):
        town.person("ida").requests.fill(found, other, attested=word)


def test_taking_again_after_a_crash_takes_once(market: Market, town: Town) -> None:
    found = town.request(5)
    answers = [town.answer(found, name) for name in ("gil", "hal")]
    first = market.dai.requests.take(found, answers[:1])
    again = market.party("dai").requests
    judged = again.judge(found, answers)
    assert ["taken before" in each.why for each in judged] == [True, False]
    # The one-time points are those of the book.
    assert len(market.dai.book.points(answers[0].digest)) == 1
    sales = again.take(found, [each.signed for each in judged if not each.why])
    assert sales[0].point_b != first[0].point_b


def test_a_buyer_with_ether_takes_many_at_once(market: Market, town: Town) -> None:
    requests = market.fox.requests
    found = requests.find(
        requests.open(
            requests.draft(market.fox.buyer.money("5 MILK"), 3, schema="dairy", attestor=town.grocer.address)
        )
    )
    answers = [town.answer(found, name) for name in ("gil", "hal")]
    sent = market.chain.transaction_count(market.fox.buyer.address)
    sales = requests.take(found, answers)
    assert [sale.state for sale in sales] == [SaleState.BOUGHT] * 2
    assert market.chain.transaction_count(market.fox.buyer.address) == sent + 1
    single = town.answer(found, "ida")
    assert requests.take(found, [single])[0].seller == town.person("ida").seller.address


def test_only_its_buyer_takes_and_closes(market: Market, town: Town) -> None:
    found = town.request()
    answer = town.answer(found, "gil")
    with pytest.raises(DealError, match="only who opened"):
        market.eve.requests.take(found, [answer])
    with pytest.raises(DealError, match="only who opened"):
        market.eve.requests.close(found)
    market.dai.requests.close(found, market.eve.buyer.address)
    with pytest.raises(DealError, match="nothing is left"):
        market.dai.requests.close(market.dai.requests.find(found.id))


def test_a_request_is_opened_once(market: Market) -> None:
    requests = market.dai.requests
    drafted = requests.draft(market.dai.buyer.money("5 MILK"), 3)
    paid = market.balance(market.dai)
    assert requests.open(drafted) == requests.open(drafted)
    assert market.balance(market.dai) == paid - 15
    assert drafted.attestor == ZERO_ADDRESS


def test_an_attested_seller_counts_in_the_record(market: Market, town: Town) -> None:
    found = town.request()
    (sale,) = market.dai.requests.take(found, [town.answer(found, "gil")])
    gil = town.person("gil")
    gil.deliver(sale.id)
    market.dai.settle(sale.id)
    gil.revoke(sale.id)
    buyer = market.dai.buyer.address
    record = market.ann.standings.record(buyer)
    assert (record.not_due.sellers, record.apart) == (1, 0)
    market.pass_to(market.now() + 31 * DAY)
    assert market.ann.standings.record(buyer).never.money == {found.request.token: 50}
    market.dai.acknowledge(sale.id)
    assert market.ann.standings.record(buyer).late.sellers == 1


def test_criteria_that_betray_are_warned_of(market: Market, town: Town) -> None:
    warnings = market.ann.requests.warnings(town.request(3), "diabetics, 30 to 40")
    assert any("diabetics" in each for each in warnings)
    assert any("never used" in each for each in warnings)
    # Of many answers, by the kinds of the terms alone.
    many = town.request(20)
    assert market.ann.requests.warnings(many, "", ("purchases",)) == ()
    special, advice = market.ann.requests.warnings(many, "", ("health", "purchases"))
    assert (special, "never used" in advice) == (
        "the request asks for health, which the law protects above others",
        True,
    )


def test_anybody_looks_at_requests_and_buyers_without_an_account(market: Market) -> None:
    nobody = market.everyone.data
    assert isinstance(nobody.requests.all(), list)
    assert nobody.standings.who_buys(market.dai.buyer.address).record is not None
