"""Scripts run in processes of their own, as a user runs them, in a copy of the project with an empty home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.client.core.forked import run_forked
from troc.anvil import free_port, rpc_of, run_anvil

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Project:
    """A copy of the project, a home, and a local chain that brownie did not start: its network `kept`."""

    folder: Path
    home: Path
    rpc: str

    def environment(self, **settings: str) -> dict[str, str]:
        """What a command sees of the world."""
        names = ("TROC_NETWORK", "TROC_RPC_URL", "TROC_ACCOUNT", "TROC_PASSWORD_FILE")
        return {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "200",
            **dict.fromkeys(names, ""),
            **settings,
        }

    def run(self, *command: str | Path, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command there and wait for it."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(**settings),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def brownie(self, *arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        """Run brownie there: what its command runs, in a process that has read the libraries beforehand."""
        return run_forked(
            "tests.scripts.brownie_command",
            arguments,
            self.environment(**settings),
            self.folder,
            stdin,
            timeout=300,
        )

    def deploy(self, network: str, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """`brownie run deploy`."""
        arguments = ["main", *words] if words else []
        return self.brownie("run", "deploy", *arguments, "--network", network, **settings)

    def write_config(self, name: str, text: str) -> None:
        """A network of config/, which brownie knows under the same name."""
        (self.folder / "config" / f"{name}.yaml").write_text(text)


@pytest.fixture(scope="session", autouse=True)
def speed() -> None:
    """In place of the one for brownie."""


@pytest.fixture(autouse=True)
def isolation() -> None:
    """In place of the one for brownie."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("project")
    home = tmp_path_factory.mktemp("home")
    # Without what is there for tests alone: brownie reads whatever was built each time it starts.
    without = shutil.ignore_patterns("__pycache__", "mocks", "*Mock.json")
    for name in ("contracts", "interfaces", "config", "scripts"):
        shutil.copytree(ROOT / name, folder / name, ignore=without)
    for name in ("brownie-config.yaml", "network-config.yaml", ".env.example"):
        shutil.copy(ROOT / name, folder / name)
    (folder / ".env").touch()
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    if (ROOT / "build" / "contracts").is_dir():
        # Spares compiling again what has not changed.
        for kind in ("contracts", "interfaces"):
            shutil.copytree(ROOT / "build" / kind, folder / "build" / kind, ignore=without)
    with run_anvil(port := free_port()):
        found = Project(folder, home, rpc_of(port))
        added = found.brownie("networks", "add", "live", "kept", f"host={found.rpc}", "chainid=31337")
        assert added.returncode == 0, added.stderr
        found.write_config("kept", "chain_id: local\nrpc: http://127.0.0.1:1\npoll_seconds: 0.02\n")
        yield found
