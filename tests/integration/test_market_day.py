"""A day of a market: fifty customers with keys and no ether publish through two relays, of which one is
killed; they are cleared at once, swap, cancel, and read their histories, while the chain drops half of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hexbytes import HexBytes

from tests.client.core.conftest import rpc_call
from tests.client.relay.conftest import eventually
from tests.client.relay.test_cut_off import Mortal
from tests.client.solving.conftest import audit, verdicts
from tests.client.solving.town import SYMBOLS, Town, build_town
from tests.client.trade.conftest import World
from troc.accounts import address_of
from troc.chain import Chain
from troc.client import Troc
from troc.index import Index
from troc.market.solving import Solver
from troc.messages import Order
from troc.orders import SignedOrder

T = TypeVar("T")

PEOPLE = 50
SWAPPING = 6
CANCELLING = 5
PATIENCE = 10
"""Seconds that a customer waits for a relay that accepted, and of which nothing is heard any more."""


@dataclass
class Day:
    """The town on this day. `first` and `second` are the relays; each customer names both, one first or the
    other; `said` is what the customers' clients told them.
    """

    world: World
    town: Town
    first: Mortal
    second: Mortal
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fresh()

    def fresh(self) -> None:
        """All clients anew: what they have read of a chain that is no more is gone."""
        # Asking less often than other tests do leaves the machine to the relays.
        config = replace(self.world.chain.config, wait_seconds=3.0 * PATIENCE, poll_seconds=0.1)
        chain = Chain(self.world.chain.web3, config)
        self.world = World(chain, self.world.manifest)
        everyone = Troc(chain, self.world.manifest, say=self.said.append)
        urls = (self.first.url, self.second.url)
        self.town = Town(
            self.world,
            tuple(
                everyone.as_account(each.signer, relays=urls if place % 2 else urls[::-1])
                for place, each in enumerate(self.town.customers)
            ),
        )

    @property
    def customers(self) -> Sequence[Troc]:
        """Everybody."""
        return self.town.customers

    def solve(self, tmp_path: Path) -> str:
        """Clear the book; the batch's id. All that an auditor can tell of it is true."""
        solver = Solver(self.world.everyone, f"sqlite:///{tmp_path}/solver.sqlite")
        (done,) = solver.run(self.world.relay_signer)
        assert not done.failed
        found = audit(self.world)
        assert found.published.id == done.id
        assert set(verdicts(found).values()) == {"holds"}
        return done.id

    def index(self) -> Index:
        """The one that the day's commands share, up to date."""
        found = self.world.everyone.index
        found.catch_up()
        return found


def at_once(jobs: Sequence[Callable[[], T]]) -> list[T]:
    """Do things at the same time."""
    with ThreadPoolExecutor(16) as pool:
        return [each.result() for each in [pool.submit(job) for job in jobs]]


@pytest.fixture
def day(world: World, home: Path, tmp_path: Path) -> Iterator[Day]:
    """The town in the morning. The first relay is there to stay, the second dies in the middle of it."""
    town = build_town(world, PEOPLE)
    folder = world.project()
    relays = [
        Mortal(world, folder, home, f"sqlite:///{tmp_path}/{account}.sqlite", account)
        for account in ("dev:7", "dev:8")
    ]
    with ExitStack() as stack:
        for relay, step in zip(relays, ("never", "accepted"), strict=True):
            stack.callback(end, relay)
            relay.start(step)
        yield Day(world, town, relays[0], relays[1])


def end(relay: Mortal) -> None:
    """Whatever became of it."""
    if relay.process is not None and relay.process.poll() is None:
        relay.process.kill()
        relay.process.wait()


def test_a_market_day(day: Day, tmp_path: Path) -> None:
    orders = publish(day)
    day.second.dies()
    assert {entry.id for entry in day.world.everyone.book.entries()} == {order.id for order in orders}
    assert any("does not answer" in line for line in day.said)
    noon = day.world.chain.block_number()

    lost = day.solve(tmp_path)
    swaps = swap(day, range(SWAPPING))
    cancelled = cancel(day, orders)
    # The last orders to be published, the batch, the swaps, what was cancelled: none of it has happened.
    rpc_call(day.world.chain, "anvil_reorg", day.world.chain.block_number() - noon + 1, [])
    day.fresh()
    assert not day.index().batches()
    recovered(day, [*swaps, *cancelled])
    assert day.solve(tmp_path) != lost

    # Who was away comes back, and finds that what it accepted was done by others.
    day.second.start("never")
    accepted = eventually(lambda: done(day.second))
    assert 0 < accepted < PEOPLE
    assert day.world.chain.transaction_count(address_of("dev:8", day.world.chain.config)) == 0
    swaps += swap(day, range(PEOPLE - SWAPPING, PEOPLE))
    day.first.stop()
    day.second.stop()

    nobody_paid(day)
    limits_hold(day, {order.id: order.order for order in orders}, {order.id for order in cancelled})
    books_are_right(day)
    histories_add_up(day)
    nothing_twice(day, orders, swaps)


def publish(day: Day) -> list[SignedOrder]:
    """Everybody signs an order and brings it to a relay, all at once."""
    orders = day.town.ring_orders()
    at_once(
        [
            lambda customer=customer, order=order: customer.publish(order)  # type: ignore[misc]
            for customer, order in zip(day.customers, orders, strict=True)
        ]
    )
    return orders


