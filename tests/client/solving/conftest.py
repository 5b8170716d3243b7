"""Fixtures of solving: the chain of trade's tests, signed orders, and a batch made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.client.trade.conftest import World, deployed, home, world
from troc.client import Troc
from troc.market.audit import BatchAudit, audit_batch
from troc.market.evidence import Evidence
from troc.market.records import PricedGood, Record, commitment, named_batch, published_batches
from troc.messages import KIND_POINTS, ZERO_ADDRESS, Order, pack_nonce
from troc.orders import SignedOrder

__all__ = ["deployed", "home", "world"]

HOUR = 3_600
ONE = 10**18


def order_of(world: World, customer: Troc, give: str, want: str, **fields: Any) -> SignedOrder:
    """A signed order in parts, of points in whole units ("100 ACME"); `fields` replace others by name."""
    giving, wanted = customer.side(give), customer.side(want)
    order = Order(
        maker=customer.address,
        give_token=giving.brand.address,
        give_kind=KIND_POINTS,
        give_id=0,
        give_amount=giving.units,
        want_token=wanted.brand.address,
        want_kind=KIND_POINTS,
        want_id=0,
        want_amount=wanted.units,
        give_points_expiring_by=0,
        want_points_living_until=0,
        only_taker=ZERO_ADDRESS,
        open_until=world.chain.now() + 24 * HOUR,
        nonce=pack_nonce(fields.pop("lane", 0)),
        allow_partial=True,
    )
    return customer.orders.sign(replace(order, **fields), customer.signer)


def publish(world: World, *orders: SignedOrder) -> None:
    """Publish orders in one transaction."""
    world.relay.publish(*orders)


def evidence_of(world: World) -> Evidence:
    """What an auditor reads."""
    manifest = world.manifest
    return Evidence(
        world.chain,
        manifest.address("Brands"),
        manifest.address("OrderBook"),
        world.everyone.exchange_domain,
        manifest.first_block,
    )


def audit(world: World, name: str = "") -> BatchAudit:
    """The audit of a batch, of the last one for an empty name."""
    book = world.chain.contract("OrderBook", world.manifest.address("OrderBook"))
    batches = published_batches(world.chain, book, world.manifest.first_block)
    return audit_batch(world.chain, evidence_of(world), named_batch(batches, name))


def verdicts(found: BatchAudit) -> dict[str, str]:
    """What became of each check, by name."""
    return {item.name: str(item.verdict) for item in found.items}


def failing(found: BatchAudit) -> set[str]:
    """The names of the checks that fail."""
    return {name for name, verdict in verdicts(found).items() if verdict == "does not hold"}


@dataclass
class HandMade:
    """A batch that nobody solved: its author says what is published and how it is settled.

    One ACME, one BETA and one GAMMA are worth the same. BETA has two decimals.
    """

    world: World
    orders: Sequence[SignedOrder]
    transfers: Sequence[tuple[int, int, int]]
    changes: dict[str, Any] = field(default_factory=dict)
    left_out: Sequence[SignedOrder] = ()
    unsettled: Sequence[SignedOrder] = ()

    def call(self) -> str:
        """The settlement's calldata."""
        exchange = self.world.everyone.exchange_domain.verifying_contract
        contract = self.world.chain.contract("PointsExchange", exchange)
        data: str = contract.encode_abi(
            "settle",
            [
                [signed.order.as_tuple() for signed in self.orders],
                [signed.signature for signed in self.orders],
                list(self.transfers),
            ],
        )
        return data

    def record(self) -> Record:
        """What is published: the truth for a ring of three at 80 for 100, but for `changes`."""
        number, hash_, time = self.world.chain.header()
        of = [signed for signed in (*self.orders, *self.unsettled) if signed not in self.left_out]
        prices = {"ACME": ONE, "BETA": ONE // 100, "GAMMA": ONE}
        truth = Record(
            closed_at=number,
            closed_hash=hash_,
            settle_by=time + 600,
            orders=len(of),
            orders_hash=commitment(signed.digest for signed in of),
            goods=tuple(
                PricedGood(self.world.everyone.brand(symbol).address, 0, price, 0)
                for symbol, price in prices.items()
            ),
            smoothing=ONE // 1_000,
            surplus=60 * ONE,
            bound=60 * ONE,
            unfilled=0,
            settlements=(keccak(hexstr=self.call()),),
        )
        return replace(truth, **self.changes)

    def publish(self) -> None:
        """Publish the record."""
        chain = self.world.chain
        book = chain.contract("OrderBook", self.world.manifest.address("OrderBook"))
        call = book.functions.publishBatch(self.record().as_tuple())
        chain.send(call, self.world.relay_signer)

    def settle(self) -> str:
        """Settle it; gives the transaction."""
        to = self.world.everyone.exchange_domain.verifying_contract
        call: Any = {"to": to, "data": self.call()}
        return self.world.chain.send(call, self.world.relay_signer).transaction


@pytest.fixture
def ring(world: World) -> list[SignedOrder]:
    """Three published orders of which no two fit: each gives 100 and wants 80 of the next one's."""
    orders = [
        order_of(world, world.ann, "100 ACME", "80 BETA"),
        order_of(world, world.bob, "100 BETA", "80 GAMMA"),
        order_of(world, world.cem, "100 GAMMA", "80 ACME"),
    ]
    publish(world, *orders)
    return orders


RING_TRANSFERS = ((0, 2, 100), (1, 0, 10_000), (2, 1, 100))
"""All that the three give, straight to whoever wants it."""


@pytest.fixture
def by_hand(world: World, ring: list[SignedOrder]) -> Callable[..., HandMade]:
    """Makes a batch of the ring; fields of `Record` by name replace what is true."""

    def make(
        settled: Sequence[SignedOrder] = (),
        transfers: Sequence[tuple[int, int, int]] = RING_TRANSFERS,
        *,
        left_out: Sequence[SignedOrder] = (),
        unsettled: Sequence[SignedOrder] = (),
        **changes: Any,
    ) -> HandMade:
        return HandMade(world, settled or ring, transfers, changes, left_out, unsettled)

    return make
