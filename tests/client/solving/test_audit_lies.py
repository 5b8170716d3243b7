"""`troc.market.audit`: records that are true, and records that lie in one thing each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from subprocess import run

import pytest

from tests.client.core.conftest import rpc_call
from tests.client.solving.conftest import (
    HOUR,
    ONE,
    HandMade,
    audit,
    failing,
    order_of,
    publish,
    verdicts,
)
from tests.client.trade.conftest import World
from troc.errors import InputError, OrderError
from troc.orders import SignedOrder

Make = Callable[..., HandMade]


def lies(world: World, made: HandMade) -> set[str]:
    """The checks that fail after a batch was published and settled."""
    made.publish()
    made.settle()
    return failing(audit(world))


def test_a_true_record_holds(world: World, by_hand: Make) -> None:
    made = by_hand()
    made.publish()
    transaction = made.settle()
    found = audit(world)
    assert set(verdicts(found).values()) == {"holds"}
    assert found.holds
    assert found.settled == (transaction,)
    assert found.figures is not None
    assert (found.figures.surplus, found.figures.bound) == (60 * ONE, 60 * ONE)
    assert (found.figures.traded, found.figures.deviation) == (300 * ONE, 0)


def test_what_is_not_settled_cannot_be_told(world: World, by_hand: Make) -> None:
    by_hand().publish()
    found = audit(world)
    assert found.holds
    told = verdicts(found)
    assert {told[name] for name in ("surplus", "fairness")} == {"cannot be told"}
    assert {told[name] for name in ("orders", "bound", "limits", "balance")} == {"holds"}


@pytest.mark.parametrize("units", [ONE // 10, -ONE // 10])
def test_a_wrong_price(world: World, by_hand: Make, units: int) -> None:
    goods = by_hand().record().goods
    false = tuple(good._replace(price=good.price + (units if good.price == ONE else 0)) for good in goods)
    assert {"rates", "bound"} <= lies(world, by_hand(goods=false))


@pytest.mark.parametrize(("name", "said"), [("surplus", 61 * ONE), ("surplus", 60 * ONE - 1)])
@pytest.mark.parametrize("settled", [True, False])
def test_a_surplus_that_was_not(world: World, by_hand: Make, name: str, said: int, settled: bool) -> None:
    made = by_hand(**{name: said})
    made.publish()
    if settled:
        made.settle()
        assert failing(audit(world)) == {"surplus"}
    else:
        assert failing(audit(world)) == set()


def test_a_block_of_long_ago(world: World, by_hand: Make) -> None:
    """Whoever could make his batch from any old block could choose the orders in it."""
    made = by_hand()
    old = made.record()
    world.pass_days(1 / 24)
    publish(world, order_of(world, world.cem, "1 GAMMA", "1 ACME", lane=9))
    assert "block" in lies(
        world, by_hand(closed_at=old.closed_at, closed_hash=old.closed_hash, settle_by=old.settle_by)
    )


def test_what_is_settled_too_late_does_not_count(world: World, by_hand: Make) -> None:
    """Anybody can send it then: it is no fault of the solver's, and none of his batch."""
    made = by_hand()
    made.publish()
    world.pass_days(1 / 24)
    made.settle()
    found = audit(world)
    assert (failing(found), found.settled) == (set(), ())
    assert verdicts(found)["surplus"] == "cannot be told"


@pytest.mark.parametrize("said", [60 * ONE - 1, 60 * ONE + 1])
def test_a_false_bound(world: World, by_hand: Make, said: int) -> None:
    assert lies(world, by_hand(bound=said)) == {"bound"}


def test_unfilled_orders_that_are_not_told(world: World, by_hand: Make) -> None:
    """Dan is as good as Cem, and gets nothing: that is to be said."""
    dan = world.customer("dan")
    world.brand.mint("GAMMA", {dan.address: 100})
    order = order_of(world, dan, "100 GAMMA", "80 ACME")
    publish(world, order)
    honest = by_hand(unsettled=[order], bound=80 * ONE, unfilled=100 * ONE)
    snapshot = rpc_call(world.chain, "evm_snapshot")
    assert lies(world, honest) == set()
    rpc_call(world.chain, "evm_revert", snapshot)
    assert lies(world, by_hand(unsettled=[order], bound=80 * ONE, unfilled=0)) == {"unfilled"}


