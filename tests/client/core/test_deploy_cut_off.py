"""`deploy_suite` cut off at any point, and in front of a node that drops transactions and loses receipts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from web3.types import TxParams, Wei

from tests.client.core.conftest import rpc_call
from tests.client.core.deployment import assert_deployed_once
from tests.client.core.faulty_node import CutError, FaultyNode, Forward, instead, swallow
from troc.accounts import Signer
from troc.artifacts import SUITE
from troc.chain import Chain
from troc.deploy import deploy_suite
from troc.errors import (
    NetworkError,
    PendingError,
    TrocError,
)
from troc.manifest import manifest_path, read_manifest


def test_goes_on_after_being_cut_off_before_any_kind_of_request(
    node: FaultyNode, shaky_chain: Chain, chain: Chain, deployer: Signer
) -> None:
    before = chain.transaction_count(deployer.address)
    snapshot = rpc_call(chain, "evm_snapshot")
    node.heal()
    deploy_suite(shaky_chain, deployer)
    count = len(node.requests)
    sent = [place for place, method in enumerate(node.requests) if method == "eth_sendRawTransaction"]
    assert len(sent) == len(SUITE)
    # All contracts are deployed in one way: the first, on to the second, and the last are cut everywhere.
    for cut in (*range(sent[1]), *range(sent[-1], count)):
        assert rpc_call(chain, "evm_revert", snapshot)
        snapshot = rpc_call(chain, "evm_snapshot")
        folder = chain.config.folder / str(cut)
        config = replace(shaky_chain.config, folder=folder)
        node.heal()
        node.dead_from = cut
        with pytest.raises(NetworkError):
            deploy_suite(Chain(shaky_chain.web3, config), deployer)
        node.heal()
        again = Chain(shaky_chain.web3, config)
        manifest = deploy_suite(again, deployer)
        assert_deployed_once(again, deployer, manifest, before)


@pytest.mark.parametrize("broadcast", range(len(SUITE)))
def test_goes_on_when_the_line_goes_dead_after_a_transaction_was_taken(
    broadcast: int, node: FaultyNode, shaky_chain: Chain, deployer: Signer
) -> None:
    before = shaky_chain.transaction_count(deployer.address)
    seen = 0

    def take_and_die(params: list[Any], forward: Forward) -> Any:
        nonlocal seen
        result = forward()
        seen += 1
        if seen > broadcast:
            raise CutError(for_good=True)
        return result

    node.answers["eth_sendRawTransaction"] = take_and_die
    with pytest.raises(NetworkError):
        deploy_suite(shaky_chain, deployer)
    node.heal()
    assert shaky_chain.transaction_count(deployer.address) - before == broadcast + 1
    written = read_manifest(manifest_path(shaky_chain))
    assert written is not None
    assert written.pending is not None
    assert written.pending.name == SUITE[broadcast]
    assert_deployed_once(shaky_chain, deployer, deploy_suite(shaky_chain, deployer), before)


@pytest.mark.parametrize("times", [1, 2])
def test_sends_again_what_the_node_dropped(
    times: int, node: FaultyNode, shaky_chain: Chain, deployer: Signer
) -> None:
    before = shaky_chain.transaction_count(deployer.address)
    node.answers["eth_sendRawTransaction"] = swallow(times)
    assert_deployed_once(shaky_chain, deployer, deploy_suite(shaky_chain, deployer), before)
    assert node.requests.count("eth_sendRawTransaction") == len(SUITE) + times


def test_goes_on_when_a_transaction_was_dropped_for_good(
    node: FaultyNode, shaky_chain: Chain, deployer: Signer
) -> None:
    before = shaky_chain.transaction_count(deployer.address)
    node.answers["eth_sendRawTransaction"] = swallow(1000)
    impatient = Chain(shaky_chain.web3, replace(shaky_chain.config, wait_seconds=0.2))
    with pytest.raises(PendingError, match="run it again"):
        deploy_suite(impatient, deployer)
    node.heal()
    assert shaky_chain.transaction_count(deployer.address) == before
    assert_deployed_once(shaky_chain, deployer, deploy_suite(shaky_chain, deployer), before)


def test_goes_on_when_another_transaction_took_the_place_of_a_dropped_one(
    node: FaultyNode, shaky_chain: Chain, chain: Chain, deployer: Signer
) -> None:
    node.answers["eth_sendRawTransaction"] = swallow(1000)
    impatient = Chain(shaky_chain.web3, replace(shaky_chain.config, wait_seconds=0.2))
    with pytest.raises(PendingError):
        deploy_suite(impatient, deployer)
    node.heal()
    other: TxParams = {"to": to_checksum_address(deployer.address), "value": Wei(1)}
    chain.send(other, deployer)
    before = chain.transaction_count(deployer.address)
    assert_deployed_once(shaky_chain, deployer, deploy_suite(shaky_chain, deployer), before)


@pytest.mark.parametrize(
    "receipt", [None, {}, {"blockNumber": None, "status": None, "contractAddress": None, "logs": []}]
)
def test_waits_when_a_receipt_comes_back_empty(
    receipt: Any, node: FaultyNode, shaky_chain: Chain, deployer: Signer
) -> None:
    before = shaky_chain.transaction_count(deployer.address)
    node.answers["eth_getTransactionReceipt"] = instead(receipt, 5)
    assert_deployed_once(shaky_chain, deployer, deploy_suite(shaky_chain, deployer), before)
    assert node.requests.count("eth_getTransactionReceipt") >= len(SUITE) + 5


def test_finds_its_contracts_when_receipts_never_come(
    node: FaultyNode, shaky_chain: Chain, chain: Chain, deployer: Signer
) -> None:
    before = chain.transaction_count(deployer.address)
    node.answers["eth_getTransactionReceipt"] = instead(None, 10**9)
    impatient = Chain(shaky_chain.web3, replace(shaky_chain.config, wait_seconds=0.2))
    manifest = deploy_suite(impatient, deployer)
    node.heal()
    assert_deployed_once(shaky_chain, deployer, manifest, before)


def test_goes_on_with_a_contract_that_is_there_although_its_receipt_never_comes(
    node: FaultyNode, shaky_chain: Chain, deployer: Signer
) -> None:
    before = shaky_chain.transaction_count(deployer.address)

    def take_and_die(params: list[Any], forward: Forward) -> Any:
        forward()
        raise CutError(for_good=True)

    node.answers["eth_sendRawTransaction"] = take_and_die
    with pytest.raises(NetworkError):
        deploy_suite(shaky_chain, deployer)
    node.heal()
    node.answers["eth_getTransactionReceipt"] = instead(None, 10**9)
    impatient = Chain(shaky_chain.web3, replace(shaky_chain.config, wait_seconds=0.2))
    manifest = deploy_suite(impatient, deployer)
    node.heal()
    assert_deployed_once(shaky_chain, deployer, manifest, before)


def test_deploys_again_what_failed_in_a_block(
    node: FaultyNode, shaky_chain: Chain, chain: Chain, deployer: Signer
) -> None:
    # Too little gas for the creation: it gets into a block, and fails there.
    node.answers["eth_estimateGas"] = instead(hex(1_000_000), 1)
    with pytest.raises(TrocError):
        deploy_suite(shaky_chain, deployer)
    node.heal()
    before = chain.transaction_count(deployer.address)
    assert_deployed_once(shaky_chain, deployer, deploy_suite(shaky_chain, deployer), before)
