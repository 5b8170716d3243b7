"""Run the tests of forge and make sure that its invariants were tried by as many random calls as promised.

    python tools/fuzz.py --calls 320000

The exit code is forge's own (its native binary: the npm wrapper ends with 0 whatever happened), or 1 where
the calls fall short. With a fixed seed all invariants of one contract see the same calls: they count once.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUITE = re.compile(r"Ran \d+ tests? for (\S+)")
INVARIANT = re.compile(r"\[PASS\] \S+ \(runs: \d+, calls: (\d+), reverts: \d+\)")


def count_calls(lines: Iterable[str]) -> dict[str, int]:
    """The calls that each contract's invariants were tried with, from what forge prints."""
    calls: dict[str, int] = {}
    suite = ""
    for line in lines:
        if match := SUITE.search(line):
            suite = match.group(1)
        elif match := INVARIANT.search(line):
            calls[suite] = max(calls.get(suite, 0), int(match.group(1)))
    return calls


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Run forge's tests and count the random calls of its invariants."
    )
    parser.add_argument(
        "--calls", type=int, required=True, help="how many calls there must be in all, at least"
    )
    arguments, more = parser.parse_known_args()
    lines = []
    with subprocess.Popen(["forge", "test", *more], cwd=ROOT, stdout=subprocess.PIPE, text=True) as forge:
        assert forge.stdout is not None
        for line in forge.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if forge.returncode != 0:
        return forge.returncode
    total = sum(count_calls(lines).values())
    print(f"\n{total:,} random calls against the invariants", flush=True)
    if total < arguments.calls:
        print(
            f"fuzz: promised were {arguments.calls:,}: raise runs or depth in foundry.toml", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
