"""Earning rules: what a receipt is worth in points, as a brand writes it down in YAML.

Every number of a file is read as text and kept exact (`Fraction`, whole cents, whole smallest units of
points); nothing passes through a float. docs/earning.md shows a whole file and says what each key means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from troc import words
from troc.errors import InputError

ROLES = ("member", "basket", "amount", "time")
"""What every receipt line must have."""

STATUS = "status"
"""The attribute that the brand's own members have, too."""

DEFAULT_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "member": ("member", "card", "household", "address"),
    "basket": ("basket", "receipt"),
    "amount": ("amount",),
    "time": ("time", "date"),
    "product": ("product",),
    "department": ("department",),
    STATUS: (STATUS,),
}
"""The columns that are looked for where the rules name none, the first that is there wins."""

NO_CARD = "without a card"
"""What a report calls lines that name no member."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_FILE_MAX = 1_000_000
_SHOWN = 20
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,12})?", re.ASCII)
_RATE = re.compile(r"(\S+) +points? +per +(\S+) +([A-Za-z]{3})", re.ASCII)
_BONUS = re.compile(r"(\S+)(?: +points?)?", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


class Per(StrEnum):
    """What is rounded: the sum of a basket, or every line for itself."""

    BASKET = "basket"
    LINE = "line"


class Mode(StrEnum):
    """How. Amounts below zero are rounded as those above, so that a return takes what the purchase gave."""

    FLOOR = "floor"
    HALF_UP = "half-up"


@dataclass(frozen=True)
class When:
    """Which lines a rule is for: every condition must hold; none means every line.

    `values` by attribute, as text; `weekdays` from Monday = 0; `first` and `last` are days since 1970, both
    included.
    """

    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    weekdays: frozenset[int] = frozenset()
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True)
class Rule:
    """Points beside the base.

    `rate`: smallest units of points for every smallest unit of money of the lines it is for; a multiplier m
    is the rate (m - 1) times the base. Or else `bonus`: smallest units once a basket, if the lines it is for
    come to `at_least` (smallest units of money; 0 means: to more than nothing).
    """

    name: str
    when: When
    rate: Fraction = Fraction(0)
    bonus: int = 0
    at_least: int = 0


@dataclass(frozen=True)
class Exclusion:
    """Lines that earn nothing and count for nothing."""

    name: str
    when: When


@dataclass(frozen=True)
class Table:
    """A file that knows more about a product or a member: `columns` by attribute, found by `key` = the line's
    attribute `on`. `file` is empty where the command line must name it.
    """

    name: str
    on: str
    key: str
    columns: Mapping[str, str]
    file: Path | None


@dataclass(frozen=True)
class Rules:
    """A whole file of rules.

    `base` in smallest units of points for a smallest unit of money; caps in smallest units of points, None
    for no cap. `columns` is what the file names, `attributes` what conditions and tables need of a line
    beside `ROLES`.
    """

    name: str
    currency: str
    currency_decimals: int
    points_decimals: int
    amounts_in_smallest: bool
    timezone: str
    columns: Mapping[str, str]
    tables: tuple[Table, ...]
    base: Fraction
    rules: tuple[Rule, ...]
    exclusions: tuple[Exclusion, ...]
    basket_cap: int | None
    day_cap: int | None
    per: Per
    mode: Mode

    @property
    def denominator(self) -> int:
        """With it every rate is a whole number."""
        return lcm(self.base.denominator, *(rule.rate.denominator for rule in self.rules))

    @property
    def attributes(self) -> frozenset[str]:
        """What is read of a line beside `ROLES`, be it from the file or from a table."""
        conditions = [rule.when for rule in self.rules] + [each.when for each in self.exclusions]
        used = {name for when in conditions for name in when.values}
        return frozenset(used | {table.on for table in self.tables if used & set(table.columns)})

    def money(self, units: int) -> str:
        """Smallest units of money as people read them: "12.50 EUR"."""
        sign = "-" if units < 0 else ""
        whole, rest = divmod(abs(units), 10**self.currency_decimals)
        fraction = f".{rest:0{self.currency_decimals}d}" if self.currency_decimals else ""
        return f"{sign}{whole:,}{fraction} {self.currency}"


class RulesError(InputError):
    """Rules that cannot be used; `faults` are all of them, each with its path in the file."""

    def __init__(self, name: str, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        shown = "; ".join(faults[:_SHOWN])
        more = f"; and {len(faults) - _SHOWN:,} more" if len(faults) > _SHOWN else ""
        super().__init__(
            f"{name} has {words.count(len(faults), 'fault')} ({shown}{more})", "mend them and run it again"
        )

    def as_json(self) -> dict[str, Any]:
        """Adds `faults`."""
        return super().as_json() | {"faults": list(self.faults)}


def read_rules(path: Path) -> Rules:
    """Read a file of rules. Raises `RulesError` with every fault, `InputError` where it is no YAML."""
    if not path.is_file():
        raise InputError(f"there is no file {path}", "check its name")
    if path.stat().st_size > _FILE_MAX:
        raise InputError(f"{path.name} is too large for rules", "name the file of rules before the receipts")
    try:
        return parse_rules(path.read_text("utf-8-sig"), path.name, path.parent)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} cannot be read ({error})", "save it as YAML in UTF-8") from None


def parse_rules(text: str, name: str = "rules", folder: Path | None = None) -> Rules:
    """The rules of a text. `folder` is where the files of its tables lie."""
    try:
        content = yaml.load(text, _Loader)  # noqa: S506 (a BaseLoader makes nothing but text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{name} is no YAML ({reason})", "mend it there; docs/earning.md has an example"
        ) from None
    except RecursionError:
        raise InputError(f"{name} is nested too deeply", "docs/earning.md has an example") from None
    reader = _Reader(folder or Path())
    rules = reader.rules(content)
    if reader.faults or rules is None:
        raise RulesError(name, reader.faults)
    return rules


class _Loader(yaml.BaseLoader):
    """Every scalar is text; a doubled key and an alias are errors."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not used in rules", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be text", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} is doubled", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep))


