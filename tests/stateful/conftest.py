"""Settings of the stateful tests. They need neither brownie nor a chain."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# The same examples each time, within a minute; `pytest --hypothesis-profile=deep` tries ten times as many,
# and others each time.
_COMMON = settings(
    deadline=None, stateful_step_count=60, suppress_health_check=HealthCheck.all(), print_blob=True
)
settings.register_profile("quick", _COMMON, max_examples=100, derandomize=True, database=None)
settings.register_profile("deep", _COMMON, max_examples=1000)


@pytest.fixture(autouse=True)
def isolation() -> None:
    """Nothing here touches the chain of the test run."""


@pytest.fixture
def profile(pytestconfig: pytest.Config) -> settings:
    """How long to try: explicit, since brownie loads a profile of its own."""
    deep = pytestconfig.getoption("--hypothesis-profile") == "deep"
    return settings.get_profile("deep" if deep else "quick")
