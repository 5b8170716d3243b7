"""`brownie run deploy`, as a user runs it, in a copy of the project with an empty home."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_typing import HexStr
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint

from tests.client.core.mocks import deploy_mock
from tests.scripts.conftest import BIN, Project
from troc.accounts import open_account
from troc.anvil import free_port, is_taken, rpc_of, run_anvil
from troc.artifacts import SUITE
from troc.chain import Chain
from troc.network import NetworkConfig

LIVE_CHAIN_ID = 424242
KEY = HexStr("0x" + "42" * 32)
PASSPHRASE = "correct horse"


def names(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What the script says that brownie now knows."""
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(re.findall(r"^(\w+)\[-1\] is (0x\w{40})$", done.stdout, re.MULTILINE))


@pytest.mark.parametrize("network", ["development", "ganache"])
def test_deploys_on_a_chain_that_brownie_starts_and_ends(network: str, project: Project) -> None:
    done = project.deploy(network)
    assert set(names(done)) == set(SUITE)
    (port,) = re.findall(r"^Launching .*port (\d+)", done.stdout, re.MULTILINE)
    assert not is_taken(int(port))


def test_deploys_once_on_a_chain_that_is_kept_and_the_console_knows_it(project: Project) -> None:
    web3 = Web3(HTTPProvider(project.rpc))
    first = names(project.deploy("kept"))
    block = web3.eth.block_number
    assert block == len(SUITE)
    done = project.deploy("kept")
    assert names(done) == first
    assert "Everything is deployed already: nothing was sent.\n" in done.stdout
    assert web3.eth.block_number == block
    lines = [
        "print('before', PointsExchange[-1], len(PointsExchange))",
        "run('deploy')",
        "print('after', Brands[-1].exchange(), len(Brands))",
    ]
    # The console watches its input, which cannot be a file.
    done = project.run(BIN / "brownie", "console", "--network", "kept", stdin="\n".join(lines) + "\n")
    assert f"before {first['PointsExchange']} 1" in done.stdout, done.stdout + done.stderr
    assert f"after {first['PointsExchange']} 1" in done.stdout, done.stdout + done.stderr
    assert web3.eth.block_number == block
    genesis = "0x" + bytes(web3.eth.get_block(0)["hash"]).hex()
    record = json.loads((project.folder / "deployments" / "local" / f"{genesis}.json").read_text())
    assert {name: entry["address"] for name, entry in record["contracts"].items()} == first

    again = names(project.deploy("kept", "anew"))
    assert set(again) == set(first)
    assert not set(again.values()) & set(first.values())


def test_deploys_an_inbox_for_a_token_to_the_suite_that_is_there(project: Project) -> None:
    chain = Chain.connect(NetworkConfig("kept", project.rpc, "local", project.folder))
    cash = deploy_mock(chain, open_account("dev:1", chain.config), "CashMock", "Euro", "EUR").address
    suite = names(project.deploy("kept"))
    first = names(project.brownie("run", "deploy", "inbox", cash, "--network", "kept"))
    assert first == {**suite, "Inbox": first["Inbox"]}
    done = project.brownie("run", "deploy", "inbox", suite["Brands"], "--network", "kept")
    assert (done.returncode, done.stdout.count("[-1] is")) == (1, 0)
    said = f"deploy: the inbox on kept is paid in {cash}, not in {suite['Brands']}"
    assert done.stderr.splitlines()[-1].startswith(said)


@pytest.fixture(scope="module")
def watched(project: Project) -> Iterator[Web3]:
    """A node whose chain counts as live, which brownie knows as `watched`, and an account `brand`."""
    folder = project.home / ".brownie" / "accounts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "brand.json").write_text(
        json.dumps(Account.encrypt(KEY, PASSPHRASE, kdf="pbkdf2", iterations=2))
    )
    (project.home / "password").write_text(PASSPHRASE + "\n")
    with run_anvil(port := free_port(), "--chain-id", str(LIVE_CHAIN_ID)):
        added = project.brownie(
            "networks", "add", "live", "watched", f"host={rpc_of(port)}", f"chainid={LIVE_CHAIN_ID}"
        )
        assert added.returncode == 0, added.stderr
        web3 = Web3(HTTPProvider(rpc_of(port)))
        ask(web3, "anvil_setBalance", Account.from_key(KEY).address, hex(10**18))
        yield web3


def ask(web3: Web3, method: str, *parameters: str) -> Any:
    """What a node answers to a request that Web3 has no method for."""
    return web3.provider.make_request(RPCEndpoint(method), list(parameters))["result"]


@pytest.fixture
def live(project: Project, watched: Web3) -> Iterator[Web3]:
    """A chain that counts as live and is empty, on which the account `brand` has ether."""
    # brownie does not start where a contract that it remembers is gone.
    shutil.rmtree(project.folder / "build" / "deployments" / str(LIVE_CHAIN_ID), ignore_errors=True)
    shutil.rmtree(project.folder / "deployments", ignore_errors=True)
    project.write_config("watched", f"chain_id: {LIVE_CHAIN_ID}\nlive: true\npoll_seconds: 0.02\n")
    snapshot = ask(watched, "evm_snapshot")
    yield watched
    assert ask(watched, "evm_revert", snapshot)


