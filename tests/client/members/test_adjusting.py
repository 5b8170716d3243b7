"""Adjustments: limits, two pairs of eyes, once each; on a chain, over both databases."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.client.members.test_linking import link
from tests.client.members.test_paying import Cut, earn
from tests.client.trade.conftest import World, poor
from troc.accounts import Signer
from troc.errors import InputError, MemberError, NetworkError, TamperedError
from troc.programme.adjusting import (
    DECIDED,
    POLICY,
    Adjusted,
    Adjustment,
    AdjustmentPolicy,
    Asked,
    Decision,
    Policy,
)
from troc.programme.journal import canonical
from troc.programme.programme import Programme

EVA, FAY, GIL = poor("eva"), poor("fay"), poor("gil")
LIMITS = Policy({EVA.address: "Eva", FAY.address: "Fay"}, per_day=300, second_above=100)


@pytest.fixture
def limited(programme: Programme) -> Programme:
    programme.adjusting.set_policy(LIMITS, EVA, FAY, "opening")
    return programme


def carry_out(world: World, programme: Programme, decision: Decision, chain: Any = None) -> Adjusted:
    token = world.everyone.brands.token(programme.members.brand)
    return programme.adjusting.carry_out(decision, chain or world.chain, token, world.owner_signer)


def adjust(
    world: World,
    programme: Programme,
    who: str,
    units: int,
    second: Signer | None = None,
    reference: str = "",
) -> Adjusted:
    decision = programme.adjusting.decide(who, units, "broken eggs", EVA, second, reference)
    return carry_out(world, programme, decision)


# ---------------------------------------------------------------------------------- on two machines


def test_both_agents_sign_on_machines_of_their_own(world: World, limited: Programme, tmp_path: Path) -> None:
    adjusting, file = limited.adjusting, tmp_path / "asked.json"
    adjusting.ask("1", 150, "broken door", EVA).write(file)
    assert file.stat().st_mode & 0o077 == 0
    assert limited.claims.of("1") == []
    assert not list(limited.journal.entries(kind=DECIDED))
    asked = Asked.read(file)
    decision = adjusting.countersign(asked, FAY)
    assert carry_out(world, limited, decision).claimed == 150
    assert (decision.entry.actor, decision.entry.data["second"]) == (EVA.address, FAY.address)
    assert adjusting.check_all() == 1
    again = adjusting.countersign(asked, FAY)
    assert again.known
    assert carry_out(world, limited, again).known
    assert [units for units, _ in limited.claims.of("1")] == [150]


@pytest.mark.parametrize(
    "changed",
    [
        {"units": 151},
        {"units": -150},
        {"who": "2"},
        {"reason": "a gift"},
        {"reference": "another"},
        {"address": FAY.address},
    ],
)
def test_what_was_asked_for_is_what_is_done(limited: Programme, changed: dict[str, Any]) -> None:
    asked = limited.adjusting.ask("1", 150, "broken door", EVA)
    with pytest.raises(MemberError, match="did not sign this adjustment, or not today"):
        limited.adjusting.countersign(replace(asked, **changed), FAY if "address" not in changed else EVA)
    assert not list(limited.journal.entries(kind=DECIDED))


def test_an_asked_adjustment_has_the_limits_of_others(
    limited: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    adjusting = limited.adjusting
    with pytest.raises(MemberError, match="is no agent"):
        adjusting.ask("1", 150, "broken door", GIL)
    asked = adjusting.ask("1", 150, "broken door", EVA)
    with pytest.raises(InputError, match="one and the same"):
        adjusting.countersign(asked, EVA)
    with pytest.raises(MemberError, match="is no agent"):
        adjusting.countersign(asked, GIL)
    with pytest.raises(InputError, match="another brand"):
        adjusting.countersign(replace(asked, token=GIL.address), FAY)
    with pytest.raises(MemberError, match="more today"):
        adjusting.countersign(adjusting.ask("1", 301, "broken door", EVA), FAY)
    monkeypatch.setattr(limited.journal, "now", lambda: int(time.time()) + 86_400)
    with pytest.raises(MemberError, match="or not today"):
        adjusting.countersign(asked, FAY)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"units": "x"}'])
def test_a_file_that_asks_for_nothing_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "asked.json"
    with pytest.raises(InputError, match="asks for no adjustment"):
        Asked.read(file)
    file.write_text(text)
    with pytest.raises(InputError, match="asks for no adjustment"):
        Asked.read(file)


# ---------------------------------------------------------------------------------------------- limits


def test_nobody_adjusts_before_there_are_limits(programme: Programme) -> None:
    assert programme.adjusting.policy() is None
    with pytest.raises(MemberError, match="nobody may adjust points yet"):
        programme.adjusting.decide("1", 5, "eggs", EVA)


def test_limits_take_two_of_the_agents_in_force(limited: Programme) -> None:
    adjusting = limited.adjusting
    assert adjusting.policy() == LIMITS
    wider = Policy({GIL.address: "Gil", EVA.address: "Eva"}, per_day=9_000, second_above=9_000)
    with pytest.raises(InputError, match="gil is no agent"):
        adjusting.set_policy(wider, EVA, GIL, "")
    with pytest.raises(InputError, match="eva and eva are one and the same"):
        adjusting.set_policy(wider, EVA, EVA, "")
    with pytest.raises(InputError, match="eva and second key of eva are one and the same"):
        adjusting.set_policy(wider, EVA, replace(EVA, name="second key of eva"), "")
    adjusting.set_policy(wider, EVA, FAY, "Gil has joined")
    assert adjusting.policy() == wider
    with pytest.raises(InputError, match="fay is no agent"):
        adjusting.set_policy(LIMITS, EVA, FAY, "")


def test_the_first_limits_take_two_of_their_own_agents(programme: Programme) -> None:
    with pytest.raises(InputError, match="gil is no agent"):
        programme.adjusting.set_policy(LIMITS, EVA, GIL, "")
    with pytest.raises(InputError, match="name two agents or more"):
        Policy({EVA.address: "Eva"}, 5, 5)


def test_limits_that_nobody_signed_are_found(limited: Programme) -> None:
    """Even where the whole chain of hashes was made anew."""
    wider = Policy(LIMITS.agents, per_day=9_000, second_above=9_000)
    first = next(limited.journal.entries(kind=POLICY)).data["signatures"]
    none: dict[str, str] = {}
    for signatures in (none, first):
        limited.journal.append(POLICY, EVA.address, "", {"policy": wider.as_json(), "signatures": signatures})
        limited.journal.verify()
        with pytest.raises(TamperedError, match="sets limits without two signatures"):
            limited.adjusting.policy()
        with pytest.raises(TamperedError):
            limited.adjusting.decide("1", 5, "eggs", EVA)


# --------------------------------------------------------------------------------------------- deciding


def test_only_agents_adjust_within_their_day(world: World, limited: Programme) -> None:
    adjusting = limited.adjusting
    with pytest.raises(MemberError, match="gil is no agent of Acme Hardware: agents are Eva and Fay"):
        adjusting.decide("1", 5, "eggs", GIL)
    for number in range(3):
        adjusting.decide("1", 100 if number % 2 else -100, "eggs", EVA, None, f"{number}")
    with pytest.raises(MemberError, match="eva may adjust 0 ACME more today"):
        adjusting.decide("1", 1, "eggs", EVA)
    # Another agent's day is her own, and tomorrow is another day.
    adjusting.decide("1", 1, "eggs", FAY)
    tomorrow = limited.journal.now() + 86_400
    limited.journal._clock = lambda: tomorrow
    adjusting.decide("1", 100, "eggs", EVA)


def test_above_the_sum_it_takes_two_persons(world: World, limited: Programme) -> None:
    adjusting = limited.adjusting
    with pytest.raises(MemberError, match="more than 100 ACME takes two: name another agent with --second"):
        adjusting.decide("1", 101, "eggs", EVA)
    with pytest.raises(InputError, match="one and the same"):
        adjusting.decide("1", 101, "eggs", EVA, EVA)
    with pytest.raises(InputError, match="one and the same"):
        adjusting.decide("1", 101, "eggs", EVA, replace(EVA, name="copy"))
    with pytest.raises(MemberError, match="gil is no agent"):
        adjusting.decide("1", 101, "eggs", EVA, GIL)
    assert list(limited.journal.entries(kind=DECIDED)) == []
    decision = adjusting.decide("1", 101, "eggs", EVA, FAY)
    assert decision.entry.data == {"units": "101", "second": FAY.address}
    adjusting.check(decision.entry)
    with pytest.raises(MemberError, match="eva may adjust 199 ACME more today"):
        adjusting.decide("1", 200, "eggs", EVA, FAY)


@pytest.mark.parametrize(("units", "reason"), [(0, "eggs"), (1 << 56, "eggs"), (5, " ")])
def test_refuses_what_makes_no_sense(limited: Programme, units: int, reason: str) -> None:
    with pytest.raises(InputError):
        limited.adjusting.decide("1", units, reason, EVA)


def test_an_adjustment_that_was_changed_later_is_found(limited: Programme) -> None:
    """By its signatures, even where the chain of hashes was made anew."""
    entry = limited.adjusting.decide("1", 50, "eggs", EVA).entry
    limited.adjusting.check(entry)
    changed = replace(entry, payload=canonical(entry.data | {"units": "5000"}))
    with pytest.raises(TamperedError, match=f"{EVA.address} did not sign entry 3"):
        limited.adjusting.check(changed)
    with limited.store.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE journal SET payload = :p WHERE sequence = 3"), {"p": changed.payload}
        )
    with pytest.raises(TamperedError, match="entry 3 of the journal was altered"):
        limited.journal.verify()


def test_reason_and_customer_are_sealed(limited: Programme) -> None:
    entry = limited.adjusting.decide("1", 50, "eggs of Annegret", EVA).entry
    assert "Annegret" not in json.dumps(vars(entry))
    key = limited.members.key_of(entry.subject)
    assert limited.journal.opened(entry, key)[0] == "eggs of Annegret"


# ---------------------------------------------------------------------------------------------- doing


def test_gives_points_to_an_address_once(world: World, limited: Programme) -> None:
    done = adjust(world, limited, world.ann.address, 50)
    assert (done.issued, done.known) == (50, False)
    again = adjust(world, limited, world.ann.address, 50)
    assert (again.issued, again.known, again.transaction) == (50, True, done.transaction)
    assert world.units(world.ann, "ACME") == 450
    adjust(world, limited, world.ann.address, 50, reference="a second box of eggs")
    assert world.units(world.ann, "ACME") == 500


def test_gives_points_to_the_address_of_a_card(world: World, limited: Programme) -> None:
    link(world, limited, "1", world.ann)
    assert adjust(world, limited, "1", 50).issued == 50
    assert world.units(world.ann, "ACME") == 450
    kinds = [entry["kind"] for entry in limited.members.export("1")["journal"]]
    assert kinds == ["address linked", "adjustment", "adjustment done"]


def test_a_card_without_an_address_gets_a_claim(world: World, limited: Programme) -> None:
    assert adjust(world, limited, "1", 50).claimed == 50
    assert adjust(world, limited, "1", 50).known
    expiry = limited.members.brand.longest_life(world.chain.now())
    assert limited.claims.of("1") == [(50, expiry)]


def test_a_grant_pays_as_well(world: World, limited: Programme) -> None:
    acme = limited.members.brand
    world.brand.brands.set_grant(acme, world.relay.address, 60, world.owner_signer, grant=2)
    decision = limited.adjusting.decide(world.ann.address, 50, "eggs", EVA)
    token = world.everyone.brands.token(acme)
    done = limited.adjusting.carry_out(decision, world.chain, token, world.relay_signer, grant=2)
    assert done.issued == 50
    assert world.everyone.brands.grant(acme, world.relay.address, 2).amount == 10


@pytest.mark.parametrize("arrives", [False, True])
def test_cut_off_and_run_again_issues_once(world: World, limited: Programme, arrives: bool) -> None:
    decision = limited.adjusting.decide(world.ann.address, 50, "eggs", EVA)
    with pytest.raises(NetworkError):
        carry_out(world, limited, decision, Cut(world.chain, arrives))
    again = limited.adjusting.decide(world.ann.address, 50, "eggs", EVA)
    assert again.known
    assert again.reference == decision.reference
    assert carry_out(world, limited, again).issued == 50
    assert world.units(world.ann, "ACME") == 450
    assert carry_out(world, limited, again).known


def test_cut_off_and_unlinked_in_between_gives_nothing_twice(world: World, limited: Programme) -> None:
    link(world, limited, "1", world.ann)
    decision = limited.adjusting.decide("1", 50, "eggs", EVA)
    with pytest.raises(NetworkError):
        carry_out(world, limited, decision, Cut(world.chain, True))
    limited.members.unlink("1", "she asked", "clerk")
    assert carry_out(world, limited, decision).claimed == 0
    assert (world.units(world.ann, "ACME"), limited.claims.total()) == (450, 0)


def test_less_reduces_the_claim_and_the_rest_is_a_debt(world: World, limited: Programme) -> None:
    earn(world, limited, "1", 30, "a")
    done = adjust(world, limited, "1", -50)
    assert (done.reduced, done.debt, done.issued) == (30, 20, 0)
    assert adjust(world, limited, "1", -50).known
    assert (limited.claims.of("1"), limited.debts.debt_of("1")) == ([], 20)


def test_nobody_takes_points_that_a_customer_holds(world: World, limited: Programme) -> None:
    assert adjust(world, limited, world.ann.address, -50).debt == 50
    assert world.units(world.ann, "ACME") == 400
    assert limited.debts.debt_of(world.ann.address) == 50
    assert limited.debts.net(world.ann.address, 60, "june") == (10, 50)


def test_the_messages_are_as_documented() -> None:
    assert Adjustment.type_string() == (
        "Adjustment(address agent,address token,bytes32 customer,bool add,uint256 amount,bytes32 reason,"
        "bytes32 ref)"
    )
    assert AdjustmentPolicy.type_string() == (
        "AdjustmentPolicy(address agent,address token,bytes32 policy,uint256 number)"
    )
