"""`deploy_suite`: once, twice, on a chain started anew, on a live network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.client.core.conftest import LIVE_CHAIN_ID, Agreeable, quick, rpc_call
from tests.client.core.deployment import assert_deployed_once
from tests.client.core.faulty_node import CutError, FaultyNode, Forward
from troc.accounts import Signer
from troc.artifacts import SUITE, artifact
from troc.chain import Chain
from troc.deploy import Plan, deploy_suite
from troc.errors import (
    ChainRestartedError,
    DeclinedError,
    FundsError,
    InputError,
    NetworkError,
    NotDeployedError,
    PendingError,
    TrocError,
    WrongChainError,
)
from troc.manifest import KEPT_LOCAL, load_manifest, manifest_path, read_manifest
from troc.network import BrandConfig

ROOT = Path(__file__).resolve().parents[3]


def test_deploys_every_contract_and_records_it(chain: Chain, deployer: Signer) -> None:
    before = chain.transaction_count(deployer.address)
    manifest = deploy_suite(chain, deployer)
    assert_deployed_once(chain, deployer, manifest, before)
    assert manifest.chain_id == chain.chain_id
    assert manifest.deployer == deployer.address
    assert manifest.contracts["Brands"].arguments["exchange_"] == manifest.address("PointsExchange")
    assert manifest_path(chain).name == f"{chain.genesis_hash}.json"


def test_the_stored_creation_code_is_that_of_our_points(chain: Chain, deployer: Signer) -> None:
    manifest = deploy_suite(chain, deployer)
    brands = chain.contract("Brands", manifest.address("Brands"))
    stored = chain.code(chain.call(brands.functions.tokenCode()))
    # SSTORE2 puts a stop before the data.
    assert stored == b"\x00" + artifact("LoyaltyToken").bytecode


def test_twice_changes_nothing(chain: Chain, deployer: Signer, stranger: Signer) -> None:
    first = deploy_suite(chain, deployer)
    text = manifest_path(chain).read_text()
    block = chain.block_number()
    assert deploy_suite(chain, deployer) == first
    assert deploy_suite(chain, stranger) == first
    assert chain.block_number() == block
    assert manifest_path(chain).read_text() == text


def test_a_chain_started_anew_is_recognised_and_the_old_record_set_aside(
    tmp_path: Path, deployer: Signer
) -> None:
    from troc.anvil import free_port, rpc_of, run_anvil

    lines: list[str] = []
    port = free_port()
    with run_anvil(port, "--timestamp", "1000000"):
        old = Chain.connect(quick(rpc_of(port), tmp_path))
        first = deploy_suite(old, deployer)
        old_path = manifest_path(old)
    with run_anvil(port, "--timestamp", "2000000"):
        new = Chain.connect(quick(rpc_of(port), tmp_path))
        assert new.genesis_hash != old.genesis_hash
        with pytest.raises(ChainRestartedError, match="started anew"):
            load_manifest(new)
        second = deploy_suite(new, deployer, report=lines.append)
        assert load_manifest(new) == second
    assert second.genesis_hash != first.genesis_hash
    assert not old_path.exists()
    assert read_manifest(old_path.parent / "old" / old_path.name) == first
    assert "started anew" in lines[0]


def test_records_of_local_chains_do_not_pile_up(chain: Chain, deployer: Signer) -> None:
    deploy_suite(chain, deployer)
    record = manifest_path(chain).read_text().replace(chain.config.rpc, "http://127.0.0.1:1")
    manifest_path(chain).unlink()
    folder = manifest_path(chain).parent
    beside = []
    for part in (folder, folder / "old"):
        part.mkdir(parents=True, exist_ok=True)
        for number in range(KEPT_LOCAL + 3):
            path = part / f"0x{number:064x}.json"
            path.write_text(record)
            os.utime(path, (number, number))
        beside.append(part / f"0x{0:064x}.verification")
        beside[-1].mkdir()
    deploy_suite(chain, deployer)
    kept = sorted(path.name for path in folder.glob("0x*.json"))
    assert kept == sorted(
        [manifest_path(chain).name, *(f"0x{number:064x}.json" for number in range(4, KEPT_LOCAL + 3))]
    )
    old = sorted(path.name for path in (folder / "old").glob("0x*.json"))
    assert old == [f"0x{number:064x}.json" for number in range(3, KEPT_LOCAL + 3)]
    assert not any(path.exists() for path in beside)


def test_a_chain_started_anew_with_the_same_first_block_is_recognised(
    tmp_path: Path, deployer: Signer
) -> None:
    from troc.anvil import free_port, rpc_of, run_anvil

    port = free_port()
    for attempt in range(3):
        with run_anvil(port, "--timestamp", "1000000"):
            chain = Chain.connect(quick(rpc_of(port), tmp_path))
            if attempt:
                with pytest.raises(ChainRestartedError):
                    load_manifest(chain)
            manifest = deploy_suite(chain, deployer)
            assert load_manifest(chain) == manifest
            assert artifact("Brands").is_code(chain.code(manifest.address("Brands")))
    old = manifest_path(chain).parent / "old"
    assert sorted(path.name for path in old.glob("*.json")) == [
        f"{chain.genesis_hash}-1.json",
        f"{chain.genesis_hash}.json",
    ]


def test_the_record_of_another_local_chain_is_left_alone(
    chain: Chain, deployer: Signer, tmp_path: Path
) -> None:
    from troc.anvil import free_port, rpc_of, run_anvil

    with run_anvil(port := free_port(), "--timestamp", "1000000"):
        other = Chain.connect(quick(rpc_of(port), tmp_path))
        deploy_suite(other, deployer)
        deploy_suite(chain, deployer)
        assert manifest_path(other).is_file()
        assert load_manifest(other).genesis_hash == other.genesis_hash


def test_refuses_another_chain_than_the_config_names(live_rpc: str, local_rpc: str, tmp_path: Path) -> None:
    with pytest.raises(WrongChainError, match=f"chain {LIVE_CHAIN_ID} and sepolia is chain 11155111"):
        Chain.connect(quick(live_rpc, tmp_path, name="sepolia", chain_id=11155111, live=True))
    with pytest.raises(WrongChainError, match=f"chain {LIVE_CHAIN_ID}, which is no local chain"):
        Chain.connect(quick(live_rpc, tmp_path))


def test_refuses_the_record_of_another_chain(live_chain: Chain, deployer: Signer) -> None:
    deploy_suite(live_chain, deployer, confirm=lambda plan: True)
    path = manifest_path(live_chain)
    data = json.loads(path.read_text())
    for change in ({"chain_id": 1}, {"genesis_hash": "0x" + "11" * 32}):
        path.write_text(json.dumps(data | change))
        with pytest.raises(InputError, match="of another chain"):
            load_manifest(live_chain)
        with pytest.raises(InputError, match="of another chain"):
            deploy_suite(live_chain, deployer, confirm=lambda plan: True)


def test_a_live_network_asks_first(live_chain: Chain, deployer: Signer) -> None:
    asked: list[Plan] = []

    def decline(plan: Plan) -> bool:
        asked.append(plan)
        return False

    for confirm in (None, decline):
        with pytest.raises(DeclinedError, match="nothing was deployed"):
            deploy_suite(live_chain, deployer, confirm=confirm)
    assert live_chain.transaction_count(deployer.address) == 0
    assert not manifest_path(live_chain).exists()
    (plan,) = asked
    assert plan.contracts == SUITE
    assert plan.deployer == deployer.address
    assert f"chain {LIVE_CHAIN_ID}" in str(plan)
    assert "sepolia" in str(plan)

    def agree(plan: Plan) -> bool:
        asked.append(plan)
        return True

    balance = live_chain.balance(deployer.address)
    manifest = deploy_suite(live_chain, deployer, confirm=agree)
    assert_deployed_once(live_chain, deployer, manifest, 0)
    assert manifest_path(live_chain).name == f"{LIVE_CHAIN_ID}.json"
    spent = balance - live_chain.balance(deployer.address)
    assert 0 < spent <= asked[-1].cost

    deploy_suite(live_chain, deployer, confirm=decline)
    assert len(asked) == 2, "nothing is left to ask for"


def test_the_estimate_covers_the_gas_and_is_not_far_off(live_chain: Chain, deployer: Signer) -> None:
    agree = Agreeable()
    manifest = deploy_suite(live_chain, deployer, confirm=agree)
    used = 0
    for deployed in manifest.contracts.values():
        receipt = live_chain.receipt(deployed.transaction)
        assert receipt is not None
        used += receipt.gas_used
    assert used <= agree.plans[0].gas <= used * 1.2


def test_refuses_an_account_that_cannot_pay(chain: Chain, deployer: Signer) -> None:
    rpc_call(chain, "anvil_setBalance", deployer.address, hex(10**12))
    with pytest.raises(FundsError, match="may need"):
        deploy_suite(chain, deployer)
    assert chain.transaction_count(deployer.address) == 0


def test_a_live_node_that_lags_behind_is_not_taken_for_a_new_chain(
    live_chain: Chain, deployer: Signer
) -> None:
    manifest = deploy_suite(live_chain, deployer, confirm=lambda plan: True)
    # What lags behind lacks what was deployed last.
    rpc_call(live_chain, "anvil_setCode", manifest.address(SUITE[-1]), "0x")
    with pytest.raises(NotDeployedError, match="synchronised"):
        load_manifest(live_chain)
    with pytest.raises(NotDeployedError, match="synchronised"):
        deploy_suite(live_chain, deployer, confirm=lambda plan: True)


def test_another_build_is_refused_unless_a_new_suite_is_asked_for(chain: Chain, deployer: Signer) -> None:
    first = deploy_suite(chain, deployer)
    rpc_call(chain, "anvil_setCode", first.address("OrderBook"), "0x6000")
    with pytest.raises(InputError, match="another build"):
        deploy_suite(chain, deployer)
    second = deploy_suite(chain, deployer, anew=True)
    assert set(second.contracts) == set(first.contracts)
    assert not {entry.address for entry in first.contracts.values()} & {
        entry.address for entry in second.contracts.values()
    }
    path = manifest_path(chain)
    assert read_manifest(path.parent / "old" / path.name) == first


def test_a_damaged_record_is_refused(chain: Chain, deployer: Signer) -> None:
    deploy_suite(chain, deployer)
    manifest_path(chain).write_text('{"schema": 1, "contracts": ')
    with pytest.raises(InputError, match="cannot be read"):
        deploy_suite(chain, deployer)


def test_says_when_nothing_was_deployed_or_not_all(
    node: FaultyNode, shaky_chain: Chain, deployer: Signer
) -> None:
    with pytest.raises(NotDeployedError, match="nothing is recorded as deployed on"):
        load_manifest(shaky_chain)
    sent = 0

    def die_at_the_second(params: list[Any], forward: Forward) -> Any:
        nonlocal sent
        sent += 1
        if sent == 2:
            raise CutError(for_good=True)
        return forward()

    node.answers["eth_sendRawTransaction"] = die_at_the_second
    with pytest.raises(NetworkError):
        deploy_suite(shaky_chain, deployer)
    node.heal()
    with pytest.raises(NotDeployedError, match="cut off"):
        load_manifest(shaky_chain)


def brand_of(owner: str, domain: str = "") -> BrandConfig:
    """Points as a config may ask for them."""
    return BrandConfig("Le Panier", "PANIER", owner, 90 * 86400, 1_700_000_000, 0, domain)


def test_launches_the_brands_of_the_config_once(chain: Chain, deployer: Signer, stranger: Signer) -> None:
    config = replace(chain.config, brands=(brand_of(stranger.address),))
    branded = Chain(chain.web3, config)
    manifest = deploy_suite(branded, deployer)
    launched = manifest.brands["PANIER"]
    token = chain.contract("LoyaltyToken", launched.address)
    assert chain.call(token.functions.owner()) == stranger.address
    assert chain.call(token.functions.epochLength()) == 90 * 86400
    block = chain.block_number()
    assert deploy_suite(branded, deployer) == manifest

    # Its launch is found again where the record was lost after it.
    path = manifest_path(chain)
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"brands": {}}))
    assert deploy_suite(branded, deployer) == manifest
    assert chain.block_number() == block


def test_claims_a_domain_for_points_of_the_deployer_s_own(chain: Chain, deployer: Signer) -> None:
    config = replace(chain.config, brands=(brand_of(deployer.address, "panier.example"),))
    manifest = deploy_suite(Chain(chain.web3, config), deployer)
    brands = chain.contract("Brands", manifest.address("Brands"))
    assert chain.call(brands.functions.domainOf(manifest.brands["PANIER"].address)) == "panier.example"


def test_claims_no_domain_for_somebody_else_and_says_so_before_anything_is_sent(
    chain: Chain, deployer: Signer, stranger: Signer
) -> None:
    config = replace(chain.config, brands=(brand_of(stranger.address, "panier.example"),))
    before = chain.transaction_count(deployer.address)
    with pytest.raises(InputError, match="let the brand claim it itself"):
        deploy_suite(Chain(chain.web3, config), deployer)
    assert chain.transaction_count(deployer.address) == before


def test_the_deployer_keeps_no_right(chain: Chain, deployer: Signer, stranger: Signer) -> None:
    config = replace(chain.config, brands=(brand_of(stranger.address),))
    manifest = deploy_suite(Chain(chain.web3, config), deployer)
    for name in SUITE:
        functions = {entry["name"] for entry in artifact(name).abi if entry["type"] == "function"}
        assert not {"owner", "transferOwnership", "pause", "upgradeTo", "initialize"} & functions
    token = chain.contract("LoyaltyToken", manifest.brands["PANIER"].address)
    with pytest.raises(TrocError, match="only the brand"):
        chain.send(token.functions.mint(deployer.address, 1), deployer)
    assert "privateKey" not in manifest_path(chain).read_text()


# Deploys, and stops in the middle until it is told to go on.
OTHER = """
import sys
from pathlib import Path
from troc.accounts import open_account
from troc.chain import Chain
from troc.deploy import deploy_suite
from troc.network import NetworkConfig

