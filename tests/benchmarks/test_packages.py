"""The peers' packages are pinned, and what is missing is said in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import compile as compiler
from benchmarks import packages
from benchmarks.compile import PEERS, Settings, compile_contract
from benchmarks.records import BenchmarkError


def test_every_package_has_a_hash_and_an_exact_version() -> None:
    folder = PEERS.parent
    wanted = json.loads((folder / "package.json").read_text())["devDependencies"]
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    for name, version in wanted.items():
        assert locked[f"node_modules/{name}"]["version"] == version
    assert all("integrity" in entry for path, entry in locked.items() if path)


def test_only_what_is_read_is_installed() -> None:
    """What the peers would pull in, hundreds of megabytes, is replaced by an empty package."""
    locked = json.loads((PEERS.parent / "package-lock.json").read_text())["packages"]
    real = {path for path, entry in locked.items() if path and entry.get("name") != "empty-npm-package"}
    # 112 MB with 17, of which 16 MB are EAS's.
    assert len(real) <= 17


def test_names_the_command_when_a_package_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(packages, "PEERS", tmp_path)
    with pytest.raises(BenchmarkError, match="run `make bench`"):
        packages.published("@uniswap/v2-core", "build/UniswapV2Factory.json")


def test_names_a_source_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "A.sol").write_text('import "nowhere/B.sol";\n')
    with pytest.raises(BenchmarkError, match=r"source nowhere/B.sol is in none of"):
        compile_contract("A.sol", "A", Settings(packages=(tmp_path,)))


def test_says_what_does_not_compile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(compiler, "_CACHE", tmp_path / "kept")
    (tmp_path / "A.sol").write_text("pragma solidity 0.8.30; contract A { nothing }")
    with pytest.raises(BenchmarkError, match=r"A.sol does not compile: ParserError"):
        compile_contract("A.sol", "A", Settings(packages=(tmp_path,)))
    (tmp_path / "B.sol").write_text("pragma solidity 0.8.30; contract B { }")
    with pytest.raises(BenchmarkError, match=r"B.sol holds no contract A"):
        compile_contract("B.sol", "A", Settings(packages=(tmp_path,)))
