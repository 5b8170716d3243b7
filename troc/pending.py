"""Purchases that can be returned: their points are pending, and the customer's own from a date on.

Before that second the issuer or the brand can cancel them, in part or whole; from then on nobody can, and
anyone can release them. They live as if they had been issued at that second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from web3.contract.contract import ContractFunction

from troc import words
from troc.accounts import Signer
from troc.brands import Brand, Brands, MintReport, Progress
from troc.chain import Chain, Receipt
from troc.errors import BrandError, FundsError, InputError, NetworkError, PointsError
from troc.messages import ZERO_ADDRESS
from troc.payouts import Payout

RELEASES_PER_BATCH = 200
_REFERENCE = "pending\0"
"""The same file can be issued at once and as pending: these are two things."""


class PurchaseState(StrEnum):
    """How a purchase's points stand that are neither cancelled nor released."""

    WAITING = "can be returned"
    DUE = "due"
    LAPSED = "expired"


@dataclass(frozen=True)
class Purchase:
    """Points of one purchase that are pending. `issuer` is the zero address for the brand itself.

    `units` in smallest units, what was returned taken off; `matures_at` is the first second at which they are
    the customer's, `expiry` the first at which they will have expired.
    """

    brand: Brand
    issuer: str
    id: int
    customer: str
    units: int
    matures_at: int
    state: PurchaseState

    @property
    def expiry(self) -> int:
        """The first second at which the points are no longer valid, whenever they are released."""
        return self.brand.longest_life(self.matures_at)

    @property
    def until(self) -> str:
        """Until when they are good, in words."""
        if words.never_expires(self.expiry):
            return "good for ever"
        return f"good until {words.last_day(self.expiry)}"

    def __str__(self) -> str:
        name = f"{self.brand.text(self.units)} of purchase {self.id}"
        since = words.moment(self.matures_at)
        if self.state is PurchaseState.WAITING:
            last = words.moment(self.matures_at - 1)
            return f"{name}, which can be returned until {last}; then they are yours, {self.until}"
        if self.state is PurchaseState.DUE:
            return f"{name}, yours since {since}, {self.until}: release them"
        return f"{name}, yours since {since}, never released and expired since {words.day(self.expiry)}"


@dataclass(frozen=True)
class PendingReport:
    """What issuing pending points did. `ids` are those of `payouts`, in the same order, earlier runs
    included.
    """

    mint: MintReport
    issuer: str
    matures_at: int
    payouts: tuple[Payout, ...]
    ids: tuple[int, ...]


@dataclass(frozen=True)
class ReleaseReport:
    """What releasing did: `released` in this run; `units` of them in smallest units."""

    released: tuple[Purchase, ...]
    transactions: tuple[str, ...]

    @property
    def units(self) -> int:
        """Released points, without those that had expired."""
        return sum(each.units for each in self.released if each.state is PurchaseState.DUE)


