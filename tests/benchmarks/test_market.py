"""A small run of the simulated year, and the rules of its ledger and mechanisms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.market import households, mechanisms, study, year
from benchmarks.market.__main__ import FOLDER, main
from benchmarks.market.households import UNIT, Book, Habits, wait_for, worth
from benchmarks.market.ledger import Ledger, LedgerError
from benchmarks.market.mechanisms import MECHANISMS, Outcome, SettlementError, settle
from benchmarks.market.most import most
from benchmarks.market.parameters import BRANDS, QUICK, Parameters
from benchmarks.market.purchases import START, Purchases, end_of, lengths, read
from benchmarks.market.report import markdown
from benchmarks.market.study import FAIR, NONE, PAIRS, TRADED, Study
from troc.errors import InputError
from troc.words import DAY

NOW = START + 100 * DAY


@pytest.fixture(scope="module")
def small() -> Study:
    return study.make(QUICK, with_variants=False, say=lambda what: None)


@pytest.fixture(scope="module")
def purchases() -> Purchases:
    return read(QUICK)


# The year


@pytest.mark.parametrize("mechanism", [NONE, *TRADED])
def test_what_is_live_redeemed_and_expired_is_what_was_earned(
    small: Study, purchases: Purchases, mechanism: str
) -> None:
    # L1 and L4, against sums that the ledger does not keep.
    ledger = small.worlds[mechanism].ledger
    earned = np.zeros(len(BRANDS), dtype=np.int64)
    for week in purchases.earned:
        np.add.at(earned, week.brand, week.units)
    assert (ledger.units >= 0).all()
    assert (ledger.live().sum(axis=0) + ledger.redeemed + ledger.expired == earned).all()
    assert (ledger.redeemed == small.worlds[mechanism].redemptions.sum(axis=0)).all()
    assert ledger.expired.sum() > 0
    assert ledger.redeemed.sum() > 0


@pytest.mark.parametrize("mechanism", TRADED)
def test_every_mechanism_trades(small: Study, mechanism: str) -> None:
    assert sum(week.filled for week in small.worlds[mechanism].weeks) > 100


@pytest.mark.parametrize("mechanism", TRADED)
def test_each_week_trades_within_limits_and_lengthens_no_life(
    purchases: Purchases, mechanism: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = 0

    def watched(book: Book, transfers: list[tuple[int, int, int]], ledger: Ledger) -> Any:
        nonlocal settled
        before = ledger.units.copy()
        given, received = settle(book, transfers, ledger)
        # No lot of a brand grows or shrinks: what changes hands keeps its expiry (L2).
        assert (ledger.units.sum(axis=0) == before.sum(axis=0)).all()
        for order in np.flatnonzero(given).tolist():
            assert given[order] <= book.give_amount[order]
            assert received[order] * int(book.give_amount[order]) >= given[order] * int(
                book.want_amount[order]
            )
            _check_lots(book, ledger, before, order)
        settled += int((given > 0).sum())
        return given, received

    monkeypatch.setattr(year, "settle", watched)
    traits = households.draw(QUICK, purchases.households)
    year.run(mechanism, replace(QUICK, weeks=10), purchases, traits)
    assert settled > 50


def _check_lots(book: Book, ledger: Ledger, before: Any, order: int) -> None:
    """A household gave only lots that it offered, and got only what lives as long as it asked."""
    who, give, want = (int(column[order]) for column in (book.household, book.give, book.want))
    change = ledger.units[who] - before[who]
    expiries = ledger.expiries
    assert (change[give][expiries[give] > book.give_expiring_by[order]] == 0).all()
    same = (book.household == who) & (book.want == want)
    assert (change[want][expiries[want] <= book.want_living_until[same].min()] == 0).all()


def test_the_same_seed_gives_the_same_report(small: Study) -> None:
    again = study.make(QUICK, with_variants=False, say=lambda what: None)
    assert study.figures(again) == study.figures(small)
    assert markdown(study.figures(again)) == markdown(study.figures(small))


def test_another_seed_gives_another_year(small: Study, purchases: Purchases) -> None:
    other = replace(QUICK, seed=QUICK.seed + 1)
    traits = households.draw(other, purchases.households)
    world = year.run(PAIRS, other, purchases, traits)
    assert world.weeks != small.worlds[PAIRS].weeks


def test_what_customers_have_more_is_what_did_not_expire(small: Study) -> None:
    for name in TRADED:
        found = study.customers(small, small.worlds[name])
        assert found["redeemed_more"] + found["left_more"] == pytest.approx(found["saved"])


def test_who_does_not_trade_has_the_year_that_it_had(purchases: Purchases) -> None:
    half = replace(QUICK, share=0.5)
    traits = households.draw(half, purchases.households)
    none, fair = (year.run(name, half, purchases, traits) for name in (NONE, FAIR))
    assert 0 < traits.trades.sum() < purchases.households
    assert (none.redemptions == fair.redemptions)[~traits.trades].all()
    assert (none.redemptions != fair.redemptions)[traits.trades].any()


def test_nobody_looks_ahead(purchases: Purchases) -> None:
    # The first weeks are the same whatever is bought later.
    shorter = Purchases(purchases.numbers, purchases.cents[:10], purchases.last[:10], purchases.earned[:10])
    traits = households.draw(QUICK, purchases.households)
    ten = year.run(FAIR, replace(QUICK, weeks=10), shorter, traits)
    twenty = year.run(FAIR, QUICK, purchases, traits)
    assert ten.weeks == twenty.weeks[:10]


def test_the_command_writes_page_figures_and_pictures(
    tmp_path: Path, small: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "make", lambda *arguments: small)
    assert main(["--quick", "--to", str(tmp_path)]) == 0
    folder = tmp_path
    assert (folder / "market.md").read_text() == markdown(study.figures(small))
    named = {
        line.split("(market/")[1].rstrip(")")
        for line in markdown(study.figures(small)).splitlines()
        if "(market/" in line
    }
    assert named == {path.name for path in (folder / "market").glob("*.png")}


def test_the_committed_page_shows_the_committed_figures() -> None:
    figures = json.loads((FOLDER / "market.json").read_text())
    assert (FOLDER / "market.md").read_text() == markdown(figures)


def test_refuses_more_households_than_there_are() -> None:
    with pytest.raises(InputError, match="2469 households"):
        read(replace(QUICK, households=2470))


# What points are worth to a household


def test_points_that_cannot_be_used_in_time_are_worth_little() -> None:
    wait, life, waiting = (np.array([value]) for value in (1.0, 20.0, 0.01))
    usual = worth(wait, life, waiting)
    assert 0.95 < usual[0] < 1
    assert worth(wait, np.array([0.5]), waiting)[0] < 0.5 * usual[0]
    assert worth(np.array([np.inf]), life, waiting)[0] == 0


def test_a_brand_that_is_not_bought_any_more_fades() -> None:
    habits = Habits(Parameters(memory=4.0), 1)
    bought, nothing = np.full((1, len(BRANDS)), 1000), np.zeros((1, len(BRANDS)), dtype=np.int64)
    for _ in range(8):
        habits.see(bought)
    assert habits.visits == pytest.approx(1)
    waited = wait_for(np.full((1, len(BRANDS)), 10.0), habits.spends, habits.visits)
    for _ in range(8):
        habits.see(nothing)
    assert habits.visits == pytest.approx(0.2, abs=0.05)
    assert (wait_for(np.full((1, len(BRANDS)), 10.0), habits.spends, habits.visits) > 4 * waited).all()


# The ledger


def _ledger(units: dict[tuple[int, int, int], int], people: int = 3) -> Ledger:
    empty = Ledger.empty(people, lengths(), end_of(51))
    table = empty.units
    for (who, brand, epoch), amount in units.items():
        table[who, brand, epoch] = amount
    return Ledger(table, lengths())


def test_points_die_in_the_first_second_after_their_fourth_epoch() -> None:
    ledger = _ledger({(0, 1, 0): 70})
    dies = START + 4 * BRANDS[1].seconds
    ledger.age(dies - 1)
    assert ledger.live()[0, 1] == 70
    ledger.age(dies)
    assert ledger.live()[0, 1] == 0
    assert ledger.expired[1] == 70


def test_redeems_whole_rewards_of_the_oldest_points_that_the_receipt_bears() -> None:
    step = BRANDS[1].step
    ledger = _ledger({(0, 1, 0): step, (0, 1, 1): 3 * step, (1, 1, 0): step - 1, (2, 1, 0): 5 * step})
    times = np.zeros((3, len(BRANDS)), dtype=np.int64)
    cents = np.zeros((3, len(BRANDS)), dtype=np.int64)
    times[:2, 1], cents[:, 1] = NOW, 250
    redeemed = ledger.redeem(times, cents, households.STEP, year.PER_CENT)
    assert redeemed[:, 1].tolist() == [2 * step, 0, 0]
    assert ledger.units[0, 1, :2].tolist() == [0, 2 * step]


def test_redeems_nothing_that_died_before_the_purchase() -> None:
    step = BRANDS[1].step
    ledger = _ledger({(0, 1, 0): step})
    times = np.full((3, len(BRANDS)), START + 4 * BRANDS[1].seconds)
    cents = np.full((3, len(BRANDS)), 10_000)
    assert ledger.redeem(times, cents, households.STEP, year.PER_CENT).sum() == 0
    assert ledger.redeem(times - 1, cents, households.STEP, year.PER_CENT).sum() == step


LOTS = st.lists(st.integers(0, 50), min_size=6, max_size=6)


@settings(max_examples=150)
@given(LOTS, LOTS, st.integers(1, 200), st.integers(-1, 9), st.integers(-1, 9))
def test_a_received_point_keeps_its_expiry(
    source: list[int], target: list[int], units: int, low: int, high: int
) -> None:
    lots = {
        (who, 3, epoch): amount
        for who, row in enumerate((source, target))
        for epoch, amount in enumerate(row)
    }
    ledger = _ledger(lots)
    expiries = ledger.expiries[3]
    at_least = 0 if low < 0 else int(expiries[low]) if low < len(expiries) else int(expiries[-1])
    at_most = 0 if high < 0 else int(expiries[high]) if high < len(expiries) else int(expiries[-1])
    fits = [expiry > at_least and (at_most == 0 or expiry <= at_most) for expiry in expiries.tolist()]
    before = ledger.units.copy()
    offered = sum(amount for amount, fit in zip(source, fits, strict=False) if fit)
    if offered < units:
        with pytest.raises(LedgerError, match="missing"):
            ledger.transfer(0, 1, 3, units, at_least, at_most)
        assert (ledger.units == before).all()
        return
    ledger.transfer(0, 1, 3, units, at_least, at_most)
    moved = before[0, 3] - ledger.units[0, 3]
    assert (ledger.units[1, 3] - before[1, 3] == moved).all()
    assert moved.sum() == units
    assert (moved >= 0).all()
    assert not moved[[not fit for fit in fits]].any()
    # The oldest first: a lot is touched only where all older ones that fit are used up.
    touched = np.flatnonzero(moved)
    older = [epoch for epoch in range(int(touched.max())) if fits[epoch]]
    assert not ledger.units[0, 3, older].any()


@pytest.mark.parametrize(("source", "units"), [(1, 5), (0, 0), (0, -1)])
def test_refuses_a_transfer_to_oneself_or_of_nothing(source: int, units: int) -> None:
    with pytest.raises(LedgerError):
        _ledger({(0, 3, 0): 9, (1, 3, 0): 9}).transfer(source, 1, 3, units, 0, 0)


# The mechanisms


def _book(*rows: tuple[int, int, int, int], living: int = 0) -> Book:
    """Orders (give, want, give amount, want amount), a household each."""
    give, want, amount, wanted = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    count = len(rows)
    return Book(
        ids=np.arange(count, dtype=">u4").view(np.uint8).reshape(count, 4).repeat(8, axis=1),
        household=np.arange(count),
        give=give,
        want=want,
        give_amount=amount,
        want_amount=wanted,
        give_expiring_by=np.zeros(count, dtype=np.int64),
        want_living_until=np.full(count, living),
        arrival=np.arange(count, dtype=np.float64),
    )


def _holding(book: Book, epoch: int = 2) -> Ledger:
    rows = zip(book.household.tolist(), book.give.tolist(), book.give_amount.tolist(), strict=True)
    return _ledger({(who, give, epoch): amount for who, give, amount in rows}, len(book))


RING = ((1, 2, 10_000, 9_000), (2, 3, 10_000, 9_500), (3, 1, 10_000, 9_800))


def test_a_ring_of_three_is_nothing_for_pairs() -> None:
    book = _book(*RING)
    assert mechanisms.pairs(book, _holding(book)).given.sum() == 0


@pytest.mark.parametrize("mechanism", ["rings", "fair"])
def test_a_ring_of_three_is_filled(mechanism: str) -> None:
    book = _book(*RING)
    ledger = _holding(book)
    outcome = MECHANISMS[mechanism](book, ledger)
    given, received = settle(book, outcome.transfers, ledger)
    assert (given >= 9_000).all()
    assert (received >= 9_000).all()


def test_the_gain_of_a_greedy_ring_is_shared_evenly() -> None:
    book = _book(*RING)
    outcome = mechanisms.rings(book, _holding(book))
    gains = outcome.received / outcome.given * book.give_amount / book.want_amount
    assert gains == pytest.approx(np.full(3, (0.9 * 0.95 * 0.98) ** (-1 / 3)), rel=1e-3)


def test_a_ring_longer_than_the_longest_is_left() -> None:
    book = _book(*((place, (place + 1) % 6, 10_000, 9_000) for place in range(6)))
    assert mechanisms.rings(book, _holding(book), 5).given.sum() == 0


def test_pairs_trade_at_the_standing_order_s_price() -> None:
    book = _book((1, 2, 10_000, 8_000), (2, 1, 5_000, 5_500))
    outcome = mechanisms.pairs(book, _holding(book))
    assert outcome.given.tolist() == [6_250, 5_000]
    assert outcome.received.tolist() == [5_000, 6_250]


def test_pairs_that_ask_too_much_do_not_trade() -> None:
    book = _book((1, 2, 10_000, 10_500), (2, 1, 10_000, 9_600))
    assert mechanisms.pairs(book, _holding(book)).given.sum() == 0


@pytest.mark.parametrize("mechanism", sorted(MECHANISMS))
def test_points_that_die_too_soon_are_not_delivered(mechanism: str) -> None:
    rows = ((1, 6, 10_000, 8_000), (6, 1, 10_000, 9_000))
    expiry = START + 6 * BRANDS[1].seconds
    allowed = _book(*rows, living=expiry - 1)
    assert MECHANISMS[mechanism](allowed, _holding(allowed)).given.all()
    refused = _book(*rows, living=expiry)
    assert not MECHANISMS[mechanism](refused, _holding(refused)).given.any()


def test_points_that_die_too_soon_for_one_are_left_for_others() -> None:
    # The first asks for a longer life than the cheapest offer has; the last does not.
    book = _book((1, 6, 10_000, 7_000), (6, 1, 10_000, 7_000), (6, 1, 10_000, 9_000), (1, 6, 10_000, 9_500))
    ledger = _holding(book)
    ledger.units[1, 6] = 0
    ledger.units[1, 6, 0] = 10_000
    bound = int(ledger.expiries[6, 0])
    book = replace(book, want_living_until=np.array([bound, 0, 0, 0]))
    assert mechanisms.rings(book, ledger).given.all()


def _random_book(random: np.random.Generator, count: int) -> tuple[Book, Ledger]:
    give = random.integers(0, 5, count)
    want = (give + random.integers(1, 5, count)) % 5
    amount = random.integers(1, 20_000, count)
    wanted = np.maximum((amount * UNIT[give] / UNIT[want] * np.exp(random.normal(-0.05, 0.1, count))), 1)
    rows = zip(give.tolist(), want.tolist(), amount.tolist(), wanted.astype(int).tolist(), strict=True)
    book = _book(*rows)
    ledger = Ledger.empty(count, lengths(), end_of(51))
    expiries = ledger.expiries
    for who in range(count):
        parts = random.multinomial(amount[who], [0.25] * 4)
        ledger.units[who, give[who], :4] = parts
    living = np.where(random.random(count) < 0.5, expiries[want, random.integers(0, 3, count)], 0)
    return replace(book, want_living_until=living, arrival=random.random(count)), ledger


def _random_books() -> Iterator[tuple[Book, Ledger]]:
    for seed in range(12):
        random = np.random.default_rng(seed)
        yield _random_book(random, int(random.integers(2, 80)))


@pytest.mark.parametrize("mechanism", sorted(MECHANISMS))
def test_random_books_settle_by_the_exchange_s_rules(mechanism: str) -> None:
    traded = 0.0
    for book, ledger in _random_books():
        lots = ledger.units.sum(axis=0)
        outcome: Outcome = MECHANISMS[mechanism](book, ledger)
        given, received = settle(book, outcome.transfers, ledger)
        assert (given == outcome.given).all()
        assert (received == outcome.received).all()
        assert (ledger.units.sum(axis=0) == lots).all()
        traded += outcome.value(book)
    assert traded > 0


def test_the_most_at_any_rates_takes_from_one_to_serve_the_other() -> None:
    # Dollar for dollar: one asks 1.2 for what the two others pay 0.9 for. At one price she cannot trade.
    book = _book((1, 2, 10_000, 9_000), (2, 1, 10_000, 9_000), (1, 2, 5_000, 6_000))
    ledger = _holding(book)
    unit = UNIT[1]
    assert UNIT[2] == unit
    # 1 gives all for 9,000; 2's 10,000 go to her and, as far as they reach, to the third: 1,000 / 1.2.
    assert most(book, ledger) == pytest.approx((10_000 + 10_000 + 1_000 / 1.2) * unit)
    outcome = mechanisms.fair(book, ledger)
    assert most(book, ledger, outcome.clearing) == pytest.approx(20_000 * unit, rel=1e-6)


def test_nobody_trades_more_than_the_most() -> None:
    for book, ledger in _random_books():
        ceiling = most(book, ledger)
        for mechanism in MECHANISMS.values():
            assert mechanism(book, ledger).value(book) <= ceiling * (1 + 1e-9) + 1e-9
        outcome = mechanisms.fair(book, ledger)
        uniform = most(book, ledger, outcome.clearing)
        # Odd units are not at the price to the last digit.
        assert outcome.value(book) <= uniform * (1 + 1e-3) + 1e-6
        assert uniform <= ceiling * (1 + 1e-6) + 1e-9


def test_the_most_of_points_that_die_too_soon_is_nothing() -> None:
    rows = ((1, 6, 10_000, 8_000), (6, 1, 10_000, 9_000))
    expiry = START + 6 * BRANDS[1].seconds
    allowed = _book(*rows, living=expiry - 1)
    assert most(allowed, _holding(allowed)) > 0
    refused = _book(*rows, living=expiry)
    assert most(refused, _holding(refused)) == 0


def test_settling_refuses_what_the_exchange_refuses() -> None:
    book = _book((1, 2, 10_000, 8_000), (2, 1, 5_000, 5_500))
    with pytest.raises(SettlementError, match="below its limit"):
        settle(book, [(0, 1, 5_000), (1, 0, 5_000)], _holding(book))
    with pytest.raises(SettlementError, match="does not want"):
        settle(_book((1, 2, 9, 9), (1, 2, 9, 9)), [(0, 1, 9)], _holding(book))
    over = _book((1, 2, 10_000, 8_000), (2, 1, 5_000, 3_000))
    rich = _ledger({(0, 1, 2): 20_000, (1, 2, 2): 20_000})
    with pytest.raises(SettlementError, match="more than"):
        settle(over, [(0, 1, 6_000), (1, 0, 6_000)], rich)
