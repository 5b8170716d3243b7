"""The stage of the demo: a chain of its own that starts on the data's first day, brands, households."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from eth_utils.crypto import keccak

from troc import words
from troc.accounts import Signer, open_account, open_dev_customers
from troc.anvil import free_port, move_to, rpc_of, run_anvil, set_pace
from troc.brands import Brand, MintReport
from troc.chain import Chain
from troc.client import Troc
from troc.demo.receipts import FIRST_DAY, PROGRAMMES, Month, Receipts
from troc.deploy import deploy_suite
from troc.network import load_network
from troc.points import receipt_id

PACE = 12
"""Seconds between blocks, as on the main network."""

_DEPLOYER = "dev:0"
_OWNERS = ("dev:1", "dev:2", "dev:3", "dev:4", "dev:5", "dev:6")
_RELAY = "dev:7"


@dataclass(frozen=True)
class Stage:
    """Everybody in the demo. `client` acts as nobody; `relay` sends for those who only sign, and pays for it;
    `guest` is somebody new. `folder` is for files, and is gone with the stage.

    `brands`, `owners` and `signers` (the keys of their campaigns) are by symbol, `households` by their number
    in the data, `salts` are secrets of the brands.
    """

    client: Troc
    brands: Mapping[str, Brand]
    owners: Mapping[str, Signer]
    households: Mapping[int, Signer]
    relay: Signer
    guest: Signer
    signers: Mapping[str, Signer]
    folder: Path
    salts: Mapping[str, bytes]

    @property
    def chain(self) -> Chain:
        """The chain."""
        return self.client.chain

    @property
    def exchange(self) -> str:
        """The exchange's address."""
        return self.client.manifest.address("PointsExchange")

    def brand(self, symbol: str) -> Troc:
        """The client as a brand sees it."""
        return self.client.as_account(self.owners[symbol])

    def household(self, number: int) -> Troc:
        """The client as a household sees it: it signs, and the relay sends."""
        return self.client.as_account(self.households[number], submit_with=self.relay)

    def submitter(self) -> Troc:
        """The client as the relay sees it."""
        return self.client.as_account(self.relay)

    def move_to(self, time: int) -> None:
        """Let time pass until a Unix time."""
        move_to(self.chain, time)

    def mint(self, month: Month) -> list[MintReport]:
        """Issue what a month's receipts have earned, each brand to all of its customers."""
        self.move_to(month.closes)
        reports = []
        for symbol in self.brands:
            payouts = {
                self.households[number].address: points for number, points in month.points[symbol].items()
            }
            reference = self.reference(month.receipts[symbol], symbol)
            reports.append(self.brand(symbol).mint(symbol, payouts, reference=reference))
        return reports

    def reference(self, receipts: Iterable[int], symbol: str) -> str:
        """One reference for many receipts: who knows the salt and all of them can check it."""
        return keccak(
            b"".join(sorted(receipt_id(str(number), self.salts[symbol]) for number in receipts))
        ).hex()


@contextmanager
def open_stage(receipts: Receipts) -> Iterator[Stage]:
    """Start a chain on the data's first day, deploy, launch the brands. Nothing of it is left afterwards."""
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="troc-demo-") as folder,
        run_anvil(port, "--timestamp", str(words.parse_day(FIRST_DAY))),
    ):
        # A chain that starts at the same second has the same genesis each time: its records must not be kept.
        config = replace(load_network("local", rpc_of(port)), folder=Path(folder), brands=())
        chain = Chain.connect(config)
        set_pace(chain, PACE)
        client = Troc(chain, deploy_suite(chain, open_account(_DEPLOYER, config)))
        owners = {
            programme.symbol: open_account(name, config)
            for programme, name in zip(PROGRAMMES, _OWNERS, strict=True)
        }
        brands = {
            programme.symbol: client.as_account(owners[programme.symbol]).launch(
                programme.name, programme.symbol, programme.valid
            )
            for programme in PROGRAMMES
        }
        accounts = open_dev_customers(len(receipts.households) + 1 + len(brands), config)
        customers, (guest, *signers) = (
            accounts[: len(receipts.households)],
            accounts[len(receipts.households) :],
        )
        yield Stage(
            client=client,
            brands=brands,
            owners=owners,
            households=dict(zip(receipts.households, customers, strict=True)),
            relay=open_account(_RELAY, config),
            guest=guest,
            signers=dict(zip(brands, signers, strict=True)),
            folder=Path(folder),
            salts={symbol: secrets.token_bytes(32) for symbol in brands},
        )
