"""What points of one brand are worth in another's, as the market last said.

A rate is `want` for one `give`, both in smallest units. The last trade of some size counts, whether it was a
taking, a ring or part of a batch: an order that was filled in a batch was filled at the batch's price. Where
there was none, the best order that stands on the other side does, of those whose makers have the points.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from troc import words
from troc.brands import Brand
from troc.messages import Order

if TYPE_CHECKING:
    from troc.index import Index
    from troc.index.market_reading import IndexedOrder
    from troc.index.reading import Balance

NEAR = Fraction(1, 1000)
"""A difference that nobody need be told of: 0.1 %."""


SMALL = 20
"""A trade of less than one in so many of an order's points says nothing of its price: a unit is rounded, and
costs nobody much to trade with himself at any price.
"""

_LOOKED_AT = 50


@dataclass(frozen=True)
class Reference:
    """What the market says of a pair. `time` (seconds) is that of the trade; None: an order that stands."""

    rate: Fraction
    time: int | None

    def text(self, give: Brand, want: Brand) -> str:
        """`1 Le Panier last went for 0.75 BioBox, on 3 May 2027`."""
        price = point_price(self.rate, give, want)
        if self.time is None:
            return f"for 1 {give.name} the best open order gives {price} {want.name}"
        return f"1 {give.name} last went for {price} {want.name}, on {words.day(self.time)}"


def point_price(rate: Fraction, give: Brand, want: Brand) -> str:
    """A rate as the price of a whole point, rounded for reading only."""
    return f"{float(rate * 10**give.decimals / 10**want.decimals):.4g}"


def payable(order: IndexedOrder, balance: Balance | None) -> int:
    """What a maker has of the points that an order may give, in smallest units."""
    bound = order.words.give_points_expiring_by
    lots = balance.lots if balance is not None else ()
    return sum(lot.units for lot in lots if not bound or lot.expiry <= bound)


def reference(index: Index, give: Brand, want: Brand, units: int = 0, asker: str = "") -> Reference | None:
    """What the market last said of a pair to somebody who gives so many units; None where it never did. The
    orders of `asker` say nothing.
    """
    found: list[tuple[int, int, int, int, int]] = []
    for fill in index.last_fills(give, want, _LOOKED_AT):
        found.append((fill.block, fill.position, fill.time, fill.given, fill.received))
    for fill in index.last_fills(want, give, _LOOKED_AT):
        found.append((fill.block, fill.position, fill.time, fill.received, fill.given))
    for _, _, time, given, received in sorted(found, reverse=True):
        if given and received and given * SMALL >= units:
            return Reference(Fraction(received, given), time)
    orders = [
        order
        for order in index.open_orders(want, give)
        if not order.words.only_taker and order.maker != asker
    ]
    held = index.holdings({order.maker for order in orders}, [want])
    standing = [
        Fraction(order.words.give_amount, order.words.want_amount)
        for order in orders
        # Anybody can publish an order for points that she has not.
        if payable(order, held.get((order.maker, want.address)))
        >= (1 if order.words.allow_partial else order.left)
    ]
    return Reference(max(standing), None) if standing else None


def above(order: Order, market: Reference) -> Fraction:
    """By which share of the market's rate an order asks more than it; negative: less."""
    return Fraction(order.want_amount, order.give_amount) / market.rate - 1


def percent(share: Fraction) -> str:
    """`12.5 %`, rounded for reading."""
    return f"{float(abs(share) * 100):.3g} %"
