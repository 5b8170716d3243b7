"""The command line, run as a user runs it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from troc.chain import Chain
from troc.cli import main


def troc(*arguments: str, home: Path, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run `troc` in a process of its own and wait for it. Standard input is no terminal."""
    return subprocess.run(
        [sys.executable, "-m", "troc", *arguments],
        env=environment(home),
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def troc_here(
    *arguments: str, capsys: pytest.CaptureFixture[str], cwd: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str, str]:
    """Run `troc` in this process, which is quicker: exit code, standard output, standard error."""
    monkeypatch.chdir(cwd)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    shown = capsys.readouterr()
    assert isinstance(caught.value.code, int)
    return caught.value.code, shown.out, shown.err


def environment(home: Path) -> dict[str, str]:
    """What the command sees of the world."""
    package = str(Path(__file__).resolve().parents[3])
    return {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": package, "COLUMNS": "200"}


@dataclass
class Place:
    """A deployed chain, a folder to work in, and `troc` in it."""

    rpc: str
    folder: Path
    run: Callable[..., tuple[int, str, str]]
    chain: Chain

    def troc(self, *arguments: str, account: str = "") -> str:
        """Run a command that must end well; gives what it shows."""
        code, out, err = self.tried(*arguments, account=account)
        assert code == 0, err
        return out

    def json(self, *arguments: str, account: str = "") -> Any:
        """Run a command that must end well; gives what it answers in JSON."""
        return json.loads(self.troc(*arguments, "--json", account=account))

    def tried(self, *arguments: str, account: str = "") -> tuple[int, str, str]:
        """Run a command however it ends: exit code, standard output, standard error."""
        who = ["--account", account] if account else []
        return self.run("--rpc", self.rpc, "--yes", *who, *arguments)
