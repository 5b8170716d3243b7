"""What a chain does to transactions: drops them, keeps them waiting, takes them out of blocks again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.client.core.conftest import rpc_call
from tests.client.relay.conftest import Desk, eventually, give_points, mining, order, send
from tests.client.trade.conftest import START, World
from troc.accounts import Signer, open_account
from troc.acts import Act
from troc.anvil import free_port, rpc_of, run_anvil
from troc.chain import Chain
from troc.deploy import deploy_suite
from troc.messages import pack_nonce
from troc.relay import sender
from troc.relay.relay import Budget


@pytest.fixture
def still(world: World) -> Iterator[World]:
    """A chain that makes no blocks by itself."""
    mining(world, False)
    yield world
    mining(world, True)


def submitted(desk: Desk, id_: str) -> str:
    """Wait until a message is in a transaction; gives that."""
    return str(
        eventually(lambda: found["transaction"] if (found := desk.get(id_))["state"] == "submitted" else "")
    )


def mined(desk: Desk, act: Act) -> Any:
    """Make blocks until a message is done or has failed."""

    def over() -> Any:
        rpc_call(desk.world.chain, "evm_mine")
        return found if (found := desk.get(act.id))["state"] in ("done", "failed") else None

    return eventually(over)


def test_several_are_under_way_at_once(still: World, desk: Desk) -> None:
    mining(still, True)
    people = [give_points(still, "ACME", 10) for _ in range(4)]
    mining(still, False)
    gifts = [send(still, who, still.bob, 10) for who in people]
    for gift in gifts:
        desk.post(gift)
    assert len({submitted(desk, gift.id) for gift in gifts}) == 4
    assert {desk.get(gift.id)["state"] for gift in gifts} == {"submitted"}
    assert {mined(desk, gift)["state"] for gift in gifts} == {"done"}
    assert still.units(still.bob, "ACME") == 40


def test_one_signer_s_messages_wait_for_each_other(still: World, desk: Desk) -> None:
    """The second is judged by what the first leaves: it never fails at the relay's cost."""
    first, second = send(still, still.ann, still.bob, 300), send(still, still.ann, still.bob, 300, index=1)
    desk.post(first)
    desk.post(second)
    submitted(desk, first.id)
    assert desk.get(second.id)["state"] == "accepted"
    assert mined(desk, first)["state"] == "done"
    failed = mined(desk, second)
    assert (failed["why"]["code"], failed["transaction"]) == ("insufficient_balance", None)


