"""What a relay accepts, brings to the chain, and tells about it."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from tests.client.relay.conftest import Desk, act, give_points, order, send
from tests.client.trade.conftest import World
from troc.abi import call_data
from troc.acts import Act, Part
from troc.errors import StoreError
from troc.messages import (
    UINT256_MAX,
    ZERO_ADDRESS,
    Cancel,
    CancelAll,
    CancelNonces,
    Permit,
    Redeem,
    pack_nonce,
)
from troc.serving.lock import only_one


def test_orders_are_published_together(desk: Desk) -> None:
    world = desk.world
    orders = [order(world, world.ann, nonce=pack_nonce(1, 0, index)) for index in range(5)]
    orders.append(order(world, world.bob, "2 BETA", "1 ACME"))
    for each in orders:
        assert desk.post(each)["state"] == "accepted"
    answers = [desk.over(each) for each in orders]
    assert [answer["state"] for answer in answers] == ["done"] * 6
    assert len({answer["transaction"] for answer in answers}) == 1
    published = {entry.id for entry in world.everyone.book.entries()}
    assert {each.id for each in orders} <= published


def test_everything_that_a_customer_signs(desk: Desk) -> None:
    world = desk.world
    ann, bob = world.ann, world.bob
    end = world.chain.now() + 3600
    exchange = world.everyone.acts.exchange.verifying_contract
    receipt = b"r" * 32
    given = order(world, ann, nonce=pack_nonce(3, 0, 3))
    acts = [
        send(world, ann, bob, 30),
        act(world, ann, Redeem(ann.address, 50, receipt, ZERO_ADDRESS, end, pack_nonce(0, 0, 1))),
        act(world, ann, CancelNonces(ann.address, (pack_nonce(0, 0, 2),))),
        act(world, ann, Permit(ann.address, exchange, 0, 0, end)),
        act(world, ann, Permit(ann.address, exchange, UINT256_MAX, 1, end)),
        act(world, ann, Cancel(ann.address, (pack_nonce(3, 0, 3),), ())),
        act(world, ann, CancelAll(ann.address, (pack_nonce(4),), ())),
    ]
    for each in acts:
        assert desk.post(each)["kind"] == each.kind
        assert desk.over(each)["state"] == "done"
        assert world.everyone.acts.find(each, 0) is not None
    assert world.units(ann, "ACME") == 320
    assert world.units(bob, "ACME") == 30
    assert world.everyone.status("ACME").redeemed == 50
    assert ann.balance("ACME").exchange_on
    assert desk.refused(given) == (409, "ended")
    assert desk.refused(send(world, ann, bob, 1, index=2)) == (409, "nonce_used")


def test_vouchers_of_one_brand_go_together(desk: Desk) -> None:
    world = desk.world
    acme = world.everyone.brand("ACME")
    world.everyone.brands.set_grant(acme, world.relay.address, 1000, world.owner_signer)
    domain = acme.domain_of_messages(world.chain.chain_id)
    named = world.relay.sign_voucher("20 ACME", world.bob.address)
    coded = world.relay.sign_voucher("30 ACME")
    acts = [
        Act((Part(named.voucher, named.signature),), domain),
        Act((Part(coded.voucher, coded.signature), Part(*coded.claim_to(world.cem.address, domain))), domain),
    ]
    for each in acts:
        desk.post(each)
    assert [desk.over(each)["state"] for each in acts] == ["done", "done"]
    assert [world.units(who, "ACME") for who in (world.bob, world.cem)] == [20, 30]


def test_a_trade_is_settled(desk: Desk) -> None:
    world = desk.world
    made = order(world, world.ann, "100 ACME", "50 BETA")
    answer = order(world, world.bob, "50 BETA", "100 ACME", only_taker=world.ann.address)
    both = Act((*made.parts, *answer.parts), made.domain, ((0, 1, 100), (1, 0, 5000)))
    desk.post(both)
    done = desk.over(both)
    assert (done["state"], done["signer"]) == ("done", world.bob.address)
    assert [world.units(world.bob, "ACME"), world.units(world.ann, "BETA")] == [100, 5000]
    assert world.everyone.acts.find(both, 0) == done["transaction"]


def test_the_same_message_counts_once(desk: Desk) -> None:
    world = desk.world
    given = send(world, world.ann, world.bob, 30)
    first = desk.post(given)
    assert desk.post(given)["id"] == first["id"] == given.id
    done = desk.over(given)
    # Also after it took effect, when the chain would refuse it.
    assert desk.post(given) == done
    assert world.units(world.bob, "ACME") == 30


def test_what_failed_can_be_sent_again(desk: Desk) -> None:
    world = desk.world
    rich = give_points(world, "ACME", 5)
    given = send(world, rich, world.bob, 6)
    assert desk.refused(given) == (409, "insufficient_balance")
    world.brand.mint("ACME", {rich.address: 1}, reference="more")
    desk.post(given)
    assert desk.over(given)["state"] == "done"


def test_on_postgresql_too(open_desk: Callable[..., Desk], url: str) -> None:
    if url.startswith("sqlite"):
        pytest.skip("the other tests do")
    desk = open_desk(url=url)
    world = desk.world
    acts = [send(world, world.ann, world.bob, 30), order(world, world.bob, "2 BETA", "1 ACME")]
    for each in acts:
        desk.post(each)
        assert desk.post(each)["id"] == each.id
    assert [desk.over(each)["state"] for each in acts] == ["done", "done"]
    with pytest.raises(StoreError, match="another relay service"), only_one(desk.relay._engine, "relay"):
        pass


def test_an_unknown_message(desk: Desk) -> None:
    answer = desk.http.get(f"/messages/0x{'1' * 64}")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown")
    assert desk.http.get("/messages/none").status_code == 422


def test_status_and_documentation(desk: Desk) -> None:
    status = desk.status()
    assert status["open"] is True
    assert status["address"] == desk.relay.address
    assert desk.http.get("/health").json() == {"open": True, "online": True}
    assert "/messages" in desk.http.get("/openapi.json").json()["paths"]


def test_a_world_of_its_own(world: World) -> None:
    """The customers of these tests could not pay for themselves."""
    assert [world.chain.balance(who.address) for who in (world.ann, world.bob, world.cem)] == [0, 0, 0]


def test_publishing_is_encoded_as_the_abi_says(world: World) -> None:
    exchange = world.everyone.acts.exchange
    signed = order(world, world.ann).message
    for lengths in ([65], [64, 65, 0, 33, 4_096, 1]):
        acts = [Act((Part(signed, secrets.token_bytes(length)),), exchange) for length in lengths]
        signatures = [act.parts[0].signature for act in acts]
        expected = call_data("OrderBook", "publish", [signed.as_tuple() for _ in acts], signatures)
        assert world.everyone.acts.call(acts) == {"to": world.everyone.acts.book.address, "data": expected}
