"""Our committed figures, and how a fresh run differs from them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.records import BenchmarkError, Record

TOLERANCE_PERCENT = 1
ACCEPT = "python -m benchmarks --accept"


def figures(records: list[Record]) -> dict[str, int]:
    """Gas by operation."""
    return {record.operation: record.gas for record in records}


def read(path: Path) -> dict[str, int]:
    """The committed figures; raises BenchmarkError where there are none."""
    try:
        found: dict[str, int] = json.loads(path.read_text())
    except FileNotFoundError:
        raise BenchmarkError(f"{path.name} is missing: write it with `{ACCEPT}`") from None
    except ValueError as error:
        raise BenchmarkError(f"{path.name} is not JSON ({error}): write it anew with `{ACCEPT}`") from None
    return found


def write(path: Path, measured: Mapping[str, int]) -> None:
    """Commit figures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(sorted(measured.items())), indent=1) + "\n")


def faults(committed: Mapping[str, int], measured: Mapping[str, int]) -> Iterator[str]:
    """What must be mended or accepted: figures that grew beyond the tolerance, appeared, or are gone."""
    for operation in sorted({*committed, *measured}):
        before, now = committed.get(operation), measured.get(operation)
        if before is None:
            yield f"{operation}: {now:,} is new"
        elif now is None:
            yield f"{operation}: was {before:,}, is no longer measured"
        elif 100 * now > (100 + TOLERANCE_PERCENT) * before:
            yield f"{operation}: {before:,} -> {now:,}, {_change(before, now)}"


def gains(committed: Mapping[str, int], measured: Mapping[str, int]) -> Iterator[str]:
    """What became cheaper by more than the tolerance, and should be committed so that it stays."""
    for operation, before in sorted(committed.items()):
        now = measured.get(operation)
        if now is not None and 100 * now < (100 - TOLERANCE_PERCENT) * before:
            yield f"{operation}: {before:,} -> {now:,}, {_change(before, now)}"


def _change(before: int, now: int) -> str:
    return f"{100 * (now - before) / before:+.1f} %" if before else f"+{now:,}"
