"""Routes over standing orders, without a chain: against brute force, bounds, and hostile books."""

from __future__ import annotations

from collections import defaultdict
from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from troc.market.routes import Ask, Offer, Routes, Stock, Way

FAR = 1_000


def offer(
    name: str, give: str, want: str, gives: int, wants: int, *, left: int | None = None, **options: object
) -> Offer:
    """An order of a maker of its own."""
    options = {"maker": f"maker of {name}"} | options
    return Offer(name, give=give, want=want, give_amount=gives, want_amount=wants,
                 left=gives if left is None else left, **options)  # type: ignore[arg-type]  # fmt: skip


def routes(*offers: Offer, stocks: dict[tuple[str, str], Stock] | None = None) -> Routes:
    """Makers hold what they give, living to FAR, unless said otherwise."""
    held: dict[tuple[str, str], Stock] = {}
    for each in offers:
        before = held.get((each.maker, each.give), ((0, FAR),))[0][0]
        held[each.maker, each.give] = ((before + each.left, FAR),)
    return Routes(offers, held | (stocks or {}))


def ask(spend: int = 0, get: int = 0, **options: object) -> Ask:
    """From S to T, with points enough."""
    return Ask("S", "T", options.pop("stock", ((10**9, FAR),)), spend, get, taker="me", **options)  # type: ignore[arg-type]


def check(way: Way, asked: Ask, stocks: dict[tuple[str, str], Stock] | None = None) -> None:
    """What the exchange checks: amounts, prices, makers, and bounds as far as orders say them."""
    given: dict[int, int] = defaultdict(int)
    received: dict[int, int] = defaultdict(int)
    me = len(way.fills)
    for move in way.moves:
        assert move.amount > 0
        assert move.giver != move.receiver
        given[move.giver] += move.amount
        received[move.receiver] += move.amount
        gives = asked.give if move.giver == me else way.fills[move.giver].offer.give
        wants = asked.want if move.receiver == me else way.fills[move.receiver].offer.want
        assert gives == wants
        if me not in (move.giver, move.receiver):
            assert way.fills[move.giver].offer.maker != way.fills[move.receiver].offer.maker
    assert (given[me], received[me]) == (way.gives, way.gets)
    if asked.spend:
        assert way.gives <= asked.spend
    for place, fill in enumerate(way.fills):
        assert (given[place], received[place]) == (fill.gives, fill.gets)
        assert 0 < fill.gives <= fill.offer.left
        assert not fill.offer.whole or fill.gives == fill.offer.give_amount
        assert fill.gets * fill.offer.give_amount >= fill.gives * fill.offer.want_amount


def test_by_way_of_another_brand() -> None:
    way = routes(offer("a", "X", "S", 100, 200), offer("b", "T", "X", 300, 100)).best(ask(120))
    assert way is not None
    assert (way.gives, way.gets, way.complete) == (120, 180, True)
    assert way.between("T") == ("X",)
    check(way, ask(120))


def test_nothing_leads_there() -> None:
    assert routes(offer("a", "X", "S", 100, 200)).best(ask(120)) is None
    assert routes().best(ask(120)) is None


def test_what_buys_nothing_stays_hers() -> None:
    way = routes(offer("a", "T", "S", 10, 30)).best(ask(100))
    assert way is not None
    assert (way.gives, way.gets, way.complete) == (30, 10, False)
    way = routes(offer("a", "T", "S", 100, 300)).best(ask(100))
    assert way is not None
    assert (way.gives, way.gets, way.complete) == (99, 33, True)


def test_nothing_is_spent_on_what_nobody_needs_in_between() -> None:
    """Of the second order little is left: the first gives no more than that takes."""
    book = routes(offer("a", "X", "S", 120, 150, left=32), offer("b", "T", "X", 200, 90, left=6))
    way = book.best(ask(50))
    assert way is not None
    assert (way.gives, way.gets, way.complete) == (4, 6, False)
    assert [(fill.gives, fill.gets) for fill in way.fills] == [(3, 4), (6, 3)]
    check(way, ask(50))


