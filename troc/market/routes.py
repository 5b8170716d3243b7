"""The best way from one brand's points to another's over standing orders.

Pure arithmetic: no chain. An order turns what it wants into what it gives at its price, so that a way is a
flow with gains (Onaga 1966) from the taker's points to those that she wants. Goods are points of one brand
that live at least to a date: fresher points can be used wherever older ones can, an order takes only what
lives beyond its bound and gives only what its maker holds and lets go.

1. Best rates to and from every good over at most `MOST_HOPS` orders (Bellman and Ford) bound what a way
   through an order can be worth; orders enter the linear programme by that bound.
2. The linear programme (SciPy, HiGHS) finds the best divisible flow over them. An order left out that is
   worth something at the programme's dual prices is let in, until there is none: then it is the best over
   all orders.
3. Orders that cross would trade in a circle and feed the way out of it. No circle is used: neither an order
   that leads back to the taker's points or on from those that she wants, nor a circle in between. Of such a
   circle each pair of brands in turn is left out, the flow that promises most first; where many cross, the
   brands are put in a row.
4. Whole units: gives are lowered until each order has its price and each good is there, then raised as far as
   what is left over allows. At most a unit an order is lost on the way.

Heuristics, and no more than that: orders that are settled whole are taken as divisible first and left out
where they would not be filled; where more orders would be used than fit a settlement, several sets of larger
orders are tried.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any, NamedTuple

try:
    import numpy as np
    from scipy.optimize import linprog
    from scipy.sparse import csr_array
except ImportError:  # pragma: no cover
    from troc.errors import InputError

    raise InputError(
        "the market needs NumPy and SciPy", "run `pip install '.[market]'` in the folder of this project"
    ) from None

MOST_HOPS = 4
"""Orders one behind another that the bound of step 1 looks at."""

MOST_ORDERS = 30
"""Standing orders of one settlement, so that it fits a block with much room."""

_FIRST = 64
_LET_IN = 128
_ROUNDS = 40
_NEAR = 1e-9
_FULL = 1e-6
_SPARE = 2e-6
"""Points that bring less than this share of the best rate are not spent; above HiGHS' own tolerance."""
_CAP = 1e6
"""No order is looked at as larger than this many times the amount."""
_REPAIRS = 12
_BRANCHES = 8
"""Flows looked at for the best one without a circle; then orders go one way along a row of the brands."""
_NUDGES = 3
"""So often is a little more aimed at, where whole units leave her short of what she asked for."""
_FAR = 1 << 62
"""No date is later."""
_SIZES = (0.25, 0.5, 1.0, 2.0)

Stock = tuple[tuple[int, int], ...]
"""What somebody holds of one brand: (units, expiry), soonest to expire first."""


