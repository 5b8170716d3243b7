"""mintAtEpoch: a programme that moves here keeps its dates."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import LANE, MAX_UINT256, ZERO_ADDRESS, batch, next_block_at, now, reverts_with

BATCH = "0x" + "ba" * 32
OTHER = "0x" + "cd" * 32


@pytest.mark.parametrize("epoch", [3, 4, 5, 6])
def test_issues_into_each_lot_that_lives(
    token: Any, totals: Any, lots: Any, enter: Any, brand: Any, customer: Any, buyer: Any, epoch: int
) -> None:
    enter(6)
    words = batch([(customer, 10), (buyer, 20), (customer, 30)])
    events = token.mintAtEpoch(BATCH, epoch, words, {"from": brand}).events
    assert [dict(event) for event in events["Transfer"]] == [
        {"from": ZERO_ADDRESS, "to": to, "value": value}
        for to, value in ((customer, 10), (buyer, 20), (customer, 30))
    ]
    assert events["BatchIssuedAtEpoch"] == {
        "batchId": BATCH,
        "epoch": epoch,
        "recipients": 3,
        "amount": 60,
    }
    assert "BatchIssued" not in events
    assert (token.balanceOfAtEpoch(epoch, customer), token.balanceOfAtEpoch(epoch, buyer)) == (40, 20)
    assert lots(customer) == tuple(40 if lot == epoch - 3 else 0 for lot in range(4))
    assert totals() == (60, 60, 0, 0)
    next_block_at(token.expiryOf(epoch))
    brand.transfer(brand, 0)
    assert (token.balanceOf(customer), totals()) == (0, (60, 0, 0, 60))


def test_adds_to_what_is_there(
    token: Any, totals: Any, lots: Any, enter: Any, brand: Any, customer: Any
) -> None:
    for epoch in range(4):
        if epoch:
            enter(epoch)
        token.mint(customer, 10 * epoch, {"from": brand})
    for epoch in range(4):
        token.mintAtEpoch(bytes([epoch + 1] * 32), epoch, batch([(customer, 1)]), {"from": brand})
    assert lots(customer) == tuple(token.liability()[0]) == (1, 11, 21, 31)
    assert totals() == (64, 64, 0, 0)


@pytest.mark.parametrize("epoch", [0, 2, 7, MAX_UINT256])
def test_reverts_when_the_epoch_does_not_live(
    token: Any, enter: Any, brand: Any, customer: Any, epoch: int
) -> None:
    enter(6)
    with reverts_with("EpochNotLiving", epoch, 6):
        token.mintAtEpoch(BATCH, epoch, batch([(customer, 1)]), {"from": brand})


def test_holds_until_the_last_second(token: Any, brand: Any, customer: Any) -> None:
    expiry = token.expiryOf(0)
    next_block_at(expiry - 1)
    token.mintAtEpoch(BATCH, 0, batch([(customer, 1)]), {"from": brand})
    next_block_at(expiry)
    with reverts_with("EpochNotLiving", 0, 4):
        token.mintAtEpoch(OTHER, 0, batch([(customer, 1)]), {"from": brand})
    assert tuple(token.totals()) == (1, 0, 0, 1)


def test_there_is_no_epoch_before_birth(create_token: Any, brand: Any, customer: Any) -> None:
    """A token that is born with an older origin has epochs for the dates that it takes over."""
    token = create_token(origin=now() - 95 * 86_400)
    token.mintAtEpoch(BATCH, 0, batch([(customer, 1)]), {"from": brand})
    assert tuple(token.lotsOf(customer)[0]) == (1, 0, 0, 0)
    young = create_token()
    with reverts_with("EpochNotLiving", 1, 0):
        young.mintAtEpoch(BATCH, 1, batch([(customer, 1)]), {"from": brand})


@pytest.mark.parametrize("amounts", [(LANE + 1,), (LANE, 1), (2**96 - 1,), (2**95, 2**95, 2)])
@pytest.mark.parametrize("epoch", [0, 1])
def test_reverts_when_the_sum_exceeds_a_lot(
    token: Any, enter: Any, brand: Any, customer: Any, amounts: tuple[int, ...], epoch: int
) -> None:
    """Amounts must not run into the lots beside."""
    enter(1)
    with reverts_with("NoHeadroom", LANE, sum(amounts)):
        token.mintAtEpoch(BATCH, epoch, batch([(customer, amount) for amount in amounts]), {"from": brand})
    assert tuple(token.lotsOf(customer)[0]) == (0, 0, 0, 0)


def test_reverts_when_the_lot_is_full(token: Any, enter: Any, brand: Any, customer: Any) -> None:
    """Each lot for itself."""
    token.mint(brand, LANE - 10, {"from": brand})
    enter(1)
    with reverts_with("NoHeadroom", LANE, LANE + 1):
        token.mintAtEpoch(BATCH, 0, batch([(customer, 11)]), {"from": brand})
    token.mintAtEpoch(BATCH, 0, batch([(customer, 10)]), {"from": brand})
    token.mintAtEpoch(OTHER, 1, batch([(customer, LANE)]), {"from": brand})
    assert tuple(token.lotsOf(customer)[0]) == (0, 0, 10, LANE)


def test_leaves_promises_their_place_in_the_lot_of_this_epoch(
    token: Any, enter: Any, brand: Any, issuer: Any, customer: Any
) -> None:
    """Locked grants issue into that lot alone, so older ones can be filled."""
    enter(1)
    token.setGrant(issuer, 1, 100, 0, now() + 1_000_000, {"from": brand})
    with reverts_with("NoHeadroom", LANE - 100, LANE - 99):
        token.mintAtEpoch(BATCH, 1, batch([(customer, LANE - 99)]), {"from": brand})
    token.mintAtEpoch(BATCH, 1, batch([(customer, LANE - 100)]), {"from": brand})
    token.mintAtEpoch(OTHER, 0, batch([(customer, LANE)]), {"from": brand})
    token.issue(1, customer, 100, b"\0" * 32, {"from": issuer})
    assert tuple(token.lotsOf(customer)[0]) == (0, 0, LANE, LANE)


def test_leaves_pending_points_their_place_in_every_lot(
    promise: Any, token: Any, enter: Any, brand: Any, customer: Any
) -> None:
    promise(100)
    enter(1)
    for epoch, (available, needed) in enumerate([(LANE, LANE + 1), (LANE - 100, LANE - 99)]):
        with reverts_with("NoHeadroom", available, needed):
            token.mintAtEpoch(BATCH, epoch, batch([(brand, LANE - 99)]), {"from": brand})
        token.mintAtEpoch(bytes([epoch + 1] * 32), epoch, batch([(brand, LANE - 100)]), {"from": brand})
    token.releasePending(ZERO_ADDRESS, [0], {"from": customer})
    assert token.balanceOfAtEpoch(0, customer) == 100


def test_reverts_when_sent_again(token: Any, brand: Any, customer: Any) -> None:
    """Into whatever lot, as the references are the brand's."""
    words = batch([(customer, 10)])
    token.mintAtEpoch(BATCH, 0, words, {"from": brand})
    token.mintFor(customer, 1, OTHER, {"from": brand})
    for reference in (BATCH, OTHER):
        with reverts_with("ReferenceUsed", ZERO_ADDRESS, reference):
            token.mintAtEpoch(reference, 0, words, {"from": brand})
    with reverts_with("ReferenceUsed", ZERO_ADDRESS, BATCH):
        token.mintBatch(BATCH, words, {"from": brand})


def test_reverts_without_reference(token: Any, brand: Any, customer: Any) -> None:
    with reverts_with("ReferenceMissing"):
        token.mintAtEpoch("0x" + "00" * 32, 0, batch([(customer, 10)]), {"from": brand})


@pytest.mark.parametrize("amounts", [(), (0, 0)])
def test_reverts_when_nothing_is_issued(
    token: Any, brand: Any, customer: Any, amounts: tuple[int, ...]
) -> None:
    with reverts_with("ZeroAmount"):
        token.mintAtEpoch(BATCH, 0, batch([(customer, amount) for amount in amounts]), {"from": brand})


def test_reverts_when_one_receiver_is_refused(token: Any, brand: Any, customer: Any, refused: Any) -> None:
    with reverts_with("ERC20InvalidReceiver", refused):
        token.mintAtEpoch(BATCH, 0, batch([(customer, 1), (refused, 1)]), {"from": brand})


def test_reverts_when_somebody_else_issues(token: Any, issuer: Any, customer: Any) -> None:
    for other in (customer, issuer):
        with reverts_with("Unauthorized"):
            token.mintAtEpoch(BATCH, 0, batch([(customer, 1)]), {"from": other})
