"""A brand owned by a multisig wallet: a Safe, from its own published bytecode, with two owners who must
both sign.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from tests.client.core.conftest import Agreeable
from troc.accounts import Signer, open_account
from troc.artifacts import SUITE
from troc.attention.contacts import account_of
from troc.attention.drafting import Wanted, draft
from troc.chain import Chain, Receipt
from troc.client import Troc
from troc.deploy import deploy_suite
from troc.errors import ContractError
from troc.manifest import Manifest
from troc.messages import ZERO_ADDRESS
from troc.network import BrandConfig

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "node_modules" / "@safe-global" / "safe-smart-account" / "build" / "artifacts" / "contracts"

SAFE_TX = {
    "SafeTx": [
        {"name": name, "type": type_}
        for type_, name in (
            ("address", "to"),
            ("uint256", "value"),
            ("bytes", "data"),
            ("uint8", "operation"),
            ("uint256", "safeTxGas"),
            ("uint256", "baseGas"),
            ("uint256", "gasPrice"),
            ("address", "gasToken"),
            ("address", "refundReceiver"),
            ("uint256", "nonce"),
        )
    ]
}


@dataclass(frozen=True)
class Safe:
    """A Safe, and how its owners make it do something."""

    chain: Chain
    contract: Contract
    owners: tuple[Signer, ...]

    @property
    def address(self) -> str:
        return str(self.contract.address)

    def run(self, function: ContractFunction, signers: Sequence[Signer], sender: Signer) -> Receipt:
        """Have the Safe call a function, signed by `signers`, submitted by `sender`."""
        data = function._encode_transaction_data()
        plain = (function.address, 0, data, 0, 0, 0, 0, ZERO_ADDRESS, ZERO_ADDRESS)
        nonce = self.chain.call(self.contract.functions.nonce())
        names = [entry["name"] for entry in SAFE_TX["SafeTx"]]
        message = encode_typed_data(
            {"chainId": self.chain.chain_id, "verifyingContract": self.address},
            SAFE_TX,
            dict(zip(names, (*plain, nonce), strict=True)),
        )
        in_order = sorted(signers, key=lambda signer: int(signer.address, 16))
        signatures = b"".join(signer.sign_message(message) for signer in in_order)
        return self.chain.send(self.contract.functions.execTransaction(*plain, signatures), sender)


def create(chain: Chain, path: str, signer: Signer) -> Contract:
    """A contract of Safe's, as published."""
    artifact = json.loads((BUILD / path).read_text())
    contract = chain.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
    receipt = chain.send(contract.constructor(), signer)
    assert receipt.contract is not None
    return chain.web3.eth.contract(address=receipt.contract, abi=artifact["abi"])  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def safe(chain: Chain, deployer: Signer) -> Safe:
    """A Safe of two owners who must both sign."""
    owners = (open_account("dev:2", chain.config), open_account("dev:3", chain.config))
    singleton = create(chain, "Safe.sol/Safe.json", deployer)
    factory = create(chain, "proxies/SafeProxyFactory.sol/SafeProxyFactory.json", deployer)
    setup = singleton.functions.setup(
        [owner.address for owner in owners], 2, ZERO_ADDRESS, b"", ZERO_ADDRESS, ZERO_ADDRESS, 0, ZERO_ADDRESS
    )
    receipt = chain.send(
        factory.functions.createProxyWithNonce(singleton.address, setup._encode_transaction_data(), 0),
        deployer,
    )
    (event,) = receipt.events(factory.events.ProxyCreation())
    contract = chain.web3.eth.contract(address=event["args"]["proxy"], abi=singleton.abi)
    return Safe(chain, contract, owners)


@pytest.fixture
def branded(chain: Chain, safe: Safe) -> Chain:
    """A network whose config names the Safe as the owner of a brand."""
    brand = BrandConfig("Le Panier", "PANIER", safe.address, 90 * 86400, 1_700_000_000)
    return Chain(chain.web3, replace(chain.config, brands=(brand,)))


@pytest.fixture
def manifest(branded: Chain, deployer: Signer) -> Manifest:
    return deploy_suite(branded, deployer)


@pytest.fixture
def token(chain: Chain, manifest: Manifest) -> Any:
    return chain.contract("LoyaltyToken", manifest.brands["PANIER"].address)


def test_the_safe_owns_the_points_from_birth(chain: Chain, safe: Safe, token: Any, deployer: Signer) -> None:
    assert chain.call(token.functions.owner()) == safe.address
    with pytest.raises(ContractError, match="only the brand"):
        chain.send(token.functions.mint(deployer.address, 100), deployer)


def test_both_owners_issue_points_and_anyone_submits_it(
    chain: Chain, safe: Safe, token: Any, stranger: Signer
) -> None:
    receipt = safe.run(token.functions.mint(stranger.address, 100), safe.owners, stranger)
    assert chain.call(token.functions.balanceOf(stranger.address)) == 100
    assert len(receipt.events(token.events.Transfer())) == 1


