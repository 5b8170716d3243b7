"""claimStatement: the signer's word is paid, each contact once, on its day, to whose it is."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.campaigns import NOBODY, PAGE, PRICE, Campaign, account_of, bits
from tests.helpers import MAX_UINT256, next_block_at, reverts_with, travel_to
from tests.unit.AttentionRewards.conftest import BUDGET, MODES


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("enrolled", [False, True], ids=["first come", "enrolled"])
def test_pays_her(
    rewards: Any, brand: Any, customer: Any, stranger: Any, money: Any, opened: Any, mode: str, enrolled: bool
) -> None:
    campaign = opened(mode)
    if enrolled:
        rewards.enrol(campaign.id, [account_of(customer)], {"from": brand})
    statement = campaign.statement(customer, bits(0, 1))
    events = rewards.claimStatement(*campaign.stated(statement), {"from": stranger}).events
    paid = events["ContactsPaid"]
    assert dict(paid) == {
        "campaignId": "0x" + campaign.id.hex(),
        "account": "0x" + account_of(customer).hex(),
        "contacts": 3,
        "packed": int(customer.address, 16),
    }
    assert money(mode).balanceOf(customer) == 2 * PRICE
    assert money(mode).balanceOf(stranger) == 0
    assert rewards.contactsOf(campaign.id, account_of(customer), 0) == 3
    reserved = 18 if enrolled else 0
    assert campaign.standing() == (BUDGET - 2, reserved, 0, BUDGET - 2 - reserved)


@pytest.mark.parametrize("mode", MODES)
def test_pays_a_contact_once(rewards: Any, customer: Any, money: Any, opened: Any, mode: str) -> None:
    campaign = opened(mode, perDay=0)
    for contacts, paid in ((bits(0, 3), 2), (bits(0, 3, 5), 3), (bits(1, 5), 4)):
        rewards.claimStatement(*campaign.stated(campaign.statement(customer, contacts)), {"from": customer})
        assert money(mode).balanceOf(customer) == paid * PRICE
    for contacts in (bits(0), bits(0, 1, 3, 5), 0):
        with reverts_with("NothingNew", campaign.id, account_of(customer)):
            rewards.claimStatement(
                *campaign.stated(campaign.statement(customer, contacts)), {"from": customer}
            )
    assert campaign.standing()[0] == BUDGET - 4


@pytest.mark.parametrize("enrolled", [False, True])
def test_pays_out_of_what_is_left(
    rewards: Any, brand: Any, customer: Any, buyer: Any, opened: Any, enrolled: bool
) -> None:
    """A brand that stops funding pays what it reserved; all others first come."""
    campaign = opened(perDay=0, budget=21)
    if enrolled:
        rewards.enrol(campaign.id, [account_of(customer)], {"from": brand})
    free = 1 if enrolled else 21
    rewards.claimStatement(*campaign.stated(campaign.statement(buyer, bits(0))), {"from": buyer})
    two = campaign.statement(buyer, bits(1, 2))
    if enrolled:
        with reverts_with("NotFree", free - 1, 2):
            rewards.claimStatement(*campaign.stated(two), {"from": buyer})
    else:
        rewards.claimStatement(*campaign.stated(two), {"from": buyer})
    all_ = campaign.statement(customer, 2**20 - 1)
    if enrolled:
        rewards.claimStatement(*campaign.stated(all_), {"from": customer})
        assert campaign.standing() == (0, 0, 0, 0)
    else:
        with reverts_with("NotFree", 18, 20):
            rewards.claimStatement(*campaign.stated(all_), {"from": customer})


# ------------------------------------------------------------------------------------------------ days, pages


@pytest.mark.parametrize(("contact", "day"), [(2, 1), (3, 1), (4, 2), (19, 9)])
def test_a_contact_has_its_day(
    rewards: Any, customer: Any, campaign: Campaign, contact: int, day: int
) -> None:
    statement = campaign.statement(customer, bits(0, contact))
    next_block_at(campaign.day(day) - 1)
    with reverts_with("ContactTooEarly", contact, campaign.day(day)):
        rewards.claimStatement(*campaign.stated(statement), {"from": customer})
    next_block_at(campaign.day(day))
    rewards.claimStatement(*campaign.stated(statement), {"from": customer})


def test_nothing_counts_before_the_start(rewards: Any, customer: Any, plan: Any, brand: Any) -> None:
    start = plan().terms["start"] + 1_000
    campaign = plan(start=start, perDay=0)
    rewards.open(tuple(campaign.terms.values()), 1, {"from": brand})
    for late in (-1, 0):
        next_block_at(start + late)
        if late < 0:
            with reverts_with("ContactTooEarly", 0, start):
                rewards.claimStatement(*campaign.stated(campaign.statement(customer, 1)), {"from": customer})
        else:
            rewards.claimStatement(*campaign.stated(campaign.statement(customer, 1)), {"from": customer})


@pytest.mark.parametrize("spare", [0, -1])
def test_a_day_that_begins_after_the_end_never_comes(
    rewards: Any, customer: Any, opened: Any, plan: Any, spare: int
) -> None:
    """The last day counts if it begins in the last second."""
    start = plan().terms["start"]
    campaign = opened(start=start, end=start + 86_400 + spare)
    travel_to(campaign.day(20))
    statement = campaign.statement(customer, bits(2))
    if spare < 0:
        with reverts_with("ContactAfterEnd", 2, campaign.day(1), campaign.day(1) - 1):
            rewards.claimStatement(*campaign.stated(statement), {"from": customer})
    else:
        rewards.claimStatement(*campaign.stated(statement), {"from": customer})


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_until_the_last_second(rewards: Any, customer: Any, campaign: Campaign, late: int) -> None:
    until = campaign.terms["claimUntil"]
    next_block_at(until + late)
    statement = campaign.statement(customer, 2**20 - 1)
    if late <= 0:
        rewards.claimStatement(*campaign.stated(statement), {"from": customer})
        return
    with reverts_with("ClaimsOver", until):
        rewards.claimStatement(*campaign.stated(statement), {"from": customer})


def test_contacts_at_the_borders_of_pages(rewards: Any, cash: Any, customer: Any, opened: Any) -> None:
    campaign = opened(maxContacts=2 * PAGE + 1, perDay=0, budget=1_000)
    whole = 2**PAGE - 1
    for page, contacts, paid in ((0, bits(254), 1), (1, bits(0), 2), (2, bits(0), 3), (1, whole, 257)):
        statement = campaign.statement(customer, contacts, page)
        events = rewards.claimStatement(*campaign.stated(statement), {"from": customer}).events
        assert events["ContactsPaid"]["packed"] == page << 168 | int(customer.address, 16)
        assert cash.balanceOf(customer) == paid * PRICE
    refused = (
        (0, bits(255)),
        (1, bits(255)),
        (2, bits(1)),
        (2, bits(254)),
        (3, bits(0)),
        (257, bits(0)),
        (2**16, bits(0)),
        (MAX_UINT256, bits(0)),
        (2**255 // PAGE, MAX_UINT256),
    )
    for page, contacts in refused:
        with reverts_with("ContactOutOfRange", page, contacts, 2 * PAGE + 1):
            rewards.claimStatement(
                *campaign.stated(campaign.statement(customer, contacts, page)), {"from": customer}
            )


def test_the_last_contact_there_can_be(rewards: Any, cash: Any, customer: Any, opened: Any) -> None:
    campaign = opened(maxContacts=65_535, perDay=0)
    rewards.claimStatement(*campaign.stated(campaign.statement(customer, bits(254), 256)), {"from": customer})
    assert cash.balanceOf(customer) == PRICE
    with reverts_with("ContactOutOfRange", 257, 1, 65_535):
        rewards.claimStatement(*campaign.stated(campaign.statement(customer, 1, 257)), {"from": customer})


# -------------------------------------------------------------------------------------------------- signature


@pytest.mark.parametrize("field", ["account", "page", "contacts"])
def test_every_field_is_signed(rewards: Any, customer: Any, buyer: Any, opened: Any, field: str) -> None:
    campaign = opened(maxContacts=600)
    account, page, contacts, signature, credential = campaign.statement(customer, 1)
    if field == "account":
        account = account_of(buyer)
    page, contacts = page + (field == "page"), contacts + 2 * (field == "contacts")
    digest = campaign.statement_digest(account, contacts, page)
    with reverts_with("NotSignedByCampaign", campaign.signer, digest):
        rewards.claimStatement(
            *campaign.stated((account, page, contacts, signature, credential)), {"from": customer}
        )


def test_nobody_else_signs(
    rewards: Any, brand: Any, customer: Any, stranger: Any, campaign: Campaign
) -> None:
    for who in (brand, customer, stranger):
        with reverts_with("NotSignedByCampaign", campaign.signer, campaign.statement_digest(customer, 1)):
            rewards.claimStatement(*campaign.stated(campaign.statement(customer, 1, by=who)), {"from": who})


def test_serves_one_campaign_chain_and_deployment(
    rewards: Any, deployer: Any, customer: Any, opened: Any, campaign: Campaign
) -> None:
    """All have the same signer."""
    twin = brownie.AttentionRewards.deploy({"from": deployer})
    wrong = (
        opened().statement(customer, 1),
        campaign.statement(customer, 1, chainId=1),
        campaign.statement(customer, 1, verifyingContract=twin.address),
        campaign.statement(customer, 1, version="2"),
        campaign.statement(customer, 1, name="Troc Inbox"),
    )
    for statement in wrong:
        with reverts_with("NotSignedByCampaign", campaign.signer, campaign.statement_digest(customer, 1)):
            rewards.claimStatement(*campaign.stated(statement), {"from": customer})


def test_what_is_no_signature(rewards: Any, customer: Any, campaign: Campaign) -> None:
    *words, (r, vs), credential = campaign.statement(customer, 1)
    digest = campaign.statement_digest(customer, 1)
    wrong = (
        (bytes(32), bytes(32)),
        (r, bytes(32)),
        (bytes(32), vs),
        (vs, r),
        (b"\xff" * 32, vs),
        (r, bytes([vs[0] ^ 0x80]) + vs[1:]),
    )
    for form in wrong:
        with reverts_with("NotSignedByCampaign", campaign.signer, digest):
            rewards.claimStatement(*campaign.stated((*words, form, credential)), {"from": customer})
    rewards.claimStatement(*campaign.stated((*words, (r, vs), credential)), {"from": customer})


def test_a_contract_s_word_does_not_count(
    rewards: Any, customer: Any, signer: Any, create_wallet: Any, opened: Any
) -> None:
    """It could say no later, once the contact was made."""
    wallet = create_wallet(signer)
    campaign = opened(signer=wallet)
    with reverts_with("NotSignedByCampaign", wallet, campaign.statement_digest(customer, 1)):
        rewards.claimStatement(
            *campaign.stated(campaign.statement(customer, 1, by=signer)), {"from": customer}
        )


def test_accounts_are_addresses(rewards: Any, customer: Any, campaign: Campaign) -> None:
    for account in (NOBODY, b"\1" + account_of(customer)[1:], (1 << 160).to_bytes(32)):
        with reverts_with("NoSuchAccount", account):
            rewards.claimStatement(*campaign.stated(campaign.statement(account, 1)), {"from": customer})


# ------------------------------------------------------------------------------------------------------ token


def test_a_token_that_fails_uses_up_nothing(
    rewards: Any, brand: Any, deployer: Any, customer: Any, opened: Any
) -> None:
    odd = brownie.OddTokenMock.deploy({"from": deployer})
    odd.mint(brand, BUDGET * PRICE, {"from": deployer})
    odd.approve(rewards, MAX_UINT256, {"from": brand})
    campaign = opened(token=odd)
    statement = campaign.statement(customer, 3)
    returns_nothing, returns_false, returns_two, reverts = 5, 6, 7, 9
    for oddity in (returns_false, returns_two, reverts):
        odd.behave(oddity, {"from": deployer})
        with reverts_with("RewardFailed", odd, customer):
            rewards.claimStatement(*campaign.stated(statement), {"from": customer})
    assert rewards.contactsOf(campaign.id, account_of(customer), 0) == 0
    assert campaign.standing()[0] == BUDGET
    odd.behave(returns_nothing, {"from": deployer})
    rewards.claimStatement(*campaign.stated(statement), {"from": customer})
    assert odd.balanceOf(customer) == 2 * PRICE


def test_who_refuses_is_not_paid(rewards: Any, customer: Any, token: Any, opened: Any) -> None:
    """Points go to no contract of points."""
    for mode in ("points", "fresh"):
        campaign = opened(mode)
        with reverts_with("RewardFailed", token, token):
            rewards.claimStatement(*campaign.stated(campaign.statement(token, 1)), {"from": customer})


def test_reverts_where_there_is_no_campaign(rewards: Any, customer: Any, plan: Any) -> None:
    campaign = plan()
    with reverts_with("CampaignUnknown", campaign.id):
        rewards.claimStatement(*campaign.stated(campaign.statement(customer, 1)), {"from": customer})
