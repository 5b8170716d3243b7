"""`brownie run demo`, `troc demo`, and the commands that they name, as a user runs them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.scripts.conftest import ROOT, Project
from troc.anvil import free_port, rpc_of
from troc.cli import main
from troc.demo.receipts import Receipts
from troc.demo.story import NEXT_COMMANDS
from troc.errors import ChecksFailedError

CHAPTERS = 15
# Fewer than `make demo` has, so that the test is quick.
HOUSEHOLDS = "15"


def test_tells_the_whole_story_and_every_check_holds(project: Project) -> None:
    done = project.brownie("run", "demo", "main", HOUSEHOLDS)
    shown = done.stdout
    assert done.returncode == 0, shown + done.stderr
    assert re.findall(r"^(\d+)\. ", shown, re.MULTILINE) == [str(number + 1) for number in range(CHAPTERS)]
    assert "FAILED" not in shown
    assert f"{HOUSEHOLDS} that buy from" in shown
    assert "all names of brands here are made up" in " ".join(shown.split())
    # L1 and L4 of six brands, X1 of the exchange, with figures.
    balances = r"^  ok      L1  \w+: the balances of \d\d holders add up to ([\d,]+), the supply is \1$"
    assert len(re.findall(balances, shown, re.MULTILINE)) == 6
    parts = r"([\d,]+) live \+ ([\d,]+) redeemed \+ ([\d,]+) expired"
    sums = re.findall(rf"^  ok      L4  \w+: ([\d,]+) earned = {parts}$", shown, re.MULTILINE)
    assert len(sums) == 6
    for line in sums:
        earned, *rest = (int(figure.replace(",", "")) for figure in line)
        assert earned == sum(rest)
    assert any(line[2] != "0" for line in sums)
    assert any(line[3] != "0" for line in sums)
    assert "  ok      X1  the exchange holds 0 points and 0 ether, and 0 moves" in shown
    for said in (
        "her ether before: 0, after: 0",
        "no two of the three orders fit together",
        "the three orders are filled, filled and filled",
        "take them out of her account: the brand may move 0 units",
        "sell all of them to itself for 1 ORCHARD, signed by the brand: the signature is not that of"
        " household",
        "an honest sale: paid",
        "a wrong key: returned: the key was wrong",
        "a forged record: returned: the content was wrong",
        "a key that never comes: returned",
        "a request with 5 answers: paid",
        "a withdrawal of consent: erased",
        "each code has paid who had it, once",
        "A1  24 contacts are paid of 24 that somebody can prove, none twice",
        "transactions in this time: 0; new blocks: 1",
    ):
        assert f"  ok      {said}" in shown
    # Words of people alone.
    assert not re.search(r"\b(epochs?|nonces?|lots?|wei)\b", shown, re.IGNORECASE)
    # Nothing is left of the chain, so that it can be run again.
    assert not (project.folder / "deployments").exists()


def test_troc_demo_does_the_same_and_a_check_that_fails_shows_in_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    real = Receipts.issued
    monkeypatch.setattr(Receipts, "issued", lambda self, symbol: real(self, symbol) + (symbol == "MEADOW"))
    with pytest.raises(SystemExit) as caught:
        main(["demo", "--households", "12"])
    assert caught.value.code == ChecksFailedError.exit_code
    shown = capsys.readouterr()
    assert shown.out.count("  ok      L4  ") == 5
    assert shown.out.count("  FAILED  L4  MEADOW") == 1
    assert shown.out.rstrip().endswith(NEXT_COMMANDS[-1][1])
    assert shown.err.startswith("troc: 2 of the demo's checks failed (MEADOW: ")


def test_brownie_hands_the_exit_code_on(project: Project) -> None:
    done = project.brownie("run", "demo", "main", "few")
    assert done.returncode == 1
    assert "demo: 'few' is no number of households: write digits, or nothing" in done.stderr + done.stdout


@contextmanager
def background(project: Project, *command: str | Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, cwd=project.folder, env=project.environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_the_three_commands_to_try_next_work(project: Project) -> None:
    commands = [shlex.split(command) for command, _ in NEXT_COMMANDS]
    assert [command[0] for command in commands] == [".venv/bin/troc"] * 3
    port = free_port()
    up, points, trade = (command[1:] for command in commands)
    # On a port of its own, and saying yes to what the command asks.
    with background(project, sys.executable, "-u", "-m", "troc", *up, "--port", str(port)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Ctrl-C ends it" in line:
                break
        for command, says in ((points, "ACME"), (trade, "Took the order")):
            done = project.run(sys.executable, "-m", "troc", *command, "--rpc", rpc_of(port), "--yes")
            assert done.returncode == 0, done.stdout + done.stderr
            assert says in done.stdout
