"""The cipher against its words in docs/messages.md, and its speed."""

from __future__ import annotations

import os
import time

import pytest
from eth_abi.packed import encode_packed
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from troc.data import cipher
from troc.data.chunks import Content, lay_out
from troc.data.manifest import open_record, seal
from troc.errors import InputError

LEAST_SPEED = 2.0
"""Megabytes a second of CPU time: benchmarks/vault.py measures five times as much; tests run on busy
machines.
"""


def stream(key: bytes, index: int, size: int) -> bytes:
    """The key stream as a contract makes it."""
    blocks = (
        keccak(encode_packed(["bytes32", "uint32", "uint32"], [key, index, offset]))
        for offset in range(0, size, 32)
    )
    return b"".join(blocks)[:size]


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**32 - 1), st.binary(max_size=2500))
def test_encrypts_as_the_contract_decrypts(key: bytes, index: int, chunk: bytes) -> None:
    sealed = cipher.apply(key, index, chunk)
    assert sealed == bytes(a ^ b for a, b in zip(chunk, stream(key, index, len(chunk)), strict=True))
    assert cipher.apply(key, index, sealed) == chunk


def test_no_two_chunks_share_a_stream() -> None:
    key = os.urandom(32)
    assert cipher.apply(key, 1, bytes(64)) != cipher.apply(key, 2, bytes(64))
    assert cipher.apply(key, 1, bytes(64))[:32] != cipher.apply(key, 1, bytes(64))[32:]


def test_the_commitment() -> None:
    key = os.urandom(32)
    assert cipher.commitment(key) == keccak(keccak(text="troc.key.v1") + key)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_has_32_bytes(size: int) -> None:
    with pytest.raises(InputError):
        cipher.apply(bytes(size), 0, bytes(32))


def test_it_is_quick() -> None:
    data = os.urandom(2_000_000)
    key = cipher.new_key()
    begun = time.process_time()
    manifest, blob = seal(lay_out(Content.of_file(data), os.urandom(32)), key)
    sealed = time.process_time()
    assert manifest.check(blob) == []
    assert open_record(manifest, blob, key).data == data
    opened = time.process_time()
    assert 2 / (sealed - begun) > LEAST_SPEED
    assert 2 / (opened - sealed) > LEAST_SPEED
