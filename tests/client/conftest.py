"""The client's tests have chains of their own, and need nothing of brownie's."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def speed() -> None:
    """In place of the one for brownie."""


@pytest.fixture(autouse=True)
def isolation() -> None:
    """In place of the one for brownie."""
