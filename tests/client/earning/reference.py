"""What receipts earn, worked out slowly and in the open: plain fractions, one line after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from math import floor

from troc.programme.rules import Mode, Per, Rules, When


@dataclass(frozen=True)
class Line:
    """A line of a receipt; `amount` in smallest units of money, `member` "" for nobody."""

    member: str
    basket: str
    amount: int
    time: datetime
    attributes: Mapping[str, str]


def matches(when: When, line: Line) -> bool:
    day = (line.time.date() - datetime(1970, 1, 1).date()).days
    return (
        all(line.attributes.get(name, "") in wanted for name, wanted in when.values.items())
        and (not when.weekdays or line.time.weekday() in when.weekdays)
        and (when.first is None or day >= when.first)
        and (when.last is None or day <= when.last)
    )


def rounded(number: Fraction, mode: Mode) -> int:
    size = abs(number)
    whole = floor(size + Fraction(1, 2)) if mode is Mode.HALF_UP else floor(size)
    return whole if number > 0 else -whole


@dataclass
class Outcome:
    """Points in smallest units."""

    members: dict[str, int]
    by_rule: dict[str, Fraction]
    excluded: dict[str, tuple[int, int, Fraction]]
    basket_cap: int
    day_cap: int
    below_zero: Fraction
    rounding: Fraction


def line_points(rules: Rules, line: Line) -> dict[str, Fraction]:
    found = {"base": line.amount * rules.base}
    for rule in rules.rules:
        if not rule.bonus:
            found[rule.name] = line.amount * rule.rate if matches(rule.when, line) else Fraction(0)
    return found


def earn(rules: Rules, lines: Sequence[Line]) -> Outcome:
    result = Outcome(
        {},
        {"base": Fraction(0), **{rule.name: Fraction(0) for rule in rules.rules}},
        {
            **{each.name: (0, 0, Fraction(0)) for each in rules.exclusions},
            "without a card": (0, 0, Fraction(0)),
        },
        0,
        0,
        Fraction(0),
        Fraction(0),
    )
    baskets: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        out = next((each.name for each in rules.exclusions if matches(each.when, line)), None)
        if out is None and not line.member:
            out = "without a card"
        if out is None:
            baskets.setdefault((line.member, line.basket), []).append(line)
        else:
            count, amount, lost = result.excluded[out]
            lost += sum(line_points(rules, line).values())
            result.excluded[out] = (count + 1, amount + line.amount, lost)
    days: dict[tuple[str, object], int] = {}
    for (member, _), content in baskets.items():
        points = _basket(rules, content, result)
        day = (member, min(line.time for line in content).date())
        days[day] = days.get(day, 0) + points
    for (member, _), points in days.items():
        capped = points if rules.day_cap is None else min(points, rules.day_cap)
        result.day_cap += points - capped
        if capped:
            result.members[member] = result.members.get(member, 0) + capped
    return result


def _basket(rules: Rules, content: list[Line], result: Outcome) -> int:
    exact = Fraction(0)
    by_line = 0
    for line in content:
        found = line_points(rules, line)
        for name, points in found.items():
            result.by_rule[name] += points
        exact += sum(found.values())
        by_line += rounded(sum(found.values(), Fraction(0)), rules.mode)
    whole = by_line if rules.per is Per.LINE else rounded(exact, rules.mode)
    if (by_line if rules.per is Per.LINE else exact) < 0:
        result.below_zero -= exact
        return 0
    result.rounding += exact - whole
    for rule in rules.rules:
        bought = sum(line.amount for line in content if matches(rule.when, line))
        if rule.bonus and bought > 0 and bought >= rule.at_least:
            result.by_rule[rule.name] += rule.bonus
            whole += rule.bonus
    capped = whole if rules.basket_cap is None else min(whole, rules.basket_cap)
    result.basket_cap += whole - capped
    return capped
