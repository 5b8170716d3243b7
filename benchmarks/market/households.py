"""What a household would swap: a rule of thumb on what it holds and what it bought so far.

A point is worth what it takes off a receipt, less for waiting, times the chance that it is used before it
expires: `exp(-w * t) * (1 - exp(-life / t))`, where t is how long the household expects to wait until it can
use it. That is one visit where it holds a reward's worth, else as long as earning the rest takes. So points
of a brand that is not bought any more, that are about to expire, or that never will make a reward, are worth
little, and points that complete a reward of a brand bought each week are worth nearly all.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from benchmarks.market.ledger import Ledger
from benchmarks.market.parameters import BRAND_BACK, BRANDS, GROCER_BACK, Parameters
from benchmarks.market.purchases import WEEK, end_of
from troc.market.clearing import Batch

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

UNIT = np.array([brand.unit for brand in BRANDS])
"""What a smallest unit of each brand takes off a receipt, in dollars."""

STEP = np.array([brand.step for brand in BRANDS], dtype=np.int64)
REWARD = STEP * UNIT
BACK = np.array([GROCER_BACK if brand.manufacturer is None else BRAND_BACK for brand in BRANDS])
SMALLEST_CHANCE = 1e-9


@dataclass(frozen=True)
class Traits:
    """What is private to households, drawn once and the same in every mechanism.

    `waiting`: the price of waiting, part of the value a week; `asks`: the part of the gain it asks for at
    first; `patience` in weeks; `noise` on limits, by week, household and brand given, in logarithms before it
    is scaled; `arrival` orders the orders of a week.
    """

    trades: npt.NDArray[np.bool_]
    waiting: Floats
    asks: Floats
    patience: Integers
    noise: Floats
    arrival: Floats


def draw(parameters: Parameters, households: int) -> Traits:
    """Draw them. The households that trade at a share trade at every larger share too."""
    random = np.random.default_rng([parameters.seed, 2])
    low, high = parameters.patience
    trades = random.random(households) < parameters.share
    waiting = parameters.waiting * np.exp(0.5 * random.standard_normal(households))
    asks = random.uniform(0.5, 1.0, households)
    patience = random.integers(low, high + 1, households)
    shape = (parameters.weeks, households, len(BRANDS))
    return Traits(trades, waiting, asks, patience, random.standard_normal(shape), random.random(shape))


class Habits:
    """What a household remembers of its purchases: averages that fade with a half-life.

    `spends`: dollars a week by household and brand; `visits`: part of the weeks in which it could have
    redeemed a reward.
    """

    def __init__(self, parameters: Parameters, households: int) -> None:
        shape = (households, len(BRANDS))
        self._fade = 0.5 ** (1 / parameters.memory)
        self._spends, self._visits, self._weight = np.zeros(shape), np.zeros(shape), 0.0

    def see(self, cents: Integers) -> None:
        """Take in a week's purchases, in cents."""
        dollars = cents / 100
        self._spends = self._fade * self._spends + (1 - self._fade) * dollars
        self._visits = self._fade * self._visits + (1 - self._fade) * (dollars >= REWARD)
        self._weight = self._fade * self._weight + 1 - self._fade

    @property
    def spends(self) -> Floats:
        return np.asarray(self._spends / self._weight)

    @property
    def visits(self) -> Floats:
        return np.asarray(self._visits / self._weight)


class Quotes:
    """What a dollar of each brand's points fetched lately: what the history shows to anyone.

    The prices that fit the trades of the past weeks best (least squares on logarithms, weighted by value,
    older weeks fading), and a weak pull towards 1, a dollar for a dollar, which is all there is before the
    first trade.
    """

    def __init__(self, fade: float, pull: float) -> None:
        self._fade, self._pull = fade, pull
        self._normal = np.zeros((len(BRANDS), len(BRANDS)))
        self._right = np.zeros(len(BRANDS))

    def learn(self, book: Book, given: Integers, received: Integers) -> None:
        """Take in a week's trades."""
        done = (given > 0) & (received > 0)
        give, want = book.give[done], book.want[done]
        value = given[done] * UNIT[give]
        rate = np.log(received[done] * UNIT[want] / value)
        self._normal *= self._fade
        self._right *= self._fade
        for one, other, sign in ((give, want, 1), (want, give, -1)):
            np.add.at(self._normal, (one, one), value)
            np.add.at(self._normal, (one, other), -value)
            np.add.at(self._right, one, sign * value * rate)

    @property
    def prices(self) -> Floats:
        """By brand, of a dollar at the till, in an average dollar of points."""
        normal = self._normal + self._pull * np.eye(len(BRANDS))
        return np.asarray(np.exp(np.linalg.solve(normal, self._right)))


