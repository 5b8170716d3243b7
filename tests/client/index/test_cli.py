"""`troc index` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.client.core.command import troc_here
from tests.client.trade.conftest import World


def test_index(
    world: World, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = world.project()

    def run(*arguments: str) -> tuple[int, str, str]:
        return troc_here("index", *arguments, capsys=capsys, cwd=folder, monkeypatch=monkeypatch)

    code, out, err = run("--dry-run", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["behind"] > 0
    code, out, err = run("--json")
    status = json.loads(out)
    assert (code, err, status["behind"], status["brands"]) == (0, "", 0, 3)
    assert status["rows"]["issues"] == 3
    world.ann.send("5 ACME", world.bob.address)
    code, out, err = run("--rebuild")
    assert code == 0
    assert "3 brands; issues 3, transfers 1" in out
    code, out, err = run("--database", "sqlite:////no/such/folder/x.sqlite")
    assert code == 17
    assert "cannot be opened" in err
