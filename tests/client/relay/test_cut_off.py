"""A real service is killed at every step and started again: nothing is lost, and nothing counts twice."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client.core.command import environment
from tests.client.relay.conftest import order, send
from tests.client.trade.conftest import World
from troc.acts import Act
from troc.anvil import free_port

_PATIENCE = 60.0


@dataclass
class Mortal:
    """`troc relay serve` in a process of its own."""

    world: World
    folder: Path
    home: Path
    database: str
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def arguments(self, port: int, database: str) -> list[str]:
        """How it is started."""
        rpc = self.world.chain.config.rpc
        serve = ["--rpc", rpc, "--account", "dev:7", "relay", "serve", "--port", str(port)]
        return [*serve, "--database", database, "--per-ip", "0", "--gas-price", "200", "--budget", "1"]

    def start(self, step: str) -> None:
        """Start it so that it dies at a step, and wait until it answers or is dead."""
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.client.relay.dying", step),
                *self.arguments(self.port, self.database),
            ],
            cwd=self.folder,
            env=environment(self.home),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        give_up = time.monotonic() + _PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < give_up, "the service does not start"
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{self.url}/health")
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
            answer = httpx.post(f"{self.url}/messages", json=act.to_json(), timeout=20)
            assert answer.status_code == 200, answer.text
            return answer.json()
        return None

    def over(self, act: Act) -> Any:
        """Wait until a message is done."""
        give_up = time.monotonic() + _PATIENCE
        while (found := httpx.get(f"{self.url}/messages/{act.id}").json()).get("state") != "done":
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


@pytest.mark.parametrize("step", ["accepted", "signed", "stored", "sent", "mined"])
def test_killed_at_every_step(mortal: Mortal, step: str) -> None:
    world = mortal.world
    mortal.start(step)
    gift, offer = send(world, world.ann, world.bob, 30), order(world, world.bob, "2 BETA", "1 ACME")
    mortal.post(gift)
    mortal.dies()
    mortal.start("never")
    # Whether the answer arrived or not, the message is there; sent again it counts once.
    assert httpx.get(f"{mortal.url}/messages/{gift.id}").status_code == 200
    mortal.post(gift)
    mortal.post(offer)
    assert mortal.over(gift)["state"] == mortal.over(offer)["state"] == "done"
    mortal.stop()
    assert world.units(world.bob, "ACME") == 30
    paid = world.everyone.chain.logs(
        world.everyone.brands.token(world.everyone.brand("ACME")).events.Transfer(),
        {"from": world.ann.address},
    )
    assert len(list(paid)) == 1
    assert world.chain.transaction_count("0x14dC79964da2C08b23698B3D3cc7Ca32193d9955") == 2


def test_a_second_one_is_refused(mortal: Mortal, tmp_path: Path) -> None:
    """On the same database, and with the same account on another one."""
    mortal.start("never")
    for database, said in (
        (mortal.database, "another relay service runs on this database"),
        (f"sqlite:///{tmp_path / 'other.sqlite'}", "another relay sends from 0x14dC"),
    ):
        second = subprocess.run(
            [sys.executable, "-m", "troc", *mortal.arguments(free_port(), database)],
            cwd=mortal.folder,
            env=environment(mortal.home),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert second.returncode == 17
        assert said in second.stderr
