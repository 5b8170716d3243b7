"""Durable writes: one thread commits whatever waits, so that many requests share one wait for the disk.

A request is answered after the commit that holds it. The technique is known as group commit.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Generic, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from troc.errors import StoreError, TrocError
from troc.serving.answers import together


class Turn(Protocol):
    """One transaction, shared by several jobs."""

    def close(self) -> None:
        """Write what is not written yet."""


T = TypeVar("T")
TurnT = TypeVar("TurnT", bound=Turn)
_MOST_AT_ONCE = 200
_GATHER_SECONDS = 0.003
"""How long a job waits for others while many come, and not at all while few do."""
_BUSY_SECONDS = 0.01


class Writer(Generic[TurnT]):
    """The only writer of a service's database.

    A job is called with the turn, inside a transaction. It refuses (`TrocError`) before it writes, and leaves
    nothing outside of it, since it may run again. `open_turn` makes the turn of some jobs; `service` is what
    an error calls the service.
    """

    def __init__(
        self,
        engine: Engine,
        open_turn: Callable[[sa.Connection, Sequence[Callable[[TurnT], Any]]], TurnT],
        service: str,
    ) -> None:
        self._engine = engine
        self._open_turn = open_turn
        self._service = service
        self._queue: queue.SimpleQueue[tuple[Callable[[TurnT], Any], Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._closed = threading.Event()
        # One for all turns: a pool rolls back, and looks after it, each time that it lends one.
        self._connection: sa.Connection | None = None
        self._thread = threading.Thread(target=self._run, name=f"{service} writer", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[TurnT], T]) -> Future[T]:
        """Do this in the next transaction; the future is done once it is on the disk."""
        future: Future[T] = Future()
        if self._closed.is_set():
            future.set_exception(StoreError(f"the {self._service} is closing", "try again when it is open"))
            return future
        self._queue.put((job, future))
        return future

    def run(self, job: Callable[[TurnT], T]) -> T:
        """The same, and wait."""
        return self.submit(job).result()

    def close(self) -> None:
        """Finish what waits, and stop."""
        self._closed.set()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                connection.close()

    def _work(self) -> None:
        ended = 0.0
        while True:
            waiting = [self._queue.get()]
            if time.monotonic() - ended < _BUSY_SECONDS and not self._closed.is_set():
                # More will come, and a turn costs nearly the same for one as for several.
                time.sleep(_GATHER_SECONDS)
            while len(waiting) < _MOST_AT_ONCE and waiting[-1] is not None:
                try:
                    waiting.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            jobs = [entry for entry in waiting if entry is not None]
            if jobs:
                self._commit(jobs)
            ended = time.monotonic()
            if waiting[-1] is None:
                return

    def _commit(self, jobs: list[tuple[Callable[[TurnT], Any], Future[Any]]]) -> None:
        answers: list[tuple[Future[Any], Any, TrocError | None]] = []
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            with self._connection.begin():
                turn = self._open_turn(self._connection, [job for job, _ in jobs])
                for job, future in jobs:
                    try:
                        answers.append((future, job(turn), None))
                    except TrocError as refusal:
                        answers.append((future, None, refusal))
                turn.close()
        except Exception as error:
            self._disconnect()
            if len(jobs) > 1:
                # Nothing of this was written. One by one, only what is at fault fails.
                for entry in jobs:
                    self._commit([entry])
                return
            failed = (
                StoreError(
                    f"the {self._service}'s database refuses ({_said(error)})", "look at its disk or server"
                )
                if isinstance(error, sa.exc.SQLAlchemyError)
                else error
            )
            jobs[0][1].set_exception(failed)
            return
        with together():
            for future, answer, refused in answers:
                if refused is None:
                    future.set_result(answer)
                else:
                    future.set_exception(refused)


def _said(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().split("\n", 1)[0]
