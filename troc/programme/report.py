"""A brand's month in one page: points, what is owed, active members, breakage beside what trading brought.

The page holds everything in itself, and the same chain gives the same page. Names on the chain are anybody's
text: they are escaped in it and kept out of the plots.
"""

from __future__ import annotations

import base64
import io
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from typing import Any

from troc import words
from troc.errors import ChecksFailedError, StoreError
from troc.programme.books import Books, Breakage, Journal, Period, Rolled, Value, cents, journal, months
from troc.programme.moves import Kind, Move, moves

try:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter
except ImportError:  # pragma: no cover
    raise StoreError(
        "reports need Jinja2 and matplotlib",
        "install them with: pip install '.[programme]' in the folder of this project",
    ) from None

HISTORY = 12
"""Months in the plot, the last one included."""

# Colours that the colour-blind tell apart (Okabe and Ito, 2008), and hatches for paper.
_BLUE, _ORANGE, _GREEN, _PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+.!|~:@$-])")


@dataclass(frozen=True)
class Active:
    """How many accounts did something in a period; `all` counts each once. `holders` had points at the
    end.
    """

    earned: int
    redeemed: int
    traded: int
    all: int
    holders: int


@dataclass(frozen=True)
class Traded:
    """What came of points that went through the exchange, in smallest units.

    `units` were traded, by `givers`, to `takers`, of whom `newcomers` had never had points of the brand.
    `redeemed` is what takers then redeemed at the brand, in `visits` redemptions; `expired` ran out with
    them. Where an account holds traded points and others, traded ones are counted as redeemed last, and as
    expired, given away and given back first: `redeemed` and `visits` are the least that trading brought.
    """

    units: int
    givers: int
    takers: int
    newcomers: int
    redeemed: int
    visits: int
    expired: int


@dataclass(frozen=True)
class MonthSums:
    """One month of the history, in smallest units; `redeemed` is net of give-backs, `closing` lived at the
    end.
    """

    period: Period
    issued: int
    redeemed: int
    expired: int
    traded: int
    closing: int


@dataclass(frozen=True)
class Report:
    """All figures of a report. `since_launch` is trading up to the end of the month, `month` that of it;
    `expired` is what had expired by then, in smallest units.
    """

    journal: Journal
    active: Active
    month: Traded
    since_launch: Traded
    breakage: Breakage
    expired: int
    history: tuple[MonthSums, ...]

    @property
    def rolled(self) -> Rolled:
        """The month in points."""
        return self.journal.rolled

    @property
    def value(self) -> Value:
        """What a point is worth."""
        return self.journal.value

    def lost(self, traded: Traded) -> int:
        """Breakage that trading cost: of points that were traded and then redeemed, those that by the
        estimate would have run out with whoever gave them. Smallest units, rounded down.
        """
        return int(traded.redeemed * self.breakage.rate)


def report_of(books: Books, period: Period, value: Value, rate: Fraction | None = None) -> Report:
    """A month's figures; `rate` is the breakage to assume (none: as it showed up to its end)."""
    found = journal(books, period, value, rate)
    period = found.rolled.period
    happened = moves(books.index, books.brand, period.until, books.is_trade)
    history = _history(books, happened, period)
    if history[-1].closing != found.rolled.closing:
        raise ChecksFailedError(
            f"the month's end by all movements is {history[-1].closing} units, by the journal"
            f" {found.rolled.closing}",
            "build the index anew with `troc index --rebuild`",
        )
    return Report(
        journal=found,
        active=_active(books, happened, period),
        month=_traded(happened, period),
        since_launch=_traded(happened, Period(0, period.until)),
        breakage=found.closed,
        expired=sum(move.units for move in happened if move.kind == Kind.EXPIRE),
        history=history,
    )


# ---------------------------------------------------------------------------------------------------- figures


def _history(books: Books, moves: Sequence[Move], period: Period) -> tuple[MonthSums, ...]:
    found, closing, place = [], 0, 0
    for span in months(books.launched[1], period.until):
        sums = dict.fromkeys(Kind, 0)
        while place < len(moves) and moves[place].time < span.until:
            sums[moves[place].kind] += moves[place].units
            place += 1
        redeemed = sums[Kind.REDEEM] - sums[Kind.GIVE_BACK]
        closing += sums[Kind.ISSUE] - redeemed - sums[Kind.EXPIRE]
        found.append(
            MonthSums(span, sums[Kind.ISSUE], redeemed, sums[Kind.EXPIRE], sums[Kind.TRADE], closing)
        )
    return tuple(found[-HISTORY:])


