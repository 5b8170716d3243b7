"""`/issue`: accepted durably, once for each receipt, and within the grant."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.client.till.conftest import GRANT, Shop, eventually, set_grant
from tests.client.trade.conftest import World
from troc.accounts import Signer


def test_an_issue_is_answered_and_comes_to_the_chain(shop: Shop) -> None:
    answer = shop.issue("a1", shop.world.bob, "25")
    assert answer["amount"] == "25"
    assert answer["matures_at"] == 0
    shop.settle()
    assert shop.units(shop.world.bob) == 25
    sale = shop.get("/receipt", receipt="a1")
    assert sale["issue_standing"] == "issued"
    assert sale["transaction"].startswith("0x")


def test_many_receipts_of_many_customers(shop: Shop) -> None:
    for number in range(30):
        shop.issue(f"a{number}", (shop.world.bob, shop.world.cem)[number % 2], 1 + number)
    shop.settle()
    assert shop.units(shop.world.bob) == sum(1 + number for number in range(0, 30, 2))
    assert shop.units(shop.world.cem) == sum(1 + number for number in range(1, 30, 2))


def test_the_same_receipt_twice_at_once_counts_once(shop: Shop) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: shop.issue("a1", shop.world.bob, 10), range(48)))
    assert all(answer == answers[0] for answer in answers)
    shop.settle()
    assert shop.issue("a1", shop.world.bob, "10.0") == answers[0]
    assert shop.units(shop.world.bob) == 10


def test_another_content_for_the_same_receipt_is_refused(shop: Shop) -> None:
    shop.issue("a1", shop.world.bob, 10)
    assert shop.refused("/issue", receipt="a1", customer=shop.world.bob.address, amount=11) == (
        409,
        "receipt_differs",
    )
    assert shop.refused("/issue", receipt="a1", customer=shop.world.cem.address, amount=10) == (
        409,
        "receipt_differs",
    )
    shop.settle()
    assert shop.units(shop.world.bob) == 10
    assert shop.units(shop.world.cem) == 0


def test_no_more_is_accepted_than_the_grant_can_issue(shop: Shop) -> None:
    bob = shop.world.bob
    shop.issue("a1", bob, GRANT - 5)
    assert shop.refused("/issue", receipt="a2", customer=bob.address, amount=6) == (403, "grant_exhausted")
    shop.issue("a3", bob, 5)
    shop.settle()
    assert shop.refused("/issue", receipt="a4", customer=bob.address, amount=1) == (403, "grant_exhausted")
    assert shop.units(bob) == GRANT


def test_racing_receipts_never_exceed_the_grant(shop: Shop) -> None:
    def one(number: int) -> bool:
        body = {"receipt": f"a{number}", "customer": shop.world.bob.address, "amount": 300}
        return bool(shop.http.post("/issue", json=body, headers=shop.headers).status_code == 200)

    with ThreadPoolExecutor(16) as pool:
        accepted = sum(pool.map(one, range(60)))
    assert accepted == GRANT // 300
    shop.settle()
    assert shop.units(shop.world.bob) == 300 * accepted


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": 1.5},
        {"amount": "1.5"},
        {"amount": "1e3"},
        {"amount": True},
        {"amount": 2**56},
        {"customer": "0x12"},
        {"customer": "0x" + "00" * 20},
        {"customer": "card-1"},
        {"receipt": ""},
        {"receipt": "x" * 101},
        {"receipt": "a\nb"},
        {"matures": "yesterday"},
        {"matures": "2020-01-01"},
        {"extra": 1},
    ],
)
def test_malformed_requests_are_refused(shop: Shop, body: dict[str, object]) -> None:
    good = {"receipt": "a1", "customer": shop.world.bob.address, "amount": 1}
    status, code = shop.refused("/issue", **(good | body))
    assert (status, code) == (422, "malformed")
    assert shop.waiting() == 0


def test_the_token_and_the_exchange_get_nothing(shop: Shop) -> None:
    for name in (shop.till.brand.address, shop.world.manifest.address("PointsExchange")):
        assert shop.refused("/issue", receipt="a1", customer=name, amount=1) == (422, "malformed")


def test_a_cap_is_counted_by_the_days_of_the_chain(
    world: World, till_signer: Signer, open_shop: Callable[..., Shop]
) -> None:
    set_grant(world, till_signer, GRANT, per_day=100)
    shop = open_shop()
    shop.issue("a1", world.bob, 60)
    assert shop.refused("/issue", receipt="a2", customer=world.bob.address, amount=41) == (
        403,
        "day_cap_reached",
    )
    shop.settle()
    assert shop.refused("/issue", receipt="a2", customer=world.bob.address, amount=41) == (
        403,
        "day_cap_reached",
    )
    world.pass_days(1)
    eventually(lambda: shop.get("/status")["room"] == 100)
    shop.issue("a2", world.bob, 100)
    shop.settle()
    assert shop.units(world.bob) == 160
