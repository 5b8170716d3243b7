"""The paid inbox on one chain a file: customers without ether, a brand and a rival who write to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.client.attention.cases import deploy_cash
from tests.client.core.conftest import home, quick, rpc_call
from tests.client.trade.conftest import DAY, START, poor
from troc.accounts import open_account
from troc.anvil import free_port, rpc_of, run_anvil
from troc.attention import topics
from troc.attention.inbox import Inbox, MessageStanding, Policy
from troc.attention.letters import Letter
from troc.chain import Chain
from troc.client import Troc
from troc.deploy import deploy_inbox, deploy_suite
from troc.manifest import Manifest, write_manifest

__all__ = ["DAY", "deployed", "home", "mail"]

CASH = 10**18
FOOD, EMAIL = topics.topic("food"), topics.channel("email")
POLICY = Policy(True, 2 * CASH, 3, 1 << FOOD, 1 << EMAIL, 7)


@dataclass
class Mail:
    """Ann asks for 2 CASH, takes 3 messages a week, on food, by e-mail, and answers within 7 days. She and
    Bob have no ether. The brand (dev:5) and its rival (dev:6) have 1,000 CASH each.
    """

    chain: Chain
    manifest: Manifest

    def __post_init__(self) -> None:
        config = self.chain.config
        self.payer = open_account("dev:9", config)
        self.everyone = Troc(self.chain, self.manifest)
        self.ann = self.customer("ann")
        self.bob = self.customer("bob")
        self.brand, self.rival = (
            self.everyone.as_account(open_account(name, config)).inbox for name in ("dev:5", "dev:6")
        )

    def customer(self, name: str) -> Inbox:
        """A customer without ether, whose acts somebody else submits."""
        return self.everyone.as_account(poor(name), submit_with=self.payer).inbox

    def letter(self, text: str, recipient: Inbox | None = None, sender: Inbox | None = None) -> Letter:
        """A letter of the brand's to Ann, unless others are named."""
        to, by = recipient or self.ann, sender or self.brand
        return Letter(to.domain, to.troc.address, by.troc.address, text.encode())

    def send(self, text: str = "Try our bread", sender: Inbox | None = None, **terms: Any) -> MessageStanding:
        """A message to Ann, as her policy wants it."""
        by = sender or self.brand
        values = {"deposit": 2 * CASH, "topic": FOOD, "channel": EMAIL, **terms}
        return by.send(by.draft(self.ann.troc.address, **values), self.letter(text, sender=by))

    def cash(self, who: Inbox | str) -> int:
        """What somebody has, in smallest units."""
        address = who if isinstance(who, str) else who.troc.address
        token = self.chain.contract("LoyaltyToken", self.brand.money.token)
        return int(self.chain.call(token.functions.balanceOf(address)))

    def pass_to(self, time: int) -> None:
        """Let time pass: the next block has this timestamp, and is made."""
        rpc_call(self.chain, "evm_setNextBlockTimestamp", time)
        rpc_call(self.chain, "evm_mine")

    def project(self) -> Path:
        """The folder in which `troc` finds this chain, and what is deployed on it."""
        write_manifest(self.chain, self.manifest)
        folder = self.chain.config.folder
        (folder / "config").mkdir(exist_ok=True)
        (folder / "config" / "local.yaml").write_text(f"rpc: {self.chain.config.rpc}\nchain_id: local\n")
        return folder


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chain, Manifest]]:
    """A chain with the suite, an inbox, and what its people have."""
    port = free_port()
    with run_anvil(port, "--timestamp", str(START)):
        chain = Chain.connect(quick(rpc_of(port), tmp_path_factory.mktemp("deployed")))
        owner = open_account("dev:0", chain.config)
        deploy_suite(chain, owner)
        senders = [open_account(name, chain.config).address for name in ("dev:5", "dev:6")]
        manifest = deploy_inbox(chain, owner, deploy_cash(chain, owner, *senders))
        Mail(chain, manifest).ann.set_policy(POLICY)
        yield chain, manifest


@pytest.fixture
def mail(deployed: tuple[Chain, Manifest], home: Path) -> Iterator[Mail]:
    """The deployed chain as it was; what a test does to it is undone."""
    chain, manifest = deployed
    snapshot = rpc_call(chain, "evm_snapshot")
    yield Mail(chain, manifest)
    rpc_call(chain, "evm_revert", snapshot)


def changed(**changes: Any) -> Policy:
    """Ann's policy with changes."""
    return replace(POLICY, **changes)
