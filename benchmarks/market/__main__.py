"""Command line of the simulated year: `python -m benchmarks.market --help`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks.market import plots, study
from benchmarks.market.parameters import QUICK, Parameters
from benchmarks.market.report import markdown
from benchmarks.records import BenchmarkError
from troc.errors import TrocError

FOLDER = Path(__file__).parent.parent
_console = Console(highlight=False, soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns the exit code: 0, or 1 where something is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.market",
        description="A year of trade among a real grocer's customers: writes benchmarks/market.md, "
        "market.json and pictures. Five to six minutes on one core.",
    )
    parser.add_argument("--quick", action="store_true", help="a few weeks of 100 households; no variants")
    parser.add_argument("--seed", type=int, help="other draws of everything private")
    parser.add_argument(
        "--to",
        type=Path,
        metavar="FOLDER",
        help="where to write; with --quick the report is printed unless this is given",
    )
    options = parser.parse_args(arguments)
    parameters = QUICK if options.quick else Parameters()
    if options.seed is not None:
        parameters = replace(parameters, seed=options.seed)
    started = time.process_time()
    try:
        made = study.make(
            parameters, not options.quick, lambda what: _console.print(f"{what} …", markup=False)
        )
        figures = study.figures(made)
    except (BenchmarkError, TrocError) as error:
        _console.print(f"market: {error}", markup=False)
        return 1
    if options.quick and options.to is None:
        _console.print(markdown(figures), markup=False)
    else:
        write(figures, options.to or FOLDER)
    _console.print(f"{time.process_time() - started:.0f} seconds of one core", markup=False)
    return 0


def write(figures: study.Figures, folder: Path) -> None:
    """Write market.md, market.json and market/*.png into a folder."""
    plots.draw(figures, folder / "market")
    (folder / "market.md").write_text(markdown(figures))
    (folder / "market.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
