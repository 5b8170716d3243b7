"""Instant swaps on a chain: quoting, one settlement, and what happens in between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.client.trade.conftest import DAY, World, poor
from troc.client import Troc
from troc.errors import InputError, OrderError, PointsError
from troc.orders import SignedOrder


def stand(maker: Troc, give: str, want: str, in_parts: bool = True, **options: Any) -> SignedOrder:
    """A standing order."""
    return maker.trade(give, want, in_parts=in_parts, new=True, **options).order


def two_hops(world: World) -> tuple[SignedOrder, SignedOrder]:
    """Bob gives BETA for GAMMA, Cem GAMMA for ACME."""
    return stand(world.bob, "150 BETA", "75 GAMMA"), stand(world.cem, "100 GAMMA", "200 ACME")


def test_two_hops_in_one_settlement(world: World) -> None:
    two_hops(world)
    quote = world.ann.quote(give="120 ACME", want="BETA")
    assert quote.way is not None
    assert (quote.way.gives, quote.way.gets, quote.is_complete) == (120, 12_000, True)
    assert "through 2 orders, by way of Gamma Garden" in quote.text()
    done = world.ann.swap("120 ACME", "BETA")
    assert str(done) == done.text()
    assert (done.gave, done.got) == (120, 12_000)
    assert world.units(world.ann, "BETA") == 12_000
    assert world.units(world.ann, "ACME") == 280
    # No point in between touches her.
    assert world.units(world.ann, "GAMMA") == 0
    assert (world.units(world.cem, "ACME"), world.units(world.bob, "GAMMA")) == (120, 60)


def test_for_as_little_as_possible(world: World) -> None:
    two_hops(world)
    stand(world.bob, "20 BETA", "15 ACME")
    quote = world.ann.quote(give="ACME", want="80 BETA")
    assert quote.way is not None
    # 20 for 15 at once, 60 over Gamma.
    assert (quote.way.gives, quote.way.gets) == (75, 8_000)
    done = world.ann.swap("ACME", "80 BETA", worst="80 ACME")
    assert (done.gave, done.got) == (75, 8_000)


def test_three_makers_and_the_best_first(world: World) -> None:
    dan, eve = world.customer("dan"), world.customer("eve")
    world.brand.mint("BETA", {dan.address: 50, eve.address: 50})
    stand(world.bob, "50 BETA", "100 ACME")
    stand(dan, "50 BETA", "50 ACME")
    stand(eve, "50 BETA", "60 ACME")
    done = world.ann.swap("120 ACME", "BETA")
    assert str(done) == done.text()
    assert (done.gave, done.got) == (120, 10_500)
    assert "through 3 orders" in done.quote.text()


def test_depth_and_all_that_is_there(world: World) -> None:
    stand(world.bob, "100 BETA", "100 ACME")
    stand(world.bob, "100 BETA", "200 ACME")
    quote = world.ann.quote(give="100 ACME", want="BETA")
    by_factor = {each.factor: (each.gives, each.gets) for each in quote.depth}
    assert by_factor[1] == (100, 10_000)
    assert by_factor[2] == (200, 15_000)
    assert quote.there is not None
    assert quote.there.gets == 20_000
    assert "All that is there: 200 Beta Books for 300 Acme Hardware" in quote.text()


def test_all_that_is_there_in_whole_units(world: World) -> None:
    """112.5 ACME would pay for all of it: 112 do not."""
    stand(world.bob, "120 BETA", "150 ACME")
    stand(world.cem, "200 GAMMA", "90 BETA")
    quote = world.ann.quote(give="100 ACME", want="GAMMA")
    assert quote.there is not None
    assert (quote.there.gives, quote.there.gets) == (113, 200)
    assert world.ann.swap("113 ACME", "GAMMA").got == 200


def test_two_orders_that_cross(world: World) -> None:
    """She pays the price of the one that she takes; the other stays as it is."""
    taken = stand(world.bob, "100 BETA", "110 ACME")
    world.brand.mint("ACME", {world.cem.address: 200})
    crosses = stand(world.cem, "200 ACME", "160 BETA")
    quote = world.ann.quote(give="ACME", want="20 BETA")
    assert [(each.gives, each.gets) for each in quote.depth] == [(22, 2_000), (44, 4_000), (110, 10_000)]
    done = world.ann.swap("ACME", "20 BETA", quote=quote)
    assert (done.gave, done.got) == (22, 2_000)
    assert world.ann.show(taken.id).filled == 2_000
    assert world.ann.show(crosses.id).filled == 0


def test_worst_price_missed(world: World) -> None:
    two_hops(world)
    with pytest.raises(OrderError, match="your worst price is 121 Beta Books"):
        world.ann.swap("120 ACME", "BETA", worst="121 BETA")
    with pytest.raises(OrderError, match="your worst price is 70 Acme Hardware"):
        world.ann.swap("ACME", "80 BETA", worst="70 ACME")
    assert world.units(world.ann, "ACME") == 400


def test_else_published_at_her_worst_price(world: World) -> None:
    two_hops(world)
    done = world.ann.swap("120 ACME", "BETA", worst="130 BETA", else_publish=True)
    assert done.gave == 0
    assert done.published is not None
    order = world.ann.show(done.published.id).order
    assert (order.give_amount, order.want_amount) == (120, 13_000)


def test_a_part_and_the_rest_waits(world: World) -> None:
    stand(world.bob, "50 BETA", "50 ACME")
    with pytest.raises(OrderError, match="only 50 Acme Hardware can be swapped at once"):
        world.ann.swap("120 ACME", "BETA", worst="100 BETA")
    done = world.ann.swap("120 ACME", "BETA", worst="100 BETA", in_parts=True, else_publish=True)
    assert (done.gave, done.got) == (50, 5_000)
    assert done.published is not None
    assert done.published.order.give_amount == 70


def test_a_part_leaves_dear_orders(world: World) -> None:
    stand(world.bob, "50 BETA", "50 ACME")
    stand(world.bob, "50 BETA", "500 ACME")
    done = world.ann.swap("120 ACME", "BETA", worst="100 BETA", in_parts=True)
    assert (done.gave, done.got) == (50, 5_000)


def test_order_taken_in_between(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = stand(world.bob, "50 BETA", "50 ACME", in_parts=False)
    stand(world.bob, "55 BETA", "60 ACME")
    world.brand.mint("ACME", {world.cem.address: 100})
    settle = Troc.settle_signed
    taken: list[str] = []

    def meddle(troc: Troc, *arguments: Any) -> Any:
        if not taken:
            taken.append(first.id)
            world.cem.accept(first.id)
        return settle(troc, *arguments)

    monkeypatch.setattr(Troc, "settle_signed", meddle)
    done = world.ann.swap("48 ACME", "BETA", worst="44 BETA")
    assert taken
    assert (done.gave, done.got) == (48, 4_400)


def test_order_taken_in_between_and_nothing_within_her_price(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stand(world.bob, "50 BETA", "50 ACME")
    stand(world.bob, "50 BETA", "100 ACME")
    world.brand.mint("ACME", {world.cem.address: 100})
    settle = Troc.settle_signed

    def meddle(troc: Troc, *arguments: Any) -> Any:
        monkeypatch.setattr(Troc, "settle_signed", settle)
        world.cem.accept(first.id)
        return settle(troc, *arguments)

    monkeypatch.setattr(Troc, "settle_signed", meddle)
    with pytest.raises(OrderError, match="your worst price is"):
        world.ann.swap("50 ACME", "BETA", worst="45 BETA")
    assert world.units(world.ann, "ACME") == 400


SIGNS_FOR_NOTHING = "0x631626ba7e60e01b3a150260005260206000f3"
"""Says that it signed where gas costs nothing, as in a rehearsal, and not in a block."""


def wallet_stands(world: World, units: int) -> SignedOrder:
    """A contract wallet offers so many BETA, one for one, better than anybody."""
    wallet = world.customer("wallet")
    world.brand.mint("BETA", {wallet.address: units})
    good = wallet.sign(wallet.draft(f"{units} BETA", f"{units} ACME", in_parts=True))
    world.set_code(wallet.address, SIGNS_FOR_NOTHING)
    signed = replace(good, signature=b"\x01")
    world.relay.publish(signed)
    return signed


def test_a_wallet_that_signs_in_rehearsals_only_stops_nobody(world: World) -> None:
    bait = wallet_stands(world, 100)
    stand(world.bob, "100 BETA", "110 ACME")
    quote = world.ann.quote(give="50 ACME", want="BETA")
    assert [entry.id for entry in quote.entries] == [bait.id]
    done = world.ann.swap("50 ACME", "BETA", worst="45 BETA")
    assert (done.gave, done.got) == (50, 4_545)


def test_sandwich_cannot_take_her_below_what_she_signed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sees her order before it is settled can settle it against an order of his: at her worst price."""
    stand(world.bob, "100 BETA", "100 ACME")
    world.brand.mint("BETA", {world.cem.address: 200})
    settle = Troc.settle_signed

    def front_run(troc: Troc, entries: Any, settlement: Any) -> Any:
        monkeypatch.setattr(Troc, "settle_signed", settle)
        hers = entries[-1].signed
        worse = world.cem.sign(world.cem.draft("89 BETA", "100 ACME"))
        with pytest.raises(OrderError, match="do not fit"):
            world.cem.settle([hers, worse])
        enough = world.cem.sign(world.cem.draft("91 BETA", "100 ACME"))
        world.cem.settle([hers, enough])
        return settle(troc, entries, settlement)

    monkeypatch.setattr(Troc, "settle_signed", front_run)
    done = world.ann.swap("100 ACME", "BETA", worst="90 BETA")
    assert done.by_others
    # What she really got, though her order asked for 90.
    assert (done.gave, done.got) == (100, 9_100)
    assert done.transaction
    assert world.units(world.ann, "BETA") == 9_100
    # Once, and not again with the orders that she had meant.
    assert world.units(world.ann, "ACME") == 300


