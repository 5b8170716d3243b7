"""The chain that measurements are made on."""

from __future__ import annotations

import pytest

import benchmarks.ours.loyalty
from benchmarks.chain import running_chain
from benchmarks.compile import Artifact
from benchmarks.records import BenchmarkError

# Creation code of a contract that always reverts with the word 42.
REVERTING = "0x600a600c600039600a6000f3602a60005260206000fd"


def test_two_runs_agree_to_the_unit() -> None:
    runs = []
    for _ in range(2):
        with running_chain() as chain:
            runs.append(list(benchmarks.ours.loyalty.measure(chain)))
    assert runs[0] == runs[1]


def test_blocks_are_twelve_seconds_apart() -> None:
    with running_chain() as chain:
        chain.request("evm_mine")
        before = chain.now
        chain.request("evm_mine")
        assert chain.now == before + 12


def test_leaves_no_chain_behind() -> None:
    with running_chain() as chain:
        assert chain.w3.is_connected()
    assert not chain.w3.is_connected()


def test_ends_the_chain_after_a_fault() -> None:
    with pytest.raises(ZeroDivisionError), running_chain() as chain:
        raise ZeroDivisionError
    assert not chain.w3.is_connected()


def test_what_is_undone_leaves_no_trace() -> None:
    with running_chain() as chain:
        before = chain.w3.eth.block_number
        with chain.undone():
            chain.request("evm_mine")
        assert chain.w3.eth.block_number == before


def test_a_failed_transaction_is_no_measurement() -> None:
    abi = [{"type": "function", "name": "fail", "inputs": [], "outputs": [], "stateMutability": "nonpayable"}]
    with running_chain() as chain:
        contract = chain.deploy(Artifact("Failing", abi, REVERTING, "by hand"))
        with pytest.raises(BenchmarkError, match="fail reverted"):
            chain.send(contract.functions.fail())


def test_refuses_an_unknown_method() -> None:
    with running_chain() as chain, pytest.raises(BenchmarkError, match="the chain refused evm_nothing"):
        chain.request("evm_nothing")
