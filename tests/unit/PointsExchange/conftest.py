"""Two brands, three customers with points of both, and the ways to trade them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import brownie
import pytest

from tests.helpers import MAX_UINT256, nonce, sign
from tests.orders import make_order, words

HELD = 1_000


@pytest.fixture(scope="module")
def neighbour(create_account: Callable[[str], Any]) -> Any:
    """A third customer."""
    return create_account("neighbour")


@pytest.fixture(scope="module")
def create_points(
    create_token: Callable[..., Any], brand: Any, customer: Any, buyer: Any, neighbour: Any
) -> Callable[..., Any]:
    """A token of which each of the three customers holds 1,000."""

    def create(symbol: str, **birth: Any) -> Any:
        token = create_token(name=symbol.title(), symbol=symbol, **birth)
        for holder in (customer, buyer, neighbour):
            token.mint(holder, HELD, {"from": brand})
        return token

    return create


@pytest.fixture(scope="module")
def acme(create_points: Callable[..., Any]) -> Any:
    return create_points("ACME")


@pytest.fixture(scope="module")
def beta(create_points: Callable[..., Any]) -> Any:
    return create_points("BETA")


@pytest.fixture(scope="module")
def cash(deployer: Any, exchange: Any, customer: Any, buyer: Any) -> Any:
    """Money of which customer and buyer hold 1,000, and let the exchange move it."""
    token = brownie.CashMock.deploy("Euro", "EUR", {"from": deployer})
    for holder in (customer, buyer):
        token.mint(holder, HELD, {"from": deployer})
        token.approve(exchange, MAX_UINT256, {"from": holder})
    return token


@pytest.fixture(scope="module")
def coupons(deployer: Any, exchange: Any, customer: Any, buyer: Any) -> Any:
    """Coupons of which customer and buyer hold 1,000 of kind 7, and let the exchange move them."""
    token = brownie.CouponMock.deploy({"from": deployer})
    for holder in (customer, buyer):
        token.mint(holder, 7, HELD, {"from": deployer})
        token.setApprovalForAll(exchange, True, {"from": holder})
    return token


@pytest.fixture
def create_order() -> Callable[..., dict[str, Any]]:
    """An order with a nonce that this test has not used yet."""
    indices, lanes = count(), count(1)

    def create(*terms: Any, **fields: Any) -> dict[str, Any]:
        fresh = nonce(lane=next(lanes)) if fields.get("allowPartial") else nonce(next(indices))
        return make_order(*terms, **{"nonce": fresh} | fields)

    return create


@pytest.fixture
def pair(create_order: Callable[..., dict[str, Any]], acme: Any, beta: Any, customer: Any, buyer: Any) -> Any:
    """The customer gives 100 ACME for 80 BETA, the buyer the reverse."""
    return [create_order(customer, acme, 100, beta, 80), create_order(buyer, beta, 80, acme, 100)]


@pytest.fixture(scope="module")
def sign_order(exchange: Any, accounts: Any) -> Callable[[dict[str, Any]], bytes]:
    """The maker's signature."""
    return lambda order: sign(accounts.at(order["maker"]), exchange, "Order", order)


@pytest.fixture(scope="module")
def settle(exchange: Any, sign_order: Callable[[dict[str, Any]], bytes], stranger: Any) -> Callable[..., Any]:
    """Settles signed orders; whoever sends it is nobody unless a transfer names him."""

    def settle(
        orders: list[dict[str, Any]], transfers: list[tuple[int, int, int]], sender: Any = stranger
    ) -> Any:
        signatures = [sign_order(order) for order in orders]
        return exchange.settle([words(order) for order in orders], signatures, transfers, {"from": sender})

    return settle


@pytest.fixture(scope="module")
def take(exchange: Any, sign_order: Callable[[dict[str, Any]], bytes], buyer: Any) -> Callable[..., Any]:
    """Takes a signed order, as the buyer unless said otherwise."""

    def take(order: dict[str, Any], amount: int, living_until: int = 0, sender: Any = buyer) -> Any:
        return exchange.take(words(order), sign_order(order), amount, living_until, {"from": sender})

    return take
