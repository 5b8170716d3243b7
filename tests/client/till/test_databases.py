"""One database by its URL, from the command line: the index, the members and a till share it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.client.core.command import troc_here
from tests.client.trade.conftest import World
from troc.till.till import open_till


def test_index_members_and_till_by_url(
    world: World, home: Path, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("troc.programme.vault.SCRYPT_WORK", 4)
    folder = world.project()
    (folder / "passphrase").write_text("correct horse\n")
    (folder / "passphrase").chmod(0o600)
    opened = ("--database", url, "--members-password-file", "passphrase")

    def troc(*arguments: str) -> str:
        line = ("--account", "dev:0", "--yes", *arguments)
        code, out, err = troc_here(*line, capsys=capsys, cwd=folder, monkeypatch=monkeypatch)
        assert (code, err) == (0, ""), (arguments, err)
        return out

    status = json.loads(troc("index", "--database", url, "--json"))
    assert (status["behind"], status["brands"]) == (0, 3)
    assert re.search(r"ACME|kept in", troc("brand", "members", "init", "ACME", *opened))
    troc("brand", "members", "add", "ACME", "4006381", *opened)
    troc(
        *("brand", "members", "debt", "ACME", "4006381", "5", "--reference", "r", "--reason", "late"), *opened
    )
    assert "owes 5 ACME" in troc("brand", "members", "find", "ACME", "4006381", *opened)
    assert "2 rows" in troc("brand", "members", "check", "ACME", *opened)
    assert "All 2 entries" in troc("brand", "journal", "verify", "ACME", "--database", url)
    month = ("brand", "journal", "month", "ACME", "2026-11", "--index", url)
    assert "5 noted" in troc(*month, "--members", *opened)
    troc("brand", "members", "erase", "ACME", "4006381", "--reason", "she asked", *opened)
    assert troc("brand", "members", "list", "ACME", *opened) == "There are no such members.\n"
    token = json.loads(troc("till", "token", "add", "ACME", "register-1", "--database", url, "--json"))
    assert token["token"].startswith("troc_till_")
    assert "register-1" in troc("till", "token", "list", "ACME", "--database", url)
    assert "was never open" in troc("till", "status", "ACME", "--database", url)
    # All of it is there, and nothing in files at home.
    engine = open_till(url)
    names = sa.inspect(engine).get_table_names()
    engine.dispose()
    assert {"members", "debts", "journal", "guards", "troc_parts"} < set(names)
    assert [path.name for path in home.rglob("*.sqlite")] == []