class Offer(NamedTuple):
    """A standing order. `left`: what it can still give by its own count; `shared`: orders with the same key
    count together; `only`: it may trade with that account alone.
    """

    id: str
    maker: str
    give: str
    want: str
    give_amount: int
    want_amount: int
    left: int
    expiring_by: int = 0
    living_until: int = 0
    whole: bool = False
    shared: Hashable = None
    only: str = ""

    def need(self, gives: int) -> int:
        """What it must receive for that, in smallest units: rounded up, in its maker's favour."""
        return -(-gives * self.want_amount // self.give_amount)

    def affordable(self, gets: int) -> int:
        """The most that it gives for that."""
        return gets * self.give_amount // self.want_amount


class Offers(Sequence[Offer]):
    """Many of them, a column for each field of `Offer`: of ten thousand a way uses thirty."""

    def __init__(self, *columns: Sequence[Any]) -> None:
        self.columns = dict(zip(Offer._fields, columns, strict=True))

    @classmethod
    def of(cls, offers: Sequence[Offer]) -> Offers:
        """As columns."""
        if isinstance(offers, Offers):
            return offers
        return cls(*(zip(*offers, strict=True) if offers else ((),) * len(Offer._fields)))

    def __len__(self) -> int:
        return len(self.columns["id"])

    def __getitem__(self, place: Any) -> Any:
        return Offer(*(column[place] for column in self.columns.values()))

    def chosen(self, places: Sequence[int]) -> Offers:
        """Those at these places, in rising order."""
        if len(places) == len(self):
            return self
        return Offers(*([column[place] for place in places] for column in self.columns.values()))

    def lowered(self, lefts: Mapping[str, int]) -> Offers:
        """With less left, by id; without those of which nothing is."""
        if not lefts and all(left > 0 for left in self.columns["left"]):
            return self
        columns = dict(self.columns)
        columns["left"] = [
            min(left, lefts.get(id_, left)) for id_, left in zip(columns["id"], columns["left"], strict=True)
        ]
        places = [place for place, left in enumerate(columns["left"]) if left > 0]
        return Offers(*columns.values()).chosen(places)


@dataclass(frozen=True)
class Fill:
    """What an order gives and gets, in smallest units."""

    offer: Offer
    gives: int
    gets: int


@dataclass(frozen=True)
class Move:
    """A transfer by the places of the fills; the number of fills stands for the taker."""

    giver: int
    receiver: int
    amount: int


@dataclass(frozen=True)
class Way:
    """A settlement of standing orders with the taker, in smallest units.

    `complete`: all that she offers is used, but for what buys nothing more; or all that she asks for is had.
    `give_expiry` is the latest expiry of a point that she gives.
    """

    gives: int
    gets: int
    fills: tuple[Fill, ...]
    moves: tuple[Move, ...]
    complete: bool
    give_expiry: int

    def between(self, want: str) -> tuple[str, ...]:
        """The brands in between, on the way to `want`."""
        return tuple(dict.fromkeys(fill.offer.give for fill in self.fills if fill.offer.give != want))


@dataclass(frozen=True)
class Ask:
    """What a taker asks. Exactly one of `spend` and `get` is set, in smallest units.

    `stock`: the points that she may give; `living_until`: what she gets must live beyond it. `limit`: no
    more is spent once a unit given brings fewer units wanted.
    """

    give: str
    want: str
    stock: Stock
    spend: int = 0
    get: int = 0
    living_until: int = 0
    taker: str = ""
    limit: float = 0.0

    def times(self, factor: float) -> Ask:
        """The same for a multiple of the amount, with points for it."""
        stock = tuple((int(units * max(factor, 1)), expiry) for units, expiry in self.stock)
        return replace(self, stock=stock, spend=int(self.spend * factor), get=int(self.get * factor))


@dataclass
class _Plan:
    """A divisible flow: units that each order gives, and what the taker gives and gets."""

    gives: dict[int, float]
    spent: float
    got: float
    worth: dict[int, float] = field(default_factory=dict)
    value: float = 0.0


class Routes:
    """Standing orders, arranged for asking. `stocks` are what makers hold, by (maker, brand)."""

    def __init__(self, offers: Sequence[Offer], stocks: Mapping[tuple[str, str], Stock]) -> None:
        self._offers = Offers.of(offers).lowered({})
        self._stocks = stocks
        dates: dict[str, set[int]] = defaultdict(set)
        for (_, token), stock in stocks.items():
            dates[token].update(expiry for units, expiry in stock if units)
        self._dates = dates
        self._columns = _Columns(self._offers, stocks, dates)

    def _arranged(self, ask: Ask, known: np.ndarray | None = None) -> _Arranged:
        own = {expiry for units, expiry in ask.stock if units} - self._dates[ask.give]
        if own:
            # Nobody else has points of these dates yet.
            self._dates[ask.give] |= own
            self._columns = _Columns(self._offers, self._stocks, self._dates)
            known = None
        return _Arranged(self._columns, ask, known)

    # ------------------------------------------------------------------------------------------- asking

    def best(self, ask: Ask, most_orders: int = MOST_ORDERS) -> Way | None:
        """The best way, or None where nothing can be had."""
        book = self._arranged(ask)
        way, plan = self._whole_units(book, set(), most_orders)
        for _ in range(_NUDGES):
            if way is None or way.complete or not 0 < ask.get - way.gets <= len(way.fills):
                break
            book.aim += ask.get - way.gets
            further = self._whole_units(book, set(), most_orders)[0]
            way = max(way, further or way, key=lambda each: (each.complete, each.gets))
        book.aim = ask.get
        if plan is None or len(plan.gives) <= most_orders:
            return way
        # Too many small ones: larger orders at somewhat worse prices may do more within the bound.
        ways = [way]
        total = sum(plan.worth.values())
        for size in _SIZES:
            small = book.smaller_than(size * total / most_orders)
            ways.append(self._whole_units(book, small, most_orders)[0])
        found = [each for each in ways if each is not None]
        return max(found, key=lambda each: _merit(each, book.ask), default=None)

    def _whole_units(
        self, book: _Arranged, barred: set[int], most_orders: int
    ) -> tuple[Way | None, _Plan | None]:
        first: _Plan | None = None
        for _ in range(_REPAIRS):
            plan = book.flow(barred)
            if plan is None:
                return None, first
            first = first or plan
            partly = [
                place
                for place, gives in plan.gives.items()
                if book.offers[place].whole and gives < book.offers[place].give_amount * (1 - _FULL)
            ]
            if partly:
                partly.sort(key=lambda place: plan.gives[place] / book.offers[place].give_amount)
                barred |= set(partly[: (len(partly) + 1) // 2])
                continue
            if len(plan.gives) > most_orders:
                ranked = sorted(plan.gives, key=lambda place: plan.worth[place], reverse=True)
                barred |= set(range(len(book.offers))) - set(ranked[:most_orders])
                continue
            way, culprit = _Rounding(book, plan).way()
            if way is not None:
                return way, first
            if culprit is None:
                return None, first
            barred.add(culprit)
        return None, first

    def prices(self, ask: Ask, factors: Sequence[float]) -> list[tuple[float, float] | None]:
        """What multiples of the amount would give and get, divisible, with as many orders as it takes."""
        found: list[tuple[float, float] | None] = []
        known: np.ndarray | None = None
        for factor in factors:
            book = self._arranged(ask.times(factor), known)
            plan = book.flow(set())
            known = book.known
            found.append(None if plan is None else (plan.spent, plan.got))
        return found


def _merit(way: Way, ask: Ask) -> tuple[bool, float]:
    if ask.get:
        return way.complete, way.gets / max(way.gives, 1) if not way.complete else -way.gives
    return True, way.gets


class _Columns:
    """The orders as columns of a linear programme: one for each order and lot that it can give."""

    def __init__(
        self,
        offers: Offers,
        stocks: Mapping[tuple[str, str], Stock],
        dates: Mapping[str, set[int]],
    ) -> None:
        self.offers = offers
        self.stocks = stocks
        self.dates = {token: sorted(found) for token, found in dates.items() if found}
        self.first: dict[str, int] = {}
        self.nodes = 0
        for token, found in self.dates.items():
            self.first[token] = self.nodes
            self.nodes += len(found)
        self.node_of = {
            (token, date): self.first[token] + place
            for token, found in self.dates.items()
            for place, date in enumerate(found)
        }
        self._goods: dict[tuple[str, int], int] = {}
        column = offers.columns
        # The lots of one maker and brand lie one behind another.
        lots: list[tuple[int, int, int]] = []
        place_of: dict[tuple[str, str], tuple[int, int]] = {}
        for (maker, token), stock in stocks.items():
            there = [(self.node_of[token, expiry], expiry, units) for units, expiry in stock if units]
            place_of[maker, token] = len(lots), len(there)
            lots += there
        spans = [place_of.get(pair, (0, 0)) for pair in zip(column["maker"], column["give"], strict=True)]
        starts, counts = (_numbers([span[part] for span in spans]) for part in (0, 1))
        # Of ten thousand orders few want different goods, or bound dates differently.
        wanted = list(zip(column["want"], column["living_until"], strict=True))
        good_of = {pair: self.good(*pair) for pair in set(wanted)}
        goods = _numbers([good_of[pair] for pair in wanted])
        last = {bound: min(bound or _FAR, _FAR) for bound in set(column["expiring_by"])}
        until = _numbers([last[bound] for bound in column["expiring_by"]])
        order = np.repeat(np.arange(len(offers)), counts)
        lot = np.arange(len(order)) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
        fits = (goods[order] >= 0) & (
            _numbers([min(expiry, _FAR) for _, expiry, _ in lots])[lot] <= until[order]
        )
        self.order, self.lots = order[fits], lot[fits]
        self.gives, self.wants = _numbers([node for node, _, _ in lots])[self.lots], goods[self.order]
        self.lot_units = [units for _, _, units in lots]
        left = np.array(column["left"], dtype=float)[self.order]
        self.room = np.minimum(np.array(self.lot_units, dtype=float)[self.lots], left)
        rates = [want / give for want, give in zip(column["want_amount"], column["give_amount"], strict=True)]
        self.alpha = np.array(rates, dtype=float)[self.order]
        self._bound_to = [place for place, only in enumerate(column["only"]) if only]

    def good(self, token: str, bound: int) -> int:
        """The good of the oldest points that live beyond `bound`; -1 where there are none."""
        known = self._goods.get((token, bound))
        if known is None:
            dates = self.dates.get(token, [])
            place = bisect_right(dates, bound)
            known = self.first[token] + place if place < len(dates) else -1
            self._goods[token, bound] = known
        return known

    def closed_to(self, ask: Ask) -> set[int]:
        """Orders that this taker cannot use: her own, those for other takers or by a detour, and those that
        lead back to her points or on from those that she wants.
        """
        bound = {
            place
            for place in self._bound_to
            if self.offers[place].only != ask.taker
            or (self.offers[place].want, self.offers[place].give) != (ask.give, ask.want)
        }
        sides = zip(*(self.offers.columns[name] for name in ("maker", "give", "want")), strict=True)
        return bound | {
            place
            for place, (maker, give, want) in enumerate(sides)
            if maker == ask.taker or give == ask.give or want == ask.want
        }


def _numbers(values: Sequence[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)


class _Arranged:
    """The columns as one ask sees them."""

    def __init__(self, columns: _Columns, ask: Ask, known: np.ndarray | None = None) -> None:
        self.ask = ask
        self.aim = ask.get
        self.stocks, self.offers = columns.stocks, columns.offers
        self.nodes, self._first, self._dates = columns.nodes, columns.first, columns.dates
        self._gives, self._wants, self._alpha = columns.gives, columns.wants, columns.alpha
        self._order, self._room, self._lots = columns.order, columns.room, columns.lots
        self._lot_units = columns.lot_units
        # What was let in for another amount is soon let in for this one.
        self.known = np.zeros(len(self._order), dtype=bool) if known is None else known
        self._open = np.ones(len(self.offers), dtype=bool)
        self._open[list(columns.closed_to(ask))] = False
        self._target = columns.good(ask.want, ask.living_until)
        self._sources = [(columns.node_of[ask.give, date], units) for units, date in ask.stock if units]
        self._bounds()

    def _spread(self, rates: np.ndarray, downwards: bool) -> None:
        """Fresher points serve as older ones: what reaches a good reaches the older; what an older one is
        worth, the fresher is.
        """
        for token, first in self._first.items():
            part = slice(first, first + len(self._dates[token]))
            if downwards:
                rates[part] = np.maximum.accumulate(rates[part][::-1])[::-1]
            else:
                rates[part] = np.maximum.accumulate(rates[part])

    def _bounds(self) -> None:
        here = np.zeros(self.nodes)
        there = np.zeros(self.nodes)
        for node, _ in self._sources:
            here[node] = 1.0
        if self._target >= 0:
            there[self._target] = 1.0
        self._spread(here, downwards=True)
        self._spread(there, downwards=False)
        usable = self._open[self._order]
        gives, wants, alpha = self._gives[usable], self._wants[usable], self._alpha[usable]
        for _ in range(MOST_HOPS):
            before = here.copy()
            np.maximum.at(here, gives, before[wants] / alpha)
            self._spread(here, downwards=True)
            after = there.copy()
            np.maximum.at(there, wants, after[gives] / alpha)
            self._spread(there, downwards=False)
        self._here = here
        self._through = here[self._wants] * there[self._gives] / self._alpha
        self._there = there
        self._ranked = np.argsort(-self._through, kind="stable")
        is_open = self._open[self._order[self._ranked]]
        self._ranked = self._ranked[is_open & (self._through[self._ranked] > 0)]

    def cost(self, offer: Offer) -> float:
        """What a unit that it gives costs in the taker's points, at the best rate to what it wants."""
        rate = float(self._here[self._first[offer.want]])
        return offer.want_amount / offer.give_amount / rate if rate else float("inf")

    def brings(self, offer: Offer) -> float:
        """What a unit that it gets brings in points wanted, at the best rate from what it gives."""
        freshest = self._first[offer.give] + len(self._dates[offer.give]) - 1
        return offer.give_amount / offer.want_amount * float(self._there[freshest])

    def smaller_than(self, worth: float) -> set[int]:
        """Orders that are worth less than that, in units of what is wanted."""
        most: dict[int, float] = defaultdict(float)
        for place, value in zip(self._order, self._room * self._there[self._gives], strict=True):
            most[int(place)] += float(value)
        return {place for place, value in most.items() if value < worth}

    # ------------------------------------------------------------------------------------------ solving

    def flow(self, barred: set[int]) -> _Plan | None:
        """The best divisible flow without the barred orders that goes in no circle."""
        waiting: list[tuple[_Plan, frozenset[tuple[str, str]]]] = []
        seen: set[frozenset[tuple[str, str]]] = set()

        def look(without: frozenset[tuple[str, str]]) -> None:
            seen.add(without)
            plan = self.solve(barred | self._between(without))
            if plan is not None:
                waiting.append((plan, without))

        look(frozenset())
        while waiting:
            # A flow with less left out promises at least as much: the first without a circle is the best.
            place = max(range(len(waiting)), key=lambda place: waiting[place][0].value)
            plan, without = waiting.pop(place)
            circle = self._circle(plan)
            if not circle:
                return plan
            if len(seen) >= _BRANCHES:
                return self.solve(barred | self._backwards(plan))
            for pair in circle:
                if without | {pair} not in seen:
                    look(without | {pair})
        return None

    def _backwards(self, plan: _Plan) -> set[int]:
        """Orders that lead back along a row of the brands, in which what carries most leads on. No way by a
        single brand is among them: nothing leads to the taker's points or from those that she wants.
        """
        carried: dict[tuple[str, str], float] = defaultdict(float)
        for place, worth in plan.worth.items():
            carried[self.offers[place].want, self.offers[place].give] += worth
        before: dict[str, set[str]] = {token: {self.ask.give} for token in self._first}
        before[self.ask.give] = set()
        before[self.ask.want] = set(before) - {self.ask.want}
        row = list(TopologicalSorter(before).static_order())
        for want, give in sorted(carried, key=lambda pair: (-carried[pair], pair)):
            before[give].add(want)
            try:
                row = list(TopologicalSorter(before).static_order())
            except CycleError:
                before[give].remove(want)
        rank = {token: place for place, token in enumerate(row)}
        sides = zip(self.offers.columns["want"], self.offers.columns["give"], strict=True)
        return {
            place for place, (want, give) in enumerate(sides) if rank.get(want, 0) >= rank.get(give, len(row))
        }

    def _between(self, pairs: frozenset[tuple[str, str]]) -> set[int]:
        """Orders that lead from one brand to another, for any of these pairs."""
        if not pairs:
            return set()
        sides = zip(self.offers.columns["want"], self.offers.columns["give"], strict=True)
        return {place for place, pair in enumerate(sides) if pair in pairs}

    def _circle(self, plan: _Plan) -> list[tuple[str, str]]:
        """Pairs of brands that the flow goes through and comes back; empty where there are none."""
        after: dict[str, set[str]] = defaultdict(set)
        for place in plan.gives:
            after[self.offers[place].want].add(self.offers[place].give)
        done: set[str] = set()
        path: list[str] = []

        def walk(token: str) -> list[tuple[str, str]]:
            if token in path:
                round_ = [*path[path.index(token) :], token]
                return list(pairwise(round_))
            if token in done:
                return []
            path.append(token)
            for following in sorted(after[token]):
                if found := walk(following):
                    return found
            path.pop()
            done.add(token)
            return []

        for token in sorted(after):
            if found := walk(token):
                return found
        return []

    def solve(self, barred: set[int]) -> _Plan | None:
        """The best divisible flow without the barred orders."""
        if self._target < 0 or not self._sources or not len(self._ranked):
            return None
        allowed = np.ones(len(self.offers), dtype=bool)
        allowed[list(barred)] = False
        ranked = self._ranked[allowed[self._order[self._ranked]]]
        if not len(ranked):
            return None
        inside = self.known & allowed[self._order]
        inside[ranked[:_FIRST]] = True
        for _ in range(_ROUNDS):
            found, worth = self._programme(np.flatnonzero(inside))
            if worth is not None:
                gain = worth[self._gives] / np.maximum(self._alpha * worth[self._wants], 1e-300)
                # No way through an order is worth more than its bound.
                price = worth[self._target]
                margin = min(worth[node] for node, _ in self._sources) / price if price > 0 else 0.0
                useful = (gain > 1 + _NEAR) & (self._through > margin * (1 + _NEAR)) & ~inside
                better = ranked[useful[ranked]][:_LET_IN]
            else:
                better = ranked[~inside[ranked]][: max(_LET_IN, int(inside.sum()))]
            if not len(better):
                break
            inside[better] = True
        self.known |= inside
        return found

    def _programme(self, columns: np.ndarray) -> tuple[_Plan | None, np.ndarray | None]:
        """The best flow over these columns, and what a unit of each good is worth there in units wanted."""
        ask = self.ask
        best = float(self._through[self._ranked].max())
        size = float(ask.spend) if ask.spend else self.aim / best
        scale = np.where(self._here > 0, self._here * size, 1.0)
        for token, first in self._first.items():
            part = slice(first, first + len(self._dates[token]))
            scale[part] = scale[part].max() if (self._here[part] > 0).any() else 1.0
        rows: list[int] = []
        cols: list[int] = []
        values: list[float] = []
        count = len(columns)
        give, want = self._gives[columns], self._wants[columns]
        rows += [*give, *want]
        cols += [*range(count), *range(count)]
        values += [-1.0] * count + list(self._alpha[columns] * scale[give] / scale[want])
        upper = list(np.minimum(self._room[columns] / scale[give], _CAP))
        for first, dates in ((self._first[token], dates) for token, dates in self._dates.items()):
            for node in range(first, first + len(dates) - 1):
                rows += [node, node + 1]
                cols += [len(upper), len(upper)]
                values += [-1.0, 1.0]
                upper.append(np.inf)
        sources = range(len(upper), len(upper) + len(self._sources))
        for node, units in self._sources:
            rows.append(node)
            cols.append(len(upper))
            values.append(-1.0)
            upper.append(min(units / size, _CAP))
        sink = len(upper)
        rows.append(self._target)
        cols.append(sink)
        values.append(1.0)
        unit = scale[self._target]
        upper.append(self.aim / unit if ask.get else np.inf)
        limits = [0.0] * self.nodes
        if ask.spend:
            self._row(rows, cols, values, limits, [(column, 1.0) for column in sources], 1.0)
        self._shared_rows(columns, scale, rows, cols, values, limits)
        objective = np.zeros(len(upper))
        # What is exactly at the limit is taken; whole units decide afterwards.
        limit = ask.limit * (1 - _SPARE)
        # What brings nothing is not spent; in the other direction everything that is asked for comes first.
        objective[list(sources)] = max(_SPARE, limit * size / unit) if ask.spend else 1.0
        reward = unit / (size * limit) if limit else 1e4
        objective[sink] = -1.0 if ask.spend else -reward
        matrix = csr_array((values, (rows, cols)), shape=(len(limits), len(upper)))
        answer = linprog(
            objective, A_ub=matrix, b_ub=limits, bounds=np.column_stack([np.zeros(len(upper)), upper]),
            method="highs",
        )  # fmt: skip
        if answer.status != 0 or answer.x[sink] <= 1e-12:
            return None, None
        gives: dict[int, float] = defaultdict(float)
        for column, value in zip(columns, answer.x[:count], strict=True):
            if value > 1e-10:
                gives[int(self._order[column])] += float(value * scale[self._gives[column]])
        prices = -answer.ineqlin.marginals[: self.nodes] / scale * unit
        worth: dict[int, float] = defaultdict(float)
        for column, value in zip(columns, answer.x[:count], strict=True):
            if value > 1e-10:
                node = self._gives[column]
                worth[int(self._order[column])] += float(value * scale[node] * prices[node])
        spent = float(sum(answer.x[list(sources)]) * size)
        got = float(answer.x[sink] * unit)
        return _Plan(dict(gives), spent, got, dict(worth), -float(answer.fun)), prices

    @staticmethod
    def _row(
        rows: list[int],
        cols: list[int],
        values: list[float],
        limits: list[float],
        terms: Sequence[tuple[int, float]],
        limit: float,
    ) -> None:
        for column, factor in terms:
            rows.append(len(limits))
            cols.append(column)
            values.append(factor)
        limits.append(limit)

    def _shared_rows(
        self,
        columns: np.ndarray,
        scale: np.ndarray,
        rows: list[int],
        cols: list[int],
        values: list[float],
        limits: list[float],
    ) -> None:
        """Limits over several columns: an order's own, a lot's, a count that several orders share."""
        by_order: dict[int, list[int]] = defaultdict(list)
        by_lot: dict[int, list[int]] = defaultdict(list)
        by_count: dict[Hashable, list[int]] = defaultdict(list)
        shared, left = self.offers.columns["shared"], self.offers.columns["left"]
        for local, column in enumerate(columns):
            place = int(self._order[column])
            by_order[place].append(local)
            by_lot[int(self._lots[column])].append(local)
            if shared[place] is not None:
                by_count[shared[place]].append(local)
        groups = [(left[place], group) for place, group in by_order.items()]
        groups += [(self._lot_units[lot], group) for lot, group in by_lot.items()]
        groups += [
            (max(left[int(self._order[columns[local]])] for local in group), group)
            for group in by_count.values()
        ]
        for limit, group in groups:
            if len(group) > 1:
                factors = [float(scale[self._gives[columns[local]]]) for local in group]
                largest = max(factors)
                terms = [(local, factor / largest) for local, factor in zip(group, factors, strict=True)]
                self._row(rows, cols, values, limits, terms, min(limit / largest, _CAP))


class _ShortError(Exception):
    """An order that is settled whole cannot be, or may trade with nobody here."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


class _Rounding:
    """From a divisible flow to whole units and transfers."""

    TAKER = -1

    def __init__(self, book: _Arranged, plan: _Plan) -> None:
        self._book = book
        self._ask = book.ask
        self._stocks = book.stocks
        self._offers = {place: book.offers[place] for place in plan.gives}
        self._plan = plan
        self._rank = {
            place: (-offer.living_until, not offer.whole, -book.brings(offer), place)
            for place, offer in self._offers.items()
        }
        # Down the way, the taker's own points first.
        order = [self._ask.give]
        for token in order:
            order += [
                offer.give
                for offer in self._offers.values()
                if offer.want == token and offer.give not in order
            ]
        self._tokens = list(dict.fromkeys([*order, *(offer.give for offer in self._offers.values())]))

    def way(self) -> tuple[Way | None, int | None]:
        """The way; or the order that stands in it, None where nothing is left."""
        gives = {
            place: offer.give_amount if offer.whole else min(offer.left, int(self._plan.gives[place]) + 1)
            for place, offer in self._offers.items()
        }
        try:
            self._lower(gives)
            if not self._ask.get or self._net(gives) < self._ask.get:
                self._raise(gives)
            moves, gets = self._moves(gives)
            return self._told(gives, moves, gets)
        except _ShortError as error:
            return None, error.place

    # -------------------------------------------------------------------------------------- amounts

    def _supply(self, token: str, gives: dict[int, int]) -> list[list[int]]:
        """[expiry, units, giver] of what is given of a brand; gives are lowered to what their makers hold."""
        pieces: list[list[int]] = []
        if token == self._ask.give:
            budget = self._ask.spend or sum(units for units, _ in self._ask.stock)
            for units, expiry in reversed(self._ask.stock):
                part = min(units, budget)
                budget -= part
                if part:
                    pieces.append([expiry, part, self.TAKER])
        left: dict[str, list[list[int]]] = {}
        counted: dict[Hashable, int] = {}
        givers = [place for place, offer in self._offers.items() if offer.give == token and gives[place]]
        # Whose bound is nearest has the smallest choice.
        givers.sort(key=lambda place: (self._offers[place].expiring_by or 1 << 256, place))
        for place in givers:
            offer = self._offers[place]
            lots = left.setdefault(
                offer.maker, [list(lot) for lot in self._stocks.get((offer.maker, token), ())]
            )
            wanted = gives[place]
            if offer.shared is not None:
                wanted = min(wanted, offer.left - counted.get(offer.shared, 0))
            given = 0
            for lot in reversed(lots):
                if offer.expiring_by and lot[1] > offer.expiring_by:
                    continue
                part = min(lot[0], wanted - given)
                if part > 0:
                    lot[0] -= part
                    given += part
                    pieces.append([lot[1], part, place])
            if offer.shared is not None:
                counted[offer.shared] = counted.get(offer.shared, 0) + max(given, 0)
            if given < gives[place]:
                self._set(gives, place, max(given, 0))
                if offer.whole:
                    raise _ShortError(place)
        return pieces

    def _set(self, gives: dict[int, int], place: int, units: int) -> None:
        if self._offers[place].whole and units != self._offers[place].give_amount:
            raise _ShortError(place)
        gives[place] = units

    def _receivers(self, token: str, gives: dict[int, int]) -> list[int]:
        """Who asks for the freshest points comes first: what is left suits the others too. Then what is
        settled whole, then who brings most, so that a last unit is lost where it is worth least.
        """
        places = [place for place, offer in self._offers.items() if offer.want == token and gives[place]]
        return sorted(places, key=self._rank.__getitem__)

    def _may(self, giver: int, receiver: int) -> bool:
        if self.TAKER in (giver, receiver):
            return giver != receiver
        one, other = self._offers[giver], self._offers[receiver]
        return one.maker != other.maker and not one.only and not other.only

    def _deal(
        self, token: str, gives: dict[int, int], lower: bool = True
    ) -> tuple[list[tuple[int, int, int]], list[list[int]]]:
        """(giver, receiver, units) of a brand, and what is left over. Lowers who cannot be served."""
        pieces = self._supply(token, gives)
        dealt = []
        for place in self._receivers(token, gives):
            offer = self._offers[place]
            need = offer.need(gives[place])
            got = 0
            for piece in pieces:
                if piece[0] > offer.living_until and piece[1] and self._may(piece[2], place):
                    part = min(piece[1], need - got)
                    if part:
                        piece[1] -= part
                        got += part
                        dealt.append((piece[2], place, part))
                if got == need:
                    break
            if got < need:
                if not lower:
                    raise _ShortError(place)
                self._set(gives, place, offer.affordable(got))
                return self._deal(token, gives, lower)
        return dealt, pieces

    def _lower(self, gives: dict[int, int]) -> None:
        while True:
            before = dict(gives)
            for token in self._tokens:
                self._deal(token, gives)
            if gives == before:
                return

    def _raise(self, gives: dict[int, int]) -> None:
        for _ in range(2):
            for token in self._tokens:
                for place in self._receivers(token, gives):
                    offer = self._offers[place]
                    if offer.whole or gives[place] >= offer.left:
                        continue
                    _, over = self._deal(token, gives)
                    spare = sum(units for expiry, units, _ in over if expiry > offer.living_until)
                    most = min(offer.left, offer.affordable(offer.need(gives[place]) + spare))
                    if token == self._ask.want or most <= gives[place]:
                        continue
                    trial = dict(gives) | {place: most}
                    try:
                        self._lower(trial)
                    except _ShortError:
                        continue
                    if self._net(trial) >= self._net(gives):
                        gives.update(trial)

    def _net(self, gives: dict[int, int]) -> int:
        """What the taker gets."""
        _, over = self._deal(self._ask.want, dict(gives))
        return sum(
            units for expiry, units, giver in over if expiry > self._ask.living_until and giver != self.TAKER
        )

    # ------------------------------------------------------------------------------------ transfers

    def _moves(self, gives: dict[int, int]) -> tuple[list[tuple[int, int, int]], int]:
        """Transfers, and what the taker gets. What is over of a brand in between goes to who wants it."""
        if self._ask.get:
            self._trim(gives)
        self._give_back(gives)
        moves: list[tuple[int, int, int]] = []
        gets = 0
        for token in self._tokens:
            dealt, over = self._deal(token, gives, lower=False)
            moves += dealt
            receivers = self._receivers(token, gives)
            for expiry, units, giver in over:
                if not units or giver == self.TAKER:
                    continue
                if token == self._ask.want:
                    if expiry <= self._ask.living_until:
                        raise _ShortError(giver)
                    moves.append((giver, self.TAKER, units))
                    gets += units
                    continue
                takers = [
                    place
                    for place in receivers
                    if expiry > self._offers[place].living_until and self._may(giver, place)
                ]
                if not takers:
                    raise _ShortError(giver)
                moves.append((giver, takers[0], units))
        return moves, gets

    def _trim(self, gives: dict[int, int]) -> None:
        """Gives up what goes beyond what was asked for, from the order with the worst price on."""
        over = self._net(gives) - self._ask.get
        last = [
            place for place, offer in self._offers.items() if offer.give == self._ask.want and not offer.whole
        ]
        last.sort(key=lambda place: self._book.cost(self._offers[place]))
        while over > 0 and last:
            place = last.pop()
            cut = min(over, gives[place])
            gives[place] -= cut
            over -= cut

    def _give_back(self, gives: dict[int, int]) -> None:
        """Takes nothing in between that nobody needs, back to the taker's own points: they stay hers."""
        while True:
            trial = dict(gives)
            for token in reversed(self._tokens):
                if token in (self._ask.give, self._ask.want):
                    continue
                _, spare = self._deal(token, trial)
                for _, units, giver in spare:
                    offer = self._offers.get(giver)
                    if offer is not None and not offer.whole:
                        trial[giver] -= min(units, trial[giver])
            try:
                self._lower(trial)
            except _ShortError:
                return
            if trial == gives or self._net(trial) < self._net(gives):
                return
            gives.update(trial)

    def _told(
        self, gives: dict[int, int], moves: list[tuple[int, int, int]], gets: int
    ) -> tuple[Way | None, int | None]:
        used = [place for place in self._offers if gives[place]]
        if not used or gets <= 0:
            return None, None
        received: dict[int, int] = defaultdict(int)
        merged: dict[tuple[int, int], int] = defaultdict(int)
        for giver, receiver, units in moves:
            received[receiver] += units
            merged[giver, receiver] += units
        index = {place: number for number, place in enumerate(used)} | {self.TAKER: len(used)}
        bound = {place: offer.living_until for place, offer in self._offers.items()}
        bound[self.TAKER] = self._ask.living_until
        # Who takes older points comes first, and leaves the fresher ones to the others.
        ordered = sorted(merged.items(), key=lambda item: (bound[item[0][1]], index[item[0][0]]))
        give_expiry = self._check(ordered, bound)
        spent = sum(units for giver, _, units in moves if giver == self.TAKER)
        fills = tuple(Fill(self._offers[place], gives[place], received[place]) for place in used)
        for fill in fills:
            assert fill.gets * fill.offer.give_amount >= fill.gives * fill.offer.want_amount
        if self._ask.get:
            complete = gets >= self._ask.get
        else:
            complete = spent == self._ask.spend or self._plan.spent >= self._ask.spend * (1 - _FULL)
        places = tuple(Move(index[giver], index[receiver], units) for (giver, receiver), units in ordered)
        return Way(spent, gets, fills, places, complete, give_expiry), None

    def _check(self, moves: Sequence[tuple[tuple[int, int], int]], bound: Mapping[int, int]) -> int:
        """Whether the points are there, move by move as the exchange takes them: soonest to expire first
        within both bounds. Gives the latest expiry of what the taker gives.
        """
        latest = 0
        left: dict[tuple[str, str], list[list[int]]] = {}
        for (giver, receiver), units in moves:
            if giver == self.TAKER:
                key, last = (self._ask.taker, self._ask.give), 0
                lots = left.setdefault(key, [list(lot) for lot in self._ask.stock])
            else:
                offer = self._offers[giver]
                key, last = (offer.maker, offer.give), offer.expiring_by
                lots = left.setdefault(key, [list(lot) for lot in self._stocks[key]])
            for lot in lots:
                if lot[1] > bound[receiver] and (not last or lot[1] <= last):
                    part = min(lot[0], units)
                    lot[0] -= part
                    units -= part
                    if part and giver == self.TAKER:
                        latest = max(latest, lot[1])
            if units:
                raise _ShortError(giver if giver != self.TAKER else receiver)
        return latest
