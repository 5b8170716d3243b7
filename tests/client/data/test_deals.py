"""Deals as they travel: text and file, one spelling each; what is altered is refused."""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from troc.data.deals import (
    Bid,
    SignedDeal,
    deal_nonce,
    is_text,
    margin,
    read_deal,
    write_deal,
)
from troc.data.messages import Buy, Deal, market_domain, sale_id
from troc.data.seller import span
from troc.errors import DealError, InputError, WrongChainError
from troc.messages import ZERO_ADDRESS, digest, pack_nonce, unpack_nonce
from troc.qr import picture

DOMAIN = market_domain(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
SELLER, BUYER, TOKEN = ("0x" + pair * 20 for pair in ("11", "22", "33"))
chance = random.Random(5)


def a_deal(**changes: object) -> Deal:
    values: dict[str, object] = {
        "seller": SELLER,
        "buyer": ZERO_ADDRESS,
        "token": TOKEN,
        "token_kind": 0,
        "price": 50,
        "manifest_root": chance.randbytes(32),
        "count": 64,
        "key_commit": chance.randbytes(32),
        "terms_hash": chance.randbytes(32),
        "deliver_seconds": 259_200,
        "dispute_seconds": 604_800,
        "live_until": 1_800_000_000,
        "open_until": 1_790_000_000,
        "request_id": bytes(32),
        "nonce": chance.randrange(2**256),
    }
    return Deal(**values | changes)  # type: ignore[arg-type]


def signed(deal: Deal | None = None, **more: object) -> SignedDeal:
    return replace(SignedDeal(deal or a_deal(), chance.randbytes(65), DOMAIN), **more)  # type: ignore[arg-type]


def some() -> list[SignedDeal]:
    """One of each shape."""
    link = "https://vault.example/data/0x" + "ab" * 32 + "#troc_data_" + "x" * 43
    bid = a_deal(buyer=BUYER)
    buy = Buy(BUYER, digest(bid, DOMAIN), bytes(32), chance.randbytes(32), 1_790_000_000)
    return [
        signed(),
        signed(source=link),
        signed(a_deal(buyer=BUYER, token_kind=1, live_until=0, price=2**128 - 1)),
        signed(a_deal(request_id=chance.randbytes(32), buyer=BUYER), source=link),
        SignedDeal(bid, b"", DOMAIN, link, Bid(buy, chance.randbytes(65))),
        SignedDeal(bid, chance.randbytes(200), DOMAIN, "", Bid(buy, chance.randbytes(64))),
    ]


@pytest.mark.parametrize("number", range(6))
def test_text_and_file_give_the_same_again(number: int, tmp_path: Path) -> None:
    deal = some()[number]
    text = deal.to_text()
    assert is_text(text)
    assert read_deal(text, DOMAIN) == deal
    # As a mail breaks it, and as a telephone types it.
    assert read_deal("\n".join(text[at : at + 60] for at in range(0, len(text), 60)).lower(), DOMAIN) == deal
    for ending in ("json", "txt"):
        path = write_deal(deal, tmp_path / f"deal.{ending}")
        assert read_deal(path, DOMAIN) == deal
        assert os.stat(path).st_mode & 0o077 == 0
        with pytest.raises(InputError, match="there already"):
            write_deal(deal, path)


def test_the_papers_travel_in_files_alone(tmp_path: Path) -> None:
    deal = signed(papers={"terms": {"a": 1}})
    assert read_deal(write_deal(deal, tmp_path / "deal.json"), DOMAIN) == deal
    assert read_deal(deal.to_text(), DOMAIN) == replace(deal, papers={})


def test_a_text_fits_a_qr_code() -> None:
    assert picture(some()[3].to_text(), "png")[:4] == b"\x89PNG"


def test_every_altered_letter_is_noticed() -> None:
    text = some()[1].to_text()
    for place in range(len("TROC:DEAL/"), len(text), 7):
        other = "A" if text[place] != "A" else "B"
        with pytest.raises((InputError, WrongChainError)):
            read_deal(text[:place] + other + text[place + 1 :], DOMAIN)
    for length in (len(text) - 1, len(text) // 2, len("TROC:DEAL/")):
        with pytest.raises(InputError):
            read_deal(text[:length], DOMAIN)


def test_a_second_spelling_is_refused() -> None:
    from eth_utils.crypto import keccak

    body = some()[0].to_bytes()[:-4]
    # A number with a byte too many.
    longer = body[:2] + bytes([body[2] | 0x80]) + b"\xf4\x81\x00"[1:] + body[4:]
    for data in (longer, body + b"\0", bytes([9]) + body[1:]):
        with pytest.raises((InputError, WrongChainError)):
            SignedDeal.from_bytes(data + keccak(data)[:4], DOMAIN)


def test_a_deal_of_another_chain_or_market_is_refused() -> None:
    deal = signed()
    elsewhere = market_domain(1, DOMAIN.verifying_contract)
    other = market_domain(31337, TOKEN)
    data = json.loads(json.dumps(deal.to_json()))
    for domain in (elsewhere, other):
        with pytest.raises(WrongChainError):
            SignedDeal.from_json(data, domain)
        with pytest.raises(WrongChainError):
            read_deal(deal.to_text(), domain)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "troc-deal-9"},
        {"signature": "zz"},
        {"signature": "0x" + "00" * 2000},
        {"source": 7},
        {"papers": []},
        {"bid": {}},
        {"bid": {"buy": {}, "signature": "0x"}},
        {"deal": {}},
        {"extra": 1},
    ],
)
def test_a_file_that_is_no_deal_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "deal.json"
    path.write_text(json.dumps(signed().to_json() | change))
    with pytest.raises(InputError):
        read_deal(path, DOMAIN)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no deal and no file"):
        read_deal("nowhere", DOMAIN)
    (tmp_path / "a").write_text("{")
    with pytest.raises(InputError, match="holds no deal"):
        read_deal(tmp_path / "a", DOMAIN)
    (tmp_path / "b").write_bytes(bytes(2**20 + 1))
    with pytest.raises(InputError, match="too large"):
        read_deal(tmp_path / "b", DOMAIN)
    with pytest.raises(InputError, match="has '!' in it"):
        read_deal("TROC:DEAL/AB!", DOMAIN)


