"""Points of a customer: what she holds and until when, giving away, redeeming, and the exchange's leave to
move them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak
from web3.contract.contract import ContractFunction

from troc import words
from troc.abi import answer_words, words_call
from troc.accounts import Signer
from troc.acts import act_of
from troc.brands import Brand, Brands
from troc.chain import Chain, Receipt
from troc.errors import InputError, PointsError
from troc.messages import (
    UINT256_MAX,
    WHOLE_INDEXES,
    Message,
    Permit,
    Redeem,
    Send,
    pack_nonce,
    sign,
    to_address,
)
from troc.submitting import Submitter

SIGNED_FOR = 1 * words.HOUR
"""How long a message that another account submits at once stays good."""

_NONCES_ASKED = 8


@dataclass(frozen=True)
class Lot:
    """Points that expire together: `units` in smallest units, `expiry` the first second at which they are
    not valid.
    """

    units: int
    expiry: int


@dataclass(frozen=True)
class Holding:
    """One customer's living points of one brand, soonest to expire first.

    `exchange_on` says whether the exchange may move them for signed orders.
    """

    brand: Brand
    account: str
    lots: tuple[Lot, ...]
    exchange_on: bool = True

    @property
    def total(self) -> int:
        """All of them, in smallest units."""
        return sum(lot.units for lot in self.lots)

    def within(self, at_least: int, at_most: int = 0) -> int:
        """Points with `at_least < expiry <= at_most`, where 0 as `at_most` means any, as
        `transferFromWithin` counts.
        """
        return sum(lot.units for lot in self.lots if _fits(lot, at_least, at_most))

    def last_needed(self, units: int) -> Lot:
        """The last lot that is touched when `units` are spent, those that expire soonest first."""
        left = units
        for lot in self.lots:
            left -= lot.units
            if left <= 0 and lot.units:
                return lot
        raise PointsError(
            f"{self.account} has {self.brand.text(self.total)}, not {self.brand.number(units)}",
            "use a smaller amount",
        )

    def without(self, units: int, at_least: int, at_most: int = 0) -> Holding:
        """What is left after `transferFromWithin` of `units`, which must be there."""
        lots = []
        for lot in self.lots:
            taken = min(units, lot.units) if _fits(lot, at_least, at_most) else 0
            units -= taken
            lots.append(Lot(lot.units - taken, lot.expiry))
        return Holding(self.brand, self.account, tuple(lots), self.exchange_on)

    def text(self) -> list[str]:
        """A line for each lot that is not empty: "70 until 31 May 2027, earned in summer 2026"."""
        return [self.lot_text(lot) for lot in self.lots if lot.units]

    def lot_text(self, lot: Lot) -> str:
        """One lot in words."""
        if words.never_expires(lot.expiry):
            return f"{self.brand.number(lot.units)} for ever"
        until, earned = words.last_day(lot.expiry), self.brand.earned(lot.expiry)
        return f"{self.brand.number(lot.units)} until {until}, earned {earned}"


def _fits(lot: Lot, at_least: int, at_most: int) -> bool:
    return at_least < lot.expiry and (at_most == 0 or lot.expiry <= at_most)


def receipt_id(receipt: str, salt: bytes) -> bytes:
    """The public reference of a receipt: a hash that tells nothing to whoever does not know the salt.

    `salt` is 32 secret bytes of the brand's.
    """
    if len(salt) != 32:
        raise InputError(
            f"a salt of {len(salt)} bytes is no secret of 32 bytes", "use secrets.token_bytes(32)"
        )
    return keccak(salt + receipt.encode())


class Points:
    """Points of all brands of one deployment. With a `submitter` the signer only signs, and pays no fee."""

    def __init__(self, chain: Chain, brands: Brands, exchange: str) -> None:
        self._chain = chain
        self._brands = brands
        self._exchange = exchange

    # -------------------------------------------------------------------------------------------- reading

    def holding(self, brand: Brand, account: str, block: int | None = None) -> Holding:
        """What one account holds of one brand, at the end of `block` or now."""
        return self.holdings([(brand, account)], block)[0]

    def holdings(self, pairs: Sequence[tuple[Brand, str]], block: int | None = None) -> list[Holding]:
        """What accounts hold of brands, in the order asked for, in few requests."""
        asked: list[tuple[str, str]] = []
        for brand, account in pairs:
            asked.append((brand.address, words_call("LoyaltyToken", "lotsOf", account)))
            asked.append((brand.address, words_call("LoyaltyToken", "allowance", account, self._exchange)))
        answers = self._chain.call_many(asked, block)
        return [
            Holding(brand, account, lots_of(answer_words(answers[2 * index])), any(answers[2 * index + 1]))
            for index, (brand, account) in enumerate(pairs)
        ]

    def lots(self, brand: Brand, accounts: Sequence[str], block: int | None = None) -> list[tuple[Lot, ...]]:
        """What accounts hold of one brand by expiry, in the order asked for, at the end of `block` or now."""
        asked = [(brand.address, words_call("LoyaltyToken", "lotsOf", account)) for account in accounts]
        return [lots_of(answer_words(answer)) for answer in self._chain.call_many(asked, block)]

    def all_of(self, account: str) -> list[Holding]:
        """What one account holds of every brand, without empty ones."""
        everything = self.holdings([(brand, account) for brand in self._brands.all()])
        return [holding for holding in everything if holding.total]

    # --------------------------------------------------------------------------------------------- acting

    def send(
        self, brand: Brand, to: str, units: int, signer: Signer, submitter: Submitter | None = None
    ) -> Receipt:
        """Give points away, those that expire soonest first."""
        to = to_address(to, "recipient")
        self.check(brand, signer.address, units)
        token = self._brands.token(brand).functions
        if submitter is None:
            return self._chain.send(token.transfer(to, units), signer)
        message = Send(signer.address, to, units, self._deadline(), self._nonce(brand, signer.address))
        return self._submit(brand, message, signer, submitter)

    def redeem(
        self, brand: Brand, units: int, receipt: bytes, signer: Signer, submitter: Submitter | None = None
    ) -> Receipt:
        """Spend points at the brand for a receipt (32 bytes, see `receipt_id`), those that expire soonest
        first.
        """
        self.check(brand, signer.address, units)
        token = self._brands.token(brand).functions
        if submitter is None:
            return self._chain.send(token.redeem(units, receipt), signer)
        message = Redeem(
            holder=signer.address,
            amount=units,
            receipt_id=receipt,
            agent=submitter.agent,
            deadline=self._deadline(),
            nonce=self._nonce(brand, signer.address),
        )
        return self._submit(brand, message, signer, submitter)

    def set_exchange(
        self, brand: Brand, on: bool, signer: Signer, submitter: Submitter | None = None
    ) -> Receipt:
        """Allow or forbid the exchange to move one's points of a brand for signed orders."""
        token = self._brands.token(brand).functions
        value = UINT256_MAX if on else 0
        if submitter is None:
            return self._chain.send(token.approve(self._exchange, value), signer)
        nonce = self._chain.call(token.nonces(signer.address))
        message = Permit(signer.address, self._exchange, value, nonce, self._deadline())
        return self._submit(brand, message, signer, submitter)

    def _submit(self, brand: Brand, message: Message, signer: Signer, submitter: Submitter) -> Receipt:
        domain = brand.domain_of_messages(self._chain.chain_id)
        return submitter.submit([act_of(message, sign(message, domain, signer), domain)])[-1]

    def check(self, brand: Brand, account: str, units: int) -> None:
        """Raise `PointsError` unless the account has that many points of the brand."""
        holding = self.holding(brand, account)
        if holding.total < units:
            raise PointsError(
                f"{account} has {brand.text(holding.total)}, not {brand.number(units)}",
                f"use {brand.number(holding.total)} at most"
                if holding.total
                else f"earn some {brand.symbol} first",
            )

    def _deadline(self) -> int:
        return self._chain.now() + SIGNED_FOR

    def _nonce(self, brand: Brand, holder: str) -> int:
        """The first nonce of the holder that the token still accepts."""
        return first_open_nonce(self._chain, self._brands.token(brand).functions.nonceOpen, holder)


def first_open_nonce(
    chain: Chain,
    open_: Callable[[str, int], ContractFunction],
    holder: str,
    lane_of: Callable[[int], int] = lambda number: number,
) -> int:
    """The first whole nonce of the holder that a contract still accepts, by its function `nonceOpen`.

    `lane_of`: the lane to try when so many are used up.
    """
    used, index = 0, 0
    while True:
        nonces = [pack_nonce(lane_of(used), 0, index + step) for step in range(_NONCES_ASKED)]
        answers = chain.read_many([open_(holder, nonce) for nonce in nonces])
        for nonce, is_open in zip(nonces, answers, strict=True):
            if is_open:
                return nonce
        index += _NONCES_ASKED
        if index >= WHOLE_INDEXES:
            used, index = used + 1, 0


def lots_of(words: Sequence[int]) -> tuple[Lot, ...]:
    """What `lotsOf` answers: four amounts, then their expiries."""
    return tuple(Lot(units, expiry) for units, expiry in zip(words[:4], words[4:], strict=True))
