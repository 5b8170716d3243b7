"""What changed rules change, for whom."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from tests.client.earning.test_earning import BASE, line, write_csv
from troc.programme.comparing import MemberChange, RuleChange, compare
from troc.programme.earning import Earned, earn
from troc.programme.rules import parse_rules

OLD = BASE + "rules: [{name: Twice, multiply: 2}, {name: Gone, bonus: 3}]\n"
NEW = BASE + "rules: [{name: Twice, multiply: 3, when: {product: 1}}, {name: New, bonus: 1}]\n"


def earned(tmp_path: Path, rules: str) -> Earned:
    # Member 100 + n bought for n euros; members 101 to 110 wine, the others fruit.
    lines = [line(f"{100 + n}", "a", n * 100, "1" if n <= 10 else "2") for n in range(1, 21)]
    return earn(parse_rules(rules), write_csv(tmp_path / "receipts.csv", lines))


def test_by_rule(tmp_path: Path) -> None:
    found = compare(earned(tmp_path, OLD), earned(tmp_path, NEW))
    assert found.rules == (
        RuleChange("base", Fraction(210), Fraction(210)),
        RuleChange("Twice", Fraction(210), Fraction(110)),
        RuleChange("Gone", Fraction(60), None),
        RuleChange("New", None, Fraction(20)),
    )
    assert (found.old_units, found.new_units) == (480, 340)


def test_by_tenth_of_the_members(tmp_path: Path) -> None:
    found = compare(earned(tmp_path, OLD), earned(tmp_path, NEW))
    assert [decile.members for decile in found.deciles] == [2] * 10
    assert (found.deciles[0].old, found.deciles[0].new) == (2 + 3 + 4 + 3, 3 + 1 + 6 + 1)
    assert (found.deciles[9].old, found.deciles[9].new) == (38 + 3 + 40 + 3, 19 + 1 + 20 + 1)
    assert sum(decile.old for decile in found.deciles) == found.old_units
    assert sum(decile.new for decile in found.deciles) == found.new_units


def test_winners_and_losers(tmp_path: Path) -> None:
    found = compare(earned(tmp_path, OLD), earned(tmp_path, NEW))
    assert found.winners[0] == MemberChange("110", 23, 31)
    assert [change.member for change in found.winners] == ["110", "109", "108", "107", "106"]
    assert found.losers[0] == MemberChange("120", 43, 21)
    assert (found.gaining, found.losing) == (8, 11)


def test_the_same_rules_change_nothing(tmp_path: Path) -> None:
    found = compare(earned(tmp_path, OLD), earned(tmp_path, OLD))
    assert (found.winners, found.losers, found.gaining, found.losing) == ((), (), 0, 0)


def test_members_who_earn_under_one_set_alone(tmp_path: Path) -> None:
    old = earned(tmp_path, OLD)
    found = compare(replace(old, members={"1": 5}), replace(old, members={"2": 7}))
    assert (found.winners, found.losers) == ((MemberChange("2", 0, 7),), (MemberChange("1", 5, 0),))


def test_other_decimals_are_brought_to_one_unit(tmp_path: Path) -> None:
    finer = earned(tmp_path, OLD + "points_decimals: 2\n")
    found = compare(earned(tmp_path, OLD), finer)
    assert (found.decimals, found.old_units, found.new_units) == (2, 48_000, 48_000)
    assert all(rule.old == rule.new for rule in found.rules)
