"""What is left out on a chain without Prague is known by name and number, so that nothing else slips away."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
# How many tests of a file need Prague.
PRAGUE = {
    "unit/DataMarket/test_delegated.py": 4,
    "unit/LoyaltyToken/test_delegated.py": 5,
    "unit/PointsExchange/test_wallets.py": 3,
}


@pytest.fixture(autouse=True)
def isolation() -> None:
    """Nothing here touches the chain."""


def is_marked(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(decorator) == "pytest.mark.prague" for decorator in node.decorator_list)


def count_marked(path: Path) -> int:
    """How many test functions carry the mark, by themselves or with their whole file."""
    body = ast.parse(path.read_text()).body
    whole = any(isinstance(node, ast.Assign) and "pytest.mark.prague" in ast.unparse(node) for node in body)
    tests = [node for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    return sum(whole or is_marked(node) for node in tests)


def test_tests_that_need_prague_are_these() -> None:
    marked = {path.relative_to(TESTS).as_posix(): count_marked(path) for path in TESTS.rglob("test_*.py")}
    assert {path: number for path, number in marked.items() if number} == PRAGUE
