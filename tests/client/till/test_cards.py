"""A till that knows the members: a card does for an address, and debts go into the brand's books."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.client.members.conftest import programme
from tests.client.members.test_linking import link
from tests.client.till.conftest import Shop, eventually
from tests.client.trade.conftest import World
from troc.errors import StoreError
from troc.programme.programme import Programme

__all__ = ["programme"]


@pytest.fixture
def shop(world: World, programme: Programme, open_shop: Callable[..., Shop]) -> Shop:
    """A till over the same database as the programme; Bob's card is 1."""
    link(world, programme, "1", world.bob)
    return open_shop(cards=programme.members, debts=programme.debts)


def test_points_go_to_the_address_of_a_card(shop: Shop) -> None:
    answer = shop.post("/issue", receipt="a1", customer="1", amount=10)
    assert answer["customer"] == "1"
    assert shop.post("/issue", receipt="a1", customer="1", amount=10) == answer
    shop.settle()
    assert shop.units(shop.world.bob) == 10
    assert shop.get("/balance", customer="1")["amount"] == "10"


@pytest.mark.parametrize("card", ["2", "unknown"])
def test_a_card_without_an_address_is_refused(shop: Shop, card: str) -> None:
    assert shop.refused("/issue", receipt="a1", customer=card, amount=10) == (404, "no_address")


def test_a_repeated_receipt_gets_its_answer_after_the_card_moved(shop: Shop, programme: Programme) -> None:
    first = shop.post("/issue", receipt="a1", customer="1", amount=10)
    shop.settle()
    programme.members.unlink("1", "she asked", "clerk")
    assert shop.post("/issue", receipt="a1", customer="1", amount=10) == first
    link(shop.world, programme, "1", shop.world.cem)
    assert shop.post("/issue", receipt="a1", customer="1", amount=10) == first
    assert (shop.units(shop.world.bob), shop.units(shop.world.cem)) == (10, 0)


def test_a_late_return_is_a_debt_in_the_brands_books(shop: Shop, programme: Programme) -> None:
    shop.post("/issue", receipt="a1", customer="1", amount=10)
    shop.settle()
    shop.post("/return", id="r1", receipt="a1", earned=4)
    eventually(lambda: programme.debts.total() == 4)
    assert programme.debts.debt_of("1") == 4


def test_books_that_refuse_a_debt_keep_nothing_waiting(
    world: World, programme: Programme, open_shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: object) -> bool:
        raise StoreError("the brand's database is away", "start it")

    monkeypatch.setattr(programme.debts, "record_debt", away)
    shop = open_shop(cards=programme.members, debts=programme.debts)
    shop.issue("a1", world.bob, 10)
    shop.settle()
    shop.post("/return", id="r1", receipt="a1", earned=4)
    shop.issue("a2", world.bob, 5)
    shop.settle()
    assert shop.units(world.bob) == 15
    assert shop.get("/status")["debt"] == 4
    # With the next service they go where they belong.
    monkeypatch.undo()
    open_shop(cards=programme.members, debts=programme.debts)
    eventually(lambda: programme.debts.total() == 4)
