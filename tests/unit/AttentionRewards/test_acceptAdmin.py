"""offerAdmin and acceptAdmin: a campaign is handed over in two steps."""

from __future__ import annotations

from typing import Any

import pytest

from tests.campaigns import Campaign
from tests.helpers import ZERO_ADDRESS, reverts_with, travel_to


def test_in_two_steps(rewards: Any, brand: Any, stranger: Any, campaign: Campaign) -> None:
    events = rewards.offerAdmin(campaign.id, stranger, {"from": brand}).events
    assert dict(events["AdminOffered"]) == {"campaignId": "0x" + campaign.id.hex(), "to": stranger}
    assert rewards.standingOf(campaign.id)[:2] == (brand, stranger)
    events = rewards.acceptAdmin(campaign.id, {"from": stranger}).events
    assert dict(events["AdminChanged"]) == {
        "campaignId": "0x" + campaign.id.hex(),
        "from": brand,
        "to": stranger,
    }
    assert rewards.standingOf(campaign.id)[:2] == (stranger, ZERO_ADDRESS)
    with reverts_with("NotTheAdmin", campaign.id, stranger, brand):
        rewards.offerAdmin(campaign.id, brand, {"from": brand})
    with reverts_with("NotOffered", campaign.id, ZERO_ADDRESS, stranger):
        rewards.acceptAdmin(campaign.id, {"from": stranger})


def test_the_brand_stays_until_then(
    rewards: Any, brand: Any, stranger: Any, customer: Any, campaign: Campaign
) -> None:
    rewards.offerAdmin(campaign.id, stranger, {"from": brand})
    with reverts_with("NotTheAdmin", campaign.id, brand, stranger):
        rewards.enrol(campaign.id, [], {"from": stranger})
    with reverts_with("NotOffered", campaign.id, stranger, customer):
        rewards.acceptAdmin(campaign.id, {"from": customer})
    rewards.enrol(campaign.id, [], {"from": brand})


def test_an_offer_is_taken_back_or_made_to_another(
    rewards: Any, brand: Any, stranger: Any, customer: Any, campaign: Campaign
) -> None:
    rewards.offerAdmin(campaign.id, stranger, {"from": brand})
    for next_ in (customer, ZERO_ADDRESS):
        rewards.offerAdmin(campaign.id, next_, {"from": brand})
        with reverts_with("NotOffered", campaign.id, next_, stranger):
            rewards.acceptAdmin(campaign.id, {"from": stranger})


def test_also_after_the_claims(
    rewards: Any, cash: Any, brand: Any, stranger: Any, campaign: Campaign
) -> None:
    """What is left returns to whom the admin of then names."""
    travel_to(campaign.terms["claimUntil"] + 1)
    rewards.offerAdmin(campaign.id, stranger, {"from": brand})
    rewards.acceptAdmin(campaign.id, {"from": stranger})
    with reverts_with("NotTheAdmin", campaign.id, stranger, brand):
        rewards.refund(campaign.id, brand, {"from": brand})
    rewards.refund(campaign.id, stranger, {"from": stranger})
    assert cash.balanceOf(stranger) > 0


@pytest.mark.parametrize("function", ["offerAdmin", "acceptAdmin"])
def test_reverts_where_there_is_no_campaign(rewards: Any, brand: Any, plan: Any, function: str) -> None:
    campaign = plan()
    arguments = [campaign.id, brand][: 2 if function == "offerAdmin" else 1]
    with reverts_with("CampaignUnknown", campaign.id):
        getattr(rewards, function)(*arguments, {"from": brand})


def test_the_token_s_owner_has_no_say(
    rewards: Any, brand: Any, stranger: Any, token: Any, opened: Any
) -> None:
    """A token may change hands; who runs the campaign stays, and what was granted stays granted."""
    campaign = opened("fresh")
    before = campaign.standing()
    token.requestOwnershipHandover({"from": stranger})
    token.completeOwnershipHandover(stranger, {"from": brand})
    assert token.owner() == stranger
    assert campaign.standing() == before
    with reverts_with("NotTheAdmin", campaign.id, brand, stranger):
        rewards.offerAdmin(campaign.id, stranger, {"from": stranger})
