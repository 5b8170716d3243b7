"""Requests that wait together are looked up, and written, together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from troc.till import desk, tokens
from troc.till.tables import books
from troc.till.till import open_till
from troc.till.writer import Issue, Turn, Writer

_REQUESTS = 20
_CUSTOMER = "0x" + "11" * 20


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_till(f"sqlite:///{tmp_path / 'till.sqlite'}")
    with engine.begin() as connection:
        connection.execute(books.update().values(grant_left=10**6))
    yield engine
    engine.dispose()


def test_one_turn_asks_once_whatever_tills_send(engine: Engine) -> None:
    """Each till has a token of its own; to look it up must not make all issues be looked up again."""
    names = [tokens.add(engine, f"till-{number}") for number in range(_REQUESTS)]
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        asked.append(statement.split()[0] + (" issues" if "till_issues" in statement else ""))

    sa.event.listen(engine, "before_cursor_execute", note)
    writer, gate = Writer(engine), threading.Event()

    def wait(turn: Turn) -> None:
        gate.wait()

    try:
        first = writer.submit(wait)
        brand: Any = None
        futures = [
            writer.submit(
                desk.accept_issue(brand, token, Issue(f"r{number}", _CUSTOMER, _CUSTOMER, 5, "", 0, 1_000))
            )
            for number, token in enumerate(names)
        ]
        gate.set()
        first.result(10)
        assert [future.result(10).units for future in futures] == [5] * _REQUESTS
    finally:
        gate.set()
        writer.close()
    assert asked.count("SELECT issues") == 1
    assert asked.count("INSERT issues") == 1


def test_a_turn_that_failed_leaves_the_next_ones_a_connection(engine: Engine) -> None:
    token = tokens.add(engine, "till")
    writer = Writer(engine)

    def broken(turn: Turn) -> None:
        turn.connection.execute(sa.text("select * from nothing"))

    try:
        with pytest.raises(Exception, match="database refuses"):
            writer.run(broken)
        brand: Any = None
        wanted = Issue("r1", _CUSTOMER, _CUSTOMER, 5, "", 0, 1_000)
        assert writer.run(desk.accept_issue(brand, token, wanted)) == wanted
    finally:
        writer.close()
