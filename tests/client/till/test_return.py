"""`/return`: points earned end, points spent come back; what comes too late is a debt."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.client.till.conftest import Shop, eventually
from tests.client.trade.conftest import DAY, START, World


class DebtsOfTest:
    """A brand's book of debts that counts each reference once."""

    def __init__(self) -> None:
        self.told: dict[str, tuple[str, int, str]] = {}

    def record_debt(self, who: str, units: int, reference: str, reason: str, actor: str) -> bool:
        """See `DebtBook`."""
        new = reference not in self.told
        self.told.setdefault(reference, (who, units, actor))
        return new


def returned(shop: Shop, id_: str, receipt: str, **parts: object) -> dict[str, object]:
    """Return goods and wait until the chain has it."""
    shop.post("/return", id=id_, receipt=receipt, **parts)
    eventually(lambda: bool(shop.get("/return", id=id_)["done"]))
    answer: dict[str, object] = shop.get("/return", id=id_)
    return answer


def pending(world: World) -> int:
    return world.everyone.status("ACME").pending


def test_a_purchase_is_pending_until_it_cannot_be_returned(shop: Shop) -> None:
    answer = shop.issue("a1", shop.world.bob, 40, matures="30d")
    assert answer["matures_at"] % DAY == 0
    assert answer["matures_at"] > START + 30 * DAY
    shop.settle()
    assert (shop.units(shop.world.bob), pending(shop.world)) == (0, 40)
    assert shop.get("/receipt", receipt="a1")["issue_standing"] == "pending"


def test_a_pending_purchase_is_cancelled_in_part_and_whole(shop: Shop) -> None:
    shop.issue("a0", shop.world.cem, 5, matures="30d")
    shop.issue("a1", shop.world.bob, 40, matures="30d")
    shop.settle()
    assert returned(shop, "r1", "a1", earned=15)["cancelled"] == "15"
    assert pending(shop.world) == 30
    assert shop.refused("/return", id="r2", receipt="a1", earned=26) == (409, "more_than_left")
    assert returned(shop, "r2", "a1")["cancelled"] == "25"
    assert pending(shop.world) == 5
    assert returned(shop, "r3", "a1")["cancelled"] == "0"


def test_the_same_return_twice_counts_once(shop: Shop) -> None:
    shop.issue("a1", shop.world.bob, 40, matures="30d")
    shop.settle()
    for _ in range(3):
        returned(shop, "r1", "a1", earned=15)
    assert pending(shop.world) == 25
    assert shop.refused("/return", id="r1", receipt="a1", earned=16) == (409, "return_differs")
    assert shop.refused("/return", id="r9", receipt="a9") == (404, "unknown_receipt")


def test_what_is_hers_already_is_a_debt(open_shop: Callable[..., Shop]) -> None:
    debts = DebtsOfTest()
    shop = open_shop(debts=debts)
    bob = shop.world.bob
    shop.issue("a1", bob, 40)
    shop.settle()
    answer = shop.post("/return", id="r1", receipt="a1", earned=15)
    assert (answer["debt"], answer["cancelled"]) == ("15", "0")
    eventually(lambda: bool(debts.told))
    assert debts.told == {f"till {shop.till.address} 0 return r1": (bob.address, 15, "register-1")}
    assert shop.units(bob) == 40
    assert shop.get("/status")["debt"] == 15


def test_a_return_after_maturity_is_a_debt(shop: Shop) -> None:
    bob = shop.world.bob
    shop.issue("a1", bob, 40, matures="1d")
    shop.settle()
    shop.world.pass_days(3)
    # Whether the till knows the time by then or the chain tells it, the outcome is one.
    shop.post("/return", id="r1", receipt="a1")
    eventually(lambda: bool(shop.get("/return", id="r1")["done"]))
    answer = shop.get("/return", id="r1")
    assert (answer["debt"], answer["cancelled"]) == ("40", "0")


def test_what_has_matured_is_released_by_the_till(
    open_shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In parts, without what was returned, and once: also where somebody else was faster."""
    monkeypatch.setattr("troc.till.errands._RELEASES_AT_ONCE", 2)
    monkeypatch.setattr("troc.till.errands._RELEASE_SECONDS", 0.1)
    shop = open_shop()
    bob, cem = shop.world.bob, shop.world.cem
    before = shop.units(bob), shop.units(cem)
    for number in range(5):
        shop.issue(f"a{number}", bob if number % 2 else cem, 10, matures="1d")
    shop.settle()
    returned(shop, "r1", "a1", earned=4)
    assert pending(shop.world) == 46
    shop.world.pass_days(3)
    eventually(lambda: not pending(shop.world))
    assert (shop.units(bob) - before[0], shop.units(cem) - before[1]) == (16, 30)
    shop.settle()
    kinds = {each["kind"]: each for each in shop.get("/status")["errands"]}
    assert kinds["release"] == {**kinds["pending"], "kind": "release"}


def test_points_spent_come_back_in_part_and_whole(shop: Shop) -> None:
    ann = shop.world.ann
    shop.redeem("s1", ann, 100)
    room = shop.get("/status")["room"]
    assert returned(shop, "r1", "s1", spent=30)["given_back"] == "30"
    assert shop.units(ann) == 330
    assert shop.refused("/return", id="r2", receipt="s1", spent=71) == (409, "more_than_left")
    assert returned(shop, "r2", "s1")["given_back"] == "70"
    assert shop.units(ann) == 400
    assert shop.get("/status")["room"] == room - 100


def test_one_return_ends_what_was_earned_and_gives_back_what_was_spent(shop: Shop) -> None:
    ann = shop.world.ann
    shop.issue("a1", ann, 20, matures="30d")
    shop.redeem("a1", ann, 100)
    shop.settle()
    answer = returned(shop, "r1", "a1")
    assert (answer["cancelled"], answer["given_back"]) == ("20", "100")
    assert (shop.units(ann), pending(shop.world)) == (400, 0)


@pytest.mark.parametrize("parts", [{"earned": "-1"}, {"spent": -1}, {"earned": 1.5}, {"earned": "x"}])
def test_malformed_returns_are_refused(shop: Shop, parts: dict[str, object]) -> None:
    shop.issue("a1", shop.world.bob, 40)
    assert shop.refused("/return", id="r1", receipt="a1", **parts) == (422, "malformed")
