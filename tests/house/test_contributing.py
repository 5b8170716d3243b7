"""CONTRIBUTING.md's example works as it is printed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.house.conftest import ROOT, Shell

# A file named in backticks, and the next block of code.
EXAMPLE = re.compile(
    r"`((?:interfaces|contracts|tests)/[\w./]+\.\w+)`[^`]*(?:`[^`\n]+`[^`]*)*?\n```\w+\n(.*?)```", re.DOTALL
)


@pytest.fixture
def example(copy: Path) -> list[str]:
    """The files of the example, written into a copy of the project; their names."""
    shutil.rmtree(copy / "tests" / "fuzz", ignore_errors=True)
    text = (ROOT / "CONTRIBUTING.md").read_text().partition("## Add a contract in seven steps")[2]
    names = []
    for name, code in EXAMPLE.findall(text):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(code)
        names.append(name)
    return names


def test_the_places_that_it_names_exist() -> None:
    steps = (ROOT / "CONTRIBUTING.md").read_text().partition("## Add a contract in seven steps")[2]
    places = re.findall(r"`(\w+)` in `([\w/]+\.py)`", steps)
    assert {name for name, _ in places} == {"SUITE", "CONTRACTS", "_arguments", "WORDS"}
    for name, file in places:
        assert re.search(rf"^(def )?{name}\b", (ROOT / file).read_text(), re.MULTILINE), (name, file)


def test_the_example_passes(example: list[str], copy: Path, shell: Shell) -> None:
    assert example == [
        "interfaces/IGuestBook.sol",
        "contracts/loyalty/GuestBook.sol",
        "tests/unit/GuestBook/test_leave.py",
        "tests/fuzz/GuestBook.t.sol",
    ]
    for line, expected in (
        ("brownie test tests/unit/GuestBook", " 2 passed"),
        ("forge fmt --check " + " ".join(name for name in example if name.endswith(".sol")), ""),
        ("ruff check tests/unit/GuestBook && ruff format --check tests/unit/GuestBook", ""),
    ):
        result = shell(line)
        assert result.returncode == 0, result.stdout
        assert expected in result.stdout
    findings = shell("python tools/tree.py").stdout
    assert [name for name in example if name in findings] == []
    # forge would compile all the others, too.
    for file in (*(copy / "contracts").rglob("*.sol"), *(copy / "interfaces").rglob("*.sol")):
        if str(file.relative_to(copy)) not in example:
            file.unlink()
    result = shell("forge test --match-path tests/fuzz/GuestBook.t.sol")
    assert result.returncode == 0, result.stdout
    assert "2 tests passed" in result.stdout
