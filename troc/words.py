"""Amounts, dates and lives of points in the words that people use.

People read and write whole points and days; contracts count smallest units and Unix seconds. Every
translation between the two is here. Times are Unix seconds, days are days of UTC, seasons are those of the
northern half of the world.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from troc.errors import InputError

HOUR = 3_600
DAY = 24 * HOUR
LIFE_EPOCHS = 4
"""Points live the epoch in which they were earned and the next three (ERC-7818: `validityDuration`)."""

_FOR_EVER = 253_402_300_799
"""The last second of the year 9999: what lies beyond is for ever."""

_MONTH = 30.4375 * DAY
_SPANS = {"h": HOUR, "hour": HOUR, "d": DAY, "day": DAY, "w": 7 * DAY, "week": 7 * DAY}
_LONG_SPANS = {"month": _MONTH, "y": 12 * _MONTH, "year": 12 * _MONTH}
_FEWEST_HALVES = 3
_NEAR = 0.25
_MOST_DIGITS = 80
"""An amount of 2^256 smallest units has 78."""
_SEASONS = ("winter", "spring", "summer", "autumn")
_NUMBER = re.compile(r"\d+(\.\d+)?|\.\d+", re.ASCII)
_FORMULA = re.compile(r"[=@]|[+-](?!\d+(\.\d+)?\Z)", re.ASCII)
_MONTH_TEXT = re.compile(r"(\d{4})-(\d\d)", re.ASCII)
_SPAN = re.compile(r"(\d{1,9})\s*([a-z]+)", re.ASCII)


@dataclass(frozen=True)
class Quantity:
    """An amount in whole points and the name of what it counts: "120 PANIER"."""

    amount: Decimal
    name: str


# ---------------------------------------------------------------------------------------------------- amounts


def parse_amount(text: str) -> Decimal:
    """A positive number of whole points: "120" or "1200.50"."""
    text = text.strip()
    if text.startswith("-"):
        raise InputError(f"{text} is below zero", "write an amount above 0")
    if len(text) > _MOST_DIGITS + 1:
        raise InputError(f"{text[:20]!r}… is no amount of points", "write fewer digits")
    if not _NUMBER.fullmatch(text):
        raise InputError(
            f"{text!r} is no amount of points", "write digits, and a point before a fraction, as in 1200.50"
        )
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise InputError(f"{text!r} is no amount of points", "write fewer digits") from None
    if not amount:
        raise InputError("an amount of 0 means nothing", "write an amount above 0")
    return amount


def parse_quantity(text: str) -> Quantity:
    """What "120 PANIER" says: an amount, then the brand's symbol, proven domain or address."""
    parts = text.split() if isinstance(text, str) else ()
    if len(parts) != 2:
        raise InputError(
            f"{text!r} is not an amount of something", 'write an amount and a brand, as in "120 PANIER"'
        )
    return Quantity(parse_amount(parts[0]), parts[1])


