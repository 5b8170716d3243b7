"""Who plays in the demo, chosen from the receipts by rules: nobody is invented."""

from __future__ import annotations

from dataclasses import dataclass

from troc.demo.receipts import GROCER, MANUFACTURERS, PROGRAMMES, Receipts

FEWEST = 12
"""Households that the story needs at least."""


@dataclass(frozen=True)
class Wish:
    """What a household gives and wants, as it would say it: "100 ACME"."""

    household: int
    give: str
    want: str


@dataclass(frozen=True)
class Cast:
    """`she` is the household of the story; `hers` and `partners` match, of the `ring` no two do."""

    she: int
    hers: Wish
    partners: Wish
    ring: tuple[Wish, Wish, Wish]
    others: tuple[int, ...]


def choose_cast(receipts: Receipts) -> Cast:
    """Choose the players: she is the middle one of those who bought every brand in the most months.

    She trades the points of which she has most for those of which she has fewest, with whom has most of
    these.
    """
    she = _choose_her(receipts)
    by_amount = sorted(
        (each.symbol for each in MANUFACTURERS), key=lambda symbol: receipts.points(symbol, she)
    )
    scarce, *_, plenty = by_amount
    partner = _richest(receipts, scarce, {she})
    # The ring: the grocer's points for some, these for some others, and those for the grocer's.
    first, second = GROCER.symbol, by_amount[1]
    third = by_amount[2]
    giver_of_second = _richest(receipts, second, {she, partner})
    giver_of_third = _richest(receipts, third, {she, partner, giver_of_second})
    players = {she, partner, giver_of_second, giver_of_third}
    return Cast(
        she=she,
        hers=Wish(she, f"100 {plenty}", f"80 {scarce}"),
        partners=Wish(partner, f"80 {scarce}", f"100 {plenty}"),
        ring=(
            Wish(she, f"400 {first}", f"60 {second}"),
            Wish(giver_of_second, f"60 {second}", f"50 {third}"),
            Wish(giver_of_third, f"50 {third}", f"380 {first}"),
        ),
        others=tuple(household for household in receipts.households if household not in players),
    )


def _choose_her(receipts: Receipts) -> int:
    def months_of_brands(household: int) -> int:
        return sum(
            household in month.points[programme.symbol]
            for month in receipts.months
            for programme in PROGRAMMES
        )

    most = max(map(months_of_brands, receipts.households))
    faithful = [household for household in receipts.households if months_of_brands(household) == most]
    faithful.sort(key=lambda household: (receipts.points(GROCER.symbol, household), household))
    return faithful[len(faithful) // 2]


def _richest(receipts: Receipts, symbol: str, without: set[int]) -> int:
    candidates = [household for household in receipts.households if household not in without]
    return max(candidates, key=lambda household: (receipts.points(symbol, household), household))
