"""Contracts of contracts/mocks/, as brownie compiled them, on a chain of the client's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address
from web3.contract import Contract

from troc.accounts import Signer
from troc.chain import Chain

BUILD = Path(__file__).parents[3] / "build" / "contracts"


def deploy_mock(chain: Chain, deployer: Signer, name: str, *arguments: Any) -> Contract:
    """Deploy one; the contract, ready to be called."""
    built = json.loads((BUILD / f"{name}.json").read_text())
    creation = chain.web3.eth.contract(abi=built["abi"], bytecode=built["bytecode"])
    address = chain.send(creation.constructor(*arguments), deployer).contract
    assert address is not None
    return chain.web3.eth.contract(address=to_checksum_address(address), abi=built["abi"])
