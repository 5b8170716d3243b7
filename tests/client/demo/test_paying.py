"""The demo's chapter about paid attention: four campaigns of the grocer's, and what came of each."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from troc import words
from troc.demo.mailings import read_mailings
from troc.demo.paying import CATALOGUE, COUPON, FILM, MAIL, PaidAttention
from troc.demo.receipts import Receipts
from troc.demo.stage import Stage, open_stage
from troc.demo.telling import Teller


@pytest.fixture(scope="module")
def stage(receipts: Receipts) -> Iterator[Stage]:
    with open_stage(receipts) as opened:
        opened.move_to(words.parse_day("2017-07-01"))
        yield opened


@pytest.fixture(scope="module")
def page() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def told(stage: Stage, receipts: Receipts, page: io.StringIO) -> PaidAttention:
    """The chapter, told to its end; every check of it holds."""
    teller = Teller(Console(file=page, highlight=False))
    attention = PaidAttention(stage, teller)
    attention.run()
    teller.end()
    return attention


def test_each_campaign_pays_what_the_grocers_data_say(told: PaidAttention, receipts: Receipts) -> None:
    mailings = {each.number: each for each in read_mailings(receipts.households)}
    due = {each.plan: each.due for each in told.results}
    assert due == {
        MAIL: len(mailings[10].households) * 2 // 3,
        FILM: len(mailings[11].households),
        CATALOGUE: len(mailings[12].households),
        COUPON: sum(mailings[13].visits.values()),
    }
    assert [each.paid for each in told.results] == [each.due for each in told.results]
    assert all(each.due > 1 for each in told.results)


def test_what_was_issued_for_it_is_on_the_chain(told: PaidAttention, stage: Stage) -> None:
    january = dict.fromkeys(stage.brands, 0)
    assert told.issued.keys() < january.keys()
    for symbol, units in told.issued.items():
        assert stage.client.status(symbol).issued == january[symbol] + units


def test_what_must_be_refused_says_why(told: PaidAttention, page: io.StringIO) -> None:
    shown = " ".join(page.getvalue().split())
    for said in (
        "has been paid for all of these contacts",
        "claims of this campaign go on until 2017-08-30 23:59 UTC",
        "it gets 20 KESTREL back: all that it had put aside for the 1 to whom it signed nothing",
    ):
        assert said in shown
