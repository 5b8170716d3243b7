"""Small batches by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from troc.market.clearing import Batch, Holdings

LATE = 10**9


class Lot(NamedTuple):
    maker: int
    token: int
    units: int
    expiry: int = LATE


class Ask(NamedTuple):
    """An order: `maker` gives `gives` of token `give` for at least `wants` of token `want`."""

    maker: int
    give: int
    gives: int
    want: int
    wants: int
    by: int = 0
    beyond: int = 0
    whole: bool = False
    only: int = -1


def batch_of(asks: Sequence[Ask], lots: Sequence[Lot] | None = None, tokens: int = 6) -> Batch:
    """Without lots each maker has what she gives."""
    if lots is None:
        held: dict[tuple[int, int], int] = {}
        for ask in asks:
            held[ask.maker, ask.give] = held.get((ask.maker, ask.give), 0) + ask.gives
        lots = [Lot(maker, token, units) for (maker, token), units in held.items()]
    ids = np.zeros((len(asks), 32), np.uint8)
    ids[:, 0] = np.arange(len(asks))

    def column(name: str) -> np.ndarray:
        return np.array([getattr(ask, name) for ask in asks], np.int64)

    def lot_column(name: str) -> np.ndarray:
        return np.array([getattr(lot, name) for lot in lots], np.int64)

    return Batch(
        ids=ids,
        maker=column("maker"),
        give=column("give"),
        want=column("want"),
        give_amount=column("gives"),
        want_amount=column("wants"),
        left=column("gives"),
        give_expiring_by=column("by"),
        want_living_until=column("beyond"),
        whole=column("whole").astype(np.bool_),
        only=column("only"),
        holdings=Holdings(
            lot_column("maker"), lot_column("token"), lot_column("expiry"), lot_column("units")
        ),
        tokens=tokens,
    )
