"""Solady's ERC-20: the cheapest plain token that is in wide use."""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmarks.chain import Chain, System
from benchmarks.compile import ROOT, Settings, compile_contract
from benchmarks.records import Record
from benchmarks.tokens import token_records


def measure(chain: Chain) -> Iterator[Record]:
    """Transfers, mints, batches and permits."""
    # The project's own dependency, therefore found beside its other packages and not among the peers'.
    modules = ROOT / "node_modules"
    settings = Settings(packages=(ROOT,), remappings=("solady/=node_modules/solady/src/",))
    artifact = compile_contract("benchmarks/contracts/SoladyToken.sol", "SoladyToken", settings)
    token = chain.deploy(artifact)
    domain = {"name": "Points", "version": "1", "chainId": chain.chain_id, "verifyingContract": token.address}
    system = System("solady", str(json.loads((modules / "solady" / "package.json").read_text())["version"]))
    yield from token_records(chain, system, token, artifact.origin, domain=domain)
