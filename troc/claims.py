"""Claiming vouchers: how each stands, paying them in batches, ending them before they are paid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from web3.contract.contract import ContractFunction
from web3.types import TxParams

from troc import words
from troc.accounts import Signer
from troc.acts import MOST_NONCES, Act, Acts, Part, act_of
from troc.brands import Brand, Brands, Grant, Progress
from troc.chain import Chain, Receipt
from troc.errors import ContractError, FundsError, InputError, NetworkError, VoucherError, WrongChainError
from troc.messages import ZERO_ADDRESS, CancelNonces, sign, to_address
from troc.payouts import LOT_MAX
from troc.signatures import is_signed
from troc.submitting import Submitter
from troc.vouchers import NO_RECEIPT, Draft, SignedVoucher

CLAIMS_PER_BATCH = 200
_CANCELS_PER_BATCH = MOST_NONCES
_NONCES_PER_FILTER = 100

_ASK = "ask whoever gave it to you for another"


class State(StrEnum):
    """How a voucher stands: exactly one of these."""

    CLAIMABLE = "can be claimed"
    PAID = "paid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    RECEIPT_PAID = "receipt paid"
    STOPPED = "issuer stopped"
    EXHAUSTED = "grant used up"
    TODAY = "not today"
    NO_ROOM = "not this season"
    FORGED = "not signed"


@dataclass(frozen=True)
class VoucherStanding:
    """How a voucher stands, why, and what to do. `paid_to` is who got the points, if it was paid."""

    brand: Brand
    signed: SignedVoucher
    state: State
    why: str
    next_step: str
    paid_to: str = ""

    @property
    def units(self) -> int:
        """What it is worth, in smallest units."""
        return self.signed.voucher.amount

    @property
    def worth(self) -> str:
        """What it is worth, in words."""
        return self.brand.text(self.units)

    def __str__(self) -> str:
        return f"{self.worth}: {self.why}; {self.next_step}"


@dataclass(frozen=True)
class ClaimReport:
    """What a run of `claim` did: `paid` by it, each with who got it; `passed` over, each with why."""

    paid: tuple[VoucherStanding, ...]
    passed: tuple[VoucherStanding, ...]
    transactions: tuple[str, ...]

    @property
    def failed(self) -> tuple[VoucherStanding, ...]:
        """Those that were not paid, now or earlier."""
        return tuple(each for each in self.passed if each.state is not State.PAID)


class Claims:
    """Vouchers of one deployment's brands. `since` is the block from which on logs are read."""

    def __init__(self, chain: Chain, brands: Brands, acts: Acts, exchange: str, since: int = 0) -> None:
        self._chain = chain
        self._brands = brands
        self._acts = acts
        self._exchange = exchange
        self._since = since

    # -------------------------------------------------------------------------------------------- signing

    def check_grant(self, brand: Brand, drafts: Sequence[Draft], issuer: str, grant: int = 0) -> None:
        """Raise before anything is signed that the issuer's grant could not pay."""
        no_holders = (ZERO_ADDRESS, brand.address, self._exchange)
        for draft in drafts:
            if draft.recipient in no_holders:
                raise InputError(f"{draft.recipient} cannot hold {brand.symbol}", "make it out to a customer")
            if not 0 < draft.units <= LOT_MAX:
                raise InputError(
                    f"a voucher cannot be worth {brand.number(draft.units)}", "choose another amount"
                )
        units = sum(draft.units for draft in drafts)
        found = self._brands.grant(brand, issuer, grant)
        if units > found.amount:
            raise VoucherError(
                f"grant {grant} of {issuer} can pay {brand.text(found.amount)}, not {brand.number(units)}",
                f"let the brand raise it: `troc brand issuer {brand.symbol} {issuer} --amount …`",
            )
        largest = max(draft.units for draft in drafts)
        if found.per_day and largest > found.per_day:
            raise VoucherError(
                f"{issuer} can issue {brand.text(found.per_day)} a day, so a voucher of"
                f" {brand.number(largest)} could never be paid",
                "make it smaller, or ask the brand for a higher cap",
            )

    # ------------------------------------------------------------------------------------------- standing

    def standings(self, vouchers: Iterable[SignedVoucher]) -> list[VoucherStanding]:
        """How vouchers stand, in the order given; each once, however often it was given.

        What one grant can pay goes to the first of them. Raises `WrongChainError` and `BrandError` for
        vouchers of another chain or of points that were not launched here.
        """
        found: dict[SignedVoucher, VoucherStanding] = {}
        for brand, part in self._by_brand(dict.fromkeys(each for each in vouchers)):
            found.update(zip(part, self._standings(brand, part), strict=True))
        return list(found.values())

    def _by_brand(self, vouchers: Iterable[SignedVoucher]) -> list[tuple[Brand, list[SignedVoucher]]]:
        parts: dict[str, list[SignedVoucher]] = defaultdict(list)
        for signed in vouchers:
            if signed.chain_id != self._chain.chain_id:
                raise WrongChainError(
                    f"the voucher is for chain {signed.chain_id}, and this is chain {self._chain.chain_id}",
                    "choose its network with --network",
                )
            parts[signed.token].append(signed)
        return [(self._brands.find(token), part) for token, part in parts.items()]

    def _standings(self, brand: Brand, part: list[SignedVoucher]) -> list[VoucherStanding]:
        token = self._brands.token(brand).functions
        issuers = sorted({signed.voucher.issuer for signed in part})
        grants = sorted({(signed.voucher.issuer, signed.voucher.grant_id) for signed in part})
        asked: list[ContractFunction] = [token.liability()]
        asked += [token.grantOf(*grant) for grant in grants]
        asked += [token.nonceOpen(signed.voucher.issuer, signed.voucher.nonce) for signed in part]
        asked += [token.referenceUsed(signed.voucher.issuer, signed.voucher.receipt_id) for signed in part]
        answers = self._chain.read_many(asked)
        liability = answers.pop(0)
        left = {grant: _Left(Grant(*answers.pop(0))) for grant in grants}
        is_open, receipt_used = answers[: len(part)], answers[len(part) :]
        closed = [signed for signed, still in zip(part, is_open, strict=True) if not still]
        paid = {
            (issuer, nonce): (to, units)
            for issuer in issuers
            for nonce, to, units in self._payments(
                brand, issuer, [each.voucher.nonce for each in closed if each.voucher.issuer == issuer]
            )
        }
        look = _Look(
            chain=self._chain,
            brand=brand,
            now=self._chain.now(),
            room=LOT_MAX - liability[0][-1] - liability[2] - liability[3],
            left=left,
            paid=paid,
            was_set=lambda issuer, grant: self._last_grant(brand, issuer, grant),
        )
        return [
            look.at(signed, still, used)
            for signed, still, used in zip(part, is_open, receipt_used, strict=True)
        ]

    def _payments(self, brand: Brand, issuer: str, nonces: Sequence[int]) -> list[tuple[int, str, int]]:
        """(nonce, who got it, units) of those of an issuer's vouchers that were paid."""
        event = self._brands.token(brand).events.VoucherClaimed()
        found = []
        for start in range(0, len(nonces), _NONCES_PER_FILTER):
            filters = {"issuer": issuer, "nonce": list(nonces[start : start + _NONCES_PER_FILTER])}
            for log in self._chain.logs(event, filters, self._since):
                values = log["args"]
                found.append((values["nonce"], values["to"], values["amount"]))
        return found

    def _last_grant(self, brand: Brand, issuer: str, grant: int) -> int:
        """What the brand last set a grant to, in smallest units."""
        event = self._brands.token(brand).events.GrantSet()
        last = 0
        for log in self._chain.logs(event, {"issuer": issuer, "id": grant}, self._since):
            last = log["args"]["amount"]
        return int(last)

    # ------------------------------------------------------------------------------------------- claiming

    def claim(
        self,
        standings: Sequence[VoucherStanding],
        submitter: Submitter,
        to: str | None = None,
        progress: Progress | None = None,
    ) -> ClaimReport:
        """Claim vouchers that `standings` found, in batches that fit a block.

        `to` gets what is made out to one-time keys. `submitter` sends and pays; it need not be `to`. Those
        that cannot be claimed are passed over, so a run that was cut off is simply run again.
        """
        run = _ClaimRun(self._chain, self._acts, submitter, progress)
        ready: dict[str, list[_Ready]] = defaultdict(list)
        passed: list[VoucherStanding] = []
        for standing in standings:
            if standing.state is State.CLAIMABLE:
                ready[standing.brand.address].append(self._ready(standing, to))
            else:
                passed.append(standing)
        named = [each.signed.voucher for part in ready.values() for each in part]
        if to is not None and named and not any(voucher.is_key for voucher in named):
            for voucher in named:
                if to_address(to) != voucher.recipient:
                    raise InputError(
                        f"the voucher is made out to {voucher.recipient}, not to {to}",
                        "leave --to away: anyone can submit it for its recipient",
                    )
        run.total = len(named)
        for part in ready.values():
            token = self._brands.token(part[0].standing.brand)
            for start in range(0, len(part), CLAIMS_PER_BATCH):
                run.pay(token, part[start : start + CLAIMS_PER_BATCH])
        if run.missed:
            passed += self.standings(each.signed for each in run.missed)
        return ClaimReport(tuple(run.paid), (*passed, *run.refused), tuple(run.transactions))

    def _ready(self, standing: VoucherStanding, to: str | None) -> _Ready:
        signed = standing.signed
        domain = standing.brand.domain_of_messages(self._chain.chain_id)
        part = Part(signed.voucher, signed.signature)
        if not signed.voucher.is_key:
            return _Ready(standing, Act((part,), domain))
        if to is None:
            raise InputError("nobody was named to get the points", "name an address with --to")
        to = to_address(to, "recipient")
        claim = Part(*signed.claim_to(to, domain))
        return _Ready(standing, Act((part, claim), domain))

    # ----------------------------------------------------------------------------------------- cancelling

    def cancel(
        self, standings: Sequence[VoucherStanding], signer: Signer, submitter: Submitter | None = None
    ) -> list[Receipt]:
        """End vouchers of the signer's that were not paid yet. Anyone may submit what the issuer signed."""
        nonces: dict[Brand, list[int]] = defaultdict(list)
        for standing in standings:
            if standing.signed.voucher.issuer != signer.address:
                raise VoucherError(
                    f"only {standing.signed.voucher.issuer}, who signed the voucher, can cancel it",
                    "use that account; the brand stops all of its vouchers with `troc brand issuer`",
                )
            if standing.state not in (State.PAID, State.CANCELLED):
                nonces[standing.brand].append(standing.signed.voucher.nonce)
        receipts = []
        for brand, all_nonces in nonces.items():
            token = self._brands.token(brand).functions
            for start in range(0, len(all_nonces), _CANCELS_PER_BATCH):
                part = all_nonces[start : start + _CANCELS_PER_BATCH]
                if submitter is None:
                    receipts.append(self._chain.send(token.cancelNonces(part), signer))
                    continue
                message = CancelNonces(signer.address, tuple(part))
                domain = brand.domain_of_messages(self._chain.chain_id)
                receipts += submitter.submit([act_of(message, sign(message, domain, signer), domain)])
        return receipts


