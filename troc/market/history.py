"""What was traded between two brands' points: trades, volumes, prices by remaining life, and the open book.

A market is a pair. Its `base` is what is counted, its `quote` what prices are in: whole `quote` points for
one whole `base` point. A trade is what one transaction moved between the two: where it filled orders of both
directions, as a batch does, the points that both name count once. Times are Unix seconds, a span is
`since <= time < until`, units are smallest units.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from troc import words
from troc.brands import Brand
from troc.errors import InputError
from troc.index import Fill, Index, tables
from troc.index.ledger import Lots
from troc.index.reading import lots_of_row
from troc.market.prices import payable

if TYPE_CHECKING:
    import pyarrow as pa

_MONTH = 30 * words.DAY
_LIVES = (
    (3 * _MONTH, "under 3 months"),
    (6 * _MONTH, "3 to 6 months"),
    (12 * _MONTH, "6 to 12 months"),
)
_LONGER, _NEVER, _UNKNOWN = "over 12 months", "for ever", "not known"
LIVES = (*(name for _, name in _LIVES), _LONGER, _NEVER, _UNKNOWN)
"""Classes of remaining life, in the order in which they are told."""


@dataclass(frozen=True)
class MarketTrade:
    """What one transaction moved between the two. `life` is how long the base points still lived, on average;
    None: for ever, or not known (`exact` false).
    """

    time: int
    block: int
    transaction: str
    base_units: int
    quote_units: int
    price: float
    life: int | None
    exact: bool

    @property
    def life_class(self) -> str:
        """In words."""
        if not self.exact:
            return _UNKNOWN
        if self.life is None:
            return _NEVER
        return next((name for most, name in _LIVES if self.life < most), _LONGER)


class Level(NamedTuple):
    """A step of the open book: at this price or a better one so many base units can be had, or be sold."""

    price: float
    units: int


@dataclass(frozen=True)
class Sums:
    """Some trades together. Prices are None where there was no trade; `average` is weighed by volume."""

    trades: int
    base_units: int
    quote_units: int
    last: float | None
    average: float | None
    lowest: float | None
    highest: float | None


@dataclass(frozen=True)
class MarketHistory:
    """A market over a span, and its open book now: `asks` give base points, the cheapest first; `bids` want
    them, the best payer first.
    """

    base: Brand
    quote: Brand
    since: int
    until: int
    trades: tuple[MarketTrade, ...]
    asks: tuple[Level, ...]
    bids: tuple[Level, ...]

    @property
    def total(self) -> Sums:
        """All trades."""
        return self._sums(self.trades)

    def by_life(self) -> dict[str, Sums]:
        """Trades by how long the base points still lived."""
        found = {name: [each for each in self.trades if each.life_class == name] for name in LIVES}
        return {name: self._sums(each) for name, each in found.items() if each}

    def by_day(self) -> dict[int, Sums]:
        """Trades by the first second of their day."""
        return {
            day: self._sums(tuple(each))
            for day, each in groupby(self.trades, key=lambda trade: words.start_of_day(trade.time))
        }

    def _sums(self, trades: Sequence[MarketTrade]) -> Sums:
        base, quote = (
            sum(units)
            for units in ([each.base_units for each in trades], [each.quote_units for each in trades])
        )
        if not trades:
            return Sums(0, 0, 0, None, None, None, None)
        prices = [each.price for each in trades]
        average = _price(base, quote, self.base, self.quote)
        return Sums(len(trades), base, quote, prices[-1], average, min(prices), max(prices))

    # ------------------------------------------------------------------------------------------------ forms

    def as_json(self) -> dict[str, Any]:
        """For `--json`: amounts in whole points are texts, units too."""
        return {
            "base": self.base.address,
            "quote": self.quote.address,
            "since": self.since,
            "until": self.until,
            "total": self._sums_form(self.total),
            "by_life": {name: self._sums_form(sums) for name, sums in self.by_life().items()},
            "by_day": {words.iso_day(day): self._sums_form(sums) for day, sums in self.by_day().items()},
            "trades": [self._row(trade) for trade in self.trades],
            "asks": [{"price": level.price, "units": str(level.units)} for level in self.asks],
            "bids": [{"price": level.price, "units": str(level.units)} for level in self.bids],
        }

    def _sums_form(self, sums: Sums) -> dict[str, Any]:
        return {
            "trades": sums.trades,
            "base_units": str(sums.base_units),
            "quote_units": str(sums.quote_units),
            "last": sums.last,
            "average": sums.average,
            "lowest": sums.lowest,
            "highest": sums.highest,
        }

    def _row(self, trade: MarketTrade) -> dict[str, Any]:
        return {
            "time": trade.time,
            "day": words.iso_day(trade.time),
            "base": self.base.symbol,
            "base_amount": self.base.number(trade.base_units).replace(",", ""),
            "quote": self.quote.symbol,
            "quote_amount": self.quote.number(trade.quote_units).replace(",", ""),
            "price": trade.price,
            "life_days": None if trade.life is None else trade.life // words.DAY,
            "life": trade.life_class,
            "transaction": trade.transaction,
        }

    def table(self) -> pa.Table:
        """The trades, a row each."""
        try:
            import pyarrow as pa
        except ImportError:
            raise InputError(
                "tables need pyarrow", "run `pip install '.[files]'` in the folder of this project"
            ) from None
        schema = pa.schema(
            [
                ("time", pa.int64()),
                ("day", pa.string()),
                ("base", pa.string()),
                ("base_amount", pa.string()),
                ("quote", pa.string()),
                ("quote_amount", pa.string()),
                ("price", pa.float64()),
                ("life_days", pa.int64()),
                ("life", pa.string()),
                ("transaction", pa.string()),
            ]
        )
        rows = [self._row(trade) for trade in self.trades]
        for row in rows:
            # Brands choose their symbols; a spreadsheet must not take one for a formula.
            row["base"], row["quote"] = words.cell(row["base"]), words.cell(row["quote"])
        return pa.Table.from_pylist(rows, schema=schema)

    def write(self, path: Path) -> Path:
        """Write the trades to a CSV or Parquet file, by its ending."""
        kind = path.suffix.lower()
        if kind not in (".csv", ".parquet"):
            raise InputError(f"{path} is neither CSV nor Parquet", "let its name end in .csv or .parquet")
        table = self.table()
        try:
            if kind == ".csv":
                from pyarrow import csv

                csv.write_csv(table, path)
            else:
                from pyarrow import parquet

                parquet.write_table(table, path)
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error})", "choose another place") from None
        return path

    def text(self) -> str:
        """In words."""
        base, quote, total = self.base, self.quote, self.total
        span = f"{words.day(self.since)} to {words.day(max(self.since, self.until - 1))}"
        if not total.trades:
            lines = [f"No {base.name} was traded for {quote.name}, {span}."]
        else:
            lines = [
                f"{base.name} for {quote.name}, {span}: {words.count(total.trades, 'trade')},"
                f" {base.number(total.base_units)} {base.symbol} for {quote.text(total.quote_units)}.",
                f"1 {base.symbol} last went for {_shown(total.last)} {quote.symbol}; on average for"
                f" {_shown(total.average)}, between {_shown(total.lowest)} and {_shown(total.highest)}.",
            ]
            lines += [
                f"  good for {name}: {words.count(sums.trades, 'trade')}, {base.text(sums.base_units)},"
                f" last {_shown(sums.last)}, on average {_shown(sums.average)}"
                if name != _UNKNOWN
                else f"  how long good is {name}: {words.count(sums.trades, 'trade')}"
                for name, sums in self.by_life().items()
            ]
        for levels, verb in ((self.asks, "offered from"), (self.bids, "wanted for up to")):
            if levels:
                lines.append(
                    f"Open: {base.text(levels[-1].units)} {verb} {_shown(levels[0].price)} {quote.symbol}"
                    " each."
                )
        if not self.asks and not self.bids:
            lines.append("No order is open.")
        return "\n".join(lines)


def _shown(price: float | None) -> str:
    return "" if price is None else f"{price:.4g}"


def _price(base_units: int, quote_units: int, base: Brand, quote: Brand) -> float:
    return float(Fraction(quote_units * 10**base.decimals, base_units * 10**quote.decimals))


# ---------------------------------------------------------------------------------------------------- reading


def market_history(
    index: Index, base: Brand, quote: Brand, since: int = 0, until: int | None = None
) -> MarketHistory:
    """A market over a span (none: up to the last block), and its open book now. The index is up to date."""
    if base == quote:
        raise InputError(f"{base.symbol} is not traded for itself", "name two brands")
    end = index.reached()[1] + 1 if until is None else until
    found: dict[str, list[tuple[Fill, bool]]] = defaultdict(list)
    for give, want in ((base, quote), (quote, base)):
        for fill in index.fills(give, want, since=since, until=end):
            if fill.given and fill.received:
                found[fill.transaction].append((fill, give is base))
    lives = _Lives(index, base, {fill.maker for fills in found.values() for fill, _ in fills})
    trades = [_trade(fills, base, quote, lives) for fills in found.values()]
    asks, bids = _depth(index, base, quote)
    order = sorted(trades, key=lambda trade: (trade.block, trade.time, trade.transaction))
    return MarketHistory(base, quote, since or _first(order, end), end, tuple(order), asks, bids)


def _first(trades: Sequence[MarketTrade], end: int) -> int:
    return trades[0].time if trades else max(0, end - 1)


def _trade(fills: Sequence[tuple[Fill, bool]], base: Brand, quote: Brand, lives: _Lives) -> MarketTrade:
    sides = {
        gives_base: [fill for fill, gives in fills if gives is gives_base] for gives_base in (True, False)
    }
    sums = {
        True: (sum(fill.given for fill in sides[True]), sum(fill.received for fill in sides[True])),
        False: (sum(fill.received for fill in sides[False]), sum(fill.given for fill in sides[False])),
    }
    larger = sums[True][0] >= sums[False][0]
    base_units, quote_units = sums[larger]
    first = fills[0][0]
    life, exact = lives.of(sides[larger], larger)
    price = _price(base_units, quote_units, base, quote)
    return MarketTrade(
        first.time, first.block, first.transaction, base_units, quote_units, price, life, exact
    )


class _Lives:
    """How long the points lived that makers gave or received, from what they held before and after."""

    def __init__(self, index: Index, base: Brand, makers: Iterable[str]) -> None:
        self._base = base
        self._starts: dict[str, list[int]] = defaultdict(list)
        self._lots: dict[str, list[tuple[Lots, bool]]] = defaultdict(list)
        t = tables.lots
        everybody = sorted(makers)
        with index.reading() as connection:
            for start in range(0, len(everybody), 500):
                query = sa.select(t).where(
                    t.c.token == base.address, t.c.account.in_(everybody[start : start + 500])
                )
                for row in connection.execute(query.order_by(t.c.from_block)):
                    self._starts[row.account].append(row.from_block)
                    self._lots[row.account].append((lots_of_row(row), row.exact))

    def of(self, fills: Iterable[Fill], gave: bool) -> tuple[int | None, bool]:
        """The average life in seconds, None for ever; and whether it is known."""
        weighed = units = 0
        for fill in fills:
            before, known = self._at(fill.maker, fill.block - 1)
            after, known_after = self._at(fill.maker, fill.block)
            if not (known and known_after):
                return None, False
            for epoch in before.keys() | after.keys():
                expiry = self._base.expiry_of(epoch)
                moved = (before.get(epoch, 0) - after.get(epoch, 0)) * (1 if gave else -1)
                if moved > 0 and expiry > fill.time:
                    if words.never_expires(expiry):
                        return None, True
                    weighed += moved * (expiry - fill.time)
                    units += moved
        return (weighed // units, True) if units else (None, False)

    def _at(self, account: str, block: int) -> tuple[Lots, bool]:
        place = bisect_right(self._starts[account], block) - 1
        return self._lots[account][place] if place >= 0 else ({}, True)


def _depth(index: Index, base: Brand, quote: Brand) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Both sides of the open book, as far as its makers can pay: points behind several orders count once."""
    sides = []
    for give, want in ((base, quote), (quote, base)):
        orders = [order for order in index.open_orders(give, want) if not order.words.only_taker]
        orders.sort(key=lambda order: Fraction(order.words.want_amount, order.words.give_amount))
        held = index.holdings({order.maker for order in orders}, [give])
        spent: dict[str, int] = defaultdict(int)
        levels: list[Level] = []
        total = 0
        for order in orders:
            there = payable(order, held.get((order.maker, give.address)))
            units = min(order.left, there - spent[order.maker])
            if units <= 0 or (not order.words.allow_partial and units < order.left):
                continue
            spent[order.maker] += units
            if give is base:
                total += units
                price = _price(order.words.give_amount, order.words.want_amount, base, quote)
            else:
                total += units * order.words.want_amount // order.words.give_amount
                price = _price(order.words.want_amount, order.words.give_amount, base, quote)
            if levels and levels[-1].price == price:
                levels.pop()
            levels.append(Level(price, total))
        sides.append(tuple(levels))
    return sides[0], sides[1]