def to_units(amount: Decimal, decimals: int, symbol: str) -> int:
    """Whole points in smallest units. `symbol` is for the complaint alone."""
    sign, digits, exponent = amount.as_tuple()
    if sign or not isinstance(exponent, int):
        raise InputError(f"{amount} is no amount of {symbol}", "write an amount above 0")
    shift = exponent + decimals
    units = int("".join(map(str, digits)))
    if shift >= 0:
        return units * 10**shift if shift < 80 else 10**80
    if shift < -80 or units % 10**-shift:
        smallest = "1" if decimals == 0 else f"{Decimal(1).scaleb(-decimals):f}"
        raise InputError(
            f"{amount} {symbol} cannot be written in whole units",
            f"the smallest amount of {symbol} is {smallest}",
        )
    return int(units // 10**-shift)


def number(units: int, decimals: int = 0) -> str:
    """Smallest units as people read whole points: "1,234.5"."""
    whole, rest = divmod(units, 10**decimals)
    fraction = f"{rest:0{decimals}d}".rstrip("0") if rest else ""
    return f"{whole:,}.{fraction}" if fraction else f"{whole:,}"


def count(how_many: int, noun: str, nouns: str = "") -> str:
    """`1 order`, `2 orders`."""
    return f"{how_many:,} {noun if how_many == 1 else nouns or noun + 's'}"


def listed(things: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    items = list(things)
    return f" {last} ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


# ------------------------------------------------------------------------------------------------------ dates


def _utc(time: int) -> datetime:
    return datetime.fromtimestamp(time, UTC)


def day(time: int) -> str:
    """The day that a time lies in: "19 February 2027"."""
    if time > _FOR_EVER:
        return "the end of time"
    moment_ = _utc(time)
    return f"{moment_.day} {moment_:%B %Y}"


def iso_day(time: int) -> str:
    """The day that a time lies in, for programs: "2027-02-19"."""
    return _utc(time).date().isoformat()


def moment(time: int) -> str:
    """A time to the minute; the day alone where it is the last second of one."""
    if time > _FOR_EVER:
        return day(time)
    return day(time) if time % DAY == DAY - 1 else f"{day(time)}, {_utc(time):%H:%M} UTC"


def last_day(expiry: int) -> str:
    """The last day on which points are good that stop being valid at `expiry`: "28 February 2027"."""
    return day(expiry - 1)


def good_until(expiry: int) -> str:
    """`last_day`, or "for ever"."""
    return "for ever" if never_expires(expiry) else last_day(expiry)


def never_expires(expiry: int) -> bool:
    """Whether an expiry is so far away that it stands for "never"."""
    return expiry > _FOR_EVER


def end_of_day(time: int) -> int:
    """The last second of the day that `time` lies in."""
    return time - time % DAY + DAY - 1


def start_of_day(time: int) -> int:
    """The first second of the day that `time` lies in."""
    return time - time % DAY


def parse_day(text: str) -> int:
    """The first second of a day written as 2027-02-19."""
    try:
        return int(datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise InputError(f"{text!r} is no date", "write year, month and day, as in 2027-02-19") from None


def parse_month(text: str) -> tuple[int, int]:
    """The first second of a month written as 2027-02, and that of the next one."""
    found = _MONTH_TEXT.fullmatch(text.strip())
    if not found or not 1 <= int(found[2]) <= 12 or not 1970 <= int(found[1]) < 9999:
        raise InputError(f"{text!r} is no month", "write year and month, as in 2027-02")
    first = datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC)
    following = (first + timedelta(days=31)).replace(day=1)
    return int(first.timestamp()), int(following.timestamp())


def parse_until(text: str, now: int) -> int:
    """A last second: of a day ("2027-02-19"), or a while from `now` on ("12h", "90d", "2 weeks", "3 months").

    Whiles of days and more last to the end of their last day, so that a date that is shown is true to the
    second.
    """
    found = _SPAN.fullmatch(text.strip().lower())
    if not found:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip(), re.ASCII):
            return end_of_day(parse_day(text))
        raise InputError(f"{text!r} is no date and no while", "write 2027-02-19, or 12h, 90d, 3 months")
    seconds = _seconds(int(found[1]), found[2], text)
    return now + seconds if seconds % DAY else end_of_day(now + seconds)


def _seconds(how_many: int, unit: str, text: str) -> int:
    single = unit.removesuffix("s")
    if unit in _SPANS or single in _SPANS:
        seconds = how_many * _SPANS.get(unit, _SPANS.get(single, 0))
    elif single in _LONG_SPANS:
        # Months differ in length: round up to days, in favour of whoever the while is for.
        seconds = -int(-how_many * _LONG_SPANS[single] // DAY) * DAY
    else:
        raise InputError(
            f"{text!r} is no length of time", "write hours, days, weeks, months or years, as in 90d"
        )
    if not 0 < seconds <= 1000 * 366 * DAY:
        raise InputError(
            f"{text!r} is no sensible length of time", "write a length between an hour and 1000 years"
        )
    return seconds


# ------------------------------------------------------------------------------------- lives of points


def parse_life(text: str) -> int:
    """The length of an epoch in seconds, from the longest life of a point: "12 months", "60 days", "never".

    0 stands for "never expires". A point lives the epoch in which it was earned and the next three, so an
    epoch is a quarter of the life, rounded up to whole days in favour of the customers: points then expire
    at midnight.
    """
    text = text.strip().lower()
    if text in ("never", "for ever", "forever"):
        return 0
    found = _SPAN.fullmatch(text)
    if not found:
        raise InputError(f"{text!r} is no life of points", 'write "12 months", "60 days" or "never"')
    seconds = _seconds(int(found[1]), found[2], text)
    if seconds < LIFE_EPOCHS * DAY:
        raise InputError(f"points cannot live for only {text}", "let them live for 4 days or more")
    return -(-seconds // (LIFE_EPOCHS * DAY)) * DAY


def life(epoch_length: int) -> str:
    """From the shortest to the longest life of a point: "9 to 12 months", "45 to 60 days", "for ever"."""
    if epoch_length == 0 or epoch_length * LIFE_EPOCHS > _FOR_EVER:
        return "for ever"
    shortest, longest = (LIFE_EPOCHS - 1) * epoch_length, LIFE_EPOCHS * epoch_length
    for unit, seconds in (("years", 12 * _MONTH), ("months", _MONTH)):
        # Halves are near enough to read: 4.5 months.
        halves = [2 * time / seconds for time in (shortest, longest)]
        if halves[0] >= _FEWEST_HALVES and all(abs(value - round(value)) <= _NEAR for value in halves):
            low, high = (f"{round(value) / 2:g}" for value in halves)
            return f"{low} to {high} {unit}"
    return f"{shortest // DAY} to {longest // DAY} days"


def natural_origin(epoch_length: int, now: int) -> int:
    """A first second for epoch 0, at or before `now`, that makes dates easy to remember.

    The beginning of a season for epochs of about a season, of a month for shorter ones down to a month, of
    a week for whole weeks, else of today.
    """
    today = start_of_day(now)
    if epoch_length == 0:
        return today
    moment_ = _utc(today)
    if 80 * DAY <= epoch_length <= 100 * DAY:
        return _season_start(moment_)
    if epoch_length >= 28 * DAY:
        return int(moment_.replace(day=1).timestamp())
    if epoch_length % (7 * DAY) == 0:
        return int((moment_ - timedelta(days=moment_.weekday())).timestamp())
    return today


def _season_start(moment_: datetime) -> int:
    first = moment_.replace(day=1)
    while first.month % 3:
        first = (first - timedelta(days=1)).replace(day=1)
    return int(first.timestamp())


def earned(start: int, length: int) -> str:
    """When points of the epoch from `start` on were earned: "in spring 2026", "from 1 to 14 May 2026"."""
    if start + length > _FOR_EVER:
        return "at any time"
    if 80 * DAY <= length <= 100 * DAY:
        middle = _utc(start + length // 2)
        season = _SEASONS[middle.month % 12 // 3]
        if season != "winter":
            return f"in {season} {middle.year}"
        first = middle.year - 1 if middle.month < 3 else middle.year
        return f"in winter {first}/{(first + 1) % 100:02d}"
    if length <= DAY:
        return f"on {day(start)}"
    first_, last = _utc(start), _utc(start + length - 1)
    if first_.year != last.year:
        return f"from {day(start)} to {day(start + length - 1)}"
    if first_.month != last.month:
        return f"from {first_.day} {first_:%B} to {day(start + length - 1)}"
    return f"from {first_.day} to {day(start + length - 1)}"


# --------------------------------------------------------------------------------------------------- accounts


def short(address: str) -> str:
    """An address, short enough for a sentence: "0x1234…cdef"."""
    return f"{address[:6]}…{address[-4:]}"


def one_of(words: Sequence[str]) -> str:
    """`a, b or c`, for remedies."""
    return listed(words, "or")


def shown(text: str) -> str:
    """Text from the chain without what could deceive a terminal: controls, line ends, marks of writing
    direction; and without what is no text at all.
    """
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(character)[0] == "C" else character
        for character in text
    )


def cell(text: str) -> str:
    """Text of somebody else's for a CSV file that people open as a spreadsheet: what such a program would
    take for a formula begins with an apostrophe, which makes it text there.
    """
    return f"'{text}" if _FORMULA.match(text) else text
