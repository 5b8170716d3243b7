"""`troc.points`: what a customer holds, giving away, redeeming, the exchange switch."""

from __future__ import annotations

import secrets

import pytest

from tests.client.trade.conftest import World
from troc.errors import AccountError, ContractError, InputError, PointsError
from troc.messages import CancelNonces, pack_nonce, sign
from troc.points import Holding, Lot, receipt_id

RECEIPT = b"\x07" * 32


def lots(holding: Holding) -> list[int]:
    return [lot.units for lot in holding.lots]


def test_holdings_by_expiry_age(world: World) -> None:
    world.pass_days(92)
    world.brand.mint("ACME", {world.ann.address: 30})
    holding = world.ann.balance("ACME")
    assert lots(holding) == [0, 0, 400, 30]
    assert holding.total == 430
    assert len(holding.text()) == 2
    world.pass_days(3 * 92)
    assert lots(world.ann.balance("ACME")) == [30, 0, 0, 0]
    world.pass_days(92)
    assert world.ann.balance("ACME").total == 0
    assert world.ann.holdings() == []


def test_holdings_of_every_brand(world: World) -> None:
    world.brand.mint("GAMMA", {world.ann.address: 7})
    assert [(each.brand.symbol, each.total) for each in world.ann.holdings()] == [("ACME", 400), ("GAMMA", 7)]
    assert [each.brand.symbol for each in world.everyone.holdings(world.bob.address)] == ["BETA"]


@pytest.mark.parametrize(
    ("at_least", "at_most", "units"),
    [(0, 0, 60), (99, 0, 60), (100, 0, 50), (0, 200, 30), (100, 300, 50), (300, 0, 0)],
)
def test_within_counts_as_the_contract_does(at_least: int, at_most: int, units: int) -> None:
    brand = None
    holding = Holding(brand, "", (Lot(10, 100), Lot(20, 200), Lot(30, 300)))  # type: ignore[arg-type]
    assert holding.within(at_least, at_most) == units
    if units:
        after = holding.without(units - 1, at_least, at_most)
        assert after.within(at_least, at_most) == 1
        assert after.total == 61 - units


def test_within_agrees_with_the_contract(world: World) -> None:
    world.pass_days(92)
    world.brand.mint("ACME", {world.ann.address: 30})
    holding = world.ann.balance("ACME")
    token = world.everyone.brands.token(holding.brand).functions
    expiries = [lot.expiry for lot in holding.lots]
    world.give_ether(world.ann.address)
    world.chain.send(token.approve(world.relay.address, 10**9), world.ann.signer)
    for at_least in (0, expiries[2] - 1, expiries[2], expiries[3] - 1, expiries[3]):
        for at_most in (0, expiries[2] - 1, expiries[2], expiries[3]):
            for amount in (holding.within(at_least, at_most), holding.within(at_least, at_most) + 1):
                call = token.transferFromWithin(
                    world.ann.address, world.bob.address, amount, at_least, at_most
                )
                if amount == holding.within(at_least, at_most):
                    assert world.chain.call(call, world.relay.address)
                else:
                    with pytest.raises(ContractError):
                        world.chain.call(call, world.relay.address)


def test_sends_herself(world: World) -> None:
    world.give_ether(world.ann.address)
    ann = world.everyone.as_account(world.ann.signer)
    receipt = ann.send("30 ACME", world.bob.address)
    assert receipt.sender == world.ann.address
    assert (world.units(world.ann, "ACME"), world.units(world.bob, "ACME")) == (370, 30)


def test_sends_without_ether(world: World) -> None:
    for _ in range(2):
        receipt = world.ann.send("30 ACME", world.bob.address)
        assert receipt.sender == world.relay.address
    assert world.chain.balance(world.ann.address) == 0
    assert world.units(world.bob, "ACME") == 60


def test_signed_acts_pass_over_numbers_that_are_used_up(world: World) -> None:
    acme = world.everyone.brand("ACME")
    used = tuple(pack_nonce(0, 0, index) for index in range(40))
    message = CancelNonces(world.ann.address, used)
    signature = sign(message, acme.domain_of_messages(world.chain.chain_id), world.ann.signer)
    token = world.everyone.brands.token(acme).functions
    world.chain.send(token.cancelNoncesFor(world.ann.address, list(used), signature), world.relay_signer)
    world.ann.send("1 ACME", world.bob.address)
    assert not world.chain.call(token.nonceOpen(world.ann.address, pack_nonce(0, 0, 40)))


def test_redeems_herself_and_without_ether(world: World) -> None:
    acme = world.everyone.brand("ACME")
    token = world.everyone.brands.token(acme).functions
    world.ann.redeem("30 ACME", RECEIPT)
    exists, amounts, _ = world.chain.call(token.redemptionOf(world.ann.address, RECEIPT))
    assert (exists, sum(amounts)) == (True, 30)
    world.give_ether(world.ann.address)
    world.everyone.as_account(world.ann.signer).redeem("20 ACME", b"\x08" * 32)
    assert world.units(world.ann, "ACME") == 350
    with pytest.raises(ContractError) as caught:
        world.ann.redeem("1 ACME", RECEIPT)
    assert caught.value.name == "ReceiptUsed"


def test_a_redemption_can_be_submitted_by_the_named_account_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    send = type(world.chain).send
    monkeypatch.setattr(type(world.chain), "send", lambda self, call, signer: seen.append(call))
    world.ann.redeem("30 ACME", RECEIPT)
    monkeypatch.setattr(type(world.chain), "send", send)
    with pytest.raises(ContractError) as caught:
        world.chain.send(seen[0], world.owner_signer)
    assert caught.value.name == "NotTheAgent"
    world.chain.send(seen[0], world.relay_signer)
    assert world.units(world.ann, "ACME") == 370


def test_refuses_more_than_there_is(world: World) -> None:
    with pytest.raises(PointsError, match=r"has 400 ACME, not 401: use 400 at most"):
        world.ann.send("401 ACME", world.bob.address)
    with pytest.raises(PointsError, match="has 0 ACME, not 1: earn some ACME first"):
        world.bob.redeem("1 ACME", RECEIPT)
    with pytest.raises(InputError, match=r"BETA cannot be written in whole units"):
        world.bob.send("0.001 BETA", world.ann.address)


def test_the_exchange_switch(world: World) -> None:
    order = world.ann.trade("100 ACME", "80 BETA").order
    world.ann.set_exchange("ACME", on=False)
    assert not world.ann.balance("ACME").exchange_on
    assert not world.ann.show(order).state.can_be_taken
    world.ann.set_exchange("ACME", on=True)
    assert world.ann.balance("ACME").exchange_on
    world.give_ether(world.ann.address)
    world.everyone.as_account(world.ann.signer).set_exchange("ACME", on=False)
    assert not world.ann.balance("ACME").exchange_on


def test_receipt_ids_tell_nothing_without_the_salt() -> None:
    salt = secrets.token_bytes(32)
    assert receipt_id("4711", salt) == receipt_id("4711", salt)
    assert receipt_id("4711", salt) != receipt_id("4711", bytes(32))
    assert receipt_id("4711", salt) != receipt_id("4712", salt)
    with pytest.raises(InputError, match="32 bytes"):
        receipt_id("4711", b"short")


def test_looking_needs_no_account_and_acting_does(world: World) -> None:
    assert world.everyone.balance("ACME", world.ann.address).total == 400
    with pytest.raises(AccountError, match="no account was named"):
        world.everyone.send("1 ACME", world.bob.address)
    with pytest.raises(AccountError, match="no account was named"):
        world.everyone.balance("ACME")
