"""claimRoot: sets of contacts of many under one root, each proven by its own leaf."""

from __future__ import annotations

from typing import Any

import pytest

from tests.campaigns import PRICE, Campaign, account_of, bits, leaf_hash, node
from tests.helpers import next_block_at, reverts_with, travel_to
from tests.unit.AttentionRewards.conftest import BUDGET, MODES

SISTER, AUNT = b"\x05" * 32, b"\xf5" * 32


def append(campaign: Campaign, root: bytes, brand: Any, *, wait: bool = True) -> int:
    campaign.rewards.appendRoot(campaign.id, root, {"from": brand})
    effect = int(campaign.rewards.rootOf(campaign.id, root))
    if wait:
        travel_to(effect)
    return effect


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("enrolled", [False, True], ids=["first come", "enrolled"])
def test_pays_a_leaf(
    rewards: Any, brand: Any, customer: Any, stranger: Any, money: Any, opened: Any, mode: str, enrolled: bool
) -> None:
    campaign = opened(mode)
    if enrolled:
        rewards.enrol(campaign.id, [account_of(customer)], {"from": brand})
    leaf = campaign.leaf(customer, bits(0, 2), beside=[SISTER, AUNT])
    append(campaign, leaf[0], brand)
    events = rewards.claimRoot(*campaign.proven(leaf), {"from": stranger}).events
    assert dict(events["ContactsPaid"]) == {
        "campaignId": "0x" + campaign.id.hex(),
        "account": "0x" + account_of(customer).hex(),
        "contacts": 5,
        "packed": 2 << 160 | int(customer.address, 16),
    }
    assert money(mode).balanceOf(customer) == 2 * PRICE
    reserved = 18 if enrolled else 0
    assert campaign.standing() == (BUDGET - 2, reserved, 0, BUDGET - 2 - reserved)
    with reverts_with("NothingNew", campaign.id, account_of(customer)):
        rewards.claimRoot(*campaign.proven(leaf), {"from": stranger})


@pytest.mark.parametrize("late", [-1, 0])
def test_from_the_second_it_takes_effect(
    rewards: Any, brand: Any, customer: Any, campaign: Campaign, late: int
) -> None:
    leaf = campaign.leaf(customer, 1)
    effect = append(campaign, leaf[0], brand, wait=False)
    next_block_at(effect + late)
    if late:
        with reverts_with("RootNotInEffect", leaf[0], effect):
            rewards.claimRoot(*campaign.proven(leaf), {"from": customer})
        return
    rewards.claimRoot(*campaign.proven(leaf), {"from": customer})


@pytest.mark.parametrize("late", [0, 1])
def test_until_the_last_second(
    rewards: Any, brand: Any, customer: Any, campaign: Campaign, late: int
) -> None:
    leaf, until = campaign.leaf(customer, 1), campaign.terms["claimUntil"]
    append(campaign, leaf[0], brand)
    next_block_at(until + late)
    if not late:
        rewards.claimRoot(*campaign.proven(leaf), {"from": customer})
        return
    with reverts_with("ClaimsOver", until):
        rewards.claimRoot(*campaign.proven(leaf), {"from": customer})


def test_the_union_of_roots_counts(rewards: Any, cash: Any, brand: Any, customer: Any, opened: Any) -> None:
    """A later, smaller root takes nothing back, in whichever order they are claimed."""
    campaign = opened(perDay=0)
    large, small, other = (campaign.leaf(customer, bits(*set_)) for set_ in ((0, 1, 2), (0,), (2, 5)))
    for leaf in (large, small, other):
        rewards.appendRoot(campaign.id, leaf[0], {"from": brand})
    travel_to(rewards.rootOf(campaign.id, other[0]))
    for leaf, paid in ((small, 1), (other, 3), (large, 4)):
        rewards.claimRoot(*campaign.proven(leaf), {"from": customer})
        assert cash.balanceOf(customer) == paid * PRICE


def test_one_that_was_withdrawn_pays_nobody(
    rewards: Any, brand: Any, customer: Any, campaign: Campaign
) -> None:
    leaf = campaign.leaf(customer, 1)
    effect = append(campaign, leaf[0], brand, wait=False)
    rewards.withdrawRoot(campaign.id, leaf[0], {"from": brand})
    travel_to(effect)
    with reverts_with("RootUnknown", campaign.id, leaf[0]):
        rewards.claimRoot(*campaign.proven(leaf), {"from": customer})


