"""The market that a batch makes: goods, heaps of lots, and what each order offers from which heap.

The rules are those of docs/clearing.md, "What is published, exactly". Everything is put into an order of its
own first, so that neither the sequence of orders nor the caller's numbering can matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from troc.errors import InputError
from troc.market.clearing.batch import Batch, Flags, Good, Integers

Floats = npt.NDArray[np.float64]

AMOUNT_BITS = 56
_TOKEN_BITS = 60


@dataclass(frozen=True)
class Book:
    """A batch in canonical sequence: orders by their ids, makers and tokens by when they first come up.

    `rows` are the orders' places in the batch, `tokens` the caller's numbers of the tokens, `tie` a number an
    order that nobody can choose without choosing the whole batch.
    """

    rows: Integers
    tokens: Integers
    tie: Integers
    maker: Integers
    give: Integers
    want: Integers
    give_amount: Integers
    want_amount: Integers
    left: Integers
    expiring_by: Integers
    living_until: Integers
    whole: Flags
    only: Flags
    lot_maker: Integers
    lot_token: Integers
    lot_expiry: Integers
    lot_units: Integers

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Market:
    """Offers: what an order (a place in the book) offers of one heap. `limit` is the natural logarithm of the
    least rate. `arcs` are pairs of goods of one token, each with the next that lives longer.

    `heap_units` a heap; `pooled` tells offers that share a heap which is too small for them together.
    `group` numbers the goods that orders connect in both directions, -1 for others; `good_token` and
    `good_life` say what a good is.
    """

    book: Book
    order: Integers
    heap: Integers
    give: Integers
    want: Integers
    units: Integers
    limit: Floats
    heap_units: Integers
    pooled: Flags
    good_token: Integers
    good_life: Integers
    arcs: Integers
    group: Integers

    def __len__(self) -> int:
        return len(self.order)

    @property
    def groups(self) -> int:
        """How many there are."""
        return int(self.group.max(initial=-1)) + 1

    @property
    def goods(self) -> tuple[Good, ...]:
        """With the caller's numbers of tokens."""
        tokens = self.book.tokens[self.good_token].tolist()
        return tuple(Good(token, life) for token, life in zip(tokens, self.good_life.tolist(), strict=True))


def check_batch(batch: Batch) -> None:
    """Raise `InputError` for a batch that is not what `Batch` says."""
    size = len(batch)
    if batch.ids.shape != (size, 32):
        raise InputError("a digest of the batch has not 32 bytes", "give each order its own")
    for name in ("give", "want"):
        places = getattr(batch, name)
        if size and (places.min() < 0 or places.max() >= batch.tokens):
            raise InputError(f"an order {name}s a token that is not listed", "list all tokens")
    if (batch.give == batch.want).any():
        raise InputError("an order gives and wants the same token", "leave it out")
    for amounts in (batch.give_amount, batch.want_amount, batch.left, batch.holdings.units):
        if len(amounts) and not (amounts.min() > 0 and amounts.max() < 1 << AMOUNT_BITS):
            raise InputError(
                "an amount of the batch is nothing, or 2^56 units or more", "leave out its order or lot"
            )
    if (batch.whole & (batch.left != batch.give_amount)).any() or (batch.left > batch.give_amount).any():
        raise InputError(
            "an order of the batch has more left than it gives, or is all or nothing and filled in part",
            "leave it out",
        )
    held = np.bincount(batch.holdings.token, batch.holdings.units, batch.tokens)
    if (held >= 1 << _TOKEN_BITS).any():
        raise InputError(
            "makers hold more of a token than a token can have (2^60 units)", "check what they hold"
        )