# ------------------------------------------------------------------------------------------------------- plot


def plot(history: MarketHistory, path: Path) -> Path:
    """Price, volume and depth of a market as a picture, PNG or SVG by its ending."""
    if path.suffix.lower() not in (".png", ".svg"):
        raise InputError(f"{path} is neither PNG nor SVG", "let its name end in .png or .svg")
    try:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError(
            "pictures need matplotlib", "run `pip install '.[market]'` in the folder of this project"
        ) from None
    base, quote = history.base, history.quote
    figure = Figure(figsize=(9, 9), layout="constrained")
    prices, volumes, depth = figure.subplots(3, 1, height_ratios=(3, 2, 3))
    # Symbols are the brands' own words, not formulas of the plotting library's.
    base_name, quote_name = base.symbol, quote.symbol
    plain: dict[str, Any] = {"parse_math": False}
    volumes.sharex(prices)
    for name, marker in zip(LIVES, "o^sDv.", strict=True):
        found = [trade for trade in history.trades if trade.life_class == name]
        if found:
            label = name if name == _UNKNOWN else f"good for {name}"
            times = [_date(trade.time) for trade in found]
            prices.scatter(times, [trade.price for trade in found], s=18, marker=marker, label=label)
    days = history.by_day()
    if days:
        middles = [_date(day + words.DAY // 2) for day in days]
        averages = [sums.average for sums in days.values()]
        prices.plot(middles, averages, color="0.5", linewidth=1, label="average of the day", zorder=0)
        prices.legend(fontsize="small")
        amounts = [sums.base_units / 10**base.decimals for sums in days.values()]
        volumes.bar(middles, amounts, width=0.8, color="tab:blue")
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        volumes.xaxis.set_major_locator(locator)
        volumes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    else:
        prices.text(0.5, 0.5, "no trade", transform=prices.transAxes, ha="center")
    prices.set_title(f"{base_name} for {quote_name}: price", **plain)
    prices.set_ylabel(f"{quote_name} for 1 {base_name}", **plain)
    prices.tick_params(labelbottom=False)
    volumes.set_title("Volume a day")
    volumes.set_ylabel(base_name, **plain)
    volumes.set_ylim(bottom=0)
    for levels, label, color in (
        (history.asks, "offered", "tab:red"),
        (history.bids, "wanted", "tab:green"),
    ):
        if levels:
            # At the first price everything of its level is there at once.
            xs = [levels[0].price, *(level.price for level in levels)]
            ys = [0.0, *(level.units / 10**base.decimals for level in levels)]
            depth.step(xs, ys, where="post", color=color, label=label)
            depth.fill_between(xs, ys, step="post", alpha=0.2, color=color)
            if len(levels) == 1:
                depth.plot(xs[-1:], ys[-1:], "o", color=color)
    if history.asks or history.bids:
        depth.legend(fontsize="small")
    else:
        depth.text(0.5, 0.5, "no open order", transform=depth.transAxes, ha="center")
    depth.set_title("Open orders: how much at a price or a better one")
    depth.set_xlabel(f"{quote_name} for 1 {base_name}", **plain)
    depth.set_ylabel(base_name, **plain)
    depth.set_ylim(bottom=0)
    try:
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", "choose another place") from None
    return path


def _date(time: int) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(time, UTC)
