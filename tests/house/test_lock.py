"""The lock files pin everything, by hash, for every platform."""

from __future__ import annotations

import json
import re

import pytest

from tests.house.conftest import ROOT
from tools import lock

PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("source", sorted(path.name for path in ROOT.glob("requirements*.in")))
def test_python_locks_name_what_was_asked_for(source: str) -> None:
    asked = [line.split("#")[0].strip() for line in (ROOT / source).read_text().splitlines()]
    text = (ROOT / source).with_suffix(".lock").read_text()
    pins = {normal(name): version for name, version in PIN.findall(text)}
    for line in filter(None, asked):
        if line.startswith("-"):
            assert line in text.splitlines()
            continue
        name, _, version = line.partition(";")[0].partition("==")
        name = name.partition("[")[0]
        assert normal(name) in pins
        assert not version or pins[normal(name)] == version


@pytest.mark.parametrize("source", sorted(path.name for path in ROOT.glob("requirements*.lock")))
def test_python_locks_carry_hashes(source: str) -> None:
    blocks = re.split(r"\n(?=\S)", (ROOT / source).read_text())
    pinned = [block for block in blocks if PIN.match(block)]
    assert pinned
    assert all("--hash=sha256:" in block for block in pinned)


def test_build_options_come_in_the_order_that_pip_needs() -> None:
    options = [
        line for line in (ROOT / "requirements.lock").read_text().splitlines() if line.startswith("--")
    ]
    assert options[0] == "--only-binary :all:"
    assert "--no-binary eth-brownie" in options[1:]


def test_npm_lock_is_complete() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    missing = [
        f"{path}: {name}"
        for path, entry in packages.items()
        if path.startswith("node_modules/@foundry-rs/")
        for name in entry.get("optionalDependencies", {})
        if f"node_modules/{name}" not in packages
    ]
    assert missing == [], "run `make lock`"


def test_npm_lock_carries_hashes_but_for_what_no_registry_at_hand_had() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    without = [
        path
        for path, entry in packages.items()
        if path and "integrity" not in entry and not entry.get("inBundle") and not entry.get("link")
    ]
    assert all(re.search(r"@foundry-rs/(anvil|forge)-(darwin|linux|win32)-\w+$", path) for path in without)
    assert not any("linux-amd64" in path for path in without)


def test_npm_lock_agrees_with_package_json() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"][""]
    for kind in ("dependencies", "devDependencies", "optionalDependencies"):
        assert locked.get(kind, {}) == wanted.get(kind, {})
        assert all(
            re.fullmatch(r"[\w./@:-]*\d+\.\d+\.\d+[\w.-]*", pin) for pin in wanted.get(kind, {}).values()
        )


def test_completes_what_npm_left_out() -> None:
    made = {
        "packages": {
            "node_modules/@foundry-rs/anvil": {
                "license": "MIT",
                "optionalDependencies": {
                    "@foundry-rs/anvil-linux-arm64": "1.7.1",
                    "@foundry-rs/anvil-linux-amd64": "1.7.1",
                },
            },
            "node_modules/@foundry-rs/anvil-linux-amd64": {"version": "1.7.1", "integrity": "sha512-x"},
        }
    }
    assert lock.complete_npm(made) == ["@foundry-rs/anvil-linux-arm64"]
    assert made["packages"]["node_modules/@foundry-rs/anvil-linux-arm64"] == {
        "version": "1.7.1",
        "cpu": ["arm64"],
        "os": ["linux"],
        "dev": True,
        "license": "MIT",
        "optional": True,
    }
    assert lock.complete_npm(made) == []