def book_of(batch: Batch) -> Book:
    """The batch in canonical sequence. Raises `InputError` where it is malformed."""
    check_batch(batch)
    ids = np.ascontiguousarray(batch.ids).view(">u8").reshape(len(batch), 4).astype(np.uint64)
    rows = np.lexsort(ids.T[::-1])
    ids = ids[rows]
    if (np.diff(ids.view(np.int64), axis=0) == 0).all(1).any():
        raise InputError("two orders of the batch have the same digest", "list each order once")
    makers = _first_seen(batch.maker[rows])
    tokens = _first_seen(np.column_stack([batch.give[rows], batch.want[rows]]).ravel())
    holdings = batch.holdings
    lot_maker = _places(makers, holdings.maker)
    lot_token = _places(tokens, holdings.token)
    known = np.flatnonzero((lot_maker >= 0) & (lot_token >= 0))
    sequence = np.lexsort((holdings.expiry[known], lot_token[known], lot_maker[known]))
    lots = known[sequence]
    twice = (
        (np.diff(lot_maker[lots]) == 0)
        & (np.diff(lot_token[lots]) == 0)
        & (np.diff(holdings.expiry[lots]) == 0)
    )
    if twice.any():
        raise InputError("a lot of a maker is listed twice", "add lots of one expiry up")
    return Book(
        rows=rows,
        tokens=tokens,
        tie=_ties(ids),
        maker=_places(makers, batch.maker[rows]),
        give=_places(tokens, batch.give[rows]),
        want=_places(tokens, batch.want[rows]),
        give_amount=batch.give_amount[rows],
        want_amount=batch.want_amount[rows],
        left=batch.left[rows],
        expiring_by=batch.give_expiring_by[rows],
        living_until=batch.want_living_until[rows],
        whole=batch.whole[rows],
        only=batch.only[rows] >= 0,
        lot_maker=lot_maker[lots],
        lot_token=lot_token[lots],
        lot_expiry=holdings.expiry[lots],
        lot_units=holdings.units[lots],
    )


def _first_seen(values: Integers) -> Integers:
    distinct, first = np.unique(values, return_index=True)
    seen: Integers = distinct[np.argsort(first)]
    return seen


def _places(known: Integers, values: Integers) -> Integers:
    """Where each value stands among the known ones, -1 for others."""
    if not len(known):
        return np.full(len(values), -1)
    sequence = np.argsort(known)
    at = np.minimum(np.searchsorted(known[sequence], values), len(known) - 1)
    places: Integers = np.where(known[sequence][at] == values, sequence[at], -1)
    return places


def _ties(ids: npt.NDArray[np.uint64]) -> Integers:
    """Steele, Lea and Flood's SplitMix64 of each id and of all together: whoever could choose it for her own
    order would have to know all the others.
    """
    mixed = _mix(ids[:, 0] ^ _mix(ids[:, 1] ^ _mix(ids[:, 2] ^ _mix(ids[:, 3]))))
    all_together = np.bitwise_xor.reduce(_mix(mixed)) if len(mixed) else np.uint64(0)
    ties: Integers = (_mix(mixed ^ all_together) >> np.uint64(1)).astype(np.int64)
    return ties


