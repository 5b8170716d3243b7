"""The committed figures: what grew is named, and nothing passes by silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import cli, snapshot
from benchmarks.records import BenchmarkError, Record

COMMITTED = {"take-order": 70_000, "expiry": 0}


@pytest.mark.parametrize(
    ("measured", "named"),
    [
        ({"take-order": 70_701, "expiry": 0}, "take-order: 70,000 -> 70,701, +1.0 %"),
        ({"take-order": 70_000, "expiry": 1}, "expiry: 0 -> 1, +1"),
        ({"take-order": 70_000}, "expiry: was 0, is no longer measured"),
        ({"take-order": 70_000, "expiry": 0, "swap": 9}, "swap: 9 is new"),
    ],
)
def test_names_what_grew_or_changed(measured: dict[str, int], named: str) -> None:
    assert list(snapshot.faults(COMMITTED, measured)) == [named]


@pytest.mark.parametrize("gas", [70_700, 70_000, 1])
def test_allows_one_percent_and_every_gain(gas: int) -> None:
    assert list(snapshot.faults(COMMITTED, {"take-order": gas, "expiry": 0})) == []


def test_names_what_became_cheaper() -> None:
    measured = {"take-order": 69_299, "expiry": 0}
    assert list(snapshot.gains(COMMITTED, measured)) == ["take-order: 70,000 -> 69,299, -1.0 %"]
    assert list(snapshot.gains(COMMITTED, {"take-order": 69_300, "expiry": 0})) == []


def test_reads_what_it_wrote(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "gas.json"
    snapshot.write(path, COMMITTED)
    assert snapshot.read(path) == COMMITTED
    assert path.read_text().index("expiry") < path.read_text().index("take-order")


def test_says_how_to_write_a_missing_or_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "gas.json"
    with pytest.raises(BenchmarkError, match=r"gas.json is missing: write it with `python -m benchmarks"):
        snapshot.read(path)
    path.write_text("{")
    with pytest.raises(BenchmarkError, match=r"gas.json is not JSON .*--accept"):
        snapshot.read(path)


@pytest.fixture
def other_snapshot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, measured: list[Record]) -> Path:
    """The command line with a snapshot file of its own, and a measurement that was made already."""
    monkeypatch.setattr(cli, "measured_ours", lambda: measured)
    monkeypatch.setattr(cli, "SNAPSHOT", tmp_path / "gas.json")
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    return tmp_path / "gas.json"


def test_check_passes_after_accept(other_snapshot: Path) -> None:
    assert cli.main(["--accept"]) == 0
    assert cli.main(["--check"]) == 0


def test_check_fails_when_a_figure_grew(other_snapshot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["--accept"])
    figures = snapshot.read(other_snapshot)
    figures["take-order"] = figures["take-order"] * 98 // 100
    snapshot.write(other_snapshot, figures)
    assert cli.main(["--check"]) == 1
    said = capsys.readouterr().out
    assert "take-order" in said
    assert snapshot.ACCEPT in said


def test_check_fails_without_committed_figures(
    other_snapshot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--check"]) == 1
    assert "missing" in capsys.readouterr().out


def test_the_committed_figures_hold(measured: list[Record]) -> None:
    assert list(snapshot.faults(snapshot.read(cli.SNAPSHOT), snapshot.figures(measured))) == []
