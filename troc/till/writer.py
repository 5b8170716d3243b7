"""What a till's jobs share: its books, and the issues that they ask for, read and written all together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from troc.serving.tokens import Tokens
from troc.serving.writer import Writer as DurableWriter
from troc.till.tables import books, issues

T = TypeVar("T")


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


# Made once: to make a statement takes longer than to run it.
_ISSUES = sa.select(*(issues.c[name] for name in Issue.__dataclass_fields__)).where(
    issues.c.receipt.in_(sa.bindparam("receipts", expanding=True))
)
_NEW_ISSUE = issues.insert()
_BOOKS = sa.select(books)
_CHANGE_BOOKS = books.update().values({name: sa.bindparam(name) for name in Books.__dataclass_fields__})


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
            self._connection.execute(_NEW_ISSUE, self._new)
            self._new = []
        self._known = None
        return self._connection

    def holder_of(self, tokens: Tokens, token: str) -> str:
        """The name of a good token. No job changes tokens, so it is looked up without writing first, and what
        was read of the issues still holds.
        """
        return tokens.holder_of(self._connection, self.tokens, token)

    def find_issue(self, receipt: str) -> Issue | None:
        """The issue of a receipt."""
        if self._known is None or receipt not in self.asked:
            wanted = {receipt, *self.asked}
            rows = self.connection.execute(_ISSUES, {"receipts": list(wanted)})
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
            row = self._connection.execute(_BOOKS).one()
            self._before = tuple(row)[1:]
            self._books = Books(*self._before)
        return self._books

    def close(self) -> None:
        """Write what is not written yet."""
        connection = self.connection
        if self._books is not None and tuple(vars(self._books).values()) != self._before:
            connection.execute(_CHANGE_BOOKS, vars(self._books))


Job = Callable[[Turn], T]
"""A job of the till's writer (`troc.serving.writer`)."""


@dataclass(frozen=True)
class ForReceipt(Generic[T]):
    """A job that will ask for the issue of this receipt."""

    receipt: str
    job: Job[T]

    def __call__(self, turn: Turn) -> T:
        return self.job(turn)


class Writer(DurableWriter[Turn]):
    """The only writer of a till's database, but for tokens."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, _turn, "till")


def _turn(connection: sa.Connection, jobs: Sequence[Job[Any]]) -> Turn:
    return Turn(connection, [job.receipt for job in jobs if isinstance(job, ForReceipt)])
