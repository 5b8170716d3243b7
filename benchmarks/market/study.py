"""All runs, and the figures that come of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.market import gas as costs
from benchmarks.market.households import UNIT, Traits, draw
from benchmarks.market.parameters import BRANDS, PRICES, Parameters
from benchmarks.market.purchases import Purchases, read
from benchmarks.market.year import Tried, Week, World, run

NONE, PAIRS, RINGS, FAIR = "none", "pairs", "rings", "fair"
TRADED = (PAIRS, RINGS, FAIR)

BAR = 1.3
SMALL_WEEK = 1500
"""In weeks with at most so many orders the fair clearing must trade `BAR` times what pairs trade."""

NEVER = 1e9

DIGITS = 7
"""Digits behind the point that are reported: fewer than what other machines could compute otherwise."""

Figures = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """A run that differs from the base in one thing."""

    name: str
    parameters: Parameters


def variants(base: Parameters) -> tuple[Variant, ...]:
    """What the result could hang on."""
    return (
        *(
            Variant(f"{share:.0%} of households trade", replace(base, share=share))
            for share in (0.05, 0.10, 0.60, 1.00)
        ),
        *(Variant(f"limits spread by {spread:.0%}", replace(base, spread=spread)) for spread in (0.02, 0.15)),
        Variant("the grocer's points are not traded", replace(base, grocer=False)),
        Variant("no life is asked for", replace(base, bounds=False)),
        Variant("households see no prices", replace(base, pull=NEVER)),
        Variant("other draws", replace(base, seed=base.seed + 1)),
    )


@dataclass(frozen=True)
class Study:
    """The base year in four worlds, and the variants' figures."""

    parameters: Parameters
    purchases: Purchases
    traits: Traits
    worlds: Mapping[str, World]
    variants: Sequence[Figures]

    @property
    def trades(self) -> npt.NDArray[np.bool_]:
        """Which households trade."""
        return self.traits.trades


def make(parameters: Parameters, with_variants: bool, say: Callable[[str], None]) -> Study:
    """Run everything; `say` is told what is done."""
    purchases = read(parameters)
    traits = draw(parameters, purchases.households)
    worlds = {}
    for mechanism in (NONE, *TRADED):
        say(f"the year with {mechanism}")
        worlds[mechanism] = run(mechanism, parameters, purchases, traits, compare=mechanism in (PAIRS, FAIR))
    rows = [compared("as above", parameters, worlds)]
    for variant in variants(parameters) if with_variants else ():
        say(variant.name)
        drawn = draw(variant.parameters, purchases.households)
        tried = {
            name: run(name, variant.parameters, purchases, drawn, compare=name == FAIR)
            for name in (PAIRS, FAIR)
        }
        rows.append(compared(variant.name, variant.parameters, tried))
    return Study(parameters, purchases, traits, worlds, rows)


def total(weeks: Sequence[Week], what: str) -> float:
    """The sum of a figure over weeks."""
    return float(sum(getattr(week, what) for week in weeks))


def ratio(over: float, under: float) -> float | None:
    """A quotient, None where there is nothing to divide by."""
    return over / under if under else None


def over(world: World, other: str) -> Figures:
    """What a world's mechanism did, over what another does with the same orders."""
    own = Tried(
        total(world.weeks, "traded"),
        total(world.weeks, "surplus"),
        int(total(world.weeks, "filled") + total(world.weeks, "partly")),
    )
    theirs = [sum(column) for column in zip(*(week.tried[other] for week in world.weeks), strict=True)]
    return {name: ratio(mine, whole) for name, mine, whole in zip(Tried._fields, own, theirs, strict=True)}


def compared(name: str, parameters: Parameters, worlds: Mapping[str, World]) -> Figures:
    """The fair clearing beside the others in one run."""
    fair, pairs = worlds[FAIR], worlds[PAIRS]
    return {
        "name": name,
        "orders_a_week": total(fair.weeks, "orders") / max(len(fair.weeks), 1),
        "filled_fair": ratio(total(fair.weeks, "traded"), total(fair.weeks, "offered")),
        "filled_pairs": ratio(total(pairs.weeks, "traded"), total(pairs.weeks, "offered")),
        "same_orders": {other: over(fair, other) for other in (PAIRS, RINGS)},
        "own_year_value": ratio(total(fair.weeks, "traded"), total(pairs.weeks, "traded")),
        "most": {
            which: ratio(
                sum(getattr(week, which) for week in fair.weeks),
                sum(week.tried[PAIRS].traded for week in fair.weeks),
            )
            for which in ("most", "most_uniform")
        },
        "weeks": [
            [
                week.orders,
                week.traded,
                week.tried[PAIRS].traded,
                week.tried[RINGS].traded,
                week.most,
                week.most_uniform,
            ]
            for week in fair.weeks
        ],
    }


