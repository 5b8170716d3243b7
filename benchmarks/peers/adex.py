"""AdEx: an advertiser's budget in a channel, withdrawn under a root that two validators sign."""

from __future__ import annotations

from collections.abc import Iterator

from eth_abi.abi import encode
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3 import Web3

from benchmarks.chain import Chain, Cost, System
from benchmarks.packages import published, version
from benchmarks.proofs import DEPTH, under_root
from benchmarks.records import Record
from benchmarks.tokens import ONE, fund, tokens

_PACKAGE = "adex-protocol-eth"
# Signed by `eth_sign`, as its validators do.
_GETH = 2
_CHANNEL = ("address", "address", "uint256", "uint256", "address[]", "bytes32")


def measure(chain: Chain) -> Iterator[Record]:
    """What a publisher earned until now, withdrawn by himself: the first time, and again."""
    artifact = published(_PACKAGE, "resources/bytecode/AdExCore.json", abi="abi/AdExCore.json")
    core, system = chain.deploy(artifact), System("adex", version(_PACKAGE))
    (token,) = tokens(chain, 1)
    brand, validators = chain.account("brand"), chain.accounts("validator", 2)
    fund(chain, [brand], [token], core.address)
    channel = (
        brand.address,
        token.address,
        100 * ONE,
        chain.now + 30 * 86_400,
        [one.address for one in validators],
        bytes(32),
    )
    chain.send(core.functions.channelOpen(channel), brand.address)
    channel_id = bytes(Web3.keccak(encode(["address", *_CHANNEL], [core.address, *channel])))

    def withdraw(customer: ChecksumAddress, amount: int) -> Cost:
        leaf = bytes(Web3.keccak(encode(["address", "uint256"], [customer, amount])))
        root, proof = under_root(leaf, customer)
        digest = bytes(Web3.keccak(channel_id + root))
        signatures = [_sign(one, digest) for one in validators]
        return chain.send(core.functions.channelWithdraw(channel, root, signatures, proof, amount), customer)

    # Somebody has withdrawn before.
    withdraw(chain.address("another customer"), ONE)
    customer = chain.address("new customer")
    how = f"channelWithdraw by who earned it, {DEPTH} words of proof, two validators; {artifact.origin}"
    for operation, amount, state in (
        ("root-first", ONE, "new holder, first withdrawal from this channel"),
        ("root-later", 2 * ONE, "existing holder, withdrew from this channel before"),
    ):
        yield system.record(operation, withdraw(customer, amount), state=state, how=how)


def _sign(validator: LocalAccount, digest: bytes) -> list[bytes]:
    signed = validator.sign_message(encode_defunct(digest))
    mode = bytes([_GETH, signed.v]).ljust(32, b"\0")
    return [mode, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")]
