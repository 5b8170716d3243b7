"""Ownership is handed over in two steps: who wants it asks, who has it agrees within 48 hours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import next_block_at, reverts_with

HOURS_48 = 48 * 3_600


def test_is_handed_over(token: Any, brand: Any, buyer: Any, customer: Any) -> None:
    token.requestOwnershipHandover({"from": buyer})
    assert token.owner() == brand
    events = token.completeOwnershipHandover(buyer, {"from": brand}).events
    assert events["OwnershipTransferred"] == {"oldOwner": brand, "newOwner": buyer}
    assert token.owner() == buyer
    token.mint(customer, 1, {"from": buyer})
    with reverts_with("Unauthorized"):
        token.mint(customer, 1, {"from": brand})


@pytest.mark.parametrize("late", [-1, 0])
def test_holds_for_48_hours(token: Any, brand: Any, buyer: Any, late: int) -> None:
    asked = token.requestOwnershipHandover({"from": buyer}).timestamp
    next_block_at(asked + HOURS_48 + late)
    token.completeOwnershipHandover(buyer, {"from": brand})
    assert token.owner() == buyer


def test_reverts_after_48_hours(token: Any, brand: Any, buyer: Any) -> None:
    asked = token.requestOwnershipHandover({"from": buyer}).timestamp
    next_block_at(asked + HOURS_48 + 1)
    with reverts_with("NoHandoverRequest"):
        token.completeOwnershipHandover(buyer, {"from": brand})


def test_reverts_when_nobody_asked_or_no_longer(token: Any, brand: Any, buyer: Any) -> None:
    with reverts_with("NoHandoverRequest"):
        token.completeOwnershipHandover(buyer, {"from": brand})
    token.requestOwnershipHandover({"from": buyer})
    token.cancelOwnershipHandover({"from": buyer})
    with reverts_with("NoHandoverRequest"):
        token.completeOwnershipHandover(buyer, {"from": brand})


def test_reverts_when_a_step_is_skipped(token: Any, brand: Any, buyer: Any) -> None:
    with reverts_with("HandOverInTwoSteps"):
        token.transferOwnership(buyer, {"from": brand})
    with reverts_with("HandOverInTwoSteps"):
        token.renounceOwnership({"from": brand})


def test_a_lock_binds_the_next_owner(token: Any, brand: Any, issuer: Any, buyer: Any, customer: Any) -> None:
    token.setGrant(issuer, 1, 100, 0, 2**40 - 1, {"from": brand})
    token.requestOwnershipHandover({"from": buyer})
    token.completeOwnershipHandover(buyer, {"from": brand})
    with reverts_with("GrantLocked", issuer, 1, 2**40 - 1):
        token.setGrant(issuer, 1, 0, 0, 0, {"from": buyer})
    token.issue(1, customer, 100, "0x" + "00" * 32, {"from": issuer})
