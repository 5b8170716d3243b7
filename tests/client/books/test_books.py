"""A brand's books add up to the chain, month by month, and fail loudly where they do not."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.client.books.conftest import DAY, NOBODY, Programme, programme_of, receipt, word
from tests.client.trade.conftest import World
from troc.errors import ChecksFailedError, ContractError, NetworkError, PointsError
from troc.index import Index, tables
from troc.programme.books import Books, Period, Value, cents, journal, month, months

VALUE = Value.parse("0.0137", "EUR")


def test_a_story(story: Programme) -> None:
    books = story.books
    whole = books.roll(Period(books.launched[1], books.now + 1))
    assert whole.checked
    assert whole.exact
    assert dict(whole.issued_by) == {
        "batch": 60_000,
        "grant": 3_000,
        "own": 12_345 + 999,
        "released": 700 + 500,
        "imported": 4_000,
        "voucher": 1_200,
    }
    assert (whole.redeemed, whole.given_back) == (7_000 + 11_550, 2_500)
    assert (whole.traded, whole.given) == (10_000, 550)
    pending = whole.pending
    assert (pending.issued, pending.cancelled, pending.released, pending.closing) == (2_400, 1_200, 1_200, 0)
    status = story.world.everyone.status(story.brand)
    assert (whole.issued, whole.closing) == (status.issued, status.live)
    assert whole.expired == status.expired > 0
    parts = [books.roll(period) for period in months(books.launched[1], books.now + 1)]
    assert len(parts) >= 3
    for before, after in pairwise(parts):
        assert before.closing == after.opening
    for figure in ("issued", "redeemed", "given_back", "expired", "traded", "given"):
        assert sum(getattr(part, figure) for part in parts) == getattr(whole, figure), figure


ALTERED = [
    (tables.issues, {"units": tables.issues.c.units + 1}, "points live on"),
    (tables.issues, {"epoch": tables.issues.c.epoch + 1}, "issued were only"),
    (tables.issues, {"recipient": NOBODY}, "all that happened to it"),
    (tables.issues, None, "points live on"),
    (tables.redemptions, {"units": tables.redemptions.c.units - 1}, "points live on"),
    (tables.redemptions, {"holder": NOBODY}, "all that happened to it"),
    (tables.redemptions, None, "points live on"),
    (tables.give_backs, {"units": tables.give_backs.c.units + 1}, "points live on"),
    (tables.transfers, {"units": tables.transfers.c.units + 1}, "all that happened to it"),
    (tables.transfers, None, "all that happened to it"),
    (tables.pending, {"units": tables.pending.c.units + 1}, "pending points on"),
    (tables.pending_changes, {"units": tables.pending_changes.c.units + 1}, "pending points on|that matured"),
    (tables.lots, {"lot0": tables.lots.c.lot0 + 1}, "the balances of all accounts|all that happened"),
    (tables.supply, {"lot0": tables.supply.c.lot0 + 1}, "points live on|issued were only|balances"),
]


@pytest.mark.parametrize(("table", "change", "says"), ALTERED)
@pytest.mark.parametrize("asked", [True, False], ids=["token asked", "no state"])
def test_a_row_that_was_altered_stops_everything(
    story: Programme, table: sa.Table, change: Any, says: str, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the node keeps no state, so that only the index itself can tell."""
    books = story.books
    whole = Period(books.launched[1], books.now + 1)
    if not asked:
        monkeypatch.setattr(Books, "_told", lambda *_: None)
    assert books.roll(whole).checked == asked
    key = list(table.primary_key)
    history = "from_block" in table.c
    order = [table.c.from_block.desc()] if history else key
    with story.index.engine.begin() as connection:
        first = connection.execute(
            sa.select(table).where(table.c.token == story.brand.address).order_by(*order).limit(1)
        ).one()
        where = [column == getattr(first, column.name) for column in key]
        statement = table.delete() if change is None else table.update().values(**change)
        connection.execute(statement.where(*where))
    with pytest.raises(ChecksFailedError, match=None if asked else says):
        Books(story.world.everyone, story.index, story.brand).roll(whole)


def test_an_event_moved_to_another_month_stops_both(story: Programme) -> None:
    table = tables.redemptions
    story.index.catch_up()
    with story.index.engine.begin() as connection:
        connection.execute(table.update().values(time=table.c.time + 40 * DAY))
    books = Books(story.world.everyone, story.index, story.brand)
    for which in ("2026-11", "2026-12", "2027-01"):
        with pytest.raises(ChecksFailedError, match=r"points (live|redeemed)"):
            books.roll(month(which))


