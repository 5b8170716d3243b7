"""What is true after every deployment."""

from __future__ import annotations

from troc.accounts import Signer
from troc.artifacts import SUITE, artifact
from troc.chain import Chain
from troc.manifest import Manifest, manifest_path, read_manifest


def assert_deployed_once(chain: Chain, deployer: Signer, manifest: Manifest, before: int) -> None:
    """Every contract is there, is ours, is recorded rightly, and nothing was created twice."""
    assert chain.transaction_count(deployer.address) - before == len(SUITE)
    assert list(manifest.contracts) == list(SUITE)
    assert manifest.pending is None
    for name, deployed in manifest.contracts.items():
        code = chain.code(deployed.address)
        assert artifact(name).is_code(code)
        assert deployed.code_hash == "0x" + chain.web3.keccak(code).hex()
        assert deployed.block <= chain.block_number()
        receipt = chain.receipt(deployed.transaction)
        assert receipt is not None
        assert receipt.contract == deployed.address
        assert deployed.compiler == artifact(name).compiler
    brands = chain.contract("Brands", manifest.address("Brands"))
    assert chain.call(brands.functions.exchange()) == manifest.address("PointsExchange")
    assert read_manifest(manifest_path(chain)) == manifest