def test_own_orders_and_those_for_others() -> None:
    book = routes(
        offer("own", "T", "S", 100, 10, maker="me"),
        offer("other", "T", "S", 100, 20, only="somebody"),
        offer("hers", "T", "S", 100, 30, only="me"),
        offer("detour", "X", "S", 100, 1, only="me"),
        offer("last", "T", "X", 1000, 1),
    )
    way = book.best(ask(30))
    assert way is not None
    assert [fill.offer.id for fill in way.fills] == ["hers"]


def test_one_balance_and_one_count_behind_several_orders() -> None:
    shared: dict[str, Any] = {"maker": "m", "shared": ("m", 1, 0)}
    orders = [offer(name, "T", "S", 100, 100, **shared) for name in "ab"]
    way = routes(*orders).best(ask(500))
    assert way is not None
    assert way.gets == 100
    orders = [offer(name, "T", "S", 100, 100, maker="m") for name in "ab"]
    way = routes(*orders, stocks={("m", "T"): ((70, FAR),)}).best(ask(500))
    assert way is not None
    assert way.gets == 70


def test_lives_on_each_hop() -> None:
    stocks = {("m", "X"): ((50, 100), (50, 200)), ("n", "X"): ((100, 200),)}
    book = routes(
        offer("old", "X", "S", 100, 100, maker="m", expiring_by=100),
        offer("fresh", "X", "S", 100, 200, maker="n"),
        offer("strict", "T", "X", 100, 100, living_until=150),
        stocks=stocks,
    )
    way = book.best(ask(200))
    assert way is not None
    # The old ones are cheaper, and nobody on the way to T takes them.
    assert (way.gives, way.gets) == (200, 100)
    assert {fill.offer.id for fill in way.fills} == {"fresh", "strict"}


def test_her_fresh_points_go_to_who_asks_for_them() -> None:
    book = routes(offer("strict", "T", "S", 100, 50, living_until=150), offer("easy", "T", "S", 100, 100))
    asked = ask(80, stock=((60, 100), (30, 200)))
    way = book.best(asked)
    assert way is not None
    assert way.gets == 60 + 50
    assert way.give_expiry == 200
    check(way, asked)


def test_whole_orders_whole_or_not_at_all() -> None:
    book = routes(offer("large", "T", "S", 1000, 100, whole=True), offer("small", "T", "S", 100, 100))
    way = book.best(ask(50))
    assert way is not None
    assert [fill.offer.id for fill in way.fills] == ["small"]
    way = book.best(ask(150))
    assert way is not None
    assert way.gets == 1050


def test_two_orders_of_a_maker_never_meet() -> None:
    way = routes(offer("a", "X", "S", 100, 100, maker="m"), offer("b", "T", "X", 100, 100, maker="m")).best(
        ask(100)
    )
    assert way is None


def test_a_thousand_tiny_orders_fit_one_settlement() -> None:
    tiny = [offer(f"tiny {n}", "T", "S", 10, 10) for n in range(1000)]
    large = offer("large", "T", "S", 10_000, 11_000)
    way = routes(*tiny, large).best(ask(5_000), most_orders=30)
    assert way is not None
    assert len(way.fills) <= 30
    assert way.complete
    # 29 of the tiny ones and the large one, or nearly.
    assert way.gets >= 5_000 * 10 // 11
    check(way, ask(5_000))


def test_as_little_as_possible() -> None:
    book = routes(offer("a", "T", "S", 50, 50), offer("b", "T", "S", 50, 100))
    way = book.best(ask(get=80))
    assert way is not None
    assert (way.gives, way.gets, way.complete) == (50 + 60, 80, True)
    way = book.best(ask(get=200))
    assert way is not None
    assert (way.gives, way.gets, way.complete) == (150, 100, False)


def test_a_limit_leaves_dear_orders() -> None:
    book = routes(offer("a", "T", "S", 50, 50), offer("b", "T", "S", 50, 500))
    way = book.best(ask(300, limit=0.5))
    assert way is not None
    assert (way.gives, way.gets) == (50, 50)


def test_depth_grows_with_the_amount() -> None:
    book = routes(offer("a", "T", "S", 100, 100), offer("b", "T", "S", 100, 200))
    found = book.prices(ask(100), (1, 2, 5, 1000))
    assert [pair and (round(pair[0]), round(pair[1])) for pair in found] == [
        (100, 100), (200, 150), (300, 200), (300, 200),
    ]  # fmt: skip


