"""What settling the year's trades takes, from the measured figures of benchmarks/gas.json."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import records
from benchmarks.bars import OURS
from benchmarks.market.parameters import Prices
from benchmarks.market.year import World

FILE = Path(__file__).parent.parent / "gas.json"


@dataclass(frozen=True)
class Gas:
    """Gas and bytes of calldata of a filled order in a batch of 30.

    `order`: with one transfer, in a nonce word of its own, as an order that may be filled in part has;
    `transfer`: each further transfer; `holder`: where she held none of what she gets. `alone`: a first trade
    outside any batch.
    """

    order: int
    transfer: int
    holder: int
    alone: int
    order_bytes: int
    transfer_bytes: int


def read(path: Path = FILE) -> Gas:
    """Read the measured figures. Raises `BenchmarkError` where they are missing."""
    figures = {record.operation: record for record in records.read(path) if record.system == OURS}
    try:
        one, uneven = figures["batch-of-30"], figures["batch-of-30-uneven"]
        first, new = figures["batch-of-30-first"], figures["batch-of-30-new"]
        partly = figures["match-two-partial-first"].gas - figures["match-two-first"].gas
        alone = figures["first-trade"].gas
    except KeyError as missing:
        raise records.BenchmarkError(f"{missing} is not in {path.name}: run `make bench`") from None
    return Gas(
        order=first.gas + partly,
        transfer=uneven.gas - one.gas,
        holder=new.gas - first.gas,
        alone=alone,
        order_bytes=one.calldata_bytes,
        transfer_bytes=uneven.calldata_bytes - one.calldata_bytes,
    )


@dataclass(frozen=True)
class Bill:
    """Gas of a year by household that trades: filled orders, gas and bytes a household and year."""

    orders: float
    transfers: float
    gas: float
    calldata: float

    def dollars(self, prices: Prices) -> float:
        """The same in money."""
        gwei = self.gas * prices.gwei + self.calldata * prices.byte_gwei
        return gwei * 1e-9 * prices.ether


def bill(world: World, gas: Gas, households: int) -> Bill:
    """What all trades of a year take, shared by the households that trade."""
    orders = int(world.trades.sum())
    transfers = sum(week.transfers for week in world.weeks)
    further = max(transfers - orders, 0)
    total = orders * gas.order + further * gas.transfer + world.first * gas.holder
    calldata = orders * gas.order_bytes + further * gas.transfer_bytes
    return Bill(orders / households, transfers / households, total / households, calldata / households)


def table(bills: Iterable[tuple[str, Bill]], prices: Iterable[Prices]) -> dict[str, dict[str, float]]:
    """Dollars a household and year, by mechanism and price."""
    priced = tuple(prices)
    return {name: {price.name: one.dollars(price) for price in priced} for name, one in bills}
