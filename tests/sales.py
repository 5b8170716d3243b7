"""Deals, requests and sales as tests write them: the fields of docs/messages.md by name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from eth_utils.crypto import keccak

from tests.helpers import DAY, ZERO_ADDRESS, now
from tests.orders import ERC20, POINTS, words
from tests.sealing import Content, Point, commit_to

PRICE = 50
NO_REQUEST = bytes(32)
TERMS = bytes(keccak(text="terms"))
SCHEMA = bytes(keccak(text="schema"))


class State(IntEnum):
    """Where a sale stands."""

    NONE = 0
    BOUGHT = 1
    DELIVERED = 2
    PAID = 3
    REFUNDED = 4
    CONCEDED = 5
    KEY_WRONG = 6
    CHUNK_WRONG = 7


def _filled(message: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    assert fields.keys() <= message.keys(), f"there is no {fields.keys() - message.keys()}"
    return message | {name: getattr(value, "address", value) for name, value in fields.items()}


def make_deal(
    seller: Any, token: Any, content: Content, /, kind: int = ERC20, **fields: Any
) -> dict[str, Any]:
    """An offer to all, open for an hour, with the shortest times; `fields` replace others by name."""
    deal = {
        "seller": seller.address,
        "buyer": ZERO_ADDRESS,
        "token": getattr(token, "address", token),
        "tokenKind": kind,
        "price": PRICE,
        "manifestRoot": content.root,
        "count": content.count,
        "keyCommit": commit_to(content.key),
        "termsHash": TERMS,
        "deliverSeconds": DAY,
        "disputeSeconds": 2 * DAY,
        "liveUntil": now() + 5 * DAY if kind == POINTS else 0,
        "openUntil": now() + 3_600,
        "requestId": NO_REQUEST,
        "nonce": 0,
    }
    return _filled(deal, fields)


def make_request(buyer: Any, token: Any, /, kind: int = ERC20, **fields: Any) -> dict[str, Any]:
    """A request for three answers within a week, without an attestor; `fields` replace others by name."""
    request = {
        "buyer": buyer.address,
        "token": getattr(token, "address", token),
        "tokenKind": kind,
        "price": PRICE,
        "number": 3,
        "termsHash": TERMS,
        "schema": SCHEMA,
        "attestor": ZERO_ADDRESS,
        "seller": ZERO_ADDRESS,
        "periodSeconds": 0,
        "maxDeliverSeconds": DAY,
        "maxDisputeSeconds": 2 * DAY,
        "openUntil": now() + 7 * DAY,
        "nonce": 0,
    }
    return _filled(request, fields)


def make_attestation(attestor: Any, subject: Any, /, **fields: Any) -> dict[str, Any]:
    """An attestation of yesterday for a year; `fields` replace others by name."""
    attestation = {
        "attestor": attestor.address,
        "subject": subject.address,
        "schema": SCHEMA,
        "issued": now() - DAY,
        "expires": now() + 365 * DAY,
        "index": 0,
        "content": {"plainRoot": bytes(keccak(text="plain root")), "count": 3},
    }
    return _filled(attestation, fields)


def content_hash(attestation: dict[str, Any]) -> bytes:
    """All that the chain sees of an attestation's content."""
    content = attestation["content"]
    kind = keccak(text="Content(bytes32 plainRoot,uint256 count)")
    return bytes(keccak(kind + content["plainRoot"] + content["count"].to_bytes(32)))


def attestation_words(attestation: dict[str, Any], signature: bytes) -> tuple[Any, ...]:
    """An attestation as the market takes it."""
    issued, expires, index = (attestation[name] for name in ("issued", "expires", "index"))
    return content_hash(attestation), issued, expires, index, signature


NO_ATTESTATION = (bytes(32), 0, 0, 0, b"")


def sale_id_of(deal_digest: bytes, seller: str, buyer: str) -> bytes:
    return bytes(
        keccak(deal_digest + bytes(12) + bytes.fromhex(seller[2:]) + bytes(12) + bytes.fromhex(buyer[2:]))
    )


@dataclass(frozen=True)
class Sale:
    """A sale with the secrets of both sides."""

    deal: dict[str, Any]
    content: Content
    digest: bytes
    signature: bytes
    id: bytes
    buyer: Any
    b: Point
    e: Point
    wrapped: bytes

    @property
    def words(self) -> tuple[Any, ...]:
        """The deal as the market takes it."""
        return words(self.deal)

    @property
    def posted(self) -> tuple[bytes, bytes, bytes]:
        return self.b.x, self.e.x, self.wrapped

    @property
    def delivery(self) -> tuple[Any, ...]:
        """What `deliver` takes."""
        return self.id, self.deal["disputeSeconds"], self.posted, self.e.y

    def answer(self, attestation: tuple[Any, ...] = NO_ATTESTATION) -> tuple[Any, ...]:
        """What `takeMany` takes."""
        return self.words, self.signature, self.b.x, attestation

    def about(self, party: str, **more: Any) -> dict[str, Any]:
        """A message of this party's, a field of the deal or "buyer", about the sale."""
        who = self.buyer.address if party in ("buyer", "payee") else self.deal[party]
        return {party: who, "saleId": self.id, **more}


def hexed(word: bytes) -> str:
    """A word as events tell it."""
    return "0x" + word.hex()
