"""For every run of pytest: slow files first, and the chain ends before the summary, which so comes last."""

from __future__ import annotations

from typing import Any

import brownie
import pytest
from brownie.test.managers import base

from tools import slow

# For its option `--update`, which nothing here uses, brownie reads each file of tests and what it imports.
base._get_ast_hash = lambda path: ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: slow.longest_first(item.nodeid))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    if brownie.network.is_connected():
        print()
        brownie.network.disconnect()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [report for found in terminalreporter.stats.values() for report in found]
    for line in slow.lines((r.nodeid, r.duration) for r in reports if hasattr(r, "duration")):
        terminalreporter.write_line(line)
