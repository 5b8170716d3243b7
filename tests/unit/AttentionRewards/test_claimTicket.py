"""claimTicket of a bound ticket: a promise from before the contact, which its one-time key redeems."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.campaigns import KEY, NOBODY, OTHER_KEY, PAGE, PRICE, Campaign, account_of, bits
from tests.helpers import MAX_UINT256, next_block_at, now, reverts_with
from tests.unit.AttentionRewards.conftest import BUDGET, MODES


def claim(campaign: Campaign, ticket: tuple[Any, ...], taker: tuple[Any, ...], by: Any) -> Any:
    return campaign.take(ticket, taker, {"from": by})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("enrolled", [False, True], ids=["first come", "enrolled"])
def test_pays_its_contact(
    rewards: Any, brand: Any, customer: Any, stranger: Any, money: Any, opened: Any, mode: str, enrolled: bool
) -> None:
    campaign = opened(mode)
    if enrolled:
        rewards.enrol(campaign.id, [account_of(customer)], {"from": brand})
    events = rewards.claimTicket(*campaign.bound(customer, 1), {"from": stranger}).events
    assert dict(events["ContactsPaid"]) == {
        "campaignId": "0x" + campaign.id.hex(),
        "account": "0x" + account_of(customer).hex(),
        "contacts": 2,
        "packed": 1 << 160 | int(customer.address, 16),
    }
    assert money(mode).balanceOf(customer) == PRICE
    reserved = 19 if enrolled else 0
    assert campaign.standing() == (BUDGET - 1, reserved, 0, BUDGET - 1 - reserved)
    with reverts_with("NothingNew", campaign.id, account_of(customer)):
        rewards.claimTicket(*campaign.bound(customer, 1), {"from": stranger})


def test_at_the_borders_of_pages(rewards: Any, customer: Any, opened: Any) -> None:
    campaign = opened(maxContacts=PAGE + 2, perDay=0)
    for number, page, word in ((254, 0, 1 << 254), (255, 1, 1), (256, 1, 3)):
        rewards.claimTicket(*campaign.bound(customer, number), {"from": customer})
        assert rewards.contactsOf(campaign.id, account_of(customer), page) == word
    for number in (PAGE + 2, 65_535, PAGE << 16, MAX_UINT256):
        with reverts_with("ContactOutOfRange", number // PAGE, 1 << number % PAGE, PAGE + 2):
            rewards.claimTicket(*campaign.bound(customer, number), {"from": customer})


def test_its_contact_has_its_day(rewards: Any, customer: Any, campaign: Campaign) -> None:
    for early in (1, 0):
        next_block_at(campaign.day(3) - early)
        if early:
            with reverts_with("ContactTooEarly", 7, campaign.day(3)):
                rewards.claimTicket(*campaign.bound(customer, 7), {"from": customer})
        else:
            rewards.claimTicket(*campaign.bound(customer, 7), {"from": customer})


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_is_valid_until_its_last_second(customer: Any, campaign: Campaign, late: int) -> None:
    until = now() + 1_000
    ticket = campaign.ticket(customer, 0, valid_until=until)
    taker = campaign.taker(ticket, customer)
    next_block_at(until + late)
    if late <= 0:
        claim(campaign, ticket, taker, customer)
        return
    with reverts_with("TicketExpired", until):
        claim(campaign, ticket, taker, customer)


def test_is_over_with_the_claims(customer: Any, campaign: Campaign) -> None:
    until = campaign.terms["claimUntil"]
    ticket = campaign.ticket(customer, 0, valid_until=MAX_UINT256)
    next_block_at(until + 1)
    with reverts_with("ClaimsOver", until):
        claim(campaign, ticket, campaign.taker(ticket, customer), customer)


# ---------------------------------------------------------------------------------------------- whose it is


def test_pays_nobody_else(customer: Any, stranger: Any, campaign: Campaign) -> None:
    """Also when he has the key."""
    ticket = campaign.ticket(customer, 0)
    his = (account_of(stranger), *ticket[1:])
    with reverts_with("NotSignedByCampaign", campaign.signer, campaign.ticket_digest(his)):
        claim(campaign, his, campaign.taker(ticket, stranger), stranger)
    with reverts_with("NotSignedByTicketKey", KEY.address, campaign.naming_digest(ticket, customer)):
        claim(campaign, ticket, campaign.taker(ticket, customer, stranger), stranger)


def test_is_no_code(rewards: Any, brand: Any, customer: Any, opened: Any) -> None:
    """Nor is a code a contact, of whomever."""
    campaign = opened(codes=1)
    rewards.activate(campaign.id, [0], {"from": brand})
    bound, code = campaign.ticket(customer, 0), campaign.ticket(NOBODY, 0)
    _, *rest = campaign.taking(bound, campaign.taker(bound, customer))
    with reverts_with("NotSignedByCampaign", campaign.signer, campaign.ticket_digest((NOBODY, *bound[1:]))):
        rewards.claimCode(campaign.handle, *rest, {"from": customer})
    _, taken, *rest = campaign.taking(code, campaign.taker(code, customer))
    with reverts_with("NotSignedByCampaign", campaign.signer, campaign.ticket_digest(taken)):
        rewards.claimTicket(campaign.handle, taken, *rest, {"from": customer})
    with reverts_with("NoSuchAccount", NOBODY):
        rewards.claimTicket(campaign.handle, code, *rest, {"from": customer})


def test_without_its_key(customer: Any, stranger: Any, campaign: Campaign) -> None:
    """A guess is as good as none."""
    ticket = campaign.ticket(customer, 0)
    named = campaign.naming_digest(ticket, customer)
    account, (r, vs), credential = campaign.taker(ticket, customer)
    for form in ((bytes(32), bytes(32)), (r, bytes(32)), (vs, r), (r, bytes([vs[0] ^ 0x80]) + vs[1:])):
        with reverts_with("NotSignedByTicketKey", KEY.address, named):
            claim(campaign, ticket, (account, form, credential), customer)
    for key in (OTHER_KEY, customer, campaign.signer):
        with reverts_with("NotSignedByTicketKey", KEY.address, named):
            claim(campaign, ticket, campaign.taker(ticket, customer, key=key), customer)
    claim(campaign, ticket, (account, (r, vs), credential), stranger)


def test_a_key_without_its_ticket(brand: Any, customer: Any, stranger: Any, campaign: Campaign) -> None:
    """Whoever signs it but the campaign's key, and whatever of it is changed."""
    for who in (brand, customer, stranger, KEY):
        forged = campaign.ticket(customer, 0, by=who)
        with reverts_with("NotSignedByCampaign", campaign.signer, campaign.ticket_digest(forged)):
            claim(campaign, forged, campaign.taker(forged, customer), customer)
    ticket = campaign.ticket(customer, 0)
    other = (account_of(stranger), 1, OTHER_KEY.address, ticket[3] + 1)
    for place, value in enumerate(other):
        changed = (*ticket[:place], value, *ticket[place + 1 :])
        taker = campaign.taker(changed, customer, key=OTHER_KEY if place == 2 else KEY)
        with reverts_with("NotSignedByCampaign", campaign.signer, campaign.ticket_digest(changed)):
            claim(campaign, changed, taker, customer)


