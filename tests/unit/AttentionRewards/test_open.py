"""open: what is fixed for good, and what stands for it."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.campaigns import PRICE, Campaign, id_of, make_terms
from tests.helpers import DAY, LANE, MAX_UINT256, ZERO_ADDRESS, next_block_at, now, reverts_with
from tests.orders import ERC20, POINTS
from tests.unit.AttentionRewards.conftest import BUDGET, HELD, MODES

RULES = (
    "token",
    "tokenKind",
    "fresh",
    "price",
    "signer",
    "start",
    "end",
    "claimUntil",
    "maxContacts",
    "perDay",
    "codes",
    "codesPerAccount",
    "rootDelayDays",
    "credentials",
)


def open_(campaign: Campaign, budget: int, by: Any) -> Any:
    return campaign.rewards.open(tuple(campaign.terms.values()), budget, {"from": by})


@pytest.mark.parametrize("mode", MODES)
def test_keeps_what_was_fixed(
    rewards: Any, brand: Any, plan: Any, grant: Any, credentials: Any, mode: str
) -> None:
    campaign = plan(mode, codes=3, codesPerAccount=2, credentials=credentials)
    terms = tuple(campaign.terms.values())
    assert rewards.idOf(terms) == "0x" + campaign.id.hex()
    assert rewards.standingOf(campaign.id)[0] == rewards.rulesOf(campaign.id)[0] == ZERO_ADDRESS
    if mode == "fresh":
        grant(campaign, BUDGET)
    events = open_(campaign, BUDGET, brand).events
    opened = events["CampaignOpened"]
    assert (opened["campaignId"], opened["token"]) == ("0x" + campaign.id.hex(), campaign.terms["token"])
    assert opened["admin"] == brand
    told = [value.hex() if isinstance(value, bytes) else value for value in terms]
    assert [str(value).removeprefix("0x") for value in opened["terms"]] == [
        str(value).removeprefix("0x") for value in told
    ]
    assert rewards.rulesOf(campaign.id) == tuple(campaign.terms[name] for name in RULES)
    assert rewards.standingOf(campaign.id) == (brand, ZERO_ADDRESS, BUDGET, 0, 3, BUDGET - 3)


def test_collects_cash(rewards: Any, cash: Any, brand: Any, plan: Any) -> None:
    campaign = plan()
    events = open_(campaign, BUDGET, brand).events
    assert dict(events["CampaignFunded"]) == {
        "campaignId": "0x" + campaign.id.hex(),
        "from": brand,
        "contacts": BUDGET,
    }
    assert (cash.balanceOf(rewards), cash.balanceOf(brand)) == (BUDGET * PRICE, HELD - BUDGET * PRICE)


def test_collects_points_into_a_pocket_of_its_own(rewards: Any, token: Any, brand: Any, plan: Any) -> None:
    campaign = plan("points")
    open_(campaign, BUDGET, brand)
    pocket = token.pocketOf(rewards, campaign.id)
    assert (token.balanceOf(pocket), token.balanceOf(rewards)) == (BUDGET * PRICE, 0)


def test_takes_nothing_where_points_are_issued(token: Any, brand: Any, plan: Any, grant: Any) -> None:
    campaign = plan("fresh")
    grant(campaign, BUDGET)
    assert "CampaignFunded" not in open_(campaign, BUDGET - 1, brand).events
    assert token.balanceOf(brand) == HELD
    assert campaign.standing() == (BUDGET, 0, 0, BUDGET)


def test_opens_without_money(brand: Any, cash: Any, plan: Any) -> None:
    campaign = plan()
    open_(campaign, 0, brand)
    assert campaign.standing() == (0, 0, 0, 0)
    assert cash.balanceOf(brand) == HELD


def test_reverts_the_second_time(rewards: Any, brand: Any, campaign: Campaign) -> None:
    with reverts_with("CampaignExists", campaign.id):
        open_(campaign, BUDGET, brand)


@pytest.mark.parametrize("role", ["signer", "stranger", "deployer"])
def test_reverts_for_anybody_but_its_admin(
    brand: Any, plan: Any, request: pytest.FixtureRequest, role: str
) -> None:
    caller, campaign = request.getfixturevalue(role), plan()
    with reverts_with("NotTheAdmin", campaign.id, brand, caller):
        open_(campaign, BUDGET, caller)


def test_reverts_without_a_signer(brand: Any, plan: Any) -> None:
    with reverts_with("SignerMissing"):
        open_(plan(signer=ZERO_ADDRESS), BUDGET, brand)


@pytest.mark.parametrize(("kind", "fresh"), [(ERC20, True), (2, False), (255, False)])
def test_reverts_in_a_mode_that_there_is_not(brand: Any, plan: Any, kind: int, fresh: bool) -> None:
    with reverts_with("BadMode", kind, fresh):
        open_(plan(tokenKind=kind, fresh=fresh), BUDGET, brand)


@pytest.mark.parametrize(("mode", "highest"), [("cash", 2**96 - 1), ("points", LANE), ("fresh", LANE)])
def test_prices_at_their_borders(brand: Any, plan: Any, grant: Any, mode: str, highest: int) -> None:
    for price in (0, highest + 1, MAX_UINT256):
        with reverts_with("RewardOutOfRange", price):
            open_(plan(mode, price=price), 0, brand)
    campaign = plan(mode, price=highest)
    if mode == "fresh":
        grant(campaign, 0)
    open_(campaign, 0, brand)


@pytest.mark.parametrize(
    ("start", "end", "claim_until"),
    [
        (1, 0, 30 * DAY),
        (-DAY, -1, 40 * DAY),
        (0, DAY, 31 * DAY - 1),
        (0, DAY, 0),
        (0, DAY, 3_650 * DAY + 1),
        (0, MAX_UINT256, 3_650 * DAY),
    ],
    ids=[
        "starts after its end",
        "is over",
        "30 days less a second",
        "claims before",
        "too far",
        "never ends",
    ],
)
def test_reverts_with_times_out_of_order(
    brand: Any, plan: Any, start: int, end: int, claim_until: int
) -> None:
    then = now() + 1_000
    times = [then + time if time < MAX_UINT256 else time for time in (start, end, claim_until)]
    campaign = plan(start=times[0], end=times[1], claimUntil=times[2])
    next_block_at(then)
    with reverts_with("CampaignTimesOutOfRange", *times):
        open_(campaign, 0, brand)


@pytest.mark.parametrize(
    ("start", "end", "claim_until"), [(-9 * DAY, 0, 30 * DAY), (0, 0, 30 * DAY), (DAY, 9 * DAY, 3_650 * DAY)]
)
def test_times_at_their_borders(brand: Any, plan: Any, start: int, end: int, claim_until: int) -> None:
    then = now() + 1_000
    campaign = plan(start=then + start, end=then + end, claimUntil=then + claim_until)
    next_block_at(then)
    open_(campaign, 0, brand)


@pytest.mark.parametrize(
    "fields",
    [
        {"maxContacts": 65_536},
        {"perDay": 65_536},
        {"codes": 2**32},
        {"codesPerAccount": 65_536},
        {"maxContacts": 0},
        {"maxContacts": MAX_UINT256},
    ],
)
def test_reverts_with_counts_out_of_range(brand: Any, plan: Any, fields: dict[str, int]) -> None:
    campaign = plan(**fields)
    names = ("maxContacts", "perDay", "codes", "codesPerAccount")
    with reverts_with("ContactsOutOfRange", *(campaign.terms[name] for name in names)):
        open_(campaign, BUDGET, brand)


def test_counts_at_their_borders(brand: Any, plan: Any) -> None:
    open_(plan(maxContacts=65_535, perDay=65_535, codesPerAccount=65_535), 0, brand)
    open_(plan(maxContacts=0, codes=1), 1, brand)


@pytest.mark.parametrize("days", [0, 8, MAX_UINT256])
def test_reverts_with_another_delay_of_roots(brand: Any, plan: Any, days: int) -> None:
    with reverts_with("RootDelayOutOfRange", days):
        open_(plan(rootDelayDays=days), BUDGET, brand)
    open_(plan(rootDelayDays=7), BUDGET, brand)


@pytest.mark.parametrize(("topic", "channel"), [(64, 0), (0, 16), (MAX_UINT256, MAX_UINT256)])
def test_reverts_with_another_topic(brand: Any, plan: Any, topic: int, channel: int) -> None:
    with reverts_with("TopicOutOfRange", topic, channel):
        open_(plan(topic=topic, channel=channel), BUDGET, brand)


def test_reverts_where_no_contract_is_to_be_asked(brand: Any, plan: Any, stranger: Any) -> None:
    with reverts_with("NoCredentials", stranger):
        open_(plan(credentials=stranger), BUDGET, brand)


@pytest.mark.parametrize("mode", MODES)
def test_codes_need_their_budget(brand: Any, plan: Any, grant: Any, mode: str) -> None:
    campaign = plan(mode, codes=BUDGET)
    if mode == "fresh":
        grant(campaign, BUDGET - 1)
    with reverts_with("BudgetTooSmall", BUDGET - 1, BUDGET):
        open_(campaign, BUDGET - 1, brand)
    if mode == "fresh":
        grant(campaign, BUDGET)
    open_(campaign, BUDGET, brand)
    assert campaign.standing() == (BUDGET, 0, BUDGET, 0)


# ------------------------------------------------------------------------------------------------------ money


def test_reverts_without_money(brand: Any, cash: Any, plan: Any, rewards: Any) -> None:
    cash.approve(rewards, BUDGET * PRICE - 1, {"from": brand})
    with reverts_with("TransferFromFailed"):
        open_(plan(), BUDGET, brand)


def test_reverts_when_another_amount_arrives(rewards: Any, brand: Any, deployer: Any, plan: Any) -> None:
    odd = brownie.OddTokenMock.deploy({"from": deployer})
    odd.mint(brand, HELD, {"from": deployer})
    odd.approve(rewards, MAX_UINT256, {"from": brand})
    asked = BUDGET * PRICE
    takes_fee, delivers_nothing, delivers_twice = 1, 2, 4
    for oddity, arrived in (
        (takes_fee, asked - asked // 100 - 1),
        (delivers_nothing, 0),
        (delivers_twice, 2 * asked),
    ):
        odd.behave(oddity, {"from": deployer})
        with reverts_with("EscrowArrivalDiffers", odd, arrived, asked):
            open_(plan(token=odd), BUDGET, brand)


def test_points_are_no_cash(brand: Any, token: Any, plan: Any) -> None:
    with reverts_with("NotOfCampaignKind", token, ERC20):
        open_(plan(token=token), BUDGET, brand)


def test_points_in_escrow_live_beyond_the_claims(brand: Any, token: Any, plan: Any) -> None:
    lasts = token.lotsOf(brand)[1]
    expiry = max(lasts)
    late = plan("points", end=expiry - 30 * DAY, claimUntil=expiry)
    with reverts_with("PointsOutOfBounds", brand, 0, BUDGET * PRICE, expiry, 0):
        open_(late, BUDGET, brand)
    open_(plan("points", end=expiry - 31 * DAY, claimUntil=expiry - 1), BUDGET, brand)


def test_one_in_points_needs_no_owner(rewards: Any, brand: Any, stranger: Any, token: Any, plan: Any) -> None:
    """Whoever has points may pay with them."""
    token.transfer(stranger, BUDGET * PRICE, {"from": brand})
    token.approve(rewards, MAX_UINT256, {"from": stranger})
    campaign = plan("points", admin=stranger, tokenKind=POINTS)
    open_(campaign, BUDGET, stranger)
    assert campaign.standing() == (BUDGET, 0, 0, BUDGET)


def test_an_id_covers_everything(rewards: Any, brand: Any, signer: Any, cash: Any, stranger: Any) -> None:
    terms = make_terms(brand, cash, signer)
    changed = {
        name: stranger.address
        if isinstance(value, str)
        else not value
        if isinstance(value, bool)
        else value + 1
        if isinstance(value, int)
        else b"\1" * 32
        for name, value in terms.items()
    }
    ids = {id_of(rewards, terms)}
    for name, value in changed.items():
        other = terms | {name: value}
        assert rewards.idOf(tuple(other.values())) == "0x" + id_of(rewards, other).hex()
        ids.add(id_of(rewards, other))
    assert len(ids) == len(terms) + 1
    assert id_of(rewards, terms, chain_id=1) not in ids
