"""Every event of a token becomes its rows, and every balance is the token's, lot by lot."""

from __future__ import annotations

import random
from collections.abc import Callable

import sqlalchemy as sa

from tests.client.trade.conftest import DAY, World
from tests.client.trade.test_brands import launch_bytes
from troc.brands import Brand
from troc.index import Index, tables
from troc.messages import ZERO_ADDRESS
from troc.points import receipt_id

RECEIPT = receipt_id("basket 1", b"s" * 32)
BATCH = b"batch".ljust(32, b"\0")


def hexed(value: bytes) -> str:
    """As the index shows a reference."""
    return "0x" + value.hex()


def word(account: str, units: int) -> int:
    """One recipient of a batch."""
    return units << 160 | int(account, 16)


def call(world: World, brand: Brand, function: str, *arguments: object, signer: object = None) -> None:
    """Send a call to a token, as its owner unless a signer is named."""
    token = world.everyone.brands.token(brand)
    world.chain.send(getattr(token.functions, function)(*arguments), signer or world.owner_signer)  # type: ignore[arg-type]


def test_issues_say_who_why_and_until_when(
    world: World, index: Index, agree: Callable[[Brand], None]
) -> None:
    brand = world.everyone.brand("ACME")
    world.pass_days(1)
    start = world.chain.now()
    ann, bob = world.ann.address, world.bob.address
    till = world.relay_signer
    call(world, brand, "setGrant", till.address, 7, 1000, 500, 0)
    call(world, brand, "mint", ann, 5)
    call(world, brand, "mintFor", ann, 6, RECEIPT)
    call(world, brand, "mintBatch", BATCH, [word(ann, 7), word(bob, 0), word(bob, 8)])
    call(world, brand, "issue", 7, bob, 9, RECEIPT, signer=till)
    call(world, brand, "issue", 7, bob, 10, bytes(32), signer=till)
    call(world, brand, "issueBatch", 7, BATCH, [word(ann, 11), word(bob, 12)], signer=till)
    agree(brand)
    found = [
        (issue.kind, issue.issuer, issue.reference, issue.recipient, issue.units)
        for issue in index.issues(brand, start)
    ]
    assert found == [
        ("own", None, None, ann, 5),
        ("own", None, hexed(RECEIPT), ann, 6),
        ("batch", None, hexed(BATCH), ann, 7),
        ("batch", None, hexed(BATCH), bob, 8),
        ("grant", till.address, hexed(RECEIPT), bob, 9),
        ("grant", till.address, None, bob, 10),
        ("batch", till.address, hexed(BATCH), ann, 11),
        ("batch", till.address, hexed(BATCH), bob, 12),
    ]
    assert {issue.expiry for issue in index.issues(brand)} == {brand.longest_life(start)}
    assert index.status().rows["grants"] == 1


def test_redemptions_give_backs_and_transfers(
    world: World, index: Index, agree: Callable[[Brand], None]
) -> None:
    brand = world.everyone.brand("ACME")
    ann, bob = world.ann.address, world.bob.address
    world.ann.send("150 ACME", bob)
    world.ann.send("5 ACME", ann)
    world.ann.redeem("90 ACME", RECEIPT)
    call(world, brand, "giveBack", ann, RECEIPT, 40)
    agree(brand)
    (redemption,) = index.redemptions(brand)
    assert (redemption.holder, redemption.receipt, redemption.units, redemption.agent) == (
        ann,
        hexed(RECEIPT),
        90,
        world.relay.address,
    )
    (given,) = index.give_backs(brand)
    assert (given.holder, given.receipt, given.units) == (ann, hexed(RECEIPT), 40)
    moves = [(move.sender, move.recipient, move.units) for move in index.transfers(brand)]
    assert moves == [(ann, bob, 150), (ann, ann, 5)]
    assert [(change.reason, change.units, change.other) for change in index.changes(brand, ann)] == [
        ("batch", 400, None),
        ("sent", -150, bob),
        ("redeemed", -90, world.relay.address),
        ("given back", 40, None),
    ]
    assert [(change.reason, change.units) for change in index.changes(brand, bob)] == [("received", 150)]


