"""The line from a service to its chain."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass
class Line:
    """The line to the chain, as last seen. Deadlines are judged by the chain's clock, never by ours."""

    online: bool = False
    why: str = ""
    chain_time: int = 0
    seen: float = 0.0

    @property
    def now(self) -> int:
        """The chain's time: as last told, and what passed since by a clock that nobody sets."""
        return self.chain_time + int(time.monotonic() - self.seen)
