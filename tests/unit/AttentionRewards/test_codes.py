"""claimTicket of a code: whoever has its key is paid, once, within what an account and a day may have."""

from __future__ import annotations

from typing import Any

import pytest
from brownie import history
from eth_account import Account

from tests.campaigns import KEY, NOBODY, OTHER_KEY, PRICE, Campaign, account_of
from tests.helpers import DAY, MAX_UINT256, next_block_at, now, reverts_with, travel_to, typed_data
from tests.unit.AttentionRewards.conftest import BUDGET, MODES

CODES = 12


@pytest.fixture(scope="module")
def coded(opened: Any, rewards: Any, brand: Any) -> Campaign:
    """Twelve codes, five for an account, two a day."""
    campaign: Campaign = opened(codes=CODES, codesPerAccount=5)
    rewards.activate(campaign.id, [0], {"from": brand})
    return campaign


@pytest.mark.parametrize("mode", MODES)
def test_pays_whoever_has_its_key(
    rewards: Any, brand: Any, customer: Any, stranger: Any, money: Any, opened: Any, mode: str
) -> None:
    campaign = opened(mode, codes=CODES)
    rewards.activate(campaign.id, [0], {"from": brand})
    events = rewards.claimCode(*campaign.code(customer, 11), {"from": stranger}).events
    assert dict(events["CodePaid"]) == {
        "campaignId": "0x" + campaign.id.hex(),
        "account": "0x" + account_of(customer).hex(),
        "packed": 11 << 160 | int(customer.address, 16),
    }
    assert money(mode).balanceOf(customer) == PRICE
    assert rewards.isTaken(campaign.id, 11)
    assert rewards.codesOf(campaign.id, account_of(customer)) == (1, 1)
    assert campaign.standing() == (BUDGET - 1, 0, CODES - 1, BUDGET - CODES)
    # A code is no contact.
    assert rewards.contactsOf(campaign.id, account_of(customer), 0) == 0


def test_pays_it_once(rewards: Any, customer: Any, buyer: Any, coded: Campaign) -> None:
    rewards.claimCode(*coded.code(customer, 3), {"from": customer})
    for who in (customer, buyer):
        with reverts_with("CodeTaken", coded.id, 3):
            rewards.claimCode(*coded.code(who, 3), {"from": who})


@pytest.mark.parametrize("index", [CODES, CODES + 1, 2**32, MAX_UINT256])
def test_there_are_no_more(rewards: Any, customer: Any, coded: Campaign, index: int) -> None:
    with reverts_with("NoSuchCode", index, CODES):
        rewards.claimCode(*coded.code(customer, index), {"from": customer})


def test_an_inert_batch_pays_nobody(rewards: Any, brand: Any, customer: Any, opened: Any) -> None:
    """A sheet that was stolen from the printer."""
    campaign = opened(codes=CODES)
    with reverts_with("CodesInert", 0):
        rewards.claimCode(*campaign.code(customer, 0), {"from": customer})
    rewards.activate(campaign.id, [0], {"from": brand})
    rewards.claimCode(*campaign.code(customer, 0), {"from": customer})


def test_an_account_has_its_number_a_day_and_in_all(
    rewards: Any, customer: Any, buyer: Any, coded: Campaign
) -> None:
    """The day of the claim; a day begins with the campaign's first second."""
    for day, codes in ((0, 2), (1, 2)):
        next_block_at(coded.day(day + 1) - 3)
        for number in range(codes):
            rewards.claimCode(*coded.code(customer, 2 * day + number), {"from": customer})
        with reverts_with("CodesOfDayTaken", account_of(customer), 2):
            rewards.claimCode(*coded.code(customer, 9), {"from": customer})
        assert rewards.codesOf(coded.id, account_of(customer)) == (2 * day + 2, 2)
    travel_to(coded.day(2))
    assert rewards.codesOf(coded.id, account_of(customer)) == (4, 0)
    rewards.claimCode(*coded.code(customer, 8), {"from": customer})
    assert rewards.codesOf(coded.id, account_of(customer)) == (5, 1)
    with reverts_with("CodesOfAccountTaken", account_of(customer), 5):
        rewards.claimCode(*coded.code(customer, 9), {"from": customer})
    rewards.claimCode(*coded.code(buyer, 9), {"from": buyer})
    assert rewards.codesOf(coded.id, account_of(buyer)) == (1, 1)


def test_without_bounds(rewards: Any, brand: Any, customer: Any, opened: Any) -> None:
    campaign = opened(codes=6, perDay=0)
    rewards.activate(campaign.id, [0], {"from": brand})
    for index in range(6):
        rewards.claimCode(*campaign.code(customer, index), {"from": customer})
    assert campaign.standing()[2] == 0


def test_before_the_start(rewards: Any, brand: Any, customer: Any, plan: Any) -> None:
    start = now() + 1_000
    campaign = plan(start=start, codes=1)
    rewards.open(tuple(campaign.terms.values()), 1, {"from": brand})
    rewards.activate(campaign.id, [0], {"from": brand})
    for early in (1, 0):
        next_block_at(start - early)
        if early:
            with reverts_with("CampaignNotStarted", start):
                rewards.claimCode(*campaign.code(customer, 0), {"from": customer})
        else:
            rewards.claimCode(*campaign.code(customer, 0), {"from": customer})


