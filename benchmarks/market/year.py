"""The year, once for each mechanism: earn, redeem, expire, sign, match, settle, learn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.market import households
from benchmarks.market.households import STEP, UNIT, Book, Traits, Wishes
from benchmarks.market.ledger import Ledger
from benchmarks.market.mechanisms import MECHANISMS, Outcome, settle
from benchmarks.market.most import most
from benchmarks.market.parameters import BRANDS, CENT, Parameters
from benchmarks.market.purchases import Purchases, end_of, lengths

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

PER_CENT = CENT / UNIT
"""Smallest units that take a cent off, by brand."""

FILLED = 0.99
"""An order counts as filled where at least this part of it was given; in part where anything was."""


class Tried(NamedTuple):
    """What a mechanism would have done: traded, gained over limits (dollars), and filled (a number)."""

    traded: float
    surplus: float
    filled: int


@dataclass(frozen=True)
class Week:
    """What a mechanism did with the orders of one week; money in dollars at the till.

    `orders`, `filled` and `partly` are numbers; `offered`, `traded` and `surplus` money; `transfers` a
    number. `spread` is the sum over pairs of (standard deviation of the logarithm of the rate) times the
    value traded, `alike` the same over orders that agree in pair and in both bounds on lives; `spread_value`
    and `alike_value` are the values of the pairs with two orders and more. `quality` is surplus over its
    bound, as the fair clearing publishes it. `tried` is what other mechanisms would have done with the same
    orders; `most` what nobody could exceed, at any rates, and `most_uniform` at the prices that were
    published (both only where others try, of the fair clearing).
    """

    week: int
    orders: int
    filled: int
    partly: int
    offered: float
    traded: float
    surplus: float
    transfers: int
    spread: float
    spread_value: float
    alike: float
    alike_value: float
    quality: float | None
    tried: dict[str, Tried] = field(default_factory=dict)
    most: float | None = None
    most_uniform: float | None = None


@dataclass(frozen=True)
class World:
    """A year under one mechanism, `none` for no trade at all.

    By household: `redeemed` (dollars) and `left` (live at the end). By household and brand: `redemptions`,
    units. `trades` by household: filled and partly filled orders; `first` the number of (household, brand)
    pairs in which a household got points of a brand of which it held none at that moment. `inflow` by brand:
    units that changed hands. `wishes` as households learnt of them.
    """

    mechanism: str
    weeks: tuple[Week, ...]
    ledger: Ledger
    wishes: Wishes
    prices: Floats
    redemptions: Integers
    trades: Integers
    first: int
    inflow: Integers
    traded_pairs: Integers

    @property
    def redeemed(self) -> Floats:
        """What each household took off its receipts, in dollars."""
        return np.asarray(self.redemptions @ UNIT)

    @property
    def left(self) -> Floats:
        """What each household still holds at the end, in dollars."""
        return np.asarray(self.ledger.live() @ UNIT)


def run(
    mechanism: str, parameters: Parameters, purchases: Purchases, traits: Traits, compare: bool = False
) -> World:
    """Run a year. With `compare`, the other mechanisms try each week's book too, without settling it."""
    count, brands = purchases.households, len(BRANDS)
    ledger = Ledger.empty(count, lengths(), end_of(parameters.weeks))
    habits = households.Habits(parameters, count)
    wishes = Wishes(count)
    quotes = households.Quotes(0.5 ** (1 / parameters.news), parameters.pull)
    redemptions = np.zeros((count, brands), dtype=np.int64)
    trades = np.zeros(count, dtype=np.int64)
    inflow = np.zeros(brands, dtype=np.int64)
    matrix = np.zeros((brands, brands), dtype=np.int64)
    first, weeks = 0, []
    for week in range(parameters.weeks):
        redemptions += ledger.redeem(purchases.last[week], purchases.cents[week], STEP, PER_CENT)
        ledger.earn(purchases.earned[week])
        ledger.age(end_of(week))
        habits.see(purchases.cents[week])
        if mechanism == "none":
            continue
        book = households.orders(week, ledger, habits, quotes, traits, wishes, parameters)
        outcome = MECHANISMS[mechanism](book, ledger)
        tried = _tried(mechanism, book, ledger) if compare else {}
        ceilings: tuple[float | None, float | None] = None, None
        if compare and outcome.clearing is not None:
            ceilings = most(book, ledger), most(book, ledger, outcome.clearing)
        held = ledger.live()[book.household, book.want] > 0
        given, received = settle(book, outcome.transfers, ledger)
        if (given != outcome.given).any() or (received != outcome.received).any():
            raise AssertionError(f"{mechanism} says other amounts than its transfers make")
        wishes.learn(book, given, week, traits, parameters.rest)
        quotes.learn(book, given, received)
        np.add.at(trades, book.household[given > 0], 1)
        np.add.at(inflow, book.give, given)
        np.add.at(matrix, (book.give, book.want), given)
        first += int((~held & (given > 0)).sum())
        weeks.append(_week(week, book, outcome, tried, ceilings))
    return World(
        mechanism, tuple(weeks), ledger, wishes, quotes.prices, redemptions, trades, first, inflow, matrix
    )


def _tried(mechanism: str, book: Book, ledger: Ledger) -> dict[str, Tried]:
    found = {}
    for name, other in MECHANISMS.items():
        if name != mechanism:
            outcome = other(book, ledger)
            filled = int((outcome.given > 0).sum())
            found[name] = Tried(outcome.value(book), outcome.surplus(book), filled)
    return found


def _week(
    week: int,
    book: Book,
    outcome: Outcome,
    tried: dict[str, Tried],
    ceilings: tuple[float | None, float | None],
) -> Week:
    filled = outcome.given >= FILLED * book.give_amount
    spread, spread_value = _dispersion(book, outcome, book.give * len(BRANDS) + book.want)
    bounds = np.stack([book.give, book.want, book.give_expiring_by, book.want_living_until], axis=1)
    alike, alike_value = _dispersion(book, outcome, np.unique(bounds, axis=0, return_inverse=True)[1].ravel())
    clearing = outcome.clearing
    quality = None
    if clearing is not None and clearing.bound:
        quality = clearing.surplus / clearing.bound
    return Week(
        week=week,
        orders=len(book),
        filled=int(filled.sum()),
        partly=int(((outcome.given > 0) & ~filled).sum()),
        offered=float(book.offered.sum()),
        traded=outcome.value(book),
        surplus=outcome.surplus(book),
        transfers=len(outcome.transfers),
        spread=spread,
        spread_value=spread_value,
        alike=alike,
        alike_value=alike_value,
        quality=quality,
        tried=tried,
        most=ceilings[0],
        most_uniform=ceilings[1],
    )


def _dispersion(book: Book, outcome: Outcome, group: Integers) -> tuple[float, float]:
    """Standard deviation of the logarithm of the rate in each group, weighted by value; and that value."""
    done = (outcome.given > 0) & (outcome.received > 0)
    if not done.any():
        return 0.0, 0.0
    value = outcome.given[done] * UNIT[book.give[done]]
    rate = np.log(outcome.received[done] / outcome.given[done])
    _, place, count = np.unique(group[done], return_inverse=True, return_counts=True)
    total = np.bincount(place, value)
    mean = np.bincount(place, value * rate) / total
    variance = np.bincount(place, value * (rate - mean[place]) ** 2) / total
    several = count > 1
    return float((np.sqrt(variance) * total)[several].sum()), float(total[several].sum())
