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


def forge_tests(name: str, root: Path) -> set[Path]:
    """The forge tests whose path names a contract; not those of invariants, which take minutes."""
    found = {path.relative_to(root) for path in (root / "tests" / "fuzz").rglob("*.t.sol")}
    return {path for path in found if name in "/".join(path.parts[2:]) and "invariants" not in path.parts}


def select(paths: Iterable[Path], root: Path = ROOT) -> tuple[set[Path], set[Path]]:
    """What to run for these files (relative to `root`): targets for pytest, and test files for forge."""
    targets: set[Path] = set()
    forge: set[Path] = set()
    for path in paths:
        top = path.parts[0]
        if is_test(path):
            targets.add(path)
        elif top == "tests" and path.name == "conftest.py" and "unit" in path.parts:
            targets.add(path.parent)
        elif top in ("contracts", "interfaces") and path.suffix == ".sol":
            name = path.stem.removeprefix("I") if top == "interfaces" else path.stem
            forge |= forge_tests(name, root)
            targets.add(Path("tests/unit") / name)
        elif path.name.endswith(".t.sol") and "invariants" not in path.parts:
            forge.add(path)
        elif top == "troc":
            client = (root / "tests" / "client").rglob(f"test_*{path.stem}.py")
            targets |= {found.relative_to(root) for found in client}
        elif top == "tools":
            targets.add(Path("tests/house") / f"test_{path.stem}.py")
    return {target for target in targets if (root / target).exists()}, forge


def main() -> int:
    targets, forge = select(touched())
    code = 0
    if forge:
        pattern = "{" + ",".join(sorted(str(path) for path in forge)) + "}"
        # Fewer random inputs: `make test` has them all.
        code |= subprocess.run(
            ["forge", "test", "--match-path", pattern],
            cwd=ROOT,
            env={**os.environ, "FOUNDRY_FUZZ_RUNS": "100"},
        ).returncode
    if targets:
        names = sorted(str(target) for target in targets)
        code |= subprocess.run([sys.executable, "-m", "pytest", "--quiet", *names], cwd=ROOT).returncode
    if not targets and not forge:
        print("check: no test belongs to what was touched")
    return code


if __name__ == "__main__":
    sys.exit(main())
