"""setGrant: what an issuer may issue; under a lock only upwards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import LANE, next_block_at, now, reverts_with

NO_RECEIPT = "0x" + "00" * 32


@pytest.fixture
def lock(token: Any, brand: Any, issuer: Any) -> int:
    """Until when grant 1, 100 points with a cap of 30, is locked."""
    until = now() + 1_000
    token.setGrant(issuer, 1, 100, 30, until, {"from": brand})
    return until


def test_stores_and_tells(token: Any, brand: Any, issuer: Any) -> None:
    until = now() + 1_000
    events = token.setGrant(issuer, 1, 100, 30, until, {"from": brand}).events
    assert events["GrantSet"] == {
        "issuer": issuer,
        "id": 1,
        "amount": 100,
        "capPerDay": 30,
        "lockedUntil": until,
    }
    assert tuple(token.grantOf(issuer, 1)) == (100, until, 30, 0)
    assert token.liability()[3] == 100


@pytest.mark.parametrize(("amount", "cap", "later"), [(101, 30, 0), (100, 31, 0), (100, 0, 0), (100, 30, 1)])
def test_raises_under_a_lock(
    lock: int, token: Any, brand: Any, issuer: Any, amount: int, cap: int, later: int
) -> None:
    token.setGrant(issuer, 1, amount, cap, lock + later, {"from": brand})
    assert tuple(token.grantOf(issuer, 1)) == (amount, lock + later, cap, 0)


@pytest.mark.parametrize(("amount", "cap", "later"), [(99, 30, 0), (100, 29, 0), (100, 30, -1)])
def test_reverts_when_lowered_under_a_lock(
    lock: int, token: Any, brand: Any, issuer: Any, amount: int, cap: int, later: int
) -> None:
    with reverts_with("GrantLocked", issuer, 1, lock):
        token.setGrant(issuer, 1, amount, cap, lock + later, {"from": brand})


def test_a_lock_holds_until_its_last_second(lock: int, token: Any, brand: Any, issuer: Any) -> None:
    for moment in (lock - 1, lock):
        next_block_at(moment)
        with reverts_with("GrantLocked", issuer, 1, lock):
            token.setGrant(issuer, 1, 0, 0, 0, {"from": brand})
    next_block_at(lock + 1)
    token.setGrant(issuer, 1, 0, 0, 0, {"from": brand})
    assert token.liability()[3] == 0


def test_a_grant_without_lock_is_stopped_at_once(token: Any, brand: Any, issuer: Any, customer: Any) -> None:
    token.setGrant(issuer, 1, 100, 0, 0, {"from": brand})
    token.setGrant(issuer, 1, 0, 0, 0, {"from": brand})
    with reverts_with("GrantExceeded", issuer, 1, 0, 1):
        token.issue(1, customer, 1, NO_RECEIPT, {"from": issuer})


def test_refilling_does_not_overbook_the_lot(token: Any, brand: Any, issuer: Any, customer: Any) -> None:
    until = now() + 1_000
    token.setGrant(issuer, 1, 100, 0, until, {"from": brand})
    token.mint(customer, LANE - 100, {"from": brand})
    token.issue(1, customer, 60, NO_RECEIPT, {"from": issuer})
    with reverts_with("NoHeadroom", 40, 100):
        token.setGrant(issuer, 1, 100, 0, until, {"from": brand})
    token.setGrant(issuer, 1, 40, 0, until, {"from": brand})
    token.issue(1, customer, 40, NO_RECEIPT, {"from": issuer})


@pytest.mark.parametrize(("amount", "cap", "wrong"), [(LANE + 1, 0, LANE + 1), (1, LANE + 2, LANE + 2)])
def test_reverts_when_too_large(
    token: Any, brand: Any, issuer: Any, amount: int, cap: int, wrong: int
) -> None:
    with reverts_with("AmountTooLarge", wrong):
        token.setGrant(issuer, 1, amount, cap, 0, {"from": brand})
    token.setGrant(issuer, 1, LANE, LANE, 0, {"from": brand})


def test_reverts_when_the_lock_lies_in_the_past(token: Any, brand: Any, issuer: Any) -> None:
    moment = now() + 100
    next_block_at(moment)
    with reverts_with("LockOutOfRange", moment - 1):
        token.setGrant(issuer, 1, 1, 0, moment - 1, {"from": brand})
    next_block_at(moment + 1)
    token.setGrant(issuer, 1, 1, 0, moment + 1, {"from": brand})


def test_reverts_when_the_lock_is_too_late(token: Any, brand: Any, issuer: Any) -> None:
    with reverts_with("LockOutOfRange", 2**40):
        token.setGrant(issuer, 1, 1, 0, 2**40, {"from": brand})
    token.setGrant(issuer, 1, 1, 0, 2**40 - 1, {"from": brand})


def test_reverts_when_somebody_else_sets(token: Any, issuer: Any) -> None:
    with reverts_with("Unauthorized"):
        token.setGrant(issuer, 1, 1, 0, 0, {"from": issuer})
