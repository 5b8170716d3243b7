"""Whether somebody signed a message, as the contracts decide it (docs/messages.md, "Signatures")."""

from __future__ import annotations

from eth_utils.address import to_checksum_address
from web3.types import BlockIdentifier

from troc.chain import Chain
from troc.errors import TrocError
from troc.messages import Domain, Message, digest, recover

_ERC1271 = bytes.fromhex("1626ba7e") + bytes(28)
WALLET_GAS = 300_000
"""What a contract may take to say that it signed: more than a wallet of a dozen owners takes. Who reads a
book asks contracts that strangers wrote. Readers and checkers of batches must draw the same line.
"""
_WALLET = [
    {
        "type": "function",
        "name": "isValidSignature",
        "stateMutability": "view",
        "inputs": [{"name": "hash", "type": "bytes32"}, {"name": "signature", "type": "bytes"}],
        # The whole word, as the contracts compare it.
        "outputs": [{"name": "", "type": "bytes32"}],
    }
]


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
    wallet = chain.web3.eth.contract(address=to_checksum_address(signer), abi=_WALLET)
    try:
        answer = chain.call(wallet.functions.isValidSignature(hash_, signature), asker, block, WALLET_GAS)
    except TrocError:
        # A wallet that breaks has not signed; a node that is away must be told.
        chain.block_number()
        return False
    return bytes(answer) == _ERC1271
