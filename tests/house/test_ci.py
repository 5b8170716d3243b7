"""A failing forge test or a failing pytest makes `make test` and .ci/run fail."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house.conftest import plain_variables

SUMMARY = re.compile(r"=* ?1 passed.* in [\d.]+s.*")

FORGE = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

contract Counter {
    uint256 public count;

    function add(uint256 more) external {
        count += more % 2;
    }
}

contract CounterInvariants is Test {
    Counter private _counter;

    function setUp() public {
        _counter = new Counter();
        targetContract(address(_counter));
    }

    function invariant_grows_by_one() public view {
        assertLe(_counter.count(), LIMIT);
    }
}
"""
GAS = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

contract GasOfNothing is Test {
    function test_nothing() public {
        vm.snapshotValue("Nothing", "nothing", VALUE);
    }
}
"""
FEW = {"FOUNDRY_INVARIANT_RUNS": "10", "FUZZ_CALLS": "1000"}
PYTEST = "def test_sum() -> None:\n    assert 1 + 1 == SUM\n"

Project = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(copy: Path, home: Path) -> Project:
    """Runs a command in a copy that has three small tests in place of its own, each of which can fail."""
    shutil.rmtree(copy / "tests")
    shutil.rmtree(copy / "snapshots", ignore_errors=True)
    (copy / "tests" / "fuzz" / "gas").mkdir(parents=True)
    (copy / "snapshots").mkdir()
    (copy / "snapshots" / "Nothing.json").write_text('{\n  "nothing": "7"\n}')

    def call(
        *command: str, limit: int = 100, gas: int = 7, total: int = 2
    ) -> subprocess.CompletedProcess[str]:
        (copy / "tests" / "fuzz" / "Counter.t.sol").write_text(FORGE.replace("LIMIT", str(limit)))
        (copy / "tests" / "fuzz" / "gas" / "Nothing.t.sol").write_text(GAS.replace("VALUE", str(gas)))
        (copy / "tests" / "test_sum.py").write_text(PYTEST.replace("SUM", str(total)))
        return subprocess.run(
            command,
            cwd=copy,
            env={**plain_variables(home), "CI": "true", **FEW},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )

    return call


def test_ci_passes_and_ends_with_the_summary(run: Project) -> None:
    result = run(".ci/run")
    assert result.returncode == 0, result.stdout
    assert SUMMARY.fullmatch(result.stdout.splitlines()[-1]), result.stdout


def test_ci_fails_when_the_figures_changed(run: Project) -> None:
    result = run(".ci/run", gas=8)
    assert result.returncode != 0
    assert "snapshot" in result.stdout.lower()
    assert "test_sum" not in result.stdout


def test_ci_fails_when_the_style_is_broken(run: Project, copy: Path) -> None:
    (copy / "tools" / "untidy.py").write_text("import os\n")
    result = run(".ci/run")
    assert result.returncode != 0
    assert "untidy.py" in result.stdout


@pytest.mark.parametrize("command", [("make", "test"), (".ci/run",)], ids=" ".join)
def test_fails_when_forge_fails(run: Project, command: tuple[str, ...]) -> None:
    result = run(*command, limit=10)
    assert result.returncode != 0
    assert "invariant_grows_by_one" in result.stdout


@pytest.mark.parametrize("command", [("make", "test"), (".ci/run",)], ids=" ".join)
def test_fails_when_pytest_fails(run: Project, command: tuple[str, ...]) -> None:
    result = run(*command, total=3)
    assert result.returncode != 0
    assert "1 failed" in result.stdout


def test_fails_when_the_random_calls_fall_short(run: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("make", "test", "FUZZ_CALLS=1001")
    assert result.returncode != 0
    assert "promised were 1,001" in result.stdout


def test_fails_when_the_contracts_do_not_compile(run: Project, copy: Path) -> None:
    (copy / "contracts" / "libraries" / "Lots.sol").write_text("pragma solidity 0.8.30; library Lots {")
    assert run("make", "test").returncode != 0
