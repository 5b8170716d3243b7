"""From a batch to its clearing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from troc.market.clearing.batch import PRICE_DIGITS, Batch, Clearing, Integers
from troc.market.clearing.certificate import DECIMALS, certify
from troc.market.clearing.choice import choose, choose_apart
from troc.market.clearing.equilibrium import Solved
from troc.market.clearing.execution import check_execution
from troc.market.clearing.market import Floats, Market, book_of, market_of
from troc.market.clearing.odd import leave_out
from troc.market.clearing.transfers import Side, in_sequence, transfers_of
from troc.market.clearing.units import Amounts, whole_units

_LEAST_PUBLISHED = 1e-6
_SPARE = (0.0, 1e-3)
"""Shares of what others give that are kept back, so that whole units come out for makers on both sides."""

_NUMERAIRE = 10**18
_FLOOR = 10 ** (PRICE_DIGITS - 1)


def clear(batch: Batch) -> Clearing:
    """Uniform prices, fills in whole units, and the transfers that make them.

    Raises `InputError` for a batch that is not what `Batch` says.
    """
    book = book_of(batch)
    everyone = market_of(book)
    without = np.zeros(len(book), np.bool_)
    solved, spares = None, list(_SPARE)
    while True:
        market = market_of(book, without) if without.any() else everyone
        solved = choose(market, without, solved)
        outcome = _outcome(market, solved)
        while spares and len(outcome.stuck):
            served = choose_apart(market, solved, outcome.stuck, spares.pop(0))
            tried = None if served is None else _outcome(market, served)
            if tried is not None and not len(tried.stuck) and not len(tried.broken):
                outcome = tried
        if not len(outcome.stuck) and not len(outcome.broken):
            return _clearing(batch, everyone, outcome)
        without[outcome.broken if len(outcome.broken) else outcome.stuck] = True


@dataclass(frozen=True)
class _Outcome:
    """What a solution comes to in whole units. `broken` are orders that cannot be filled as they must,
    `stuck` those that only their own makers could serve; with either there are no transfers to speak of.
    """

    prices: list[int]
    groups: list[int]
    smoothing: float
    transfers: Integers
    broken: Integers
    stuck: Integers


def _outcome(market: Market, solved: Solved) -> _Outcome:
    prices, groups = _prices(market, solved)
    amounts = whole_units(market, solved.fills, _rates(market, prices))
    transfers, stuck = np.zeros((0, 3), np.int64), np.zeros(0, np.int64)
    if not len(amounts.broken):
        transfers, stuck = pay(market, amounts)
    return _Outcome(prices, groups, solved.smoothing, transfers, amounts.broken, stuck)


def _prices(market: Market, solved: Solved) -> tuple[list[int], list[int]]:
    """Integers of nine digits with 18 decimals. In each group the good of which most is traded costs 1 the
    unit, unless that would leave others too few digits. 0 for goods without a group.
    """
    prices = [0] * len(market.good_token)
    value = np.bincount(
        market.give, market.units * solved.fills * np.exp(solved.log_prices[market.give]), len(prices)
    )
    for number in range(int(market.group.max(initial=-1)) + 1):
        goods = np.flatnonzero(market.group == number)
        logs = solved.log_prices[goods]
        logs = logs - logs[np.argmax(value[goods])] + np.log(float(_NUMERAIRE))
        lift = np.ceil((np.log(float(10 * _FLOOR)) - logs.min()) / np.log(10.0))
        logs += max(lift, 0.0) * np.log(10.0)
        before = -1
        for good, log in zip(goods.tolist(), logs.tolist(), strict=True):
            price = _digits(log)
            if before >= 0 and market.good_token[before] == market.good_token[good]:
                price = max(price, prices[before])
            prices[good], before = price, good
    return prices, market.group.tolist()


def _digits(log: float) -> int:
    """e^log to nine digits."""
    exponent = int(np.floor(log / np.log(10.0))) - (PRICE_DIGITS - 1)
    digits: int = round(float(np.exp(log - exponent * np.log(10.0))))
    scale: int = 10**exponent
    return digits * scale


def _rates(market: Market, prices: list[int]) -> Floats:
    logs = np.array(prices, np.float64)
    rates: Floats = logs[market.give] / logs[market.want]
    return rates


def pay(market: Market, amounts: Amounts) -> tuple[Integers, Integers]:
    """The transfers that make these amounts (orders are places in the book) but for odd units, and orders
    that stand in the way.
    """
    gives, gets = np.flatnonzero(amounts.given > 0), np.flatnonzero(amounts.received > 0)
    # What an order gets by several offers is of one good.
    takers, place = np.unique(market.order[gets], return_inverse=True)
    units = np.zeros(len(takers), np.int64)
    np.add.at(units, place, amounts.received[gets])
    good = np.zeros(len(takers), np.int64)
    good[place] = market.want[gets]
    book = market.book
    transfers, refused = transfers_of(
        book,
        Side(market.order[gives], market.give[gives], amounts.given[gives]),
        Side(takers, good, units),
        market.good_token,
    )
    if not len(refused):
        return transfers, np.zeros(0, np.int64)
    kept, stuck = leave_out(book, transfers, refused)
    return in_sequence(book, kept), stuck


def _clearing(
    batch: Batch,
    everyone: Market,
    outcome: _Outcome,
) -> Clearing:
    book, prices, groups, transfers = everyone.book, outcome.prices, outcome.groups, outcome.transfers
    given, received = np.zeros(len(book), np.int64), np.zeros(len(book), np.int64)
    np.add.at(given, transfers[:, 0], transfers[:, 2])
    np.add.at(received, transfers[:, 1], transfers[:, 2])
    smoothing = max(outcome.smoothing, _LEAST_PUBLISHED)
    certificate = certify(everyone, prices, groups, round(smoothing * DECIMALS), given, received)
    listed = [good for good, group in enumerate(groups) if group >= 0]
    goods = everyone.goods
    rows = book.rows
    moves = np.column_stack([rows[transfers[:, 0]], rows[transfers[:, 1]], transfers[:, 2]])
    clearing = Clearing(
        given=_unsorted(rows, given),
        received=_unsorted(rows, received),
        transfers=moves,
        goods=tuple(goods[good] for good in listed),
        prices=tuple(prices[good] for good in listed),
        groups=tuple(groups[good] for good in listed),
        smoothing=smoothing,
        surplus=certificate.surplus,
        bound=certificate.bound,
        unfilled=certificate.unfilled,
        traded=certificate.traded,
    )
    check_execution(batch, clearing.transfers, clearing.given, clearing.received)
    return clearing


def _unsorted(rows: Integers, values: Integers) -> Integers:
    placed = np.zeros(len(rows), np.int64)
    placed[rows] = values
    return placed
