"""Makers on both sides of a token: the exchange lets nobody serve herself, so what she gets others must give.

Transfers without such moves exist exactly where, of each token and maker, what the others give covers what
she gets (Hall's condition of a transport problem in which only a maker's own moves are forbidden). With
classes of life it must hold of what lives long enough, for each class, and for her together with those who
ask for what lives longer still.
"""

from __future__ import annotations

import numpy as np

from troc.market.clearing.batch import Flags, Integers
from troc.market.clearing.market import Floats, Market, regrouped

Entries = tuple[Floats, Integers, Integers]
"""Values of a matrix with their rows and columns."""

_BOUND, _SHORT = 1 - 1e-4, 1 + 1e-9
"""Share of what others give from which a maker gets all of it, and from which it is too much."""

Pairs = list[tuple[int, int]]
"""Makers and tokens."""


def on_both_sides(market: Market, offers: Integers) -> Pairs:
    """Makers, and the tokens that they would both give and get."""
    book, token = market.book, market.good_token
    wallet = book.maker[market.order[offers]] * len(book.tokens)
    both = np.intersect1d(wallet + token[market.give[offers]], wallet + token[market.want[offers]])
    return [divmod(one, len(book.tokens)) for one in both.tolist()]


def unserved(market: Market, log_prices: Floats, fills: Floats) -> Pairs:
    """Makers who would get more of a token than the others give."""
    return _from(market, log_prices, fills, _SHORT)


def _from(market: Market, log_prices: Floats, fills: Floats, share: float) -> Pairs:
    """Makers who get such a share of what others give, or more, for any class of life."""
    token, maker = market.good_token, market.book.maker[market.order]
    given = market.units * fills
    got = given * np.exp(log_prices[market.give] - log_prices[market.want])
    both = on_both_sides(market, np.flatnonzero(fills > 0))
    makers = np.unique(np.array([who for who, _ in both], np.int64))
    # The last place is of all others together.
    place = np.minimum(np.searchsorted(makers, maker), max(len(makers) - 1, 0))
    place = np.where(np.isin(maker, makers), place, len(makers))
    found = []
    for which in sorted({token for _, token in both}):
        classes = np.flatnonzero(token == which)
        shape = (len(classes) + 1, len(makers) + 1)
        gives, gets = np.zeros(shape), np.zeros(shape)
        for sums, good, amounts in ((gives, market.give, given), (gets, market.want, got)):
            own = np.flatnonzero(token[good] == which)
            np.add.at(sums, (np.searchsorted(classes, good[own]), place[own]), amounts[own])
            sums[:] = np.cumsum(sums[::-1], 0)[::-1]
        high = np.zeros(len(makers), np.bool_)
        for lowest in range(len(classes)):
            for longer in range(lowest + 1, len(classes) + 1):
                asked = gets[lowest] + gets[longer].sum() - gets[longer]
                able = gives[lowest].sum() - gives[lowest] + gives[longer]
                high |= ((gets[lowest] > 0) & (asked > share * able))[:-1]
        found += [(who, which) for who in makers[high].tolist()]
    return found


def rows_apart(
    market: Market, log_prices: Floats, offers: Integers, pairs: Pairs, spare: float
) -> list[list[Entries]]:
    """For each row, what must not be less than nothing so that these makers do not serve themselves: values
    and places among `offers`, in shares of them. `spare` is the part of what others give that is kept back
    for whole units.
    """
    token, maker = market.good_token, market.book.maker[market.order[offers]]
    give, want = market.give[offers], market.want[offers]
    given = market.units[offers].astype(np.float64)
    got = given * np.exp(log_prices[give] - log_prices[want])
    rows: list[list[Entries]] = []
    for who, which in pairs:
        own = maker == who
        classes = np.flatnonzero(token == which)
        size = max(float(got[own & (token[want] == which)].sum()), 1.0)
        for place, lowest in enumerate(classes.tolist()):
            # What lives as long as she asks; and with it, what others ask that lives longer, of all.
            for longer in [*classes[place + 1 :].tolist(), len(token)]:
                gives = (token[give] == which) & np.where(own, give >= longer, give >= lowest)
                gets = (token[want] == which) & np.where(own, want >= lowest, want >= longer)
                number = len(rows)
                rows.append(
                    [
                        _entries(given * (1 - spare) / size, gives, number),
                        _entries(-got / size, gets, number),
                    ]
                )
    return rows


def _entries(values: Floats, which: Flags, row: int) -> Entries:
    places = np.flatnonzero(which)
    return values[places], np.full(len(places), row), places


def capped(market: Market, log_prices: Floats, fills: Floats) -> Market:
    """The market in which makers who get all that others give of a token offer, for it and of it, no more
    than they trade now: at its prices others need not wait for them.
    """
    token, maker = market.good_token, market.book.maker[market.order]
    hit = np.zeros(len(market), np.bool_)
    for who, which in _from(market, log_prices, fills, _BOUND):
        hit |= (maker == who) & ((token[market.give] == which) | (token[market.want] == which))
    units = np.where(hit, np.floor(market.units * fills), market.units)
    return regrouped(market, units.astype(np.int64))
