"""What a relay accepts: jobs for its writer, each of which decides and writes down in one transaction."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from troc.acts import Act
from troc.messages import Voucher
from troc.relay.tables import messages
from troc.serving.refusal import RefusalError
from troc.serving.writer import Writer as DurableWriter
from troc.words import DAY

ACCEPTED, SUBMITTED, MINED, DONE, FAILED = "accepted", "submitted", "mined", "done", "failed"
OPEN = (ACCEPTED, SUBMITTED)
UNDER_WAY = (ACCEPTED, SUBMITTED, MINED)

MOST_FAILURES = 3
"""Messages of one signer that may fail in blocks in a day: each took the relay's ether for nothing."""
MOST_OPEN = 100_000
"""Messages of everybody that wait."""
_COUNTED_SECONDS = 1.0
"""So long a count of them is carried on by what is accepted: to count takes longer the more wait."""


@dataclass(frozen=True)
class Limits:
    """What one signer may ask of a relay: messages a day, and messages that wait at once."""

    per_day: int = 200
    waiting: int = 50


@dataclass(frozen=True)
class Known:
    """How a message stands."""

    id: str
    kind: str
    payer: str
    state: str
    transaction: str | None
    block: int | None
    resubmitted: int
    accepted_at: int
    code: str | None
    why: str | None
    remedy: str | None


_COLUMNS = [messages.c[name] for name in Known.__dataclass_fields__]


@dataclass
class _Use:
    """What a signer has asked for lately."""

    today: int = 0
    waiting: int = 0


@dataclass(frozen=True)
class Accept:
    """The job that accepts an act, once. What failed before is taken up again."""

    act: Act
    id: str
    limits: Limits
    now: int
    since: int
    alone: bool

    @cached_property
    def uses(self) -> str:
        """`Act.uses`: it is looked at several times."""
        return self.act.uses

    @cached_property
    def account(self) -> str:
        """`Act.account`, likewise."""
        return self.act.account

    def __call__(self, turn: Turn) -> Known:
        known = turn.known.get(self.id)
        if known is not None and known.state != FAILED:
            return known
        uses = self.uses
        if uses and turn.used.get(uses, self.id) != self.id:
            raise RefusalError(
                "nonce_taken",
                409,
                "another message of this signer with the same number is under way here",
                "wait until it is done or has failed, or sign with another number",
            )
        use = turn.uses.setdefault(self.account, _Use())
        self._check(use, turn.failures.get(self.blame, 0))
        if turn.open >= MOST_OPEN:
            raise RefusalError("full", 503, "too much is waiting here", "try another relay, or later")
        use.today += 1
        use.waiting += 1
        turn.open += 1
        if uses:
            turn.used[uses] = self.id
        values = self._values()
        turn.known[self.id] = Known(*(values[name] for name in Known.__dataclass_fields__))
        turn.add(values, again=known is not None)
        return turn.known[self.id]

    @cached_property
    def blame(self) -> str:
        """To whose account it is put if it fails in a block."""
        if self.alone and isinstance(self.act.message, Voucher):
            # Only a wallet that issues can make these fail as it likes, for ever new recipients.
            return self.act.message.issuer
        return self.account

    def _check(self, use: _Use, failures: int) -> None:
        who = self.act.payer
        if failures >= MOST_FAILURES:
            raise RefusalError(
                "barred",
                429,
                f"{failures} messages of {self.blame} failed on the chain within a day, at this relay's cost",
                "try again tomorrow, or submit it with an account that has ether",
            )
        if use.waiting >= self.limits.waiting:
            raise RefusalError(
                "too_many_waiting",
                429,
                f"{use.waiting} messages of {who} are waiting here",
                "wait until some are done",
            )
        if use.today >= self.limits.per_day:
            raise RefusalError(
                "too_many_today",
                429,
                f"{who} sent {use.today} messages within a day, and no more are taken of one signer",
                "try again tomorrow, another relay, or an account that has ether",
            )

    def _values(self) -> dict[str, Any]:
        act = self.act
        return {
            "id": self.id,
            "kind": act.kind,
            "payer": act.payer,
            "account": self.account,
            "blame": self.blame,
            "parties": " ".join(act.parties),
            "uses": self.uses,
            "content": json.dumps(act.to_json(), separators=(",", ":")),
            "deadline": None if act.deadline is None else str(act.deadline),
            "state": ACCEPTED,
            "slot": None,
            "alone": self.alone,
            "accepted_at": self.now,
            "since": self.since,
            "resubmitted": 0,
            "failures": 0,
            "transaction": None,
            "block": None,
            "code": None,
            "why": None,
            "remedy": None,
        }