def test_an_order_that_was_left_out(world: World, by_hand: Make) -> None:
    dan = world.customer("dan")
    world.brand.mint("GAMMA", {dan.address: 100})
    order = order_of(world, dan, "100 GAMMA", "99 ACME")
    publish(world, order)
    made = by_hand(unsettled=[order], left_out=[order])
    made.publish()
    made.settle()
    found = audit(world)
    assert "orders" in failing(found)
    (item,) = (item for item in found.items if item.name == "orders")
    assert f"0x{order.digest[:6].hex()} was left out" in item.text


def test_orders_that_are_invented(world: World, by_hand: Make) -> None:
    order = order_of(world, world.cem, "100 GAMMA", "99 ACME", lane=1)
    assert "orders" in lies(world, by_hand(unsettled=[order]))


@pytest.mark.parametrize(
    "fields",
    [
        {"give_amount": 401, "allow_partial": False},
        {"give_points_expiring_by": 1},
        {"want_amount": 2**56},
        {"open_until": 400 * 24 * HOUR},
    ],
    ids=["too few points", "no such points", "too much", "open for ever"],
)
def test_orders_that_do_not_count(world: World, by_hand: Make, fields: dict[str, int]) -> None:
    """Published all the same: they are no part of the batch, and it is no lie to leave them out."""
    if "open_until" in fields:
        fields = {"open_until": world.chain.now() + fields["open_until"]}
    publish(world, order_of(world, world.ann, "100 ACME", "80 BETA", lane=1, **fields))
    assert lies(world, by_hand()) == set()


@pytest.mark.parametrize(("later", "found"), [(0, True), (1, False)])
def test_an_order_counts_that_closes_in_time(world: World, by_hand: Make, later: int, found: bool) -> None:
    until = world.chain.now() + 900
    publish(world, order_of(world, world.ann, "100 ACME", "80 BETA", lane=1, open_until=until))
    assert ("orders" in lies(world, by_hand(settle_by=until + later))) is found


def test_of_orders_that_exclude_each_other_the_last_one_counts(
    world: World, by_hand: Make, ring: list[SignedOrder]
) -> None:
    again = order_of(world, world.ann, "100 ACME", "80 BETA", open_until=world.chain.now() + 25 * HOUR)
    publish(world, again)
    snapshot = rpc_call(world.chain, "evm_snapshot")
    assert lies(world, by_hand([again, *ring[1:]])) == set()
    rpc_call(world.chain, "evm_revert", snapshot)
    assert {"orders", "members"} <= lies(world, by_hand())


def test_points_that_are_kept_from_the_exchange_do_not_count(world: World, by_hand: Make) -> None:
    dan = world.customer("dan")
    world.brand.mint("GAMMA", {dan.address: 100})
    publish(world, order_of(world, dan, "100 GAMMA", "80 ACME"))
    dan.set_exchange("GAMMA", False)
    assert lies(world, by_hand()) == set()


def test_a_foreign_order(world: World, by_hand: Make, ring: list[SignedOrder]) -> None:
    """Published, but after the block from which the batch was made."""
    number, hash_, time = world.chain.header()
    foreign = order_of(world, world.cem, "100 GAMMA", "70 ACME", lane=1)
    publish(world, foreign)
    made = by_hand(
        [*ring[:2], foreign],
        closed_at=number,
        closed_hash=hash_,
        settle_by=time + 600,
        orders=3,
        orders_hash=by_hand().record().orders_hash,
    )
    assert {"members", "surplus"} <= lies(world, made)


