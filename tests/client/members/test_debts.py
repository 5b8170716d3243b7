"""Debts: noted once, netted against later earnings once, never taken; on both databases."""

from __future__ import annotations

import pytest

from tests.client.members.conftest import ORIGIN
from tests.client.members.test_linking import link
from tests.client.trade.conftest import World
from troc.errors import InputError, MemberError
from troc.programme.debts import Debts
from troc.programme.members import Members, NewMember
from troc.programme.programme import Programme

ADDRESS = "0x" + "12" * 20


@pytest.fixture
def debts(members: Members) -> Debts:
    members.add_many([NewMember("1"), NewMember("2")], "clerk")
    return Debts(members, lambda: ORIGIN)


def test_a_debt_is_noted_once(debts: Debts, members: Members) -> None:
    assert debts.record_debt("1", 50, "refund 7", "came back too late", "till")
    assert not debts.record_debt("1", 50, "refund 7", "came back too late", "till")
    assert (debts.debt_of("1"), debts.debt_of("2"), debts.total()) == (50, 0, 50)
    (entry,) = members.journal.entries(kind="debt")
    told = members.journal.opened(entry, members.key_of(entry.subject))
    assert told == ("came back too late", {"who": "1"})
    assert entry.data == {"units": "50"}
    for who, units in (("1", 51), ("2", 50)):
        with pytest.raises(MemberError, match="stands for another debt"):
            debts.record_debt(who, units, "refund 7", "", "till")


@pytest.mark.parametrize("units", [0, -5])
def test_refuses_a_debt_of_nothing(debts: Debts, units: int) -> None:
    with pytest.raises(InputError, match="is none"):
        debts.record_debt("1", units, "r", "", "till")


def test_an_address_without_a_card_can_owe(debts: Debts) -> None:
    debts.record_debt(ADDRESS, 50, "refund 7", "late", "till")
    assert debts.debt_of(ADDRESS) == 50
    assert debts.net(ADDRESS, 20, "june") == (0, 20)
    assert debts.debt_of(ADDRESS) == 30


def test_debts_are_netted_until_they_are_gone(debts: Debts) -> None:
    debts.record_debt("1", 50, "refund 7", "late", "till")
    assert debts.net("1", 30, "may") == (0, 30)
    assert debts.net("1", 30, "june") == (10, 20)
    assert debts.net("1", 30, "july") == (30, 0)
    assert debts.total() == 0


def test_a_run_is_netted_once_and_answers_the_same(debts: Debts) -> None:
    debts.record_debt("1", 50, "refund 7", "late", "till")
    earned = [("1", 20), ("2", 9), ("1", 40)]
    expected = [(0, 20), (9, 0), (10, 30)]
    assert debts.net_many(earned, "may") == expected
    debts.record_debt("2", 5, "refund 8", "late", "till")
    assert debts.net_many(earned, "may") == expected
    assert (debts.debt_of("1"), debts.debt_of("2")) == (0, 5)
    with pytest.raises(MemberError, match="the reference 'may' stands for other points"):
        debts.net_many([("1", 21), *earned[1:]], "may")


def test_a_run_before_any_debt_stays_as_it_was(debts: Debts) -> None:
    """What was paid in full is not netted when the run is repeated after a debt arose."""
    assert debts.net("1", 30, "may") == (30, 0)
    debts.record_debt("1", 50, "refund 7", "late", "till")
    assert debts.net("1", 30, "may") == (30, 0)
    assert debts.debt_of("1") == 50


def test_unknown_cards_and_negative_earnings_are_refused(debts: Debts) -> None:
    debts.record_debt("1", 50, "refund 7", "late", "till")
    with pytest.raises(MemberError, match=r"1 card unknown \(first 9\)"):
        debts.net_many([("1", 5), ("9", 5)], "may")
    with pytest.raises(InputError, match="earned less than nothing"):
        debts.net("1", -5, "may")
    assert debts.debt_of("1") == 50


def test_a_dry_run_nets_nothing(debts: Debts, members: Members) -> None:
    debts.record_debt("1", 50, "refund 7", "late", "till")
    before = members.journal.head()
    assert debts.net_many([("1", 20)], "may", dry_run=True) == [(0, 20)]
    assert (debts.debt_of("1"), members.journal.head()) == (50, before)
    assert debts.net("1", 30, "may") == (0, 30)
    assert debts.net_many([("1", 30)], "may", dry_run=True) == [(0, 30)]


def test_strangers_owe_nothing_also_once_they_are_members(debts: Debts, members: Members) -> None:
    debts.record_debt("1", 50, "refund 7", "late", "till")
    earned = [("1", 20), ("9", 5)]
    assert debts.net_many(earned, "may", strangers=True) == [(0, 20), (5, 0)]
    members.add(NewMember("9"), "clerk")
    debts.record_debt("9", 3, "refund 9", "late", "till")
    assert debts.net_many(earned, "may", strangers=True) == [(0, 20), (5, 0)]
    assert (debts.debt_of("1"), debts.debt_of("9")) == (30, 3)


def test_what_an_address_owes_is_netted_against_its_cards(world: World, programme: Programme) -> None:
    """Also what was noted before a card fed it; and the same again, unless a card feeds it no more."""
    debts, ann = programme.debts, world.ann.address
    debts.record_debt(ann, 50, "refund 7", "late", "till")
    for card in ("1", "2"):
        link(world, programme, card, world.ann)
        assert (debts.debt_of(card), debts.debt_of(ann)) == (50, 50)
    assert debts.debt_of("3") == 0
    earned = [("1", 20), ("3", 9), ("2", 40)]
    for _ in range(2):
        assert debts.net_many(earned, "may") == [(0, 20), (9, 0), (10, 30)]
        assert (debts.total(), debts.debt_of("1")) == (0, 0)
    programme.members.unlink("2", "she asked", "clerk")
    programme.members.unlink("1", "she asked", "clerk")
    with pytest.raises(MemberError, match="is of nobody whom these cards name now"):
        debts.net_many(earned, "may")


def test_a_debt_outlives_the_debtor_without_naming_her(debts: Debts, members: Members) -> None:
    debts.record_debt("1", 50, "refund 7", "late", "till")
    assert members.export("1")["debts"] == [{"time": ORIGIN, "units": "50"}]
    erased = members.erase("1", "asked", "clerk")
    assert "a debt of 50 PANIER stays in the books under a number that leads to nobody" in erased.stays
    assert debts.total() == 50
    members.add(NewMember("1"), "clerk")
    assert debts.debt_of("1") == 0
