"""Consent on a chain: attestations that the market takes, their end, receipts of real sales, the commands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.client.core.command import troc_here
from tests.client.core.conftest import home
from tests.client.data.conftest import ROWS, Market, deployed, market
from tests.client.data.consent_cases import FIELDS, fields
from troc.accounts import open_account
from troc.data.attesting import Attested, Ledger, Opened, Trusted, attest, doubts
from troc.data.chunks import Content, lay_out
from troc.data.consent import Terms, keep_terms
from troc.data.facts import (
    facts_of_offer,
    facts_of_sale,
    terms_folder,
    trust_list,
    who_buys,
    who_vouches,
)
from troc.data.manifest import seal
from troc.data.receipts import as_text, check_signed, sign_receipt
from troc.errors import DealError, InputError

__all__ = ["deployed", "home", "market"]

SECRET, KEY = b"\x31" * 32, b"\x32" * 32
SCHEMA = "dairy"


@pytest.fixture(autouse=True)
def own_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROC_HOME", "")
    monkeypatch.setenv("TROC_DATA", "")


def nobody(url: str) -> bytes:
    raise OSError


def vouched(market: Market, seller: Any, good: int = 86_400) -> tuple[Any, Attested]:
    """A sealed copy of a record that the brand attests for this seller."""
    record = lay_out(Content.of_rows(ROWS), SECRET)
    manifest, blob = seal(record, KEY, SCHEMA, None, None)
    market.copies.manifests[manifest.root], market.copies.blobs[manifest.root] = manifest, blob
    market.copies.keys[manifest.root] = KEY
    brand, now = open_account("dev:0", market.chain.config), market.now()
    opened = Opened.of(record, seller.seller.address, SCHEMA)
    ledger = Ledger(market.folder / "attested.jsonl")
    address = seller.seller.domain.verifying_contract
    [one] = attest([opened], brand, market.chain.chain_id, address, now, now + good, ledger)
    return manifest, one


def test_the_market_takes_what_the_client_attests(market: Market) -> None:
    manifest, one = vouched(market, market.ann)
    asking = market.dai.requests
    brand = open_account("dev:0", market.chain.config).address
    price = market.dai.buyer.money("50 MILK")
    id_ = asking.open(asking.draft(price, 2, schema=SCHEMA, attestor=brand))
    answer = market.ann.requests.fill(market.ann.requests.find(id_), manifest, attested=one)
    # Of another content, and with a number that was not signed, it takes neither.
    for forged in (
        replace(one, attestation=replace(one.attestation, count=17)),
        replace(one, attestation=replace(one.attestation, index=5)),
    ):
        with pytest.raises(DealError):
            market.ann.requests.fill(market.ann.requests.find(id_), manifest, attested=forged)
    # The buyer reads who vouches; whom he trusts is his own list.
    vouched_by = who_vouches(market.dai.buyer, answer, manifest)
    assert (vouched_by.attested_by, vouched_by.trusted, vouched_by.doubts) == (brand, False, ())
    trust_list().add(Trusted(brand, "Le Panier", "panier.example", (SCHEMA,)))
    vouched_by = who_vouches(market.dai.buyer, answer, manifest)
    assert vouched_by.attested_by == "Le Panier (proven domain panier.example)"
    assert vouched_by.trusted
    other = market.copy(ROWS[:3])
    assert who_vouches(market.dai.buyer, answer, other).doubts == ("it is about other content",)
    trust_list().remove(brand)
    [sale] = asking.take(asking.find(id_), [answer])
    assert sale.seller == market.ann.seller.address
    facts = facts_of_sale(market.dai.buyer, sale, nobody)
    assert facts.attestor == brand


def test_what_is_revoked_counts_no_longer(market: Market) -> None:
    manifest, one = vouched(market, market.ann)
    brand = open_account("dev:0", market.chain.config)
    contract = market.chain.contract("Attestors", market.deployment.address("Attestors"))

    def is_revoked(attestor: str, index: int) -> bool:
        return bool(market.chain.call(contract.functions.isRevoked(attestor, index)))

    about = Opened.of(lay_out(Content.of_rows(ROWS), SECRET), one.attestation.subject, SCHEMA).about()
    assert (manifest.plain_root, manifest.layout.count) == (about.plain_root, about.count)
    assert doubts(one, about, market.now(), is_revoked) == []
    market.chain.send(contract.functions.revokeAttestations([one.attestation.index]), brand)
    assert doubts(one, about, market.now(), is_revoked) == ["the attestor has revoked it"]


def test_a_receipt_tells_what_really_happened(market: Market) -> None:
    dai, ann = market.dai.buyer.address, market.ann.seller.address
    terms = Terms.draft(fields(), market.chain.chain_id, dai, market.now())
    manifest = market.copy()
    offer = market.ann.offer(
        manifest, "50 MILK", to=dai, terms_hash=terms.hash, papers={"terms": dict(terms.document)}
    )
    stands = facts_of_offer(market.ann.buyer, offer, market.now(), nobody)
    assert "offered for 50" in as_text(sign_receipt(stands, market.ann.seller.troc.signer, market.now()))
    sale = market.dai.buy(offer)
    market.ann.deliver(sale.id)
    market.dai.settle(sale.id)
    market.ann.revoke(sale.id)
    market.dai.acknowledge(sale.id)
    for side in (market.ann, market.dai):
        facts = facts_of_sale(side.buyer, market.sale(sale.id), nobody)
        assert (facts.seller, facts.buyer, facts.outcome) == (ann, dai, "paid")
        assert facts.purpose == "commercial research"
        assert 0 < facts.bought_at <= facts.delivered_at <= facts.ended_at <= facts.revoked_at
        assert facts.acknowledged_at >= facts.revoked_at
        signed = sign_receipt(facts, side.seller.troc.signer, market.now())
        check_signed(signed)
        assert signed.step == "acknowledged"
        assert "DairyLab SAS states that it erased" in as_text(signed)
        earlier = sign_receipt(facts, side.seller.troc.signer, market.now(), "delivered")
        assert earlier.facts.outcome == ""


def test_a_seller_reads_a_name_that_is_claimed_and_a_domain_that_is_proven(market: Market) -> None:
    buyer, chain_id = market.fox.buyer.address, market.chain.chain_id
    terms = Terms.draft(fields(), chain_id, buyer, market.now())

    def agrees(url: str) -> bytes:
        assert url == "https://dairylab.example/.well-known/troc.json"
        return json.dumps({"accounts": [{"chainId": chain_id, "account": buyer}]}).encode()

    standings = market.ann.standings
    claimed = who_buys(standings, buyer, terms, nobody)
    assert (claimed.name, claimed.domain) == ("DairyLab SAS", "")
    assert who_buys(standings, buyer, terms, agrees).domain == "dairylab.example"
    # Terms of somebody else lend nobody their name.
    stranger = who_buys(standings, market.dai.buyer.address, terms, agrees)
    assert (stranger.name, stranger.domain) == ("", "")


def test_a_receipt_of_a_refund_and_without_terms(market: Market) -> None:
    offer, sale = market.sold()
    market.pass_to(sale.deliver_by + 1)
    market.dai.buyer.refund(market.sale(sale.id))
    facts = facts_of_sale(market.ann.buyer, market.sale(sale.id), nobody)
    assert (facts.outcome, facts.purpose, facts.erase_by) == ("refunded", "", 0)
    text = as_text(sign_receipt(facts, market.ann.seller.troc.signer, market.now()))
    assert "returned to the buyer: the key did not come in" in text
    assert offer.digest == facts.deal


# --------------------------------------------------------------------------------------------- the commands


@pytest.fixture
def troc(
    market: Market, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """`troc data`, as a development account, where the market is deployed."""
    folder = market.chain.config.folder
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "local.yaml").write_text(
        "chain_id: local\nrpc: http://127.0.0.1:1\npoll_seconds: 0.01\n"
    )
    secret = market.folder / "passphrase"
    secret.write_text("a long passphrase of the vault\n")
    monkeypatch.setenv("TROC_VAULT_PASSWORD_FILE", str(secret))

    def run(account: str, *arguments: str, fails: bool = False) -> Any:
        code, out, err = troc_here(
            "--rpc",
            market.chain.config.rpc,
            "--yes",
            "--json",
            "--account",
            account,
            "data",
            *arguments,
            capsys=capsys,
            cwd=folder,
            monkeypatch=monkeypatch,
        )
        assert (code != 0) == fails, err
        return err if fails else json.loads(out)

    return run


def test_commands_for_terms_and_receipts(market: Market, troc: Callable[..., Any], tmp_path: Path) -> None:
    short = tmp_path / "terms.yaml"
    # Without a domain, so that nobody is asked over the network.
    plain = fields(controller={name: text for name, text in FIELDS["controller"].items() if name != "domain"})
    short.write_text(json.dumps(plain))
    made = troc("dev:5", "terms", str(short), "--out", str(tmp_path / "terms.json"))
    assert made["buyer"] == market.fox.buyer.address
    assert troc("dev:5", "terms", str(tmp_path / "terms.json"))["hash"] == made["hash"]
    short.write_text(json.dumps(fields(purpose="x", why=None)))
    assert "2 faults" in troc("dev:5", "terms", str(short), fails=True)
    terms = Terms.read((tmp_path / "terms.json").read_text())
    keep_terms(terms_folder(), terms)
    offer = market.ann.offer(market.copy(), "50 MILK", terms_hash=terms.hash)
    fox = market.everyone.as_account(open_account("dev:5", market.chain.config)).data
    sale = fox.using(fetch=market.copies.fetch).buy(offer)
    shown = troc("dev:5", "receipt", sale.name[:14])
    assert (shown["step"], shown["facts"]["purpose"]) == ("sold", "commercial research")
    for name in ("sold.pdf", "sold.txt"):
        troc("dev:5", "receipt", sale.name, "--out", str(tmp_path / name))
        checked = troc("dev:5", "receipt", "--check", str(tmp_path / name))
        assert checked["signed_by"] == market.fox.buyer.address
    text = (tmp_path / "sold.txt").read_text().replace("50 Le Panier", "60 Le Panier", 1)
    (tmp_path / "forged.txt").write_text(text)
    assert "another one" in troc("dev:5", "receipt", "--check", str(tmp_path / "forged.txt"), fails=True)
    assert "was not paid" in troc("dev:5", "receipt", sale.name, "--step", "paid", fails=True)


def test_commands_for_attestors(market: Market, troc: Callable[..., Any], tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("day,item\n2026-11-01,milk\n2026-11-02,butter\n")
    own = tmp_path / "own.csv"
    seller = open_account("dev:1", market.chain.config).address
    own.write_text(f"day,item,card,holder\n2026-11-01,milk,1,{seller}\n2026-11-02,butter,1,{seller}\n")
    copy = troc("dev:1", "add", str(rows), "--schema", SCHEMA)["root"]
    asked = tmp_path / "asked"
    asked.mkdir()
    troc("dev:1", "ask", copy, str(asked / "a.json"))
    with_rows = ["--against", str(own), "--holder", "holder"]
    assert "--unseen" in troc("dev:0", "attest", str(asked), fails=True)
    out = tmp_path / "out"
    [one] = troc("dev:0", "attest", str(asked), "--out", str(out), *with_rows)["attested"]
    [file] = out.glob("*.json")
    assert Attested.read(file).as_json() == one
    # Rows of somebody else's, or rows that the attestor does not have, are not vouched for.
    own.write_text(own.read_text().replace(seller, market.fox.buyer.address))
    assert "lacks 2 rows" in troc("dev:0", "attest", str(asked), *with_rows, fails=True)
    assert "lacks 1 row" in _lacking(troc, own, asked)
    # The list of whom one trusts.
    brand = open_account("dev:0", market.chain.config).address
    assert troc("dev:2", "trust", brand, "--name", "Le Panier", "--for", SCHEMA)["name"] == "Le Panier"
    assert troc("dev:2", "trust")["trusted"][0]["schemas"] == [SCHEMA]
    # One field, and nothing else, to whoever asked.
    challenge = troc("dev:2", "prove")["challenge"]
    proof = tmp_path / "proof.json"
    show = ["prove", copy, str(proof), "--fields", "item", "--where", "day=2026-11-02"]
    troc("dev:1", *show, "--attested", str(file), "--challenge", challenge)
    check = ["prove", "--check", str(proof), "--schema", SCHEMA]
    found = troc("dev:2", *check, "--challenge", challenge)
    assert (found["rows"], found["trusted"], found["subject"]) == ([{"item": "butter"}], True, seller)
    assert "nobody signed your challenge" in troc(
        "dev:2", *check, "--challenge", "0x" + "11" * 32, fails=True
    )
    # Revoked, it proves nothing any more.
    assert troc("dev:0", "attest", "--revoke", seller)["indices"] == [0]
    assert "has revoked it" in troc("dev:2", *check, "--challenge", challenge, fails=True)
    assert "nothing that you attested" in troc("dev:0", "attest", "--revoke", "yes", fails=True)
    troc("dev:2", "trust", brand, "--remove")
    assert troc("dev:2", "trust") == {"trusted": []}


def test_an_attestor_says_who_it_is(
    market: Market, troc: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says is a claim: the name beside the address, the domain only where that lists the account."""
    manifest, one = vouched(market, market.ann)
    offer = market.ann.offer(manifest, "50 MILK")
    offer = replace(offer, papers=dict(offer.papers) | {"attestation": one.as_json()})
    brand, chain_id = open_account("dev:0", market.chain.config).address, market.chain.chain_id
    lists: list[dict[str, Any]] = []

    def panier(url: str) -> bytes:
        assert url == "https://panier.example/.well-known/troc.json"
        return json.dumps({"accounts": lists}).encode()

    monkeypatch.setattr("troc.domains.fetch_https", panier)
    assert who_vouches(market.dai.buyer, offer, manifest, panier).attested_by == brand
    for wrong, says in (
        (["--domain", "panier.example"], "a name has 1 to 64 bytes, this one 0"),
        (["--name", "é" * 33], "this one 66"),
        (["--name", "Le Panier", "--domain", "panier"], "is no domain"),
    ):
        assert says in troc("dev:0", "attest", *wrong, fails=True)
    said = troc("dev:0", "attest", "--name", "Le Panier", "--domain", "panier.example")
    assert (said["name"], said["domain"]) == ("Le Panier", "panier.example")
    found = who_vouches(market.dai.buyer, offer, manifest, panier)
    assert found.attested_by == f"{brand}, which calls itself Le Panier (no proven domain),"
    entry = troc("dev:2", "trust", brand)
    assert (entry["name"], entry["domain"]) == ("Le Panier", "")
    lists.append({"chainId": chain_id, "account": brand})
    troc("dev:2", "trust", brand, "--remove")
    found = who_vouches(market.dai.buyer, offer, manifest, panier)
    assert found.attested_by == f"{brand}, which calls itself Le Panier (proven domain panier.example),"
    assert not found.trusted
    entry = troc("dev:2", "trust", brand, "--name", "the grocer")
    assert (entry["name"], entry["domain"]) == ("the grocer", "panier.example")
    found = who_vouches(market.dai.buyer, offer, manifest, nobody)
    assert (found.attested_by, found.trusted) == ("the grocer (proven domain panier.example)", True)


