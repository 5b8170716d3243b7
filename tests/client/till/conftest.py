"""A till of ACME on a chain with brands and customers, over both kinds of databases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.engine import Engine

from tests.client.core.asking import Asking
from tests.client.core.conftest import home
from tests.client.trade.conftest import World, deployed, world
from troc.accounts import Signer, open_account
from troc.client import Troc
from troc.messages import Redeem, sign
from troc.till import tokens
from troc.till.service import create_app
from troc.till.till import Till, open_till

__all__ = ["deployed", "home", "world"]

GRANT = 10_000
PATIENCE = 20.0


@dataclass
class Shop(Asking):
    """A till that is open, with a token, and what its cash register sends."""

    world: World
    till: Till
    engine: Engine
    token: str
    http: TestClient

    def issue(self, receipt: str, customer: Troc, amount: int | str, **more: Any) -> Any:
        """Points for a sale."""
        return self.post("/issue", receipt=receipt, customer=customer.address, amount=amount, **more)

    def redeem(self, receipt: str, customer: Troc, amount: int, **more: Any) -> Any:
        """Points spent on a sale, signed by the customer."""
        return self.post("/redeem", **self.signed(receipt, customer, amount), **more)

    def signed(self, receipt: str, customer: Troc, amount: int) -> dict[str, Any]:
        """A draft of the till's, signed."""
        draft = self.post("/redeem/draft", receipt=receipt, customer=customer.address, amount=amount)
        message = Redeem.from_json(draft["message"])
        domain = self.till.brand.domain_of_messages(self.world.chain.chain_id)
        signature = sign(message, domain, customer.signer)
        return {"receipt": receipt, "message": draft["message"], "signature": "0x" + signature.hex()}

    def settle(self) -> None:
        """Wait until everything that was accepted is on the chain."""
        eventually(lambda: not self.waiting())

    def waiting(self) -> int:
        """How many things are not on the chain yet."""
        status = self.get("/status")
        open_ = [errand["count"] for errand in status["errands"] if errand["state"] in ("stored", "signed")]
        return int(status["accepted"]["count"] + sum(open_))

    def units(self, customer: Troc) -> int:
        """What a customer has on the chain."""
        return self.world.units(customer, "ACME")


def eventually(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    give_up = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < give_up, "it never came true"
        time.sleep(0.05)


@pytest.fixture
def till_signer(world: World) -> Signer:
    """The till's account, with a grant of ACME."""
    signer = open_account("dev:5", world.chain.config)
    set_grant(world, signer, GRANT)
    return signer


def set_grant(world: World, signer: Signer, units: int, per_day: int = 0) -> None:
    """What the till may issue from now on."""
    acme = world.everyone.brand("ACME")
    world.everyone.brands.set_grant(acme, signer.address, units, world.owner_signer, per_day=per_day)


@pytest.fixture
def open_shop(world: World, till_signer: Signer, url: str) -> Iterator[Callable[..., Shop]]:
    """Opens tills on the same database, one after the other; the last is closed after the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        made: list[str] = []

        def start(troc: Troc | None = None, **options: Any) -> Shop:
            stack.close()
            engine = open_till(url)
            if not made:
                made.append(tokens.add(engine, "register-1"))
            troc = troc or world.everyone
            till = Till(troc, troc.brand("ACME"), till_signer, engine, **options)
            stack.callback(engine.dispose)
            stack.enter_context(till.running())
            # Entered it keeps one event loop, instead of a thread and a loop for each request.
            http = stack.enter_context(TestClient(create_app(till)))
            return Shop(world, till, engine, made[0], http)

        yield start


@pytest.fixture
def shop(open_shop: Callable[..., Shop]) -> Shop:
    """A till that is open."""
    return open_shop()
