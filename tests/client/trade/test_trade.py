"""Trading by several people: making, taking, settling, cancelling, looking back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.client.trade.conftest import World
from troc.client import Troc
from troc.errors import AccountError, ContractError, FundsError, OrderError, PointsError
from troc.messages import unpack_nonce
from troc.orders import SignedOrder
from troc.trade import Trading


def ether(world: World, customer: Troc) -> Troc:
    """The same customer with ether, who sends herself."""
    world.give_ether(customer.address)
    return world.everyone.as_account(customer.signer)


# ---------------------------------------------------------------------------------------- trade(give, want)


def test_publishes_where_nothing_fits_and_takes_what_fits(world: World) -> None:
    first = world.ann.trade("100 ACME", "80 BETA")
    assert not first.took
    assert str(first).startswith(f"Published the order {first.order.id[:14]}. You give 100 Acme Hardware")
    second = world.bob.trade("80 BETA", "100 ACME")
    assert second.took
    assert second.order == first.order
    assert "you get 100 Acme Hardware: 100 until" in second.text
    assert (world.units(world.ann, "BETA"), world.units(world.bob, "ACME")) == (8000, 100)
    assert world.everyone.open_orders() == []


def test_nobody_needed_ether(world: World) -> None:
    world.ann.trade("100 ACME", "80 BETA")
    world.bob.trade("80 BETA", "100 ACME")
    for customer in (world.ann, world.bob):
        assert world.chain.balance(customer.address) == 0
        assert world.chain.transaction_count(customer.address) == 0


def test_without_ether_and_without_somebody_to_submit(world: World) -> None:
    with pytest.raises(FundsError, match="--submit-with"):
        world.everyone.as_account(world.ann.signer).trade("100 ACME", "80 BETA")


def test_takes_the_cheapest(world: World) -> None:
    world.brand.mint("ACME", {world.cem.address: 100})
    world.ann.trade("100 ACME", "80 BETA")
    cheap = world.cem.trade("100 ACME", "70 BETA").order
    outcome = world.bob.trade("90 BETA", "90 ACME")
    assert outcome.order == cheap
    assert world.units(world.bob, "BETA") == 30_000 - 7_000


def test_takes_just_what_is_wanted_of_an_order_in_parts(world: World) -> None:
    world.ann.trade("100 ACME", "80 BETA", in_parts=True)
    assert world.bob.trade("80 BETA", "30 ACME").took
    assert (world.units(world.bob, "ACME"), world.units(world.bob, "BETA")) == (30, 30_000 - 2_400)


@pytest.mark.parametrize(
    ("give", "want"), [("79 BETA", "100 ACME"), ("80 BETA", "101 ACME"), ("80 BETA", "100 GAMMA")]
)
def test_publishes_where_an_order_asks_for_more(world: World, give: str, want: str) -> None:
    world.ann.trade("100 ACME", "80 BETA")
    assert not world.bob.trade(give, want).took


def test_takes_nothing_that_expires_too_soon(world: World) -> None:
    world.pass_days(92)
    world.ann.trade("100 ACME", "80 BETA")
    assert not world.bob.trade("80 BETA", "100 ACME", live="250d").took
    assert len(world.everyone.open_orders()) == 2


def test_does_not_take_its_own_order_or_one_for_somebody_else(world: World) -> None:
    world.brand.mint("BETA", {world.ann.address: 100})
    world.ann.trade("100 ACME", "80 BETA")
    assert not world.ann.trade("80 BETA", "100 ACME").took
    world.ann.trade("50 ACME", "10 BETA", only=world.cem.address)
    assert not world.bob.trade("10 BETA", "50 ACME").took


def test_numbers_of_orders(world: World) -> None:
    whole = [world.ann.trade("10 ACME", "80 BETA", new=True).order for _ in range(2)]
    assert [unpack_nonce(each.order.nonce) for each in whole] == [(0, 0, 0), (0, 0, 1)]
    parts = [world.ann.trade("10 ACME", "80 BETA", in_parts=True, new=True).order for _ in range(2)]
    assert [unpack_nonce(each.order.nonce) for each in parts] == [(0, 0, 0), (1, 0, 0)]
    world.ann.cancel_all()
    again = (
        world.ann.trade("10 ACME", "80 BETA").order,
        world.ann.trade("9 ACME", "80 BETA", in_parts=True).order,
    )
    assert [unpack_nonce(each.order.nonce) for each in again] == [(0, 1, 0), (0, 1, 0)]
    world.bob.accept(again[0].id)
    assert unpack_nonce(world.ann.draft("10 ACME", "80 BETA").nonce) == (0, 1, 1)


def test_the_same_terms_are_offered_once(world: World) -> None:
    first = world.ann.trade("10 ACME", "80 BETA").order
    with pytest.raises(OrderError, match=f"you offer just that already, in the open order {first.id[:14]}"):
        world.ann.trade("10 ACME", "80 BETA")
    assert len(world.everyone.open_orders()) == 1
    # Other terms are another order, and so are the same ones once the first has ended.
    world.ann.trade("10 ACME", "80 BETA", in_parts=True)
    world.ann.trade("10 ACME", "81 BETA")
    world.ann.cancel(first.id)
    world.ann.trade("10 ACME", "80 BETA")
    world.ann.trade("10 ACME", "80 BETA", new=True)


def test_refuses_points_that_are_kept_from_the_exchange(world: World) -> None:
    world.ann.set_exchange("ACME", on=False)
    with pytest.raises(PointsError, match=r"you keep ACME from the exchange: .*troc points exchange on ACME"):
        world.ann.trade("10 ACME", "80 BETA")
    assert world.everyone.open_orders() == []


def test_refuses_points_that_are_not_there(world: World) -> None:
    with pytest.raises(PointsError, match="you have 400 ACME, not 500: give 400 ACME at most"):
        world.ann.trade("500 ACME", "80 BETA")
    with pytest.raises(PointsError, match="you have no GAMMA"):
        world.ann.trade("5 GAMMA", "80 BETA")
    with pytest.raises(OrderError, match="the same points"):
        world.ann.trade("5 ACME", "5 acme")
    with pytest.raises(OrderError, match="end within a year"):
        world.ann.trade("5 ACME", "5 BETA", until="2 years")


# --------------------------------------------------------------------------------------------------- accept


def test_accepts_with_ether_and_without(world: World) -> None:
    one, two = (world.ann.trade("100 ACME", "80 BETA", new=True).order for _ in range(2))
    assert ether(world, world.bob).accept(one.id).sender == world.bob.address
    assert world.bob.accept(two.id).sender == world.relay.address
    assert (world.units(world.bob, "ACME"), world.units(world.ann, "BETA")) == (200, 16_000)


@pytest.mark.parametrize("with_ether", [True, False])
def test_pays_for_parts_rounded_up(world: World, with_ether: bool) -> None:
    signed = world.ann.trade("100 ACME", "0.70 BETA", in_parts=True).order
    bob = ether(world, world.bob) if with_ether else world.bob
    for _ in range(3):
        bob.accept(signed.id, "1")
    assert world.units(world.ann, "BETA") == 3
    assert world.units(world.bob, "ACME") == 3


def test_an_order_is_settled_whole_or_not_at_all(world: World) -> None:
    signed = world.ann.trade("100 ACME", "80 BETA").order
    with pytest.raises(OrderError, match="settled whole, 100 ACME or nothing"):
        world.bob.accept(signed.id, "50")
    parts = world.ann.trade("100 ACME", "80 BETA", in_parts=True).order
    with pytest.raises(OrderError, match="100 ACME of this order are left"):
        world.bob.accept(parts.id, "101")


def test_refuses_an_order_that_is_over(world: World) -> None:
    signed = world.ann.trade("100 ACME", "80 BETA").order
    world.bob.accept(signed.id)
    with pytest.raises(OrderError, match="this order is filled"):
        world.bob.accept(signed.id)
    with pytest.raises(OrderError, match="your own order"):
        world.ann.accept(world.ann.trade("100 ACME", "80 BETA").order.id)
    reserved = world.ann.trade("100 ACME", "80 BETA", only=world.cem.address).order
    with pytest.raises(OrderError, match=f"for {world.cem.address} alone"):
        world.bob.accept(reserved.id)


def test_an_order_for_one_taker_is_taken_through_somebody_else(world: World) -> None:
    signed = world.ann.trade("100 ACME", "80 BETA", only=world.bob.address).order
    world.bob.accept(signed.id)
    assert world.units(world.bob, "ACME") == 100


def age_bobs_points(world: World) -> None:
    """Bob then has 300 old BETA and 50 fresh ones."""
    world.pass_days(2 * 92)
    world.brand.mint("BETA", {world.bob.address: 50})


def test_not_enough_points_that_live_long_enough(world: World) -> None:
    age_bobs_points(world)
    in_parts = world.ann.trade("100 ACME", "80 BETA", live="250d", in_parts=True).order
    with pytest.raises(PointsError) as caught:
        world.bob.accept(in_parts.id)
    assert caught.value.message.startswith(
        "not enough points that live long enough: of your 350 BETA, 50 live beyond"
    )
    assert caught.value.remedy == "take 62 ACME of it with --amount, or 30 BETA more would do"
    world.bob.accept(in_parts.id, "62")
    assert [lot.units for lot in world.bob.balance("BETA").lots] == [0, 30_000, 0, 5_000 - 4_960]
    whole = world.ann.trade("100 ACME", "80 BETA", live="250d").order
    with pytest.raises(PointsError, match=r": 79\.6 BETA more would do"):
        world.bob.accept(whole.id)


def test_pays_with_old_points_where_they_will_do(world: World) -> None:
    age_bobs_points(world)
    signed = world.ann.trade("100 ACME", "80 BETA", live="30d").order
    world.bob.accept(signed.id)
    assert [lot.units for lot in world.bob.balance("BETA").lots] == [0, 22_000, 0, 5_000]


@pytest.mark.parametrize("with_ether", [True, False])
def test_the_taker_gets_the_points_that_she_was_shown(world: World, with_ether: bool) -> None:
    world.pass_days(92)
    world.brand.mint("ACME", {world.ann.address: 100})
    signed = world.ann.trade("450 ACME", "80 BETA").order
    bob = ether(world, world.bob) if with_ether else world.bob
    quote = bob.quote(signed.id)
    assert [lot.units for lot in quote.gets.lots] == [0, 0, 400, 50]
    with pytest.raises(PointsError, match="has 100 ACME that live beyond"):
        bob.quote(signed.id, live="250d")
    bob.orders.take(quote, bob.signer, bob.submitter)
    assert [lot.units for lot in world.bob.balance("ACME").lots] == [0, 0, 400, 50]


def test_the_taker_is_not_given_older_points_than_shown(world: World) -> None:
    world.pass_days(92)
    world.brand.mint("ACME", {world.cem.address: 200})
    signed = world.cem.trade("100 ACME", "80 BETA").order
    bob = ether(world, world.bob)
    quote = bob.quote(signed.id)
    # Ann slips older points to the maker, who would give those first.
    world.ann.send("100 ACME", world.cem.address)
    bob.orders.take(quote, bob.signer)
    assert [lot.units for lot in world.bob.balance("ACME").lots] == [0, 0, 0, 100]


def test_the_other_half_is_for_its_maker_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = world.ann.trade("100 ACME", "80 BETA").order
    quote = world.bob.quote(signed.id)
    halves: list[list[SignedOrder]] = []
    monkeypatch.setattr(
        Trading, "_settle", lambda self, orders, moves, submitter: halves.append(list(orders))
    )
    world.bob.orders.take(quote, world.bob.signer, world.bob.submitter)
    assert halves[0][0] == signed
    half = halves[0][1].order
    assert (half.maker, half.only_taker) == (world.bob.address, world.ann.address)
    assert half.open_until <= world.chain.now() + 3600


def test_takes_from_a_file(world: World, tmp_path: Path) -> None:
    draft = world.ann.draft("100 ACME", "80 BETA", unpublished=True)
    path = world.ann.write(world.ann.sign(draft), tmp_path / "order.json")
    assert world.everyone.open_orders() == []
    assert str(path) in world.bob.show(path).next_step
    world.bob.accept(str(path))
    assert world.units(world.bob, "ACME") == 100


def test_two_orders_in_files_do_not_exclude_each_other(world: World) -> None:
    drawn = {world.ann.draft("10 ACME", "8 BETA", unpublished=True).nonce for _ in range(12)}
    assert len(drawn) > 6
    parts = {world.ann.draft("10 ACME", "8 BETA", unpublished=True, in_parts=True).nonce for _ in range(12)}
    assert len(parts) > 2


def test_refuses_a_file_that_somebody_changed(world: World, tmp_path: Path) -> None:
    signed = world.ann.sign(world.ann.draft("100 ACME", "80 BETA"))
    path = world.ann.write(
        replace(signed, order=replace(signed.order, want_amount=1)), tmp_path / "order.json"
    )
    with pytest.raises(OrderError, match="is not signed by"):
        world.bob.accept(path)


# --------------------------------------------------------------------------------------------------- settle


def test_settles_two(world: World) -> None:
    one = world.ann.trade("100 ACME", "80 BETA").order
    two = world.bob.sign(world.bob.draft("90 BETA", "100 ACME"))
    world.relay.settle([one, two])
    assert (world.units(world.ann, "BETA"), world.units(world.bob, "ACME")) == (9_000, 100)


def test_settles_a_swap_among_three_where_no_two_fit(world: World, tmp_path: Path) -> None:
    one = world.ann.trade("100 ACME", "80 BETA").order
    two = world.bob.trade("80 BETA", "60 GAMMA").order
    three = world.cem.write(world.cem.sign(world.cem.draft("60 GAMMA", "100 ACME")), tmp_path / "three.json")
    receipt = world.relay.settle([one.id, two.id[:12], three])
    assert receipt.sender == world.relay.address
    assert world.units(world.ann, "BETA") == 8_000
    assert world.units(world.bob, "GAMMA") == 60
    assert world.units(world.cem, "ACME") == 100


def test_settles_parts_as_far_as_they_go(world: World) -> None:
    one = world.ann.trade("400 ACME", "320 BETA", in_parts=True).order
    two = world.bob.sign(world.bob.draft("100 BETA", "120 ACME"))
    world.relay.settle([one, two])
    standing = world.ann.show(one.id)
    assert world.units(world.bob, "ACME") == 125 == standing.filled
    assert world.units(world.ann, "BETA") == 10_000


def test_settles_a_crowd(world: World) -> None:
    people = [world.customer(f"customer {number}") for number in range(6)]
    world.brand.mint("ACME", {person.address: 50 for person in people[:3]})
    world.brand.mint("BETA", {person.address: 50 for person in people[3:]})
    orders = [person.sign(person.draft("40 ACME", "20 BETA", in_parts=True)) for person in people[:3]]
    orders += [person.sign(person.draft("30 BETA", "30 ACME", in_parts=True)) for person in people[3:]]
    world.relay.settle(orders)
    for person in people[:3]:
        assert world.units(person, "BETA") >= 2_000
    assert sum(world.units(person, "ACME") for person in people[3:]) == 120


def test_settle_refuses_what_is_over_and_what_does_not_fit(world: World) -> None:
    one = world.ann.trade("100 ACME", "80 BETA").order
    two = world.bob.trade("70 BETA", "100 ACME").order
    with pytest.raises(OrderError, match="do not fit together"):
        world.relay.settle([one, two])
    world.bob.cancel(two.id)
    with pytest.raises(OrderError, match="order 2 is cancelled"):
        world.relay.settle([one, two])
    with pytest.raises(OrderError, match="one order alone"):
        world.relay.settle([one])


def test_settle_refuses_points_that_do_not_live_long_enough(world: World) -> None:
    age_bobs_points(world)
    one = world.ann.trade("100 ACME", "80 BETA", live="250d").order
    two = world.bob.trade("80 BETA", "100 ACME", live="30d").order
    with pytest.raises(OrderError, match="the points of order 2 do not live as long as order 1 asks"):
        world.relay.settle([one, two])


# --------------------------------------------------------------------------------------------------- cancel


def test_cancels_herself_and_without_ether(world: World) -> None:
    one, two, parts = (
        world.ann.trade("10 ACME", "8 BETA", in_parts=place == 2, new=True).order for place in range(3)
    )
    assert world.ann.cancel(one.id).sender == world.relay.address
    assert ether(world, world.ann).cancel(two.id).sender == world.ann.address
    world.ann.cancel(parts.id)
    assert world.everyone.open_orders() == []
    with pytest.raises(OrderError, match="this order is already cancelled: nothing is left to do"):
        world.ann.cancel(one.id)


def test_cancel_refuses_what_is_not_hers_or_filled(world: World) -> None:
    signed = world.ann.trade("10 ACME", "8 BETA").order
    with pytest.raises(OrderError, match=f"this order is {world.ann.address}'s"):
        world.bob.cancel(signed.id)
    world.bob.accept(signed.id)
    with pytest.raises(OrderError, match="already filled"):
        world.ann.cancel(signed.id)


@pytest.mark.parametrize("with_ether", [True, False])
def test_cancel_all_ends_what_was_never_published_too(world: World, with_ether: bool) -> None:
    world.ann.trade("10 ACME", "8 BETA")
    world.ann.trade("10 ACME", "8 BETA", in_parts=True)
    files = [
        world.ann.sign(world.ann.draft("10 ACME", "8 BETA", unpublished=True, in_parts=place % 2 == 0))
        for place in range(12)
    ]
    mine = ether(world, world.ann) if with_ether else world.ann
    mine.cancel_all()
    assert world.everyone.open_orders() == []
    for signed in files:
        with pytest.raises(OrderError, match="this order is cancelled"):
            world.bob.accept(signed)
    # What is signed later counts.
    later = world.ann.trade("10 ACME", "8 BETA").order
    world.bob.accept(later.id)


def test_a_cancelled_order_can_never_be_settled(world: World) -> None:
    signed = world.ann.trade("100 ACME", "80 BETA").order
    quote = world.bob.quote(signed.id)
    world.ann.cancel(signed.id)
    with pytest.raises(ContractError) as caught:
        world.bob.orders.take(quote, world.bob.signer, world.bob.submitter)
    assert caught.value.name == "NonceUsed"
    assert world.units(world.bob, "ACME") == 0


# -------------------------------------------------------------------------------------------------- history


def test_history_of_makers_and_takers(world: World) -> None:
    world.ann.send("10 ACME", world.bob.address)
    world.bob.accept(world.ann.trade("100 ACME", "80 BETA").order.id)
    one = world.ann.trade("50 ACME", "20 GAMMA").order
    two = world.cem.trade("20 GAMMA", "30 BETA").order
    three = world.bob.sign(world.bob.draft("30 BETA", "50 ACME"))
    world.relay.settle([one, two, three])
    lines = [trade.text().split(": ", 1)[1] for trade in world.ann.history()]
    assert lines == [
        "gave 100 Acme Hardware, got 80 Beta Books",
        "gave 50 Acme Hardware, got 20 Gamma Garden",
    ]
    lines = [trade.text().split(": ", 1)[1] for trade in world.bob.history()]
    assert lines == ["gave 80 Beta Books, got 100 Acme Hardware", "gave 30 Beta Books, got 50 Acme Hardware"]
    assert world.relay.history() == []
    assert world.everyone.history(world.cem.address)[0].time <= world.chain.now()


def test_an_account_that_is_not_there(world: World) -> None:
    with pytest.raises(AccountError, match="there is no account 'nobody'"):
        world.everyone.as_account("nobody")
