"""activate: printed codes become cash, for good."""

from __future__ import annotations

from typing import Any

import pytest

from tests.campaigns import Campaign
from tests.helpers import MAX_UINT256, next_block_at, reverts_with


@pytest.fixture(scope="module")
def printed(opened: Any) -> Campaign:
    """2,001 codes: two batches and one code."""
    campaign: Campaign = opened(codes=2_001, budget=2_001, perDay=0)
    return campaign


def test_makes_batches_claimable(rewards: Any, brand: Any, customer: Any, printed: Campaign) -> None:
    events = rewards.activate(printed.id, [0, 2], {"from": brand}).events
    assert dict(events["CodesActivated"]) == {"campaignId": "0x" + printed.id.hex(), "batches": (0, 2)}
    assert [rewards.isActive(printed.id, batch) for batch in range(4)] == [True, False, True, False]
    for index in (0, 999, 2_000):
        rewards.claimCode(*printed.code(customer, index), {"from": customer})
    for index in (1_000, 1_999):
        with reverts_with("CodesInert", 1):
            rewards.claimCode(*printed.code(customer, index), {"from": customer})


def test_cannot_be_undone(rewards: Any, brand: Any, customer: Any, stranger: Any, printed: Campaign) -> None:
    """Nor by whoever runs the campaign next; no function takes a batch back."""
    rewards.activate(printed.id, [1], {"from": brand})
    rewards.activate(printed.id, [1, 1], {"from": brand})
    rewards.offerAdmin(printed.id, stranger, {"from": brand})
    rewards.acceptAdmin(printed.id, {"from": stranger})
    rewards.activate(printed.id, [1], {"from": stranger})
    assert rewards.isActive(printed.id, 1)
    rewards.claimCode(*printed.code(customer, 1_000), {"from": customer})


@pytest.mark.parametrize("batch", [3, 2_000, 2_001, 2**248, MAX_UINT256])
def test_reverts_where_there_is_no_code(rewards: Any, brand: Any, printed: Campaign, batch: int) -> None:
    with reverts_with("NoSuchBatch", batch, 2_001):
        rewards.activate(printed.id, [0, batch], {"from": brand})
    assert not rewards.isActive(printed.id, 0)


def test_a_full_batch_has_none_behind_it(rewards: Any, brand: Any, opened: Any) -> None:
    campaign = opened(codes=1_000, budget=1_000)
    with reverts_with("NoSuchBatch", 1, 1_000):
        rewards.activate(campaign.id, [1], {"from": brand})
    rewards.activate(campaign.id, [0], {"from": brand})


def test_reverts_without_codes(rewards: Any, brand: Any, campaign: Campaign) -> None:
    with reverts_with("NoSuchBatch", 0, 0):
        rewards.activate(campaign.id, [0], {"from": brand})


@pytest.mark.parametrize("late", [0, 1])
def test_until_the_last_second(rewards: Any, brand: Any, printed: Campaign, late: int) -> None:
    until = printed.terms["claimUntil"]
    next_block_at(until + late)
    if not late:
        rewards.activate(printed.id, [0], {"from": brand})
        return
    with reverts_with("ClaimsOver", until):
        rewards.activate(printed.id, [0], {"from": brand})
