"""Several parts together, on a chain of their own: as for the client's tests, nothing of brownie's."""

from __future__ import annotations

from tests.client.conftest import isolation, speed
from tests.client.trade.conftest import deployed, home, world

__all__ = ["deployed", "home", "isolation", "speed", "world"]
