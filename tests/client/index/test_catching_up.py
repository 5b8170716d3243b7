"""An index stays right when the chain changes its mind, when it is stopped, and when the node is poor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.client.core.conftest import quick, rpc_call
from tests.client.core.faulty_node import RefusalError, faulty_node
from tests.client.trade.conftest import START, World
from troc.accounts import open_account
from troc.anvil import free_port, rpc_of, run_anvil
from troc.brands import Brand
from troc.chain import Chain
from troc.deploy import deploy_suite
from troc.errors import ChainRestartedError, NetworkError, StoreError
from troc.index import Index, Step, tables
from troc.index.source import Source
from troc.manifest import Manifest


def content(index: Index) -> dict[str, list[Any]]:
    """Everything that an index holds, but for the blocks that it remembers."""
    with index.reading() as connection:
        return {
            table.name: sorted(map(str, connection.execute(sa.select(table))))
            for table in tables.metadata.sorted_tables
            if table is not tables.blocks
        }


def with_range(world: World, blocks: int) -> Chain:
    """The same chain, read so many blocks at once."""
    return Chain.connect(replace(world.chain.config, log_range=blocks))


def stir(world: World, rounds: int = 6) -> None:
    """Let several things happen, in many blocks."""
    for number in range(rounds):
        world.brand.mint("ACME", {world.ann.address: 10 + number}, reference=f"{number} {world.chain.now()}")
        world.ann.send("7 ACME", world.bob.address)
        world.pass_days(40)
    world.bob.redeem("5 ACME", bytes([rounds]) * 32)


def test_ranges_of_any_length_give_the_same(
    world: World, index: Index, agree: Callable[[Brand], None], tmp_path: Path
) -> None:
    stir(world)
    agree(world.everyone.brand("ACME"))
    for blocks in (1, 7):
        other = Index(with_range(world, blocks), world.manifest, f"sqlite:///{tmp_path}/{blocks}.sqlite")
        steps: list[Step] = []
        done = other.catch_up(steps.append)
        assert len(steps) == -(-done.blocks // blocks)
        assert content(other) == content(index)


def test_a_brand_is_followed_from_its_launch_on(
    world: World, index: Index, agree: Callable[[Brand], None]
) -> None:
    index.catch_up()
    brand = world.brand.launch("Delta Deli", "DELTA", "60 days")
    world.brand.mint("DELTA", {world.ann.address: 12})
    agree(brand)
    assert index.status().brands == 4


@pytest.mark.parametrize("depth", [1, 5, 20])
def test_dropped_blocks_are_undone(
    world: World, index: Index, agree: Callable[[Brand], None], tmp_path: Path, depth: int
) -> None:
    brand = world.everyone.brand("ACME")
    stir(world)
    agree(brand)
    world.brand.launch("Delta Deli", "DELTA", "60 days")
    for step in range(4):
        world.ann.send(f"{step + 1} ACME", world.cem.address)
        index.catch_up()
    before = index.balance(brand, world.cem.address).units
    rpc_call(world.chain, "anvil_reorg", depth, [])
    undone = index.catch_up().undone
    assert depth <= undone <= depth + 8
    agree(brand)
    if depth >= 5:
        assert index.balance(brand, world.cem.address).units < before
        assert index.status().brands == 3
    fresh = Index(world.chain, world.manifest, f"sqlite:///{tmp_path}/fresh.sqlite")
    fresh.catch_up()
    assert content(fresh) == content(index)
    # And it goes on from there.
    world.brand.mint("ACME", {world.ann.address: 50}, reference="after")
    agree(brand)


def test_blocks_dropped_while_they_are_read(
    world: World, index: Index, agree: Callable[[Brand], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stir(world, 2)
    logs = Source.logs
    dropped: list[Any] = []

    def drop_once(self: Source, *arguments: Any) -> Any:
        found = logs(self, *arguments)
        if not dropped:
            dropped.append(rpc_call(world.chain, "anvil_reorg", 4, []))
        return found

    monkeypatch.setattr(Source, "logs", drop_once)
    # Nothing wrong was written, that would have had to be undone.
    assert index.catch_up().undone == 0
    agree(world.everyone.brand("ACME"))
    assert dropped


def test_killed_anywhere_it_goes_on(
    world: World, index: Index, agree: Callable[[Brand], None], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stir(world)
    chain = with_range(world, 5)

    class KilledError(BaseException):
        pass

    fatal = 0
    for name in ("insert", "update"):
        real = getattr(sa.Table, name)

        def dying(self: sa.Table, real: Any = real) -> Any:
            nonlocal fatal
            fatal -= 1
            if fatal == 0:
                raise KilledError
            return real(self)

        monkeypatch.setattr(sa.Table, name, dying)
    deaths = 0
    for patience in range(1, 60):
        fatal = patience
        try:
            Index(chain, world.manifest, url).catch_up()
        except KilledError:
            deaths += 1
        else:
            break
    assert deaths > 10
    fatal = 0
    agree(world.everyone.brand("ACME"))


def test_several_processes_at_once(
    world: World, index: Index, agree: Callable[[Brand], None], url: str
) -> None:
    stir(world)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            Index(with_range(world, 3), world.manifest, url).catch_up()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    agree(world.everyone.brand("ACME"))


def test_a_node_that_keeps_no_old_balances(
    world: World, url: str, tmp_path: Path, agree: Callable[[Brand], None], index: Index
) -> None:
    stir(world)
    brand = world.everyone.brand("ACME")
    # Of a lot that she chose, which the log does not tell.
    world.give_ether(world.ann.address)
    choice = world.everyone.brands.token(brand).functions.transferAtEpoch(
        brand.epoch_at(world.chain.now()), world.cem.address, 5
    )
    world.chain.send(choice, world.ann.signer)
    world.pass_days(1)
    head = world.chain.block_number()
    with faulty_node(world.chain.config.rpc) as node:

        def recent_only(params: list[Any], forward: Callable[[], Any]) -> Any:
            if params[1] != "latest" and int(params[1], 16) < head:
                raise RefusalError("missing trie node")
            return forward()

        node.answers["eth_call"] = recent_only
        poor = Chain.connect(replace(world.chain.config, rpc=node.url))
        found = Index(poor, world.manifest, url)
        found.catch_up()
        status = found.status()
        assert status.guessed == 2
        assert status.in_doubt == 0
        balances = found.balances(brand)
        assert all(balance.exact for balance in balances)
    rebuilt = Index.rebuild(world.chain, world.manifest, url)
    rebuilt.catch_up()
    assert rebuilt.status().guessed == 0
    assert rebuilt.balances(brand) == balances
    agree(brand)


def test_a_node_that_refuses_batches_and_long_ranges_and_tells_no_times(world: World, url: str) -> None:
    stir(world, 3)
    with faulty_node(world.chain.config.rpc) as node:
        node.refuses_batches = True

        def short_only(params: list[Any], forward: Callable[[], Any]) -> Any:
            if int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) >= 3:
                raise RefusalError("query exceeds max block range 3")
            # Older nodes do not say the time.
            return [{key: log[key] for key in log if key != "blockTimestamp"} for log in forward()]

        node.answers["eth_getLogs"] = short_only
        world.brand.launch("Delta Deli", "DELTA", "60 days")
        index = Index(Chain.connect(replace(world.chain.config, rpc=node.url)), world.manifest, url)
        index.catch_up()
        assert index.status().behind == 0
        complete = Index(world.chain, world.manifest)
        complete.catch_up()
        assert content(index) == content(complete)
        node.answers["eth_getLogs"] = lambda params, forward: (_ for _ in ()).throw(RefusalError("no logs"))
        world.pass_days(1)
        with pytest.raises(NetworkError, match="gives no logs \\(no logs\\)"):
            index.catch_up()


@pytest.mark.parametrize("broken", [(tables.lots, tables.supply), (tables.supply,)])
def test_a_wrong_lot_in_the_database_is_put_right(
    world: World, index: Index, agree: Callable[[Brand], None], broken: tuple[sa.Table, ...]
) -> None:
    brand = world.everyone.brand("ACME")
    agree(brand)
    with index.engine.begin() as connection:
        for table in broken:
            connection.execute(
                table.update().where(table.c.token == brand.address).values(lot1=table.c.lot0, lot0=0)
            )
    world.ann.send("1 ACME", world.bob.address)
    agree(brand)


def test_a_wrong_balance_in_the_database_is_put_right(
    world: World, index: Index, agree: Callable[[Brand], None]
) -> None:
    brand = world.everyone.brand("ACME")
    world.pass_days(92)
    world.brand.mint("ACME", {world.ann.address: 100, world.cem.address: 60}, reference="second season")
    agree(brand)
    # The supply stays right: only who has the older points is wrong.
    with index.engine.begin() as connection:
        for account, change in ((world.ann.address, 1), (world.cem.address, -1)):
            connection.execute(
                tables.lots.update()
                .where(
                    tables.lots.c.token == brand.address,
                    tables.lots.c.account == account,
                    tables.lots.c.until_block.is_(None),
                )
                .values(lot0=tables.lots.c.lot0 + change * 40)
            )
    world.brand.mint("ACME", {world.ann.address: 1}, reference="one more")
    agree(brand)


def test_a_chain_that_was_started_anew(home: Path, tmp_path: Path, url: str) -> None:
    port = free_port()

    def begin(start: int) -> tuple[Chain, Manifest]:
        chain = Chain.connect(quick(rpc_of(port), tmp_path))
        assert chain.time_of(0) == start
        return chain, deploy_suite(chain, open_account("dev:0", chain.config))

    with run_anvil(port, "--timestamp", str(START)):
        chain, manifest = begin(START)
        own, shared = Index(chain, manifest), Index(chain, manifest, url)
        assert own.catch_up().blocks == shared.catch_up().blocks > 0
    with run_anvil(port, "--timestamp", str(START + 1)):
        chain, manifest = begin(START + 1)
        # Still open when the chain went away.
        with pytest.raises(ChainRestartedError, match="started anew while the index was open"):
            shared.catch_up()
        with pytest.raises(StoreError, match=r"and this chain began with 0x.*troc index --rebuild"):
            Index(chain, manifest, url)
        # The usual database lies in a folder of the chain's own.
        assert Index(chain, manifest).catch_up().blocks > 0
        assert Index.rebuild(chain, manifest, url).catch_up().blocks > 0
    assert len(list((home / ".troc").glob("31337-*/index.sqlite"))) == 2


def test_a_database_that_breaks(world: World, index: Index) -> None:
    with index.engine.begin() as connection:
        tables.issues.drop(connection)
    with pytest.raises(StoreError, match=r"the index in .* cannot be written .*issues"):
        index.catch_up()


def test_another_deployment_on_the_same_chain(world: World, index: Index, url: str) -> None:
    brands = replace(world.manifest.contracts["Brands"], address=world.ann.address)
    other = replace(world.manifest, contracts={**world.manifest.contracts, "Brands": brands})
    with pytest.raises(StoreError, match="the deployment with Brands at"):
        Index(world.chain, other, url)