def test_surplus_is_hers(world: World) -> None:
    stand(world.bob, "100 BETA", "100 ACME")
    done = world.ann.swap("100 ACME", "BETA", worst="50 BETA")
    assert done.order is not None
    assert done.order.order.want_amount == 5_000
    assert world.units(world.ann, "BETA") == 10_000
    assert world.units(world.relay, "BETA") == 0


def test_life_of_what_she_gets(world: World) -> None:
    stand(world.bob, "100 BETA", "50 ACME")
    world.pass_days(92)
    dan = world.customer("dan")
    world.brand.mint("BETA", {dan.address: 100})
    stand(world.bob, "100 BETA", "50 ACME")
    stand(dan, "100 BETA", "100 ACME")
    old = world.bob.balance("BETA").last_needed(1).expiry
    far = (old - world.chain.now()) // DAY + 20
    assert world.ann.swap("40 ACME", "BETA", live=f"{far}d").got == 4_000
    assert world.ann.swap("40 ACME", "BETA").got == 8_000


def test_life_of_what_she_gives(world: World) -> None:
    world.pass_days(92)
    world.brand.mint("ACME", {world.ann.address: 30})
    old = world.ann.balance("ACME").last_needed(1).expiry
    far = (old - world.chain.now()) // DAY + 20
    stand(world.bob, "100 BETA", "50 ACME", live=f"{far}d")
    stand(world.bob, "100 BETA", "100 ACME")
    # The fresh ones for who asks for them, the old ones for the other.
    done = world.ann.swap("80 ACME", "BETA")
    assert done.got == 6_000 + 5_000
    assert [lot.units for lot in world.ann.balance("ACME").lots if lot.units] == [350]