@dataclass
class _Left:
    """What a grant can still pay after the vouchers that were looked at so far."""

    grant: Grant

    def __post_init__(self) -> None:
        self.ever = self.grant.amount
        self.today = max(self.grant.per_day - self.grant.used_today, 0) if self.grant.per_day else LOT_MAX


@dataclass
class _Look:
    """One look at vouchers of one brand."""

    chain: Chain
    brand: Brand
    now: int
    room: int
    left: dict[tuple[str, int], _Left]
    paid: dict[tuple[str, int], tuple[str, int]]
    was_set: Any

    def at(self, signed: SignedVoucher, is_open: bool, receipt_used: bool) -> VoucherStanding:
        voucher = signed.voucher
        brand = self.brand
        domain = brand.domain_of_messages(self.chain.chain_id)

        def standing(state: State, why: str, next_step: str, paid_to: str = "") -> VoucherStanding:
            return VoucherStanding(brand, signed, state, why, next_step, paid_to)

        if not is_signed(self.chain, voucher, domain, signed.signature):
            return standing(State.FORGED, f"it is not signed by {voucher.issuer}, who is to pay it", _ASK)
        if not is_open:
            to, _ = self.paid.get((voucher.issuer, voucher.nonce), ("", 0))
            if to:
                return standing(State.PAID, f"it was paid to {to}", "nothing is left to do", to)
            return standing(State.CANCELLED, "its issuer cancelled it", _ASK)
        if voucher.deadline < self.now:
            return standing(
                State.EXPIRED, f"it could be claimed until {words.moment(voucher.deadline)}", _ASK
            )
        if voucher.receipt_id != NO_RECEIPT and receipt_used:
            return standing(
                State.RECEIPT_PAID,
                "points were issued for its receipt before",
                "look at your balance (`troc points balance`), or ask the brand",
            )
        left = self.left[voucher.issuer, voucher.grant_id]
        if voucher.amount > left.ever:
            if not left.grant.amount and not self.was_set(voucher.issuer, voucher.grant_id):
                return standing(
                    State.STOPPED,
                    f"the brand does not let {voucher.issuer} issue points",
                    "ask the brand for the points, and show it this voucher",
                )
            return standing(
                State.EXHAUSTED,
                f"its issuer can pay {brand.text(left.ever)} and no more",
                "ask the brand to raise the grant, then claim again",
            )
        if voucher.amount > left.today:
            return standing(
                State.TODAY,
                f"its issuer can pay {brand.text(left.today)} more today",
                "claim it tomorrow (UTC)",
            )
        if not left.grant.locked_until and voucher.amount > self.room:
            return standing(
                State.NO_ROOM,
                f"the brand can issue {brand.text(max(self.room, 0))} more in this season",
                "claim it in the next one",
            )
        left.ever -= voucher.amount
        left.today -= voucher.amount
        self.room -= 0 if left.grant.locked_until else voucher.amount
        until = words.moment(voucher.deadline)
        return standing(State.CLAIMABLE, f"it can be claimed until {until}", "claim it (`troc points claim`)")


