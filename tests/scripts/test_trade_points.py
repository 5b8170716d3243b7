"""`brownie run trade_points`, as a user runs it: the example, and the job."""

from __future__ import annotations

import json

import pytest
from eth_account import Account

from tests.scripts.conftest import Project
from tests.scripts.test_deploy_script import KEY, PASSPHRASE
from troc.accounts import address_of
from troc.chain import Chain
from troc.client import Troc
from troc.manifest import load_manifest
from troc.network import NetworkConfig


@pytest.mark.parametrize("network", ["development", "ganache"])
def test_the_example(network: str, project: Project) -> None:
    done = project.brownie("run", "trade_points", "--network", network)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ann wants 80 BETA for 100 ACME. Published the order 0x" in done.stdout
    assert "Bob wants 100 ACME for 80 BETA. Took the order 0x" in done.stdout
    assert "gave 100 Acme Hardware, got 80 Beta Books\nBob, " in done.stdout


def test_the_job(project: Project) -> None:
    assert project.deploy("kept").returncode == 0
    chain = Chain.connect(NetworkConfig("kept", project.rpc, "local", project.folder, poll_seconds=0.02))
    brand = Troc(chain, load_manifest(chain)).as_account("dev:0")
    customer = Account.from_key(KEY).address
    for name, symbol, holder in (
        ("Acme Hardware", "ACME", customer),
        ("Beta Books", "BETA", address_of("dev:2")),
    ):
        brand.launch(name, symbol)
        brand.mint(symbol, {holder: 100})
    chain.web3.provider.make_request("anvil_setBalance", [customer, hex(10**18)])  # type: ignore[arg-type]
    folder = project.home / ".brownie" / "accounts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "customer.json").write_text(
        json.dumps(Account.encrypt(KEY, PASSPHRASE, kdf="pbkdf2", iterations=2))
    )
    (project.home / "password").write_text(PASSPHRASE + "\n")
    settings = {"TROC_PASSWORD_FILE": str(project.home / "password")}

    def trade(*words: str) -> str:
        done = project.brownie("run", "trade_points", "main", *words, "--network", "kept", **settings)
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout if done.returncode == 0 else done.stderr.splitlines()[-1]

    assert "Published the order 0x" in trade("customer", "100 ACME", "80 BETA")
    assert "Took the order 0x" in trade("dev:2", "80 BETA", "100 ACME")
    assert brand.balance("BETA", customer).total == 80
    assert trade("customer", "100 ACME", "80 BETA") == (
        "trade_points: you have no ACME: earn or buy 100 ACME first"
    )
    assert trade("customer", "100 ACME").startswith("trade_points: it is not clear what to trade: use")
    assert trade("nobody", "1 ACME", "1 BETA").startswith("trade_points: there is no account 'nobody'")
