"""ABIs, bytecode and sources of our contracts, written by `tools/artifacts.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from eth_utils.crypto import keccak
from hexbytes import HexBytes

SUITE = ("PointsExchange", "OrderBook", "Brands", "Attestors", "DataMarket", "AttentionRewards")
"""The contracts that every deployment puts on a chain, in this order."""

INBOX = "Inbox"
"""The one that a deployment may have besides, since it takes a token that nobody can choose for all."""

NAMES = (*SUITE, INBOX, "LoyaltyToken", "AttestorCredentials")


@dataclass(frozen=True)
class Artifact:
    """One compiled contract.

    `bytecode` is the creation code without constructor arguments. `immutables` are the (start, length) in
    bytes of the places in the code on the chain that the constructor fills in.
    """

    name: str
    source: str
    compiler: str
    settings: Mapping[str, Any]
    sources: tuple[str, ...]
    abi: tuple[Mapping[str, Any], ...]
    bytecode: HexBytes
    runtime_bytecode: HexBytes
    immutables: tuple[tuple[int, int], ...]

    @property
    def code_hash(self) -> str:
        """keccak256 of the code on the chain, with zeros where immutables stand."""
        return "0x" + keccak(self.runtime_bytecode).hex()

    def code_hash_of(self, code: bytes) -> str:
        """keccak256 of `code`, read from a chain, with its immutables blanked out."""
        blank = bytearray(code)
        for start, length in self.immutables:
            blank[start : start + length] = bytes(length)
        return "0x" + keccak(bytes(blank)).hex()

    def is_code(self, code: bytes) -> bool:
        """Whether `code`, read from a chain, is this contract's."""
        return len(code) == len(self.runtime_bytecode) and self.code_hash_of(code) == self.code_hash


def _read(name: str) -> Any:
    return json.loads((resources.files(__name__) / f"{name}.json").read_text())


@cache
def artifact(name: str) -> Artifact:
    """The artifact of one of `NAMES`."""
    data = _read(name)
    return Artifact(
        name=data["name"],
        source=data["source"],
        compiler=data["compiler"],
        settings=data["settings"],
        sources=tuple(data["sources"]),
        abi=tuple(data["abi"]),
        bytecode=HexBytes(data["bytecode"]),
        runtime_bytecode=HexBytes(data["runtimeBytecode"]),
        immutables=tuple((start, length) for start, length in data["immutables"]),
    )


@cache
def source_texts() -> Mapping[str, str]:
    """Every source file that our contracts are compiled from, by its path."""
    texts: dict[str, str] = _read("sources")
    return texts