def test_the_key_names_one_ticket(customer: Any, campaign: Campaign) -> None:
    """One key in two tickets: its word for the first is none for the second."""
    first, second = campaign.ticket(customer, 0), campaign.ticket(customer, 1)
    with reverts_with("NotSignedByTicketKey", KEY.address, campaign.naming_digest(second, customer)):
        claim(campaign, second, campaign.taker(first, customer), customer)


def test_serves_one_campaign_and_deployment(
    rewards: Any, deployer: Any, customer: Any, opened: Any, campaign: Campaign
) -> None:
    twin = Campaign(brownie.AttentionRewards.deploy({"from": deployer}), campaign.terms, campaign.signer)
    for elsewhere in (opened(), twin):
        ticket = elsewhere.ticket(customer, 0)
        with reverts_with("NotSignedByCampaign", campaign.signer, campaign.ticket_digest(ticket)):
            claim(campaign, ticket, elsewhere.taker(ticket, customer), customer)


def test_with_a_contract_as_its_key(customer: Any, deployer: Any, campaign: Campaign) -> None:
    wallet = brownie.DigestMock.deploy({"from": deployer})
    ticket = campaign.ticket(customer, 0, key=wallet)
    named = campaign.naming_digest(ticket, customer)
    with reverts_with("NotSignedByTicketKey", wallet, named):
        claim(campaign, ticket, (account_of(customer), (named, named), b""), customer)


def test_a_promise_is_kept_though_the_brand_stops_signing(
    rewards: Any, cash: Any, brand: Any, customer: Any, stranger: Any, opened: Any
) -> None:
    """What she was promised beforehand, and what is reserved, needs no more word of the brand's."""
    campaign = opened(budget=21, perDay=0)
    rewards.enrol(campaign.id, [account_of(customer)], {"from": brand})
    promised = [campaign.bound(customer, number) for number in range(20)]
    rewards.claimStatement(*campaign.stated(campaign.statement(stranger, bits(0))), {"from": brand})
    rewards.offerAdmin(campaign.id, stranger, {"from": brand})
    rewards.acceptAdmin(campaign.id, {"from": stranger})
    for arguments in promised:
        rewards.claimTicket(*arguments, {"from": stranger})
    assert cash.balanceOf(customer) == 20 * PRICE
    assert campaign.standing() == (0, 0, 0, 0)