def _lacking(troc: Callable[..., Any], own: Path, asked: Path) -> str:
    own.write_text("day,item\n2026-11-01,milk\n")
    return str(troc("dev:0", "attest", str(asked), "--against", str(own), fails=True))


def test_a_file_that_is_not_there_is_named_once(troc: Callable[..., Any], tmp_path: Path) -> None:
    lost = str(tmp_path / "lost.json")
    for arguments in (["attest", lost, "--unseen"], ["terms", lost]):
        line = json.loads(troc("dev:2", *arguments, fails=True))
        assert (line["message"], line["remedy"]) == (f"there is no file {lost}", "check its name")


def test_a_file_that_is_no_answer_is_refused_in_one_line(troc: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "junk.json").write_text("[]")
    for arguments in (
        ["attest", str(tmp_path / "junk.json"), "--unseen"],
        ["receipt", "--check", str(tmp_path / "junk.json")],
        ["prove", "--check", str(tmp_path / "junk.json"), "--schema", "x"],
        ["terms", str(tmp_path / "junk.json")],
    ):
        line = json.loads(troc("dev:2", *arguments, fails=True))
        assert line["remedy"]
        assert not re.search("Traceback", line["message"])


def test_reverts_when_a_stranger_signs_a_receipt(market: Market) -> None:
    offer = facts_of_offer(market.ann.buyer, market.ann.offer(market.copy(), "1 MILK"), 1, nobody)
    with pytest.raises(InputError, match="no party of this sale"):
        sign_receipt(offer, open_account("dev:7", market.chain.config), 1)
