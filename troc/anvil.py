"""A local chain: the native Anvil, started and ended by us."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from web3.types import RPCEndpoint

from troc import words
from troc.chain import Chain
from troc.errors import InputError, NetworkError, WrongChainError

HARD_FORK = "prague"
HOST = "127.0.0.1"
DEFAULT_PORT = 8545

_START_SECONDS = 20.0


def find_anvil() -> str:
    """The native Anvil: beside this Python, or on PATH."""
    beside = Path(sys.executable).parent / "anvil"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("anvil")
    if found is None:
        raise NetworkError(
            "anvil is not installed", "run `make setup` in the project, or install Foundry and put it on PATH"
        )
    return found


def is_taken(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def free_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def run_anvil(port: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Anvil on a port of this machine, answering, until the block ends. Says nothing itself."""
    if is_taken(port):
        raise NetworkError(
            f"something listens on port {port} already", "stop it, or choose another port with --port"
        )
    process = subprocess.Popen(
        [find_anvil(), "--host", HOST, "--port", str(port), "--hardfork", HARD_FORK, "--silent", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        # Ctrl-C in a terminal reaches the whole group: we end it ourselves, after what still talks to it.
        start_new_session=True,
    )
    try:
        give_up = time.monotonic() + _START_SECONDS
        while not is_taken(port):
            if process.poll() is not None:
                assert process.stderr is not None
                lines = process.stderr.read().decode(errors="replace").strip().splitlines() or [
                    "no reason given"
                ]
                raise NetworkError(
                    f"anvil ended at once ({lines[-1]})", "choose another port, or mend its options"
                )
            if time.monotonic() > give_up:
                raise NetworkError("anvil does not answer", "try again, or choose another port with --port")
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()


def rpc_of(port: int) -> str:
    """The address of a local chain."""
    return f"http://{HOST}:{port}"


def set_pace(chain: Chain, seconds: int) -> None:
    """From now on each block of a local chain comes this long after the last, whatever the real time."""
    _ask(chain, "anvil_setBlockTimestampInterval", seconds)


def move_to(chain: Chain, time: int) -> None:
    """Let time pass on a local chain: one block without a transaction, at this Unix time."""
    now = chain.now()
    if time <= now:
        raise InputError(f"the chain is at {words.moment(now)} already", "choose a later time")
    _ask(chain, "evm_setNextBlockTimestamp", time)
    _ask(chain, "evm_mine")


def _ask(chain: Chain, method: str, *arguments: int) -> None:
    if not chain.config.is_local:
        raise WrongChainError(f"{chain.config.name} is no local chain", "its time is not ours to set")
    answer = chain.web3.provider.make_request(RPCEndpoint(method), list(arguments))
    if "error" in answer:
        raise NetworkError(f"the node does not know {method}", "use Anvil (`troc up`)")
