"""Signing for the campaigns of `cases`, over HTTP too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.client.attention.cases import Attention
from tests.client.core.asking import Asking
from troc.attention.campaigns import Campaign
from troc.attention.register import TOKENS, Caps, Register
from troc.attention.service import create_app
from troc.attention.signing import Signing
from troc.client import Troc


@dataclass
class Desk(Asking):
    """A service that is open, with a token of a shop's site."""

    attention: Attention
    signing: Signing
    token: str
    http: TestClient

    def contact(self, name: str, customer: Troc, **more: Any) -> Any:
        """A contact that a customer had."""
        return self.post("/contacts", contact=name, account=customer.address, **more)


OpenDesk = Callable[..., Desk]


@pytest.fixture
def open_desk(attention: Attention, tmp_path: Path) -> Iterator[OpenDesk]:
    """Opens services on the same register, one after the other; the last is closed after the test."""
    url = f"sqlite:///{tmp_path / 'register.sqlite'}"
    with ExitStack() as stack:
        made: list[str] = []

        def start(*campaigns: Campaign, caps: Caps | None = None) -> Desk:
            stack.close()
            register = Register(url)
            if not made:
                made.append(TOKENS.add(register.engine, "site"))
            signing = Signing(
                attention.rewards,
                register,
                attention.signer,
                campaigns or [attention.fresh],
                caps or Caps(),
            )
            stack.enter_context(signing.running())
            # Entered it keeps one event loop, instead of a thread and a loop for each request.
            http = stack.enter_context(TestClient(create_app(signing)))
            return Desk(attention, signing, made[0], http)

        yield start


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """A service that is open, for the campaign `fresh`."""
    return open_desk()
