"""Notices: signed webhooks about what happened to a brand's points, each until it is received.

What is to be told is first written into the brand's database together with how far the index was read, then
sent; it stays `waiting` until the endpoint answers with success, so that nothing is lost by being killed, and
the same notice may arrive twice, under the same key. What fails is tried again after growing, random pauses,
and after the last try it is `dead` until somebody sends it again.

    waiting -> delivered        the endpoint answered 2xx
    waiting -> waiting          it did not: later again
    waiting -> dead             it did not for the last time
    dead -> waiting             `retry`
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import random
import secrets
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import sqlalchemy as sa

from troc import words
from troc.errors import AccountError, InputError
from troc.index import Index, tables
from troc.programme.journal import canonical
from troc.programme.vault import BrandStore
from troc.programme.watch import Findings
from troc.store import reading

SIGNATURE = "Troc-Signature"
KEY = "Idempotency-Key"
TOLERANCE = 300
"""Seconds by which a signature's time may differ from the receiver's clock."""

MAX_ATTEMPTS = 12
FIRST_PAUSE, LONGEST_PAUSE = 30, 6 * 3600
"""Seconds. After the n-th failure: half to all of `FIRST_PAUSE * 2**(n - 1)`, up to the longest."""

_CONNECT_SECONDS, _READ_SECONDS = 5, 10
_LEASE = 120
"""Seconds for which a notice that is being sent is nobody else's to send."""

_PER_ROUND = 1_000
_MIN_SECRET = 32
_LOCAL = ("localhost", "127.0.0.1", "::1")

_tables = sa.MetaData()
_notices = sa.Table(
    "notices",
    _tables,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("event", sa.String(30), nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)
_deliveries = sa.Table(
    "notice_deliveries",
    _tables,
    sa.Column("notice", sa.String(32), sa.ForeignKey("notices.id"), primary_key=True),
    sa.Column("url", sa.String(500), primary_key=True),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", sa.Float, nullable=False),
    sa.Column("said", sa.Text, nullable=False),
    sa.Index("notice_deliveries_due", "url", "state", "next_at"),
)
_marks = sa.Table(
    "notice_marks",
    _tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("began", sa.BigInteger, nullable=False),
    sa.Column("block", sa.BigInteger, nullable=False),
)


# ------------------------------------------------------------------------------------------ signing, checking


def sign_notice(secret: bytes, timestamp: int, body: bytes) -> str:
    """The value of the header `Troc-Signature`: `t=<Unix seconds>,v1=<HMAC-SHA256 of "t.body" in hex>`."""
    code = hmac.digest(secret, str(timestamp).encode() + b"." + body, "sha256").hex()
    return f"t={timestamp},v1={code}"


def verify_notice(
    secret: bytes, signature: str, body: bytes, *, now: float | None = None, tolerance: int = TOLERANCE
) -> dict[str, Any]:
    """What an endpoint does with a notice: check the header `Troc-Signature` over the body as it came.

    Gives the notice. Raises `InputError` where the signature is not the secret's, or older or newer than
    `tolerance` seconds.
    """
    parts = dict(part.strip().partition("=")[::2] for part in signature.split(","))
    sent = parts.get("t", "")
    if not (sent.isascii() and sent.isdigit() and len(sent) <= 12):
        raise InputError("the notice has no signature", f"read the header {SIGNATURE}")
    expected = sign_notice(secret, int(sent), body).partition("v1=")[2]
    if not hmac.compare_digest(expected.encode(), parts.get("v1", "").encode()):
        raise InputError("the notice is not signed with this secret", "answer 401 and do nothing else")
    if abs((time.time() if now is None else now) - int(sent)) > tolerance:
        raise InputError(f"the notice was signed more than {tolerance} s away", "check this machine's clock")
    found = json.loads(body)
    assert isinstance(found, dict)
    return found


def write_secret(file: Path) -> None:
    """Make a secret in a new file that only its owner can read."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError(f"{file} is there already", "choose another name") from None
    except OSError as error:
        raise InputError(f"{file} cannot be written ({error.strerror})", "choose another place") from None
    with os.fdopen(descriptor, "w") as opened:
        opened.write(secrets.token_hex(32) + "\n")


def read_secret(file: Path) -> bytes:
    """The secret in the first line of a file that only its owner can read."""
    try:
        if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise AccountError(f"others can read the secret in {file}", f"run `chmod 600 {file}`")
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise AccountError(
            f"the secret in {file} cannot be read ({error.strerror})",
            "make one with `troc brand notices secret`",
        ) from None
    if not lines or len(lines[0].strip()) < _MIN_SECRET:
        raise AccountError(f"the secret in {file} is too short", f"use {_MIN_SECRET} letters or more")
    return lines[0].strip()


def check_url(url: str) -> str:
    """An endpoint's address: `https`, or `http` on this machine; without a password in it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or len(url) > 500 or not url.isascii() or url != url.strip():
        raise InputError(f"{words.shown(url)} is no address", "write https://host/path")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOCAL):
        raise InputError(f"{words.shown(url)} is not encrypted", "use https:// (http:// only on localhost)")
    if parts.username is not None or parts.password is not None:
        raise InputError("the address holds a password", "leave it away: notices are signed")
    return url


