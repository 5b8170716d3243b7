"""Solving: a batch is made, published, settled, and taken up again after a crash.

What a solver commits to lies in its journal before it leaves: the record, each settlement, each signed
transaction. Sent again after any cut, a transaction enters a block at most once, by its nonce.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from eth_utils.crypto import keccak
from web3.types import TxParams

from troc.accounts import Signer
from troc.chain import GAS_MARGIN, TOO_MUCH_GAS, Receipt, Signed
from troc.client import Troc
from troc.errors import ContractError, FundsError, NetworkError, OrderError, PendingError
from troc.index import Index
from troc.market.batches import ORDERS_A_SETTLEMENT, SETTLE_SECONDS, Batches, Candidate, Solution
from troc.market.journal import Journal, JournalledBatch, JournalledSettlement, State
from troc.market.records import called_settlements
from troc.messages import ZERO_ADDRESS, Order, recover
from troc.reverts import UNEXPLAINED
from troc.serving.lock import only_one

MOST_ROUNDS = 4
"""How often a batch is made anew because it could not be settled as it stood."""

DOUBTED_SECONDS = 24 * 3_600
"""How long contract wallets are left out that signed in a rehearsal and not in a block: each time costs a
published record and a settlement.
"""

_AT_ONCE = 16
"""Settlements that are under way at the same time."""

Tell = Callable[[str], None]
"""Told, in words, what is being done."""


@dataclass(frozen=True)
class Settling:
    """What became of a published batch. `settled` are transactions of ours or of whoever came first; `failed`
    says why others could not be settled; `gas` and `fee` (wei) are what was paid, publishing included.
    """

    id: str
    settlements: int
    settled: tuple[str, ...]
    elsewhere: int
    failed: tuple[str, ...]
    gas: int
    fee: int

    def text(self) -> str:
        """In words."""
        parts = [f"batch {self.id[:14]}: {len(self.settled):,} of {self.settlements:,} settled"]
        if self.elsewhere:
            parts.append(f"{self.elsewhere:,} of them by others")
        parts += [f"one was not: {why}" for why in self.failed[:3]]
        if len(self.failed) > 3:
            parts.append(f"and {len(self.failed) - 3:,} more were not")
        return "; ".join(parts)


class Solver:
    """Solves batches of one deployment. Anybody may.

    `url` names the journal's database (none: a file in the folder of the chain), `index` is asked for the
    book (none: the one in the folder of the chain).
    """

    def __init__(self, troc: Troc, url: str | None = None, index: Index | None = None) -> None:
        self._troc = troc
        self._index = Index(troc.chain, troc.manifest) if index is None else index
        self._chain = troc.chain
        self._domain = troc.exchange_domain
        self._batches = Batches(troc.chain, self._domain)
        self._exchange = troc.chain.contract("PointsExchange", self._domain.verifying_contract)
        self._book = troc.chain.contract("OrderBook", troc.manifest.address("OrderBook"))
        self._journal = Journal(troc.chain, self._domain.verifying_contract, url)
        self._doubted: dict[str, int] = {}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the journal: two solvers with one journal would send everything twice."""
        with only_one(self._journal.engine, "solver"):
            yield

    # ------------------------------------------------------------------------------------------ looking

    def propose(
        self,
        most_orders: int = ORDERS_A_SETTLEMENT,
        settle_seconds: int = SETTLE_SECONDS,
        sender: str = ZERO_ADDRESS,
    ) -> tuple[Solution, list[int]]:
        """A cleared batch and the gas of each of its settlements, rehearsed on the latest state.

        Solved again, without whoever made it fail, at most a few times. Raises what the last rehearsal said
        if none succeeds.
        """
        now = self._chain.now()
        leave_out = {maker for maker, until in self._doubted.items() if until > now}
        for _ in range(MOST_ROUNDS):
            solution = self._solve(most_orders, settle_seconds, leave_out)
            try:
                return self._rehearse(solution, sender)
            except ContractError as error:
                refused = error
                if error.name == "NotSignedByMaker":
                    # It said otherwise when it was asked.
                    leave_out.add(error.values["maker"])
                elif self._chain.block_number() == solution.gathered.closing.block:
                    raise
        raise refused

    def _solve(self, most_orders: int, settle_seconds: int, leave_out: set[str]) -> Solution:
        for attempt in range(MOST_ROUNDS):
            closing = self._batches.close(self._index.catch_up().block, settle_seconds)
            launched = {brand.address for brand in self._troc.brands.all()}
            try:
                gathered = self._batches.gather(self._published(), launched, closing, leave_out)
            except NetworkError:
                if attempt == MOST_ROUNDS - 1 or self._chain.header(closing.block).hash == closing.hash:
                    raise
                continue
            return self._batches.solve(gathered, most_orders)
        raise AssertionError("unreachable")

    def _published(self) -> list[Candidate]:
        """Well-signed orders in the sequence in which they were published."""
        return [
            Candidate(bytes.fromhex(found.id[2:]), found.order, found.signature, found.by_key)
            for found in self._index.open_orders()
        ]

    def _rehearse(self, solution: Solution, sender: str) -> tuple[Solution, list[int]]:
        """Each settlement's gas now; cut smaller where one does not fit a block."""
        most = max((len(each.places) for each in solution.settlements), default=0)
        while True:
            try:
                gas = [self._chain.estimate(self._call(each.data), sender) for each in solution.settlements]
                if max(gas, default=0) * GAS_MARGIN <= self._chain.batch_gas():
                    return solution, gas
            except FundsError:
                # A node says the same of who cannot pay and of what no block has room for.
                if most <= 2:
                    raise
            if most <= 2:
                raise OrderError("one settlement does not fit a block", "leave it to another chain")
            most = max(2, most // 2)
            solution = self._batches.cut(solution, most)

    def _call(self, data: bytes) -> TxParams:
        return {"to": self._exchange.address, "data": data}

    # ------------------------------------------------------------------------------------------- acting

    def run(
        self,
        signer: Signer,
        most_orders: int = ORDERS_A_SETTLEMENT,
        settle_seconds: int = SETTLE_SECONDS,
        tell: Tell = lambda _: None,
        first: Solution | None = None,
    ) -> list[Settling]:
        """Take up what was left, then make a batch, publish and settle it, and others while some of it fails.

        `first` is a solution that somebody looked at already. An empty list: nothing can be traded.
        """
        done = self.resume(signer, tell)
        for _ in range(MOST_ROUNDS):
            solution = first or self.propose(most_orders, settle_seconds, signer.address)[0]
            first = None
            if not solution.settlements:
                break
            settling = self.carry_out(solution, signer)
            done.append(settling)
            tell(settling.text())
            if not settling.failed:
                break
        return done

    def carry_out(self, solution: Solution, signer: Signer) -> Settling:
        """Publish a solution and settle it."""
        batch = self._journal.add(
            solution.record, signer.address, [each.data for each in solution.settlements]
        )
        return self._go_on(batch, signer)

    def resume(self, signer: Signer, tell: Tell = lambda _: None) -> list[Settling]:
        """Take up every batch that was cut off."""
        done = []
        for batch in self._journal.unfinished():
            tell(f"taking up batch {batch.id[:14]} again")
            settling = self._go_on(batch, signer)
            if settling.settled or settling.failed:
                done.append(settling)
            tell(settling.text())
        return done

    def _go_on(self, batch: JournalledBatch, signer: Signer) -> Settling:
        receipts: list[Receipt] = []
        why = self._is_void(batch)
        if not why and batch.state is State.OPEN:
            why = self._publish(batch, signer, receipts)
        if why:
            self._journal.end_batch(batch.id, State.GIVEN_UP, why)
            for each in self._journal.settlements(batch.id):
                if each.state is State.OPEN:
                    self._journal.end_settlement(each, State.GIVEN_UP, why=why)
        else:
            self._journal.end_batch(batch.id, State.PUBLISHED)
            self._settle(batch, signer, receipts)
            self._journal.end_batch(batch.id, State.DONE)
        return self._told(batch, receipts)

    def _is_void(self, batch: JournalledBatch) -> str:
        """Why a batch must not go on, if so."""
        if self._chain.now() > batch.record.settle_by:
            return "its time ran out"
        if batch.record.closed_at > self._chain.block_number() or (
            self._chain.header(batch.record.closed_at).hash != batch.record.closed_hash
        ):
            return "the chain dropped the block that it was made from"
        return ""

    def _publish(self, batch: JournalledBatch, signer: Signer, receipts: list[Receipt]) -> str:
        """Publish a record, once; why that failed for good, if so."""
        call = self._book.functions.publishBatch(batch.record.as_tuple())
        try:
            if batch.signed is not None:
                receipts.append(self._chain.submit(batch.signed))
            elif batch.solver != signer.address:
                return f"it was not published, and {batch.solver} was to do so"
            else:
                receipts.append(
                    self._chain.send(
                        call, signer, on_signed=lambda signed: self._journal.sign_batch(batch.id, signed)
                    )
                )
        except PendingError:
            if (
                batch.signed is None
                or self._chain.transaction_count(batch.signed.sender) <= batch.signed.nonce
            ):
                raise
            return "another transaction came in its place"
        except ContractError as error:
            return error.message
        return ""

    def _settle(self, batch: JournalledBatch, signer: Signer, receipts: list[Receipt]) -> None:
        left = [each for each in self._journal.settlements(batch.id) if each.state is State.OPEN]
        for start in range(0, len(left), _AT_ONCE):
            group = self._without_settled(batch, left[start : start + _AT_ONCE])
            sent = [(each, signed) for each in group if (signed := self._start(each, signer)) is not None]
            for each, signed in sent:
                try:
                    receipt = self._chain.submit(signed)
                except ContractError as error:
                    mined = self._chain.mined(signed.transaction)
                    if mined is not None:
                        receipts.append(mined.receipt)
                    self._fail(batch, each, error)
                    continue
                receipts.append(receipt)
                self._journal.end_settlement(each, State.DONE, transaction=receipt.transaction)

    def _without_settled(
        self, batch: JournalledBatch, group: Sequence[JournalledSettlement]
    ) -> list[JournalledSettlement]:
        """Those that nobody settled yet; the others are written down as done."""
        found = {
            keccak(call.data): call.transaction
            for call in called_settlements(self._chain, self._exchange, batch.record.closed_at)
        }
        rest = []
        for each in group:
            transaction = found.get(keccak(each.data))
            if transaction is None:
                rest.append(each)
            else:
                self._journal.end_settlement(each, State.DONE, transaction=transaction)
        return rest

    def _start(self, settlement: JournalledSettlement, signer: Signer) -> Signed | None:
        """Send a settlement without waiting; the very transaction that was signed before, if there is one
        that can still enter a block. None where it fails already in rehearsal.
        """
        signed = settlement.signed
        if signed is not None and self._chain.transaction_count(signed.sender) > signed.nonce:
            # Something else has its nonce, or it is in a block and failed.
            signed = None
        try:
            if signed is None:
                signed = self._chain.sign(self._call(settlement.data), signer)
                self._journal.sign_settlement(settlement, signed)
            self._chain.broadcast(signed)
        except ContractError as error:
            self._doubt(settlement, error)
            self._journal.end_settlement(settlement, State.GIVEN_UP, why=error.message)
            return None
        return signed

    def _fail(self, batch: JournalledBatch, settlement: JournalledSettlement, error: ContractError) -> None:
        """It failed in a block: somebody else settled the same first, or something changed."""
        if self._without_settled(batch, [settlement]):
            self._doubt(settlement, error)
            self._journal.end_settlement(settlement, State.GIVEN_UP, why=error.message)

    def _doubt(self, settlement: JournalledSettlement, error: ContractError) -> None:
        """Leave out whose wallet did not sign, for a while; where rehearsed again it does, nobody can tell
        which of them it was.
        """
        until = self._chain.now() + DOUBTED_SECONDS
        if error.name == "NotSignedByMaker":
            self._doubted[error.values["maker"]] = until
        elif error.name in (UNEXPLAINED, TOO_MUCH_GAS):
            arguments = self._exchange.decode_function_input(settlement.data)[1]
            for told, signature in zip(arguments["orders"], arguments["signatures"], strict=True):
                order = Order.from_chain(told)
                if recover(order, self._domain, bytes(signature)) != order.maker:
                    self._doubted[order.maker] = until

    def _told(self, batch: JournalledBatch, receipts: Sequence[Receipt]) -> Settling:
        settlements = self._journal.settlements(batch.id)
        ours = {receipt.transaction for receipt in receipts}
        settled = [each for each in settlements if each.state is State.DONE]
        return Settling(
            id=batch.id,
            settlements=len(settlements),
            settled=tuple(each.transaction for each in settled),
            elsewhere=sum(
                each.transaction not in ours
                and (each.signed is None or each.signed.transaction != each.transaction)
                for each in settled
            ),
            failed=tuple(each.why for each in settlements if each.state is State.GIVEN_UP),
            gas=sum(receipt.gas_used for receipt in receipts),
            fee=sum(receipt.fee for receipt in receipts),
        )
