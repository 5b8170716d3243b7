"""Contract wallets as customers, as brands and as attestors; never as a campaign's key."""

from __future__ import annotations

from typing import Any

import brownie
import pytest
from eth_abi.abi import encode

from tests.campaigns import KEY, NOBODY, PRICE, account_of, bits
from tests.helpers import MAX_UINT256, reverts_with, sign, travel_to
from tests.unit.AttentionRewards.conftest import BUDGET, MODES


@pytest.mark.parametrize("mode", MODES)
def test_a_customer_that_is_a_wallet(
    rewards: Any, brand: Any, customer: Any, create_wallet: Any, money: Any, opened: Any, mode: str
) -> None:
    """It signs nothing: whoever submits, and by whatever path, it is paid."""
    wallet = create_wallet(customer)
    campaign = opened(mode, perDay=0, codes=1)
    rewards.enrol(campaign.id, [account_of(wallet)], {"from": brand})
    rewards.activate(campaign.id, [0], {"from": brand})
    leaf = campaign.leaf(wallet, bits(3))
    rewards.appendRoot(campaign.id, leaf[0], {"from": brand})
    claim = rewards.claimStatement.encode_input(*campaign.stated(campaign.statement(wallet, bits(0))))
    wallet.execute(rewards, claim, {"from": customer})
    rewards.claimStatements(*campaign.batch([campaign.statement(wallet, bits(1))]), {"from": brand})
    rewards.claimTicket(*campaign.bound(wallet, 2), {"from": brand})
    rewards.claimCode(*campaign.code(wallet, 0), {"from": brand})
    travel_to(campaign.day(1) + 100)
    rewards.claimRoot(*campaign.proven(leaf), {"from": brand})
    assert money(mode).balanceOf(wallet) == 5 * PRICE
    assert campaign.standing() == (BUDGET - 5, 16, 0, BUDGET - 21)


def test_a_wallet_that_refuses_calls_is_paid_too(rewards: Any, cash: Any, deployer: Any, opened: Any) -> None:
    """Nobody calls it: neither points nor an ERC-20 ask their receiver."""
    for mode in MODES:
        campaign = opened(mode)
        wallet = brownie.OddWalletMock.deploy({"from": deployer})
        rewards.claimStatement(*campaign.stated(campaign.statement(wallet, 1)), {"from": deployer})
        assert campaign.standing()[0] == BUDGET - 1


def test_a_brand_that_is_a_wallet(
    rewards: Any, cash: Any, brand: Any, deployer: Any, create_wallet: Any, plan: Any, customer: Any
) -> None:
    wallet = create_wallet(brand)
    cash.mint(wallet, BUDGET * PRICE, {"from": deployer})
    campaign = plan(admin=wallet)
    calls = (
        (cash, cash.approve.encode_input(rewards, MAX_UINT256)),
        (rewards, rewards.open.encode_input(tuple(campaign.terms.values()), BUDGET)),
        (rewards, rewards.enrol.encode_input(campaign.id, [account_of(customer)])),
    )
    for target, data in calls:
        wallet.execute(target, data, {"from": brand})
    assert campaign.standing() == (BUDGET, 20, 0, BUDGET - 20)
    with reverts_with("NotTheAdmin", campaign.id, wallet, brand):
        rewards.enrol(campaign.id, [], {"from": brand})


def test_an_attestor_that_is_a_wallet(
    rewards: Any,
    cash: Any,
    deployer: Any,
    attestor: Any,
    customer: Any,
    buyer: Any,
    create_wallet: Any,
    opened: Any,
) -> None:
    """What it signs by ERC-1271 counts, in a batch as well; what another signs does not."""
    wallet = create_wallet(attestor)
    credentials = brownie.AttestorCredentials.deploy(wallet, {"from": deployer})
    campaign = opened(credentials=credentials)
    person, other = b"\x0a" * 32, b"\x0b" * 32

    def certified(pseudonym: bytes, account: Any, by: Any) -> bytes:
        message = {
            "attestor": wallet.address,
            "campaign": campaign.id,
            "pseudonym": pseudonym,
            "account": account.address,
            "expiry": 2**40,
        }
        signature = sign(by, credentials, "Credential", message)
        return encode(["address", "uint256"], [account.address, 2**40]) + signature

    good = certified(person, customer, attestor)
    rewards.claimStatement(*campaign.stated(campaign.statement(person, 1, credential=good)), {"from": buyer})
    ticket = campaign.ticket(person, 1)
    taker = campaign.taker(ticket, person, customer, credential=good)
    campaign.take(ticket, taker, {"from": buyer})
    batch = [
        campaign.statement(other, 1, credential=certified(other, buyer, buyer)),
        campaign.statement(other, 1, credential=certified(other, buyer, attestor)),
    ]
    events = rewards.claimStatements(*campaign.batch(batch), {"from": buyer}).events
    assert events["StatementSkipped"]["position"] == 0
    assert (cash.balanceOf(customer), cash.balanceOf(buyer)) == (2 * PRICE, PRICE)


