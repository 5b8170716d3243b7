"""The book: orders that were published in the log, checked before anyone sees them.

Anyone can publish anything there. What is read counts only if its maker signed it, if it trades points of
brands that were launched here, if its terms make sense, and if its time has not run out. Whether its points
are still there is a question of the moment (`troc.trade`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from troc.acts import LARGEST_SIGNATURE, act_of
from troc.brands import Brand, Brands
from troc.chain import Chain, Receipt
from troc.errors import InputError, NetworkError, OrderError, TrocError
from troc.messages import KIND_POINTS, Domain, Order
from troc.orders import SHORTEST_ID, SignedOrder, check_sense
from troc.signatures import is_signed
from troc.submitting import Submitter

if TYPE_CHECKING:
    from troc.index import Index
    from troc.index.market_reading import IndexedOrder


@dataclass(frozen=True)
class Entry:
    """An order, and the block in which it was first published or the file that it came from."""

    signed: SignedOrder
    block: int | None = None
    file: Path | None = None

    @property
    def order(self) -> Order:
        """The order itself."""
        return self.signed.order

    @property
    def id(self) -> str:
        """The order's digest in hex."""
        return self.signed.id

    @property
    def name(self) -> str:
        """What a person types to name it: its file, or the beginning of its id."""
        return str(self.file) if self.file else self.id[:14]


class Book:
    """The order book of one deployment. `exchange` is the EIP-712 domain of its exchange.

    `index` gives the index of the chain where there can be one. Without it every process reads the whole log
    of the book, and comes to the same.
    """

    def __init__(
        self,
        chain: Chain,
        address: str,
        exchange: Domain,
        brands: Brands,
        since: int = 0,
        index: Callable[[], Index | None] = lambda: None,
    ) -> None:
        self._chain = chain
        self._contract = chain.contract("OrderBook", address)
        self._exchange = exchange
        self._brands = brands
        self._since = since
        self._index = index
        self._next_block = since
        self._read: dict[bytes, Entry] = {}

    def publish(self, orders: Sequence[SignedOrder], submitter: Submitter) -> Receipt:
        """Publish signed orders. Anyone may: the submitter need not be a maker."""
        return submitter.submit(
            [act_of(signed.order, signed.signature, self._exchange) for signed in orders]
        )[-1]

    def entries(
        self,
        give: Brand | None = None,
        want: Brand | None = None,
        maker: str | None = None,
        stale: bool = False,
    ) -> list[Entry]:
        """Well-signed orders for points of brands, oldest first; those that ended by their date only if
        `stale`. Those that were filled or cancelled may be among them.
        """
        index = self._index()
        if index is not None:
            index.catch_up()
            ask = index.orders if stale else index.open_orders
            return [_entry(order) for order in ask(give, want, maker)]
        self._update()
        now = self._chain.now()
        return [
            entry
            for entry in self._read.values()
            if (give is None or entry.order.give_token == give.address)
            and (want is None or entry.order.want_token == want.address)
            and (maker is None or entry.order.maker == maker)
            and (stale or entry.order.open_until >= now)
        ]

    def find(self, name: str) -> Entry:
        """The published order whose id begins so."""
        index = self._index()
        if index is not None:
            index.catch_up()
            return _entry(index.order(name))
        digits = name.lower().removeprefix("0x")
        if len(digits) < SHORTEST_ID or not all(digit in "0123456789abcdef" for digit in digits):
            raise InputError(
                f"{name!r} names no order", "name a file, or an order's id as `troc trade book` shows it"
            )
        found = [entry for entry in self.entries(stale=True) if entry.id[2:].startswith(digits)]
        if not found:
            raise OrderError(
                f"no order {name} is published here", "check it with `troc trade book`, or name its file"
            )
        if len(found) > 1:
            raise InputError(
                f"{len(found)} orders begin with {name}", "write more digits of the one you mean"
            )
        return found[0]

    def taken_nonces(self, maker: str, partial: bool) -> Collection[int]:
        """Nonces of the maker's published orders that are still open by their date."""
        return {
            entry.order.nonce for entry in self.entries(maker=maker) if entry.order.allow_partial == partial
        }

    def check(self, signed: SignedOrder) -> None:
        """Raise `OrderError` unless the maker signed it and it trades points of brands that were launched
        here.
        """
        order = signed.order
        for token, kind in ((order.give_token, order.give_kind), (order.want_token, order.want_kind)):
            if kind != KIND_POINTS or self._brands.by_address(token) is None:
                raise OrderError(
                    f"the order trades {token}, which are no points that were launched here", "leave it"
                )
        if not is_signed(self._chain, signed.order, signed.domain, signed.signature):
            raise OrderError(
                f"the order is not signed by {order.maker}, who is to give",
                "ask the maker for the order again",
            )

    def _update(self) -> None:
        last = self._chain.block_number()
        if last < self._next_block:
            return
        events = self._chain.logs(
            self._contract.events.OrderPublished(), from_block=self._next_block, to_block=last
        )
        for entry in self._sound(events):
            self._read.setdefault(entry.signed.digest, entry)
        self._next_block = last + 1

    def _sound(self, events: Iterator[Any]) -> Iterator[Entry]:
        now = self._chain.now()
        for event in events:
            signature = bytes(event["args"]["signature"])
            if len(signature) > LARGEST_SIGNATURE:
                continue
            try:
                signed = SignedOrder(Order.from_chain(event["args"]["order"]), signature, self._exchange)
                # An order that has run out since it was published is still told about.
                check_sense(signed.order, min(now, signed.order.open_until))
                self.check(signed)
            except NetworkError:
                raise
            except TrocError:
                continue
            yield Entry(signed, event["blockNumber"])


def _entry(order: IndexedOrder) -> Entry:
    return Entry(order.signed, order.block)
