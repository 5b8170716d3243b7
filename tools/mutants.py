"""Take each defence out of the contracts, one at a time, and see that its tests fail: `make mutants`.

    python tools/mutants.py                  every mutant of tests/mutants/*.toml
    python tools/mutants.py loyalty          the mutants of tests/mutants/loyalty.toml
    python tools/mutants.py loyalty:flag     those of them whose name contains "flag"

A mutant is one entry of a table:

    [[mutant]]
    name = "what is taken out"
    file = "contracts/loyalty/LoyaltyToken.sol"
    old = "text that stands there exactly once"
    new = "text instead"
    tests = ["tests/fuzz/LoyaltyToken/Grants.t.sol:test_name", "tests/unit/Brands/test_launch.py:test_name"]

Each test is first run on the contracts as they are, where it must pass, and then on the mutant, where it must
fail (a mutant that does not compile proves nothing and counts as a fault). forge's tests run in a copy that
holds only what they import, without the optimizer, so that a mutant takes seconds; pytest's run in a copy of
the whole.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "tests" / "mutants"
IMPORT = re.compile(r"""^import\b[^;]*?["']([^"']+)["'];""", re.MULTILINE)
FORGE = {"FOUNDRY_OPTIMIZER": "false", "FOUNDRY_FUZZ_RUNS": "200"}
SECONDS = 600


@dataclass(frozen=True)
class Mutant:
    """One change of one file; `tests` are `path:name` and must all fail under it."""

    table: str
    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.table}: {self.name}"

    def by_file(self) -> dict[str, set[str]]:
        """The names of its tests by their file."""
        files: dict[str, set[str]] = {}
        for test in self.tests:
            path, _, name = test.rpartition(":")
            files.setdefault(path, set()).add(name)
        return files

    def apply(self, text: str) -> str:
        """The text of `file` with the defence taken out."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} holds the old text {text.count(self.old)} times, not once")
        return text.replace(self.old, self.new)


def read_tables(folder: Path = TABLES) -> list[Mutant]:
    """Every mutant of every table."""
    mutants = []
    for path in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(path.read_text())["mutant"]:
            tests = tuple(entry.pop("tests"))
            mutants.append(Mutant(table=path.stem, tests=tests, **entry))
    return mutants


def select(mutants: Iterable[Mutant], *wanted: str) -> list[Mutant]:
    """Those of a table, or of a table and with a word in their name, each once; all for an empty string."""
    parts = [one.partition(":") for one in wanted]
    return [
        one
        for one in mutants
        if any(table in ("", one.table) and word in one.name for table, _, word in parts)
    ]


def reach(source: Path, root: Path | None = None) -> set[Path]:
    """A Solidity file and all that it imports of this project, relative to `root` (none: the project)."""
    root = root or ROOT
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for name in IMPORT.findall((root / path).read_text()):
            if name.startswith("."):
                waiting.append(Path(os.path.normpath(path.parent / name)))
    return found


def link(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).symlink_to((ROOT / name).resolve())


def copy_for_forge(folder: Path, sources: Iterable[Path]) -> None:
    """What forge needs to build these files, and no more."""
    for source in sources:
        (folder / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / source, folder / source)
    shutil.copy(ROOT / "foundry.toml", folder)
    link(folder, "node_modules", ".venv")


def copy_for_pytest(folder: Path) -> None:
    """The project as git would take it, and what brownie has built of it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    shutil.copy(ROOT / ".env.example", folder / ".env")
    if (ROOT / "build").is_dir():
        shutil.copytree(ROOT / "build", folder / "build")
    link(folder, "node_modules", ".venv")


def run_forge(folder: Path, path: str, names: Iterable[str]) -> tuple[dict[str, bool], str]:
    """Tests of one file of forge's, in a copy: whether each that ran passed, and what forge printed."""
    wanted = "|".join(re.escape(name) for name in sorted(names))
    forge = str(ROOT / ".venv" / "bin" / "forge")
    command = [forge, "test", "--match-path", path, "--match-test", f"^({wanted})(\\(|$)"]
    output = run(command, folder, FORGE)
    found = re.findall(r"^\[(PASS|FAIL)[^\n]*?\] (\w+)\(", output, re.MULTILINE)
    return {name: verdict == "PASS" for verdict, name in found}, output


