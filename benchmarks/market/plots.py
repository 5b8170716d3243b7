"""The pictures of the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, PercentFormatter

from benchmarks.market.study import BAR, FAIR, PAIRS, RINGS, SMALL_WEEK, TRADED, Figures

# Colours that the colour-blind tell apart (Okabe and Ito, 2008).
_COLOURS = {"none": "#999999", PAIRS: "#E69F00", RINGS: "#CC79A7", FAIR: "#0072B2"}
_NAMES = {"none": "no trade", PAIRS: "pairs", RINGS: "greedy rings", FAIR: "fair clearing"}
_DOTS = 110
_FLOOR = 1e-5
"""Rates that lie closer together are drawn as if they lay so far apart."""


def draw(figures: Figures, folder: Path) -> list[str]:
    """Draw all pictures into a folder; returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        "filled.png": _filled(figures),
        "rates.png": _rates(figures),
        "breakage.png": _breakage(figures),
        "size.png": _size(figures),
    }
    for name, figure in pictures.items():
        FigureCanvasAgg(figure)
        figure.savefig(folder / name, format="png", dpi=_DOTS, metadata={"Software": None})
    return list(pictures)


def _figure(columns: int = 1, height: float = 3.6) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(9, height), layout="constrained")
    axes = [figure.add_subplot(1, columns, place + 1) for place in range(columns)]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.grid(axis="y", color="#dddddd", linewidth=0.6)
        one.set_axisbelow(True)
    return figure, axes


def _line(axes: Axes, weeks: Sequence[int], values: Sequence[float], name: str) -> None:
    axes.plot(weeks, values, color=_COLOURS[name], label=_NAMES[name], linewidth=1.6)


def _filled(figures: Figures) -> Figure:
    figure, (value, number) = _figure(2)
    for name in TRADED:
        weeks = [week for week in figures["weeks"][name] if week["orders"]]
        places = [week["week"] + 1 for week in weeks]
        _line(value, places, [week["traded"] / week["offered"] for week in weeks], name)
        shares = [(week["filled"] + week["partly"]) / week["orders"] for week in weeks]
        _line(number, places, shares, name)
    value.set_title("Part of the offered value that was traded", fontsize=10)
    number.set_title("Part of the orders that were filled, whole or in part", fontsize=10)
    for axes in (value, number):
        axes.set_ylim(0, 1)
        axes.set_xlabel("week")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    value.legend(frameon=False, fontsize=9)
    return figure


def _rates(figures: Figures) -> Figure:
    figure, (axes,) = _figure()
    for name in TRADED:
        weeks = [week for week in figures["weeks"][name] if week["spread_value"]]
        places = [week["week"] + 1 for week in weeks]
        values = [max(week["spread"] / week["spread_value"], _FLOOR) for week in weeks]
        _line(axes, places, values, name)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:g}%"))
    axes.set_title(
        "How far rates of one pair lie apart within a week (standard deviation, 0.001% or less as 0.001%)",
        fontsize=10,
    )
    axes.set_xlabel("week")
    axes.legend(frameon=False, fontsize=9, loc="center right")
    return figure


def _breakage(figures: Figures) -> Figure:
    figure, (axes,) = _figure(height=4.2)
    rows, pairs = figures["by_brand"][FAIR], figures["by_brand"][PAIRS]
    series = (
        ("none", [row["breakage_without"] or 0 for row in rows]),
        (PAIRS, [row["breakage"] or 0 for row in pairs]),
        (FAIR, [row["breakage"] or 0 for row in rows]),
    )
    for place, (name, values) in enumerate(series):
        at = [number + (place - 1) * 0.27 for number in range(len(rows))]
        axes.bar(at, values, 0.27, color=_COLOURS[name], label=_NAMES[name])
    labels = [f"{row['name']} ({row['months']})" for row in rows]
    axes.set_xticks(range(len(rows)), labels, rotation=50, ha="right", fontsize=8)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_title("Points that expired, of those issued in the year (longest life in months)", fontsize=10)
    axes.legend(frameon=False, fontsize=9)
    return figure


def _size(figures: Figures) -> Figure:
    figure, (axes,) = _figure()
    for other, place in ((RINGS, 3), (PAIRS, 2)):
        weeks = [week for row in figures["variants"] for week in row["weeks"] if week[place] > 0]
        axes.scatter(
            [week[0] for week in weeks],
            [week[1] / week[place] for week in weeks],
            s=9,
            alpha=0.6,
            linewidths=0,
            color=_COLOURS[other],
            label=f"beside {_NAMES[other]}",
        )
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.plot([axes.get_xlim()[0], SMALL_WEEK], [BAR, BAR], color="#D55E00", linewidth=1, linestyle="--")
    axes.annotate(" our bar", (SMALL_WEEK, BAR), fontsize=9, va="center", color="#D55E00")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("orders in the week")
    axes.set_ylabel("times the value")
    axes.set_title(
        "Value traded by fair clearing beside the others, same orders, all weeks of all runs", fontsize=10
    )
    axes.legend(frameon=False, fontsize=9)
    return figure
