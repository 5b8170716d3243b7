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

_BOUND = 1e-4
"""A maker gets all that the others give where less than this share of it is left."""


def on_both_sides(market: Market, offers: Integers) -> list[tuple[int, int]]:
    """Makers, and the tokens that they would both give and get."""
    book, token = market.book, market.good_token
    wallet = book.maker[market.order[offers]] * len(book.tokens)
    both = np.intersect1d(wallet + token[market.give[offers]], wallet + token[market.want[offers]])
    return [divmod(one, len(book.tokens)) for one in both.tolist()]


def rows_apart(market: Market, log_prices: Floats, offers: Integers, spare: float) -> list[list[Entries]]:
    """For each row, what must not be less than nothing: values and places among `offers`, in shares of them.
    `spare` is the part of what others give that is kept back for whole units.
    """
    token, maker = market.good_token, market.book.maker[market.order[offers]]
    give, want = market.give[offers], market.want[offers]
    given = market.units[offers].astype(np.float64)
    got = given * np.exp(log_prices[give] - log_prices[want])
    rows: list[list[Entries]] = []
    for who, which in on_both_sides(market, offers):
        own = maker == who
        classes = np.flatnonzero(token == which)
        size = got[own & (token[want] == which)].sum()
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
    given = market.units * fills
    got = given * np.exp(log_prices[market.give] - log_prices[market.want])
    hit = np.zeros(len(market), np.bool_)
    for who, which in on_both_sides(market, np.arange(len(market))):
        own, gives, gets = maker == who, token[market.give] == which, token[market.want] == which
        for lowest in np.flatnonzero(token == which).tolist():
            asked = got[own & gets & (market.want >= lowest)].sum()
            if asked > 0 and asked >= (1 - _BOUND) * given[~own & gives & (market.give >= lowest)].sum():
                hit |= own & (gives | gets)
    return regrouped(market, np.where(hit, np.floor(given), market.units).astype(np.int64))
