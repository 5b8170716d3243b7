"""Fixtures of the client's ground: a chain of its own for each file, a home of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from web3.types import RPCEndpoint

from tests.client.core.faulty_node import FaultyNode, faulty_node
from troc.accounts import Signer, open_account
from troc.anvil import free_port, rpc_of, run_anvil
from troc.chain import Chain
from troc.deploy import Plan
from troc.network import NetworkConfig, load_settings

# The Chain ID of a chain that is not local, kept by Anvil all the same.
LIVE_CHAIN_ID = 424242


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and no settings from outside."""
    for name in ("TROC_NETWORK", "TROC_RPC_URL", "TROC_ACCOUNT", "TROC_PASSWORD_FILE"):
        monkeypatch.setenv(name, "")
    load_settings.cache_clear()
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture(scope="module")
def local_rpc() -> Iterator[str]:
    """A local chain."""
    port = free_port()
    with run_anvil(port):
        yield rpc_of(port)


@pytest.fixture(scope="module")
def live_rpc() -> Iterator[str]:
    """A chain that the client does not take for a local one."""
    port = free_port()
    with run_anvil(port, "--chain-id", str(LIVE_CHAIN_ID)):
        yield rpc_of(port)


def rpc_call(chain: Chain, method: str, *params: Any) -> Any:
    """Ask the node for something that is not part of the client."""
    reply = chain.web3.provider.make_request(RPCEndpoint(method), list(params))
    assert "result" in reply, reply
    return reply["result"]


@pytest.fixture
def isolated() -> Iterator[Callable[[str], None]]:
    """Gives a function that remembers the state of a chain, to go back to it after the test."""
    taken: list[tuple[Chain, str]] = []

    def take(rpc: str) -> None:
        config = NetworkConfig("local", rpc, "local", Path())
        chain = Chain.connect(replace(config, chain_id=_chain_id(rpc)))
        taken.append((chain, rpc_call(chain, "evm_snapshot")))

    yield take
    for chain, snapshot in taken:
        rpc_call(chain, "evm_revert", snapshot)


def _chain_id(rpc: str) -> int:
    from web3 import HTTPProvider, Web3

    return Web3(HTTPProvider(rpc)).eth.chain_id


def quick(rpc: str, folder: Path, **settings: Any) -> NetworkConfig:
    """A local network's config that never waits long."""
    config = NetworkConfig("local", rpc, "local", folder, poll_seconds=0.005, wait_seconds=10)
    return replace(config, **settings)


@pytest.fixture
def chain(local_rpc: str, tmp_path: Path, isolated: Callable[[str], None]) -> Chain:
    """The local chain; what a test does to it is undone."""
    isolated(local_rpc)
    return Chain.connect(quick(local_rpc, tmp_path))


@pytest.fixture
def node(local_rpc: str, isolated: Callable[[str], None]) -> Iterator[FaultyNode]:
    """A faulty node in front of the local chain."""
    isolated(local_rpc)
    with faulty_node(local_rpc) as found:
        yield found


@pytest.fixture
def shaky_chain(node: FaultyNode, tmp_path: Path) -> Chain:
    """The local chain as it is seen through the faulty node."""
    return Chain.connect(quick(node.url, tmp_path))


@pytest.fixture
def live_chain(live_rpc: str, tmp_path: Path, isolated: Callable[[str], None]) -> Chain:
    """The chain that counts as live."""
    isolated(live_rpc)
    return Chain.connect(quick(live_rpc, tmp_path, name="sepolia", chain_id=LIVE_CHAIN_ID, live=True))


@dataclass
class Agreeable:
    """Says yes, and remembers to what."""

    plans: list[Plan] = field(default_factory=list)

    def __call__(self, plan: Plan) -> bool:
        self.plans.append(plan)
        return True


@pytest.fixture
def deployer(tmp_path: Path) -> Signer:
    """Who deploys, with ether on every Anvil."""
    return open_account("dev:0", quick("http://localhost", tmp_path))


@pytest.fixture
def stranger(tmp_path: Path) -> Signer:
    """Somebody else with ether."""
    return open_account("dev:1", quick("http://localhost", tmp_path))
