"""What is signed for the market for data, as docs/messages.md lays it down, and what follows from it.

Amounts are smallest units, times Unix seconds. A point is the x of a point of secp256k1 with an even y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from eth_utils.crypto import keccak

from troc.messages import Address, Bool, Bytes32, Domain, Message, Uint8, Uint256, Uint256s, digest

MARKET = "DataMarket"
MARKET_NAME = "Troc Data Market"
NO_REQUEST = bytes(32)
NO_CONTENT = bytes(32)

Bytes32s = Annotated[tuple[bytes, ...], "bytes32[]"]


@dataclass(frozen=True)
class Deal(Message):
    """What seller and buyer agree on; signed by the seller. `buyer` 0: anybody, each once."""

    contract: ClassVar[str] = MARKET

    seller: Address
    buyer: Address
    token: Address
    token_kind: Uint8
    price: Uint256
    manifest_root: Bytes32
    count: Uint256
    key_commit: Bytes32
    terms_hash: Bytes32
    deliver_seconds: Uint256
    dispute_seconds: Uint256
    live_until: Uint256
    open_until: Uint256
    request_id: Bytes32
    nonce: Uint256


@dataclass(frozen=True)
class Buy(Message):
    """Buys a deal, or takes an answer, with this one-time point. `content`: what the attestation of an answer
    is about, where the request asks for one; else `NO_CONTENT`.
    """

    contract: ClassVar[str] = MARKET

    buyer: Address
    deal_digest: Bytes32
    content: Bytes32
    point_b: Bytes32
    deadline: Uint256


@dataclass(frozen=True)
class Deliver(Message):
    """Delivers the key, sealed to the buyer's point."""

    contract: ClassVar[str] = MARKET

    seller: Address
    sale_id: Bytes32
    point_b: Bytes32
    point_e: Bytes32
    wrapped: Bytes32


@dataclass(frozen=True)
class Concede(Message):
    """Gives the money back without a dispute."""

    contract: ClassVar[str] = MARKET

    seller: Address
    sale_id: Bytes32


@dataclass(frozen=True)
class Settle(Message):
    """The buyer's word that all is well."""

    contract: ClassVar[str] = MARKET

    buyer: Address
    sale_id: Bytes32


@dataclass(frozen=True)
class SettleTo(Message):
    """Sends what is due to its signer somewhere else."""

    contract: ClassVar[str] = MARKET

    payee: Address
    sale_id: Bytes32
    to: Address


@dataclass(frozen=True)
class Revoke(Message):
    """Withdraws consent."""

    contract: ClassVar[str] = MARKET

    seller: Address
    sale_id: Bytes32


@dataclass(frozen=True)
class Acknowledge(Message):
    """The buyer states that it erased."""

    contract: ClassVar[str] = MARKET

    buyer: Address
    sale_id: Bytes32


@dataclass(frozen=True)
class AcknowledgeMany(Message):
    """The same of many sales."""

    contract: ClassVar[str] = MARKET

    buyer: Address
    sale_ids: Bytes32s


@dataclass(frozen=True)
class CancelDeals(Message):
    """Ends deals, purchases and requests with these nonces."""

    contract: ClassVar[str] = MARKET

    account: Address
    nonces: Uint256s


@dataclass(frozen=True)
class CancelDealSeries(Message):
    """Ends, in each lane, the series named (nonces with index 0) and every earlier one."""

    contract: ClassVar[str] = MARKET

    account: Address
    series: Uint256s


@dataclass(frozen=True)
class Request(Message):
    """What a buyer looks for. Its digest is the request's id."""

    contract: ClassVar[str] = MARKET

    buyer: Address
    token: Address
    token_kind: Uint8
    price: Uint256
    number: Uint256
    terms_hash: Bytes32
    schema: Bytes32
    attestor: Address
    seller: Address
    period_seconds: Uint256
    max_deliver_seconds: Uint256
    max_dispute_seconds: Uint256
    open_until: Uint256
    nonce: Uint256


@dataclass(frozen=True)
class CloseRequest(Message):
    """Returns the rest of a request's budget."""

    contract: ClassVar[str] = MARKET

    buyer: Address
    request_id: Bytes32
    to: Address


@dataclass(frozen=True)
class AskToConcede(Message):
    """A buyer's word, off the chain, that what was delivered is wrong: the key, or the chunk `index`."""

    contract: ClassVar[str] = MARKET

    buyer: Address
    sale_id: Bytes32
    wrong_key: Bool
    index: Uint256


MESSAGES: tuple[type[Message], ...] = (
    Deal,
    Buy,
    Deliver,
    Concede,
    Settle,
    SettleTo,
    Revoke,
    Acknowledge,
    AcknowledgeMany,
    CancelDeals,
    CancelDealSeries,
    Request,
    CloseRequest,
    AskToConcede,
)


def market_domain(chain_id: int, market: str) -> Domain:
    """The domain of a market's messages."""
    return Domain(MARKET_NAME, chain_id, market)


def sale_id(deal: bytes, seller: str, buyer: str) -> bytes:
    """What names a sale: `keccak256(deal digest ‖ seller ‖ buyer)`, each a word."""
    return keccak(deal + bytes(12) + bytes.fromhex(seller[2:]) + bytes(12) + bytes.fromhex(buyer[2:]))


def sale_of(deal: Deal, buyer: str, domain: Domain) -> bytes:
    """The sale of a deal to a buyer."""
    return sale_id(digest(deal, domain), deal.seller, buyer)
