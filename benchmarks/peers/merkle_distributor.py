"""Uniswap's merkle distributor: who is to get what stands under one root, and whoever is named claims it."""

from __future__ import annotations

from collections.abc import Iterator

from web3 import Web3

from benchmarks.chain import Chain, System
from benchmarks.packages import published, version
from benchmarks.proofs import DEPTH, under_root
from benchmarks.records import Record
from benchmarks.tokens import ONE, tokens

_PACKAGE = "@uniswap/merkle-distributor"
_INDEX = 300_003


def measure(chain: Chain) -> Iterator[Record]:
    """A claim submitted by somebody else, as ours is: once for each account and root."""
    artifact = published(_PACKAGE, "build/MerkleDistributor.json")
    system = System("uniswap-merkle", version(_PACKAGE))
    (token,) = tokens(chain, 1)
    how = f"claim by a relay, {DEPTH} words of proof; {artifact.origin}"
    known = chain.address("known customer")
    chain.send(token.functions.mint(known, ONE))
    for operation, customer, state in (
        ("root-first", chain.address("new customer"), "new holder, word of claims in use"),
        ("root-later", known, "existing holder, word of claims in use"),
    ):
        word = _INDEX.to_bytes(32, "big")
        leaf = Web3.keccak(word + bytes.fromhex(customer[2:]) + ONE.to_bytes(32, "big"))
        root, proof = under_root(bytes(leaf), customer)
        distributor = chain.deploy(artifact, token.address, root)
        chain.send(token.functions.mint(distributor.address, 10 * ONE))
        _use(chain, distributor.address)
        call = distributor.functions.claim(_INDEX, customer, ONE, proof)
        yield system.record(operation, chain.send(call, chain.address("relay")), state=state, how=how)


def _use(chain: Chain, distributor: str) -> None:
    """Mark another index of the same word as claimed: its own leaf would stand beside the made-up ones."""
    slot = Web3.keccak((_INDEX // 256).to_bytes(32, "big") + bytes(32))
    chain.request("anvil_setStorageAt", distributor, slot.to_0x_hex(), "0x" + (1 << 255).to_bytes(32).hex())