def _any_of(column: sa.Column[Any], name: str) -> sa.ColumnElement[bool]:
    return column.in_(sa.bindparam(name, expanding=True))


# Made once: to make them takes longer than to run them.
# Which of those that use the same are under way is not asked here: SQLite would then rather go through all
# that are under way, of everybody.
_KNOWN = sa.select(messages.c.uses, *_COLUMNS).where(
    sa.or_(_any_of(messages.c.id, "ids"), _any_of(messages.c.uses, "uses"))
)
_COUNTS = (
    sa.select(
        messages.c.account,
        sa.func.count(),
        sa.func.sum(sa.case((messages.c.state.in_(OPEN), 1), else_=0)),
    )
    .where(_any_of(messages.c.account, "accounts"), messages.c.accepted_at > sa.bindparam("since"))
    .group_by(messages.c.account)
)
_FAILURES = (
    sa.select(messages.c.blame, sa.func.sum(messages.c.failures))
    .where(_any_of(messages.c.blame, "accounts"), messages.c.accepted_at > sa.bindparam("since"))
    .group_by(messages.c.blame)
)
_OPEN_NOW = sa.select(sa.func.count()).select_from(messages).where(messages.c.state.in_(OPEN))
_INSERT = messages.insert()


@dataclass
class _Open:
    """How many messages wait: as counted `at` some time, and what was accepted since. Others are added only
    where the chain is reorganised.
    """

    count: int = 0
    at: float = -math.inf


@dataclass
class Turn:
    """One transaction, shared by several jobs. What the jobs that accept will ask for is read all together,
    and what they accept is written all together.
    """

    _connection: sa.Connection
    _open: _Open = field(default_factory=_Open)
    known: dict[str, Known] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    uses: dict[str, _Use] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    open: int = 0
    _new: list[dict[str, Any]] = field(default_factory=list)

    def look(self, asked: Sequence[Accept]) -> None:
        """Read what these will ask for."""
        ask = self._connection.execute
        ids, uses = {job.id for job in asked}, {job.uses for job in asked} - {""}
        for used, *values in ask(_KNOWN, {"ids": list(ids), "uses": list(uses)}):
            known = Known(*values)
            if known.id in ids:
                self.known[known.id] = known
            if used in uses and known.state in UNDER_WAY:
                self.used[used] = known.id
        since = min(job.now for job in asked) - DAY
        counts = ask(_COUNTS, {"accounts": list({job.account for job in asked}), "since": since})
        self.uses = {account: _Use(*map(int, numbers)) for account, *numbers in counts}
        failed = ask(_FAILURES, {"accounts": list({job.blame for job in asked}), "since": since})
        self.failures = {blame: int(number) for blame, number in failed}
        counted = self._open
        if time.monotonic() - counted.at > _COUNTED_SECONDS or counted.count + len(asked) > MOST_OPEN:
            counted.count = int(self._connection.scalar(_OPEN_NOW) or 0)
            counted.at = time.monotonic()
        self.open = counted.count

    def add(self, values: dict[str, Any], again: bool) -> None:
        """Write a message down."""
        if again:
            kept = {key: value for key, value in values.items() if key not in ("id", "failures")}
            self.connection.execute(messages.update().where(messages.c.id == values["id"]).values(**kept))
        else:
            self._new.append(values)

    @property
    def connection(self) -> sa.Connection:
        """The database as the jobs before left it."""
        if self._new:
            self._connection.execute(_INSERT, self._new)
            self._new = []
        return self._connection

    def close(self) -> None:
        """Write what is not written yet."""
        _ = self.connection
        # Too many, if it cannot be committed: never too few.
        self._open.count = max(self._open.count, self.open)


Job = Callable[[Turn], Any]


class Writer(DurableWriter[Turn]):
    """The only writer of a relay's database."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, partial(_turn, _Open()), "relay")


def _turn(open_: _Open, connection: sa.Connection, jobs: Sequence[Job]) -> Turn:
    turn = Turn(connection, open_)
    asked = [job for job in jobs if isinstance(job, Accept)]
    if asked:
        turn.look(asked)
    return turn


def find(connection: sa.Connection, id_: str) -> Known:
    """How a message stands. Raises `RefusalError` where there is none."""
    row = connection.execute(sa.select(*_COLUMNS).where(messages.c.id == id_)).one_or_none()
    if row is None:
        raise RefusalError(
            "unknown", 404, "this relay knows no such message", "send it, or ask the relay that accepted it"
        )
    return Known(*row)
