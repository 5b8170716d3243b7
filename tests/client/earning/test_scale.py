"""How long earning takes and how much memory: the whole year of the grocer, and files larger than memory."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from tools.tree import ROOT
from troc.demo.receipts import data_folder

EXAMPLE = ROOT / "docs" / "examples" / "grocer.yaml"
SECONDS_MAX = 20
MEGABYTES_MAX = 2_000
_RUN = """
import json, resource, sys, time
from pathlib import Path
start = time.monotonic()
from troc.programme.earning import earn
from troc.programme.rules import read_rules
rules, path, options = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
tables = {name: Path(file) for name, file in options.pop("tables", {}).items()}
earned = earn(read_rules(rules), path, tables=tables, **options)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
seconds = time.monotonic() - start
print(json.dumps({"units": earned.units, "lines": earned.lines, "baskets": earned.baskets,
                  "excluded": sum(out.lines for out in earned.excluded),
                  "seconds": seconds, "megabytes": peak}))
"""


def start(rules: Path, path: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _RUN, str(rules), str(path), json.dumps(options)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def run(rules: Path, path: Path, **options: Any) -> dict[str, float]:
    """Earn in a process of its own: what came out, seconds with imports, and its peak of memory."""
    done = start(rules, path, **options)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def grocer(**options: Any) -> dict[str, float]:
    """The whole year of the grocer."""
    folder = data_folder()
    tables = {"products": "products.parquet", "households": "demographics.parquet"}
    files = {name: str(folder / file) for name, file in tables.items()}
    return run(EXAMPLE, folder / "transactions.parquet", tables=files, **options)


def test_the_whole_year_of_the_grocer() -> None:
    found = grocer()
    assert found["lines"] + found["excluded"] == 1_469_307
    assert found["units"] == 51_082_012
    assert found["seconds"] <= SECONDS_MAX
    assert found["megabytes"] <= MEGABYTES_MAX


def test_the_year_in_small_pieces_is_the_same() -> None:
    assert grocer(chunk_rows=50_000, held_rows=20_000)["units"] == 51_082_012


def pieces(count: int, rows: int) -> Any:
    """Pieces of receipts of two lines each, one in the first half of the file and one in the second."""
    for piece in range(count):
        basket = np.arange(piece * rows, (piece + 1) * rows) % (count * rows // 2)
        yield pa.table(
            {
                "card": basket % 1_000,
                "basket": basket,
                "amount": pa.array(["2.50"] * rows),
                "time": pa.array(["2027-02-19T10:00:00"] * rows),
                "note": pa.array(["nothing that is needed, but long enough to fill the file"] * rows),
            }
        )


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, kind: str) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("name: Test\ncurrency: EUR\nbase: 1 point per 1.00 EUR\ncaps: {member_day: 1000000}\n")
    peaks = []
    for count in (2, 16):
        path = tmp_path / f"receipts{count}.{kind}"
        first = next(pieces(1, 2))
        writer: Any = arrow_csv.CSVWriter if kind == "csv" else parquet.ParquetWriter
        with writer(path, first.schema) as file:
            for piece in pieces(count, 100_000):
                file.write_table(piece)
        found = run(rules, path, chunk_rows=50_000, held_rows=100_000)
        assert found["lines"] == count * 100_000
        assert found["units"] == count * 50_000 * 5
        peaks.append(found["megabytes"])
    # The larger file holds 1.4 million lines and, as CSV, 140 MB more than the smaller one.
    assert peaks[1] - peaks[0] < 60, peaks


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("name: Test\ncurrency: EUR\nbase: 1 point per 1.00 EUR\n")
    path = tmp_path / "receipts.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerow(["card", "basket", "amount", "time"])
        file.truncate(10 * 2**30)
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(rules), str(path), "{}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode != 0
    assert "cannot be read as CSV" in done.stderr
