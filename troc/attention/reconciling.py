"""The brand's book, the customer's book and the chain side by side: equal, or the contacts that differ with
the signed proof of each.

Any book is slips: what a brand signed (`Signing.everything`, as a file), and what a customer collected. A
contact is explained where both have it; the chain says which were paid. Codes are bound to nobody, so those
that a brand printed and she never had are no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from troc import words
from troc.attention.contacts import address_of
from troc.attention.leaves import Leaf
from troc.attention.messages import Ticket
from troc.attention.slips import Slip, fraud

if TYPE_CHECKING:
    from troc.attention.campaigns import Paid

Source = Slip | Leaf


class Difference(StrEnum):
    """Where a contact or code is missing."""

    NOT_IN_BRANDS = "signed, and not in the brand's book"
    NOT_IN_HERS = "in the brand's book, and not in hers"
    PAID_ALONE = "paid, and in neither book"


@dataclass(frozen=True, order=True)
class Place:
    """One contact of an account, or a code that she has or was paid."""

    account: bytes
    is_code: bool
    number: int

    def __str__(self) -> str:
        return f"{'code' if self.is_code else 'contact'} {self.number:,}"


@dataclass(frozen=True)
class Differing:
    """A contact or code that differs. `proof`: what proves it, signed by the campaign's key or under a root
    of its admin's; None where only the chain knows of it.
    """

    place: Place
    difference: Difference
    paid: bool
    proof: Source | None


@dataclass(frozen=True)
class Reconciled:
    """What came of a comparison. `agreed`: contacts and codes that both books have, of which `paid` were
    paid; `frauds`: pairs of tickets with two one-time keys for one number.
    """

    agreed: int
    paid: int
    differing: tuple[Differing, ...]
    frauds: tuple[tuple[Slip, Slip], ...]

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs, and nothing proves a fraud."""
        return not self.differing and not self.frauds


def reconcile(brands: Iterable[Source], hers: Iterable[Source], paid: Mapping[bytes, Paid]) -> Reconciled:
    """Compare the books of one campaign. `paid`: what the log says of each account that is compared."""
    brands, hers = list(brands), list(hers)
    of_brand, of_hers = _places(brands, paid), _places(hers, paid)
    on_chain = {
        Place(account, is_code, number)
        for account, found in paid.items()
        for is_code, numbers in ((False, found.contacts), (True, found.codes))
        for number in numbers
    }
    differing = []
    agreed = of_brand.keys() & of_hers.keys()
    for place in sorted((of_brand.keys() | of_hers.keys() | on_chain) - agreed):
        is_paid = place in on_chain
        if place in of_hers:
            differing.append(Differing(place, Difference.NOT_IN_BRANDS, is_paid, of_hers[place]))
        elif place not in of_brand:
            differing.append(Differing(place, Difference.PAID_ALONE, True, None))
        elif not place.is_code or is_paid:
            differing.append(Differing(place, Difference.NOT_IN_HERS, is_paid, of_brand[place]))
    frauds = fraud(each for each in dict.fromkeys([*brands, *hers]) if isinstance(each, Slip))
    return Reconciled(len(agreed), len(agreed & on_chain), tuple(differing), tuple(frauds))


def _places(sources: Sequence[Source], paid: Mapping[bytes, Paid]) -> dict[Place, Source]:
    """What each of these proves of the accounts; the proof with fewest contacts where several do."""
    found: dict[Place, Source] = {}
    for source in sorted(sources, key=_size):
        for place in _proven(source, paid):
            if place.account in paid:
                found.setdefault(place, source)
    return found


def _size(source: Source) -> int:
    return len(source.contacts) if isinstance(source, Slip) else len(source.numbers)


def _proven(source: Source, paid: Mapping[bytes, Paid]) -> list[Place]:
    if isinstance(source, Leaf):
        return [Place(source.account, False, number) for number in source.numbers]
    if isinstance(source.message, Ticket) and source.is_code:
        # A code is whose it was paid to, and until then anybody's.
        index = source.message.id
        holder = next((account for account, found in paid.items() if index in found.codes), next(iter(paid)))
        return [Place(holder, True, index)]
    return [Place(source.message.account, False, number) for number in source.contacts]


def spelled(source: Source) -> str:
    """A proof as text that can be handed on: never with a one-time key, which would be cash."""
    if isinstance(source, Slip):
        return source.public().to_text()
    return f"the leaf of page {source.page:,} under the root 0x{source.root.hex()}"


def called(account: bytes) -> str:
    """An account in words."""
    return address_of(account) or f"the pseudonym 0x{account.hex()}"


def told(found: Reconciled) -> list[str]:
    """What came of it, a line each: a difference with its proof below."""
    lines = []
    if found.is_equal:
        lines.append("Equal: both books have the same, and the chain paid nothing else.")
    lines.append(
        f"{words.count(found.agreed, 'contact')} in both books, {found.paid:,} of them paid,"
        f" {found.agreed - found.paid:,} not claimed yet."
    )
    groups: dict[tuple[bytes, Difference, Source | None], list[Differing]] = {}
    for each in found.differing:
        groups.setdefault((each.place.account, each.difference, each.proof), []).append(each)
    for (account, difference, proof), several in groups.items():
        what = words.listed(
            f"{each.place}{' (paid)' if each.paid and difference is not Difference.PAID_ALONE else ''}"
            for each in several
        )
        lines.append(f"{called(account)}: {what}: {difference}")
        if proof is not None:
            lines.append(f"  proof: {spelled(proof)}")
    for first, second in found.frauds:
        assert isinstance(first.message, Ticket)
        noun = "code" if first.is_code else "contact"
        lines += [
            f"Fraud: the campaign's key signed two one-time keys for {noun} {first.message.id:,}",
            f"  {spelled(first)}",
            f"  {spelled(second)}",
        ]
    return lines
