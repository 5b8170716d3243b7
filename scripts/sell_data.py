"""Sell data of one's own: a file that is sealed, offered to a buyer, paid for and delivered.

brownie run sell_data                                               an example, on the development network
brownie run sell_data main ACCOUNT FILE PRICE OFFER --network local      PRICE: such as "50 PANIER"

ACCOUNT is a stored account (brownie and troc share them), or dev:0 and so on. FILE goes into the vault of
this machine, whose passphrase is in the file that TROC_VAULT_PASSWORD_FILE names; the first one begins it.
OFFER is a new file to send to whoever may buy. `troc data offer` shows first what one signs,
`troc data serve` hands the sealed copy out, `troc data watch --sell` delivers the key.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from scripts.active_network import active_chain, active_signer
from troc import words
from troc.accounts import read_password
from troc.chain import Chain
from troc.client import Troc
from troc.data.chunks import Content
from troc.data.deals import write_deal
from troc.data.serving import DEFAULT_PORT, Link
from troc.data.vault import Vault, vault_folder
from troc.data.words import contents
from troc.deploy import deploy_suite
from troc.errors import InputError, TrocError
from troc.manifest import load_manifest
from troc.network import setting

ROWS = [
    {"day": "2026-11-02", "item": "milk", "paid": "1.09"},
    {"day": "2026-11-09", "item": "yoghurt", "paid": "2.40"},
    {"day": "2026-11-16", "item": "cheese", "paid": "4.75"},
]
_LINK_DAYS = 30


def main(account: str = "", file: str = "", price: str = "", offer: str = "") -> None:
    """Offer what is in a file; without arguments, an example."""
    try:
        chain = active_chain()
        if not account:
            example(chain)
        elif file and price and offer:
            signer = active_signer(chain, account)
            sell(Troc(chain, load_manifest(chain)).as_account(signer), Path(file), price, Path(offer))
        else:
            raise InputError(
                "it is not clear what to sell",
                'use `brownie run sell_data main ACCOUNT FILE "50 PANIER" OFFER`',
            )
    except TrocError as error:
        sys.exit(f"sell_data: {error}")


def sell(troc: Troc, file: Path, price: str, out: Path) -> None:
    """Seal the file, sign an offer to whoever buys, and write it with its link to `out`."""
    if out.exists():
        raise InputError(f"{out} is there already", "choose another name")
    content, seller = Content.read(file), troc.data.seller
    # Before anything is sealed.
    seller.money(price)
    vault = _open_vault()
    copy = vault.add(content, tell=True)
    token = vault.grant(copy.root, "whoever has the offer", _LINK_DAYS * words.DAY)
    link = Link.of(f"http://127.0.0.1:{DEFAULT_PORT}", copy.root, token)
    signed = troc.data.using(vault).offer(copy, price, source=link.text)
    write_deal(signed, out)
    print(f"Offered {words.listed(contents(copy))} for {seller.money_of(signed.deal)}: send {out}.")
    print("Now keep `troc data serve` and `troc data watch --sell` running.")


def _open_vault() -> Vault:
    """The vault of this machine; a new one where there is none."""
    named = setting("TROC_VAULT_PASSWORD_FILE")
    if not named:
        raise InputError(
            "the passphrase of the vault is needed", "name a file that holds it: TROC_VAULT_PASSWORD_FILE"
        )
    passphrase, folder = read_password(Path(named).expanduser()), vault_folder()
    if (folder / "place.json").exists():
        return Vault.open(folder, passphrase)
    print("This is a new vault: write its backup down, with `troc data backup`.")
    return Vault.create(folder, passphrase)


def example(chain: Chain) -> None:
    """Ann sells three rows to Bob. The brand's account sends and pays for both; they only sign."""
    relay = active_signer(chain)
    brand = Troc(chain, deploy_suite(chain, relay)).as_account(relay)
    if "ACME" not in {found.symbol for found in brand.brands.all()}:
        brand.launch("Acme Hardware", "ACME", "12 months")
    ann, bob = (brand.as_account(name, submit_with=relay) for name in ("dev:1", "dev:2"))
    brand.mint("ACME", {bob.address: 50}, reference=f"block {chain.block_number()}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vault = Vault.create(folder / "vault", "an example, gone with its folder")
        places = {
            who: {"folder": folder / who, "database": f"sqlite:///{folder / who}.sqlite"}
            for who in ("ann", "bob")
        }
        seller = ann.data.using(vault, **places["ann"])  # type: ignore[arg-type]
        # Where both sit at one machine, the sealed copy needs no way over the network.
        buyer = bob.data.using(
            fetch=lambda deal: (
                vault.manifest(deal.deal.manifest_root),
                vault.blob(deal.deal.manifest_root),
            ),
            **places["bob"],  # type: ignore[arg-type]
        )
        copy = vault.add(Content.of_rows(ROWS), "purchases", tell=True)
        offer = seller.offer(copy, "50 ACME", to=bob.address)
        print(f"Ann offers {words.listed(contents(copy))} for 50 ACME: {offer.to_text()[:40]}…")
        sale = buyer.buy(offer.to_text())
        print(f"Bob checked the sealed copy and bought it: {sale.name[:14]}. His points are held.")
        for did in (*seller.seller.step(), *buyer.buyer.step()):
            print(f"{did.text}.")
        for row in buyer.open(sale.name).rows:
            print(f"  {dict(row)}")
        print(f"Ann holds {words.listed(brand.balance('ACME', ann.address).text())}.")
