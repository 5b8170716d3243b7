"""Fixtures of the demo: its receipts, and a teller whose page can be read."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from troc.demo.cast import FEWEST
from troc.demo.receipts import Receipts, read_receipts
from troc.demo.telling import Teller


@pytest.fixture(scope="module")
def receipts() -> Receipts:
    """The first month alone."""
    found = read_receipts(FEWEST)
    return replace(found, months=found.months[:1])


@pytest.fixture
def page() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def teller(page: io.StringIO) -> Teller:
    return Teller(Console(file=page, highlight=False))