# ------------------------------------------------------------------------------------------------- the outbox


@dataclass(frozen=True)
class Notice:
    """Something to be told. `key` is the same whenever the same is found to be told."""

    event: str
    key: Sequence[str | int]
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Delivery:
    """How a notice stands with an endpoint: waiting, delivered or dead. `said`: what was wrong last."""

    notice: str
    url: str
    event: str
    state: str
    attempts: int
    next_at: float
    said: str


@dataclass(frozen=True)
class Sent:
    """What one round did with one endpoint."""

    url: str
    delivered: int = 0
    failed: int = 0
    dead: int = 0
    said: str = ""


@dataclass(frozen=True)
class Outbox:
    """The notices of a brand, in its own database."""

    store: BrandStore
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self.store.add(_tables, "notices")

    def collect(self, index: Index, urls: Sequence[str], expiring: int, returns: int) -> int:
        """Write down what is to be told since the last time; gives how many notices are new.

        `expiring` and `returns` in seconds: so long before points expire, and before a purchase can no longer
        be returned. The first time tells nothing of the past. `index` has caught up.
        """
        final, now = index.status().final, index.reached()[1]
        with reading(self.store.engine) as connection:
            mark = connection.execute(sa.select(_marks)).one_or_none()
        since, began = (final, now) if mark is None else (mark.block, mark.began)
        found = [
            *_expiring(index, self.store, now, expiring),
            *_purchases(index, self.store, now, began, returns),
            *_balances(index, self.store, since, final),
            *self._watched(),
        ]
        # Who comes second of two at once adds nothing: the same notices have the same ids.
        with self.store.writing() as connection:
            reached = connection.scalar(sa.select(_marks.c.block))
            if reached is None:
                connection.execute(_marks.insert().values(id=1, began=began, block=final))
            elif reached < final:
                connection.execute(_marks.update().values(block=final))
            return sum(self._add(connection, notice, urls) for notice in found)

    def deliver(self, url: str, secret: bytes, attempts: int = MAX_ATTEMPTS) -> Sent:
        """Send what is due to one endpoint, the oldest first. After a failure the rest waits for a round."""
        delivered = 0
        with requests.Session() as session:
            # Neither a netrc's passwords nor a proxy of the environment.
            session.trust_env = False
            for _ in range(_PER_ROUND):
                due = self._claim(url)
                if due is None:
                    break
                id_, body, tried = due
                said = _post(session, url, secret, id_, body.encode(), int(self.clock()))
                if said:
                    dead = tried >= attempts
                    self._settle(id_, url, "dead" if dead else "waiting", self.clock() + _pause(tried), said)
                    return Sent(url, delivered, 1, int(dead), said)
                self._settle(id_, url, "delivered", 0, "")
                delivered += 1
        return Sent(url, delivered)

    def deliveries(self, state: str = "") -> list[Delivery]:
        """How notices stand, in one state or all."""
        query = (
            sa.select(_deliveries, _notices.c.event)
            .join(_notices, _notices.c.id == _deliveries.c.notice)
            .order_by(_notices.c.time, _deliveries.c.notice, _deliveries.c.url)
        )
        if state:
            query = query.where(_deliveries.c.state == state)
        with reading(self.store.engine) as connection:
            return [Delivery(**row) for row in connection.execute(query).mappings()]

    def retry(self, ids: Sequence[str] = ()) -> int:
        """Let dead notices (none: all of them) be sent again, under the same key; gives how many."""
        query = _deliveries.update().where(_deliveries.c.state == "dead")
        with self.store.writing() as connection:
            dead = set(
                connection.scalars(sa.select(_deliveries.c.notice).where(_deliveries.c.state == "dead"))
            )
            if unknown := set(ids) - dead:
                raise InputError(
                    f"{words.shown(min(unknown))} is no dead notice",
                    "`troc brand notices list --dead` names them",
                )
            if ids:
                query = query.where(_deliveries.c.notice.in_(ids))
            return connection.execute(query.values(state="waiting", attempts=0, next_at=0)).rowcount

    # -------------------------------------------------------------------------------------------- internal

    def _add(self, connection: sa.Connection, notice: Notice, urls: Sequence[str]) -> int:
        key = canonical([notice.event, self.store.owner, *notice.key])
        id_ = hashlib.sha256(key.encode()).hexdigest()[:32]
        if connection.scalar(sa.select(_notices.c.id).where(_notices.c.id == id_)) is not None:
            return 0
        brand = self.store.brand
        now = int(self.clock())
        body = {
            "id": id_,
            "event": notice.event,
            "time": now,
            "brand": {"chain_id": self.store.chain_id, "token": brand.address, "symbol": brand.symbol},
            "data": dict(notice.data),
        }
        connection.execute(
            _notices.insert().values(id=id_, event=notice.event, time=now, body=canonical(body))
        )
        for url in urls:
            connection.execute(
                _deliveries.insert().values(
                    notice=id_, url=url, state="waiting", attempts=0, next_at=0, said=""
                )
            )
        return 1

    def _claim(self, url: str) -> tuple[str, str, int] | None:
        """Take the next due notice for a while: its id, body, and which attempt this is."""
        now = self.clock()
        query = (
            sa.select(_deliveries.c.notice, _deliveries.c.attempts, _notices.c.body)
            .join(_notices, _notices.c.id == _deliveries.c.notice)
            .where(_deliveries.c.url == url, _deliveries.c.state == "waiting", _deliveries.c.next_at <= now)
            .order_by(_notices.c.time, _deliveries.c.notice)
            .limit(1)
        )
        with self.store.writing() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            tried = row.attempts + 1
            connection.execute(
                _deliveries.update()
                .where(_deliveries.c.notice == row.notice, _deliveries.c.url == url)
                .values(attempts=tried, next_at=now + _LEASE)
            )
        return row.notice, row.body, tried

    def _settle(self, id_: str, url: str, state: str, next_at: float, said: str) -> None:
        with self.store.writing() as connection:
            connection.execute(
                _deliveries.update()
                .where(
                    _deliveries.c.notice == id_, _deliveries.c.url == url, _deliveries.c.state == "waiting"
                )
                .values(state=state, next_at=next_at, said=said[:300])
            )

    def _watched(self) -> Iterator[Notice]:
        for finding in Findings(self.store).all(open_only=True):
            data = finding.as_json()
            yield Notice("watch.finding", [finding.id], {name: data[name] for name in _TOLD_OF_FINDINGS})