def test_one_owner_alone_issues_nothing(chain: Chain, safe: Safe, token: Any, stranger: Signer) -> None:
    # Safe's own code for too few signatures.
    with pytest.raises(ContractError, match="GS020"):
        safe.run(token.functions.mint(stranger.address, 100), safe.owners[:1], stranger)
    with pytest.raises(ContractError, match="GS026"):
        safe.run(token.functions.mint(stranger.address, 100), (safe.owners[0], stranger), stranger)
    assert chain.call(token.functions.balanceOf(stranger.address)) == 0


def test_the_safe_lets_a_till_issue_within_a_daily_cap_and_stops_it(
    chain: Chain, safe: Safe, token: Any, deployer: Signer, stranger: Signer
) -> None:
    till = stranger
    safe.run(token.functions.setGrant(till.address, 1, 1000, 60, 0), safe.owners, deployer)
    chain.send(token.functions.issue(1, deployer.address, 60, b"\x01" * 32), till)
    with pytest.raises(ContractError, match="can issue 0 units more today"):
        chain.send(token.functions.issue(1, deployer.address, 1, b"\x02" * 32), till)
    safe.run(token.functions.setGrant(till.address, 1, 0, 0, 0), safe.owners, deployer)
    with pytest.raises(ContractError, match="has 0 units left"):
        chain.send(token.functions.issue(1, deployer.address, 1, b"\x02" * 32), till)


def test_the_safe_claims_a_domain(
    chain: Chain, safe: Safe, token: Any, manifest: Manifest, deployer: Signer
) -> None:
    brands = chain.contract("Brands", manifest.address("Brands"))
    with pytest.raises(ContractError, match="only the brand may do this"):
        chain.send(brands.functions.claimDomain(token.address, "panier.example"), deployer)
    safe.run(brands.functions.claimDomain(token.address, "panier.example"), safe.owners, deployer)
    assert chain.call(brands.functions.domainOf(token.address)) == "panier.example"


def test_a_brand_that_one_key_launched_is_handed_to_the_safe(
    chain: Chain, safe: Safe, deployer: Signer, stranger: Signer
) -> None:
    brand = BrandConfig("BioBox", "BIOBOX", stranger.address, 90 * 86400, 1_700_000_000)
    config = replace(chain.config, brands=(brand,))
    manifest = deploy_suite(Chain(chain.web3, config), deployer)
    token = chain.contract("LoyaltyToken", manifest.brands["BIOBOX"].address)
    with pytest.raises(ContractError, match="let the new owner ask first"):
        chain.send(token.functions.completeOwnershipHandover(safe.address), stranger)
    safe.run(token.functions.requestOwnershipHandover(), safe.owners, deployer)
    chain.send(token.functions.completeOwnershipHandover(safe.address), stranger)
    assert chain.call(token.functions.owner()) == safe.address
    with pytest.raises(ContractError, match="only the brand"):
        chain.send(token.functions.mint(stranger.address, 1), stranger)


def test_the_safe_opens_a_campaign_of_its_points_and_runs_it(
    chain: Chain, safe: Safe, manifest: Manifest, stranger: Signer
) -> None:
    troc = Troc(chain, manifest, safe.address)
    rewards = troc.attention
    wanted = Wanted(price="5 PANIER", budget=100, end="30d", signer=stranger.address, contacts=4)
    terms = draft(troc, wanted, stranger.address)
    calls = rewards.opening(terms, 100)
    assert [call.fn_name for call in calls] == ["setGrant", "open"]
    for call in calls:
        with pytest.raises(ContractError):
            chain.send(call, stranger)
        safe.run(call, safe.owners, stranger)
    campaign = rewards.campaign(rewards.id_of(terms))
    assert (campaign.standing.admin, campaign.standing.left) == (safe.address, 100)
    functions = rewards.contract.functions
    enrol = functions.enrol(campaign.id, [account_of(stranger.address)])
    with pytest.raises(ContractError):
        chain.send(enrol, stranger)
    safe.run(enrol, safe.owners, stranger)
    assert rewards.campaign(campaign.id).standing.reserved == 4
    # For every day it hands the running to a key, which hands it back.
    safe.run(functions.offerAdmin(campaign.id, stranger.address), safe.owners, stranger)
    chain.send(functions.acceptAdmin(campaign.id), stranger)
    chain.send(functions.offerAdmin(campaign.id, safe.address), stranger)
    safe.run(functions.acceptAdmin(campaign.id), safe.owners, stranger)
    assert rewards.campaign(campaign.id).standing.admin == safe.address


def test_what_is_asked_before_names_the_points(branded: Chain, deployer: Signer) -> None:
    agree = Agreeable()
    live = Chain(branded.web3, replace(branded.config, live=True))
    deploy_suite(live, deployer, confirm=agree)
    assert agree.plans[0].contracts == SUITE
    assert "the points PANIER" in str(agree.plans[0])
