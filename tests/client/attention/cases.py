"""Paid attention on one chain a file: a brand with a fresh campaign and one in escrow, and two customers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.client.core.command import troc_here
from tests.client.core.conftest import home, quick, rpc_call
from tests.client.core.mocks import deploy_mock
from tests.client.trade.conftest import DAY, START, poor
from troc.accounts import Signer, open_account
from troc.anvil import free_port, rpc_of, run_anvil
from troc.attention.campaigns import Campaign, Rewards, Terms
from troc.attention.contacts import account_of
from troc.attention.slips import Slip, sign_statements, sign_ticket
from troc.chain import Chain
from troc.client import Troc
from troc.deploy import deploy_suite
from troc.manifest import Manifest, write_manifest
from troc.messages import KIND_ERC20, KIND_POINTS, ZERO_ADDRESS

__all__ = ["DAY", "START", "attention", "deployed", "home"]

SEED = bytes(range(32))
PRICE = 5
BUDGET = 1_000


@dataclass
class Attention:
    """Le Panier (PANIER, no decimals) pays 5 points a contact, 20 contacts an account and 3 a day, and has
    2,500 codes of which an account may claim 2: `fresh` issues them; `escrow` pays them out of 1,000
    contacts' worth that the brand's `dev:0` put in, up to 20 contacts and no codes. `signer` signs for both.

    Ann and Bob are customers without ether; Fox has ether and no points.
    """

    chain: Chain
    manifest: Manifest
    fresh: Campaign
    escrow: Campaign

    def __post_init__(self) -> None:
        config = self.chain.config
        self.owner = open_account("dev:0", config)
        self.payer = open_account("dev:9", config)
        self.signer = campaign_signer()
        self.everyone = Troc(self.chain, self.manifest)
        self.brand = self.everyone.as_account(self.owner)
        self.ann = self.customer("ann")
        self.bob = self.customer("bob")
        self.fox = self.everyone.as_account(open_account("dev:5", config))

    @property
    def rewards(self) -> Rewards:
        """Campaigns as the brand sees them."""
        return self.brand.attention

    def customer(self, name: str) -> Troc:
        """A customer without ether, whose acts somebody else submits."""
        return self.everyone.as_account(poor(name), submit_with=self.payer)

    def account(self, customer: Troc) -> bytes:
        """A customer as an account of a campaign."""
        return account_of(customer.address)

    def terms(self, **changes: Any) -> Terms:
        """Terms like those of `fresh`, with changes."""
        return replace(fresh_terms(self.brand), **{"salt": bytes([1] * 32), **changes})

    def open(self, budget: int = 5 * BUDGET, **changes: Any) -> Campaign:
        """One campaign more."""
        return self.rewards.open(self.terms(**changes), budget)

    def statements(self, customer: Troc, *contacts: int, campaign: Campaign | None = None) -> list[Slip]:
        """The signer's word that a customer had these contacts, a statement a page."""
        id_ = (campaign or self.fresh).id
        return sign_statements(id_, self.account(customer), contacts, self.rewards.domain, self.signer)

    def ticket(self, customer: Troc, contact: int, campaign: Campaign | None = None) -> Slip:
        """A bound ticket with its key, good until the claims end."""
        return self._ticket(self.account(customer), contact, campaign or self.fresh)

    def code(self, index: int, campaign: Campaign | None = None) -> Slip:
        """A code with its key, good until the claims end."""
        return self._ticket(bytes(32), index, campaign or self.fresh)

    def _ticket(self, account: bytes, number: int, campaign: Campaign) -> Slip:
        until = campaign.terms.claim_until
        return sign_ticket(campaign.id, account, number, until, SEED, self.rewards.domain, self.signer)

    def claim(self, *slips: Slip) -> None:
        """Have somebody submit statements, each in a transaction of its own."""
        for slip in slips:
            self.chain.send(self.rewards.statement_call(slip), self.payer)

    def points(self, customer: Troc) -> int:
        """What a customer has."""
        return customer.balance("PANIER").total

    def pass_to(self, time: int) -> None:
        """Let time pass: the next block has this timestamp, and is made."""
        rpc_call(self.chain, "evm_setNextBlockTimestamp", time)
        rpc_call(self.chain, "evm_mine")

    def pass_days(self, days: float) -> None:
        """Let time pass."""
        self.pass_to(self.chain.now() + int(days * DAY))

    def project(self) -> Path:
        """The folder in which `troc` finds this chain, and what is deployed on it."""
        write_manifest(self.chain, self.manifest)
        folder = self.chain.config.folder
        (folder / "config").mkdir(exist_ok=True)
        (folder / "config" / "local.yaml").write_text(f"rpc: {self.chain.config.rpc}\nchain_id: local\n")
        return folder


