"""Points in lots, as LoyaltyToken keeps them: by epoch of earning, the oldest spent first."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.market.purchases import START, Earned
from troc.market.clearing import Holdings

Integers = npt.NDArray[np.int64]

LOTS = 4
"""How many epochs a point lives, that of earning included (`validityDuration()` of the token)."""


class LedgerError(Exception):
    """A movement that the contracts would refuse."""


@dataclass
class Ledger:
    """Who holds what, and what became of the rest.

    `units` by household, brand and epoch of earning; `issued`, `redeemed` and `expired` by brand. `lengths`
    are the brands' epochs in seconds. Whatever is live, redeemed and expired adds up to what was issued.
    """

    units: Integers
    lengths: Integers
    issued: Integers = field(init=False)
    redeemed: Integers = field(init=False)
    expired: Integers = field(init=False)

    def __post_init__(self) -> None:
        brands = self.units.shape[1]
        self.issued = self.units.sum(axis=(0, 2))
        self.redeemed, self.expired = (np.zeros(brands, dtype=np.int64) for _ in range(2))

    @classmethod
    def empty(cls, households: int, lengths: Integers, until: int) -> Ledger:
        """Nobody holds anything; epochs may begin until a Unix time."""
        epochs = int((until - START) // lengths.min()) + 1
        return cls(np.zeros((households, len(lengths), epochs), dtype=np.int64), lengths)

    @property
    def expiries(self) -> Integers:
        """By brand and epoch: the first second in which points of it are not valid."""
        epochs = np.arange(self.units.shape[2])
        return np.asarray(START + (epochs[None, :] + LOTS) * self.lengths[:, None])

    def live(self) -> Integers:
        """By household and brand: what is not expired, after `age`."""
        return np.asarray(self.units.sum(axis=2))

    def earn(self, earned: Earned) -> None:
        """Issue what the purchases of a week earned."""
        np.add.at(self.units, (earned.household, earned.brand, earned.epoch), earned.units)
        np.add.at(self.issued, earned.brand, earned.units)

    def age(self, now: int) -> None:
        """Book as expired what is not valid any more at a Unix time."""
        dead = self.expiries <= now
        self.expired += (self.units * dead).sum(axis=(0, 2))
        self.units[:, dead] = 0

    def redeem(
        self, times: Integers, cents: Integers, steps: Integers, per_cent: npt.NDArray[np.float64]
    ) -> Integers:
        """Whole rewards are redeemed at the till, as many as there are points for and as the receipt bears.

        By household and brand: `times` of the purchase (0: none) and `cents` paid; by brand: `steps`, the
        units of a reward, and `per_cent`, the units that take a cent off. The oldest points first. Returns
        the units by household and brand.
        """
        valid = np.where(self.expiries[None] > times[..., None], self.units, 0)
        bearable = (cents * per_cent).astype(np.int64)
        wanted = np.minimum(valid.sum(axis=2), bearable) // steps * steps
        wanted[times == 0] = 0
        before = np.cumsum(valid, axis=2) - valid
        taken = np.clip(wanted[..., None] - before, 0, valid)
        self.units -= taken
        self.redeemed += taken.sum(axis=(0, 2))
        return np.asarray(wanted)

    def transfer(self, source: int, target: int, brand: int, units: int, at_least: int, at_most: int) -> None:
        """`transferFromWithin`: the oldest first among lots that live beyond `at_least`, at most to
        `at_most`.

        0 for no bound above. Raises `LedgerError` where these lots do not suffice, and then moves nothing.
        """
        if units <= 0 or source == target:
            raise LedgerError(f"{units} units from {source} to {target}")
        lots = self.units[source, brand]
        expiries = self.expiries[brand]
        left, taken = units, []
        for epoch in np.flatnonzero(lots).tolist():
            expiry = int(expiries[epoch])
            if expiry <= at_least or (at_most and expiry > at_most):
                continue
            part = min(left, int(lots[epoch]))
            taken.append((epoch, part))
            left -= part
            if not left:
                break
        if left:
            raise LedgerError(f"{left} of {units} units of {brand} are missing to {source} within the bounds")
        for epoch, part in taken:
            lots[epoch] -= part
            self.units[target, brand, epoch] += part

    def holdings(self, household: Integers, brand: Integers) -> Holdings:
        """The lots of some households' brands; `maker` counts households as this ledger does."""
        lots = self.units[household, brand]
        row, epoch = np.nonzero(lots)
        return Holdings(
            maker=household[row],
            token=brand[row],
            expiry=self.expiries[brand[row], epoch],
            units=lots[row, epoch],
        )
