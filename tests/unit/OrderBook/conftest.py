"""A book, and an order to publish in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brownie
import pytest

from tests.orders import make_order


@pytest.fixture(scope="module")
def book(deployer: Any) -> Any:
    return brownie.OrderBook.deploy({"from": deployer})


@pytest.fixture(scope="module")
def acme(create_token: Callable[..., Any]) -> Any:
    return create_token(name="Acme", symbol="ACME")


@pytest.fixture(scope="module")
def beta(create_token: Callable[..., Any]) -> Any:
    return create_token(name="Beta", symbol="BETA")


@pytest.fixture
def order(customer: Any, acme: Any, beta: Any) -> dict[str, Any]:
    """The customer gives 100 ACME for 80 BETA."""
    return make_order(customer, acme, 100, beta, 80)
