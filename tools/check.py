"""Run the unit tests of what was touched since the branch left main: the fast part of `make check`.

A touched contract or interface brings its unit tests and its forge tests, a touched test file itself, a
touched module of the client or of the tools the test file of the same name. Nothing touched: nothing runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def git(*words: str) -> list[str]:
    """The lines that git answers; none where it refuses."""
    result = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    return result.stdout.split("\n")[:-1] if result.returncode == 0 else []


def touched() -> set[Path]:
    """Files that differ from where this branch left main; on main itself from the commit before the last."""
    head = git("rev-parse", "HEAD")
    base = git("merge-base", "HEAD", "main") or git("merge-base", "HEAD", "origin/main")
    if base == head:
        base = git("rev-parse", "HEAD~1") or head
    names = git("diff", "--name-only", *base) + git("ls-files", "--others", "--exclude-standard")
    return {Path(name) for name in names if (ROOT / name).is_file()}


def is_test(path: Path) -> bool:
    return path.parts[0] == "tests" and path.name.startswith("test_") and path.suffix == ".py"


def select(paths: Iterable[Path], root: Path = ROOT) -> tuple[set[Path], set[str]]:
    """What to run for these files (relative to `root`): targets for pytest, names of contracts for forge."""
    targets: set[Path] = set()
    contracts: set[str] = set()
    for path in paths:
        top = path.parts[0]
        if is_test(path):
            targets.add(path)
        elif top == "tests" and path.name == "conftest.py" and "unit" in path.parts:
            targets.add(path.parent)
        elif top in ("contracts", "interfaces") and path.suffix == ".sol":
            name = path.stem.removeprefix("I") if top == "interfaces" else path.stem
            contracts.add(name)
            targets.add(Path("tests/unit") / name)
        elif path.name.endswith(".t.sol"):
            contracts.add(path.name.removesuffix(".t.sol"))
        elif top == "troc":
            targets.add(Path("tests/client") / f"test_{path.stem}.py")
        elif top == "tools":
            targets.add(Path("tests/house") / f"test_{path.stem}.py")
    return {target for target in targets if (root / target).exists()}, contracts


def main() -> int:
    targets, contracts = select(touched())
    code = 0
    if contracts and any((ROOT / "tests" / "fuzz").rglob("*.t.sol")):
        pattern = "(" + "|".join(sorted(contracts)) + ")"
        # A hundredth of the random calls: `make test` has them all.
        code |= subprocess.run(
            ["forge", "test", "--match-path", "tests/fuzz/**", "--match-contract", pattern],
            cwd=ROOT,
            env={**os.environ, "FOUNDRY_INVARIANT_RUNS": "5", "FOUNDRY_FUZZ_RUNS": "100"},
        ).returncode
    if targets:
        names = sorted(str(target) for target in targets)
        code |= subprocess.run([sys.executable, "-m", "pytest", "--quiet", *names], cwd=ROOT).returncode
    if not targets and not contracts:
        print("check: no test belongs to what was touched")
    return code


if __name__ == "__main__":
    sys.exit(main())
