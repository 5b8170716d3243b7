"""What the tests reach of the contracts: `make coverage`.

forge's tests must reach every line and every branch of contracts/ (mocks left out); what they miss is listed,
and makes this end with 1. Beside it stands what pytest reaches, as brownie counts statements and branches.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LCOV = ROOT / "reports" / "forge.lcov"
LEFT_OUT = "(tests|node_modules|contracts/mocks)/"
# Coverage is counted without the optimizer: what these tests measure is then not what is deployed.
MEASURING = "(fits_a_block|runs_out_of_gas_says_so|outgrows_the_limit)"


@dataclass
class Coverage:
    """What was reached of one file: executions by line, and by (line, block, branch)."""

    lines: dict[int, int] = field(default_factory=dict)
    branches: dict[tuple[int, str, str], int] = field(default_factory=dict)

    def missed(self) -> list[str]:
        lines = [f"line {line}" for line, count in sorted(self.lines.items()) if count == 0]
        branches = [
            f"a branch of line {key[0]}" for key, count in sorted(self.branches.items()) if count == 0
        ]
        return lines + branches


def read_lcov(text: Iterable[str]) -> dict[str, Coverage]:
    """Coverage by file, out of the lines of a report in the form of the Linux Test Project's lcov."""
    files: dict[str, Coverage] = {}
    current = Coverage()
    for line in text:
        kind, _, value = line.strip().partition(":")
        if kind == "SF":
            current = files.setdefault(value, Coverage())
        elif kind == "DA":
            number, count = value.split(",")[:2]
            current.lines[int(number)] = max(current.lines.get(int(number), 0), int(count))
        elif kind == "BRDA":
            number, block, branch, taken = value.split(",")
            current.branches[int(number), block, branch] = 0 if taken == "-" else int(taken)
    return files


def share(reached: int, total: int) -> str:
    return f"{reached}/{total} ({100 * reached // total if total else 100} %)"


def report(files: dict[str, Coverage]) -> bool:
    """Print a line for each file, and what it misses; returns whether nothing is missed."""
    whole = True
    for name, coverage in sorted(files.items()):
        lines = share(sum(count > 0 for count in coverage.lines.values()), len(coverage.lines))
        branches = share(sum(count > 0 for count in coverage.branches.values()), len(coverage.branches))
        print(f"{name:44} lines {lines:18} branches {branches}")
        for missed in coverage.missed():
            whole = False
            print(f"    missed: {missed}")
    return whole


def main() -> int:
    LCOV.parent.mkdir(exist_ok=True)
    command = ["forge", "coverage", "--report", "lcov", "--report-file", str(LCOV)]
    command += ["--no-match-coverage", LEFT_OUT, "--no-match-test", MEASURING]
    result = subprocess.run(command, cwd=ROOT)
    if result.returncode != 0:
        return result.returncode
    print("\nforge, over tests/fuzz:")
    whole = report(read_lcov(LCOV.read_text().splitlines()))
    print("\npytest, over tests/unit and tests/integration:", flush=True)
    suites = [str(path) for path in (Path("tests/unit"), Path("tests/integration")) if (ROOT / path).is_dir()]
    pytest = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", "--coverage", *suites],
        cwd=ROOT,
        env={**os.environ, "TROC_STEPS_TRACING": "true"},
    )
    if not whole:
        print("coverage: forge's tests miss what is listed above; reach it, or take it out", file=sys.stderr)
        return 1
    return pytest.returncode


if __name__ == "__main__":
    sys.exit(main())
