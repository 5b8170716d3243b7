"""What sellers and buyers share: one account on one market, its book, and how its acts reach the chain.

Every act is a transaction of the account itself, or a signed message that somebody else submits
(`troc.submitting`), where the client has a submitter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from web3.contract.contract import ContractFunction

from troc import words
from troc.acts import act_of
from troc.chain import Receipt
from troc.data.acts import Context
from troc.data.book import Book
from troc.data.deals import DEPTH, Sale, Sales, SaleStanding, SaleState, SignedDeal, View, read_deal
from troc.data.messages import MARKET, CancelDeals, CancelDealSeries, Deal, SettleTo
from troc.data.stores import Store
from troc.errors import DealError, NetworkError, StoreError, TrocError
from troc.messages import (
    KIND_POINTS,
    WHOLE_INDEXES,
    Domain,
    Message,
    Permit,
    digest,
    domain_separator,
    sign,
)
from troc.money import Money, money_of, parse_money, plain

if TYPE_CHECKING:
    from troc.client import Troc

SIGNED_FOR = words.HOUR
"""How long what is signed to be submitted at once can be."""


@dataclass(frozen=True)
class Did:
    """One thing that a watcher did, or could not do: about which sale (or request), in words."""

    what: str
    about: bytes
    text: str
    transaction: str = ""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "what": self.what,
            "about": "0x" + self.about.hex(),
            "text": self.text,
            "transaction": self.transaction,
        }


class Drop:
    """A folder that two sides share, by any fsspec URL: notes and answers lie in it as JSON files."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._store = Store.open(url)

    def put(self, name: str, data: Any) -> None:
        """Write a file; one of that name is replaced."""
        self._store.write(name, json.dumps(data).encode())

    def entries(self, ending: str) -> Iterator[tuple[str, Any]]:
        """The files whose names have this ending, read; what is no JSON, or too large, is passed over."""
        for name in self._store.names():
            if not name.endswith(ending):
                continue
            data = self._store.read_part(name, 0, _LARGEST + 1)
            if data is None or len(data) > _LARGEST:
                continue
            try:
                yield name, json.loads(data)
            except (ValueError, RecursionError):
                continue


_LARGEST = 2**20
_SALE = re.compile("0x[0-9a-fA-F]{64}")


