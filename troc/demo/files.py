"""Files of the grocer's to try things out with.

`write_files`: as an old programme would hand them over, to try out moving it (docs/importing.md). Members,
receipts and products are the data's own. Their points come from the first quarter's receipts. The data is of
2017, so the dates until which points are good are those of a brand that is launched today.

`write_household`: what a household would get of its own data, to try out selling it (docs/data.md).
"""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from troc import words
from troc.demo.receipts import (
    CENTS_OF_A_STEP,
    CLOSINGS,
    DAIRY_COLUMNS,
    FIRST_DAY,
    RULES,
    closing,
    data_folder,
    read_dairy,
    read_lines,
    transactions,
)
from troc.errors import InputError

MEMBERS = "members.csv"
_FIRST, _END = "2017-04-01", "2017-05-01"

HOUSEHOLD = 1060
"""The household that `write_household` is about: what it bought fits a page."""

TERMS = Path(__file__).with_name("terms.yaml")
"""What a dairy would like to have such data for."""


@dataclass(frozen=True)
class Written:
    """What the files hold. `points` is the sum of members.csv."""

    members: int
    rows: int
    points: int
    receipts: int
    lines: int


def write_files(folder: Path, now: int) -> Written:
    """Write members.csv (card, points, expires, status), receipts.parquet (those of April 2017),
    products.parquet and rules.yaml into a new folder. `now`: Unix seconds, from which dates are counted.
    """
    from pyarrow import parquet

    _make_new(folder)
    lines = read_lines(closing(CLOSINGS[-1]))
    total = rows = 0
    with (folder / MEMBERS).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("card", "points", "expires", "status"))
        start = 0
        for day, expires in zip(CLOSINGS, expiry_days(now), strict=True):
            month = lines[(lines["time"] >= start) & (lines["time"] < closing(day))]
            start = closing(day)
            sums = month.groupby("household")["cents"].sum() // CENTS_OF_A_STEP
            for household, points in sums[sums > 0].items():
                writer.writerow((household, points, expires, "active"))
                total += int(points)
                rows += 1
    receipts = transactions(words.parse_day(_END), words.parse_day(_FIRST))
    parquet.write_table(receipts, folder / "receipts.parquet")
    shutil.copyfile(data_folder() / "products.parquet", folder / "products.parquet")
    shutil.copyfile(RULES, folder / "rules.yaml")
    return Written(
        members=int(lines["household"].nunique()),
        rows=rows,
        points=total,
        receipts=len(set(receipts.column("basket_id").to_pylist())),
        lines=receipts.num_rows,
    )


@dataclass(frozen=True)
class OwnRows:
    """What the files of a household hold: its own rows, and all that the grocer has of the kind."""

    household: int
    rows: int
    grocers_rows: int


def write_household(folder: Path, address: str) -> OwnRows:
    """Write into a new folder what household `HOUSEHOLD` bought of milk in the first quarter (dairy.json);
    what the grocer has of all households, with the address of whom it knows (grocer.csv); and a dairy's
    terms (terms.yaml). `address`: the household's account.
    """
    _make_new(folder)
    found = read_dairy(words.parse_day(FIRST_DAY), closing(CLOSINGS[-1]))
    own = list(found[HOUSEHOLD])
    (folder / "dairy.json").write_text(json.dumps(own, indent=1) + "\n", encoding="utf-8")
    total = 0
    with (folder / "grocer.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ("card", "address", *DAIRY_COLUMNS), lineterminator="\n")
        writer.writeheader()
        for household, rows in found.items():
            who = {"card": household, "address": address if household == HOUSEHOLD else ""}
            writer.writerows(who | dict(row) for row in rows)
            total += len(rows)
    shutil.copyfile(TERMS, folder / "terms.yaml")
    return OwnRows(HOUSEHOLD, len(own), total)


def _make_new(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty", "name a new folder")
    folder.mkdir(parents=True, exist_ok=True)


def expiry_days(now: int) -> list[str]:
    """The last day of each month's points ("2027-01-31"): the ends of the next three months."""
    day = datetime.fromtimestamp(now, UTC).replace(day=1)
    ends = []
    for _ in range(4):
        day = (day + timedelta(days=32)).replace(day=1)
        ends.append((day - timedelta(days=1)).date().isoformat())
    return ends[1:]
