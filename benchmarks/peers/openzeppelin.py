"""OpenZeppelin's ERC-20 with permit: the token that most brands would take."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.chain import Chain, System
from benchmarks.packages import version
from benchmarks.records import Record
from benchmarks.tokens import openzeppelin_token, token_records


def measure(chain: Chain) -> Iterator[Record]:
    """Transfers, mints, batches and permits."""
    artifact = openzeppelin_token()
    token = chain.deploy(artifact)
    domain = {"name": "Points", "version": "1", "chainId": chain.chain_id, "verifyingContract": token.address}
    system = System("openzeppelin", version("@openzeppelin/contracts"))
    yield from token_records(chain, system, token, artifact.origin, domain=domain)
