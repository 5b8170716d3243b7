"""`t.data`: the market for data in one object, as one account sees it.

t = troc.connect("local", account="customer")
offer = t.data.offer(manifest, "50 PANIER", source=link)

b = troc.connect("local", account="buyer")
sale = b.data.buy(offer.to_text())
...
rows = b.data.open(sale.name).rows
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from troc.chain import Receipt
from troc.data.book import Book
from troc.data.buyer import Buyer, Fetch, Finding
from troc.data.consent import Terms
from troc.data.deals import Sale, SignedDeal
from troc.data.facts import TERMS
from troc.data.manifest import Manifest, Opened
from troc.data.requests import Requests
from troc.data.seller import Copies, Seller
from troc.data.standing import Standing, Standings
from troc.errors import DealError
from troc.messages import ZERO_ADDRESS, to_address

if TYPE_CHECKING:
    from troc.client import Troc

Named = str | Path | SignedDeal


class Data:
    """Buying and selling of data by one account. `using` names the vault and where copies come from."""

    def __init__(self, troc: Troc) -> None:
        self._troc = troc
        self._copies: Copies | None = None
        self._fetch: Fetch | None = None
        # A node that lags behind must not make the late look early; a local chain has a time of its own.
        self._clock: Callable[[], float] | None = None if troc.chain.config.is_local else time.time
        self._folder: Path | None = None
        self._database = ""

    def using(
        self,
        copies: Copies | None = None,
        fetch: Fetch | None = None,
        *,
        clock: Callable[[], float] | None = None,
        folder: Path | None = None,
        database: str = "",
    ) -> Data:
        """The same with a vault (to sell), another way to fetch sealed copies, a clock beside the chain's, a
        folder for what is bought, another database.
        """
        other = Data(self._troc)
        other._copies = copies or self._copies
        other._fetch = fetch or self._fetch
        other._clock = clock or self._clock
        other._folder = folder or self._folder
        other._database = database or self._database
        return other

    @cached_property
    def book(self) -> Book:
        """What this account must not forget."""
        return Book.open(self._troc.chain, self._troc.address, self._database)

    @cached_property
    def seller(self) -> Seller:
        """This account as a seller."""
        return Seller(self._troc, self._copies, self.book, self._clock)

    @cached_property
    def buyer(self) -> Buyer:
        """This account as a buyer."""
        return Buyer(self._troc, self._fetch, self.book, self._clock, self._folder)

    @cached_property
    def requests(self) -> Requests:
        """Requests of this account, and answers to them."""
        return Requests(self.buyer, self.seller)

    @cached_property
    def standings(self) -> Standings:
        """How sales stand, in words."""
        return Standings(self.buyer)

    # -------------------------------------------------------------------------------------------- selling

    def offer(
        self,
        copy: Manifest | bytes,
        price: str,
        *,
        to: str = "",
        source: str = "",
        terms: Terms | None = None,
        papers: Mapping[str, Any] | None = None,
        **times: Any,
    ) -> SignedDeal:
        """Offer a sealed copy of the vault: `offer(manifest, "50 PANIER", until="7d")`.

        `to`: the only buyer; `source`: the link behind which it is served; `terms` of consent; `papers`: what
        else belongs to it. Options as for `Seller.draft`.
        """
        if terms is not None:
            times |= {"terms_hash": terms.hash}
            papers = {**(papers or {}), TERMS: dict(terms.document)}
        manifest = copy if isinstance(copy, Manifest) else self.seller.copies.manifest(copy)
        buyer = to_address(to, "buyer") if to else ZERO_ADDRESS
        deal = self.seller.draft(manifest, self.seller.money(price), buyer=buyer, **times)
        if terms is not None:
            terms.check_deal(deal.terms_hash, deal.buyer)
        return self.seller.sign(deal, source, papers)

    def accept(self, bid: Named) -> Receipt:
        """Take a bid."""
        return self.seller.accept(self.seller.read(bid))

    def deliver(self, sale: str | bytes) -> Receipt:
        """Deliver the key of a sale."""
        return self.seller.deliver(self.seller.find(sale))

    def revoke(self, sale: str | bytes) -> Receipt:
        """Withdraw consent."""
        return self.seller.revoke(self.seller.find(sale))

    def concede(self, sale: str | bytes) -> Receipt:
        """Give the money of a sale back."""
        return self.seller.concede(self.seller.find(sale))

    def cancel(self, *deals: Named) -> Receipt | None:
        """End offers or bids of one's own."""
        return self.seller.cancel(*(self.seller.read(each) for each in deals))

    # --------------------------------------------------------------------------------------------- buying

    def check(self, offer: Named) -> Manifest:
        """Check an offer and its sealed copy, as `buy` does; nothing is paid."""
        return self.buyer.check(self.buyer.read(offer))

    def buy(self, offer: Named) -> Sale:
        """Buy an offer: checked first, then the price goes into escrow."""
        return self.buyer.buy(self.buyer.read(offer))

    def bid(self, offer: Named, price: str, **times: Any) -> SignedDeal:
        """Bid another price for what an offer is about; options as for `Buyer.draft_bid`."""
        seen = self.buyer.read(offer)
        manifest = self.buyer.keep_copy(seen)
        deal = self.buyer.draft_bid(
            manifest,
            seen.deal.seller,
            self.buyer.money(price),
            terms_hash=seen.deal.terms_hash,
            **times,
        )
        return self.buyer.sign_bid(deal, seen.source)

    def open(self, sale: str | bytes) -> Opened:
        """What was bought, in plain."""
        return self.buyer.open(self.buyer.find(sale))

    def judge(self, sale: str | bytes) -> Finding:
        """Whether what was delivered is what was sold."""
        return self.buyer.judge(self.buyer.find(sale))

    def settle(self, sale: str | bytes) -> Receipt:
        """Pay the seller at once."""
        return self.buyer.settle(self.buyer.find(sale))

    def dispute(self, sale: str | bytes) -> Receipt:
        """Have the contract judge a wrong delivery."""
        found = self.buyer.find(sale)
        finding = self.buyer.judge(found)
        if finding.is_right:
            raise DealError("what was delivered is what was sold", "settle it (`troc data open --settle`)")
        return self.buyer.dispute(found, finding)

    def acknowledge(self, *sales: str | bytes) -> Receipt:
        """Erase the sealed copies of sales, and state that everything of them is erased."""
        found = [self.buyer.find(sale) for sale in sales]
        for sale in found:
            self.buyer.erase_copy(sale)
        return self.buyer.acknowledge(*found)

    # ----------------------------------------------------------------------------------------- looking on

    def money_in_words(self, token: str, units: int) -> str:
        """An amount of a token, by its address and in smallest units: "50 Le Panier"."""
        return self.buyer.money_in_words(token, units)

    def status(self, sale: str | bytes = "") -> list[Standing]:
        """How sales of this account stand: exactly one state each, and the next step."""
        if sale:
            return [self.standings.of(self.buyer.find(sale))]
        return self.standings.all()
