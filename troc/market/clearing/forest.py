"""Fewer transfers of the same amounts: on a circle of givers and takers units can move around, one way or the
other, until a transfer is empty, and nobody gives or gets more or less. What is left are trees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

Row = tuple[int, int]
"""Giver and taker."""

Shift = Callable[[Sequence[Row], Sequence[Row], int], bool]
"""Takes so many units from each of some transfers and adds them to each of others, if that may be."""


class Forest:
    """Transfers without circles, but for those that may not be undone."""

    def __init__(self, shift: Shift) -> None:
        self.units: dict[Row, int] = {}
        self._shift = shift
        # Takers are told from givers by their sign.
        self._near: dict[int, dict[int, None]] = {}

    def add(self, giver: int, taker: int, units: int) -> None:
        """Another transfer; each giver and taker once."""
        self.units[giver, taker] = units
        way = self._way(giver, ~taker)
        if not way:
            self._link(giver, ~taker)
            return
        steps = [_row(one, next_one) for one, next_one in pairwise(way)]
        against, along = steps[::2], [*steps[1::2], (giver, taker)]
        for less, more in ((against, along), (along, against)):
            amount = min(self.units[row] for row in less)
            if self._shift(less, more, amount):
                break
        else:
            return
        for row in less:
            self.units[row] -= amount
        for row in more:
            self.units[row] += amount
        for row in less:
            if not self.units[row]:
                del self.units[row]
                self._unlink(row[0], ~row[1])
        if (giver, taker) in self.units:
            self._link(giver, ~taker)

    def _way(self, start: int, end: int) -> list[int]:
        """From one to another through transfers; empty where there is none."""
        came: dict[int, int] = {start: start}
        waiting = [start]
        while waiting and end not in came:
            here = waiting.pop()
            for there in self._near.get(here, ()):
                if there not in came:
                    came[there] = here
                    waiting.append(there)
        if end not in came:
            return []
        way = [end]
        while way[-1] != start:
            way.append(came[way[-1]])
        return way[::-1]

    def _link(self, one: int, other: int) -> None:
        self._near.setdefault(one, {})[other] = None
        self._near.setdefault(other, {})[one] = None

    def _unlink(self, one: int, other: int) -> None:
        self._near.get(one, {}).pop(other, None)
        self._near.get(other, {}).pop(one, None)


def _row(one: int, other: int) -> Row:
    return (one, ~other) if one >= 0 else (other, ~one)