def report(line):
    if line.startswith("PointsExchange "):
        print("waiting", flush=True)
        sys.stdin.readline()

config = NetworkConfig("local", sys.argv[1], "local", Path(sys.argv[2]), poll_seconds=0.005)
deploy_suite(Chain.connect(config), open_account("dev:0", config), report=report)
print("done", flush=True)
"""


@pytest.fixture
def other(chain: Chain) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of deploying on the same chain."""
    command = [sys.executable, "-c", OTHER, chain.config.rpc, str(chain.config.folder)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        yield process
        process.kill()


def test_two_at_once_do_not_get_in_each_others_way(
    chain: Chain, deployer: Signer, stranger: Signer, other: subprocess.Popen[str]
) -> None:
    before = chain.transaction_count(stranger.address)
    for _ in range(2):
        with pytest.raises(PendingError) as caught:
            deploy_suite(chain, stranger)
        assert str(caught.value) == (
            "another process is deploying on local: wait until it is done, then run it again"
        )
    assert other.stdin is not None
    assert other.stdout is not None
    print(file=other.stdin, flush=True)
    assert other.stdout.readline() == "done\n"
    assert other.wait() == 0
    manifest = deploy_suite(chain, stranger)
    assert chain.transaction_count(stranger.address) == before
    assert manifest.deployer == deployer.address
    assert [path.name for path in manifest_path(chain).parent.glob("*.lock")] == []


def test_one_that_was_killed_keeps_nobody_out(
    chain: Chain, deployer: Signer, other: subprocess.Popen[str]
) -> None:
    before = chain.transaction_count(deployer.address) - 1
    other.kill()
    other.wait()
    assert manifest_path(chain).with_suffix(".lock").exists()
    assert_deployed_once(chain, deployer, deploy_suite(chain, deployer), before)


def test_a_refused_deployment_gives_the_lock_back(live_chain: Chain, deployer: Signer) -> None:
    with pytest.raises(DeclinedError):
        deploy_suite(live_chain, deployer)
    assert deploy_suite(live_chain, deployer, Agreeable()).is_complete
