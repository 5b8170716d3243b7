"""The grocer's campaigns, as its tables have them."""

from __future__ import annotations

from troc import words
from troc.demo.mailings import read_mailings


def test_they_are_all_there() -> None:
    found = read_mailings()
    assert [each.number for each in found] == list(range(1, 28))
    assert sum(len(each.households) for each in found) == 6_589
    assert sum(sum(each.visits.values()) for each in found) == 1_148
    largest = max(found, key=lambda each: len(each.households))
    assert (largest.number, largest.kind, len(largest.households)) == (18, "Type A", 1_133)
    assert words.day(largest.start) == "30 October 2017"
    assert words.day(largest.end) == "24 December 2017"


def test_of_some_households_alone() -> None:
    mailing = read_mailings()[7]
    came = next(each for each in mailing.households if mailing.visits.get(each, 0) > 1)
    (alone,) = (each for each in read_mailings([came]) if each.number == mailing.number)
    assert alone.households == (came,)
    assert alone.visits == {came: mailing.visits[came]}
    assert list(alone.contacts(came)) == list(range(1 + mailing.visits[came]))
    assert not alone.contacts(came + 10_000)
