"""mintPending: points that the brand can take back until they mature."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import DAY, LANE, MAX_UINT256, ZERO_ADDRESS, batch, next_block_at, now, reverts_with

BATCH = "0x" + "ba" * 32
OTHER = "0x" + "cd" * 32


@pytest.fixture
def matures_at() -> int:
    """In twenty days."""
    return now() + 20 * DAY


def test_promises_each(
    matures_at: int, token: Any, totals: Any, brand: Any, customer: Any, buyer: Any
) -> None:
    words = batch([(customer, 10), (buyer, 20), (customer, 30)])
    events = token.mintPending(BATCH, matures_at, words, {"from": brand}).events
    assert [dict(event) for event in events["PendingIssued"]] == [
        {"issuer": ZERO_ADDRESS, "id": number, "customer": to, "amount": amount, "maturesAt": matures_at}
        for number, (to, amount) in enumerate([(customer, 10), (buyer, 20), (customer, 30)])
    ]
    assert events["BatchPending"] == {
        "issuer": ZERO_ADDRESS,
        "batchId": BATCH,
        "firstId": 0,
        "recipients": 3,
        "amount": 60,
    }
    assert "Transfer" not in events
    assert token.pendingOf(ZERO_ADDRESS, 1) == (buyer, 20, matures_at)
    assert token.liability()[2:] == (60, 0)
    # Nobody has them, and they are not issued.
    assert (token.balanceOf(customer), token.totalSupply(), totals()) == (0, 0, (0, 0, 0, 0))


def test_ids_run_on(matures_at: int, token: Any, brand: Any, customer: Any) -> None:
    """Also past those that ended."""
    words = batch([(customer, 10), (customer, 20)])
    assert token.mintPending.call(BATCH, matures_at, words, {"from": brand}) == 0
    token.mintPending(BATCH, matures_at, words, {"from": brand})
    for number, amount in ((0, 10), (1, 20)):
        token.cancelPending(ZERO_ADDRESS, number, amount, {"from": brand})
    assert token.mintPending.call(OTHER, matures_at, words, {"from": brand}) == 2
    events = token.mintPending(OTHER, matures_at, words, {"from": brand}).events
    assert events["BatchPending"]["firstId"] == 2
    assert [token.pendingOf(ZERO_ADDRESS, number)[1] for number in range(5)] == [0, 0, 10, 20, 0]


def test_matures_after_now_and_within_40_bits(token: Any, brand: Any, customer: Any) -> None:
    start, words = now() + 1_000, batch([(customer, 1)])
    for wrong in (0, start - 1, start, 2**40, MAX_UINT256):
        next_block_at(start)
        with reverts_with("MaturityOutOfRange", wrong):
            token.mintPending(BATCH, wrong, words, {"from": brand})
        start += 1_000
    start = now() + 1_000
    next_block_at(start)
    token.mintPending(BATCH, start + 1, words, {"from": brand})
    token.mintPending(OTHER, 2**40 - 1, words, {"from": brand})
    assert [token.pendingOf(ZERO_ADDRESS, number)[2] for number in range(2)] == [start + 1, 2**40 - 1]


def test_has_its_place_in_the_lot(matures_at: int, token: Any, brand: Any, customer: Any) -> None:
    """The brand cannot fill it and so make pending points fail."""
    token.mintPending(BATCH, matures_at, batch([(customer, 100)]), {"from": brand})
    with reverts_with("NoHeadroom", LANE - 100, LANE - 99):
        token.mint(brand, LANE - 99, {"from": brand})
    token.mint(brand, LANE - 100, {"from": brand})
    next_block_at(matures_at)
    token.releasePending(ZERO_ADDRESS, [0], {"from": customer})
    assert (token.balanceOf(customer), token.totalSupply()) == (100, LANE)


def test_reverts_when_it_has_no_place(
    matures_at: int, token: Any, brand: Any, issuer: Any, customer: Any
) -> None:
    """Beside the points of this epoch and what locked grants can issue."""
    token.setGrant(issuer, 1, 100, 0, now() + DAY, {"from": brand})
    token.mint(brand, LANE - 150, {"from": brand})
    with reverts_with("NoHeadroom", 150, 151):
        token.mintPending(BATCH, matures_at, batch([(customer, 51)]), {"from": brand})
    token.mintPending(BATCH, matures_at, batch([(customer, 50)]), {"from": brand})
    assert token.liability()[2:] == (50, 100)


@pytest.mark.parametrize(
    ("amounts", "needed"),
    [((LANE + 1,), LANE + 1), ((LANE, 1), LANE + 1), ((5, LANE), LANE + 5), ((2**96 - 1,), 2**96 - 1)],
)
def test_reverts_when_the_sum_exceeds_a_lot(
    matures_at: int, token: Any, brand: Any, customer: Any, amounts: tuple[int, ...], needed: int
) -> None:
    """Amounts must not run into the date beside them."""
    words = batch([(customer, amount) for amount in amounts])
    with reverts_with("NoHeadroom", LANE, needed):
        token.mintPending(BATCH, matures_at, words, {"from": brand})


def test_a_whole_lot_can_be_pending(matures_at: int, token: Any, brand: Any, customer: Any) -> None:
    token.mintPending(BATCH, matures_at, batch([(customer, LANE)]), {"from": brand})
    assert token.pendingOf(ZERO_ADDRESS, 0) == (customer, LANE, matures_at)
    with reverts_with("NoHeadroom", LANE, LANE + 1):
        token.mintPending(OTHER, matures_at, batch([(customer, 1)]), {"from": brand})
    next_block_at(matures_at)
    token.releasePending(ZERO_ADDRESS, [0], {"from": brand})
    assert token.balanceOf(customer) == LANE


def test_reverts_when_sent_again(matures_at: int, token: Any, brand: Any, customer: Any) -> None:
    """The brand's references are the same for all that it issues."""
    words = batch([(customer, 10)])
    token.mintPending(BATCH, matures_at, words, {"from": brand})
    token.mintBatch(OTHER, words, {"from": brand})
    for reference in (BATCH, OTHER):
        with reverts_with("ReferenceUsed", ZERO_ADDRESS, reference):
            token.mintPending(reference, matures_at, words, {"from": brand})
    with reverts_with("ReferenceUsed", ZERO_ADDRESS, BATCH):
        token.mintBatch(BATCH, words, {"from": brand})


