"""`troc.market.solving`: the open book is cleared, published, settled and audited, on a chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.client.core.conftest import rpc_call
from tests.client.solving.conftest import audit, failing, order_of, publish, verdicts
from tests.client.solving.town import SYMBOLS, Town, build_town
from tests.client.trade.conftest import World
from troc.chain import Chain
from troc.errors import StoreError
from troc.manifest import Manifest
from troc.market.records import published_batches
from troc.market.solving import Solver
from troc.market.summary import Why, summarise
from troc.orders import SignedOrder

SIGNS = "0x631626ba7e60e01b60005260206000f3"
"""Returns ERC-1271's word, whatever it is asked."""

SIGNS_WHEN_ASKED = "0x631626ba7e60e01b3233140260005260206000f3"
"""The same, times whether who asks began the transaction himself: true for a call, false in a settlement."""

BURNS_WHEN_SETTLED = "0x323314600a575b6006565b631626ba7e60e01b60005260206000f3"
"""Signs when it is asked, and runs until its gas is gone in a settlement."""

SIGNS_FOR_NOTHING = "0x631626ba7e60e01b3a150260005260206000f3"
"""Signs where gas costs nothing, which it does in rehearsals alone."""

SIGNS_IN_ODD_BLOCKS, SIGNS_IN_EVEN_BLOCKS = (
    f"0x631626ba7e60e01b436001{instruction}0260005260206000f3" for instruction in ("16", "1615")
)
"""Sign every second block."""

BURNS_A_MILLION = "0x6200a0005b6001900380600457" + SIGNS[2:]
"""Counts down from 40,960, which takes a million gas, and then signs."""


@pytest.fixture(scope="module")
def built(deployed: tuple[Chain, Manifest]) -> Town:
    """The town, once for this file."""
    return build_town(World(*deployed), 30)


@pytest.fixture
def town(built: Town, world: World) -> Town:
    """The town; what a test does to it is undone."""
    return built.again(world)


@pytest.fixture
def make_solver(world: World, town: Town, tmp_path: Path) -> Callable[..., Solver]:
    """Makes a solver; the same name, the same journal."""

    def make(name: str = "solver") -> Solver:
        return Solver(world.everyone, f"sqlite:///{tmp_path / name}.sqlite")

    return make


def publications(world: World) -> list[str]:
    """Ids of the batches in the log."""
    book = world.chain.contract("OrderBook", world.manifest.address("OrderBook"))
    return [each.id for each in published_batches(world.chain, book, world.manifest.first_block)]


def fills(world: World, order: SignedOrder) -> int:
    """In how many settlements an order took part."""
    exchange = world.chain.contract("PointsExchange", world.everyone.exchange_domain.verifying_contract)
    found = world.chain.logs(exchange.events.OrderFilled(), {"digest": order.digest})
    return len(list(found))


def test_a_batch_rich_in_rings(world: World, town: Town, make_solver: Callable[..., Solver]) -> None:
    """Dozens of customers without ether, of whom hardly two fit, are cleared at once."""
    orders = town.ring_orders()
    town.publish(orders)
    (done,) = make_solver().run(world.relay_signer)
    assert not done.failed
    found = audit(world)
    assert found.published.id == done.id
    assert found.settled == done.settled
    assert set(verdicts(found).values()) == {"holds"}
    assert found.figures is not None
    assert found.figures.surplus > 0.999 * found.figures.bound
    traded = [order for order in orders if fills(world, order)]
    assert len(traded) > len(orders) / 2
    for order in traded:
        assert world.chain.balance(order.order.maker) == 0
    # What is left fits at no price: a second run finds nothing.
    assert make_solver().run(world.relay_signer) == []
    assert publications(world) == [done.id]


