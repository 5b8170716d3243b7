"""Write what the client carries of our contracts: `python tools/artifacts.py`, after `forge build contracts`.

python tools/artifacts.py            write troc/artifacts/
python tools/artifacts.py --check    say what differs from the build, and fail if anything does
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "out"
TARGET = ROOT / "troc" / "artifacts"
CONTRACTS = (
    "PointsExchange",
    "OrderBook",
    "Brands",
    "Attestors",
    "DataMarket",
    "AttentionRewards",
    "Inbox",
    "LoyaltyToken",
    "AttestorCredentials",
)


def build(name: str) -> dict[str, Any]:
    """One contract's artifact, from forge's output."""
    file = OUT / f"{name}.sol" / f"{name}.json"
    if not file.is_file():
        sys.exit(f"artifacts: {file.relative_to(ROOT)} is missing: run `forge build contracts` first")
    output = json.loads(file.read_text())
    metadata = output["metadata"]
    for path, entry in metadata["sources"].items():
        if "0x" + keccak((ROOT / path).read_bytes()).hex() != entry["keccak256"]:
            sys.exit(f"artifacts: {name} was built before {path} changed: run `forge build contracts` first")
    (source,) = metadata["settings"]["compilationTarget"]
    immutables = output["deployedBytecode"].get("immutableReferences") or {}
    return {
        "name": name,
        "source": source,
        "compiler": metadata["compiler"]["version"],
        "settings": {
            key: metadata["settings"][key]
            for key in ("evmVersion", "optimizer", "remappings", "metadata", "libraries")
        }
        | ({"viaIR": True} if metadata["settings"].get("viaIR") else {}),
        "sources": sorted(metadata["sources"]),
        "abi": output["abi"],
        "bytecode": output["bytecode"]["object"],
        "runtimeBytecode": output["deployedBytecode"]["object"],
        "immutables": sorted(
            [place["start"], place["length"]] for places in immutables.values() for place in places
        ),
    }


def render() -> dict[str, str]:
    """All files of troc/artifacts/, by name."""
    files = {}
    sources: set[str] = set()
    for name in CONTRACTS:
        artifact = build(name)
        sources.update(artifact["sources"])
        files[f"{name}.json"] = json.dumps(artifact, indent=1) + "\n"
    texts = {path: (ROOT / path).read_text() for path in sorted(sources)}
    files["sources.json"] = json.dumps(texts, indent=1) + "\n"
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description="Write what the client carries of our contracts.")
    parser.add_argument("--check", action="store_true", help="compare with the build, write nothing")
    arguments = parser.parse_args()
    files = render()
    differing = [
        name
        for name, text in files.items()
        if not (TARGET / name).is_file() or (TARGET / name).read_text() != text
    ]
    if arguments.check:
        if differing:
            sys.exit(
                f"artifacts: {', '.join(differing)} differ from the build: run `python tools/artifacts.py`"
            )
        return
    TARGET.mkdir(parents=True, exist_ok=True)
    for name in differing:
        (TARGET / name).write_text(files[name])
    print("\n".join(f"wrote troc/artifacts/{name}" for name in differing) or "troc/artifacts/ is up to date")


if __name__ == "__main__":
    main()
