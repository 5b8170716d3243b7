"""What the exchange and the order book wrote in the log, as rows of the index.

Anybody can publish anything. An order becomes a row only if it trades points of brands, if its terms could be
settled, and if its maker's key signed it or its maker has code that can be asked (ERC-1271): what a stranger
publishes in masses costs one recovery each, once, and is never looked at again. A fill names its order by
digest alone: an order that was never published is read from the transaction that settled it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from struct import Struct
from typing import Any, NamedTuple

import sqlalchemy as sa
from coincurve import PublicKey
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak
from web3 import Web3

from troc.artifacts import artifact
from troc.index import tables
from troc.index.source import Log, checksummed, type_of
from troc.messages import (
    EXCHANGE_NAME,
    KIND_POINTS,
    WHOLE_INDEXES,
    Domain,
    Order,
    full_signature,
    unpack_nonce,
)

LARGEST_SIGNATURE = 4_096
"""Bytes of a signature that are looked at: enough for a wallet of thirty owners, too few to fill a memory."""

_WORDS = len(Order.types()["Order"])
_ORDER_BYTES = 32 * _WORDS
MOST_SIGNATURES = 16
"""Signatures of one order that are kept where only its maker's contract can tell which is right."""

_SIGNATURE_AT = 2 + 2 * (_ORDER_BYTES + 64)
"""Where the signature begins in an event's data in hex."""


def _word(place: int) -> slice:
    return slice(2 + 64 * place, 66 + 64 * place)


_GIVE_TOKEN, _WANT_TOKEN, _ORDER_END = _word(1), _word(5), _word(_WORDS)
_SIGNATURE_OFFSET = f"{_ORDER_BYTES + 32:064x}"
_AMOUNT_BITS = 128
_LARGEST_UNITS = 2**63 - 1
"""More than an account can hold of any points, and what a database's number holds."""


WORDS = 15
"""Numbers of an order."""

_split = Struct("32s" * WORDS).unpack


class Words(NamedTuple):
    """An order as the contracts see it: fifteen numbers."""

    maker: int
    give_token: int
    give_kind: int
    give_id: int
    give_amount: int
    want_token: int
    want_kind: int
    want_id: int
    want_amount: int
    give_points_expiring_by: int
    want_points_living_until: int
    only_taker: int
    open_until: int
    nonce: int
    allow_partial: int

    @classmethod
    def of(cls, data: bytes) -> Words:
        """Read them from the order's ABI encoding, 480 bytes."""
        return cls(*map(int.from_bytes, _split(data)))


def order_of(data: bytes) -> Order:
    """The order that a row keeps."""
    words = Words.of(data)
    return Order(
        **words._asdict()
        | {name: _address(getattr(words, name)) for name in _ADDRESSES}
        | {"allow_partial": bool(words.allow_partial)}
    )


_ADDRESSES = ("maker", "give_token", "want_token", "only_taker")


def _address(word: int) -> str:
    return checksummed("0x" + word.to_bytes(20).hex())


def lane_of(nonce: int) -> tuple[str, str, int]:
    """Lane and series in hex of a fixed width, so that databases compare them, and the index in the lane."""
    lane, series, index = unpack_nonce(nonce)
    return f"{lane:032x}", f"{series:016x}", index


class Digests:
    """EIP-712 digests of orders from their encoding: an order has no field that is hashed by itself."""

    def __init__(self, domain: Domain) -> None:
        fields = "string name,string version,uint256 chainId,address verifyingContract"
        self._separator = keccak(
            keccak(text=f"EIP712Domain({fields})")
            + keccak(text=EXCHANGE_NAME)
            + keccak(text=domain.version)
            + domain.chain_id.to_bytes(32)
            + int(domain.verifying_contract, 16).to_bytes(32)
        )
        self._type = keccak(text=Order.type_string())

    def of(self, data: bytes) -> bytes:
        """The digest of an order, from its 480 bytes."""
        return keccak(b"\x19\x01" + self._separator + keccak(self._type + data))


