"""Where the time of a run of pytest went, by file, so that a slow file is seen on the day it becomes slow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

UNIT = "tests/unit/"
UNIT_SECONDS = 10.0
SHOWN = 10
# Below this a run is over before anyone wonders where its time went.
WORTH_TELLING = 30.0

FIRST = (
    "tests/scripts/test_demo.py",
    "tests/client/till/test_cut_off.py",
    "tests/scripts/test_deploy_script.py",
    "tests/house/test_ci.py",
    "tests/client/relay/test_cut_off.py",
    "tests/client/core/test_deploy_cut_off.py",
    "tests/client/index/test_market.py",
    "tests/stateful/",
    "tests/client/solving/",
    "tests/integration/",
    "tests/house/",
    "tests/scripts/",
    "tests/client/books/",
)
"""Files, or beginnings of their names, that take longest: they run first, so that the workers, each with a
file at a time, end at about the same time.
"""


def longest_first(name: str) -> int:
    """By which files are sorted before a run."""
    return next((place for place, start in enumerate(FIRST) if name.startswith(start)), len(FIRST))


def by_file(times: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Seconds of each file, the slowest first, from the name and seconds of each phase of a test."""
    total: dict[str, float] = defaultdict(float)
    for node, seconds in times:
        total[node.partition("::")[0]] += seconds
    return sorted(total.items(), key=lambda item: -item[1])


def lines(times: Iterable[tuple[str, float]]) -> list[str]:
    """The slowest files of a long run; in any run, each unit file that takes over 10 seconds."""
    files = by_file(times)
    told = []
    if sum(seconds for _, seconds in files) >= WORTH_TELLING:
        told += [f"{seconds:7.1f} s  {name}" for name, seconds in files[:SHOWN]]
    told += [
        f"warning: {name} took {seconds:.1f} s, a unit file has {UNIT_SECONDS:.0f} s: deploy once a module"
        for name, seconds in files
        if name.startswith(UNIT) and seconds > UNIT_SECONDS
    ]
    return told
