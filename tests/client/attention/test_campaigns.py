"""A brand's campaigns on the chain: opened, funded, run, closed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.client.attention.cases import BUDGET, PRICE, START, Attention, attention, deployed, home
from troc.attention.campaigns import Terms
from troc.errors import CampaignError, ContractError
from troc.messages import ZERO_ADDRESS

__all__ = ["attention", "deployed", "home"]

_ONE = "0x" + "11" * 20
_TERMS = Terms(
    *(_ONE, _ONE, 0, True, 1, _ONE, 0, 0, 0, 0, 0, 0, 0, 1, ZERO_ADDRESS, 0, 0, bytes(32), bytes(32))
)


def test_the_id_is_the_contracts(attention: Attention) -> None:
    rewards = attention.rewards
    terms = attention.terms(salt=bytes(31) + b"\7")
    assert rewards.id_of(terms) == rewards.chain.call(rewards.contract.functions.idOf(terms.as_tuple()))


def test_a_statement_is_paid(attention: Attention) -> None:
    attention.claim(*attention.statements(attention.ann, 0, 2))
    assert attention.points(attention.ann) == 2 * PRICE
    rewards, account = attention.rewards, attention.account(attention.ann)
    assert rewards.word(attention.fresh.id, account) == 0b101
    assert rewards.paid(attention.fresh.id, account).contacts == {0, 2}
    assert rewards.campaign(attention.fresh.id).standing.left == 5_000 - 2
    attention.claim(*attention.statements(attention.ann, 0, campaign=attention.escrow))
    assert rewards.campaign(attention.escrow.id).standing.left == BUDGET - 1


def test_a_ticket_and_a_code_are_paid(attention: Attention) -> None:
    rewards, fresh = attention.rewards, attention.fresh
    ticket, code = attention.ticket(attention.bob, 1), attention.code(1_234)
    account = attention.account(attention.bob)
    call = rewards.ticket_call(ticket, account, attention.bob.address)
    attention.chain.send(call, attention.payer)
    rewards.activate(fresh.id, [1])
    call = rewards.ticket_call(code, account, attention.bob.address)
    attention.chain.send(call, attention.payer)
    paid = rewards.paid(fresh.id, account)
    assert paid.contacts == {1}
    assert paid.codes == {1_234}
    assert rewards.paid_in_all(fresh.id) == (1, 1)
    assert rewards.code_used(fresh.id, 1_234)
    assert rewards.codes_of(fresh.id, account) == (1, 1)
    assert attention.points(attention.bob) == 2 * PRICE


def test_accounts_are_enrolled_once(attention: Attention) -> None:
    rewards, id_ = attention.rewards, attention.fresh.id
    accounts = [attention.account(each) for each in (attention.ann, attention.bob)]
    assert rewards.enrol(id_, accounts[:1])[1] == 1
    receipts, number = rewards.enrol(id_, [*accounts, *accounts])
    assert (len(receipts), number) == (1, 1)
    assert rewards.enrol(id_, accounts) == ([], 0)
    assert rewards.enrolled(id_, accounts[1])
    assert rewards.campaign(id_).standing.reserved == 40


TERMS_REFUSED = {
    "SignerMissing",
    "BadMode",
    "RewardOutOfRange",
    "CampaignTimesOutOfRange",
    "ContactsOutOfRange",
    "RootDelayOutOfRange",
    "TopicOutOfRange",
}


def near(*borders: int) -> st.SearchStrategy[int]:
    return st.sampled_from([max(each + step, 0) for each in borders for step in (-1, 0, 1)])


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    """Up to three terms at their borders."""
    now, day = START, 86_400
    choices = {
        "signer": st.just(ZERO_ADDRESS),
        "token_kind": st.integers(0, 2),
        "fresh": st.booleans(),
        "price": near(0, 2**56, 2**96),
        "start": near(now, now + 30 * day),
        "end": near(now - 10 * day, now + 30 * day, now + 60 * day),
        "claim_until": near(now + 60 * day, now + 3_650 * day - 100, now + 3_700 * day),
        "max_contacts": near(0, 65_535),
        "per_day": near(0, 65_535),
        "codes": near(0, 2**32),
        "codes_per_account": near(0, 65_535),
        "root_delay_days": near(1, 7),
        "topic": near(63),
        "channel": near(15),
    }
    names = draw(st.lists(st.sampled_from(sorted(choices)), min_size=1, max_size=3, unique=True))
    return {name: draw(choices[name]) for name in names}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changed=changes())
def test_terms_are_refused_as_by_the_contract(attention: Attention, changed: dict[str, Any]) -> None:
    terms = attention.terms(**{"codes": 0, **changed})
    call = attention.rewards.contract.functions.open(terms.as_tuple(), 0)
    try:
        attention.chain.call(call, attention.owner.address)
        refused = ""
    except ContractError as error:
        refused = error.name
    try:
        terms.check(attention.chain.now())
        mine = False
    except CampaignError:
        mine = True
    assert mine == (refused in TERMS_REFUSED), refused


@given(st.integers(0, 40), st.integers(0, 20), st.integers(0, 6), st.integers(0, 5 * 86_400))
def test_contacts_of_an_account_are_those_whose_day_begins_in_time(
    contact: int, most: int, per_day: int, length: int
) -> None:
    terms = replace(_TERMS, max_contacts=most, per_day=per_day, start=START, end=START + length)
    opens = START + (contact // per_day * 86_400 if per_day else 0)
    assert terms.opens_at(contact) == opens
    assert terms.can_be_claimed(contact) == (contact < most and opens <= terms.end)
    assert terms.contacts == sum(map(terms.can_be_claimed, range(most)))
    assert Terms.from_json(terms.to_json()) == terms


def test_what_does_not_fit_a_transaction_is_enrolled_in_several(attention: Attention) -> None:
    """79 pages are read for each account: fifty of them are more than a block of this chain holds."""
    rewards = attention.rewards
    campaign = attention.open(budget=20_000 * 90, codes=0, max_contacts=20_000, price=1)
    accounts = [number.to_bytes(32) for number in range(1, 91)]
    told = []
    receipts, done = rewards.enrol(campaign.id, accounts, lambda *each: told.append(each))
    assert done == 90
    assert len(receipts) > 1
    assert told[-1] == (90, 90)
    assert rewards.campaign(campaign.id).standing.reserved == 20_000 * 90
    assert rewards.not_enrolled(campaign, accounts) == []


def test_a_contract_cannot_sign_for_a_campaign(attention: Attention) -> None:
    with pytest.raises(CampaignError, match="is a contract, and cannot sign"):
        attention.open(signer=attention.rewards.address)


def test_a_campaign_is_found_by_how_its_id_begins(attention: Attention) -> None:
    rewards = attention.rewards
    assert rewards.find(attention.fresh.short).id == attention.fresh.id
    assert rewards.find(attention.fresh.name[2:].upper()).id == attention.fresh.id
    with pytest.raises(CampaignError, match="no campaign begins"):
        rewards.find("0x" + "12" * 32)
    for text in ("", "0x"):
        with pytest.raises(CampaignError):
            rewards.find(text)
    with pytest.raises(CampaignError, match="there is no campaign"):
        rewards.campaign(bytes(32))
    assert {each.id for each in rewards.campaigns()} == {attention.fresh.id, attention.escrow.id}
    assert rewards.campaigns(attention.rewards.address) == []
