"""What somebody who can write the brand's database, and not read it, can do."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.client.members.conftest import PASSPHRASE, store_at
from tests.client.members.test_linking import link
from tests.client.members.test_paying import earn, pay
from tests.client.trade.conftest import World
from troc.errors import StoreError, TamperedError
from troc.programme.claims import _entries as claim_entries
from troc.programme.claims import _payments
from troc.programme.debts import _debts, _runs
from troc.programme.guard import _guards
from troc.programme.journal import Head, Journal, _entries
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


def _write(programme: Programme, statement: sa.Executable) -> None:
    """As somebody does who has the database and not the passphrase."""
    with programme.members.vault.store.engine.begin() as connection:
        assert connection.execute(statement).rowcount


def _rows(programme: Programme, table: sa.Table) -> list[dict[str, object]]:
    with programme.members.vault.store.engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


def _is_told(programme: Programme, anchor: Head | None = None) -> None:
    with pytest.raises((StoreError, TamperedError)):
        programme.check(anchor)


@pytest.fixture
def kept(world: World, programme: Programme) -> Programme:
    """Points are kept for the cards 1 and 2, and 3 owes some."""
    earn(world, programme, "1", 30, "a")
    earn(world, programme, "2", 70, "b")
    programme.debts.record_debt("3", 5, "d", "late", "clerk")
    assert programme.check() == 7
    return programme


@pytest.mark.parametrize("table", [claim_entries, _debts, _members], ids=lambda table: table.name)
def test_a_row_that_was_deleted_is_told(kept: Programme, table: sa.Table) -> None:
    _write(kept, table.delete())
    _is_told(kept)


def test_two_rows_that_were_swapped_are_told(kept: Programme) -> None:
    one, two = (row["member"] for row in _rows(kept, claim_entries))
    swap = sa.case((claim_entries.c.member == one, two), else_=one)
    _write(kept, claim_entries.update().values(member=swap))
    _is_told(kept)
    with pytest.raises(StoreError, match="altered"):
        kept.claims.of("1")


def test_a_row_that_is_one_too_many_is_told(kept: Programme) -> None:
    row = _rows(kept, claim_entries)[0]
    _write(kept, claim_entries.insert().values(**{**row, "cause": b"x" * 16}))
    _is_told(kept)
    with pytest.raises(StoreError, match="altered"):
        kept.claims.prepare()


def test_a_debt_that_was_lowered_is_told(kept: Programme) -> None:
    _write(kept, _debts.update().values(units=1))
    with pytest.raises(StoreError, match="altered"):
        kept.debts.net("3", 10, "earned")


def test_a_payment_that_was_made_open_again_is_told(world: World, kept: Programme) -> None:
    """The chain would refuse it, but the books would not add up."""
    link(world, kept, "1", world.bob)
    pay(world, kept)
    _write(kept, _payments.update().values(state="prepared"))
    with pytest.raises(StoreError, match="altered"):
        pay(world, kept)


def test_sums_of_before_do_not_go_with_the_journal(world: World, kept: Programme) -> None:
    """All tables with their sums are put back, and the journal is left as it is."""
    sums, entries = _rows(kept, _guards)[0], _rows(kept, claim_entries)
    earn(world, kept, "1", 12, "c")
    _write(kept, claim_entries.delete().where(claim_entries.c.units == 12))
    _write(kept, _guards.update().values(**sums))
    assert _rows(kept, claim_entries) == entries
    _is_told(kept)
    with pytest.raises(StoreError, match="older than the journal"):
        kept.claims.of("1")


def test_a_database_that_was_put_back_is_told_by_a_head(world: World, kept: Programme) -> None:
    """Without one nothing can tell: everything is as it was."""
    tables = [_guards, _entries, claim_entries]
    before = {table: _rows(kept, table) for table in tables}
    earn(world, kept, "1", 12, "c")
    head = kept.journal.head()
    kept.check(head)
    for table, rows in before.items():
        _write(kept, table.delete())
        for row in rows:
            _write(kept, table.insert().values(**row))
    kept.check()
    _is_told(kept, head)


def test_lost_sums_are_told_and_begun_again_by_the_owner(kept: Programme) -> None:
    _write(kept, _guards.delete())
    with pytest.raises(StoreError, match="no sums by which changes are seen"):
        kept.claims.of("1")
    kept.begin_again("owner")
    assert kept.check() == 7
    (noted,) = kept.journal.entries(kind="sums begun")
    assert noted.actor == "owner"


def test_a_broken_journal_is_not_taken_for_good(kept: Programme) -> None:
    _write(kept, _guards.delete())
    _write(kept, _entries.update().values(actor="another"))
    with pytest.raises(TamperedError):
        kept.begin_again("owner")


def test_a_run_that_kept_nothing_does_not_go_away(kept: Programme) -> None:
    """Put back to before it, it could run again and keep something."""
    sums, runs = _rows(kept, _guards)[0], _rows(kept, _runs)
    assert kept.debts.net("1", 10, "March") == (10, 0)
    kept.check()
    _write(kept, _runs.delete())
    _write(kept, _guards.update().values(**sums))
    assert _rows(kept, _runs) == runs
    _is_told(kept)


def test_what_is_written_without_the_passphrase_is_no_alarm(kept: Programme) -> None:
    """Findings are laid aside by people who have no passphrase."""
    Journal(kept.store).append("watch.acknowledged", "clerk", "it was a sale")
    assert kept.check() == 7
    kept.members.add(NewMember("9"), "clerk")
    assert kept.check() == 8
