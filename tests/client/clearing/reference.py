"""What docs/clearing.md says of a clearing, in plain Python and fractions: slow, and written apart from the
solver.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import NamedTuple

from troc.market.clearing import Batch, Clearing

ONE = 10**18


class Offer(NamedTuple):
    order: int
    heap: tuple[object, ...]
    units: int
    heap_price: int
    price: int


def _prices(clearing: Clearing) -> dict[int, list[tuple[int, int, int]]]:
    """(living_until, price, group) of each token, ascending."""
    goods = defaultdict(list)
    for good, price, group in zip(clearing.goods, clearing.prices, clearing.groups, strict=True):
        goods[good.token].append((good.living_until, price, group))
    return {token: sorted(listed) for token, listed in goods.items()}


def offers_of(batch: Batch, clearing: Clearing) -> tuple[list[Offer], dict[tuple[object, ...], int]]:
    """Offers that count, and what is in each heap."""
    goods = _prices(clearing)
    bounds = defaultdict(list)
    for maker, give, by in zip(batch.maker, batch.give, batch.give_expiring_by, strict=True):
        bounds[int(maker), int(give)].append(int(by))
    heaps: dict[tuple[object, ...], int] = defaultdict(int)
    first: dict[tuple[object, ...], tuple[int, int, int]] = {}
    holdings = batch.holdings
    lots = sorted(
        zip(
            holdings.expiry.tolist(),
            holdings.maker.tolist(),
            holdings.token.tolist(),
            holdings.units.tolist(),
            strict=True,
        )
    )
    for expiry, maker, token, units in lots:
        fitting = [good for good in goods.get(token, []) if good[0] < expiry]
        if not fitting:
            continue
        may = tuple(by == 0 or expiry <= by for by in bounds[maker, token])
        heap: tuple[object, ...] = (maker, token, fitting[-1][0], may)
        heaps[heap] += units
        first.setdefault(heap, (expiry, fitting[-1][1], fitting[-1][2]))
    by_wallet = defaultdict(list)
    for named, (expiry, price, group) in first.items():
        by_wallet[named[0], named[1]].append((expiry, named, price, group))
    offers: list[Offer] = []
    for order in range(len(batch)):
        buys = [
            good
            for good in goods.get(int(batch.want[order]), [])
            if good[0] >= int(batch.want_living_until[order])
        ]
        if not buys or batch.only[order] >= 0:
            continue
        _, price, group = buys[0]
        left, mine = int(batch.left[order]), []
        by = int(batch.give_expiring_by[order])
        for expiry, behind, heap_price, heap_group in sorted(
            by_wallet[int(batch.maker[order]), int(batch.give[order])], key=lambda one: one[0]
        ):
            if by and expiry > by:
                continue
            units = min(left, heaps[behind])
            left -= units
            if units:
                mine.append((Offer(order, behind, units, heap_price, price), heap_group))
        if batch.whole[order] and left:
            continue
        offers.extend(offer for offer, heap_group in mine if heap_group == group)
    return offers, heaps


class Figures(NamedTuple):
    surplus: int
    bound: int
    unfilled: int
    traded: int


def figures(batch: Batch, clearing: Clearing) -> Figures:
    """S, S*, U and V."""
    offers, heaps = offers_of(batch, clearing)
    smoothing = round(clearing.smoothing * ONE)
    mine, behind = defaultdict(list), defaultdict(list)
    for offer in offers:
        mine[offer.order].append(offer)
        behind[offer.heap].append(offer)
    terms = [(int(batch.give_amount[k]), int(batch.want_amount[k])) for k in range(len(batch))]
    surplus, given = 0, {}
    for order, listed in mine.items():
        give_amount, want_amount = terms[order]
        surplus += (
            listed[0].price
            * (int(clearing.received[order]) * give_amount - int(clearing.given[order]) * want_amount)
            // give_amount
        )
        left = int(clearing.given[order])
        for offer in sorted(listed, key=lambda one: -one.heap_price):
            given[offer] = min(left, offer.units)
            left -= given[offer]
    bound = unfilled = 0
    for heap, listed in behind.items():
        left = heaps[heap]
        for offer in sorted(
            listed, key=lambda one: Fraction(one.price * terms[one.order][1], terms[one.order][0])
        ):
            give_amount, want_amount = terms[offer.order]
            gain = offer.heap_price * give_amount - offer.price * want_amount
            if gain > 0:
                units = min(left, offer.units)
                left -= units
                bound -= -units * gain // give_amount
        better = sum(
            one.units
            for one in listed
            if one.heap_price * terms[one.order][0] * ONE
            > one.price * terms[one.order][1] * (ONE + smoothing)
        )
        short = min(heaps[heap], better) - sum(given[one] for one in listed)
        unfilled += listed[0].heap_price * max(short, 0)
    traded = sum(offer.heap_price * units for offer, units in given.items())
    return Figures(surplus, bound, unfilled, traded)
