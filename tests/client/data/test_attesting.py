"""Attestors: opened records, attestations and why they do not count, trust, proofs of single fields."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import _hash_eip191_message
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client.data.consent_cases import CHAIN, DAY, MARKET, NOW, ROWS, SCHEMA, account, record
from troc.data import chunks, tree
from troc.data.attesting import (
    About,
    Attestation,
    Attested,
    Entry,
    Ledger,
    Opened,
    Proof,
    Shown,
    Trusted,
    TrustList,
    attest,
    check_shown,
    doubts,
    market_domain,
    missing_rows,
    schema_hash,
    show,
    trusted,
)
from troc.data.chunks import Content, lay_out
from troc.data.manifest import seal
from troc.domains import is_account_proven, is_proven
from troc.errors import InputError, TamperedError
from troc.messages import digest, sign, typed

GROCER, SELLER, BUYER, OTHER = account(0), account(1), account(2), account(3)
RECORD = record()
OPENED = Opened.of(RECORD, SELLER.address, SCHEMA)
ABOUT = OPENED.about()
END = NOW + 365 * DAY


def none_revoked(attestor: str, index: int) -> bool:
    return False


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "attested.jsonl")


def attestation(**changes: Any) -> Attestation:
    whole: dict[str, Any] = {
        "attestor": GROCER.address,
        "subject": SELLER.address,
        "schema": schema_hash(SCHEMA),
        "issued": NOW,
        "expires": END,
        "index": 7,
        "plain_root": ABOUT.plain_root,
        "count": ABOUT.count,
    }
    return Attestation(**whole | changes)


def attested(signer: Any = GROCER, **changes: Any) -> Attested:
    message = attestation(**{"attestor": signer.address} | changes)
    return Attested(message, CHAIN, MARKET, sign(message, market_domain(CHAIN, MARKET), signer))


# -------------------------------------------------------------------------------------------- attestations


def test_signs_the_message_that_the_market_checks() -> None:
    message = attestation()
    domain = market_domain(CHAIN, MARKET)
    assert Attestation.type_string() == (
        "Attestation(address attestor,address subject,bytes32 schema,uint256 issued,uint256 expires,"
        "uint256 index,Content content)Content(bytes32 plainRoot,uint256 count)"
    )
    assert _hash_eip191_message(typed(message, domain)) == digest(message, domain)
    content = keccak(b"Content(bytes32 plainRoot,uint256 count)")
    assert message.content_hash == keccak(content + ABOUT.plain_root + ABOUT.count.to_bytes(32))
    one = attested()
    assert one.argument() == (message.content_hash, NOW, END, 7, one.signature)
    assert Attested.from_json(json.loads(json.dumps(one.as_json()))) == one


def test_an_attestation_counts_from_its_first_second_to_its_last() -> None:
    one = attested()
    assert doubts(one, ABOUT, NOW, none_revoked) == []
    assert doubts(one, ABOUT, END, none_revoked) == []
    assert "counts from" in doubts(one, ABOUT, NOW - 1, none_revoked)[0]
    assert "counted until" in doubts(one, ABOUT, END + 1, none_revoked)[0]


@pytest.mark.parametrize(
    ("one", "about", "why"),
    [
        (attested(subject=OTHER.address), ABOUT, "not about the seller"),
        (attested(), replace(ABOUT, schema="grocer.income.v1"), "something else"),
        (attested(), replace(ABOUT, plain_root=bytes(32)), "other content"),
        (attested(), replace(ABOUT, count=ABOUT.count + 1), "other content"),
        (attested(SELLER), ABOUT, "attests herself"),
        (replace(attested(), attestation=attestation(index=8)), ABOUT, "not signed by"),
        (replace(attested(), market=GROCER.address), ABOUT, "not signed by"),
        (replace(attested(), chain_id=1), ABOUT, "not signed by"),
        (replace(attested(OTHER), attestation=attestation()), ABOUT, "not signed by"),
    ],
)
def test_says_why_an_attestation_does_not_count(one: Attested, about: About, why: str) -> None:
    assert any(why in doubt for doubt in doubts(one, about, NOW, none_revoked))


def test_asks_whether_it_was_revoked() -> None:
    asked = []

    def revoked(attestor: str, index: int) -> bool:
        asked.append((attestor, index))
        return True

    assert doubts(attested(), ABOUT, NOW, revoked) == ["the attestor has revoked it"]
    assert asked == [(GROCER.address, 7)]


def test_a_contract_wallet_may_attest() -> None:
    one = replace(attested(), signature=b"\x01" * 70)
    assert doubts(one, ABOUT, NOW, none_revoked, check=lambda *_: True) == []


@pytest.mark.parametrize(
    "data", [None, [], {}, {"attestation": 1, "chainId": 1, "market": 1, "signature": "0x"}]
)
def test_reverts_when_it_is_no_attestation(data: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        Attested.from_json(data)
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(InputError, match="no attestation"):
        Attested.read(tmp_path / "a.json")


# ----------------------------------------------------------------------------------------- opened records


def test_an_attestor_sees_all_that_it_vouches_for() -> None:
    found = Opened.from_json(json.loads(json.dumps(OPENED.as_json())))
    assert found == OPENED
    assert [dict(row) for row in found.rows] == ROWS
    manifest, _ = seal(RECORD, b"\x01" * 32, SCHEMA)
    assert (manifest.plain_root, manifest.layout.count) == (found.plain_root, ABOUT.count)


def test_an_attestor_sees_a_file() -> None:
    found = Opened.of(
        lay_out(Content.of_file(b"x" * 3_000, "scan.png"), b"\x05" * 32), SELLER.address, "scan.v1"
    )
    assert Opened.from_json(found.as_json()).data == b"x" * 3_000
    # A name that is hidden from whoever vouches would be vouched for all the same.
    data = found.as_json()
    data["record"]["labels"][0] = {"hash": "0x" + found.layout.labels[0].hash.hex()}
    with pytest.raises(InputError, match="hides what its fields are"):
        Opened.from_json(data)


def spoilt(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(json.dumps(OPENED.as_json()))
    change(data)
    return data


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["chunks"].pop(),
        lambda data: data["chunks"].__setitem__(0, data["chunks"][0] + "00"),
        lambda data: data["chunks"].__setitem__(0, "0x" + "ff" * 256),
        lambda data: data["chunks"].__setitem__(1, data["chunks"][0]),
        lambda data: data["record"]["labels"].__setitem__(0, {"hash": "0x" + "11" * 32}),
        lambda data: data["record"]["labels"].__setitem__(0, data["record"]["labels"][1]),
        lambda data: data["record"].update(count=3),
        lambda data: data["record"].update(widths=[1]),
        lambda data: data["record"].update(kind="cube"),
        lambda data: data.update(subject="0x12"),
        lambda data: data.pop("schema"),
        lambda data: data.update(chunks=None),
    ],
)
def test_reverts_when_an_opened_record_makes_no_sense(change: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(InputError):
        Opened.from_json(spoilt(change))


def test_compares_with_what_the_attestor_has_itself() -> None:
    own = [{name: str(value) for name, value in row.items()} | {"card": "1"} for row in ROWS]
    assert missing_rows(OPENED, own) == []
    assert missing_rows(OPENED, own[1:]) == [ROWS[0]]
    # A row that is there once vouches for one row.
    doubled = Opened.of(record([ROWS[0], ROWS[0]]), SELLER.address, SCHEMA)
    assert missing_rows(doubled, own) == [ROWS[0]]


def test_rows_of_another_customer_do_not_count() -> None:
    own = [row | {"holder": OTHER.address} for row in ROWS]
    assert missing_rows(OPENED, own, "holder") == ROWS
    assert missing_rows(OPENED, [row | {"holder": SELLER.address.lower()} for row in own], "holder") == []


# ---------------------------------------------------------------------------------------------- attesting


def test_attests_many_at_once_each_under_a_number_of_its_own(ledger: Ledger) -> None:
    records = [
        Opened.of(lay_out(Content.of_rows([{"n": n}]), bytes([n]) * 32), account(1 + n % 4).address, SCHEMA)
        for n in range(20)
    ]
    first = attest(records, GROCER, CHAIN, MARKET, NOW, END, ledger)
    assert sorted(one.attestation.index for one in first) == list(range(20))
    for one, opened in zip(first, records, strict=True):
        assert doubts(one, opened.about(), NOW, none_revoked) == []
    # The chain shows the numbers: they must not be the order of the list.
    assert [one.attestation.index for one in first] != list(range(20))
    again = attest(records[:2], GROCER, CHAIN, MARKET, NOW, END, ledger)
    assert sorted(one.attestation.index for one in again) == [20, 21]
    of_subject = ledger.indices_of(records[0].subject)
    assert {
        one.attestation.index for one in (*first, *again) if one.attestation.subject == records[0].subject
    } == set(of_subject)


def test_reverts_when_an_attestation_makes_no_sense(ledger: Ledger) -> None:
    with pytest.raises(InputError, match="end before it begins"):
        attest([OPENED], GROCER, CHAIN, MARKET, NOW, NOW - 1, ledger)
    with pytest.raises(InputError, match="her own record"):
        attest([OPENED], SELLER, CHAIN, MARKET, NOW, END, ledger)
    assert ledger.entries() == []


def test_a_cut_ledger_uses_no_number_twice(tmp_path: Path, ledger: Ledger) -> None:
    attest([OPENED, OPENED], GROCER, CHAIN, MARKET, NOW, END, ledger)
    path = tmp_path / "attested.jsonl"
    path.write_text(path.read_text() + '{"index": 2, "sub')
    assert ledger.next_index == 2
    attest([OPENED], GROCER, CHAIN, MARKET, NOW, END, ledger)
    assert [entry.index for entry in ledger.entries()] == [0, 1, 2]
    with pytest.raises(InputError, match="used twice"):
        ledger.add([Entry(1, SELLER.address, SCHEMA, "0x", NOW, END)])
    path.write_text("no ledger\n")
    with pytest.raises(InputError, match="no ledger"):
        ledger.entries()


# --------------------------------------------------------------------------------------------------- trust


def serves(accounts: Any) -> Callable[[str], bytes]:
    def fetch(url: str) -> bytes:
        assert url == "https://panier.example/.well-known/troc.json"
        return json.dumps({"accounts": accounts}).encode()

    return fetch


def test_a_domain_names_its_accounts() -> None:
    right = serves([{"chainId": CHAIN, "account": GROCER.address}])
    assert is_account_proven("panier.example", CHAIN, GROCER.address, right)
    assert not is_account_proven("panier.example", 1, GROCER.address, right)
    assert not is_account_proven("panier.example", CHAIN, OTHER.address, right)
    # An account is no points, and the other way round.
    assert not is_proven("panier.example", CHAIN, GROCER.address, right)
    assert not is_account_proven("panier.example", CHAIN, GROCER.address, serves("no list"))


def test_trusts_only_whom_the_buyer_chose_and_for_what(tmp_path: Path) -> None:
    known = TrustList(tmp_path / "trusted.json")
    assert not known.trusts(GROCER.address, SCHEMA)
    fetch = serves([{"chainId": CHAIN, "account": GROCER.address}])
    known.add(trusted(GROCER.address, "Le Panier", "panier.example", CHAIN, NOW, fetch, [SCHEMA]))
    known.add(trusted(OTHER.address, "", "", CHAIN, NOW, fetch))
    again = TrustList(tmp_path / "trusted.json")
    assert again.trusts(GROCER.address.lower(), SCHEMA)
    assert not again.trusts(GROCER.address, "grocer.income.v1")
    assert again.trusts(OTHER.address, "anything")
    assert again.entries()[GROCER.address].title == "Le Panier (proven domain panier.example)"
    assert "no proven domain" in again.entries()[OTHER.address].title
    again.remove(OTHER.address)
    assert not known.trusts(OTHER.address, "anything")
    with pytest.raises(InputError, match="not on the list"):
        again.remove(OTHER.address)


def test_reverts_when_a_domain_does_not_say_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not say that"):
        trusted(OTHER.address, "x", "panier.example", CHAIN, NOW, serves([]))
    with pytest.raises(InputError, match="is no domain"):
        trusted(OTHER.address, "x", "Panier", CHAIN, NOW, serves([]))
    (tmp_path / "trusted.json").write_text('{"trusted": [{"address": 1}]}')
    with pytest.raises(InputError, match="no list of attestors"):
        TrustList(tmp_path / "trusted.json").entries()
    assert Trusted(OTHER.address, "x\x1b").title == "x\ufffd (no proven domain)"


# ------------------------------------------------------------------------------------ proofs of single fields


def test_proves_a_field_and_tells_nothing_else() -> None:
    proof = Proof.of(RECORD, ["household"], {"day": "2026-03-04"})
    found = Proof.from_json(json.loads(json.dumps(proof.as_json())))
    assert found.plain_root == ABOUT.plain_root
    assert found.rows == ({"household": 4},)
    text = json.dumps(proof.as_json())
    for secret in ("yoghurt", "cents", "item", "2026"):
        assert secret not in text
        assert secret.encode().hex() not in text
    # How many rows there are is not told either.
    assert proof.layout.rows is None


def test_two_fields_prove_with_fewer_hashes_than_one_by_one() -> None:
    one = Proof.of(RECORD, ["household"])
    assert len(one.hashes) < 12 * tree.height(RECORD.layout.count)
    assert [row["household"] for row in one.rows] == [4] * 12


SHOWN = Proof.of(RECORD, ["item", "cents"], {"day": "2026-03-04"})


@pytest.mark.parametrize(
    "proof",
    [
        replace(SHOWN, hashes=SHOWN.hashes[:-1]),
        replace(SHOWN, hashes=(*SHOWN.hashes, bytes(32))),
        replace(SHOWN, hashes=(SHOWN.hashes[0][:31], *SHOWN.hashes[1:])),
        replace(SHOWN, hashes=()),
        replace(SHOWN, places=SHOWN.places[::-1]),
        replace(SHOWN, places=SHOWN.places[:1] * 2),
        replace(SHOWN, places=(SHOWN.places[0], SHOWN.layout.count)),
        replace(SHOWN, places=(-1, SHOWN.places[1])),
        replace(SHOWN, places=(), chunks=()),
        replace(SHOWN, chunks=SHOWN.chunks[:1]),
        replace(SHOWN, chunks=(SHOWN.chunks[0] + b"\0", SHOWN.chunks[1])),
        replace(SHOWN, layout=replace(SHOWN.layout, kind="cube")),
    ],
)
def test_reverts_when_a_proof_does_not_fit(proof: Proof) -> None:
    with pytest.raises(InputError):
        assert proof.plain_root


def test_another_place_chunk_label_or_layout_leads_to_another_root() -> None:
    others = [
        replace(SHOWN, places=(SHOWN.places[0] - 1, *SHOWN.places[1:])),
        replace(SHOWN, chunks=SHOWN.chunks[::-1]),
        replace(SHOWN, chunks=(chunks.pack(bytes(32), b'[3, "item", "gold"]', 256), SHOWN.chunks[1])),
        replace(SHOWN, layout=replace(SHOWN.layout, labels=SHOWN.layout.labels[::-1])),
        replace(SHOWN, layout=replace(SHOWN.layout, widths=(2, 1, 1, 1))),
    ]
    for other in others:
        assert other.plain_root != ABOUT.plain_root


def test_an_inner_node_does_not_pass_for_a_chunk() -> None:
    """Two nodes of the tree, put forward as a chunk of a smaller tree, lead nowhere."""
    levels = tree.levels(chunks.place_leaves(range(RECORD.layout.count), RECORD.plain_leaves()))
    pair = b"".join(levels[1][:2])
    small = replace(RECORD.layout, count=RECORD.layout.count // 4, chunk_size=len(pair))
    forged = Proof(small, (0,), (pair,), tuple(tree.proof(levels[2:], 0)))
    with pytest.raises(InputError):
        assert forged.plain_root
    # Nor where the size of chunks is left alone.
    padded = Proof(replace(small, chunk_size=256), (0,), (pair.ljust(256, b"\0"),), forged.hashes)
    assert padded.plain_root != ABOUT.plain_root


@settings(max_examples=60)
@given(st.data())
def test_any_selection_of_leaves_is_proven_and_no_other(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 70))
    leaves = [keccak(bytes([number])) for number in range(count)]
    places = sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1)))
    levels = tree.levels(leaves)
    hashes = tree.multiproof(levels, places)
    chosen = [leaves[place] for place in places]
    assert tree.root_by_multiproof(count, places, chosen, hashes) == levels[-1][0]
    # Each leaf by itself needs exactly as many hashes as the tree is high.
    for place in places:
        single = tree.proof(levels, place)
        assert len(single) == tree.height(count)
        assert tree.root_by_proof(count, place, leaves[place], single) == levels[-1][0]
    at = data.draw(st.integers(0, len(places) - 1))
    wrong = [*chosen[:at], keccak(b"wrong"), *chosen[at + 1 :]]
    assert tree.root_by_multiproof(count, places, wrong, hashes) != levels[-1][0]
    if hashes:
        at = data.draw(st.integers(0, len(hashes) - 1))
        assert tree.root_by_multiproof(
            count, places, chosen, [*hashes[:at], bytes(32), *hashes[at + 1 :]]
        ) != levels[-1][0] or hashes[at] == bytes(32)
    for spoilt_hashes in (hashes[:-1] if hashes else [bytes(32)], [*hashes, bytes(32)]):
        with pytest.raises(InputError):
            tree.root_by_multiproof(count, places, chosen, spoilt_hashes)
    with pytest.raises(InputError):
        tree.root_by_multiproof(count, [*places, places[-1]], [*chosen, chosen[-1]], hashes)


# ------------------------------------------------------------------------------------------ shown to somebody

CHALLENGE = b"\x0c" * 32


def shown_to_somebody() -> Shown:
    return show(SHOWN, attested(), SELLER, CHALLENGE, NOW + 600)


def test_shows_attested_fields_to_whoever_asked() -> None:
    shown = Shown.from_json(json.loads(json.dumps(shown_to_somebody().as_json())))
    assert check_shown(shown, SCHEMA, NOW, none_revoked, CHALLENGE) == ({"item": "yoghurt 0", "cents": 103},)
    # Without a challenge anyone may have handed it on.
    assert check_shown(show(SHOWN, attested()), SCHEMA, NOW, none_revoked)


def test_a_proof_that_somebody_else_got_is_worth_nothing_to_him() -> None:
    shown = shown_to_somebody()
    fresh = b"\x0d" * 32
    with pytest.raises(TamperedError, match="nobody signed your challenge"):
        check_shown(shown, SCHEMA, NOW, none_revoked, fresh)
    assert shown.disclosure is not None
    stolen = replace(shown.disclosure, subject=OTHER.address, challenge=fresh)
    forged = replace(shown, disclosure=stolen, signature=sign(stolen, shown_domain(), OTHER))
    with pytest.raises(TamperedError, match="somebody else than the subject"):
        check_shown(forged, SCHEMA, NOW, none_revoked, fresh)
    with pytest.raises(InputError):
        show(SHOWN, attested(), OTHER, fresh, NOW)
    renamed = replace(shown.disclosure, challenge=fresh)
    with pytest.raises(TamperedError, match="somebody else than the subject"):
        check_shown(replace(shown, disclosure=renamed), SCHEMA, NOW, none_revoked, fresh)
    other_proof = replace(shown, proof=Proof.of(RECORD, ["household"]))
    with pytest.raises(TamperedError, match="nobody signed your challenge"):
        check_shown(other_proof, SCHEMA, NOW, none_revoked, CHALLENGE)
    with pytest.raises(TamperedError, match="ask for a new one"):
        check_shown(shown, SCHEMA, NOW + 601, none_revoked, CHALLENGE)
    with pytest.raises(TamperedError, match="nobody signed"):
        check_shown(show(SHOWN, attested()), SCHEMA, NOW, none_revoked, CHALLENGE)


def shown_domain() -> Any:
    from troc.data.receipts import data_domain

    return data_domain(CHAIN, MARKET)


def test_reverts_when_the_attestation_does_not_count() -> None:
    shown = shown_to_somebody()
    with pytest.raises(TamperedError, match="the attestor has revoked it"):
        check_shown(shown, SCHEMA, NOW, lambda *_: True, CHALLENGE)
    with pytest.raises(TamperedError, match="something else"):
        check_shown(shown, "grocer.income.v1", NOW, none_revoked, CHALLENGE)
    with pytest.raises(InputError, match="about another record"):
        show(SHOWN, attested(plain_root=bytes(32)))
    other = replace(shown, attested=attested(plain_root=b"\x01" * 32))
    with pytest.raises(TamperedError, match="other content"):
        check_shown(other, SCHEMA, NOW, none_revoked, CHALLENGE)
    with pytest.raises(InputError, match="name the fields"):
        Proof.of(RECORD, [])
