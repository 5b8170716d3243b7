"""A town: brands, and some dozens of customers with keys and no ether, who want each other's points."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.client.solving.conftest import order_of, publish
from tests.client.trade.conftest import World
from troc.client import Troc
from troc.orders import SignedOrder

SYMBOLS = ("ACME", "BETA", "GAMMA", "DELTA", "OMEGA")
WORTH = {"ACME": 1.0, "BETA": 2.0, "GAMMA": 0.5, "DELTA": 1.5, "OMEGA": 0.8}
"""What people think that a point is worth, more or less."""


@dataclass(frozen=True)
class Town:
    """Customers, each with 1,000 points of the brand whose place is hers in `SYMBOLS`, round and round."""

    world: World
    customers: tuple[Troc, ...]

    def again(self, world: World) -> Town:
        """The same people, seen anew: a reader remembers what it read, and a test's chain is undone."""
        everyone = tuple(
            world.everyone.as_account(customer.signer, world.relay_signer) for customer in self.customers
        )
        return Town(world, everyone)

    def holds(self, place: int) -> str:
        """The brand of which a customer has points."""
        return SYMBOLS[place % len(SYMBOLS)]

    def ring_orders(self, seed: int = 1, spread: float = 0.2) -> list[SignedOrder]:
        """An order a customer: mostly for the next brand, so that hardly two fit; some for others."""
        chance = random.Random(seed)
        orders = []
        for place, customer in enumerate(self.customers):
            give = self.holds(place)
            step = chance.choice((1, 1, 1, 2, 3))
            want = SYMBOLS[(place + step) % len(SYMBOLS)]
            units = chance.randrange(200, 900)
            rate = WORTH[give] / WORTH[want] * chance.uniform(1 - spread, 1.02)
            orders.append(
                order_of(self.world, customer, f"{units} {give}", f"{max(1, int(units * rate))} {want}")
            )
        return orders

    def publish(self, orders: Sequence[SignedOrder]) -> None:
        """Publish orders, some dozens a transaction."""
        for start in range(0, len(orders), 40):
            publish(self.world, *orders[start : start + 40])


def build_town(world: World, people: int) -> Town:
    """Brings two more brands and so many customers to the chain of trade's tests."""
    for name, symbol in (("Delta Deli", "DELTA"), ("Omega Optics", "OMEGA")):
        world.brand.launch(name, symbol, "12 months")
    town = Town(world, tuple(world.customer(f"citizen {place}") for place in range(people)))
    for place, symbol in enumerate(SYMBOLS):
        mine = town.customers[place :: len(SYMBOLS)]
        world.brand.mint(symbol, {customer.address: 1_000 for customer in mine})
    return town
