"""The solver's bars: `python -m benchmarks.clearing`.

Times are CPU seconds of one process with one BLAS thread, medians over seeds; memory is what the process grew
by. Every clearing is run over the makers' lots as the exchange would run it; a share of them is solved again
with its orders shuffled. With `--batches 0` only the speed is measured. Writes `benchmarks/clearing.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.batches import FAMILIES, ages, ordinary, whole
from benchmarks.best import Apart, best_found
from troc.market.clearing import Batch, Clearing, Holdings, check_execution, clear, split

OUTPUT = Path(__file__).with_name("clearing.json")

# Orders, tokens, how they are made, and the bar in seconds.
SPEED = (
    (10_000, 20, ordinary, 0.2),
    (100_000, 50, ordinary, 1.0),
    (1_000, 50, ordinary, 3.0),
    (10_000, 20, ages, 2.0),
    (100_000, 50, ages, 10.0),
    (1_000, 50, ages, 30.0),
    (10_000, 20, whole, 2.0),
)
MEMORY_MB = 300
PLAIN = (
    "ordinary",
    "thin",
    "shared",
    "islands",
    "dead_ends",
    "one_huge",
    "rings",
    "desks",
    "few_rates",
    "huge",
)
"""Divisible orders of about 1,000 units and more, one class of life."""

APART = {"desks": 120, "two_makers": 60}
"""Families in which makers could serve mostly themselves, which the exchange forbids, and in how many batches
ours is compared with the best that anybody can reach. Not the bound but that best is their bar.
"""

MIXED = ("ages", "whole")
PLAIN_BAR, WHOLE_BAR = 0.9995, 0.98
MOST_TRANSFERS = 2.0
CHOSEN = (("whole", 10), ("all_whole", 6))
"""Families of which the choice of all-or-nothing orders is compared, and in how many batches."""

SLOW = {"all_whole": 0.2, "everything": 0.3, "ages_tiny": 0.4}
"""Families of which fewer are tried."""


@dataclass(frozen=True)
class Speed:
    """How long batches of a size take."""

    orders: int
    tokens: int
    classes: int
    whole: bool
    """A third of the orders all or nothing."""
    median_seconds: float
    worst_seconds: float
    bar_seconds: float
    memory_mb: float


@dataclass(frozen=True)
class Quality:
    """How good the clearings of a family are. Shares are of the traded value, over all batches."""

    family: str
    batches: int
    filled: float
    worst_surplus: float
    median_surplus: float
    worst_of_reachable: float | None
    """Ours over the most surplus that anybody can reach at the same prices where nobody may serve herself:
    for families in which that can be less than the bound.
    """
    worst_unfilled: float
    worst_deviation: float
    worst_transfers: float
    worst_seconds: float


def deviation(batch: Batch, clearing: Clearing) -> float:
    """By how much value orders got more or less than the uniform rate, beside the value that was traded. Only
    for orders that give points of one price.
    """
    price = {good: float(price) for good, price in zip(clearing.goods, clearing.prices, strict=True)}
    lives: dict[int, list[int]] = {}
    for good in clearing.goods:
        lives.setdefault(good.token, []).append(good.living_until)
    off = total = 0.0
    for row in np.flatnonzero(clearing.given).tolist():
        give, want = int(batch.give[row]), int(batch.want[row])
        if len(lives[give]) > 1:
            continue
        bought = min(life for life in lives[want] if life >= batch.want_living_until[row])
        got = float(clearing.received[row]) * price[want, bought]  # type: ignore[index]
        gave = float(clearing.given[row]) * price[give, lives[give][0]]  # type: ignore[index]
        off, total = off + abs(got - gave), total + got
    return off / total if total else 0.0


def shuffled(batch: Batch, seed: int) -> tuple[Batch, np.ndarray]:
    """The same batch with its orders, makers, tokens and lots in another sequence; and the orders' places."""
    random = np.random.default_rng(seed)
    rows = random.permutation(len(batch))
    lots = random.permutation(len(batch.holdings.maker))
    token = random.permutation(batch.tokens)
    makers = int(
        max(batch.maker.max(initial=0), batch.holdings.maker.max(initial=0), batch.only.max(initial=0))
    )
    maker = random.permutation(makers + 1)
    holdings = batch.holdings
    other = replace(
        batch,
        ids=batch.ids[rows],
        maker=maker[batch.maker[rows]],
        give=token[batch.give[rows]],
        want=token[batch.want[rows]],
        give_amount=batch.give_amount[rows],
        want_amount=batch.want_amount[rows],
        left=batch.left[rows],
        give_expiring_by=batch.give_expiring_by[rows],
        want_living_until=batch.want_living_until[rows],
        whole=batch.whole[rows],
        only=np.where(batch.only[rows] < 0, -1, maker[batch.only[rows]]),
        holdings=Holdings(
            maker[holdings.maker[lots]],
            token[holdings.token[lots]],
            holdings.expiry[lots],
            holdings.units[lots],
        ),
    )
    return other, rows


