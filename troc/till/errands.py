"""Errands: what was accepted is brought to the chain, once, whatever is cut off in between.

An errand is written down before it is signed, and the signed transaction before it is sent. After a cut the
same transaction is sent again: its nonce lets it in once. A batch also has a reference that the token refuses
the second time, so that even a transaction that nobody remembers cannot pay anyone twice.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import sqlalchemy as sa
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3.contract.contract import ContractFunction

from troc.accounts import Signer
from troc.brands import Brand, Brands
from troc.chain import TOO_MUCH_GAS, Chain, Receipt, Sendable, Signed
from troc.errors import ContractError, FundsError, NetworkError, PendingError, TrocError
from troc.messages import ZERO_ADDRESS, Redeem
from troc.payouts import BATCH_SIZE
from troc.serving.worker import Worker
from troc.till import desk
from troc.till.desk import (
    CANCEL,
    CLAIM,
    CLAIMED,
    DONE,
    END_VOUCHER,
    FAILED,
    GIVE_BACK,
    ISSUE,
    OPEN,
    OUT,
    PENDING,
    REDEEM,
    RELEASE,
    SIGNED,
    STORED,
    VOID,
)
from troc.till.tables import errands, issues, redemptions, returns
from troc.till.writer import Turn, Writer
from troc.vouchers import read_text

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
"""How long an errand waits that needs another one."""
_PAUSE_SECONDS = 0.1
_GATHER_SECONDS = 0.8
"""From one batch to the next: fewer and larger ones cost less."""
_VOUCHER_SECONDS = 5.0
"""How often it is looked which vouchers were claimed."""
_DEBT_SECONDS = 30.0
"""How long a debt waits that the brand's books refused."""
_HOLD_SECONDS = 3.0
"""How long an errand that was refused waits."""
_LONGEST_HOLD_SECONDS = 300.0
"""A redemption waits twice as long each time, up to this."""
_MOST_GAS_EACH = 60_000
"""More than any recipient of a batch takes: a new holder, or a pending purchase."""
_MOST_GAS_REDEMPTION = 2_000_000
"""Twenty times what one takes: a wallet's code runs in it, and the till pays."""
_CLAIMS_AT_ONCE = 50
_BEYOND_ANY = 2**31 - 1
"""No issue has a higher number: the column holds 32 bits."""

_RELEASES_AT_ONCE = 200
_RELEASE_SECONDS = 5.0
"""How often it is looked which pending points have matured."""
_HOPELESS = (
    "DeadlinePassed",
    "NonceUsed",
    "NonceNotCurrent",
    "NotSignedByHolder",
    "ReceiptUsed",
    "NotTheAgent",
    TOO_MUCH_GAS,
)
"""Refusals of a redemption that time does not mend."""


class DebtBook(Protocol):
    """Where a brand keeps what customers owe it."""

    def record_debt(self, who: str, units: int, reference: str, reason: str, actor: str) -> bool:
        """Note that somebody (a card, or an address) owes points; False if the reference counted before."""


@dataclass(frozen=True)
class _Observed:
    grant_left: int
    cap: int
    used_today: int
    block: int
    block_time: int


class _HeldError(Exception):
    """An errand that must wait for another one."""


