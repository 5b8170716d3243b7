"""The grocer's year as arrays: what each household bought of each brand, and what points that earned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmarks.market.parameters import BRANDS, LEFT_OUT, UNITS, Brand, Parameters
from troc.demo import receipts
from troc.errors import InputError
from troc.words import DAY, parse_day

if TYPE_CHECKING:
    import pandas as pd

Integers = npt.NDArray[np.int64]

WEEK = 7 * DAY
YEAR = 52
"""Weeks that the data holds whole."""
START = parse_day(receipts.FIRST_DAY)
"""When the year, and every brand's first epoch, begins: a Unix time."""


@dataclass(frozen=True)
class Earned:
    """Points of one week: a row a household, brand and epoch of earning; units are smallest units."""

    household: Integers
    brand: Integers
    epoch: Integers
    units: Integers


@dataclass(frozen=True)
class Purchases:
    """What was really bought, by week, household and brand.

    `cents` were paid; `last` is the Unix time of the week's last receipt with the brand, 0 where there is
    none. `numbers` are the households' in the data.
    """

    numbers: Integers
    cents: Integers
    last: Integers
    earned: tuple[Earned, ...]

    @property
    def households(self) -> int:
        """How many there are, whether they trade or not."""
        return len(self.numbers)


def end_of(week: int) -> int:
    """When the batch of a week, counted from 0, is cleared: a Unix time."""
    return START + (week + 1) * WEEK


def read(parameters: Parameters) -> Purchases:
    """Read the receipts. Raises `InputError` where the data is missing or other than expected."""
    lines = receipts.read_lines(end_of(YEAR - 1))
    lines = lines[lines["time"] >= START]
    numbers = np.unique(lines["household"].to_numpy())
    _check_brands(lines)
    lines = lines[lines["time"] < end_of(parameters.weeks - 1)]
    if parameters.households is not None:
        if not 0 < parameters.households <= len(numbers):
            raise InputError(
                f"there are {len(numbers)} households, not {parameters.households}",
                f"ask for 1 to {len(numbers)}",
            )
        draw = np.random.default_rng([parameters.seed, 1])
        numbers = np.sort(draw.choice(numbers, parameters.households, replace=False))
        lines = lines[lines["household"].isin(numbers)]
    shape = (parameters.weeks, len(numbers), len(BRANDS))
    cents, last = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    rows: list[tuple[Integers, ...]] = []
    for place, brand in enumerate(BRANDS):
        of_brand = lines
        if brand.manufacturer is not None:
            of_brand = lines[lines["manufacturer"] == brand.manufacturer]
        times = of_brand["time"].to_numpy()
        household = np.searchsorted(numbers, of_brand["household"].to_numpy())
        where = np.ravel_multi_index(((times - START) // WEEK, household, np.full(len(times), place)), shape)
        np.add.at(cents.reshape(-1), where, of_brand["cents"].to_numpy())
        np.maximum.at(last.reshape(-1), where, times)
        rule = receipts.Programme(brand.name, "", brand.manufacturer, "", brand.rate, "")
        points = receipts.points_of(of_brand, rule)
        times = points["time"].to_numpy()
        rows.append(
            (
                (times - START) // WEEK,
                np.searchsorted(numbers, points["household"].to_numpy()),
                np.full(len(points), place),
                (times - START) // brand.seconds,
                points["points"].to_numpy() * UNITS,
            )
        )
    week, *columns = (np.concatenate(column) for column in zip(*rows, strict=True))
    return Purchases(numbers, cents, last, tuple(_by_week(week, columns, parameters.weeks)))


def _check_brands(lines: pd.DataFrame) -> None:
    """The table of brands must be what the data says."""
    largest = [
        number
        for number in receipts.largest_manufacturers(lines, len(BRANDS) - 1 + len(LEFT_OUT))
        if number not in LEFT_OUT
    ]
    expected = [brand.manufacturer for brand in BRANDS[1:]]
    if largest != expected:
        raise InputError(
            f"the largest manufacturers are {largest}, other than expected",
            f"install {receipts.PACKAGE} as requirements.lock says",
        )


def _by_week(week: Integers, columns: Sequence[Integers], weeks: int) -> Iterator[Earned]:
    for number in range(weeks):
        yield Earned(*(column[week == number] for column in columns))


def lengths(brands: Sequence[Brand] = BRANDS) -> Integers:
    """The length of each brand's epoch in seconds."""
    return np.array([brand.seconds for brand in brands], dtype=np.int64)
