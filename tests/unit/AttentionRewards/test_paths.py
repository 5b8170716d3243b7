"""One contact by two paths, in every order: it is paid once, and what is new beside it is paid."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from tests.campaigns import PRICE, Campaign, account_of, bits
from tests.helpers import reverts_with, travel_to
from tests.unit.AttentionRewards.conftest import BUDGET, MODES

PATHS = ("statement", "batch", "ticket", "root")


@pytest.fixture(scope="module")
def ready(opened: Any, rewards: Any, brand: Any, customer: Any) -> dict[str, Campaign]:
    """One of each mode, with a root in effect."""
    ready = {mode: opened(mode, perDay=0) for mode in MODES}
    for mode in MODES:
        rewards.appendRoot(ready[mode].id, ready[mode].leaf(customer, bits(1, 4))[0], {"from": brand})
    travel_to(max(campaign.day(2) for campaign in ready.values()))
    return ready


@pytest.fixture(scope="module")
def claims(rewards: Any, customer: Any, stranger: Any) -> Callable[[Campaign], dict[str, Any]]:
    """Each path, its contacts, and its call."""

    def claims(campaign: Campaign) -> dict[str, Any]:
        sent = {"from": stranger}
        return {
            "statement": (
                {1, 2},
                lambda: rewards.claimStatement(
                    *campaign.stated(campaign.statement(customer, bits(1, 2))), sent
                ),
            ),
            "batch": (
                {1, 3},
                lambda: rewards.claimStatements(
                    *campaign.batch([campaign.statement(customer, bits(1, 3))]), sent
                ),
            ),
            "ticket": ({1}, lambda: rewards.claimTicket(*campaign.bound(customer, 1), sent)),
            "root": (
                {1, 4},
                lambda: rewards.claimRoot(*campaign.proven(campaign.leaf(customer, bits(1, 4))), sent),
            ),
        }

    return claims


@pytest.mark.parametrize("order", list(permutations(PATHS, 2)), ids="-".join)
def test_two_paths(
    rewards: Any, cash: Any, customer: Any, ready: dict[str, Campaign], claims: Any, order: tuple[str, str]
) -> None:
    campaign = ready["cash"]
    had: set[int] = set()
    for path in order:
        contacts, claim = claims(campaign)[path]
        if contacts <= had:
            with reverts_with("NothingNew", campaign.id, account_of(customer)):
                claim()
        else:
            claim()
        had |= contacts
        assert cash.balanceOf(customer) == len(had) * PRICE
        assert rewards.contactsOf(campaign.id, account_of(customer), 0) == bits(*had)
    assert campaign.standing()[0] == BUDGET - len(had)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", [PATHS, PATHS[::-1]], ids=["forwards", "backwards"])
def test_all_paths_of_an_enrolled_account(
    rewards: Any,
    brand: Any,
    customer: Any,
    money: Any,
    ready: dict[str, Campaign],
    claims: Any,
    mode: str,
    order: tuple[str, ...],
) -> None:
    """The second claim comes before she is enrolled."""
    campaign = ready[mode]
    had: set[int] = set()
    for number, path in enumerate(order):
        if number == 2:
            rewards.enrol(campaign.id, [account_of(customer)], {"from": brand})
        contacts, claim = claims(campaign)[path]
        if contacts <= had:
            with reverts_with("NothingNew", campaign.id, account_of(customer)):
                claim()
        else:
            claim()
        had |= contacts
    assert money(mode).balanceOf(customer) == 4 * PRICE
    assert campaign.standing() == (BUDGET - 4, 16, 0, BUDGET - 20)
