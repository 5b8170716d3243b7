"""What this project promises to stay under, and whether it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from benchmarks.records import BenchmarkError, Record

OURS = "troc"
# Bare transfers: not a peer, but what no peer can go below.
FLOOR = "floor"


@dataclass(frozen=True)
class Bar:
    """The most gas that an operation of ours may take.

    Attributes:
        operation: Its key.
        limit: Gas, or how many times the gas of `peer`.
        peer: The system that the limit is relative to; empty where the limit is gas.
    """

    operation: str
    limit: Fraction
    peer: str = ""

    def gas(self, figures: Mapping[tuple[str, str], int]) -> int:
        """The limit in gas, given the figures by operation and system."""
        if not self.peer:
            return int(self.limit)
        # What only we have is compared with what comes next to it: four lots with a plain transfer.
        operation = _COMPARED_WITH.get(self.operation, self.operation)
        try:
            return int(self.limit * figures[operation, self.peer])
        except KeyError:
            raise BenchmarkError(f"no figure for {operation} of {self.peer}: run `make bench`") from None

    def describe(self) -> str:
        """The limit in words."""
        if not self.peer:
            return f"{int(self.limit):,}"
        if self.peer == OURS:
            return f"{float(self.limit):g} times {_COMPARED_WITH[self.operation]}"
        return f"{float(self.limit):g} times {self.peer}"


@dataclass(frozen=True)
class Result:
    """A bar and where we are."""

    bar: Bar
    limit: int
    gas: int

    @property
    def is_kept(self) -> bool:
        """Whether ours takes no more than the bar allows."""
        return self.gas <= self.limit


_COMPARED_WITH = {
    "transfer-four-lots": "transfer-existing",
    "data-request-take": "data-buy",
    "data-request-take-attested": "data-buy",
    "data-request-take-points": "data-buy-points",
    "data-request-take-points-attested": "data-buy-points",
}
_PLAIN = "openzeppelin"

BARS = (
    Bar("transfer-existing", Fraction("1.03"), _PLAIN),
    Bar("transfer-new", Fraction("1.03"), _PLAIN),
    Bar("transfer-four-lots", Fraction("1.05"), _PLAIN),
    Bar("mint-existing", Fraction("1.03"), _PLAIN),
    Bar("mint-new", Fraction("1.03"), _PLAIN),
    Bar("mint-batch-existing", Fraction(8_000)),
    Bar("mint-batch-new", Fraction(25_100)),
    Bar("take-order", Fraction(73_000)),
    Bar("first-trade", Fraction(107_000)),
    Bar("match-two", Fraction(47_500)),
    Bar("match-two-partial", Fraction(48_500)),
    Bar("ring-of-three", Fraction(44_000)),
    Bar("batch-of-30", Fraction(35_000)),
    Bar("batch-of-30-first", Fraction(52_000)),
    Bar("solver-batch", Fraction(39_300)),
    Bar("solver-batch-first", Fraction(56_400)),
    Bar("expiry", Fraction(0)),
    Bar("voucher-existing", Fraction(62_000)),
    Bar("voucher-new", Fraction(80_000)),
    Bar("voucher-batch", Fraction(22_000)),
    Bar("pending-issue", Fraction(27_000)),
    Bar("pending-release", Fraction(12_000)),
    Bar("data-sale", Fraction(168_000)),
    Bar("data-sale-points", Fraction(188_000)),
    Bar("data-dispute-key", Fraction(65_000)),
    Bar("data-dispute-chunk", Fraction(92_000)),
    Bar("data-request-take", Fraction("1.05"), OURS),
    Bar("data-request-take-attested", Fraction("1.35"), OURS),
    Bar("data-request-take-points", Fraction("1.05"), OURS),
    Bar("data-request-take-points-attested", Fraction("1.35"), OURS),
    Bar("statement-first", Fraction(96_000)),
    Bar("statement-first-holder", Fraction(79_000)),
    Bar("statement-later", Fraction(62_000)),
    Bar("statement-batch", Fraction(20_000)),
    Bar("statement-batch-new", Fraction(54_500)),
    Bar("statement-batch-contact", Fraction(200)),
    Bar("ticket-bound-first", Fraction(100_000)),
    Bar("ticket-bound-later", Fraction(66_000)),
    Bar("ticket-code-first", Fraction(106_000)),
    Bar("ticket-code-later", Fraction(71_000)),
    Bar("root-first", Fraction(106_000)),
    Bar("root-later", Fraction(72_000)),
    Bar("inbox-send", Fraction(70_000)),
    Bar("inbox-send-first", Fraction(86_500)),
    Bar("inbox-answer", Fraction(48_000)),
    Bar("inbox-answer-signed", Fraction(53_000)),
)


def results(ours: Iterable[Record], peers: Iterable[Record]) -> list[Result]:
    """Each bar with our figure; raises BenchmarkError where a figure is missing."""
    figures = {record.key: record.gas for record in (*peers, *ours)}
    found = []
    for bar in BARS:
        gas = figures.get((bar.operation, OURS))
        if gas is None:
            raise BenchmarkError(f"{bar.operation} of {OURS} was not measured: see benchmarks/ours/")
        found.append(Result(bar, bar.gas(figures), gas))
    return found
