"""brownie and forge make the same bytecode, out of one compiler, and it fits on a chain."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import brownie.project
import pytest
import yaml

from tests.house.conftest import ROOT

# EIP-170 and EIP-3860
CODE_LIMIT = 24_576
INITCODE_LIMIT = 49_152
SOLC = ROOT / ".venv" / "solc" / "solc-v0.8.30"
CONTRACTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "contracts").rglob("*.sol")
    if "mocks" not in path.parts
)


@pytest.fixture(scope="module")
def forge_build() -> Path:
    """What forge makes of contracts/."""
    result = subprocess.run(["forge", "build", "contracts"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return ROOT / "out"


def code_of(bytecode: str) -> bytes:
    """Bytecode without what the compiler writes behind it: a hash of the sources, comments included.

    Neither brownie nor forge compiles a contract anew when a comment in a file that it imports has changed.
    """
    code = bytes.fromhex(bytecode.removeprefix("0x"))
    return code[: -2 - int.from_bytes(code[-2:], "big")]


def brownie_builds(path: str) -> list[dict[str, Any]]:
    """What brownie made of the contracts in one file."""
    (project,) = brownie.project.get_loaded_projects()
    return [build for _, build in project._build.items() if build.get("sourcePath") == path]


@pytest.mark.parametrize("path", CONTRACTS)
def test_brownie_and_forge_agree(path: str, forge_build: Path) -> None:
    builds = brownie_builds(path)
    assert builds
    for build in builds:
        artifact = json.loads((forge_build / Path(path).name / f"{build['contractName']}.json").read_text())
        for kind in ("bytecode", "deployedBytecode"):
            assert code_of(build[kind]) == code_of(artifact[kind]["object"])


@pytest.mark.parametrize("path", CONTRACTS)
def test_fits_on_a_chain(path: str) -> None:
    for build in brownie_builds(path):
        assert len(build["deployedBytecode"]) // 2 <= CODE_LIMIT
        assert len(build["bytecode"]) // 2 <= INITCODE_LIMIT


def test_settings_agree() -> None:
    ours = yaml.safe_load((ROOT / "brownie-config.yaml").read_text())["compiler"]
    forge = tomllib.loads((ROOT / "foundry.toml").read_text())["profile"]["default"]
    assert forge["solc"] == SOLC.relative_to(ROOT).as_posix() == f".venv/solc/solc-v{ours['solc']['version']}"
    assert forge["evm_version"] == ours["evm_version"] == "shanghai"
    assert forge["optimizer"] is ours["solc"]["optimizer"]["enabled"] is True
    assert forge["optimizer_runs"] == ours["solc"]["optimizer"]["runs"]
    assert forge["remappings"] == ours["solc"]["remappings"]
    assert forge["via_ir"] is False


def compile_with(solc: Path, sources: dict[str, str], *options: str, folder: Path = ROOT) -> dict[str, Any]:
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": {
            "remappings": ["solady/=node_modules/solady/src/"],
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
        },
    }
    result = subprocess.run(
        [solc, *options, "--standard-json"],
        cwd=folder,
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


@pytest.fixture(params=[SOLC, ROOT / "tools" / "solc.js"], ids=["the compiler in use", "the npm compiler"])
def solc(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_answers_its_version(solc: Path) -> None:
    answer = subprocess.run([solc, "--version"], capture_output=True, text=True, check=True).stdout
    assert "Version: 0.8.30+commit.73712a01" in answer


def test_reads_imports_through_remappings(solc: Path) -> None:
    source = 'pragma solidity 0.8.30; import {LibBit} from "solady/utils/LibBit.sol"; contract A {}'
    answer = compile_with(solc, {"A.sol": source}, "--allow-paths", str(ROOT))
    assert [error for error in answer.get("errors", []) if error["severity"] == "error"] == []
    assert answer["contracts"]["A.sol"]["A"]["evm"]["bytecode"]["object"]


def test_reads_imports_from_base_and_include_paths(solc: Path, tmp_path: Path) -> None:
    for folder, name in (("base", "B"), ("more", "C")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.sol").write_text(f"pragma solidity 0.8.30; contract {name} {{}}")
    source = 'pragma solidity 0.8.30; import "B.sol"; import "C.sol"; contract A is B, C {}'
    base, more = str(tmp_path / "base"), str(tmp_path / "more")
    answer = compile_with(solc, {"A.sol": source}, "--base-path", base, "--include-path", more)
    assert [error for error in answer.get("errors", []) if error["severity"] == "error"] == []


def test_reports_errors_of_the_source(solc: Path) -> None:
    answer = compile_with(solc, {"A.sol": 'pragma solidity 0.8.30; import "missing.sol"; contract A {}'})
    (error,) = (error for error in answer["errors"] if error["severity"] == "error")
    assert "missing.sol" in error["message"]


def test_refuses_options_that_it_does_not_know() -> None:
    result = subprocess.run([ROOT / "tools" / "solc.js", "--bin", "A.sol"], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr == "solc wrapper: --bin is not supported; use --standard-json and its settings\n"


def test_brownie_finds_the_compiler() -> None:
    assert Path(os.environ["SOLCX_BINARY_PATH"]).resolve() == SOLC.parent.resolve()
