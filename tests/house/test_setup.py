"""Set-up says in one line what is missing, and does nothing the second time."""

from __future__ import annotations

import copy as copying
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.conftest import ROOT, plain_variables
from tools import environment, setup


def write_program(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text("#!/bin/sh\n" + body + "\n")
    (folder / name).chmod(0o755)


def refused(monkeypatch: pytest.MonkeyPatch, path: Path) -> str:
    """What set-up says on a machine that has only the programs in this folder."""
    monkeypatch.setenv("PATH", str(path))
    with pytest.raises(SystemExit) as stopped:
        setup.check_tools()
    return str(stopped.value)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    for name in ("make", "git", "npm"):
        write_program(tmp_path, name, "exit 0")
    write_program(tmp_path, "node", "echo v20.0.0")
    return tmp_path


def test_accepts_a_machine_with_what_it_needs(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(machine))
    setup.check_tools()


@pytest.mark.parametrize("version", [(3, 10), (3, 13), (2, 7)])
def test_refuses_other_pythons(
    machine: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int]
) -> None:
    monkeypatch.setattr(sys, "version_info", (*version, 0, "final", 0))
    message = refused(monkeypatch, machine)
    assert message.startswith(
        f"setup: Python {version[0]}.{version[1]} does not do: install Python 3.11 or 3.12"
    )


