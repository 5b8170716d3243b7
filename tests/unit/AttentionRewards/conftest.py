"""A brand that pays for contacts in cash, in points and in fresh points, and whoever signs for it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import brownie
import pytest
from eth_abi.abi import encode

from tests.campaigns import Campaign, codes_grant, make_terms
from tests.helpers import MAX_UINT256, sign
from tests.orders import ERC20, POINTS

HELD = 1_000_000
BUDGET = 100
MODES = ("cash", "points", "fresh")


@pytest.fixture(scope="module")
def signer(create_account: Callable[[str], Any]) -> Any:
    """Has the campaign's key."""
    return create_account("signer")


@pytest.fixture(scope="module")
def attestor(create_account: Callable[[str], Any]) -> Any:
    """Knows who is one person."""
    return create_account("attestor")


@pytest.fixture(scope="module")
def cash(deployer: Any) -> Any:
    return brownie.CashMock.deploy("Euro", "EUR", {"from": deployer})


@pytest.fixture(scope="module")
def rewards(
    deployer: Any, cash: Any, token: Any, brand: Any, customer: Any, buyer: Any, stranger: Any
) -> Any:
    """After the people, so that a test may ask for one by name."""
    rewards = brownie.AttentionRewards.deploy({"from": deployer})
    cash.mint(brand, HELD, {"from": deployer})
    token.mint(brand, HELD, {"from": brand})
    for money in (cash, token):
        money.approve(rewards, MAX_UINT256, {"from": brand})
    return rewards


@pytest.fixture(scope="module")
def credentials(deployer: Any, attestor: Any) -> Any:
    return brownie.AttestorCredentials.deploy(attestor, {"from": deployer})


@pytest.fixture(scope="module")
def plan(rewards: Any, brand: Any, signer: Any, cash: Any, token: Any) -> Callable[..., Campaign]:
    """A campaign of the brand's that is not open yet; no two are the same."""
    salts = count(1)

    def plan(mode: str = "cash", **fields: Any) -> Campaign:
        kind = {
            "cash": (cash, ERC20, False),
            "points": (token, POINTS, False),
            "fresh": (token, POINTS, True),
        }
        money, token_kind, fresh = kind[mode]
        usual = {"tokenKind": token_kind, "fresh": fresh, "salt": next(salts).to_bytes(32)}
        return Campaign(rewards, make_terms(brand, money, signer, **usual | fields), signer)

    return plan


@pytest.fixture(scope="module")
def grant(rewards: Any, brand: Any, token: Any) -> Callable[..., None]:
    """Gives a campaign its grant, in contacts: of them its codes have one of their own."""

    def grant(campaign: Campaign, contacts: int, cap: int = 0, locked_until: int | None = None) -> None:
        until = campaign.terms["claimUntil"] if locked_until is None else locked_until
        for_codes = min(contacts, campaign.terms["codes"])
        parts = {int.from_bytes(campaign.id): contacts - for_codes, codes_grant(campaign.id): for_codes}
        for number, part in parts.items():
            if part or number == int.from_bytes(campaign.id):
                amount = part * campaign.terms["price"]
                token.setGrant(rewards, number, amount, cap, until, {"from": brand})

    return grant


@pytest.fixture(scope="module")
def opened(rewards: Any, brand: Any, plan: Any, grant: Any) -> Callable[..., Campaign]:
    """A campaign that is open."""

    def opened(mode: str = "cash", budget: int = BUDGET, **fields: Any) -> Campaign:
        campaign: Campaign = plan(mode, **fields)
        if mode == "fresh":
            grant(campaign, budget)
        rewards.open(tuple(campaign.terms.values()), budget, {"from": brand})
        return campaign

    return opened


@pytest.fixture(scope="module")
def campaign(opened: Any) -> Campaign:
    """One that is paid in cash."""
    campaign: Campaign = opened()
    return campaign


@pytest.fixture(scope="module")
def money(cash: Any, token: Any) -> Callable[[str], Any]:
    """What a mode pays in."""
    return lambda mode: cash if mode == "cash" else token


@pytest.fixture(scope="module")
def certify(credentials: Any, attestor: Any) -> Callable[..., bytes]:
    """A credential: the account of a pseudonym in a campaign."""

    def certify(
        campaign: bytes, pseudonym: bytes, account: Any, expiry: int = 2**40, signer: Any = attestor
    ) -> bytes:
        to = getattr(account, "address", account)
        message = {
            "attestor": attestor.address,
            "campaign": campaign,
            "pseudonym": pseudonym,
            "account": to,
            "expiry": expiry,
        }
        signature = sign(signer, credentials, "Credential", message)
        return encode(["address", "uint256"], [to, expiry]) + signature

    return certify
