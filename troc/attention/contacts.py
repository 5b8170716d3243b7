"""Sets of contacts by number, and as the contract has them: bit i of page n is contact 255·n + i."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from troc.errors import InputError
from troc.messages import to_address

PAGE = 255
"""Contacts of a page. Bit 255 is never a contact: the contract keeps enrolment there."""

MOST_CONTACTS = 65_535
"""Of one account in one campaign."""

_ADDRESS = 20


def to_pages(contacts: Iterable[int]) -> dict[int, int]:
    """The word of each page that has contacts, in the order of the pages."""
    pages: dict[int, int] = {}
    for contact in sorted(set(contacts)):
        if not 0 <= contact < MOST_CONTACTS:
            raise InputError(
                f"there is no contact {contact}", f"number contacts from 0 to {MOST_CONTACTS - 1:,}"
            )
        page, bit = divmod(contact, PAGE)
        pages[page] = pages.get(page, 0) | 1 << bit
    return pages


def from_pages(pages: Mapping[int, int]) -> frozenset[int]:
    """The contacts of these words."""
    return frozenset(contact for page, word in pages.items() for contact in of_page(page, word))


def of_page(page: int, word: int) -> frozenset[int]:
    """The contacts of one word. Raises `InputError` where it holds what is no contact."""
    found = frozenset(PAGE * page + bit for bit in range(word.bit_length()) if word >> bit & 1)
    if page < 0 or word < 0 or word >> PAGE or max(found, default=0) >= MOST_CONTACTS:
        raise InputError(f"page {page} holds what is no contact", f"use bits 0 to {PAGE - 1} of its word")
    return found


def account_of(address: str) -> bytes:
    """An address as an account: left-padded to 32 bytes."""
    return bytes(32 - _ADDRESS) + bytes.fromhex(to_address(address)[2:])


def address_of(account: bytes) -> str | None:
    """The address that an account is; None for a pseudonym, and for no account."""
    padding, address = account[:-_ADDRESS], account[-_ADDRESS:]
    return None if any(padding) or not any(address) else to_address("0x" + address.hex())


def named(account: bytes) -> str:
    """An account as people write it: its address, or all of a pseudonym in hex; empty for no account."""
    return address_of(account) or (f"0x{account.hex()}" if any(account) else "")
