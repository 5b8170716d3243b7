"""What somebody who can write the brand's database, and not read it, can do."""

from __future__ import annotations

import pytest

from tests.client.members.conftest import PASSPHRASE, store_at
from troc.errors import StoreError
from troc.programme.journal import Journal, _entries
from troc.programme.members import Members, NewMember, _members
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
