"""The parts of the demo, each on its own; tests/scripts/test_demo.py runs the whole of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from troc.demo import attempts
from troc.demo.attempts import Attempt, try_all
from troc.demo.books import close_books
from troc.demo.cast import FEWEST, choose_cast
from troc.demo.receipts import GROCER, PROGRAMMES, Receipts, read_receipts
from troc.demo.stage import PACE, Stage, open_stage
from troc.demo.story import run
from troc.demo.telling import Teller
from troc.errors import ChecksFailedError, InputError
from troc.points import receipt_id

SYMBOL = GROCER.symbol


@pytest.fixture(scope="module")
def stage(receipts: Receipts) -> Iterator[Stage]:
    """A stage on which that month was issued."""
    with open_stage(receipts) as opened:
        opened.mint(receipts.months[0])
        yield opened


def failures(teller: Teller) -> str:
    """What the teller says at the end about checks that failed."""
    with pytest.raises(ChecksFailedError) as caught:
        teller.end()
    return caught.value.message


# -------------------------------------------------------------------------------------------------- the stage


def test_the_stage_issues_to_each_household_what_its_receipts_earned(
    stage: Stage, receipts: Receipts
) -> None:
    for programme in PROGRAMMES:
        for household in receipts.households:
            held = stage.household(household).balance(programme.symbol).total
            assert held == receipts.points(programme.symbol, household)


def test_a_month_is_issued_when_its_books_are_closed(stage: Stage, receipts: Receipts) -> None:
    chain, closes = stage.chain, receipts.months[0].closes
    first = chain.block_before(closes) + 1
    assert chain.time_of(first) == closes
    assert [chain.time_of(first + step) for step in range(1, 7)] == [
        closes + PACE * step for step in range(1, 7)
    ]


def test_the_reference_of_a_batch_tells_no_receipt(stage: Stage, receipts: Receipts) -> None:
    numbers = receipts.months[0].receipts[SYMBOL]
    reference = stage.reference(numbers, SYMBOL)
    assert reference == stage.reference(list(reversed(numbers)), SYMBOL)
    assert reference != stage.reference(numbers[1:], SYMBOL)
    # Who knows all the receipts, and not the salt, cannot even check a guess.
    other = replace(stage, salts={symbol: bytes(32) for symbol in stage.salts})
    assert reference != other.reference(numbers, SYMBOL)
    assert receipt_id(str(numbers[0]), stage.salts[SYMBOL]) != receipt_id(str(numbers[0]), bytes(32))


def test_the_same_month_is_not_issued_twice(stage: Stage, receipts: Receipts) -> None:
    before = stage.client.status(SYMBOL)
    month = receipts.months[0]
    reports = stage.mint(replace(month, closes=stage.chain.now() + 100))
    assert [(report.recipients, report.transactions) for report in reports] == [(0, ())] * 6
    assert stage.client.status(SYMBOL) == before


# ----------------------------------------------------------------------------------------------- the attempts


def test_every_attempt_of_the_brand_is_refused_for_its_own_reason(stage: Stage, receipts: Receipts) -> None:
    refusals = try_all(stage, SYMBOL, receipts.households[0])
    assert len(refusals) == 6
    assert all(refusal.holds for refusal in refusals), refusals


def test_an_attempt_that_succeeds_is_noticed(
    stage: Stage, receipts: Receipts, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What it may do: let somebody move its own points.
    call = stage.client.brands.token(stage.brands[SYMBOL]).functions.approve(stage.relay.address, 1)
    monkeypatch.setattr(attempts, "_attempts", lambda *_: iter([Attempt("allow", call, "NotSignedByHolder")]))
    (refusal,) = try_all(stage, SYMBOL, receipts.households[0])
    assert not refusal.holds
    assert refusal.answer == "done"


def test_a_refusal_for_another_reason_does_not_count(
    stage: Stage, receipts: Receipts, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = stage.client.brands.token(stage.brands[SYMBOL]).functions
    call = token.mint(stage.exchange, 1)
    monkeypatch.setattr(attempts, "_attempts", lambda *_: iter([Attempt("issue", call, "NotSignedByHolder")]))
    (refusal,) = try_all(stage, SYMBOL, receipts.households[0])
    assert not refusal.holds
    assert refusal.error is not None
    assert refusal.error.name == "ERC20InvalidReceiver"


# -------------------------------------------------------------------------------------------------- the books


def test_the_books_close_on_what_was_issued(
    stage: Stage, receipts: Receipts, teller: Teller, page: io.StringIO
) -> None:
    close_books(stage, receipts, teller)
    teller.end()
    assert page.getvalue().count("  ok      L1  ") == page.getvalue().count("  ok      L4  ") == 6
    assert "  ok      X1  the exchange holds 0 points and 0 ether, and 0 moves" in page.getvalue()


def test_a_point_too_many_in_the_receipts_fails_l4_of_that_brand(
    stage: Stage, receipts: Receipts, teller: Teller
) -> None:
    month = receipts.months[0]
    first = receipts.households[0]
    more = {**month.points, SYMBOL: {**month.points[SYMBOL], first: month.points[SYMBOL][first] + 1}}
    close_books(stage, replace(receipts, months=(replace(month, points=more),)), teller)
    said = failures(teller)
    assert said.startswith("1 of the demo's checks")
    assert f"L4 {SYMBOL}: " in said


def test_an_exchange_that_holds_points_fails_x1(
    stage: Stage, receipts: Receipts, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = type(stage.client).audit
    monkeypatch.setattr(
        type(stage.client),
        "audit",
        lambda self, brand: replace(real(self, brand), exchange_moves=1, exchange_balance=2),
    )
    close_books(stage, receipts, teller)
    said = failures(teller)
    assert said.startswith("1 of the demo's checks")
    assert "X1 the exchange holds 12 points and 0 ether, and 6 moves" in said


def test_balances_that_are_not_the_supply_fail_l1(
    stage: Stage, receipts: Receipts, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = type(stage.client).audit
    monkeypatch.setattr(
        type(stage.client),
        "audit",
        lambda self, brand: replace(found := real(self, brand), live=found.live + 1),
    )
    close_books(stage, receipts, teller)
    assert failures(teller).count("L1 ") == 6


# --------------------------------------------------------------------------------------------------- the cast


def test_the_cast_are_different_households_whose_wishes_fit() -> None:
    receipts = read_receipts(40)
    cast = choose_cast(receipts)
    players = [cast.she, cast.partners.household, cast.ring[1].household, cast.ring[2].household]
    assert cast.ring[0].household == cast.hers.household == cast.she
    assert sorted([*players, *cast.others]) == sorted(receipts.households)
    assert (cast.hers.give, cast.hers.want) == (cast.partners.want, cast.partners.give)
    for wish in (cast.hers, cast.partners, *cast.ring):
        amount, symbol = wish.give.split()
        assert receipts.points(symbol, wish.household) >= int(amount)


def test_too_few_households_are_refused_before_anything_is_read() -> None:
    with pytest.raises(InputError, match=f"too few for the story: ask for {FEWEST} or more"):
        run(FEWEST - 1)


# ------------------------------------------------------------------------------------------------ the telling


def test_plain_text_where_there_is_no_terminal(teller: Teller, page: io.StringIO) -> None:
    teller.chapter("A title")
    teller.say("[bold]as it is[/bold] " + "word " * 40)
    teller.table(("points", "owed"), [("ACME", "1"), ("[x]", "20")])
    teller.check("this holds", True)
    teller.end()
    shown = page.getvalue()
    assert "\x1b" not in shown
    assert "\n1. A title\n[bold]as it is[/bold] word" in shown
    assert "ACME   |    1\n[x]    |   20\n  ok      this holds\n" in shown
    assert max(map(len, shown.splitlines())) <= 112
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_colours_on_a_terminal(page: io.StringIO) -> None:
    teller = Teller(Console(file=page, force_terminal=True, width=60, color_system="standard"))
    teller.check("this does not hold " + "and " * 20, False)
    assert "\x1b[" in page.getvalue()
    assert "FAILED" in page.getvalue()
    assert failures(teller).startswith("1 of the demo's checks failed (this does not hold")