class Wishes:
    """For how long each household has wanted to be rid of each brand's points.

    `tries` are the weeks without success so far; until `rests` it does not try again. A wish begins with its
    first order and ends filled (nine tenths of what was offered), given up, or changed: there is no order any
    more.
    """

    def __init__(self, households: int) -> None:
        shape = (households, len(BRANDS))
        self.tries = np.zeros(shape, dtype=np.int64)
        self.rests = np.zeros(shape, dtype=np.int64)
        self._open = np.zeros(shape, dtype=np.bool_)
        self.begun = self.filled = self.given_up = self.changed = 0

    def learn(self, book: Book, given: Integers, week: int, traits: Traits, rest: int) -> None:
        """Take in what became of a week's orders."""
        place = book.household, book.give
        now = np.zeros_like(self._open)
        now[place] = True
        self.begun += int((now & ~self._open).sum())
        self.changed += int((self._open & ~now).sum())
        self.tries[~now] = 0
        filled = np.zeros_like(self._open)
        filled[place] = given * 10 >= book.give_amount * 9
        self.tries[now & ~filled] += 1
        given_up = now & ~filled & (self.tries >= traits.patience[:, None])
        self.rests[given_up] = week + 1 + rest
        self.filled += int(filled.sum())
        self.given_up += int(given_up.sum())
        self._open = now & ~filled & ~given_up
        self.tries[~self._open] = 0


@dataclass(frozen=True)
class Book:
    """The orders of one week, a row each; amounts in smallest units, times in Unix seconds.

    An order gives `give_amount` or a part of it, and at least `want_amount / give_amount` for each unit; both
    bounds on lots are the exchange's. `arrival` is in which sequence they came.
    """

    ids: npt.NDArray[np.uint8]
    household: Integers
    give: Integers
    want: Integers
    give_amount: Integers
    want_amount: Integers
    give_expiring_by: Integers
    want_living_until: Integers
    arrival: Floats

    def __len__(self) -> int:
        return len(self.household)

    @property
    def offered(self) -> Floats:
        """What is offered, in dollars at the till."""
        return np.asarray(self.give_amount * UNIT[self.give])

    def batch(self, ledger: Ledger) -> Batch:
        """The same orders for the fair clearing."""
        return Batch(
            ids=self.ids,
            maker=self.household,
            give=self.give,
            want=self.want,
            give_amount=self.give_amount,
            want_amount=self.want_amount,
            left=self.give_amount,
            give_expiring_by=self.give_expiring_by,
            want_living_until=self.want_living_until,
            whole=np.zeros(len(self), dtype=np.bool_),
            only=np.full(len(self), -1, dtype=np.int64),
            holdings=ledger.holdings(self.household, self.give),
            tokens=len(BRANDS),
        )


