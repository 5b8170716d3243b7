"""Roles and factories for tests in brownie's idiom. Each module deploys once; each test begins from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import brownie
import pytest
from brownie import web3

from tests.helpers import DAY, now
from tests.quick import brownie_made_quick


@pytest.fixture(scope="session", autouse=True)
def speed(pytestconfig: pytest.Config) -> Iterator[None]:
    """A fifth of the time; coverage needs every trace."""
    with nullcontext() if pytestconfig.getoption("--coverage") else brownie_made_quick():
        yield


@pytest.fixture(autouse=True)
def isolation(fn_isolation: None) -> None:
    """Each test begins with what its module deployed."""


@pytest.fixture(scope="module")
def create_account(module_isolation: None, accounts: Any) -> Callable[[str], Any]:
    """An account with a key of its own, so that it can sign, and ether, so that it can send."""

    def create(role: str) -> Any:
        account = accounts.add(web3.keccak(text=f"troc test account: {role}"))
        accounts[0].transfer(account, "10 ether", silent=True)
        return account

    return create


@pytest.fixture(scope="module")
def deployer(module_isolation: None, accounts: Any) -> Any:
    """Pays for deployments and has no role afterwards."""
    return accounts[0]


@pytest.fixture(scope="module")
def brand(create_account: Callable[[str], Any]) -> Any:
    """Owns tokens."""
    return create_account("brand")


@pytest.fixture(scope="module")
def issuer(create_account: Callable[[str], Any]) -> Any:
    """Issues points out of grants."""
    return create_account("issuer")


@pytest.fixture(scope="module")
def customer(create_account: Callable[[str], Any]) -> Any:
    """Holds points, and signs."""
    return create_account("customer")


@pytest.fixture(scope="module")
def buyer(create_account: Callable[[str], Any]) -> Any:
    """Another customer, who receives or trades."""
    return create_account("buyer")


@pytest.fixture(scope="module")
def stranger(create_account: Callable[[str], Any]) -> Any:
    """Has no role, and may submit what others signed."""
    return create_account("stranger")


@pytest.fixture(scope="module")
def exchange(deployer: Any) -> Any:
    return brownie.PointsExchange.deploy({"from": deployer})


@pytest.fixture(scope="module")
def brands(deployer: Any, exchange: Any) -> Any:
    return brownie.Brands.deploy(exchange, brownie.LoyaltyToken.bytecode, {"from": deployer})


@pytest.fixture(scope="module")
def create_token(deployer: Any, brand: Any, exchange: Any) -> Callable[..., Any]:
    """A token of a brand; its epoch 0 began with the latest block unless `origin` says otherwise."""

    def create(
        name: str = "Le Panier",
        symbol: str = "PANIER",
        decimals: int = 0,
        epoch_length: int = 30 * DAY,
        origin: int | None = None,
        owner: Any = brand,
        exchange: Any = exchange,
    ) -> Any:
        birth = now() if origin is None else origin
        return brownie.LoyaltyToken.deploy(
            exchange, owner, name, symbol, decimals, epoch_length, birth, {"from": deployer}
        )

    return create


@pytest.fixture(scope="module")
def token(create_token: Callable[..., Any]) -> Any:
    """Points without decimals that live 90 to 120 days."""
    return create_token()


@pytest.fixture(scope="module")
def create_wallet(deployer: Any) -> Callable[[Any], Any]:
    """A contract wallet for which the key of an account signs, by ERC-1271."""
    return lambda signer: brownie.WalletMock.deploy([signer], 1, {"from": deployer})
