"""Which orders of a settlement feed which: the same for every system that settles several at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """One order in a ring.

    Attributes:
        give: Index of the token that it gives.
        want: Index of the token that it wants.
        to: Index of the order that gets what it gives.
        source: Index of the order that feeds it.
    """

    give: int
    want: int
    to: int
    source: int


def rings(*cycles: Sequence[int]) -> list[Link]:
    """The orders of several rings; each ring is the tokens that its members give, in turn."""
    return list(_links(cycles))


def _links(cycles: Sequence[Sequence[int]]) -> Iterator[Link]:
    first = 0
    for cycle in cycles:
        size = len(cycle)
        for index, token in enumerate(cycle):
            before, after = (index - 1) % size, (index + 1) % size
            yield Link(token, cycle[before], first + after, first + before)
        first += size


PAIR = rings((0, 1))
RING_OF_THREE = rings((0, 1, 2))
# Seven rings over four brands, and a pair.
BATCH_OF_30 = rings(*[(0, 1, 2, 3)] * 7, (0, 1))
BATCH_OF_30_SHAPE = "7 rings of four and a pair, each order whole"