def test_a_friend_with_a_better_rate(world: World, by_hand: Make, ring: list[SignedOrder]) -> None:
    dan = world.customer("dan")
    world.brand.mint("GAMMA", {dan.address: 100})
    friend = order_of(world, dan, "100 GAMMA", "80 ACME")
    ann = order_of(world, world.ann, "200 ACME", "160 BETA")
    bob = order_of(world, world.bob, "200 BETA", "160 GAMMA")
    publish(world, friend, ann, bob)
    orders = [ann, bob, ring[2], friend]
    fair = [(0, 2, 100), (0, 3, 100), (1, 0, 20_000), (2, 1, 100), (3, 1, 100)]
    figures = {"surplus": 120 * ONE, "bound": 120 * ONE}
    snapshot = rpc_call(world.chain, "evm_snapshot")
    assert lies(world, by_hand(orders, fair, **figures)) == set()
    rpc_call(world.chain, "evm_revert", snapshot)
    unfair = [(0, 2, 95), (0, 3, 105), *fair[2:]]
    assert lies(world, by_hand(orders, unfair, **figures)) == {"rates"}


def test_a_friend_who_comes_first(world: World, by_hand: Make, ring: list[SignedOrder]) -> None:
    """Dan asks for more than Cem and is served in his place. What is published of it is true."""
    dan = world.customer("dan")
    world.brand.mint("GAMMA", {dan.address: 100})
    friend = order_of(world, dan, "100 GAMMA", "95 ACME")
    publish(world, friend)
    made = by_hand(
        [*ring[:2], friend],
        unsettled=[ring[2]],
        surplus=45 * ONE,
        bound=65 * ONE,
        unfilled=100 * ONE,
    )
    assert lies(world, made) == {"fairness"}


def test_a_solver_who_keeps_something(world: World, by_hand: Make) -> None:
    """Everybody gets her price and the sender the rest."""
    kept = [(0, 2, 80), (0, 3, 20), (1, 0, 10_000), (2, 1, 100)]
    assert {"balance", "rates", "surplus"} <= lies(world, by_hand(transfers=kept))


def test_settled_before_it_was_published(world: World, by_hand: Make) -> None:
    made = by_hand()
    truth = made.record()
    made.settle()
    made.changes = {
        name: getattr(truth, name)
        for name in ("closed_at", "closed_hash", "settle_by", "orders", "orders_hash")
    }
    made.publish()
    assert failing(audit(world)) == {"settlements"}


@pytest.mark.parametrize(
    "changes",
    [{"closed_hash": b"\x01" * 32}, {"closed_at": 10**6}, {"settle_by": 0}, {"settle_by": 2**40}],
    ids=["another block", "a later block", "no time", "much time"],
)
def test_a_block_that_cannot_be(world: World, by_hand: Make, changes: dict[str, int]) -> None:
    found = lies(world, by_hand(**changes))
    assert found == {"block"}


def test_a_repetition_by_somebody_else_is_not_counted(
    world: World, by_hand: Make, ring: list[SignedOrder]
) -> None:
    """Halves of orders can be settled twice by whoever sees the settlement; the solver did not lie."""
    made = by_hand(transfers=[(0, 2, 50), (1, 0, 5_000), (2, 1, 50)], surplus=30 * ONE, unfilled=150 * ONE)
    made.publish()
    first = made.settle()
    made.settle()
    found = audit(world)
    assert failing(found) == set()
    assert found.settled == (first,)
    (item,) = (item for item in found.items if item.name == "elsewhere")
    assert item.text.startswith("3 orders")


def test_batches_are_named_by_the_beginning_of_their_ids(world: World, by_hand: Make) -> None:
    with pytest.raises(OrderError, match="no batch was published"):
        audit(world)
    by_hand().publish()
    by_hand(surplus=1).publish()
    last = audit(world)
    assert last.published.record.surplus == 1
    assert audit(world, last.published.id[:12]).published.id == last.published.id
    with pytest.raises(OrderError, match="no batch"):
        audit(world, "0x123456")
    with pytest.raises(InputError, match="names no batch"):
        audit(world, "0x12")


def test_shares_no_code_with_the_solver() -> None:
    """Nothing that the audit imports, however deep, belongs to whoever makes batches."""
    code = "import sys, troc.market.audit, troc.cli.solving; print(*sys.modules)"
    loaded = run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "troc.market.evidence" in loaded
    assert not [name for name in loaded if name.startswith(("troc.market.clearing", "troc.market.batches"))]
    assert "numpy" not in loaded
