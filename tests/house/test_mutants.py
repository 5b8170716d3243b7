"""tools/mutants.py: the tables fit the contracts, and a test that cannot fail is found out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools import mutants
from tools.mutants import ROOT, Bench, Mutant

EVERY = mutants.read_tables()
LIBRARY = "contracts/libraries/Lots.sol"
TESTS = "tests/fuzz/Lots.t.sol"


def mutant(old: str, new: str, *tests: str) -> Mutant:
    return Mutant("table", "name", LIBRARY, old, new, tests)


@pytest.mark.parametrize("one", EVERY, ids=str)
def test_mutant_fits_the_contracts(one: Mutant) -> None:
    assert one.apply((ROOT / one.file).read_text()) != (ROOT / one.file).read_text()
    assert one.tests
    for path, names in one.by_file().items():
        text = (ROOT / path).read_text()
        assert [name for name in names if f" {name}(" not in text] == []
        if path.endswith(".sol"):
            assert Path(one.file) in mutants.reach(Path(path))


def test_names_are_unique() -> None:
    assert len({str(one) for one in EVERY}) == len(EVERY)


def test_selects_a_table_or_a_word_of_it() -> None:
    assert mutants.select(EVERY, "") == EVERY
    assert mutants.select(EVERY, "loyalty:promise")
    assert all(one.table == "loyalty" for one in mutants.select(EVERY, "loyalty"))
    assert all("promise" in one.name for one in mutants.select(EVERY, "loyalty:promise"))
    assert mutants.select(EVERY, "nothing") == []
    assert mutants.select(EVERY, "loyalty:promise", "loyalty") == mutants.select(EVERY, "loyalty")


@pytest.mark.parametrize("old", ["text that is not there", "return"])
def test_refuses_text_that_does_not_stand_there_once(old: str) -> None:
    with pytest.raises(ValueError, match=r"holds the old text \d+ times, not once"):
        mutant(old, "").apply((ROOT / LIBRARY).read_text())


def test_reaches_what_a_test_imports() -> None:
    assert mutants.reach(Path(TESTS)) == {Path(TESTS), Path(LIBRARY)}


COUNTER = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

library Counter {
    uint256 internal constant START = 4;

    function next(uint256 count) internal pure returns (uint256) {
        return count + 1;
    }
}
"""
# Without forge-std, which takes ten seconds to compile.
COUNTER_TEST = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Counter} from "../../contracts/Counter.sol";

contract CounterTest {
    function test_counts_up() external pure {
        require(Counter.next(1) > 1);
    }
}
"""


def test_tells_mutants_that_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caught, noticed by no test, not compiling, and without its test."""
    library, tests = "contracts/Counter.sol", "tests/fuzz/Counter.t.sol"
    root = tmp_path / "root"
    for name, text in ((library, COUNTER), (tests, COUNTER_TEST)):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(text)
    shutil.copy(ROOT / "foundry.toml", root)
    for name in ("node_modules", ".venv"):
        (root / name).symlink_to(ROOT / name)
    monkeypatch.setattr(mutants, "ROOT", root)
    few = [
        Mutant("table", name, library, old, new, (f"{tests}:{test}",))
        for name, old, new, test in (
            ("caught", "count + 1", "count", "test_counts_up"),
            ("lives", "START = 4", "START = 5", "test_counts_up"),
            ("does not compile", "START = 4", "START =", "test_counts_up"),
            ("no test", "START = 4", "START = 5", "test_none"),
        )
    ]
    bench = Bench(tmp_path, few)
    faults = [list(bench.try_out(one)) for one in few]
    assert faults[0] == []
    assert faults[1] == [f"{tests}:test_counts_up: passes although the defence is gone"]
    assert faults[2][0].startswith(f"{tests}:test_counts_up: could not be run on the mutant")
    assert faults[3][0].startswith(f"{tests}:test_none: does not pass on the contracts as they are")
