"""The signature by which a card feeds an address (docs/messages.md, "Messages off the chain")."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from eth_utils.crypto import keccak

from troc.errors import InputError
from troc.messages import Address, Bytes32, Domain, Message, Uint256

MEMBERS_NAME = "Troc Members"
"""No contract has this domain: nothing that is signed for it can be used on the chain."""


@dataclass(frozen=True)
class LinkCard(Message):
    """Points of a card of the brand whose points are `token` go to `holder`. `card` is a salted hash."""

    contract: ClassVar[str] = MEMBERS_NAME

    holder: Address
    card: Bytes32
    token: Address
    deadline: Uint256


def link_domain(chain_id: int, token: str) -> Domain:
    """The domain of messages between a brand and its people, off the chain."""
    return Domain(MEMBERS_NAME, chain_id, token)


def card_hash(salt: bytes, card: str) -> bytes:
    """What stands for a card in `LinkCard`. `salt` is 32 bytes that only the brand can make."""
    return keccak(salt + card.encode())


def write_link(path: Path, message: LinkCard, chain_id: int, signature: bytes = b"") -> None:
    """Write a message into a file: to be signed, or signed."""
    data = {"message": message.to_json(), "chainId": chain_id, "signature": "0x" + signature.hex()}
    path.write_text(json.dumps(data, indent=2) + "\n")


def read_link(path: Path) -> tuple[LinkCard, int, bytes]:
    """Message, chain id and signature of a file."""
    try:
        data = json.loads(path.read_text())
        message, chain_id = LinkCard.from_json(data["message"]), int(data["chainId"])
        signature = bytes.fromhex(str(data["signature"]).removeprefix("0x"))
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{path} holds no message about a card", "name a file of `troc brand members invite`"
        ) from None
    return message, chain_id, signature