def _mix(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: npt.NDArray[np.uint64] = words ^ (words >> np.uint64(31))
    return mixed


def _starts(keys: Integers, wanted: Integers) -> tuple[Integers, Integers]:
    """Begin and end of each wanted key among sorted keys."""
    return np.searchsorted(keys, wanted, "left"), np.searchsorted(keys, wanted, "right")


def market_of(book: Book, without: Flags | None = None) -> Market:
    """Who offers what from which heap, but for the orders `without`, which still split heaps."""
    takes_part = ~book.only if without is None else ~book.only & ~without
    size = len(book.tokens)
    times, place = np.unique(
        np.concatenate([book.lot_expiry, book.living_until, book.expiring_by]), return_inverse=True
    )
    span = len(times) + 1
    lots, orders = len(book.lot_expiry), len(book)
    lot_time = place[:lots]
    want_time = place[lots : lots + orders]
    by_time = np.where(book.expiring_by == 0, span - 1, place[lots + orders :])

    # A class of life is how many of its token's expiries are too soon.
    expiries = np.unique(book.lot_token * span + lot_time)
    begin, end = _starts(expiries // span, np.arange(size))
    too_soon = np.searchsorted(expiries, book.want * span + want_time, "right") - begin[book.want]
    lives = (too_soon < (end - begin)[book.want]) & ~book.only
    width = int((end - begin).max(initial=0)) + 1
    classes = np.unique((book.want * width + too_soon)[lives])
    want_good = np.searchsorted(classes, book.want * width + too_soon)
    good_token = classes // width
    good_life = np.zeros(len(classes), np.int64)
    np.maximum.at(good_life, want_good[lives], book.living_until[lives])
    lot_place = np.searchsorted(expiries, book.lot_token * span + lot_time) - begin[book.lot_token]
    lot_good = np.searchsorted(classes, book.lot_token * width + lot_place, "right") - 1
    has_good = lot_good >= 0
    has_good[has_good] = good_token[lot_good[has_good]] == book.lot_token[has_good]

    # Heaps: lots of one maker, token and good between which no bound of her orders lies.
    wallet = book.maker * size + book.give
    bounds = np.unique((wallet * span + by_time)[by_time < span - 1])
    lot_wallet = book.lot_maker * size + book.lot_token
    bucket = np.searchsorted(bounds, lot_wallet * span + lot_time, "left") - np.searchsorted(
        bounds, lot_wallet * span, "left"
    )
    good_lots = np.flatnonzero(has_good)
    lot_wallet, bucket, lot_good = lot_wallet[good_lots], bucket[good_lots], lot_good[good_lots]
    new = np.ones(len(good_lots), np.bool_)
    new[1:] = (np.diff(lot_wallet) != 0) | (np.diff(bucket) != 0) | (np.diff(lot_good) != 0)
    first = np.flatnonzero(new)
    heap_units = np.add.reduceat(book.lot_units[good_lots], first) if len(first) else np.zeros(0, np.int64)
    heap_wallet, heap_good = lot_wallet[first], lot_good[first]
    heap_time = lot_time[good_lots][first]

    taking = np.flatnonzero(lives & takes_part)
    heap_begin = np.searchsorted(heap_wallet, wallet[taking], "left")
    # All lots of a heap lie on one side of each bound, so its first tells.
    heap_end = np.searchsorted(heap_wallet * span + heap_time, (wallet * span + by_time)[taking], "right")
    counts = np.maximum(heap_end - heap_begin, 0)
    order = np.repeat(taking, counts)
    heap = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts - heap_begin, counts)
    # Sums over all heaps may wrap round 64 bits; differences within a wallet come out right.
    before = np.cumsum(heap_units) - heap_units
    older = before[heap] - np.repeat(before[heap_begin[counts > 0]], counts[counts > 0])
    units = np.minimum(heap_units[heap], book.left[order] - older)
    offered = np.zeros(orders, np.int64)
    np.add.at(offered, order, np.maximum(units, 0))
    kept = (units > 0) & ~(book.whole[order] & (offered[order] < book.left[order]))
    order, heap, units = order[kept], heap[kept], units[kept]
    give, want = heap_good[heap], want_good[order]

    next_of = np.flatnonzero(np.diff(good_token) == 0)
    arcs = np.column_stack([next_of, next_of + 1])
    everyone = Market(
        book=book,
        order=order,
        heap=heap,
        give=give,
        want=want,
        units=units,
        limit=np.log(book.want_amount[order]) - np.log(book.give_amount[order]),
        heap_units=heap_units,
        pooled=np.zeros(len(order), np.bool_),
        good_token=good_token,
        good_life=good_life,
        arcs=arcs,
        group=np.zeros(0, np.int64),
    )
    return regrouped(everyone, units)


def regrouped(market: Market, units: Integers) -> Market:
    """The market with so many units an offer; those that lie on no circle of trade are left out."""
    some = np.flatnonzero(units > 0)
    group = _groups(len(market.good_token), market.give[some], market.want[some], market.arcs)
    inside = some[(group[market.give[some]] == group[market.want[some]]) & (group[market.give[some]] >= 0)]
    heap, units = market.heap[inside], units[inside]
    return replace(
        market,
        order=market.order[inside],
        heap=heap,
        give=market.give[inside],
        want=market.want[inside],
        units=units,
        limit=market.limit[inside],
        pooled=_pooled(heap, units, market.heap_units),
        group=group,
    )


def _pooled(heap: Integers, units: Integers, heap_units: Integers) -> Flags:
    offered = np.bincount(heap, units, len(heap_units))
    several = np.bincount(heap, minlength=len(heap_units)) > 1
    pooled: Flags = (several & (offered > heap_units))[heap]
    return pooled


def _groups(goods: int, give: Integers, want: Integers, arcs: Integers) -> Integers:
    """Goods that lead to each other by orders, where an older point can also become a fresher one that is
    wanted; numbered by their first good. -1: goods alone.
    """
    if not goods:
        return np.zeros(0, np.int64)
    begin = np.concatenate([give, arcs[:, 0]])
    end = np.concatenate([want, arcs[:, 1]])
    graph = coo_array((np.ones(len(begin), np.int8), (begin, end)), shape=(goods, goods))
    _, label = connected_components(graph.tocsr(), directed=True, connection="strong")
    _, first, place, count = np.unique(label, return_index=True, return_inverse=True, return_counts=True)
    rank = np.full(len(first), -1)
    large = np.flatnonzero(count > 1)
    rank[large[np.argsort(first[large])]] = np.arange(len(large))
    numbers: Integers = rank[place]
    return numbers
