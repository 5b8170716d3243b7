"""The figures as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.bars import FLOOR, OURS, Result
from benchmarks.records import Record

_HEAD = """# Gas beside the peers

Whole transactions (`gasUsed`, 21,000 and calldata included) or a share of one, all measured in one run of
`make bench`. What is compared with what, and whom it flatters: [docs/benchmarks.md](../docs/benchmarks.md).
The state of the storage and the call behind each figure are in [gas.json](gas.json).
"""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of a Markdown table, the first column to the left and the others to the right."""
    yield "| " + " | ".join(header) + " |"
    yield "|" + "|".join("---" if index == 0 else "---:" for index in range(len(header))) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _bars(results: Iterable[Result], records: Sequence[Record]) -> Iterator[str]:
    def best(operation: str) -> str:
        others = (r for r in records if r.operation == operation and r.system not in (OURS, FLOOR))
        peers = ((r.gas, r.system) for r in others)
        gas, system = min(peers, default=(0, ""))
        return f"{gas:,} ({system})" if system else "none"

    yield "## What we promise"
    yield ""
    header = ("operation", "bar", "in gas, at most", OURS, "", "best peer")
    yield from table(
        header,
        (
            (
                f"`{result.bar.operation}`",
                result.bar.describe(),
                f"{result.limit:,}",
                f"{result.gas:,}",
                "kept" if result.is_kept else f"**missed by {result.gas - result.limit:,}**",
                best(result.bar.operation),
            )
            for result in results
        ),
    )


def _groups(records: Sequence[Record]) -> Iterator[tuple[list[str], list[str]]]:
    """Operations and systems that belong in one table, being connected by a common operation."""
    shared: list[tuple[set[str], set[str]]] = []
    for record in records:
        if record.system == OURS:
            continue
        operations, systems = {record.operation}, {record.system}
        for group in [g for g in shared if g[0] & operations or g[1] & systems]:
            shared.remove(group)
            operations |= group[0]
            systems |= group[1]
        shared.append((operations, systems))
    for operations, systems in sorted(shared, key=lambda group: -len(group[1])):
        yield sorted(operations), sorted(systems, key=lambda name: (name == FLOOR, name))
    alone = {record.operation for record in records} - {name for group in shared for name in group[0]}
    if alone:
        yield sorted(alone), []


def _comparison(records: Sequence[Record]) -> Iterator[str]:
    figures = {record.key: record for record in records}
    for operations, systems in _groups(records):
        ours = [OURS] if any((name, OURS) in figures for name in operations) else []
        columns = [*ours, *systems]
        yield ""
        yield f"### {', '.join(columns)}" if systems else f"### {OURS} alone"
        yield ""
        rows = []
        for operation in operations:
            found = [figures.get((operation, system)) for system in columns]
            per = next(record.per for record in found if record)
            cells = [f"{record.gas:,}" if record else "" for record in found]
            rows.append((f"`{operation}`", *cells, per))
        yield from table(("operation", *columns, "per"), rows)


def markdown(records: Sequence[Record], results: Iterable[Result]) -> str:
    """The page: our bars, then all operations by system."""
    lines = [_HEAD, *_bars(results, records), "", "## All figures", *_comparison(records)]
    return "\n".join(lines) + "\n"
