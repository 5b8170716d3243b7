"""Slips, as they travel to whom they pay, are what the deployed contract pays."""

from __future__ import annotations

from typing import Any

import pytest
from brownie import web3
from eth_account import Account

from tests.campaigns import PRICE, Campaign, account_of, pair
from tests.unit.AttentionRewards.conftest import BUDGET
from troc.accounts import Signer
from troc.attention.messages import Statement, Ticket, rewards_domain
from troc.attention.slips import NO_ACCOUNT, Slip, read_text, sign_statements, sign_ticket
from troc.messages import Domain

SEED = b"\x5e" * 16


@pytest.fixture(scope="module")
def key(signer: Any) -> Signer:
    """The campaign's, as the client has it."""
    return Signer("the campaign's key", signer.address, Account.from_key(signer.private_key))


@pytest.fixture(scope="module")
def domain(rewards: Any) -> Domain:
    return rewards_domain(web3.chain_id, rewards.address)


@pytest.fixture(scope="module")
def wide(opened: Any, rewards: Any, brand: Any) -> Campaign:
    """Several pages, all at once, and a thousand codes and one."""
    campaign: Campaign = opened(maxContacts=600, perDay=0, codes=1_001, budget=BUDGET + 1_001)
    rewards.activate(campaign.id, [1], {"from": brand})
    return campaign


def statement_words(slip: Slip) -> tuple[Any, ...]:
    message = slip.message
    assert isinstance(message, Statement)
    return message.account, message.page, message.contacts, pair(slip.signature), b""


def claim_words(slip: Slip, account: bytes, recipient: str) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    message, (_, by_key) = slip.message, slip.claim_to(recipient)
    assert isinstance(message, Ticket)
    ticket = (account, message.id, message.key, message.valid_until, pair(slip.signature))
    return ticket, pair(by_key)


def test_statements(
    rewards: Any, cash: Any, customer: Any, key: Signer, domain: Domain, wide: Campaign
) -> None:
    contacts = [0, 7, 254, 255, 509, 510, 599]
    slips = sign_statements(wide.id, account_of(customer), contacts, domain, key)
    travelled = [read_text(slip.to_text()) for slip in slips]
    rewards.claimStatements(*wide.batch([statement_words(slip) for slip in travelled]), {"from": customer})
    assert cash.balanceOf(customer) == len(contacts) * PRICE


def test_a_bound_ticket(
    rewards: Any, cash: Any, customer: Any, key: Signer, domain: Domain, wide: Campaign
) -> None:
    until = wide.terms["claimUntil"]
    slip = read_text(sign_ticket(wide.id, account_of(customer), 599, until, SEED, domain, key).to_text())
    words = claim_words(slip, account_of(customer), customer.address)
    rewards.claimTicket(wide.handle, *words, b"", {"from": customer})
    assert rewards.contactsOf(wide.id, account_of(customer), 2) == 1 << 89
    assert cash.balanceOf(customer) == PRICE


def test_a_code(rewards: Any, cash: Any, customer: Any, key: Signer, domain: Domain, wide: Campaign) -> None:
    until = wide.terms["claimUntil"]
    slip = read_text(sign_ticket(wide.id, NO_ACCOUNT, 1_000, until, SEED, domain, key).to_text())
    words = claim_words(slip, account_of(customer), customer.address)
    rewards.claimCode(wide.handle, *words, b"", {"from": customer})
    assert rewards.isTaken(wide.id, 1_000)
    assert cash.balanceOf(customer) == PRICE
