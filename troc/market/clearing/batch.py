"""What is cleared, and what comes of it: arrays, in smallest units and Unix seconds.

Whoever makes a `Batch` has checked signatures, dates and what is left of each order; whoever gets a
`Clearing` can turn it into settlements without asking the solver anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

FOR_EVER = 2**63 - 1
"""Stands for the expiry of points that never expire, which on the chain is beyond 64 bits."""

PRICE_DIGITS = 9
"""Significant digits of a published price."""


class Good(NamedTuple):
    """What a price is for: points of a token that live beyond `living_until`, 0 for whichever."""

    token: int
    living_until: int


@dataclass(frozen=True)
class Holdings:
    """Lots that makers hold: a row a maker, token and expiry, each at most once.

    `maker` and `token` are places in the caller's lists, `expiry` is the first second at which a lot is not
    valid, `units` is more than zero.
    """

    maker: Integers
    token: Integers
    expiry: Integers
    units: Integers


@dataclass(frozen=True)
class Batch:
    """Orders that could be settled together, a row each, and what their makers hold.

    An order gives `give` and wants `want` (places in the caller's list of tokens); it gives at most `left`
    and receives at least `want_amount / give_amount` for each unit that it gives. It gives only lots that
    expire at or before `give_expiring_by` (0: any) and receives only lots that live beyond
    `want_living_until`. `whole`: it gives exactly `left`, which is then `give_amount`, or nothing. `only`:
    the maker who alone may be on the other side of each of its transfers, or -1. Several orders of one
    maker share what she holds. All amounts are below 2^56 and more than zero, and what is held of a token
    adds up to less than 2^60.
    """

    ids: npt.NDArray[np.uint8]
    """(orders, 32): the orders' digests, which break ties; the same orders clear alike in any sequence."""
    maker: Integers
    give: Integers
    want: Integers
    give_amount: Integers
    want_amount: Integers
    left: Integers
    give_expiring_by: Integers
    want_living_until: Integers
    whole: Flags
    only: Integers
    holdings: Holdings
    tokens: int

    def __len__(self) -> int:
        return len(self.maker)


@dataclass(frozen=True)
class Clearing:
    """How a batch is cleared.

    `given` and `received` per order; `transfers` are rows (giving order, receiving order, units), straight
    from maker to maker, in the sequence in which the exchange must run them. `prices` are integers, one a
    good, of one smallest unit with 18 decimals, in a unit that is common to a group: `groups` numbers the
    trading groups. `smoothing` (μ): an order that is better than the prices by this factor is filled whole.
    `surplus` is what all makers gained over their limits at these prices, `bound` what no balanced
    allocation at these prices can exceed, `unfilled` what better orders than the prices were not filled,
    `traded` what all gave, each in the unit of prices with 18 decimals; docs/clearing.md has the formulas.
    """

    given: Integers
    received: Integers
    transfers: Integers
    goods: tuple[Good, ...]
    prices: tuple[int, ...]
    groups: tuple[int, ...]
    smoothing: float
    surplus: int
    bound: int
    unfilled: int
    traded: int
