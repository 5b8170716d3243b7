from __future__ import annotations

from pathlib import Path

from tools import slow
from tools.slow import by_file, lines


def test_sums_the_phases_of_all_tests_of_a_file_slowest_first() -> None:
    times = [("tests/a.py::x", 1.0), ("tests/b.py::x", 2.5), ("tests/a.py::y[::]", 2.0)]

    assert by_file(times) == [("tests/a.py", 3.0), ("tests/b.py", 2.5)]


def test_warns_of_a_unit_file_over_ten_seconds_and_of_no_other() -> None:
    times = [("tests/unit/a.py::x", 10.1), ("tests/unit/b.py::x", 10.0), ("tests/house/c.py::x", 9.0)]

    assert lines(times[1:]) == []
    assert lines([times[0]]) == [
        "warning: tests/unit/a.py took 10.1 s, a unit file has 10 s: deploy once a module"
    ]


def test_shows_the_ten_slowest_files_of_a_long_run() -> None:
    told = lines((f"tests/house/{n}.py::x", float(n)) for n in range(12))

    assert [line.split()[-1] for line in told] == [f"tests/house/{n}.py" for n in range(11, 1, -1)]


def test_slow_files_run_first() -> None:
    names = ["tests/unit/test_a.py", "tests/stateful/test_b.py", "tests/client/till/test_cut_off.py"]
    assert sorted(names, key=slow.longest_first) == names[::-1]


def test_every_file_that_runs_first_is_there() -> None:
    root = Path(slow.__file__).resolve().parent.parent
    assert [name for name in slow.FIRST if not (root / name).exists()] == []