def test_moves_of_nothing_are_left_out(world: World, index: Index, agree: Callable[[Brand], None]) -> None:
    brand = world.everyone.brand("ACME")
    # Anybody can move nothing out of any account.
    call(world, brand, "transferFrom", world.ann.address, world.bob.address, 0)
    agree(brand)
    assert index.transfers(brand) == []


def test_lots_that_the_sender_chose(world: World, index: Index, agree: Callable[[Brand], None]) -> None:
    brand = world.everyone.brand("ACME")
    ann, bob, cem = (each.address for each in (world.ann, world.bob, world.cem))
    for _ in range(3):
        world.pass_days(92)
        world.brand.mint("ACME", {ann: 100}, reference=str(world.chain.now()))
    agree(brand)
    (epoch,) = {brand.epoch_at(world.chain.now())}
    world.give_ether(ann)
    call(world, brand, "transferAtEpoch", epoch, bob, 30, signer=world.ann.signer)
    agree(brand)
    call(world, brand, "approve", world.owner_signer.address, 1000, signer=world.ann.signer)
    soonest = brand.longest_life(world.chain.now()) - 3 * brand.epoch_length
    call(world, brand, "transferFromWithin", ann, cem, 150, soonest, 0)
    agree(brand)
    # And plainly, oldest first, from several lots.
    world.ann.send("450 ACME", bob)
    agree(brand)
    world.bob.send("60 ACME", ann)
    agree(brand)


def test_everything_at_random_over_four_epochs(
    world: World, index: Index, agree: Callable[[Brand], None]
) -> None:
    brand = world.brand.launch("Short Shop", "SHORT", "60 days")
    dice = random.Random(7)
    people = [world.ann, world.bob, world.cem]
    addresses = [each.address for each in people]
    for address in addresses:
        world.give_ether(address)
    token = world.everyone.brands.token(brand).functions
    receipts: list[tuple[str, bytes]] = []
    for step in range(160):
        who, to = dice.randrange(3), dice.choice(addresses)
        act = dice.randrange(7)
        holding = world.everyone.balance(brand, addresses[who])
        lots = [lot for lot in holding.lots if lot.units]
        if act <= 1 or not lots:
            call(world, brand, "mint", to, dice.randrange(1, 100))
        elif act == 2:
            receipt = receipt_id(str(step), b"s" * 32)
            world.chain.send(token.redeem(dice.randint(1, holding.total), receipt), people[who].signer)
            receipts.append((addresses[who], receipt))
        elif act == 3 and receipts:
            holder, receipt = dice.choice(receipts)
            left = sum(world.chain.call(token.redemptionOf(holder, receipt))[1])
            if left:
                call(world, brand, "giveBack", holder, receipt, dice.randint(1, left))
        elif act == 4:
            lot = dice.choice(lots)
            epoch = (lot.expiry - brand.origin) // brand.epoch_length - 4
            units = dice.randint(1, lot.units)
            world.chain.send(token.transferAtEpoch(epoch, to, units), people[who].signer)
        else:
            world.chain.send(token.transfer(to, dice.randint(1, holding.total)), people[who].signer)
        world.pass_days(dice.random() * 3)
        if step % 40 == 39:
            agree(brand)
    world.pass_days(20)
    # Nothing happened since, and still points have expired.
    agree(brand)
    # Any moment of the past is what the token said then; the last block of a second tells.
    last = world.chain.block_number()
    compared = 0
    for block in dice.sample(range(last - 300, last), 60):
        at = world.chain.time_of(block)
        if world.chain.time_of(block + 1) > at:
            told = world.everyone.points.lots(brand, addresses, block)
            for address, told_lots in zip(addresses, told, strict=True):
                assert index.balance(brand, address, at).lots == tuple(lot for lot in told_lots if lot.units)
            compared += 1
    assert compared > 20
    again = Index(world.chain, world.manifest)
    again.catch_up()
    assert again.balances(brand) == index.balances(brand)
    assert again.expired(brand) == index.expired(brand)


