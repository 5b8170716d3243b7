"""What the tests of the vault share: records, vaults in memory, and places that cut a worker off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.client.core.conftest import home
from troc.accounts import Signer, open_account
from troc.data.chunks import Content
from troc.data.stores import Store
from troc.data.vault import Vault
from troc.network import NetworkConfig

__all__ = ["fresh_url", "home", "signer", "vault"]

PASSPHRASE = "an old umbrella"
WORK = 4
"""Of scrypt's cost: next to none."""

_FIELDS = {"age": "45-54", "income": "50-74K", "household_size": 2, "kids": None}
HOUSEHOLD = Content.of_rows([_FIELDS], "me.csv")
BASKETS = Content.of_rows(
    [
        {"week": week, "department": ("DAIRY", "PRODUCE")[week % 2], "sales_value": 1.5 * week}
        for week in range(1, 21)
    ],
    "baskets.csv",
)


class CutError(BaseException):
    """The power goes."""


@dataclass
class Power:
    """Goes at write or deletion number `left`, before it or after it; never where that is below 0."""

    left: int = -1
    after: bool = False
    used: int = 0

    def spend(self, act: Callable[[], None]) -> None:
        self.used += 1
        if self.used - 1 != self.left:
            act()
            return
        if self.after:
            act()
        raise CutError

    def opening(self, url: str) -> Store:
        """A place on this power."""
        place = _Weak.open(url)
        object.__setattr__(place, "_power", self)
        return place


class _Weak(Store):
    """A place whose writes and deletions the power can cut off."""

    _power: Power

    def write(self, name: str, data: bytes) -> None:
        self._power.spend(lambda: super(_Weak, self).write(name, data))

    def delete(self, name: str) -> None:
        self._power.spend(lambda: super(_Weak, self).delete(name))


def fresh_url() -> str:
    """A place in memory that nobody used."""
    return f"memory://vault-{uuid4().hex}"


@pytest.fixture
def signer() -> Signer:
    return open_account("dev:1", NetworkConfig("local", "", "local", Path()))


@pytest.fixture
def vault(home: Path) -> Vault:
    """An empty vault in memory."""
    return Vault.create(home / "vault", PASSPHRASE, fresh_url(), WORK)
