"""`/redeem`: a customer's signature is checked, kept, and taken to the chain; unseen only within limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.client.core.conftest import quick
from tests.client.core.faulty_node import FaultyNode, faulty_node
from tests.client.till.conftest import Shop, eventually
from tests.client.trade.conftest import World
from troc.chain import Chain
from troc.client import Troc
from troc.till.desk import Limits

LIMITS = Limits(risk_each=50, risk_total=80)


@pytest.fixture
def line(world: World, tmp_path: Path) -> Iterator[tuple[FaultyNode, Troc]]:
    """A node that can be cut off, and the deployment seen through it."""
    with faulty_node(world.chain.config.rpc) as node:
        yield node, Troc(Chain.connect(quick(node.url, tmp_path)), world.manifest)


def cut(node: FaultyNode, shop: Shop) -> None:
    """The chain is away from now on."""
    node.dead_from = 0
    eventually(lambda: not shop.get("/health")["online"])


def mend(node: FaultyNode, shop: Shop) -> None:
    """It is back."""
    node.dead_from = None
    eventually(lambda: bool(shop.get("/health")["online"]))


def test_points_are_spent_and_it_is_final(shop: Shop) -> None:
    answer = shop.redeem("s1", shop.world.ann, 150)
    assert (answer["final"], answer["standing"], answer["amount"]) == (True, "final", "150")
    assert shop.units(shop.world.ann) == 250


def test_the_same_signature_twice_at_once_counts_once(shop: Shop) -> None:
    body = shop.signed("s1", shop.world.ann, 100)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: shop.post("/redeem", **body), range(16)))
    assert all(answer == answers[0] for answer in answers)
    assert shop.units(shop.world.ann) == 300


def test_another_redemption_for_the_same_receipt_is_refused(shop: Shop) -> None:
    shop.redeem("s1", shop.world.ann, 100)
    other = shop.signed("s1", shop.world.ann, 50)
    assert shop.refused("/redeem", **other) == (409, "receipt_differs")
    assert shop.units(shop.world.ann) == 300


def changed(body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return body | {"message": body["message"] | fields}


def test_what_the_chain_would_refuse_is_refused(shop: Shop) -> None:
    ann, bob = shop.world.ann, shop.world.bob
    body = shop.signed("s1", ann, 100)
    assert shop.refused("/redeem", **changed(body, amount="101")) == (403, "not_signed")
    assert shop.refused("/redeem", **changed(body, holder=bob.address)) == (403, "not_signed")
    assert shop.refused("/redeem", **changed(body, agent=bob.address)) == (422, "malformed")
    assert shop.refused("/redeem", **changed(body, receiptId="0x" + "11" * 32)) == (422, "malformed")
    assert shop.refused("/redeem", **(body | {"receipt": "s2"})) == (422, "malformed")
    assert shop.refused("/redeem", **(body | {"signature": "0x12"})) == (403, "not_signed")
    assert shop.refused("/redeem", **(body | {"signature": "zz"})) == (422, "malformed")
    assert shop.refused("/redeem", **shop.signed("s2", ann, 401)) == (403, "too_few_points")
    assert shop.refused("/redeem", **shop.signed("s2", bob, 1)) == (403, "too_few_points")
    assert shop.waiting() == 0


def test_a_deadline_is_judged_by_the_chains_clock(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    body = shop.signed("s1", shop.world.ann, 100)
    # The service's own clock does not matter, wherever it stands.
    monkeypatch.setattr("time.time", lambda: 4e9)
    shop.world.pass_days(0.01)
    shop.redeem("s0", shop.world.ann, 10)
    monkeypatch.setattr("time.time", lambda: 1.0)
    shop.world.pass_days(1)
    eventually(lambda: shop.get("/status")["chain_time"] > int(body["message"]["deadline"]))
    assert shop.refused("/redeem", **body) == (409, "deadline_passed")


def test_a_cancelled_signature_is_refused(shop: Shop) -> None:
    world = shop.world
    body = shop.signed("s1", world.ann, 100)
    token = world.everyone.brands.token(shop.till.brand)
    world.give_ether(world.ann.address)
    world.chain.send(token.functions.cancelNonces([int(body["message"]["nonce"])]), world.ann.signer)
    assert shop.refused("/redeem", **body) == (409, "nonce_used")


def test_unseen_signatures_are_taken_within_limits_and_submitted_later(
    line: tuple[FaultyNode, Troc], open_shop: Callable[..., Shop]
) -> None:
    node, troc = line
    shop = open_shop(troc, limits=LIMITS)
    ann, bob = shop.world.ann, shop.world.bob
    cut(node, shop)
    answer = shop.redeem("s1", ann, 50)
    assert (answer["final"], answer["standing"]) == (False, "at risk")
    assert shop.refused("/redeem", **shop.signed("s2", ann, 1)) == (403, "risk_limit")
    assert shop.refused("/redeem", **shop.signed("s3", bob, 31)) == (403, "risk_limit")
    # Bob has no ACME, which nobody can know now.
    assert shop.redeem("s3", bob, 30)["standing"] == "at risk"
    assert shop.get("/status")["at_risk"] == 80
    mend(node, shop)
    eventually(lambda: bool(shop.get("/receipt", receipt="s1")["redemption"]["final"]))
    assert shop.units(ann) == 350
    lost = shop.get("/receipt", receipt="s3")["redemption"]
    assert lost["standing"] == "at risk"
    eventually(lambda: bool(shop.get("/status")["held"]))
    assert "has 0 units" in shop.get("/status")["held"][0]["why"]
    # He cannot be held to it for ever: it fails with its deadline.
    shop.world.pass_days(1)
    eventually(lambda: bool(shop.get("/receipt", receipt="s3")["redemption"]["standing"] == "failed"))


def test_without_a_limit_nothing_is_taken_unseen(
    line: tuple[FaultyNode, Troc], open_shop: Callable[..., Shop]
) -> None:
    node, troc = line
    shop = open_shop(troc)
    cut(node, shop)
    assert shop.refused("/redeem", **shop.signed("s1", shop.world.ann, 1)) == (403, "risk_limit")


def test_a_redemption_of_her_own_for_the_receipt_is_no_payment(
    line: tuple[FaultyNode, Troc], open_shop: Callable[..., Shop]
) -> None:
    node, troc = line
    shop = open_shop(troc, limits=LIMITS)
    ann = shop.world.ann
    cut(node, shop)
    body = shop.signed("s1", ann, 50)
    shop.post("/redeem", **body)
    # She spends one point for the same receipt before the till is back.
    token = shop.world.everyone.brands.token(shop.till.brand)
    shop.world.give_ether(ann.address)
    reference = bytes.fromhex(body["message"]["receiptId"][2:])
    shop.world.chain.send(token.functions.redeem(1, reference), ann.signer)
    mend(node, shop)
    eventually(lambda: bool(shop.get("/receipt", receipt="s1")["redemption"]["standing"] == "failed"))


def test_issues_go_on_while_the_chain_is_away(
    line: tuple[FaultyNode, Troc], open_shop: Callable[..., Shop]
) -> None:
    node, troc = line
    shop = open_shop(troc)
    cut(node, shop)
    for number in range(5):
        shop.issue(f"a{number}", shop.world.bob, 10)
    assert shop.waiting()
    mend(node, shop)
    shop.settle()
    assert shop.units(shop.world.bob) == 50


def test_after_a_failed_redemption_she_can_sign_again(
    line: tuple[FaultyNode, Troc], open_shop: Callable[..., Shop]
) -> None:
    node, troc = line
    shop = open_shop(troc, limits=LIMITS)
    ann = shop.world.ann
    cut(node, shop)
    body = shop.signed("s1", ann, 50)
    shop.post("/redeem", **body)
    shop.world.give_ether(ann.address)
    token = shop.world.everyone.brands.token(shop.till.brand)
    shop.world.chain.send(token.functions.cancelNonces([int(body["message"]["nonce"])]), ann.signer)
    mend(node, shop)
    eventually(lambda: bool(shop.get("/receipt", receipt="s1")["redemption"]["standing"] == "failed"))
    assert shop.post("/redeem", **body)["standing"] == "failed"
    assert shop.redeem("s1", ann, 20)["standing"] == "final"
    assert shop.units(ann) == 380