def test_after_the_end_until_the_claims_are_over(rewards: Any, customer: Any, coded: Campaign) -> None:
    """A code has no day of its own: packaging stands on a shelf."""
    next_block_at(coded.terms["claimUntil"])
    rewards.claimCode(*coded.code(customer, 0), {"from": customer})
    next_block_at(coded.terms["claimUntil"] + 1)
    with reverts_with("ClaimsOver", coded.terms["claimUntil"]):
        rewards.claimCode(*coded.code(customer, 1), {"from": customer})


def test_all_codes_are_paid_whatever_others_claim(
    rewards: Any, brand: Any, customer: Any, buyer: Any, opened: Any
) -> None:
    campaign = opened(codes=3, budget=4, perDay=0)
    rewards.activate(campaign.id, [0], {"from": brand})
    with reverts_with("NotFree", 1, 2):
        rewards.claimStatement(*campaign.stated(campaign.statement(buyer, 3)), {"from": buyer})
    rewards.claimStatement(*campaign.stated(campaign.statement(buyer, 1)), {"from": buyer})
    for index in range(3):
        rewards.claimCode(*campaign.code(customer, index), {"from": customer})
    assert campaign.standing() == (0, 0, 0, 0)


# ---------------------------------------------------------------------------------------------------- theft


def test_a_key_that_is_taken_from_the_pool(
    rewards: Any, cash: Any, customer: Any, stranger: Any, coded: Campaign
) -> None:
    """Her transaction waits. He copies it, changes it, and pays more to be first: it pays her alone."""
    ticket = coded.ticket(NOBODY, 5)
    taker = coded.taker(ticket, customer)
    his, sent = account_of(stranger), {"from": stranger}
    with reverts_with("NotSignedByTicketKey", KEY.address, coded.naming_digest(ticket, stranger)):
        coded.take(ticket, (his, *taker[1:]), sent)
    bound = (his, *ticket[1:])
    with reverts_with("NotSignedByCampaign", coded.signer, coded.ticket_digest(bound)):
        coded.take(bound, taker, sent)
    coded.take(ticket, taker, sent)
    assert (cash.balanceOf(customer), cash.balanceOf(stranger)) == (PRICE, 0)
    with reverts_with("CodeTaken", coded.id, 5):
        coded.take(ticket, taker, {"from": customer})


def test_two_keys_for_one_index_are_proof_of_fraud(
    rewards: Any, cash: Any, customer: Any, buyer: Any, coded: Campaign
) -> None:
    """The first is paid. Both have the signature of the campaign's key, and whoever reads the two
    transactions can show it.
    """
    for who, key in ((customer, KEY), (buyer, OTHER_KEY)):
        ticket = coded.ticket(NOBODY, 4, key=key)
        taker = coded.taker(ticket, who, key=key)
        if who == customer:
            coded.take(ticket, taker, {"from": who})
        else:
            with reverts_with("CodeTaken", coded.id, 4):
                coded.take(ticket, taker, {"from": who})
    assert (cash.balanceOf(customer), cash.balanceOf(buyer)) == (PRICE, 0)
    assert coded.standing()[2] == CODES - 1
    keys = set()
    for transaction in history[-2:]:
        _, (handle, ticket, *_) = rewards.decode_input(transaction.input)
        _, number, key, until, (r, vs) = ticket
        assert (bytes(handle[2]), number) == (coded.handle[2], 4)
        message = typed_data(rewards, "Ticket", coded.ticket_message((NOBODY, number, key, until)))
        v, s = divmod(int.from_bytes(vs), 1 << 255)
        assert Account.recover_message(message, vrs=(27 + v, bytes(r), s.to_bytes(32))) == coded.signer
        keys.add(key)
    assert keys == {KEY.address, OTHER_KEY.address}


def test_codes_of_a_person(
    rewards: Any,
    cash: Any,
    brand: Any,
    customer: Any,
    buyer: Any,
    credentials: Any,
    certify: Any,
    opened: Any,
) -> None:
    """Who has many accounts is still one."""
    campaign = opened(codes=3, codesPerAccount=1, credentials=credentials)
    rewards.activate(campaign.id, [0], {"from": brand})
    person = b"\x0a" * 32
    for index, account in ((0, customer), (1, buyer)):
        ticket = campaign.ticket(NOBODY, index)
        credential = certify(campaign.id, person, account)
        taker = campaign.taker(ticket, person, account, credential=credential)
        if index == 0:
            campaign.take(ticket, taker, {"from": account})
        else:
            with reverts_with("CodesOfAccountTaken", person, 1):
                campaign.take(ticket, taker, {"from": account})
    assert (cash.balanceOf(customer), cash.balanceOf(buyer)) == (PRICE, 0)


def test_the_day_of_a_claim_at_its_border(rewards: Any, customer: Any, coded: Campaign) -> None:
    times = (coded.day(5) - 2, coded.day(5) - 1, coded.day(5), coded.day(5) + 1)
    for index, time in enumerate(times):
        next_block_at(time)
        rewards.claimCode(*coded.code(customer, index), {"from": customer})
    assert coded.day(5) - coded.day(4) == DAY
    assert rewards.codesOf(coded.id, account_of(customer)) == (4, 2)
