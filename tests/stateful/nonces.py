"""Nonces as docs/messages.md describes them: lanes with a series, used up once or up to an amount."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.stateful.world import Refused
from troc.messages import WHOLE_INDEXES, pack_nonce, unpack_nonce

_MOST_FILLED = 2**128 - 1


@dataclass
class Whole:
    """Each nonce once."""

    series: Counter[tuple[str, int]] = field(default_factory=Counter)
    used: set[tuple[str, int]] = field(default_factory=set)
    last_series: int = 2**32 - 1
    indexes: int = WHOLE_INDEXES

    def check(self, signer: str, nonce: int) -> None:
        lane, series, index = unpack_nonce(nonce)
        if index >= self.indexes:
            raise Refused("NonceIndexTooLarge", nonce)
        if series != self.series[signer, lane]:
            raise Refused("NonceNotCurrent", signer, nonce, self.series[signer, lane])
        if (signer, nonce) in self.used:
            raise Refused("NonceUsed", signer, nonce)

    def is_open(self, signer: str, nonce: int) -> bool:
        try:
            self.check(signer, nonce)
        except Refused:
            return False
        return True

    def check_cancel(self, signer: str, nonces: list[int]) -> None:
        for nonce in nonces:
            lane, series, index = unpack_nonce(nonce)
            if index >= self.indexes:
                raise Refused("NonceIndexTooLarge", nonce)
            if series > self.series[signer, lane]:
                raise Refused("NonceNotCurrent", signer, nonce, self.series[signer, lane])

    def cancel(self, signer: str, nonces: list[int]) -> None:
        """What is not of the current series is over already."""
        self.used.update((signer, nonce) for nonce in nonces)

    def check_cancel_all(self, signer: str, nonces: list[int]) -> None:
        raised = self.series.copy()
        for nonce in nonces:
            lane, series, index = unpack_nonce(nonce)
            if index:
                raise Refused("NonceIndexTooLarge", nonce)
            if series > raised[signer, lane] or series >= self.last_series:
                raise Refused("NonceNotCurrent", signer, nonce, raised[signer, lane])
            raised[signer, lane] = max(raised[signer, lane], series + 1)

    def cancel_all(self, signer: str, nonces: list[int]) -> None:
        for nonce in nonces:
            lane, series, _ = unpack_nonce(nonce)
            self.series[signer, lane] = max(self.series[signer, lane], series + 1)


@dataclass
class Partial(Whole):
    """Each lane and series up to an amount."""

    filled: Counter[tuple[str, int]] = field(default_factory=Counter)
    last_series: int = 2**64 - 1
    indexes: int = 1

    def left(self, signer: str, nonce: int, limit: int) -> int:
        return max(0, limit - self.filled[signer, nonce])

    def check_amount(self, signer: str, nonce: int, amount: int, limit: int) -> None:
        self.check(signer, nonce)
        if amount > self.left(signer, nonce, limit):
            raise Refused("Overfilled", signer, nonce, self.left(signer, nonce, limit), amount)

    def cancel(self, signer: str, nonces: list[int]) -> None:
        for nonce in nonces:
            self.filled[signer, nonce] = _MOST_FILLED


__all__ = ["Partial", "Whole", "pack_nonce"]
