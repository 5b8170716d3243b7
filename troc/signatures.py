"""Whether somebody signed a message, as the contracts decide it (docs/messages.md, "Signatures")."""

from __future__ import annotations

from collections.abc import Sequence

from web3.types import BlockIdentifier

from troc.chain import Chain
from troc.messages import Domain, Message, digest, recover

ERC1271 = bytes.fromhex("1626ba7e")
"""Selector of `isValidSignature(bytes32,bytes)`, and what it answers for yes."""
WALLET_GAS = 300_000
"""What a contract may take to say that it signed: more than a wallet of a dozen owners takes. Who reads a
book asks contracts that strangers wrote. Readers and checkers of batches must draw the same line.
"""


def is_signed(chain: Chain, message: Message, domain: Domain, signature: bytes) -> bool:
    """Whether the signer that `message` names signed it: her key first, then ERC-1271 where she has code."""
    if recover(message, domain, signature) == message.signer:
        return True
    if not chain.code(message.signer):
        return False
    return is_signed_by_contract(chain, message.signer, digest(message, domain), signature)


def is_signed_by_contract(
    chain: Chain,
    signer: str,
    hash_: bytes,
    signature: bytes,
    *,
    asker: str | None = None,
    block: BlockIdentifier = "latest",
) -> bool:
    """Whether a contract says, within `WALLET_GAS`, that it signed 32 bytes (ERC-1271). `asker`: who asks."""
    return are_signed_by_contracts(chain, [(signer, hash_, signature)], asker=asker, block=block)[0]


def are_signed_by_contracts(
    chain: Chain,
    asked: Sequence[tuple[str, bytes, bytes]],
    *,
    asker: str | None = None,
    block: BlockIdentifier = "latest",
) -> list[bool]:
    """The same of many (signer, hash, signature), in few requests."""
    calls = [wallet_call(*each) | ({} if asker is None else {"from": asker}) for each in asked]
    # The whole word counts, as for the contracts. A wallet that breaks has not signed.
    return [
        isinstance(answer, bytes) and answer[:32] == ERC1271 + bytes(28)
        for answer in chain.try_many(calls, block)
    ]


def wallet_call(signer: str, hash_: bytes, signature: bytes) -> dict[str, str]:
    """The question to a contract, as a node takes it."""
    data = ERC1271 + hash_ + (64).to_bytes(32) + len(signature).to_bytes(32)
    data += signature + bytes(-len(signature) % 32)
    return {"to": signer, "data": "0x" + data.hex(), "gas": hex(WALLET_GAS)}