@dataclass(frozen=True)
class _Ready:
    standing: VoucherStanding
    act: Act

    @property
    def signed(self) -> SignedVoucher:
        return self.standing.signed


class _ClaimRun:
    """One run of claiming."""

    def __init__(self, chain: Chain, acts: Acts, submitter: Submitter, progress: Progress | None) -> None:
        self._chain = chain
        self._acts = acts
        self._submitter = submitter
        self._progress = progress
        self.total = 0
        self.paid: list[VoucherStanding] = []
        self.missed: list[_Ready] = []
        self.refused: list[VoucherStanding] = []
        self.transactions: list[str] = []

    def pay(self, token: Any, part: Sequence[_Ready]) -> None:
        acts = [each.act for each in part]
        is_one = len(part) == 1
        try:
            if not is_one and not self._fits(self._acts.call(acts)):
                self._halve(token, part)
                return
            receipts = self._submitter.submit(acts)
        except ContractError as error:
            # Since they were looked at, something changed for one of them: find out for which.
            if not is_one:
                self._halve(token, part)
            elif error.name in ("NonceUsed", "NonceNotCurrent"):
                self.missed += part
            else:
                self.refused.append(_refused(part[0].standing, error))
            return
        self.transactions += [receipt.transaction for receipt in receipts]
        claimed = {
            (event["args"]["issuer"], event["args"]["nonce"]): event["args"]["to"]
            for receipt in receipts
            for event in receipt.events(token.events.VoucherClaimed())
        }
        for each in part:
            # Of two with one nonce the first was paid.
            to = claimed.pop((each.signed.voucher.issuer, each.signed.voucher.nonce), None)
            if to is None:
                self.missed.append(each)
            else:
                self.paid.append(
                    VoucherStanding(
                        each.standing.brand,
                        each.signed,
                        State.PAID,
                        f"it was paid to {to}",
                        "nothing is left to do",
                        to,
                    )
                )
        if self._progress:
            self._progress(len(self.paid) + len(self.missed) + len(self.refused), self.total)

    def _halve(self, token: Any, part: Sequence[_Ready]) -> None:
        middle = len(part) // 2
        self.pay(token, part[:middle])
        self.pay(token, part[middle:])

    def _fits(self, call: TxParams) -> bool:
        try:
            return self._chain.estimate(call, self._submitter.address) <= self._chain.batch_gas()
        except (FundsError, NetworkError):
            # The node gives up where a call needs more gas than a block or the account has.
            return False


def _refused(standing: VoucherStanding, error: ContractError) -> VoucherStanding:
    states = {
        "DeadlinePassed": State.EXPIRED,
        "GrantExceeded": State.EXHAUSTED,
        "DayCapExceeded": State.TODAY,
        "NoHeadroom": State.NO_ROOM,
        "ReferenceUsed": State.RECEIPT_PAID,
        "NotSignedByIssuer": State.FORGED,
    }
    if error.name not in states:
        raise error
    return VoucherStanding(standing.brand, standing.signed, states[error.name], error.message, error.remedy)
