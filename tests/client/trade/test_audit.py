"""An audit counts what really happened, and shows what does not add up."""

from __future__ import annotations

from tests.client.trade.conftest import World, poor
from troc.audit import Auditor
from troc.chain import Receipt
from troc.points import Points, receipt_id

RECEIPT = receipt_id("basket 1", b"s" * 32)


def totals(world: World, symbol: str) -> tuple[int, int, int, int]:
    """What the token says of itself."""
    status = world.everyone.status(symbol)
    return status.issued, status.live, status.redeemed, status.expired


def counted(world: World, symbol: str) -> tuple[int, int, int, int]:
    """What the audit says."""
    audit = world.everyone.audit(symbol)
    return audit.issued, audit.live, audit.redeemed, audit.expired


def give_back(world: World, units: int) -> Receipt:
    """The brand takes goods back."""
    brand = world.everyone.brand("ACME")
    call = world.everyone.brands.token(brand).functions.giveBack(world.ann.address, RECEIPT, units)
    return world.chain.send(call, world.owner_signer)


def test_counts_what_was_issued_moved_redeemed_and_given_back(world: World) -> None:
    world.ann.send("150 ACME", world.bob.address)
    world.bob.send("20 ACME", world.cem.address)
    world.ann.redeem("90 ACME", RECEIPT)
    give_back(world, 40)
    audit = world.everyone.audit("ACME")
    assert audit.holders == (world.ann.address, world.bob.address, world.cem.address)
    assert audit.moved == 170
    assert counted(world, "ACME") == totals(world, "ACME") == (400, 350, 50, 0)
    assert (audit.exchange_moves, audit.exchange_balance) == (0, 0)


def test_counts_what_expired_at_each_date_without_a_transaction(world: World) -> None:
    brand = world.brand.launch("Delta Deli", "DELTA", "60 days")
    world.brand.mint("DELTA", {world.ann.address: 70, world.bob.address: 30})
    world.pass_until(brand.origin + brand.epoch_length + 5)
    world.brand.mint("DELTA", {world.ann.address: 9})
    world.bob.send("10 DELTA", world.cem.address)
    world.ann.redeem("25 DELTA", RECEIPT)
    assert counted(world, "DELTA") == totals(world, "DELTA") == (109, 84, 25, 0)
    world.pass_until(brand.origin + 4 * brand.epoch_length)
    assert counted(world, "DELTA") == totals(world, "DELTA") == (109, 9, 25, 75)
    world.pass_until(brand.origin + 5 * brand.epoch_length - 1)
    assert counted(world, "DELTA") == (109, 9, 25, 75)
    world.pass_days(200)
    assert counted(world, "DELTA") == totals(world, "DELTA") == (109, 0, 25, 84)


def test_points_that_never_expire_have_no_dates(world: World) -> None:
    world.brand.launch("Endless", "ENDLESS", "never")
    world.brand.mint("ENDLESS", {world.ann.address: 5})
    world.pass_days(5_000)
    assert counted(world, "ENDLESS") == totals(world, "ENDLESS") == (5, 5, 0, 0)


def test_trades_move_points_past_the_exchange(world: World) -> None:
    offer = world.ann.trade("100 ACME", "80 BETA")
    assert world.bob.trade("80 BETA", "100 ACME").took
    assert str(world.everyone.show(offer.order).state) == "filled"
    for symbol, moved in (("ACME", 100), ("BETA", 8_000)):
        audit = world.everyone.audit(symbol)
        assert (audit.moved, audit.exchange_moves, audit.exchange_balance) == (moved, 0, 0)


def test_sees_a_holder_who_took_part_in_moves_of_the_exchange(world: World) -> None:
    # As if Bob's account were the exchange.
    world.ann.send("7 ACME", world.bob.address)
    everyone = world.everyone
    points = Points(world.chain, everyone.brands, world.bob.address)
    auditor = Auditor(world.chain, everyone.brands, points, world.bob.address)
    audit = auditor.audit(everyone.brand("ACME"))
    assert (audit.exchange_moves, audit.exchange_balance) == (1, 7)


def test_lots_tells_many_accounts_in_order_and_at_an_earlier_block(world: World) -> None:
    brand = world.everyone.brand("ACME")
    accounts = [poor("nobody").address, world.ann.address]
    before = world.chain.block_number()
    world.ann.send("100 ACME", world.bob.address)
    points = world.everyone.points
    assert [sum(lot.units for lot in lots) for lots in points.lots(brand, accounts)] == [0, 300]
    assert [sum(lot.units for lot in lots) for lots in points.lots(brand, accounts, before)] == [0, 400]
    assert points.lots(brand, accounts)[1] == world.ann.balance("ACME").lots
