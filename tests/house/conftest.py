"""Copies of the project to break, and shells as a user has them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Shell = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def isolation() -> None:
    """Nothing here touches the chain of the test run."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project as it stands, to break."""
    return copy_project(tmp_path / "copy")


def copy_project(folder: Path) -> Path:
    """Copy the project as it stands, with what was built; the environment of the original by links."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for name in ("build", "out", "cache", ".mypy_cache"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
    for name in (".venv", "node_modules"):
        (folder / name).symlink_to((ROOT / name).resolve())
    shutil.copy(ROOT / ".env.example", folder / ".env")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def plain_variables(home: Path) -> dict[str, str]:
    """What a fresh login shell has: the system's own PATH, nothing of a running test or an environment."""
    ours = str(ROOT / ".venv")
    path = [part for part in os.environ["PATH"].split(os.pathsep) if not part.startswith(ours)]
    kept = ("LANG", "LC_ALL", "TMPDIR")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "HOME": str(home),
        "PATH": os.pathsep.join(path),
        "TERM": "dumb",
    }


def user_variables(copy: Path, home: Path) -> dict[str, str]:
    """The same for a user of a copy, whose environment was set up for the original's `troc`."""
    return {**plain_variables(home), "PYTHONPATH": str(copy)}


@pytest.fixture
def shell(copy: Path, home: Path) -> Shell:
    """Runs a line of shell in the copy, with the environment activated, as a user types it."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", f"source .venv/bin/activate && {line}"],
            cwd=copy,
            env=user_variables(copy, home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )

    return run
