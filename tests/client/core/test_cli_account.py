"""`troc account`, as a user runs it."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_typing import HexStr

from tests.client.core.command import environment, troc, troc_here
from troc.accounts import DEV_MNEMONIC
from troc.cli.session import Session

KEY = HexStr("0x" + "42" * 32)
ADDRESS = Account.from_key(KEY).address
PASSPHRASE = "correct horse"


class Terminal:
    """`troc` in a terminal: what it shows, and what a person types."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "troc", *arguments],
            env=environment(home),
            cwd=home,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.shown = ""

    def expect(self, pattern: str) -> re.Match[str]:
        """Wait until the pattern is shown; what came before it counts as seen."""
        give_up = time.monotonic() + 30
        while not (match := re.search(pattern, self.shown)):
            assert time.monotonic() < give_up, self.shown
            try:
                self.shown += os.read(self.master, 65536).decode().replace("\r\n", "\n")
            except OSError:
                raise AssertionError(f"{pattern!r} was not shown, but {self.shown!r}") from None
        self.shown = self.shown[match.end() :]
        return match

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self.master, text.encode() + b"\n")

    def end(self) -> tuple[int, str]:
        """Exit code, and what was shown last."""
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                break
            if not data:
                break
            self.shown += data.decode().replace("\r\n", "\n")
        os.close(self.master)
        return self.process.wait(timeout=30), self.shown


def keystores(home: Path) -> list[str]:
    return sorted(path.name for path in (home / ".brownie" / "accounts").glob("*"))


def start_new(home: Path) -> tuple[Terminal, list[str]]:
    """`troc account new customer`, up to the paper backup."""
    terminal = Terminal(home, "account", "new", "customer")
    terminal.expect("New passphrase for customer: ")
    terminal.type(PASSPHRASE)
    terminal.expect("Again: ")
    terminal.type(PASSPHRASE)
    terminal.expect("shown once")
    words = [terminal.expect(rf"(?<!\d){place}\. +([a-z]+)")[1] for place in range(1, 25)]
    return terminal, words


def values_of(part: Any) -> Iterator[str]:
    """Every value of a file in JSON, without the names of its fields."""
    if isinstance(part, dict):
        for value in part.values():
            yield from values_of(value)
    else:
        yield str(part)


def test_new_shows_a_backup_once_and_has_it_confirmed(home: Path) -> None:
    terminal, words = start_new(home)
    for _ in range(3):
        place = int(terminal.expect(r"Word (\d+) of your paper backup: ")[1])
        assert keystores(home) == []
        terminal.type(words[place - 1])
    code, shown = terminal.end()
    assert code == 0
    address = Account.from_mnemonic(" ".join(words), account_path="m/44'/60'/0'/0/0").address
    assert f"customer is {address}" in shown
    assert keystores(home) == ["customer.json"]
    # The passphrase that was typed opens it, and nothing in it is readable without.
    text = (home / ".brownie" / "accounts" / "customer.json").read_text()
    assert Account.from_key(Account.decrypt(text, PASSPHRASE)).address == address
    # The names of its fields are words that a backup can hold, too.
    assert not set(words) & set(values_of(json.loads(text)))


def test_new_makes_nothing_when_the_backup_was_not_written_down(home: Path) -> None:
    terminal, words = start_new(home)
    place = int(terminal.expect(r"Word (\d+) of your paper backup: ")[1])
    terminal.type(words[place % 24] if words[place % 24] != words[place - 1] else "zoo")
    code, shown = terminal.end()
    assert code == 12
    assert f"troc: word {place} is another one, and no account was made: run it again" in shown
    assert keystores(home) == []


def test_new_refuses_two_passphrases_that_differ(home: Path) -> None:
    terminal = Terminal(home, "account", "new", "customer")
    terminal.expect("New passphrase")
    terminal.type(PASSPHRASE)
    terminal.expect("Again: ")
    terminal.type(PASSPHRASE + "r")
    code, shown = terminal.end()
    assert code == 3
    assert "the two passphrases differ: type the same one twice" in shown
    assert PASSPHRASE not in shown


def test_a_passphrase_is_not_shown_while_it_is_typed(home: Path) -> None:
    terminal = Terminal(home, "account", "import", "customer")
    terminal.expect(r"Private key \(not shown\): ")
    terminal.type(KEY)
    terminal.expect("New passphrase for customer: ")
    terminal.type(PASSPHRASE)
    terminal.expect("Again: ")
    terminal.type(PASSPHRASE)
    code, shown = terminal.end()
    assert code == 0
    assert f"customer is {ADDRESS}" in shown
    assert KEY not in shown
    assert PASSPHRASE not in shown


def test_import_from_a_paper_backup(home: Path) -> None:
    terminal = Terminal(home, "account", "import", "customer", "--backup")
    terminal.expect("Words of the paper backup: ")
    terminal.type(DEV_MNEMONIC)
    for prompt in ("New passphrase", "Again"):
        terminal.expect(f"{prompt}.*: ")
        terminal.type(PASSPHRASE)
    code, shown = terminal.end()
    assert code == 0
    assert "customer is 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266" in shown