def signer_of(digest: bytes, signature: bytes) -> bytes | None:
    """Whose key made a signature of this digest, 20 bytes; None where it is malformed. As strict as the
    contracts.
    """
    whole = full_signature(signature)
    if whole is None:
        return None
    try:
        key = PublicKey.from_signature_and_message(whole[:64] + bytes([whole[64] - 27]), digest, hasher=None)
    except ValueError:
        return None
    return keccak(key.format(compressed=False)[1:])[12:]


def settleable(words: Words) -> bool:
    """Whether such an order could be settled, and whether its maker meant to sign such a one."""
    _, _, index = unpack_nonce(words.nonce)
    return (
        0 < words.give_amount < 1 << _AMOUNT_BITS
        and 0 < words.want_amount < 1 << _AMOUNT_BITS
        and all(getattr(words, name) >> 160 == 0 for name in _ADDRESSES)
        and words.allow_partial in (0, 1)
        and (index == 0 if words.allow_partial else index < WHOLE_INDEXES)
        and words.maker != 0
        and words.only_taker != words.maker
        and (words.give_token, words.give_id) != (words.want_token, words.want_id)
    )


def _for_points(words: Words) -> bool:
    return words.give_kind == words.want_kind == KIND_POINTS and words.give_id == words.want_id == 0


# ----------------------------------------------------------------------------------------------------- events


def _event_types(contract: str, name: str) -> tuple[str, list[str], list[str]]:
    """First topic, and the types of what is indexed and of what is not."""
    (entry,) = (each for each in artifact(contract).abi if each["type"] == "event" and each["name"] == name)
    types = [(type_of(part), part["indexed"]) for part in entry["inputs"]]
    topic = "0x" + bytes(Web3.keccak(text=f"{name}({','.join(each for each, _ in types)})")).hex()
    return (
        topic,
        [each for each, indexed in types if indexed],
        [each for each, indexed in types if not indexed],
    )


PUBLISHED, _, _ = _event_types("OrderBook", "OrderPublished")
BATCH, _, _BATCH_TYPES = _event_types("OrderBook", "BatchPublished")
FILLED, _, _ = _event_types("PointsExchange", "OrderFilled")
CANCELLED, _, _LISTS = _event_types("PointsExchange", "OrdersCancelled")
SERIES, _, _ = _event_types("PointsExchange", "SeriesCancelled")
TOPICS = (PUBLISHED, BATCH, FILLED, CANCELLED, SERIES)

Row = tuple[sa.Table, dict[str, Any]]


