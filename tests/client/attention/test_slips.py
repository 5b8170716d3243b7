"""Slips of paid attention: as they travel, and what is noticed when they were altered on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_keys.constants import SECPK1_N
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from troc.accounts import Signer
from troc.attention.contacts import MOST_CONTACTS, account_of, address_of, from_pages, of_page, to_pages
from troc.attention.messages import MESSAGES, Statement, Ticket, rewards_domain
from troc.attention.slips import (
    NO_ACCOUNT,
    SCHEME,
    Slip,
    fraud,
    key_address,
    read_slips,
    read_text,
    sign_statements,
    sign_ticket,
    ticket_key,
    write_slips,
)
from troc.errors import InputError
from troc.messages import digest, recover, sign
from troc.spelling import checked, spell, unspell

ROOT = Path(__file__).resolve().parents[3]
DOMAIN = rewards_domain(31337, "0x" + "ab" * 20)
CAMPAIGN = keccak(b"a campaign")
SEED = bytes(range(32))
_KEY = Account.from_key(keccak(b"the key of a campaign"))
SIGNER = Signer("the campaign's key", _KEY.address, _KEY)
CUSTOMER = account_of("0x" + "12" * 20)
PSEUDONYM = keccak(b"a pseudonym")

contacts = st.frozensets(st.integers(0, MOST_CONTACTS - 1), min_size=1, max_size=6)
accounts = st.one_of(
    st.binary(min_size=20, max_size=20).filter(any).map(lambda each: each.rjust(32, b"\0")),
    st.binary(min_size=32, max_size=32).filter(any),
)


@st.composite
def slips(draw: st.DrawFn) -> Slip:
    domain = rewards_domain(
        draw(st.integers(1, 2**64)), "0x" + draw(st.binary(min_size=20, max_size=20)).hex()
    )
    campaign = draw(st.binary(min_size=32, max_size=32))
    if draw(st.booleans()):
        return sign_statements(campaign, draw(accounts), draw(contacts), domain, SIGNER)[-1]
    account = draw(st.one_of(st.just(NO_ACCOUNT), accounts))
    number = draw(st.integers(0, MOST_CONTACTS - 1 if any(account) else 2**32 - 1))
    slip = sign_ticket(campaign, account, number, draw(st.integers(0, 2**256 - 1)), SEED, domain, SIGNER)
    return slip if draw(st.booleans()) else slip.public()


def code() -> Slip:
    return sign_ticket(CAMPAIGN, NO_ACCOUNT, 1_234, 1_900_000_000, SEED, DOMAIN, SIGNER)


def examples() -> list[Slip]:
    bound = sign_ticket(CAMPAIGN, CUSTOMER, 7, 1_900_000_000, SEED, DOMAIN, SIGNER)
    pages = sign_statements(CAMPAIGN, PSEUDONYM, {0, 254, 255, 600}, DOMAIN, SIGNER)
    return [code(), bound, bound.public(), *pages]


@given(st.frozensets(st.integers(0, MOST_CONTACTS - 1)))
def test_sets_and_pages_are_one(ids: frozenset[int]) -> None:
    pages = to_pages(ids)
    assert from_pages(pages) == ids
    assert all(0 < word < 2**255 for word in pages.values())
    assert sum(word.bit_count() for word in pages.values()) == len(ids)


def test_pages_begin_where_the_contract_s_do() -> None:
    assert to_pages([0, 254, 255, 256, 65_534]) == {0: 1 | 1 << 254, 1: 3, 256: 1 << 254}
    for wrong in (-1, MOST_CONTACTS):
        with pytest.raises(InputError, match="there is no contact"):
            to_pages([wrong])
    for page, word in ((0, 1 << 255), (257, 1), (-1, 1), (0, -1)):
        with pytest.raises(InputError, match="is no contact"):
            of_page(page, word)


def test_an_account_is_an_address_or_a_pseudonym() -> None:
    assert account_of("0x" + "12" * 20) == bytes(12) + b"\x12" * 20
    assert address_of(CUSTOMER) == "0x" + "12" * 20
    assert address_of(PSEUDONYM) is None
    assert address_of(NO_ACCOUNT) is None


# What overruns is drawn again: 25 whole ones are tried all the same.
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
@given(slips())
def test_text_link_and_file_give_back_the_slip(slip: Slip) -> None:
    assert read_text(slip.to_text()) == slip
    assert read_text(slip.to_text().lower()) == slip
    assert read_text(slip.to_link("https://biobox.example/claim")) == slip
    assert Slip.from_json(json.loads(json.dumps(slip.to_json())), slip.domain) == slip
    assert recover(slip.message, slip.domain, slip.signature) == SIGNER.address


@pytest.mark.parametrize("name", ["slips.json", "slips.txt"])
def test_a_file_holds_many(name: str, tmp_path: Path) -> None:
    path = write_slips(examples(), tmp_path / name)
    assert read_slips(path) == examples()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InputError, match="is there already"):
        write_slips(examples(), path)


@pytest.mark.parametrize("number", range(5))
def test_each_altered_byte_is_noticed(number: int) -> None:
    """By the checksum; and where somebody mends that, by the signature."""
    slip = examples()[number]
    data = slip.to_bytes()
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        with pytest.raises(InputError, match="cut off or altered"):
            Slip.from_bytes(changed)
        if at < len(data) - 4:
            with pytest.raises(InputError):
                Slip.from_bytes(checked(changed[:-4]))


def test_a_slip_that_was_cut_off_says_so() -> None:
    text = code().to_text()
    for end in range(len(SCHEME), len(text)):
        with pytest.raises(InputError, match="cut off or altered"):
            read_text(text[:end])
    with pytest.raises(InputError, match="'0' in it"):
        read_text(text[:-1] + "0")


def test_what_is_behind_the_end_is_no_part_of_a_slip() -> None:
    body = unspell(code().to_text(), SCHEME, "slip")[:-4]
    with pytest.raises(InputError, match="malformed"):
        read_text(spell(SCHEME, checked(body + b"\0")))
    with pytest.raises(InputError, match="version 2"):
        read_text(spell(SCHEME, checked(b"\2" + body[1:])))


def test_only_the_named_key_s_signature_counts() -> None:
    other = Account.from_key(keccak(b"another key"))
    for slip in examples():
        forged = sign(
            type(slip.message).from_json(slip.message.to_json() | {"campaignSigner": other.address}),
            DOMAIN,
            Signer("another", other.address, other),
        )
        for wrong in (forged, b"", bytes(65), slip.signature[:64] + bytes([55 - slip.signature[64]])):
            with pytest.raises(InputError, match="has not signed this"):
                Slip(slip.message, wrong, DOMAIN)


def test_a_slip_says_that_it_is_of_somewhere_else() -> None:
    slip = code()
    slip.expect(DOMAIN, CAMPAIGN, SIGNER.address)
    for wrong, said in (
        ((rewards_domain(1, DOMAIN.verifying_contract),), "for the chain 31337, not 1"),
        ((rewards_domain(31337, "0x" + "12" * 20),), "for the contract"),
        ((DOMAIN, PSEUDONYM), "of another campaign"),
        ((DOMAIN, CAMPAIGN, "0x" + "12" * 20), "not the campaign's key"),
    ):
        with pytest.raises(InputError, match=said):
            slip.expect(*wrong)


def test_nobody_gets_a_slip_that_the_contract_would_not_take() -> None:
    signer = SIGNER.address
    for message in (
        Statement(signer, CAMPAIGN, CUSTOMER, 0, 0),
        Statement(signer, CAMPAIGN, CUSTOMER, 0, 1 << 255),
        Statement(signer, CAMPAIGN, CUSTOMER, 257, 1),
        Statement(signer, CAMPAIGN, NO_ACCOUNT, 0, 1),
        Ticket(signer, CAMPAIGN, CUSTOMER, MOST_CONTACTS, signer, 1),
        Ticket(signer, CAMPAIGN, NO_ACCOUNT, 2**32, signer, 1),
    ):
        with pytest.raises(InputError, match=r"no contact|no ticket"):
            Slip(message, sign(message, DOMAIN, SIGNER), DOMAIN)


def test_the_one_time_key_names_who_is_paid() -> None:
    slip = code()
    recipient = "0x" + "12" * 20
    claim, signature = slip.claim_to(recipient)
    assert (claim.recipient, claim.ticket) == (recipient, digest(slip.message, DOMAIN))
    assert recover(claim, DOMAIN, signature) == claim.key == key_address(slip.secret)
    assert slip.secret.hex() not in repr(slip)
    assert slip.public().with_key(slip.secret) == slip
    with pytest.raises(InputError, match="not that of the ticket"):
        slip.with_key(ticket_key(SEED, CAMPAIGN, NO_ACCOUNT, 1_235))
    for without in (slip.public(), examples()[-1]):
        with pytest.raises(InputError, match="no one-time key"):
            without.claim_to(recipient)


def test_one_time_keys_come_from_all_that_names_a_ticket() -> None:
    parts: list[tuple[Any, ...]] = [
        (SEED, CAMPAIGN, CUSTOMER, 1),
        (SEED[::-1], CAMPAIGN, CUSTOMER, 1),
        (SEED, PSEUDONYM, CUSTOMER, 1),
        (SEED, CAMPAIGN, NO_ACCOUNT, 1),
        (SEED, CAMPAIGN, CUSTOMER, 2),
    ]
    keys = {ticket_key(*each) for each in parts}
    assert keys == {ticket_key(*each) for each in parts}
    assert len(keys) == len(parts)
    assert all(0 < int.from_bytes(each) < SECPK1_N for each in keys)
    with pytest.raises(InputError, match="can be guessed"):
        ticket_key(bytes(15), CAMPAIGN, CUSTOMER, 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "x"}, "holds no slips"),
        ({"chainId": "1"}, "chain id is no number"),
        ({"rewards": "0x1"}, "is no address"),
        ({"chainId": 1}, r"slip 1: .* has not signed this ticket"),
        ({"slips": [{}]}, "slip 1: an entry is no slip"),
        ({"slips": [code().to_json() | {"key": "0x12"}]}, "slip 1: the key of the slip is not 32 bytes"),
    ],
)
def test_a_file_that_is_wrong_says_where(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = write_slips([code()], tmp_path / "slips.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=said):
        read_slips(path)


def test_no_file_and_no_slip(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no slip and no file"):
        read_slips("nothing")
    with pytest.raises(InputError, match=r"^there is no file lost/mail\.json: check its name$"):
        read_slips("lost/mail.json")
    path = tmp_path / "slips.txt"
    path.write_text("\n")
    with pytest.raises(InputError, match="holds no slip"):
        read_slips(path)
    path.write_text(code().to_text() + "\nTROC:SLIP/AA\n")
    with pytest.raises(InputError, match="line 2: this slip was cut off"):
        read_slips(path)
    with pytest.raises(InputError, match="slips of 0 contracts"):
        write_slips([], tmp_path / "none.json")


def test_a_code_fits_a_qr_code() -> None:
    assert code().to_picture("png").startswith(b"\x89PNG")
    assert max(len(each.to_text()) for each in examples()) < 420


def test_the_contract_hashes_these_types() -> None:
    source = "".join(path.read_text() for path in (ROOT / "contracts" / "attention").glob("*.sol"))
    for kind in MESSAGES:
        assert f'"{kind.type_string()}"' in source


def test_two_keys_for_one_index_are_proof_of_fraud() -> None:
    other = bytes(reversed(SEED))

    def ticket(account: bytes, number: int, seed: bytes = SEED, until: int = 1_900_000_000) -> Slip:
        return sign_ticket(CAMPAIGN, account, number, until, seed, DOMAIN, SIGNER)

    honest = [
        *examples(),
        # With and without its key, and with another date: the same promise.
        ticket(CUSTOMER, 7, until=1_900_000_001),
        ticket(CUSTOMER, 8),
        ticket(PSEUDONYM, 7, other),
        sign_ticket(keccak(b"another campaign"), CUSTOMER, 7, 1_900_000_000, other, DOMAIN, SIGNER),
        sign_ticket(
            CAMPAIGN, CUSTOMER, 7, 1_900_000_000, other, rewards_domain(1, DOMAIN.verifying_contract), SIGNER
        ),
    ]
    assert fraud(honest) == []
    bound, bearer = ticket(CUSTOMER, 7, other), ticket(NO_ACCOUNT, 1_234, other)
    assert fraud([*honest, bound.public(), bearer]) == [(honest[1], bound.public()), (honest[0], bearer)]
