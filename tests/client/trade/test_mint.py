"""`Brands.mint`: batches that fit a block, and nobody paid twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.core.conftest import rpc_call
from tests.client.trade.conftest import World
from troc.brands import MintReport
from troc.chain import Chain
from troc.errors import InputError
from troc.payouts import BATCH_SIZE, LOT_MAX, FileFaultsError


def addresses(count: int) -> list[str]:
    from eth_utils.address import to_checksum_address

    return [to_checksum_address((0xC0FFEE << 100 | number).to_bytes(20)) for number in range(count)]


def set_block_gas(world: World, gas: int) -> None:
    """How much gas a block holds, from the latest one on."""
    rpc_call(world.chain, "evm_setBlockGasLimit", hex(gas))
    rpc_call(world.chain, "evm_mine")


def owed(world: World) -> int:
    return world.everyone.status("ACME").live


def test_mints_from_a_file(world: World, tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    people = addresses(3)
    path.write_text("address,amount\n" + "".join(f"{who},{place + 1}\n" for place, who in enumerate(people)))
    report = world.brand.mint("ACME", path)
    assert (report.recipients, report.units, len(report.transactions)) == (3, 6, 1)
    assert [world.everyone.balance("ACME", who).total for who in people] == [1, 2, 3]


def test_the_same_file_twice_pays_nobody_twice(world: World) -> None:
    payouts = dict.fromkeys(addresses(3), 10)
    world.brand.mint("ACME", payouts)
    before = owed(world)
    again = world.brand.mint("ACME", dict(reversed(payouts.items())))
    assert (again.recipients, again.recipients_before, again.units_before) == (0, 3, 30)
    assert owed(world) == before
    world.brand.mint("ACME", payouts, reference="bonus in May")
    assert owed(world) == before + 30


def test_a_faulty_file_sends_nothing(world: World, tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text(f"address,amount\n{addresses(1)[0]},5\n{world.manifest.address('PointsExchange')},5\n")
    count = world.chain.transaction_count(world.brand.address)
    with pytest.raises(FileFaultsError, match=r"line 3: .* cannot hold ACME"):
        world.brand.mint("ACME", path)
    assert world.chain.transaction_count(world.brand.address) == count


def test_more_than_fits_a_season_sends_nothing(world: World) -> None:
    people = addresses(2)
    count = world.chain.transaction_count(world.brand.address)
    with pytest.raises(InputError, match="are too many for now"):
        world.brand.mint("ACME", {people[0]: LOT_MAX - 100, people[1]: 50})
    assert world.chain.transaction_count(world.brand.address) == count


def test_large_files_go_in_batches_with_progress(world: World) -> None:
    people = addresses(2 * BATCH_SIZE + 10)
    seen: list[tuple[int, int]] = []
    report = world.brand.mint("ACME", dict.fromkeys(people, 1), progress=lambda *step: seen.append(step))
    assert len(report.transactions) == 3
    assert seen == [(BATCH_SIZE, len(people)), (2 * BATCH_SIZE, len(people)), (len(people), len(people))]


def test_a_small_block_gets_smaller_batches(world: World) -> None:
    set_block_gas(world, 1_000_000)
    before = owed(world)
    people = addresses(100)
    report = world.brand.mint("ACME", dict.fromkeys(people, 1))
    assert owed(world) == before + 100
    assert len(report.transactions) == 4
    for transaction in report.transactions:
        receipt = world.chain.receipt(transaction)
        assert receipt is not None
        assert receipt.gas_used <= 900_000


class CutError(Exception):
    """The power went off."""


def mint_until_cut(
    world: World, monkeypatch: pytest.MonkeyPatch, payouts: dict[str, int], after: int
) -> None:
    """Mint, and be cut off when the transaction after so many has been sent: nobody saw its receipt."""
    sent = 0
    submit = Chain.submit

    def failing(self: Chain, signed: object) -> object:
        nonlocal sent
        receipt = submit(self, signed)  # type: ignore[arg-type]
        if sent == after:
            raise CutError
        sent += 1
        return receipt

    with monkeypatch.context() as patch:
        patch.setattr(Chain, "submit", failing)
        with pytest.raises(CutError):
            world.brand.mint("ACME", payouts)


@pytest.mark.parametrize("gas_limit", [30_000_000, 1_000_000])
@pytest.mark.parametrize("after", [0, 1])
def test_cut_off_and_run_again(
    world: World, monkeypatch: pytest.MonkeyPatch, after: int, gas_limit: int
) -> None:
    people = addresses(2 * BATCH_SIZE + 10 if gas_limit > 10**7 else 100)
    payouts = dict.fromkeys(people, 1)
    before = owed(world)
    set_block_gas(world, gas_limit)
    mint_until_cut(world, monkeypatch, payouts, after)
    assert before < owed(world) < before + len(people)
    report = world.brand.mint("ACME", payouts)
    assert report.recipients + report.recipients_before == len(people)
    assert report.recipients_before > 0
    assert owed(world) == before + len(people)
    acme = world.everyone.brand("ACME")
    holdings = world.everyone.points.holdings([(acme, who) for who in people[::9]])
    assert {holding.total for holding in holdings} == {1}


def test_a_run_that_was_cut_in_small_blocks_goes_on_in_large_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = addresses(60)
    payouts = dict.fromkeys(people, 1)
    before = owed(world)
    set_block_gas(world, 1_000_000)
    mint_until_cut(world, monkeypatch, payouts, 0)
    set_block_gas(world, 30_000_000)
    world.brand.mint("ACME", payouts)
    assert owed(world) == before + len(people)


def test_two_runs_at_once_pay_nobody_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    payouts = dict.fromkeys(addresses(5), 1)
    before = owed(world)
    submit = Chain.submit
    reports: list[MintReport] = []

    def overtaken(self: Chain, signed: object) -> object:
        # Another program of the same brand pays the same batch in between, after something else.
        if not reports:
            reports.append(MintReport(world.brand.brand("ACME"), 0, 0, 0, 0, ()))
            world.brand.mint("ACME", {world.cem.address: 1})
            reports[0] = world.brand.mint("ACME", payouts)
        return submit(self, signed)  # type: ignore[arg-type]

    monkeypatch.setattr(Chain, "submit", overtaken)
    report = world.brand.mint("ACME", payouts)
    assert (report.recipients, report.recipients_before, reports[0].recipients) == (0, 5, 5)
    assert owed(world) == before + 6
