"""Settlements that the client finds, on the exchange itself: it accepts every one of them."""

from __future__ import annotations

import random

import pytest

from tests.client.trade.conftest import World
from troc.errors import OrderError
from troc.orders import SignedOrder

PEOPLE = 4
ROUNDS = 7


def random_orders(world: World, draw: random.Random) -> list[SignedOrder]:
    """Orders of some people around a common price, in parts or whole, as pairs, rings and crowds."""
    symbols = ["ACME", "BETA", "GAMMA"]
    orders = []
    people = [world.customer(f"person {number}") for number in range(PEOPLE)]
    ring = draw.random() < 0.5
    for number, person in enumerate(people[: draw.randint(2, PEOPLE)] if not ring else people[:3]):
        give, want = (symbols[number % 3], symbols[(number + 1) % 3]) if ring else draw.sample(symbols[:2], 2)
        amount = draw.randint(1, 90)
        asked = max(1, amount * draw.randint(60, 101) // 100)
        in_parts = draw.random() < 0.8
        orders.append(person.sign(person.draft(f"{amount} {give}", f"{asked} {want}", in_parts=in_parts)))
    return orders


@pytest.mark.parametrize("seed", range(3))
def test_the_exchange_accepts_what_is_found(world: World, seed: int) -> None:
    everyone = [world.customer(f"person {number}") for number in range(PEOPLE)]
    for symbol in ("ACME", "BETA", "GAMMA"):
        world.brand.mint(symbol, {person.address: 100_000 for person in everyone})
    draw = random.Random(seed)
    settled = 0
    for _ in range(ROUNDS):
        orders = random_orders(world, draw)
        try:
            standings, settlement = world.relay.plan_settlement(orders)
        except OrderError:
            continue
        before = [world.everyone.balance(each.want, each.order.maker).total for each in standings]
        world.relay.orders.settle([each.entry for each in standings], settlement, world.relay.anyone)
        after = [world.everyone.balance(each.want, each.order.maker).total for each in standings]
        assert [late - early for late, early in zip(after, before, strict=True)] == list(settlement.received)
        settled += 1
    assert settled >= 2
