"""The views: all zero where there is nothing, and the contract's birth."""

from __future__ import annotations

from typing import Any

import pytest
from brownie import web3

from tests.campaigns import Campaign, account_of, bits
from tests.helpers import MAX_UINT256, ZERO_ADDRESS


def test_what_is_not_there_is_zero(rewards: Any, customer: Any, plan: Any) -> None:
    nowhere, account = plan().id, account_of(customer)
    assert rewards.standingOf(nowhere) == (ZERO_ADDRESS, ZERO_ADDRESS, 0, 0, 0, 0)
    assert rewards.rulesOf(nowhere) == (
        ZERO_ADDRESS,
        0,
        False,
        0,
        ZERO_ADDRESS,
        *[0] * 8,
        ZERO_ADDRESS,
    )
    assert rewards.contactsOf(nowhere, account, 0) == rewards.rootOf(nowhere, account) == 0
    assert rewards.codesOf(nowhere, account) == (0, 0)
    for flag in (
        rewards.isEnrolled(nowhere, account),
        rewards.isActive(nowhere, 0),
        rewards.isTaken(nowhere, 0),
    ):
        assert flag is False


def test_a_page_never_shows_that_she_is_enrolled(
    rewards: Any, brand: Any, customer: Any, buyer: Any, campaign: Campaign
) -> None:
    rewards.enrol(campaign.id, [account_of(customer)], {"from": brand})
    rewards.claimStatement(*campaign.stated(campaign.statement(customer, bits(0))), {"from": buyer})
    assert rewards.contactsOf(campaign.id, account_of(customer), 0) == 1
    assert rewards.isEnrolled(campaign.id, account_of(customer))
    assert not rewards.isEnrolled(campaign.id, account_of(buyer))
    assert rewards.contactsOf(campaign.id, account_of(customer), MAX_UINT256) == 0


def test_tells_its_domain(rewards: Any) -> None:
    assert rewards.eip712Domain()[1:5] == ("Troc Attention", "1", web3.chain_id, rewards.address)


def test_accepts_no_ether(rewards: Any, stranger: Any) -> None:
    with pytest.raises(Exception, match="revert"):
        stranger.transfer(rewards, 1)


def test_the_handle_by_which_claims_call_it(rewards: Any, opened: Any) -> None:
    campaign = opened("fresh")
    reward, rule, terms = campaign.handle
    assert rewards.handleOf(campaign.id) == (reward, rule, "0x" + terms.hex())
    assert rewards.handleOf(bytes(32)) == (0, 0, "0x" + bytes(32).hex())
