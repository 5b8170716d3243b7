"""fund: anybody adds to what is in escrow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.campaigns import PRICE, Campaign
from tests.helpers import MAX_UINT256, next_block_at, reverts_with
from tests.unit.AttentionRewards.conftest import BUDGET


@pytest.mark.parametrize("mode", ["cash", "points"])
def test_anyone_adds(rewards: Any, brand: Any, stranger: Any, money: Any, opened: Any, mode: str) -> None:
    campaign, paid_in = opened(mode), money(mode)
    paid_in.transfer(stranger, 5 * PRICE, {"from": brand})
    paid_in.approve(rewards, 5 * PRICE, {"from": stranger})
    events = rewards.fund(campaign.id, 5, {"from": stranger}).events
    assert dict(events["CampaignFunded"]) == {
        "campaignId": "0x" + campaign.id.hex(),
        "from": stranger,
        "contacts": 5,
    }
    assert campaign.standing() == (BUDGET + 5, 0, 0, BUDGET + 5)
    assert paid_in.balanceOf(stranger) == 0
    holder = rewards if mode == "cash" else paid_in.pocketOf(rewards, campaign.id)
    assert paid_in.balanceOf(holder) == (BUDGET + 5) * PRICE


def test_reverts_where_points_are_issued(rewards: Any, brand: Any, opened: Any) -> None:
    campaign = opened("fresh")
    with reverts_with("NotInEscrow", campaign.id):
        rewards.fund(campaign.id, 1, {"from": brand})


def test_a_grant_is_raised_in_the_token(opened: Any, grant: Any) -> None:
    campaign = opened("fresh")
    grant(campaign, BUDGET + 5)
    assert campaign.standing() == (BUDGET + 5, 0, 0, BUDGET + 5)


def test_what_does_not_make_a_whole_contact_does_not_count(
    rewards: Any, brand: Any, token: Any, opened: Any
) -> None:
    campaign = opened("fresh")
    until = campaign.terms["claimUntil"]
    amount = (BUDGET + 1) * PRICE - 1
    token.setGrant(rewards, int.from_bytes(campaign.id), amount, 0, until, {"from": brand})
    assert campaign.standing() == (BUDGET, 0, 0, BUDGET)


def test_reverts_with_nothing(rewards: Any, brand: Any, campaign: Campaign) -> None:
    with reverts_with("ZeroContacts"):
        rewards.fund(campaign.id, 0, {"from": brand})


@pytest.mark.parametrize("contacts", [2**56 - BUDGET, 2**56, MAX_UINT256])
def test_reverts_above_what_a_budget_holds(
    rewards: Any, brand: Any, campaign: Campaign, contacts: int
) -> None:
    with reverts_with("BudgetTooLarge", contacts):
        rewards.fund(campaign.id, contacts, {"from": brand})


def test_reverts_without_money(rewards: Any, stranger: Any, token: Any, opened: Any) -> None:
    with reverts_with("TransferFromFailed"):
        rewards.fund(opened().id, 1, {"from": stranger})
    campaign = opened("points")
    until = campaign.terms["claimUntil"]
    with reverts_with("ERC20InsufficientAllowance", rewards, 0, PRICE):
        rewards.fund(campaign.id, 1, {"from": stranger})
    token.approve(rewards, PRICE, {"from": stranger})
    with reverts_with("PointsOutOfBounds", stranger, 0, PRICE, until, 0):
        rewards.fund(campaign.id, 1, {"from": stranger})


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_until_the_last_second(rewards: Any, brand: Any, campaign: Campaign, late: int) -> None:
    until = campaign.terms["claimUntil"]
    next_block_at(until + late)
    if late <= 0:
        rewards.fund(campaign.id, 1, {"from": brand})
        return
    with reverts_with("ClaimsOver", until):
        rewards.fund(campaign.id, 1, {"from": brand})


def test_reverts_where_there_is_no_campaign(rewards: Any, brand: Any, plan: Any) -> None:
    campaign = plan()
    with reverts_with("CampaignUnknown", campaign.id):
        rewards.fund(campaign.id, 1, {"from": brand})
