"""publish: signed orders in the log."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import reverts_with, sign
from tests.orders import words


def test_emits_each_order_with_its_signature(
    book: Any, exchange: Any, order: Any, customer: Any, acme: Any, beta: Any, stranger: Any
) -> None:
    signature = sign(customer, exchange, "Order", order)
    other = order | {"giveToken": beta.address, "wantToken": acme.address}
    transaction = book.publish([words(order), words(other)], [signature, b"\x01"], {"from": stranger})
    events = transaction.events["OrderPublished"]
    assert [(event["maker"], event["giveToken"], event["wantToken"]) for event in events] == [
        (customer, acme, beta),
        (customer, beta, acme),
    ]
    assert [tuple(event["order"]) for event in events] == [words(order), words(other)]
    assert [bytes(event["signature"]) for event in events] == [signature, b"\x01"]


def test_a_published_order_settles(
    book: Any,
    exchange: Any,
    order: Any,
    customer: Any,
    buyer: Any,
    acme: Any,
    beta: Any,
    brand: Any,
    stranger: Any,
) -> None:
    acme.mint(customer, 100, {"from": brand})
    beta.mint(buyer, 80, {"from": brand})
    signature = sign(customer, exchange, "Order", order)
    event = book.publish([words(order)], [signature], {"from": stranger}).events["OrderPublished"]
    exchange.take(event["order"], event["signature"], 100, 0, {"from": buyer})
    assert (acme.balanceOf(buyer), beta.balanceOf(customer)) == (100, 80)


def test_checks_nothing(book: Any, order: Any, stranger: Any) -> None:
    book.publish([words(order | {"giveAmount": 0, "openUntil": 0})], [b""], {"from": stranger})


def test_stores_nothing(book: Any, order: Any, stranger: Any, web3: Any) -> None:
    book.publish([words(order)], [b""], {"from": stranger})
    assert all(not int.from_bytes(web3.eth.get_storage_at(book.address, slot), "big") for slot in range(8))


@pytest.mark.parametrize("signatures", [[], [b"", b""]])
def test_reverts_when_lists_differ(book: Any, order: Any, stranger: Any, signatures: Any) -> None:
    with reverts_with("ListsDiffer", 1, len(signatures)):
        book.publish([words(order)], signatures, {"from": stranger})
