"""A relay: judges what people signed, writes down what it accepts, and brings it to the chain behind that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from troc.accounts import Signer
from troc.acts import Act
from troc.brands import Brand
from troc.client import Troc
from troc.errors import ContractError, InputError, NetworkError, StoreError, TrocError
from troc.relay import desk
from troc.relay.checks import Checks, Reader, refusal_of
from troc.relay.desk import Accept, Known, Limits, Writer
from troc.relay.rates import Rate
from troc.relay.sender import Budget, Sender
from troc.relay.tables import PART, VERSION, messages, settings, tables
from troc.serving.answers import answer
from troc.serving.lock import only_holder, only_one
from troc.serving.refusal import RefusalError
from troc.store import chain_folder, open_store, reading

_JUNK = 4.0
"""A request that was refused counts so many times more than one that was not."""


def open_relay(url: str) -> Engine:
    """Open a relay's database, or make it."""
    return open_store(url, tables, PART, VERSION)


class Relay:
    """One relay: an account that pays, and a database of its own. `running` starts and stops it.

    `only`: the brands that it serves (none: all). `per_ip` and `per_signer` are rates of requests and of
    accepted messages; `batch` is the most orders of one transaction.
    """

    def __init__(
        self,
        troc: Troc,
        signer: Signer,
        engine: Engine,
        budget: Budget,
        *,
        only: Sequence[Brand] = (),
        limits: Limits | None = None,
        per_ip: float = 10.0,
        per_signer: float = 1.0,
        batch: int = 150,
    ) -> None:
        self.only = tuple(only)
        self.limits = limits or Limits()
        self.budget = budget
        self._troc = troc
        self._signer = signer
        self._engine = engine
        self._batch = batch
        self._per_ip = Rate(per_ip, per_ip * 10, "address")
        self._per_signer = Rate(per_signer, per_signer * 30, "signer")
        served = frozenset(brand.address for brand in only)
        self._checks = Checks(troc.chain, troc.acts, signer.address, served)

    @contextmanager
    def running(self) -> Iterator[Relay]:
        """Open the relay: take database and account for itself, look at the chain, take up what was cut
        off.
        """
        chain = self._troc.chain
        taken = StoreError(
            f"another relay sends from {self.address} on this machine",
            "stop it first, or use another account",
        )
        with ExitStack() as stack:
            stack.enter_context(only_one(self._engine, "relay"))
            folder = chain_folder(chain)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            stack.enter_context(only_holder(folder / f"relay-{self.address}.lock", taken))
            self._own()
            self._reader = Reader(chain)
            stack.callback(self._reader.close)
            self._writer = Writer(self._engine)
            stack.callback(self._writer.close)
            self._sender = Sender(
                chain,
                self._troc.brands,
                self._troc.acts,
                self._checks,
                self._reader,
                self._writer,
                self._signer,
                self.budget,
                self._batch,
            )
            stack.callback(self._sender.stop)
            self._sender.start()
            yield self

    @property
    def address(self) -> str:
        """The account that sends and pays."""
        return self._signer.address

    @property
    def online(self) -> bool:
        """Whether the chain answered last time."""
        return self._sender.line.online

    def admit(self, ip: str) -> None:
        """Count a request. Raises `RefusalError` for one too many."""
        self._per_ip.take(ip)

    async def accept(self, ip: str, data: Any) -> Known:
        """Accept a signed act (`troc.acts`): answered when it is written down for good. Sent again it gets
        the same answer.
        """
        line = self._sender.line
        act = None
        try:
            act, by_key = self._checks.read(data, line.now)
            id_ = act.id
            if not line.online:
                raise RefusalError(
                    "chain_unreachable",
                    503,
                    "the relay's node does not answer",
                    "try again, or another relay",
                )
            why_not = self._sender.why_not()
            if why_not is not None:
                raise why_not
            question = self._checks.question(act, by_key)
            answers = self._checks.lately(question)
            if answers is None:
                answers = await answer(self._reader.ask(question.calls))
                self._checks.remember(question, answers)
            try:
                self._checks.answer(question, answers, line.now)
            except RefusalError as error:
                # Whose order it took may end it here: of an order one side is enough, and she has the other.
                if error.code != "no_points" or not await asyncio.to_thread(self._took_order_of, act):
                    raise
            self._per_signer.take(act.account)
            alone = not by_key and act.kind != "Order"
            job = Accept(act, id_, self.limits, line.now, self._sender.block, alone)
            known = await answer(self._writer.submit(job))
        except TrocError as error:
            if self._sender.elsewhere is not None:
                raise self._sender.elsewhere from None
            known_before = None if act is None else await asyncio.to_thread(self._known, act.id)
            if known_before is not None and known_before.state != desk.FAILED:
                return known_before
            if not _is_ours(error):
                self._per_ip.take(ip, _JUNK, owing=True)
            raise refusal_of(error) if isinstance(error, ContractError) else error from None
        self._sender.accepted(id_, act)
        return known

    def find(self, id_: str) -> Known:
        """How a message stands."""
        with reading(self._engine) as connection:
            return desk.find(connection, id_)

    def status(self) -> dict[str, Any]:
        """How the relay stands: for whoever wants to use it, and for whoever runs it. Wei are text."""
        with reading(self._engine) as connection:
            counts = connection.execute(
                sa.select(messages.c.state, sa.func.count()).group_by(messages.c.state)
            )
            by_state = {str(state): int(count) for state, count in counts}
        sender = self._sender
        why_not = sender.why_not()
        return {
            "open": why_not is None and sender.line.online,
            "online": sender.line.online,
            "why": sender.line.why or sender.held or (why_not.message if why_not else ""),
            "remedy": why_not.remedy if why_not else "",
            "address": self.address,
            "chain_id": self._troc.chain.chain_id,
            "exchange": self._troc.acts.exchange.verifying_contract,
            "brands": [brand.address for brand in self.only] or None,
            "messages": by_state,
            "limits": vars(self.limits),
            "gas_price": {"now": str(sender.price), "most": str(self.budget.gas_price)},
            "budget": {"spent_today": str(sender.spent), "per_day": str(self.budget.per_day)},
        }

    def _known(self, id_: str) -> Known | None:
        try:
            return self.find(id_)
        except RefusalError:
            return None

    def _took_order_of(self, act: Act) -> bool:
        """Whether an act ends orders, of somebody whose order this relay accepted."""
        if act.kind not in ("Cancel", "CancelAll"):
            return False
        query = sa.select(messages.c.number).where(
            messages.c.account == act.message.signer,
            messages.c.kind == "Order",
            messages.c.state != desk.FAILED,
        )
        with reading(self._engine) as connection:
            return connection.execute(query.limit(1)).first() is not None

    def _own(self) -> None:
        """Make sure that the database belongs to this account and deployment."""
        chain = self._troc.chain
        exchange = self._troc.acts.exchange.verifying_contract
        whose = f"{chain.chain_id} {chain.genesis_hash} {self.address} {exchange}"
        with self._engine.begin() as connection:
            stored = connection.scalar(sa.select(settings.c.value).where(settings.c.name == "whose"))
            if stored is None:
                connection.execute(settings.insert().values(name="whose", value=whose))
        if stored not in (None, whose):
            raise InputError(
                f"this database is of another relay ({stored})",
                "name another --database, or open that relay's account",
            )


def _is_ours(error: TrocError) -> bool:
    """Whether a refusal is the relay's own trouble, and no junk."""
    return isinstance(error, (StoreError, NetworkError)) or getattr(error, "status", 0) == 503


__all__ = ["Budget", "Limits", "Relay", "open_relay"]
