"""What block explorers need to show our sources: written beside a deployment's record, sent by hand.

For each contract a standard-JSON input, the form of Etherscan's API v2 (`verifysourcecode`) and the body of
Sourcify's API v2 (`POST /v2/verify/{chainId}/{address}`). docs/deploy.md says how to send them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from troc.artifacts import artifact, source_texts
from troc.manifest import Deployed, Launched, Manifest, verification_folder, write_text

_POINTS = "LoyaltyToken"

_MIT = "3"
"""Etherscan's number of the licence."""


def standard_input(name: str) -> dict[str, Any]:
    """The compiler's standard-JSON input that gives exactly our bytecode of a contract."""
    found = artifact(name)
    return {
        "language": "Solidity",
        "sources": {path: {"content": source_texts()[path]} for path in found.sources},
        "settings": {
            **found.settings,
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode", "evm.deployedBytecode", "metadata"]}},
        },
    }


def encoded_arguments(name: str, arguments: Mapping[str, Any]) -> bytes:
    """Constructor arguments, taken from a record, as the chain got them."""
    constructor = [entry for entry in artifact(name).abi if entry["type"] == "constructor"]
    inputs = constructor[0]["inputs"] if constructor else []
    values = []
    for entry in inputs:
        value = arguments[entry["name"]]
        if isinstance(value, Mapping):
            value = bytes(artifact(value["creationCodeOf"]).bytecode)
        values.append(value)
    return encode([entry["type"] for entry in inputs], values)


def etherscan_form(name: str, deployed: Deployed | Launched) -> dict[str, str]:
    """Fields of Etherscan's form. The chain id, action and key stand in the address that it is sent to."""
    return {
        "codeformat": "solidity-standard-json-input",
        "contractaddress": deployed.address,
        "contractname": f"{artifact(name).source}:{name}",
        "compilerversion": f"v{deployed.compiler}",
        "constructorArguments": encoded_arguments(name, deployed.arguments).hex(),
        "licenseType": _MIT,
        "sourceCode": json.dumps(standard_input(name)),
    }


def sourcify_body(name: str, deployed: Deployed | Launched) -> dict[str, Any]:
    """The body of Sourcify's request."""
    return {
        "stdJsonInput": standard_input(name),
        "compilerVersion": deployed.compiler,
        "contractIdentifier": f"{artifact(name).source}:{name}",
        "creationTransactionHash": deployed.transaction,
    }


def write_verification(path: Path, manifest: Manifest) -> None:
    """Write the files for every contract of the record at `path`; leaves alone those that are right."""
    folder = verification_folder(path)
    entries: list[tuple[str, str, Deployed | Launched]] = [
        (name, name, deployed) for name, deployed in manifest.contracts.items()
    ]
    entries += [(f"{_POINTS}-{launched.address}", _POINTS, launched) for launched in manifest.brands.values()]
    for stem, name, deployed in entries:
        for kind, content in (
            ("input", standard_input(name)),
            ("etherscan", etherscan_form(name, deployed)),
            ("sourcify", sourcify_body(name, deployed)),
        ):
            file, text = folder / f"{stem}.{kind}.json", json.dumps(content, indent=1) + "\n"
            if not file.is_file() or file.read_text() != text:
                write_text(file, text)
