"""The command line, run as a user runs it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
