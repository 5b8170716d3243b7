"""Sealed keys by plain arithmetic on the curve: neither libsecp256k1 nor `ecrecover` is believed."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.helpers import reverts_with
from tests.sales import Sale, State
from tests.sealing import FIELD, ORDER, one_time, shared, wrap

Plain = tuple[int, int] | None
GENERATOR = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)


def add(one: Plain, other: Plain) -> Plain:
    """The sum of two points of y² = x³ + 7; nothing is the neutral point."""
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % FIELD == 0:
        return None
    if one == other:
        slope = 3 * x1 * x1 * pow(2 * y1, -1, FIELD) % FIELD
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, FIELD) % FIELD
    x = (slope * slope - x1 - x2) % FIELD
    return x, (slope * (x1 - x) - y1) % FIELD


def times(scalar: int, point: Plain) -> Plain:
    total: Plain = None
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


def even(secret: int) -> tuple[int, tuple[int, int]]:
    """The scalar whose point has an even y, and that point."""
    point = times(secret, GENERATOR)
    assert point is not None
    x, y = point
    return (secret, point) if y % 2 == 0 else (ORDER - secret, (x, FIELD - y))


def seal(key: int, sale_id: bytes, scalar: int, point: Plain) -> bytes:
    """The wrapped key by the words of docs/messages.md."""
    product = times(scalar, point)
    assert product is not None
    address = keccak(product[0].to_bytes(32) + product[1].to_bytes(32))[12:]
    return (key ^ int.from_bytes(keccak(sale_id + bytes(12) + address))).to_bytes(32)


SECRETS = [1, 2, 3, ORDER - 1, ORDER // 2, *(random.Random("points").randrange(1, ORDER) for _ in range(12))]


def test_helpers_agree_with_plain_arithmetic() -> None:
    assert times(ORDER, GENERATOR) is None
    for secret, other in pairwise(SECRETS):
        (b, point), (e, opposite) = even(secret), even(other)
        made = one_time(secret)
        assert (made.scalar, int.from_bytes(made.x), made.y) == (b, *point)
        assert shared(b, opposite[0].to_bytes(32)) == shared(e, point[0].to_bytes(32))
        sale_id, key = bytes([7]) * 32, 2**255 + 1
        wrapped = seal(key, sale_id, e, point)
        assert wrapped == seal(key, sale_id, b, opposite)
        assert wrapped == wrap(key.to_bytes(32), sale_id, e, made.x)
        assert wrap(wrapped, sale_id, b, opposite[0].to_bytes(32)) == key.to_bytes(32)


@pytest.mark.parametrize("honest", [True, False])
@pytest.mark.parametrize("secrets", [(1, 1), (2, ORDER - 1), (SECRETS[5], SECRETS[6]), (SECRETS[7], 1)])
def test_the_market_finds_the_key_that_was_sealed(
    market: Any, prepare: Any, seller: Any, buyer: Any, secrets: tuple[int, int], honest: bool
) -> None:
    sale: Sale = prepare()
    (b, point_b), (e, point_e) = (even(secret) for secret in secrets)
    key = int.from_bytes(sale.content.key) ^ (not honest)
    posted = (point_b[0].to_bytes(32), point_e[0].to_bytes(32), seal(key, sale.id, e, point_b))
    market.buy(sale.words, sale.signature, posted[0], {"from": buyer})
    market.deliver(sale.id, sale.deal["disputeSeconds"], posted, point_e[1], {"from": seller})
    if honest:
        with reverts_with("KeyIsRight", sale.id):
            market.disputeKey(sale.words, buyer, posted, b, {"from": buyer})
        with reverts_with("ChunkIsRight", 0):
            market.disputeChunk(sale.words, buyer, posted, b, sale.content.chunk(0), {"from": buyer})
        return
    market.disputeKey(sale.words, buyer, posted, b, {"from": buyer})
    assert market.saleOf(sale.id)[0] == State.KEY_WRONG
