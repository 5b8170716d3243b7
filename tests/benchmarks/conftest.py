"""A fresh measurement of ours, made once, and what is committed."""

from __future__ import annotations

import pytest

from benchmarks import records
from benchmarks.cli import GAS_JSON
from benchmarks.records import Record
from benchmarks.run import measured_ours


@pytest.fixture(autouse=True)
def isolation() -> None:
    """Nothing here touches the chain of the test run: the measurements have their own."""


@pytest.fixture(scope="session")
def measured() -> list[Record]:
    return measured_ours()


@pytest.fixture(scope="session")
def committed() -> list[Record]:
    return records.read(GAS_JSON)