@pytest.mark.parametrize("block_gas", [2_000_000, 800_000])
def test_settlements_fit_a_block(
    world: World, town: Town, make_solver: Callable[..., Solver], block_gas: int
) -> None:
    """However small it is, and though a node refuses to estimate what does not fit."""
    town.publish(town.ring_orders())
    rpc_call(world.chain, "evm_setBlockGasLimit", hex(block_gas))
    rpc_call(world.chain, "evm_mine")
    (done,) = make_solver().run(world.relay_signer)
    assert not done.failed
    assert len(done.settled) == done.settlements > 1
    assert set(verdicts(audit(world)).values()) == {"holds"}


def test_nothing_to_trade(world: World, town: Town, make_solver: Callable[..., Solver]) -> None:
    solver = make_solver()
    assert solver.run(world.relay_signer) == []
    publish(world, order_of(world, town.customers[0], "10 ACME", "10 BETA"))
    assert solver.run(world.relay_signer) == []
    assert publications(world) == []


def test_all_or_nothing_and_lives(world: World, town: Town, make_solver: Callable[..., Solver]) -> None:
    """Half of them have old points and half fresh ones. Some want fresh ones, some all or nothing: each gets
    what she asked for.
    """
    world.pass_days(300)
    expiry = 0
    for half in range(2):
        for place, symbol in enumerate(SYMBOLS):
            mine = [each for n, each in enumerate(town.customers) if n % 2 == half and n % 5 == place]
            world.brand.mint(symbol, {customer.address: 400 for customer in mine})
        if not half:
            expiry = max(lot.expiry for lot in town.customers[0].balance("ACME").lots if lot.units)
            world.pass_days(100)
    orders = []
    for place, customer in enumerate(town.customers):
        kinds: list[dict[str, Any]] = [
            {},
            {"want_points_living_until": expiry},
            {"give_points_expiring_by": expiry},
            {"allow_partial": False},
        ]
        give, want = f"{300 + place} {town.holds(place)}", f"{200 + place} {town.holds(place + 1)}"
        orders.append(order_of(world, customer, give, want, **kinds[place % 4]))
    town.publish(orders)
    before = [
        customer.balance(order.order.want_token).within(order.order.want_points_living_until)
        for customer, order in zip(town.customers, orders, strict=True)
    ]
    solver = make_solver()
    solution, _ = solver.propose()
    (done,) = solver.run(world.relay_signer, first=solution)
    assert not done.failed
    assert failing(audit(world)) == set()
    places = {each.digest: place for place, each in enumerate(solution.gathered.orders)}
    whole = fresh = 0
    for customer, order, had in zip(town.customers, orders, before, strict=True):
        place = places[order.digest]
        received = int(solution.received[place])
        living = customer.balance(order.order.want_token).within(order.order.want_points_living_until)
        assert living == had + received
        if received and not order.order.allow_partial:
            assert int(solution.given[place]) == order.order.give_amount
            whole += 1
        fresh += bool(received and order.order.want_points_living_until)
    assert whole
    assert fresh
    assert len({good.living_until for good in solution.record.goods}) > 1


def test_says_why_an_order_is_not_filled(
    world: World, town: Town, make_solver: Callable[..., Solver]
) -> None:
    ann, bob, cem, dan, eve = town.customers[:5]
    acme, gamma, omega = (town.customers[place] for place in (5, 7, 9))
    pair = [
        order_of(world, ann, "1000 ACME", "500 BETA"),
        order_of(world, bob, "400 BETA", "400 ACME"),
        order_of(world, gamma, "1000 GAMMA", "100 OMEGA"),
        order_of(world, omega, "900 OMEGA", "500 GAMMA"),
    ]
    expected = {
        order_of(world, cem, "100 GAMMA", "100 ACME"): Why.ALONE,
        order_of(world, dan, "100 DELTA", "1 OMEGA", only_taker=eve.address): Why.RESERVED,
        # Of 1,000 ACME that want BETA some find none.
        pair[0]: Why.REST,
        order_of(world, acme, "100 ACME", "300 BETA"): Why.DEARER,
        order_of(world, acme, "900 ACME", "450 BETA", lane=1, allow_partial=False): Why.WHOLE,
        # The same points as her first order gives, all of which trade.
        order_of(world, gamma, "500 GAMMA", "100 OMEGA", lane=1): Why.SHORT,
    }
    publish(world, *dict.fromkeys([*pair, *expected]))
    solution, _ = make_solver().propose()
    shortfalls = {
        solution.gathered.orders[each.place].digest: each for each in summarise(solution).shortfalls
    }
    assert {digest: each.why for digest, each in shortfalls.items()} == {
        order.digest: why for order, why in expected.items()
    }


