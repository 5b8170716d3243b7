"""Records, their files and their table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import records, run
from benchmarks.bars import OURS, results
from benchmarks.chain import Cost
from benchmarks.cli import GAS_TABLE
from benchmarks.records import BenchmarkError, Record
from benchmarks.report import markdown

ONE = Record("take-order", "seaport", "1.6", "existing holders", 100, "order", 10, "fulfillOrder")


def test_reads_what_it_wrote_in_one_order(tmp_path: Path) -> None:
    path = tmp_path / "gas.json"
    other = replace(ONE, system="cow")
    records.write(path, [ONE, other])
    first = path.read_text()
    records.write(path, [other, ONE])
    assert path.read_text() == first
    assert records.read(path) == [other, ONE]


def test_refuses_two_figures_for_one_thing() -> None:
    with pytest.raises(BenchmarkError, match="take-order of seaport was measured twice"):
        records.checked([ONE, replace(ONE, gas=101)])


def test_says_how_to_write_a_missing_or_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "gas.json"
    with pytest.raises(BenchmarkError, match="is missing: run `make bench`"):
        records.read(path)
    path.write_text('[{"operation": "take-order"}]')
    with pytest.raises(BenchmarkError, match="is not a list of records"):
        records.read(path)


def test_rounds_shares_up() -> None:
    assert Cost(100, 10).share(3) == Cost(34, 4)
    assert Cost(99, 9).share(3) == Cost(33, 3)


def test_the_committed_table_shows_the_committed_figures(committed: list[Record]) -> None:
    ours = [record for record in committed if record.system == OURS]
    peers = [record for record in committed if record.system != OURS]
    assert GAS_TABLE.read_text() == markdown(committed, results(ours, peers))


def test_every_record_says_all(committed: list[Record]) -> None:
    for record in committed:
        assert all((record.operation, record.system, record.version, record.state, record.per, record.how))


def test_a_new_system_gets_a_table_of_its_own(committed: list[Record]) -> None:
    """Operations that no other system has are not mixed into the tables that there are."""
    added = [replace(ONE, operation="sell-bread", system=name) for name in ("someone new", OURS)]
    ours = [record for record in committed if record.system == OURS]
    peers = [record for record in committed if record.system != OURS]
    page = markdown([*committed, *added], results(ours, peers))
    assert f"### {OURS}, someone new\n\n| operation | {OURS} | someone new | per |" in page


def test_the_same_sources_are_measured_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runs: list[int] = []
    source = tmp_path / "contracts" / "Token.sol"
    source.parent.mkdir()
    source.write_text("one")

    def measure() -> list[Record]:
        runs.append(1)
        return [ONE]

    monkeypatch.setattr(run, "measure_ours", measure)
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "_SETTINGS", ())
    monkeypatch.setattr(run, "_KEPT", tmp_path / "kept")
    assert run.measured_ours() == run.measured_ours() == [ONE]
    assert len(runs) == 1
    source.write_text("two")
    run.measured_ours()
    assert len(runs) == 2