class Party:
    """An account on the market. `clock`: the present in seconds, beside the chain's own."""

    def __init__(
        self,
        troc: Troc,
        book: Book | Callable[[], Book] | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.troc = troc
        self.chain = troc.chain
        deployed = troc.manifest.address(MARKET)
        self.sales = Sales(self.chain, deployed, troc.manifest.contracts[MARKET].block)
        self.domain = self.sales.domain
        self._book = book
        self._clock = clock
        self._deals: dict[bytes, Deal] = {}

    @property
    def address(self) -> str:
        """Of the account."""
        return self.troc.address

    @cached_property
    def book(self) -> Book:
        """What it must not forget."""
        if callable(self._book):
            return self._book()
        return self._book or Book.open(self.chain, self.address)

    def now(self, chain_time: int | None = None) -> int:
        """The present: the chain's time, or the clock's where that is later. A node that lags behind must not
        make the late look early.
        """
        found = self.chain.now() if chain_time is None else chain_time
        return found if self._clock is None else max(found, int(self._clock()))

    # -------------------------------------------------------------------------------------------- money

    def money(self, text: str) -> Money:
        """What "50 PANIER" means, or "12.5 0x…" for a plain ERC-20 by its address."""
        return parse_money(self.troc.brands, text)

    def money_of(self, terms: Any) -> Money:
        """The price of a deal or a request."""
        return money_of(self.troc.brands, terms.token, terms.token_kind, terms.price)

    def money_in_words(self, token: str, units: int) -> str:
        """An amount of points or of an ERC-20, by its address and in smallest units."""
        brand = self.troc.brands.by_address(token)
        return str(plain(self.chain, token).of(units)) if brand is None else brand.text(units)

    def allow(self, wanted: Money) -> None:
        """Let the market take this much, beside what open bids stand for, where it may not yet."""
        if not wanted.units:
            return
        price = wanted.of(wanted.units + self._bidden(wanted.token))
        token = self.chain.contract("LoyaltyToken", price.token).functions
        has, may = self.chain.read_many(
            [token.balanceOf(self.address), token.allowance(self.address, self.sales.address)]
        )
        if has < wanted.units:
            raise DealError(f"you have {wanted.of(has)}, and {wanted} are asked for", "get more first")
        if may >= price.units:
            return
        if self.troc.submitter is None:
            self.chain.send(token.approve(self.sales.address, price.units), self.troc.signer)
            return
        if price.kind != KIND_POINTS:
            self._allow_plain(price)
            return
        nonce = self.chain.call(token.nonces(self.address))
        permit = Permit(self.address, self.sales.address, price.units, nonce, self.chain.now() + SIGNED_FOR)
        domain = self.troc.brand(price.token).domain_of_messages(self.chain.chain_id)
        self.troc.submitter.submit([act_of(permit, sign(permit, domain, self.troc.signer), domain)])

    def _bidden(self, token: str) -> int:
        """What open bids of the account may take, in smallest units."""
        now, functions = self.chain.now(), self.sales.contract.functions
        bids = [
            each
            for each in self.kept_deals()
            if each.bid is not None
            and each.bid.buy.buyer == self.address
            and each.deal.token == token
            and each.deal.open_until >= now
        ]
        answers = self.chain.read_many(
            [
                asked
                for each in bids
                for asked in (
                    functions.nonceOpen(self.address, each.deal.nonce),
                    functions.saleOf(each.sale_id(self.address)),
                )
            ]
        )
        return sum(
            each.deal.price
            for each, is_open, sale in zip(bids, answers[::2], answers[1::2], strict=True)
            if is_open and SaleStanding.of(sale).state == SaleState.NONE
        )

    def _allow_plain(self, price: Money) -> None:
        """The same for an ERC-20 whose holder does not send: by EIP-2612 where the token knows it."""
        token = self.chain.contract("LoyaltyToken", price.token).functions
        try:
            nonce, separator, name = self.chain.read_many(
                [token.nonces(self.address), token.DOMAIN_SEPARATOR(), token.name()]
            )
        except TrocError:
            separator, name, nonce = b"", "", 0
        until = self.chain.now() + SIGNED_FOR
        permit = Permit(self.address, self.sales.address, price.units, nonce, until)
        for version in ("1", "2"):
            domain = Domain(name, self.chain.chain_id, price.token, version)
            if separator and domain_separator(domain) == bytes(separator):
                signature = sign(permit, domain, self.troc.signer)
                self.chain.send(token.permit(*permit.arguments(signature)), self.troc.sender)
                return
        if not self.chain.balance(self.address):
            raise DealError(
                f"only you can let the market take {price}, and you have no ether for it",
                "pay in points, or get a little ether",
            )
        self.chain.send(token.approve(self.sales.address, price.units), self.troc.signer)

    # ---------------------------------------------------------------------------------------------- acts

    def do(self, function: ContractFunction, message: Message, context: Context) -> Receipt:
        """Call `function` oneself, or sign `message` and have it submitted."""
        submitter = self.troc.submitter
        if submitter is None:
            return self.chain.send(function, self.troc.signer)
        signature = sign(message, self.domain, self.troc.signer)
        return submitter.submit([act_of(message, signature, self.domain, context)])[-1]

    def call(self, name: str, *arguments: Any) -> ContractFunction:
        """A function of the market."""
        found: ContractFunction = getattr(self.sales.contract.functions, name)(*arguments)
        return found

    def collect(self, function: str, sale: Sale, to: str) -> Receipt:
        """Take what a sale owes the account by now. `function`: what anyone can call for it; `to`: another
        address that gets it, or none.
        """
        deal = self.deal_of(sale)
        to = to or self.address
        if self.troc.submitter is None and to == self.address:
            return self.chain.send(self.call(function, deal.as_tuple(), sale.buyer), self.troc.signer)
        context = Context(deal=deal, buyer=sale.buyer)
        call = self.call("settleTo", deal.as_tuple(), sale.buyer, to)
        return self.do(call, SettleTo(self.address, sale.id, to), context)

    def cancel_nonces(self, nonces: Iterable[int]) -> Receipt | None:
        """End what the account signed with these nonces, as far as it still counts."""
        left = [nonce for nonce in dict.fromkeys(nonces) if self.sales.nonce_open(self.address, nonce)]
        if not left:
            return None
        return self.do(self.call("cancel", left), CancelDeals(self.address, tuple(left)), Context())

    def cancel_series(self, series: Iterable[int]) -> Receipt | None:
        """End whole series (nonces with index 0), as far as they still count."""
        left = [each for each in dict.fromkeys(series) if self._is_current(each)]
        if not left:
            return None
        return self.do(self.call("cancelAll", left), CancelDealSeries(self.address, tuple(left)), Context())

    def _is_current(self, series: int) -> bool:
        """Whether anything of a series counts: single nonces of it may have been ended before."""
        open_ = self.sales.contract.functions.nonceOpen
        asked = [open_(self.address, series + index) for index in range(WHOLE_INDEXES)]
        return any(self.chain.read_many(asked))

    # --------------------------------------------------------------------------------------------- sales

    def deal_of(self, sale: Sale) -> Deal:
        """The deal of a sale: from the book, else from the transaction that bought it."""
        if sale.id in self._deals:
            return self._deals[sale.id]
        found = self._noted(sale) or self.sales.deal_of(sale) or self._among_kept(sale)
        if found is None:
            raise DealError(
                f"the deal of the sale {sale.name[:14]} is not in the book",
                "name its file, with `troc data offers --add FILE`",
            )
        self._deals[sale.id] = found
        return found

    def _noted(self, sale: Sale) -> Deal | None:
        note = self.book.sale(sale.id)
        kept = None if note is None else self.book.deal(note.digest)
        return None if kept is None else SignedDeal.from_json(kept, self.domain).deal

    def _among_kept(self, sale: Sale) -> Deal | None:
        for signed in self.kept_deals():
            if signed.deal.seller == sale.seller and signed.sale_id(sale.buyer) == sale.id:
                return signed.deal
        return None

    def note(self, sale: Sale) -> None:
        """Keep that a sale concerns the account."""
        known = self.book.sale(sale.id)
        if known is not None and known.block == sale.bought_block and any(known.digest):
            return
        try:
            named = digest(self.deal_of(sale), self.domain)
        except DealError:
            # Each step that needs the deal will say so.
            named = bytes(32)
        self.book.note_sale(sale.id, named, sale.seller == self.address, sale.bought_block)

    def keep(self, signed: SignedDeal, mine: bool) -> None:
        """Keep a deal in the book."""
        deal = signed.deal
        self.book.add_deal(
            signed.digest,
            signed.to_json(),
            request=deal.request_id,
            commitment=deal.key_commit,
            mine=mine,
            now=self.chain.now(),
        )

    def read(self, source: Any) -> SignedDeal:
        """A deal by its text, its file, its id in the book, or as it is."""
        if isinstance(source, SignedDeal):
            return source
        text = str(source)
        if text.startswith("0x") and len(text) >= 8 and not text.endswith((".json", ".txt")):
            found = [each for each in self.kept_deals() if each.id.startswith(text.lower())]
            if len(found) == 1:
                return found[0]
            raise DealError(
                f"{'several deals begin' if found else 'no deal in the book begins'} with {text[:20]}",
                "write more of it, or name its file",
            )
        return read_deal(source, self.domain)

    def kept_deals(self) -> list[SignedDeal]:
        """The deals in the book, oldest first."""
        return [SignedDeal.from_json(each, self.domain) for each in self.book.deals()]

    def find(self, name: str | bytes) -> Sale:
        """A sale of the account by its id, or the beginning of it. Raises `DealError`."""
        if isinstance(name, str) and _SALE.fullmatch(name):
            name = bytes.fromhex(name[2:])
        if isinstance(name, bytes):
            found = self.sales.sale(name)
            if found is None or self.address not in (found.seller, found.buyer):
                raise DealError(f"you have no sale 0x{name.hex()[:12]}", "look at `troc data status`")
            return found
        matching = [sale for sale in self.mine().sales.values() if sale.name.startswith(name.lower())]
        if len(matching) != 1 or len(name) < 6:
            what = "several sales begin" if len(matching) > 1 else "you have no sale that begins"
            raise DealError(f"{what} with {name[:20]}", "look at `troc data status`")
        return matching[0]

    def mine(self) -> View:
        """Every sale of the account, on either side, with how it ended."""
        bought = self.sales.view({"buyer": self.address}, ends=True)
        sold = self.sales.view({"seller": self.address}, ends=True)
        return View(sold.block, sold.hash, sold.now, {**bought.sales, **sold.sales})

    def follow(self, side: str) -> View:
        """The sales of the account as `seller` or `buyer`: new ones since the last look, and open ones. Reads
        only what is new of the log, and everything again where the chain took another way.
        """
        what = f"{side} {self.address}"
        selling = side == "seller"
        since = self.sales.since
        reached = self.book.reached(what)
        if reached is not None and self._stands(*reached):
            since = reached[0] + 1
        known = {kept.sale: kept.block for kept in self.book.sales(selling=selling, open_only=True)}
        view = self.sales.view({side: self.address}, since, known)
        for sale in view.sales.values():
            self.note(sale)
        # Only what no reorganisation reaches counts as read.
        settled = view.block - DEPTH
        if settled >= since:
            self.book.set_reached(what, settled, self.chain.header(settled).hash)
        return view

    def _stands(self, block: int, hash_: bytes) -> bool:
        return self.chain.block_hash(block) == "0x" + hash_.hex()

    def is_final(self, block: int, head: int) -> bool:
        """Whether a block has the confirmations that the network's config asks for."""
        return head - block + 1 >= self.chain.config.confirmations

    def close_ended(self, view: View) -> None:
        """Look no more at sales that ended for good."""
        kept = {each.sale for each in self.book.sales(open_only=True)}
        over = [
            sale.id
            for sale in view.sales.values()
            if sale.id in kept and not sale.is_open and view.block > sale.bought_block + DEPTH
        ]
        if not over:
            return
        asked = [self.sales.contract.functions.saleOf(id_) for id_ in over]
        try:
            # What ended so long ago no reorganisation opens again.
            before = self.chain.read_many(asked, view.block - DEPTH)
        except TrocError:
            return
        for id_, state in zip(over, before, strict=True):
            if SaleStanding.of(state).state >= SaleState.PAID and not SaleStanding.of(state).owed:
                self.book.close_sale(id_)


def told(what: str, about: bytes, text: str, receipt: Receipt | None = None) -> Did:
    """One thing that was done."""
    return Did(what, about, text, "" if receipt is None else receipt.transaction)


def totals(amounts: Mapping[str, int]) -> dict[str, str]:
    """Units by token as text."""
    return {token: str(units) for token, units in amounts.items()}


def watch(
    step: Callable[[], list[Did]],
    say: Callable[[Did], None],
    wait: Callable[[float], bool],
    every: float,
) -> None:
    """Look again and again, until `wait` (which sleeps so many seconds) says to stop.

    A node or a place that does not answer, for hours if need be, is asked again after a while; trouble that
    stays is told once.
    """
    told_before: set[tuple[str, bytes, str]] = set()
    pause = every
    while True:
        try:
            found = step()
            pause = every
        except (NetworkError, StoreError) as error:
            found = [Did("waiting", b"", str(error))]
            pause = min(2 * pause, _LONGEST_PAUSE)
        now = {(did.what, did.about, did.text) for did in found}
        for did in found:
            if did.transaction or (did.what, did.about, did.text) not in told_before:
                say(did)
        told_before = now
        if not wait(pause):
            return


_LONGEST_PAUSE = 60.0
