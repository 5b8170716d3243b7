"""The sealed key: how a seller hands the key of a file to one buyer through a public log.

The buyer posts a one-time point B = b·G with his payment. The seller makes a point E = e·G of her own and
posts it with `wrapped = K xor keccak256(saleId ‖ address of b·E)`: the buyer knows b, she knows e, both know
b·E = e·B, nobody else does. A contract can check the same in a dispute, since `ecrecover` multiplies points
(docs/DataMarket.md).

Points of secp256k1 are written by their x alone, 32 bytes, and stand for the one with an even y. Scalars are
whole numbers. Errors are `DealError`s.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from functools import cache

from coincurve import PublicKey
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from troc.errors import DealError

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Points of the curve (SEC 2, section 2.4.1)."""

WEAK_MULTIPLES = 1_024
"""A buyer's point within so many times ±G has a secret that anybody finds by trying."""

_POINT_TEXT = b"troc.data.point.v1\0"
_ANSWER_TEXT = b"troc.data.answer.v1\0"


@dataclass(frozen=True)
class OneTime:
    """A one-time secret and its point `x`. `secret` is already the one whose point has an even y. Printing it
    shows the point alone.
    """

    x: bytes
    secret: int = field(repr=False)


def one_time(secret: int) -> OneTime:
    """The point of a secret from 1 to `ORDER` - 1, negated where its y is odd.

    Raises `DealError` for any other secret, and for the one point in 2^127 whose x no contract can take.
    """
    if not 0 < secret < ORDER:
        raise DealError("a one-time secret is out of range", "make another")
    point = PublicKey.from_valid_secret(secret.to_bytes(32)).format()
    x = point[1:]
    if int.from_bytes(x) >= ORDER:
        raise DealError("the x of a one-time point is beyond the order of the curve", "make another")
    return OneTime(x, secret if point[0] == 2 else ORDER - secret)


def is_point(x: bytes) -> bool:
    """Whether the contract takes these 32 bytes for a point: on the curve, and from 1 to `ORDER` - 1, which
    is all that `ecrecover` computes with.
    """
    if len(x) != 32 or not 0 < int.from_bytes(x) < ORDER:
        return False
    try:
        PublicKey(b"\2" + x)
    except ValueError:
        return False
    return True


def even_y(x: bytes) -> int:
    """The even y of a point, by which a delivery shows that there is one. Raises `DealError` where there is
    none.
    """
    _check(x)
    return int.from_bytes(PublicKey(b"\2" + x).format(compressed=False)[33:])


def address_of(x: bytes) -> str:
    """The address of a point: what `ecrecover(0, 27, x, x)` gives. Raises `DealError` where it gives 0."""
    _check(x)
    return _address(PublicKey(b"\2" + x))


def shared_address(secret: int, x: bytes) -> str:
    """The address of secret · point, which both sides know and nobody else."""
    if not 0 < secret < ORDER:
        raise DealError("a one-time secret is out of range", "name the one of this sale")
    _check(x)
    return _address(PublicKey(b"\2" + x).multiply(secret.to_bytes(32)))


def _check(x: bytes) -> None:
    if not is_point(x):
        raise DealError(f"0x{x.hex()} is no point that a contract can take", "ask for another")


def _address(point: PublicKey) -> str:
    return to_checksum_address(keccak(point.format(compressed=False)[1:])[12:])


# --------------------------------------------------------------------------------------------------- the key


def _mask(sale_id: bytes, shared: str) -> int:
    return int.from_bytes(keccak(sale_id + bytes(12) + bytes.fromhex(shared[2:])))


def wrap(key: bytes, sale_id: bytes, answer: OneTime, x: bytes) -> bytes:
    """The key as the seller posts it, for the buyer's point `x`; `answer` is her own one-time point.

    Raises `DealError` for a key of zeros, which would post the bare mask.
    """
    if len(key) != 32 or not any(key):
        raise DealError("the key is no key", "restore it from the keystore of the vault")
    return (int.from_bytes(key) ^ _mask(sale_id, shared_address(answer.secret, x))).to_bytes(32)


def unwrap(wrapped: bytes, sale_id: bytes, point: OneTime, answer_x: bytes) -> bytes:
    """What the buyer finds in `wrapped`: the seller's key if she was honest, anything else if not. Compare
    its commitment.
    """
    return (int.from_bytes(wrapped) ^ _mask(sale_id, shared_address(point.secret, answer_x))).to_bytes(32)


# ------------------------------------------------------------------------------------------------- the rules


def buyer_point(seed: bytes, chain_id: int, market: str, deal: bytes, counter: int) -> OneTime:
    """The buyer's one-time point for a deal: HMAC-SHA256 of chain, market, deal digest and counter.

    Whoever knows the seed finds all of them again; a counter is used once, and written down before.
    """
    return _derived(seed, _POINT_TEXT, chain_id, market, deal, counter.to_bytes(32))


def seller_point(seed: bytes, chain_id: int, market: str, sale_id: bytes, x: bytes) -> OneTime:
    """The seller's one-time point for a sale and the buyer's point in it: the same each time, so that a
    delivery which is made again after a crash is the same delivery; another one for another point, as
    after a reorganisation.
    """
    return _derived(seed, _ANSWER_TEXT, chain_id, market, sale_id, x)


def _derived(seed: bytes, what: bytes, chain_id: int, market: str, digest: bytes, last: bytes) -> OneTime:
    if len(seed) < 32:
        raise DealError("the seed is shorter than 32 bytes", "use one of 32 random bytes")
    text = what + chain_id.to_bytes(32) + bytes.fromhex(market[2:]) + digest + last
    for attempt in range(256):
        found = hmac.new(seed, text + bytes([attempt]), hashlib.sha256).digest()
        try:
            return one_time(int.from_bytes(found))
        except DealError:
            # Once in 2^127: the next number is as good.
            continue
    raise AssertionError("unreachable")


@cache
def _weak() -> frozenset[bytes]:
    """The x of 1·G to 1,024·G; those of the negatives are the same."""
    generator = PublicKey.from_valid_secret((1).to_bytes(32))
    found, point = set(), generator
    for _ in range(WEAK_MULTIPLES):
        found.add(point.format()[1:])
        point = PublicKey.combine_keys([point, generator])
    return frozenset(found)


def check_buyer_point(x: bytes, seen: bool) -> None:
    """Raise `DealError` unless a key may be sealed to this point: it is one, nobody finds its secret by
    trying, and it was not used before (`seen`): whoever learned the secret of another sale would read this
    one.
    """
    _check(x)
    if x in _weak():
        raise DealError(
            f"the buyer's point 0x{x.hex()} is near the curve's generator, so anybody could take the key",
            "do not deliver; the buyer is refunded when the time is over",
        )
    if seen:
        raise DealError(
            f"the buyer's point 0x{x.hex()} was used in another sale",
            "do not deliver; the buyer is refunded when the time is over",
        )
