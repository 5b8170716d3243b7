"""cancelPending: a purchase is returned, in part or whole, before its points mature."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import DAY, LANE, MAX_UINT256, ZERO_ADDRESS, batch, next_block_at, now, reverts_with

BATCH = "0x" + "ba" * 32


@pytest.fixture
def issued(granted: Any, issuer: Any, customer: Any) -> int:
    """When the issuer's purchase 0 matures, of 50 points."""
    matures_at = now() + 1_000
    granted.issuePending(1, BATCH, matures_at, batch([(customer, 50)]), {"from": issuer})
    return matures_at


def test_takes_off_a_part_and_then_the_rest(
    issued: int, token: Any, totals: Any, issuer: Any, customer: Any
) -> None:
    for part, left in ((20, 30), (29, 1)):
        events = token.cancelPending(issuer, 0, part, {"from": issuer}).events
        assert events["PendingCancelled"] == {"issuer": issuer, "id": 0, "amount": part}
        assert token.pendingOf(issuer, 0) == (customer, left, issued)
        assert token.liability()[2] == left
    token.cancelPending(issuer, 0, 1, {"from": issuer})
    assert token.pendingOf(issuer, 0) == (ZERO_ADDRESS, 0, 0)
    assert (token.liability()[2], totals()) == (0, (0, 0, 0, 0))


def test_leaves_the_others_alone(promise: Any, token: Any, brand: Any, customer: Any) -> None:
    matures_at = promise(10, 20, 30)
    token.cancelPending(ZERO_ADDRESS, 1, 20, {"from": brand})
    assert [token.pendingOf(ZERO_ADDRESS, number)[1] for number in range(3)] == [10, 0, 30]
    next_block_at(matures_at)
    token.releasePending(ZERO_ADDRESS, [0, 1, 2], {"from": brand})
    assert token.balanceOf(customer) == 40


def test_the_brand_cancels_what_an_issuer_promised(issued: int, token: Any, brand: Any, issuer: Any) -> None:
    token.cancelPending(issuer, 0, 50, {"from": brand})
    assert token.pendingOf(issuer, 0)[1] == 0


def test_an_issuer_cancels_also_when_its_grant_has_ended(
    issued: int, token: Any, brand: Any, issuer: Any
) -> None:
    token.setGrant(issuer, 1, 0, 0, 0, {"from": brand})
    token.cancelPending(issuer, 0, 50, {"from": issuer})
    assert token.pendingOf(issuer, 0)[1] == 0


def test_the_next_brand_cancels_and_the_last_does_not(
    issued: int, promise: Any, token: Any, brand: Any, issuer: Any, buyer: Any
) -> None:
    promise(10)
    token.requestOwnershipHandover({"from": buyer})
    token.completeOwnershipHandover(buyer, {"from": brand})
    for promised_by in (issuer, ZERO_ADDRESS):
        with reverts_with("NotTheIssuer", promised_by, brand):
            token.cancelPending(promised_by, 0, 10, {"from": brand})
        token.cancelPending(promised_by, 0, 10, {"from": buyer})


def test_can_be_cancelled_until_the_second_before(issued: int, token: Any, issuer: Any) -> None:
    next_block_at(issued - 1)
    token.cancelPending(issuer, 0, 10, {"from": issuer})
    assert token.pendingOf(issuer, 0)[1] == 40


@pytest.mark.parametrize("late", [0, 1, 200 * DAY])
def test_is_the_customers_from_that_second_on(
    issued: int, token: Any, brand: Any, issuer: Any, customer: Any, late: int
) -> None:
    for canceller in (issuer, brand):
        for amount in (1, 50):
            next_block_at(issued + late)
            with reverts_with("AlreadyMature", issuer, 0, issued):
                token.cancelPending(issuer, 0, amount, {"from": canceller})
            late += 10
    assert token.pendingOf(issuer, 0) == (customer, 50, issued)


def test_reverts_when_it_was_released(issued: int, token: Any, brand: Any, issuer: Any) -> None:
    next_block_at(issued)
    token.releasePending(issuer, [0], {"from": issuer})
    for canceller in (issuer, brand):
        with reverts_with("PendingExceeded", issuer, 0, 0, 1):
            token.cancelPending(issuer, 0, 1, {"from": canceller})


@pytest.mark.parametrize("amount", [51, LANE, 2**56 + 1, MAX_UINT256])
def test_reverts_when_more_is_cancelled_than_is_pending(
    issued: int, token: Any, issuer: Any, customer: Any, amount: int
) -> None:
    with reverts_with("PendingExceeded", issuer, 0, 50, amount):
        token.cancelPending(issuer, 0, amount, {"from": issuer})
    assert token.pendingOf(issuer, 0) == (customer, 50, issued)


def test_reverts_when_there_is_no_such_purchase(issued: int, token: Any, brand: Any, issuer: Any) -> None:
    for promised_by, number in ((issuer, 1), (issuer, MAX_UINT256), (ZERO_ADDRESS, 0)):
        with reverts_with("PendingExceeded", promised_by, number, 0, 1):
            token.cancelPending(promised_by, number, 1, {"from": brand})


def test_reverts_when_nothing_is_cancelled(issued: int, token: Any, issuer: Any) -> None:
    with reverts_with("ZeroAmount"):
        token.cancelPending(issuer, 0, 0, {"from": issuer})


def test_reverts_when_somebody_else_cancels(
    issued: int, promise: Any, token: Any, brand: Any, issuer: Any, customer: Any, stranger: Any
) -> None:
    """Another issuer, the customer herself, an issuer what the brand promised."""
    promise(10)
    token.setGrant(stranger, 1, 100, 0, 0, {"from": brand})
    for other in (stranger, customer):
        with reverts_with("NotTheIssuer", issuer, other):
            token.cancelPending(issuer, 0, 10, {"from": other})
    with reverts_with("NotTheIssuer", ZERO_ADDRESS, issuer):
        token.cancelPending(ZERO_ADDRESS, 0, 10, {"from": issuer})


def test_frees_its_place_in_the_lot(promise: Any, token: Any, brand: Any) -> None:
    promise(100)
    token.cancelPending(ZERO_ADDRESS, 0, 60, {"from": brand})
    with reverts_with("NoHeadroom", LANE - 40, LANE - 39):
        token.mint(brand, LANE - 39, {"from": brand})
    token.cancelPending(ZERO_ADDRESS, 0, 40, {"from": brand})
    token.mint(brand, LANE, {"from": brand})