def test_the_passphrase_is_asked_for_after_the_plan(project: Project, live: Web3) -> None:
    done = project.deploy("watched", TROC_ACCOUNT="brand")
    assert done.stderr.splitlines()[-1].startswith("deploy: nothing was deployed on watched")
    done = project.deploy("watched", "yes", TROC_ACCOUNT="brand")
    assert done.stderr.splitlines()[-1] == (
        "deploy: the passphrase of brand is needed, and there is nobody to ask: name a file that holds it:"
        " --password-file, or TROC_PASSWORD_FILE in .env"
    )
    assert live.eth.block_number == 0


def test_a_live_network_is_asked_about_first(project: Project, live: Web3) -> None:
    settings = {"TROC_ACCOUNT": "brand", "TROC_PASSWORD_FILE": str(project.home / "password")}
    done = project.deploy("watched", **settings)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "deploy: nothing was deployed on watched: agree when you are asked, or say yes beforehand"
    )
    assert live.eth.block_number == 0
    assert set(names(project.deploy("watched", "yes", **settings))) == set(SUITE)
    assert (project.folder / "deployments" / f"{LIVE_CHAIN_ID}.json").is_file()
    assert (
        project.folder / "deployments" / f"{LIVE_CHAIN_ID}.verification" / "Brands.sourcify.json"
    ).is_file()
    for word in (KEY[2:], PASSPHRASE):
        assert not subprocess.run(
            ["grep", "-rl", word, project.folder], capture_output=True, check=False
        ).stdout


SEPOLIA = 11155111


@pytest.fixture
def sepolia(project: Project) -> Iterator[str]:
    """A node that keeps a chain with Sepolia's id."""
    # Blocks go on, since two of them make a transaction final there.
    with run_anvil(port := free_port(), "--chain-id", str(SEPOLIA), "--block-time", "1"):
        shutil.rmtree(project.folder / "build" / "deployments" / str(SEPOLIA), ignore_errors=True)
        yield rpc_of(port)


def test_a_public_network_is_reached_by_the_node_of_env(project: Project, live: Web3, sepolia: str) -> None:
    ask(Web3(HTTPProvider(sepolia)), "anvil_setBalance", Account.from_key(KEY).address, hex(10**18))
    settings = {
        "TROC_NETWORK": "sepolia",
        "TROC_RPC_URL": sepolia,
        "TROC_ACCOUNT": "brand",
        "TROC_PASSWORD_FILE": str(project.home / "password"),
        # Whoever has one for other projects does not mean it here.
        "WEB3_INFURA_PROJECT_ID": "0" * 32,
    }
    assert set(names(project.deploy("sepolia", "yes", **settings))) == set(SUITE)
    assert (project.folder / "deployments" / f"{SEPOLIA}.json").is_file()
    done = project.deploy("base", "yes", **settings)
    assert done.stderr.splitlines()[-1] == (
        f"deploy: the node keeps chain {SEPOLIA} and base is chain 8453: set TROC_RPC_URL to a node of that"
        " chain, or choose another --network"
    )


def test_says_where_brownie_has_another_node_than_env(project: Project, live: Web3, sepolia: str) -> None:
    project.brownie("networks", "modify", "sepolia", f"host={project.rpc}")
    try:
        done = project.deploy("sepolia", TROC_RPC_URL=sepolia, TROC_ACCOUNT="brand")
    finally:
        project.brownie("networks", "delete", "sepolia")
    assert done.stderr.splitlines()[-1].endswith(
        "brownie asks another node than TROC_RPC_URL: let it ask that one: `brownie networks modify sepolia"
        " host='$TROC_RPC_URL'`"
    )


@pytest.mark.parametrize(
    ("words", "settings", "config", "said"),
    [
        ([], {}, "", "deploy: no account was named: set TROC_ACCOUNT in .env"),
        ([], {"TROC_ACCOUNT": "dev:0"}, "", "deploy: everybody has the key of dev:0"),
        (["now"], {"TROC_ACCOUNT": "brand"}, "", "deploy: 'now' means nothing here"),
        (
            [],
            {"TROC_ACCOUNT": "brand"},
            "chain_id: 1\nlive: true\n",
            "keeps chain 424242 and watched is chain 1",
        ),
    ],
)
def test_an_error_is_one_line(
    words: list[str], settings: dict[str, str], config: str, said: str, project: Project, live: Web3
) -> None:
    if config:
        project.write_config("watched", config)
    done = project.deploy("watched", *words, **settings)
    assert done.returncode == 1
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr + done.stdout
    assert live.eth.block_number == 0
