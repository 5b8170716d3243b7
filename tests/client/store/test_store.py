"""Opening databases: what is in them, two writers, and what is said when it goes wrong."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from troc.errors import StoreError
from troc.store import open_store, reading, sqlite_url

tables = sa.MetaData()
counters = sa.Table(
    "counters", tables, sa.Column("name", sa.String(20), primary_key=True), sa.Column("n", sa.Integer)
)


def test_a_part_is_made_once_and_kept(url: str) -> None:
    engine = open_store(url, tables, "counters")
    with engine.begin() as connection:
        connection.execute(counters.insert().values(name="a", n=1))
    with reading(open_store(url, tables, "counters")) as connection:
        assert connection.execute(sa.select(counters)).all() == [("a", 1)]


def test_another_version_is_refused(url: str) -> None:
    open_store(url, tables, "counters")
    with pytest.raises(StoreError, match="holds counters in version 1, this program needs 2"):
        open_store(url, tables, "counters", 2)


def test_several_parts_share_a_database(url: str) -> None:
    open_store(url, tables, "counters")
    other = sa.MetaData()
    sa.Table("others", other, sa.Column("n", sa.Integer))
    engine = open_store(url, other, "others", 5)
    assert {"counters", "others"} <= set(sa.inspect(engine).get_table_names())


def test_two_writers_wait_for_each_other(url: str) -> None:
    engine = open_store(url, tables, "counters")
    with engine.begin() as connection:
        connection.execute(counters.insert().values(name="a", n=0))

    def count() -> None:
        mine = open_store(url, tables, "counters")
        for _ in range(25):
            with mine.begin() as connection:
                n = connection.scalar(sa.select(counters.c.n).with_for_update())
                assert n is not None
                connection.execute(counters.update().values(n=n + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert connection.scalar(sa.select(counters.c.n)) == 100


def test_a_reader_sees_one_state_and_does_not_wait(url: str) -> None:
    engine = open_store(url, tables, "counters")
    with reading(engine) as before:
        assert before.scalar(sa.select(sa.func.count()).select_from(counters)) == 0
        with engine.begin() as writer:
            writer.execute(counters.insert().values(name="a", n=1))
        assert before.scalar(sa.select(sa.func.count()).select_from(counters)) == 0


def test_what_cannot_be_opened_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "no.sqlite").write_text(
        "this is no database, but it is long enough to look like a file of one" * 20
    )
    with pytest.raises(StoreError, match="cannot be opened"):
        open_store(sqlite_url(tmp_path / "no.sqlite"), tables, "counters")
    with pytest.raises(StoreError, match=r"postgresql\+psycopg://me:\*\*\*@127.0.0.1:1/x cannot be opened"):
        open_store("postgresql://me:secret@127.0.0.1:1/x", tables, "counters")
