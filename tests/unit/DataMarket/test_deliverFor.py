"""deliverFor: the delivery that the seller signed, submitted by anyone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import next_block_at, reverts_with, sign
from tests.orders import digest
from tests.sales import Sale, State
from tests.sealing import point_of


def _message(sale: Sale) -> dict[str, Any]:
    point_b, point_e, wrapped = sale.posted
    return {**sale.about("seller"), "pointB": point_b, "pointE": point_e, "wrapped": wrapped}


@pytest.fixture(scope="module")
def signed(market: Any, bought: Sale, seller: Any) -> tuple[Any, ...]:
    sale_id, *rest = bought.delivery
    return (sale_id, seller, *rest, sign(seller, market, "Deliver", _message(bought)))


def test_anyone_submits_it(market: Any, bought: Sale, signed: Any, stranger: Any, state_of: Any) -> None:
    market.deliverFor(*signed, {"from": stranger})
    assert state_of(bought) == State.DELIVERED


@pytest.mark.parametrize("late", [0, 1])
def test_its_deadline_is_that_of_the_sale(
    market: Any, bought: Sale, signed: Any, stranger: Any, late: int
) -> None:
    deadline = market.saleOf(bought.id)[1]
    next_block_at(deadline + late)
    if not late:
        market.deliverFor(*signed, {"from": stranger})
        return
    with reverts_with("TooLate", bought.id, deadline):
        market.deliverFor(*signed, {"from": stranger})


def test_submitting_it_twice_does_nothing(market: Any, bought: Sale, signed: Any, stranger: Any) -> None:
    market.deliverFor(*signed, {"from": stranger})
    with reverts_with("WrongState", bought.id, State.DELIVERED):
        market.deliverFor(*signed, {"from": stranger})


def test_reverts_when_not_signed_by_the_seller(
    market: Any, bought: Sale, signed: Any, buyer: Any, seller: Any
) -> None:
    message = _message(bought)
    by_buyer = sign(buyer, market, "Deliver", message)
    with reverts_with("NotSignedBy", seller, digest(market, "Deliver", message)):
        market.deliverFor(*signed[:-1], by_buyer, {"from": buyer})


def test_who_signs_must_be_the_sales_seller(market: Any, bought: Sale, signed: Any, stranger: Any) -> None:
    """A stranger cannot end the seller's sale with a key of his own making."""
    own = sign(stranger, market, "Deliver", _message(bought) | {"seller": stranger.address})
    sale_id, _, *rest, _ = signed
    with reverts_with("NotWhatWasPosted", bought.id):
        market.deliverFor(sale_id, stranger, *rest, own, {"from": stranger})


def test_reverts_when_a_word_was_changed(
    market: Any, bought: Sale, signed: Any, stranger: Any, seller: Any
) -> None:
    sale_id, _, seconds, (b, e, wrapped), y, signature = signed
    other = point_of("other")
    for changed, even_y in (((b, other.x, wrapped), other.y), ((b, e, bytes(32)), y), ((e, e, wrapped), y)):
        names = dict(zip(("pointB", "pointE", "wrapped"), changed, strict=True))
        with reverts_with("NotSignedBy", seller, digest(market, "Deliver", _message(bought) | names)):
            market.deliverFor.call(sale_id, seller, seconds, changed, even_y, signature, {"from": stranger})


def test_the_y_is_not_signed_but_checked(market: Any, bought: Sale, signed: Any, stranger: Any) -> None:
    *head, y, signature = signed
    with reverts_with("BadPoint", bought.e.x):
        market.deliverFor(*head, y + 2, signature, {"from": stranger})


def test_is_worth_nothing_for_another_point_after_a_reorganisation(
    market: Any, prepare: Any, seller: Any, stranger: Any, buyer: Any
) -> None:
    """The buyer bought again with another point; what was sealed to the first must not be posted."""
    before = prepare()
    message = _message(before)
    signature = sign(seller, market, "Deliver", message)
    again = point_of("again").x
    market.buy(before.words, before.signature, again, {"from": buyer})
    sale_id, seconds, posted, y = before.delivery
    with reverts_with("NotWhatWasPosted", before.id):
        market.deliverFor(sale_id, seller, seconds, posted, y, signature, {"from": stranger})
    with reverts_with("NotSignedBy", seller, digest(market, "Deliver", message | {"pointB": again})):
        market.deliverFor(sale_id, seller, seconds, (again, *posted[1:]), y, signature, {"from": stranger})
