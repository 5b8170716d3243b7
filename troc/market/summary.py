"""A cleared batch in words: prices, who trades what, and why the others do not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from troc import words
from troc.brands import Brand
from troc.market.batches import Solution
from troc.market.records import PricedGood
from troc.messages import ZERO_ADDRESS

_ONE = 10**18


class Why(StrEnum):
    """Why an order trades nothing, or less than it could. Exactly one for each."""

    RESERVED = "kept for one taker, who has to take them herself"
    ALONE = "nobody wants what they give for what they want, not even in a ring"
    DEARER = "ask more than the batch's prices"
    WHOLE = "all or nothing, and not all of it could be had"
    SHORT = "their makers offer the same points in another order that comes first"
    REST = "good enough, but what they want has run out"


class Flow(NamedTuple):
    """What was given of one brand for another, in smallest units, by how many orders."""

    give: str
    want: str
    orders: int
    given: int
    received: int


class Shortfall(NamedTuple):
    """An order that did not give all it could, by its place in the batch: why, and by how much (a share of
    the price) it asks more than the batch's price, if that is why.
    """

    place: int
    why: Why
    above: Fraction | None


@dataclass(frozen=True)
class Summary:
    """A solution, read. `flows` the largest number of orders first."""

    traded: int
    flows: tuple[Flow, ...]
    shortfalls: tuple[Shortfall, ...]

    def by_reason(self) -> dict[Why, int]:
        """How many orders trade nothing, or less than they could, for each reason."""
        counts = Counter(each.why for each in self.shortfalls)
        return {why: counts[why] for why in Why if counts[why]}


def summarise(solution: Solution) -> Summary:
    """What a solution does with each order."""
    gathered = solution.gathered
    given, received = solution.given.tolist(), solution.received.tolist()
    left = gathered.batch.left.tolist()
    flows: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for place, candidate in enumerate(gathered.orders):
        if given[place]:
            flow = flows[candidate.order.give_token, candidate.order.want_token]
            flow[0] += 1
            flow[1] += given[place]
            flow[2] += received[place]
    judge = _judge(solution)
    return Summary(
        traded=sum(units > 0 for units in given),
        flows=tuple(
            Flow(give, want, *sums)
            for (give, want), sums in sorted(flows.items(), key=lambda item: -item[1][0])
        ),
        shortfalls=tuple(
            Shortfall(place, *judge(place)) for place in range(len(left)) if given[place] < left[place]
        ),
    )


def _judge(solution: Solution) -> Callable[[int], tuple[Why, Fraction | None]]:
    gathered = solution.gathered
    goods: dict[str, list[PricedGood]] = defaultdict(list)
    for good in sorted(solution.record.goods):
        goods[good.token].append(good)
    batch = gathered.batch
    lots: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    held = batch.holdings
    for maker, token, expiry, units in zip(
        held.maker.tolist(), held.token.tolist(), held.expiry.tolist(), held.units.tolist(), strict=True
    ):
        lots[maker, token].append((expiry, units))
    given_by: Counter[tuple[int, int]] = Counter()
    for maker, token, units in zip(
        batch.maker.tolist(), batch.give.tolist(), solution.given.tolist(), strict=True
    ):
        given_by[maker, token] += units

    def judge(place: int) -> tuple[Why, Fraction | None]:
        order = gathered.orders[place].order
        if order.only_taker != ZERO_ADDRESS:
            return Why.RESERVED, None
        buys = next(
            (good for good in goods[order.want_token] if good.living_until >= order.want_points_living_until),
            None,
        )
        bound = order.give_points_expiring_by
        wallet = int(batch.maker[place]), int(batch.give[place])
        payable = [(expiry, units) for expiry, units in lots[wallet] if not bound or expiry <= bound]
        # What of hers is worth most decides whether she asks too much.
        worth = [
            good.price
            for good in goods[order.give_token]
            if buys is not None
            and good.group == buys.group
            and any(good.living_until < expiry for expiry, _ in payable)
        ]
        if buys is None or not worth:
            return Why.ALONE, None
        asks = Fraction(order.want_amount * buys.price, order.give_amount * max(worth))
        if asks > 1:
            return Why.DEARER, asks - 1
        if not order.allow_partial:
            return Why.WHOLE, None
        if sum(units for _, units in payable) <= given_by[wallet]:
            return Why.SHORT, None
        return Why.REST, None

    return judge


def prices_text(solution: Solution, brand_of: Callable[[str], Brand]) -> list[str]:
    """A line for each trading group: what one point of each good is worth, beside one point of the first."""
    groups: dict[int, list[tuple[Brand, int, Fraction]]] = defaultdict(list)
    for good in solution.record.goods:
        brand = brand_of(good.token)
        groups[good.group].append((brand, good.living_until, Fraction(good.price * 10**brand.decimals, _ONE)))
    lines = []
    for members in groups.values():
        members.sort(key=lambda each: (each[0].symbol, each[1]))
        first = members[0][2]
        lines.append(", ".join(_price(brand, living, point / first) for brand, living, point in members))
    return lines


def _price(brand: Brand, living_until: int, worth: Fraction) -> str:
    life = f" living beyond {words.day(living_until)}" if living_until else ""
    return f"1 {brand.symbol}{life} = {float(worth):.5g}"
