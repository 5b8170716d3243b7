"""A leaf under a root of which nothing else is known: the sister nodes are made up."""

from __future__ import annotations

from web3 import Web3

DEPTH = 20
"""Of a tree with a million leaves."""


def under_root(leaf: bytes, label: str) -> tuple[bytes, list[bytes]]:
    """The root, and the proof from the leaf up; pairs are sorted, as contracts that verify have it."""
    proof = [bytes(Web3.keccak(text=f"sister {level} of {label}")) for level in range(DEPTH)]
    node = leaf
    for sister in proof:
        node = bytes(Web3.keccak(b"".join(sorted((node, sister)))))
    return node, proof
