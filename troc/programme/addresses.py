"""From cards to addresses: what can be issued now, and what waits until its owner names an address."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from troc import words
from troc.errors import InputError
from troc.messages import to_address


class AddressBook(Protocol):
    """Where points of a card go."""

    def addresses_of(self, cards: Sequence[str]) -> list[str | None]:
        """For each card its address, in the same order; None where there is none (or no such card)."""


class OwnAddresses:
    """Where a receipt names the address itself: what is an address is its own, and nothing else has one."""

    def addresses_of(self, cards: Sequence[str]) -> list[str | None]:
        """See `AddressBook`."""
        return [_as_address(card) for card in cards]


def _as_address(card: str) -> str | None:
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
    for (card, units), address in zip(members.items(), book.addresses_of(list(members)), strict=True):
        if address is None:
            unclaimed[card] = unclaimed.get(card, 0) + units
        else:
            issued[address] = issued.get(address, 0) + units
    return Shares(issued, unclaimed)


def write_points(path: Path, name: str, points: Mapping[str, int], decimals: int) -> None:
    """Write a file of points with the columns `name` and `amount` (whole points), sorted, in one step."""
    rows = (
        (words.cell(key), words.number(units, decimals).replace(",", ""))
        for key, units in sorted(points.items())
    )
    _write(path, [(name, "amount"), *rows])


def _write(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
        os.replace(part, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", "name another file") from None