def crash(monkeypatch: pytest.MonkeyPatch, name: str, after: int, before_it: bool) -> None:
    """Let the chain's method end the program, before or after it did its work for the last time."""
    real = getattr(Chain, name)
    calls = [0]

    def dying(self: Chain, *arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] == after and before_it:
            raise KeyboardInterrupt
        result = real(self, *arguments)
        if calls[0] == after:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(Chain, name, dying)


@pytest.mark.parametrize(
    ("name", "after", "before_it"),
    [
        ("submit", 1, True),
        ("submit", 1, False),
        ("broadcast", 1, False),
        ("broadcast", 2, True),
        ("submit", 2, False),
    ],
)
def test_is_taken_up_again_after_a_crash(
    world: World,
    town: Town,
    make_solver: Callable[..., Solver],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    after: int,
    before_it: bool,
) -> None:
    """Wherever it is cut: one record, and each settlement once."""
    orders = town.ring_orders()
    town.publish(orders)
    with monkeypatch.context() as patch:
        crash(patch, name, after, before_it)
        with pytest.raises(KeyboardInterrupt):
            make_solver().run(world.relay_signer, most_orders=12)
    done = make_solver().resume(world.relay_signer)
    assert publications(world) == [each.id for each in done]
    found = audit(world)
    assert set(verdicts(found).values()) == {"holds"}
    assert len(found.settled) == len(found.published.record.settlements) > 1
    assert make_solver().resume(world.relay_signer) == []
    assert found.figures is not None


def test_what_was_never_signed_is_given_up(
    world: World, town: Town, make_solver: Callable[..., Solver], monkeypatch: pytest.MonkeyPatch
) -> None:
    town.publish(town.ring_orders())
    with monkeypatch.context() as patch:
        crash(patch, "sign", 1, True)
        with pytest.raises(KeyboardInterrupt):
            make_solver().run(world.relay_signer)
    assert make_solver().run(world.relay_signer)
    assert len(publications(world)) == 1


