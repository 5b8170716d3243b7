"""Approved transfers in a list and nothing else: what no exchange can go below."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bars import FLOOR
from benchmarks.chain import Chain, System
from benchmarks.compile import compile_contract
from benchmarks.records import Record
from benchmarks.rings import BATCH_OF_30, PAIR, RING_OF_THREE
from benchmarks.tokens import ONE, fund, tokens


def measure(chain: Chain) -> Iterator[Record]:
    """As many transfers as there are orders, each in one transaction."""
    artifact = compile_contract("benchmarks/contracts/BareTransfers.sol", "BareTransfers")
    bare = chain.deploy(artifact)
    system = System(FLOOR, "1")
    for operation, links in (
        ("match-two", PAIR),
        ("ring-of-three", RING_OF_THREE),
        ("batch-of-30", BATCH_OF_30),
    ):
        with chain.undone():
            held = tokens(chain, 1 + max(link.give for link in links))
            people = chain.accounts("person", len(links))
            fund(chain, people, held, bare.address)
            legs = [
                (held[link.give].address, person.address, people[link.to].address, ONE)
                for person, link in zip(people, links, strict=True)
            ]
            cost = chain.send(bare.functions.run(legs))
            how = f"{len(links)} transferFrom in a list, no orders, no signatures; {artifact.origin}"
            state = "existing holders, all approved"
            yield system.record(operation, cost, state=state, how=how, per="order", count=len(links))
            if links is PAIR:
                yield system.record("bare-transfers", cost, state=state, how=how)
