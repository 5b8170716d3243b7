"""A brownie user is at home: her commands as she types them, an activated environment, an empty home."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.conftest import ROOT, Shell, user_variables

COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


# What `ip link set lo up` does, where there is no `ip`.
LOOPBACK_UP = (
    "import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh14x', b'lo', 1))"
)


class Terminal:
    """A shell behind a terminal, to type into."""

    def __init__(self, line: str, folder: Path, variables: dict[str, str]) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve("/bin/bash", ["bash", "-c", line], variables)  # noqa: S606
        self.seen = ""
        self.code: int | None = None

    def type(self, line: str) -> None:
        os.write(self.terminal, line.encode() + b"\r")

    def wait_for(self, pattern: str, seconds: float = 90) -> str:
        """Read until the pattern shows; returns the match, and forgets what came before its end."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if match := re.search(pattern, self.seen):
                self.seen = self.seen[match.end() :]
                return match.group()
            if not select.select([self.terminal], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(self.terminal, 65_536).decode(errors="replace")
            except OSError:
                break
            # The console asks where its cursor is.
            if "\x1b[6n" in data:
                os.write(self.terminal, b"\x1b[1;1R")
            self.seen += COLOUR.sub("", data)
        raise AssertionError(f"no {pattern!r} in {self.seen!r}")

    def close(self) -> int:
        """Wait for the shell to end, for ten seconds at most, and return its exit code."""
        for _ in range(100):
            if self.code is not None:
                return self.code
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            time.sleep(0.1)
        os.kill(self.pid, signal.SIGKILL)
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code


@pytest.fixture
def console(copy: Path, home: Path) -> Iterator[Terminal]:
    """`brownie console` on the development network."""
    terminal = Terminal("source .venv/bin/activate && brownie console", copy, user_variables(copy, home))
    terminal.wait_for(">>> ")
    yield terminal
    terminal.close()


def test_compile(shell: Shell, copy: Path) -> None:
    # All of them take half a minute where the compiler is not native.
    artifact = copy / "build" / "contracts" / "OrderBook.json"
    artifact.unlink(missing_ok=True)
    result = shell("brownie compile")
    assert result.returncode == 0, result.stdout
    assert "Project has been compiled" in result.stdout
    assert "- OrderBook" in result.stdout
    assert artifact.is_file()


def test_test(shell: Shell) -> None:
    smallest = min((ROOT / "tests" / "unit").glob("*/test_*.py"), key=lambda path: path.stat().st_size)
    result = shell(f"brownie test {smallest.relative_to(ROOT)}")
    assert result.returncode == 0, result.stdout
    assert re.search(r"=+ \d+ passed", result.stdout)


def test_test_on_ganache(shell: Shell) -> None:
    smallest = min((ROOT / "tests" / "unit").glob("*/test_*.py"), key=lambda path: path.stat().st_size)
    result = shell(f"brownie test {smallest.relative_to(ROOT)} --network ganache")
    assert result.returncode == 0, result.stdout
    assert "Launching 'ganache" in result.stdout


def test_run_deploy(shell: Shell) -> None:
    result = shell("brownie run deploy --network development")
    assert result.returncode == 0, result.stdout
    assert re.search(r"^PointsExchange\[-1\] is 0x[0-9a-fA-F]{40}$", result.stdout, re.MULTILINE)


def test_console(console: Terminal) -> None:
    console.type("run('deploy')")
    console.wait_for(r"Brands\[-1\] is 0x[0-9a-fA-F]{40}")
    console.wait_for(">>> ")
    console.type("print('it is', PointsExchange[-1].address)")
    console.wait_for(r"it is 0x[0-9a-fA-F]{40}")
    console.type("exit()")
    assert console.close() == 0


def test_console_on_the_chain_that_troc_keeps(copy: Path, home: Path) -> None:
    """`troc up` in one shell, `brownie console --network local` in another: what is deployed is known."""
    # Port 8545 of this machine may be in use: Linux can give the test one of its own.
    alone = (
        subprocess.run(["unshare", "--map-root-user", "--net", "true"], capture_output=True).returncode == 0
    )
    (copy / "both.sh").write_text(
        "source .venv/bin/activate\n"
        + (f'python -c "{LOOPBACK_UP}"\n' if alone else "")
        + "troc up > up.log 2>&1 &\n"
        "until grep -q 'Ctrl-C ends it' up.log; do sleep 0.2; kill -0 $! || exit 1; done\n"
        "brownie console --network local\n"
        "kill $!; wait $!\n"
    )
    line = "unshare --map-root-user --net bash both.sh" if alone else "bash both.sh"
    terminal = Terminal(line, copy, user_variables(copy, home))
    try:
        terminal.wait_for(">>> ")
        terminal.type("print('it is', PointsExchange[-1].address, 'on', chain.id)")
        found = terminal.wait_for(r"it is 0x[0-9a-fA-F]{40} on 31337")
        terminal.type("exit()")
    finally:
        terminal.close()
    (manifest,) = (copy / "deployments" / "local").glob("0x*.json")
    assert json.loads(manifest.read_text())["contracts"]["PointsExchange"]["address"] in found


def test_networks(shell: Shell, home: Path) -> None:
    result = shell("brownie networks list")
    assert result.returncode == 0, result.stdout
    assert "local" in result.stdout
    assert "ganache" in result.stdout
    listed = (home / ".brownie" / "network-config.yaml").read_text()
    assert shell("brownie networks list").returncode == 0
    assert (home / ".brownie" / "network-config.yaml").read_text() == listed


def ports(output: str) -> list[int]:
    return [int(port) for port in re.findall(r"Launching 'anvil .*?--port (\d+)", output)]


def test_each_run_has_a_chain_of_its_own(shell: Shell, copy: Path) -> None:
    """Also when it is started from within another run, and never on the port that `troc up` uses."""
    (copy / "scripts").mkdir(exist_ok=True)
    (copy / "scripts" / "nested.py").write_text(
        "import subprocess\nfrom brownie import chain\n\n\n"
        "def main():\n    print('height', chain.height)\n\n\n"
        "def outer():\n    chain.mine(3)\n"
        "    print(subprocess.check_output(['brownie', 'run', 'nested'], text=True))\n"
    )
    result = shell("brownie run nested outer --network development")
    assert result.returncode == 0, result.stdout
    first, second = ports(result.stdout)
    assert len({first, second, 8545}) == 3
    assert re.search(r"^height 0$", result.stdout, re.MULTILINE)


def test_no_chain_stays_behind(shell: Shell) -> None:
    result = shell("brownie run nothing --network development")
    assert result.returncode != 0
    for port in ports(result.stdout):
        listeners = subprocess.run(["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"], capture_output=True)
        assert listeners.returncode != 0
