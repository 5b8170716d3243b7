"""The demo's chapter about the market for data, and what an observer learns from all of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from troc import words
from troc.data.standing import State
from troc.demo.published import Secrets, find_published, read_published
from troc.demo.receipts import DAIRY_COLUMNS, Receipts, read_dairy
from troc.demo.selling import END, FIRST_DAY, DataMarket, choose_players
from troc.demo.stage import Stage, open_stage
from troc.demo.telling import Teller


@pytest.fixture(scope="module")
def page() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def stage(receipts: Receipts) -> Iterator[Stage]:
    with open_stage(receipts) as opened:
        opened.move_to(words.parse_day("2017-04-08"))
        yield opened


@pytest.fixture(scope="module")
def told(stage: Stage, receipts: Receipts, page: io.StringIO) -> DataMarket:
    """The chapter, told to its end; every check of it holds."""
    from rich.console import Console

    teller = Teller(Console(file=page, highlight=False))
    market = DataMarket(stage, teller, receipts.households[0])
    market.run()
    teller.end()
    return market


def publish(stage: Stage, data: bytes) -> None:
    """Somebody writes this to the chain."""
    eth: Any = stage.chain.web3.eth
    who = eth.accounts[9]
    eth.wait_for_transaction_receipt(eth.send_transaction({"from": who, "to": who, "data": data}))


def test_each_case_ends_as_it_should(told: DataMarket, page: io.StringIO) -> None:
    assert [each.state for each in told.ended] == [
        State.PAID,
        State.KEY_WRONG,
        State.CHUNK_WRONG,
        State.RETURNED,
        State.PAID,
        State.ERASED,
    ]
    assert all(each.as_it_should for each in told.ended)
    shown = " ".join(page.getvalue().split())
    for said in (
        "You sell 37 dairy rows (day, item, quantity, paid, household_size). Nothing else.",
        "37 rows are in plain, and are the grocer's to the letter",
        "she is paid 500 MEADOW; her ether before and after: 0",
        "and gives the money back: 2 of 2",
        "it states that it erased in time 1 time, late 0, never 0",
        f"it paid for {1 + len(told.players.answering)} records, and for nothing else",
        # The same in every run: of several who answer it is the first, and not whoever got the lowest number.
        f"household {told.players.answering[0]} changes her mind",
    ):
        assert said in shown


def test_an_observer_learns_nothing_but_the_one_key_that_a_dispute_opened(
    told: DataMarket, stage: Stage
) -> None:
    found = find_published(stage.chain, told.since, told.sales(), told.secrets)
    forger = f"household {told.players.forger}"
    assert found.keys == (forger,)
    # The dispute shows the hash of the piece that it is about: it is there to be found.
    (leaf,) = found.values
    assert leaf.startswith(f"{forger}: the plain leaf at ")
    assert found.size > 20_000
    assert sum(len(each.values) for each in told.secrets) > 1_000


def test_what_is_published_is_found(told: DataMarket, stage: Stage) -> None:
    """The search of the test above can fail: each kind of secret, once it is on the chain, is seen."""
    since = stage.chain.block_number() + 1
    # Of those who answered one withdrew, and keeps no key.
    seller = told.sellers[told.players.honest]
    whose = f"household {seller.household}"
    (secrets,) = (each for each in told.secrets if each.whose == whose)
    kinds = ("the plain root", "the salt at 3", "the piece at 1", "the plain leaf at 2")
    wanted = {f"{whose}: {kind}" for kind in kinds}
    publish(stage, b"\1\2\3\4" + b"".join(secrets.values[what] for what in wanted))
    found = find_published(stage.chain, since, told.sales(), told.secrets)
    assert wanted <= set(found.values)
    assert found.keys == ()
    publish(stage, b"\1\2\3\4" + seller.vault.key(seller.copy.root))
    assert find_published(stage.chain, since, told.sales(), told.secrets).keys == (whose,)


def test_a_one_time_secret_of_either_side_opens_its_key(told: DataMarket, stage: Stage) -> None:
    buyer, seller = told.buyer, told.sellers[told.players.honest].data.seller
    (sale,) = (sale for sale in told.sales() if sale.seller == seller.address)
    for secret in (buyer.secret_of(sale).secret, seller._answer_point(sale).secret):
        since = stage.chain.block_number() + 1
        publish(stage, b"\1\2\3\4" + secret.to_bytes(32))
        found = find_published(stage.chain, since, told.sales(), told.secrets)
        assert found.keys == (f"household {told.players.honest}",)
        assert len(read_published(stage.chain, since)) == 1


def test_every_cell_salt_and_leaf_of_a_record_is_looked_for(told: DataMarket) -> None:
    seller = told.sellers[told.players.honest]
    secrets = Secrets.of("her", seller.vault, seller.copy)
    record = seller.vault.record(seller.copy.plain_root)
    assert {f"her: the piece at {place}" for place in range(len(record.pieces))} <= set(secrets.values)
    assert {f"her: the salt at {place}" for place in range(record.layout.count)} <= set(secrets.values)


def test_the_rows_are_the_grocers_and_of_those_asked(receipts: Receipts) -> None:
    since, until = words.parse_day(FIRST_DAY), words.parse_day(END)
    found = read_dairy(since, until, receipts.households)
    assert set(found) <= set(receipts.households)
    assert list(found) == [one for one in receipts.households if one in found]
    for rows in found.values():
        assert rows
        assert all(tuple(row) == DAIRY_COLUMNS for row in rows)
        assert all(FIRST_DAY <= row["day"] < END for row in rows)
        assert len({row["household_size"] for row in rows}) == 1
        assert rows == sorted(rows, key=lambda row: row["day"])


def test_she_sells_honestly_where_she_has_rows() -> None:
    assert choose_players([1, 2, 3, 4, 5, 6], she=3).all == (3, 1, 2, 4, 5, 6)
    assert choose_players([1, 2, 3, 4, 5], she=9).honest == 1
    assert len(choose_players(list(range(99)), she=3).answering) == 20
