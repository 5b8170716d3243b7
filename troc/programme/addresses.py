"""From cards to addresses: what can be issued now, and what waits until its owner names an address."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from troc import words
from troc.errors import InputError
from troc.messages import to_address


class AddressBook(Protocol):
    """Knows the addresses of members."""

    def address_of(self, card: str) -> str | None:
        """The address that a card's points go to; None if its member has none."""


class Claims(Protocol):
    """Keeps the points of members without an address, until they have one."""

    def add(self, card: str, units: int, expiry: int, reference: str) -> bool:
        """Add to what a card may claim: smallest units, good until `expiry` (Unix seconds, excluded).

        The same `reference` a second time adds nothing and gives False.
        """


class OwnAddresses:
    """Where a receipt names the address itself: what is an address is its own, and nothing else has one."""

    def address_of(self, card: str) -> str | None:
        """The card itself, if it is an address."""
        try:
            return to_address(card)
        except InputError:
            return None


@dataclass(frozen=True)
class Shares:
    """Smallest units by address, which can be issued, and by card for members without one."""

    issued: Mapping[str, int]
    unclaimed: Mapping[str, int]


def share(members: Mapping[str, int], book: AddressBook) -> Shares:
    """Give each member's points to her address. Several cards can feed one address."""
    issued: dict[str, int] = {}
    unclaimed: dict[str, int] = {}
    for card, units in members.items():
        address = book.address_of(card)
        if address is None:
            unclaimed[card] = unclaimed.get(card, 0) + units
        else:
            issued[address] = issued.get(address, 0) + units
    return Shares(issued, unclaimed)


def write_points(path: Path, name: str, points: Mapping[str, int], decimals: int) -> None:
    """Write a file of points with the columns `name` and `amount` (whole points), sorted, in one step."""
    rows = ((key, words.number(units, decimals).replace(",", "")) for key, units in sorted(points.items()))
    _write(path, [(name, "amount"), *rows])


def _write(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
        os.replace(part, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", "name another file") from None
