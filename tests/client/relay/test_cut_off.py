"""A real service is killed at every step and started again: nothing is lost, and nothing counts twice."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client.core.forked import Forked
from tests.client.relay.conftest import PLENTY, Desk, order, send
from tests.client.trade.conftest import World
from troc.accounts import Signer, address_of, open_account
from troc.acts import Act
from troc.anvil import free_port
from troc.errors import InputError, StoreError
from troc.relay.relay import Relay, open_relay

_PATIENCE = 60.0
_HTTP = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0))
"""One for all: making one reads certificates, which takes longer than most answers."""


@dataclass
class Mortal:
    """`troc relay serve` in a process of its own."""

    world: World
    folder: Path
    home: Path
    database: str
    account: str = "dev:7"
    port: int = field(default_factory=free_port)
    process: Forked | None = None

    def arguments(self, port: int, database: str) -> list[str]:
        """How it is started."""
        rpc = self.world.chain.config.rpc
        serve = ["--rpc", rpc, "--account", self.account, "relay", "serve", "--port", str(port)]
        return [*serve, "--database", database, "--per-ip", "0", "--gas-price", "200", "--budget", "1"]

    def start(self, step: str) -> None:
        """Start it so that it dies at a step, and wait until it answers or is dead."""
        arguments = [step, *self.arguments(self.port, self.database)]
        self.process = Forked("tests.client.relay.dying", arguments, self.home, self.folder)
        give_up = time.monotonic() + _PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < give_up, "the service does not start"
            with contextlib.suppress(httpx.TransportError):
                _HTTP.get(f"{self.url}/health")
                return
            time.sleep(0.02)

    def dies(self) -> None:
        """Wait until it has killed itself."""
        assert self.process is not None
        assert self.process.wait(_PATIENCE) == -9
        self.process = None

    def stop(self) -> None:
        """End it, if it runs."""
        if self.process is not None:
            self.process.terminate()
            assert self.process.wait(_PATIENCE) == 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, act: Act) -> Any:
        """Send a message; it may die before its answer arrives."""
        with contextlib.suppress(httpx.TransportError):
            answer = _HTTP.post(f"{self.url}/messages", json=act.to_json(), timeout=20)
            assert answer.status_code == 200, answer.text
            return answer.json()
        return None

    def status(self) -> Any:
        """How it stands."""
        return _HTTP.get(f"{self.url}/status").json()

    def over(self, act: Act) -> Any:
        """Wait until a message is done."""
        give_up = time.monotonic() + _PATIENCE
        while (found := _HTTP.get(f"{self.url}/messages/{act.id}").json()).get("state") != "done":
            assert time.monotonic() < give_up, found
            time.sleep(0.02)
        return found


@pytest.fixture
def mortal(world: World, home: Path, tmp_path: Path) -> Iterator[Mortal]:
    """A service that dies where a test says."""
    folder = world.project()
    service = Mortal(world, folder, home, f"sqlite:///{tmp_path / 'relay.sqlite'}")
    yield service
    if service.process is not None and service.process.poll() is None:
        service.process.kill()
        service.process.wait()


def test_killed_at_every_step(mortal: Mortal) -> None:
    world = mortal.world
    gift, offer = send(world, world.ann, world.bob, 30), order(world, world.bob, "2 BETA", "1 ACME")
    mortal.start("accepted")
    mortal.post(gift)
    mortal.dies()
    for step in ("signed", "stored", "sent", "mined"):
        # What was cut off is taken up, and cut off again a step later.
        mortal.start(step)
        mortal.dies()
    mortal.start("never")
    assert mortal.over(gift)["resubmitted"] == 0
    # Whether its answer arrived or not, sent again it counts once.
    mortal.post(gift)
    mortal.post(offer)
    mortal.over(offer)
    mortal.stop()
    assert world.units(world.bob, "ACME") == 30
    moved = world.everyone.brands.token(world.everyone.brand("ACME")).events.Transfer()
    assert len(list(world.chain.logs(moved, {"from": world.ann.address}))) == 1
    assert world.chain.transaction_count(address_of("dev:7", world.chain.config)) == 2


def test_a_second_one_is_refused(
    open_desk: Callable[..., Desk], world: World, payer: Signer, tmp_path: Path
) -> None:
    """On the same database, and with the same account on another one."""
    open_desk()
    for name, said in (
        ("relay.sqlite", "another relay service runs on this database"),
        ("other.sqlite", f"another relay sends from {payer.address}"),
    ):
        engine = open_relay(f"sqlite:///{tmp_path / name}")
        with pytest.raises(StoreError, match=said), Relay(world.everyone, payer, engine, PLENTY).running():
            pass
        engine.dispose()


def test_a_database_of_another_relay(
    open_desk: Callable[..., Desk], world: World, payer: Signer, tmp_path: Path
) -> None:
    open_desk(only=[])
    other = open_account("dev:8", world.chain.config)
    engine = open_relay(f"sqlite:///{tmp_path / 'third.sqlite'}")
    with Relay(world.everyone, other, engine, PLENTY).running():
        pass
    with pytest.raises(InputError, match="of another relay"):
        Relay(world.everyone, payer, engine, PLENTY)._own()
    engine.dispose()
