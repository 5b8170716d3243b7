"""Everything that was assumed, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from troc.words import DAY

UNITS = 100
"""Smallest units of a point: two decimals."""

CENT = 1e-2


@dataclass(frozen=True)
class Brand:
    """A brand and its programme.

    `manufacturer` is its number in the data, None for the grocer, whose points reward the whole receipt.
    `rate`: points for every full ten cents; `cents` is what a point takes off a receipt; `reward` is the
    smallest sum, in cents, and the step, in which points are redeemed; `epoch` is a quarter of a point's
    longest life, in days.
    """

    name: str
    manufacturer: int | None
    rate: int
    cents: float
    reward: int
    epoch: int

    @property
    def unit(self) -> float:
        """What the smallest unit takes off a receipt, in dollars."""
        return self.cents * CENT / UNITS

    @property
    def step(self) -> int:
        """A reward in smallest units."""
        return round(self.reward / self.cents * UNITS)

    @property
    def seconds(self) -> int:
        """The length of an epoch."""
        return self.epoch * DAY


GROCER_BACK = 0.01
BRAND_BACK = 0.05
"""Which part of what is paid comes back as points."""

MONTHS = {4: 30, 8: 61, 12: 91}
"""Longest life of a point in months: the days of an epoch, four of which it lives at most."""


def _brand(name: str, manufacturer: int | None, rate: int, months: int, reward: int) -> Brand:
    back = GROCER_BACK if manufacturer is None else BRAND_BACK
    return Brand(name, manufacturer, rate, back * 10 / rate, reward, MONTHS[months])


BRANDS = (
    _brand("Grocer", None, 1, 12, 500),
    _brand("Vegetables A", 2, 5, 4, 100),
    _brand("Household", 764, 5, 12, 100),
    _brand("Soft drinks A", 103, 5, 8, 100),
    _brand("Soft drinks B", 1208, 5, 4, 100),
    _brand("Snacks", 544, 10, 12, 100),
    _brand("Cheese", 317, 5, 12, 100),
    _brand("Flowers", 673, 2, 4, 100),
    _brand("Soup", 1251, 10, 12, 100),
    _brand("Cereal A", 194, 1, 8, 100),
    _brand("Desserts", 1046, 2, 4, 100),
    _brand("Cereal B", 794, 5, 12, 100),
    _brand("Meat A", 397, 10, 8, 100),
    _brand("Pizza", 151, 1, 4, 100),
    _brand("Soft drinks C", 2224, 5, 12, 100),
    _brand("Diapers", 751, 2, 8, 100),
    _brand("Sausages", 1089, 10, 4, 100),
    _brand("Meat B", 1094, 5, 12, 100),
    _brand("Candy", 693, 1, 8, 100),
    _brand("Meat C", 1075, 2, 4, 100),
)
"""The grocer and its largest manufacturers by sales of the year, largest first.

The data has numbers: the names say what they sell most of. A brewer and a maker of cigarettes (numbers 239
and 539), which rank 12th and 14th, are left out: rewards on these goods are forbidden or restricted in many
places.
"""

LEFT_OUT = frozenset({239, 539})


@dataclass(frozen=True)
class Parameters:
    """One run.

    `households`: how many, None for all. `share`: part of them that trades; everybody earns and redeems.
    `spread`: standard deviation of the private noise on limits, in logarithms. `memory`: half-life of what a
    household remembers of its purchases, in weeks. `waiting`: median of the private price of waiting, part of
    the value a week. `hurdle`: what a swap must gain to be worth the trouble, part of the value; `least`: the
    smallest sum worth a swap, in dollars. `orders`: the most orders of a household a week. `patience`: for
    how many weeks an unfilled wish is tried again (at least, at most); `rest`: for how many weeks it then
    rests. `concession`: what is left, after each week without success, of the part of the gain that a
    household asks for. `horizon`: points are wanted up to what the household buys of the brand in that many
    weeks. `lives`: the lives one can ask for, in weeks, and `bounds` whether anybody does. `ring`: the
    longest greedy ring. `news`: half-life of the prices that households see, in weeks; `pull`: dollars of
    trade that the belief in a dollar for a dollar weighs, for each brand. `grocer`: whether the grocer's
    points are traded.
    """

    seed: int = 2017
    weeks: int = 52
    households: int | None = None
    share: float = 0.30
    spread: float = 0.05
    memory: float = 8.0
    waiting: float = 0.01
    hurdle: float = 0.05
    least: float = 0.25
    orders: int = 3
    patience: tuple[int, int] = (2, 6)
    rest: int = 8
    concession: float = 0.7
    horizon: int = 13
    lives: tuple[int, ...] = (3, 9)
    bounds: bool = True
    ring: int = 5
    news: float = 4.0
    pull: float = 1.0
    grocer: bool = True


QUICK = Parameters(weeks=20, households=100, share=1.0)
"""A small run for a test."""


@dataclass(frozen=True)
class Prices:
    """What gas costs: gwei for the gas of execution, gwei for a byte of calldata, dollars for an ether."""

    name: str
    gwei: float
    byte_gwei: float
    ether: float = 3000.0


PRICES = (
    Prices("mainnet, quiet", 1.0, 0.0),
    Prices("mainnet, busy", 20.0, 0.0),
    Prices("rollup", 0.01, 1.0),
)
"""On mainnet the measured gas contains the calldata. On a rollup each byte of it is posted besides, here at
one gas of blob a byte and one gwei, without compression, and the measured gas is paid at the rollup's own
price."""