_TOLD_OF_FINDINGS = ("id", "rule", "severity", "reason", "data", "found_at")


@dataclass
class Courier:
    """Delivers to several endpoints at once: one that is slow or fails keeps none of the others waiting."""

    outbox: Outbox
    secret: bytes
    urls: Sequence[str]
    attempts: int = MAX_ATTEMPTS
    _busy: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def round(self) -> list[Sent]:
        """Deliver to all endpoints, and wait until the slowest is done."""
        with ThreadPoolExecutor(len(self.urls)) as pool:
            return list(pool.map(self._deliver, self.urls))

    def start(self, tell: Callable[[Sent], None]) -> None:
        """Begin a round with each endpoint that is not still busy with the one before."""
        for url in self.urls:
            with self._lock:
                if url in self._busy:
                    continue
                self._busy.add(url)
            threading.Thread(target=self._run, args=(url, tell), daemon=True).start()

    def _run(self, url: str, tell: Callable[[Sent], None]) -> None:
        try:
            tell(self._deliver(url))
        except Exception as error:  # A thread's error would be lost; the next round tries again.
            tell(Sent(url, failed=1, said=str(error).split("\n", 1)[0]))
        finally:
            with self._lock:
                self._busy.discard(url)

    def _deliver(self, url: str) -> Sent:
        return self.outbox.deliver(url, self.secret, self.attempts)


