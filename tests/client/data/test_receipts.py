"""Receipts: their words as text and PDF, the signature over them, and every way to forge one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zlib
from dataclasses import fields, replace
from pathlib import Path

import pytest
from eth_account.messages import _hash_eip191_message
from hypothesis import given
from hypothesis import strategies as st

from tests.client.data.consent_cases import CHAIN, DAY, MARKET, NOW, TOKEN, account, same_as, terms
from troc.accounts import Signer
from troc.data.receipts import (
    STEPS,
    Receipt,
    SaleFacts,
    Signed,
    as_pdf,
    as_text,
    check_bytes,
    check_file,
    check_signed,
    data_domain,
    facts_hash,
    page,
    sign_receipt,
    write,
)
from troc.errors import InputError, TamperedError
from troc.messages import digest, sign, typed

SELLER, BUYER, STRANGER = account(1), account(2), account(3)
TERMS = terms(BUYER.address)
FACTS = SaleFacts(
    chain_id=CHAIN,
    market=MARKET,
    sale_id=b"\x11" * 32,
    deal=b"\x22" * 32,
    seller=SELLER.address,
    buyer=BUYER.address,
    what=("212 dairy rows", "household size"),
    chunks=256,
    price="50 Le Panier",
    token=TOKEN,
    manifest_root=b"\x33" * 32,
    terms_hash=TERMS.hash,
    buyer_domain="dairylab.example",
    attestor="Le Panier (proven domain panier.example)",
    offered_at=NOW,
    bought_at=NOW + 3_600,
    deliver_by=NOW + 3_600 + DAY,
    delivered_at=NOW + 7_200,
    dispute_until=NOW + 7_200 + 2 * DAY,
    ended_at=NOW + 3 * DAY,
    outcome="paid",
    revoked_at=NOW + 10 * DAY,
    acknowledged_at=NOW + 12 * DAY,
    erased_at=NOW + 13 * DAY,
).with_terms(TERMS)
REFUNDED = replace(
    FACTS, delivered_at=0, dispute_until=0, outcome="refunded", revoked_at=0, acknowledged_at=0, erased_at=0
)


def receipt(step: str, signer: Signer = SELLER, facts: SaleFacts = FACTS) -> Signed:
    return sign_receipt(facts, signer, NOW + 20 * DAY, step)


def pdf_text(data: bytes) -> str:
    """The words that a page shows, read back through each font's own table."""
    objects = {
        found[1]: (found[2], _unpacked(found[2], found[4]))
        for found in re.finditer(
            rb"(\d+) 0 obj\n<<(.*?)>>\n(stream\n(.*?)\nendstream\n)?endobj", data, re.DOTALL
        )
    }
    named = next(head for head, _ in objects.values() if b"/Font <</F1" in head)
    fonts = {
        name: _table(objects[re.findall(rb"/ToUnicode (\d+) 0 R", objects[number][0])[0]][1])
        for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", named)
    }
    words = []
    for _, stream in objects.values():
        font: dict[int, str] = {}
        if b"BT" not in stream or b" Tf" not in stream:
            continue
        for name, shown in re.findall(rb"/(F\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj", stream, re.DOTALL):
            if name:
                font = fonts[name]
                continue
            raw = re.sub(rb"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), shown, flags=re.DOTALL)
            words.append("".join(font[int.from_bytes(raw[at : at + 2])] for at in range(0, len(raw), 2)))
    return " ".join(" ".join(words).split())


_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def _unpacked(head: bytes, stream: bytes | None) -> bytes:
    return zlib.decompress(stream or b"") if b"/FlateDecode" in head else stream or b""


def _table(part: bytes) -> dict[int, str]:
    found = {}
    for code, value in re.findall(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>\n", part):
        found[int(code, 16)] = bytes.fromhex(value.decode()).decode("utf-16-be")
    return found


# --------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize("step", STEPS)
def test_tells_each_step_in_words(step: str) -> None:
    facts = REFUNDED if step == "refunded" else FACTS
    text = as_text(receipt(step, BUYER if step == "acknowledged" else SELLER, facts))
    same_as(f"receipt_{step}", text.split("-----")[0].rstrip())


@pytest.mark.parametrize("outcome", ["refunded", "conceded", "key wrong", "chunk wrong"])
def test_says_why_money_went_back(outcome: str) -> None:
    text = page(receipt("refunded", facts=replace(REFUNDED, outcome=outcome))).lead
    assert "50 Le Panier returned to DairyLab SAS" in text
    assert outcome not in text


def test_a_receipt_knows_nothing_of_what_came_later() -> None:
    facts = receipt("sold").facts
    assert (facts.delivered_at, facts.ended_at, facts.outcome, facts.revoked_at) == (0, 0, "", 0)
    assert "returned then" in page(receipt("sold")).lead
    assert receipt("revoked").facts.erase_by == FACTS.revoked_at + 30 * DAY
    assert receipt("paid").facts.erase_by == FACTS.bought_at + 90 * DAY


def test_takes_the_last_step_where_none_is_named() -> None:
    assert receipt("").step == "erased"
    assert receipt("", facts=replace(FACTS, erased_at=0)).step == "acknowledged"


def test_what_others_wrote_cannot_deceive_a_terminal() -> None:
    evil = replace(FACTS, buyer_name="Dairy\x1b[2J\nPaid: yes", why="\u202egnp", contact="a\tb")
    text = as_text(receipt("paid", facts=evil)).split("-----")[0]
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\nPaid: yes" not in text


# ----------------------------------------------------------------------------------------------------- PDF


@pytest.mark.parametrize("step", ["sold", "revoked"])
def test_the_pdf_shows_the_same_words_as_the_text(step: str) -> None:
    signed = receipt(step)
    shown, whole = pdf_text(as_pdf(signed)), page(signed)
    for part in (
        whole.title,
        whole.lead,
        *(text for row in (*whole.rows, *whole.history, *whole.marks) for text in row),
        *whole.notes,
    ):
        # Long numbers are broken at the end of a line.
        assert re.sub(r"\s", "", part) in re.sub(r"\s", "", shown), part


def test_the_pdf_holds_names_in_other_letters_and_marks_what_it_cannot_show() -> None:
    facts = replace(FACTS, buyer_name="Żółw Молоко Γάλα 日本", what=("“rows” … été",))
    shown = pdf_text(as_pdf(receipt("paid", facts=facts)))
    assert "Żółw Молоко Γάλα \ufffd\ufffd" in shown
    assert "“rows” … été" in shown


def test_the_pdf_is_the_same_to_the_last_byte_in_another_process(tmp_path: Path) -> None:
    signed = receipt("paid")
    path = tmp_path / "receipt.json"
    write(signed, path)
    code = (
        "import sys; from pathlib import Path; from troc.data.receipts import *;"
        " sys.stdout.buffer.write(as_pdf(check_file(Path(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", code, str(path)]
    root = Path(__file__).parents[3]
    made = subprocess.run(
        command,
        check=True,
        capture_output=True,
        cwd=root,
        env={"PYTHONPATH": str(root), "PYTHONHASHSEED": "7"},
    )
    assert made.stdout == as_pdf(signed)


# --------------------------------------------------------------------------------------------- signatures


@pytest.mark.parametrize("name", ["receipt.txt", "receipt.pdf", "receipt.json"])
def test_a_file_can_be_checked_by_itself(tmp_path: Path, name: str) -> None:
    signed = receipt("paid", BUYER)
    write(signed, tmp_path / name)
    assert check_file(tmp_path / name) == signed
    with pytest.raises(InputError, match="there already"):
        write(signed, tmp_path / name)


def test_the_text_survives_a_mail() -> None:
    signed = receipt("paid")
    assert check_bytes(as_text(signed).replace("\n", "\r\n").encode() + b"\r\n\r\n") == signed


def test_the_digest_is_that_of_typed_data() -> None:
    signed = receipt("paid")
    domain = data_domain(CHAIN, MARKET)
    assert Receipt.type_string() == (
        "Receipt(address account,bytes32 saleId,uint8 step,uint256 at,bytes32 facts,uint256 signedAt)"
    )
    assert _hash_eip191_message(typed(signed.receipt, domain)) == digest(signed.receipt, domain)


def test_reverts_when_a_stranger_signs() -> None:
    with pytest.raises(InputError, match="no party of this sale"):
        receipt("paid", STRANGER)
    known = FACTS.until("paid")
    message = replace(receipt("paid").receipt, account=STRANGER.address, facts=facts_hash(known))
    forged = Signed(known, message, sign(message, data_domain(CHAIN, MARKET), STRANGER))
    with pytest.raises(TamperedError, match="no party of the sale"):
        check_signed(forged)


def test_reverts_when_a_step_did_not_happen() -> None:
    with pytest.raises(InputError, match="was not delivered"):
        receipt("delivered", facts=REFUNDED)
    with pytest.raises(InputError, match="no step"):
        receipt("eaten")
    with pytest.raises(InputError, match="nothing has happened"):
        receipt("", facts=SaleFacts(**{f.name: getattr(FACTS, f.name) for f in fields(FACTS)[:12]}))


@pytest.mark.parametrize(
    "change",
    [
        {"price": "5 Le Panier"},
        {"buyer_name": "MilkLab"},
        {"bought_at": NOW + 3_601},
        {"chain_id": 1},
        {"market": TOKEN},
        {"what": ("212 dairy rows",)},
        {"outcome": "conceded"},
        {"erased_at": NOW + 5},
    ],
)
def test_reverts_when_a_fact_was_changed(change: dict[str, object]) -> None:
    signed = receipt("paid")
    with pytest.raises(TamperedError):
        check_signed(replace(signed, facts=replace(signed.facts, **change)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change", [{"step": 6}, {"at": NOW}, {"step": 200}, {"signed_at": 1}, {"sale_id": bytes(32)}]
)
def test_reverts_when_the_message_was_changed(change: dict[str, object]) -> None:
    signed = receipt("paid")
    with pytest.raises(TamperedError):
        check_signed(replace(signed, receipt=replace(signed.receipt, **change)))  # type: ignore[arg-type]


def test_reverts_when_a_party_states_what_came_later_than_the_step() -> None:
    known = FACTS.until("revoked")
    message = replace(receipt("paid").receipt, facts=facts_hash(known))
    forged = Signed(known, message, sign(message, data_domain(CHAIN, MARKET), SELLER))
    with pytest.raises(TamperedError, match="contradicts itself"):
        check_signed(forged)


def test_reverts_when_the_words_are_not_those_of_what_was_signed() -> None:
    signed = receipt("paid")
    text = as_text(signed)
    with pytest.raises(TamperedError, match="the text above them is another one"):
        check_bytes(text.replace("50 Le Panier", "500 Le Panier", 1).encode())
    with pytest.raises(TamperedError, match="the text above them is another one"):
        check_bytes(("Please pay again.\n" + text).encode())
    data = as_pdf(signed)
    with pytest.raises(TamperedError, match="this page may show others"):
        check_bytes(data + b"\n")
    # The page of one sale with the genuine attachment of another.
    other = as_pdf(receipt("paid", facts=replace(FACTS, price="99 Le Panier")))
    start = data.index(b'{"facts"')
    attached = data[start : data.index(b"\nendstream", start)]
    place = other.index(b'{"facts"')
    forged = other[:place] + attached + other[other.index(b"\nendstream", place) :]
    with pytest.raises(TamperedError, match="this page may show others"):
        check_bytes(forged)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.3",
        b"\xff\xfe",
        b"{}",
        b"[1]",
        b"-----  what was signed  -----\n{}",
        b'{"facts":{},"receipt":{},"signature":"0x"}',
    ],
)
def test_reverts_when_it_is_no_receipt(data: bytes) -> None:
    with pytest.raises(InputError):
        check_bytes(data)


def test_reverts_when_the_file_is_not_there_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        check_file(tmp_path / "none.pdf")
    (tmp_path / "large").write_bytes(bytes(5 * 2**20))
    with pytest.raises(InputError, match="too large"):
        check_file(tmp_path / "large")


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_no_changed_byte_of_a_text_passes(at: int, value: int) -> None:
    data = bytearray(as_text(receipt("sold")).rstrip().encode())
    at %= len(data)
    if data[at] == value:
        return
    data[at] = value
    with pytest.raises((InputError, TamperedError)):
        check_bytes(bytes(data))


def test_facts_read_back() -> None:
    assert SaleFacts.from_json(json.loads(json.dumps(FACTS.as_json()))) == FACTS
    for change in (
        {"price": 5},
        {"chunks": -1},
        {"chunks": True},
        {"sale_id": "0x11"},
        {"what": "x"},
        {"more": 1},
    ):
        with pytest.raises(InputError):
            SaleFacts.from_json(FACTS.as_json() | change)
