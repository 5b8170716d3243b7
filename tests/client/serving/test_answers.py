"""Requests in a loop wait for what other threads answer."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from troc.errors import InputError
from troc.serving.answers import answer
from troc.serving.writer import Writer

_REQUESTS = 20


class _Turn:
    def __init__(self, connection: Any, jobs: Any) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def writer(tmp_path: Path) -> Any:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'some.sqlite'}")
    writer: Writer[_Turn] = Writer(engine, _Turn, "service")
    yield writer
    writer.close()
    engine.dispose()


def _held(writer: Writer[_Turn]) -> threading.Event:
    """Keep the writer busy until the event is set: what is submitted before waits for one turn."""
    gate, begun = threading.Event(), threading.Event()

    def wait(turn: _Turn) -> None:
        begun.set()
        gate.wait(10)

    writer.submit(wait)
    assert begun.wait(10)
    return gate


def test_a_turn_wakes_the_loop_once(writer: Writer[_Turn], monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> tuple[list[Any], int]:
        gate = _held(writer)
        loop, wakes = asyncio.get_running_loop(), 0
        wake = loop.call_soon_threadsafe

        def count(*what: Any, **more: Any) -> Any:
            nonlocal wakes
            wakes += 1
            return wake(*what, **more)

        monkeypatch.setattr(loop, "call_soon_threadsafe", count)

        def refuse(turn: _Turn) -> None:
            raise InputError("no", "never")

        jobs = [lambda turn, number=number: number for number in range(_REQUESTS)]
        waiting = [answer(writer.submit(job)) for job in [*jobs, refuse]]
        gate.set()
        return await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10), wakes

    (*numbers, refused), wakes = asyncio.run(ask())
    assert numbers == list(range(_REQUESTS))
    assert isinstance(refused, InputError)
    assert wakes == 1


def test_who_waits_no_more_stops_nobody(writer: Writer[_Turn]) -> None:
    done: list[int] = []

    async def ask() -> int:
        gate = _held(writer)
        left = answer(writer.submit(lambda turn: done.append(1)))
        stays = answer(writer.submit(lambda turn: 2))
        left.cancel()
        gate.set()
        return await asyncio.wait_for(stays, 10)

    assert asyncio.run(ask()) == 2
    assert done == [1]


def test_a_loop_that_ended_stops_nobody(writer: Writer[_Turn]) -> None:
    async def ask() -> threading.Event:
        gate = _held(writer)
        answer(writer.submit(lambda turn: 1))
        return gate

    gate = asyncio.run(ask())
    later = writer.submit(lambda turn: 2)
    gate.set()
    assert later.result(10) == 2
    assert writer.submit(lambda turn: 3).result(10) == 3


def test_what_is_answered_alone_is_told_at_once() -> None:
    async def ask() -> str:
        future: Future[str] = Future()
        waiting = answer(future)
        threading.Thread(target=future.set_result, args=("there",)).start()
        return await asyncio.wait_for(waiting, 10)

    assert asyncio.run(ask()) == "there"