def worth(wait: Floats, life: Floats, waiting: Floats) -> Floats:
    """What a dollar of points is worth to a household: waits and lives in weeks."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = np.exp(-waiting * wait) * -np.expm1(-life / wait)
    return np.where(np.isfinite(wait), value, 0.0)


def wait_for(holds: Floats, spends: Floats, visits: Floats) -> Floats:
    """Weeks until a household can use what it holds of a brand (dollars): infinite where it does not buy."""
    with np.errstate(divide="ignore", invalid="ignore"):
        visit = np.where(visits > SMALLEST_CHANCE, 1 / visits, np.inf)
        earning = np.where(spends > SMALLEST_CHANCE, np.maximum(REWARD - holds, 0) / (BACK * spends), np.inf)
    return np.maximum(visit, earning)


def orders(
    week: int,
    ledger: Ledger,
    habits: Habits,
    quotes: Quotes,
    traits: Traits,
    wishes: Wishes,
    parameters: Parameters,
) -> Book:
    """What the households that trade sign this week, knowing the past only.

    Of all swaps the one that gains most at the last prices, then the next, up to `orders`.
    """
    now = end_of(week)
    who = np.flatnonzero(traits.trades)
    spends, visits = habits.spends[who], habits.visits[who]
    waiting = traits.waiting[who, None]
    lots = ledger.units[who] * UNIT[:, None]
    lives = np.maximum(ledger.expiries - now, 0) / WEEK
    holds = lots.sum(axis=2)
    keeps = worth(wait_for(holds, spends, visits)[..., None], lives[None], waiting[..., None])
    needs, bounds = _lives_asked(visits, ledger, now, parameters)
    may_give = (holds >= parameters.least) & (wishes.rests[who] <= week)
    may_want = np.ones_like(may_give)
    if not parameters.grocer:
        may_give[:, 0] = may_want[:, 0] = False
    average = (keeps * lots).sum(axis=2) / np.maximum(holds, 1e-12)
    prices = quotes.prices
    rates = prices[:, None] / prices[None, :]
    rows: list[tuple[Integers, ...]] = []
    reserves: list[Floats] = []
    virtual = holds.copy()
    people = np.arange(len(who))
    for _ in range(parameters.orders):
        after = virtual[:, None, :] + holds[:, :, None] * rates
        got = worth(
            wait_for(after, spends[:, None, :], visits[:, None, :]), needs[:, None, :], waiting[:, :, None]
        )
        room = after <= spends[:, None, :] * parameters.horizon
        gain = holds[:, :, None] * (got * rates - average[:, :, None])
        gain[~(may_give[:, :, None] & may_want[:, None, :] & room)] = -1
        gain[:, np.arange(len(BRANDS)), np.arange(len(BRANDS))] = -1
        best = gain.reshape(len(who), -1).argmax(axis=1)
        give, want = np.divmod(best, len(BRANDS))
        target = got[people, give, want]
        fetches = target * rates[give, want]
        spare = keeps[people, give] <= (1 - parameters.hurdle) * fetches[:, None]
        # The oldest lots are worth least, so what is spare is the oldest ones.
        offered = np.where(spare, lots[people, give], 0)
        value = offered.sum(axis=1)
        ratio = (offered * keeps[people, give]).sum(axis=1) / np.maximum(value * target, 1e-12)
        chosen = (gain[people, give, want] > 0) & (value >= parameters.least)
        units = np.where(spare, ledger.units[who, give], 0)
        expiries = np.where(units > 0, ledger.expiries[give], 0).max(axis=1)
        part = np.flatnonzero(chosen)
        rows.append(
            (
                who[part],
                give[part],
                want[part],
                units.sum(axis=1)[part],
                expiries[part],
                bounds[part, want[part]],
            )
        )
        reserves.append(ratio[part])
        virtual[part, want[part]] += value[part] * rates[give, want][part]
        may_give[part, give[part]] = False
        may_give[part, want[part]] = False
        may_want[part, give[part]] = False
    household, give, want, amount, expiring, living = (np.concatenate(c) for c in zip(*rows, strict=True))
    columns = household, give, want, amount, expiring, living
    return _signed(week, traits, wishes, parameters, columns, np.concatenate(reserves), rates[give, want])


def _lives_asked(visits: Floats, ledger: Ledger, now: int, parameters: Parameters) -> tuple[Floats, Integers]:
    """For which life each household asks of each brand: in weeks, and as the bound of an order.

    Three times the expected wait until a visit, raised to the next of the lives that one can ask for. The
    bound is the last lot's expiry that is not enough, 0 where all are.
    """
    grid = np.array(parameters.lives, dtype=np.float64)
    with np.errstate(divide="ignore"):
        asked = np.minimum(np.searchsorted(grid, 3 / visits), len(grid) - 1)
    ends = now + grid * WEEK
    if not parameters.bounds:
        return grid[asked], np.zeros_like(asked)
    expiries = ledger.expiries
    refused = (expiries[:, :, None] > now) & (expiries[:, :, None] <= ends)
    bounds = np.where(refused, expiries[:, :, None], 0).max(axis=1).astype(np.int64)
    return grid[asked], bounds[np.arange(len(BRANDS))[None, :], asked]


def _signed(
    week: int,
    traits: Traits,
    wishes: Wishes,
    parameters: Parameters,
    columns: tuple[Integers, ...],
    reserve: Floats,
    rate: Floats,
) -> Book:
    """Limits: the least that is worth it, the asked part of the gain at the last prices, private noise."""
    household, give, want, amount, expiring, living = columns
    asks = traits.asks[household] * parameters.concession ** wishes.tries[household, give]
    noise = np.exp(parameters.spread * traits.noise[week, household, give])
    limit = (reserve + asks * np.maximum(rate - reserve, 0)) * noise
    limit = np.maximum(limit, reserve)
    wanted = np.maximum(np.ceil(amount * UNIT[give] * limit / UNIT[want]), 1).astype(np.int64)
    ids = np.array(
        [
            list(sha256(f"{parameters.seed} {week} {who} {brand}".encode()).digest())
            for who, brand in zip(household.tolist(), give.tolist(), strict=True)
        ],
        dtype=np.uint8,
    ).reshape(len(household), 32)
    return Book(
        ids, household, give, want, amount, wanted, expiring, living, traits.arrival[week, household, give]
    )