class Purchases:
    """Pending points of one deployment's brands. `since` is the block from which on logs are read."""

    def __init__(self, chain: Chain, brands: Brands, since: int = 0) -> None:
        self._chain = chain
        self._brands = brands
        self._since = since

    # -------------------------------------------------------------------------------------------- issuing

    def check(
        self,
        brand: Brand,
        payouts: Sequence[Payout],
        matures_at: int,
        signer: str,
        *,
        reference: str = "",
        grant: int | None = None,
    ) -> None:
        """Raise before anything is sent if `signer` cannot issue that much as pending."""
        now = self._chain.now()
        if not now < matures_at < 1 << 40:
            raise InputError(
                f"points cannot mature at {words.moment(matures_at)}", "choose a date to come, as in 30d"
            )
        self._brands.check_mint(brand, payouts, signer, _REFERENCE + reference, grant)
        locked_until = self._brands.grant(brand, signer, grant).locked_until if grant is not None else 0
        if locked_until >= now:
            raise BrandError(
                f"grant {grant} of {signer} is locked, and what a locked grant issues cannot be returned",
                "use a grant without a lock",
            )

    def issue(
        self,
        brand: Brand,
        payouts: Sequence[Payout],
        matures_at: int,
        signer: Signer,
        *,
        reference: str = "",
        grant: int | None = None,
        progress: Progress | None = None,
    ) -> PendingReport:
        """Issue pending points to many, as `Brands.mint` does: stopped and run again, it pays nobody twice,
        and what an earlier run issued keeps its date.
        """
        report = self._brands.mint_pending(
            brand,
            payouts,
            matures_at,
            signer,
            reference=_REFERENCE + reference,
            grant=grant,
            progress=progress,
        )
        issuer = ZERO_ADDRESS if grant is None else signer.address
        firsts = self._first_ids(brand, issuer)
        ids = {
            batch.start + step: firsts[batch.reference] + step
            for batch in report.batches
            for step in range(len(batch.payouts))
        }
        done = {
            batch.start + step: payout
            for batch in report.batches
            for step, payout in enumerate(batch.payouts)
        }
        places = sorted(ids)
        return PendingReport(
            mint=report,
            issuer=issuer,
            matures_at=matures_at,
            payouts=tuple(done[place] for place in places),
            ids=tuple(ids[place] for place in places),
        )

    # -------------------------------------------------------------------------------------------- reading

    def of(self, customer: str, brand: Brand | None = None) -> list[Purchase]:
        """A customer's pending points, of every brand or of one, those that mature soonest first."""
        found = [
            purchase
            for each in ([brand] if brand else self._brands.all())
            for purchase in self.at(each, customer=customer)
        ]
        return sorted(found, key=lambda purchase: (purchase.matures_at, purchase.brand.symbol, purchase.id))

    def at(self, brand: Brand, *, customer: str | None = None, issuer: str | None = None) -> list[Purchase]:
        """A brand's pending points, those that mature soonest first."""
        ids = self._issued(brand, customer, issuer)
        token = self._brands.token(brand).functions
        answers = self._chain.read_many([token.pendingOf(*pair) for pair in ids])
        now = self._chain.now()
        found = [
            _purchase(brand, *pair, answer, now)
            for pair, answer in zip(ids, answers, strict=True)
            if answer[1]
        ]
        return sorted(found, key=lambda purchase: (purchase.matures_at, purchase.issuer, purchase.id))

    def find(self, brand: Brand, id_: int, issuer: str = ZERO_ADDRESS) -> Purchase:
        """One purchase whose points are pending."""
        if not 0 <= id_ < 1 << 256:
            raise InputError(
                f"there is no purchase {id_}", "use the number that `troc brand pending list` shows"
            )
        answer = self._chain.call(self._brands.token(brand).functions.pendingOf(issuer, id_))
        if not answer[1]:
            who = "the brand" if issuer == ZERO_ADDRESS else issuer
            raise PointsError(
                f"nothing is pending of purchase {id_} of {who}: it was returned or released, or never was",
                "see `troc brand pending list`",
            )
        return _purchase(brand, issuer, id_, answer, self._chain.now())

    def _issued(self, brand: Brand, customer: str | None, issuer: str | None) -> list[tuple[str, int]]:
        """(issuer, id) of all purchases that ever were, from the log."""
        filters = {key: value for key, value in (("customer", customer), ("issuer", issuer)) if value}
        event = self._brands.token(brand).events.PendingIssued()
        return [
            (log["args"]["issuer"], log["args"]["id"])
            for log in self._chain.logs(event, filters, self._since)
        ]

    def _first_ids(self, brand: Brand, issuer: str) -> dict[bytes, int]:
        """The first id of each batch of an issuer's, by the batch's reference, from the log."""
        event = self._brands.token(brand).events.BatchPending()
        return {
            bytes(log["args"]["batchId"]): log["args"]["firstId"]
            for log in self._chain.logs(event, {"issuer": issuer}, self._since)
        }

    # --------------------------------------------------------------------------------------------- acting

    def give_back(self, purchase: Purchase, signer: Signer, units: int | None = None) -> Receipt:
        """Take back the points of a purchase that was returned, or a part (`units`) of them.

        Its issuer or the brand can, and only before they mature.
        """
        units = purchase.units if units is None else units
        self.check_return(purchase, units)
        token = self._brands.token(purchase.brand).functions
        return self._chain.send(token.cancelPending(purchase.issuer, purchase.id, units), signer)

    @staticmethod
    def check_return(purchase: Purchase, units: int) -> None:
        """Raise before anything is sent if `units` of a purchase cannot be taken back."""
        if purchase.state is not PurchaseState.WAITING:
            raise PointsError(
                f"the points of purchase {purchase.id} are the customer's since"
                f" {words.moment(purchase.matures_at)}",
                "book the return as a debt (`troc brand members debt`); the chain cannot take them back",
            )
        if not 0 < units <= purchase.units:
            raise PointsError(
                f"{purchase.brand.text(purchase.units)} of purchase {purchase.id} are pending, not"
                f" {purchase.brand.number(units)}",
                "return that much at most",
            )

    def release(
        self, purchases: Iterable[Purchase], signer: Signer, progress: Progress | None = None
    ) -> ReleaseReport:
        """Release what is due, in batches that fit a block. Anyone may.

        What ended in the meantime is passed over.
        """
        groups: dict[tuple[Brand, str], list[Purchase]] = defaultdict(list)
        for purchase in purchases:
            if purchase.state is not PurchaseState.WAITING:
                groups[purchase.brand, purchase.issuer].append(purchase)
        total = sum(map(len, groups.values()))
        done: list[Purchase] = []
        sent: list[str] = []

        def pay(part: list[Purchase]) -> None:
            call = self._release_call(part)
            if len(part) > 1 and not self._fits(call, signer):
                middle = len(part) // 2
                pay(part[:middle])
                pay(part[middle:])
                return
            receipt = self._chain.send(call, signer)
            sent.append(receipt.transaction)
            event = self._brands.token(part[0].brand).events.PendingReleased()
            ended = {log["args"]["id"] for log in receipt.events(event)}
            done.extend(purchase for purchase in part if purchase.id in ended)
            if progress:
                progress(len(done), total)

        for group in groups.values():
            for start in range(0, len(group), RELEASES_PER_BATCH):
                pay(group[start : start + RELEASES_PER_BATCH])
        return ReleaseReport(tuple(done), tuple(sent))

    def _release_call(self, part: Sequence[Purchase]) -> ContractFunction:
        token = self._brands.token(part[0].brand).functions
        return token.releasePending(part[0].issuer, [purchase.id for purchase in part])

    def _fits(self, call: ContractFunction, signer: Signer) -> bool:
        try:
            return self._chain.estimate(call, signer.address) <= self._chain.batch_gas()
        except (FundsError, NetworkError):
            # The node gives up where a call needs more gas than a block or the account has.
            return False


def _purchase(brand: Brand, issuer: str, id_: int, answer: tuple[str, int, int], now: int) -> Purchase:
    customer, units, matures_at = answer
    state = PurchaseState.WAITING
    if now >= matures_at:
        state = PurchaseState.LAPSED if now >= brand.longest_life(matures_at) else PurchaseState.DUE
    return Purchase(brand, issuer, id_, customer, units, matures_at, state)