def test_one_that_was_withdrawn_too_late_pays(
    rewards: Any, brand: Any, customer: Any, campaign: Campaign
) -> None:
    leaf = campaign.leaf(customer, 1)
    effect = append(campaign, leaf[0], brand)
    with reverts_with("RootInEffect", leaf[0], effect):
        rewards.withdrawRoot(campaign.id, leaf[0], {"from": brand})
    rewards.claimRoot(*campaign.proven(leaf), {"from": customer})


def test_an_unknown_root(rewards: Any, brand: Any, customer: Any, opened: Any, campaign: Campaign) -> None:
    """Another campaign's is one."""
    leaf = campaign.leaf(customer, 1)
    append(opened(), leaf[0], brand)
    with reverts_with("RootUnknown", campaign.id, leaf[0]):
        rewards.claimRoot(*campaign.proven(leaf), {"from": customer})


def test_another_campaign_s_leaf(
    rewards: Any, brand: Any, customer: Any, opened: Any, campaign: Campaign
) -> None:
    leaf = opened().leaf(customer, 1)
    append(campaign, leaf[0], brand)
    found = leaf_hash(campaign.id, account_of(customer), 0, 1)
    with reverts_with("RootUnknown", campaign.id, found):
        rewards.claimRoot(*campaign.proven(leaf), {"from": customer})


def test_every_field_is_proven(rewards: Any, brand: Any, customer: Any, buyer: Any, opened: Any) -> None:
    campaign = opened(maxContacts=600)
    root, account, page, contacts, proof, credential = campaign.leaf(customer, 1, beside=[SISTER])
    append(campaign, root, brand)
    wrong: tuple[tuple[bytes, int, int, list[bytes]], ...] = (
        (account_of(buyer), page, contacts, proof),
        (account, 1, contacts, proof),
        (account, page, 3, proof),
        (account, page, contacts, []),
        (account, page, contacts, [AUNT]),
        (account, page, contacts, [SISTER, AUNT]),
    )
    for whose, where, which, way in wrong:
        found = leaf_hash(campaign.id, whose, where, which)
        for sister in way:
            found = node(found, sister)
        with reverts_with("RootUnknown", campaign.id, found):
            rewards.claimRoot(
                *campaign.proven((root, whose, where, which, way, credential)), {"from": customer}
            )


def test_an_inner_node_is_no_leaf(rewards: Any, brand: Any, customer: Any, campaign: Campaign) -> None:
    """A leaf is hashed twice: no 64 bytes of a node pass for one, nor does a leaf without its second hash."""
    leaf = campaign.leaf(customer, 1, beside=[SISTER, AUNT])
    root = leaf[0]
    append(campaign, root, brand)
    inner = node(leaf_hash(campaign.id, account_of(customer), 0, 1), SISTER)
    # The two children read as account and page, of whatever contacts.
    children = sorted((leaf_hash(campaign.id, account_of(customer), 0, 1), SISTER))
    forged = (root, children[0], int.from_bytes(children[1]), 1, [AUNT], b"")
    assert node(inner, AUNT) == root
    found = node(leaf_hash(campaign.id, children[0], forged[2], 1), AUNT)
    with reverts_with("RootUnknown", campaign.id, found):
        rewards.claimRoot(*campaign.proven(forged), {"from": customer})


def test_days_hold_for_roots_too(rewards: Any, brand: Any, customer: Any, campaign: Campaign) -> None:
    leaf = campaign.leaf(customer, bits(0, 9))
    append(campaign, leaf[0], brand)
    for early in (1, 0):
        next_block_at(campaign.day(4) - early)
        if early:
            with reverts_with("ContactTooEarly", 9, campaign.day(4)):
                rewards.claimRoot(*campaign.proven(leaf), {"from": customer})
        else:
            rewards.claimRoot(*campaign.proven(leaf), {"from": customer})


def test_a_person_s_leaf(
    rewards: Any, cash: Any, brand: Any, customer: Any, credentials: Any, certify: Any, opened: Any
) -> None:
    campaign = opened(credentials=credentials)
    person = b"\x0a" * 32
    leaf = campaign.leaf(person, 1, credential=certify(campaign.id, person, customer))
    append(campaign, leaf[0], brand)
    rewards.claimRoot(*campaign.proven(leaf), {"from": brand})
    assert cash.balanceOf(customer) == PRICE
