"""A till: accepts issues, redemptions and returns durably, and brings them to the chain behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from eth_utils.crypto import keccak
from sqlalchemy.engine import Engine

from troc import words
from troc.accounts import Signer
from troc.brands import Brand
from troc.chain import Chain
from troc.client import Troc
from troc.errors import InputError, NetworkError
from troc.messages import (
    WHOLE_INDEXES,
    ZERO_ADDRESS,
    Redeem,
    pack_nonce,
    recover,
    to_address,
)
from troc.payouts import BATCH_SIZE, LOT_MAX
from troc.points import receipt_id
from troc.serving.lock import only_one
from troc.serving.refusal import RefusalError
from troc.signatures import is_signed
from troc.store import open_store
from troc.till import desk
from troc.till.desk import Limits, Redemption, Return, Sale
from troc.till.errands import DebtBook, Errands
from troc.till.tables import PART, VERSION, books, settings, tables
from troc.till.tokens import holder_of
from troc.till.writer import Issue, Turn, Writer
from troc.vouchers import Draft as VoucherDraft
from troc.vouchers import Nonces, receipt_salt, sign_vouchers

_RECEIPT_BYTES = 100
_HOUR = 3600
_LONGEST_REDEMPTION = 7 * 24 * _HOUR
"""Seconds: a signature that the chain refuses is tried again until it ends."""


class AddressBook(Protocol):
    """Where points of a card go."""

    def addresses_of(self, cards: Sequence[str]) -> list[str | None]:
        """For each card its address, in the same order; None where there is none (or no such card)."""


@dataclass(frozen=True)
class Draft:
    """A redemption for a customer to sign: its receipt, and the message."""

    receipt: str
    message: Redeem


def open_till(url: str) -> Engine:
    """Open a till's database, or make it."""
    engine = open_store(url, tables, PART, VERSION)
    with engine.begin() as connection:
        if connection.scalar(sa.select(books.c.id)) is None:
            zeros = dict.fromkeys(("open_units", "grant_left", "cap", "used_today", "block", "block_time"), 0)
            connection.execute(books.insert().values(id=1, **zeros))
    return engine