books = st.lists(
    st.tuples(st.sampled_from(["SX", "XT", "ST", "SY", "YT", "XY"]), st.integers(1, 6), st.integers(1, 6)),
    min_size=1,
    max_size=4,
)


def _brute(offers: list[Offer], spend: int) -> int:
    """The most of T over all whole amounts, where nothing in between is short. Orders give 1 to 6 units."""
    best = 0
    for gives in product(*(range(each.left + 1) for each in offers)):
        over: dict[str, int] = defaultdict(int, S=spend)
        for each, units in zip(offers, gives, strict=True):
            over[each.give] += units
            over[each.want] -= each.need(units)
        if min(over.values()) >= 0:
            best = max(best, over["T"])
    return best


@settings(max_examples=150, deadline=None)
@given(book=books, spend=st.integers(1, 12))
def test_against_brute_force_in_single_units(book: list[tuple[str, int, int]], spend: int) -> None:
    """In books of a few units, where a unit is much, the way is sound and loses at most a unit an order."""
    offers = [offer(str(n), pair[1], pair[0], gives, wants) for n, (pair, gives, wants) in enumerate(book)]
    way = routes(*offers).best(ask(spend))
    best = _brute(offers, spend)
    if way is None:
        assert best <= len(offers)
        return
    check(way, ask(spend))
    assert best - len(offers) <= way.gets <= best
    # Nothing is given away on the way: each order gets just what it asks.
    assert all(fill.gets == fill.offer.need(fill.gives) for fill in way.fills)


def test_no_circle_beside_her() -> None:
    """Two orders that cross leave the price of the one that she takes as it is."""
    book = routes(offer("takes", "T", "S", 100, 110), offer("crosses", "S", "T", 200, 160))
    for get, gives in ((10, 11), (20, 22), (50, 55), (100, 110)):
        way = book.best(ask(get=get))
        assert way is not None
        assert (way.gives, way.gets, way.complete) == (gives, get, True)
        assert [fill.offer.id for fill in way.fills] == ["takes"]
    way = book.best(ask(22))
    assert way is not None
    assert (way.gives, way.gets) == (22, 20)
    assert book.prices(ask(get=10), (1, 5)) == [pytest.approx((11, 10)), pytest.approx((55, 50))]


def test_no_circle_in_between() -> None:
    """Who crosses whom in between is not hers to settle: the way goes as if the order back were not there."""
    there = [offer("a", "X", "S", 100, 100), offer("b", "Y", "X", 100, 100), offer("c", "T", "Y", 100, 100)]
    book = routes(*there, offer("back", "X", "Y", 100, 50))
    for asked in (ask(40), ask(get=40)):
        way = book.best(asked)
        assert way is not None
        assert (way.gives, way.gets, way.complete) == (40, 40, True)
        assert [fill.offer.id for fill in way.fills] == ["a", "b", "c"]
        check(way, asked)


def test_no_circle_where_all_brands_cross() -> None:
    """Between each two of eight brands orders cross: she still does better than straight."""
    chance = Random(1)
    brands = [*"STUVWXYZ"]
    offers = [
        offer(f"{want}{give}{n}", give, want, 10_000, chance.randint(8_000, 11_000))
        for want in brands
        for give in brands
        for n in range(3)
        if want != give
    ]
    straight = [each for each in offers if each.give == "T" and each.want == "S"]
    book = routes(*offers)
    for asked in (ask(20_000), ask(get=20_000)):
        way, plain = book.best(asked), routes(*straight).best(asked)
        assert way is not None
        assert plain is not None
        check(way, asked)
        assert way.complete
        assert not _goes_round({(fill.offer.want, fill.offer.give) for fill in way.fills})
        assert way.gets > plain.gets if asked.spend else way.gives < plain.gives


crossing = st.lists(
    st.tuples(
        st.sampled_from(["SX", "XT", "ST", "SY", "YT", "XY", "YX", "TX", "XS", "TS", "TY", "YS"]),
        st.integers(1, 6),
        st.integers(1, 6),
    ),
    min_size=1,
    max_size=5,
)


