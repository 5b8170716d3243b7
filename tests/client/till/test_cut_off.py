"""A real service is killed at every step, and started again: nothing is lost, and nothing counts twice."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import Engine

from tests.client.core.command import environment
from tests.client.core.forked import Forked
from tests.client.till.conftest import GRANT, set_grant
from tests.client.trade.conftest import World
from troc.accounts import Signer
from troc.anvil import free_port
from troc.client import Troc
from troc.messages import Redeem, sign
from troc.till import tokens
from troc.till.till import open_till

_PATIENCE = 60.0
_HTTP = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0))
"""One for all: making one reads certificates, which takes longer than most answers."""


@dataclass
class Mortal:
    """`troc till serve` in a process of its own, started again whenever it has died."""

    world: World
    folder: Path
    home: Path
    url: str
    token: str
    account: str = "dev:5"
    step: tuple[str, int] = ("never", 0)
    deaths: int = 0
    port: int = 0
    options: list[str] = field(default_factory=list)
    process: Forked | None = None

    def start(self) -> None:
        """Start it, and wait until it answers or is dead."""
        self.port = free_port()
        arguments = ["--rpc", self.world.chain.config.rpc, "--account", self.account, "till", "serve", "ACME"]
        arguments += ["--port", str(self.port), "--database", self.url, *self.options]
        arguments = [self.step[0], str(self.step[1]), *arguments]
        self.process = Forked("tests.client.till.dying", arguments, self.home, self.folder)
        give_up = time.monotonic() + _PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < give_up, "the service does not start"
            try:
                _HTTP.get(f"http://127.0.0.1:{self.port}/health")
                return
            except httpx.TransportError:
                time.sleep(0.02)

    def kill(self) -> None:
        """The power goes off."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Ask until there is an answer, as a cash register does."""
        give_up = time.monotonic() + _PATIENCE
        while True:
            assert time.monotonic() < give_up, "it never answers"
            if self.process is None or self.process.poll() is not None:
                if self.process is not None:
                    assert self.process.returncode == -9, "it ended by itself"
                    self.deaths += 1
                self.start()
            try:
                answer = _HTTP.request(
                    method,
                    f"http://127.0.0.1:{self.port}{path}",
                    headers={"Authorization": f"Bearer {self.token}"},
                    timeout=20,
                    **more,
                )
            except httpx.TransportError:
                continue
            assert answer.status_code == 200, answer.text
            return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        """Send a request until it is answered."""
        return self.ask("POST", path, json=body)

    def settle(self) -> None:
        """Wait until everything that was accepted is on the chain."""
        give_up = time.monotonic() + _PATIENCE
        while True:
            status = self.ask("GET", "/status")
            open_ = [errand for errand in status["errands"] if errand["state"] in ("stored", "signed")]
            if not open_ and not status["accepted"]["count"]:
                return
            assert time.monotonic() < give_up, status
            time.sleep(0.02)

    def redeem(self, receipt: str, customer: Troc, amount: int) -> Any:
        """Points spent on a sale."""
        draft = self.post("/redeem/draft", receipt=receipt, customer=customer.address, amount=amount)
        domain = customer.brand("ACME").domain_of_messages(self.world.chain.chain_id)
        signature = sign(Redeem.from_json(draft["message"]), domain, customer.signer)
        return self.post(
            "/redeem", receipt=receipt, message=draft["message"], signature="0x" + signature.hex(), wait=0
        )


@pytest.fixture
def mortal(world: World, till_signer: Signer, url: str, home: Path) -> Iterator[Mortal]:
    """A service that dies where a test says."""
    folder = world.chain.config.folder
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "local.yaml").write_text(
        "chain_id: local\nrpc: http://127.0.0.1:1\npoll_seconds: 0.01\n"
    )
    engine = open_till(url)
    service = Mortal(world, folder, home, url, tokens.add(engine, "register-1"))
    engine.dispose()
    yield service
    service.kill()


