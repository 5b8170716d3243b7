"""Streamr's Hub: access to a project's streams, bought for a time."""

from __future__ import annotations

from collections.abc import Iterator

from web3 import Web3

from benchmarks.chain import Chain, System
from benchmarks.packages import published, version
from benchmarks.records import Record
from benchmarks.tokens import ONE, fund, tokens

_PACKAGE = "@streamr/hub-contracts"
_FOLDER = "dist/artifacts/contracts"
_PRICE_PER_SECOND = 20
_SECONDS = 50 * ONE // _PRICE_PER_SECOND


def measure(chain: Chain) -> Iterator[Record]:
    """A subscription, which is all that is sold there."""
    registry = chain.deploy(
        published(_PACKAGE, f"{_FOLDER}/ProjectRegistry/ProjectRegistryV1.sol/ProjectRegistryV1.json")
    )
    artifact = published(_PACKAGE, f"{_FOLDER}/Marketplace/MarketplaceV4.sol/MarketplaceV4.json")
    market = chain.deploy(artifact)
    chain.send(registry.functions.initialize(chain.address("stream registry")))
    chain.send(market.functions.initialize(registry.address, chain.chain_id))
    role = registry.functions.TRUSTED_ROLE().call()
    chain.send(registry.functions.grantRole(role, market.address))

    (paid_in,) = tokens(chain, 1)
    seller, another, buyer = (chain.account(label) for label in ("seller", "another buyer", "buyer"))
    fund(chain, [seller, another, buyer], [paid_in], market.address)
    project = bytes(Web3.keccak(text="project"))
    payment = (seller.address, paid_in.address, _PRICE_PER_SECOND)
    chain.send(
        registry.functions.createProject(project, [chain.chain_id], [payment], [], 1, True, ""),
        seller.address,
    )
    call = market.functions.buy(project, _SECONDS)
    chain.send(call, another.address)
    yield System("streamr", version(_PACKAGE)).record(
        "data-sale",
        chain.send(call, buyer.address),
        state="plain ERC-20, both known to it, others subscribed before; its nodes hand over",
        how=f"MarketplaceV4.buy by the buyer, not behind its proxy; {artifact.origin}",
        per="sale",
    )