def measure_speed(seeds: int) -> list[Speed]:
    """Each size in a process of its own, for its memory."""
    found = []
    for number in range(len(SPEED)):
        answer = subprocess.run(
            [sys.executable, "-m", "benchmarks.clearing", "--size", str(number), "--seeds", str(seeds)],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        )
        found.append(Speed(**json.loads(answer.stdout)))
        one = found[-1]
        print(
            f"{one.orders:7} orders {one.tokens:3} tokens {one.classes} classes"
            f"{'  a third whole' if one.whole else ''}  median"
            f" {one.median_seconds:6.3f} s  worst {one.worst_seconds:6.3f} s  bar {one.bar_seconds:g} s "
            f" {one.memory_mb:4.0f} MB",
            flush=True,
        )
    return found


def _one_size(number: int, seeds: int) -> Speed:
    orders, tokens, made, bar = SPEED[number]
    clear(ordinary(0))
    taken, memory = [], 0.0
    for seed in range(seeds):
        batch = made(seed, orders, tokens)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.process_time()
        clear(batch)
        taken.append(time.process_time() - start)
        memory = max(memory, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
    return Speed(
        orders,
        tokens,
        4 if made is ages else 1,
        made is whole,
        statistics.median(taken),
        max(taken),
        bar,
        memory,
    )


def measure_quality(name: str, made: Callable[[int], Batch], seeds: Sequence[int]) -> Quality:
    """Raises where a clearing would be refused by the exchange, or depends on the sequence of its orders."""
    surplus, unfilled, off, transfers, filled, seconds, reached = [], [], [], [], [], [], []
    for seed in seeds:
        batch = made(seed)
        start = time.process_time()
        clearing = clear(batch)
        seconds.append(time.process_time() - start)
        check_execution(batch, clearing.transfers, clearing.given, clearing.received)
        if not 0 <= clearing.surplus <= clearing.bound:
            raise AssertionError(f"{name} {seed}: the surplus is beyond its bound")
        if seed % 10 == 0:
            other, rows = shuffled(batch, seed)
            again = clear(other)
            if not np.array_equal(again.given, clearing.given[rows]):
                raise AssertionError(f"{name} {seed}: the fills depend on the sequence of the orders")
            split(batch, clearing, 30)
        count = int((clearing.given > 0).sum())
        filled.append(count / len(batch))
        if clearing.bound:
            surplus.append(clearing.surplus / clearing.bound)
            if name in APART:
                reached.append(surplus[-1] / _reachable(Apart(batch, clearing)))
        if clearing.traded:
            unfilled.append(clearing.unfilled / clearing.traded)
            off.append(deviation(batch, clearing))
            transfers.append(len(clearing.transfers) / count)
    return Quality(
        name,
        len(seeds),
        statistics.fmean(filled),
        min(surplus, default=1.0),
        statistics.median(surplus) if surplus else 1.0,
        min(reached, default=1.0) if name in APART else None,
        max(unfilled, default=0.0),
        max(off, default=0.0),
        max(transfers, default=0.0),
        max(seconds),
    )


@dataclass(frozen=True)
class Choice:
    """How good the choice of all-or-nothing orders is. `best`: the largest surplus over its bound that was
    found; `at_prices` and `anywhere`: ours over the best at the same prices, and at any.
    """

    family: str
    batches: int
    worst_best: float
    median_best: float
    worst_at_prices: float
    median_at_prices: float
    worst_anywhere: float
    median_anywhere: float
    out_of_reach: int
    """Batches for which nothing that reaches the bar was found."""


def measure_choice(name: str, seeds: Sequence[int]) -> Choice:
    """Ours beside far longer searches (benchmarks/best.py)."""
    here, anywhere, best = [], [], []
    for seed in seeds:
        batch = FAMILIES[name](seed)
        clearing = clear(batch)
        found = best_found(batch, clearing, seed)
        ours = clearing.surplus / clearing.bound
        here.append(ours / found.at_prices)
        anywhere.append(ours / found.anywhere)
        best.append(found.anywhere)
    return Choice(
        name,
        len(seeds),
        min(best),
        statistics.median(best),
        min(here),
        statistics.median(here),
        min(anywhere),
        statistics.median(anywhere),
        sum(one < WHOLE_BAR for one in best),
    )


def _reachable(apart: Apart) -> float:
    return max(apart.reached(apart.prices), 1e-9)


@dataclass(frozen=True)
class Served:
    """Where makers could serve mostly themselves: the most of the bound that anybody can reach at the same
    prices without that, and the most that was found at any; and ours over them.
    """

    family: str
    batches: int
    short: int
    """Batches in which nobody can reach 0.9995 of the bound at the same prices."""
    worst_reachable: float
    median_reachable: float
    worst_at_prices: float
    worst_anywhere: float
    median_anywhere: float


def measure_served(name: str, seeds: Sequence[int]) -> Served:
    """Ours beside a linear programme of its own and a walk of prices (benchmarks/best.py). Prices are walked
    only where the bound is out of reach.
    """
    reachable, here, anywhere = [], [], []
    for seed in seeds:
        batch = FAMILIES[name](seed)
        clearing = clear(batch)
        if not clearing.bound:
            continue
        apart, ours = Apart(batch, clearing), clearing.surplus / clearing.bound
        reachable.append(_reachable(apart))
        here.append(ours / reachable[-1])
        if reachable[-1] < PLAIN_BAR:
            anywhere.append(ours / max(apart.anywhere(seed), 1e-9))
    return Served(
        name,
        len(reachable),
        len(anywhere),
        min(reachable),
        statistics.median(reachable),
        min(here),
        min(anywhere, default=1.0),
        statistics.median(anywhere) if anywhere else 1.0,
    )


def _missed(speed: list[Speed], quality: list[Quality], served: list[Served]) -> list[str]:
    missed = [
        f"{one.orders} orders take {one.median_seconds:.2f} s"
        for one in speed
        if one.median_seconds > one.bar_seconds
    ]
    missed += [
        f"{one.orders} orders take {one.memory_mb:.0f} MB"
        for one in speed
        if one.memory_mb > MEMORY_MB and one.classes == 1
    ]
    missed += [
        f"{one.family}: {one.worst_at_prices:.5f} of what can be reached"
        for one in served
        if one.worst_at_prices < PLAIN_BAR
    ]
    for one in quality:
        if one.worst_of_reachable is not None:
            if one.worst_of_reachable < PLAIN_BAR:
                missed.append(f"{one.family}: {one.worst_of_reachable:.5f} of what can be reached")
        else:
            least = PLAIN_BAR if one.family in PLAIN else WHOLE_BAR if one.family in MIXED else 0.0
            if one.worst_surplus < least:
                missed.append(f"{one.family}: S/S* {one.worst_surplus:.5f}")
            if one.family in PLAIN and one.worst_unfilled > 1e-4:
                missed.append(f"{one.family}: unfilled {one.worst_unfilled:.1e}")
        if one.family in PLAIN and one.worst_deviation > 3e-4:
            missed.append(f"{one.family}: deviation {one.worst_deviation:.1e}")
        if one.family in PLAIN and one.worst_transfers > MOST_TRANSFERS:
            missed.append(f"{one.family}: {one.worst_transfers:.2f} transfers an order")
    return missed


def main() -> None:
    """Measure, print and write. Ends with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=2000, help="random and adversarial batches, about")
    parser.add_argument("--seeds", type=int, default=5, help="batches a size whose speed is measured")
    parser.add_argument("--size", type=int, default=-1, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.size >= 0:
        print(json.dumps(asdict(_one_size(chosen.size, chosen.seeds))))
        return
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    load = os.getloadavg()[0]
    speed = measure_speed(chosen.seeds)
    quality = []
    choices = []
    for name, count in CHOSEN if chosen.batches else ():
        made_choice = measure_choice(name, range(count))
        choices.append(made_choice)
        print(
            f"{name:12} {count} batches  best found: worst {made_choice.worst_best:.3f}"
            f" median {made_choice.median_best:.3f}  ours / best at the same prices: worst"
            f" {made_choice.worst_at_prices:.4f}  at any: worst {made_choice.worst_anywhere:.4f}"
            f" median {made_choice.median_anywhere:.4f}",
            flush=True,
        )
    served = []
    for name, count in APART.items() if chosen.batches else ():
        made_served = measure_served(name, range(count))
        served.append(made_served)
        print(
            f"{name:12} {made_served.batches} batches, {made_served.short} short of the bound  reachable:"
            f" worst {made_served.worst_reachable:.3f} median {made_served.median_reachable:.3f}  ours /"
            f" reachable at the same prices: worst {made_served.worst_at_prices:.6f}  at any: worst"
            f" {made_served.worst_anywhere:.4f} median {made_served.median_anywhere:.4f}",
            flush=True,
        )
    shares = {name: SLOW.get(name, 1.0) for name in FAMILIES}
    for name, made in FAMILIES.items() if chosen.batches else ():
        count = -(-chosen.batches * shares[name] // sum(shares.values()))
        one = measure_quality(name, made, range(int(count)))
        quality.append(one)
        share = one.worst_of_reachable
        reachable = "" if share is None else f"  of what can be reached {share:.6f}"
        print(
            f"{name:12} {one.batches:4} batches  S/S* worst {one.worst_surplus:.6f}"
            f" median {one.median_surplus:.6f}{reachable}  unfilled {one.worst_unfilled:.1e}"
            f"  deviation {one.worst_deviation:.1e}  transfers {one.worst_transfers:.2f}"
            f"  filled {one.filled:.2f}  worst {one.worst_seconds:.2f} s",
            flush=True,
        )
    OUTPUT.write_text(
        json.dumps(
            {
                "load_before": load,
                "speed": [asdict(one) for one in speed],
                "choice": [asdict(one) for one in choices],
                "served": [asdict(one) for one in served],
                "quality": [asdict(one) for one in quality],
            },
            indent=2,
        )
        + "\n"
    )
    missed = _missed(speed, quality, served)
    print("\n".join(missed) if missed else "the bars are met")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
