"""The sender of a relay: brings what was accepted to the chain, once, whatever is cut off in between.

A transaction is written down, with the messages in it, before it is sent. It keeps its place in the account's
sequence for ever: sent again, or replaced by one that offers more, it gets into the chain once. Where
somebody else took the place, or the chain was reorganised, the messages go back into the queue, and the chain
is looked at before any of them is sent again.
"""

from __future__ import annotations

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from hexbytes import HexBytes
from web3.types import TxParams

from troc import words
from troc.accounts import Signer
from troc.acts import Act, Acts
from troc.brands import Brands
from troc.chain import GAS_MARGIN, Chain, Mined, Signed
from troc.errors import ContractError, FundsError, NetworkError, PendingError, TrocError
from troc.messages import Order
from troc.relay.checks import Checks, Reader, most_gas, refusal_of
from troc.relay.desk import ACCEPTED, DONE, FAILED, MINED, SUBMITTED, Turn, Writer
from troc.relay.tables import messages, slots, versions
from troc.serving.refusal import RefusalError
from troc.serving.worker import Worker
from troc.words import DAY

_log = logging.getLogger(__name__)

SENT, IN_BLOCK, FINAL, VOID = "sent", "in block", "final", "void"

FINAL_DEPTH = 64
"""Blocks after which no reorganisation is expected any more."""
_PAUSE_SECONDS = 0.05
_GATHER_SECONDS = 0.8
"""Orders gather so long: fewer and larger batches cost less."""
_QUEUE_SECONDS = 0.2
_HELD_SECONDS = 2.0
"""So often it is looked whether there is money for what waits for it."""
_RESEND_SECONDS = 2.0
_REPLACE_SECONDS = 60.0
"""A transaction that waits longer is replaced by one that offers more."""
_BUMP = (1125, 1000)
"""Nodes take a replacement that offers an eighth more."""
_LOST_SECONDS = 2.0
"""So long a place must be seen taken by an unknown transaction before it is given up."""
_START_AGAIN = "end it with Ctrl-C and run `troc relay serve` again"
_GAS_USUAL = 200_000
_MOST_IN_FLIGHT = 16
_MOST_AT_ONCE = 2_000
_CLAIMS_PER_BATCH = 50
_MOST_SEEN = 10_000
"""Messages that are kept in memory as well, so that they need not be read again."""


@dataclass(frozen=True)
class Budget:
    """What a relay spends: wei a day (UTC by the chain's clock), and wei a unit of gas at most."""

    per_day: int
    gas_price: int


@dataclass(frozen=True)
class _Waiting:
    """A message that waits, as read."""

    number: int
    id: str
    act: Act
    alone: bool
    since: int
    resubmitted: int
    failures: int


class _HoldError(Exception):
    """Nothing can be sent now; says why."""


