"""`Trading.standing`: exactly one state, and the next step, for its maker and for others."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.client.core.conftest import rpc_call
from tests.client.trade.conftest import DAY, World
from troc import client, words
from troc.client import Troc
from troc.errors import InputError, NetworkError, OrderError
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
    assert standing.why == (
        "30 of 100 ACME were given, 70 are left; at the market: 1 Acme Hardware last went for 0.8 Beta Books,"
        f" on {words.day(world.chain.now())}"
    )
    world.bob.accept(signed.id)
    standing = seen(world, signed)
    assert (standing.state, standing.filled, standing.left) == (State.FILLED, 100, 0)
    assert standing.next_step == "see `troc trade history`"
    assert standing.why == "all 100 ACME were given; it asked for 80 BETA and got 80"
    assert seen(world, signed, world.ann).why == "you asked for 80 Beta Books, you got 80"


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
    if offset > 0:
        # There is nothing to end, and so nothing to sign.
        with pytest.raises(OrderError, match="this order is already expired"):
            world.ann.orders.check_cancellable(seen(world, signed), world.ann.address)
    else:
        world.ann.orders.check_cancellable(seen(world, signed), world.ann.address)


def test_spent_elsewhere(world: World) -> None:
    signed = order(world)
    world.ann.send("301 ACME", world.cem.address)
    standing = seen(world, signed)
    assert (standing.state, standing.left) == (State.SPENT_ELSEWHERE, 0)
    assert standing.why == "the maker has 99 ACME left of those it gives: since then 301 given away"
    # Getting some back revives it, as its words say nothing else.
    world.cem.send("1 ACME", world.ann.address)
    assert seen(world, signed).state is State.OPEN


def test_an_order_without_points_is_still_signed(world: World) -> None:
    """Its maker is told to end it, since it counts again with the points."""
    signed = order(world, "400 ACME")
    world.ann.send("1 ACME", world.cem.address)
    standing = seen(world, signed, world.ann)
    assert standing.state is State.SPENT_ELSEWHERE
    assert standing.next_step == (
        f"end it with `troc trade cancel {signed.id[:14]}`; else it can be settled until"
        f" {words.moment(signed.order.open_until)} as soon as you have such points again"
    )
    assert seen(world, signed).next_step == "see `troc trade book` for others"
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


def test_filled_with_more_than_was_asked(world: World) -> None:
    signed = order(world)
    world.relay.settle([signed, world.bob.trade("84 BETA", "100 ACME", new=True).order])
    assert seen(world, signed, world.ann).why == "you asked for 80 Beta Books, you got 84"


def test_beside_the_market(world: World) -> None:
    signed = order(world, "50 ACME", "40 BETA")
    assert seen(world, signed).why == "50 ACME are there"
    # Without a trade, the best order on the other side is the market.
    world.bob.trade("9 BETA", "10 ACME", new=True)
    standing = seen(world, signed)
    best = "for 1 Acme Hardware the best open order gives 0.9 Beta Books"
    assert standing.why == f"50 ACME are there; better than the market, since it asks 11.1 % less: {best}"
    world.bob.accept(order(world, "10 ACME", "8 BETA").id)
    day = words.day(world.chain.now())
    last = f"1 Acme Hardware last went for 0.8 Beta Books, on {day}"
    assert seen(world, signed).why == f"50 ACME are there; at the market: {last}"
    dear = order(world, "50 ACME", "50 BETA")
    standing = seen(world, dear, world.ann)
    assert standing.why == f"50 ACME are there; below the market by 20 %, since it asks 25 % more: {last}"
    assert standing.above == Fraction(1, 4)
    assert standing.next_step == (
        f"ask for less: end it with `troc trade cancel {dear.id[:14]}` and make another with"
        ' `troc trade order "50 ACME" "40 BETA"`; or wait'
    )


def test_asks_for_less_than_can_be_named(world: World) -> None:
    """At the market's price what is left is worth less than the smallest unit."""
    world.bob.accept(order(world, "100 ACME", "0.01 BETA").id)
    dear = order(world, "50 ACME", "1 BETA")
    assert seen(world, dear, world.ann).next_step == (
        f"ask for less: end it with `troc trade cancel {dear.id[:14]}` and make another with"
        " `troc trade order`; or wait"
    )


def test_the_market_is_what_can_be_had(world: World) -> None:
    """Orders for points that nobody has, and one's own, say nothing of a price."""
    signed = order(world, "50 ACME", "40 BETA")
    other = world.bob.trade("9 BETA", "10 ACME", new=True).order
    world.brand.mint("BETA", {world.ann.address: 100, world.cem.address: 50})
    world.ann.trade("100 BETA", "1 ACME", new=True)
    world.cem.trade("50 BETA", "1 ACME", new=True, in_parts=True)
    world.cem.send("50 BETA", world.bob.address)
    market = seen(world, signed)
    assert market.why.endswith("for 1 Acme Hardware the best open order gives 0.9 Beta Books")
    # Of an order settled whole all must be there.
    world.bob.send("342 BETA", world.ann.address)
    assert seen(world, signed).why == "50 ACME are there"
    assert seen(world, other).state is State.SPENT_ELSEWHERE