def test_who_a_pseudonym_is_paid_to(
    rewards: Any,
    cash: Any,
    customer: Any,
    buyer: Any,
    credentials: Any,
    certify: Any,
    create_wallet: Any,
    opened: Any,
) -> None:
    """The account that the credential names, and a ticket's key has to name the same."""
    campaign, person = opened(credentials=credentials), b"\xfa" * 32
    wallet = create_wallet(customer)
    credential = certify(campaign.id, person, wallet)
    ticket = campaign.ticket(person, 0)
    taker = campaign.taker(ticket, person, buyer, credential=credential)
    with reverts_with("NotSignedByTicketKey", KEY.address, campaign.naming_digest(ticket, wallet)):
        campaign.take(ticket, taker, {"from": buyer})
    taker = campaign.taker(ticket, person, wallet, credential=credential)
    campaign.take(ticket, taker, {"from": buyer})
    statement = campaign.statement(person, 3, credential=credential)
    rewards.claimStatement(*campaign.stated(statement), {"from": buyer})
    assert cash.balanceOf(wallet) == 2 * PRICE
    assert rewards.contactsOf(campaign.id, person, 0) == 3


@pytest.mark.parametrize("path", ["statement", "ticket", "code", "root"])
def test_no_credential_no_payment(
    rewards: Any,
    brand: Any,
    customer: Any,
    attestor: Any,
    credentials: Any,
    certify: Any,
    opened: Any,
    path: str,
) -> None:
    campaign, person = opened(credentials=credentials, codes=1), b"\xfa" * 32
    rewards.activate(campaign.id, [0], {"from": brand})
    root = campaign.leaf(person, 1)[0]
    rewards.appendRoot(campaign.id, root, {"from": brand})
    travel_to(campaign.day(1) + 100)

    def claim(credential: bytes) -> None:
        if path == "statement":
            statement = campaign.statement(person, 1, credential=credential)
            rewards.claimStatement(*campaign.stated(statement), {"from": customer})
        elif path == "root":
            leaf = campaign.leaf(person, 1, credential=credential)
            rewards.claimRoot(*campaign.proven(leaf), {"from": customer})
        else:
            ticket = campaign.ticket(NOBODY if path == "code" else person, 0)
            taker = campaign.taker(ticket, person, customer, credential=credential)
            campaign.take(ticket, taker, {"from": customer})

    with reverts_with("CredentialTooShort", 0):
        claim(b"")
    # Another campaign's, another person's, another's signature: each is what nobody signed for this.
    good = certify(campaign.id, person, customer)
    for wrong in (
        certify(bytes(32), person, customer),
        certify(campaign.id, b"\xfb" * 32, customer),
        certify(campaign.id, person, customer, signer=customer),
        certify(campaign.id, person, customer, expiry=2**40 + 1)[:64] + good[64:],
    ):
        with pytest.raises(Exception, match="CredentialNotSigned"):
            claim(wrong)
    claim(good)


@pytest.mark.parametrize("word", [bytes(32), b"\1" * 32, b""], ids=["nobody", "no address", "nothing"])
def test_an_odd_contract_of_credentials(
    rewards: Any, deployer: Any, customer: Any, opened: Any, word: bytes
) -> None:
    """It names nobody, or no address: by itself that reverts, in a batch it is passed over."""
    odd = brownie.FallbackMock.deploy(word, {"from": deployer})
    campaign, person = opened(credentials=odd), b"\xfa" * 32
    statement = campaign.statement(person, 1)
    if word == bytes(32):
        with reverts_with("CredentialRefused", odd, person):
            rewards.claimStatement(*campaign.stated(statement), {"from": customer})
    else:
        with brownie.reverts():
            rewards.claimStatement(*campaign.stated(statement), {"from": customer})
    assert rewards.claimStatements.call(*campaign.batch([statement]), {"from": customer}) == 0
    assert campaign.standing()[0] == BUDGET
