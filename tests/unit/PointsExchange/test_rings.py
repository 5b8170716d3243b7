"""settle, at size: rings of two to six, and a batch of thirty orders over four brands."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import nonce
from tests.orders import make_order, words

HELD = 1_000


@pytest.fixture(scope="module")
def makers(create_account: Any) -> Any:
    return [create_account(f"maker {i}") for i in range(6)]


@pytest.fixture(scope="module")
def tokens(create_token: Any, brand: Any, makers: Any) -> Any:
    """Six brands; each maker holds 1,000 points of each."""
    tokens = [create_token(name=f"Brand {i}", symbol=f"B{i}") for i in range(6)]
    for token in tokens:
        token.mintBatch(b"first", [HELD << 160 | int(maker.address, 16) for maker in makers], {"from": brand})
    return tokens


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
def test_ring(settle: Any, tokens: Any, makers: Any, exchange: Any, size: int) -> None:
    """Each gives points that only the next one wants: no two of them could trade for themselves."""
    amounts = [100 + 7 * i for i in range(size)]
    orders = [
        make_order(makers[i], tokens[i], amounts[i], tokens[(i + 1) % size], amounts[(i + 1) % size])
        for i in range(size)
    ]
    settle(orders, [(i, (i - 1) % size, amounts[i]) for i in range(size)])
    for i in range(size):
        following = (i + 1) % size
        assert tokens[i].balanceOf(makers[i]) == HELD - amounts[i]
        assert tokens[following].balanceOf(makers[i]) == HELD + amounts[following]
        assert tokens[i].balanceOf(exchange) == 0


def test_batch_of_thirty_over_four_brands(settle: Any, tokens: Any, makers: Any, exchange: Any) -> None:
    orders, transfers = [], []
    for i in range(0, 30, 2):
        one, other = tokens[i // 2 % 4], tokens[(i // 2 + 1 + i % 3) % 4]
        first, second = makers[i // 2 % 6], makers[(i // 2 + 1) % 6]
        orders.append(make_order(first, one, 10 + i, other, 5 + i, nonce=nonce(i)))
        orders.append(make_order(second, other, 6 + i, one, 10 + i, nonce=nonce(i + 1)))
        transfers += [(i, i + 1, 10 + i), (i + 1, i, 6 + i)]
    before = {(token, maker): token.balanceOf(maker) for token in tokens for maker in makers}
    transaction = settle(orders, transfers)
    assert len(transaction.events["OrderFilled"]) == 30
    assert all(exchange.remainingOf(words(order)) == 0 for order in orders)
    expected = dict(before)
    by_address = {token.address: token for token in tokens}
    for giver, receiver, amount in transfers:
        token = by_address[orders[giver]["giveToken"]]
        expected[token, _maker(makers, orders[giver])] -= amount
        expected[token, _maker(makers, orders[receiver])] += amount
    assert {(token, maker): token.balanceOf(maker) for token in tokens for maker in makers} == expected


def _maker(makers: Any, order: Any) -> Any:
    return next(maker for maker in makers if maker.address == order["maker"])
