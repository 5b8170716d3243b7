"""An import after another one: what a file's cards were brought before, and what of the file is missing.

The chain knows what was issued into the lots of older epochs, by address; the members' database knows what
was kept for cards, and which of those issues were payments of that. Both are compared with the file: points
are brought over a second time only where the brand says that they are further ones.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from troc import words
from troc.brands import Brands
from troc.errors import BrandError
from troc.payouts import Batch
from troc.programme.importing import ImportPlan, Row

if TYPE_CHECKING:
    from troc.programme.claims import Claims

_NO_LOTS: Mapping[int, int] = {}


@dataclass(frozen=True)
class Before:
    """What was brought over before, in smallest units by the expiry of the lot: by address, and by card (kept
    for it, or sent to an address that it had).

    `elsewhere` went to addresses that the file does not name.
    """

    issued: Mapping[str, Mapping[int, int]]
    kept: Mapping[str, Mapping[int, int]]
    elsewhere: int = 0


@dataclass(frozen=True)
class Difference:
    """What a file has more than was brought over before: `plan`; and what it has less, in smallest units.

    `less` stays with cards and addresses of the file, `elsewhere` with addresses that it does not name: what
    is on the chain is not taken back.
    """

    plan: ImportPlan
    before: int
    less: int
    elsewhere: int


@dataclass(frozen=True)
class Earlier:
    """Everything that was brought over before for the addresses and cards of a file."""

    plan: ImportPlan
    arrivals: Mapping[bytes, Sequence[tuple[str, int, int]]]
    """Address, expiry of the lot and smallest units, by the batch's reference."""
    claims: Mapping[str, Mapping[str, tuple[int, int]]] = field(default_factory=dict)
    own_claims: Set[tuple[str, str, int]] = frozenset()
    """Card, key and units of the file's own claims."""
    files: Sequence[ImportPlan] = ()
    """Files of before: by them a card is known whose address is another one now."""

    def refuse_twice(self) -> None:
        """Raise `BrandError` if a part of the file that is not sent yet is for an address or a card
        that was brought points before, by another file or under another reference.
        """
        own = set(_own(self.plan, self.arrivals))
        before = self._before(own, self.own_claims)
        done: dict[tuple[str, int], int] = defaultdict(int)
        for reference in own:
            for address, expiry, units in self.arrivals[reference]:
                done[address, expiry] += units
        kept = {(card, units) for card, key, units in self.own_claims if key in self.claims.get(card, {})}
        found: list[tuple[Row, int]] = []
        for row in self.plan.rows:
            sent = (row.card, row.units) in kept if row.held else bool(done.get((row.address, row.expiry)))
            there = sum(before.kept.get(row.card, _NO_LOTS).values())
            there += sum(before.issued.get(row.address, _NO_LOTS).values())
            if row.units and there and not sent:
                found.append((row, there))
        if not found:
            return
        row, there = found[0]
        brand = self.plan.brand
        now = sum(each.units for each in self.plan.rows if each.card == row.card)
        cards = words.count(len({each.card for each, _ in found}), "card")
        raise BrandError(
            f"points were brought over before for {cards} of this file: {row.card} in line {row.line}"
            f" had {brand.text(there)}, and here it has {brand.text(now)}",
            "send only what is missing with --difference; if all of these are further points, say --further",
        )

    def difference(self) -> Difference:
        """The part of the file that is missing. A lot takes first what was brought into it; what is left was
        brought with other dates, and counts too.
        """
        before = self._before(set(), frozenset())
        kept = {card: dict(lots) for card, lots in before.kept.items()}
        issued = {address: dict(lots) for address, lots in before.issued.items()}
        left = [row.units for row in self.plan.rows]
        for same_lot in (True, False):
            for place, row in enumerate(self.plan.rows):
                for lots in (kept.get(row.card), issued.get(row.address)):
                    for expiry in list(lots or {}):
                        if lots and (expiry == row.expiry or not same_lot):
                            taken = min(lots[expiry], left[place])
                            lots[expiry] -= taken
                            left[place] -= taken
        rows = tuple(replace(row, units=units) for row, units in zip(self.plan.rows, left, strict=True))
        # Another correction of the same size must not look like this one.
        text = f"{self.plan.reference}\0difference\0{_digest(self.plan)}"
        plan = ImportPlan(self.plan.brand, rows, sum(left), text)
        less = sum(sum(lots.values()) for some in (kept, issued) for lots in some.values())
        return Difference(plan, self.plan.units - plan.units, less, before.elsewhere)

    def _before(self, own: Set[bytes], own_claims: Set[tuple[str, str, int]]) -> Before:
        issued: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for reference, some in self.arrivals.items():
            for address, expiry, units in some if reference not in own else ():
                issued[address][expiry] += units
        kept: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for card, of in self.claims.items():
            for key, (expiry, units) in of.items():
                if (card, key, units) not in own_claims:
                    kept[card][expiry] += units
        for address, card, expiry, units in self._moved():
            had = issued[address][expiry]
            issued[address][expiry] = had - min(had, units)
            kept[card][expiry] += min(had, units)
        addresses = {row.address for row in self.plan.rows}
        elsewhere = sum(sum(lots.values()) for address, lots in issued.items() if address not in addresses)
        return Before({each: issued[each] for each in addresses if each in issued}, kept, elsewhere)

    def _moved(self) -> Iterator[tuple[str, str, int, int]]:
        """What the files of before had for an address that is not its card's any more: address, card, expiry
        of the lot and units. It counts for the card, once, however many files name it.
        """
        cards: dict[str, set[str]] = {}
        for row in self.plan.rows:
            cards.setdefault(row.card, set()).add(row.address)
        most: dict[tuple[str, str, int], int] = {}
        for file in self.files:
            for row in file.rows:
                if not row.held and row.address not in cards.get(row.card, {row.address}):
                    place = row.address, row.card, row.expiry
                    most[place] = max(most.get(place, 0), row.units)
        for place, units in most.items():
            yield *place, units


def earlier_imports(
    brands: Brands, plan: ImportPlan, kept: Claims | None = None, files: Sequence[ImportPlan] = ()
) -> Earlier:
    """Ask the chain, and the members' database where there is one. `files`: the plans of files of before."""
    payments = kept.payments() if kept else frozenset()
    arrivals = {
        reference: [(address, plan.brand.expiry_of(epoch), units) for address, epoch, units in some]
        for reference, some in brands.issued_at_epochs(plan.brand).items()
        if reference not in payments
    }
    if kept is None:
        return Earlier(plan, arrivals, files=files)
    claims = kept.imported(list(dict.fromkeys(row.card for row in plan.rows)))
    own = {(claim.card, kept.reference_key(claim.reference), claim.units) for claim in plan.claims}
    return Earlier(plan, arrivals, claims, own, files)


def _own(plan: ImportPlan, arrivals: Mapping[bytes, object]) -> Iterator[bytes]:
    """References of this plan's own batches that have arrived, whole or in halves."""
    todo: list[Batch] = list(plan.batches) if arrivals else []
    while todo:
        batch = todo.pop()
        if batch.reference in arrivals:
            yield batch.reference
        else:
            todo += batch.halves() or ()


def _digest(plan: ImportPlan) -> str:
    text = "".join(f"{row.card}\0{row.address}\0{row.units}\0{row.expiry}\n" for row in plan.rows)
    return hashlib.sha256(text.encode()).hexdigest()