def swap(day: Day, places: Sequence[int]) -> list[SignedOrder]:
    """Some swap a few of their points at once, each for the first brand to which open orders lead."""
    signed = []
    for place in places:
        customer, give = day.customers[place], day.town.holds(place)
        for want in SYMBOLS:
            if want == give or not customer.quote(give=f"20 {give}", want=want).is_complete:
                continue
            before = [customer.balance(symbol).total for symbol in (give, want)]
            done = customer.swap(f"20 {give}", want)
            assert done.order is not None
            after = [customer.balance(symbol).total for symbol in (give, want)]
            assert (before[0] - after[0], after[1] - before[1]) == (done.gave, done.got)
            assert done.got >= done.order.order.want_amount
            signed.append(done.order)
            break
    assert len(signed) >= len(places) / 2
    return signed


def cancel(day: Day, orders: Sequence[SignedOrder]) -> list[SignedOrder]:
    """Some whose orders did not trade at all end them."""
    index = day.index()
    touched = {fill.id for fill in index.fills()}
    waiting = {order.id for order in index.open_orders()} - touched
    chosen = [
        (customer, order)
        for customer, order in zip(day.customers, orders, strict=True)
        if order.id in waiting
    ][:CANCELLING]
    assert len(chosen) == CANCELLING
    at_once([lambda customer=customer, order=order: customer.cancel(order.id) for customer, order in chosen])  # type: ignore[misc]
    return [order for _, order in chosen]


def recovered(day: Day, orders: Sequence[SignedOrder]) -> None:
    """Wait until the first relay has brought everything anew that the chain dropped: swaps were filled,
    what was cancelled has ended, and every order is published.
    """

    def is_over(order: SignedOrder) -> bool:
        return not day.world.everyone.show(order).left

    eventually(lambda: all(map(is_over, orders)))
    eventually(lambda: done(day.first))
    assert len(day.index().orders()) == PEOPLE


def done(relay: Mortal) -> int:
    """How many messages a relay has done, if those are all that it was given."""
    counts = relay.status()["messages"]
    return int(counts["done"]) if set(counts) == {"done"} else 0


def nobody_paid(day: Day) -> None:
    """Customers have no ether, as in the morning, and sent no transaction."""
    for customer in day.customers:
        assert day.world.chain.balance(customer.address) == 0
        assert day.world.chain.transaction_count(customer.address) == 0


def limits_hold(day: Day, published: dict[str, Order], cancelled: set[str]) -> None:
    """By the exchange's own log: no order gave more than it said, or got less for it, and none was filled
    that was cancelled.
    """
    orders = published | {fill.id: fill.order.order for fill in day.index().fills() if fill.order}
    given: Counter[str] = Counter()
    for event in logged(day, "PointsExchange", "OrderFilled"):
        id_, order = "0x" + event["digest"].hex(), orders["0x" + event["digest"].hex()]
        assert event["received"] * order.give_amount >= event["given"] * order.want_amount
        given[id_] += event["given"]
    assert given
    for id_, units in given.items():
        order = orders[id_]
        assert 0 < units <= order.give_amount
        assert order.allow_partial or units == order.give_amount
    assert not cancelled & given.keys()
    assert len(published.keys() & given.keys()) > PEOPLE / 3


def books_are_right(day: Day) -> None:
    """L1, L4 and X1, of every brand."""
    everyone = day.world.everyone
    for symbol in SYMBOLS:
        found, said = everyone.audit(symbol), everyone.status(symbol)
        assert found.live == said.live
        assert (found.issued, found.redeemed, found.expired) == (said.issued, said.redeemed, said.expired)
        assert found.issued == found.live + found.redeemed + found.expired
        assert (found.exchange_balance, found.exchange_moves) == (0, 0)
        assert found.moved
    assert day.world.chain.balance(day.world.manifest.address("PointsExchange")) == 0


def histories_add_up(day: Day) -> None:
    """What a customer was given, less what she reads that she gave, and what she got, is what she has."""
    day.fresh()
    traded = 0
    for place, customer in enumerate(day.customers):
        history = customer.history()
        traded += bool(history)
        units: defaultdict[str, int] = defaultdict(int)
        units[day.town.holds(place)] = customer.side(f"1000 {day.town.holds(place)}").units
        for trade in history:
            assert trade.gave
            assert trade.got
            for sides, sign in ((trade.gave, -1), (trade.got, 1)):
                for side in sides:
                    units[side.brand.symbol] += sign * side.units
        assert {each.brand.symbol: each.total for each in customer.holdings() if each.total} == {
            symbol: left for symbol, left in units.items() if left
        }
    assert traded > PEOPLE / 3


def nothing_twice(day: Day, orders: Sequence[SignedOrder], swaps: Sequence[SignedOrder]) -> None:
    """Each order is published once and each swap settled once; no two transactions that counted say the
    same.
    """
    signatures = Counter(bytes(event["signature"]) for event in logged(day, "OrderBook", "OrderPublished"))
    assert signatures == Counter(order.signature for order in orders)
    filled = Counter("0x" + event["digest"].hex() for event in logged(day, "PointsExchange", "OrderFilled"))
    assert [filled[order.id] for order in swaps] == [1] * len(swaps)
    assert len(day.index().batches()) == 1
    chain = day.world.chain
    said: Counter[tuple[Any, bytes]] = Counter()
    for number in range(day.world.manifest.first_block, chain.block_number() + 1):
        for hash_ in chain.web3.eth.get_block(number)["transactions"]:
            transaction = "0x" + bytes(HexBytes(hash_)).hex()  # type: ignore[arg-type]
            sent, mined = chain.transaction(transaction), chain.mined(transaction)
            assert mined is not None
            said[sent.get("to"), bytes(sent["input"])] += not mined.failed
    assert set(said.values()) == {1}


def logged(day: Day, name: str, event: str) -> Iterator[Any]:
    """What the log says."""
    contract = day.world.chain.contract(name, day.world.manifest.address(name))
    for found in day.world.chain.logs(contract.events[event](), None, day.world.manifest.first_block):
        yield found["args"]