def _goes_round(pairs: set[tuple[str, str]]) -> bool:
    """Whether these pairs of brands lead somewhere back to where they began."""
    while pairs:
        inner = {pair for pair in pairs if any(pair[1] == other[0] for other in pairs)}
        if inner == pairs:
            return True
        pairs = inner
    return False


def _most(offers: list[Offer], spend: int, get: int) -> tuple[int, int]:
    """By brute force, with no circle: the most of T for `spend`, and the least of S for `get` (-1: never)."""
    most, least = 0, -1
    for gives in product(*(range(each.left + 1) for each in offers)):
        if _goes_round({(each.want, each.give) for each, units in zip(offers, gives, strict=True) if units}):
            continue
        over: dict[str, int] = defaultdict(int)
        for each, units in zip(offers, gives, strict=True):
            over[each.give] += units
            over[each.want] -= each.need(units)
        if any(units < 0 for good, units in over.items() if good != "S") or over["S"] > 0:
            continue
        if -over["S"] <= spend:
            most = max(most, over["T"])
        if over["T"] >= get and (least < 0 or -over["S"] < least):
            least = -over["S"]
    return most, least


@settings(max_examples=150, deadline=None)
@given(book=crossing, spend=st.integers(1, 12), get=st.integers(1, 6))
def test_crossing_orders_against_brute_force(book: list[tuple[str, int, int]], spend: int, get: int) -> None:
    """Orders that cross cost her nothing: the way goes in no circle, pays no order more than it asks, and is
    as good as the best without one, but for a unit an order.
    """
    offers = [offer(str(n), pair[1], pair[0], gives, wants) for n, (pair, gives, wants) in enumerate(book)]
    most, least = _most(offers, spend, get)
    for asked in (ask(spend), ask(get=get)):
        way = routes(*offers).best(asked)
        if way is None:
            assert most <= len(offers) if asked.spend else least < 0 or get <= len(offers)
            continue
        check(way, asked)
        assert not _goes_round({(fill.offer.want, fill.offer.give) for fill in way.fills})
        assert all(fill.gets == fill.offer.need(fill.gives) for fill in way.fills)
        assert way.gives > 0
        if asked.spend:
            assert most - len(offers) <= way.gets <= most
        else:
            # For what it gives, nobody could have more.
            assert way.gets <= _most(offers, way.gives, get)[0]
            assert way.complete or least < 0 or way.gets >= get - len(offers)
            if way.complete:
                assert way.gives >= least > 0


@settings(max_examples=80, deadline=None)
@given(
    book=st.lists(
        st.tuples(
            st.sampled_from(["SX", "XT", "ST", "SY", "YT", "XY"]),
            st.integers(10**6, 10**8),
            st.fractions(min_value="1/3", max_value=3, max_denominator=50),
        ),
        min_size=1,
        max_size=14,
    ),
    spend=st.integers(10**6, 10**9),
)
def test_against_the_whole_linear_programme(book: list[tuple[str, int, object]], spend: int) -> None:
    """In large units nothing is lost against the best divisible flow over all orders at once."""
    offers = [
        offer(str(n), pair[1], pair[0], gives, max(1, int(gives * rate)))  # type: ignore[operator]
        for n, (pair, gives, rate) in enumerate(book)
    ]
    goods = ["S", "X", "Y", "T"]
    rows = np.zeros((3, len(offers)))
    for place, each in enumerate(offers):
        for good, value in ((each.give, -1.0), (each.want, each.want_amount / each.give_amount)):
            if good != "T":
                rows[goods.index(good), place] += value
    aim = [-1.0 if each.give == "T" else 0.0 for each in offers]
    answer = linprog(
        aim, A_ub=rows, b_ub=[spend, 0, 0], bounds=[(0, each.left) for each in offers], method="highs"
    )
    way = routes(*offers).best(ask(spend))
    best = -answer.fun
    gets = 0 if way is None else way.gets
    if way is not None:
        check(way, ask(spend))
    assert gets <= best * (1 + 1e-6) + 1
    assert gets >= best * (1 - 1e-5) - 10 * len(offers)
