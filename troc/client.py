"""The client in one object: `connect`, then act in the words that people use.

    t = troc.connect("local", account="customer")
    t.trade(give="100 ACME", want="80 BETA")

Amounts are texts with whole points ("100 ACME"); what comes back counts in smallest units and says so.
Everything that a person decides can be looked at first (`plan_trade`, `quote`, `plan_settlement`), which
sends nothing.
"""

from __future__ import annotations

import getpass
import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from troc import words
from troc.accounts import Signer, address_of, open_account
from troc.acts import Acts
from troc.audit import Audit, Auditor
from troc.book import Book, Entry
from troc.brands import Brand, Brands, LaunchPlan, MintReport, Progress, Status
from troc.chain import Chain, Receipt
from troc.claims import ClaimReport, Claims, VoucherStanding
from troc.domains import Fetch, fetch_https
from troc.errors import AccountError, InputError, OrderError
from troc.manifest import Manifest, load_manifest
from troc.messages import EXCHANGE_NAME, ZERO_ADDRESS, Domain, Order, to_address
from troc.network import load_network, setting
from troc.orders import USUAL_OPEN, Side, SignedOrder, read_order, terms, write_order
from troc.payouts import Payout
from troc.pending import PendingReport, Purchase, Purchases, ReleaseReport
from troc.points import Holding, Points, receipt_id
from troc.settlement import Settlement
from troc.submitting import Direct, Relays, Submitter, check_url
from troc.trade import Quote, Standing, Trade, Trading
from troc.vouchers import (
    Draft,
    Nonces,
    SignedVoucher,
    read_vouchers,
    receipt_salt,
    sign_vouchers,
    write_vouchers,
)

if TYPE_CHECKING:
    from troc.attention.campaigns import Rewards
    from troc.attention.earning import Earnings
    from troc.attention.inbox import Inbox
    from troc.data.client import Data
    from troc.index import Index
    from troc.market.swaps import Market, Swapped, SwapQuote

_log = logging.getLogger(__name__)

Opener = Callable[[], Signer]
"""Opens an account when something is to be signed, and not before."""

USUAL_VALID = "90d"
"""How long a voucher can be claimed, where nobody said otherwise."""

UNNAMED = AccountError("no account was named", "name one: connect(..., account=NAME)")

MOST_VOUCHERS = 100_000


@dataclass(frozen=True)
class Outcome:
    """What `trade` did: `took` says whether an open order was taken, else one was published.

    `order` is the order that was taken or published, `transaction` the hash of the transaction that did it.
    """

    took: bool
    order: SignedOrder
    transaction: str
    text: str

    def __str__(self) -> str:
        return self.text


