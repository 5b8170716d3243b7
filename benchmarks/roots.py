"""How fast a root of a million sets is built, and its proofs are found: `python -m benchmarks.roots`.

A Parquet file of contacts, two an account, half of the accounts addresses in mixed case and half pseudonyms,
is read, united, built into a tree and written; then the file is opened, ten thousand proofs are taken from it
at random places, and all of it is checked. The bars: at most 60 seconds of this machine's time and 2 GB of
memory from the contacts to the root on disk; a tenth of a millisecond of CPU time is the aim for a proof.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from eth_utils.crypto import keccak
from rich.console import Console
from sha3 import keccak_256

from troc.attention.roots import RootFile, read_sets, write_root

ACCOUNTS = 1_000_000
MOST_SECONDS = 60.0
MOST_BYTES = 2_000_000_000
_CONTACTS = 2
_PROOFS = 10_000
_CAMPAIGN = keccak(text="a benchmark")
_BLOCK = 100_000
_T = TypeVar("_T")
_console = Console(highlight=False, soft_wrap=True)


def checksummed(digits: str) -> str:
    """An address in mixed case (ERC-55)."""
    marks = keccak_256(digits.encode()).hexdigest()
    return "0x" + "".join(c.upper() if mark >= "8" else c for c, mark in zip(digits, marks, strict=False))


def account(at: int) -> str:
    """An address for each even number, a pseudonym for each odd one."""
    word = keccak_256(at.to_bytes(8)).hexdigest()
    return "0x" + word if at % 2 else checksummed(word[24:])


def write_contacts(path: Path, accounts: int) -> None:
    """Contacts of page 0, in no order of the accounts. In blocks, so that it takes no memory to speak of."""
    schema = pa.schema([("account", pa.string()), ("contact", pa.int64())])
    dice = np.random.default_rng(1)
    with parquet.ParquetWriter(path, schema) as writer:
        for _ in range(_CONTACTS):
            for start in range(0, accounts, _BLOCK):
                names = [account(at) for at in range(start, min(start + _BLOCK, accounts))]
                numbers = dice.integers(0, 255, len(names))
                writer.write_table(pa.table([pa.array(names), pa.array(numbers)], schema=schema))


def timed(name: str, act: Callable[[], _T]) -> tuple[float, _T]:
    """Do it and print how long it took; gives the seconds, and what came out."""
    begun = time.perf_counter()
    found = act()
    seconds = time.perf_counter() - begun
    _console.print(f"{seconds:7.2f} s  {name}")
    return seconds, found


def peak() -> int:
    """The most memory that this process has had, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def proofs(file: RootFile, wanted: list[str]) -> float:
    """Microseconds of CPU time for a proof, checked."""
    begun = time.process_time()
    for name in wanted:
        file.proof_of(name, 0)
    return (time.process_time() - begun) / len(wanted) * 1e6


def main() -> int:
    """Measure and print. Returns 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS, help="with a set of contacts each")
    accounts = parser.parse_args().accounts
    with tempfile.TemporaryDirectory() as folder:
        contacts, path = Path(folder) / "contacts.parquet", Path(folder) / "campaign.root"
        write_contacts(contacts, accounts)
        before = peak()
        reading, sets = timed("read and unite the contacts", lambda: read_sets(contacts))
        writing, _ = timed("hash, sort, build and write the tree", lambda: write_root(path, _CAMPAIGN, sets))
        memory, seconds = peak(), reading + writing
        assert len(sets) == accounts
        _, file = timed("open the file", lambda: RootFile(path))
        with file:
            places = np.random.default_rng(2).integers(0, accounts, _PROOFS)
            wanted = [account(int(at)) for at in places]
            micros = proofs(file, wanted)
            timed("check all of it", file.check)
        size = path.stat().st_size
    kept = seconds <= MOST_SECONDS and memory <= MOST_BYTES
    _console.print(
        f"{'kept  ' if seconds <= MOST_SECONDS else 'MISSED'} {seconds:.1f} s of {MOST_SECONDS:.0f}"
    )
    _console.print(
        f"{'kept  ' if memory <= MOST_BYTES else 'MISSED'} {memory / 1e6:,.0f} MB of {MOST_BYTES / 1e6:,.0f}"
        f" ({before / 1e6:,.0f} before it began)"
    )
    _console.print(f"{micros:.0f} µs a proof, {size / 1e6:,.0f} MB on disk, {accounts:,} sets")
    _console.print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
