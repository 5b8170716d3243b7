"""Scripts run in processes of their own, as a user runs them."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def speed() -> None:
    """In place of the one for brownie."""


@pytest.fixture(autouse=True)
def isolation() -> None:
    """In place of the one for brownie."""
