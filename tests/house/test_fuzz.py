"""tools/fuzz.py ends with forge's own exit code, and counts the random calls that there really were."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import fuzz

REPORT = """
Ran 2 tests for tests/fuzz/Token.t.sol:TokenInvariants
[PASS] invariant_L1() (runs: 500, calls: 50000, reverts: 0)
[PASS] invariant_L2() (runs: 500, calls: 50000, reverts: 0)
Suite result: ok. 2 passed; 0 failed; 0 skipped; finished in 4.00s (4.14s CPU time)

Ran 2 tests for tests/fuzz/Token.t.sol:TokenTest
[PASS] test_transfer() (gas: 221179)
[PASS] testFuzz_transfer(uint8) (runs: 1000, μ: 214155, ~: 221929)

Ran 1 test for tests/fuzz/Exchange.t.sol:ExchangeInvariants
[PASS] invariant_X1() (runs: 10, calls: 1000, reverts: 7)
"""


def test_counts_the_calls_of_a_contract_once() -> None:
    assert fuzz.count_calls(REPORT.splitlines()) == {
        "tests/fuzz/Token.t.sol:TokenInvariants": 50_000,
        "tests/fuzz/Exchange.t.sol:ExchangeInvariants": 1_000,
    }


def test_counts_no_failed_invariant() -> None:
    assert fuzz.count_calls(["[FAIL: broken] invariant_L1() (runs: 5, calls: 500, reverts: 0)"]) == {}


@pytest.mark.parametrize(
    ("promised", "code", "expected"),
    [(51_000, 0, 0), (51_001, 0, 1), (1, 1, 1), (1, 101, 101)],
    ids=["enough calls", "one call short", "a failing test", "a crash"],
)
def test_exit_code(
    promised: int, code: int, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge = tmp_path / "forge"
    forge.write_text(f"#!/bin/sh\ncat <<'END'\n{REPORT}\nEND\nexit {code}\n")
    forge.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(sys, "argv", ["fuzz.py", "--calls", str(promised)])
    assert fuzz.main() == expected
