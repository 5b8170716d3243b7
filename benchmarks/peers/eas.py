"""The Ethereum Attestation Service: what somebody says about somebody, and that it no longer holds."""

from __future__ import annotations

from collections.abc import Iterator

from eth_abi.abi import encode
from web3 import Web3

from benchmarks.chain import Chain, System
from benchmarks.packages import published, version
from benchmarks.records import Record

_PACKAGE = "@ethereum-attestation-service/eas-contracts"
_NOBODY = "0x" + "00" * 20
_SCHEMA = "bytes32 plainRoot,uint256 count"
_YEAR = 365 * 86_400


def measure(chain: Chain) -> Iterator[Record]:
    """An attestation that is stored, and the two ways to revoke one."""
    registry = chain.deploy(published(_PACKAGE, "artifacts/contracts/SchemaRegistry.sol/SchemaRegistry.json"))
    artifact = published(_PACKAGE, "artifacts/contracts/EAS.sol/EAS.json")
    service = chain.deploy(artifact, registry.address)
    chain.send(registry.functions.register(_SCHEMA, _NOBODY, True))
    schema = bytes(Web3.solidity_keccak(["string", "address", "bool"], [_SCHEMA, _NOBODY, True]))
    attestor, system = chain.address("attestor"), System("eas", version(_PACKAGE))

    content = encode(["bytes32", "uint256"], [bytes(Web3.keccak(text="plain root")), 2**14])
    about = (chain.address("seller"), chain.now + _YEAR, True, bytes(32), content, 0)
    attest = service.functions.attest((schema, about))
    yield system.record(
        "attestation",
        chain.send(attest, attestor),
        state="schema registered before, without a resolver",
        how=f"attest: two words that can be revoked, stored; {artifact.origin}",
    )
    (log,) = service.events.Attested().get_logs()
    uid = log["args"]["uid"]
    yield system.record(
        "attestation-revoke",
        chain.send(service.functions.revoke((schema, (uid, 0))), attestor),
        state="stored before",
        how=f"revoke; {artifact.origin}",
    )
    yield system.record(
        "attestation-revoke-offchain",
        chain.send(service.functions.revokeOffchain(bytes(Web3.keccak(text="signed"))), attestor),
        state="signed, not stored",
        how=f"revokeOffchain; {artifact.origin}",
    )
