"""`Trading.standing`: exactly one state, and the next step, for its maker and for others."""

from __future__ import annotations

import pytest

from tests.client.trade.conftest import DAY, World
from troc.client import Troc
from troc.errors import NetworkError
from troc.orders import SignedOrder
from troc.points import Points
from troc.trade import Standing, State


def order(world: World, give: str = "100 ACME", want: str = "80 BETA", **options: object) -> SignedOrder:
    return world.ann.trade(give, want, **options, new=True).order  # type: ignore[arg-type]


def seen(world: World, signed: SignedOrder, viewer: Troc | None = None) -> Standing:
    return (viewer or world.bob).show(signed.id)


def test_open(world: World) -> None:
    signed = order(world)
    standing = seen(world, signed)
    assert (standing.state, standing.filled, standing.left) == (State.OPEN, 0, 100)
    assert standing.next_step == f"take it with `troc trade accept {signed.id[:14]}`"
    assert "troc trade cancel" in seen(world, signed, world.ann).next_step


def test_partly_filled_and_filled(world: World) -> None:
    signed = order(world, in_parts=True)
    world.bob.accept(signed.id, "30")
    standing = seen(world, signed)
    assert (standing.state, standing.filled, standing.left) == (State.PARTLY_FILLED, 30, 70)
    assert standing.why == "30 of 100 ACME were given, 70 are left"
    world.bob.accept(signed.id)
    standing = seen(world, signed)
    assert (standing.state, standing.filled, standing.left) == (State.FILLED, 100, 0)
    assert standing.next_step == "see `troc trade history`"


def test_filled_whole(world: World) -> None:
    signed = order(world)
    world.bob.accept(signed.id)
    assert seen(world, signed).state is State.FILLED
    # A filled order stays filled, whatever else happens to its number or its date.
    world.ann.cancel_all()
    world.pass_days(30)
    assert seen(world, signed).state is State.FILLED


@pytest.mark.parametrize("in_parts", [False, True])
def test_cancelled(world: World, in_parts: bool) -> None:
    one, other = (order(world, in_parts=in_parts) for _ in range(2))
    world.ann.cancel(one.id)
    assert seen(world, one).state is State.CANCELLED
    assert seen(world, one).left == 0
    assert seen(world, other).state is State.OPEN
    world.ann.cancel_all()
    assert seen(world, other).state is State.CANCELLED
    # Cancelled for good: its date changes nothing.
    world.pass_days(30)
    assert seen(world, other).state is State.CANCELLED


def test_cancelled_when_partly_filled(world: World) -> None:
    signed = order(world, in_parts=True)
    world.bob.accept(signed.id, "30")
    world.ann.cancel(signed.id)
    standing = seen(world, signed)
    assert (standing.state, standing.filled, standing.left) == (State.CANCELLED, 30, 0)


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_expired_after_its_last_second(world: World, offset: int) -> None:
    signed = order(world, until="5h")
    world.pass_until(signed.order.open_until + offset)
    expected = State.EXPIRED if offset > 0 else State.OPEN
    assert seen(world, signed).state is expected
    assert "make a new one" in seen(world, signed, world.ann).next_step or offset <= 0


def test_spent_elsewhere(world: World) -> None:
    signed = order(world)
    world.ann.send("301 ACME", world.cem.address)
    standing = seen(world, signed)
    assert (standing.state, standing.left) == (State.SPENT_ELSEWHERE, 0)
    assert standing.why == "the maker has 99 ACME left of those it gives"
    # Getting some back revives it, as its words say nothing else.
    world.cem.send("1 ACME", world.ann.address)
    assert seen(world, signed).state is State.OPEN


def test_in_parts_it_offers_what_is_there(world: World) -> None:
    signed = order(world, in_parts=True)
    world.ann.send("350 ACME", world.cem.address)
    standing = seen(world, signed)
    assert (standing.state, standing.left) == (State.OPEN, 50)
    world.ann.send("50 ACME", world.cem.address)
    assert seen(world, signed).state is State.SPENT_ELSEWHERE


