"""tools/tree.py finds what must not stand in the tree, and the tree has none of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from eth_account import Account

from tools import tree
from tools.tree import File, Finding

KEY = "0x" + "3" * 64


def find(path: str, text: str) -> list[str]:
    return [str(finding) for finding in tree.inspect([File(path, text)])]


def new_mnemonic() -> str:
    Account.enable_unaudited_hdwallet_features()
    return str(Account.create_with_mnemonic()[1])


def test_the_tree_is_clean() -> None:
    assert [str(finding) for finding in tree.inspect(tree.read_tree())] == []


def test_the_tree_is_read() -> None:
    paths = {file.path for file in tree.read_tree()}
    assert {"Makefile", "package-lock.json", "requirements.lock", "tests/house/test_tree.py"} <= paths


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements.lock", "--index-url https" + "://registry.example/simple\n"),
        ("requirements-analysis.lock", "attrs @ https" + "://registry.example/attrs.whl\n"),
        ("package-lock.json", json.dumps({"packages": {"node_modules/a": {"resolved": "x"}}})),
        ("benchmarks/package-lock.json", json.dumps({"packages": {"node_modules/a": {"resolved": "x"}}})),
        (".npmrc", "registry=https" + "://registry.example/\n"),
    ],
)
def test_finds_registries(path: str, text: str) -> None:
    (finding,) = find(path, text)
    assert "registry" in finding or "came from" in finding


def test_allows_lock_files_without_address() -> None:
    assert find("requirements.lock", "attrs==26.1.0 \\\n    --hash=sha256:00\n") == []
    assert find("package-lock.json", json.dumps({"packages": {"node_modules/a": {"version": "1.0.0"}}})) == []


def test_finds_a_mnemonic_across_lines() -> None:
    words = new_mnemonic().split()
    text = "x = [\n" + "".join(f'    "{word}",\n' for word in words) + "]\n"
    assert find("scripts/a.py", text) == ["scripts/a.py:2: a seed phrase: keys live in keystores"]


def test_finds_a_mnemonic_in_data() -> None:
    assert len(find("config/local.json", json.dumps({"seed": new_mnemonic()}))) == 1


def test_allows_the_accounts_of_local_chains_in_one_place() -> None:
    text = f'MNEMONIC = "{new_mnemonic()}"\nPRIVATE_KEY = "{KEY}"\n'
    assert find(tree.DEV_ACCOUNTS, text) == []
    assert len(find("troc/other.py", text)) == 2


def test_allows_words_that_are_no_mnemonic() -> None:
    assert find("docs/a.md", "able " * 12) == []


@pytest.mark.parametrize(
    "text",
    [
        f'private_key = "{KEY}"\n',
        f"TROC_SECRET={KEY[2:]}\n",
        f'signer = Account.from_key(\n    "{KEY}"\n)\n',
        f'const pk = "{KEY}";\n',
        f'key = "{KEY}"\n',
    ],
)
def test_finds_keys(text: str) -> None:
    (finding,) = find("scripts/a.py", text)
    assert "private key" in finding


@pytest.mark.parametrize(
    "text",
    [
        f'ORDER_TYPEHASH = "{KEY}"\n',
        f"bytes32 private constant _ORDER = {KEY};\n",
        f"/// keccak256 of the key's name\nbytes32 constant KEY = {KEY};\n",
        f'assert digest == "{KEY}"\n',
    ],
)
def test_allows_digests(text: str) -> None:
    assert find("scripts/a.py", text) == []


@pytest.mark.parametrize("path", [".env", "config/.env", "keys/brand.pem"])
def test_finds_files_of_secrets(path: str) -> None:
    (finding,) = find(path, "A=1\n")
    assert "secrets" in finding


def test_finds_keystores() -> None:
    keystore = Account.encrypt(Account.create().key, "passphrase", iterations=2)
    (finding,) = find("tests/customer.json", json.dumps(keystore))
    assert "keystore" in finding


@pytest.mark.parametrize("path", ["/ho" + "me/ada/troc", "/Us" + "ers/ada/troc", "/wo" + "rk/main"])
def test_finds_paths_of_a_machine(path: str) -> None:
    (finding,) = find("docs/a.md", f"see {path}/README.md\n")
    assert "path of one machine" in finding


def test_allows_relative_paths() -> None:
    assert find("docs/a.md", "~/.brownie and docs/home/a.md and https://example.org/home/a\n") == []


def test_finds_unfinished_work() -> None:
    (finding,) = find("scripts/a.py", "x = 1  # TO" + "DO: later\n")
    assert "finish it" in finding


def test_finds_other_words() -> None:
    assert find("docs/a.md", "The mer" + "chants pay.\n") == [
        "docs/a.md:1: say brand, not mer" + "chant: one word for one thing"
    ]


def test_finds_loose_pragmas() -> None:
    assert len(find("contracts/libraries/A.sol", "pragma solidity ^0.8.30;\n")) == 1
    assert find("contracts/libraries/A.sol", "pragma solidity 0.8.30;\n") == []


def test_finds_errors_declared_twice() -> None:
    files = [File("interfaces/IA.sol", "  error Late();\n"), File("interfaces/IB.sol", "\n  error Late();\n")]
    assert [str(finding) for finding in tree.inspect(files)] == [
        "interfaces/IB.sol:2: error Late is declared in interfaces/IA.sol already"
    ]


def test_ends_with_1_when_it_finds_something(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find_all(file: File) -> Iterator[Finding]:
        if file.path == "Makefile":
            yield Finding(file.path, 3, "is there")

    monkeypatch.setattr(tree, "FINDERS", (find_all,))
    assert tree.main() == 1
    assert capsys.readouterr().out == "Makefile:3: is there\n"
