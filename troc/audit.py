"""A brand's books, counted anew by somebody who trusts nobody: from the log and from every holder's balance.

The token keeps totals of its own (`Brands.status`). An audit does not ask it for them: it finds everybody who
ever received points in the log, adds up what each of them holds, and adds up what they held at each date at
which points expired. Where both agree, invariants L1, L4 and X1 (docs/threat-model.md) hold for this brand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from troc.brands import Brand, Brands
from troc.chain import Chain
from troc.messages import ZERO_ADDRESS
from troc.points import Points
from troc.words import never_expires


@dataclass(frozen=True)
class Audit:
    """What was counted, in smallest units.

    `holders` are all who ever received points of the brand. `issued` and `redeemed` come from the log, points
    given back being neither; `moved` is what went from holder to holder; `live` is the sum of all balances;
    `expired` what all held of lots in the last moment of these.
    `exchange_moves` counts moves in the log from or to the exchange, `exchange_balance` is what it holds.
    """

    brand: Brand
    holders: tuple[str, ...]
    issued: int
    redeemed: int
    moved: int
    live: int
    expired: int
    exchange_moves: int
    exchange_balance: int


class Auditor:
    """Audits brands of one deployment. Needs a node that keeps old balances, as a local one does."""

    def __init__(self, chain: Chain, brands: Brands, points: Points, exchange: str, since: int = 0) -> None:
        self._chain = chain
        self._brands = brands
        self._points = points
        self._exchange = exchange
        self._since = since

    def audit(self, brand: Brand) -> Audit:
        """Count one brand's books as of the latest block."""
        last = self._chain.block_number()
        events = self._brands.token(brand).events
        moves = [event["args"] for event in self._chain.logs(events.Transfer(), None, self._since, last)]
        given_back = sum(
            event["args"]["amount"] for event in self._chain.logs(events.GivenBack(), None, self._since, last)
        )
        holders = tuple(dict.fromkeys(move["to"] for move in moves if move["to"] != ZERO_ADDRESS))
        exchange = self._points.holding(brand, self._exchange, last)
        return Audit(
            brand=brand,
            holders=holders,
            issued=sum(move["value"] for move in moves if move["from"] == ZERO_ADDRESS) - given_back,
            redeemed=sum(move["value"] for move in moves if move["to"] == ZERO_ADDRESS) - given_back,
            moved=sum(move["value"] for move in moves if ZERO_ADDRESS not in (move["from"], move["to"])),
            live=self._held(brand, holders, last),
            expired=self._expired(brand, holders, last),
            exchange_moves=sum(self._exchange in (move["from"], move["to"]) for move in moves),
            exchange_balance=exchange.total,
        )

    def _held(self, brand: Brand, holders: Sequence[str], block: int, expiry: int = 0) -> int:
        """What all of them held at the end of a block; only what expires at `expiry`, unless that is 0."""
        lots = self._points.lots(brand, holders, block)
        return sum(lot.units for each in lots for lot in each if expiry in (0, lot.expiry))

    def _expired(self, brand: Brand, holders: Sequence[str], last: int) -> int:
        if never_expires(brand.longest_life(0)):
            return 0
        expired = 0
        date = brand.longest_life(self._chain.time_of(self._since))
        now = self._chain.time_of(last)
        while date <= now:
            # Nothing can move between the last block before the date and the date itself.
            expired += self._held(brand, holders, self._chain.block_before(date), date)
            date += brand.epoch_length
        return expired