def run_pytest(folder: Path, path: str, names: Iterable[str]) -> tuple[dict[str, bool], str]:
    """The same for pytest; a test with parameters passes if it passes with all of them."""
    targets = [f"{path}::{name}" for name in sorted(names)]
    command = [sys.executable, "-m", "pytest", "--quiet", "-rA", "-p", "no:cacheprovider", *targets]
    output = run(command, folder, {})
    passed: dict[str, bool] = {}
    for verdict, name in re.findall(r"^(PASSED|FAILED|ERROR) \S+?::(\w+)", output, re.MULTILINE):
        passed[name] = passed.get(name, True) and verdict == "PASSED"
    return passed, output


def run(command: list[str], folder: Path, variables: dict[str, str]) -> str:
    """What a command prints, in words and in errors."""
    result = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    return result.stdout


class Bench:
    """Copies of the project, one for each test file of forge's, in which mutants are tried in turn."""

    def __init__(self, folder: Path, mutants: Iterable[Mutant]) -> None:
        self._folder = folder
        self._copies: dict[str, Path] = {}
        self._sound: dict[str, tuple[dict[str, bool], str]] = {}
        self._names: dict[str, set[str]] = {}
        for mutant in mutants:
            for path, names in mutant.by_file().items():
                self._names.setdefault(path, set()).update(names)

    def _copy(self, path: str) -> Path:
        key = path if path.endswith(".sol") else "pytest"
        if key not in self._copies:
            folder = self._folder / f"copy{len(self._copies)}"
            folder.mkdir()
            if path.endswith(".sol"):
                copy_for_forge(folder, reach(Path(path)))
            else:
                copy_for_pytest(folder)
            self._copies[key] = folder
        return self._copies[key]

    def _run(self, path: str, names: Iterable[str]) -> tuple[dict[str, bool], str]:
        runner = run_forge if path.endswith(".sol") else run_pytest
        return runner(self._copy(path), path, names)

    def _run_sound(self, path: str) -> tuple[dict[str, bool], str]:
        """Every test of a file that any mutant names, on the contracts as they are."""
        if path not in self._sound:
            self._sound[path] = self._run(path, self._names[path])
        return self._sound[path]

    def try_out(self, mutant: Mutant) -> Iterator[str]:
        """What is wrong with a mutant or its tests; nothing where each test fails as it must."""
        try:
            mutant.apply((ROOT / mutant.file).read_text())
        except (OSError, ValueError) as error:
            yield str(error)
            return
        for path, names in mutant.by_file().items():
            if not (ROOT / path).is_file():
                yield f"{path}: there is no such file"
                continue
            target = self._copy(path) / mutant.file
            if not target.is_file():
                yield f"{path}: does not reach {mutant.file}"
                continue
            sound, output = self._run_sound(path)
            for name in sorted(name for name in names if not sound.get(name, False)):
                yield f"{path}:{name}: does not pass on the contracts as they are\n{tail(output)}"
            # The copy's own: the project may have gone on since it was made.
            text = target.read_text()
            target.write_text(mutant.apply(text))
            passed, output = self._run(path, names)
            target.write_text(text)
            for name in sorted(names):
                if name not in passed:
                    yield f"{path}:{name}: could not be run on the mutant\n{tail(output)}"
                elif passed[name]:
                    yield f"{path}:{name}: passes although the defence is gone"


def tail(output: str) -> str:
    return "\n".join(f"    {line}" for line in output.splitlines()[-12:])


def main() -> int:
    parser = argparse.ArgumentParser(description="Take defences out and see tests fail.")
    parser.add_argument(
        "which", nargs="*", default=[""], help="a table, or table:word; everything if left out"
    )
    arguments = parser.parse_args()
    every = read_tables()
    mutants = select(every, *arguments.which)
    if not mutants:
        print("mutants: no such table or name in tests/mutants", file=sys.stderr)
        return 2
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="troc-mutants-") as folder:
        bench = Bench(Path(folder), mutants)
        for mutant in mutants:
            faults = list(bench.try_out(mutant))
            survivors += bool(faults)
            print(f"{'NOT CAUGHT' if faults else 'caught    '} {mutant}", flush=True)
            for fault in faults:
                print(f"  {fault}", flush=True)
    print(f"\n{len(mutants) - survivors} of {len(mutants)} mutants were caught", flush=True)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
