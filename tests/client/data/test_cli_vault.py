"""`troc data` in the words of a person: the vault's commands, and their errors in one line."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.client.core.command import troc_here
from tests.client.data.vault_cases import home
from troc.data.vault import Receipt

__all__ = ["home"]

GOLDEN = Path(__file__).parents[1] / "golden"
_built_once = cache(typer.main.get_command)


class Shop:
    """Runs `troc data` in a folder with two files and the vault's passphrase."""

    def __init__(self, folder: Path, run: Callable[..., tuple[int, str, str]]) -> None:
        self.folder = folder
        self._run = run
        self.secret = folder / "passphrase"
        self.secret.write_text("an old umbrella\n")
        self.secret.chmod(0o600)
        (folder / "me.csv").write_text("age,income,household_size\n45-54,50-74K,2\n")
        rows = "\n".join(f"{week},{('DAIRY', 'PRODUCE')[week % 2]},{week}.50" for week in range(10))
        (folder / "baskets.csv").write_text(f"week,department,value\n{rows}\n")

    def troc(self, *words: str) -> str:
        """What a command that works says."""
        code, out, err = self._run("data", *words)
        assert code == 0, err
        return out

    def json(self, *words: str) -> Any:
        return json.loads(self.troc(*words, "--json"))

    def refused(self, *words: str) -> tuple[int, str]:
        code, out, err = self._run("data", *words)
        assert code != 0
        assert out == ""
        assert err.count("\n") == 1, err
        return code, err

    def golden(self, name: str, shown: str) -> None:
        """Compare with a file, whatever the hashes, folders and days."""
        shown = re.sub(r"0x[0-9a-f]{64}", "<hash>", shown)
        shown = re.sub(r"troc_data_[\w-]+", "<token>", shown)
        shown = shown.replace(str(self.folder), "<folder>")
        shown = re.sub(r"\d+ [A-Z][a-z]+ 20\d\d(, \d\d:\d\d UTC)?", "<day>", shown)
        shown = re.sub(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC", "<day>", shown)
        shown = re.sub(r"\(token [0-9a-f]{12}\)", "(token <number>)", shown)
        assert shown == (GOLDEN / f"vault_{name}.txt").read_text()


@pytest.fixture
def shop(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shop:
    monkeypatch.setattr("troc.sealing.SCRYPT_WORK", 4)
    # All commands are built anew for each that runs, which takes longer than most of them do.
    monkeypatch.setattr("typer.main.get_command", _built_once)
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.setenv("TROC_HOME", str(folder))
    found = Shop(folder, lambda *words: troc_here(*words, capsys=capsys, cwd=folder, monkeypatch=monkeypatch))
    monkeypatch.setenv("TROC_VAULT_PASSWORD_FILE", str(found.secret))
    return found


def test_a_record_from_adding_to_erasing(shop: Shop) -> None:
    shop.golden("nothing_yet", shop.refused("list")[1])
    shop.golden("dry_run", shop.troc("add", "me.csv", "--dry-run"))
    shop.golden("added", shop.troc("add", "me.csv", "--schema", "grocer.household"))
    root = shop.json("list")["copies"][0]["root"]
    more = shop.json("seal", root, "--fields", "income,household_size", "--tell")
    assert more["count"] == 16
    assert shop.json("seal", root, "--fields", "income", "--dry-run") == {"sealed": False, "chunks": 1}
    shop.golden("token", shop.troc("token", root[:8], "DairyLab", "--good", "30d"))
    shop.golden("listed", shop.troc("list"))
    shop.golden("verified", shop.troc("verify"))
    number = shop.json("list")["tokens"][0]["number"]
    shop.troc("token", number[:12], "--revoke")
    assert shop.json("list")["tokens"] == []
    shop.golden("erase_dry_run", shop.troc("erase", root, "--account", "dev:1", "--dry-run"))
    # Who signs is asked for before anything is agreed to.
    code, said = shop.refused("erase", root, "--yes")
    assert (code, said.startswith("troc: no account was named")) == (8, True)
    shop.golden("erased", shop.troc("erase", root, "--account", "dev:1", "--yes"))
    receipt = shop.json("erase", more["root"], "--account", "dev:1", "--yes")
    assert Receipt.from_json(receipt).is_signed
    assert receipt["whole"]
    assert len(shop.json("list")["erased"]) == 2
    shop.golden("erased_before", shop.refused("seal", root)[1])


def test_rows_of_a_table(shop: Shop) -> None:
    text = shop.troc("add", "baskets.csv", "--fields", "week,value", "--where", "department=DAIRY")
    assert "5 rows of 2 fields" in text
    found = shop.json("add", "baskets.csv", "--as-file")
    assert found["bytes"] == 16 * 1088
    assert shop.json("add", "baskets.csv", "--by", "row")["count"] == 16


def test_damage_is_named_and_mended(shop: Shop) -> None:
    root = shop.json("add", "me.csv")["root"]
    path = shop.folder / "vault" / "files" / "copies" / f"{root[2:]}.blob"
    blob = bytearray(path.read_bytes())
    blob[7 * 256] ^= 1
    path.write_bytes(blob)
    code, err = shop.refused("verify")
    assert code == 16
    shop.golden("damaged", err)
    assert shop.json("verify", "--repair")["repaired"] == [root]
    shop.troc("verify", root)


def test_moves_and_comes_back_by_its_words(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = shop.json("add", "me.csv")["root"]
    dry = shop.json("move", str(shop.folder / "elsewhere"), "--dry-run")
    assert not dry["moved"]
    shop.golden("moved", shop.troc("move", str(shop.folder / "elsewhere")))
    words = shop.json("backup")["words"]
    assert len(words.split()) == 24
    assert words.split()[23] in shop.troc("backup")
    monkeypatch.setenv("TROC_HOME", str(tmp_path / "another machine"))
    shop.golden("nothing_yet", shop.refused("list")[1])
    monkeypatch.setattr("troc.cli.session.Session.ask_secret", lambda self, prompt: words)
    assert shop.json("restore", str(shop.folder / "elsewhere"))["copies"] == 1
    assert shop.json("verify")["checked"] == [root]
    monkeypatch.setattr("troc.cli.session.Session.ask_secret", lambda self, prompt: words[:-1])
    shop.golden("wrong_words", shop.refused("restore")[1])


def test_errors_are_one_line(shop: Shop) -> None:
    root = shop.json("add", "me.csv")["root"]
    shop.golden("no_file", shop.refused("add", "nobody.csv")[1])
    shop.golden("no_field", shop.refused("add", "me.csv", "--fields", "wage")[1])
    shop.golden("no_copy", shop.refused("verify", "0x1234567890")[1])
    shop.golden("no_where", shop.refused("add", "me.csv", "--where", "income")[1])
    shop.golden("no_place", shop.refused("move")[1])
    shop.golden("no_buyer", shop.refused("token", root)[1])
    shop.secret.write_text("a new umbrella\n")
    code, err = shop.refused("backup")
    assert code == 8
    shop.golden("wrong_passphrase", err)


def test_nobody_is_asked_where_nobody_is(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    root = shop.json("add", "me.csv")["root"]
    monkeypatch.setenv("TROC_VAULT_PASSWORD_FILE", "")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    shop.golden("no_passphrase", shop.refused("backup")[1])
    code, out, err = shop._run("data", "erase", root, "--account", "dev:1")
    assert code == 12
    assert "with its key" in out
    assert "nobody to ask" in err
    assert shop.json("list")["copies"]