class Till:
    """One till of a brand: an issuer's account with a grant, and a database of its own.

    Every request names its token. Amounts are smallest units. `running` starts and stops it.
    """

    def __init__(
        self,
        troc: Troc,
        brand: Brand,
        signer: Signer,
        engine: Engine,
        *,
        grant: int = 0,
        limits: Limits | None = None,
        cards: AddressBook | None = None,
        debts: DebtBook | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self.brand = brand
        self.limits = limits or Limits()
        self._troc = troc
        self._chain: Chain = troc.chain
        self._signer = signer
        self._engine = engine
        self._grant = grant
        self._cards = cards
        self._debts = debts
        self._batch_size = batch_size
        self._domain = brand.domain_of_messages(self._chain.chain_id)
        self._forbidden = {ZERO_ADDRESS, brand.address, troc.manifest.address("PointsExchange")}

    @contextmanager
    def running(self) -> Iterator[Till]:
        """Open the till: take the database for itself, look at the chain, take up what was cut off."""
        with ExitStack() as stack:
            stack.enter_context(only_one(self._engine, "till"))
            self._own()
            self._salt = receipt_salt(self._signer, self._domain)
            self._writer = Writer(self._engine)
            stack.callback(self._writer.close)
            self._errands = Errands(
                self._chain,
                self._troc.brands,
                self.brand,
                self._signer,
                self._grant,
                self._writer,
                self._salt,
                self._debts,
                self._batch_size,
            )
            stack.callback(self._errands.stop)
            self._errands.start()
            yield self

    @property
    def address(self) -> str:
        """The account that issues."""
        return self._signer.address

    @property
    def online(self) -> bool:
        """Whether the chain answered last time."""
        return self._errands.line.online

    @property
    def now(self) -> int:
        """The chain's time, in Unix seconds; while it cannot be asked, what passed is added."""
        return self._errands.line.now

    # ------------------------------------------------------------------------------------------- requests

    def issue(self, token: str, receipt: str, to: str, units: int, matures: str = "") -> Future[Issue]:
        """Accept points for a receipt: done once they are written down. `to`: an address, or a card.

        `matures`: until when the purchase can be returned ("30d", "2027-02-19"); it is hers after the end of
        that hour. Looks a card up, and so may wait.
        """
        customer, address = self._customer_of(token, receipt, to)
        now = self.now
        matures_at = 0
        if matures:
            # Whole hours, so that purchases fit into batches.
            matures_at = -(-(words.parse_until(matures, now) + 1) // _HOUR) * _HOUR
        wanted = Issue(_receipt(receipt), customer, address, self._units(units), matures, matures_at, now)
        # Nobody wakes the errands: issues gather for a moment, and go in one batch.
        return self._writer.submit(desk.accept_issue(self.brand, token, wanted))

    def voucher(self, token: str, receipt: str, units: int, to: str = "", good: str = "30d") -> Issue:
        """Points for a receipt as a signed voucher; works while the chain is away. See `troc.vouchers`.

        `to`: an address or card, for whom the till submits it later; empty: a one-time key, for whoever has
        the text. `good`: until when it can be claimed. Its nonce follows from the receipt, so that a receipt
        has one voucher even if this database were lost.
        """
        customer, address = self._customer_of(token, receipt, to) if to else ("", ZERO_ADDRESS)
        reference = receipt_id(_receipt(receipt), self._salt)
        now = self.now
        signed = sign_vouchers(
            [VoucherDraft(self._units(units), address if to else None, reference)],
            self._domain,
            self._signer,
            deadline=words.parse_until(good, now),
            grant=self._grant,
            nonces=Nonces(reference),
        )[0]
        if signed.voucher.deadline <= now:
            raise InputError(f"{good} has passed", "name a date to come")
        wanted = Issue(receipt, customer, address, units, "", 0, now, signed.to_text())
        job = desk.accept_issue(self.brand, token, wanted, self.limits.vouchers)
        accepted = self._writer.run(job)
        self._errands.wake()
        return accepted

    def draft(self, token: str, receipt: str, holder: str, units: int, good: str = "1h") -> Draft:
        """A redemption for a customer to sign. It works without the chain."""
        holder = to_address(holder, "customer")
        count = self._writer.run(desk.count_redemptions(token, holder))
        lane = int.from_bytes(keccak(b"troc.till\0" + self._salt)[:16])
        lane = (lane + count // WHOLE_INDEXES) % (1 << 128)
        message = Redeem(
            holder=holder,
            amount=self._units(units),
            receipt_id=receipt_id(_receipt(receipt), self._salt),
            agent=self.address,
            deadline=words.parse_until(good, self.now),
            nonce=pack_nonce(lane, 0, count % WHOLE_INDEXES),
        )
        self._check_redemption(receipt, message)
        return Draft(receipt, message)

    def typed_data(self, message: Redeem) -> dict[str, Any]:
        """A message as wallets take it for `eth_signTypedData_v4`."""
        domain = self._domain.values()
        kinds = {"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address"}
        return {
            "domain": domain,
            "primaryType": type(message).__name__,
            "types": {
                "EIP712Domain": [{"name": name, "type": kinds[name]} for name in domain],
                **message.types(),
            },
            "message": message.to_json(),
        }

    def redeem(self, token: str, receipt: str, message: Redeem, signature: bytes) -> Redemption:
        """Keep a customer's signature and take it to the chain. The answer says how far it is."""
        # The token first: what follows tells whether a hash on the chain stands for this receipt.
        before = self._writer.run(desk.known_redemption(token, _receipt(receipt), message))
        if before is not None:
            return before
        self._check_redemption(receipt, message)
        if message.deadline <= self.now:
            raise RefusalError(
                "deadline_passed",
                409,
                f"the signature was good until {words.moment(message.deadline)}",
                "let her sign a new draft",
            )
        balance = self._ask_chain(message, signature)
        accepted = self._writer.run(
            desk.accept_redemption(
                self.brand,
                token,
                receipt,
                message,
                signature,
                balance=balance,
                limits=self.limits,
                now=self.now,
            )
        )
        self._errands.wake()
        return accepted

    def redemption(self, receipt: str) -> Redemption:
        """How a redemption stands."""

        def job(turn: Turn) -> Redemption:
            found = desk.find_redemption(turn, receipt)
            if found is None:
                raise desk.unknown(receipt)
            return found

        return self._writer.run(job)

    def when_over(self, errand: int) -> Future[None]:
        """Done once an errand is done or has failed; ask afterwards how it stands."""
        return self._errands.when_over(errand)

    def give_return(
        self, token: str, id_: str, receipt: str, earned: int | None = None, spent: int | None = None
    ) -> Return:
        """Return goods of a receipt: points earned on them are taken back, points spent on them given back.

        Both None: everything that is left. `id_` is the return's own number, and counts once.
        """
        for units in (earned, spent):
            if units is not None and units < 0:
                raise InputError(f"{units} is below zero", "write 0 or more")
        job = desk.accept_return(self.brand, token, _receipt(id_), _receipt(receipt), earned, spent, self.now)
        done = self._writer.run(job)
        self._errands.wake()
        return done

    def find_return(self, token: str, id_: str) -> Return:
        """How a return stands."""

        def job(turn: Turn) -> Return:
            holder_of(turn, token)
            return desk.find_return(turn, id_)

        return self._writer.run(job)

    def sale(self, token: str, receipt: str) -> Sale:
        """Everything about one receipt."""
        return self._writer.run(desk.find_sale(token, receipt))

    def balance(self, token: str, who: str) -> Any:
        """What a customer holds, by expiry. Asks the chain."""
        self._writer.run(lambda turn: holder_of(turn, token))
        return self._troc.points.holding(self.brand, self._customer(who)[1])

    def status(self, token: str | None) -> dict[str, Any]:
        """How the till stands, in smallest units. None as the token: for whoever runs it."""

        def job(turn: Turn) -> dict[str, Any]:
            if token is not None:
                holder_of(turn, token)
            return desk.summary(turn) | {"books": dict(vars(turn.books)), "room": turn.books.room}

        line = self._errands.line
        return self._writer.run(job) | {"online": line.online, "why": line.why, "chain_time": line.now}

    # -------------------------------------------------------------------------------------------- checks

    def _customer_of(self, token: str, receipt: str, to: str) -> tuple[str, str]:
        """The same for a receipt: one that was accepted keeps its address, wherever the card leads now."""
        if not to.startswith("0x"):

            def job(turn: Turn) -> Issue | None:
                # Whether there is such a card is nobody's business without a token.
                holder_of(turn, token)
                return turn.find_issue(receipt)

            before = self._writer.run(job)
            if before is not None and before.customer == to:
                return to, before.address
        return self._customer(to)

    def _customer(self, to: str) -> tuple[str, str]:
        """How the customer was named, and her address."""
        if to.startswith("0x"):
            customer = address = to_address(to, "customer")
        elif self._cards is None:
            raise InputError(
                f"customer: {to!r} is no address", "write 0x and 40 hex digits, or open the till with cards"
            )
        else:
            customer, found = to, self._cards.addresses_of([to])[0]
            if found is None:
                raise RefusalError(
                    "no_address",
                    404,
                    f"the card {to} is unknown or has no address",
                    "let the brand note the points for the card, or hand out a voucher",
                )
            address = found
        if address in self._forbidden:
            raise InputError(f"{address} cannot hold {self.brand.symbol}", "name a customer's address")
        return customer, address

    def _units(self, units: int) -> int:
        if not 0 < units <= LOT_MAX:
            raise InputError(f"{units} units are no amount", f"use 1 to {LOT_MAX}")
        return units

    def _check_redemption(self, receipt: str, message: Redeem) -> None:
        self._units(message.amount)
        if message.agent != self.address:
            raise InputError(
                f"the redemption names the agent {message.agent}",
                f"let her sign for {self.address}, this till (see the draft)",
            )
        if message.receipt_id != receipt_id(receipt, self._salt):
            raise InputError(
                f"the redemption is for another receipt than {receipt}",
                "let her sign the draft of this receipt",
            )
        if message.deadline > self.now + _LONGEST_REDEMPTION:
            raise InputError(
                f"the redemption is good until {words.moment(message.deadline)}",
                "let her sign one that is good for 7 days or less",
            )

    def _ask_chain(self, message: Redeem, signature: bytes) -> int | None:
        """Her balance, after what the chain would refuse is refused; None where it cannot be asked."""
        by_key = recover(message, self._domain, signature) == message.holder
        unsigned = RefusalError(
            "not_signed",
            403,
            f"the signature is not that of {message.holder}",
            "let her sign the draft again",
        )
        if not self.online:
            if not by_key:
                raise unsigned
            return None
        token = self._troc.brands.token(self.brand).functions
        try:
            balance, is_open, (used, _, _) = self._chain.read_many(
                [
                    token.balanceOf(message.holder),
                    token.nonceOpen(message.holder, message.nonce),
                    token.redemptionOf(message.holder, message.receipt_id),
                ]
            )
            if not by_key and not is_signed(self._chain, message, self._domain, signature):
                raise unsigned
        except NetworkError:
            if not by_key:
                raise unsigned from None
            return None
        if not is_open or used:
            raise RefusalError(
                "nonce_used" if not is_open else "receipt_used",
                409,
                "this signature was used or cancelled before"
                if not is_open
                else f"{message.holder} redeemed for this receipt before",
                "let her sign a new draft, of a new receipt",
            )
        return int(balance)

    def _own(self) -> None:
        """Make sure that the database belongs to this account, grant, brand and chain."""
        whose = f"{self._chain.chain_id} {self.brand.address} {self.address} {self._grant}"
        with self._engine.begin() as connection:
            stored = connection.scalar(sa.select(settings.c.value).where(settings.c.name == "whose"))
            if stored is None:
                connection.execute(settings.insert().values(name="whose", value=whose))
        if stored not in (None, whose):
            raise InputError(
                f"this database is of another till ({stored})",
                "name another --database, or open that till's account",
            )


def _receipt(text: str) -> str:
    if not text or text != text.strip() or len(text) > _RECEIPT_BYTES or not text.isprintable():
        raise InputError(
            f"{text[:20]!r} is no receipt number", f"use 1 to {_RECEIPT_BYTES} letters, digits and signs"
        )
    return text


__all__ = ["AddressBook", "DebtBook", "Draft", "Limits", "Till", "open_till"]
