"""A failing forge test or a failing pytest makes `make test` and .ci/run fail."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house.conftest import ROOT, copy_project, plain_variables

SUMMARY = re.compile(r"=* ?3 passed.* in [\d.]+s.*")

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
for target; do
    echo "target $target"
    [ "$target" != "$FAILING_TARGET" ] || exit 2
done
[ "$1" != test ] || exec "$REAL_MAKE" test
"""
FEW = {
    "FOUNDRY_INVARIANT_RUNS": "10",
    "FUZZ_CALLS": "1000",
    "WORKERS": "0",
    "SUM": "2",
    "EXAMPLES": "100",
    "KILLS": "",
}
PYTEST = """import os


def test_sum() -> None:
    assert 1 + 1 == int(os.environ["SUM"])
"""

DEPTH = """import os

from hypothesis import settings


def test_depth(profile: settings) -> None:
    assert profile.max_examples == int(os.environ["EXAMPLES"])
"""
KILLED = """import os


def test_kills() -> None:
    assert os.environ.get("TROC_KILLS", "") == os.environ["KILLS"]
"""

Project = Callable[..., "subprocess.CompletedProcess[str]"]


def write_counter(folder: Path, limit: int) -> None:
    """A test of forge that passes where nothing may count to the limit within its calls."""
    (folder / "tests" / "fuzz" / "Counter.t.sol").write_text(FORGE.replace("LIMIT", str(limit)))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with four small tests, compiled.

    Its `make` on the path does only what it is asked to check: `make test`, unless another target is to fail.
    """
    folder = copy_project(tmp_path_factory.mktemp("small") / "copy")
    for name in ("tests", "contracts", "interfaces", "build", "out", "cache"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("tests/fuzz", "tests/stateful", "tests/client/attention", "contracts", "interfaces", "bin"):
        (folder / name).mkdir(parents=True)
    (folder / "bin" / "make").write_text(MAKE)
    (folder / "bin" / "make").chmod(0o755)
    (folder / "contracts" / "Nothing.sol").write_text(NOTHING)
    write_counter(folder, limit=100)
    (folder / "tests" / "test_sum.py").write_text(PYTEST)
    shutil.copy(ROOT / "tests" / "stateful" / "conftest.py", folder / "tests" / "stateful")
    (folder / "tests" / "stateful" / "test_depth.py").write_text(DEPTH)
    (folder / "tests" / "client" / "attention" / "test_signing_killed.py").write_text(KILLED)
    home = folder.parent / "home"
    home.mkdir()
    subprocess.run(["make", "build"], cwd=folder, env=plain_variables(home), check=True)
    return folder


@pytest.fixture
def project(small: Path, tmp_path: Path) -> Path:
    """The same, to break."""
    return shutil.copytree(small, tmp_path / "copy", symlinks=True)


@pytest.fixture
def run(project: Path, home: Path) -> Project:
    """Runs a command in the small copy; variables decide which of its tests fail."""

    def call(command: str, **more: str) -> subprocess.CompletedProcess[str]:
        variables = plain_variables(home)
        real = shutil.which("make", path=variables["PATH"])
        assert real
        path = f"{project / 'bin'}:{variables['PATH']}"
        return subprocess.run(
            [real if word == "make" else word for word in command.split()],
            cwd=project,
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
    assert re.findall("^target (.*)$", result.stdout, re.MULTILINE) == ["lint", "build", "snapshot", "test"]


def test_fails_when_forge_fails(run: Project, project: Path) -> None:
    write_counter(project, limit=1)
    result = run(".ci/run")
    assert result.returncode != 0
    assert re.search(r"\[FAIL.*invariant_counts_to_the_limit", result.stdout, re.DOTALL)


def test_fails_when_pytest_fails(run: Project) -> None:
    result = run(".ci/run", SUM="3")
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
def test_fails_when_something_does_not_compile(run: Project, project: Path, path: str) -> None:
    (project / path).write_text("pragma solidity 0.8.30; contract Broken {")
    assert run("make test").returncode != 0


def test_fuzz_tries_ten_times_as_many_examples_and_kills_thirty_services(run: Project) -> None:
    result = run("make fuzz", DEEP_FUZZ_CALLS="1000", EXAMPLES="1000", KILLS="30")
    assert result.returncode == 0, result.stdout
    # The models and the kills alone.
    assert re.findall(r"(\d) passed in ", result.stdout) == ["1", "1"]
