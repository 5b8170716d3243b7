"""Reading rules: exact numbers, and every fault with its path."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from tools.tree import ROOT
from troc.errors import InputError
from troc.programme.rules import Mode, Per, RulesError, parse_rules, read_rules

BASE = "name: Test\ncurrency: EUR\nbase: 1 point per 1.00 EUR\n"
EXAMPLE = ROOT / "docs" / "examples" / "grocer.yaml"


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(RulesError) as caught:
        parse_rules(text)
    return caught.value.faults


def test_the_example_is_sound() -> None:
    rules = read_rules(EXAMPLE)
    assert rules.base == Fraction(1, 10)
    assert [rule.rate for rule in rules.rules[:3]] == [Fraction(1, 10), Fraction(1, 40), Fraction(1, 40)]
    assert (rules.rules[4].bonus, rules.rules[4].at_least) == (100, 7500)
    assert (rules.per, rules.mode, rules.basket_cap, rules.day_cap) == (Per.BASKET, Mode.FLOOR, 2500, 4000)
    assert rules.attributes == {"product", "department", "brand", "kids"} | {"member"}


def test_rates_are_exact() -> None:
    text = BASE.replace("1 point per 1.00", "0.1 points per 3") + "points_decimals: 2\n"
    rules = parse_rules(text + "rules: [{name: More, multiply: 1.1}]\n")
    assert rules.base == Fraction(10, 300)
    assert rules.rules[0].rate == Fraction(10, 3000)
    assert rules.denominator == 300


def test_rounding_is_down_for_a_basket_unless_stated() -> None:
    rules = parse_rules(BASE)
    assert (rules.per, rules.mode) == (Per.BASKET, Mode.FLOOR)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (BASE.replace("1.00 EUR", "0 EUR"), "base: points for every 0 EUR would be without end"),
        (BASE.replace("1.00 EUR", "0.00 EUR"), "base: points for every 0 EUR"),
        (BASE.replace("1 point", "0 points"), "base: 0 points reward nothing"),
        (BASE.replace("1 point", "-1 points"), "base: '-1' is no number"),
        (BASE.replace("1 point", "1e9 points"), "base: '1e9' is no number"),
        (BASE.replace("1.00 EUR", "1.00 USD"), "base: the currency is EUR, not USD"),
        (BASE.replace("per", "for"), "base: write a rate as in '1 point per 1.00 EUR'"),
        ("name: Test\ncurrency: EUR\n", "base: write a rate"),
        ("name: Test\nbase: 1 point per 1 EUR\n", "currency: this is needed"),
        (BASE + "speed: 3", "speed: this key is not known"),
        (BASE + "caps: {week: 3}", "caps.week: this key is not known"),
        (BASE + "caps: {basket: 0}", "caps.basket: 0 points mean nothing"),
        (BASE + "caps: {basket: 1.5}", "caps.basket: 1.5 is finer than the 0 digits"),
        (BASE + "rounding: {mode: up}", "rounding.mode: 'up' is none of floor or half-up"),
        (BASE + "points_decimals: 7", "points_decimals: write a number of digits from 0 to 6"),
        (BASE + "timezone: Mars/Olympus", "timezone: 'Mars/Olympus' is not known here"),
        (BASE + "timezone: ../../etc/passwd", "timezone: '../../etc/passwd' is not known here"),
        (BASE + "rules: {}", "rules: write a list"),
        (BASE + "rules: [text]", "rules[0]: write it with the keys"),
        (BASE + "rules: [{name: A, multiply: 2}, {name: B}]", "rules[1]: a rule has one of rate, multiply"),
        (BASE + "rules: [{name: A, multiply: 2, bonus: 3}]", "rules[0]: a rule has one of"),
        (BASE + "rules: [{name: A, multiply: 1}]", "rules[0].multiply: a multiplier is above 1"),
        (BASE + "rules: [{name: A, rate: 1 point per 0 EUR}]", "rules[0].rate: points for every 0 EUR"),
        (BASE + "rules: [{name: A, bonus: 0}]", "rules[0].bonus: 0 points mean nothing"),
        (BASE + "rules: [{name: A, bonus: 5, at_least: 1.005}]", "rules[0].at_least: 1.005 is finer"),
        (BASE + "rules: [{name: A, multiply: 2, at_least: 5}]", "rules[0].at_least: only a bonus"),
        (BASE + "rules: [{multiply: 2}]", "rules[0].name: this is needed"),
        (BASE + "rules: [{name: base, multiply: 2}]", "rules: the name 'base' is given twice"),
        (BASE + "rules: [{name: A, multiply: 2, when: {colour: red}}]", "rules[0].when.colour: no column"),
        (BASE + "rules: [{name: A, multiply: 2, when: {weekday: tu}}]", "rules[0].when.weekday: 'tu' is no"),
        (
            BASE + "rules: [{name: A, multiply: 2, when: {from: 2027-02-30}}]",
            "rules[0].when.from: '2027-02-30'",
        ),
        (
            BASE + "rules: [{name: A, multiply: 2, when: {from: 2027-02-02, until: 2027-02-01}}]",
            "rules[0].when.until: it ends before it begins",
        ),
        (BASE + "exclude: [{name: All, when: {}}]", "exclude[0].when: say which goods"),
        (BASE + "exclude: [{name: A, when: {product: []}}]", "exclude[0].when.product: name one value"),
        (BASE + "tables: {t: {on: product}}", "tables.t.columns: say what the table gives"),
        (
            BASE + "tables: {t: {on: product, columns: {amount: a}}}",
            "tables.t.columns.amount: it is given else",
        ),
        (BASE + "columns: {Member: x}", "columns.Member: such a name cannot be used"),
        ("just text", "this is no set of rules"),
        ("", "this is no set of rules"),
    ],
)
def test_faults_have_a_path(text: str, fault: str) -> None:
    assert any(found.startswith(fault) for found in faults(text)), faults(text)


def test_every_fault_is_told_at_once() -> None:
    found = faults(
        BASE + "caps: {basket: x}\nrules: [{name: A, rate: 1 point per 0 EUR}, {name: B, bonus: x}]\n"
    )
    assert [fault.split(":")[0] for fault in found] == ["rules[0].rate", "rules[1].bonus", "caps.basket"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BASE + "base: 2 points per 1 EUR\n", "the key 'base' is doubled"),
        ("a: &a [1]\nb: *a\n", "aliases are not used"),
        ("a: [", "is no YAML"),
        ("[1]: 2", "a key must be text"),
        ("[" * 100_000, "is no YAML|nested too deeply"),
        ("!!python/object/apply:os.system [id]", "no set of rules"),
    ],
)
def test_what_is_no_plain_yaml_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_rules(text)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "receipts.csv"
    with path.open("wb") as file:
        file.truncate(10 * 2**30)
    with pytest.raises(InputError, match="too large for rules"):
        read_rules(path)
    with pytest.raises(InputError, match="there is no file"):
        read_rules(tmp_path / "none.yaml")
