"""pendingOf: what is pending of a purchase, whose it will be, and when."""

from __future__ import annotations

from typing import Any

from tests.helpers import DAY, LANE, MAX_UINT256, ZERO_ADDRESS, batch, next_block_at, now, travel_to

NONE = (ZERO_ADDRESS, 0, 0)
LAST = "0x" + "ff" * 20


def test_there_is_nothing_at_first(token: Any, issuer: Any) -> None:
    for number in (0, MAX_UINT256):
        assert token.pendingOf(issuer, number) == NONE
        assert token.pendingOf(ZERO_ADDRESS, number) == NONE


def test_figures_do_not_run_into_each_other(token: Any, brand: Any) -> None:
    """The largest of each, beside the smallest."""
    words = batch([(LAST, LANE - 1), ("0x" + "00" * 19 + "01", 1)])
    token.mintPending(b"\x01" * 32, 2**40 - 1, words, {"from": brand})
    assert token.pendingOf(ZERO_ADDRESS, 0) == (LAST, LANE - 1, 2**40 - 1)
    assert token.pendingOf(ZERO_ADDRESS, 1) == ("0x" + "00" * 19 + "01", 1, 2**40 - 1)
    token.cancelPending(ZERO_ADDRESS, 0, LANE - 2, {"from": brand})
    assert token.pendingOf(ZERO_ADDRESS, 0) == (LAST, 1, 2**40 - 1)


def test_issuers_have_their_own(granted: Any, promise: Any, token: Any, issuer: Any, buyer: Any) -> None:
    promise(10)
    matures_at = now() + DAY
    token.issuePending(1, b"\x01" * 32, matures_at, batch([(buyer, 5)]), {"from": issuer})
    assert token.pendingOf(issuer, 0) == (buyer, 5, matures_at)
    assert token.pendingOf(ZERO_ADDRESS, 0)[1] == 10


def test_stays_until_it_is_released(promise: Any, token: Any, customer: Any) -> None:
    """Whether it is mature, or its lot has expired."""
    matures_at = promise(10)
    for moment in (matures_at - 1, matures_at, token.expiryOf(0) - 1, token.expiryOf(0)):
        travel_to(moment)
        assert token.pendingOf(ZERO_ADDRESS, 0) == (customer, 10, matures_at)
        assert token.liability()[2] == 10
    token.releasePending(ZERO_ADDRESS, [0], {"from": customer})
    assert token.pendingOf(ZERO_ADDRESS, 0) == NONE


def test_shows_nothing_of_what_was_released(promise: Any, token: Any, customer: Any) -> None:
    next_block_at(promise(10, 20))
    token.releasePending(ZERO_ADDRESS, [0], {"from": customer})
    assert [token.pendingOf(ZERO_ADDRESS, number)[1] for number in range(2)] == [0, 20]
