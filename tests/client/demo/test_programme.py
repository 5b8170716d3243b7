"""The demo's chapter about the grocer's programme; tests/scripts/test_demo.py runs the whole demo."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from troc import words
from troc.client import Troc
from troc.demo import programme as programme_chapter
from troc.demo.programme import SYMBOL, GrocersProgramme, read_week
from troc.demo.receipts import Receipts
from troc.demo.stage import Stage, open_stage
from troc.demo.telling import Teller
from troc.errors import ChecksFailedError


@pytest.fixture
def stage(receipts: Receipts) -> Iterator[Stage]:
    with open_stage(receipts) as opened:
        yield opened


def test_what_it_issues_is_what_it_says(
    stage: Stage, receipts: Receipts, teller: Teller, page: io.StringIO
) -> None:
    programme = GrocersProgramme(stage, teller, receipts.households[0])
    programme.run(stage.folder)
    status = stage.client.status(SYMBOL)
    assert programme.issued == status.issued > 0
    assert status.pending > 0
    stage.move_to(stage.chain.now() + 15 * words.DAY)
    programme.release()
    after = stage.client.status(SYMBOL)
    assert programme.issued == after.issued == status.issued + status.pending
    assert after.pending == 0
    teller.end()
    assert page.getvalue().count("  ok  ") == teller.checks >= 9


def test_who_links_late_is_the_same_in_every_run(
    stage: Stage, receipts: Receipts, teller: Teller, page: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several could: members of one second lie in the vault in an order that is chance."""
    monkeypatch.setattr(programme_chapter, "_LINKED", 3)
    GrocersProgramme(stage, teller, receipts.households[0]).run(stage.folder)
    members = [one for one in receipts.households if str(one) in set(read_week().cards)]
    unlinked = sorted(members[3:])
    assert len(unlinked) >= 5
    shown = " ".join(page.getvalue().split())
    assert f"household {unlinked[0]} links her card a little later" in shown


def test_a_check_that_fails_is_noticed(
    stage: Stage, receipts: Receipts, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The till pays a point too little.
    real = Troc.sign_voucher
    monkeypatch.setattr(
        Troc,
        "sign_voucher",
        lambda self, points, **options: real(self, points.replace("25", "24"), **options),
    )
    GrocersProgramme(stage, teller, receipts.households[0]).run(stage.folder)
    with pytest.raises(ChecksFailedError, match=r"1 of the demo's checks failed \(she has 24"):
        teller.end()


def test_the_week_is_the_whole_week_and_nothing_else() -> None:
    week = read_week()
    days = week.lines["transaction_timestamp"].dt.strftime("%Y-%m-%d")
    assert sorted(days.unique()) == [f"2017-04-0{day}" for day in range(1, 8)]
    assert len(week.cards) == len(set(week.cards)) == week.lines["household_id"].nunique()
