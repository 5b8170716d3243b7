"""A relay on a chain with brands and customers without ether, over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from eth_account import Account
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.client.core.conftest import home, rpc_call
from tests.client.trade.conftest import World, deployed, world
from troc.accounts import Signer, open_account
from troc.acts import Act, Part
from troc.anvil import free_port
from troc.chain import Chain
from troc.client import Troc
from troc.messages import Message, Order, Send, pack_nonce, sign
from troc.network import NetworkConfig
from troc.relay.relay import Budget, Relay, open_relay
from troc.relay.service import create_app

__all__ = ["deployed", "home", "world"]

PATIENCE = 30.0
PLENTY = Budget(per_day=10**18, gas_price=200 * 10**9)


def eventually(true: Callable[[], Any]) -> Any:
    """Wait until something is true; gives it."""
    give_up = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < give_up, "it never came true"
        time.sleep(0.05)
    return found


@dataclass
class Desk:
    """A relay that is open, and what customers send it."""

    world: World
    relay: Relay
    http: TestClient

    def post(self, act: Act | dict[str, Any]) -> Any:
        """Send something that must be accepted."""
        answer = self.http.post("/messages", json=_json(act))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, act: Act | dict[str, Any]) -> tuple[int, str]:
        """Send something that must be refused: HTTP's status and our code."""
        answer = self.http.post("/messages", json=_json(act))
        assert answer.status_code >= 400, answer.text
        assert set(answer.json()) == {"code", "message", "remedy"}
        assert answer.json()["remedy"]
        return answer.status_code, answer.json()["code"]

    def get(self, id_: str) -> Any:
        """What became of a message."""
        answer = self.http.get(f"/messages/{id_}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def over(self, act: Act) -> Any:
        """Wait until a message is done or has failed."""
        return eventually(
            lambda: found if (found := self.get(act.id))["state"] in ("done", "failed") else None
        )

    def status(self) -> Any:
        """How the relay stands."""
        return self.http.get("/status").json()


def _json(act: Act | dict[str, Any]) -> dict[str, Any]:
    return act.to_json() if isinstance(act, Act) else act


def act(world: World, who: Troc, message: Message, brand: str = "ACME") -> Act:
    """A message, signed."""
    if message.contract == "PointsExchange":
        domain = world.everyone.acts.exchange
    else:
        domain = world.everyone.brand(brand).domain_of_messages(world.chain.chain_id)
    return Act((Part(message, sign(message, domain, who.signer)),), domain)


def send(world: World, who: Troc, to: Troc, units: int, index: int = 0, **more: Any) -> Act:
    """Points that are given away."""
    values: dict[str, Any] = {
        "holder": who.address,
        "to": to.address,
        "amount": units,
        "deadline": world.chain.now() + 3600,
        "nonce": pack_nonce(0, 0, index),
    }
    return act(world, who, Send(**(values | more)))


def order(world: World, who: Troc, give: str = "10 ACME", want: str = "5 BETA", **more: Any) -> Act:
    """An order; `more` changes its fields."""
    return act(world, who, replace(who.draft(give, want), **more))


def order_of(found: Act) -> Order:
    """The order that an act publishes."""
    assert isinstance(found.message, Order)
    return found.message


@pytest.fixture
def payer(world: World) -> Signer:
    """The account that pays."""
    return open_account("dev:7", world.chain.config)


@pytest.fixture
def open_desk(world: World, payer: Signer, tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Opens relays on the same database, one after the other; the last is closed after the test."""
    with ExitStack() as stack:

        def start(budget: Budget = PLENTY, url: str = "", **options: Any) -> Desk:
            stack.close()
            engine = open_relay(url or f"sqlite:///{tmp_path / 'relay.sqlite'}")
            stack.callback(engine.dispose)
            rates = {"per_ip": 0.0, "per_signer": 0.0}
            relay = Relay(world.everyone, payer, engine, budget, **(rates | options))
            stack.enter_context(relay.running())
            # Entered it keeps one event loop, instead of a thread and a loop for each request.
            return Desk(world, relay, stack.enter_context(TestClient(create_app(relay))))

        yield start


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    """A relay that is open."""
    return open_desk()


@contextmanager
def running_relay(troc: Troc, folder: Path, **options: Any) -> Iterator[FastAPI]:
    """A relay with its database in a folder, for which `dev:7` pays; gives its app."""
    engine = open_relay(f"sqlite:///{folder / 'relay.sqlite'}")
    try:
        rates = {"per_ip": 0.0, "per_signer": 0.0}
        relay = Relay(troc, open_account("dev:7", troc.chain.config), engine, PLENTY, **(rates | options))
        with relay.running():
            yield create_app(relay)
    finally:
        engine.dispose()


@pytest.fixture
def serve() -> Iterator[Callable[[Any], str]]:
    """Serves an app on a port of its own; gives its URL."""
    with ExitStack() as stack:

        def start(app: Any) -> str:
            port = free_port()
            config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error")
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            eventually(lambda: server.started)

            def stop() -> None:
                server.should_exit = True
                thread.join()

            stack.callback(stop)
            return f"http://127.0.0.1:{port}"

        yield start


def impatient(chain: Chain, seconds: float) -> Chain:
    """The same chain for a client that waits so long for each relay."""
    config: NetworkConfig = replace(chain.config, wait_seconds=3 * seconds)
    return Chain(chain.web3, config)


def give_points(world: World, brand: str, units: int) -> Troc:
    """A new customer without ether, with points."""
    account = Account.create()
    customer = world.everyone.as_account(Signer("somebody", account.address, account))
    world.brand.mint(brand, {customer.address: units})
    return customer


def mining(world: World, on: bool) -> None:
    """Whether the chain makes a block of every transaction at once."""
    rpc_call(world.chain, "evm_setAutomine", on)
