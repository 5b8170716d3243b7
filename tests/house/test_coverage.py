"""tools/coverage.py misses nothing that forge reports as missed."""

from __future__ import annotations

import pytest

from tools import coverage

REPORT = """TN:
SF:contracts/libraries/Lots.sol
DA:10,3
DA:11,0
BRDA:12,0,0,4
BRDA:12,0,1,-
BRDA:13,1,0,0
end_of_record
TN:
SF:contracts/exchange/OrderBook.sol
DA:7,1
BRDA:8,0,0,1
end_of_record
"""


def test_lists_what_is_missed(capsys: pytest.CaptureFixture[str]) -> None:
    assert not coverage.report(coverage.read_lcov(REPORT.splitlines()))
    assert [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()] == [
        "contracts/exchange/OrderBook.sol lines 1/1 (100 %) branches 1/1 (100 %)",
        "contracts/libraries/Lots.sol lines 1/2 (50 %) branches 1/3 (33 %)",
        "missed: line 11",
        "missed: a branch of line 12",
        "missed: a branch of line 13",
    ]


def test_is_whole_when_nothing_is_missed() -> None:
    assert coverage.report(coverage.read_lcov(REPORT.split("TN:")[2].splitlines()))


def test_does_not_round_up() -> None:
    assert coverage.share(999, 1000) == "999/1000 (99 %)"