def bar(rows: Sequence[Figures]) -> Figures:
    """The bar over all weeks with few orders: of the base, and of every run."""

    def of(chosen: Sequence[Figures]) -> Figures:
        weeks = [week for row in chosen for week in row["weeks"] if week[0] <= SMALL_WEEK and week[2] > 0]
        return {
            "weeks": len(weeks),
            "value": ratio(sum(week[1] for week in weeks), sum(week[2] for week in weeks)),
            "median": float(np.median([week[1] / week[2] for week in weeks])) if weeks else None,
            "reached": sum(week[1] >= BAR * week[2] for week in weeks),
            "behind_rings": sum(week[1] < week[3] for week in weeks),
            "most": ratio(sum(week[4] for week in weeks), sum(week[2] for week in weeks)),
            "most_uniform": ratio(sum(week[5] for week in weeks), sum(week[2] for week in weeks)),
            "within_reach": sum(week[5] >= BAR * week[2] for week in weeks),
            "of_most_uniform": ratio(sum(week[1] for week in weeks), sum(week[5] for week in weeks)),
        }

    return {"bar": BAR, "orders": SMALL_WEEK, "base": of(rows[:1]), "all": of(rows)}


def market(world: World) -> Figures:
    """How well a world's mechanism served the orders it got."""
    weeks = world.weeks
    orders, filled, partly = (total(weeks, name) for name in ("orders", "filled", "partly"))
    qualities = [week.quality for week in weeks if week.quality is not None]
    return {
        "orders": int(orders),
        "filled": ratio(filled, orders),
        "partly": ratio(partly, orders),
        "offered": total(weeks, "offered"),
        "traded": total(weeks, "traded"),
        "filled_value": ratio(total(weeks, "traded"), total(weeks, "offered")),
        "wishes": world.wishes.begun,
        "wishes_filled": ratio(world.wishes.filled, world.wishes.begun),
        "wishes_given_up": ratio(world.wishes.given_up, world.wishes.begun),
        "surplus": total(weeks, "surplus"),
        "spread": ratio(total(weeks, "spread"), total(weeks, "spread_value")),
        "spread_alike": ratio(total(weeks, "alike"), total(weeks, "alike_value")),
        "transfers_an_order": ratio(total(weeks, "transfers"), filled + partly),
        "worst_quality": min(qualities) if qualities else None,
    }


def customers(study: Study, world: World) -> Figures:
    """What the households that trade have of it, beside a year without trade; dollars at the till."""
    without = study.worlds[NONE]
    who = study.trades
    redeemed = (world.redeemed - without.redeemed)[who]
    have = redeemed + (world.left - without.left)[who]
    paid = study.purchases.cents[:, who, 0].sum(axis=0) / 100
    quarter = np.searchsorted(np.quantile(paid, [0.25, 0.5, 0.75]), paid)
    issued = float((world.ledger.issued * UNIT).sum())
    lost = [float((one.ledger.expired * UNIT).sum()) for one in (without, world)]
    return {
        "households": int(who.sum()),
        "issued": issued,
        "expired_without": lost[0],
        "expired": lost[1],
        "saved": lost[0] - lost[1],
        "redeemed_more": float(redeemed.sum()),
        "left_more": float((world.left - without.left)[who].sum()),
        "redeemed_without_each": float(without.redeemed[who].mean()),
        "redeemed_more_each": float(redeemed.mean()),
        "have_more_each": float(have.mean()),
        "have_more_median": float(np.median(have)),
        "better": float((have > CENT_OF_DOUBT).mean()),
        "worse": float((have < -CENT_OF_DOUBT).mean()),
        "worse_mean": float(have[have < -CENT_OF_DOUBT].mean()) if (have < -CENT_OF_DOUBT).any() else 0.0,
        "redeemed_more_by_quarter": [float(redeemed[quarter == n].mean()) for n in range(4)],
        "have_more_by_quarter": [float(have[quarter == n].mean()) for n in range(4)],
    }


CENT_OF_DOUBT = 0.01
"""Who has a cent more or less than without trade is counted as neither."""


