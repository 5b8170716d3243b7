"""The grocer's files for trying out a move (docs/moving.md)."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import pytest

from troc import words
from troc.accounts import address_of
from troc.cli import main
from troc.data.attesting import Opened, missing_rows
from troc.data.chunks import Content, lay_out
from troc.data.consent import Terms
from troc.demo.files import HOUSEHOLD, expiry_days, write_files, write_household
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


def test_a_household_gets_its_own_rows_and_the_grocer_has_them_too(tmp_path: Path) -> None:
    address = address_of("dev:1")
    written = write_household(tmp_path / "mine", address)
    own = json.loads((tmp_path / "mine" / "dairy.json").read_text())
    assert (written.household, written.rows) == (HOUSEHOLD, len(own)) == (1060, 24)
    with (tmp_path / "mine" / "grocer.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == written.grocers_rows > 10_000
    opened = Opened.of(lay_out(Content.of_rows(own), bytes(32)), address, "dairy")
    assert missing_rows(opened, rows, "address") == []
    assert len(missing_rows(opened, [row for row in rows if row["card"] != "1060"], "address")) == 24
    terms = Terms.from_yaml(tmp_path / "mine" / "terms.yaml", 1, address_of("dev:5"), NOW)
    assert terms.buyer_name == "DairyLab"
    with pytest.raises(InputError, match="is not empty: name a new folder"):
        write_household(tmp_path / "mine", address)
