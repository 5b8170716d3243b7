"""issuePending: pending points out of a grant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import DAY, LANE, ZERO_ADDRESS, batch, next_block_at, now, reverts_with

BATCH = "0x" + "ba" * 32
OTHER = "0x" + "cd" * 32


@pytest.fixture(autouse=True)
def grant(granted: Any) -> None:
    """The issuer's grant 1 has 100 points."""


@pytest.fixture
def matures_at() -> int:
    """In twenty days."""
    return now() + 20 * DAY


def test_charges_the_sum(matures_at: int, token: Any, issuer: Any, customer: Any, buyer: Any) -> None:
    words = batch([(customer, 30), (buyer, 40)])
    events = token.issuePending(1, BATCH, matures_at, words, {"from": issuer}).events
    assert [dict(event) for event in events["PendingIssued"]] == [
        {"issuer": issuer, "id": number, "customer": to, "amount": amount, "maturesAt": matures_at}
        for number, (to, amount) in enumerate([(customer, 30), (buyer, 40)])
    ]
    assert events["BatchPending"] == {
        "issuer": issuer,
        "batchId": BATCH,
        "firstId": 0,
        "recipients": 2,
        "amount": 70,
    }
    assert token.grantOf(issuer, 1)[0] == 30
    assert token.liability()[2:] == (70, 0)
    assert token.balanceOf(customer) == token.totalSupply() == 0


def test_each_issuer_counts_its_own_ids(
    matures_at: int, token: Any, brand: Any, issuer: Any, customer: Any, stranger: Any
) -> None:
    token.setGrant(stranger, 1, 100, 0, 0, {"from": brand})
    words = batch([(customer, 1), (customer, 2)])
    token.mintPending(BATCH, matures_at, words, {"from": brand})
    token.issuePending(1, BATCH, matures_at, words, {"from": issuer})
    assert token.issuePending.call(1, BATCH, matures_at, words, {"from": stranger}) == 0
    assert token.issuePending.call(1, OTHER, matures_at, words, {"from": issuer}) == 2
    assert [token.pendingOf(one, 1)[1] for one in (ZERO_ADDRESS, issuer, stranger)] == [2, 2, 0]


def test_what_is_cancelled_does_not_come_back_to_the_grant(
    matures_at: int, token: Any, issuer: Any, customer: Any
) -> None:
    token.issuePending(1, BATCH, matures_at, batch([(customer, 100)]), {"from": issuer})
    token.cancelPending(issuer, 0, 100, {"from": issuer})
    with reverts_with("GrantExceeded", issuer, 1, 0, 1):
        token.issuePending(1, OTHER, matures_at, batch([(customer, 1)]), {"from": issuer})


def test_keeps_to_the_cap_of_a_day(
    matures_at: int, token: Any, brand: Any, issuer: Any, customer: Any
) -> None:
    token.setGrant(issuer, 1, 100, 50, 0, {"from": brand})
    token.issuePending(1, BATCH, matures_at, batch([(customer, 40)]), {"from": issuer})
    with reverts_with("DayCapExceeded", issuer, 1, 10, 11):
        token.issuePending(1, OTHER, matures_at, batch([(customer, 11)]), {"from": issuer})


def test_reverts_when_the_sum_exceeds_the_grant(
    matures_at: int, token: Any, issuer: Any, customer: Any
) -> None:
    with reverts_with("GrantExceeded", issuer, 1, 100, 101):
        token.issuePending(1, BATCH, matures_at, batch([(customer, 50), (customer, 51)]), {"from": issuer})
    assert token.liability()[2] == 0
    assert not token.referenceUsed(issuer, BATCH)


def test_reverts_out_of_a_locked_grant(
    matures_at: int, token: Any, brand: Any, issuer: Any, customer: Any, stranger: Any
) -> None:
    """What was promised for sure cannot be taken back; also not after the lock, before it is released."""
    until = now() + 1_000
    token.setGrant(issuer, 1, 100, 0, until, {"from": brand})
    words = batch([(customer, 1)])
    for moment in (until, until + 1):
        next_block_at(moment)
        with reverts_with("GrantLocked", issuer, 1, until):
            token.issuePending(1, BATCH, matures_at, words, {"from": issuer})
    token.releaseGrant(issuer, 1, {"from": stranger})
    with reverts_with("GrantExceeded", issuer, 1, 0, 1):
        token.issuePending(1, BATCH, matures_at, words, {"from": issuer})


def test_reverts_when_it_has_no_place(
    matures_at: int, token: Any, brand: Any, issuer: Any, customer: Any
) -> None:
    token.mint(brand, LANE - 10, {"from": brand})
    with reverts_with("NoHeadroom", 10, 11):
        token.issuePending(1, BATCH, matures_at, batch([(customer, 11)]), {"from": issuer})
    token.issuePending(1, BATCH, matures_at, batch([(customer, 10)]), {"from": issuer})


def test_reverts_when_it_would_mature_at_once(token: Any, issuer: Any, customer: Any) -> None:
    moment = now() + 1_000
    next_block_at(moment)
    with reverts_with("MaturityOutOfRange", moment):
        token.issuePending(1, BATCH, moment, batch([(customer, 1)]), {"from": issuer})


def test_reverts_when_sent_again(matures_at: int, token: Any, issuer: Any, customer: Any) -> None:
    """Also as another kind of issue."""
    words = batch([(customer, 10)])
    token.issuePending(1, BATCH, matures_at, words, {"from": issuer})
    with reverts_with("ReferenceUsed", issuer, BATCH):
        token.issuePending(1, BATCH, matures_at, words, {"from": issuer})
    with reverts_with("ReferenceUsed", issuer, BATCH):
        token.issueBatch(1, BATCH, words, {"from": issuer})
    with reverts_with("ReferenceUsed", issuer, BATCH):
        token.issue(1, customer, 1, BATCH, {"from": issuer})


def test_reverts_without_reference(matures_at: int, token: Any, issuer: Any, customer: Any) -> None:
    with reverts_with("ReferenceMissing"):
        token.issuePending(1, "0x" + "00" * 32, matures_at, batch([(customer, 1)]), {"from": issuer})


@pytest.mark.parametrize("amounts", [(), (0,), (5, 0)])
def test_reverts_when_nothing_is_promised(
    matures_at: int, token: Any, issuer: Any, customer: Any, amounts: tuple[int, ...]
) -> None:
    with reverts_with("ZeroAmount"):
        words = batch([(customer, amount) for amount in amounts])
        token.issuePending(1, BATCH, matures_at, words, {"from": issuer})


def test_reverts_when_one_receiver_is_refused(
    matures_at: int, token: Any, issuer: Any, customer: Any, refused: Any
) -> None:
    with reverts_with("ERC20InvalidReceiver", refused):
        token.issuePending(1, BATCH, matures_at, batch([(customer, 1), (refused, 1)]), {"from": issuer})


def test_reverts_without_a_grant(matures_at: int, token: Any, brand: Any, customer: Any) -> None:
    with reverts_with("GrantExceeded", brand, 1, 0, 1):
        token.issuePending(1, BATCH, matures_at, batch([(customer, 1)]), {"from": brand})