def test_a_trade_of_a_unit_bends_no_price(world: World) -> None:
    """Somebody trades with himself, at a hundredth of the price."""
    world.bob.accept(order(world, "100 ACME", "80 BETA").id)
    told = seen(world, order(world, "100 ACME", "100 BETA")).why
    assert (
        "below the market by 20 %, since it asks 25 % more: 1 Acme Hardware last went for 0.8 Beta Books"
        in told
    )
    signed = order(world, "100 ACME", "100 BETA", in_parts=True)
    for units, price in ((4, "0.8"), (5, "0.01")):
        world.ann.send(f"{units} ACME", world.cem.address)
        wash = world.cem.trade(f"{units} ACME", f"{units / 100} BETA", new=True).order
        world.bob.accept(wash.id)
        assert f"last went for {price} Beta Books" in seen(world, signed).why
    # It says something to whoever gives as little.
    assert "last went for 0.01 Beta Books" in seen(world, order(world, "20 ACME", "20 BETA")).why


def test_the_next_step_of_an_order_for_one_taker(world: World) -> None:
    signed = order(world, only=world.bob.address)
    assert seen(world, signed).next_step == f"take it with `troc trade accept {signed.id[:14]}`"
    step = seen(world, signed, world.cem).next_step
    assert step == f"leave it to {world.bob.address}, for whom alone it is; see `troc trade book` for others"
    assert "troc trade cancel" in seen(world, signed, world.ann).next_step


def test_how_it_was_cancelled(world: World) -> None:
    one, two, three = (order(world, in_parts=True) for _ in range(3))
    world.bob.accept(two.id, "30")
    day = words.day(world.chain.now())
    world.ann.cancel(one.id)
    assert seen(world, one, world.ann).why == f"you cancelled it on {day}"
    world.ann.cancel_all()
    assert seen(world, three).why == f"its maker ended all orders on {day}"
    assert seen(world, two).why == f"its maker ended all orders on {day}; 30 of 100 ACME were given before"
    assert seen(world, one).why == f"its maker cancelled it on {day}"


def test_where_the_points_went(world: World) -> None:
    signed = order(world, "400 ACME")
    world.ann.send("100 ACME", world.cem.address)
    world.ann.redeem("20 ACME", bytes([7]) * 32)
    world.bob.accept(order(world, "30 ACME", "1 BETA").id)
    assert seen(world, signed, world.ann).why == (
        "you have 250 ACME left of those it gives: since then 100 given away, 20 redeemed and 30 traded"
    )


def test_settling_while_a_transaction_waits(world: World) -> None:
    signed = order(world, in_parts=True)
    world.give_ether(world.bob.address)
    exchange = world.chain.contract("PointsExchange", world.manifest.address("PointsExchange"))
    call = exchange.functions.take(signed.order.as_tuple(), signed.signature, 10, 0)
    rpc_call(world.chain, "evm_setAutomine", False)
    try:
        rpc_call(world.chain, "anvil_impersonateAccount", world.bob.address)
        sent = call.build_transaction({"from": world.bob.address, "gas": 500_000})
        rpc_call(
            world.chain,
            "eth_sendTransaction",
            {"from": world.bob.address, "to": sent["to"], "data": sent["data"], "gas": hex(500_000)},
        )
        standing = seen(world, signed)
        assert (standing.state, standing.left) == (State.SETTLING, 0)
        assert standing.why == "a transaction that is to fill it waits for its block"
    finally:
        rpc_call(world.chain, "evm_setAutomine", True)
    rpc_call(world.chain, "evm_mine")
    assert seen(world, signed).state is State.PARTLY_FILLED


def test_without_the_index_the_log_says_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = order(world, in_parts=True)
    world.bob.accept(signed.id, "30")
    told = seen(world, signed)
    monkeypatch.setattr(client, "_open_index", lambda *_: None)
    poor_world = World(world.chain, world.manifest)
    standing = seen(poor_world, signed)
    assert (standing.state, standing.filled, standing.left) == (told.state, told.filled, told.left)
    assert [each.entry.signed for each in poor_world.everyone.open_orders()] == [signed]
    assert [each.gave for each in poor_world.ann.history()] == [each.gave for each in world.ann.history()]
    with pytest.raises(InputError, match="SQLAlchemy"):
        _ = poor_world.everyone.index
