"""What receipts earn under a set of rules, exactly, over files of any size.

Every rate has one common denominator D, so that a line earns a whole number of D-ths of the smallest unit
of points; these are summed as `int64` and rounded once, as the rules say. A basket's lines may lie anywhere
in the file: what is known of each basket is added up, and where that outgrows memory it is laid aside on disk
in partitions by member, each of which is then finished for itself.

The steps, in this order: exclusions; base and rates by line; the sum of a basket; rounding; a basket below
zero earns 0; bonuses; the cap of a basket; the cap of a member and day.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from troc import words
from troc.errors import InputError
from troc.programme.receipts import CHUNK_ROWS, Ints, Lines, Mask, Statuses, read_lines, read_lookups
from troc.programme.rules import NO_CARD, Mode, Per, Rules, When

try:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
except ImportError:  # pragma: no cover
    raise InputError(
        "receipts need pandas and pyarrow", "run `pip install '.[programme]'` in the folder of this project"
    ) from None

HELD_ROWS = 600_000
"""Baskets that are held in memory before they are laid aside on disk."""

_PARTITIONS = 256
_MOST = 1 << 60
"""Sums stay below, so that nothing overflows 63 bits, doubling for half-up included."""

_FIXED = 3
"""Columns of a basket before its rates: lines, money, points rounded by line."""

Progress = Callable[[int], None]
"""Told how many lines were read."""


@dataclass(frozen=True)
class RulePoints:
    """What a rule (or the base) gave before rounding and caps, in smallest units, and to how many baskets."""

    name: str
    units: Fraction
    baskets: int


@dataclass(frozen=True)
class Excluded:
    """What an exclusion kept out: lines, their money, and the points that they would have earned."""

    name: str
    lines: int
    cents: int
    units: Fraction


@dataclass(frozen=True)
class Cut:
    """What a cap took: how often, and how many smallest units."""

    times: int
    units: int


@dataclass(frozen=True)
class BelowZero:
    """Baskets whose returns outweigh what they bought: they earn 0, and this rest is taken from nobody."""

    baskets: int
    cents: int
    units: Fraction


@dataclass(frozen=True)
class Earned:
    """What receipts earned. Points in smallest units, money in smallest units.

    It adds up: `sum(by_rule) + below_zero.units - rounding - basket_cap.units - day_cap.units == units`.
    `members` has everybody who earned more than nothing; `months` are "2027-02" and smallest units by the
    time of the basket, `last_day` (2027-02-19) that of the last basket, "" without any. Exclusions are
    counted by the time of the line.
    """

    rules: Rules
    month: str
    lines: int
    baskets: int
    cents: int
    members: Mapping[str, int]
    by_rule: tuple[RulePoints, ...]
    excluded: tuple[Excluded, ...]
    rounding: Fraction
    below_zero: BelowZero
    basket_cap: Cut
    day_cap: Cut
    months: Mapping[str, int]
    last_day: str

    @property
    def units(self) -> int:
        """All points."""
        return sum(self.members.values())

    @property
    def last_month(self) -> str:
        """The last month that the receipts cover to its end, else the last one; "" without receipts."""
        months = sorted(self.months)
        if len(months) < 2:
            return months[-1] if months else ""
        following = date.fromisoformat(self.last_day) + timedelta(days=1)
        return months[-1] if following.day == 1 else months[-2]

    def points(self, units: int | Fraction) -> str:
        """Smallest units as whole points, fractions of a unit to two digits more."""
        return points_text(units, self.rules.points_decimals)

    def cost(self, units: int, value: Fraction) -> Fraction:
        """What points cost at a fair value of so much money a whole point."""
        return Fraction(units, 10**self.rules.points_decimals) * value


def points_text(units: int | Fraction, decimals: int) -> str:
    """Smallest units as whole points; fractions of one are rounded to two digits more."""
    value = Fraction(units)
    digits = decimals if value.denominator == 1 else decimals + 2
    scaled = abs(value) * 10 ** (digits - decimals)
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return ("-" if value < 0 and whole else "") + words.number(whole, digits)


def earn(
    rules: Rules,
    path: Path,
    *,
    tables: Mapping[str, Path] | None = None,
    month: str = "",
    chunk_rows: int = CHUNK_ROWS,
    held_rows: int = HELD_ROWS,
    progress: Progress | None = None,
    statuses: Statuses | None = None,
) -> Earned:
    """What the receipts of a file earn. `month` ("2027-02"): only baskets of that month. `statuses`: whose
    members the cards are, where the rules ask for a status and neither the file nor a table has it.

    Raises `InputError` (and `FileFaultsError`) for a file or table that cannot be used.
    """
    lookups = read_lookups(rules, tables)
    return earn_lines(
        rules,
        read_lines(path, rules, lookups, chunk_rows, statuses),
        month=month,
        held_rows=held_rows,
        progress=progress,
    )


def earn_lines(
    rules: Rules,
    pieces: Iterable[Lines],
    *,
    month: str = "",
    held_rows: int = HELD_ROWS,
    progress: Progress | None = None,
) -> Earned:
    """What pieces of receipts earn."""
    with tempfile.TemporaryDirectory(prefix="troc-earn-") as folder:
        run = _Run(rules, _month_days(month), Path(folder), held_rows)
        for piece in pieces:
            run.add(piece)
            if progress:
                progress(run.read)
        return run.result(month)


def _month_days(month: str) -> tuple[int, int] | None:
    """The days of a month, since 1970: the first, and the first of the next."""
    if not month:
        return None
    first, following = words.parse_month(month)
    return first // words.DAY, following // words.DAY


@dataclass
class _Baskets:
    """What is known of baskets: one row each, or several where it was not added up yet."""

    member: pd.Series[Any]
    basket: pd.Series[Any]
    time: Ints
    sums: Ints

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def joined(cls, parts: Sequence[_Baskets]) -> _Baskets:
        return cls(
            pd.concat([part.member for part in parts], ignore_index=True),
            pd.concat([part.basket for part in parts], ignore_index=True),
            np.concatenate([part.time for part in parts]),
            np.concatenate([part.sums for part in parts]),
        )

    def added_up(self) -> _Baskets:
        """One row for each basket."""
        member, members = pd.factorize(self.member)
        basket, baskets = pd.factorize(self.basket)
        group, keys = pd.factorize(member.astype(np.int64) * max(len(baskets), 1) + basket)
        order, starts = _groups(group)
        member_of, basket_of = np.divmod(keys, max(len(baskets), 1))
        return _Baskets(
            pd.Series(members.take(member_of)),
            pd.Series(baskets.take(basket_of)),
            np.minimum.reduceat(self.time[order], starts) if len(starts) else self.time,
            np.add.reduceat(self.sums[order], starts, axis=0) if len(starts) else self.sums,
        )

    def where(self, which: Mask | Ints | slice) -> _Baskets:
        """Some of them: by a mask, in an order, or a span."""
        return _Baskets(
            self.member.iloc[which].reset_index(drop=True),
            self.basket.iloc[which].reset_index(drop=True),
            self.time[which],
            self.sums[which],
        )


def _groups(group: Ints) -> tuple[Ints, Ints]:
    """An order in which equal numbers 0, 1, 2… stand together, and where each begins."""
    order = np.argsort(group, kind="stable")
    return order, np.flatnonzero(np.diff(group[order], prepend=-1)).astype(np.int64)


@dataclass
class _Totals:
    """What the finished baskets came to."""

    rates: list[int]
    touched: list[int]
    bonuses: list[int]
    bonus_times: list[int]
    lines: int = 0
    baskets: int = 0
    cents: int = 0
    rounding: int = 0
    below: list[int] = field(default_factory=lambda: [0, 0, 0])
    basket_cap: list[int] = field(default_factory=lambda: [0, 0])
    day_cap: list[int] = field(default_factory=lambda: [0, 0])


class _Run:
    """One pass over receipts."""

    def __init__(self, rules: Rules, days: tuple[int, int] | None, folder: Path, held_rows: int) -> None:
        self._rules = rules
        self._days = days
        self._folder = folder
        self._held_rows = held_rows
        self._denominator = rules.denominator
        self._rate_rules = [rule for rule in rules.rules if not rule.bonus]
        self._bonus_rules = [rule for rule in rules.rules if rule.bonus]
        self._rates = [int(rule.rate * self._denominator) for rule in self._rate_rules]
        self._base = int(rules.base * self._denominator)
        self._most_rate = max(self._base + sum(self._rates), self._denominator)
        if self._most_rate >= 1 << 40:
            raise InputError("these rates are too fine to be added up", "use rates with fewer digits")
        self._moved = 0
        self.read = 0
        self._held: list[_Baskets] = []
        self._held_count = 0
        self._aside: dict[int, Any] = {}
        self._left_out: dict[str, list[int]] = {each.name: [0, 0, 0] for each in rules.exclusions}
        self._left_out[NO_CARD] = [0, 0, 0]
        self._members: dict[str, int] = {}
        self._by_day: dict[int, int] = {}
        columns = 1 + len(self._rates)
        self._totals = _Totals(
            [0] * columns, [0] * columns, [0] * len(self._bonus_rules), [0] * len(self._bonus_rules)
        )

    # ------------------------------------------------------------------------------------------ by line

    def add(self, lines: Lines) -> None:
        """Add a piece."""
        self.read += len(lines)
        self._moved += int(np.abs(lines.cents).sum())
        if self._moved * self._most_rate + self.read * self._denominator >= _MOST:
            raise InputError(
                "these amounts are too large to be added up", "earn them month by month, or use coarser rates"
            )
        day = lines.seconds // words.DAY
        numbers = np.empty((len(lines), 1 + len(self._rates)), dtype=np.int64)
        numbers[:, 0] = lines.cents * self._base
        for place, (rule, rate) in enumerate(zip(self._rate_rules, self._rates, strict=True), 1):
            numbers[:, place] = np.where(_matches(rule.when, lines, day), lines.cents * rate, 0)
        earned = numbers.sum(axis=1)
        counts = self._in_month(day)
        keep = np.ones(len(lines), dtype=np.bool_)
        for exclusion in self._rules.exclusions:
            out = keep & _matches(exclusion.when, lines, day)
            self._leave_out(exclusion.name, out & counts, lines.cents, earned)
            keep &= ~out
        nobody = keep & (lines.member.codes < 0)
        self._leave_out(NO_CARD, nobody & counts, lines.cents, earned)
        keep &= ~nobody
        sums = np.empty((len(lines), _FIXED + numbers.shape[1] + len(self._bonus_rules)), dtype=np.int64)
        sums[:, 0] = 1
        sums[:, 1] = lines.cents
        sums[:, 2] = self._rounded(earned) if self._rules.per is Per.LINE else 0
        sums[:, _FIXED : _FIXED + numbers.shape[1]] = numbers
        for place, rule in enumerate(self._bonus_rules, _FIXED + numbers.shape[1]):
            sums[:, place] = np.where(_matches(rule.when, lines, day), lines.cents, 0)
        self._hold(_partial(lines, sums, keep))

    def _leave_out(self, name: str, out: Mask, cents: Ints, earned: Ints) -> None:
        count = self._left_out[name]
        for place, number in enumerate((out.sum(), cents[out].sum(), earned[out].sum())):
            count[place] += int(number)

    def _in_month(self, day: Ints) -> Mask:
        if self._days is None:
            return np.ones(len(day), dtype=np.bool_)
        return (day >= self._days[0]) & (day < self._days[1])

    def _rounded(self, numbers: Ints) -> Ints:
        size, denominator = np.abs(numbers), self._denominator
        rounded: Ints = size // denominator
        if self._rules.mode is Mode.HALF_UP:
            rounded = (2 * size + denominator) // (2 * denominator)
        signed: Ints = np.sign(numbers) * rounded
        return signed

    # ----------------------------------------------------------------------------------------- by basket

    def _hold(self, part: _Baskets) -> None:
        if not len(part):
            return
        self._held.append(part)
        self._held_count += len(part)
        if self._held_count > self._held_rows:
            self._held = [_Baskets.joined(self._held).added_up()]
            self._held_count = len(self._held[0])
            if 2 * self._held_count > self._held_rows:
                self._lay_aside()

    def _lay_aside(self) -> None:
        whole = self._held[0]
        partition = (pd.util.hash_array(whole.member.to_numpy()) % _PARTITIONS).astype(np.int64)
        order = np.argsort(partition, kind="stable")
        whole = whole.where(order)
        edges = np.searchsorted(partition[order], np.arange(_PARTITIONS + 1))
        for number in range(_PARTITIONS):
            part = whole.where(slice(edges[number], edges[number + 1]))
            if len(part):
                self._write(number, part)
        self._held, self._held_count = [], 0

    def _write(self, number: int, part: _Baskets) -> None:
        columns = {"member": part.member, "basket": part.basket, "time": part.time}
        columns |= {f"s{place}": part.sums[:, place] for place in range(part.sums.shape[1])}
        table = pa.table({name: pa.array(column) for name, column in columns.items()})
        if number not in self._aside:
            self._aside[number] = pa.ipc.new_stream(str(self._folder / f"{number}.arrows"), table.schema)
        self._aside[number].write_table(table)

    def result(self, month: str) -> Earned:
        """Finish every basket."""
        if self._held:
            self._held = [_Baskets.joined(self._held).added_up()]
        if not self._aside:
            for whole in self._held:
                self._finish(whole)
            return self._earned(month)
        if self._held:
            self._lay_aside()
        for number in sorted(self._aside):
            self._aside[number].close()
            self._finish(_taken_up(self._folder / f"{number}.arrows").added_up())
        return self._earned(month)

    def _finish(self, baskets: _Baskets) -> None:
        """Round, cap and add up baskets; all those of their members are here."""
        if self._days is not None:
            baskets = baskets.where(self._in_month(baskets.time // words.DAY))
        if not len(baskets):
            return
        totals, rules = self._totals, self._rules
        rates = baskets.sums[:, _FIXED : _FIXED + 1 + len(self._rates)]
        exact = rates.sum(axis=1)
        by_line = rules.per is Per.LINE
        units = baskets.sums[:, 2].copy() if by_line else self._rounded(exact)
        below = (units if by_line else exact) < 0
        totals.lines += int(baskets.sums[:, 0].sum())
        totals.baskets += len(baskets)
        totals.cents += int(baskets.sums[:, 1].sum())
        for place in range(rates.shape[1]):
            totals.rates[place] += int(rates[:, place].sum())
            totals.touched[place] += int((rates[:, place] != 0).sum())
        _count(totals.below, below.sum(), baskets.sums[below, 1].sum(), -exact[below].sum())
        units[below] = 0
        totals.rounding += int((exact - units * self._denominator)[~below].sum())
        for place, rule in enumerate(self._bonus_rules):
            bought = baskets.sums[:, _FIXED + rates.shape[1] + place]
            has = ~below & (bought >= max(rule.at_least, 1))
            units += np.where(has, np.int64(rule.bonus), 0)
            totals.bonuses[place] += int(has.sum()) * rule.bonus
            totals.bonus_times[place] += int(has.sum())
        if rules.basket_cap is not None:
            _cap(units, rules.basket_cap, totals.basket_cap)
        self._finish_days(baskets, units)

    def _finish_days(self, baskets: _Baskets, units: Ints) -> None:
        member, members = pd.factorize(baskets.member)
        day, days = pd.factorize(baskets.time // words.DAY)
        group, keys = pd.factorize(member.astype(np.int64) * len(days) + day)
        order, starts = _groups(group)
        units = np.add.reduceat(units[order], starts)
        if self._rules.day_cap is not None:
            _cap(units, self._rules.day_cap, self._totals.day_cap)
        member_of, day_of = np.divmod(keys, len(days))
        order, starts = _groups(member_of)
        for name, sum_ in zip(members, np.add.reduceat(units[order], starts).tolist(), strict=True):
            if sum_:
                self._members[str(name)] = sum_
        order, starts = _groups(day_of)
        for number, sum_ in zip(days.tolist(), np.add.reduceat(units[order], starts).tolist(), strict=True):
            self._by_day[number] = self._by_day.get(number, 0) + sum_

    def _earned(self, month: str) -> Earned:
        totals, denominator = self._totals, self._denominator
        names = ["base", *(rule.name for rule in self._rate_rules)]
        by_rule = {
            name: RulePoints(name, Fraction(units, denominator), baskets)
            for name, units, baskets in zip(names, totals.rates, totals.touched, strict=True)
        }
        for rule, units, times in zip(self._bonus_rules, totals.bonuses, totals.bonus_times, strict=True):
            by_rule[rule.name] = RulePoints(rule.name, Fraction(units), times)
        months: dict[str, int] = {}
        for day, units in sorted(self._by_day.items()):
            name = words.iso_day(day * words.DAY)[:7]
            months[name] = months.get(name, 0) + units
        return Earned(
            rules=self._rules,
            month=month,
            lines=totals.lines,
            baskets=totals.baskets,
            cents=totals.cents,
            members=self._members,
            by_rule=tuple(by_rule[name] for name in ("base", *(rule.name for rule in self._rules.rules))),
            excluded=tuple(
                Excluded(name, lines, cents, Fraction(units, denominator))
                for name, (lines, cents, units) in self._left_out.items()
            ),
            rounding=Fraction(totals.rounding, denominator),
            below_zero=BelowZero(totals.below[0], totals.below[1], Fraction(totals.below[2], denominator)),
            basket_cap=Cut(*totals.basket_cap),
            day_cap=Cut(*totals.day_cap),
            months=months,
            last_day=words.iso_day(max(self._by_day) * words.DAY) if self._by_day else "",
        )


def _matches(when: When, lines: Lines, day: Ints) -> Mask:
    found = np.ones(len(lines), dtype=np.bool_)
    for name, wanted in when.values.items():
        found &= lines.attributes[name].among(wanted)
    if when.weekdays:
        # Day 0 was a Thursday.
        found &= np.isin((day + 3) % 7, list(when.weekdays))
    if when.first is not None:
        found &= day >= when.first
    if when.last is not None:
        found &= day <= when.last
    return found


def _partial(lines: Lines, sums: Ints, keep: Mask) -> _Baskets:
    """The baskets of a piece."""
    count = max(len(lines.basket.values), 1)
    group, keys = pd.factorize((lines.member.codes * count + lines.basket.codes)[keep])
    order, starts = _groups(group)
    member_of, basket_of = np.divmod(keys, count)
    kept, seconds = sums[keep], lines.seconds[keep]
    if not len(starts):
        return _Baskets(pd.Series([], dtype=object), pd.Series([], dtype=object), seconds, kept)
    return _Baskets(
        pd.Series(lines.member.values[member_of]),
        pd.Series(lines.basket.values[basket_of]),
        np.minimum.reduceat(seconds[order], starts),
        np.add.reduceat(kept[order], starts, axis=0),
    )


def _taken_up(path: Path) -> _Baskets:
    with pa.OSFile(str(path), "rb") as file:
        table = pa.ipc.open_stream(file).read_all()
    columns = [table.column(place).to_numpy() for place in range(3, table.num_columns)]
    return _Baskets(
        pd.Series(table.column("member").to_numpy()),
        pd.Series(table.column("basket").to_numpy()),
        table.column("time").to_numpy(),
        np.stack(columns, axis=1),
    )


def _cap(units: Ints, cap: int, cut: list[int]) -> None:
    """Cut `units` in place, and count what that took."""
    over = units - cap
    _count(cut, (over > 0).sum(), over[over > 0].sum())
    np.minimum(units, cap, out=units)


def _count(counts: list[int], *more: np.int64) -> None:
    for place, number in enumerate(more):
        counts[place] += int(number)
