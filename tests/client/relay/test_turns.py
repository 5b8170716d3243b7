"""What a turn of the relay's writer asks of its database, however much waits there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from troc.acts import Act, Part
from troc.errors import TrocError
from troc.messages import Domain, Send, pack_nonce
from troc.relay import desk
from troc.relay.desk import Accept, Limits, Writer
from troc.relay.relay import open_relay
from troc.relay.tables import messages

_DOMAIN = Domain("Acme", 31_337, "0x" + "22" * 20)


def _asked_for(number: int, units: int = 5) -> Accept:
    gift = Send(f"0x{number + 1:040x}", "0x" + "33" * 20, units, 2_000, pack_nonce(0, 0, 1))
    act = Act((Part(gift, bytes(65)),), _DOMAIN)
    return Accept(act, act.id, Limits(), 1_000, 5, False)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_relay(f"sqlite:///{tmp_path / 'relay.sqlite'}")
    yield engine
    engine.dispose()


@pytest.fixture
def writer(engine: Engine) -> Iterator[Writer]:
    writer = Writer(engine)
    yield writer
    writer.close()


@pytest.fixture
def asked(engine: Engine) -> list[tuple[str, Any]]:
    """Statements that were run, with their values."""
    found: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, values: Any, *rest: Any) -> None:
        found.append((statement, values))

    sa.event.listen(engine, "before_cursor_execute", note)
    return found


def test_no_turn_goes_through_all_that_waits(engine: Engine, asked: list[tuple[str, Any]]) -> None:
    """SQLite takes a list of states for more selective than a list of several numbers."""
    jobs = [_asked_for(number) for number in range(20)]
    with engine.begin() as connection:
        desk._turn(desk._Open(), connection, jobs)
    plans = []
    with engine.connect() as connection:
        for statement, values in list(asked):
            if "count(*) AS" in statement and "GROUP BY" not in statement:
                continue
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            plans += [str(row[3]) for row in plan]
    assert any("ix_relay_messages_uses" in step for step in plans)
    assert not any("ix_relay_messages_state" in step or step.startswith("SCAN relay") for step in plans)


def test_what_waits_is_counted_once_in_a_while(writer: Writer, asked: list[tuple[str, Any]]) -> None:
    for number in range(5):
        writer.run(_asked_for(number))
    counted = [statement for statement, _ in asked if "count(*)" in statement and "GROUP BY" not in statement]
    assert len(counted) == 1


def test_no_more_is_taken_than_may_wait(
    engine: Engine, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "MOST_OPEN", 3)
    for number in range(3):
        writer.run(_asked_for(number))
    with pytest.raises(TrocError, match="too much is waiting"):
        writer.run(_asked_for(3))
    # What is done makes room at once.
    with engine.begin() as connection:
        first = messages.c.id == _asked_for(0).id
        connection.execute(messages.update().where(first).values(state=desk.DONE))
    writer.run(_asked_for(3))
    with pytest.raises(TrocError, match="too much is waiting"):
        writer.run(_asked_for(4))


def test_a_number_is_free_again_when_its_message_failed(engine: Engine, writer: Writer) -> None:
    writer.run(_asked_for(0))
    with pytest.raises(TrocError, match="same number"):
        writer.run(_asked_for(0, units=6))
    with engine.begin() as connection:
        connection.execute(messages.update().values(state=desk.FAILED))
    writer.run(_asked_for(0, units=6))
    with pytest.raises(TrocError, match="same number"):
        writer.run(_asked_for(0))