def test_several_moves_in_one_block(world: World, index: Index, agree: Callable[[Brand], None]) -> None:
    from tests.client.core.conftest import rpc_call

    brand = world.everyone.brand("ACME")
    world.pass_days(92)
    world.brand.mint("ACME", {world.ann.address: 100}, reference="second season")
    for each in (world.ann, world.bob):
        world.give_ether(each.address)
    token = world.everyone.brands.token(brand).functions
    rpc_call(world.chain, "evm_setAutomine", False)
    try:
        signed = [
            world.chain.sign(
                token.transferAtEpoch(brand.epoch_at(world.chain.now()), world.bob.address, 30),
                world.ann.signer,
            )
        ]
        world.chain.web3.eth.send_raw_transaction(signed[0].raw)
        second = world.chain.sign(token.transfer(world.cem.address, 20), world.ann.signer)
        world.chain.web3.eth.send_raw_transaction(second.raw)
        rpc_call(world.chain, "evm_mine")
    finally:
        rpc_call(world.chain, "evm_setAutomine", True)
    agree(brand)
    assert len({move.block for move in index.transfers(brand)}) == 1


def test_trades_and_pockets(world: World, index: Index, agree: Callable[[Brand], None]) -> None:
    acme, beta = (world.everyone.brand(symbol) for symbol in ("ACME", "BETA"))
    world.pass_days(92)
    world.brand.mint("ACME", {world.ann.address: 100}, reference="second season")
    world.brand.mint("BETA", {world.bob.address: 100}, reference="second season")
    # Only points that live long enough: not the oldest.
    live = f"{(beta.longest_life(world.chain.now()) - world.chain.now()) // DAY - 10}d"
    signed = world.ann.sign(world.ann.draft("50 ACME", "1 BETA", live=live))
    world.ann.publish(signed)
    world.bob.accept(signed)
    agree(acme)
    agree(beta)
    assert {lot.units for lot in index.balance(beta, world.ann.address).lots} == {100}
    pocket = world.everyone.brands.token(acme).functions.pocketOf(world.ann.address, BATCH)
    pocket_address = world.chain.call(pocket)
    world.ann.send("380 ACME", pocket_address)
    agree(acme)
    world.give_ether(world.ann.address)
    soonest = acme.longest_life(world.chain.now()) - acme.epoch_length
    call(world, acme, "transferFromPocket", BATCH, world.cem.address, 20, soonest, signer=world.ann.signer)
    agree(acme)
    assert [lot.expiry for lot in index.balance(acme, world.cem.address).lots] == [
        acme.longest_life(world.chain.now())
    ]


def test_a_name_that_is_no_text(world: World, index: Index) -> None:
    launch_bytes(world.chain, world.manifest, b"\xff\x00\x1b[2J", b"\xc3(")
    index.catch_up()
    with index.reading() as connection:
        names = list(connection.scalars(sa.select(tables.brands.c.name)))
    assert len(names) == 4
    assert names[-1] == "\N{REPLACEMENT CHARACTER}" * 3 + "[2J"


def test_points_that_never_expire(world: World, index: Index, agree: Callable[[Brand], None]) -> None:
    brand = world.brand.launch("Ever Shop", "EVER", "never")
    world.brand.mint("EVER", {world.ann.address: 10})
    world.pass_days(5000)
    world.ann.send("4 EVER", world.bob.address)
    agree(brand)
    assert index.balance(brand, world.bob.address, world.chain.now() + 9999 * DAY).units == 4


def test_a_token_that_brands_did_not_launch_does_not_count(world: World, index: Index) -> None:
    brand = world.everyone.brand("ACME")
    index.catch_up()
    before = index.status()
    # The very code of a real token, at an address of its own: it emits whatever it is told to.
    code = "0x" + world.chain.code(brand.address).hex()
    fake = "0x" + "fa" * 20
    world.set_code(fake, code)
    token = world.chain.contract("LoyaltyToken", fake)
    assert ZERO_ADDRESS not in fake
    world.give_ether(world.ann.address)
    world.chain.send(token.functions.transfer(world.bob.address, 0), world.ann.signer)
    index.catch_up()
    after = index.status()
    assert after.block > before.block
    assert (after.rows, after.brands) == (before.rows, before.brands)
