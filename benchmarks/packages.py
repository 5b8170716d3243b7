"""The peers' npm packages: installed when they are needed, and read for bytecode and versions."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

from benchmarks.compile import PEERS, Artifact
from benchmarks.records import BenchmarkError


def install() -> None:
    """Install the peers as `benchmarks/package-lock.json` pins them, unless they are there already."""
    folder = PEERS.parent
    stamp = PEERS / ".package-lock.json"
    lock = folder / "package-lock.json"
    if stamp.is_file() and stamp.stat().st_mtime >= lock.stat().st_mtime:
        return
    npm = shutil.which("npm")
    if npm is None:
        raise BenchmarkError("npm was not found: install Node 20 or newer")
    command = [npm, "ci", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        # The last lines of npm's complaint say only where its log lies.
        reason = next((line for line in done.stderr.splitlines() if "error" in line), "no reason given")
        raise BenchmarkError(f"`{' '.join(command)}` failed in benchmarks/: {reason}")
    stamp.touch()


def version(package: str) -> str:
    """The installed version of a peer's package."""
    manifest: dict[str, Any] = json.loads((PEERS / package / "package.json").read_text())
    return str(manifest["version"])


def published(package: str, path: str, *, abi: str = "") -> Artifact:
    """A contract whose bytecode the package itself carries.

    `path` leads from the package's folder to an artifact of Hardhat, Foundry, Waffle, or 0x; or to the
    bytecode alone, where `abi` leads to the ABI.
    """
    file = PEERS / package / path
    if not file.is_file():
        raise BenchmarkError(f"{package} has no {path} here: run `make bench`, which installs the peers")
    found: Any = json.loads(file.read_text())
    if abi:
        found = {"abi": json.loads((PEERS / package / abi).read_text()), "bytecode": found}
    found = found.get("compilerOutput", found)
    code = found.get("bytecode") or found["evm"]["bytecode"]
    digits = code["object"] if isinstance(code, dict) else code
    return Artifact(
        name=file.stem,
        abi=found["abi"],
        bytecode="0x" + digits.removeprefix("0x"),
        origin=f"bytecode as published in {package} {version(package)}",
    )
