"""Who may call what: every function against every role. There is no owner of the contract.

Nothing is sent: each cell is a call on the same state. `campaign` runs, `over` and `over_fresh` have ended.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.campaigns import NOBODY, account_of
from tests.helpers import DAY, reverts_with, travel_to

ROLES = ("brand", "heir", "signer", "attestor", "customer", "buyer", "deployer", "stranger")
LATER, APPENDED = b"\x07" * 32, b"\x09" * 32
Outcome = Callable[[Any, str], tuple[Any, ...] | None]
Cell = tuple[Callable[[Any], tuple[Any, ...]], Outcome]


@pytest.fixture(autouse=True)
def isolation(module_isolation: None) -> None:
    """Calls alone: nothing to undo between tests."""


@pytest.fixture(scope="module")
def stage(
    rewards: Any,
    cash: Any,
    brand: Any,
    signer: Any,
    attestor: Any,
    customer: Any,
    buyer: Any,
    deployer: Any,
    stranger: Any,
    create_account: Any,
    plan: Any,
    opened: Any,
) -> SimpleNamespace:
    """The heir was offered the campaign. Everybody has money, so that who funds is not told by that."""
    stage = SimpleNamespace(
        rewards=rewards,
        brand=brand,
        heir=create_account("heir"),
        signer=signer,
        attestor=attestor,
        customer=customer,
        buyer=buyer,
        deployer=deployer,
        stranger=stranger,
        over=opened(),
        over_fresh=opened("fresh"),
    )
    travel_to(stage.over_fresh.terms["claimUntil"] + 1)
    stage.campaign, stage.planned = opened(codes=5, rootDelayDays=2), plan()
    campaign = stage.campaign
    stage.leaf = campaign.leaf(customer, 1)
    rewards.activate(campaign.id, [0], {"from": brand})
    rewards.appendRoot(campaign.id, stage.leaf[0], {"from": brand})
    travel_to(campaign.day(2) + DAY // 2)
    rewards.appendRoot(campaign.id, APPENDED, {"from": brand})
    rewards.offerAdmin(campaign.id, stage.heir, {"from": brand})
    for role in ROLES:
        who = getattr(stage, role)
        cash.mint(who, 1_000, {"from": deployer})
        cash.approve(rewards, 2**255, {"from": who})
    stage.statement, stage.bound = campaign.statement(customer, 1), campaign.bound(customer, 0)
    stage.code = campaign.code(customer, 0)
    return stage


def anyone(_: Any, __: str) -> None:
    """Succeeds for every role."""


def only_brand(name: str = "campaign") -> Outcome:
    def outcome(stage: Any, role: str) -> tuple[Any, ...] | None:
        if role == "brand":
            return None
        return "NotTheAdmin", getattr(stage, name).id, stage.brand, getattr(stage, role)

    return outcome


def only_heir(stage: Any, role: str) -> tuple[Any, ...] | None:
    if role == "heir":
        return None
    return "NotOffered", stage.campaign.id, stage.heir, getattr(stage, role)


def of(*arguments: Any) -> Callable[[Any], tuple[Any, ...]]:
    return lambda stage: (stage.campaign.id, *arguments)


MATRIX: dict[str, Cell] = {
    "open": (lambda stage: (tuple(stage.planned.terms.values()), 1), only_brand("planned")),
    "fund": (of(1), anyone),
    "enrol": (of([b"\0" * 31 + b"\x05"]), only_brand()),
    "activate": (of([0]), only_brand()),
    "appendRoot": (of(LATER), only_brand()),
    "withdrawRoot": (of(APPENDED), only_brand()),
    "offerAdmin": (lambda stage: (stage.campaign.id, stage.stranger), only_brand()),
    "acceptAdmin": (of(), only_heir),
    "refund": (lambda stage: (stage.over.id, stage.stranger), only_brand("over")),
    "release": (lambda stage: (stage.over_fresh.id,), anyone),
    # What is signed or proven is paid to whose it is, whoever submits it.
    "claimStatement": (lambda stage: stage.campaign.stated(stage.statement), anyone),
    "claimStatements": (lambda stage: stage.campaign.batch([stage.statement]), anyone),
    "claimTicket": (lambda stage: stage.bound, anyone),
    "claimCode": (lambda stage: stage.code, anyone),
    "claimRoot": (lambda stage: stage.campaign.proven(stage.leaf), anyone),
}


def test_the_matrix_is_whole(rewards: Any) -> None:
    functions = {
        entry["name"]
        for entry in rewards.abi
        if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
    }
    assert functions == set(MATRIX)


def test_no_function_is_payable(rewards: Any) -> None:
    kinds = {entry["stateMutability"] for entry in rewards.abi if entry["type"] == "function"}
    assert kinds == {"nonpayable", "view"}


@pytest.mark.parametrize("function", MATRIX)
def test_each_role(stage: SimpleNamespace, function: str) -> None:
    arguments, outcome = MATRIX[function]
    call = getattr(stage.rewards, function)
    for role in ROLES:
        sender, refusal = {"from": getattr(stage, role).address}, outcome(stage, role)
        if refusal is None:
            call.call(*arguments(stage), sender)
            continue
        with reverts_with(*refusal):
            call.call(*arguments(stage), sender)


@pytest.mark.parametrize("role", [role for role in ROLES if role != "signer"])
def test_no_other_role_signs(stage: SimpleNamespace, role: str) -> None:
    """The brand's own key is none of the campaign's."""
    who, campaign, customer = getattr(stage, role), stage.campaign, stage.customer
    if role == "deployer":
        return
    sender = {"from": who.address}
    with reverts_with("NotSignedByCampaign", stage.signer, campaign.statement_digest(customer, 1)):
        stage.rewards.claimStatement.call(*campaign.stated(campaign.statement(customer, 1, by=who)), sender)
    for account in (customer, NOBODY):
        ticket = campaign.ticket(account, 0, by=who)
        with reverts_with("NotSignedByCampaign", stage.signer, campaign.ticket_digest(ticket)):
            claim = stage.rewards.claimCode if account == NOBODY else stage.rewards.claimTicket
            claim.call(*campaign.taking(ticket, campaign.taker(ticket, customer)), sender)
    batch = [campaign.statement(customer, 1, by=who)]
    assert stage.rewards.claimStatements.call(*campaign.batch(batch), sender) == 0


@pytest.mark.parametrize("function", [name for name in MATRIX if name != "open"])
def test_where_there_is_no_campaign(stage: SimpleNamespace, function: str) -> None:
    arguments, _ = MATRIX[function]
    _, *rest = arguments(stage)
    nowhere: Any = account_of(stage.stranger)
    id_ = nowhere
    if function.startswith("claim"):
        nowhere = (1, 2, nowhere)
        id_ = bytes(keccak(encode(["uint256", "uint256", "bytes32"], nowhere)))
    with reverts_with("CampaignUnknown", id_):
        getattr(stage.rewards, function).call(nowhere, *rest, {"from": stage.brand.address})
