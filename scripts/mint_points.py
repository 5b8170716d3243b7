"""Issue points to many customers, from a file.

brownie run mint_points                                       an example, on brownie's development network
brownie run mint_points main TOKEN FILE --network local       FILE: CSV or Parquet of address and amount

TOKEN is a symbol, a proven domain or an address. The account that TROC_ACCOUNT names issues; on a local chain
the first development account does where none is named. Stopped and run again, it pays nobody twice.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from scripts.active_network import active_chain, active_signer
from troc import words
from troc.accounts import address_of
from troc.chain import Chain
from troc.client import Troc
from troc.deploy import deploy_suite
from troc.errors import InputError, TrocError
from troc.manifest import load_manifest

EXAMPLE_CUSTOMERS = ("dev:1", "dev:2", "dev:3")


def main(token: str = "", file: str = "") -> None:
    """Issue the points of `file`; without arguments, those of an example."""
    try:
        chain = active_chain()
        if not token and not file:
            example(chain)
        elif token and file:
            signer = active_signer(chain)
            mint(Troc(chain, load_manifest(chain)).as_account(signer), token, Path(file))
        else:
            raise InputError(
                "the brand or the file is missing", "use `brownie run mint_points main TOKEN FILE`"
            )
    except TrocError as error:
        sys.exit(f"mint_points: {error}")


def mint(troc: Troc, token: str, file: Path) -> None:
    """Issue, and say what was done."""
    brand = troc.brand(token)
    report = troc.mint(brand, file, progress=lambda done, total: print(f"  {done:,} of {total:,}"))
    print(f"Issued {brand.text(report.units)} to {words.count(report.recipients, 'customer')}.")
    if report.recipients_before:
        had = words.count(report.recipients_before, "customer")
        print(f"{had} had {brand.text(report.units_before)} from an earlier run of this file.")


def example(chain: Chain) -> None:
    """Launch a brand, pay three customers from a file, and once more, which changes nothing."""
    signer = active_signer(chain)
    troc = Troc(chain, deploy_suite(chain, signer)).as_account(signer)
    known = {brand.symbol for brand in troc.brands.all()}
    brand = troc.brand("BEANS") if "BEANS" in known else troc.launch("Bean House", "BEANS", "12 months")
    print(f"{brand.title}: points live {words.life(brand.epoch_length)}.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "points.csv"
        customers = [address_of(name) for name in EXAMPLE_CUSTOMERS]
        rows = [f"{address},{50 * place}" for place, address in enumerate(customers, 1)]
        file.write_text("\n".join(["address,amount", *rows]) + "\n")
        print(file.read_text(), end="")
        mint(troc, "BEANS", file)
        print("The same file again:")
        mint(troc, "BEANS", file)
    for name, address in zip(EXAMPLE_CUSTOMERS, customers, strict=True):
        print(f"{name} holds {words.listed(troc.balance(brand, address).text())}.")