class Troc:
    """One deployment, seen by one account. `connect` makes it.

    `brands`, `points`, `book` and `orders` are the parts that it is made of, for programs that need more
    than the methods here. Every method may raise `troc.errors.TrocError`, which says in one line what is
    wrong and what to do.
    """

    def __init__(
        self,
        chain: Chain,
        manifest: Manifest,
        address: str | None = None,
        open_signer: Opener | None = None,
        open_submitter: Opener | None = None,
        fetch: Fetch = fetch_https,
        unnamed: AccountError = UNNAMED,
        relays: Sequence[str] = (),
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.chain = chain
        self._unnamed = unnamed
        self.manifest = manifest
        exchange = manifest.address("PointsExchange")
        domain = Domain(EXCHANGE_NAME, chain.chain_id, exchange)
        since = manifest.first_block
        self.brands = Brands(chain, manifest.address("Brands"), exchange, since, fetch)
        self.points = Points(chain, self.brands, exchange)
        deployed = {name: each.address for name, each in manifest.contracts.items()}
        self.acts = Acts(chain, self.brands, domain, manifest.address("OrderBook"), deployed)
        self.claims = Claims(chain, self.brands, self.acts, exchange, since)
        self.purchases = Purchases(chain, self.brands, since)
        self._indexes: list[Index | None] = []
        self.book = Book(
            chain, manifest.address("OrderBook"), domain, self.brands, since, self._index_or_none
        )
        self.orders = Trading(chain, domain, self.brands, self.points, self.book, since, self._index_or_none)
        self._auditor = Auditor(chain, self.brands, self.points, exchange, since)
        self.exchange_domain = domain
        self._say = say or _log.warning
        self._act_as(address, open_signer, open_submitter, relays)

    def _act_as(
        self,
        address: str | None,
        open_signer: Opener | None,
        open_submitter: Opener | None,
        relays: Sequence[str],
    ) -> None:
        self._address = address
        self._open_signer = open_signer
        self._open_submitter = open_submitter
        self._signer: Signer | None = None
        self._payer: Signer | None = None
        self._market: Market | None = None
        self._data: Data | None = None
        self._attention: Rewards | None = None
        self._inbox: Inbox | None = None
        self._earnings: Earnings | None = None
        self._relays = tuple(check_url(url) for url in relays)

    def as_account(
        self,
        account: str | Signer,
        submit_with: str | Signer | None = None,
        relays: Sequence[str] = (),
    ) -> Troc:
        """The same deployment, seen by another account; what was read so far is shared."""
        other = object.__new__(Troc)
        other.__dict__.update(self.__dict__)
        other._act_as(*_openers(self.chain, account, submit_with, None, None), relays)
        return other

    @property
    def index(self) -> Index:
        """The index of this chain, in the database of its folder. Raises `InputError` without SQLAlchemy."""
        found = self._index_or_none()
        if found is None:
            raise InputError(
                "this needs the index, and the index SQLAlchemy",
                "run `pip install '.[store]'` in the folder of this project",
            )
        return found

    def _index_or_none(self) -> Index | None:
        # Shared by all accounts of this deployment; opened when something first asks for it.
        if not self._indexes:
            self._indexes.append(_open_index(self.chain, self.manifest))
        return self._indexes[0]

    # ----------------------------------------------------------------------------------------- who acts

    @property
    def address(self) -> str:
        """The address of the account that acts."""
        if self._address is None:
            raise self._unnamed
        return self._address

    @property
    def is_named(self) -> bool:
        """Whether an account was named that acts."""
        return self._address is not None

    @property
    def signer(self) -> Signer:
        """The account that acts, opened."""
        if self._signer is None:
            if self._open_signer is None:
                raise self._unnamed
            self._signer = self._open_signer()
        return self._signer

    @property
    def has_relays(self) -> bool:
        """Whether relays submit what the account signs, and pay for it."""
        return bool(self._relays)

    @property
    def submitter(self) -> Submitter | None:
        """Who brings what the account signs to the chain; None where the account does so itself."""
        if self._relays:
            return Relays(self.chain, self.acts, self._relays, lambda: self.sender, self._say)
        return None if self._open_submitter is None else Direct(self.chain, self.acts, self.sender)

    @property
    def anyone(self) -> Submitter:
        """Who submits what anybody may: the `submitter`, else the account that acts."""
        return self.submitter or Direct(self.chain, self.acts, self.sender)

    @property
    def sender(self) -> Signer:
        """Who sends transactions and pays for them, opened; where there are relays, only what they do not
        take.
        """
        if self._open_submitter is None:
            return self.signer
        if self._payer is None:
            self._payer = self._open_submitter()
        return self._payer

    # ------------------------------------------------------------------------------------------- brands

    def brand(self, name: str | Brand) -> Brand:
        """The brand of that symbol, proven domain or address."""
        return self.brands.find(name)

    def side(self, text: str) -> Side:
        """What "120 PANIER" means: a brand, and an amount in its smallest units."""
        quantity = words.parse_quantity(text)
        brand = self.brands.find(quantity.name)
        return Side(brand, words.to_units(quantity.amount, brand.decimals, brand.symbol))

    def plan_launch(self, name: str, symbol: str, valid: str = "12 months", **options: Any) -> LaunchPlan:
        """Check a launch, and work out its dates. Options as for `Brands.plan`; the account that acts is
        the owner.
        """
        return self.brands.plan(name, symbol, valid, **{"owner": self._address, **options})

    def launch(self, name: str, symbol: str, valid: str = "12 months", **options: Any) -> Brand:
        """Launch a brand's points that live for at most `valid`, as `plan_launch` would."""
        return self.brands.launch(self.plan_launch(name, symbol, valid, **options), self.sender)

    def mint(
        self,
        brand: str | Brand,
        payouts: Path | str | Mapping[str, int | str],
        *,
        reference: str = "",
        grant: int | None = None,
        progress: Progress | None = None,
    ) -> MintReport:
        """Issue points to many: a CSV or Parquet file, or whole points by address.

        Checked whole before anything is sent; run again after a cut, it pays nobody twice. `reference`
        tells apart two files of the same content.
        """
        brand = self.brand(brand)
        checked = self.read_payouts(brand, payouts)
        self.check_mint(brand, checked, reference=reference, grant=grant)
        return self.mint_payouts(brand, checked, reference=reference, grant=grant, progress=progress)

    def read_payouts(self, brand: Brand, payouts: Path | str | Mapping[str, int | str]) -> list[Payout]:
        """Check whom to pay, as a whole."""
        if not isinstance(payouts, Mapping):
            return self.brands.read_file(brand, Path(payouts))
        return [
            Payout(
                to_address(address),
                words.to_units(words.parse_amount(str(amount)), brand.decimals, brand.symbol),
            )
            for address, amount in payouts.items()
        ]

    def check_mint(
        self, brand: Brand, payouts: Sequence[Payout], *, reference: str = "", grant: int | None = None
    ) -> int:
        """What is not issued yet, in smallest units. Raises before anything is sent if the account that acts
        cannot issue that much.
        """
        return self.brands.check_mint(brand, payouts, self.address, reference, grant)

    def mint_payouts(
        self,
        brand: Brand,
        payouts: Sequence[Payout],
        *,
        reference: str = "",
        grant: int | None = None,
        progress: Progress | None = None,
    ) -> MintReport:
        """Issue points to payouts that were checked."""
        return self.brands.mint(
            brand, payouts, self.signer, reference=reference, grant=grant, progress=progress
        )

    def status(self, brand: str | Brand) -> Status:
        """How a brand stands: its books, and what it owes by date."""
        return self.brands.status(self.brand(brand))

    def audit(self, brand: str | Brand) -> Audit:
        """A brand's books, counted anew from the log and every holder's balance."""
        return self._auditor.audit(self.brand(brand))

    # ------------------------------------------------------------------------------------------- points

    def balance(self, brand: str | Brand, account: str | None = None) -> Holding:
        """What an account (none: the one that acts) holds of a brand, by expiry."""
        return self.points.holding(self.brand(brand), account or self.address)

    def holdings(self, account: str | None = None) -> list[Holding]:
        """What an account (none: the one that acts) holds of every brand, by expiry."""
        return self.points.all_of(account or self.address)

    def send(self, points: str, to: str) -> Receipt:
        """Give points away: `send("30 PANIER", "0x…")`."""
        side = self.side(points)
        return self.points.send(side.brand, to, side.units, self.signer, self.submitter)

    def redeem(self, points: str, receipt: bytes) -> Receipt:
        """Spend points at their brand for a receipt that it gave (32 bytes)."""
        side = self.side(points)
        return self.points.redeem(side.brand, side.units, receipt, self.signer, self.submitter)

    def give_back(self, points: str, holder: str, receipt: bytes, grant: int | None = None) -> Receipt:
        """Give points ("20 PANIER") of a redemption back, whose goods came back: as the brand, or out of a
        grant of this account's. They live no longer than before.
        """
        side = self.side(points)
        found = self.brands.redemption(side.brand, holder, receipt)
        return self.brands.give_back(side.brand, found, side.units, self.signer, grant)

    def receipt(self, brand: str | Brand, text: str) -> bytes:
        """The public reference of a receipt, 32 bytes, that a customer names in `redeem`.

        `text` is what the brand calls it ("basket 4711"). It is hashed with a salt that only the account
        that acts can make, so that nobody finds the text by trying; the same text gives the same again.
        """
        if not text.strip():
            raise InputError("a receipt needs a name", 'write what you call it, as in "basket 4711"')
        domain = self.brand(brand).domain_of_messages(self.chain.chain_id)
        return receipt_id(text, receipt_salt(self.signer, domain))

    def set_exchange(self, brand: str | Brand, on: bool) -> Receipt:
        """Allow or forbid the exchange to move one's points of a brand for signed orders."""
        return self.points.set_exchange(self.brand(brand), on, self.signer, self.submitter)

    # ------------------------------------------------------------------------------------------ vouchers

    def draft_vouchers(
        self,
        brand: str | Brand,
        points: str | int | Path | Mapping[str, int | str],
        to: str | None = None,
        count: int = 1,
    ) -> list[Draft]:
        """What vouchers are to pay: whole points for `to`, or for each of `count` new one-time keys; or a
        file or mapping of address and amount.
        """
        brand = self.brand(brand)
        if isinstance(points, (Path, Mapping)):
            return [Draft(payout.units, payout.address) for payout in self.read_payouts(brand, points)]
        units = words.to_units(words.parse_amount(str(points)), brand.decimals, brand.symbol)
        if not 0 < count <= MOST_VOUCHERS:
            raise InputError(f"{count} vouchers are out of range", f"sign 1 to {MOST_VOUCHERS:,} at once")
        if to is not None and count != 1:
            raise InputError("one customer needs one voucher", "leave the count away, or name a file")
        return [Draft(units, to and to_address(to, "recipient"))] * count

    def sign_vouchers(
        self,
        brand: str | Brand,
        drafts: Sequence[Draft],
        *,
        grant: int = 0,
        valid: str = USUAL_VALID,
        receipt: str = "",
    ) -> list[SignedVoucher]:
        """Sign vouchers against a grant of the account that acts; nothing is sent.

        `valid`: until when they can be claimed ("90d", "2027-02-19"). `receipt`: what they are for, in the
        issuer's own words; only its salted hash is in the voucher. Vouchers for one receipt share their
        nonces: signed twice, they are paid once.
        """
        brand = self.brand(brand)
        self.claims.check_grant(brand, drafts, self.address, grant)
        domain = brand.domain_of_messages(self.chain.chain_id)
        nonces = Nonces()
        if receipt:
            salt = receipt_salt(self.signer, domain)
            names = [receipt] if len(drafts) == 1 else [f"{receipt}/{n}" for n, _ in enumerate(drafts, 1)]
            drafts = [
                Draft(draft.units, draft.recipient, receipt_id(name, salt))
                for draft, name in zip(drafts, names, strict=True)
            ]
            nonces = Nonces(receipt_id(receipt, salt))
        deadline = words.parse_until(valid, self.chain.now())
        return sign_vouchers(drafts, domain, self.signer, deadline=deadline, grant=grant, nonces=nonces)

    def sign_voucher(self, points: str, to: str | None = None, **options: Any) -> SignedVoucher:
        """Sign one voucher: `sign_voucher("50 PANIER")` for a one-time key. Options as for
        `sign_vouchers`.
        """
        amount, _, name = points.strip().partition(" ")
        brand = self.brand(name)
        return self.sign_vouchers(brand, self.draft_vouchers(brand, amount, to), **options)[0]

    def check_vouchers(self, *sources: str | Path | SignedVoucher) -> list[VoucherStanding]:
        """What vouchers (texts, links, files) are worth, and whether they can still be claimed."""
        return self.claims.standings(
            voucher
            for source in sources
            for voucher in ([source] if isinstance(source, SignedVoucher) else read_vouchers(source))
        )

    def claim(
        self, *sources: str | Path | SignedVoucher, to: str | None = None, progress: Progress | None = None
    ) -> ClaimReport:
        """Claim vouchers. What is made out to one-time keys goes to `to` (none: to the account that acts).

        The account that acts signs nothing; with `submit_with` it needs no ether and is not opened.
        """
        return self.claim_checked(self.check_vouchers(*sources), to=to, progress=progress)

    def claim_checked(
        self,
        standings: Sequence[VoucherStanding],
        *,
        to: str | None = None,
        progress: Progress | None = None,
    ) -> ClaimReport:
        """Claim what `check_vouchers` found."""
        if to is None and any(each.signed.voucher.is_key for each in standings):
            to = self.address
        return self.claims.claim(standings, self.anyone, to, progress)

    def cancel_vouchers(self, *sources: str | Path | SignedVoucher) -> list[Receipt]:
        """End vouchers that the account that acts has signed, as far as they are not paid."""
        return self.claims.cancel(self.check_vouchers(*sources), self.signer, self.submitter)

    @staticmethod
    def write_vouchers(vouchers: Sequence[SignedVoucher], path: Path | str) -> Path:
        """Write vouchers to a new file, one-time keys included."""
        return write_vouchers(vouchers, Path(path))

    # ------------------------------------------------------------------------- purchases that can be returned

    def issue_pending(
        self,
        brand: str | Brand,
        payouts: Path | str | Mapping[str, int | str] | Sequence[Payout],
        matures: str,
        *,
        reference: str = "",
        grant: int | None = None,
        progress: Progress | None = None,
    ) -> PendingReport:
        """Issue points that are the customers' once the time to return the goods is over.

        `payouts` as for `mint`; a file may have a column `receipt`, and then a customer may stand in several
        lines. `matures`: the last day on which they can be returned ("30d", "2027-02-19").
        """
        brand = self.brand(brand)
        checked = self.read_purchases(brand, payouts)
        matures_at = self.matures_at(matures)
        self.purchases.check(brand, checked, matures_at, self.address, reference=reference, grant=grant)
        return self.purchases.issue(
            brand, checked, matures_at, self.signer, reference=reference, grant=grant, progress=progress
        )

    def read_purchases(
        self, brand: Brand, payouts: Path | str | Mapping[str, int | str] | Sequence[Payout]
    ) -> list[Payout]:
        """Check purchases, as a whole."""
        if isinstance(payouts, Mapping):
            return self.read_payouts(brand, payouts)
        if isinstance(payouts, (str, Path)):
            return self.brands.read_file(brand, Path(payouts), receipts=True)
        return list(payouts)

    def matures_at(self, matures: str) -> int:
        """The first second at which points can no longer be taken back that can be returned for so long."""
        return words.parse_until(matures, self.chain.now()) + 1

    def pending(self, account: str | None = None, brand: str | Brand | None = None) -> list[Purchase]:
        """Pending points of an account (none: the one that acts), those that mature soonest first."""
        return self.purchases.of(account or self.address, None if brand is None else self.brand(brand))

    def return_pending(
        self, brand: str | Brand, purchase: int, part: str | int | None = None, issuer: str = ZERO_ADDRESS
    ) -> Receipt:
        """Take back the points of a purchase that was returned, or a part of them in whole points.

        `issuer`: who issued them (none: the brand itself).
        """
        brand = self.brand(brand)
        found = self.purchases.find(brand, purchase, issuer)
        units = (
            None
            if part is None
            else words.to_units(words.parse_amount(str(part)), brand.decimals, brand.symbol)
        )
        return self.purchases.give_back(found, self.signer, units)

    def release_pending(
        self, brand: str | Brand, *, account: str | None = None, progress: Progress | None = None
    ) -> ReleaseReport:
        """Release a brand's pending points that are due, of one account or (none) of all. Anyone may."""
        found = self.purchases.at(self.brand(brand), customer=account)
        return self.purchases.release(found, self.sender, progress)

    # ------------------------------------------------------------------------------------------- trading

    def trade(
        self,
        give: str,
        want: str,
        *,
        live: str | None = None,
        until: str = USUAL_OPEN,
        in_parts: bool = False,
        only: str | None = None,
        new: bool = False,
    ) -> Outcome:
        """Take a fitting open order, else publish one; the outcome says which.

        `live`: until when the points must be good that are got ("90d", "2027-02-19"; none: 30 days),
        `until`: how long the order stays open, `in_parts`: whether parts of it may be settled, `only`: the
        address of the only taker, `new`: make an order in any case, also if one that fits is open or the same
        terms are offered already.
        """
        return self.carry_out(
            self.plan_trade(give, want, live=live, until=until, in_parts=in_parts, only=only, new=new)
        )

    def plan_trade(
        self,
        give: str,
        want: str,
        *,
        live: str | None = None,
        until: str = USUAL_OPEN,
        in_parts: bool = False,
        only: str | None = None,
        new: bool = False,
    ) -> Quote | Order:
        """What `trade` would do: take an open order as quoted, or sign and publish this one.

        Raises `OrderError` where the same terms stand in an open order of one's own: a program that runs
        twice offers its points once.
        """
        order = self.draft(give, want, live=live, until=until, in_parts=in_parts, only=only)
        if new:
            return order
        if only is None:
            sides = self.side(give), self.side(want)
            found = self.orders.best(self.address, *sides, order.want_points_living_until)
            if found is not None:
                return found
        for own in self.orders.open_of(self.address, self.side(give).brand):
            if _same_terms(own.order, order):
                raise OrderError(
                    f"you offer just that already, in the open order {own.entry.id[:14]}",
                    "wait for a taker, end it with `troc trade cancel`, or offer it once more"
                    " (`troc trade order --new`, in Python new=True)",
                )
        return order

    def carry_out(self, plan: Quote | Order) -> Outcome:
        """Do what `plan_trade` said."""
        if isinstance(plan, Quote):
            receipt = self.orders.take(plan, self.signer, self.submitter)
            signed = plan.standing.entry.signed
            return Outcome(
                True, signed, receipt.transaction, f"Took the order {signed.id[:14]}. {plan.text()}"
            )
        signed = self.sign(plan)
        receipt = self.publish(signed)
        return Outcome(
            False, signed, receipt.transaction, f"Published the order {signed.id[:14]}. {self.terms(plan)}"
        )

    def draft(
        self,
        give: str,
        want: str,
        *,
        live: str | None = None,
        until: str = USUAL_OPEN,
        in_parts: bool = False,
        only: str | None = None,
        unpublished: bool = False,
    ) -> Order:
        """An order in the words of `trade`, ready to be read and signed. `unpublished`: it goes to a file."""
        now = self.chain.now()
        return self.orders.draft(
            self.address,
            self.side(give),
            self.side(want),
            open_until=words.parse_until(until, now),
            live_until=None if live is None else words.parse_until(live, now),
            allow_partial=in_parts,
            only_taker=ZERO_ADDRESS if only is None else to_address(only, "the only taker"),
            unpublished=unpublished,
        )

    def terms(self, order: Order, you: bool = True) -> str:
        """An order in words. `you`: as its maker reads it before she signs."""
        give, want = self.brands.find(order.give_token), self.brands.find(order.want_token)
        return terms(order, give, want, you)

    def sign(self, order: Order) -> SignedOrder:
        """Sign an order."""
        return self.orders.sign(order, self.signer)

    def publish(self, *orders: SignedOrder) -> Receipt:
        """Publish signed orders in the log."""
        return self.book.publish(orders, self.anyone)

    def find(self, name: str | Path | SignedOrder | Entry) -> Entry:
        """The order of that id (or its beginning), or in that file, checked."""
        if isinstance(name, Entry):
            return name
        if isinstance(name, str) and not name.endswith(".json") and not Path(name).is_file():
            return self.book.find(name)
        file = None if isinstance(name, SignedOrder) else Path(name)
        signed = name if isinstance(name, SignedOrder) else read_order(Path(name), self.exchange_domain)
        self.book.check(signed)
        return Entry(signed, file=file)

    def show(self, name: str | Path | SignedOrder | Entry) -> Standing:
        """How an order stands: exactly one state, and the next step."""
        return self.orders.standing(self.find(name), self._address or "")

    def open_orders(
        self, give: str | Brand | None = None, want: str | Brand | None = None, maker: str | None = None
    ) -> list[Standing]:
        """Published orders that can be taken now, oldest first."""
        giving, wanting = (None if name is None else self.brand(name) for name in (give, want))
        standings = self.orders.standings(self.book.entries(giving, wanting, maker), self._address or "")
        return [standing for standing in standings if standing.state.can_be_taken]

    @overload
    def quote(
        self, name: str | Path | SignedOrder | Entry, amount: str | None = None, live: str | None = None
    ) -> Quote: ...

    @overload
    def quote(self, *, give: str, want: str, live: str | None = None) -> SwapQuote: ...

    def quote(
        self,
        name: str | Path | SignedOrder | Entry | None = None,
        amount: str | None = None,
        live: str | None = None,
        *,
        give: str = "",
        want: str = "",
    ) -> Quote | SwapQuote:
        """What taking an order would mean. `amount`: of what its maker gives, in whole points (none: all of
        it).

        Without an order, what the standing orders give now, over several if need be:
        `quote(give="120 PANIER", want="BIOBOX")` for as much as possible, or
        `quote(give="PANIER", want="80 BIOBOX")` for as little.
        """
        if name is None:
            return self.market.quote(give, want, live=live)
        standing = self.show(name)
        units = None
        if amount is not None:
            units = words.to_units(words.parse_amount(amount), standing.give.decimals, standing.give.symbol)
        live_until = None if live is None else words.parse_until(live, self.chain.now())
        return self.orders.quote(standing, self.address, units, live_until)

    def swap(self, give: str, want: str, **options: Any) -> Swapped:
        """Take the best way over standing orders in one settlement, at a worst price or better:
        `swap("120 PANIER", "BIOBOX", worst="80 BIOBOX")`. Options as for `troc.market.swaps.Market.swap`.
        """
        return self.market.swap(give, want, **options)

    @property
    def market(self) -> Market:
        """The market as this account sees it. It reads the index."""
        # Needs SQLAlchemy, NumPy and SciPy, which not everybody has.
        from troc.market.swaps import Market

        if self._market is None:
            self._market = Market(self)
        return self._market

    @property
    def data(self) -> Data:
        """The market for data as this account sees it. It keeps a book, with SQLAlchemy."""
        from troc.data.client import Data

        if self._data is None:
            self._data = Data(self)
        return self._data

    @property
    def inbox(self) -> Inbox:
        """The paid inbox as this account sees it. Raises `NotDeployedError` where there is none."""
        from troc.attention.inbox import Inbox

        if self._inbox is None:
            self._inbox = Inbox(self)
        return self._inbox

    @property
    def attention(self) -> Rewards:
        """Campaigns of paid attention as this account sees them."""
        from troc.attention.campaigns import Rewards

        if self._attention is None:
            self._attention = Rewards(self)
        return self._attention

    @property
    def earnings(self) -> Earnings:
        """What this account has earned by paid attention. It keeps a book of slips, with SQLAlchemy."""
        from troc.attention.earning import Earnings

        if self._earnings is None:
            self._earnings = Earnings(self)
        return self._earnings

    def accept(
        self, name: str | Path | SignedOrder | Entry, amount: str | None = None, live: str | None = None
    ) -> Receipt:
        """Take an order, as `quote` says."""
        return self.orders.take(self.quote(name, amount, live), self.signer, self.submitter)

    def plan_settlement(
        self, names: Iterable[str | Path | SignedOrder | Entry]
    ) -> tuple[list[Standing], Settlement]:
        """The transfers that settle several orders that fit together, rings included."""
        return self.orders.plan_settlement([self.find(name) for name in names], self._address or ZERO_ADDRESS)

    def settle(self, names: Iterable[str | Path | SignedOrder | Entry]) -> Receipt:
        """Settle several orders that fit together. The account that acts is no party to it."""
        standings, settlement = self.plan_settlement(names)
        return self.settle_signed([standing.entry for standing in standings], settlement)

    def settle_signed(self, entries: Sequence[Entry], settlement: Settlement) -> Receipt:
        """Settle orders as it was worked out before."""
        return self.orders.settle(entries, settlement, self.anyone)

    def cancel(self, name: str | Path | SignedOrder | Entry) -> Receipt:
        """End an order of one's own for good."""
        return self.orders.cancel(self.find(name), self.signer, self.submitter)

    def cancel_all(self) -> Receipt:
        """End every order of one's own for good, published or not."""
        return self.orders.cancel_all(self.signer, self.submitter)

    def cancel_series(self, partial: Sequence[int]) -> Receipt:
        """End every order in parts of these series, each named by a nonce, published or not."""
        return self.orders.cancel_series([], partial, self.signer, self.submitter)

    def history(self, account: str | None = None) -> list[Trade]:
        """What an account (none: the one that acts) has traded, oldest first."""
        return self.orders.history(account or self.address)

    @staticmethod
    def write(signed: SignedOrder, path: Path | str) -> Path:
        """Write a signed order to a new file instead of publishing it."""
        return write_order(signed, Path(path))


def connect(
    network: str = "",
    account: str | Signer | None = None,
    *,
    rpc: str = "",
    password_file: Path | str | None = None,
    submit_with: str | Signer | None = None,
    submit_password_file: Path | str | None = None,
    relays: Sequence[str] = (),
    fetch: Fetch = fetch_https,
) -> Troc:
    """Reach a deployment.

    `network` is a file of `config/` (none: `TROC_NETWORK`, else "local"), `rpc` the address of its node
    where that differs. `account` is a stored account, `dev:0` and so on for a local chain, or an opened
    one; without it one can look, and not act. `submit_with` names another account that sends and pays, so
    that the first one only signs; `relays` are URLs of relays that do so (docs/relay.md), tried in turn.
    """
    chain = Chain.connect(load_network(network, rpc))
    given = [Path(path) if path else None for path in (password_file, submit_password_file)]
    openers = _openers(chain, account, submit_with, *given)
    return Troc(chain, load_manifest(chain), *openers, fetch=fetch, relays=relays)


def _open_index(chain: Chain, manifest: Manifest) -> Index | None:
    """None where SQLAlchemy is not installed: whoever just trades can do without it."""
    if find_spec("sqlalchemy") is None or find_spec("coincurve") is None:
        return None
    from troc.index import Index

    return Index(chain, manifest)


def _same_terms(one: Order, other: Order) -> bool:
    """Whether two orders of one maker give and want the same, to the same takers."""
    return all(
        getattr(one, name) == getattr(other, name)
        for name in (
            "give_token", "give_amount", "want_token", "want_amount", "only_taker", "allow_partial"
        )
    )  # fmt: skip


def _openers(
    chain: Chain,
    account: str | Signer | None,
    submit_with: str | Signer | None,
    password_file: Path | None,
    submit_password_file: Path | None,
) -> tuple[str | None, Opener | None, Opener | None]:
    def opener(who: str | Signer, file: Path | None, usual: str) -> Opener:
        if isinstance(who, Signer):
            return lambda: who
        named = file or (Path(setting(usual)).expanduser() if usual and setting(usual) else None)
        ask = getpass.getpass if sys.stdin.isatty() else None
        return lambda: open_account(who, chain.config, named, ask)

    address = None
    open_signer = open_submitter = None
    if account is not None:
        address = account.address if isinstance(account, Signer) else address_of(account, chain.config)
        open_signer = opener(account, password_file, "TROC_PASSWORD_FILE")
    if submit_with is not None:
        open_submitter = opener(submit_with, submit_password_file, "")
    if account is None and submit_with is not None:
        raise InputError("somebody is to submit, and nobody to sign", "name an account as well")
    return address, open_signer, open_submitter
