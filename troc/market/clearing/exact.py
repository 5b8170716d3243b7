"""Products and quotients of whole numbers that are right whatever their size."""

from __future__ import annotations

from typing import Any

import numpy as np

from troc.market.clearing.batch import Integers

_SAFE = float(2**62)
"""Products below this, reckoned in floating point, fit 64 bits for certain."""


def product_over(a: Integers, b: Integers, c: Integers, *, up: bool = False) -> Integers:
    """a · b / c, element by element, rounded down, or up. Operands are below 2^63 and not negative, `c` is
    more than 0; results that would not fit 63 bits are given as 2^63 - 1.
    """
    large = a.astype(np.float64) * b.astype(np.float64) >= _SAFE
    if not large.any():
        return _over(a * b, c, up)
    result = np.empty(len(a), np.int64)
    small = ~large
    result[small] = _over(a[small] * b[small], c[small], up)
    result[large] = [
        min(-(-x * y // z) if up else x * y // z, 2**63 - 1)
        for x, y, z in zip(a[large].tolist(), b[large].tolist(), c[large].tolist(), strict=True)
    ]
    return result


def _over(products: Integers, c: Integers, up: bool) -> Integers:
    quotients: Integers = -(-products // c) if up else products // c
    return quotients


def python_integers(values: Integers) -> Any:
    """As an array of Python's integers, which do not overflow."""
    objects: Any = values.astype(object)
    return objects


def spread(amount: int, rooms: Integers, keys: Integers) -> Integers:
    """Shares of an amount, in proportion to the rooms and none beyond its room; what proportions leave over
    goes a unit each to those with the least keys. What does not fit at all is not spread.
    """
    rooms = np.maximum(rooms, 0).astype(np.int64)
    total = sum(rooms.tolist())
    if total <= amount:
        return rooms.copy()
    shares = np.minimum(np.floor(rooms * (amount / total) * (1 - 1e-12)).astype(np.int64), rooms)
    left = amount - sum(shares.tolist())
    while left > 0:
        free = np.flatnonzero(rooms > shares)
        # More than a unit each is left only where floating point is coarser than units.
        each = max(left // len(free), 1)
        if each == 1:
            free = free[np.argsort(keys[free], kind="stable")][:left]
        more = np.minimum(rooms[free] - shares[free], each)
        shares[free] += more
        left -= sum(more.tolist())
    spreading: Integers = shares
    return spreading
