"""A solver's journal: batches that it published or was about to, and how far each of their settlements is.

Written before anything leaves, so that what was cut off is taken up again and nothing is sent twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from hexbytes import HexBytes

from troc.chain import Chain, Signed
from troc.market.records import Record
from troc.store import chain_folder, open_store, reading, sqlite_url

_PART = "solver"

_tables = sa.MetaData()
_batches = sa.Table(
    "solver_batches",
    _tables,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.String(66), nullable=False, unique=True),
    sa.Column("exchange", sa.String(42), nullable=False),
    sa.Column("solver", sa.String(42), nullable=False),
    sa.Column("record", sa.JSON, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("signed", sa.JSON, nullable=True),
)
_settlements = sa.Table(
    "solver_settlements",
    _tables,
    sa.Column("batch", sa.ForeignKey("solver_batches.id"), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("signed", sa.JSON, nullable=True),
    sa.Column("transaction", sa.String(66), nullable=False),
)


class State(StrEnum):
    """How far a batch or a settlement is. `OPEN`: nothing was confirmed yet."""

    OPEN = "open"
    PUBLISHED = "published"
    DONE = "done"
    GIVEN_UP = "given up"


@dataclass(frozen=True)
class JournalledSettlement:
    """A settlement: its calldata, and the transaction that was signed for it, if any.

    `transaction` is the one that settled it, anybody's; `why` says why it was given up.
    """

    batch: str
    place: int
    data: bytes
    state: State
    why: str
    signed: Signed | None
    transaction: str


@dataclass(frozen=True)
class JournalledBatch:
    """A batch, and the transaction that was signed to publish it, if any."""

    id: str
    solver: str
    record: Record
    state: State
    why: str
    signed: Signed | None


class Journal:
    """The journal of one deployment's solver on this machine: a file in the folder of the chain."""

    def __init__(self, chain: Chain, exchange: str, url: str | None = None) -> None:
        self.url = url or sqlite_url(chain_folder(chain) / "solver.sqlite")
        self.engine = open_store(self.url, _tables, _PART)
        self._exchange = exchange

    def add(self, record: Record, solver: str, settlements: Sequence[bytes]) -> JournalledBatch:
        """Write a batch down before anything of it leaves. `settlements` are calldata."""
        id_ = "0x" + record.id_for(solver).hex()
        with self.engine.begin() as connection:
            connection.execute(
                _batches.insert().values(
                    id=id_,
                    exchange=self._exchange,
                    solver=solver,
                    record=record.to_json(),
                    state=State.OPEN,
                    why="",
                )
            )
            if settlements:
                connection.execute(
                    _settlements.insert(),
                    [
                        {
                            "batch": id_,
                            "place": place,
                            "data": data,
                            "state": State.OPEN,
                            "why": "",
                            "transaction": "",
                        }
                        for place, data in enumerate(settlements)
                    ],
                )
        return self.batch(id_)

    def batch(self, id_: str) -> JournalledBatch:
        """One batch."""
        return self._batches(_batches.c.id == id_)[0]

    def unfinished(self) -> list[JournalledBatch]:
        """Batches that are to be taken up again, oldest first."""
        return self._batches(_batches.c.state.in_([State.OPEN, State.PUBLISHED]))

    def settlements(self, id_: str) -> list[JournalledSettlement]:
        """All settlements of a batch, in sequence."""
        query = sa.select(_settlements).where(_settlements.c.batch == id_).order_by(_settlements.c.place)
        with reading(self.engine) as connection:
            return [
                JournalledSettlement(
                    batch=row.batch,
                    place=row.place,
                    data=bytes(row.data),
                    state=State(row.state),
                    why=row.why,
                    signed=_signed(row.signed),
                    transaction=row.transaction,
                )
                for row in connection.execute(query)
            ]

    def _batches(self, which: sa.ColumnElement[bool]) -> list[JournalledBatch]:
        query = sa.select(_batches).where(which, _batches.c.exchange == self._exchange)
        with reading(self.engine) as connection:
            return [
                JournalledBatch(
                    id=row.id,
                    solver=row.solver,
                    record=Record.from_json(row.record),
                    state=State(row.state),
                    why=row.why,
                    signed=_signed(row.signed),
                )
                for row in connection.execute(query.order_by(_batches.c.number))
            ]

    # ------------------------------------------------------------------------------------------- how far

    def sign_batch(self, id_: str, signed: Signed) -> None:
        """The transaction that will publish it, before it leaves."""
        self._set(_batches.update().where(_batches.c.id == id_).values(signed=_form(signed)))

    def end_batch(self, id_: str, state: State, why: str = "") -> None:
        """How far a batch is now."""
        self._set(_batches.update().where(_batches.c.id == id_).values(state=state, why=why))

    def sign_settlement(self, settlement: JournalledSettlement, signed: Signed) -> None:
        """The transaction that will settle it, before it leaves."""
        self._set(_one(settlement).values(signed=_form(signed)))

    def end_settlement(
        self, settlement: JournalledSettlement, state: State, *, transaction: str = "", why: str = ""
    ) -> None:
        """What became of a settlement."""
        self._set(_one(settlement).values(state=state, transaction=transaction, why=why))

    def _set(self, change: sa.Update) -> None:
        with self.engine.begin() as connection:
            connection.execute(change)


def _one(settlement: JournalledSettlement) -> sa.Update:
    return _settlements.update().where(
        _settlements.c.batch == settlement.batch, _settlements.c.place == settlement.place
    )


def _form(signed: Signed) -> dict[str, Any]:
    return {
        "transaction": signed.transaction,
        "raw": "0x" + bytes(signed.raw).hex(),
        "sender": signed.sender,
        "nonce": signed.nonce,
    }


def _signed(form: dict[str, Any] | None) -> Signed | None:
    if form is None:
        return None
    return Signed(form["transaction"], HexBytes(form["raw"]), form["sender"], form["nonce"], None)
