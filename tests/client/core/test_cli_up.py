"""`troc up`, as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.client.core.command import environment, troc
from tests.client.core.conftest import quick
from troc.anvil import free_port, is_taken, rpc_of
from troc.artifacts import SUITE
from troc.chain import Chain
from troc.manifest import load_manifest


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of its own, so that records are written there."""
    folder = tmp_path / "project"
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "local.yaml").write_text(
        "chain_id: local\nrpc: http://127.0.0.1:8545\npoll_seconds: 0.02\n"
    )
    return folder


@contextmanager
def up(home: Path, cwd: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`troc up` in the background; ended, with its chain, if a test has not done so."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "troc", "up", *arguments],
        env=environment(home),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        for child in children:
            child.kill()
        process.kill()
        process.communicate()


def lines_until(process: subprocess.Popen[str], said: str) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if said in line:
            return lines
    raise AssertionError(f"{said!r} was not shown, but {lines}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_keeps_a_chain_with_everything_deployed_and_ends_it(
    number: signal.Signals, home: Path, project: Path
) -> None:
    port = free_port()
    with up(home, project, "--port", str(port)) as process:
        lines = lines_until(process, "Ctrl-C ends it")
        chain = Chain.connect(quick(rpc_of(port), project))
        manifest = load_manifest(chain)
        for name in SUITE:
            assert f"{name} is at {manifest.address(name)}" in lines
        assert process.poll() is None
        children = psutil.Process(process.pid).children(recursive=True)
        assert [child.name() for child in children] == ["anvil"]
        process.send_signal(number)
        rest, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert (rest, errors) == ("The chain has ended; what was on it is gone.\n", "")
        assert not is_taken(port)
        assert not any(child.is_running() for child in children)


def test_ctrl_c_in_a_terminal_reaches_only_us_and_the_chain_ends_all_the_same(
    home: Path, project: Path
) -> None:
    """A terminal sends the signal to the whole group of processes."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "troc", "up", "--port", str(port)],
        env=environment(home),
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    lines_until(process, "Ctrl-C ends it")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert not is_taken(port)


def test_another_command_finds_it_and_json_names_it(home: Path, project: Path) -> None:
    port = free_port()
    with up(home, project, "--port", str(port), "--json") as process:
        assert process.stdout is not None
        text = ""
        for line in process.stdout:
            text += line
            if line == "}\n":
                break
        data = json.loads(text)
        assert data["rpc"] == rpc_of(port)
        assert set(data["contracts"]) == set(SUITE)


def test_started_anew_it_deploys_anew_and_sets_the_old_record_aside(home: Path, project: Path) -> None:
    port = free_port()
    for attempt in range(2):
        with up(home, project, "--port", str(port)) as process:
            lines = lines_until(process, "Ctrl-C ends it")
            assert any("started anew" in line for line in lines) == bool(attempt)
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)
        # Its first block carries the second in which it was made.
        time.sleep(1.1)
    folder = project / "deployments" / "local"
    assert len(list(folder.glob("0x*.json"))) == 1
    assert len(list((folder / "old").glob("0x*.json"))) == 1


def test_refuses_a_port_that_is_taken(home: Path, project: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        done = troc("up", "--port", str(port), home=home, cwd=project)
    assert done.returncode == 4
    assert done.stderr == (
        f"troc: something listens on port {port} already: stop it, or choose another port with --port\n"
    )


def test_refuses_a_network_that_is_not_local(home: Path, project: Path) -> None:
    (project / "config" / "sepolia.yaml").write_text(
        "chain_id: 11155111\nrpc: http://127.0.0.1:1\nlive: true\n"
    )
    done = troc("up", "--network", "sepolia", home=home, cwd=project)
    assert (done.returncode, done.stderr) == (5, "troc: sepolia is no local chain: use --network local\n")


def test_says_when_the_chain_ends_by_itself(home: Path, project: Path) -> None:
    port = free_port()
    with up(home, project, "--port", str(port)) as process:
        lines_until(process, "Ctrl-C ends it")
        (anvil,) = psutil.Process(process.pid).children(recursive=True)
        anvil.kill()
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (4, "troc: anvil ended by itself: start it again\n")


def test_tells_brownie_where_everything_is(project: Path, tmp_path: Path) -> None:
    from troc.manifest import Deployed, Manifest
    from troc.workshop import tell_brownie

    deployed = {
        name: Deployed("0x" + f"{number}" * 40, {}, "0x", 1, "0x", "0.8.30")
        for number, name in enumerate(SUITE, start=1)
    }
    manifest = Manifest("local", 31337, "0x", "0x", rpc="http://127.0.0.1:8545", contracts=deployed)
    tell_brownie(manifest, project)
    assert not (project / "build").exists(), "no brownie project"
    (project / "brownie-config.yaml").write_text("")
    folder = project / "build" / "deployments" / "31337"
    folder.mkdir(parents=True)
    (folder / ("0x" + "9" * 40 + ".json")).write_text('{"contractName": "Brands", "abi": []}')
    tell_brownie(manifest, project)
    kept = {path.stem: json.loads(path.read_text())["contractName"] for path in folder.iterdir()}
    assert kept == {entry.address: name for name, entry in deployed.items()}

    # On a live network contracts stay, and so does what brownie remembers of them.
    (folder / ("0x" + "9" * 40 + ".json")).write_text('{"contractName": "Brands", "abi": []}')
    tell_brownie(replace(manifest, rpc=""), project)
    assert len(list(folder.iterdir())) == len(SUITE) + 1
