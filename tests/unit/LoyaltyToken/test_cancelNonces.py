"""cancelNonces: ends messages that were not used yet."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import nonce, reverts_with


def test_ends_these_and_no_others(token: Any, customer: Any, buyer: Any) -> None:
    ended = [nonce(index=5, lane=1), nonce(index=223, lane=2)]
    events = token.cancelNonces(ended, {"from": customer}).events
    assert events["NoncesCancelled"] == {"holder": customer, "nonces": ended}
    assert [token.nonceOpen(customer, one) for one in ended] == [False, False]
    assert [token.nonceOpen(buyer, one) for one in ended] == [True, True]
    assert token.nonceOpen(customer, nonce(index=4, lane=1))
    assert token.nonceOpen(customer, nonce(index=5, lane=2))


def test_passes_over_what_ended_before(token: Any, customer: Any) -> None:
    token.cancelNonces([5], {"from": customer})
    token.cancelNonces([5, 6], {"from": customer})
    assert not token.nonceOpen(customer, 6)


@pytest.mark.parametrize("index", [224, 2**64 - 1])
def test_reverts_when_out_of_range(token: Any, customer: Any, index: int) -> None:
    with reverts_with("NonceIndexTooLarge", index):
        token.cancelNonces([index], {"from": customer})


def test_reverts_when_of_another_series(token: Any, customer: Any) -> None:
    with reverts_with("NonceNotCurrent", customer, nonce(series=1), 0):
        token.cancelNonces([nonce(series=1)], {"from": customer})