@dataclass
class MarketSpan:
    """The market's events of a range of blocks, oldest first.

    `times` are the blocks' times in seconds, `tokens` all brands' points, `known` the digests of earlier
    ranges that these events name, each with whether it was published and signed by a key; `unsure` how many
    signatures that are to be asked for are kept of each. `has_code` tells of addresses whether
    they are contracts, `calldata` of transactions to whom they went and with what.
    """

    logs: Sequence[Log]
    times: Mapping[int, int]
    domain: Domain
    tokens: Collection[str]
    known: dict[str, bool]
    unsure: dict[str, int]
    has_code: Callable[[Sequence[str]], Sequence[bool]]
    calldata: Callable[[Sequence[str]], Sequence[tuple[str, bytes]]]
    _digests: Digests = field(init=False)

    _token_words: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._digests = Digests(self.domain)
        self._token_words = frozenset(token[2:].lower().rjust(64, "0") for token in self.tokens)

    def rows(self) -> Iterator[Row]:
        """What becomes of them in the database."""
        yield from self._orders()
        for log in self.logs:
            if log.topics[0] == FILLED:
                given, received = (int(log.data[at : at + 64], 16) for at in (2, 66))
                # Of tokens that are no points there can be more; the number is used up all the same.
                yield (
                    tables.fills,
                    self._row(log)
                    | {
                        "digest": log.topics[1],
                        "maker": checksummed("0x" + log.topics[2][-40:]),
                        "given": min(given, _LARGEST_UNITS),
                        "received": min(received, _LARGEST_UNITS),
                    },
                )
            elif log.topics[0] in (CANCELLED, SERIES):
                yield from self._ends(log)
            elif log.topics[0] == BATCH:
                yield (
                    tables.batches,
                    self._row(log)
                    | {
                        "solver": checksummed("0x" + log.topics[1][-40:]),
                        "batch": log.topics[2],
                        "record": bytes.fromhex(log.data[2:]),
                    },
                )

    # ------------------------------------------------------------------------------------------------ orders

    def published_digests(self) -> set[str]:
        """Which orders were published here that may become rows."""
        return {each.digest for each in self._candidates}

    @cached_property
    def _candidates(self) -> list[_Candidate]:
        found = (self._published(log) for log in self.logs if log.topics[0] == PUBLISHED)
        return [each for each in found if each is not None]

    def _orders(self) -> Iterator[Row]:
        # A digest that counts already costs nothing more, however often it is published.
        unsigned: list[_Candidate] = []
        for each in self._candidates:
            if self.known.get(each.digest, False):
                continue
            if signer_of(bytes.fromhex(each.digest[2:]), each.signature) == each.words.maker.to_bytes(20):
                self.known[each.digest] = True
                yield tables.orders, each.row(published=True, by_key=True)
            else:
                unsigned.append(each)
        # Who signed by no key of her own must be a wallet that can be asked.
        unsigned = [each for each in unsigned if not self.known.get(each.digest, False)]
        asked = list(dict.fromkeys(each.maker for each in unsigned))
        wallets = {maker for maker, code in zip(asked, self.has_code(asked), strict=True) if code}
        for each in unsigned:
            # A stranger can publish a wallet's order with a wrong signature before the wallet does: several
            # are kept, and which of them is right is asked when the order is.
            kept = self.unsure.get(each.digest, 0)
            if each.maker in wallets and kept < MOST_SIGNATURES:
                self.unsure[each.digest] = kept + 1
                self.known.setdefault(each.digest, False)
                yield tables.orders, each.row(published=True, by_key=False)
        for each in self._settled():
            if each.digest not in self.known:
                self.known[each.digest] = False
                yield tables.orders, each.row(published=False, by_key=True)

    def _published(self, log: Log) -> _Candidate | None:
        # The order, then where the signature begins, its length, itself. What is foreign or has no sense is
        # left before anything is hashed.
        data = log.data
        if len(data) < _SIGNATURE_AT or not (
            data[_GIVE_TOKEN] in self._token_words
            and data[_WANT_TOKEN] in self._token_words
            and data[_ORDER_END] == _SIGNATURE_OFFSET
        ):
            return None
        length = int(data[_SIGNATURE_AT - 64 : _SIGNATURE_AT], 16)
        if length > LARGEST_SIGNATURE:
            return None
        raw = bytes.fromhex(data[2 : _SIGNATURE_AT + 2 * length])
        order, signature = raw[:_ORDER_BYTES], raw[_ORDER_BYTES + 64 :]
        words = Words.of(order)
        if not settleable(words) or not _for_points(words):
            return None
        digest = "0x" + self._digests.of(order).hex()
        return _Candidate(self._row(log), words, order, signature, digest, _address(words.maker))

    def _settled(self) -> Iterator[_Candidate]:
        """Orders that were filled and never published, from the transactions that filled them."""
        unknown = [log for log in self._of(FILLED) if log.topics[1] not in self.known]
        transactions = list(dict.fromkeys(log.transaction for log in unknown))
        found: dict[str, tuple[bytes, bytes]] = {}
        for to, data in self.calldata(transactions):
            if to == self.domain.verifying_contract:
                for order, signature in orders_in(data):
                    found["0x" + self._digests.of(order).hex()] = order, signature
        for log in unknown:
            if log.topics[1] in found:
                order, signature = found[log.topics[1]]
                words = Words.of(order)
                if len(signature) > LARGEST_SIGNATURE:
                    # One blob of calldata can be the signature of many orders.
                    signature = b""
                # The exchange has checked it, whoever signed.
                yield _Candidate(
                    self._row(log), words, order, signature, log.topics[1], _address(words.maker)
                )

    # --------------------------------------------------------------------------------------------------- ends

    def _ends(self, log: Log) -> Iterator[Row]:
        whole, partial = decode(_LISTS, bytes.fromhex(log.data[2:]))
        common = self._row(log) | {
            "maker": checksummed("0x" + log.topics[1][-40:]),
            "all_of_series": log.topics[0] == SERIES,
        }
        nonces = [(nonce, False) for nonce in whole] + [(nonce, True) for nonce in partial]
        for number, (nonce, is_partial) in enumerate(nonces):
            lane, series, place = lane_of(nonce)
            yield (
                tables.order_ends,
                common
                | {
                    "number": number,
                    "partial": is_partial,
                    "lane": lane,
                    "series": series,
                    "place": min(place, WHOLE_INDEXES),
                },
            )

    def _of(self, topic: str) -> Iterator[Log]:
        return (log for log in self.logs if log.topics[0] == topic)

    def _row(self, log: Log) -> dict[str, Any]:
        return {
            "block": log.block,
            "position": log.position,
            "time": self.times[log.block],
            "transaction": log.transaction,
        }