def brands(study: Study, world: World) -> list[Figures]:
    """What each brand has of it, the grocer first and then by sales; dollars at the till."""
    without = study.worlds[NONE]
    rows = []
    for place, brand in enumerate(BRANDS):

        def dollars(units: npt.NDArray[np.int64], place: int = place) -> float:
            return float(units[place] * UNIT[place])

        before, after = without.ledger, world.ledger
        issued = dollars(after.issued)
        change = world.redemptions[:, place] - without.redemptions[:, place]
        reached = [int((one.redemptions[:, place] > 0).sum()) for one in (without, world)]
        rows.append(
            {
                "name": brand.name,
                "months": round(brand.epoch * 4 / 30.4),
                "sales": float(study.purchases.cents[:, :, place].sum() / 100),
                "issued": issued,
                "redeemed_without": dollars(before.redeemed),
                "redeemed": dollars(after.redeemed),
                "breakage_without": ratio(dollars(before.expired), issued),
                "breakage": ratio(dollars(after.expired), issued),
                "breakage_lost": dollars(before.expired) - dollars(after.expired),
                "changed_hands": dollars(world.inflow),
                "rewards_without": int(before.redeemed[place] // brand.step),
                "rewards": int(after.redeemed[place] // brand.step),
                "redeemers_without": reached[0],
                "redeemers": reached[1],
                "rewards_brought": int(np.maximum(change, 0).sum() // brand.step),
                "rewards_gone": int(np.maximum(-change, 0).sum() // brand.step),
                "price": float(world.prices[place]),
            }
        )
    return rows


SIZES = (
    ("the grocer", 0, 1),
    ("the 6 largest", 1, 7),
    ("the 6 in the middle", 7, 13),
    ("the 7 smallest", 13, 20),
)


def sizes(rows: Sequence[Figures]) -> list[Figures]:
    """The brands' figures added up by size."""
    found = []
    for name, start, end in SIZES:
        part = rows[start:end]

        def added(key: str, part: Sequence[Figures] = part) -> float:
            return float(sum(row[key] for row in part))

        issued = added("issued")
        more = added("redeemed") - added("redeemed_without")
        lost = sum(row["breakage_without"] * row["issued"] for row in part if row["issued"])
        found.append(
            {
                "name": name,
                "sales": added("sales"),
                "issued": issued,
                "changed_hands": ratio(added("changed_hands"), issued),
                "redeemed_more": more,
                "redeemed_more_of_sales": ratio(more, added("sales")),
                "breakage_without": ratio(lost, issued),
                "breakage": ratio(lost - added("breakage_lost"), issued),
                "rewards_more": int(added("rewards") - added("rewards_without")),
                "rewards_without": int(added("rewards_without")),
                "rewards_brought": int(added("rewards_brought")),
                "rewards_gone": int(added("rewards_gone")),
                "redeemers_more": int(added("redeemers") - added("redeemers_without")),
                "redeemers_without": int(added("redeemers_without")),
            }
        )
    return found


def figures(study: Study) -> Figures:
    """Everything that is reported, as plain values: what benchmarks/market.json holds."""
    measured = costs.read()
    households = max(int(study.trades.sum()), 1)
    bills = {name: costs.bill(study.worlds[name], measured, households) for name in TRADED}
    by_brand = {name: brands(study, study.worlds[name]) for name in TRADED}
    base = study.variants[0]
    # Over what pairs did with the orders that pairs got.
    behind = over(study.worlds[PAIRS], FAIR)
    found = {
        "parameters": asdict(study.parameters),
        "brands": [asdict(brand) for brand in BRANDS],
        "prices": [asdict(price) for price in PRICES],
        "households": study.purchases.households,
        "market": {name: market(study.worlds[name]) for name in TRADED},
        "customers": {name: customers(study, study.worlds[name]) for name in TRADED},
        "by_brand": by_brand,
        "by_size": {name: sizes(rows) for name, rows in by_brand.items()},
        "gas": {
            "measured": asdict(measured),
            "bills": {name: asdict(one) for name, one in bills.items()},
            "dollars": costs.table(bills.items(), PRICES),
        },
        "orders_of_pairs": {name: ratio(1, value) if value else None for name, value in behind.items()},
        "base": {key: value for key, value in base.items() if key != "weeks"},
        "bar": bar(study.variants),
        "variants": study.variants,
        "weeks": {name: [asdict(week) for week in study.worlds[name].weeks] for name in TRADED},
    }
    return {key: _rounded(value) for key, value in found.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(entry) for entry in value]
    return value
