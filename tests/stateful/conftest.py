"""Settings of the stateful tests. They need neither brownie nor a chain."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

_COMMON = {"deadline": None, "suppress_health_check": HealthCheck.all(), "print_blob": True}
# The same examples each time, within a minute; `deep` (`pytest --hypothesis-profile=deep`) ten times as many, others
# each time.
settings.register_profile(
    "quick", max_examples=200, stateful_step_count=60, derandomize=True, database=None, **_COMMON
)
settings.register_profile("deep", max_examples=2000, stateful_step_count=60, **_COMMON)


@pytest.fixture(autouse=True)
def isolation() -> None:
    """Nothing here touches the chain of the test run."""


@pytest.fixture
def profile(pytestconfig: pytest.Config) -> settings:
    """How long to try: explicit, since brownie loads a profile of its own."""
    deep = pytestconfig.getoption("--hypothesis-profile") == "deep"
    return settings.get_profile("deep" if deep else "quick")
