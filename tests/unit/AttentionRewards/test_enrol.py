"""enrol: what an account can still have is set aside for her alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.campaigns import NOBODY, PAGE, PRICE, Campaign, account_of, bits
from tests.helpers import next_block_at, reverts_with
from tests.unit.AttentionRewards.conftest import BUDGET, MODES

EACH = 20


@pytest.mark.parametrize("mode", MODES)
def test_sets_all_aside(rewards: Any, brand: Any, customer: Any, buyer: Any, opened: Any, mode: str) -> None:
    campaign = opened(mode)
    accounts = [account_of(customer), account_of(buyer)]
    events = rewards.enrol(campaign.id, accounts, {"from": brand}).events
    assert dict(events["AccountsEnrolled"]) == {
        "campaignId": "0x" + campaign.id.hex(),
        "accounts": tuple("0x" + account.hex() for account in accounts),
        "reserved": 2 * EACH,
    }
    assert campaign.standing() == (BUDGET, 2 * EACH, 0, BUDGET - 2 * EACH)
    assert rewards.isEnrolled(campaign.id, accounts[0])
    assert rewards.contactsOf(campaign.id, accounts[0], 0) == 0


def test_but_what_was_paid_before(
    rewards: Any, brand: Any, customer: Any, stranger: Any, campaign: Campaign
) -> None:
    rewards.claimStatement(*campaign.stated(campaign.statement(customer, bits(0, 1))), {"from": stranger})
    rewards.enrol(campaign.id, [account_of(customer)], {"from": brand})
    assert campaign.standing() == (BUDGET - 2, EACH - 2, 0, BUDGET - EACH)


def test_counts_every_page(rewards: Any, brand: Any, customer: Any, stranger: Any, opened: Any) -> None:
    campaign = opened(maxContacts=2 * PAGE + 10, perDay=0, budget=1_000)
    for page in range(3):
        rewards.claimStatement(
            *campaign.stated(campaign.statement(customer, bits(0, 9), page)), {"from": stranger}
        )
    rewards.enrol(campaign.id, [account_of(customer)], {"from": brand})
    assert campaign.standing()[:2] == (1_000 - 6, 2 * PAGE + 10 - 6)


def test_once(rewards: Any, brand: Any, customer: Any, campaign: Campaign) -> None:
    """Twice in one list, and again."""
    rewards.enrol(campaign.id, [account_of(customer)] * 2, {"from": brand})
    events = rewards.enrol(campaign.id, [account_of(customer)], {"from": brand}).events
    assert events["AccountsEnrolled"]["reserved"] == 0
    assert campaign.standing() == (BUDGET, EACH, 0, BUDGET - EACH)


@pytest.mark.parametrize("mode", MODES)
def test_reverts_beyond_the_budget(
    rewards: Any, brand: Any, customer: Any, buyer: Any, opened: Any, mode: str
) -> None:
    """Codes are set aside, too; either all of a list is, or nothing."""
    campaign = opened(mode, budget=2 * EACH + 5, codes=6)
    with reverts_with("NotFree", 2 * EACH - 1, 2 * EACH):
        rewards.enrol(campaign.id, [account_of(customer), account_of(buyer)], {"from": brand})
    assert not rewards.isEnrolled(campaign.id, account_of(customer))
    rewards.enrol(campaign.id, [account_of(customer)], {"from": brand})
    assert campaign.standing() == (2 * EACH + 5, EACH, 6, EACH - 1)


def test_to_the_last_contact(rewards: Any, brand: Any, customer: Any, buyer: Any, opened: Any) -> None:
    campaign = opened(budget=2 * EACH + 6, codes=6)
    rewards.enrol(campaign.id, [account_of(customer), account_of(buyer)], {"from": brand})
    assert campaign.standing() == (2 * EACH + 6, 2 * EACH, 6, 0)


def test_reverts_for_nobody(rewards: Any, brand: Any, customer: Any, campaign: Campaign) -> None:
    for account in (NOBODY, b"\1" + bytes(31), (1 << 160).to_bytes(32)):
        with reverts_with("NoSuchAccount", account):
            rewards.enrol(campaign.id, [account_of(customer), account], {"from": brand})


def test_pseudonyms_where_credentials_are_asked(
    rewards: Any, brand: Any, credentials: Any, opened: Any
) -> None:
    campaign = opened(credentials=credentials)
    with reverts_with("NoSuchAccount", NOBODY):
        rewards.enrol(campaign.id, [NOBODY], {"from": brand})
    rewards.enrol(campaign.id, [b"\xff" * 32], {"from": brand})
    assert campaign.standing()[1] == EACH


def test_the_brand_s_own_account_cannot_drain_what_is_set_aside(
    rewards: Any, cash: Any, brand: Any, customer: Any, stranger: Any, opened: Any
) -> None:
    """Whatever she signs for herself, the enrolled customer is paid."""
    campaign = opened(perDay=0, budget=EACH + 3)
    rewards.enrol(campaign.id, [account_of(customer)], {"from": brand})
    with reverts_with("NotFree", 3, EACH):
        rewards.claimStatement(*campaign.stated(campaign.statement(brand, 2**EACH - 1)), {"from": brand})
    rewards.claimStatement(*campaign.stated(campaign.statement(brand, 7)), {"from": brand})
    with reverts_with("NotFree", 0, EACH - 3):
        rewards.enrol(campaign.id, [account_of(brand), account_of(customer)], {"from": brand})
    rewards.claimStatement(*campaign.stated(campaign.statement(customer, 2**EACH - 1)), {"from": stranger})
    assert cash.balanceOf(customer) == EACH * PRICE
    assert campaign.standing() == (0, 0, 0, 0)


@pytest.mark.parametrize("late", [0, 1])
def test_until_the_last_second(
    rewards: Any, brand: Any, customer: Any, campaign: Campaign, late: int
) -> None:
    until = campaign.terms["claimUntil"]
    next_block_at(until + late)
    if not late:
        rewards.enrol(campaign.id, [account_of(customer)], {"from": brand})
        return
    with reverts_with("ClaimsOver", until):
        rewards.enrol(campaign.id, [account_of(customer)], {"from": brand})