def _post(session: requests.Session, url: str, secret: bytes, id_: str, body: bytes, now: int) -> str:
    """Send one notice; gives what was wrong, nothing if it was received."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "troc",
        KEY: id_,
        SIGNATURE: sign_notice(secret, now, body),
    }
    try:
        with session.post(
            url,
            data=body,
            headers=headers,
            timeout=(_CONNECT_SECONDS, _READ_SECONDS),
            allow_redirects=False,
            # What it answers is of no interest, however long.
            stream=True,
        ) as response:
            if 200 <= response.status_code < 300:
                return ""
            if 300 <= response.status_code < 400:
                return f"redirects ({response.status_code}), which is not followed"
            return f"answers {response.status_code}"
    except requests.Timeout:
        return "does not answer in time"
    except (requests.RequestException, ValueError, OSError) as error:
        return f"cannot be reached ({type(error).__name__})"


def _pause(attempt: int) -> float:
    """Seconds to wait after a failure: exponential, bounded, and half of it by chance, so that many senders
    do not come back together.
    """
    longest = float(min(FIRST_PAUSE * 2 ** min(attempt - 1, 30), LONGEST_PAUSE))
    return longest * random.uniform(0.5, 1)  # noqa: S311


# ----------------------------------------------------------------------------------------- what is to be told


def _expiring(index: Index, store: BrandStore, now: int, before: int) -> Iterator[Notice]:
    for balance in index.balances(store.brand):
        for lot in balance.lots:
            if lot.expiry - now <= before:
                yield Notice(
                    "points.expiring",
                    [balance.account, lot.expiry],
                    {"account": balance.account, "units": str(lot.units), "expiry": lot.expiry},
                )


def _purchases(index: Index, store: BrandStore, now: int, began: int, before: int) -> Iterator[Notice]:
    for pending in index.pending(store.brand):
        who: list[str | int] = [pending.issuer or "", pending.number]
        data: dict[str, Any] = {
            "account": pending.customer,
            "issuer": pending.issuer,
            "number": pending.number,
            "reference": pending.reference,
            "matures_at": pending.matures_at,
        }
        if pending.state == "waiting" and pending.matures_at - now <= before:
            yield Notice("return.due", who, data | {"units": str(pending.left)})
        elif began < pending.matures_at <= now and pending.state in ("due", "released"):
            yield Notice("pending.matured", who, data | {"units": str(pending.left or pending.released)})


def _balances(index: Index, store: BrandStore, since: int, until: int) -> Iterator[Notice]:
    """A notice for each account and transaction in the blocks after `since`, up to `until`."""
    token = store.brand.address
    changes: dict[tuple[int, str, str], dict[str, int]] = {}
    times: dict[int, int] = {}
    with index.reading() as connection:
        for table, whose, sign, reason, *_ in tables.BALANCE_CHANGES:
            query = sa.select(table).where(
                table.c.token == token, table.c.block > since, table.c.block <= until
            )
            for row in connection.execute(query).mappings():
                sums = changes.setdefault((row["block"], row["transaction"], row[whose]), {})
                sums[reason] = sums.get(reason, 0) + sign * row["units"]
                times[row["block"]] = row["time"]
    for (block, transaction, account), sums in sorted(changes.items()):
        if not sum(sums.values()):
            continue
        yield Notice(
            "balance.changed",
            [transaction, account],
            {
                "account": account,
                "units": str(sum(sums.values())),
                "changes": {reason: str(units) for reason, units in sums.items()},
                "balance": str(index.balance_after(store.brand, account, block, times[block]).units),
                "transaction": transaction,
                "block": block,
                "block_time": times[block],
            },
        )