def _active(books: Books, moves: Sequence[Move], period: Period) -> Active:
    earned, redeemed, traded = set(), set(), set()
    for move in moves:
        if move.time >= period.since:
            if move.kind == Kind.ISSUE:
                earned.add(move.target)
            elif move.kind == Kind.REDEEM:
                redeemed.add(move.source)
            elif move.kind == Kind.TRADE:
                traded |= {move.source, move.target}
    return Active(
        earned=len(earned),
        redeemed=len(redeemed),
        traded=len(traded),
        all=len(earned | redeemed | traded),
        holders=len(books.index.balances(books.brand, period.until - 1)),
    )


def _traded(moves: Sequence[Move], period: Period) -> Traded:
    """Follow traded points to their end, of which only what falls into the period is counted."""
    own: dict[str, int] = defaultdict(int)
    got: dict[str, int] = defaultdict(int)
    spent: dict[tuple[str, str], int] = defaultdict(int)
    known: set[str] = set()
    givers, takers, newcomers = set(), set(), set()
    units = redeemed = expired = 0
    visits: set[tuple[str, str]] = set()
    for move in moves:
        counts = move.time >= period.since
        key = (move.source or move.target, move.receipt)
        if move.kind == Kind.ISSUE:
            own[move.target] += move.units
        elif move.kind == Kind.REDEEM:
            part = max(0, move.units - own[move.source])
            own[move.source] -= move.units - part
            got[move.source] -= part
            spent[key] += part
            if counts and part:
                redeemed += part
                visits.add(key)
        elif move.kind == Kind.GIVE_BACK:
            part = min(move.units, spent[key])
            spent[key] -= part
            got[move.target] += part
            own[move.target] += move.units - part
            if counts:
                redeemed -= part
                if not spent[key]:
                    visits.discard(key)
        else:
            part = min(move.units, got[move.source])
            got[move.source] -= part
            own[move.source] -= move.units - part
            if move.kind == Kind.EXPIRE:
                expired += part if counts else 0
                continue
            (got if move.kind == Kind.TRADE else own)[move.target] += move.units
            if move.kind == Kind.TRADE and counts:
                units += move.units
                givers.add(move.source)
                takers.add(move.target)
                newcomers |= {move.target} - known
        known.add(move.target)
    return Traded(units, len(givers), len(takers), len(newcomers), redeemed, len(visits), expired)


# ------------------------------------------------------------------------------------------------------ pages


@dataclass(frozen=True)
class Plot:
    """A picture: its name, what it shows in words, and its bytes (PNG)."""

    name: str
    alt: str
    image: bytes

    @property
    def data(self) -> str:
        """As an address that holds the picture itself."""
        return "data:image/png;base64," + base64.b64encode(self.image).decode()


def as_html(report: Report) -> str:
    """One page that needs nothing else."""
    return _render("report.html.j2", report, _plots(report))


def as_markdown(report: Report, stem: str) -> tuple[str, dict[str, bytes]]:
    """The same in Markdown, and the pictures that must lie beside it, by name; `stem` begins their names."""
    plots = _plots(report, f"{stem}-")
    return _render("report.md.j2", report, plots), {plot.name: plot.image for plot in plots}


