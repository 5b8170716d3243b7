"""How fast a vault seals, checks and opens: `python -m benchmarks.vault`.

A file of 20 MB of random bytes, and a table of 20,000 cells. Times are this process's CPU time, which one
core spends. The bar: 5 megabytes of data a second each for sealing (cutting, salting, encrypting,
committing), checking (what a buyer does before he pays) and opening (decrypting, checking every chunk); also
for all of adding it to a vault in a folder, and for handing out key and checked ciphertexts from there. Then
what a block of 32 bytes of the key stream costs by each way to have keccak256 in Python; ours is the first.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from Crypto.Hash import keccak as pycryptodome
from numpy.typing import NDArray
from rich.console import Console
from sha3 import keccak_256

from troc.data import cipher
from troc.data.chunks import Content, lay_out
from troc.data.manifest import Manifest, open_record, seal
from troc.data.vault import Vault

MEGABYTES_A_SECOND = 5.0
FILE_BYTES = 20_000_000
_ROWS, _COLUMNS = 2_000, 10
_BLOCKS = 20_000
_CHUNK = 1088
_console = Console(highlight=False, soft_wrap=True)


def timed(act: Callable[[], object]) -> float:
    """Seconds of CPU time."""
    begun = time.process_time()
    act()
    return time.process_time() - begun


def measure(content: Content) -> dict[str, float]:
    """Seconds for each step with one record."""
    key, secret = os.urandom(32), os.urandom(32)
    made: list[tuple[Manifest, bytes]] = []
    found = {"seal": timed(lambda: made.append(seal(lay_out(content, secret), key)))}
    manifest, blob = made[0]
    found["check"] = timed(lambda: manifest.check(blob))
    found["open"] = timed(lambda: open_record(manifest, blob, key))
    opened = open_record(manifest, blob, key)
    assert opened.data == content.data
    assert len(opened.rows) == len(content.rows)
    with tempfile.TemporaryDirectory() as folder:
        vault = Vault.create(Path(folder) / "vault", "a benchmark", work=4)
        found["add"] = timed(lambda: vault.add(content))
        root = vault.roots()[0]
        found["hand"] = timed(lambda: (vault.key(root), vault.blob(root)))
    return found


# ----------------------------------------------------------------------------------------------- the block

_ROUNDS = (
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000A, 0x000000008000808B, 0x800000000000008B, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
)  # fmt: skip
_TURNS = (
    (0, 36, 3, 41, 18),
    (1, 44, 10, 45, 2),
    (62, 6, 43, 15, 61),
    (28, 55, 25, 21, 56),
    (27, 20, 39, 8, 14),
)

_Lanes = NDArray[np.uint64]


def numpy_stream(key: bytes, index: int, blocks: int) -> bytes:
    """The key stream of a chunk, all blocks side by side: keccak-f[1600] by NumPy, a lane an array."""
    state: list[_Lanes] = [np.zeros(blocks, np.uint64) for _ in range(25)]
    head = np.frombuffer(key + index.to_bytes(4) + bytes(4), "<u8")
    for lane in range(5):
        state[lane][:] = head[lane]
    offsets = np.arange(0, 32 * blocks, 32, dtype=np.uint32).byteswap().astype(np.uint64)
    state[4] |= offsets << np.uint64(32)
    state[5][:] = 1
    state[16][:] = np.uint64(1 << 63)
    _permute(state)
    return np.stack(state[:4], axis=1).astype("<u8").tobytes()


def _permute(a: list[_Lanes]) -> None:
    size = a[0].size
    t, u = np.empty(size, np.uint64), np.empty(size, np.uint64)
    b: list[_Lanes] = [np.empty(size, np.uint64) for _ in range(25)]
    c: list[_Lanes] = [np.empty(size, np.uint64) for _ in range(5)]
    for constant in _ROUNDS:
        for x in range(5):
            np.bitwise_xor(a[x], a[x + 5], out=c[x])
            for y in (10, 15, 20):
                np.bitwise_xor(c[x], a[x + y], out=c[x])
        for x in range(5):
            _turn(c[(x + 1) % 5], 1, t, u)
            np.bitwise_xor(t, c[(x + 4) % 5], out=t)
            for y in range(5):
                np.bitwise_xor(a[x + 5 * y], t, out=a[x + 5 * y])
        for x in range(5):
            for y in range(5):
                _turn(a[x + 5 * y], _TURNS[x][y], b[y + 5 * ((2 * x + 3 * y) % 5)], u)
        for y in range(0, 25, 5):
            for x in range(5):
                np.bitwise_not(b[(x + 1) % 5 + y], out=t)
                np.bitwise_and(t, b[(x + 2) % 5 + y], out=t)
                np.bitwise_xor(t, b[x + y], out=a[x + y])
        np.bitwise_xor(a[0], np.uint64(constant), out=a[0])


def _turn(lane: _Lanes, by: int, into: _Lanes, spare: _Lanes) -> None:
    if not by:
        into[:] = lane
        return
    np.left_shift(lane, np.uint64(by), out=into)
    np.right_shift(lane, np.uint64(64 - by), out=spare)
    np.bitwise_or(into, spare, out=into)


def per_block() -> dict[str, float]:
    """Microseconds for a block of the key stream, by each way."""
    key, size = os.urandom(32), _CHUNK
    blocks = size // 32
    chunks = _BLOCKS // blocks
    offsets = [offset.to_bytes(4) for offset in range(0, size, 32)]
    assert numpy_stream(key, 7, blocks) == cipher.apply(key, 7, bytes(size))

    def ours() -> None:
        for index in range(chunks):
            cipher.apply(key, index, bytes(size))

    def one_by_one() -> None:
        for index in range(chunks):
            head = key + index.to_bytes(4)
            b"".join([keccak_256(head + offset).digest() for offset in offsets])

    def side_by_side() -> None:
        numpy_stream(key, 0, chunks * blocks)

    def slowly() -> None:
        for index in range(chunks // 10):
            head = key + index.to_bytes(4)
            b"".join([pycryptodome.new(data=head + o, digest_bits=256).digest() for o in offsets])

    ways: dict[str, tuple[Callable[[], None], int]] = {
        "sha3, a copied state (with the XOR)": (ours, chunks),
        "sha3, a new state each": (one_by_one, chunks),
        "NumPy, all side by side": (side_by_side, chunks),
        "pycryptodome": (slowly, chunks // 10),
    }
    return {name: timed(act) / count / blocks * 1e6 for name, (act, count) in ways.items()}


def main() -> int:
    """Measure and print. Returns 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, default=FILE_BYTES, help="size of the file")
    chosen = parser.parse_args()
    rows = [{f"column {at}": f"value {row * at}" for at in range(_COLUMNS)} for row in range(_ROWS)]
    table = Content.of_rows(rows)
    cells = lay_out(table, bytes(32)).layout
    kept = True
    for name, content, size in (
        ("file", Content.of_file(os.urandom(chosen.bytes)), chosen.bytes),
        ("table", table, cells.count * cells.chunk_size),
    ):
        for step, seconds in measure(content).items():
            speed = size / 1e6 / seconds
            kept &= speed >= MEGABYTES_A_SECOND
            mark = "kept  " if speed >= MEGABYTES_A_SECOND else "MISSED"
            _console.print(f"{mark} {name:5} {step:5} {speed:6.1f} MB/s of at least {MEGABYTES_A_SECOND:.0f}")
    for name, micros in per_block().items():
        _console.print(f"{micros:6.2f} µs a block  {name}")
    _console.print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
