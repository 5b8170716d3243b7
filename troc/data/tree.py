"""Trees of hashes: one over a manifest's leaves, one over a record's plain leaves.

A leaf is hashed with its index, a node with another first byte than a leaf, and every proof is as long as the
tree is high: no inner node passes for a leaf, no high bit of an index goes unseen. A tree of `count` leaves
is ceil(log2 count) high; places beyond the last leaf are empty (32 zero bytes).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from troc.errors import InputError

try:
    from sha3 import keccak_256
except ImportError:  # pragma: no cover
    raise InputError(
        "the market for data needs a fast keccak", "run `pip install '.[data]'` in the folder of this project"
    ) from None

MOST_LEAVES = 2**32 - 1

_EMPTY = [bytes(32)]
for _ in range(32):
    _EMPTY.append(keccak_256(b"\x01" + _EMPTY[-1] * 2).digest())


def keccak(data: bytes) -> bytes:
    """keccak256 in C, without a copy of its input."""
    digest: bytes = keccak_256(data).digest()
    return digest


def height(count: int) -> int:
    """How many hashes prove one leaf of `count`."""
    return (count - 1).bit_length()


def index_bytes(index: int) -> bytes:
    """An index or a length as it is hashed: uint32, the highest byte first."""
    return index.to_bytes(4, "big")


def levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """All hashes of a tree: the leaves, what lies above them, at last the root alone."""
    if not 0 < len(leaves) <= MOST_LEAVES:
        raise InputError(f"{len(leaves)} leaves make no tree", "use 1 to 4,294,967,295")
    found = [list(leaves)]
    for depth in range(height(len(leaves))):
        below = found[-1]
        if len(below) % 2:
            below = [*below, _EMPTY[depth]]
        pairs = zip(below[::2], below[1::2], strict=True)
        found.append([keccak_256(b"\x01" + left + right).digest() for left, right in pairs])
    return found


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over these leaves."""
    return levels(leaves)[-1][0]


def proof(tree: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """The hashes beside the way from a leaf to the root, from below."""
    if not 0 <= index < len(tree[0]):
        raise InputError(f"there is no leaf {index}", f"use 0 to {len(tree[0]) - 1}")
    return [_at(tree, depth, (index >> depth) ^ 1) for depth in range(len(tree) - 1)]


def root_by_proof(count: int, index: int, leaf: bytes, hashes: Sequence[bytes]) -> bytes:
    """The root that a proof leads to. Raises `InputError` where its length or the index does not fit."""
    if not 0 <= index < count or len(hashes) != height(count):
        raise InputError("the proof does not fit the tree", "ask for the right one")
    found = leaf
    for depth, other in enumerate(hashes):
        pair = other + found if index >> depth & 1 else found + other
        found = keccak(b"\x01" + pair)
    return found


def multiproof(tree: Sequence[Sequence[bytes]], places: Iterable[int]) -> list[bytes]:
    """The hashes that lead from several leaves to the root, level by level from below, from left to right."""
    known = sorted(set(places))
    if not known or known[0] < 0 or known[-1] >= len(tree[0]):
        raise InputError("these leaves are not in the tree", f"use 0 to {len(tree[0]) - 1}")
    found: list[bytes] = []
    for depth in range(len(tree) - 1):
        here = set(known)
        found += [_at(tree, depth, place ^ 1) for place in known if place ^ 1 not in here]
        known = sorted({place >> 1 for place in known})
    return found


def root_by_multiproof(
    count: int, places: Sequence[int], leaves: Sequence[bytes], hashes: Sequence[bytes]
) -> bytes:
    """The root that several leaves lead to, whose places rise. Raises `InputError` for a proof too long or
    short.
    """
    wrong = InputError("the proof of these leaves does not fit the tree", "ask for the right one")
    rising = all(low < high for low, high in pairwise(places))
    if not places or not rising or places[0] < 0 or places[-1] >= count or len(places) != len(leaves):
        raise wrong
    level = dict(zip(places, leaves, strict=True))
    rest = iter(hashes)
    for _ in range(height(count)):
        above: dict[int, bytes] = {}
        for place, value in level.items():
            if place >> 1 in above:
                continue
            other = level.get(place ^ 1)
            if other is None:
                other = next(rest, None)
                if other is None:
                    raise wrong
            above[place >> 1] = keccak(b"\x01" + (other + value if place & 1 else value + other))
        level = above
    if next(rest, None) is not None:
        raise wrong
    return level[0]


def _at(tree: Sequence[Sequence[bytes]], depth: int, place: int) -> bytes:
    return tree[depth][place] if place < len(tree[depth]) else _EMPTY[depth]
