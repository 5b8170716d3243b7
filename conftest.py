"""For every run of pytest: the chain ends before the summary, which so comes last."""

from __future__ import annotations

import brownie
import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    if brownie.network.is_connected():
        print()
        brownie.network.disconnect()
