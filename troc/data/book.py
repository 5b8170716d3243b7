"""The book of deals: what an account must not forget, in one database a chain.

What the chain knows is never kept here as truth: who paid, delivered or disputed is read from the log each
time, so a reorganisation needs no repair. Kept are signed deals, one-time points by their counter *before*
they are used, what was signed for a sale before it is sent, what was found in a delivery, and how far the
log was read. A crash between any two writes leaves a book from which the same steps follow again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from troc.chain import Chain
from troc.errors import InputError
from troc.store import chain_folder, open_store, reading, sqlite_url

try:
    import sqlalchemy as sa
    from sqlalchemy.engine import Engine
except ImportError:  # pragma: no cover
    raise InputError(
        "deals need SQLAlchemy", "run `pip install '.[store]'` in the folder of this project"
    ) from None

PART = "deals"
VERSION = 1

_tables = sa.MetaData()
_Address = sa.String(42)
_Hash = sa.String(66)

_deals = sa.Table(
    "deals_signed",
    _tables,
    sa.Column("account", _Address, primary_key=True),
    sa.Column("digest", _Hash, primary_key=True),
    # As its file has it, source and all.
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("request", _Hash, nullable=False, index=True),
    sa.Column("commitment", _Hash, nullable=False, index=True),
    sa.Column("mine", sa.Boolean, nullable=False),
    sa.Column("added_at", sa.BigInteger, nullable=False),
)

_points = sa.Table(
    "deals_points",
    _tables,
    sa.Column("account", _Address, primary_key=True),
    sa.Column("digest", _Hash, primary_key=True),
    sa.Column("counter", sa.BigInteger, primary_key=True),
    sa.Column("x", _Hash, nullable=False, unique=True),
    # What was signed with it, to be sent again after a cut.
    sa.Column("signed", sa.Text),
)

_sales = sa.Table(
    "deals_sales",
    _tables,
    sa.Column("account", _Address, primary_key=True),
    sa.Column("sale", _Hash, primary_key=True),
    sa.Column("digest", _Hash, nullable=False),
    sa.Column("selling", sa.Boolean, nullable=False),
    # Where its purchase was last seen.
    sa.Column("block", sa.BigInteger, nullable=False),
    # What its buyer found in the delivery, and when he asked her to concede.
    sa.Column("finding", sa.Text),
    sa.Column("asked_at", sa.BigInteger),
    sa.Column("closed", sa.Boolean, nullable=False),
)

_answers = sa.Table(
    "deals_answers",
    _tables,
    sa.Column("account", _Address, primary_key=True),
    sa.Column("sale", _Hash, primary_key=True),
    sa.Column("x", _Hash, primary_key=True),
    sa.Column("answer_x", _Hash, nullable=False),
    sa.Column("wrapped", _Hash, nullable=False),
    # When it went out and nobody knows how far it came: it may be public.
    sa.Column("out_at", sa.BigInteger),
)

_seen = sa.Table(
    "deals_seen",
    _tables,
    sa.Column("x", _Hash, primary_key=True),
    sa.Column("sale", _Hash, primary_key=True),
)

_reached = sa.Table(
    "deals_reached",
    _tables,
    sa.Column("what", sa.String(60), primary_key=True),
    sa.Column("block", sa.BigInteger, nullable=False),
    sa.Column("hash", _Hash, nullable=False),
)


@dataclass(frozen=True)
class KeptPoint:
    """A one-time point that was handed out: by which counter, and what was signed with it (JSON)."""

    digest: bytes
    counter: int
    x: bytes
    signed: Any


@dataclass(frozen=True)
class KeptSale:
    """What an account noted of a sale. `finding`: what its buyer found in the delivery; None: not looked yet.
    `asked_at`: when he first asked the seller to concede.
    """

    sale: bytes
    digest: bytes
    selling: bool
    block: int
    finding: Any
    asked_at: int | None
    closed: bool


@dataclass(frozen=True)
class KeptAnswer:
    """A seller's answer to a buyer's point: her own point and the wrapped key. `out_at`: when it went out and
    nobody knows how far it came.
    """

    sale: bytes
    x: bytes
    answer_x: bytes
    wrapped: bytes
    out_at: int | None


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)


class Book:
    """The book of one account on one market."""

    def __init__(self, engine: Engine, account: str) -> None:
        self.engine = engine
        self.account = account

    @classmethod
    def open(cls, chain: Chain, account: str, url: str = "") -> Book:
        """The book in the database of the chain's folder, or at `url`. Raises `StoreError`."""
        return cls(
            open_store(url or sqlite_url(chain_folder(chain) / "deals.sqlite"), _tables, PART, VERSION),
            account,
        )

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self.engine.begin() as connection:
            yield connection

    # --------------------------------------------------------------------------------------------- deals

    def add_deal(
        self, digest: bytes, content: Any, *, request: bytes, commitment: bytes, mine: bool, now: int
    ) -> None:
        """Keep a signed deal; the same deal again replaces what was kept of it."""
        key = {"account": self.account, "digest": _hex(digest)}
        row = {
            "content": json.dumps(content),
            "request": _hex(request),
            "commitment": _hex(commitment),
            "mine": mine,
        }
        with self._writing() as connection:
            known = connection.scalar(sa.select(_deals.c.mine).filter_by(**key))
            if known is None:
                connection.execute(_deals.insert().values(**key, **row, added_at=now))
            else:
                connection.execute(
                    _deals.update().filter_by(**key).values(**row | {"mine": bool(known) or mine})
                )

    def deals(
        self, *, mine: bool | None = None, commitment: bytes | None = None, request: bytes | None = None
    ) -> list[Any]:
        """Signed deals as they were kept, oldest first."""
        query = sa.select(_deals.c.content).where(_deals.c.account == self.account)
        if mine is not None:
            query = query.where(_deals.c.mine == mine)
        if commitment is not None:
            query = query.where(_deals.c.commitment == _hex(commitment))
        if request is not None:
            query = query.where(_deals.c.request == _hex(request))
        with reading(self.engine) as connection:
            rows = connection.scalars(query.order_by(_deals.c.added_at, _deals.c.digest))
            return [json.loads(row) for row in rows]

    def deal(self, digest: bytes) -> Any:
        """One signed deal; None where it was not kept."""
        query = sa.select(_deals.c.content).filter_by(account=self.account, digest=_hex(digest))
        with reading(self.engine) as connection:
            return _json(connection.scalar(query))

    # -------------------------------------------------------------------------------------------- points

    def points(self, digest: bytes) -> list[KeptPoint]:
        """The one-time points that were handed out for a deal, in their order."""
        query = sa.select(_points).filter_by(account=self.account, digest=_hex(digest))
        with reading(self.engine) as connection:
            return [
                KeptPoint(digest, row.counter, _bytes(row.x), _json(row.signed))
                for row in connection.execute(query.order_by(_points.c.counter))
            ]

    def add_point(self, digest: bytes, counter: int, x: bytes, signed: Any = None) -> None:
        """Write a one-time point down before it is used. A counter or point that was used before fails."""
        try:
            with self._writing() as connection:
                connection.execute(
                    _points.insert().values(
                        account=self.account,
                        digest=_hex(digest),
                        counter=counter,
                        x=_hex(x),
                        signed=None if signed is None else json.dumps(signed),
                    )
                )
        except sa.exc.IntegrityError:
            raise InputError(
                "this one-time point was used before", "run it again, and another will be made"
            ) from None

    # --------------------------------------------------------------------------------------------- sales

    def note_sale(self, sale: bytes, digest: bytes, selling: bool, block: int) -> None:
        """Keep that a sale concerns the account, and in which block its purchase lies."""
        key = {"account": self.account, "sale": _hex(sale)}
        with self._writing() as connection:
            known = connection.execute(
                sa.select(_sales.c.block, _sales.c.digest).filter_by(**key)
            ).one_or_none()
            if known is None:
                row = {"digest": _hex(digest), "selling": selling, "block": block, "closed": False}
                connection.execute(_sales.insert().values(**key, **row))
            elif tuple(known) != (block, _hex(digest)):
                connection.execute(_sales.update().filter_by(**key).values(block=block, digest=_hex(digest)))

    def sales(self, *, selling: bool | None = None, open_only: bool = False) -> list[KeptSale]:
        """Sales that were noted."""
        query = sa.select(_sales).where(_sales.c.account == self.account)
        if selling is not None:
            query = query.where(_sales.c.selling == selling)
        if open_only:
            query = query.where(_sales.c.closed.is_(False))
        with reading(self.engine) as connection:
            return [_kept(row) for row in connection.execute(query.order_by(_sales.c.sale))]

    def sale(self, sale: bytes) -> KeptSale | None:
        """One of them."""
        query = sa.select(_sales).filter_by(account=self.account, sale=_hex(sale))
        with reading(self.engine) as connection:
            row = connection.execute(query).one_or_none()
            return None if row is None else _kept(row)

    def set_finding(self, sale: bytes, finding: Any) -> None:
        """Keep what the buyer found in a delivery."""
        self._set_sale(sale, finding=None if finding is None else json.dumps(finding))

    def set_asked(self, sale: bytes, at: int) -> None:
        """Keep when he asked the seller to concede."""
        self._set_sale(sale, asked_at=at)

    def close_sale(self, sale: bytes) -> None:
        """Keep that nothing is left to do about a sale: its end is final."""
        self._set_sale(sale, closed=True)

    def _set_sale(self, sale: bytes, **values: Any) -> None:
        with self._writing() as connection:
            connection.execute(
                _sales.update().filter_by(account=self.account, sale=_hex(sale)).values(**values)
            )

    # ------------------------------------------------------------------------------------------- answers

    def answer(self, sale: bytes, x: bytes) -> KeptAnswer | None:
        """What a seller answered to a buyer's point, or was about to."""
        query = sa.select(_answers).filter_by(account=self.account, sale=_hex(sale), x=_hex(x))
        with reading(self.engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return KeptAnswer(sale, x, _bytes(row.answer_x), _bytes(row.wrapped), row.out_at)

    def add_answer(self, sale: bytes, x: bytes, answer_x: bytes, wrapped: bytes) -> None:
        """Write a delivery down before it is sent for the first time."""
        key = {"account": self.account, "sale": _hex(sale), "x": _hex(x)}
        with self._writing() as connection:
            connection.execute(
                _answers.insert().values(**key, answer_x=_hex(answer_x), wrapped=_hex(wrapped))
            )

    def answer_is_out(self, sale: bytes, x: bytes, now: int) -> None:
        """Keep that a delivery went out, and may be public."""
        key = {"account": self.account, "sale": _hex(sale), "x": _hex(x)}
        with self._writing() as connection:
            connection.execute(_answers.update().filter_by(**key).values(out_at=now))

    # ------------------------------------------------------------------------------------------- the log

    def see_points(self, seen: list[tuple[bytes, bytes]]) -> None:
        """Keep buyers' points with the sales that they were seen in, anybody's. What a dropped block held was
        seen all the same.
        """
        with self._writing() as connection:
            for x, sale in seen:
                key = {"x": _hex(x), "sale": _hex(sale)}
                if connection.scalar(sa.select(_seen.c.x).filter_by(**key)) is None:
                    connection.execute(_seen.insert().values(**key))

    def was_seen(self, x: bytes, sale: bytes) -> bool:
        """Whether a buyer's point was seen in another sale than this one."""
        query = sa.select(_seen.c.sale).where(_seen.c.x == _hex(x), _seen.c.sale != _hex(sale))
        with reading(self.engine) as connection:
            return connection.execute(query.limit(1)).first() is not None

    def reached(self, what: str) -> tuple[int, bytes] | None:
        """The block, and its hash, up to which the log was read for `what`."""
        query = sa.select(_reached).where(_reached.c.what == what)
        with reading(self.engine) as connection:
            row = connection.execute(query).one_or_none()
            return None if row is None else (row.block, _bytes(row.hash))

    def set_reached(self, what: str, block: int, hash_: bytes) -> None:
        """Keep how far the log was read."""
        with self._writing() as connection:
            connection.execute(_reached.delete().where(_reached.c.what == what))
            connection.execute(_reached.insert().values(what=what, block=block, hash=_hex(hash_)))


def _kept(row: Any) -> KeptSale:
    return KeptSale(
        _bytes(row.sale),
        _bytes(row.digest),
        row.selling,
        row.block,
        _json(row.finding),
        row.asked_at,
        row.closed,
    )
