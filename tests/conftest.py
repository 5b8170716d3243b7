"""Roles and factories for tests in brownie's idiom. Each module deploys once; each test begins from there."""

from __future__ import annotations

import gc
import inspect
import sys
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import brownie
import brownie.network.rpc
import pytest
from brownie import web3
from brownie.network.transaction import TransactionReceipt
from web3.exceptions import TransactionNotFound

from tests.helpers import DAY, now

_RECEIPT_SECONDS = 5.0


@pytest.fixture(scope="session", autouse=True)
def speed() -> Iterator[None]:
    """A third of the time: for each snapshot brownie looks at its whole call stack, source lines and
    all, and for each revert it collects garbage, of all that the tests before have left.
    """

    def stack() -> list[SimpleNamespace]:
        frame = sys._getframe(1)
        return [SimpleNamespace(frame=frame), SimpleNamespace(frame=frame.f_back)]

    # `brownie.network.rpc` as an attribute is the object of that name, which hides the module.
    rpc: Any = sys.modules["brownie.network.rpc"]
    state: Any = sys.modules["brownie.network.state"]
    assert rpc.inspect is inspect
    assert state.gc is gc
    rpc.inspect = SimpleNamespace(stack=stack)
    state.gc = SimpleNamespace(collect=lambda: 0)
    yield
    rpc.inspect, state.gc = inspect, gc


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """The node counts a transaction before it knows its receipt, for a large block some milliseconds long;
    brownie takes one that it finds in that time for dropped.
    """
    waits = TransactionReceipt._await_confirmation

    def wait(self: Any, *arguments: Any, **options: Any) -> Any:
        give_up = time.monotonic() + _RECEIPT_SECONDS
        while time.monotonic() < give_up:
            try:
                web3.eth.get_transaction_receipt(self.txid)
                break
            except TransactionNotFound:
                time.sleep(0.01)
        return waits(self, *arguments, **options)

    TransactionReceipt._await_confirmation = wait
    yield
    TransactionReceipt._await_confirmation = waits


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