def _render(template: str, report: Report, plots: Sequence[Plot]) -> str:
    pages = Environment(
        loader=PackageLoader("troc.programme"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    brand, value = report.rolled.brand, report.value

    def money(units: int | Fraction) -> str:
        return f"{cents(value.of(brand, units)):,} {value.currency}"

    def each(amount: Fraction, how_many: int) -> str:
        return f"{cents(amount / how_many):,} {value.currency}" if how_many else "none"

    def marked(text: str) -> Markup:
        """Anybody's text in Markdown, as nothing but text: no markup, no link that makes itself."""
        return _plain(_MARKDOWN.sub(r"\\\1", text))

    pages.filters["plain"] = _plain
    pages.filters["marked"] = marked
    return pages.get_template(template).render(
        report=report,
        rolled=report.rolled,
        journal=report.journal,
        brand=brand,
        value=value,
        points=partial(_below, brand.number),
        money=money,
        each=each,
        issued_cost=value.of(brand, report.rolled.issued) * (1 - report.breakage.rate),
        redeemed_cost=value.of(brand, report.rolled.redeemed - report.rolled.given_back),
        plots=plots,
        day=words.last_day,
        good=lambda expiry: "for ever" if words.never_expires(expiry) else f"until {words.last_day(expiry)}",
        month=lambda period: f"{datetime.fromtimestamp(period.since, UTC):%B %Y}",
    )


def _plain(text: str) -> Markup:
    """Text that is safe in Markdown's HTML, and easier to read than with every quote escaped."""
    return Markup(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))  # noqa: S704


def _plots(report: Report, prefix: str = "") -> list[Plot]:
    return [_months_plot(report, prefix), _owed_plot(report, prefix), _trading_plot(report, prefix)]


def _months_plot(report: Report, prefix: str) -> Plot:
    names = [f"{datetime.fromtimestamp(each.period.since, UTC):%b %Y}" for each in report.history]
    bars = [
        ("issued", [each.issued for each in report.history], _BLUE, ""),
        ("redeemed", [each.redeemed for each in report.history], _ORANGE, "//"),
        ("expired", [each.expired for each in report.history], _PURPLE, ".."),
    ]
    number = report.rolled.brand.number
    told = "; ".join(
        f"{name}: issued {number(each.issued)}, redeemed {_below(number, each.redeemed)}, expired"
        f" {number(each.expired)}"
        for name, each in zip(names, report.history, strict=True)
    )
    image = _bars(report, names, bars, "Points by month", "month")
    return Plot(
        f"{prefix}months.png", f"Bars of points issued, redeemed and expired by month. {told}.", image
    )


def _owed_plot(report: Report, prefix: str) -> Plot:
    number = report.rolled.brand.number
    lots = [lot for lot in report.rolled.lots if lot.closing]
    names = [words.good_until(lot.expiry) for lot in lots]
    bars = [("live", [lot.closing for lot in lots], _GREEN, "")]
    told = "; ".join(
        f"{number(lot.closing)} good until {name}" for lot, name in zip(lots, names, strict=True)
    )
    image = _bars(report, names, bars, "Points owed at the end of the month", "good until")
    return Plot(
        f"{prefix}owed.png", f"Bars of points owed by the day until which they are good. {told}.", image
    )


def _trading_plot(report: Report, prefix: str) -> Plot:
    traded = report.since_launch
    number = report.rolled.brand.number
    figures = [
        ("expired", report.expired),
        ("traded,\nthen redeemed", traded.redeemed),
        ("of that: breakage\nlost, estimate", report.lost(traded)),
    ]
    bars = [("", [units for _, units in figures], _BLUE, "")]
    image = _bars(
        report, [name for name, _ in figures], bars, "Breakage beside trading, since the launch", ""
    )
    told = "; ".join(f"{' '.join(name.split())}: {number(units)}" for name, units in figures)
    return Plot(f"{prefix}trading.png", f"Bars of points since the launch. {told}.", image)


def _below(number: Any, units: int) -> str:
    return f"-{number(-units)}" if units < 0 else str(number(units))


def _bars(
    report: Report,
    names: Sequence[str],
    groups: Sequence[tuple[str, Sequence[int], str, str]],
    title: str,
    across: str,
) -> bytes:
    """Grouped bars. Drawn without the module that keeps figures, so that nothing depends on its settings."""
    scale = 10**report.rolled.brand.decimals
    figure = Figure(figsize=(8, 3.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    width = 0.8 / len(groups)
    for place, (label, units, colour, hatch) in enumerate(groups):
        across_at = [index + (place - (len(groups) - 1) / 2) * width for index in range(len(units))]
        heights = [each / scale for each in units]
        axes.bar(
            across_at,
            heights,
            width,
            label=label,
            color=colour,
            hatch=hatch,
            edgecolor="black",
            linewidth=0.5,
        )
    axes.set_xticks(range(len(names)), names, rotation=30 if len(names) > 6 else 0)
    axes.set_title(title)
    axes.set_xlabel(across)
    axes.set_ylabel("points")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda amount, _: f"{amount:,.10g}"))
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    if any(label for label, *_ in groups) and len(groups) > 1:
        axes.legend()
    file = io.BytesIO()
    # The version of the library would make pages differ that say the same.
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()
