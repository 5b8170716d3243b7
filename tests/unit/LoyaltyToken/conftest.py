"""What tests of LoyaltyToken share: points in every lot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers import travel_to

LOTS = (10, 20, 30, 40)


@pytest.fixture(scope="module")
def enter(token: Any) -> Callable[[int], None]:
    """Go to the first second of an epoch."""
    origin, length = token.origin(), token.epochLength()
    return lambda epoch: travel_to(origin + epoch * length)


@pytest.fixture(scope="module")
def held(token: Any, brand: Any, customer: Any, enter: Callable[[int], None]) -> tuple[int, ...]:
    """The customer's points: 10, 20, 30, 40 of the epochs 0 to 3. It is epoch 3."""
    for epoch, amount in enumerate(LOTS):
        if epoch:
            enter(epoch)
        token.mint(customer, amount, {"from": brand})
    return LOTS


@pytest.fixture(scope="module")
def lots(token: Any) -> Callable[[Any], tuple[int, ...]]:
    """The points of an account, the oldest first."""
    return lambda account: tuple(token.lotsOf(account)[0])


@pytest.fixture(scope="module")
def totals(token: Any) -> Callable[[], tuple[int, ...]]:
    """Issued, live, redeemed, expired."""
    return lambda: tuple(token.totals())


@pytest.fixture(params=["zero", "token", "exchange"])
def refused(request: pytest.FixtureRequest, token: Any, exchange: Any) -> Any:
    """An address that never gets points."""
    return {"zero": "0x" + "00" * 20, "token": token, "exchange": exchange}[request.param]
