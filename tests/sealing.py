"""Sealed content and sealed keys, made from docs/messages.md alone; points by libsecp256k1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from coincurve import PublicKey
from eth_utils.crypto import keccak

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
FIELD = 2**256 - 2**32 - 977
BLOCK = 32


# ---------------------------------------------------------------------------------------------------- content


def commit_to(key: bytes) -> bytes:
    """What a seller commits to before the sale."""
    return bytes(keccak(keccak(text="troc.key.v1") + key))


def stream(key: bytes, index: int, data: bytes) -> bytes:
    """Seals a chunk, or opens it."""
    blocks = range(0, len(data), BLOCK)
    pad = b"".join(keccak(key + index.to_bytes(4) + offset.to_bytes(4)) for offset in blocks)
    return bytes(a ^ b for a, b in zip(data, pad, strict=False))


def plain_leaf(chunk: bytes) -> bytes:
    return bytes(keccak(b"\x02" + chunk))


def node(left: bytes, right: bytes) -> bytes:
    return bytes(keccak(b"\x01" + left + right))


@dataclass(frozen=True)
class Content:
    """A manifest: what was sealed, and what it says of each chunk."""

    key: bytes
    ciphers: Sequence[bytes]
    plain_leaves: Sequence[bytes]
    wrong: Sequence[int] = ()
    """Chunks that were sealed other than they are told to be."""

    @property
    def count(self) -> int:
        return len(self.ciphers)

    @cached_property
    def levels(self) -> list[list[bytes]]:
        """The tree from its leaves, which are filled up with zero words, to its root."""
        leaves = [
            bytes(keccak(b"\0" + j.to_bytes(4) + plain + keccak(cipher)))
            for j, (plain, cipher) in enumerate(zip(self.plain_leaves, self.ciphers, strict=True))
        ]
        levels = [leaves + [bytes(32)] * (2 ** (len(leaves) - 1).bit_length() - len(leaves))]
        while len(levels[-1]) > 1:
            below = levels[-1]
            levels.append([node(below[i], below[i + 1]) for i in range(0, len(below), 2)])
        return levels

    @property
    def root(self) -> bytes:
        return self.levels[-1][0]

    def proof(self, index: int) -> list[bytes]:
        return [level[index >> height ^ 1] for height, level in enumerate(self.levels[:-1])]

    def chunk(self, index: int) -> tuple[int, bytes, bytes, list[bytes]]:
        """A chunk as `disputeChunk` takes it."""
        return index, self.plain_leaves[index], self.ciphers[index], self.proof(index)


def make_content(sizes: Sequence[int], seed: str = "content", wrong: Sequence[int] = ()) -> Content:
    """Chunks of these sizes; `wrong` ones are sealed other than they are told to be."""
    key = bytes(keccak(text=f"key: {seed}"))
    chunks = [
        b"".join(keccak(text=f"{seed} {j} {at}") for at in range(0, size, BLOCK))[:size]
        for j, size in enumerate(sizes)
    ]
    ciphers = [stream(key, j, chunk[::-1] if j in wrong else chunk) for j, chunk in enumerate(chunks)]
    return Content(key, ciphers, [plain_leaf(chunk) for chunk in chunks], tuple(wrong))


# ----------------------------------------------------------------------------------------------------- points


@dataclass(frozen=True)
class Point:
    """`scalar` times the generator, with an even y."""

    scalar: int
    x: bytes
    y: int


def one_time(secret: int) -> Point:
    """The point of a secret, which is negated where its y is odd."""
    point = PublicKey.from_valid_secret(secret.to_bytes(32)).format(compressed=False)
    x, y = point[1:33], int.from_bytes(point[33:])
    return Point(secret, x, y) if y % 2 == 0 else Point(ORDER - secret, x, FIELD - y)


def point_of(seed: str) -> Point:
    return one_time(int.from_bytes(keccak(text=f"scalar: {seed}")) % ORDER)


def address_of(x: int, y: int) -> bytes:
    return bytes(keccak(x.to_bytes(32) + y.to_bytes(32))[12:])


def shared(scalar: int, x: bytes) -> bytes:
    """The address of `scalar` times the point with this x and an even y."""
    product = PublicKey(b"\x02" + x).multiply((scalar % ORDER).to_bytes(32)).format(compressed=False)
    return address_of(int.from_bytes(product[1:33]), int.from_bytes(product[33:]))


def wrap(key: bytes, sale_id: bytes, scalar: int, x: bytes) -> bytes:
    """Seals a key to a point, or opens it: from one side's scalar and the other's point."""
    mask = keccak(sale_id + bytes(12) + shared(scalar, x))
    return bytes(a ^ b for a, b in zip(key, mask, strict=True))
