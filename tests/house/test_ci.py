"""A failing forge test or a failing pytest makes `make test` and .ci/run fail."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house.conftest import ROOT, plain_variables

SUMMARY = re.compile(r"=* ?1 passed.* in [\d.]+s.*")

# Without forge-std, which takes ten seconds to compile.
FORGE = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

contract Counter {
    uint256 public count;

    function add(uint256 more) external {
        count += more % 2;
    }
}

contract CounterInvariants {
    Counter private _counter = new Counter();

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_counter);
    }

    function invariant_counts_to_the_limit() external view {
        require(_counter.count() <= LIMIT);
    }
}
"""
NOTHING = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

contract Nothing {}
"""
MAKE = """#!/bin/sh
echo "target $1"
[ "$1" != "$FAILING_TARGET" ] || exit 2
[ "$1" != test ] || exec "$REAL_MAKE" test
"""
FEW = {"FOUNDRY_INVARIANT_RUNS": "10", "FUZZ_CALLS": "1000", "WORKERS": "0"}
PYTEST = "def test_sum() -> None:\n    assert 1 + 1 == SUM\n"

Project = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(copy: Path, home: Path) -> Project:
    """Runs a command in a small copy with two small tests, each of which can be made to fail.

    `make` there does only what it is asked to check: `make test`, unless another target is named to fail.
    """
    for folder in ("tests", "contracts", "interfaces", "build", "out", "cache"):
        shutil.rmtree(copy / folder, ignore_errors=True)
    for folder in ("tests/fuzz", "contracts", "interfaces", "bin"):
        (copy / folder).mkdir(parents=True)
    (copy / "contracts" / "Nothing.sol").write_text(NOTHING)
    (copy / "bin" / "make").write_text(MAKE)
    (copy / "bin" / "make").chmod(0o755)

    def call(command: str, limit: int = 100, total: int = 2, **more: str) -> subprocess.CompletedProcess[str]:
        (copy / "tests" / "fuzz" / "Counter.t.sol").write_text(FORGE.replace("LIMIT", str(limit)))
        (copy / "tests" / "test_sum.py").write_text(PYTEST.replace("SUM", str(total)))
        variables = plain_variables(home)
        real = shutil.which("make", path=variables["PATH"])
        assert real
        path = f"{copy / 'bin'}:{variables['PATH']}"
        return subprocess.run(
            [real if word == "make" else word for word in command.split()],
            cwd=copy,
            env={**variables, "PATH": path, "CI": "true", "REAL_MAKE": real, **FEW, **more},
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
    assert re.findall("^target (.*)$", result.stdout, re.MULTILINE) == ["lint", "snapshot", "test"]


def test_fails_when_forge_fails(run: Project) -> None:
    result = run(".ci/run", limit=1)
    assert result.returncode != 0
    assert re.search(r"\[FAIL.*invariant_counts_to_the_limit", result.stdout, re.DOTALL)


def test_fails_when_pytest_fails(run: Project) -> None:
    result = run(".ci/run", total=3)
    assert result.returncode != 0
    assert "1 failed" in result.stdout


@pytest.mark.parametrize("target", ["lint", "snapshot"])
def test_ci_fails_when_a_target_fails(run: Project, target: str) -> None:
    result = run(".ci/run", FAILING_TARGET=target)
    assert result.returncode != 0
    assert result.stdout.splitlines()[-1] == f"target {target}"


def test_fails_when_the_random_calls_fall_short(run: Project) -> None:
    result = run("make test", FUZZ_CALLS="1001")
    assert result.returncode != 0
    assert "promised were 1,001" in result.stdout


@pytest.mark.parametrize("path", ["contracts/Nothing.sol", "tests/fuzz/Broken.t.sol"])
def test_fails_when_something_does_not_compile(run: Project, copy: Path, path: str) -> None:
    (copy / path).write_text("pragma solidity 0.8.30; contract Broken {")
    assert run("make test").returncode != 0


DEEP = """def test_depth(profile: settings) -> None:
    assert profile.max_examples == EXAMPLES
"""


KILLED = """import os


def test_kills() -> None:
    assert os.environ.get("TROC_KILLS", "") == WANTED
"""


@pytest.mark.parametrize(("command", "examples"), [("make test", 100), ("make fuzz", 1000)])
def test_the_python_models_try_ten_times_as_much_in_make_fuzz(
    run: Project, copy: Path, command: str, examples: int
) -> None:
    folder = copy / "tests" / "stateful"
    folder.mkdir()
    shutil.copy(ROOT / "tests" / "stateful" / "conftest.py", folder)
    test = "from hypothesis import settings\n\n\n" + DEEP.replace("EXAMPLES", str(examples))
    (folder / "test_depth.py").write_text(test)
    killed = copy / "tests" / "client" / "attention"
    killed.mkdir(parents=True)
    kills = "30" if command == "make fuzz" else ""
    (killed / "test_signing_killed.py").write_text(KILLED.replace("WANTED", repr(kills)))
    few = {"DEEP_FUZZ_CALLS": "1000"}
    result = run(command, **few)
    assert result.returncode == 0, result.stdout
    # `make fuzz` runs the models and the kills alone, `make test` the copy's other test as well.
    assert sum(map(int, re.findall(r"(\d) passed in ", result.stdout))) == (
        3 if command == "make test" else 2
    )
