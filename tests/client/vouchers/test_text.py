"""Vouchers as text, link, QR code and file: what is written is read, and nothing else is."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import segno
from eth_account import Account
from eth_utils.crypto import keccak
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.client.trade.conftest import poor
from troc.errors import InputError
from troc.messages import WHOLE_INDEXES, Domain, Voucher, pack_nonce, recover, to_address, unpack_nonce
from troc.qr import blocks, picture
from troc.vouchers import (
    SCHEME,
    Draft,
    Nonces,
    SignedVoucher,
    read_text,
    read_vouchers,
    receipt_salt,
    sign_vouchers,
    write_vouchers,
)

DOMAIN = Domain("Acme Hardware", 31337, "0x" + "11" * 20)
ISSUER = poor("till")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
secrets = st.integers(1, 2**250).map(lambda number: number.to_bytes(32))
uint256 = st.integers(0, 2**256 - 1)


@st.composite
def vouchers(draw: st.DrawFn) -> SignedVoucher:
    """Any voucher, its one-time key with it or not."""
    secret = draw(st.one_of(st.just(b""), secrets))
    recipient = Account.from_key(secret).address if secret else draw(addresses)
    nonce = pack_nonce(
        draw(st.integers(0, 2**128 - 1)),
        draw(st.sampled_from([0, 1, 2**64 - 1])),
        draw(st.integers(0, WHOLE_INDEXES - 1)),
    )
    message = Voucher(
        issuer=draw(addresses),
        grant_id=draw(uint256),
        recipient=recipient,
        is_key=bool(secret) or draw(st.booleans()),
        amount=draw(uint256),
        receipt_id=draw(st.one_of(st.just(bytes(32)), st.binary(min_size=32, max_size=32))),
        deadline=draw(uint256),
        nonce=nonce,
    )
    token = to_address(draw(addresses))
    signature = draw(st.binary(min_size=0, max_size=200))
    return SignedVoucher(draw(st.integers(1, 2**64)), token, message, signature, secret)


def one(**changes: object) -> SignedVoucher:
    """A plain bearer voucher."""
    (signed,) = sign_vouchers([Draft(50)], DOMAIN, ISSUER, deadline=1_800_000_000)
    return replace(signed, **changes)  # type: ignore[arg-type]


@settings(max_examples=75, deadline=None)
@given(vouchers())
def test_text_and_link_give_back_the_voucher(signed: SignedVoucher) -> None:
    assert read_text(signed.to_text()) == signed
    assert read_text(signed.to_text().lower()) == signed
    assert read_text(f"  {signed.to_link('https://panier.example/claim?lang=fr')}\n") == signed
    assert read_text(signed.to_text()[:70] + "\r\n " + signed.to_text()[70:]) == signed
    assert read_text(signed.public().to_text()).secret == b""


@settings(max_examples=100, deadline=None)
@given(vouchers(), st.data())
def test_an_altered_letter_never_gives_another_voucher(signed: SignedVoucher, data: st.DataObject) -> None:
    text = signed.to_text()
    place = data.draw(st.integers(len(SCHEME), len(text) - 1))
    letter = data.draw(st.sampled_from([each for each in LETTERS if each != text[place]]))
    with pytest.raises(InputError):
        read_text(text[:place] + letter + text[place + 1 :])


@settings(max_examples=100, deadline=None)
@given(vouchers(), st.data())
def test_an_altered_byte_never_gives_another_voucher(signed: SignedVoucher, data: st.DataObject) -> None:
    raw = signed.to_bytes()
    place = data.draw(st.integers(0, len(raw) - 1))
    raw = raw[:place] + bytes([raw[place] ^ data.draw(st.integers(1, 255))]) + raw[place + 1 :]
    with pytest.raises(InputError, match="cut off or altered"):
        SignedVoucher.from_bytes(raw)


@settings(max_examples=100, deadline=None)
@given(vouchers(), st.data())
def test_a_text_cut_anywhere_is_refused(signed: SignedVoucher, data: st.DataObject) -> None:
    text = signed.to_text()
    for part in (text[: data.draw(st.integers(0, len(text) - 1))], text + "A", text + text[len(SCHEME) :]):
        with pytest.raises(InputError):
            read_text(part)


@settings(max_examples=300, deadline=None)
@example(b"")
@given(st.binary(max_size=300))
def test_bytes_with_a_right_checksum_give_a_voucher_that_spells_them_or_an_error(body: bytes) -> None:
    raw = b"\x01" + body
    raw += keccak(raw)[:4]
    try:
        found = SignedVoucher.from_bytes(raw)
    except InputError:
        return
    assert found.to_bytes() == raw


def test_the_bytes_are_those_of_the_page() -> None:
    secret = bytes(31) + b"\x05"
    signed = SignedVoucher(
        chain_id=31337,
        token=to_address("0x" + "11" * 20),
        voucher=Voucher(
            issuer="0x" + "22" * 20,
            grant_id=3,
            recipient=Account.from_key(secret).address,
            is_key=True,
            amount=300,
            receipt_id=b"\x33" * 32,
            deadline=1_800_000_000,
            nonce=pack_nonce(0x44, 0, 223),
        ),
        signature=b"\x55" * 65,
        secret=secret,
    )
    body = bytes.fromhex(
        # version, flags; chain, grant, amount, deadline, series, index, length of the signature
        "01 07  e9f401 03 ac02 80a4a7da06 00 df01 41"
        + "11" * 20
        + "22" * 20
        + "00" * 15
        + "44"
        + secret.hex()
        + "33" * 32
        + "55" * 65
    )
    assert signed.to_bytes() == body + keccak(body)[:4]
    body = body.replace(secret, bytes.fromhex(signed.voucher.recipient[2:]))
    assert signed.public().to_bytes()[2:-4] == body[2:]
    assert signed.public().to_bytes()[1] == 5


def test_one_voucher_has_one_spelling() -> None:
    raw = one().to_bytes()[:-4]
    # Chain id 31337 with a needless group of seven zero bits at its end; then a flag that means nothing.
    for body in (raw[:4] + bytes([raw[4] | 0x80, 0]) + raw[5:], raw[:1] + bytes([raw[1] | 8]) + raw[2:]):
        with pytest.raises(InputError, match="malformed"):
            SignedVoucher.from_bytes(body + keccak(body)[:4])


def test_another_version_is_told() -> None:
    body = b"\x02" + one().to_bytes()[1:-4]
    with pytest.raises(InputError, match="version 2, which is not known here: use a newer troc"):
        SignedVoucher.from_bytes(body + keccak(body)[:4])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("TROC:VOUCHER/", "cut off or altered"),
        ("TROC:VOUCHER/AA", "cut off or altered"),
        ("TROC:VOUCHER/AAAAAAA1", "has '1' in it"),
        ("https://panier.example/claim#", "cut off or altered"),
        ("TROC:VOUCHER/" + "A" * 9_000, "too long for a voucher"),
    ],
)
def test_what_is_no_voucher_is_told(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_text(text)


def test_a_voucher_fits_a_qr_code_and_the_code_holds_it() -> None:
    signed = one()
    text = signed.to_text()
    code = segno.make_qr(text, error="m")
    # Letters and digits take less room than bytes; 61 dots a side are read from paper without effort.
    assert code.mode == "alphanumeric"
    assert int(code.version) <= 11
    assert picture(text, "png").startswith(b"\x89PNG")
    assert b"<svg" in picture(text, "svg")
    assert len(blocks(text).splitlines()) > 20
    with pytest.raises(InputError, match="too long for a QR code"):
        picture(replace(signed, signature=b"\x01" * 3_000).to_text(), "png")


def test_printing_a_voucher_does_not_show_its_key() -> None:
    signed = one()
    assert signed.secret.hex() not in repr(signed)
    assert repr(signed.secret)[2:-1] not in repr(signed)
    assert signed.secret not in signed.public().to_bytes()
    assert signed.secret in signed.to_bytes()


def test_files_give_back_what_was_written_and_are_their_owner_s_alone(tmp_path: Path) -> None:
    signed = sign_vouchers([Draft(50)] * 3, DOMAIN, ISSUER, deadline=1_800_000_000)
    path = write_vouchers(signed, tmp_path / "vouchers.json")
    assert read_vouchers(path) == signed
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(InputError, match="is there already"):
        write_vouchers(signed, path)
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["vouchers.json"]
    public = write_vouchers([each.public() for each in signed], tmp_path / "issued.json")
    assert not any(each.secret.hex() in public.read_text() for each in signed)
    lines = tmp_path / "links.txt"
    lines.write_text("".join(f"{each.to_text()}\n\n" for each in signed))
    assert read_vouchers(str(lines)) == signed


def test_faulty_files_are_told_in_a_line(tmp_path: Path) -> None:
    path = write_vouchers([one()], tmp_path / "vouchers.json")
    sound = json.loads(path.read_text())
    (entry,) = sound["vouchers"]
    cases = [
        (sound | {"format": "x"}, "holds no vouchers"),
        (sound | {"chainId": "1"}, "the chain id is no number"),
        (sound | {"token": "0x1"}, "is no address"),
        (sound | {"vouchers": [entry | {"key": "0x" + "22" * 32}]}, "voucher 1: the key is not that"),
        (
            sound | {"vouchers": [entry | {"key": "0x" + "00" * 32}]},
            "voucher 1: the one-time key is malformed",
        ),
        (sound | {"vouchers": [entry, entry | {"signature": "0x1"}]}, "voucher 2: the signature"),
        (sound | {"vouchers": [entry | {"more": 1}]}, "voucher 1: an entry is no voucher"),
        (sound | {"vouchers": [7]}, "voucher 1: an entry is no voucher"),
    ]
    broken = tmp_path / "broken.json"
    for data, said in cases:
        broken.write_text(json.dumps(data))
        with pytest.raises(InputError, match=said) as caught:
            read_vouchers(broken)
        assert "\n" not in str(caught.value)
    broken.write_text("{")
    with pytest.raises(InputError, match="cannot be read as vouchers"):
        read_vouchers(broken)
    broken.write_text(f"{one().to_text()}\nTROC:VOUCHER/AA\n")
    with pytest.raises(InputError, match=r"broken.json, line 2: .*cut off"):
        read_vouchers(broken)
    with pytest.raises(InputError, match=r"^there is no file nothing\.json: check its name$"):
        read_vouchers("nothing.json")


# ---------------------------------------------------------------------------------------------------- signing


def test_224_nonces_share_a_word_and_none_comes_twice() -> None:
    nonces = Nonces(b"a seed")
    taken = [nonces.take() for _ in range(2 * WHOLE_INDEXES + 1)]
    assert len(set(taken)) == len(taken)
    lanes = [unpack_nonce(nonce)[0] for nonce in taken]
    assert [lanes.count(lane) for lane in dict.fromkeys(lanes)] == [WHOLE_INDEXES, WHOLE_INDEXES, 1]
    assert {unpack_nonce(nonce)[1] for nonce in taken} == {0}
    again = Nonces(b"a seed")
    assert [again.take() for _ in taken] == taken
    assert Nonces(b"another").take() not in taken
    assert Nonces().take() != Nonces().take()


def test_the_issuer_signs_and_every_key_is_its_own() -> None:
    signed = sign_vouchers(
        [Draft(50), Draft(50), Draft(7, ISSUER.address)], DOMAIN, ISSUER, deadline=1_800_000_000, grant=3
    )
    for each in signed:
        assert recover(each.voucher, DOMAIN, each.signature) == ISSUER.address
        assert each.voucher.grant_id == 3
    assert [each.voucher.is_key for each in signed] == [True, True, False]
    assert len({each.voucher.recipient for each in signed}) == 3
    assert signed[2].secret == b""
    with pytest.raises(InputError, match="one-time key of this voucher is missing"):
        signed[0].public().named_to(ISSUER.address, DOMAIN)


def test_a_salt_is_of_one_issuer_and_one_token() -> None:
    salt = receipt_salt(ISSUER, DOMAIN)
    assert len(salt) == 32
    assert salt == receipt_salt(ISSUER, DOMAIN)
    others = [
        receipt_salt(poor("other"), DOMAIN),
        receipt_salt(ISSUER, replace(DOMAIN, chain_id=1)),
        receipt_salt(ISSUER, replace(DOMAIN, verifying_contract="0x" + "12" * 20)),
    ]
    assert len({salt, *others}) == 4


def test_a_file_nested_without_end_is_told_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text('{"vouchers":' * 100_000)
    with pytest.raises(InputError, match="cannot be read as vouchers"):
        read_vouchers(path)
