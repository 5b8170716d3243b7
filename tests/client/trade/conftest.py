"""Fixtures of trading: a deployed chain for each file, with brands and customers; what a test does is
undone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from eth_account import Account

from tests.client.core.conftest import home, quick, rpc_call
from troc.accounts import Signer, open_account
from troc.anvil import free_port, rpc_of, run_anvil
from troc.chain import Chain
from troc.client import Troc
from troc.deploy import deploy_suite
from troc.manifest import Manifest, write_manifest

__all__ = ["home"]

DAY = 86_400
START = 1_795_271_400
"""When the chain begins, so that dates are the same whenever the tests run: 21 November 2026, 14:30."""


def poor(name: str) -> Signer:
    """An account without ether, always the same for the same name."""
    account = Account.from_key(name.encode().ljust(32, b"."))
    return Signer(name, account.address, account)


@dataclass
class World:
    """A chain with brands ACME (no decimals), BETA (2 decimals) and GAMMA, and customers without ether.

    Ann has 400 ACME, Bob 300 BETA, Cem 200 GAMMA. `relay` has ether and no points.
    """

    chain: Chain
    manifest: Manifest
    pages: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        config = self.chain.config
        self.owner_signer = open_account("dev:0", config)
        self.relay_signer = open_account("dev:9", config)
        self.everyone = Troc(self.chain, self.manifest, fetch=self._fetch)
        self.brand = self.everyone.as_account(self.owner_signer)
        self.relay = self.everyone.as_account(self.relay_signer)
        self.ann = self.customer("ann")
        self.bob = self.customer("bob")
        self.cem = self.customer("cem")

    def _fetch(self, url: str) -> bytes:
        if url not in self.pages:
            raise OSError("answers 404")
        return self.pages[url]

    def customer(self, name: str) -> Troc:
        """A customer without ether, whose acts the relay submits."""
        return self.everyone.as_account(poor(name), submit_with=self.relay_signer)

    def project(self) -> Path:
        """The folder in which `troc` finds this chain, and what is deployed on it."""
        write_manifest(self.chain, self.manifest)
        folder = self.chain.config.folder
        (folder / "config").mkdir(exist_ok=True)
        (folder / "config" / "local.yaml").write_text(f"rpc: {self.chain.config.rpc}\nchain_id: local\n")
        return folder

    def pass_days(self, days: float) -> None:
        """Let time pass."""
        rpc_call(self.chain, "evm_increaseTime", int(days * DAY))
        rpc_call(self.chain, "evm_mine")

    def pass_until(self, time: int) -> None:
        """Let time pass until a block has this timestamp."""
        rpc_call(self.chain, "evm_setNextBlockTimestamp", time)
        rpc_call(self.chain, "evm_mine")

    def give_ether(self, address: str) -> None:
        """Give an account a coin of the chain's own."""
        rpc_call(self.chain, "anvil_setBalance", address, hex(10**18))

    def set_code(self, address: str, code: str) -> None:
        """Put code at an address, in hex."""
        rpc_call(self.chain, "anvil_setCode", address, code)

    def units(self, customer: Troc, brand: str) -> int:
        """What a customer has, in smallest units."""
        return customer.balance(brand).total


@contextmanager
def deployed_chain(folder: Path) -> Iterator[tuple[Chain, Manifest]]:
    """A chain with the suite, the brands and what the customers have."""
    port = free_port()
    with run_anvil(port, "--timestamp", str(START)):
        chain = Chain.connect(quick(rpc_of(port), folder))
        manifest = deploy_suite(chain, open_account("dev:0", chain.config))
        world = World(chain, manifest)
        brand = world.brand
        for name, symbol, decimals in (
            ("Acme Hardware", "ACME", 0),
            ("Beta Books", "BETA", 2),
            ("Gamma Garden", "GAMMA", 0),
        ):
            brand.launch(name, symbol, "12 months", decimals=decimals)
        brand.mint("ACME", {world.ann.address: 400})
        brand.mint("BETA", {world.bob.address: 300})
        brand.mint("GAMMA", {world.cem.address: 200})
        yield chain, manifest


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chain, Manifest]]:
    """Such a chain for the tests of a module."""
    with deployed_chain(tmp_path_factory.mktemp("deployed")) as found:
        yield found


@pytest.fixture
def world(deployed: tuple[Chain, Manifest], home: Path) -> Iterator[World]:
    """The deployed chain as it was; what a test does to it is undone."""
    chain, manifest = deployed
    snapshot = rpc_call(chain, "evm_snapshot")
    yield World(chain, manifest)
    rpc_call(chain, "evm_revert", snapshot)