def test_a_bid_for_another_deal_is_refused() -> None:
    bid = some()[4]
    data = bid.to_json() | {"deal": a_deal(buyer=BUYER).to_json()}
    with pytest.raises(InputError, match="another deal"):
        SignedDeal.from_json(data, DOMAIN)


def test_deals_of_one_key_share_a_lane() -> None:
    commit = chance.randbytes(32)
    lane = unpack_nonce(deal_nonce(commit))[0]
    taken: list[int] = []
    for _ in range(224):
        nonce = deal_nonce(commit, taken)
        assert unpack_nonce(nonce)[0] == lane
        assert nonce not in taken
        taken.append(nonce)
    assert unpack_nonce(deal_nonce(commit, taken))[0] != lane
    assert unpack_nonce(deal_nonce(chance.randbytes(32)))[0] != lane


def test_too_many_deals_of_one_key_are_refused() -> None:
    class Everything:
        def __contains__(self, nonce: object) -> bool:
            return True

    with pytest.raises(DealError, match="too many"):
        deal_nonce(bytes(32), Everything())  # type: ignore[arg-type]


def test_a_sale_is_named_as_the_contract_names_it() -> None:
    from eth_abi.abi import encode
    from eth_utils.crypto import keccak

    named = chance.randbytes(32)
    assert sale_id(named, SELLER, BUYER) == keccak(
        encode(["bytes32", "address", "address"], [named, SELLER, BUYER])
    )


@pytest.mark.parametrize(("text", "seconds"), [("3d", 259_200), ("48h", 172_800), ("30h", 108_000)])
def test_spans(text: str, seconds: int) -> None:
    assert span(text) == seconds


def test_margin() -> None:
    assert margin(10 * 86_400) == 86_400
    assert margin(3_600) == 3_600


def test_nonces_have_an_index_that_contracts_take() -> None:
    nonce = deal_nonce(bytes(32))
    lane, series, index = unpack_nonce(nonce)
    assert pack_nonce(lane, series, index) == nonce
    assert series == 0
    assert index < 224
