"""publishBatch: what a solver says of a batch, under its own name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import reverts_with

ONE = 10**18
BATCH = b"\x07" * 32


def test_emits_what_the_sender_says(book: Any, acme: Any, beta: Any, stranger: Any) -> None:
    goods = [(acme.address, 0), (beta.address, 1_900_000_000)]
    transaction = book.publishBatch(
        BATCH, goods, [ONE, 2 * ONE], ONE // 100, 5 * ONE, 6 * ONE, {"from": stranger}
    )
    event = transaction.events["BatchPublished"]
    assert event["solver"] == stranger
    assert event["batchId"] == "0x" + BATCH.hex()
    assert [tuple(good) for good in event["goods"]] == goods
    assert list(event["prices"]) == [ONE, 2 * ONE]
    assert (event["smoothing"], event["surplus"], event["bound"]) == (ONE // 100, 5 * ONE, 6 * ONE)


@pytest.mark.parametrize("prices", [[], [1, 2]])
def test_reverts_when_lists_differ(book: Any, acme: Any, stranger: Any, prices: Any) -> None:
    with reverts_with("ListsDiffer", 1, len(prices)):
        book.publishBatch(BATCH, [(acme.address, 0)], prices, 0, 0, 0, {"from": stranger})