@pytest.fixture
def password_file(home: Path) -> str:
    file = home / "password"
    file.write_text(PASSPHRASE + "\n")
    file.chmod(0o600)
    return str(file)


def test_list_import_and_export(
    home: Path, password_file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(line: str) -> tuple[int, str, str]:
        return troc_here(*line.split(), capsys=capsys, cwd=home, monkeypatch=monkeypatch)

    keystore = home / "wallet.json"
    keystore.write_text(json.dumps(Account.encrypt(KEY, PASSPHRASE, kdf="pbkdf2", iterations=2)))
    code, _, errors = run(f"account import customer --keystore wallet.json --password-file {password_file}")
    assert (code, errors) == (0, "")
    listed = run("account list")[1].splitlines()
    assert listed[:2] == [f"customer  {ADDRESS}", "On a local chain also these, which everybody has:"]
    assert listed[3] == "dev:1  0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    told = json.loads(run("account list --json")[1])
    assert told["accounts"] == [{"name": "customer", "address": ADDRESS}]
    assert list(told["development"]) == [f"dev:{index}" for index in range(10)]
    told = json.loads(run("account list --json --network sepolia --rpc http://127.0.0.1:1")[1])
    assert told["development"] == {}
    assert run("account export customer copy.json")[0] == 0
    exported = (home / "copy.json").read_text()
    assert Account.from_key(Account.decrypt(exported, PASSPHRASE)).address == ADDRESS
    refused = "troc: copy.json is there already: choose another name\n"
    assert run("account export customer copy.json") == (3, "", refused)


@pytest.mark.parametrize(
    ("answers", "agreed"),
    [(["y"], True), (["Yes"], True), ([""], False), (["oui", "n"], False), (["oui", "y"], True)],
)
def test_only_y_means_yes(
    answers: list[str], agreed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Typed(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Typed("".join(f"{answer}\n" for answer in answers)))
    assert Session().confirm("Do it?") is agreed
    assert capsys.readouterr().err.count("troc: answer y or n\n") == len(answers) - 1


def test_nobody_is_there_to_type(home: Path) -> None:
    done = troc("account", "new", "customer", home=home, cwd=home)
    assert (done.returncode, done.stdout) == (8, "")
    assert done.stderr == (
        "troc: there is nobody to ask for this: New passphrase for customer: run it in a terminal, or use"
        " --password-file\n"
    )
    assert keystores(home) == []


def test_nobody_is_there_to_write_the_backup_down(home: Path) -> None:
    password = home / "password"
    password.write_text(PASSPHRASE + "\n")
    password.chmod(0o600)
    done = troc("--password-file", str(password), "account", "new", "customer", home=home, cwd=home)
    assert done.returncode == 12
    assert done.stderr.splitlines()[-1] == (
        "troc: nobody typed the words of the paper backup, and no account was made: run it in a terminal; a"
        " program brings an account of its own with `troc account import NAME --keystore FILE --password-file"
        " FILE`"
    )
    assert "Traceback" not in done.stderr
    assert keystores(home) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["account", "export", "nobody", "x"], 8, "there is no account 'nobody' (there: none so far)"),
        (
            ["account", "export", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "x"],
            8,
            "is an address, and an account goes by its name",
        ),
        (["account", "new", "../x"], 3, "'../x' is no name for an account"),
        (["account", "import", "x", "--keystore", "a", "--backup"], 3, "both a keystore file and a backup"),
        (["account", "import", "x", "--keystore", "nowhere", "--password-file", "password"], 8, "nowhere"),
        (
            ["account", "import", "x", "--keystore", "password", "--password-file", "password"],
            8,
            "no V3 keystore",
        ),
        (["account", "nwe"], 2, "No such command 'nwe'"),
        (["account", "new"], 2, "Missing argument"),
        (["--netwrok", "local", "account", "list"], 2, "No such option"),
    ],
)
def test_an_error_is_one_line_with_a_remedy(
    arguments: list[str],
    code: int,
    said: str,
    home: Path,
    password_file: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended, shown, errors = troc_here(*arguments, capsys=capsys, cwd=home, monkeypatch=monkeypatch)
    assert ended == code
    assert said in errors
    assert re.fullmatch(r"troc: [^\n]+: [^\n]+\n", errors)
    assert shown == ""


def test_an_error_can_be_json(home: Path) -> None:
    done = troc("account", "export", "nobody", "x", "--json", home=home, cwd=home)
    error = json.loads(done.stderr)
    assert (error["error"], error["exit_code"], done.returncode) == ("AccountError", 8, 8)
    assert error["message"].startswith("there is no account 'nobody'")


@pytest.mark.parametrize("line", ["", "account", "--help", "account --help", "account new -h"])
def test_help_comes_without_arguments(
    line: str, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, shown, errors = troc_here(*line.split(), capsys=capsys, cwd=home, monkeypatch=monkeypatch)
    assert "Usage:" in shown
    assert errors == ""


def test_version(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert troc_here("--version", capsys=capsys, cwd=home, monkeypatch=monkeypatch) == (0, "0.1.0\n", "")
