"""cancel and cancelFor: orders ended by their nonces."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import nonce, reverts_with, sign
from tests.orders import digest, words


@pytest.fixture
def orders(create_order: Any, acme: Any, beta: Any, customer: Any) -> Any:
    """A whole order and a partial one."""
    return [create_order(customer, acme, 100, beta, 80, allowPartial=parts) for parts in (False, True)]


@pytest.fixture
def message(orders: Any, customer: Any) -> Any:
    return {
        "maker": customer.address,
        "wholeNonces": [orders[0]["nonce"]],
        "partialNonces": [orders[1]["nonce"]],
    }


def _assert_ended(exchange: Any, take: Any, orders: Any, customer: Any) -> None:
    assert [exchange.remainingOf(words(order)) for order in orders] == [0, 0]
    with reverts_with("NonceUsed", customer, orders[0]["nonce"]):
        take(orders[0], 100)
    with reverts_with("Overfilled", customer, orders[1]["nonce"], 0, 1):
        take(orders[1], 1)


def test_maker_ends_her_orders(exchange: Any, take: Any, orders: Any, message: Any, customer: Any) -> None:
    nonces = (message["wholeNonces"], message["partialNonces"])
    transaction = exchange.cancel(*nonces, {"from": customer})
    assert transaction.events["OrdersCancelled"] == {
        "maker": customer, "wholeNonces": nonces[0], "partialNonces": nonces[1]
    }  # fmt: skip
    _assert_ended(exchange, take, orders, customer)


def test_anyone_ends_them_by_her_signature(
    exchange: Any, take: Any, orders: Any, message: Any, customer: Any, stranger: Any
) -> None:
    signature = sign(customer, exchange, "Cancel", message)
    transaction = exchange.cancelFor(*message.values(), signature, {"from": stranger})
    assert transaction.events["OrdersCancelled"] == message
    _assert_ended(exchange, take, orders, customer)


def test_signature_again_does_nothing(exchange: Any, message: Any, customer: Any, stranger: Any) -> None:
    signature = sign(customer, exchange, "Cancel", message)
    for _ in range(2):
        exchange.cancelFor(*message.values(), signature, {"from": stranger})
    assert exchange.wholeWordOf(customer, 0) == 1
    assert exchange.partialWordOf(customer, 1) == 2**128 - 1


def test_attack_07_cancelling_raced_by_filling(
    exchange: Any, take: Any, orders: Any, message: Any, customer: Any, stranger: Any
) -> None:
    take(orders[1], 60)
    signature = sign(customer, exchange, "Cancel", message)
    exchange.cancelFor(*message.values(), signature, {"from": stranger})
    with reverts_with("Overfilled", customer, orders[1]["nonce"], 0, 1):
        take(orders[1], 1)


def test_a_filled_order_does_not_keep_others_alive(
    exchange: Any, take: Any, orders: Any, message: Any, customer: Any
) -> None:
    take(orders[0], 100)
    exchange.cancel(message["wholeNonces"], message["partialNonces"], {"from": customer})
    assert exchange.remainingOf(words(orders[1])) == 0


def test_stranger_ends_only_his_own(exchange: Any, orders: Any, message: Any, stranger: Any) -> None:
    exchange.cancel(message["wholeNonces"], message["partialNonces"], {"from": stranger})
    assert [exchange.remainingOf(words(order)) for order in orders] == [100, 100]


def test_reverts_when_not_signed_by_the_maker(
    exchange: Any, message: Any, customer: Any, stranger: Any
) -> None:
    signature = sign(stranger, exchange, "Cancel", message)
    with reverts_with("NotSignedByMaker", customer, digest(exchange, "Cancel", message)):
        exchange.cancelFor(*message.values(), signature, {"from": stranger})


def test_reverts_when_signed_for_all(exchange: Any, message: Any, customer: Any, stranger: Any) -> None:
    """Cancel and CancelAll have the same fields by other names."""
    other = dict(zip(("maker", "wholeSeries", "partialSeries"), message.values(), strict=True))
    signature = sign(customer, exchange, "CancelAll", other)
    with reverts_with("NotSignedByMaker", customer, digest(exchange, "Cancel", message)):
        exchange.cancelFor(*message.values(), signature, {"from": stranger})


@pytest.mark.parametrize("domain", [{"chainId": 1}, {"verifyingContract": "0x" + "11" * 20}])
def test_attack_01_02_reverts_when_signed_elsewhere(
    exchange: Any, message: Any, customer: Any, stranger: Any, domain: Any
) -> None:
    signature = sign(customer, exchange, "Cancel", message, **domain)
    with reverts_with("NotSignedByMaker", customer, digest(exchange, "Cancel", message)):
        exchange.cancelFor(*message.values(), signature, {"from": stranger})


def test_reverts_when_an_index_is_too_large(exchange: Any, customer: Any) -> None:
    exchange.cancel([223], [], {"from": customer})
    with reverts_with("NonceIndexTooLarge", 224):
        exchange.cancel([224], [], {"from": customer})
    with reverts_with("NonceIndexTooLarge", 1):
        exchange.cancel([], [1], {"from": customer})


@pytest.mark.parametrize("lists", [([nonce(series=1)], []), ([], [nonce(series=1)])])
def test_reverts_when_a_series_has_not_begun(exchange: Any, customer: Any, lists: Any) -> None:
    with reverts_with("NonceNotCurrent", customer, nonce(series=1), 0):
        exchange.cancel(*lists, {"from": customer})
