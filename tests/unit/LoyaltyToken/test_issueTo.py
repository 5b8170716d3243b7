"""issueTo: out of a locked grant, without a reference and without an event but the transfers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import batch, reverts_with


@pytest.fixture
def locked(token: Any, brand: Any, issuer: Any, chain: Any) -> Any:
    """Grant 1 of the issuer: 100, locked for a day."""
    token.setGrant(issuer, 1, 100, 0, chain[-1].timestamp + 86_400, {"from": brand})
    return token


def test_charges_the_grant_and_says_what_is_left(locked: Any, issuer: Any, customer: Any, buyer: Any) -> None:
    transaction = locked.issueTo(1, batch([(customer, 30), (buyer, 40)]), {"from": issuer})
    assert transaction.return_value == 30
    assert locked.grantOf(issuer, 1)[0] == 30
    assert (locked.balanceOf(customer), locked.balanceOf(buyer)) == (30, 40)


def test_emits_transfers_alone(locked: Any, issuer: Any, customer: Any, buyer: Any) -> None:
    events = locked.issueTo(1, batch([(customer, 30), (buyer, 40)]), {"from": issuer}).events
    assert [(event["to"], event["value"]) for event in events["Transfer"]] == [(customer, 30), (buyer, 40)]
    assert set(events.keys()) == {"Transfer"}


def test_reverts_without_a_lock(token: Any, brand: Any, issuer: Any, customer: Any) -> None:
    token.setGrant(issuer, 1, 100, 0, 0, {"from": brand})
    with reverts_with("IssueWithoutLock", issuer, 1):
        token.issueTo(1, batch([(customer, 1)]), {"from": issuer})


def test_reverts_when_the_sum_exceeds_the_grant(locked: Any, issuer: Any, customer: Any) -> None:
    with reverts_with("GrantExceeded", issuer, 1, 100, 101):
        locked.issueTo(1, batch([(customer, 50), (customer, 51)]), {"from": issuer})


def test_reverts_when_nothing_is_issued(locked: Any, issuer: Any) -> None:
    with reverts_with("ZeroAmount"):
        locked.issueTo(1, [], {"from": issuer})


def test_reverts_when_one_receiver_is_refused(locked: Any, issuer: Any, customer: Any, refused: Any) -> None:
    with reverts_with("ERC20InvalidReceiver", refused):
        locked.issueTo(1, batch([(customer, 1), (refused, 1)]), {"from": issuer})
