"""What somebody who can write the brand's database, and not read it, can do."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.client.members.conftest import PASSPHRASE, store_at
from tests.client.members.test_linking import link
from tests.client.members.test_paying import earn, pay
from tests.client.trade.conftest import World
from troc.errors import StoreError
from troc.programme.claims import _entries as claim_entries
from troc.programme.journal import Journal, _entries
from troc.programme.members import Members, NewMember, _members
from troc.programme.programme import Programme
from troc.programme.vault import Vault, _vaults


@pytest.mark.parametrize("work", [-1, 0, 30, 63])
def test_a_changed_cost_of_the_passphrase_is_told(vault: Vault, url: str, work: int) -> None:
    """0 is no cost, 30 asks for a terabyte, 63 makes the library panic."""
    with vault.store.engine.begin() as connection:
        connection.execute(_vaults.update().values(work=work))
    with pytest.raises(StoreError, match="was altered"):
        Vault.open(store_at(url), PASSPHRASE)


@pytest.mark.parametrize("wrapped", [b"", b"short", b"x" * 20])
def test_a_cut_data_key_is_told(vault: Vault, url: str, wrapped: bytes) -> None:
    with vault.store.engine.begin() as connection:
        connection.execute(_vaults.update().values(wrapped=wrapped))
    with pytest.raises(StoreError, match="was altered"):
        Vault.open(store_at(url), PASSPHRASE)


@pytest.mark.parametrize("sealed", [b"", b"short", b"x" * 12, b"x" * 30])
def test_a_cut_field_is_told(members: Members, sealed: bytes) -> None:
    members.add(NewMember("1"), "clerk")
    with members.vault.store.engine.begin() as connection:
        connection.execute(_members.update().values(card=sealed))
    with pytest.raises(StoreError, match="was altered"):
        members.find("1")


@pytest.mark.parametrize("reason", ["", "AAAA", "no base 64"])
def test_a_cut_entry_is_told(members: Members, journal: Journal, reason: str) -> None:
    member = members.add(NewMember("1"), "clerk")
    with members.vault.store.engine.begin() as connection:
        connection.execute(_entries.update().values(reason=reason))
    (entry,) = journal.entries(subject=member.id)
    with pytest.raises(StoreError, match="altered"):
        journal.opened(entry, members.key_of(member.id))


@pytest.fixture
def swapped(world: World, programme: Programme) -> Members:
    """Bob's card is 1, Cem's 2; then somebody without the passphrase exchanged what they are found by."""
    link(world, programme, "1", world.bob)
    link(world, programme, "2", world.cem)
    indexes = [column for column in _members.c if column.name.endswith("_index")]
    with programme.members.vault.store.engine.begin() as connection:
        one, two = connection.execute(
            sa.select(_members.c.id, *indexes).where(_members.c.address.is_not(None))
        ).mappings()
        for row in (one, two):
            connection.execute(_members.update().where(_members.c.id == row["id"]).values(card_index=None))
        for row, other in ((one, two), (two, one)):
            values = {column.name: other[column.name] for column in indexes}
            connection.execute(_members.update().where(_members.c.id == row["id"]).values(**values))
    return programme.members


@pytest.mark.parametrize("name", ["addresses_of", "ids_of", "statuses_of", "household"])
def test_nobody_gets_anothers_points_by_exchanged_indexes(swapped: Members, name: str) -> None:
    """What a row is found by is not sealed, so what is found must say the same."""
    with pytest.raises(StoreError, match="was altered"):
        getattr(swapped, name)(["1", "2"]) if name != "household" else _exchange_household(swapped)


def _exchange_household(members: Members) -> None:
    with members.vault.store.engine.begin() as connection:
        connection.execute(
            _members.update().values(household_index=members.vault.blind("household", "Meier"))
        )
    members.household("Meier")


def test_nobody_is_taken_for_another_by_exchanged_indexes(swapped: Members, world: World) -> None:
    for who in ("1", world.bob.address):
        with pytest.raises(StoreError, match="was altered"):
            swapped.find(who)
    with pytest.raises(StoreError, match="was altered"):
        swapped.unlink("1", "she asked", "clerk")


def test_nobody_raises_her_own_claim(world: World, programme: Programme) -> None:
    earn(world, programme, "1", 30, "a")
    link(world, programme, "1", world.bob)
    with programme.members.vault.store.engine.begin() as connection:
        connection.execute(claim_entries.update().values(units=1_000_000))
    with pytest.raises(StoreError):
        pay(world, programme)


def test_nobody_brings_an_address_back_that_was_unlinked(world: World, programme: Programme) -> None:
    members = programme.members
    link(world, programme, "1", world.bob)
    before = sa.select(_members.c.address, _members.c.address_index).where(_members.c.address.is_not(None))
    with members.vault.store.engine.begin() as connection:
        old = dict(connection.execute(before).mappings().one())
    number = members.unlink("1", "the key was stolen", "clerk").id
    with members.vault.store.engine.begin() as connection:
        connection.execute(_members.update().where(_members.c.id == number).values(**old))
    with pytest.raises(StoreError):
        members.addresses_of(["1"])
