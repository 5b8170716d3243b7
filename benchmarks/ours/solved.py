"""A book of orders for the solver, and a settlement that it makes of it."""

from __future__ import annotations

import random

import numpy as np

from benchmarks.records import BenchmarkError
from benchmarks.tokens import ONE
from troc.market.clearing import Batch, Holdings, Settlement, clear, split

SOLVED_BRANDS = 4
SOLVED_ORDERS = 30
_BOOK = 90


def solved_book(living_until: int, expiry: int) -> Batch:
    """Orders in parts of as many makers, each for points of a brand that she has: mostly for the next one, so
    that hardly two fit. Amounts are tens of points, limits up to a fifth below what people think that points
    are worth.
    """
    chance = random.Random(1)  # noqa: S311 - a book, not a key
    worth = [1.0, 2.0, 0.5, 1.5]
    give = np.array([place % SOLVED_BRANDS for place in range(_BOOK)])
    want = (give + np.array([chance.choice((1, 1, 1, 2, 3)) for _ in range(_BOOK)])) % SOLVED_BRANDS
    points = [10 * chance.randrange(2, 40) for _ in range(_BOOK)]
    wanted = [
        max(1, int(units * worth[gives] / worth[wants] * chance.uniform(0.8, 1.02)))
        for units, gives, wants in zip(points, give.tolist(), want.tolist(), strict=True)
    ]
    amounts = np.array(points) * ONE
    makers = np.arange(_BOOK)
    return Batch(
        ids=np.frombuffer(chance.randbytes(32 * _BOOK), np.uint8).reshape(-1, 32),
        maker=makers,
        give=give,
        want=want,
        give_amount=amounts,
        want_amount=np.array(wanted) * ONE,
        left=amounts,
        give_expiring_by=np.full(_BOOK, expiry),
        want_living_until=np.full(_BOOK, living_until),
        whole=np.zeros(_BOOK, np.bool_),
        only=np.full(_BOOK, -1),
        holdings=Holdings(makers, give, np.full(_BOOK, expiry), np.full(_BOOK, 1_000 * ONE)),
        tokens=SOLVED_BRANDS,
    )


def solved_settlement(book: Batch, orders: int) -> Settlement:
    """The first settlement of so many orders that the solver makes."""
    for settlement in split(book, clear(book), orders).settlements:
        if len(settlement.orders) == orders:
            return settlement
    raise BenchmarkError(f"the solver makes no settlement of {orders} orders: change the book")
