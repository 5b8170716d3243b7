"""Sheets of codes: each code can be read from what is printed, and it is the same each time."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import zxingcpp
from eth_account import Account
from eth_utils.crypto import keccak

from troc.accounts import Signer
from troc.attention.contacts import account_of
from troc.attention.messages import rewards_domain
from troc.attention.sheets import A_PAGE, Label, picture_of, sheet
from troc.attention.slips import NO_ACCOUNT, Slip, read_text, sign_ticket
from troc.errors import InputError

_KEY = Account.from_key(keccak(b"the key of a campaign"))
SIGNER = Signer("the campaign's key", _KEY.address, _KEY)
DOMAIN = rewards_domain(31337, "0x" + "ab" * 20)
LABEL = Label("Épicerie Ł", "0x0123456789ab", "5 PANIER")


def code(index: int, account: bytes = NO_ACCOUNT) -> Slip:
    return sign_ticket(keccak(b"c"), account, index, 1_900_000_000, bytes(32), DOMAIN, SIGNER)


@pytest.mark.parametrize("page", ["", "https://biobox.example/claim"])
def test_what_is_printed_can_be_read(page: str) -> None:
    printed = code(1_234)
    (found,) = zxingcpp.read_barcodes(picture_of(printed, replace(LABEL, page=page)).convert("L"))
    assert read_text(found.text) == printed


def test_pages_are_full_and_the_same_each_time() -> None:
    codes = [code(index) for index in range(A_PAGE + 1)]
    made = sheet(codes, LABEL)
    assert made == sheet(codes, LABEL)
    assert made.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", made)) == 2
    assert len(re.findall(rb"/Subtype /Image\b", made)) == len(codes)


def test_only_codes_with_their_keys_are_printed() -> None:
    for wrong in ([], [code(1).public()], [code(1, account_of("0x" + "12" * 20))]):
        with pytest.raises(InputError):
            sheet(wrong, LABEL)


def test_a_name_that_is_too_long_is_made_smaller() -> None:
    assert sheet([code(0)], replace(LABEL, brand="Le très grand panier de la rue du Commerce " * 3))
