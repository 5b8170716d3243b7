"""Fixtures of the market: the chain of trading."""

from __future__ import annotations

from tests.client.trade.conftest import deployed, home, world

__all__ = ["deployed", "home", "world"]
