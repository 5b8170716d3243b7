"""The grant of a campaign that issues points: its own, locked, without a cap, and no one else's."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.campaigns import PRICE, Campaign
from tests.helpers import LANE, reverts_with
from tests.unit.AttentionRewards.conftest import BUDGET


def open_(campaign: Campaign, budget: int, by: Any) -> Any:
    return campaign.rewards.open(tuple(campaign.terms.values()), budget, {"from": by})


@pytest.mark.parametrize(("cap", "short"), [(1, 0), (0, 1)], ids=["with a cap", "locked a second too short"])
def test_reverts_with_a_grant_that_is_unfit(brand: Any, plan: Any, grant: Any, cap: int, short: int) -> None:
    campaign = plan("fresh")
    until = campaign.terms["claimUntil"] - short
    grant(campaign, BUDGET, cap, until)
    with reverts_with("GrantUnfit", campaign.id, cap, until):
        open_(campaign, BUDGET, brand)


def test_reverts_when_the_grant_holds_less(brand: Any, plan: Any, grant: Any) -> None:
    campaign = plan("fresh")
    grant(campaign, BUDGET)
    with reverts_with("BudgetTooSmall", BUDGET, BUDGET + 1):
        open_(campaign, BUDGET + 1, brand)


def test_two_campaigns_on_one_grant(brand: Any, token: Any, plan: Any, opened: Any, rewards: Any) -> None:
    """A grant has the id of one campaign: the second finds none, and takes nothing of the first."""
    first, second = opened("fresh"), plan("fresh")
    with reverts_with("GrantUnfit", second.id, 0, 0):
        open_(second, 0, brand)
    assert first.standing() == (BUDGET, 0, 0, BUDGET)
    assert token.grantOf(rewards, int.from_bytes(first.id))[0] == BUDGET * PRICE


def test_on_another_s_grant(
    rewards: Any,
    brand: Any,
    stranger: Any,
    deployer: Any,
    token: Any,
    plan: Any,
    grant: Any,
    create_token: Any,
) -> None:
    """Who copies the terms has another id, and is not the token's owner; nor is who owns another token."""
    campaign = plan("fresh")
    grant(campaign, BUDGET)
    copied = Campaign(rewards, campaign.terms | {"admin": stranger.address}, stranger)
    assert copied.id != campaign.id
    with reverts_with("NotTheTokenOwner", token, brand, stranger):
        open_(copied, 0, stranger)
    his = create_token(owner=stranger)
    elsewhere = Campaign(rewards, copied.terms | {"token": his.address}, stranger)
    with reverts_with("GrantUnfit", elsewhere.id, 0, 0):
        open_(elsewhere, 0, stranger)
    # Of another deployment, the same terms have another id, and its grants are its own.
    twin = brownie.AttentionRewards.deploy({"from": deployer})
    there = Campaign(twin, campaign.terms, campaign.signer)
    assert there.id != campaign.id
    with reverts_with("GrantUnfit", there.id, 0, 0):
        open_(there, 0, brand)
    # The copy took nothing: the brand still opens hers.
    open_(campaign, BUDGET, brand)


def test_the_brand_cannot_take_it_back(rewards: Any, brand: Any, token: Any, opened: Any, grant: Any) -> None:
    campaign = opened("fresh")
    number, until = int.from_bytes(campaign.id), campaign.terms["claimUntil"]
    lower = (BUDGET * PRICE - 1, 0, until), (BUDGET * PRICE, 1, until), (BUDGET * PRICE, 0, until - 1)
    for amount, cap, locked_until in lower:
        with reverts_with("GrantLocked", rewards, number, until):
            token.setGrant(rewards, number, amount, cap, locked_until, {"from": brand})


def test_the_brand_cannot_fill_the_supply(
    rewards: Any, brand: Any, customer: Any, token: Any, opened: Any
) -> None:
    """What is granted keeps its room, so that claims do not fail for want of it."""
    campaign = opened("fresh")
    room = LANE - token.totalSupply() - BUDGET * PRICE
    with reverts_with("NoHeadroom", room, room + 1):
        token.mint(brand, room + 1, {"from": brand})
    token.mint(brand, room, {"from": brand})
    rewards.claimStatement(*campaign.stated(campaign.statement(customer, 1)), {"from": customer})
    assert token.balanceOf(customer) == PRICE
