"""A brand's own database, on both kinds of servers, and a brand whose seasons are easy to count."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.core.conftest import home
from tests.client.trade.conftest import World, deployed, world
from troc.brands import Brand
from troc.programme.journal import Journal
from troc.programme.members import Members, NewMember
from troc.programme.programme import Programme
from troc.programme.vault import BrandStore, Vault, _tables, open_brand_store
from troc.store import open_store

__all__ = ["deployed", "home", "world"]

DAY = 86_400
LENGTH = 10 * DAY
ORIGIN = 1_000 * DAY
PASSPHRASE = "correct horse"
WORK = 4
"""Cheap scrypt: tests open many vaults."""

BRAND = Brand(
    "0x" + "aB" * 20, "Le Panier", "PANIER", 0, LENGTH, ORIGIN, "0x" + "11" * 20, raw_name="Le Panier"
)


def store_at(url: str, brand: Brand = BRAND) -> BrandStore:
    """The database as another program sees it."""
    return BrandStore(open_store(url, _tables, "vault"), brand, 31337, "0x" + "22" * 32)


@pytest.fixture
def store(url: str) -> BrandStore:
    return store_at(url)


@pytest.fixture
def vault(store: BrandStore) -> Vault:
    return Vault.create(store, PASSPHRASE, WORK)


@pytest.fixture
def journal(store: BrandStore) -> Journal:
    return Journal(store)


@pytest.fixture
def members(vault: Vault, journal: Journal) -> Members:
    return Members(vault, journal)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the SQLite database lies."""
    return tmp_path / "test.sqlite"


@pytest.fixture
def programme(world: World, url: str) -> Programme:
    """ACME's programme, over either database, with the cards 1 to 4."""
    store = open_brand_store(world.chain, world.everyone.brand("ACME"), url)
    found = Programme.over(Vault.create(store, PASSPHRASE, WORK), world.chain)
    found.members.add_many([NewMember(str(number), "Jung") for number in range(1, 5)], "clerk")
    return found
