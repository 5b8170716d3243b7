"""`troc.market.solving`: the open book is cleared, published, settled and audited, on a chain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.client.core.conftest import rpc_call
from tests.client.solving.conftest import audit, failing, order_of, publish, verdicts
from tests.client.solving.town import Town, build_town
from tests.client.trade.conftest import World
from troc.chain import Chain
from troc.manifest import Manifest
from troc.market.solving import Solver


@pytest.fixture(scope="module")
def _town(deployed: tuple[Chain, Manifest]) -> Town:
    return build_town(World(*deployed), 36)


@pytest.fixture
def town(_town: Town, world: World) -> Town:
    """The town; what a test does to it is undone."""
    return Town(world, tuple(world.everyone.as_account(each.signer, world.relay_signer) for each in _town.customers))


@pytest.fixture
def solver(world: World, town: Town, tmp_path) -> Solver:
    return Solver(world.everyone, f"sqlite:///{tmp_path / 'solver.sqlite'}")


def test_a_batch_rich_in_rings_is_cleared_and_holds(world: World, town: Town, solver: Solver) -> None:
    orders = town.ring_orders()
    town.publish(orders)
    solution, gas = solver.propose()
    print(solution.record, gas, sum(gas) / (solution.clearing.given > 0).sum())
    (done,) = solver.run(world.relay_signer)
    assert not done.failed
    found = audit(world)
    for item in found.items:
        print(item)
    assert set(verdicts(found).values()) == {"holds"}
