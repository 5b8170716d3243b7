"""issueOneTo: as issueTo, to one recipient."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import batch, reverts_with


@pytest.fixture
def locked(token: Any, brand: Any, issuer: Any, chain: Any) -> Any:
    """Grant 1 of the issuer: 100, locked for a day."""
    token.setGrant(issuer, 1, 100, 0, chain[-1].timestamp + 86_400, {"from": brand})
    return token


def one(who: Any, amount: int) -> int:
    return int(batch([(who, amount)])[0])


def test_charges_the_grant_and_says_what_is_left(locked: Any, issuer: Any, customer: Any) -> None:
    for amount, left in ((30, 70), (70, 0)):
        transaction = locked.issueOneTo(1, one(customer, amount), {"from": issuer})
        assert transaction.return_value == left
        assert locked.grantOf(issuer, 1)[0] == left
        assert locked.balanceOf(customer) == locked.totalSupply() == 100 - left


def test_emits_a_transfer_alone(locked: Any, issuer: Any, customer: Any) -> None:
    events = locked.issueOneTo(1, one(customer, 30), {"from": issuer}).events
    assert [(event["to"], event["value"]) for event in events["Transfer"]] == [(customer, 30)]
    assert set(events.keys()) == {"Transfer"}


def test_reverts_without_a_lock(token: Any, brand: Any, issuer: Any, customer: Any) -> None:
    token.setGrant(issuer, 1, 100, 0, 0, {"from": brand})
    with reverts_with("IssueWithoutLock", issuer, 1):
        token.issueOneTo(1, one(customer, 1), {"from": issuer})


def test_reverts_when_it_exceeds_the_grant(locked: Any, issuer: Any, customer: Any) -> None:
    for amount in (101, 2**96 - 1):
        with reverts_with("GrantExceeded", issuer, 1, 100, amount):
            locked.issueOneTo(1, one(customer, amount), {"from": issuer})


def test_reverts_when_nothing_is_issued(locked: Any, issuer: Any, customer: Any) -> None:
    with reverts_with("ZeroAmount"):
        locked.issueOneTo(1, one(customer, 0), {"from": issuer})


def test_reverts_when_the_receiver_is_refused(locked: Any, issuer: Any, refused: Any) -> None:
    with reverts_with("ERC20InvalidReceiver", refused):
        locked.issueOneTo(1, one(refused, 1), {"from": issuer})