# What is durable is the same code for both databases: PostgreSQL is tried where it stores and where it sends.
_STEPS = [("sqlite", step) for step in ("accepted", "stored", "signed", "sent", "confirmed")]
_STEPS += [("postgresql", step) for step in ("stored", "sent")]
SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@pytest.mark.parametrize(("url", "step"), _STEPS, indirect=["url"])
def test_killed_at_every_errand(mortal: Mortal, till_signer: Signer, step: str) -> None:
    world = mortal.world
    # One passes each time, so that what was cut off is taken up before the next one dies.
    mortal.step = (step, 1)
    acts: list[Callable[[], Any]] = [
        lambda: mortal.post("/issue", receipt="a1", customer=world.bob.address, amount=10),
        lambda: mortal.post("/issue", receipt="a2", customer=world.cem.address, amount=7, matures="30d"),
        lambda: mortal.redeem("s1", world.ann, 100),
        lambda: mortal.post("/return", id="r1", receipt="a2", earned=3),
        lambda: mortal.post("/return", id="r2", receipt="s1", spent=40),
        lambda: mortal.post("/issue", receipt="a3", customer=world.bob.address, amount=5),
    ]
    for act in acts:
        act()
        mortal.settle()
    assert mortal.deaths >= 2
    assert [world.units(who, "ACME") for who in (world.ann, world.bob, world.cem)] == [340, 15, 0]
    status = world.everyone.status("ACME")
    assert (status.pending, status.redeemed, status.issued) == (4, 60, 415)
    grant = world.everyone.brands.grant(world.everyone.brand("ACME"), till_signer.address)
    # What was cancelled does not return to the grant, and what was given back is charged to it.
    assert grant.amount == GRANT - 10 - 7 - 40 - 5


def test_killed_again_and_again_under_load(mortal: Mortal) -> None:
    bob = mortal.world.bob
    mortal.options = ["--batch", "7"]
    for number in range(24):
        # What was cut off last time passes, or it would never get further.
        mortal.step = (("stored", "signed", "sent", "confirmed")[number % 4], 1 + number % 3)
        mortal.post("/issue", receipt=f"a{number}", customer=bob.address, amount=number + 1)
        if number % 8 == 5:
            mortal.kill()
    mortal.step = ("never", 0)
    mortal.settle()
    assert mortal.world.units(bob, "ACME") == sum(range(1, 25))


@SQLITE
def test_the_brand_stops_the_till_while_issues_wait(
    mortal: Mortal, till_signer: Signer, world: World
) -> None:
    mortal.step = ("stored", 0)
    mortal.start()
    # It may die before its answer arrives; it has written it down by then.
    with contextlib.suppress(httpx.TransportError):
        _HTTP.post(
            f"http://127.0.0.1:{mortal.port}/issue",
            headers={"Authorization": f"Bearer {mortal.token}"},
            json={"receipt": "a1", "customer": world.bob.address, "amount": 10},
        )
    assert mortal.process is not None
    mortal.process.wait(20)
    set_grant(world, till_signer, 0)
    mortal.step = ("never", 0)
    give_up = time.monotonic() + _PATIENCE
    while not (held := mortal.ask("GET", "/status")["held"]):
        assert time.monotonic() < give_up
    assert "has 0 units left in grant 0" in held[0]["why"]
    assert mortal.ask("GET", "/receipt", params={"receipt": "a1"})["issue_standing"] == "on its way"
    set_grant(world, till_signer, 10)
    mortal.settle()
    assert world.units(world.bob, "ACME") == 10


def test_a_second_service_on_one_database_is_refused(mortal: Mortal) -> None:
    mortal.start()
    second = subprocess.run(
        [
            *(sys.executable, "-m", "troc", "--rpc", mortal.world.chain.config.rpc),
            *("--account", mortal.account, "till", "serve", "ACME"),
            *("--port", str(free_port()), "--database", mortal.url),
        ],
        cwd=mortal.folder,
        env=environment(mortal.home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 17
    assert "another till service runs on this database" in second.stderr
    assert isinstance(mortal.ask("GET", "/status"), dict)
    # The lock goes with the process.
    mortal.kill()
    assert mortal.ask("GET", "/health") == {"open": True, "online": True}


@SQLITE
def test_a_token_is_void_at_once_in_a_running_service(mortal: Mortal) -> None:
    mortal.start()
    engine: Engine = open_till(mortal.url)
    assert isinstance(mortal.ask("GET", "/status"), dict)
    tokens.revoke(engine, "register-1")
    answer = _HTTP.post(
        f"http://127.0.0.1:{mortal.port}/issue",
        headers={"Authorization": f"Bearer {mortal.token}"},
        json={"receipt": "a1", "customer": mortal.world.bob.address, "amount": 10},
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "token_unknown")
    mortal.token = tokens.add(engine, "register-2")
    engine.dispose()
    mortal.post("/issue", receipt="a1", customer=mortal.world.bob.address, amount=10)
    mortal.settle()
    assert mortal.world.units(mortal.world.bob, "ACME") == 10
