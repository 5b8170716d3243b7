"""Purchases that can be returned: issued, returned in part, released by anyone, told to the customer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.core.conftest import rpc_call
from tests.client.trade.conftest import World
from troc.errors import BrandError, ContractError, InputError, PointsError
from troc.messages import ZERO_ADDRESS
from troc.payouts import FileFaultsError
from troc.pending import PurchaseState


def file_of(world: World, tmp_path: Path) -> Path:
    """Ann bought twice, Bob once."""
    path = tmp_path / "purchases.csv"
    path.write_text(
        "receipt,address,amount\n"
        f"r1,{world.ann.address},30\nr2,{world.bob.address},12\nr3,{world.ann.address},5\n"
    )
    return path


def test_a_customer_sees_what_will_be_hers_and_gets_it(world: World, tmp_path: Path) -> None:
    report = world.brand.issue_pending("ACME", file_of(world, tmp_path), "30d")
    by_receipt = {payout.receipt: id_ for id_, payout in zip(report.ids, report.payouts, strict=True)}
    assert sorted(by_receipt.values()) == [0, 1, 2]
    assert (report.mint.recipients, report.mint.units, report.issuer) == (3, 47, ZERO_ADDRESS)
    mine = world.ann.pending()
    assert sorted((each.id, each.units) for each in mine) == sorted(
        [(by_receipt["r1"], 30), (by_receipt["r3"], 5)]
    )
    assert str(next(each for each in mine if each.units == 30)) == (
        f"30 ACME of purchase {by_receipt['r1']}, which can be returned until 21 December 2026; then they are"
        " yours, good until 4 December 2027"
    )
    assert world.units(world.ann, "ACME") == 400
    assert world.everyone.status("ACME").pending == 47
    assert world.relay.release_pending("ACME").transactions == ()
    world.pass_until(report.matures_at)
    assert {each.state for each in world.ann.pending()} == {PurchaseState.DUE}
    released = world.relay.release_pending("ACME")
    assert (released.units, len(released.transactions)) == (47, 1)
    assert world.units(world.ann, "ACME") == 435
    assert world.ann.pending() == []
    assert world.relay.release_pending("ACME").transactions == ()


def test_the_last_second_to_return_and_the_first_to_release(world: World) -> None:
    report = world.brand.issue_pending("ACME", {world.ann.address: 30}, "2026-12-24")
    world.pass_until(report.matures_at - 2)
    world.brand.return_pending("ACME", 0, 10)
    assert [each.units for each in world.ann.pending()] == [20]
    world.pass_until(report.matures_at)
    with pytest.raises(
        PointsError, match="are the customer's since 25 December 2026, 00:00 UTC: book the return"
    ):
        world.brand.return_pending("ACME", 0)
    token = world.everyone.brands.token(world.everyone.brand("ACME")).functions
    with pytest.raises(ContractError, match="since 2026-12-25 00:00 UTC"):
        world.chain.send(token.cancelPending(ZERO_ADDRESS, 0, 1), world.owner_signer)
    world.ann.release_pending("ACME", account=world.ann.address)
    assert world.units(world.ann, "ACME") == 420


def test_returns_in_parts_until_nothing_is_left(world: World) -> None:
    world.brand.issue_pending("ACME", {world.ann.address: 30}, "30d")
    with pytest.raises(PointsError, match="30 ACME of purchase 0 are pending, not 31"):
        world.brand.return_pending("ACME", 0, 31)
    world.brand.return_pending("ACME", 0, 29)
    world.brand.return_pending("ACME", 0)
    with pytest.raises(PointsError, match="nothing is pending of purchase 0 of the brand"):
        world.brand.return_pending("ACME", 0)
    assert world.ann.pending() == []
    assert world.everyone.status("ACME").pending == 0


def test_a_run_taken_up_again_issues_nothing_twice_and_knows_its_numbers(
    world: World, tmp_path: Path
) -> None:
    path = file_of(world, tmp_path)
    first = world.brand.issue_pending("ACME", path, "30d")
    world.pass_days(1)
    again = world.brand.issue_pending("ACME", path, "30d")
    assert (again.mint.recipients, again.mint.recipients_before) == (0, 3)
    assert (again.ids, again.payouts) == (first.ids, first.payouts)
    more = world.brand.issue_pending("ACME", path, "30d", reference="May")
    assert more.ids == (3, 4, 5)


def test_pending_and_minted_from_one_file_are_two_things(world: World) -> None:
    payouts = {world.ann.address: 30}
    world.brand.mint("ACME", payouts)
    assert world.brand.issue_pending("ACME", payouts, "30d").mint.units == 30
    assert world.brand.mint("ACME", payouts).units == 0


def test_a_small_block_gets_smaller_batches(world: World) -> None:
    people = {f"0x{number:040x}": 1 for number in range(1 << 80, (1 << 80) + 40)}
    rpc_call(world.chain, "evm_setBlockGasLimit", hex(600_000))
    rpc_call(world.chain, "evm_mine")
    report = world.brand.issue_pending("ACME", people, "1d")
    assert len(report.mint.transactions) > 1
    assert sorted(report.ids) == list(range(40))
    for id_, payout in zip(report.ids, report.payouts, strict=True):
        assert world.everyone.purchases.find(world.everyone.brand("ACME"), id_).customer == payout.address
    world.pass_until(report.matures_at)
    released = world.relay.release_pending("ACME")
    assert len(released.transactions) > 1
    assert (len(released.released), released.units) == (40, 40)


def test_an_issuer_promises_from_its_grant_and_the_brand_takes_back(world: World) -> None:
    brand = world.everyone.brand("ACME")
    till = world.customer("till")
    world.give_ether(till.address)
    with pytest.raises(BrandError, match="may issue 0 ACME today"):
        till.issue_pending("ACME", {world.bob.address: 10}, "30d", grant=0)
    world.brand.brands.set_grant(brand, till.address, 100, world.owner_signer)
    report = till.issue_pending("ACME", {world.bob.address: 10}, "30d", grant=0)
    assert report.issuer == till.address
    with pytest.raises(PointsError, match="of the brand"):
        world.brand.return_pending("ACME", 0)
    with pytest.raises(ContractError) as caught:
        world.relay.return_pending("ACME", 0, issuer=till.address)
    assert caught.value.name == "NotTheIssuer"
    world.brand.return_pending("ACME", 0, 4, till.address)
    till.return_pending("ACME", 0, 1, till.address)
    assert [each.units for each in world.bob.pending()] == [5]
    assert world.everyone.brands.grant(brand, till.address).amount == 90


def test_a_locked_grant_promises_nothing_that_can_be_returned(world: World) -> None:
    brand = world.everyone.brand("ACME")
    world.brand.brands.set_grant(
        brand, world.relay.address, 100, world.owner_signer, locked_until=world.chain.now() + 86_400
    )
    with pytest.raises(BrandError, match="is locked, and what a locked grant issues cannot be returned"):
        world.relay.issue_pending("ACME", {world.bob.address: 10}, "30d", grant=0)


def test_released_after_its_lot_expired_is_gone_and_told(world: World) -> None:
    report = world.brand.issue_pending("ACME", {world.ann.address: 30}, "1d")
    (purchase,) = world.ann.pending()
    world.pass_until(purchase.expiry - 10)
    assert world.ann.pending()[0].state is PurchaseState.DUE
    world.pass_until(purchase.expiry)
    (lapsed,) = world.ann.pending()
    assert lapsed.state is PurchaseState.LAPSED
    assert "never released and expired since" in str(lapsed)
    released = world.relay.release_pending("ACME")
    assert (released.units, len(released.released)) == (0, 1)
    assert world.units(world.ann, "ACME") == 0
    assert report.ids == (0,)


def test_what_others_released_in_the_meantime_is_passed_over(world: World) -> None:
    report = world.brand.issue_pending("ACME", {world.ann.address: 30, world.bob.address: 12}, "1d")
    world.pass_until(report.matures_at)
    seen = world.everyone.purchases.at(world.everyone.brand("ACME"))
    world.relay.release_pending("ACME", account=world.bob.address)
    after = world.relay.purchases.release(seen, world.relay_signer)
    assert (len(after.released), after.units) == (1, 30)
    assert world.units(world.bob, "ACME") == 12


def test_faulty_purchases_send_nothing(world: World, tmp_path: Path) -> None:
    path = tmp_path / "purchases.csv"
    path.write_text(f"address,amount\n{world.ann.address},30\n{world.ann.address},5\n")
    with pytest.raises(FileFaultsError, match=f"line 3: {world.ann.address} is doubled"):
        world.brand.issue_pending("ACME", path, "30d")
    path.write_text(f"address,amount,receipt\n{world.ann.address},30,r1\n{world.ann.address},5,r1\n")
    with pytest.raises(FileFaultsError, match="line 3: r1 is doubled, it stands in line 2"):
        world.brand.issue_pending("ACME", path, "30d")
    with pytest.raises(FileFaultsError, match="unknown column 'receipt'"):
        world.brand.mint("ACME", path)
    with pytest.raises(InputError, match="cannot mature at"):
        world.brand.issue_pending("ACME", {world.ann.address: 1}, "2026-11-01")
    with pytest.raises(BrandError, match="only the brand issues ACME"):
        world.relay.issue_pending("ACME", {world.ann.address: 1}, "30d")
    assert world.everyone.status("ACME").pending == 0


def test_what_is_pending_takes_room_from_what_can_be_minted(world: World) -> None:
    free = 2**56 - 1 - 400
    world.brand.issue_pending("ACME", {world.ann.address: free - 10}, "30d")
    with pytest.raises(InputError, match="are too many for now: issue 10 ACME at most"):
        world.brand.mint("ACME", {world.bob.address: 11})
    world.brand.mint("ACME", {world.bob.address: 10})
