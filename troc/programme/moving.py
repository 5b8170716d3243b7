"""Earned and imported points that have no address yet, kept with the members of a brand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from eth_utils.crypto import keccak

from troc.errors import InputError
from troc.programme.claims import IMPORTED, ClaimRow
from troc.programme.importing import ImportPlan
from troc.programme.members import NewMember, normal_card
from troc.programme.programme import Programme


@dataclass(frozen=True)
class KeptImport:
    """The claims of an import: whoever is no member yet becomes one first, with her status."""

    programme: Programme
    plan: ImportPlan
    actor: str

    def add_many(self, rows: Sequence[Any]) -> int:
        """See `troc.programme.importing.Claims`."""
        self.add_members()
        return self.programme.claims.add_many(
            [ClaimRow(row.card, row.units, row.expiry, row.reference, IMPORTED) for row in rows],
            actor=self.actor,
            reason="brought over",
        )

    def note(self, units: int, recipients: int, transactions: Sequence[str]) -> None:
        """Write into the journal what was issued to addresses."""
        if transactions:
            self.programme.journal.append(
                *("brought over", self.actor, self.plan.reference),
                {"units": str(units), "recipients": recipients, "transactions": list(transactions)},
            )

    def add_members(self) -> int:
        """Add every card of the file that is no member yet; gives how many. An address is linked by its
        owner's signature alone, so none is taken from the file.
        """
        statuses: dict[str, str] = {}
        for row in self.plan.rows:
            inactive = row.held == "inactive" or statuses.get(row.card) == "inactive"
            statuses[row.card] = "inactive" if inactive else "active"
        known = self.programme.members.ids_of(list(statuses))
        new = [
            NewMember(card, status=status)
            for (card, status), number in zip(statuses.items(), known, strict=True)
            if number is None
        ]
        return self.programme.members.add_many(new, self.actor) if new else 0


def read_cards(file: Path) -> list[str]:
    """The column `card` of a CSV or Parquet file, each card once, in the file's order."""
    if not file.is_file():
        raise InputError(f"there is no file {file}", "check its name")
    try:
        table = pd.read_parquet(file) if file.suffix.lower() == ".parquet" else pd.read_csv(file, dtype=str)
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = str(error).split("\n", 1)[0]
        raise InputError(f"{file.name} cannot be read ({reason})", "save it as CSV or as Parquet") from None
    if "card" not in table.columns:
        raise InputError(f"{file.name} has no column card", "name the column of card numbers `card`")
    cells = table["card"].dropna().astype(str).str.strip()
    return list(dict.fromkeys(normal_card(cell) for cell in cells if cell))


def of_members(programme: Programme, points: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Points by card, of members and of cards that are none."""
    numbers = programme.members.ids_of(list(points))
    known = {card for card, number in zip(points, numbers, strict=True) if number is not None}
    ours = {card: units for card, units in points.items() if card in known}
    return ours, {card: units for card, units in points.items() if card not in known}


def keep_earned(programme: Programme, points: Mapping[str, int], expiry: int, reference: str) -> int:
    """Keep earned points (smallest units by card) as claims until `expiry`; gives how many claims are new.

    `reference` is what they are for ("February 2027"): the same a second time adds nothing.
    """
    rows = [ClaimRow(card, units, expiry, _earned(card, reference)) for card, units in points.items()]
    return programme.claims.add_many(rows, reason=f"earned: {reference}") if rows else 0


def without_kept(programme: Programme, points: Mapping[str, int], reference: str) -> dict[str, int]:
    """Earned points without those of cards whose points for `reference` were kept before: they are paid out
    as a claim, also where their holder has an address by now.
    """
    kept = programme.claims.counted([_earned(card, reference) for card in points])
    return {card: units for (card, units), before in zip(points.items(), kept, strict=True) if not before}


def net_earned(
    programme: Programme, points: Mapping[str, int], reference: str, *, dry_run: bool = False
) -> tuple[dict[str, int], dict[str, int]]:
    """Earned points (smallest units by card) as they are to be paid, and what of each card's is kept back for
    what she owes. Done once for a `reference` ("February 2027"); again it gives the same and nets nothing.
    """
    earned = sorted(points.items())
    split = programme.debts.net_many(earned, reference, strangers=True, dry_run=dry_run)
    paid = {card: left for (card, _), (left, _) in zip(earned, split, strict=True) if left}
    return paid, {card: kept for (card, _), (_, kept) in zip(earned, split, strict=True) if kept}


def _earned(card: str, reference: str) -> str:
    return "earned-" + keccak(f"{reference}\0{card}".encode()).hex()