class _Reader:
    """Reads what YAML gave, and collects what is wrong with it by path."""

    def __init__(self, folder: Path) -> None:
        self.faults: list[str] = []
        self._folder = folder
        self._currency = ""
        self._money_decimals = 2
        self._points_decimals = 0
        self._known: set[str] = set()

    def rules(self, content: Any) -> Rules | None:
        known = (
            "name", "currency", "currency_decimals", "points_decimals", "amounts_in", "timezone", "columns",
            "tables", "base", "rules", "exclude", "caps", "rounding",
        )  # fmt: skip
        if not isinstance(content, dict):
            self._fault("", "this is no set of rules; docs/earning.md has an example")
            return None
        self._refuse_unknown(content, known, "")
        self._currency = self._text(content, "currency", "")
        if self._currency and not _CURRENCY.fullmatch(self._currency):
            self._fault("currency", f"{self._currency!r} is no currency; write three letters, as in EUR")
        self._money_decimals = self._digits(content, "currency_decimals", 2, 4)
        self._points_decimals = self._digits(content, "points_decimals", 0, 6)
        columns = self._columns(content.get("columns", {}), "columns")
        tables = self._tables(content.get("tables", {}))
        self._known = {*columns, *DEFAULT_COLUMNS, *(name for table in tables for name in table.columns)}
        self._known -= {"amount", "time"}
        base = self._rate(content.get("base"), "base") or Fraction(0)
        caps = self._mapping(content.get("caps", {}), "caps", ("basket", "member_day"))
        rounding = self._mapping(content.get("rounding", {}), "rounding", ("per", "mode"))
        result = Rules(
            name=self._text(content, "name", ""),
            currency=self._currency,
            currency_decimals=self._money_decimals,
            points_decimals=self._points_decimals,
            amounts_in_smallest=self._choice(content, "amounts_in", ("whole", "smallest"), "") == "smallest",
            timezone=self._timezone(content.get("timezone", "UTC")),
            columns=columns,
            tables=tables,
            base=base,
            rules=self._rules(content.get("rules", []), base),
            exclusions=self._exclusions(content.get("exclude", [])),
            basket_cap=self._cap(caps, "basket"),
            day_cap=self._cap(caps, "member_day"),
            per=Per(self._choice(rounding, "per", tuple(Per), "rounding.")),
            mode=Mode(self._choice(rounding, "mode", tuple(Mode), "rounding.")),
        )
        names = [rule.name for rule in result.rules] + [each.name for each in result.exclusions]
        names += ["base", NO_CARD]
        for doubled in sorted({name for name in names if name and names.count(name) > 1}):
            self._fault("rules", f"the name {doubled!r} is given twice, or to what has it already")
        return result

    # ---------------------------------------------------------------------------------------- parts

    def _rules(self, found: Any, base: Fraction) -> tuple[Rule, ...]:
        return tuple(
            self._rule(each, f"rules[{place}]", base) for place, each in enumerate(self._list(found, "rules"))
        )

    def _rule(self, found: Any, path: str, base: Fraction) -> Rule:
        rule = self._mapping(found, path, ("name", "when", "rate", "multiply", "bonus", "at_least"))
        name = self._text(rule, "name", f"{path}.")
        when = self._when(rule.get("when", {}), f"{path}.when")
        kinds = [kind for kind in ("rate", "multiply", "bonus") if kind in rule]
        if len(kinds) != 1:
            self._fault(path, "a rule has one of rate, multiply and bonus")
            return Rule(name, when)
        at_least = 0
        if "at_least" in rule:
            at_least = self._exact(rule["at_least"], f"{path}.at_least", self._money_decimals) or 0
            if kinds != ["bonus"]:
                self._fault(f"{path}.at_least", "only a bonus asks for an amount of a basket")
        if kinds == ["rate"]:
            return Rule(name, when, rate=self._rate(rule["rate"], f"{path}.rate") or Fraction(0))
        if kinds == ["multiply"]:
            factor = self._number(rule["multiply"], f"{path}.multiply")
            if factor is not None and factor <= 1:
                self._fault(
                    f"{path}.multiply", "a multiplier is above 1; goods that earn nothing go into exclude"
                )
            return Rule(name, when, rate=base * ((factor or 1) - 1))
        return Rule(name, when, bonus=self._points(rule["bonus"], f"{path}.bonus"), at_least=at_least)

    def _exclusions(self, found: Any) -> tuple[Exclusion, ...]:
        result = []
        for place, each in enumerate(self._list(found, "exclude")):
            path = f"exclude[{place}]"
            entry = self._mapping(each, path, ("name", "when"))
            if not entry.get("when"):
                self._fault(f"{path}.when", "say which goods; without it nothing would earn")
            when = self._when(entry.get("when") or {}, f"{path}.when")
            result.append(Exclusion(self._text(entry, "name", f"{path}."), when))
        return tuple(result)

    def _when(self, found: Any, path: str) -> When:
        if not isinstance(found, dict):
            self._fault(path, "write conditions, as in {department: [WINE]}")
            return When()
        values: dict[str, frozenset[str]] = {}
        weekdays: set[int] = set()
        for key, value in found.items():
            if key in ("from", "until"):
                continue
            wanted = value if isinstance(value, list) else [value]
            if not wanted or not all(isinstance(each, str) and each for each in wanted):
                self._fault(f"{path}.{key}", "name one value or a list of values")
            elif key == "weekday":
                weekdays.update(self._weekday(each, f"{path}.weekday") for each in wanted)
            elif key not in self._known:
                self._fault(f"{path}.{key}", "no column and no table gives it; name it in columns or tables")
            else:
                values[key] = frozenset(wanted)
        first, last = (self._day(found, key, path) for key in ("from", "until"))
        if first is not None and last is not None and first > last:
            self._fault(f"{path}.until", "it ends before it begins")
        return When(values, frozenset(weekdays), first, last)

    def _weekday(self, text: str, path: str) -> int:
        for day, name in enumerate(WEEKDAYS):
            if len(text) >= 3 and name.startswith(text.lower()):
                return day
        self._fault(path, f"{text!r} is no weekday; write monday or mon")
        return 0

    def _day(self, found: dict[str, Any], key: str, path: str) -> int | None:
        if key not in found:
            return None
        try:
            return date.fromisoformat(str(found[key])).toordinal() - date(1970, 1, 1).toordinal()
        except ValueError:
            self._fault(f"{path}.{key}", f"{found[key]!r} is no date; write 2027-02-19")
            return None

    def _columns(self, found: Any, path: str) -> dict[str, str]:
        if not isinstance(found, dict):
            self._fault(path, "write what each column is, as in {member: card_number}")
            return {}
        for name, column in found.items():
            if not _NAME.fullmatch(name) or name in ("weekday", "from", "until"):
                self._fault(f"{path}.{name}", "such a name cannot be used; write small letters, digits and _")
            if not isinstance(column, str) or not column:
                self._fault(f"{path}.{name}", "name one column")
        return {name: column for name, column in found.items() if isinstance(column, str)}

    def _tables(self, found: Any) -> tuple[Table, ...]:
        if not isinstance(found, dict):
            self._fault("tables", "write a name for each table, as in docs/earning.md")
            return ()
        tables = []
        seen: set[str] = set()
        for name, content in found.items():
            path = f"tables.{name}"
            table = self._mapping(content, path, ("file", "on", "key", "columns"))
            on = self._text(table, "on", f"{path}.")
            if on in ("amount", "time"):
                self._fault(f"{path}.on", "a table is found by product, member or the like")
            columns = self._columns(table.get("columns", {}), f"{path}.columns")
            if not columns:
                self._fault(f"{path}.columns", "say what the table gives, as in {department: department}")
            for name_ in columns:
                if name_ in ROLES or name_ == on or name_ in seen:
                    self._fault(f"{path}.columns.{name_}", "it is given elsewhere already")
            seen |= set(columns)
            file = table.get("file")
            if file is not None and (not isinstance(file, str) or not file):
                self._fault(f"{path}.file", "name one file")
                file = None
            key = table.get("key", on)
            if not isinstance(key, str) or not key:
                self._fault(f"{path}.key", "name one column")
            tables.append(Table(name, on, str(key), columns, self._folder / file if file else None))
        return tuple(tables)

    def _timezone(self, found: Any) -> str:
        try:
            ZoneInfo(str(found))
        except (KeyError, ValueError, OSError):
            self._fault("timezone", f"{found!r} is not known here; write one such as Europe/Paris")
        return str(found)

    # -------------------------------------------------------------------------------------- numbers

    def _rate(self, found: Any, path: str) -> Fraction | None:
        """Smallest units of points for a smallest unit of money."""
        match = _RATE.fullmatch(found.strip()) if isinstance(found, str) else None
        if not match:
            self._fault(path, f"write a rate as in '1 point per 1.00 {self._currency or 'EUR'}'")
            return None
        points = self._number(match[1], path)
        money = self._number(match[2], path)
        if self._currency and match[3] != self._currency:
            self._fault(path, f"the currency is {self._currency}, not {match[3]}")
        if points is None or money is None:
            return None
        if not money:
            self._fault(path, f"points for every 0 {match[3]} would be without end; write an amount above 0")
            return None
        if not points:
            self._fault(path, "0 points reward nothing; write more, or leave it out")
            return None
        return Fraction(points * 10**self._points_decimals, money * 10**self._money_decimals)

    def _number(self, found: Any, path: str) -> Fraction | None:
        if not isinstance(found, str) or not _NUMBER.fullmatch(found):
            self._fault(path, f"{found!r} is no number; write digits, and a point before a fraction")
            return None
        return Fraction(found)

    def _exact(self, found: Any, path: str, decimals: int) -> int | None:
        value = self._number(found, path)
        if value is None:
            return None
        scaled = Fraction(value * 10**decimals)
        if scaled.denominator != 1:
            self._fault(path, f"{found} is finer than the {words.count(decimals, 'digit')} after the point")
            return None
        return scaled.numerator

    def _points(self, found: Any, path: str) -> int:
        match = _BONUS.fullmatch(found.strip()) if isinstance(found, str) else None
        units = self._exact(match[1] if match else found, path, self._points_decimals)
        if units == 0:
            self._fault(path, "0 points mean nothing; write more, or leave it out")
        return units or 0

    def _cap(self, caps: Mapping[str, Any], key: str) -> int | None:
        return self._points(caps[key], f"caps.{key}") if key in caps else None

    def _digits(self, found: dict[str, Any], key: str, default: int, most: int) -> int:
        text = found.get(key, str(default))
        if not isinstance(text, str) or not re.fullmatch(r"\d", text, re.ASCII) or int(text) > most:
            self._fault(key, f"write a number of digits from 0 to {most}")
            return default
        return int(text)

    # ---------------------------------------------------------------------------------------- shapes

    def _mapping(self, found: Any, path: str, known: Sequence[str]) -> dict[str, Any]:
        if not isinstance(found, dict):
            self._fault(path, f"write it with the keys {words.listed(known)}")
            return {}
        self._refuse_unknown(found, known, f"{path}.")
        return found

    def _refuse_unknown(self, found: dict[str, Any], known: Sequence[str], prefix: str) -> None:
        for key in found:
            if key not in known:
                self._fault(f"{prefix}{key}", f"this key is not known; known are {words.listed(known)}")

    def _list(self, found: Any, path: str) -> list[Any]:
        if not isinstance(found, list):
            self._fault(path, "write a list")
            return []
        return found

    def _text(self, found: Mapping[str, Any], key: str, prefix: str) -> str:
        value = found.get(key)
        if not isinstance(value, str) or not value.strip() or len(value) > 80 or not value.isprintable():
            self._fault(
                f"{prefix}{key}", "this is needed, in one line of text" if value is None else "write a text"
            )
            return ""
        return value.strip()

    def _choice(self, found: Mapping[str, Any], key: str, choices: Sequence[str], prefix: str) -> str:
        """One of the choices; the first is the default."""
        value = found.get(key, choices[0])
        if value not in choices:
            self._fault(f"{prefix}{key}", f"{value!r} is none of {words.listed(map(str, choices), 'or')}")
            return choices[0]
        return str(value)

    def _fault(self, path: str, text: str) -> None:
        self.faults.append(f"{path}: {text}" if path else text)
