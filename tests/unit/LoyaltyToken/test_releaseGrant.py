"""releaseGrant: gives back what a promise no longer needs; anyone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import LANE, next_block_at, now, reverts_with

NO_RECEIPT = "0x" + "00" * 32


@pytest.fixture
def lock(token: Any, brand: Any, issuer: Any, customer: Any) -> int:
    """Until when grant 1 is locked, of whose 100 points 60 were issued."""
    until = now() + 1_000
    token.setGrant(issuer, 1, 100, 0, until, {"from": brand})
    token.issue(1, customer, 60, NO_RECEIPT, {"from": issuer})
    return until


def test_brings_the_promise_down_to_what_is_left(lock: int, token: Any, issuer: Any, stranger: Any) -> None:
    assert token.liability()[3] == 100
    events = token.releaseGrant(issuer, 1, {"from": stranger}).events
    assert events["GrantReleased"] == {"issuer": issuer, "id": 1, "freed": 60}
    assert token.liability()[3] == 40
    assert tuple(token.grantOf(issuer, 1)) == (40, lock, 0, 0)


def test_ends_the_grant_after_its_date(lock: int, token: Any, issuer: Any, stranger: Any) -> None:
    next_block_at(lock)
    token.releaseGrant(issuer, 1, {"from": stranger})
    assert token.grantOf(issuer, 1)[0] == 40
    next_block_at(lock + 1)
    events = token.releaseGrant(issuer, 1, {"from": stranger}).events
    assert events["GrantReleased"]["freed"] == 40
    assert tuple(token.grantOf(issuer, 1)) == (0, 0, 0, 0)
    assert token.liability()[3] == 0


def test_does_not_fail_because_of_another(
    lock: int, token: Any, brand: Any, issuer: Any, customer: Any
) -> None:
    token.setGrant(issuer, 2, 200, 0, lock + 1_000, {"from": brand})
    token.mint(customer, LANE - 360, {"from": brand})
    token.issue(1, customer, 40, NO_RECEIPT, {"from": issuer})
    token.issue(2, customer, 200, NO_RECEIPT, {"from": issuer})
    assert (token.totalSupply(), token.liability()[3]) == (LANE - 60, 300)
    next_block_at(lock + 1)
    token.releaseGrant(issuer, 1, {"from": brand})
    token.releaseGrant(issuer, 2, {"from": brand})
    assert token.liability()[3] == 0
    token.mint(customer, 60, {"from": brand})


def test_reverts_when_the_grant_has_no_lock(token: Any, brand: Any, issuer: Any, stranger: Any) -> None:
    token.setGrant(issuer, 1, 100, 0, 0, {"from": brand})
    for grant in (1, 2):
        with reverts_with("GrantNotLocked", issuer, grant):
            token.releaseGrant(issuer, grant, {"from": stranger})
