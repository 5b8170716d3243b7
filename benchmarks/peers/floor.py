"""Approved transfers in a list and nothing else: what no exchange can go below."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.chain import Chain, System
from benchmarks.compile import compile_contract
from benchmarks.records import Record
from benchmarks.tokens import ONE, fund, tokens


def measure(chain: Chain) -> Iterator[Record]:
    """Two transfers, and three in a ring, in one transaction."""
    artifact = compile_contract("benchmarks/contracts/BareTransfers.sol", "BareTransfers")
    bare = chain.deploy(artifact)
    held, people = tokens(chain, 3), chain.accounts("person", 3)
    fund(chain, people, held, bare.address)
    system = System("floor", "1")
    for operation, count in (("bare-transfers", 2), ("bare-transfers-ring-of-three", 3)):
        legs = [
            (held[index].address, people[index].address, people[(index + 1) % count].address, ONE)
            for index in range(count)
        ]
        how = f"{count} transferFrom of OpenZeppelin tokens by a third party, no orders or signatures"
        cost = chain.send(bare.functions.run(legs))
        yield system.record(operation, cost, state="existing holders", how=f"{how}; {artifact.origin}")
        yield system.record(
            f"{operation}-share", cost, state="existing holders", how=how, per="order", count=count
        )