def test_points_of_a_maker_gone(world: World) -> None:
    two_hops(world)
    stand(world.bob, "40 BETA", "80 ACME")
    world.cem.send("200 GAMMA", world.relay.address)
    quote = world.ann.quote(give="120 ACME", want="BETA")
    assert quote.way is not None
    assert (quote.way.gives, quote.way.gets, quote.is_complete) == (80, 4_000, False)
    assert "not all of the 120 Acme Hardware" in quote.text()


def test_points_kept_from_the_exchange(world: World) -> None:
    stand(world.bob, "100 BETA", "50 ACME")
    world.bob.set_exchange("BETA", on=False)
    assert world.ann.quote(give="50 ACME", want="BETA").way is None
    world.ann.set_exchange("ACME", on=False)
    world.bob.set_exchange("BETA", on=True)
    with pytest.raises(PointsError, match="you keep ACME from the exchange"):
        world.ann.swap("50 ACME", "BETA")


def test_own_and_foreign_orders_are_left_out(world: World) -> None:
    world.brand.mint("BETA", {world.ann.address: 50})
    stand(world.ann, "50 BETA", "10 ACME")
    stand(world.bob, "50 BETA", "10 ACME", only=world.cem.address)
    stand(world.bob, "50 BETA", "20 ACME", only=world.ann.address)
    assert world.ann.swap("20 ACME", "BETA").got == 5_000
    with pytest.raises(OrderError, match="no open orders lead"):
        world.ann.swap("10 ACME", "BETA")


