"""Durable writes: one thread commits whatever waits, so that many requests share one wait for the disk.

A request is answered after the commit that holds it. The technique is known as group commit.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from troc.errors import StoreError, TrocError
from troc.till.tables import books, issues

T = TypeVar("T")
_MOST_AT_ONCE = 200


@dataclass(frozen=True)
class Issue:
    """Points for a receipt. `matures_at` 0: hers at once.

    `voucher`: the text of the voucher that was handed out instead; empty once it ended.
    """

    receipt: str
    customer: str
    address: str
    units: int
    matures: str
    matures_at: int
    accepted_at: int
    voucher: str | None = None


@dataclass
class Books:
    """What is accepted and open, and the grant as the chain last told it, in smallest units."""

    open_units: int
    grant_left: int
    cap: int
    used_today: int
    block: int
    block_time: int

    @property
    def room(self) -> int:
        """What can still be accepted: everything open could be issued today."""
        left = self.grant_left
        if self.cap:
            left = min(left, max(self.cap - self.used_today, 0))
        return max(left - self.open_units, 0)


@dataclass
class Turn:
    """One transaction, shared by several jobs. `books` is read once and written back at the end.

    Issues that were accepted are looked up and written all together: `asked` are the receipts that jobs of
    this turn will ask for.
    """

    _connection: sa.Connection
    asked: Sequence[str] = ()
    tokens: dict[str, str] = field(default_factory=dict)
    _books: Books | None = None
    _before: tuple[int, ...] = ()
    _known: dict[str, Issue] | None = None
    _new: list[dict[str, Any]] = field(default_factory=list)

    @property
    def connection(self) -> sa.Connection:
        """The database as the jobs before left it."""
        if self._new:
            self._connection.execute(issues.insert(), self._new)
            self._new = []
        self._known = None
        return self._connection

    def find_issue(self, receipt: str) -> Issue | None:
        """The issue of a receipt."""
        if self._known is None or receipt not in self.asked:
            wanted = {receipt, *self.asked}
            columns = [issues.c[name] for name in Issue.__dataclass_fields__]
            rows = self.connection.execute(sa.select(*columns).where(issues.c.receipt.in_(wanted)))
            self._known = {row.receipt: Issue(*row) for row in rows}
        return self._known.get(receipt)

    def add_issue(self, issue: Issue, token: str, voucher_state: str | None) -> None:
        """Write an issue down, after `find_issue` found none."""
        if self._known is not None:
            self._known[issue.receipt] = issue
        more = {"dropped": 0, "returned": 0, "token": token, "voucher_state": voucher_state}
        self._new.append({**vars(issue), **more})

    @property
    def books(self) -> Books:
        """The books; change them in place."""
        if self._books is None:
            row = self._connection.execute(sa.select(books)).one()
            self._before = tuple(row)[1:]
            self._books = Books(*self._before)
        return self._books

    def close(self) -> None:
        """Write what is not written yet."""
        connection = self.connection
        if self._books is not None and tuple(vars(self._books).values()) != self._before:
            connection.execute(books.update().values(**vars(self._books)))


Job = Callable[[Turn], T]
"""Runs inside a transaction. It refuses (`TrocError`) before it writes, and leaves nothing outside of it,
since it may run again.
"""


@dataclass(frozen=True)
class ForReceipt(Generic[T]):
    """A job that will ask for the issue of this receipt."""

    receipt: str
    job: Job[T]

    def __call__(self, turn: Turn) -> T:
        return self.job(turn)


class Writer:
    """The only writer of a till's database, but for tokens."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[tuple[Job[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="till writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job[T]) -> Future[T]:
        """Do this in the next transaction; the future is done once it is on the disk."""
        future: Future[T] = Future()
        if self._closed.is_set():
            future.set_exception(StoreError("the till is closing", "try again when it is open"))
            return future
        self._queue.put((job, future))
        return future

    def run(self, job: Job[T]) -> T:
        """The same, and wait."""
        return self.submit(job).result()

    def close(self) -> None:
        """Finish what waits, and stop."""
        self._closed.set()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            waiting = [self._queue.get()]
            while len(waiting) < _MOST_AT_ONCE and waiting[-1] is not None:
                try:
                    waiting.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            jobs = [entry for entry in waiting if entry is not None]
            if jobs:
                self._commit(jobs)
            if waiting[-1] is None:
                return

    def _commit(self, jobs: list[tuple[Job[Any], Future[Any]]]) -> None:
        answers: list[tuple[Future[Any], Any, TrocError | None]] = []
        try:
            with self._engine.begin() as connection:
                turn = Turn(connection, [job.receipt for job, _ in jobs if isinstance(job, ForReceipt)])
                for job, future in jobs:
                    try:
                        answers.append((future, job(turn), None))
                    except TrocError as refusal:
                        answers.append((future, None, refusal))
                turn.close()
        except Exception as error:
            if len(jobs) > 1:
                # Nothing of this was written. One by one, only what is at fault fails.
                for entry in jobs:
                    self._commit([entry])
                return
            failed = (
                StoreError(f"the till's database refuses ({_said(error)})", "look at its disk or server")
                if isinstance(error, sa.exc.SQLAlchemyError)
                else error
            )
            jobs[0][1].set_exception(failed)
            return
        for future, answer, refused in answers:
            if refused is None:
                future.set_result(answer)
            else:
                future.set_exception(refused)


def _said(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().split("\n", 1)[0]
