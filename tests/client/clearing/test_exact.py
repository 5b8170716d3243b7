"""Arithmetic that is right whatever the size."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from troc.market.clearing.exact import product_over, spread

AMOUNTS = st.integers(0, 2**56 - 1) | st.integers(0, 100)


@given(AMOUNTS, AMOUNTS, AMOUNTS.map(lambda amount: amount + 1))
def test_a_product_over_something(a: int, b: int, c: int) -> None:
    arrays = np.array([a]), np.array([b]), np.array([c])
    most = 2**63 - 1
    assert product_over(*arrays).tolist() == [min(a * b // c, most)]
    assert product_over(*arrays, up=True).tolist() == [min(-(-a * b // c), most)]


@given(AMOUNTS, st.lists(AMOUNTS, max_size=6))
def test_spreading(amount: int, rooms: list[int]) -> None:
    shares = spread(amount, np.array(rooms, np.int64), np.arange(len(rooms))).tolist()
    assert sum(shares) == min(amount, sum(rooms))
    assert all(0 <= share <= room for share, room in zip(shares, rooms, strict=True))
