"""Fixtures of earning and importing: a chain with brands, from the tests of trading."""

from tests.client.trade.conftest import deployed, home, world

__all__ = ["deployed", "home", "world"]