@pytest.mark.parametrize("tool", ["make", "git", "node", "npm"])
def test_refuses_a_machine_without(machine: Path, monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    (machine / tool).unlink()
    message = refused(monkeypatch, machine)
    assert "install" in message
    assert {"npm": "Node"}.get(tool, tool).lower() in message.lower()
    assert "\n" not in message


@pytest.mark.parametrize("version", ["v18.20.0", "", "v9.9.9"])
def test_refuses_an_old_node(machine: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    write_program(machine, "node", f"echo {version}")
    assert "install Node 20 or newer" in refused(monkeypatch, machine)


def test_says_what_to_install_where_make_finds_no_python(copy: Path, machine: Path) -> None:
    (copy / ".venv").unlink()
    (machine / "make").unlink()
    for name in ("make", "sh", "sed"):
        found = subprocess.run(
            ["sh", "-c", f"command -v {name}"], capture_output=True, text=True
        ).stdout.strip()
        (machine / name).symlink_to(found)
    result = subprocess.run(
        ["make", "setup"],
        cwd=copy,
        env={"PATH": str(machine), "HOME": str(machine)},
        capture_output=True,
        text=True,
    )
    assert result.returncode != 0
    assert "install Python 3.11 or 3.12" in result.stderr


def test_the_second_time_nothing_happens(home: Path) -> None:
    def state() -> dict[str, int]:
        names = [".venv/stamp", ".venv/bin/anvil", ".venv/solc/solc-v0.8.30", "node_modules/.stamp", ".env"]
        return {name: (ROOT / name).lstat().st_mtime_ns for name in names}

    before = state()
    began = time.monotonic()
    result = subprocess.run(
        ["make", "setup"], cwd=ROOT, env=plain_variables(home), capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert state() == before
    assert time.monotonic() - began < 10


def test_borrowed_environments_are_left_alone(copy: Path, home: Path) -> None:
    (copy / "requirements.lock").write_text("# changed\n")
    (copy / "package-lock.json").write_text("{}\n")
    result = subprocess.run(
        ["make", "setup"], cwd=copy, env=plain_variables(home), capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    anvil = (ROOT / ".venv/bin/anvil").readlink()
    assert not anvil.is_relative_to(copy)


STOCK: dict[str, Any] = {
    "live": [
        {
            "name": "Ethereum",
            "networks": [{"id": "mainnet", "chainid": 1, "host": "https" + "://example.org"}],
        }
    ],
    "development": [{"id": "development", "name": "Anvil", "cmd": "anvil"}],
}


def test_networks_are_added_once(tmp_path: Path) -> None:
    stock = tmp_path / "stock.yaml"
    stock.write_text(yaml.safe_dump(STOCK))
    ours = ROOT / "network-config.yaml"
    assert environment.add_networks(ours, stock, tmp_path)
    listed = tmp_path / ".brownie" / "network-config.yaml"
    first = listed.read_text()
    networks = yaml.safe_load(first)
    assert networks["live"][0] == STOCK["live"][0]
    assert networks["live"][1]["name"] == "Troc"
    added = {network["id"]: network for network in networks["live"][1]["networks"]}
    # What brownie lists itself is not doubled.
    assert set(added) == {"local", "sepolia", "optimism", "base", "base-sepolia"}
    assert added["base"]["host"] == "$TROC_RPC_URL"
    assert [network["id"] for network in networks["development"]] == ["development", "ganache"]
    assert not environment.add_networks(ours, stock, tmp_path)
    assert listed.read_text() == first
    assert [path.name for path in listed.parent.iterdir()] == ["network-config.yaml"]


def test_the_users_own_networks_stay(tmp_path: Path) -> None:
    known = copying.deepcopy(STOCK)
    mine = {"id": "local", "chainid": 5, "host": "http" + "://10.0.0.1"}
    known["live"][0]["networks"].append(mine)
    ours = yaml.safe_load((ROOT / "network-config.yaml").read_text())
    assert environment.merge_networks(known, ours)
    assert "local" not in [network["id"] for group in known["live"][1:] for network in group["networks"]]
    assert known["live"][0]["networks"][1] == mine


def test_brownie_lists_every_public_network_of_config() -> None:
    ours = yaml.safe_load((ROOT / "network-config.yaml").read_text())["live"]
    listed = {network["id"]: network["chainid"] for group in ours for network in group["networks"]}
    configs = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "config").glob("*.yaml")}
    assert listed.pop("local") == 31337
    assert listed == {name: data["chain_id"] for name, data in configs.items() if data.get("live")}


USERS = "https" + "://10.0.0.1"


@pytest.mark.parametrize(
    ("name", "chosen", "expected"),
    [
        ("sepolia", "", "$TROC_RPC_URL"),
        ("base", "", "$TROC_RPC_URL"),
        ("sepolia", USERS, USERS),
        ("local", "", "http" + "://127.0.0.1:8545"),
    ],
)
def test_brownie_asks_the_node_of_env(name: str, chosen: str, expected: str, home: Path) -> None:
    site = next((ROOT / ".venv" / "lib").glob("python*/site-packages")).resolve()
    lines = [
        "import importlib.util, sys",
        # Without site the environment that is set up does not come first.
        f"sys.prefix = {str(ROOT / '.venv')!r}",
        f"sys.path.insert(0, {str(site)!r})",
        f"spec = importlib.util.spec_from_file_location('environment', {environment.__file__!r})",
        "ours = importlib.util.module_from_spec(spec)",
        "spec.loader.exec_module(ours)",
        "ours.install()",
        "import brownie",
        "print(brownie._config.CONFIG.networks[sys.argv[1]]['host'])",
    ]
    if chosen:
        stock = yaml.safe_load((site / "brownie" / "data" / "network-config.yaml").read_text())
        for group in stock["live"]:
            for network in group["networks"]:
                if network["id"] == name:
                    network["host"] = chosen
        (home / ".brownie").mkdir()
        (home / ".brownie" / "network-config.yaml").write_text(yaml.safe_dump(stock))
    result = subprocess.run(
        [ROOT / ".venv" / "bin" / "python", "-S", "-c", "\n".join(lines), name],
        cwd=home,
        env=plain_variables(home) | {"WEB3_INFURA_PROJECT_ID": "0" * 32},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.stdout == f"{expected}\n", result.stderr


def test_builds_of_files_that_are_no_more_are_dropped(tmp_path: Path) -> None:
    (tmp_path / "contracts" / "libraries").mkdir(parents=True)
    (tmp_path / "contracts" / "libraries" / "Kept.sol").touch()
    builds = tmp_path / "build" / "contracts"
    builds.mkdir(parents=True)
    # As brownie writes them.
    kept, gone = r"contracts\/libraries\/Kept.sol", r"contracts\/mocks\/Gone.sol"
    for name, sources in (
        ("Kept", f'"3": "{kept}"'),
        ("Gone", f'"4": "{gone}"'),
        ("Importer", f'"3": "{kept}",\n    "4": "{gone}"'),
        ("EIP712", r'"5": "node_modules\/solady\/src\/utils\/EIP712.sol"'),
    ):
        (builds / f"{name}.json").write_text(
            f'{{\n  "allSourcePaths": {{\n    {sources}\n  }},\n  "ast": {{}}\n}}'
        )
    interfaces = tmp_path / "build" / "interfaces"
    interfaces.mkdir()
    (tmp_path / "interfaces").mkdir()
    (tmp_path / "interfaces" / "IKept.sol").write_text("interface IKept {}\ninterface IBeside {}\n")
    (tmp_path / "interfaces" / "IRenamed.sol").write_text("interface INew {}\n")
    for name in ("IKept", "IBeside", "INew", "IOld"):
        (interfaces / f"{name}.json").write_text("{}")
    assert environment.drop_gone_builds(tmp_path) == ["Gone", "IOld", "Importer"]
    assert sorted(path.stem for path in builds.iterdir()) == ["EIP712", "Kept"]
    assert sorted(path.stem for path in interfaces.iterdir()) == ["IBeside", "IKept", "INew"]
    assert environment.drop_gone_builds(tmp_path) == []


def test_brownie_starts_after_what_a_contract_imported_was_removed(tmp_path: Path, home: Path) -> None:
    for name in ("brownie-config.yaml", "network-config.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / ".env").touch()
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    pragma = "// SPDX-License-Identifier: MIT\npragma solidity 0.8.30;\n"
    base, heir, face = (
        tmp_path / name for name in ("contracts/Base.sol", "contracts/Heir.sol", "interfaces/IBase.sol")
    )

    def compiled() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / ".venv" / "bin" / "brownie", "compile"],
            cwd=tmp_path,
            env=plain_variables(home),
            capture_output=True,
            text=True,
            timeout=120,
        )

    for file in (base, face):
        file.parent.mkdir()
    face.write_text(f"{pragma}interface IBase {{}}\n")
    base.write_text(
        f'{pragma}import {{IBase}} from "../interfaces/IBase.sol";\ncontract Base is IBase {{}}\n'
    )
    heir.write_text(f'{pragma}import {{Base}} from "./Base.sol";\ncontract Heir is Base {{}}\n')
    first = compiled()
    assert first.returncode == 0, first.stdout + first.stderr
    assert "- Heir" in first.stdout
    base.unlink()
    face.unlink()
    heir.write_text(f"{pragma}contract Heir {{}}\n")
    second = compiled()
    assert second.returncode == 0, second.stdout + second.stderr
    assert "Project has been compiled" in second.stdout
    left = {path.stem for path in (tmp_path / "build").rglob("*.json")}
    assert "Heir" in left
    assert not left & {"Base", "IBase"}


def test_a_home_that_does_not_exist_yet_is_made(tmp_path: Path) -> None:
    stock = tmp_path / "stock.yaml"
    stock.write_text(yaml.safe_dump(STOCK))
    home = tmp_path / "new" / "home"
    assert environment.add_networks(ROOT / "network-config.yaml", stock, home)
    assert (home / ".brownie" / "network-config.yaml").is_file()


def test_a_native_compiler_counts_only_with_the_published_hash(tmp_path: Path) -> None:
    write_program(tmp_path, "solc", "echo Version: 0.8.30+commit.73712a01")
    assert setup.answers(tmp_path / "solc")
    assert not setup.is_native(tmp_path / "solc")
    assert not setup.is_native(tmp_path / "missing")


def test_a_compiler_of_another_version_does_not_answer(tmp_path: Path) -> None:
    write_program(tmp_path, "solc", "echo Version: 0.8.29+commit.ab55807c")
    assert not setup.answers(tmp_path / "solc")
