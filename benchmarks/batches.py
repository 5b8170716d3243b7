"""Families of batches to clear: ordinary ones, and ones made to break a solver, each from its seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from troc.market.clearing import Batch, Holdings

LIVES = 1_000_000 * np.arange(1, 5)
"""Expiries of four lots."""

_MOST = 2**55


@dataclass
class Draft:
    """What a batch is made of, before its holdings and digests are filled in."""

    random: np.random.Generator
    tokens: int
    maker: Any
    give: Any
    want: Any
    give_amount: Any
    want_amount: Any
    expiring_by: Any
    living_until: Any
    whole: Any
    only: Any
    held: float = 1.0
    """What makers hold, beside what their orders give."""
    lots: int = 1

    def batch(self) -> Batch:
        """With holdings in lots of random sizes."""
        random, size = self.random, len(self.maker)
        wallets, place = np.unique(self.maker * self.tokens + self.give, return_inverse=True)
        units = np.maximum(np.bincount(place, self.give_amount * self.held), 1.0)
        # What there is of a token fits its supply.
        supply = np.maximum(np.bincount(wallets % self.tokens, units, self.tokens), 1.0)
        units = np.maximum(units * np.minimum(1.0, 2.0**57 / supply)[wallets % self.tokens], 1.0)
        shares = random.dirichlet(np.ones(self.lots), len(wallets))
        shares = shares * (random.random(shares.shape) < 0.7)
        shares[shares.sum(1) == 0, 0] = 1.0
        shares = shares / shares.sum(1, keepdims=True)
        lots = np.minimum((shares * units[:, None]).astype(np.int64), 2**56 - 1)
        wallet, lot = np.nonzero(lots)
        return Batch(
            ids=random.integers(0, 256, (size, 32), dtype=np.uint8),
            maker=self.maker.astype(np.int64),
            give=self.give.astype(np.int64),
            want=self.want.astype(np.int64),
            give_amount=self.give_amount.astype(np.int64),
            want_amount=self.want_amount.astype(np.int64),
            left=self.give_amount.astype(np.int64),
            give_expiring_by=self.expiring_by.astype(np.int64),
            want_living_until=self.living_until.astype(np.int64),
            whole=self.whole.astype(np.bool_),
            only=self.only.astype(np.int64),
            holdings=Holdings(
                wallets[wallet] // self.tokens, wallets[wallet] % self.tokens, LIVES[lot], lots[wallet, lot]
            ),
            tokens=self.tokens,
        )


def draft(
    seed: int, orders: int, tokens: int, *, spread: float = 0.05, size: float = 1e6, decimals: int = 0
) -> Draft:
    """Orders between random tokens around hidden prices, with limits that differ by `spread`."""
    random = np.random.default_rng(seed)
    worth = np.exp(random.normal(0, 1, tokens)) * 10.0 ** random.integers(-decimals, decimals + 1, tokens)
    give = random.integers(0, tokens, orders)
    want = (give + random.integers(1, tokens, orders)) % tokens
    value = size * np.exp(random.normal(0, 1, orders))
    give_amount = np.clip(np.rint(value / worth[give]), 1, _MOST)
    limit = worth[give] / worth[want] * np.exp(random.normal(0, spread, orders))
    want_amount = np.clip(np.rint(give_amount * limit), 1, _MOST)
    none = np.zeros(orders, np.int64)
    return Draft(
        random,
        tokens,
        np.arange(orders),
        give,
        want,
        give_amount,
        want_amount,
        none,
        none.copy(),
        none > 0,
        none - 1,
    )


def _share(made: Draft, makers: int, held: float = 0.6) -> Draft:
    made.maker = made.random.integers(0, makers, len(made.maker))
    made.held = held
    return made


def _age(made: Draft) -> Draft:
    size = len(made.maker)
    made.lots = 4
    wanted = np.concatenate([[0], LIVES[:3]])
    made.living_until = made.random.choice(wanted, size, p=[0.4, 0.3, 0.2, 0.1])
    made.expiring_by = made.random.choice(np.concatenate([[0], LIVES]), size)
    return made


def _whole(made: Draft, share: float = 0.3) -> Draft:
    made.whole = made.random.random(len(made.maker)) < share
    made.held = 1.0
    return made


def ordinary(seed: int, orders: int = 300, tokens: int = 8) -> Batch:
    """Divisible orders of a million units, each maker one order."""
    return draft(seed, orders, tokens).batch()


def thin(seed: int) -> Batch:
    """Hardly more orders than tokens."""
    return draft(seed, 60 + seed % 60, 30, spread=0.3).batch()


def ages(seed: int, orders: int = 300, tokens: int = 8) -> Batch:
    """Four classes of life on both sides."""
    return _age(draft(seed, orders, tokens)).batch()


def shared(seed: int, orders: int = 300, tokens: int = 8) -> Batch:
    """Makers with several orders that together give more than there is."""
    return _share(draft(seed, orders, tokens), orders // 6).batch()


def whole(seed: int, orders: int = 300, tokens: int = 8) -> Batch:
    """A third of the orders all or nothing."""
    return _whole(draft(seed, orders, tokens)).batch()


def all_whole(seed: int) -> Batch:
    """Every order all or nothing, round amounts."""
    made = draft(seed, 100, 5, spread=0.1)
    made.give_amount = np.maximum(np.round(made.give_amount, -5), 100_000)
    made.want_amount = np.maximum(np.round(made.want_amount, -5), 100_000)
    return _whole(made, 1.0).batch()


def ties(seed: int) -> Batch:
    """Exactly one for one, all of it."""
    made = draft(seed, 200, 6)
    made.give_amount = made.random.integers(1, 50, 200) * 1000.0
    made.want_amount = made.give_amount.copy()
    return made.batch()


def few_rates(seed: int) -> Batch:
    """Limits on a handful of round rates."""
    made = draft(seed, 300, 6, spread=0.0)
    steps = made.random.choice([0.9, 0.95, 1.0, 1.0, 1.0, 1.05, 1.1], 300)
    made.give_amount = made.random.integers(1, 50, 300) * 1000.0
    made.want_amount = np.rint(made.give_amount * steps)
    return made.batch()


def islands(seed: int) -> Batch:
    """Brands in groups that nobody trades between."""
    made = draft(seed, 300, 12)
    made.want = made.give // 3 * 3 + (made.give + 1 + made.want % 2) % 3
    worth = np.exp(made.random.normal(0, 1, 12))
    rate = worth[made.give] / worth[made.want] * np.exp(made.random.normal(0, 0.05, 300))
    made.want_amount = np.clip(np.rint(made.give_amount * rate), 1, _MOST)
    return made.batch()


def giants(seed: int) -> Batch:
    """Amounts up to 2^55, beside tiny ones."""
    made = draft(seed, 200, 5, size=1e9)
    factor = 10.0 ** made.random.uniform(-8, 8, 200)
    made.give_amount = np.clip(np.rint(made.give_amount * factor), 1, _MOST)
    made.want_amount = np.clip(np.rint(made.want_amount * factor), 1, _MOST)
    return made.batch()


def huge(seed: int) -> Batch:
    """Everything close to the most that fits."""
    return draft(seed, 100, 5, size=2e15, decimals=1).batch()


def tiny(seed: int) -> Batch:
    """A few units each."""
    return draft(seed, 200, 5, size=4, spread=0.3).batch()


def coarse(seed: int) -> Batch:
    """One unit of some brands is a million of others."""
    return draft(seed, 200, 6, size=300, decimals=3, spread=0.2).batch()


def dead_ends(seed: int) -> Batch:
    """Tokens that many want and nobody gives, and the other way round."""
    made = draft(seed, 200, 10)
    made.give, made.want = np.minimum(made.give, 7), np.maximum(made.want, 2)
    made.want = np.where(made.give == made.want, 9, made.want)
    return made.batch()


def one_huge(seed: int) -> Batch:
    """One order larger than all others together."""
    made = draft(seed, 200, 5)
    made.give_amount[0] *= 10_000
    made.want_amount[0] *= 10_000
    return made.batch()


def rings(seed: int) -> Batch:
    """No two orders match: brand k goes to brand k + 1 alone."""
    made = draft(seed, 200, 7)
    made.want = (made.give + 1) % 7
    made.want_amount = np.maximum(np.rint(made.give_amount * np.exp(made.random.normal(-0.05, 0.1, 200))), 1)
    return made.batch()


def desks(seed: int) -> Batch:
    """Few makers on both sides of every brand."""
    return _share(draft(seed, 150, 5, spread=0.2), 6, 1.0).batch()


def two_makers(seed: int) -> Batch:
    """Makers who could often serve only themselves."""
    return _share(draft(seed, 40, 3, spread=0.3), 2 + seed % 2, 1.0).batch()


def adversarial(seed: int) -> Batch:
    """Amounts and limits from anywhere."""
    made = draft(seed, 120, 6)
    made.give_amount = np.rint(2.0 ** made.random.uniform(0, 55, 120))
    made.want_amount = np.clip(np.rint(made.give_amount * 2.0 ** made.random.normal(0, 3, 120)), 1, _MOST)
    return made.batch()


def everything(seed: int) -> Batch:
    """Ages, shared balances, whole orders, named takers, a few huge and a few tiny ones."""
    made = _age(_share(draft(seed, 250, 6, spread=0.15), 60, 0.8))
    made.whole = made.random.random(250) < 0.15
    made.only = np.where(made.random.random(250) < 0.05, made.random.integers(0, 60, 250), -1)
    factor = 10.0 ** np.rint(made.random.normal(0, 1.2, 250))
    made.give_amount = np.clip(np.rint(made.give_amount * factor), 1, _MOST)
    made.want_amount = np.clip(np.rint(made.want_amount * factor), 1, _MOST)
    batch = made.batch()
    part = made.random.random(250) < 0.3
    return replace(batch, left=np.where(part & ~batch.whole, (batch.left + 1) // 2, batch.left))


def ages_tiny(seed: int) -> Batch:
    """Few units in four classes of life, shared, some whole."""
    made = _age(_share(draft(seed, 120, 4, size=20, spread=0.3), 40, 0.8))
    made.whole = made.random.random(120) < 0.1
    return made.batch()


FAMILIES: dict[str, Callable[[int], Batch]] = {
    made.__name__: made
    for made in (
        ordinary,
        thin,
        ages,
        shared,
        whole,
        all_whole,
        ties,
        few_rates,
        islands,
        giants,
        huge,
        tiny,
        coarse,
        dead_ends,
        one_huge,
        rings,
        desks,
        two_makers,
        adversarial,
        everything,
        ages_tiny,
    )
}
