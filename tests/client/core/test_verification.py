"""Files for block explorers: they say what is on the chain."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from troc.accounts import Signer
from troc.artifacts import SUITE, artifact
from troc.chain import Chain
from troc.deploy import deploy_suite
from troc.manifest import Manifest, manifest_path, verification_folder
from troc.network import BrandConfig


@pytest.fixture
def branded(live_chain: Chain, stranger: Signer) -> Chain:
    """A live network whose config names a brand."""
    brand = BrandConfig("Le Panier", "PANIER", stranger.address, 90 * 86400, 1_700_000_000)
    return Chain(live_chain.web3, replace(live_chain.config, brands=(brand,)))


@pytest.fixture
def manifest(branded: Chain, deployer: Signer) -> Manifest:
    return deploy_suite(branded, deployer, confirm=lambda plan: True)


@pytest.fixture
def folder(branded: Chain, manifest: Manifest) -> Path:
    return verification_folder(manifest_path(branded))


def read(folder: Path, stem: str, kind: str) -> Any:
    return json.loads((folder / f"{stem}.{kind}.json").read_text())


def test_lies_beside_the_record(folder: Path, manifest: Manifest) -> None:
    assert folder.name == f"{manifest.chain_id}.verification"
    stems = [*SUITE, f"LoyaltyToken-{manifest.brands['PANIER'].address}"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{stem}.{kind}.json" for stem in stems for kind in ("input", "etherscan", "sourcify")
    )


@pytest.mark.parametrize("name", SUITE)
def test_code_and_arguments_are_what_was_sent(
    name: str, folder: Path, manifest: Manifest, branded: Chain
) -> None:
    deployed = manifest.contracts[name]
    form = read(folder, name, "etherscan")
    sent = branded.web3.eth.get_transaction(HexBytes(deployed.transaction))["input"]
    assert bytes(sent) == artifact(name).bytecode + bytes.fromhex(form["constructorArguments"])
    assert form["contractaddress"] == deployed.address
    assert form["contractname"] == f"{artifact(name).source}:{name}"
    assert form["compilerversion"] == "v" + artifact(name).compiler
    assert form["codeformat"] == "solidity-standard-json-input"
    assert json.loads(form["sourceCode"]) == read(folder, name, "input")
    body = read(folder, name, "sourcify")
    assert body == {
        "stdJsonInput": read(folder, name, "input"),
        "compilerVersion": artifact(name).compiler,
        "contractIdentifier": f"{artifact(name).source}:{name}",
        "creationTransactionHash": deployed.transaction,
    }


def test_code_and_arguments_of_points_give_their_address(
    folder: Path, manifest: Manifest, branded: Chain
) -> None:
    launched = manifest.brands["PANIER"]
    form = read(folder, f"LoyaltyToken-{launched.address}", "etherscan")
    code = artifact("LoyaltyToken").bytecode + bytes.fromhex(form["constructorArguments"])
    brand = branded.config.brands[0]
    params = (
        brand.owner,
        brand.name,
        brand.symbol,
        brand.decimals,
        brand.epoch_seconds,
        brand.origin,
        brand.domain,
    )
    salt = keccak(
        encode(
            ["address", "(address,string,string,uint8,uint256,uint256,string)"], [manifest.deployer, params]
        )
    )
    # EIP-1014.
    birthplace = bytes.fromhex(manifest.address("Brands")[2:])
    assert to_checksum_address(keccak(b"\xff" + birthplace + salt + keccak(code))[12:]) == launched.address


def test_an_explorer_s_token_is_in_no_file(folder: Path) -> None:
    for path in folder.iterdir():
        assert "apikey" not in path.read_text().lower()
