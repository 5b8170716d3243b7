"""Fixtures of the index: a chain with brands, and both kinds of databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.client.trade.conftest import World, deployed, home, world
from troc.brands import Brand
from troc.index import Index

__all__ = ["deployed", "home", "world"]


@pytest.fixture
def index(world: World, url: str) -> Index:
    """The index of the world, empty."""
    return Index(world.chain, world.manifest, url)


@pytest.fixture
def agree(world: World, index: Index) -> Callable[[Brand], None]:
    """Catches up, then compares everybody's lots, the supply and the books with the token's."""

    def check(brand: Brand) -> None:
        index.catch_up()
        accounts = sorted(
            {issue.recipient for issue in index.issues(brand)}
            | {transfer.recipient for transfer in index.transfers(brand)}
        )
        told = world.everyone.points.lots(brand, accounts)
        held = {balance.account: balance for balance in index.balances(brand)}
        for account, lots in zip(accounts, told, strict=True):
            living = tuple(lot for lot in lots if lot.units)
            assert (held[account].lots if account in held else ()) == living, account
        assert all(balance.exact for balance in held.values())
        status = world.everyone.status(brand)
        assert sum(balance.units for balance in held.values()) == status.live
        assert tuple((lot.units, lot.expiry) for lot in index.totals(brand)) == tuple(
            owed for owed in status.owed if owed[0]
        )
        assert sum(issue.units for issue in index.issues(brand)) == status.issued
        redeemed = sum(each.units for each in index.redemptions(brand))
        assert redeemed - sum(each.units for each in index.give_backs(brand)) == status.redeemed
        assert sum(lot.units for lot in index.expired(brand)) == status.expired
        for account in accounts:
            assert sum(change.units for change in index.changes(brand, account)) == sum(
                lot.units for lot in (held[account].lots if account in held else ())
            ), account

    return check
