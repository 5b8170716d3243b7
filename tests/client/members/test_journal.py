"""The journal: whatever is altered shows, and where; on both databases, with several writers."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.client.members.conftest import BRAND, store_at
from troc.errors import InputError, StoreError, TamperedError
from troc.programme import vault as vaults
from troc.programme.journal import Head, Journal, canonical
from troc.programme.vault import Vault

COLUMNS = (
    *("sequence", "time", "kind", "actor", "subject", "reference"),
    *("reason", "payload", "sealed", "previous", "hash"),
)


def change(journal: Journal, statement: str, **values: Any) -> None:
    with journal.store.engine.begin() as connection:
        connection.execute(sa.text(statement), values)


@pytest.fixture
def written(journal: Journal, vault: Vault) -> Journal:
    """A journal of five entries; the third is sealed."""
    for number in range(1, 6):
        secret: dict[str, Any] = (
            {"subject": vaults.BRAND, "key": vault.brand_key, "sealed": {"who": "x"}} if number == 3 else {}
        )
        journal.append(
            *("note", "clerk", f"because {number}", {"number": number}), reference=f"{number:x}", **secret
        )
    return journal


def test_entries_read_back_and_verify(written: Journal, vault: Vault) -> None:
    entries = list(written.entries())
    assert [entry.data["number"] for entry in entries] == [1, 2, 3, 4, 5]
    assert written.opened(entries[0], None) == ("because 1", {})
    assert written.opened(entries[2], vault.brand_key) == ("because 3", {"who": "x"})
    assert "because 3" not in repr(entries[2])
    assert written.verify() == written.head() == Head(5, entries[4].hash)


@pytest.mark.parametrize("column", COLUMNS)
def test_an_altered_byte_of_any_column_is_found(written: Journal, column: str) -> None:
    """The third entry is altered by one character, or its number by one; it is named."""
    entry = list(written.entries())[2]
    value = getattr(entry, column)
    if column == "sequence":
        change(written, "UPDATE journal SET sequence = 30 WHERE sequence = 3")
    elif isinstance(value, int):
        change(written, f"UPDATE journal SET {column} = :value WHERE sequence = 3", value=value ^ 1)  # noqa: S608
    else:
        flipped = chr(ord(value[0]) ^ 1) + value[1:]
        change(written, f"UPDATE journal SET {column} = :value WHERE sequence = 3", value=flipped)  # noqa: S608
    with pytest.raises(TamperedError, match="entry 3 of the journal"):
        written.verify()


def test_a_removed_entry_is_found(written: Journal) -> None:
    change(written, "DELETE FROM journal WHERE sequence = 2")
    with pytest.raises(TamperedError, match="entry 2 of the journal is missing"):
        written.verify()


def test_a_removed_entry_whose_followers_moved_up_is_found(written: Journal) -> None:
    change(written, "DELETE FROM journal WHERE sequence = 2")
    for number in (3, 4, 5):
        change(written, "UPDATE journal SET sequence = sequence - 1 WHERE sequence = :n", n=number)
    with pytest.raises(TamperedError, match="entry 2 of the journal was altered"):
        written.verify()


def test_exchanged_entries_are_found(written: Journal) -> None:
    for old, new in ((2, 20), (3, 2), (20, 3)):
        change(written, "UPDATE journal SET sequence = :new WHERE sequence = :old", old=old, new=new)
    with pytest.raises(TamperedError, match="entry 2 of the journal was altered"):
        written.verify()


def test_an_inserted_entry_is_found(written: Journal) -> None:
    for number in (5, 4, 3):
        change(written, "UPDATE journal SET sequence = sequence + 1 WHERE sequence = :n", n=number)
    change(
        written,
        "INSERT INTO journal SELECT 3, time, kind, actor, subject, reference, reason, payload, sealed,"
        " previous, hash FROM journal WHERE sequence = 6",
    )
    with pytest.raises(TamperedError, match="entry 3 of the journal was altered"):
        written.verify()


def test_an_entry_before_the_first_is_found(written: Journal) -> None:
    change(
        written,
        "INSERT INTO journal SELECT 0, time, kind, actor, subject, reference, reason, payload, sealed,"
        " previous, hash FROM journal WHERE sequence = 1",
    )
    with pytest.raises(TamperedError, match="entry 0 of the journal is one too many"):
        written.verify()


def test_a_cut_end_is_found_against_the_anchored_head_alone(written: Journal) -> None:
    head = written.head()
    change(written, "DELETE FROM journal WHERE sequence = 5")
    assert written.verify().sequence == 4
    with pytest.raises(TamperedError, match="entry 5 of the journal is missing: 5 entries were anchored"):
        written.verify(head)


def test_a_chain_of_hashes_made_anew_is_found_against_the_anchored_head(written: Journal) -> None:
    head = written.head()
    entries = list(written.entries())
    change(written, "DELETE FROM journal WHERE sequence >= 4")
    # Whoever has the database alone: with the passphrase nothing can be written on top of this.
    with pytest.raises(StoreError, match="the journal in the database was altered"):
        written.append("note", "clerk")
    theirs = Journal(replace(written.store, guards=[]))
    for entry in entries[3:]:
        theirs.append(entry.kind, "another", entry.reason, entry.data)
    assert written.verify().sequence == 5
    with pytest.raises(TamperedError, match="entry 5 of the journal is another one than was anchored"):
        written.verify(head)
    theirs.append("note", "clerk")
    with pytest.raises(TamperedError, match="entry 5"):
        written.verify(head)


def test_text_that_cannot_be_read_is_found(journal: Journal) -> None:
    if journal.store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL stores no text that is none")
    journal.append("note", "clerk", "because")
    change(journal, "UPDATE journal SET reason = CAST(x'ff' AS TEXT)")
    with pytest.raises(TamperedError, match="entry 1 of the journal or a later one cannot be read"):
        journal.verify()


def test_another_brands_journal_is_found(written: Journal, url: str) -> None:
    from dataclasses import replace

    other = Journal(store_at(url, replace(BRAND, address="0x" + "Cd" * 20)))
    with pytest.raises(TamperedError, match="entry 1 of the journal was altered"):
        other.verify()


def test_an_empty_journal_has_a_head_of_its_own(journal: Journal) -> None:
    head = journal.verify()
    assert head.sequence == 0
    journal.append("note", "clerk")
    assert journal.verify(head).sequence == 1
    with pytest.raises(TamperedError, match="anchored by another journal"):
        journal.verify(Head(0, "00" * 32))


def test_writers_at_once_keep_one_chain(journal: Journal, url: str) -> None:
    def write(name: str) -> None:
        mine = Journal(store_at(url))
        for number in range(15):
            mine.append("note", name, payload={"number": number})

    threads = [threading.Thread(target=write, args=(f"writer {name}",)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.verify().sequence == 60
    for name in range(4):
        mine = [entry.data["number"] for entry in journal.entries() if entry.actor == f"writer {name}"]
        assert mine == list(range(15))


def test_what_was_not_committed_is_no_entry(journal: Journal) -> None:
    def fail() -> None:
        with journal.store.writing() as connection:
            journal.append("note", "clerk", connection=connection)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert journal.verify().sequence == 0


def test_a_head_goes_into_a_file_and_a_transaction_and_back(journal: Journal, tmp_path: Path) -> None:
    journal.append("note", "clerk")
    head = journal.head()
    head.write(tmp_path / "head.json")
    assert Head.read(tmp_path / "head.json") == head
    assert Head.from_calldata(head.calldata) == head
    for wrong in (b"", head.calldata[:-1], b"x" + head.calldata[1:]):
        with pytest.raises(InputError, match="anchors no journal"):
            Head.from_calldata(wrong)
    (tmp_path / "wrong.json").write_text('{"sequence": 1, "hash": "xy"}')
    with pytest.raises(InputError, match="holds no head"):
        Head.read(tmp_path / "wrong.json")


def test_canonical_json_has_one_form() -> None:
    assert canonical({"b": 1, "a": ["ü", True]}) == '{"a":["ü",true],"b":1}'
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))
