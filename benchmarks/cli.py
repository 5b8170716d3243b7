"""Measure, write, and compare: what `make bench` and `make snapshot` call."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rich.console import Console

from benchmarks import records as files
from benchmarks import snapshot
from benchmarks.bars import OURS, results
from benchmarks.compile import ROOT
from benchmarks.records import BenchmarkError, Record
from benchmarks.report import markdown
from benchmarks.run import measure_all, measured_ours

GAS_JSON = ROOT / "benchmarks" / "gas.json"
GAS_TABLE = ROOT / "benchmarks" / "gas.md"
SNAPSHOT = ROOT / "snapshots" / "gas.json"
_console = Console(highlight=False, soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 1 where something failed or grew."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Gas of this project's contracts and of the peers. Without options: measure all, "
        "write benchmarks/gas.json and benchmarks/gas.md.",
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--check", action="store_true", help="measure ours only; fail where one grew by more than 1 %%"
    )
    choice.add_argument(
        "--accept", action="store_true", help="measure ours only; make the figures the committed ones"
    )
    choice.add_argument(
        "--only", metavar="NAME", help="print what modules with NAME in their name measure; write nothing"
    )
    options = parser.parse_args(arguments)
    try:
        if options.check:
            return _check()
        if options.accept:
            return _accept()
        if options.only:
            return _print(options.only)
        return _measure()
    except BenchmarkError as error:
        _console.print(f"benchmarks: {error}", markup=False)
        return 1


def _measure() -> int:
    records = measure_all()
    kept = results([r for r in records if r.system == OURS], [r for r in records if r.system != OURS])
    files.write(GAS_JSON, records)
    GAS_TABLE.write_text(markdown(records, kept))
    for result in kept:
        mark = "kept  " if result.is_kept else "MISSED"
        _console.print(f"{mark} {result.bar.operation:22} {result.gas:>8,} of at most {result.limit:>8,}")
    shown = f"{GAS_JSON.relative_to(ROOT)} and {GAS_TABLE.relative_to(ROOT)}"
    _console.print(f"{len(records)} figures of {len({r.system for r in records})} systems in {shown}")
    return 0 if all(result.is_kept for result in kept) else 1


def _check() -> int:
    committed = snapshot.read(SNAPSHOT)
    measured = snapshot.figures(measured_ours())
    faults = list(snapshot.faults(committed, measured))
    for line in faults:
        _console.print(f"grew or changed: {line}", markup=False)
    for line in snapshot.gains(committed, measured):
        _console.print(f"cheaper: {line}; keep it with `{snapshot.ACCEPT}`", markup=False)
    if faults:
        _console.print(f"accept with `{snapshot.ACCEPT}`, and say why in the commit")
        return 1
    _console.print(f"gas: {len(measured)} figures hold within {snapshot.TOLERANCE_PERCENT} %")
    return 0


def _accept() -> int:
    measured = snapshot.figures(measured_ours())
    snapshot.write(SNAPSHOT, measured)
    _console.print(f"{len(measured)} figures in {SNAPSHOT.relative_to(ROOT)}")
    return 0


def _print(only: str) -> int:
    found: list[Record] = measure_all(only)
    if not found:
        raise BenchmarkError(f"no module of benchmarks/ours or benchmarks/peers has {only!r} in its name")
    for record in found:
        _console.print(
            f"{record.operation:26} {record.system:13} {record.gas:>10,} / {record.per:11} "
            f"{record.calldata_bytes:>6,} B  {record.state}",
            markup=False,
        )
    return 0