def test_what_the_node_dropped_is_sent_again(
    still: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_RESEND_SECONDS", 0.1)
    gift = send(still, still.ann, still.bob, 30)
    desk.post(gift)
    transaction = submitted(desk, gift.id)
    rpc_call(still.chain, "anvil_dropTransaction", transaction)
    eventually(lambda: still.chain.knows(transaction))
    assert mined(desk, gift)["transaction"] == transaction


def test_what_waits_too_long_is_replaced(still: World, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_REPLACE_SECONDS", 0.3)
    gift = send(still, still.ann, still.bob, 30)
    desk.post(gift)
    first = submitted(desk, gift.id)
    second = eventually(lambda: found if (found := desk.get(gift.id)["transaction"]) != first else "")
    monkeypatch.setattr(sender, "_REPLACE_SECONDS", 60.0)
    # It is written down before it is sent.
    eventually(lambda: still.chain.knows(second))
    assert still.chain.transaction(second)["nonce"] == 0
    assert mined(desk, gift)["transaction"] != first
    assert still.units(still.bob, "ACME") == 30
    assert desk.status()["messages"] == {"done": 1}


def test_somebody_else_took_the_place(still: World, desk: Desk, payer: Signer) -> None:
    """Another program sent from the relay's account: the message is sent again, at another place."""
    gift = send(still, still.ann, still.bob, 30)
    desk.post(gift)
    transaction = submitted(desk, gift.id)
    rpc_call(still.chain, "anvil_dropTransaction", transaction)
    other = still.chain.sign_as({"to": payer.address}, payer, nonce=0, gas=21_000)
    still.chain.broadcast(other, first=True)
    mining(still, True)
    rpc_call(still.chain, "evm_mine")
    done = desk.over(gift)
    assert (done["state"], done["resubmitted"]) == ("done", 1)
    assert done["transaction"] != transaction
    assert still.units(still.bob, "ACME") == 30


def test_a_reorganisation(desk: Desk) -> None:
    """What was in a block that the chain dropped goes into another one."""
    world = desk.world
    snapshot = rpc_call(world.chain, "evm_snapshot")
    gift, offer = send(world, world.ann, world.bob, 30), order(world, world.bob, "2 BETA", "1 ACME")
    for each in (gift, offer):
        desk.post(each)
        assert desk.over(each)["state"] == "done"
    rpc_call(world.chain, "evm_revert", snapshot)
    rpc_call(world.chain, "evm_mine")
    assert world.units(world.bob, "ACME") == 0
    eventually(lambda: world.units(world.bob, "ACME") == 30)
    for each in (gift, offer):
        eventually(lambda: desk.over(each)["resubmitted"])  # noqa: B023
    assert offer.id in {entry.id for entry in world.everyone.book.entries()}


def test_a_reorganisation_makes_it_dearer(desk: Desk) -> None:
    """Rehearsed for an account that had points, it runs out of gas where that has none, and is tried anew."""
    world = desk.world
    snapshot = rpc_call(world.chain, "evm_snapshot")
    world.ann.send("10 ACME", world.bob.address)
    gift = send(world, world.ann, world.bob, 30, index=1)
    desk.post(gift)
    first = desk.over(gift)["transaction"]
    rpc_call(world.chain, "evm_revert", snapshot)
    rpc_call(world.chain, "evm_mine")
    again = eventually(lambda: found if (found := desk.over(gift))["resubmitted"] == 2 else None)
    assert again["state"] == "done"
    assert world.chain.mined(first).failed  # type: ignore[union-attr]
    assert world.units(world.bob, "ACME") == 30


def test_what_somebody_else_submitted_is_not_sent_again(open_desk: Callable[..., Desk], world: World) -> None:
    desk = open_desk()
    sending = desk.relay._sender
    whole, sending._send_waiting = sending._send_waiting, lambda: False  # type: ignore[method-assign]
    gift, offer = send(world, world.ann, world.bob, 30), order(world, world.bob, "2 BETA", "1 ACME")
    for each in (gift, offer):
        desk.post(each)
        world.chain.send(world.everyone.acts.call([each]), world.relay_signer)
    sending._send_waiting = whole  # type: ignore[method-assign]
    for each in (gift, offer):
        done = desk.over(each)
        assert done["state"] == "done"
        assert world.chain.receipt(done["transaction"]).sender == world.relay.address  # type: ignore[union-attr]
    assert world.chain.transaction_count(desk.relay.address) == 0


def test_the_node_goes_away_and_comes_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    world = desk.world
    gift = send(world, world.ann, world.bob, 30)
    node = world.chain.web3.provider
    there, node.endpoint_uri = node.endpoint_uri, "http://127.0.0.1:9"  # type: ignore[attr-defined]
    eventually(lambda: not desk.status()["online"])
    assert desk.refused(gift) == (503, "chain_unreachable")
    node.endpoint_uri = there  # type: ignore[attr-defined]
    eventually(lambda: desk.status()["online"])
    desk.post(gift)
    assert desk.over(gift)["state"] == "done"


def test_another_chain_behind_the_same_node(desk: Desk, world: World) -> None:
    """A chain that was started anew, with the same contracts: nothing of the old one is sent to it."""
    gift, later = send(world, world.ann, world.bob, 30), send(world, world.ann, world.bob, 40, index=1)
    desk.post(gift)
    assert desk.over(gift)["state"] == "done"
    # What waits is of the old chain as well.
    sending = desk.relay._sender
    whole, sending._send_waiting = sending._send_waiting, lambda: False  # type: ignore[method-assign]
    desk.post(later)
    node = world.chain.web3.provider
    there = node.endpoint_uri  # type: ignore[attr-defined]
    port = free_port()
    with run_anvil(port, "--timestamp", str(START + 1)):
        other = Chain.connect(replace(world.chain.config, rpc=rpc_of(port)))
        deploy_suite(other, open_account("dev:0", other.config))
        try:
            node.endpoint_uri = other.config.rpc  # type: ignore[attr-defined]
            sending._send_waiting = whole  # type: ignore[method-assign]
            status = eventually(lambda: None if (found := desk.status())["open"] else found)
            assert "was started anew" in status["why"]
            assert "troc relay serve" in status["remedy"]
            for each in (send(world, world.bob, world.ann, 1, index=2), gift):
                assert desk.refused(each) == (503, "another_chain")
            time.sleep(2.5)
            assert other.transaction_count(desk.relay.address) == 0
            assert rpc_call(other, "txpool_status") == {"pending": "0x0", "queued": "0x0"}
            assert (desk.get(gift.id)["state"], desk.get(gift.id)["resubmitted"]) == ("done", 0)
            assert desk.get(later.id)["state"] == "accepted"
        finally:
            node.endpoint_uri = there  # type: ignore[attr-defined]
    # Where the node keeps the old one again, the relay goes on.
    eventually(lambda: desk.status()["open"])
    assert desk.over(later)["state"] == "done"
    assert world.units(world.bob, "ACME") == 70


def test_the_budget_of_a_day(open_desk: Callable[..., Desk], world: World) -> None:
    # Else it falls with each block, and how far the budget goes depends on when the relay looks.
    rpc_call(world.chain, "anvil_setNextBlockBaseFeePerGas", "0x0")
    rpc_call(world.chain, "evm_mine")
    price = Chain.gas_price(world.chain)
    desk = open_desk(Budget(per_day=110_000 * price, gas_price=10**12))
    first, second = send(world, world.ann, world.bob, 30), send(world, world.bob, world.ann, 1, index=1)
    desk.post(first)
    assert desk.over(first)["state"] == "done"
    desk.post(second)
    eventually(lambda: "budget" in desk.status()["why"])
    assert desk.get(second.id)["state"] == "accepted"
    assert desk.refused(send(world, world.ann, world.bob, 1, index=3)) == (503, "holding")
    assert int(desk.status()["budget"]["spent_today"]) <= 110_000 * price
    # Tomorrow it goes on.
    world.pass_days(1)
    assert desk.over(second)["state"] in ("done", "failed")


def test_a_budget_that_is_spent_is_remembered(open_desk: Callable[..., Desk], world: World) -> None:
    desk = open_desk()
    first = send(world, world.ann, world.bob, 30)
    desk.post(first)
    assert desk.over(first)["state"] == "done"
    # Less than that cost.
    desk = open_desk(Budget(per_day=21_000, gas_price=10**12))
    assert desk.refused(send(world, world.ann, world.bob, 1, index=1)) == (503, "budget_spent")
    assert desk.status()["open"] is False
    world.pass_days(1)
    eventually(lambda: desk.status()["open"])


def test_what_no_day_affords_keeps_nobody_waiting(open_desk: Callable[..., Desk], world: World) -> None:
    """A settlement that takes more than a whole day's budget is refused, and what is cheaper goes on."""
    price = Chain.gas_price(world.chain)
    desk = open_desk(Budget(per_day=130_000 * price, gas_price=10**12))
    made, answer = (
        order(world, world.ann, "100 ACME", "50 BETA"),
        order(world, world.bob, "50 BETA", "100 ACME"),
    )
    large = Act((*made.parts, *answer.parts), made.domain, ((0, 1, 100), (1, 0, 5000)))
    gift = send(world, world.ann, world.bob, 30)
    desk.post(large)
    assert desk.over(large)["why"]["code"] == "too_much_gas"
    desk.post(gift)
    assert desk.over(gift)["state"] == "done"


def test_orders_that_only_parts_of_the_budget_afford(open_desk: Callable[..., Desk], world: World) -> None:
    """A batch is made smaller rather than kept for ever."""
    price = Chain.gas_price(world.chain)
    desk = open_desk(Budget(per_day=150_000 * price, gas_price=10**12))
    sending = desk.relay._sender
    whole, sending._send_waiting = sending._send_waiting, lambda: False  # type: ignore[method-assign]
    orders = [order(world, world.ann, nonce=pack_nonce(0, 0, index)) for index in range(8)]
    for each in orders:
        desk.post(each)
    sending._send_waiting = whole  # type: ignore[method-assign]
    eventually(lambda: "done" in desk.status()["messages"])
    assert int(desk.status()["budget"]["spent_today"]) <= 150_000 * price


def test_a_replacement_keeps_to_the_budget(
    still: World, open_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prices that rise do not make what is under way cost more than a day may."""
    monkeypatch.setattr(sender, "_REPLACE_SECONDS", 0.2)
    price = Chain.gas_price(still.chain)
    most = 110_000 * price
    desk = open_desk(Budget(per_day=most, gas_price=10**13))
    gift = send(still, still.ann, still.bob, 30)
    desk.post(gift)
    first = submitted(desk, gift.id)
    fees = still.chain.fees()
    monkeypatch.setattr(
        Chain, "fees", lambda self: {name: 50 * int(str(value)) for name, value in fees.items()}
    )
    eventually(lambda: desk.relay._sender.price > price)
    time.sleep(1.0)
    assert int(desk.status()["budget"]["spent_today"]) <= most
    assert desk.get(gift.id)["transaction"] == first


def test_gas_that_is_too_dear(open_desk: Callable[..., Desk], world: World) -> None:
    desk = open_desk(Budget(per_day=10**18, gas_price=1))
    assert desk.refused(send(world, world.ann, world.bob, 30)) == (503, "gas_too_dear")
