"""refund and release: what is left goes back after the claims, to the last unit."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.campaigns import PRICE, Campaign, account_of, bits
from tests.helpers import DAY, MAX_UINT256, next_block_at, reverts_with, travel_to
from tests.unit.AttentionRewards.conftest import BUDGET


@pytest.mark.parametrize("mode", ["cash", "points"])
def test_returns_all_that_is_left(
    rewards: Any, brand: Any, customer: Any, buyer: Any, stranger: Any, money: Any, opened: Any, mode: str
) -> None:
    """What was reserved and codes, too."""
    campaign, paid_in = opened(mode, codes=3), money(mode)
    rewards.enrol(campaign.id, [account_of(customer)], {"from": brand})
    rewards.activate(campaign.id, [0], {"from": brand})
    for who in (customer, buyer):
        rewards.claimStatement(*campaign.stated(campaign.statement(who, bits(0, 1))), {"from": stranger})
    rewards.claimCode(*campaign.code(buyer, 1), {"from": stranger})
    travel_to(campaign.terms["claimUntil"] + 1)
    events = rewards.refund(campaign.id, stranger, {"from": brand}).events
    assert dict(events["CampaignRefunded"]) == {
        "campaignId": "0x" + campaign.id.hex(),
        "to": stranger,
        "amount": (BUDGET - 5) * PRICE,
    }
    assert paid_in.balanceOf(stranger) == (BUDGET - 5) * PRICE
    holder = rewards if mode == "cash" else paid_in.pocketOf(rewards, campaign.id)
    assert paid_in.balanceOf(holder) == 0
    assert campaign.standing() == (0, 0, 0, 0)


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_not_while_claims_can_come(rewards: Any, brand: Any, campaign: Campaign, late: int) -> None:
    until = campaign.terms["claimUntil"]
    next_block_at(until + late)
    if late <= 0:
        with reverts_with("ClaimsOpen", until):
            rewards.refund(campaign.id, brand, {"from": brand})
        return
    rewards.refund(campaign.id, brand, {"from": brand})


def test_a_second_refund_returns_nothing(
    rewards: Any, cash: Any, brand: Any, stranger: Any, campaign: Campaign, opened: Any
) -> None:
    """Another campaign's money lies beside it."""
    opened()
    travel_to(campaign.terms["claimUntil"] + 1)
    rewards.refund(campaign.id, stranger, {"from": brand})
    events = rewards.refund(campaign.id, stranger, {"from": brand}).events
    assert events["CampaignRefunded"]["amount"] == 0
    assert cash.balanceOf(stranger) == cash.balanceOf(rewards) == BUDGET * PRICE


def test_reverts_when_the_token_does_not_pay(
    rewards: Any, brand: Any, deployer: Any, stranger: Any, opened: Any
) -> None:
    odd = brownie.OddTokenMock.deploy({"from": deployer})
    odd.mint(brand, BUDGET * PRICE, {"from": deployer})
    odd.approve(rewards, MAX_UINT256, {"from": brand})
    campaign = opened(token=odd)
    travel_to(campaign.terms["claimUntil"] + 1)
    returns_false, reverts = 6, 9
    for oddity in (returns_false, reverts):
        odd.behave(oddity, {"from": deployer})
        with reverts_with("RewardFailed", odd, stranger):
            rewards.refund(campaign.id, stranger, {"from": brand})
    odd.behave(0, {"from": deployer})
    rewards.refund(campaign.id, stranger, {"from": brand})
    assert odd.balanceOf(stranger) == BUDGET * PRICE


@pytest.mark.parametrize("late", [-1, 0])
def test_points_that_expired_do_not_return(
    rewards: Any, token: Any, brand: Any, stranger: Any, opened: Any, late: int
) -> None:
    """Nor does what somebody else sent into the pocket."""
    campaign = opened("points")
    token.mint(token.pocketOf(rewards, campaign.id), 5, {"from": brand})
    expiry = max(token.lotsOf(brand)[1])
    next_block_at(expiry + late)
    events = rewards.refund(campaign.id, stranger, {"from": brand}).events
    returned = BUDGET * PRICE if late else 0
    assert events["CampaignRefunded"]["amount"] == returned
    assert token.balanceOf(stranger) == returned


def test_a_grant_is_not_refunded(rewards: Any, brand: Any, opened: Any) -> None:
    campaign = opened("fresh")
    travel_to(campaign.terms["claimUntil"] + 1)
    with reverts_with("NotInEscrow", campaign.id):
        rewards.refund(campaign.id, brand, {"from": brand})


# ---------------------------------------------------------------------------------------------------- release


def test_anyone_gives_up_a_grant(
    rewards: Any, token: Any, brand: Any, customer: Any, stranger: Any, opened: Any
) -> None:
    campaign = opened("fresh")
    grant = int.from_bytes(campaign.id)
    rewards.claimStatement(*campaign.stated(campaign.statement(customer, bits(0, 1))), {"from": stranger})
    travel_to(campaign.terms["claimUntil"] + 1)
    events = rewards.release(campaign.id, {"from": stranger}).events
    assert events["CampaignReleased"]["campaignId"] == "0x" + campaign.id.hex()
    assert events["GrantReleased"]["id"] == grant
    assert token.grantOf(rewards, grant)[0] == 0
    assert campaign.standing() == (0, 0, 0, 0)
    with reverts_with("GrantNotLocked", rewards, grant):
        rewards.release(campaign.id, {"from": stranger})


@pytest.mark.parametrize("late", [0, 1])
def test_not_while_claims_can_come_either(
    rewards: Any, token: Any, brand: Any, stranger: Any, opened: Any, late: int
) -> None:
    """Nor does the brand take it back in the token."""
    campaign = opened("fresh")
    until = campaign.terms["claimUntil"]
    travel_to(until - 10)
    with reverts_with("GrantLocked", rewards, int.from_bytes(campaign.id), until):
        token.setGrant(rewards, int.from_bytes(campaign.id), 0, 0, 0, {"from": brand})
    next_block_at(until + late)
    if not late:
        with reverts_with("ClaimsOpen", until):
            rewards.release(campaign.id, {"from": stranger})
        return
    rewards.release(campaign.id, {"from": stranger})


def test_one_in_escrow_has_no_grant(rewards: Any, brand: Any, campaign: Campaign) -> None:
    travel_to(campaign.terms["claimUntil"] + DAY)
    with reverts_with("NotFresh", campaign.id):
        rewards.release(campaign.id, {"from": brand})


def test_reverts_where_there_is_no_campaign(rewards: Any, brand: Any, plan: Any) -> None:
    campaign = plan()
    with reverts_with("CampaignUnknown", campaign.id):
        rewards.refund(campaign.id, brand, {"from": brand})
    with reverts_with("CampaignUnknown", campaign.id):
        rewards.release(campaign.id, {"from": brand})
