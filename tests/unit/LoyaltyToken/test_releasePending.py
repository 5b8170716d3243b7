"""releasePending: mature points become the customers' own, in the lot of the epoch in which they matured."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import DAY, LANE, MAX_UINT256, ZERO_ADDRESS, batch, next_block_at, now, reverts_with

BATCH = "0x" + "ba" * 32
RECEIPT = "0x" + "ab" * 32


def test_gives_each_what_is_hers(
    granted: Any, token: Any, totals: Any, issuer: Any, customer: Any, buyer: Any, stranger: Any
) -> None:
    matures_at = now() + 1_000
    words = batch([(customer, 10), (buyer, 20), (customer, 30)])
    token.issuePending(1, BATCH, matures_at, words, {"from": issuer})
    token.cancelPending(issuer, 2, 5, {"from": issuer})
    next_block_at(matures_at)
    events = token.releasePending(issuer, [2, 0, 1], {"from": stranger}).events
    assert [dict(event) for event in events["PendingReleased"]] == [
        {"issuer": issuer, "id": number, "amount": amount} for number, amount in ((2, 25), (0, 10), (1, 20))
    ]
    assert [dict(event) for event in events["Transfer"]] == [
        {"from": ZERO_ADDRESS, "to": to, "value": value}
        for to, value in ((customer, 25), (customer, 10), (buyer, 20))
    ]
    assert (token.balanceOf(customer), token.balanceOf(buyer)) == (35, 20)
    assert totals() == (55, 55, 0, 0)
    assert token.liability()[2:] == (0, 0)
    assert [token.pendingOf(issuer, number)[1] for number in range(3)] == [0, 0, 0]


def test_the_customer_needs_nobody(promise: Any, token: Any, customer: Any) -> None:
    next_block_at(promise(10))
    token.releasePending(ZERO_ADDRESS, [0], {"from": customer})
    assert token.balanceOf(customer) == 10


def test_reverts_before_it_matures(promise: Any, token: Any, brand: Any, customer: Any) -> None:
    """Also when others are mature."""
    promise(10, seconds=100)
    matures_at = promise(20)
    for ids in ([1], [0, 1]):
        with reverts_with("NotMature", ZERO_ADDRESS, 1, matures_at):
            next_block_at(matures_at - 10 if ids == [1] else matures_at - 1)
            token.releasePending(ZERO_ADDRESS, ids, {"from": brand})
    assert token.balanceOf(customer) == 0
    next_block_at(matures_at)
    token.releasePending(ZERO_ADDRESS, [0, 1], {"from": brand})
    assert token.balanceOf(customer) == 30


@pytest.mark.parametrize("epoch", [0, 1, 2, 3])
def test_goes_into_the_lot_of_its_maturity_whenever_it_is_released(
    promise: Any, token: Any, lots: Any, enter: Any, customer: Any, epoch: int
) -> None:
    matures_at = promise(10)
    if epoch:
        enter(epoch)
    else:
        next_block_at(matures_at)
    token.releasePending(ZERO_ADDRESS, [0], {"from": customer})
    assert token.balanceOfAtEpoch(0, customer) == 10
    assert lots(customer) == tuple(10 if lot == 3 - epoch else 0 for lot in range(4))
    assert (token.totalSupply(), tuple(token.liability()[0])) == (10, lots(customer))
    enter(4)
    assert token.balanceOf(customer) == 0


@pytest.mark.parametrize("early", [1, 0])
def test_the_epoch_is_that_of_the_second_of_maturity(
    promise: Any, token: Any, enter: Any, customer: Any, early: int
) -> None:
    matures_at = token.origin() + 2 * token.epochLength() - early
    promise(10, seconds=matures_at - now())
    enter(3)
    token.releasePending(ZERO_ADDRESS, [0], {"from": customer})
    assert token.balanceOfAtEpoch(2 - early, customer) == 10
    assert token.balanceOfAtEpoch(1 + early, customer) == 0


def test_several_lots_at_once(
    promise: Any, token: Any, totals: Any, lots: Any, enter: Any, brand: Any, customer: Any
) -> None:
    """Beside points that the customer has in each."""
    for amount, days in ((1, 1), (2, 31), (3, 61), (4, 91), (5, 121), (6, 1)):
        promise(amount, seconds=days * DAY)
    for epoch in range(1, 5):
        enter(epoch)
        token.mint(customer, 10 * epoch, {"from": brand})
    # They matured in the epochs 0, 1, 2, 3, 4, 0, and 0 has expired; the fifth a day ago.
    next_block_at(now() + 2 * DAY)
    token.releasePending(ZERO_ADDRESS, list(range(6)), {"from": customer})
    assert lots(customer) == (12, 23, 34, 45)
    assert totals() == (114, 114, 0, 0)


@pytest.mark.parametrize("epoch", [4, 5, 1_000])
def test_is_gone_when_its_lot_has_expired(
    promise: Any, token: Any, totals: Any, enter: Any, brand: Any, customer: Any, epoch: int
) -> None:
    """Nobody had it, so it counts neither as issued nor as expired."""
    promise(LANE)
    enter(epoch)
    events = token.releasePending(ZERO_ADDRESS, [0], {"from": customer}).events
    assert events["PendingReleased"] == {"issuer": ZERO_ADDRESS, "id": 0, "amount": 0}
    assert "Transfer" not in events
    assert (token.balanceOf(customer), totals(), token.liability()[2]) == (0, (0, 0, 0, 0), 0)
    assert token.pendingOf(ZERO_ADDRESS, 0) == (ZERO_ADDRESS, 0, 0)
    token.mint(brand, LANE, {"from": brand})


def test_in_the_last_second_of_its_lot(promise: Any, token: Any, customer: Any) -> None:
    promise(10, 20)
    next_block_at(token.expiryOf(0) - 1)
    token.releasePending(ZERO_ADDRESS, [0], {"from": customer})
    next_block_at(token.expiryOf(0))
    token.releasePending(ZERO_ADDRESS, [1], {"from": customer})
    assert tuple(token.totals()) == (10, 0, 0, 10)


def test_passes_over_what_ended_before(promise: Any, token: Any, brand: Any, customer: Any) -> None:
    """Released, cancelled, never there, twice in the list."""
    matures_at = promise(1, 2, 4, 8)
    token.cancelPending(ZERO_ADDRESS, 1, 2, {"from": brand})
    next_block_at(matures_at)
    token.releasePending(ZERO_ADDRESS, [0], {"from": customer})
    events = token.releasePending(ZERO_ADDRESS, [0, 1, 2, 2, 99, MAX_UINT256], {"from": customer}).events
    assert [dict(event) for event in events["PendingReleased"]] == [
        {"issuer": ZERO_ADDRESS, "id": 2, "amount": 4}
    ]
    assert token.balanceOf(customer) == 5
    assert token.liability()[2] == 8


def test_releasing_nothing_is_nothing(promise: Any, token: Any, totals: Any, stranger: Any) -> None:
    promise(10)
    for issuer, ids in ((ZERO_ADDRESS, []), (ZERO_ADDRESS, [7]), (stranger, [0])):
        assert not token.releasePending(issuer, ids, {"from": stranger}).events
    assert (token.liability()[2], totals()) == (10, (0, 0, 0, 0))


@pytest.mark.parametrize("filled", ["mintAtEpoch", "giveBack"])
def test_keeps_its_place_in_a_lot_of_an_earlier_epoch(
    promise: Any, token: Any, enter: Any, brand: Any, customer: Any, buyer: Any, filled: str
) -> None:
    """The brand cannot fill the lot of its maturity before somebody releases it."""
    token.mint(buyer, LANE - 100, {"from": brand})
    token.redeem(LANE - 100, RECEIPT, {"from": buyer})
    promise(100)
    enter(2)
    if filled == "mintAtEpoch":
        with reverts_with("NoHeadroom", LANE, LANE + 1):
            token.mintAtEpoch(BATCH, 0, batch([(buyer, LANE - 99)]), {"from": brand})
        token.mintAtEpoch(BATCH, 0, batch([(buyer, LANE - 100)]), {"from": brand})
    else:
        token.mintAtEpoch(BATCH, 0, batch([(buyer, 1)]), {"from": brand})
        with reverts_with("NoHeadroom", LANE, LANE + 1):
            token.giveBack(buyer, RECEIPT, LANE - 100, {"from": brand})
        token.giveBack(buyer, RECEIPT, LANE - 101, {"from": brand})
    token.releasePending(ZERO_ADDRESS, [0], {"from": customer})
    assert token.balanceOfAtEpoch(0, customer) == 100
    assert token.totalSupply() == LANE


def test_frees_no_more_than_its_place(promise: Any, token: Any, brand: Any, customer: Any) -> None:
    """Released points stand in the lot instead."""
    next_block_at(promise(100))
    token.releasePending(ZERO_ADDRESS, [0], {"from": customer})
    with reverts_with("NoHeadroom", LANE - 100, LANE - 99):
        token.mint(brand, LANE - 99, {"from": brand})
    token.mint(brand, LANE - 100, {"from": brand})


def test_points_that_never_expire(create_token: Any, brand: Any, customer: Any) -> None:
    token = create_token(epoch_length=0)
    matures_at = now() + 1_000
    token.mintPending(BATCH, matures_at, batch([(customer, 10)]), {"from": brand})
    next_block_at(matures_at + 500 * 365 * DAY)
    token.releasePending(ZERO_ADDRESS, [0], {"from": customer})
    assert token.balanceOf(customer) == 10


def test_what_was_released_can_be_spent(promise: Any, token: Any, customer: Any, buyer: Any) -> None:
    next_block_at(promise(30))
    token.releasePending(ZERO_ADDRESS, [0], {"from": customer})
    token.transfer(buyer, 10, {"from": customer})
    token.redeem(20, RECEIPT, {"from": customer})
    assert tuple(token.totals()) == (30, 10, 20, 0)
