"""Fixtures of watching and notices: a chain with brands, one database that holds index and programme."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tests.client.trade.conftest import World, deployed, home, world
from troc.index import Index
from troc.programme.vault import BrandStore, open_brand_store
from troc.programme.watch import Findings, Round, Watch, built_in_rules

__all__ = ["deployed", "home", "world"]

Look = Callable[..., Round]


@pytest.fixture
def index(world: World, url: str) -> Index:
    return Index(world.chain, world.manifest, url)


@pytest.fixture
def store(world: World, url: str) -> BrandStore:
    """ACME's own database."""
    return open_brand_store(world.chain, world.everyone.brand("ACME"), url)


@pytest.fixture
def look(index: Index, store: BrandStore) -> Look:
    """Brings the index up to the chain and runs one built-in rule."""

    def run(rule: str, clerks: Sequence[str] = ()) -> Round:
        index.catch_up()
        done = Watch(Findings(store), index, [built_in_rules()[rule]], clerks).run()
        assert not done.faults, done.faults
        return done

    return run