class Errands(Worker):
    """The worker of one till: the only one that sends from the till's account."""

    def __init__(
        self,
        chain: Chain,
        brands: Brands,
        brand: Brand,
        signer: Signer,
        grant: int,
        writer: Writer,
        salt: bytes,
        debts: DebtBook | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        super().__init__("till errands", _log, _PAUSE_SECONDS)
        self._chain = chain
        self._token = brands.token(brand)
        self._brands = brands
        self._brand = brand
        self._signer = signer
        self._grant = grant
        self._writer = writer
        self._salt = salt
        self._debts = debts
        self._batch_size = batch_size
        self._look_at_vouchers = 0.0
        self._look_at_pending = 0.0
        self._next_batch = 0.0
        self._tell_debt_at: dict[str, float] = {}
        self._hold_until: dict[int, float] = {}
        self._holds: dict[int, int] = {}
        self._is_again = False
        self._waiters: dict[int, list[Future[None]]] = {}
        self._waiters_lock = threading.Lock()

    def when_over(self, errand: int) -> Future[None]:
        """Done once the errand is done or failed."""
        future: Future[None] = Future()
        with self._waiters_lock:
            self._waiters.setdefault(errand, []).append(future)
        return future

    # ------------------------------------------------------------------------------------------- the round

    def observe(self) -> None:
        """Ask the chain for its time and the grant, and which vouchers were claimed."""
        number = self._chain.block_number()
        observed = self._observed(number)
        ended: dict[str, str] = {}
        if time.monotonic() >= self._look_at_vouchers:
            ended = self._ended_vouchers(number, observed.block_time)
            self._look_at_vouchers = time.monotonic() + _VOUCHER_SECONDS
        self._writer.run(partial(_note, observed, ended))
        self.line.chain_time, self.line.seen = observed.block_time, time.monotonic()
        self.line.online, self.line.why = True, ""

    def _ended_vouchers(self, number: int, now: int) -> dict[str, str]:
        """Receipts whose vouchers were claimed, cancelled or are too late, at the end of a block."""
        out = [(receipt, read_text(text).voucher) for receipt, text in self._writer.run(_vouchers_out)]
        token, mine = self._token.functions, self._signer.address
        asked: list[Any] = [token.nonceOpen(mine, voucher.nonce) for _, voucher in out]
        asked += [token.referenceUsed(mine, voucher.receipt_id) for _, voucher in out]
        answers = self._chain.read_many(asked, number)
        ended = {}
        for (receipt, voucher), is_open, used in zip(
            out, answers[: len(out)], answers[len(out) :], strict=True
        ):
            if used:
                ended[receipt] = CLAIMED
            elif not is_open or voucher.deadline < now:
                ended[receipt] = VOID
        return ended

    def _observed(self, number: int) -> _Observed:
        grant = self._chain.call(
            self._token.functions.grantOf(self._signer.address, self._grant), block=number
        )
        amount, _, cap, used = grant
        return _Observed(amount, cap, used, number, self._chain.time_of(number))

    def step(self) -> bool:
        """Do one errand. False where there is nothing to do now."""
        self._tell_debts()
        now = time.monotonic()
        held = {errand for errand, until in self._hold_until.items() if until > now}
        again = self._holds.keys() - held
        errand = None
        # One that was refused before, then one that was not: neither keeps the other waiting.
        self._is_again = not self._is_again
        if self._is_again and again:
            errand = self._writer.run(partial(_next_errand, again.__contains__))
            if errand is None:
                # Dissolved in the meantime.
                for number in again:
                    del self._holds[number]
                again = set()
        if errand is None:
            errand = self._writer.run(partial(_next_errand, lambda number: number not in held | again))
        if errand is not None:
            self._perform(errand)
            return True
        if now >= self._next_batch and (
            self._writer.run(self._assign) or self._writer.run(self._assign_claims)
        ):
            self._next_batch = now + _GATHER_SECONDS
            return True
        if now >= self._look_at_pending:
            self._look_at_pending = now + _RELEASE_SECONDS
            return bool(self._writer.run(self._assign_releases) or again)
        return bool(again)

    # ------------------------------------------------------------------------------------------- batching

    def _assign(self, turn: Turn) -> bool:
        """Fix the next batch: who is in it never changes from here on."""
        waiting = sa.and_(
            issues.c.errand.is_(None), issues.c.voucher_state.is_(None), issues.c.units > issues.c.dropped
        )
        first = turn.connection.execute(
            sa.select(issues.c.matures_at).where(waiting).order_by(issues.c.number).limit(1)
        ).one_or_none()
        if first is None:
            return False
        # Purchases that matured while they waited are the customers' at once.
        soon = turn.books.block_time
        alike = (
            issues.c.matures_at == first.matures_at
            if first.matures_at > soon
            else issues.c.matures_at <= soon
        )
        rows = turn.connection.execute(
            sa.select(issues.c.number, issues.c.address, issues.c.units - issues.c.dropped)
            .where(waiting, alike)
            .order_by(issues.c.number)
            .limit(self._batch_size)
        ).all()
        content = b"".join(
            number.to_bytes(8) + _word(address, units).to_bytes(32) for number, address, units in rows
        )
        kind = PENDING if first.matures_at > soon else ISSUE
        units = sum(row[2] for row in rows)
        errand = desk.new_errand(
            turn,
            kind,
            "0x" + keccak(b"troc.till\0" + self._salt + content).hex(),
            units,
            reserved=units,
            matures_at=first.matures_at if kind == PENDING else 0,
        )
        turn.connection.execute(
            issues.update().where(waiting, alike, issues.c.number <= rows[-1][0]).values(errand=errand)
        )
        return True

    def _assign_claims(self, turn: Turn) -> bool:
        """Submit vouchers that name a customer, which her till handed out: she need not do it."""
        waiting = sa.and_(issues.c.voucher_state == OUT, issues.c.errand.is_(None), issues.c.customer != "")
        rows = turn.connection.execute(
            sa.select(issues.c.number, issues.c.units)
            .where(waiting)
            .order_by(issues.c.number)
            .limit(_CLAIMS_AT_ONCE)
        ).all()
        if not rows:
            return False
        # Each voucher keeps its own reservation until it is seen to be claimed.
        errand = desk.new_errand(turn, CLAIM, f"{len(rows)} vouchers", sum(row.units for row in rows))
        turn.connection.execute(
            issues.update().where(issues.c.number.in_([row.number for row in rows])).values(errand=errand)
        )
        return True

    def _assign_releases(self, turn: Turn) -> bool:
        """Give customers what has matured: whole batches, each once. Anyone could; they need not."""
        released = errands.alias()
        batch = sa.cast(errands.c.id, sa.String)
        mature = turn.connection.execute(
            sa.select(errands.c.id, errands.c.units)
            .where(
                errands.c.state == DONE,
                errands.c.kind == PENDING,
                errands.c.first_id.is_not(None),
                errands.c.matures_at <= turn.books.block_time,
                ~sa.exists().where(released.c.kind == RELEASE, released.c.subject == batch),
            )
            .order_by(errands.c.id)
            .limit(1)
        ).one_or_none()
        if mature is None:
            return False
        desk.new_errand(turn, RELEASE, str(mature.id), mature.units)
        return True

    def _releasing(self, errand: Any) -> Sendable | None:
        """Release what is still pending of a batch, a part at a time; done when nothing is."""
        batch = self._row(errands, errands.c.id == int(errand.subject))
        token, mine = self._token.functions, self._signer.address
        ids = range(batch.first_id, batch.first_id + self._writer.run(partial(_place, batch.id, _BEYOND_ANY)))
        answers = self._chain.read_many([token.pendingOf(mine, id_) for id_ in ids])
        left = [id_ for id_, (_, units, _) in zip(ids, answers, strict=True) if units]
        if not left:
            self._finish(errand, DONE)
            return None
        call: Sendable = token.releasePending(mine, left[:_RELEASES_AT_ONCE])
        return call

    def _words(self, errand: int) -> list[int]:
        def job(turn: Turn) -> list[int]:
            rows = turn.connection.execute(
                sa.select(issues.c.address, issues.c.units - issues.c.dropped)
                .where(issues.c.errand == errand)
                .order_by(issues.c.number)
            )
            return [_word(address, units) for address, units in rows]

        return self._writer.run(job)

    # ------------------------------------------------------------------------------------------ performing

    def _perform(self, errand: Any) -> None:
        try:
            receipt = self._take_up(errand) if errand.state == SIGNED else None
            if receipt is None:
                call = self._call(errand)
                if call is None:
                    return
                receipt = self._chain.send(
                    call,
                    self._signer,
                    on_signed=lambda signed: self._writer.run(partial(_sign, errand.id, signed)),
                    most_gas=_MOST_GAS_REDEMPTION if errand.kind == REDEEM else None,
                )
            if errand.kind in (END_VOUCHER, RELEASE):
                # She may have claimed it in the same moment; a large batch is released in parts.
                if self._call(errand) is not None:
                    self._writer.run(partial(_unsign, errand.id))
            else:
                self._finish(errand, DONE, receipt=receipt)
            if errand.kind == CLAIM:
                self._look_at_vouchers = 0.0
        except NetworkError:
            raise
        except _HeldError:
            self._hold_until[errand.id] = time.monotonic() + _LOOK_SECONDS
        except ContractError as error:
            self._refused(errand, error)
        except TrocError as error:
            self._hold(errand, str(error))

    def _take_up(self, errand: Any) -> Receipt | None:
        """Send again what was signed. None where it can never get into a block any more."""
        signed = Signed(errand.transaction, HexBytes(errand.raw), self._signer.address, errand.nonce, None)
        try:
            return self._chain.submit(signed)
        except (PendingError, ContractError):
            if self._chain.transaction_count(signed.sender) <= signed.nonce:
                raise
            try:
                if self._chain.receipt(signed.transaction) is not None:
                    raise
            except ContractError:
                pass
            self._writer.run(partial(_unsign, errand.id))
            return None

    def _call(self, errand: Any) -> Sendable | None:
        """The call that an errand makes; None where it is settled without one."""
        token = self._token.functions
        if errand.kind in (ISSUE, PENDING):
            reference = bytes.fromhex(errand.subject[2:])
            if self._chain.call(token.referenceUsed(self._signer.address, reference)):
                self._found_on_chain(errand)
                return None
            words = self._words(errand.id)
            return self._batch_call(errand, words) if self._fits(errand, words) else None
        if errand.kind == REDEEM:
            row = self._row(redemptions, redemptions.c.receipt == errand.subject)
            message = Redeem.from_json(json.loads(row.message))
            if self._redeemed(errand, message):
                return None
            return token.redeemFor(message.as_tuple(), bytes.fromhex(row.signature[2:]))
        if errand.kind == CANCEL:
            return self._cancelling(errand)
        if errand.kind == GIVE_BACK:
            return self._giving_back(errand)
        if errand.kind == CLAIM:
            return self._claiming(errand)
        if errand.kind == END_VOUCHER:
            return self._ending_voucher(errand)
        if errand.kind == RELEASE:
            return self._releasing(errand)
        raise AssertionError(errand.kind)

    def _batch_call(self, errand: Any, words: Sequence[int]) -> ContractFunction:
        token, reference = self._token.functions, bytes.fromhex(errand.subject[2:])
        if errand.kind == ISSUE:
            return token.issueBatch(self._grant, reference, words)
        return token.issuePending(self._grant, reference, errand.matures_at, words)

    def _fits(self, errand: Any, words: Sequence[int]) -> bool:
        """Whether a batch fits a block. One that was never signed is dissolved into smaller ones."""
        budget = self._chain.batch_gas()
        if len(words) == 1 or errand.state != STORED or len(words) * _MOST_GAS_EACH < budget:
            return True
        try:
            if self._chain.estimate(self._batch_call(errand, words), self._signer.address) <= budget:
                return True
        except (FundsError, NetworkError):
            # A node gives up where a call needs more gas than a block or the account has; or it is away.
            self._chain.estimate(self._batch_call(errand, words[:1]), self._signer.address)
        self._batch_size = max(1, len(words) // 2)
        self._writer.run(partial(_dissolve, errand.id))
        return False

    def _found_on_chain(self, errand: Any) -> None:
        """A batch that got there although we did not see it arrive."""
        depth = self._chain.block_number() - self._chain.config.confirmations + 1
        token = self._token
        event = token.events.BatchPending() if errand.kind == PENDING else token.events.BatchIssued()
        found = list(
            self._chain.logs(
                event,
                {"issuer": self._signer.address, "batchId": errand.subject},
                from_block=errand.since,
                to_block=max(depth, 0),
            )
        )
        if not found:
            raise _HeldError
        self._finish(
            errand,
            DONE,
            transaction="0x" + bytes(found[0]["transactionHash"]).hex(),
            first_id=found[0]["args"].get("firstId"),
        )

    def _redeemed(self, errand: Any, message: Redeem) -> bool:
        """Whether this very redemption got there although we did not see it arrive."""
        token = self._token
        if self._chain.call(token.functions.nonceOpen(message.holder, message.nonce)):
            return False
        found = self._chain.logs(
            token.events.Redeemed(),
            {"holder": message.holder, "receiptId": message.receipt_id, "agent": self._signer.address},
            from_block=errand.since,
        )
        for event in found:
            # She could have redeemed less for the same receipt by herself.
            if event["args"]["amount"] == message.amount:
                self._finish(errand, DONE, transaction="0x" + bytes(event["transactionHash"]).hex())
                return True
        return False

    def _cancelling(self, errand: Any) -> Sendable | None:
        row = self._row(returns, returns.c.id == errand.subject)
        issue = self._row(issues, issues.c.receipt == row.receipt)
        batch = self._row(errands, errands.c.id == issue.errand)
        if batch.state in OPEN:
            raise _HeldError
        if batch.kind != PENDING or self._chain.now() >= batch.matures_at:
            self._too_late(errand)
            return None
        place = self._writer.run(partial(_place, issue.errand, issue.number))
        id_ = batch.first_id + place
        _, left, _ = self._chain.call(self._token.functions.pendingOf(self._signer.address, id_))
        if left < errand.units:
            # The brand cancelled some of it itself.
            self._finish(errand, FAILED, why=f"{self._brand.text(left)} were pending, not {errand.units}")
            return None
        call: Sendable = self._token.functions.cancelPending(self._signer.address, id_, errand.units)
        return call

    def _claiming(self, errand: Any) -> Sendable | None:
        """Pay vouchers; those that were claimed before are passed over."""
        texts = self._writer.run(partial(_texts_of, errand.id))
        now = self._chain.now()
        good = [signed for signed in map(read_text, texts) if signed.voucher.deadline > now]
        if not good:
            self._finish(errand, DONE)
            return None
        call: Sendable = self._token.functions.claimBatch(
            [(signed.voucher.as_tuple(), signed.signature, ZERO_ADDRESS, b"") for signed in good]
        )
        return call

    def _ending_voucher(self, errand: Any) -> Sendable | None:
        row = self._row(returns, returns.c.id == errand.subject)
        issue = self._row(issues, issues.c.receipt == row.receipt)
        if issue.voucher_state == OUT:
            voucher = read_text(issue.voucher).voucher
            token, mine = self._token.functions, self._signer.address
            is_open, used = self._chain.read_many(
                [token.nonceOpen(mine, voucher.nonce), token.referenceUsed(mine, voucher.receipt_id)]
            )
            if is_open:
                call: Sendable = token.cancelNonces([voucher.nonce])
                return call
        else:
            used = issue.voucher_state == CLAIMED
        self._look_at_vouchers = 0.0
        if used:
            self._too_late(errand)
        else:
            self._finish(errand, DONE)
        return None

    def _giving_back(self, errand: Any) -> Sendable | None:
        row = self._row(returns, returns.c.id == errand.subject)
        spent = self._row(redemptions, redemptions.c.receipt == row.receipt)
        redemption = self._row(errands, errands.c.id == spent.errand)
        if redemption.state in OPEN:
            raise _HeldError
        if redemption.state == FAILED:
            self._finish(errand, FAILED, why="her points were never taken")
            return None
        message = Redeem.from_json(json.loads(spent.message))
        token = self._token.functions
        _, amounts, _ = self._chain.call(token.redemptionOf(message.holder, message.receipt_id))
        units = min(errand.units, sum(amounts))
        if units == 0:
            self._finish(errand, FAILED, why="the points that she spent have expired since")
            return None
        if units < errand.units:
            gone = self._brand.text(errand.units - units)
            self._writer.run(partial(_explain, errand.id, f"{gone} have expired since"))
        call: Sendable = token.giveBackFrom(self._grant, message.holder, message.receipt_id, units)
        return call

    # ------------------------------------------------------------------------------------------- outcomes

    def _refused(self, errand: Any, error: ContractError) -> None:
        if errand.kind in (ISSUE, PENDING) and error.name == "ReferenceUsed":
            return
        if errand.kind == PENDING and error.name == "MaturityOutOfRange":
            # It matured while it waited. The reference stays, so it is paid once in either form.
            self._writer.run(partial(_mature, errand.id))
            return
        if errand.kind == CANCEL and error.name == "AlreadyMature":
            self._too_late(errand)
            return
        if errand.kind == REDEEM and error.name in _HOPELESS:
            row = self._row(redemptions, redemptions.c.receipt == errand.subject)
            if not self._redeemed(errand, Redeem.from_json(json.loads(row.message))):
                self._finish(errand, FAILED, why=str(error))
            return
        if errand.kind == REDEEM:
            row = self._row(redemptions, redemptions.c.receipt == errand.subject)
            if self._chain.now() > Redeem.from_json(json.loads(row.message)).deadline:
                self._finish(errand, FAILED, why=str(error))
                return
        self._hold(errand, str(error))

    def _hold(self, errand: Any, why: str) -> None:
        times = self._holds.get(errand.id, 0) if errand.kind == REDEEM else 0
        self._holds[errand.id] = times + 1
        seconds = min(_HOLD_SECONDS * 2 ** min(times, 16), _LONGEST_HOLD_SECONDS)
        self._hold_until[errand.id] = time.monotonic() + seconds
        if errand.why != why:
            _log.warning("%s waits: %s", errand.kind, why)
            self._writer.run(partial(_explain, errand.id, why))

    def _too_late(self, errand: Any) -> None:
        def job(turn: Turn) -> None:
            turn.connection.execute(
                returns.update()
                .where(returns.c.id == errand.subject)
                .values(debt=returns.c.debt + returns.c.cancelled, cancelled=0)
            )

        self._writer.run(job)
        self._finish(errand, DONE)

    def _finish(
        self,
        errand: Any,
        state: str,
        *,
        receipt: Receipt | None = None,
        transaction: str | None = None,
        first_id: int | None = None,
        why: str | None = None,
    ) -> None:
        values: dict[str, Any] = {"state": state, "raw": None}
        if receipt is not None:
            transaction = receipt.transaction
            if errand.kind == PENDING:
                events = receipt.events(self._token.events.BatchPending())
                first_id = events[0]["args"]["firstId"]
        if transaction is not None:
            values["transaction"] = transaction
        if first_id is not None:
            values["first_id"] = first_id
        if why is not None or (state == DONE and errand.kind != GIVE_BACK):
            values["why"] = why
        # Read after the transaction: what is no longer open is off the grant in this figure.
        observed = self._observed(self._chain.block_number())

        def job(turn: Turn) -> None:
            done = turn.connection.execute(
                errands.update().where(errands.c.id == errand.id, errands.c.state.in_(OPEN)).values(**values)
            )
            if done.rowcount:
                turn.books.open_units -= errand.reserved
            _see(turn, observed)

        self._writer.run(job)
        self._hold_until.pop(errand.id, None)
        self._holds.pop(errand.id, None)
        with self._waiters_lock:
            waiters = self._waiters.pop(errand.id, [])
        for waiter in waiters:
            if waiter.set_running_or_notify_cancel():
                waiter.set_result(None)

    def _tell_debts(self) -> None:
        if self._debts is None:
            return
        for row in self._writer.run(_untold_debts):
            if time.monotonic() < self._tell_debt_at.get(row.id, 0):
                continue
            try:
                self._debts.record_debt(
                    row.customer,
                    row.debt,
                    # The number is this till's own, and the books are every till's.
                    f"till {self._signer.address} {self._grant} return {row.id}",
                    f"returned after the points of {row.receipt} were hers",
                    row.token,
                )
            except TrocError as error:
                # It stays in the till's own books, and must not keep errands waiting.
                _log.warning("the debt of the return %s waits: %s", row.id, error)
                self._tell_debt_at[row.id] = time.monotonic() + _DEBT_SECONDS
                continue
            self._writer.run(partial(_told, row.id))

    def _row(self, table: sa.Table, where: sa.ColumnElement[bool]) -> Any:
        def job(turn: Turn) -> Any:
            return turn.connection.execute(sa.select(table).where(where)).one()

        return self._writer.run(job)


# ----------------------------------------------------------------------------------------- jobs of the writer


def _word(address: str, units: int) -> int:
    """As `pack_batch_word`, of what was checked when it was accepted."""
    return units << 160 | int(address, 16)


def _next_errand(wanted: Callable[[int], bool], turn: Turn) -> Any:
    """The first of those wanted, if any. Redemptions first: a customer stands at the till."""
    query = sa.select(errands.c.id).where(errands.c.state.in_(OPEN))
    order = sa.case((errands.c.state == SIGNED, 0), (errands.c.kind == REDEEM, 1), else_=2)
    for number in turn.connection.scalars(query.order_by(order, errands.c.id)).all():
        if wanted(number):
            return turn.connection.execute(sa.select(errands).where(errands.c.id == number)).one()
    return None


def _sign(errand: int, signed: Signed, turn: Turn) -> None:
    turn.connection.execute(
        errands.update()
        .where(errands.c.id == errand)
        .values(
            state=SIGNED,
            raw="0x" + bytes(signed.raw).hex(),
            transaction=signed.transaction,
            nonce=signed.nonce,
        )
    )


def _unsign(errand: int, turn: Turn) -> None:
    turn.connection.execute(
        errands.update().where(errands.c.id == errand).values(state=STORED, raw=None, nonce=None)
    )


def _dissolve(errand: int, turn: Turn) -> None:
    turn.connection.execute(issues.update().where(issues.c.errand == errand).values(errand=None))
    turn.connection.execute(errands.delete().where(errands.c.id == errand))


def _mature(errand: int, turn: Turn) -> None:
    turn.connection.execute(errands.update().where(errands.c.id == errand).values(kind=ISSUE))


def _explain(errand: int, why: str, turn: Turn) -> None:
    turn.connection.execute(errands.update().where(errands.c.id == errand).values(why=why))


def _place(errand: int, number: int, turn: Turn) -> int:
    query = sa.select(sa.func.count()).where(issues.c.errand == errand, issues.c.number < number)
    return int(turn.connection.scalar(query) or 0)


def _see(turn: Turn, observed: _Observed) -> None:
    books = turn.books
    for name, value in vars(observed).items():
        setattr(books, name, value)


def _note(observed: _Observed, ended: Mapping[str, str], turn: Turn) -> None:
    _see(turn, observed)
    for receipt, state in ended.items():
        row = turn.connection.execute(
            issues.update()
            .where(issues.c.receipt == receipt, issues.c.voucher_state == OUT)
            # A one-time key that has done its work is not kept.
            .values(voucher_state=state, voucher="")
            .returning(issues.c.units)
        ).one_or_none()
        if row is not None:
            turn.books.open_units -= row.units


def _texts_of(errand: int, turn: Turn) -> list[str]:
    rows = turn.connection.execute(
        sa.select(issues.c.voucher).where(issues.c.errand == errand, issues.c.voucher_state == OUT)
    )
    return [row.voucher for row in rows]


def _vouchers_out(turn: Turn) -> list[tuple[str, str]]:
    rows = turn.connection.execute(
        sa.select(issues.c.receipt, issues.c.voucher).where(issues.c.voucher_state == OUT)
    )
    return [(row.receipt, row.voucher) for row in rows]


def _untold_debts(turn: Turn) -> Sequence[Any]:
    return turn.connection.execute(
        sa.select(returns)
        .where(returns.c.debt > 0, returns.c.debt_told.is_(False), returns.c.customer != "")
        .order_by(returns.c.accepted_at)
    ).all()


def _told(id_: str, turn: Turn) -> None:
    turn.connection.execute(returns.update().where(returns.c.id == id_).values(debt_told=True))
