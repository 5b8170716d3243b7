"""`troc.words`: amounts, dates and lives of points."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troc import words
from troc.errors import InputError

NOW = int(datetime(2026, 11, 21, 14, 30, tzinfo=UTC).timestamp())


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]


@given(st.integers(1, 2**56), st.integers(0, 6))
def test_number_and_to_units_are_inverse(units: int, decimals: int) -> None:
    shown = words.number(units, decimals).replace(",", "")
    assert words.to_units(words.parse_amount(shown), decimals, "X") == units


@pytest.mark.parametrize(
    ("units", "decimals", "shown"),
    [(1234567, 0, "1,234,567"), (1234567, 2, "12,345.67"), (1200, 2, "12"), (5, 6, "0.000005")],
)
def test_number(units: int, decimals: int, shown: str) -> None:
    assert words.number(units, decimals) == shown


@pytest.mark.parametrize("text", ["", "1,5", "1e3", "-1", "+1", "0", "0.0", "1.", "٣", "1 2", "nan"])
def test_parse_amount_refuses(text: str) -> None:
    with pytest.raises(InputError):
        words.parse_amount(text)


@pytest.mark.parametrize("text", ["100", "ACME 100 now", "100ACME", ""])
def test_parse_quantity_refuses(text: str) -> None:
    with pytest.raises(InputError, match="120 PANIER"):
        words.parse_quantity(text)


def test_to_units_refuses_fractions_of_the_smallest_unit() -> None:
    with pytest.raises(InputError, match=r"smallest amount of X is 0\.01"):
        words.to_units(Decimal("1.005"), 2, "X")
    assert words.to_units(Decimal("1.500"), 1, "X") == 15


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2027-02-19", at(2027, 2, 19, 23, 59, 59)),
        ("90d", at(2027, 2, 19, 23, 59, 59)),
        ("5y", words.parse_until("5 years", NOW)),
        ("1 day", at(2026, 11, 22, 23, 59, 59)),
        ("2 weeks", at(2026, 12, 5, 23, 59, 59)),
        ("12h", at(2026, 11, 22, 2, 30)),
        ("24h", at(2026, 11, 22, 23, 59, 59)),
        ("3 months", at(2027, 2, 21, 23, 59, 59)),
        ("1 year", words.parse_until("12 months", NOW)),
    ],
)
def test_parse_until(text: str, end: int) -> None:
    assert words.parse_until(text, NOW) == end


@pytest.mark.parametrize("text", ["", "soon", "0d", "-3d", "5 lightyears", "2027-13-01", "99999 years"])
def test_parse_until_refuses(text: str) -> None:
    with pytest.raises(InputError):
        words.parse_until(text, NOW)


@pytest.mark.parametrize(
    ("valid", "days", "life"),
    [
        ("12 months", 92, "9 to 12 months"),
        ("1 year", 92, "9 to 12 months"),
        ("6 months", 46, "4.5 to 6 months"),
        ("60 days", 15, "45 to 60 days"),
        ("4 days", 1, "3 to 4 days"),
        ("8 weeks", 14, "42 to 56 days"),
        ("4 years", 366, "3 to 4 years"),
        ("never", 0, "for ever"),
    ],
)
def test_parse_life(valid: str, days: int, life: str) -> None:
    assert words.parse_life(valid) == days * words.DAY
    assert words.life(words.parse_life(valid)) == life


@given(st.integers(4, 5000))
def test_points_live_at_least_as_long_as_the_brand_said(days: int) -> None:
    epoch = words.parse_life(f"{days} days")
    assert 4 * epoch >= days * words.DAY
    assert 4 * (epoch - words.DAY) < days * words.DAY


@pytest.mark.parametrize("valid", ["3 days", "", "a year", "12", "1 hour"])
def test_parse_life_refuses(valid: str) -> None:
    with pytest.raises(InputError):
        words.parse_life(valid)


@pytest.mark.parametrize(
    ("days", "first"),
    [
        (92, (2026, 9, 1)),
        (30, (2026, 11, 1)),
        (7, (2026, 11, 16)),
        (15, (2026, 11, 21)),
        (0, (2026, 11, 21)),
    ],
)
def test_natural_origin(days: int, first: tuple[int, int, int]) -> None:
    assert words.natural_origin(days * words.DAY, NOW) == at(*first)


@given(st.integers(0, 400), st.integers(0, 4_000_000_000))
def test_natural_origin_is_never_in_the_future(days: int, now: int) -> None:
    assert now - 130 * words.DAY < words.natural_origin(days * words.DAY, now) <= now


@pytest.mark.parametrize(
    ("start", "days", "text"),
    [
        ((2026, 3, 1), 92, "in spring 2026"),
        ((2026, 12, 1), 92, "in winter 2026/27"),
        ((2026, 11, 2), 7, "from 2 to 8 November 2026"),
        ((2026, 11, 28), 7, "from 28 November to 4 December 2026"),
        ((2026, 12, 28), 7, "from 28 December 2026 to 3 January 2027"),
        ((2026, 12, 28), 1, "on 28 December 2026"),
    ],
)
def test_earned(start: tuple[int, int, int], days: int, text: str) -> None:
    assert words.earned(at(*start), days * words.DAY) == text


def test_last_day_is_the_last_on_which_points_are_good() -> None:
    assert words.last_day(at(2027, 3, 1)) == "28 February 2027"
    assert words.last_day(at(2027, 3, 1) + 1) == "1 March 2027"


def test_moment_tells_the_minute_unless_it_is_the_end_of_a_day() -> None:
    assert words.moment(at(2027, 2, 19, 23, 59, 59)) == "19 February 2027"
    assert words.moment(at(2027, 2, 19, 14, 5)) == "19 February 2027, 14:05 UTC"
    assert words.moment(2**62) == "the end of time"


def test_listed() -> None:
    assert words.listed([]) == ""
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"], "or") == "a, b or c"
