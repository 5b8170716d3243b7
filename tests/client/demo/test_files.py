"""The grocer's files for trying out a move (docs/moving.md)."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import pytest

from troc import words
from troc.cli import main
from troc.demo.files import expiry_days, write_files
from troc.demo.receipts import data_folder
from troc.errors import InputError
from troc.programme.earning import earn
from troc.programme.rules import read_rules

NOW = words.parse_day("2026-11-22")


def test_the_files_add_up_and_can_be_used(tmp_path: Path) -> None:
    written = write_files(tmp_path / "grocer", NOW)
    with (tmp_path / "grocer" / "members.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == written.rows > 5_000
    assert sum(int(row["points"]) for row in rows) == written.points
    assert len({row["card"] for row in rows}) <= written.members
    assert len({(row["card"], row["expires"]) for row in rows}) == len(rows)
    assert {row["expires"] for row in rows} == {"2026-12-31", "2027-01-31", "2027-02-28"}
    folder = tmp_path / "grocer"
    earned = earn(
        read_rules(folder / "rules.yaml"),
        folder / "receipts.parquet",
        tables={"products": folder / "products.parquet"},
    )
    assert earned.months.keys() == {"2017-04"}
    assert earned.lines + sum(out.lines for out in earned.excluded) == written.lines
    assert (folder / "products.parquet").read_bytes() == (data_folder() / "products.parquet").read_bytes()


@pytest.mark.parametrize("day", ["2026-01-31", "2026-10-31", "2026-12-31", "2028-02-29"])
def test_the_dates_are_ends_of_months_to_come(day: str) -> None:
    ends = [date.fromisoformat(end) for end in expiry_days(words.parse_day(day))]
    assert ends == sorted(set(ends))
    assert len(ends) == 3
    assert all(date.fromordinal(end.toordinal() + 1).day == 1 for end in ends)
    assert 27 < (ends[0] - date.fromisoformat(day)).days < 32


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").touch()
    with pytest.raises(InputError, match="is not empty: name a new folder"):
        write_files(tmp_path, NOW)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.csv"]


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["demo", "--files", str(tmp_path / "grocer"), "--json"])
    assert caught.value.code == 0
    assert json.loads(capsys.readouterr().out)["points"] == 11_005_121
