"""How much a stranger may ask: buckets that fill steadily, and give as long as there is something in them."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from troc.serving.refusal import RefusalError

_REMEMBERED = 100_000


def who_asks(host: str) -> str:
    """Under what the requests of an address are counted: of IPv6 its /64, which one subscriber has all of."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))


@dataclass
class Rate:
    """`per_second` for each name, and `burst` at once; 0: no limit. The technique is a token bucket.

    Remembers those that came last; whoever it forgot has a full bucket.
    """

    per_second: float
    burst: float
    what: str
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, name: str, amount: float = 1.0, owing: bool = False) -> None:
        """Take from a bucket; refuse where there is not enough, unless it may go below empty (`owing`)."""
        if not self.per_second:
            return
        now = time.monotonic()
        level, seen = self._buckets.pop(name, (self.burst, now))
        level = min(self.burst, level + (now - seen) * self.per_second)
        enough = level >= amount
        if enough or owing:
            level = max(level - amount, -self.burst)
        self._buckets[name] = level, now
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        if not enough and not owing:
            raise RefusalError(
                "too_fast",
                429,
                f"there are too many requests of this {self.what}",
                "wait a little, or try another relay",
            )