def campaign_signer() -> Signer:
    """The key that signs for the campaigns."""
    return poor("campaign signer")


def fresh_terms(brand: Troc) -> Terms:
    """Those of the campaign `fresh`."""
    start = START - START % DAY
    return Terms(
        admin=brand.address,
        token=brand.brand("PANIER").address,
        token_kind=KIND_POINTS,
        fresh=True,
        price=PRICE,
        signer=campaign_signer().address,
        start=start,
        end=start + 30 * DAY - 1,
        claim_until=start + 90 * DAY - 1,
        max_contacts=20,
        per_day=3,
        codes=2_500,
        codes_per_account=2,
        root_delay_days=2,
        credentials=ZERO_ADDRESS,
        topic=1,
        channel=2,
        terms_hash=bytes(32),
        salt=bytes(32),
    )


def deploy_cash(chain: Chain, owner: Signer, *holders: str) -> str:
    """An ERC-20 with 18 decimals, of which each holder has 1,000."""
    cash = deploy_mock(chain, owner, "CashMock", "Cash", "CASH")
    for holder in holders:
        chain.send(cash.functions.mint(holder, 1_000 * 10**18), owner)
    return cash.address


@contextmanager
def attention_chain(folder: Path) -> Iterator[tuple[Chain, Manifest, Campaign, Campaign]]:
    """A chain with the suite, the brand and both campaigns."""
    port = free_port()
    with run_anvil(port, "--timestamp", str(START)):
        chain = Chain.connect(quick(rpc_of(port), folder))
        owner = open_account("dev:0", chain.config)
        manifest = deploy_suite(chain, owner)
        brand = Troc(chain, manifest).as_account(owner)
        brand.launch("Le Panier", "PANIER", "12 months")
        terms = fresh_terms(brand)
        fresh = brand.attention.open(terms, budget=5 * BUDGET)
        brand.mint("PANIER", {owner.address: 100_000})
        out_of_escrow = replace(terms, fresh=False, codes=0, codes_per_account=0)
        escrow = brand.attention.open(out_of_escrow, budget=BUDGET)
        yield chain, manifest, fresh, escrow


@pytest.fixture(scope="module")
def deployed(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Chain, Manifest, Campaign, Campaign]]:
    """Such a chain for the tests of a module."""
    with attention_chain(tmp_path_factory.mktemp("deployed")) as found:
        yield found


@pytest.fixture
def attention(deployed: tuple[Chain, Manifest, Campaign, Campaign], home: Path) -> Iterator[Attention]:
    """The deployed chain as it was; what a test does to it is undone."""
    chain, manifest, fresh, escrow = deployed
    snapshot = rpc_call(chain, "evm_snapshot")
    yield Attention(chain, manifest, fresh, escrow)
    rpc_call(chain, "evm_revert", snapshot)


@pytest.fixture
def run(
    attention: Attention, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Any]:
    """Runs a command as the brand (or `who`); gives its JSON, or where it fails (`code`, message)."""
    monkeypatch.setenv("TROC_DATA", str(tmp_path / "data"))
    project = attention.project()

    def command(*arguments: str, who: str = "dev:0", code: int = 0, yes: bool = True) -> Any:
        line = ["--account", who, "--json", *(["--yes"] if yes else []), *arguments]
        found, out, err = troc_here(*line, capsys=capsys, cwd=project, monkeypatch=monkeypatch)
        assert found == code, err
        if code:
            return json.loads(err.strip().splitlines()[-1])["message"]
        return json.loads(out)

    return command


__all__ += ["BUDGET", "KIND_ERC20", "PRICE", "SEED", "Attention", "deploy_cash", "run"]