def test_a_maker_who_moves_her_points_between(
    world: World, town: Town, make_solver: Callable[..., Solver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Published, and then one of them has no points any more: the others trade in a batch without her."""
    orders = town.ring_orders()
    town.publish(orders)
    with monkeypatch.context() as patch:
        crash(patch, "submit", 1, False)
        with pytest.raises(KeyboardInterrupt):
            make_solver().run(world.relay_signer)
    exchange = world.chain.contract("PointsExchange", world.everyone.exchange_domain.verifying_contract)
    (first,) = make_solver()._journal.unfinished()
    data = make_solver()._journal.settlements(first.id)[0].data
    maker = exchange.decode_function_input(data)[1]["orders"][0]["maker"]
    place = next(n for n, customer in enumerate(town.customers) if customer.address == maker)
    town.customers[place].send(f"1000 {town.holds(place)}", world.relay_signer.address)
    first_done, *later = make_solver().run(world.relay_signer)
    assert first_done.failed
    assert later
    assert not later[-1].failed
    assert fills(world, orders[place]) == 0
    assert sum(fills(world, order) for order in orders) > len(orders) / 3
    assert failing(audit(world)) == set()
    # The first record does not lie either: what is missing is missing.
    assert failing(audit(world, first.id)) == set()


def test_moved_before_it_is_published(
    world: World, town: Town, make_solver: Callable[..., Solver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moved while the batch was being solved: the rehearsal finds out, and nothing false is published."""
    orders = town.ring_orders()
    town.publish(orders)
    solver = make_solver()
    solution, _ = solver.propose()
    maker = solution.gathered.orders[solution.settlements[0].places[0]].order.maker
    place = next(n for n, customer in enumerate(town.customers) if customer.address == maker)
    real = Solver._rehearse
    moved: list[Any] = []

    def late(self: Solver, *arguments: Any) -> Any:
        if not moved:
            moved.append(town.customers[place].send(f"1000 {town.holds(place)}", world.relay_signer.address))
        return real(self, *arguments)

    monkeypatch.setattr(Solver, "_rehearse", late)
    (done,) = solver.run(world.relay_signer)
    assert moved
    assert not done.failed
    assert publications(world) == [done.id]
    assert fills(world, orders[place]) == 0
    assert failing(audit(world)) == set()


def test_two_solvers_in_a_race(
    world: World, town: Town, make_solver: Callable[..., Solver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both publish the same batch; one settles it, the other one notices."""
    town.publish(town.ring_orders())
    other = world.customer("other solver")
    world.give_ether(other.address)
    mine, theirs = make_solver("mine"), make_solver("theirs")
    solution, _ = mine.propose()
    with monkeypatch.context() as patch:
        crash(patch, "submit", 1, False)
        with pytest.raises(KeyboardInterrupt):
            mine.carry_out(solution, world.relay_signer)
    won = theirs.carry_out(solution, other.signer)
    assert not won.failed
    assert won.elsewhere == 0
    (lost,) = make_solver("mine").resume(world.relay_signer)
    assert not lost.failed
    assert lost.settled == won.settled
    assert lost.elsewhere == len(won.settled)
    assert len(publications(world)) == 2
    for name in publications(world):
        found = audit(world, name)
        # Settled once: by the time that the second was published, or after.
        assert "settlements" not in failing(found) or found.published.solver == other.address


def test_somebody_takes_an_order_in_between(
    world: World, town: Town, make_solver: Callable[..., Solver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order of the batch is filled elsewhere after it was published."""
    orders = town.ring_orders()
    town.publish(orders)
    solver = make_solver()
    solution, _ = solver.propose()
    place = solution.settlements[0].places[0]
    taken = solution.gathered.orders[place]
    taker = world.customer("taker")
    want = world.everyone.brand(taken.order.want_token)
    world.brand.mint(want, {taker.address: 5_000})
    with monkeypatch.context() as patch:
        crash(patch, "submit", 1, False)
        with pytest.raises(KeyboardInterrupt):
            solver.carry_out(solution, world.relay_signer)
    taker.accept("0x" + taken.digest.hex())
    first, *later = make_solver().run(world.relay_signer)
    assert first.failed
    assert later
    found = audit(world, first.id)
    assert failing(found) == set()
    (item,) = (item for item in found.items if item.name == "elsewhere")
    assert not item.text.startswith("no order")


def test_a_reorganisation_drops_everything(
    world: World, town: Town, make_solver: Callable[..., Solver]
) -> None:
    """Publication and settlements are gone: the orders are open again, and go into the next batch."""
    orders = town.ring_orders()
    town.publish(orders)
    start = world.chain.block_number()
    (done,) = make_solver().run(world.relay_signer)
    rpc_call(world.chain, "anvil_reorg", world.chain.block_number() - start, [])
    assert publications(world) == []
    (again,) = make_solver().run(world.relay_signer)
    assert not again.failed
    assert publications(world) == [again.id]
    assert done.id != again.id
    assert set(verdicts(audit(world)).values()) == {"holds"}


def test_a_reorganisation_under_a_published_batch(
    world: World, town: Town, make_solver: Callable[..., Solver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block that the batch was made from is gone: it is not settled, another is made."""
    town.publish(town.ring_orders())
    rpc_call(world.chain, "evm_mine")
    with monkeypatch.context() as patch:
        crash(patch, "submit", 1, False)
        with pytest.raises(KeyboardInterrupt):
            make_solver().run(world.relay_signer)
    rpc_call(world.chain, "anvil_reorg", 2, [])
    told: list[str] = []
    *_, done = make_solver().run(world.relay_signer, tell=told.append)
    assert publications(world) == [done.id]
    assert set(verdicts(audit(world)).values()) == {"holds"}
    assert any("dropped the block" in line for line in told)


@pytest.mark.parametrize(
    ("code", "trades", "verdict"),
    [
        (SIGNS, True, "holds"),
        (SIGNS_WHEN_ASKED, False, "cannot be told"),
        (BURNS_WHEN_SETTLED, False, "cannot be told"),
        (BURNS_A_MILLION, False, "holds"),
    ],
)
def test_contract_wallets(
    world: World, ring: list[SignedOrder], tmp_path: Path, code: str, trades: bool, verdict: str
) -> None:
    """One that signs is in the batch; one that signs when it is asked, and not in a settlement, is left out,
    and whether that was right cannot be seen. One that takes more than a wallet may was never in it.
    """
    wallet = world.customer("wallet")
    world.brand.mint("GAMMA", {wallet.address: 100})
    world.set_code(wallet.address, code)
    signed = order_of(world, wallet, "100 GAMMA", "70 ACME")
    order = replace(signed, signature=b"\x01")
    publish(world, order)
    (done,) = Solver(world.everyone, f"sqlite:///{tmp_path}/wallet.sqlite").run(world.relay_signer)
    assert not done.failed
    assert bool(fills(world, order)) is trades
    assert fills(world, ring[0])
    found = audit(world)
    assert failing(found) == set()
    assert verdicts(found)["orders"] == verdict


@pytest.mark.parametrize("code", [SIGNS_FOR_NOTHING, SIGNS_IN_ODD_BLOCKS, SIGNS_IN_EVEN_BLOCKS])
def test_a_wallet_that_signs_in_rehearsals_only_stops_a_solver_once(
    world: World, ring: list[SignedOrder], tmp_path: Path, code: str
) -> None:
    wallet = world.customer("wallet")
    world.brand.mint("GAMMA", {wallet.address: 300})
    world.set_code(wallet.address, code)
    publish(world, replace(order_of(world, wallet, "100 GAMMA", "70 ACME"), signature=b"\x01"))
    solver = Solver(world.everyone, f"sqlite:///{tmp_path}/wallet.sqlite")
    before = world.chain.balance(world.relay_signer.address)
    *missed, done = solver.run(world.relay_signer)
    assert not done.failed
    assert fills(world, ring[0])
    assert len(missed) <= 1
    assert failing(audit(world)) == set()
    # What failed was paid for, too.
    assert before - world.chain.balance(world.relay_signer.address) == sum(
        each.fee for each in (*missed, done)
    )
    if missed:
        # It is remembered: the next batch does not wait for it again.
        again = [
            order_of(world, maker, f"100 {give}", f"80 {want}", lane=1)
            for maker, give, want in (
                (world.ann, "ACME", "BETA"),
                (world.bob, "BETA", "GAMMA"),
                (world.cem, "GAMMA", "ACME"),
            )
        ]
        publish(world, *again)
        (done,) = solver.run(world.relay_signer)
        assert not done.failed
        assert done.settled
        assert failing(audit(world)) == set()


def test_two_solvers_cannot_share_a_journal(make_solver: Callable[..., Solver]) -> None:
    with (
        make_solver().alone(),
        pytest.raises(StoreError, match="another solver service runs"),
        make_solver().alone(),
    ):
        pass