def test_a_consistent_lie_shows_against_the_token(story: Programme) -> None:
    """Whoever alters issue, balances and supply alike is found out by the token alone."""
    books = story.books
    with story.index.engine.begin() as connection:
        row = connection.execute(
            sa.select(tables.issues).where(
                tables.issues.c.token == story.brand.address, tables.issues.c.kind == "own"
            )
        ).first()
        assert row is not None
        connection.execute(
            tables.issues.update()
            .where(tables.issues.c.block == row.block, tables.issues.c.position == row.position)
            .values(units=row.units + 1)
        )
        for table, mine in (
            (tables.lots, [tables.lots.c.account == row.recipient]),
            (tables.supply, []),
        ):
            for age in range(4):
                lot = table.c[f"lot{age}"]
                connection.execute(
                    table.update()
                    .where(
                        *(table.c.token == row.token, table.c.from_block >= row.block, *mine),
                        table.c.epoch == row.epoch + age,
                    )
                    .values({lot.name: lot + 1})
                )
    books = Books(story.world.everyone, story.index, story.brand)
    with pytest.raises(ChecksFailedError, match="the token"):
        books.roll(Period(books.launched[1], books.now + 1))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_programme(world: World, url: str, seed: int) -> None:
    """Whatever happens, each month adds up to the chain, and the months together are the whole."""
    if (seed == 2) != ("postgresql" in url):
        pytest.skip("a walk for each database")
    programme, generator = programme_of(world, url), random.Random(seed)
    people = [world.ann, world.bob, world.cem]
    addresses = [each.address for each in people]
    purchases, redeemed, edges = 0, [], [programme.now]
    for step in range(60):
        act = generator.choice(
            [
                "mint",
                "mint",
                "redeem",
                "redeem",
                "send",
                "pending",
                "cancel",
                "release",
                "back",
                "old",
                "wait",
            ]
        )
        who, units = generator.randrange(3), generator.randint(1, 900)
        try:
            if act == "mint":
                programme.call("mintFor", addresses[who], units, receipt(step))
            elif act == "redeem":
                people[who].redeem(f"{Decimal(units) / 100} PAN", receipt(step))
                redeemed.append((addresses[who], receipt(step), units))
            elif act == "send":
                people[who].send(f"{Decimal(units) / 100} PAN", addresses[who - 1])
            elif act == "pending":
                matures_at = programme.now + generator.randint(1, 50) * DAY
                programme.call("mintPending", receipt(step), matures_at, [word(addresses[who], units)])
                purchases += 1
            elif act == "cancel" and purchases:
                programme.call("cancelPending", NOBODY, generator.randrange(purchases), units // 3 + 1)
            elif act == "release" and purchases:
                programme.call("releasePending", NOBODY, list({generator.randrange(purchases)}))
            elif act == "back" and redeemed:
                holder, for_, spent = generator.choice(redeemed)
                programme.call("giveBack", holder, for_, generator.randint(1, spent))
            elif act == "old":
                epoch = max(0, programme.brand.epoch_at(programme.now) - generator.randrange(4))
                programme.call("mintAtEpoch", receipt(step), epoch, [word(addresses[who], units)])
            elif act == "wait":
                world.pass_days(generator.randint(1, 12))
                edges.append(programme.now)
        except (ContractError, PointsError):
            # Too few points, twice the same, too late: a programme lives with refusals.
            continue
    # Over the exact second of an expiry, and past everything that was issued.
    world.pass_until(programme.brand.longest_life(programme.now) - 1)
    edges.append(programme.now)
    world.pass_until(programme.now + 1)
    edges.append(programme.now)
    books = programme.books
    whole = books.roll(Period(edges[0], books.now + 1))
    assert whole.checked
    assert whole.issued > whole.redeemed > 0
    assert whole.expired > 0
    assert whole.closing == whole.issued - whole.redeemed + whole.given_back - whole.expired
    edges.append(books.now + 1)
    for bounds in (
        months(edges[0], books.now + 1),
        [Period(first, last) for first, last in pairwise(sorted(set(edges)))],
    ):
        parts = [books.roll(period) for period in bounds]
        assert parts[0].opening == 0
        assert parts[-1].closing == whole.closing
        for before, after in pairwise(parts):
            assert before.closing == after.opening
            assert before.pending.closing == after.pending.opening
        for figure in ("issued", "redeemed", "given_back", "expired", "traded", "given"):
            assert sum(getattr(part, figure) for part in parts) == getattr(whole, figure), figure
        for rate in (Fraction(1, 8), None):
            journals = [journal(books, period, VALUE, rate) for period in bounds]
            for found in journals:
                *lines, last = found.entries
                assert sum(line.units for line in lines) == last.units
                assert sum(line.money for line in lines) == last.money
                assert sum(line.full for line in lines) == last.full
            for one, other in pairwise(journals):
                assert one.entries[-1].money == other.entries[0].money


def test_the_liability_is_that_of_the_standard(programme: Programme) -> None:
    """The figures of a programme with 10,000 points of which 5 % are never redeemed: 4,500 redeemed leave
    5,000 of the 9,500 that were expected; what is redeemed of the rest, or runs out, ends it.
    """
    world = programme.world
    value = Value.parse("1", "EUR")
    rate = Fraction(1, 20)
    start = programme.now
    programme.call("mint", world.ann.address, 1_000_000)
    world.ann.redeem("4500 PAN", receipt(1))
    books = programme.books
    found = {entry.figure: entry.money for entry in _whole(books, start, value, rate)}
    assert found["issued by the brand"] == 9_500
    assert found["redeemed"] == -4_500
    assert found["closing balance"] == 5_000
    assert found["re-estimate and rounding"] == 0
    world.ann.redeem("4000 PAN", receipt(2))
    world.pass_days(41)
    books = programme.books
    found = {entry.figure: entry.money for entry in _whole(books, start, value, rate)}
    assert (found["redeemed"], found["expired"], found["closing balance"]) == (-8_500, -1_000, 0)
    assert found["re-estimate and rounding"] == 0
    assert books.estimate(books.now).rate == Fraction(3, 20)


def _whole(books: Books, start: int, value: Value, rate: Fraction) -> tuple[Any, ...]:
    return journal(books, Period(start, books.now + 1), value, rate).entries


def test_more_redeemed_than_expected_is_a_re_estimate(programme: Programme) -> None:
    world, start = programme.world, programme.now
    programme.call("mint", world.ann.address, 1_000)
    world.ann.redeem("9.9 PAN", receipt(1))
    found = {
        entry.figure: entry.money
        for entry in _whole(programme.books, start, Value.parse("1", "EUR"), Fraction(1, 2))
    }
    assert (found["issued by the brand"], found["redeemed"]) == (5, Decimal("-9.9"))
    assert (found["re-estimate and rounding"], found["closing balance"]) == (Decimal("4.9"), 0)


def test_a_changed_estimate_is_a_re_estimate(programme: Programme) -> None:
    """Three of four points of the first lot run out: from then on, less is owed for the second."""
    world, start = programme.world, programme.now
    programme.call("mint", world.ann.address, 1_000)
    world.ann.redeem("2.5 PAN", receipt(1))
    world.pass_days(20)
    programme.call("mint", world.ann.address, 10_000)
    world.pass_days(21)
    books = programme.books
    found = journal(books, Period(start, books.now + 1), Value.parse("1", "EUR"))
    assert (found.opened.rate, found.closed.rate) == (Fraction(0), Fraction(3, 4))
    money = {entry.figure: entry.money for entry in found.entries}
    assert (money["issued by the brand"], money["redeemed"]) == (Decimal(110), Decimal("-2.5"))
    assert (money["expired"], money["re-estimate and rounding"]) == (Decimal("-7.5"), Decimal(-75))
    assert money["closing balance"] == 25
    assert "750" not in found.notes[0]
    assert "of 10 points in lots that had run out" in found.notes[0]


def test_a_node_without_old_states_is_said(story: Programme, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it cannot be asked any more is not held against it, nor hidden; if it is down, that is said."""
    books, chain = story.books, story.world.chain
    call = chain.call

    def latest_only(function: Any, sender: Any = None, block: Any = "latest") -> Any:
        if block != "latest":
            raise NetworkError("missing trie node", "ask another")
        return call(function, sender, block)

    monkeypatch.setattr(chain, "call", latest_only)
    found = journal(books, month("2026-12"), VALUE)
    assert not found.rolled.checked
    assert found.rolled.promised is None
    assert any("Not held against the token" in note for note in found.notes)

    def down(*_: Any, **__: Any) -> Any:
        raise NetworkError("the node does not answer", "start it")

    monkeypatch.setattr(chain, "call", down)
    with pytest.raises(NetworkError, match="does not answer"):
        books.roll(month("2026-12"))


def test_a_brand_whose_points_never_expire(world: World, tmp_path: Path) -> None:
    brand = world.brand.launch("For Ever", "EVER", "never")
    programme = Programme(
        world, brand, Index(world.chain, world.manifest, f"sqlite:///{tmp_path / 'i.sqlite'}")
    )
    programme.call("mint", world.ann.address, 50)
    world.ann.redeem("20 EVER", receipt(1))
    world.pass_days(500)
    books = programme.books
    found = journal(books, Period(books.launched[1], books.now + 1), VALUE)
    assert (found.rolled.closing, found.rolled.expired, found.closed.rate) == (30, 0, Fraction(0))


def test_cents() -> None:
    halves = {Fraction(1, 200): "0.01", Fraction(-1, 200): "-0.01", Fraction(149, 10_000): "0.01"}
    assert {amount: str(cents(amount)) for amount in halves} == halves
    assert cents(Fraction(2, 3)) == Decimal("0.67")


def test_months_and_days() -> None:
    assert month("2027-02").text == "1 February 2027 to 28 February 2027"
    assert month("2026-12").until == month("2027-01").since
    assert [each.text for each in months(month("2026-11").until - 1, month("2026-12").since + 1)] == [
        "1 November 2026 to 30 November 2026",
        "1 December 2026 to 31 December 2026",
    ]
