"""appendRoot and withdrawRoot: a root takes effect after its delay, and cannot be taken back then."""

from __future__ import annotations

from typing import Any

import pytest

from tests.campaigns import NOBODY, Campaign
from tests.helpers import DAY, next_block_at, now, reverts_with, travel_to

ROOT = b"\x07" * 32


@pytest.mark.parametrize("days", [1, 7])
def test_takes_effect_after_the_delay(rewards: Any, brand: Any, opened: Any, days: int) -> None:
    campaign = opened(rootDelayDays=days)
    then = now() + 100
    next_block_at(then)
    events = rewards.appendRoot(campaign.id, ROOT, {"from": brand}).events
    assert dict(events["RootAppended"]) == {
        "campaignId": "0x" + campaign.id.hex(),
        "root": "0x" + ROOT.hex(),
        "effectFrom": then + days * DAY,
    }
    assert rewards.rootOf(campaign.id, ROOT) == then + days * DAY
    assert rewards.rootOf(campaign.id, b"\x08" * 32) == 0


def test_reverts_without_a_root(rewards: Any, brand: Any, campaign: Campaign) -> None:
    with reverts_with("RootMissing"):
        rewards.appendRoot(campaign.id, NOBODY, {"from": brand})


def test_reverts_when_it_is_known(rewards: Any, brand: Any, campaign: Campaign) -> None:
    """Its time does not move."""
    rewards.appendRoot(campaign.id, ROOT, {"from": brand})
    before = rewards.rootOf(campaign.id, ROOT)
    travel_to(now() + 2 * DAY)
    with reverts_with("RootKnown", campaign.id, ROOT):
        rewards.appendRoot(campaign.id, ROOT, {"from": brand})
    assert rewards.rootOf(campaign.id, ROOT) == before


def test_roots_are_each_campaign_s_own(rewards: Any, brand: Any, opened: Any, campaign: Campaign) -> None:
    other = opened()
    rewards.appendRoot(campaign.id, ROOT, {"from": brand})
    assert rewards.rootOf(other.id, ROOT) == 0
    with reverts_with("RootUnknown", other.id, ROOT):
        rewards.withdrawRoot(other.id, ROOT, {"from": brand})
    rewards.appendRoot(other.id, ROOT, {"from": brand})


@pytest.mark.parametrize("late", [0, 1])
def test_there_is_a_second_for_claims(rewards: Any, brand: Any, campaign: Campaign, late: int) -> None:
    until = campaign.terms["claimUntil"]
    next_block_at(until - DAY + late)
    if not late:
        rewards.appendRoot(campaign.id, ROOT, {"from": brand})
        return
    with reverts_with("RootTooLate", until + 1, until):
        rewards.appendRoot(campaign.id, ROOT, {"from": brand})


@pytest.mark.parametrize("early", [1, 0, -1])
def test_is_withdrawn_before_it_takes_effect(
    rewards: Any, brand: Any, campaign: Campaign, early: int
) -> None:
    rewards.appendRoot(campaign.id, ROOT, {"from": brand})
    effect = rewards.rootOf(campaign.id, ROOT)
    next_block_at(effect - early)
    if early <= 0:
        with reverts_with("RootInEffect", ROOT, effect):
            rewards.withdrawRoot(campaign.id, ROOT, {"from": brand})
        assert rewards.rootOf(campaign.id, ROOT) == effect
        return
    events = rewards.withdrawRoot(campaign.id, ROOT, {"from": brand}).events
    assert dict(events["RootWithdrawn"]) == {
        "campaignId": "0x" + campaign.id.hex(),
        "root": "0x" + ROOT.hex(),
    }
    assert rewards.rootOf(campaign.id, ROOT) == 0
    with reverts_with("RootUnknown", campaign.id, ROOT):
        rewards.withdrawRoot(campaign.id, ROOT, {"from": brand})


def test_one_that_was_withdrawn_waits_anew(rewards: Any, brand: Any, campaign: Campaign) -> None:
    rewards.appendRoot(campaign.id, ROOT, {"from": brand})
    rewards.withdrawRoot(campaign.id, ROOT, {"from": brand})
    then = now() + 3 * DAY
    next_block_at(then)
    rewards.appendRoot(campaign.id, ROOT, {"from": brand})
    assert rewards.rootOf(campaign.id, ROOT) == then + DAY


def test_nothing_is_run_after_the_claims(rewards: Any, brand: Any, campaign: Campaign) -> None:
    until = campaign.terms["claimUntil"]
    travel_to(until + 1)
    for function in (rewards.appendRoot, rewards.withdrawRoot):
        with reverts_with("ClaimsOver", until):
            function(campaign.id, ROOT, {"from": brand})
