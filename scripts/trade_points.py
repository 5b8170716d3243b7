"""Trade points of one brand for points of another.

brownie run trade_points                                               an example, on the development
network brownie run trade_points main ACCOUNT GIVE WANT --network local        GIVE, WANT: such as "100
ACME" "80 BETA"

ACCOUNT is a stored account (brownie and troc share them), or dev:0 and so on. An open order that fits is
taken; else one is published. Nothing is asked: `troc trade order` shows the terms first.
"""

from __future__ import annotations

import sys

from scripts.active_network import active_chain, active_signer
from troc.chain import Chain
from troc.client import Troc
from troc.deploy import deploy_suite
from troc.errors import InputError, TrocError
from troc.manifest import load_manifest


def main(account: str = "", give: str = "", want: str = "") -> None:
    """Trade as told; without arguments, an example."""
    try:
        chain = active_chain()
        if not account:
            example(chain)
        elif give and want:
            signer = active_signer(chain, account)
            print(Troc(chain, load_manifest(chain)).as_account(signer).trade(give, want))
        else:
            raise InputError(
                "it is not clear what to trade",
                'use `brownie run trade_points main ACCOUNT "100 ACME" "80 BETA"`',
            )
    except TrocError as error:
        sys.exit(f"trade_points: {error}")


def example(chain: Chain) -> None:
    """Two brands, two customers: one publishes an order, the other takes it. The brand's account sends and
    pays for both; the customers only sign.
    """
    relay = active_signer(chain)
    brand = Troc(chain, deploy_suite(chain, relay)).as_account(relay)
    known = {found.symbol for found in brand.brands.all()}
    for name, symbol in (("Acme Hardware", "ACME"), ("Beta Books", "BETA")):
        if symbol not in known:
            brand.launch(name, symbol, "12 months")
    ann, bob = (brand.as_account(name, submit_with=relay) for name in ("dev:1", "dev:2"))
    brand.mint("ACME", {ann.address: 100}, reference=f"block {chain.block_number()}")
    brand.mint("BETA", {bob.address: 80}, reference=f"block {chain.block_number()}")
    for name, customer, give, want in (
        ("Ann", ann, "100 ACME", "80 BETA"),
        ("Bob", bob, "80 BETA", "100 ACME"),
    ):
        print(f"{name} wants {want} for {give}. {customer.trade(give, want)}")
    for name, customer in (("Ann", ann), ("Bob", bob)):
        for trade in customer.history()[-1:]:
            print(f"{name}, {trade.text()}")
