"""The cipher of sold chunks, which a contract can check: a stream of keccak256 hashes.

Block `offset` of chunk `index` is XORed with `keccak256(key ‖ uint32 index ‖ uint32 offset)`; `offset` counts
bytes, 32 a block. The key is committed to by `keccak256(keccak256("troc.key.v1") ‖ key)`. One key seals one
manifest, once: two texts under one key give away their XOR. `Vault` sees to that.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from sha3 import keccak_256

from troc.data.tree import index_bytes, keccak
from troc.errors import InputError

KEY = 32
BLOCK = 32

_COMMITMENT = keccak(b"troc.key.v1")
_OFFSETS = [index_bytes(BLOCK * block) for block in range(64)]


def new_key() -> bytes:
    """32 bytes of the system's randomness."""
    return os.urandom(KEY)


def commitment(key: bytes) -> bytes:
    """What a deal names of a key before it is delivered."""
    return keccak(_COMMITMENT + key)


def apply(key: bytes, index: int, chunk: bytes) -> bytes:
    """Encrypt a chunk, or decrypt it: the same. `index`: its place in the manifest."""
    if len(key) != KEY:
        raise InputError("a key has 32 bytes", "use the whole key")
    size = len(chunk)
    # What key and index make is absorbed once; a copy of that state is quicker than a new one.
    begun = keccak_256(key + index_bytes(index)).copy
    blocks: list[bytes] = []
    for offset in _offsets(size):
        block = begun()
        block.update(offset)
        blocks.append(block.digest())
    stream = b"".join(blocks)[:size]
    return (int.from_bytes(chunk) ^ int.from_bytes(stream)).to_bytes(size)


def _offsets(size: int) -> Sequence[bytes]:
    blocks = -(-size // BLOCK)
    if blocks <= len(_OFFSETS):
        return _OFFSETS[:blocks]
    return [index_bytes(BLOCK * block) for block in range(blocks)]