@dataclass(frozen=True)
class _Candidate:
    """An order that may become a row."""

    common: Mapping[str, Any]
    words: Words
    data: bytes
    signature: bytes
    digest: str
    maker: str

    @cached_property
    def _lane(self) -> tuple[str, str, int]:
        return lane_of(self.words.nonce)

    def row(self, published: bool, by_key: bool) -> dict[str, Any]:
        lane, series, place = self._lane
        words = self.words
        return dict(self.common) | {
            "digest": self.digest,
            "maker": self.maker,
            "give_token": _address(words.give_token),
            "want_token": _address(words.want_token),
            "open_until": min(words.open_until, _LARGEST_UNITS),
            "partial": bool(words.allow_partial),
            "lane": lane,
            "series": series,
            "place": place,
            "data": self.data,
            "signature": self.signature,
            "by_key": by_key,
            "published": published,
        }


# --------------------------------------------------------------------------------------------------- calldata


def _calls() -> dict[bytes, list[str]]:
    """Argument types of every function of the exchange that fills orders, by selector."""
    found = {}
    for entry in artifact("PointsExchange").abi:
        if entry["type"] == "function" and entry["name"].startswith(("settle", "take")):
            types = [type_of(part) for part in entry["inputs"]]
            found[keccak(text=f"{entry['name']}({','.join(types)})")[:4]] = types
    return found


_CALLS = _calls()
_ORDER_TYPE = f"({','.join(field['type'] for field in Order.types()['Order'])})"


def orders_in(data: bytes) -> list[tuple[bytes, bytes]]:
    """The orders (encoded, 480 bytes each) and signatures in a call of the exchange."""
    types = _CALLS.get(data[:4])
    if types is None:
        return []
    try:
        values = decode(types, data[4:], strict=False)
    except DecodingError:
        return []
    orders: list[Any] = []
    signatures: list[bytes] = []
    for type_, value in zip(types, values, strict=True):
        if type_ == _ORDER_TYPE:
            orders.append(value)
        elif type_ == _ORDER_TYPE + "[]":
            orders += value
        elif type_ == "bytes":
            signatures.append(value)
        elif type_ == "bytes[]":
            signatures += value
    return [(_encoded(order), bytes(signature)) for order, signature in zip(orders, signatures, strict=False)]


def _encoded(order: Sequence[Any]) -> bytes:
    return b"".join(
        (int(value, 16) if isinstance(value, str) else int(value)).to_bytes(32) for value in order
    )
