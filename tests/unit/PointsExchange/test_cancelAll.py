"""cancelAll and cancelAllFor: whole series ended at once."""

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
    """Ends lane 0 of whole orders and the partial order's lane."""
    return {"maker": customer.address, "wholeSeries": [nonce()], "partialSeries": [orders[1]["nonce"]]}


def _assert_ended(exchange: Any, take: Any, orders: Any, customer: Any) -> None:
    assert [exchange.remainingOf(words(order)) for order in orders] == [0, 0]
    for order in orders:
        with reverts_with("NonceNotCurrent", customer, order["nonce"], 1):
            take(order, 100)
    for order in orders:
        order["nonce"] += nonce(series=1)
        take(order, 100)


def test_maker_ends_her_series_and_begins_the_next(
    exchange: Any, take: Any, orders: Any, message: Any, customer: Any
) -> None:
    series = (message["wholeSeries"], message["partialSeries"])
    transaction = exchange.cancelAll(*series, {"from": customer})
    assert transaction.events["SeriesCancelled"] == message
    _assert_ended(exchange, take, orders, customer)


def test_anyone_ends_them_by_her_signature(
    exchange: Any, take: Any, orders: Any, message: Any, customer: Any, stranger: Any
) -> None:
    signature = sign(customer, exchange, "CancelAll", message)
    transaction = exchange.cancelAllFor(*message.values(), signature, {"from": stranger})
    assert transaction.events["SeriesCancelled"] == message
    _assert_ended(exchange, take, orders, customer)


def test_signature_sent_late_ends_nothing_newer(
    exchange: Any, orders: Any, message: Any, customer: Any, stranger: Any
) -> None:
    signature = sign(customer, exchange, "CancelAll", message)
    exchange.cancelAll([nonce()], [], {"from": customer})
    for _ in range(2):
        exchange.cancelAllFor(*message.values(), signature, {"from": stranger})
    assert exchange.wholeWordOf(customer, 0) == 1 << 224
    assert exchange.partialWordOf(customer, 1) == 1 << 128


def test_stranger_ends_only_his_own(exchange: Any, orders: Any, message: Any, stranger: Any) -> None:
    exchange.cancelAll(message["wholeSeries"], message["partialSeries"], {"from": stranger})
    assert [exchange.remainingOf(words(order)) for order in orders] == [100, 100]


def test_reverts_when_not_signed_by_the_maker(
    exchange: Any, message: Any, customer: Any, stranger: Any
) -> None:
    signature = sign(stranger, exchange, "CancelAll", message)
    with reverts_with("NotSignedByMaker", customer, digest(exchange, "CancelAll", message)):
        exchange.cancelAllFor(*message.values(), signature, {"from": stranger})


@pytest.mark.parametrize("domain", [{"chainId": 1}, {"verifyingContract": "0x" + "11" * 20}])
def test_attack_01_02_reverts_when_signed_elsewhere(
    exchange: Any, message: Any, customer: Any, stranger: Any, domain: Any
) -> None:
    signature = sign(customer, exchange, "CancelAll", message, **domain)
    with reverts_with("NotSignedByMaker", customer, digest(exchange, "CancelAll", message)):
        exchange.cancelAllFor(*message.values(), signature, {"from": stranger})


@pytest.mark.parametrize("lists", [([1], []), ([], [1])])
def test_reverts_when_a_series_has_an_index(exchange: Any, customer: Any, lists: Any) -> None:
    with reverts_with("NonceIndexTooLarge", 1):
        exchange.cancelAll(*lists, {"from": customer})


@pytest.mark.parametrize("lists", [([nonce(series=1)], []), ([], [nonce(series=1)])])
def test_reverts_when_a_series_has_not_begun(exchange: Any, customer: Any, lists: Any) -> None:
    with reverts_with("NonceNotCurrent", customer, nonce(series=1), 0):
        exchange.cancelAll(*lists, {"from": customer})
