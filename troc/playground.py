"""Six brands and five customers to play with, on a chain of one's own.

The brands belong to `dev:0`, the customers are `dev:1` to `dev:5`: development accounts that everybody has
the keys of. Everything here is made up; `make demo` works with real receipts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from troc import words
from troc.accounts import open_account
from troc.brands import Brand
from troc.chain import Chain
from troc.client import Troc
from troc.manifest import Manifest

BRANDS_OWNER = "dev:0"
CUSTOMERS = ("dev:1", "dev:2", "dev:3", "dev:4", "dev:5")


@dataclass(frozen=True)
class _PlayBrand:
    """A brand, and the whole points of each of the five customers."""

    name: str
    symbol: str
    valid: str
    decimals: int
    points: tuple[int, int, int, int, int]


_BRANDS = (
    _PlayBrand("Acme Hardware", "ACME", "12 months", 0, (400, 0, 150, 60, 0)),
    _PlayBrand("Beta Books", "BETA", "12 months", 0, (0, 300, 0, 90, 120)),
    _PlayBrand("Le Panier", "PANIER", "12 months", 0, (250, 40, 0, 0, 500)),
    _PlayBrand("BioBox", "BIOBOX", "6 months", 0, (0, 200, 320, 0, 0)),
    _PlayBrand("Café Lune", "LUNE", "60 days", 2, (35, 0, 20, 80, 10)),
    _PlayBrand("Night Train", "TRAIN", "never", 0, (0, 1000, 0, 250, 0)),
)

_ORDERS = (
    ("dev:2", "120 BETA", "150 ACME"),
    ("dev:3", "100 BIOBOX", "110 PANIER"),
    ("dev:5", "200 PANIER", "90 BETA"),
)
"""Orders that wait in the book: who makes them, what they give, what they want."""


def populate(
    chain: Chain, manifest: Manifest, report: Callable[[str], None] = lambda line: None
) -> list[Brand]:
    """Launch the brands, issue the points, publish some orders. `report` is told each step in a line.

    Returns the brands.
    """
    owner = Troc(chain, manifest).as_account(open_account(BRANDS_OWNER, chain.config))
    customers = {name: owner.as_account(open_account(name, chain.config)) for name in CUSTOMERS}
    for play in _BRANDS:
        brand = owner.launch(play.name, play.symbol, play.valid, decimals=play.decimals)
        points = {
            customer.address: amount
            for customer, amount in zip(customers.values(), play.points, strict=True)
            if amount
        }
        owner.mint(brand, points)
        report(f"{brand.title}: points live {words.life(brand.epoch_length)}")
    for name, customer in customers.items():
        held = [holding.brand.text(holding.total) for holding in customer.holdings()]
        report(f"{name} holds {words.listed(held)}")
    for maker, give, want in _ORDERS:
        customers[maker].trade(give, want, in_parts=True)
        report(f"{maker} offers {give} for {want}")
    report('Try: troc trade order "22 PANIER" "20 BIOBOX" --account dev:1')
    return owner.brands.all()