def test_reverts_without_reference(matures_at: int, token: Any, brand: Any, customer: Any) -> None:
    with reverts_with("ReferenceMissing"):
        token.mintPending("0x" + "00" * 32, matures_at, batch([(customer, 1)]), {"from": brand})


@pytest.mark.parametrize("amounts", [(), (0,), (5, 0)])
def test_reverts_when_nothing_is_promised(
    matures_at: int, token: Any, brand: Any, customer: Any, amounts: tuple[int, ...]
) -> None:
    with reverts_with("ZeroAmount"):
        words = batch([(customer, amount) for amount in amounts])
        token.mintPending(BATCH, matures_at, words, {"from": brand})
    assert not token.referenceUsed(ZERO_ADDRESS, BATCH)


def test_reverts_when_one_receiver_is_refused(
    matures_at: int, token: Any, brand: Any, customer: Any, refused: Any
) -> None:
    with reverts_with("ERC20InvalidReceiver", refused):
        token.mintPending(BATCH, matures_at, batch([(customer, 1), (refused, 1)]), {"from": brand})


def test_reverts_when_somebody_else_promises(matures_at: int, token: Any, issuer: Any, customer: Any) -> None:
    for other in (customer, issuer):
        with reverts_with("Unauthorized"):
            token.mintPending(BATCH, matures_at, batch([(customer, 1)]), {"from": other})
