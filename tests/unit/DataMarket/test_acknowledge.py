"""acknowledge, acknowledgeFor, acknowledgeMany and acknowledgeManyFor: the buyer states that it erased."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import next_block_at, now, reverts_with, sign
from tests.orders import digest
from tests.sales import Sale, State, hexed


def test_is_dated(market: Any, delivered: Sale, seller: Any, buyer: Any) -> None:
    then = now() + 100
    next_block_at(then)
    transaction = market.acknowledge(delivered.digest, seller, {"from": buyer})
    assert market.saleOf(delivered.id)[3:] == (0, then)
    assert dict(transaction.events["ErasureAcknowledged"]) == {
        "saleId": hexed(delivered.id),
        "seller": seller,
        "buyer": buyer,
    }


@pytest.mark.parametrize("first", ["revoke", "acknowledge"])
def test_stands_beside_the_revocation(
    market: Any, delivered: Sale, seller: Any, buyer: Any, first: str
) -> None:
    steps: list[Any] = [
        lambda: market.revoke(delivered.digest, buyer, {"from": seller}),
        lambda: market.acknowledge(delivered.digest, seller, {"from": buyer}),
    ]
    start, times = now(), {}
    for at, step in enumerate(steps if first == "revoke" else steps[::-1]):
        next_block_at(start + 100 * (at + 1))
        step()
        times[at] = now()
    expected = tuple(times.values()) if first == "revoke" else tuple(times.values())[::-1]
    assert market.saleOf(delivered.id)[3:] == expected


def test_ends_no_sale(market: Any, delivered: Sale, seller: Any, buyer: Any) -> None:
    before = market.saleOf(delivered.id)[:3]
    market.acknowledge(delivered.digest, seller, {"from": buyer})
    assert market.saleOf(delivered.id)[:3] == before


def test_happens_once(market: Any, delivered: Sale, seller: Any, buyer: Any, stranger: Any) -> None:
    market.acknowledge(delivered.digest, seller, {"from": buyer})
    stated = now()
    signature = sign(buyer, market, "Acknowledge", delivered.about("buyer"))
    with reverts_with("AlreadyAcknowledged", delivered.id, stated):
        market.acknowledge(delivered.digest, seller, {"from": buyer})
    with reverts_with("AlreadyAcknowledged", delivered.id, stated):
        market.acknowledgeFor(delivered.digest, seller, buyer, signature, {"from": stranger})


def test_nobody_else_states_it(market: Any, delivered: Sale, seller: Any, stranger: Any) -> None:
    for sender in (seller, stranger):
        with pytest.raises(Exception, match="WrongState"):
            market.acknowledge(delivered.digest, seller, {"from": sender})


def test_needs_a_sale(market: Any, prepare: Any, seller: Any, buyer: Any) -> None:
    sale = prepare()
    with reverts_with("WrongState", sale.id, State.NONE):
        market.acknowledge(sale.digest, seller, {"from": buyer})


def test_anyone_submits_what_he_signed(
    market: Any, delivered: Sale, seller: Any, buyer: Any, stranger: Any
) -> None:
    message = delivered.about("buyer")
    signature = sign(buyer, market, "Acknowledge", message)
    market.acknowledgeFor(delivered.digest, seller, buyer, signature, {"from": stranger})
    assert market.saleOf(delivered.id)[4] == now()


def test_nobody_else_signs_it(market: Any, delivered: Sale, seller: Any, buyer: Any) -> None:
    message = delivered.about("buyer")
    with reverts_with("NotSignedBy", buyer, digest(market, "Acknowledge", message)):
        market.acknowledgeFor(
            delivered.digest, seller, buyer, sign(seller, market, "Acknowledge", message), {"from": seller}
        )


# ------------------------------------------------------------------------------------------------ many sales


@pytest.fixture
def lists(bought: Sale, delivered: Sale, cheated: Sale, seller: Any) -> tuple[list[bytes], list[Any]]:
    return [sale.digest for sale in (bought, delivered, cheated)], [seller] * 3


def test_many_at_once(
    market: Any, lists: Any, buyer: Any, bought: Sale, delivered: Sale, cheated: Sale
) -> None:
    events = market.acknowledgeMany(*lists, {"from": buyer}).events["ErasureAcknowledged"]
    sales = (bought, delivered, cheated)
    assert [event["saleId"] for event in events] == [hexed(sale.id) for sale in sales]
    assert [market.saleOf(sale.id)[4] for sale in sales] == [now()] * 3


def test_those_stated_before_are_passed_over(
    market: Any, lists: Any, buyer: Any, seller: Any, delivered: Sale, bought: Sale
) -> None:
    market.acknowledge(delivered.digest, seller, {"from": buyer})
    before = now()
    next_block_at(before + 100)
    events = market.acknowledgeMany(*lists, {"from": buyer}).events["ErasureAcknowledged"]
    assert len(events) == 2
    assert market.saleOf(delivered.id)[4] == before
    assert "ErasureAcknowledged" not in market.acknowledgeMany(*lists, {"from": buyer}).events


def test_one_that_is_named_twice_is_stated_once(market: Any, bought: Sale, seller: Any, buyer: Any) -> None:
    transaction = market.acknowledgeMany([bought.digest] * 2, [seller] * 2, {"from": buyer})
    assert len(transaction.events["ErasureAcknowledged"]) == 1


def test_many_of_nothing(market: Any, buyer: Any) -> None:
    market.acknowledgeMany([], [], {"from": buyer})


def test_lists_of_two_lengths(market: Any, lists: Any, buyer: Any, stranger: Any) -> None:
    digests, sellers = lists
    with reverts_with("CountsDiffer", 3, 2):
        market.acknowledgeMany(digests, sellers[:2], {"from": buyer})
    with reverts_with("CountsDiffer", 2, 3):
        market.acknowledgeManyFor(digests[:2], sellers, buyer, b"", {"from": stranger})


def test_one_that_is_no_sale_stops_all(
    market: Any, lists: Any, prepare: Any, seller: Any, buyer: Any
) -> None:
    digests, sellers = lists
    sale = prepare()
    with reverts_with("WrongState", sale.id, State.NONE):
        market.acknowledgeMany([*digests, sale.digest], [*sellers, seller], {"from": buyer})


def test_nobody_else_states_many(market: Any, lists: Any, seller: Any, stranger: Any) -> None:
    for sender in (seller, stranger):
        with pytest.raises(Exception, match="WrongState"):
            market.acknowledgeMany(*lists, {"from": sender})


def _message(buyer: Any, *sales: Sale) -> dict[str, Any]:
    return {"buyer": buyer.address, "saleIds": [sale.id for sale in sales]}


def test_anyone_submits_many_that_he_signed(
    market: Any, lists: Any, buyer: Any, stranger: Any, bought: Sale, delivered: Sale, cheated: Sale
) -> None:
    signature = sign(buyer, market, "AcknowledgeMany", _message(buyer, bought, delivered, cheated))
    for _ in range(2):
        market.acknowledgeManyFor(*lists, buyer, signature, {"from": stranger})
    assert market.saleOf(bought.id)[4] != 0


def test_a_signature_for_many_is_for_just_these(
    market: Any,
    lists: Any,
    buyer: Any,
    seller: Any,
    stranger: Any,
    bought: Sale,
    delivered: Sale,
    cheated: Sale,
) -> None:
    digests, sellers = lists
    signature = sign(buyer, market, "AcknowledgeMany", _message(buyer, bought, delivered, cheated))
    for sales, order in (((bought, delivered), [0, 1]), ((delivered, bought, cheated), [1, 0, 2])):
        asked = digest(market, "AcknowledgeMany", _message(buyer, *sales))
        with reverts_with("NotSignedBy", buyer, asked):
            market.acknowledgeManyFor.call(
                [digests[i] for i in order], sellers[: len(order)], buyer, signature, {"from": stranger}
            )


def test_a_signature_for_one_is_none_for_many(
    market: Any, bought: Sale, buyer: Any, seller: Any, stranger: Any
) -> None:
    signature = sign(buyer, market, "Acknowledge", bought.about("buyer"))
    asked = digest(market, "AcknowledgeMany", _message(buyer, bought))
    with reverts_with("NotSignedBy", buyer, asked):
        market.acknowledgeManyFor([bought.digest], [seller], buyer, signature, {"from": stranger})