class Sender(Worker):
    """The worker of one relay: the only one that sends from its account."""

    def __init__(
        self,
        chain: Chain,
        brands: Brands,
        acts: Acts,
        checks: Checks,
        reader: Reader,
        writer: Writer,
        signer: Signer,
        budget: Budget,
        batch: int,
    ) -> None:
        super().__init__("relay sender", _log, _PAUSE_SECONDS)
        self.held = ""
        self.block = 0
        self.price = 0
        self.spent = 0
        self.balance = 0
        self._chain = chain
        self._brands = brands
        self._acts = acts
        self._checks = checks
        self._reader = reader
        self._writer = writer
        self._signer = signer
        self._budget = budget
        self._batch = batch
        self._fees: TxParams = {}
        self._gathering: float | None = None
        self._sent_at: dict[int, float] = {}
        self._first_sent: dict[int, float] = {}
        self._lost: dict[int, float] = {}
        self._confirmed: set[int] = set()
        """Places in blocks of which it is written down that they are confirmed."""
        self._head = ""
        self._checked_head = ""
        self._new = True
        self._flying: list[Any] | None = None
        self._seen: OrderedDict[str, Act] = OrderedDict()
        self._next_look = 0.0
        self.elsewhere: RefusalError | None = None
        """Why nothing can be taken or sent: the node keeps another chain than the one that was opened."""

    def accepted(self, id_: str, act: Act) -> None:
        """Something was accepted. Orders gather; anything else goes at once."""
        self._seen[id_] = act
        if len(self._seen) > _MOST_SEEN:
            self._seen.popitem(last=False)
        self._new = True
        if act.kind != "Order":
            self._next_look = 0.0
            self.wake()

    def observe(self) -> None:
        """Ask the chain for its time, its fees, new brands, and what the account has."""
        if not self._is_same_chain():
            self.line.online, self.line.why = True, ""
            return
        number = self._chain.block_number()
        if number != self.block or not self._checks.brands:
            self._checks.brands = {brand.address: brand for brand in self._brands.all()}
        self._fees = self._chain.fees()
        self.price = _price(self._fees)
        self.balance = self._chain.balance(self._signer.address)
        now = self._chain.now()
        self.spent = self._writer.run(partial(_spent, now // DAY))
        self.block, self._head = number, self._chain.block_hash(number)
        self.line.chain_time, self.line.seen = now, time.monotonic()
        self.line.online, self.line.why = True, ""

    def why_not(self) -> RefusalError | None:
        """Why nothing more can be accepted now, if so: what is accepted must be affordable."""
        if self.elsewhere is not None:
            return self.elsewhere
        if self.price > self._budget.gas_price:
            return RefusalError(
                "gas_too_dear",
                503,
                "gas costs more now than this relay pays",
                "try again later, another relay, or an account that has ether",
            )
        if self.spent >= self._budget.per_day:
            return RefusalError(
                "budget_spent",
                503,
                "this relay has spent what it spends in a day",
                "try again tomorrow (UTC), another relay, or an account that has ether",
            )
        if self.held:
            return RefusalError(
                "holding", 503, self.held, "try again later, another relay, or an account that has ether"
            )
        if not self.balance:
            return RefusalError(
                "no_ether", 503, "this relay has no ether left", "try another relay, or tell who runs it"
            )
        return None

    def step(self) -> bool:
        """Look after what is under way, then send what waits."""
        if self.elsewhere is not None:
            return False
        self._watch()
        self._notice_reorganisations()
        try:
            if self._send_waiting():
                self.held = ""
        except _HoldError as error:
            why = "" if self._can_pay_as_usual() else str(error)
            if why and why != self.held:
                _log.warning("%s", why)
            self.held = why
        return False

    def _is_same_chain(self) -> bool:
        """Whether the node still keeps the chain that the relay was opened on. On another one everything
        would look as if it had been reorganised away, and be sent again, at places that come much later.
        """
        if self._chain.still_has_genesis():
            if self.elsewhere is not None:
                _log.warning("the node keeps this relay's chain again: it goes on")
            self.elsewhere = None
        elif self.elsewhere is None:
            self.elsewhere = RefusalError(
                "another_chain",
                503,
                "its chain was started anew, or its node keeps another one since it was opened",
                "try another relay; whoever runs this one ends it and runs `troc relay serve` again",
            )
            _log.error("%s; it takes and sends nothing more: %s", self.elsewhere.message, _START_AGAIN)
        return self.elsewhere is None

    def _can_pay_as_usual(self) -> bool:
        """Whether there is money for most acts, though not for one that waits."""
        fee = self._price_of(_GAS_USUAL)
        return (
            self.price <= self._budget.gas_price
            and self.spent + fee <= self._budget.per_day
            and self.balance >= fee
        )

    # --------------------------------------------------------------------------------------- under way

    def _watch(self) -> None:
        for slot in self._in_flight():
            found = self._in_block(slot)
            if found is not None:
                self._note_mined(slot, found)
            else:
                self._look_after(slot)

    def _in_flight(self) -> list[Any]:
        if self._flying is None:
            self._flying = self._writer.run(partial(_slots_in, SENT))
        return self._flying

    def _in_block(self, slot: Any) -> Mined | None:
        for transaction in self._writer.run(partial(_transactions_of, slot.id)):
            found = self._chain.mined(transaction)
            if found is not None:
                return found
        return None

    def _look_after(self, slot: Any) -> None:
        """Send again what the node dropped, replace what waits too long, give up a place that is taken."""
        if self._chain.transaction_count(self._signer.address) > slot.nonce:
            since = self._lost.setdefault(slot.id, time.monotonic())
            if time.monotonic() - since > _LOST_SECONDS and self._in_block(slot) is None:
                _log.warning("another program sent from this account: what was in its way is sent again")
                self._update(partial(_give_up, slot.id))
            return
        self._lost.pop(slot.id, None)
        now = time.monotonic()
        last = self._writer.run(partial(_version, slot.id))
        if now - self._first_sent.setdefault(slot.id, now) > _REPLACE_SECONDS:
            self._first_sent[slot.id] = now
            last = self._replace(slot, last)
        if now - self._sent_at.get(slot.id, 0.0) > _RESEND_SECONDS:
            if not self._chain.knows(last.transaction):
                self._broadcast(slot, last)
            self._sent_at[slot.id] = now

    def _replace(self, slot: Any, last: Any) -> Any:
        """A version that offers an eighth more, and at least what others offer now, if cap and budget allow
        it.
        """
        offered = int(last.fee)
        price = max(self.price, offered * _BUMP[0] // _BUMP[1] + 1)
        more = slot.gas * price - int(slot.cost)
        if price > self._budget.gas_price or self.spent + more > self._budget.per_day:
            return last
        rows = self._writer.run(partial(_messages_of, slot.id))
        if not rows:
            return last
        call = self._acts.call([self._read(row).act for row in rows])
        signed = self._chain.sign_as(
            call, self._signer, nonce=slot.nonce, gas=slot.gas, fees=self._offer(price)
        )
        self._update(partial(_add_version, slot.id, signed, price, slot.gas * price))
        self.spent += more
        version = self._writer.run(partial(_version, slot.id))
        self._broadcast(slot, version)
        return version

    def _offer(self, price: int) -> TxParams:
        """Fees of at most `price` for a unit of gas."""
        if "gasPrice" in self._fees:
            return {"gasPrice": price}  # type: ignore[typeddict-item]
        # A replacement must raise the tip as well.
        share = int(self._fees["maxPriorityFeePerGas"]) * price // max(self.price, 1)
        return {"maxFeePerGas": price, "maxPriorityFeePerGas": min(share + 1, price)}  # type: ignore[typeddict-item]

    def _broadcast(self, slot: Any, version: Any) -> None:
        if not self._is_same_chain():
            return
        raw = HexBytes(version.raw)
        signed = Signed(version.transaction, raw, self._signer.address, slot.nonce, None)
        try:
            self._chain.broadcast(signed, first=False)
        except NetworkError:
            raise
        except TrocError as error:
            # It keeps its place, and is looked after.
            _log.warning("%s waits: %s", version.transaction, error)
        self._sent_at[slot.id] = time.monotonic()

    # ------------------------------------------------------------------------------------------ in blocks

    def _note_mined(self, slot: Any, found: Mined) -> None:
        rows = [self._read(row) for row in self._writer.run(partial(_messages_of, slot.id))]
        receipt = found.receipt
        results: dict[int, RefusalError | None] = {}
        if found.failed:
            why = refusal_of(self._chain.why_failed(receipt.transaction, receipt.block))
            results = dict.fromkeys((row.number for row in rows), why)
        elif len(rows) > 1 and rows[0].act.kind in ("Voucher", "Statement"):
            # Those whose number was used, or whose contacts were paid, in the meantime are passed over.
            events = receipt.events(self._acts.event_of(rows[0].act))
            for row in rows:
                missed = None if self._acts.took_effect(row.act, events) else _used(row.act)
                results[row.number] = missed
        else:
            results = dict.fromkeys((row.number for row in rows), None)
        depth = max(self.block, receipt.block) - receipt.block + 1
        state = DONE if depth >= self._chain.config.confirmations else MINED
        again: set[int] = set()
        if found.failed:
            # In a shared one somebody else's may be at fault; and one that a reorganisation took out of its
            # block was rehearsed on another state, where it took less gas perhaps.
            again = {row.number for row in rows if len(rows) > 1 or (row.resubmitted and not row.failures)}
        self._update(partial(_settle, slot.id, found, results, state, again))
        self._confirmed.discard(slot.id)
        self._sent_at.pop(slot.id, None)
        self._first_sent.pop(slot.id, None)

    def _notice_reorganisations(self) -> None:
        """With every new head of the chain: whether the blocks of what was mined lately still stand."""
        if self._head == self._checked_head:
            return
        rows = self._writer.run(partial(_slots_in, IN_BLOCK))
        stands = self._chain.block_hashes({row.block for row in rows})
        deep: set[int] = set()
        for row in rows:
            if stands[row.block] != row.block_hash:
                found = self._in_block(row)
                if found is None:
                    if not self._is_same_chain():
                        return
                    _log.warning("the chain was reorganised: %s is sent again", row.transaction)
                    self._update(partial(_reopen, row.id))
                    self._confirmed.discard(row.id)
                elif found.block_hash != row.block_hash:
                    self._note_mined(row, found)
            elif self.block - row.block >= FINAL_DEPTH:
                self._update(partial(_finish, row.id))
                self._confirmed.discard(row.id)
            elif self.block - row.block + 1 >= self._chain.config.confirmations:
                deep.add(row.id)
        new = deep - self._confirmed
        if new:
            self._writer.run(partial(_confirm, sorted(new)))
            self._confirmed |= new
        self._checked_head = self._head

    # ------------------------------------------------------------------------------------------- sending

    def _send_waiting(self) -> bool:
        """Send what waits; whether it was looked for. Raises `_HoldError` where nothing can be sent."""
        if not self._new or time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + _QUEUE_SECONDS
        self._new = False
        flying = self._in_flight()
        if len(flying) >= _MOST_IN_FLIGHT:
            self._new = True
            return False
        # While the transactions of a party are under way, nobody knows what the next one will meet.
        busy = self._writer.run(_busy)
        rows = self._writer.run(partial(_waiting, _MOST_AT_ONCE))
        if not rows:
            self._gathering = None
            return True
        self._new = True
        if self.price > self._budget.gas_price:
            raise _HoldError("gas costs more than the relay pays: what was accepted waits")
        if not self._is_same_chain():
            return False
        held = None
        for group in self._groups([self._read(row) for row in rows], busy):
            if self._stopped.is_set() or len(self._in_flight()) >= _MOST_IN_FLIGHT:
                break
            try:
                self._send(group)
            except _HoldError as error:
                # What is too dear now keeps nothing cheaper waiting.
                held = error
        if held is not None:
            self._next_look = time.monotonic() + _HELD_SECONDS
            raise held
        return True

    def _groups(self, waiting: Sequence[_Waiting], busy: set[str]) -> list[list[_Waiting]]:
        """What goes together: orders, vouchers of one token; everything else by itself, one transaction a
        party at a time.
        """
        alike: dict[str, list[_Waiting]] = {}
        groups: list[list[_Waiting]] = []
        taken: set[str] = set()
        for row in waiting:
            kind = "" if row.alone else self._acts.can_share(row.act)
            if row.act.kind != "Order":
                parties = set(row.act.parties)
                if parties & (busy if kind else busy | taken):
                    continue
                taken |= parties
            if kind:
                alike.setdefault(kind, []).append(row)
            else:
                groups.append([row])
        for kind, rows in alike.items():
            size = self._batch if kind.startswith("Order") else _CLAIMS_PER_BATCH
            if kind.startswith("Order") and not self._is_time(len(rows)):
                continue
            groups += [rows[start : start + size] for start in range(0, len(rows), size)]
        return groups

    def _is_time(self, orders: int) -> bool:
        now = time.monotonic()
        if self._gathering is None:
            self._gathering = now
        if orders < self._batch and now - self._gathering < _GATHER_SECONDS:
            return False
        self._gathering = None
        return True

    def _send(self, group: list[_Waiting]) -> None:
        """Send what goes together. Raises `_HoldError` where there is no money for it now."""
        group = self._still_good(group)
        if not group:
            return
        call = self._acts.call([row.act for row in group])
        allowed = sum(most_gas(row.act) for row in group)
        try:
            gas = self._chain.estimate(call, self._signer.address)
        except ContractError as error:
            if len(group) == 1:
                self._refused(group[0], refusal_of(error))
            else:
                self._part(group)
            return
        except NetworkError as error:
            # A node that answers everything but this refuses it, as one does that gives up at some gas.
            self._chain.block_number()
            if len(group) == 1:
                self._refused(group[0], RefusalError("refused", 409, error.message, error.remedy))
            else:
                self._part(group)
            return
        except FundsError as error:
            if len(group) > 1:
                self._part(group)
                return
            if self.balance >= self._price_of(allowed):
                # A signer's wallet that takes all there is.
                self._refused(group[0], _too_much(allowed))
                return
            raise _HoldError(f"the relay's account cannot pay: {error.message}") from None
        limit = min(int(gas * GAS_MARGIN), allowed)
        if len(group) > 1 and (gas > self._chain.batch_gas() or gas > allowed or not self._affords(limit)):
            self._part(group)
        elif gas > allowed or self._price_of(limit) > self._budget.per_day:
            self._refused(group[0], _too_much(min(allowed, self._budget.per_day // max(self.price, 1))))
        elif not self._affords(limit):
            raise _HoldError("today's budget is spent: what was accepted waits until tomorrow (UTC)")
        else:
            self._launch(group, call, limit)

    def _price_of(self, gas: int) -> int:
        return gas * self.price

    def _part(self, group: list[_Waiting]) -> None:
        middle = len(group) // 2
        held = None
        for part in (group[:middle], group[middle:]):
            try:
                self._send(part)
            except _HoldError as error:
                held = error
        if held is not None:
            raise held

    def _affords(self, gas: int) -> bool:
        # What is under way is counted at the most that it can cost.
        return self.spent + self._price_of(gas) <= self._budget.per_day

    def _launch(self, group: list[_Waiting], call: TxParams, gas: int) -> None:
        if not self._is_same_chain():
            return
        next_ = self._writer.run(_next_nonce)
        nonce = max(self._chain.transaction_count(self._signer.address), next_)
        fees = self._offer(self.price)
        signed = self._chain.sign_as(call, self._signer, nonce=nonce, gas=gas, fees=fees)
        day = self.line.now // DAY
        numbers = [row.number for row in group]
        cost = self._price_of(gas)
        slot = self._update(partial(_store, numbers, signed, gas, self.price, cost, day))
        self.spent += cost
        try:
            self._chain.broadcast(signed, first=True)
        except NetworkError:
            raise
        except PendingError:
            # Its place was taken; it is looked after.
            pass
        except TrocError as error:
            _log.warning("%s waits: %s", signed.transaction, error)
        now = time.monotonic()
        self._sent_at[slot] = self._first_sent[slot] = now

    # --------------------------------------------------------------------------------- before it is sent

    def _still_good(self, group: list[_Waiting]) -> list[_Waiting]:
        """Without those that are too late, took effect by themselves, or would be in vain."""
        now = self._chain.now()
        good = []
        for row in group:
            deadline = row.act.deadline
            if deadline is not None and deadline < now:
                said = f"it was good until {words.moment(deadline)}"
                self._fail(row, RefusalError("deadline_passed", 409, said, "sign a new one"))
            elif row.resubmitted and self._found(row):
                continue
            else:
                good.append(row)
        if not good or good[0].act.kind != "Order":
            return good
        published = self._published(good)
        good = [row for row in good if not (row.id in published and self._found(row))]
        questions = [self._checks.question(row.act, by_key=True) for row in good]
        asked = [call for question in questions for call in question.calls]
        answers = self._reader.ask(asked).result() if asked else []
        sound, start = [], 0
        for row, question in zip(good, questions, strict=True):
            part = answers[start : start + len(question.calls)]
            start += len(question.calls)
            try:
                self._checks.answer(question, part, now)
                sound.append(row)
            except RefusalError as error:
                self._fail(row, error)
        return sound

    def _published(self, rows: Sequence[_Waiting]) -> set[str]:
        """Ids of those that somebody else may have published since they were accepted."""
        makers = list({row.act.message.signer for row in rows})
        since = min(row.since for row in rows)
        # To decode what these makers published before would take longer than to publish it.
        seen = self._chain.log_data(self._acts.book.events.OrderPublished(), "maker", makers, since)
        return {row.id for row in rows if any(row.act.parts[0].signature in part for part in seen)}

    def _found(self, row: _Waiting) -> bool:
        """Whether it took effect by somebody else's doing, which then is written down."""
        transaction = self._acts.find(row.act, row.since)
        if transaction is None:
            return False
        found = self._chain.mined(transaction)
        if found is None or found.failed:
            return False
        self._writer.run(partial(_note_done, row.number, transaction, found.receipt.block))
        return True

    def _refused(self, row: _Waiting, why: RefusalError) -> None:
        if not self._found(row):
            self._fail(row, why)

    def _fail(self, row: _Waiting, why: RefusalError) -> None:
        self._writer.run(partial(_fail, row.number, why))

    def _read(self, row: Any) -> _Waiting:
        act = self._seen.get(row.id)
        if act is None:
            act = self._acts.read(json.loads(self._writer.run(partial(_content, row.number))))
        return _Waiting(row.number, row.id, act, row.alone, row.since, row.resubmitted, row.failures)

    def _update(self, job: Callable[[Turn], Any]) -> Any:
        """Change what is under way."""
        self._flying = None
        self._new = True
        return self._writer.run(job)


def _price(fees: TxParams) -> int:
    return int(fees.get("maxFeePerGas", fees.get("gasPrice", 0)))


def _too_much(gas: int) -> RefusalError:
    return RefusalError(
        "too_much_gas",
        409,
        f"it would take more than the {gas:,} gas that this relay pays for",
        "submit it with an account that has ether",
    )


def _used(act: Act) -> RefusalError:
    return RefusalError(
        "nonce_used",
        409,
        "it was used or cancelled before",
        "look at the balance" if not isinstance(act.message, Order) else "sign a new one",
    )


# ----------------------------------------------------------------------------------------- jobs of the writer


def _slots_in(state: str, turn: Turn) -> list[Any]:
    return list(turn.connection.execute(sa.select(slots).where(slots.c.state == state).order_by(slots.c.id)))


def _transactions_of(slot: int, turn: Turn) -> list[str]:
    return list(turn.connection.scalars(sa.select(versions.c.transaction).where(versions.c.slot == slot)))


def _version(slot: int, turn: Turn) -> Any:
    rows = turn.connection.execute(sa.select(versions).where(versions.c.slot == slot)).all()
    return max(rows, key=lambda row: int(row.fee))


# Without the content, which is in memory nearly always: hundreds are read several times a second, while
# others wait to be written down.
_OF_MESSAGE = sa.select(
    *(messages.c[name] for name in ("number", "id", "alone", "since", "resubmitted", "failures"))
).order_by(messages.c.number)
_OF_SLOT = _OF_MESSAGE.where(messages.c.slot == sa.bindparam("its_slot"))
_THAT_WAIT = _OF_MESSAGE.where(messages.c.state == ACCEPTED).limit(sa.bindparam("most"))


def _messages_of(slot: int, turn: Turn) -> list[Any]:
    return list(turn.connection.execute(_OF_SLOT, {"its_slot": slot}))


def _waiting(most: int, turn: Turn) -> list[Any]:
    return list(turn.connection.execute(_THAT_WAIT, {"most": most}))


def _content(number: int, turn: Turn) -> str:
    return str(turn.connection.scalar(sa.select(messages.c.content).where(messages.c.number == number)))


def _busy(turn: Turn) -> set[str]:
    query = sa.select(messages.c.parties).where(messages.c.state == SUBMITTED, messages.c.kind != "Order")
    return {party for parties in turn.connection.scalars(query) for party in parties.split()}


def _spent(day: int, turn: Turn) -> int:
    """Wei of today, and what is under way from before at the most that it can cost."""
    query = sa.select(slots.c.cost).where(sa.or_(slots.c.day == day, slots.c.state == SENT))
    return sum(map(int, turn.connection.scalars(query)))


def _next_nonce(turn: Turn) -> int:
    last = turn.connection.scalar(sa.select(sa.func.max(slots.c.nonce)).where(slots.c.state == SENT))
    return 0 if last is None else int(last) + 1


def _store(
    numbers: Sequence[int], signed: Signed, gas: int, price: int, cost: int, day: int, turn: Turn
) -> int:
    values = {"nonce": signed.nonce, "state": SENT, "gas": gas, "day": day, "cost": str(cost)}
    slot = turn.connection.execute(slots.insert().values(**values)).inserted_primary_key
    assert slot is not None
    _insert_version(slot[0], signed, price, turn)
    turn.connection.execute(
        messages.update()
        .where(messages.c.number.in_(numbers))
        .values(state=SUBMITTED, slot=slot[0], transaction=signed.transaction)
    )
    return int(slot[0])


def _insert_version(slot: int, signed: Signed, price: int, turn: Turn) -> None:
    raw = "0x" + bytes(signed.raw).hex()
    values = {"transaction": signed.transaction, "slot": slot, "raw": raw, "fee": str(price)}
    turn.connection.execute(versions.insert().values(**values))


def _add_version(slot: int, signed: Signed, price: int, cost: int, turn: Turn) -> None:
    _insert_version(slot, signed, price, turn)
    turn.connection.execute(slots.update().where(slots.c.id == slot).values(cost=str(cost)))
    turn.connection.execute(
        messages.update().where(messages.c.slot == slot).values(transaction=signed.transaction)
    )


def _settle(
    slot: int,
    found: Mined,
    results: Mapping[int, RefusalError | None],
    state: str,
    again: set[int],
    turn: Turn,
) -> None:
    receipt = found.receipt
    turn.connection.execute(
        slots.update()
        .where(slots.c.id == slot)
        .values(
            state=IN_BLOCK,
            cost=str(receipt.fee),
            transaction=receipt.transaction,
            block=receipt.block,
            block_hash=found.block_hash,
        )
    )
    good = [number for number, why in results.items() if why is None]
    if good:
        turn.connection.execute(
            messages.update()
            .where(messages.c.number.in_(good))
            .values(
                state=state,
                transaction=receipt.transaction,
                block=receipt.block,
                code=None,
                why=None,
                remedy=None,
            )
        )
    for number, why in results.items():
        if why is None:
            continue
        values: dict[str, Any] = {"failures": messages.c.failures + int(found.failed)}
        if number in again:
            if len(results) > 1:
                # Tried once more by itself, at nobody's expense.
                values = {"alone": True}
            values |= {"state": ACCEPTED, "slot": None, "resubmitted": messages.c.resubmitted + 1}
        else:
            values |= {"state": FAILED, "code": why.code, "why": why.message, "remedy": why.remedy}
            values |= {"transaction": receipt.transaction, "block": receipt.block}
        turn.connection.execute(messages.update().where(messages.c.number == number).values(**values))


def _confirm(places: Sequence[int], turn: Turn) -> None:
    turn.connection.execute(
        messages.update().where(messages.c.slot.in_(places), messages.c.state == MINED).values(state=DONE)
    )


def _finish(slot: int, turn: Turn) -> None:
    _confirm([slot], turn)
    turn.connection.execute(slots.update().where(slots.c.id == slot).values(state=FINAL))
    turn.connection.execute(versions.delete().where(versions.c.slot == slot))


def _reopen(slot: int, turn: Turn) -> None:
    """A reorganisation took the transaction out of its block: it goes in again."""
    values = {"state": SENT, "transaction": None, "block": None, "block_hash": None}
    turn.connection.execute(slots.update().where(slots.c.id == slot).values(**values))
    turn.connection.execute(
        messages.update()
        .where(messages.c.slot == slot)
        .values(state=SUBMITTED, block=None, resubmitted=messages.c.resubmitted + 1)
    )


def _give_up(slot: int, turn: Turn) -> None:
    """Its place went to another transaction, and it can never get into a block."""
    turn.connection.execute(slots.update().where(slots.c.id == slot).values(state=VOID, cost="0"))
    turn.connection.execute(versions.delete().where(versions.c.slot == slot))
    values = {"state": ACCEPTED, "slot": None, "transaction": None}
    turn.connection.execute(
        messages.update()
        .where(messages.c.slot == slot)
        .values(resubmitted=messages.c.resubmitted + 1, **values)
    )


def _note_done(number: int, transaction: str, block: int, turn: Turn) -> None:
    turn.connection.execute(
        messages.update()
        .where(messages.c.number == number)
        .values(state=DONE, slot=None, transaction=transaction, block=block)
    )


def _fail(number: int, why: RefusalError, turn: Turn) -> None:
    turn.connection.execute(
        messages.update()
        .where(messages.c.number == number)
        .values(state=FAILED, slot=None, code=why.code, why=why.message, remedy=why.remedy)
    )
