"""Earning: equal to the slow and obvious way, whatever the order, the pieces and the kind of file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from tests.client.earning import reference
from tests.client.earning.reference import Line
from troc.errors import InputError
from troc.payouts import FileFaultsError
from troc.programme.earning import BelowZero, Earned, earn, points_text
from troc.programme.rules import parse_rules

BASE = "name: Test\ncurrency: EUR\nbase: 1 point per 1.00 EUR\n"
PRODUCTS = {"1": "WINE", "2": "FRUIT", "3": "FUEL", "4": "FRUIT"}
START = datetime(2027, 2, 26, 9)


def line(member: str, basket: str, amount: int, product: str = "2", hours: int = 0) -> Line:
    attributes = {"product": product}
    if product in PRODUCTS:
        attributes["department"] = PRODUCTS[product]
    return Line(member, basket, amount, START + timedelta(hours=hours), attributes)


def write_csv(path: Path, lines: list[Line]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["till", "time", "card", "basket", "product", "amount"])
        for each in lines:
            amount = f"{Decimal(each.amount).scaleb(-2):f}"
            writer.writerow(["7", each.time, each.member, each.basket, each.attributes["product"], amount])
    return path


def write_parquet(path: Path, lines: list[Line], amounts: str, rows: int = 1000) -> Path:
    kinds: dict[str, Any] = {
        "float": [each.amount / 100 for each in lines],
        "decimal": pa.array([Decimal(each.amount).scaleb(-2) for each in lines], pa.decimal128(15, 2)),
        "text": [f"{Decimal(each.amount).scaleb(-2):f}" for each in lines],
    }
    columns = {
        "card": pa.array([int(each.member) if each.member else None for each in lines], pa.int64()),
        "basket": pa.array([each.basket for each in lines], pa.string()),
        "product": pa.array([each.attributes["product"] for each in lines], pa.string()).dictionary_encode(),
        "amount": kinds[amounts],
        "time": pa.array([each.time for each in lines], pa.timestamp("us")),
    }
    parquet.write_table(pa.table(columns), path, row_group_size=rows)
    return path


def products(folder: Path) -> Path:
    path = folder / "products.csv"
    path.write_text("product,department\n" + "".join(f"{key},{name}\n" for key, name in PRODUCTS.items()))
    return path


TABLES = "tables:\n  products:\n    on: product\n    columns: {department: department}\n"


def assert_same(found: Earned, expected: reference.Outcome) -> None:
    assert dict(found.members) == expected.members
    assert {rule.name: rule.units for rule in found.by_rule} == expected.by_rule
    assert {out.name: (out.lines, out.cents, out.units) for out in found.excluded} == expected.excluded
    assert found.basket_cap.units == expected.basket_cap
    assert found.day_cap.units == expected.day_cap
    assert found.below_zero.units == expected.below_zero
    assert found.rounding == expected.rounding
    assert sum(found.months.values()) == found.units == adds_up(found)


def adds_up(found: Earned) -> Fraction:
    """What the parts of a report come to."""
    given_ = sum((rule.units for rule in found.by_rule), Fraction(0)) + found.below_zero.units
    return given_ - found.rounding - found.basket_cap.units - found.day_cap.units


def conditions() -> st.SearchStrategy[str]:
    return st.sampled_from(
        [
            "{}",
            "{department: WINE}",
            "{department: [FRUIT, FUEL]}",
            "{product: [1, 4]}",
            "{weekday: [fri, sunday]}",
            "{from: 2027-02-27}",
            "{until: 2027-02-27, department: FRUIT}",
            "{from: 2027-02-27, until: 2027-02-28}",
        ]
    )


AMOUNTS = st.sampled_from(["0.07", "1", "3.33", "0.999", "12.5"])


@st.composite
def rules_texts(draw: st.DrawFn) -> str:
    rules = []
    for place in range(draw(st.integers(0, 4))):
        kind = draw(
            st.one_of(
                st.builds("rate: {} points per {} EUR".format, AMOUNTS, AMOUNTS),
                st.builds("multiply: {}".format, st.sampled_from(["1.5", "2", "1.01"])),
                st.builds("bonus: {}, at_least: {}".format, st.integers(1, 30), st.integers(0, 20)),
            )
        )
        rules.append(f"  - {{name: rule {place}, when: {draw(conditions())}, {kind}}}\n")
    text = f"name: Test\ncurrency: EUR\nbase: {draw(AMOUNTS)} points per {draw(AMOUNTS)} EUR\n"
    text += f"points_decimals: {draw(st.integers(0, 3))}\n" + TABLES
    text += "rules:\n" + "".join(rules) if rules else ""
    if draw(st.booleans()):
        text += "exclude:\n  - {name: Fuel, when: {department: FUEL}}\n"
        text += "  - {name: Friday, when: {weekday: fri, product: 1}}\n"
    caps = [f"{key}: {draw(st.integers(1, 40))}" for key in ("basket", "member_day") if draw(st.booleans())]
    text += f"caps: {{{', '.join(caps)}}}\n"
    return text + (
        f"rounding: {{per: {draw(st.sampled_from(['basket', 'line']))},"
        f" mode: {draw(st.sampled_from(['floor', 'half-up']))}}}\n"
    )


receipt_lines = st.lists(
    st.builds(
        line,
        st.sampled_from(["", "11", "12", "13"]),
        st.sampled_from(["a", "b", "c", "d"]),
        st.integers(-3_000, 5_000),
        st.sampled_from(["1", "2", "3", "4", "9"]),
        st.integers(0, 80),
    ),
    max_size=40,
)


@given(rules_texts(), receipt_lines, st.sampled_from(["csv", "float", "decimal", "text"]), st.integers(1, 30))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_equals_the_slow_and_obvious_way(
    tmp_path: Path, text: str, lines: list[Line], kind: str, chunk: int
) -> None:
    rules = parse_rules(text)
    if kind == "csv":
        path = write_csv(tmp_path / "receipts.csv", lines)
    else:
        path = write_parquet(tmp_path / "receipts.parquet", lines, kind, rows=7)
    found = earn(rules, path, tables={"products": products(tmp_path)}, chunk_rows=chunk, held_rows=chunk)
    assert_same(found, reference.earn(rules, lines))


@given(rules_texts(), receipt_lines, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_lines_changes_nothing(
    tmp_path: Path, text: str, lines: list[Line], random: Any
) -> None:
    rules = parse_rules(text)
    tables = {"products": products(tmp_path)}
    first = earn(rules, write_csv(tmp_path / "receipts.csv", lines), tables=tables)
    random.shuffle(lines)
    second = earn(
        rules, write_csv(tmp_path / "receipts.csv", lines), tables=tables, chunk_rows=3, held_rows=2
    )
    assert first == second


def earned(tmp_path: Path, rules: str, lines: list[Line], **options: Any) -> Earned:
    path = write_csv(tmp_path / "receipts.csv", lines)
    return earn(
        parse_rules(rules),
        path,
        tables={"products": products(tmp_path)} if TABLES in rules else {},
        **options,
    )


def test_small_lines_of_a_basket_are_rounded_together(tmp_path: Path) -> None:
    lines = [line("11", "a", 50)] * 5
    assert earned(tmp_path, BASE, lines).members == {"11": 2}
    assert earned(tmp_path, BASE + "rounding: {per: line}", lines).members == {}
    assert earned(tmp_path, BASE + "rounding: {per: line, mode: half-up}", lines).members == {"11": 5}
    assert earned(tmp_path, BASE + "rounding: {mode: half-up}", lines).members == {"11": 3}


def test_a_return_lowers_its_basket_and_no_other(tmp_path: Path) -> None:
    lines = [line("11", "a", 1000), line("11", "a", -400), line("11", "b", -700), line("11", "b", 200)]
    found = earned(tmp_path, BASE, lines)
    assert found.members == {"11": 6}
    assert found.below_zero == BelowZero(1, -500, Fraction(5))


def test_a_basket_below_zero_gets_no_bonus(tmp_path: Path) -> None:
    text = BASE + TABLES + "rules:\n  - {name: Wine, when: {department: WINE}, bonus: 50}\n"
    lines = [line("11", "a", 500, "1"), line("11", "a", -900), line("12", "b", 500, "1")]
    assert earned(tmp_path, text, lines).members == {"12": 55}


def test_the_day_of_a_basket_is_that_of_its_first_line(tmp_path: Path) -> None:
    # 23:00 and 01:00 of the next day; the second basket is of that next day.
    lines = [line("11", "a", 900, hours=16), line("11", "a", 900, hours=14), line("11", "b", 900, hours=16)]
    found = earned(tmp_path, BASE + "caps: {member_day: 10}", lines)
    assert found.members == {"11": 19}
    assert (found.day_cap.times, found.day_cap.units) == (1, 8)


def test_a_month_alone(tmp_path: Path) -> None:
    lines = [line("11", "a", 900), line("11", "b", 700, hours=96), line("", "c", 100, hours=96)]
    found = earned(tmp_path, BASE, lines)
    assert found.months == {"2027-02": 9, "2027-03": 7}
    march = earned(tmp_path, BASE, lines, month="2027-03")
    assert (march.members, march.baskets, march.lines, march.cents) == ({"11": 7}, 1, 1, 700)
    assert march.excluded[-1].lines == 1
    assert earned(tmp_path, BASE, lines, month="2027-02").excluded[-1].lines == 0
    with pytest.raises(InputError, match="'2027-13' is no month"):
        earned(tmp_path, BASE, lines, month="2027-13")


@pytest.mark.parametrize(
    ("hours", "last"), [(48, "2027-02"), (96, "2027-02"), (96 + 30 * 24 - 24, "2027-03")]
)
def test_the_last_month_is_the_last_whole_one(tmp_path: Path, hours: int, last: str) -> None:
    assert (
        earned(tmp_path, BASE, [line("11", "a", 900), line("11", "b", 900, hours=hours)]).last_month == last
    )


def test_a_time_with_a_zone_is_shown_in_that_of_the_rules(tmp_path: Path) -> None:
    path = tmp_path / "receipts.csv"
    path.write_text("card,basket,amount,time\n1,a,5.00,2027-02-28T23:30:00Z\n")
    assert earn(parse_rules(BASE), path).months == {"2027-02": 5}
    assert earn(parse_rules(BASE + "timezone: Europe/Paris\n"), path).months == {"2027-03": 5}


class Register:
    """Members with a status; `asked` is every card that it was asked for."""

    def __init__(self, statuses: dict[str, str | None]) -> None:
        self.statuses = statuses
        self.asked: list[str] = []

    def statuses_of(self, cards: Sequence[str]) -> list[str | None]:
        self.asked += cards
        return [self.statuses.get(card) for card in cards]


STATUS_RULES = BASE + "rules: [{name: Gold, rate: 1 point per 1.00 EUR, when: {status: [gold, platinum]}}]\n"


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_a_status_is_that_of_the_member_and_each_is_asked_for_once(tmp_path: Path, chunk: int) -> None:
    """Cards without a status, and of nobody, have none; so has a line without a card."""
    cards = ("11", "12", "", "13", "14", "11", "12", "13")
    lines = [line(card, str(place), 1000) for place, card in enumerate(cards)]
    register = Register({"11": "gold", "12": "silver", "13": "", "14": "platinum"})
    path = write_parquet(tmp_path / "receipts.parquet", lines, "text")
    found = earn(parse_rules(STATUS_RULES), path, chunk_rows=chunk, statuses=register)
    assert dict(found.members) == {"11": 40, "12": 20, "13": 20, "14": 20}
    assert sorted(register.asked) == ["11", "12", "13", "14"]


@pytest.mark.parametrize(
    ("more", "column"),
    [
        ("", "status"),
        ("columns: {status: till}\n", "till"),
        ("tables: {who: {on: member, key: card, columns: {status: level}, file: who.csv}}\n", ""),
    ],
)
def test_what_the_files_say_of_a_status_goes_first(tmp_path: Path, more: str, column: str) -> None:
    (tmp_path / "who.csv").write_text("card,level\n12,gold\n")
    path = tmp_path / "receipts.csv"
    head = f"time,card,basket,amount{',' + column if column else ''}\n"
    said = ("silver", "gold") if column else ("", "")
    body = [
        f"2027-02-26,{card},{card},10.00{',' + status if column else ''}\n"
        for card, status in zip(("11", "12"), said, strict=True)
    ]
    path.write_text(head + "".join(body))
    rules = parse_rules(STATUS_RULES + more, folder=tmp_path)
    register = Register({"11": "gold", "12": "silver"})
    assert dict(earn(rules, path, statuses=register).members) == {"11": 10, "12": 20}
    assert not register.asked


def test_an_unknown_product_is_of_no_department(tmp_path: Path) -> None:
    text = BASE + TABLES + "rules:\n  - {name: Wine, when: {department: WINE}, multiply: 2}\n"
    assert earned(tmp_path, text, [line("11", "a", 900, "77")]).members == {"11": 9}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("1,a,1.234,2027-02-26", "line 3: the column 'amount' is finer than 2 digits"),
        ("1,a,1e3,2027-02-26", "line 3: the column 'amount' is no amount"),
        ("1,a,,2027-02-26", "line 3: the column 'amount' is no amount"),
        ("1,a,nan,2027-02-26", "line 3: the column 'amount' is no amount"),
        ("1,a,999999999999.00,2027-02-26", "line 3: the column 'amount' is too large"),
        ("1,,1.00,2027-02-26", "line 3: the column 'basket' is empty"),
        ("1,a,1.00,yesterday", "line 3: the column 'time' is no time"),
    ],
)
def test_faulty_lines_are_named(tmp_path: Path, row: str, fault: str) -> None:
    path = tmp_path / "receipts.csv"
    path.write_text(f"card,basket,amount,time\n1,a,1.00,2027-02-26\n{row}\n")
    with pytest.raises(FileFaultsError, match=fault):
        earn(parse_rules(BASE), path)


@pytest.mark.parametrize("value", [1.005, float("nan"), float("inf"), None, 1e13])
def test_faulty_floats_are_named(tmp_path: Path, value: float | None) -> None:
    path = tmp_path / "receipts.parquet"
    frame = {"card": [1, 1], "basket": [1, 1], "amount": [1.1 + 2.2, value], "time": [START, START]}
    pd.DataFrame(frame).to_parquet(path)
    with pytest.raises(FileFaultsError, match="line 2: the column 'amount'"):
        earn(parse_rules(BASE), path)


@pytest.mark.parametrize("value", [-(2**63), 2**63 - 1])
def test_whole_amounts_without_bound_are_named(tmp_path: Path, value: int) -> None:
    path = tmp_path / "receipts.parquet"
    frame = {"card": [1], "basket": [1], "amount": [value], "time": [START]}
    pd.DataFrame(frame).to_parquet(path)
    with pytest.raises(FileFaultsError, match="line 1: the column 'amount' is too large"):
        earn(parse_rules(BASE), path)


def test_decimals_without_bound_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "receipts.parquet"
    amount = pa.array([Decimal(10) ** 30], pa.decimal128(38, 2))
    parquet.write_table(pa.table({"card": [1], "basket": [1], "amount": amount, "time": [START]}), path)
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        earn(parse_rules(BASE), path)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "is empty"),
        ("card,basket,amount\n", "has no column 'time'"),
        ("basket,amount,time\n", "has no column 'member'"),
        ("card,card,basket,amount,time\n", "the column 'card' twice"),
        ("card,basket,amount,time\n1,a\n", "cannot be read as CSV"),
        ("x" * 100_000, "has no header line"),
    ],
)
def test_faulty_files_are_refused(tmp_path: Path, content: str, fault: str) -> None:
    path = tmp_path / "receipts.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=fault):
        earn(parse_rules(BASE), path)


def test_sums_that_could_overflow_are_refused(tmp_path: Path) -> None:
    text = BASE.replace("1 point per 1.00", "999999999 points per 0.01")
    path = tmp_path / "receipts.csv"
    path.write_text("card,basket,amount,time\n" + "1,a,999999999.00,2027-02-26\n" * 20)
    with pytest.raises(InputError, match="too large to be added up"):
        earn(parse_rules(text), path)


def test_tables_must_be_sound(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "receipts.csv", [line("11", "a", 900)])
    table = tmp_path / "doubled.csv"
    table.write_text("product,department\n1,WINE\n1,FRUIT\n")
    text = BASE + TABLES + "rules:\n  - {name: Wine, when: {department: WINE}, multiply: 2}\n"
    with pytest.raises(InputError, match="has product 1 twice"):
        earn(parse_rules(text), path, tables={"products": table})
    with pytest.raises(InputError, match="has no file"):
        earn(parse_rules(text), path)
    with pytest.raises(InputError, match="have no table 'members'"):
        earn(parse_rules(text), path, tables={"members": table})


@pytest.mark.parametrize(
    ("units", "decimals", "text"),
    [
        (1234, 0, "1,234"),
        (Fraction(5, 3), 0, "1.67"),
        (Fraction(-5, 3), 0, "-1.67"),
        (1234, 2, "12.34"),
        (Fraction(1, 2), 2, "0.005"),
    ],
)
def test_points_text(units: int | Fraction, decimals: int, text: str) -> None:
    assert points_text(units, decimals) == text
