"""Terms and consent records: their fields, their one form, their hash, and every fault by name."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.data.consent_cases import CHAIN, DAY, MARKET, NOW, SALT, account, fields, terms
from troc.data.consent import (
    EXPIRED,
    GIVEN,
    KINDS,
    PURPOSES,
    REQUESTED,
    WITHDRAWN,
    Event,
    Record,
    Terms,
    context,
    faults,
    keep_terms,
    kept_terms,
)
from troc.data.documents import canonical, read_json, schema_of
from troc.errors import InputError, TamperedError
from troc.messages import ZERO_ADDRESS

BUYER, SELLER = account(2).address, account(1).address
DEAL = b"\x22" * 32


def changed(path: str, value: Any) -> dict[str, Any]:
    """The document of good terms with one field changed; `...` takes it away."""
    document: Any = json.loads(terms(BUYER).text)
    at = document
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    for step in way:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    assert isinstance(document, dict)
    return document


# --------------------------------------------------------------------------------------------------- terms


def test_terms_say_what_a_brand_wrote() -> None:
    found = terms(BUYER, notice="https://dairylab.example/privacy", erase_days=14)
    assert (found.buyer, found.buyer_name, found.domain) == (BUYER, "DairyLab SAS", "dairylab.example")
    assert (found.purpose, found.kinds) == ("commercial research", ("purchases", "household"))
    assert (found.retention_days, found.erase_days, found.storage) == (90, 14, ("FR",))
    assert [one.name for one in found.recipients] == ["StatLab"]
    assert (found.outside_eea, found.is_special, found.chain_id) == ((), False, CHAIN)


def test_terms_have_the_fields_of_the_standard() -> None:
    document = terms(BUYER).document
    process = document["dpv:hasProcess"]
    assert process["dpv:hasPurpose"]["skos:broader"] == "dpv:CommercialResearch"
    assert process["dpv:hasLegalBasis"] == "eu-gdpr:A6-1-a"
    assert process["dpv:hasPersonalData"][0]["skos:broader"] == "pd:Purchase"
    assert process["dpv:hasStorageCondition"]["dpv:hasDuration"] == "P90D"
    assert process["dpv:hasConsentControl"]["@type"] == "dpv:WithdrawConsent"
    assert "troc data revoke" in process["dpv:hasConsentControl"]["dpv:isExercisedAt"]
    assert document["dpv:hasJurisdiction"] == "loc:EU"
    # The salt is all that keeps somebody who knows the rest from recognising the hash.
    assert document["troc:salt"] == "0x" + SALT.hex()


def test_data_that_the_law_protects_need_another_basis() -> None:
    found = terms(BUYER, data=["health", "purchases"])
    process = found.document["dpv:hasProcess"]
    assert found.is_special
    assert process["dpv:hasLegalBasis"] == "eu-gdpr:A9-2-a"
    assert process["dpv:hasPersonalData"][0]["@type"] == "dpv:SpecialCategoryPersonalData"


def test_every_term_has_a_prefix_that_the_context_explains() -> None:
    document = json.loads(terms(BUYER).text)
    prefixes = {name for name in context() if ":" not in name}
    names: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            names.update(value)
            for entry in value.values():
                walk(entry)
        elif isinstance(value, list):
            for entry in value:
                walk(entry)

    walk({name: value for name, value in document.items() if name != "@context"})
    used = {name.split(":")[0] for name in names if not name.startswith("@")}
    assert used <= prefixes
    assert context()["dpv"] == "https://w3id.org/dpv#"
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+", name) for name in (*PURPOSES.values(), *KINDS.values()))


def test_a_short_file_becomes_terms(tmp_path: Path) -> None:
    path = tmp_path / "terms.yaml"
    path.write_text(
        "controller: {name: DairyLab, address: Lyon, contact: a@b.example, country: FR}\n"
        "purpose: marketing\nwhy: Tell families about new yoghurt.\ndata: [purchases]\nretention_days: 30\n"
    )
    found = Terms.from_yaml(path, CHAIN, BUYER, NOW)
    assert (found.purpose, found.retention_days, found.recipients) == ("marketing", 30, ())
    # Another salt each time, so that two deals on the same terms cannot be told to be so.
    assert Terms.from_yaml(path, CHAIN, BUYER, NOW).hash != found.hash


@pytest.mark.parametrize("text", ["[", "a: 1\na: &x [*x]", "\x00", "just words", "- 1"])
def test_reverts_when_the_file_is_no_terms(tmp_path: Path, text: str) -> None:
    path = tmp_path / "terms.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"terms\.yaml"):
        Terms.from_yaml(path, CHAIN, BUYER, NOW)
    with pytest.raises(InputError, match="cannot be read"):
        Terms.from_yaml(tmp_path / "none.yaml", CHAIN, BUYER, NOW)


def test_reverts_when_a_short_file_is_a_long_one_in_disguise(tmp_path: Path) -> None:
    """Ten lines that stand for ten thousand million."""
    path = tmp_path / "terms.yaml"
    lines = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
    path.write_text("\n".join(["l0: &l0 x", *lines]))
    with pytest.raises(InputError, match="refers from one place to another"):
        Terms.from_yaml(path, CHAIN, BUYER, NOW)


@pytest.mark.parametrize(
    ("changes", "field", "remedy"),
    [
        ({"purpose": "world rule"}, "purpose is 'world rule'", "academic research"),
        ({"purpose": None}, "purpose is missing", "name one purpose"),
        ({"data": ["purchases", "dreams"]}, "data.1 is 'dreams'", "shopping habits"),
        ({"data": ["purchases", "purchases"]}, "data names something twice", "each once"),
        ({"data": []}, "data is empty", "list what kinds"),
        ({"retention_days": 0}, "retention_days is 0", "1 to 3650"),
        ({"retention_days": "90"}, "retention_days is not a whole number", "1 to 3650"),
        ({"erase_days": 31}, "erase_days is 31", "1 to 30"),
        ({"why": "a\nb"}, "why", "sentence|plain letters"),
        ({"why": "Good\u202elive"}, "why holds a character that cannot be seen", "plain letters"),
        ({"controller": None}, "controller is missing", "say who buys"),
        (
            {"controller": {"name": "D", "address": "L", "contact": "nobody", "country": "FR"}},
            "contact",
            "e-mail",
        ),
        ({"surprise": 1}, "surprise is no field of it", "leave it out"),
        (
            {"recipients": [{"name": "X", "role": "friend", "contact": "a@b.c", "country": "FR"}]},
            "role",
            "processor",
        ),
        ({"storage": ["fr"]}, "storage.0 is 'fr'", "two capitals"),
    ],
)
def test_names_each_fault_of_a_brands_terms(changes: dict[str, Any], field: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        Terms.draft(fields(**changes), CHAIN, BUYER, NOW)
    assert field in str(caught.value)
    assert re.search(remedy, str(caught.value))


def test_names_all_faults_at_once() -> None:
    with pytest.raises(InputError) as caught:
        Terms.draft(fields(purpose="x", retention_days=0, why=None), CHAIN, BUYER, NOW)
    assert "3 faults" in caught.value.message
    assert all(name in caught.value.remedy for name in ("purpose is", "retention_days is", "why is missing"))


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("troc:salt", ..., "troc:salt is missing"),
        ("troc:salt", "0x" + "00" * 32, "troc:salt is zero"),
        ("troc:salt", "0x" + "AB" * 32, "troc:salt is"),
        ("dct:created", "2026-13-01T00:00:00Z", "dct:created is no time"),
        ("@context", {"dpv": "https://elsewhere.example#"}, "@context is another one"),
        ("dpv:hasProcess/dpv:hasPurpose/skos:broader", "dpv:WorldRule", "skos:broader is dpv:WorldRule"),
        ("dpv:hasProcess/dpv:hasPersonalData/0/skos:broader", "pd:Health", "@type is dpv:PersonalData"),
        ("dpv:hasProcess/dpv:hasLegalBasis", "eu-gdpr:A9-2-a", "dpv:hasLegalBasis is eu-gdpr:A9-2-a"),
        ("dpv:hasProcess/dpv:hasRight", ["eu-gdpr:A17"], "dpv:hasRight lacks eu-gdpr:A7-3"),
        ("dpv:hasProcess/dpv:hasStorageCondition/troc:erasure", "P31D", "troc:erasure is more than 30 days"),
        ("dpv:hasProcess/dpv:hasStorageCondition/dpv:hasDuration", "P0D", "dpv:hasDuration is 'P0D'"),
        ("dpv:hasProcess/dpv:hasConsentControl", ..., "dpv:hasConsentControl is missing"),
        ("dpv:hasProcess/dpv:hasRecipient", ["urn:troc:party:1"], "dpv:hasRecipient does not name all"),
        ("dpv:hasProcess/dpv:hasConsentStatus", [], "dpv:hasConsentStatus is empty"),
        ("dpv:hasProcess/dpv:hasDataController", f"eip155:{CHAIN}:{SELLER}", "is nobody of dpv:hasEntity"),
        ("dpv:hasEntity/0/dpv:hasContact", ..., "dpv:hasEntity.0.dpv:hasContact is missing"),
        ("dpv:hasEntity/0/@id", f"eip155:1:{BUYER}", "dpv:hasDataController is nobody"),
        ("dpv:hasEntity/1/@id", f"eip155:{CHAIN}:{SELLER}", "dpv:hasEntity.1.@id is"),
        ("dct:creator", f"eip155:1:{BUYER}", "dpv:hasDataController is on another chain"),
        ("dct:creator", f"eip155:{CHAIN}:{BUYER[:-1]}{'b' if BUYER[-1] != 'b' else 'c'}", "wrong checksum"),
        ("troc:more", 1, "troc:more is no field of it"),
        ("troc:deal", "0x" + "11" * 32, "dpv:hasDataSubject is missing"),
    ],
)
def test_names_each_fault_of_terms_that_came(path: str, value: Any, field: str) -> None:
    with pytest.raises(InputError) as caught:
        Terms.read(json.dumps(changed(path, value)))
    assert field in str(caught.value)
    assert caught.value.remedy


def test_every_field_of_the_schemas_says_how_to_mend_it() -> None:
    def walk(schema: Any) -> None:
        if isinstance(schema, dict):
            for name, each in schema.get("properties", {}).items():
                assert each.get("remedy"), name
            for value in schema.values():
                walk(value)
        elif isinstance(schema, list):
            for value in schema:
                walk(value)

    walk(schema_of("consent.schema.json"))
    walk(schema_of("terms.schema.json"))


def test_no_value_of_any_kind_breaks_the_check() -> None:
    values: list[Any] = [None, 1, "x", [], {}, [[]], {"a": {"b": [1]}}, True]
    for value in values:
        for path in (
            "dpv:hasEntity",
            "dpv:hasProcess",
            "dpv:hasEntity/0",
            "dpv:hasProcess/dpv:hasPersonalData",
            "@context",
        ):
            document = changed(path, value)
            assert faults(document), (path, value)
        assert faults(value)


def test_an_offer_to_whoever_buys_names_nobody() -> None:
    found = Terms.draft(fields(controller=None, storage=["FR"]), CHAIN, ZERO_ADDRESS, NOW, creator=SELLER)
    assert not found.names_buyer
    assert found.buyer_name == "whoever buys"
    with pytest.raises(InputError, match="controller is named in an offer to whoever buys"):
        Terms.draft(fields(storage=["FR"]), CHAIN, ZERO_ADDRESS, NOW, creator=SELLER)
    with pytest.raises(InputError, match="storage is missing"):
        Terms.draft(fields(controller=None), CHAIN, ZERO_ADDRESS, NOW, creator=SELLER)


# -------------------------------------------------------------------------------------------- form and hash


def test_the_hash_is_that_of_the_canonical_form() -> None:
    found = terms(BUYER)
    assert found.hash.hex() == "20651cbc05a77e1029775bfc1d936ce459c145181c949ba270bfbd4f958ade81"
    shuffled = json.dumps(dict(reversed(json.loads(found.text).items())), indent=3)
    assert Terms.read(shuffled).hash == found.hash


def test_the_hash_changes_with_the_salt_and_with_every_field() -> None:
    hashes = {
        terms(BUYER).hash,
        Terms.draft(fields(), CHAIN, BUYER, NOW, salt=b"\x09" * 32).hash,
        terms(BUYER, retention_days=91).hash,
        terms(BUYER, why="Something else.").hash,
        terms(SELLER).hash,
        Terms.draft(fields(), CHAIN, BUYER, NOW + 1, salt=SALT).hash,
    }
    assert len(hashes) == 6


def test_reverts_when_the_deal_is_on_other_terms_or_with_somebody_else() -> None:
    found = terms(BUYER)
    found.check_deal(found.hash, BUYER)
    with pytest.raises(TamperedError, match="its hash is of others"):
        found.check_deal(bytes(32), BUYER)
    # An open deal on terms that name one buyer would let anybody else buy under her consent.
    for other in (SELLER, ZERO_ADDRESS):
        with pytest.raises(TamperedError, match="sign nothing"):
            found.check_deal(found.hash, other)
    unnamed = Terms.draft(fields(controller=None, storage=["FR"]), CHAIN, ZERO_ADDRESS, NOW, creator=SELLER)
    for anyone in (SELLER, BUYER, ZERO_ADDRESS):
        unnamed.check_deal(unnamed.hash, anyone)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_canonical_form_is_one_and_reads_back(value: Any) -> None:
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text
    assert canonical(read_json(json.dumps(value, indent=1, ensure_ascii=True), "it")) == text


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=6))
def test_canonical_form_does_not_depend_on_the_order(value: dict[str, int]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)


def test_canonical_form_orders_by_utf16() -> None:
    # The first sign is two units of UTF-16, and comes before the second, whose code point is lower.
    assert canonical({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'
    assert canonical({"b": "é\n\x01", "a": [1, True, None]}) == '{"a":[1,true,null],"b":"é\\n\\u0001"}'


@pytest.mark.parametrize("value", [1.5, float("nan"), 2**53, {1: 2}, "\ud800", object(), b"x"])
def test_canonical_form_refuses_what_has_no_one_form(value: Any) -> None:
    with pytest.raises(InputError):
        canonical([value])


def test_reading_refuses_doubled_fields_fractions_and_depth() -> None:
    for text in ('{"a":1,"a":2}', "[1.0]", "[1e3]", "[NaN]", "{", '"' + "x" * 70_000 + '"'):
        with pytest.raises(InputError):
            read_json(text, "it")
    with pytest.raises(InputError):
        canonical(json.loads("[" * 30 + "]" * 30))
    for depth in (30, 20_000):
        with pytest.raises(InputError):
            read_json("[" * depth + "]" * depth, "it")


# ------------------------------------------------------------------------------------------------- records


def record(*events: Event) -> Record:
    return Record.of(terms(BUYER), MARKET, DEAL, SELLER, events)


def test_a_record_is_the_terms_the_seller_the_deal_and_the_events() -> None:
    given_ = Event(GIVEN, NOW + 60, SELLER, "signature of the deal")
    found = record(Event(REQUESTED, NOW, BUYER, "request"), given_)
    assert (found.seller, found.deal, found.state) == (SELLER, DEAL, GIVEN)
    # What the chain has a hash of can be checked from the record alone.
    assert found.terms == terms(BUYER)
    assert Record.read(found.text) == found
    later = record(given_, Event(WITHDRAWN, NOW + DAY, SELLER, "signature"))
    assert later.state == WITHDRAWN
    assert later.terms.hash == found.terms.hash


def test_reverts_when_events_are_out_of_order() -> None:
    with pytest.raises(InputError, match="before what went before it"):
        record(Event(GIVEN, NOW + 60, SELLER, "deal"), Event(EXPIRED, NOW + 59, BUYER, "term"))
    with pytest.raises(InputError, match="before what went before it"):
        record(Event(GIVEN, NOW - 1, SELLER, "deal"))


def test_terms_and_records_are_not_taken_for_each_other() -> None:
    whole = record(Event(GIVEN, NOW, SELLER, "deal"))
    with pytest.raises(InputError, match="record of a sale, not terms"):
        Terms.read(whole.text)
    with pytest.raises(InputError, match="terms, not the record"):
        Record.read(terms(BUYER).text)
    document = json.loads(whole.text)
    del document["dpv:hasProcess"]["dpv:hasConsentStatus"]
    with pytest.raises(InputError, match="dpv:hasConsentStatus is missing"):
        Record.read(json.dumps(document))


def test_erasure_is_due_after_the_term_or_soon_after_a_withdrawal() -> None:
    found = terms(BUYER)
    assert found.erase_by(NOW) == NOW + 90 * DAY
    assert found.erase_by(NOW, NOW + DAY) == NOW + 31 * DAY
    assert found.erase_by(NOW, NOW + 80 * DAY) == NOW + 90 * DAY


def test_terms_are_kept_for_oneself_and_found_by_their_hash(tmp_path: Path) -> None:
    found = terms(BUYER)
    path = keep_terms(tmp_path / "terms", found)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert kept_terms(tmp_path / "terms", found.hash) == found
    with pytest.raises(InputError, match="ask the other side"):
        kept_terms(tmp_path / "terms", bytes(32))
    path.write_text(terms(BUYER, retention_days=3650).text)
    with pytest.raises(TamperedError, match="other terms"):
        kept_terms(tmp_path / "terms", found.hash)
