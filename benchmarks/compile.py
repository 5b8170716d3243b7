"""Solidity sources to bytecode by the compiler that set-up laid, through standard JSON.

Imports are followed from the entry file, so any module can compile a file of any package. What was compiled
once is kept under `build/`, named by the hash of compiler and input.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from benchmarks.records import BenchmarkError

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benchmarks" / "node_modules"
_CACHE = ROOT / "build" / "benchmarks"
_IMPORT = re.compile(r"""^\s*import\s+(?:[^"';]*\bfrom\s+)?["']([^"']+)["']""", re.MULTILINE)


@dataclass(frozen=True)
class Artifact:
    """What is needed to deploy a contract and to call it.

    Attributes:
        name: Name of the contract.
        abi: Its ABI, as solc writes it.
        bytecode: Creation code, `0x` and hexadecimal digits.
        origin: Where the bytecode comes from, in words for the record.
    """

    name: str
    abi: list[dict[str, Any]]
    bytecode: str
    origin: str


@dataclass(frozen=True)
class Settings:
    """How solc is called; the defaults are the project's own.

    Attributes:
        runs: Runs that the optimizer weighs deployment against.
        evm_version: Name of the hard fork to compile for.
        via_ir: Whether to go through Yul.
        packages: Folders in which the first part of an import is looked up, nearest first.
        remappings: What solc puts in the place of the beginning of an import, as `from=to`.
    """

    runs: int = 1_000_000
    evm_version: str = "shanghai"
    via_ir: bool = False
    packages: tuple[Path, ...] = (ROOT, PEERS)
    remappings: tuple[str, ...] = ()

    def describe(self) -> str:
        """The settings in words for the record."""
        pipeline = "via IR" if self.via_ir else "legacy pipeline"
        return f"optimizer runs {self.runs:,}, {self.evm_version}, {pipeline}"


def _profile() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "foundry.toml").read_text())["profile"]["default"]
    return found


def project_settings() -> Settings:
    """What foundry.toml says, which is what the whole project is compiled with."""
    profile = _profile()
    return Settings(
        runs=profile["optimizer_runs"],
        evm_version=profile["evm_version"],
        via_ir=profile["via_ir"],
        packages=(ROOT,),
        remappings=tuple(profile["remappings"]),
    )


def _find(name: str, packages: tuple[Path, ...]) -> Path:
    for folder in packages:
        if (folder / name).is_file():
            return folder / name
    where = ", ".join(str(folder) for folder in packages)
    raise BenchmarkError(f"source {name} is in none of {where}: is a package missing?")


def _resolve(importer: str, imported: str, remappings: tuple[str, ...]) -> str:
    if not imported.startswith("."):
        for remapping in remappings:
            start, _, target = remapping.partition("=")
            if imported.startswith(start):
                return target + imported.removeprefix(start)
        return imported
    parts: list[str] = []
    for part in (PurePosixPath(importer).parent / imported).parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def sources(entry: str, settings: Settings) -> dict[str, str]:
    """The entry file and all it imports, by the names that solc knows them by."""
    found: dict[str, str] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = _find(name, settings.packages).read_text()
        waiting += [
            _resolve(name, imported, settings.remappings) for imported in _IMPORT.findall(found[name])
        ]
    return dict(sorted(found.items()))


def _run(compiler: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    # Files, since Node gives up where a pipe is still empty.
    with tempfile.TemporaryFile("w+") as asked, tempfile.TemporaryFile("w+") as answered:
        json.dump(request, asked)
        asked.seek(0)
        try:
            done = subprocess.run(
                [compiler, "--standard-json"],
                stdin=asked,
                stdout=answered,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        except OSError:
            raise BenchmarkError("the Solidity compiler is missing: run `make setup`") from None
        answered.seek(0)
        answer = answered.read()
    if done.returncode != 0:
        raise BenchmarkError(f"solc ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    result: dict[str, Any] = json.loads(answer)
    return result


def compile_contract(entry: str, contract: str, settings: Settings | None = None) -> Artifact:
    """Compile `contract` out of the file `entry`, a path within one of the packages.

    Raises BenchmarkError where a source is missing or solc reports an error.
    """
    settings = settings or Settings()
    compiler = ROOT / _profile()["solc"]
    version = compiler.name.removeprefix("solc-v")
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources(entry, settings).items()},
        "settings": {
            "optimizer": {"enabled": True, "runs": settings.runs},
            "evmVersion": settings.evm_version,
            "viaIR": settings.via_ir,
            "remappings": list(settings.remappings),
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
        },
    }
    digest = hashlib.sha256(f"{version} {json.dumps(request, sort_keys=True)}".encode()).hexdigest()
    kept = _CACHE / f"{digest}.json"
    if not kept.is_file():
        result = _run(compiler, request)
        faults = [
            item["formattedMessage"] for item in result.get("errors", []) if item["severity"] == "error"
        ]
        if faults:
            raise BenchmarkError(f"{entry} does not compile: {faults[0].strip()}")
        kept.parent.mkdir(parents=True, exist_ok=True)
        # Several test workers may compile at once: nobody may read half a file.
        draft = kept.with_name(f"{kept.name}.{os.getpid()}")
        draft.write_text(json.dumps(result["contracts"]))
        draft.replace(kept)
    try:
        output = json.loads(kept.read_text())[entry][contract]
    except KeyError:
        raise BenchmarkError(f"{entry} holds no contract {contract}") from None
    return Artifact(
        name=contract,
        abi=output["abi"],
        bytecode="0x" + output["evm"]["bytecode"]["object"],
        origin=f"compiled by solc {version}, {settings.describe()}",
    )