def test_one_balance_behind_several_orders(world: World) -> None:
    world.bob.send("200 BETA", world.relay.address)
    for _ in range(3):
        stand(world.bob, "100 BETA", "100 ACME")
    quote = world.ann.quote(give="300 ACME", want="BETA")
    assert quote.way is not None
    assert quote.way.gets == 10_000


def test_refuses_what_makes_no_sense(world: World) -> None:
    for give, want in (("ACME", "BETA"), ("10 ACME", "10 BETA"), ("10 ACME", "ACME")):
        with pytest.raises(InputError):
            world.ann.quote(give=give, want=want)
    stand(world.bob, "100 BETA", "100 ACME")
    with pytest.raises(PointsError, match="you have 400 ACME, not 500"):
        world.ann.swap("500 ACME", "BETA", in_parts=True, worst="1 BETA")


def test_sent_by_herself(world: World) -> None:
    stand(world.bob, "100 BETA", "100 ACME")
    world.give_ether(world.ann.address)
    alone = world.everyone.as_account(poor("ann"))
    assert alone.swap("100 ACME", "BETA").got == 10_000


def test_last_batch_beside_it(world: World) -> None:
    from troc.market.solving import Solver

    stand(world.ann, "100 ACME", "80 BETA")
    stand(world.bob, "100 BETA", "100 ACME")
    Solver(world.relay).run(world.relay_signer)
    stand(world.bob, "50 BETA", "50 ACME")
    quote = world.ann.quote(give="40 ACME", want="BETA")
    assert quote.batch is not None
    assert 70 <= quote.batch.rate <= 110
    assert "At the price of the last batch" in quote.text()


def test_prices_at_which_nobody_traded_are_no_batchs(world: World) -> None:
    """Anybody can publish a record of any prices, before a batch or after it."""
    from troc.market.solving import Solver

    solver = Solver(world.relay)
    stand(world.ann, "100 ACME", "80 BETA")
    stand(world.bob, "100 BETA", "100 ACME")
    true = solver.propose()[0].record
    lie = replace(true, goods=tuple(good._replace(price=good.price * 10**place)
                                    for place, good in enumerate(true.goods)))  # fmt: skip
    book = world.chain.contract("OrderBook", world.manifest.address("OrderBook"))
    publish = book.functions.publishBatch
    world.chain.send(publish(lie.as_tuple()), world.relay_signer)
    stand(world.bob, "50 BETA", "50 ACME")
    assert world.ann.quote(give="40 ACME", want="BETA").batch is None
    (done,) = solver.run(world.relay_signer)
    world.chain.send(publish(replace(lie, surplus=1).as_tuple()), world.relay_signer)
    quote = world.ann.quote(give="40 ACME", want="BETA")
    assert quote.batch is not None
    assert quote.batch.id == done.id
