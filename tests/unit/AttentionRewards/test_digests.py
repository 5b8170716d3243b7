"""What the contracts take for signed is what wallets sign and what the client computes: random messages."""

from __future__ import annotations

import random
from typing import Any

import pytest
from brownie import web3
from eth_abi.abi import encode
from eth_account import Account

from tests.campaigns import Campaign, pair
from tests.helpers import message_types
from tests.unit.test_digests import MANY, call_all, digests, message, selector
from troc.attention import messages as client
from troc.messages import Domain, digest

KINDS = ("Statement", "Ticket", "ClaimTicket", "Credential")
# The 1,000 are shared by all kinds.
EACH = MANY // len(KINDS)
UNSIGNED = (bytes(32), bytes(32))


@pytest.fixture
def chance() -> random.Random:
    return random.Random("troc digests of attention")


@pytest.fixture(scope="module")
def campaigns(opened: Any) -> list[Campaign]:
    """Of several signers, of whom nobody has the keys."""
    chance = random.Random("troc signers")
    return [opened(signer=web3.to_checksum_address(chance.randbytes(20)), budget=0) for _ in range(6)]


def domain_of(contract: Any, kind: str) -> Domain:
    make = client.credentials_domain if kind == "Credential" else client.rewards_domain
    return make(web3.chain_id, contract.address)


def agreed(contract: Any, kind: str, drawn: list[dict[str, Any]]) -> list[bytes]:
    """The digests by eth-account, after the client's were found to be the same."""
    assert kind in message_types()
    wallets = digests(contract, kind, drawn)
    made, domain = getattr(client, kind), domain_of(contract, kind)
    assert [digest(made(*one.values()), domain) for one in drawn] == wallets
    assert len(set(wallets)) == EACH
    return wallets


def refused(name: str, account: str, hash_: bytes) -> tuple[bool, bytes]:
    """Without a signature: the digest that should have been signed."""
    return False, selector(f"{name}(address,bytes32)") + bytes(12) + bytes.fromhex(account[2:]) + hash_


def about(chance: random.Random, campaigns: list[Campaign], kind: str, **fields: Any) -> dict[str, Any]:
    campaign = chance.choice(campaigns)
    return message(chance, kind, campaignSigner=campaign.terms["signer"], campaign=campaign.id, **fields)


def test_statements(rewards: Any, campaigns: list[Campaign], chance: random.Random) -> None:
    drawn = [about(chance, campaigns, "Statement") for _ in range(EACH)]
    handles = {campaign.id: campaign.handle for campaign in campaigns}
    calls = [
        rewards.claimStatement.encode_input(
            handles[one["campaign"]], (one["account"], one["page"], one["contacts"], UNSIGNED), b""
        )
        for one in drawn
    ]
    assert call_all(rewards, calls) == [
        refused("NotSignedByCampaign", one["campaignSigner"], hash_)
        for one, hash_ in zip(drawn, agreed(rewards, "Statement", drawn), strict=True)
    ]


def ticket_words(one: dict[str, Any], signature: tuple[bytes, bytes]) -> tuple[Any, ...]:
    return one["account"], one["id"], one["key"], one["validUntil"], signature


def test_tickets(rewards: Any, campaigns: list[Campaign], chance: random.Random) -> None:
    drawn = [
        about(
            chance,
            campaigns,
            "Ticket",
            account=chance.choice((bytes(32), chance.randbytes(32))),
            validUntil=2**40 + chance.getrandbits(200),
        )
        for _ in range(EACH)
    ]
    handles = {campaign.id: campaign.handle for campaign in campaigns}
    calls = [
        # What is signed for account 0 is a code.
        (rewards.claimTicket if any(one["account"]) else rewards.claimCode).encode_input(
            handles[one["campaign"]], ticket_words(one, UNSIGNED), UNSIGNED, b""
        )
        for one in drawn
    ]
    assert call_all(rewards, calls) == [
        refused("NotSignedByCampaign", one["campaignSigner"], hash_)
        for one, hash_ in zip(drawn, agreed(rewards, "Ticket", drawn), strict=True)
    ]


def test_claims_of_tickets(rewards: Any, campaign: Campaign, chance: random.Random) -> None:
    """The ticket is signed, its key is not: so it is the key's digest that is told."""
    tickets = [
        message(
            chance,
            "Ticket",
            campaignSigner=campaign.terms["signer"],
            campaign=campaign.id,
            account=bytes(12) + chance.randbytes(20),
            validUntil=2**40 + chance.getrandbits(200),
        )
        for _ in range(EACH)
    ]
    promised = digests(rewards, "Ticket", tickets)
    drawn = [
        message(
            chance,
            "ClaimTicket",
            key=ticket["key"],
            recipient=web3.to_checksum_address(ticket["account"][12:]),
            ticket=hash_,
        )
        for ticket, hash_ in zip(tickets, promised, strict=True)
    ]
    key = campaign.signer.private_key
    calls = [
        rewards.claimTicket.encode_input(
            campaign.handle,
            ticket_words(ticket, pair(bytes(Account.unsafe_sign_hash(hash_, key).signature))),
            UNSIGNED,
            b"",
        )
        for ticket, hash_ in zip(tickets, promised, strict=True)
    ]
    assert call_all(rewards, calls) == [
        refused("NotSignedByTicketKey", one["key"], hash_)
        for one, hash_ in zip(drawn, agreed(rewards, "ClaimTicket", drawn), strict=True)
    ]


def test_credentials(credentials: Any, attestor: Any, chance: random.Random) -> None:
    drawn = [
        message(
            chance,
            "Credential",
            attestor=attestor.address,
            account=web3.to_checksum_address((chance.getrandbits(159) + 1).to_bytes(20)),
            expiry=2**40 + chance.getrandbits(200),
        )
        for _ in range(EACH)
    ]
    calls = [
        credentials.accountOf.encode_input(
            one["campaign"],
            one["pseudonym"],
            encode(["address", "uint256"], [one["account"], one["expiry"]]),
        )
        for one in drawn
    ]
    assert call_all(credentials, calls) == [
        refused("CredentialNotSigned", attestor.address, hash_)
        for one, hash_ in zip(drawn, agreed(credentials, "Credential", drawn), strict=True)
    ]


def test_these_are_all_that_the_two_contracts_take() -> None:
    contracts = (client.REWARDS, client.CREDENTIALS)
    assert {kind.__name__ for kind in client.MESSAGES if kind.contract in contracts} == set(KINDS)
