"""How signed things travel as text: `TROC:KIND/` and base 32, in letters that a QR code packs tightly.

Base 32 is that of RFC 4648 without `=`; numbers are in LEB128; a checksum stands at the end. One thing has
one text: what does not spell itself again is refused, by whoever reads it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from troc.errors import InputError

T = TypeVar("T")

CHECKSUM = 4
"""Bytes at the end: the first of keccak256 of what stands before."""

LARGEST_TEXT = 8_192
"""Letters of a text, unless its kind says otherwise."""
_FILE = re.compile(r"[^:#]{1,200}\.(?:json|txt|csv|ya?ml|toml|root|eml|html?)", re.IGNORECASE | re.ASCII)
"""What is meant as the name of a file, and as nothing else."""
_BROKEN = "copy the whole of it again, from the first letter to the last"


class Reader:
    """Takes bytes apart from the front. Raises `IndexError` where they end too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """So many bytes."""
        part = self._data[self._at : self._at + count]
        if len(part) != count:
            raise IndexError
        self._at += count
        return part

    def varint(self) -> int:
        """A number in LEB128, unsigned."""
        value = shift = 0
        while shift <= 256:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise IndexError

    def address(self) -> str:
        """An address."""
        return to_checksum_address(self.take(20))


def varint(value: int) -> bytes:
    """LEB128, unsigned."""
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def checked(body: bytes) -> bytes:
    """The same with its checksum."""
    return body + keccak(body)[:CHECKSUM]


def unchecked(data: bytes, what: str) -> bytes:
    """The bytes without their checksum. Raises `InputError` where it is not theirs."""
    body, checksum = data[:-CHECKSUM], data[-CHECKSUM:]
    if len(data) <= CHECKSUM or keccak(body)[:CHECKSUM] != checksum:
        raise _broken(what)
    return body


def spell(scheme: str, data: bytes) -> str:
    """Bytes as text."""
    return scheme + base64.b32encode(data).decode().rstrip("=")


def unspell(text: str, scheme: str, what: str, largest: int = LARGEST_TEXT) -> bytes:
    """The bytes of a text or link. Capitals or not is the same, and so are the breaks that a mail makes.

    `what`: what an error calls it; `largest`: the most letters.
    """
    text = "".join(text.split())
    if "#" in text:
        text = text.rsplit("#", 1)[1]
    letters = text.upper().removeprefix(scheme)
    if len(letters) > largest:
        raise InputError(f"this is too long for a {what}", "give one text or link at a time")
    strange = re.search(r"[^A-Z2-7]", letters)
    if strange:
        raise InputError(f"this {what} has {strange[0]!r} in it, which no {what} has", _BROKEN)
    try:
        data = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except binascii.Error:
        raise _broken(what) from None
    if base64.b32encode(data).decode().rstrip("=") != letters:
        raise _broken(what)
    return data


def read_file(source: str | Path, what: str, forms: str, largest: int, too_large: tuple[str, str]) -> str:
    """What a file of signed things holds, as text. `forms`: what could be given instead; `largest` bytes;
    `too_large`: what a larger file is too large for, and what to do. Raises `InputError`.
    """
    path = Path(source)
    try:
        if path.stat().st_size > largest:
            raise InputError(f"{path} is too large for {too_large[0]}", too_large[1])
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        if _FILE.fullmatch(str(source)):
            raise InputError(f"there is no file {path}", "check its name") from None
        raise InputError(f"{str(source)[:60]!r} is no {what} and no file", f"give {forms}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise InputError(f"{path} cannot be read ({reason})", "check its name, or ask for it again") from None


def is_text(source: str, scheme: str) -> bool:
    """Whether this is meant as a text or link of a kind, and not as the name of a file."""
    source = source.strip()
    return source.upper().startswith(scheme) or (source.lower().startswith("http") and "#" in source)


def read_lines(text: str, path: Path, read: Callable[[str], T], none: InputError) -> list[T]:
    """What a file with a text or link a line holds. Raises `InputError` with the line where one is wrong, and
    `none` where there is none.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.append(read(line))
            except InputError as error:
                raise InputError(f"{path.name}, line {number}: {error.message}", error.remedy) from None
    if not found:
        raise none
    return found


def check_page(page: str) -> None:
    """Raise unless links can lead to this page."""
    if not re.fullmatch(r"https://[^\s#]+", page):
        raise InputError(f"{page!r} is no page for links", "write it as in https://biobox.example/claim")


def _broken(what: str) -> InputError:
    return InputError(f"this {what} was cut off or altered", _BROKEN)