def test_fresh_points_do_not_stand_in_for_the_old_ones_that_it_gives(world: World) -> None:
    signed = order(world)
    world.pass_days(92)
    world.brand.mint("ACME", {world.ann.address: 500})
    world.ann.send("400 ACME", world.cem.address)
    assert world.units(world.ann, "ACME") == 500
    late = order(world, until="2 months")
    assert seen(world, late).state is State.OPEN
    # The first one is over by its date; give one of the same kind to look at.
    assert seen(world, signed).state is State.EXPIRED


def test_kept_from_the_exchange(world: World) -> None:
    signed = order(world)
    world.ann.set_exchange("ACME", on=False)
    standing = seen(world, signed)
    assert (standing.state, str(standing.state)) == (State.KEPT_BACK, "kept from the exchange")
    assert "keeps ACME from the exchange" in standing.why
    assert "troc points exchange on ACME" in seen(world, signed, world.ann).next_step


def old_points(world: World) -> SignedOrder:
    """An order for all of Ann's 400 ACME that is open when they expire."""
    world.pass_days(3 * 92 - 60)
    while world.everyone.brand("ACME").longest_life(world.chain.now()) - 4 * 92 * DAY < _last_season(world):
        world.pass_days(10)
    return order(world, "400 ACME", "10 BETA", until="120 days", live="40 days")


def _last_season(world: World) -> int:
    """The first second of the season at whose end Ann's points expire."""
    (lot,) = [lot for lot in world.ann.balance("ACME").lots if lot.units]
    return lot.expiry - 92 * DAY


def test_points_expired(world: World) -> None:
    signed = old_points(world)
    bound = signed.order.give_points_expiring_by
    world.pass_until(bound - 1)
    assert seen(world, signed).state is State.OPEN
    world.pass_until(bound)
    standing = seen(world, signed)
    assert (standing.state, standing.left) == (State.POINTS_EXPIRED, 0)
    assert standing.why == "the ACME that it gives are no longer good"


def test_points_spent_before_they_would_have_expired_are_spent(world: World) -> None:
    signed = old_points(world)
    world.ann.send("1 ACME", world.cem.address)
    world.pass_until(signed.order.give_points_expiring_by)
    assert seen(world, signed).state is State.SPENT_ELSEWHERE


def test_points_expired_is_told_from_a_file_too(world: World) -> None:
    signed = old_points(world)
    world.pass_until(signed.order.give_points_expiring_by)
    assert world.bob.show(signed).state is State.POINTS_EXPIRED


def test_a_node_without_old_balances_goes_by_the_date(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = old_points(world)
    world.pass_until(signed.order.give_points_expiring_by)
    holdings = Points.holdings

    def pruned(self: Points, pairs: object, block: int | None = None) -> object:
        if block is not None:
            raise NetworkError("missing trie node", "use an archive node")
        return holdings(self, pairs, block)  # type: ignore[arg-type]

    monkeypatch.setattr(Points, "holdings", pruned)
    assert seen(world, signed).state is State.POINTS_EXPIRED


def test_every_order_of_many_has_its_own_state(world: World) -> None:
    world.brand.mint("ACME", {world.cem.address: 50})
    orders = [order(world, "10 ACME", "8 BETA", in_parts=place % 2 == 0) for place in range(6)]
    foreign = world.cem.trade("50 ACME", "45 BETA").order
    world.bob.accept(orders[0].id, "4")
    world.bob.accept(orders[1].id)
    world.ann.cancel(orders[2].id)
    world.cem.send("1 ACME", world.bob.address)
    states = [
        standing.state
        for standing in world.bob.orders.standings([world.bob.find(each.id) for each in [*orders, foreign]])
    ]
    assert states == [
        State.PARTLY_FILLED,
        State.FILLED,
        State.CANCELLED,
        State.OPEN,
        State.OPEN,
        State.OPEN,
        State.SPENT_ELSEWHERE,
    ]
