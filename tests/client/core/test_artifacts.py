"""What the client carries of the contracts is what the compiler makes of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hexbytes import HexBytes

from troc.artifacts import NAMES, artifact, source_texts
from troc.verification import standard_input

ROOT = Path(__file__).resolve().parents[3]
FORGE = Path(sys.executable).parent / "forge"
SOLC = Path(sys.prefix) / "solc" / "solc-v0.8.30"


def test_equals_a_fresh_build() -> None:
    subprocess.run([FORGE, "build", "contracts"], cwd=ROOT, check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "tools/artifacts.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_check_notices_a_difference(tmp_path: Path) -> None:
    for name in ("out", "contracts", "interfaces", "node_modules"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "artifacts.py").write_text((ROOT / "tools" / "artifacts.py").read_text())
    command = [sys.executable, "tools/artifacts.py"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    assert subprocess.run([*command, "--check"], cwd=tmp_path, check=False).returncode == 0
    file = tmp_path / "troc" / "artifacts" / "Brands.json"
    file.write_text(file.read_text().replace('"bytecode": "0x60', '"bytecode": "0x61'))
    done = subprocess.run([*command, "--check"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "artifacts: Brands.json differ from the build: run `python tools/artifacts.py`\n"


@pytest.fixture(scope="module")
def compiled() -> Any:
    """What the compiler makes of the inputs that we give to explorers, all in one run."""
    inputs = [standard_input(name) for name in NAMES]
    assert all(entry["settings"] == inputs[0]["settings"] for entry in inputs)
    merged = inputs[0] | {
        "sources": {path: text for entry in inputs for path, text in entry["sources"].items()}
    }
    done = subprocess.run(
        [SOLC, "--standard-json"], input=json.dumps(merged), capture_output=True, text=True, check=True
    )
    output = json.loads(done.stdout)
    assert not [entry for entry in output.get("errors", []) if entry["severity"] == "error"]
    return output["contracts"]


@pytest.mark.parametrize("name", NAMES)
def test_the_sources_carried_compile_to_the_bytecode_carried(name: str, compiled: Any) -> None:
    found = artifact(name)
    contract = compiled[found.source][name]
    assert HexBytes(contract["evm"]["bytecode"]["object"]) == found.bytecode
    assert HexBytes(contract["evm"]["deployedBytecode"]["object"]) == found.runtime_bytecode
    in_any_order = [
        sorted(json.dumps(entry, sort_keys=True) for entry in abi) for abi in (contract["abi"], found.abi)
    ]
    assert in_any_order[0] == in_any_order[1]
    # Compiled alone it is the same: these are all the sources that it is made of.
    assert set(json.loads(contract["metadata"])["sources"]) == set(standard_input(name)["sources"])


def test_no_path_of_a_machine_and_nothing_unlinked_is_carried() -> None:
    for name in NAMES:
        assert "__$" not in artifact(name).bytecode.hex()
        for path in artifact(name).sources:
            assert not path.startswith("/")
            assert path in source_texts()
    for file in (ROOT / "troc" / "artifacts").glob("*.json"):
        assert not re.search(r"\"/(home|root|Users|tmp)/", file.read_text())
        assert str(ROOT) not in file.read_text()


def test_code_on_a_chain_is_told_from_other_code() -> None:
    found = artifact("Brands")
    code = bytearray(found.runtime_bytecode)
    start, length = found.immutables[0]
    code[start : start + length] = b"\x11" * length
    assert found.is_code(bytes(code))
    code[0] ^= 1
    assert not found.is_code(bytes(code))
    assert not found.is_code(bytes(found.runtime_bytecode) + b"\x00")
    assert not found.is_code(b"")
