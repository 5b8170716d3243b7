"""`troc.book`: only what its maker signed, for points of brands, with sense, is read from the log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.client.trade.conftest import DAY, World, poor
from troc.errors import InputError, OrderError
from troc.messages import UINT256_MAX, Order, sign
from troc.orders import SignedOrder

# Answers every call with one word (PUSH32 word, PUSH0 MSTORE, return 32 bytes).
_ANSWER = "0x7f{word}5f5260205ff3"
YES = _ANSWER.format(word="1626ba7e" + "00" * 28)
TRUE = _ANSWER.format(word="00" * 31 + "01")
DIRTY = _ANSWER.format(word="1626ba7e" + "00" * 27 + "01")
BREAKS = "0xfe"


def draft(world: World) -> Order:
    return world.ann.draft("100 ACME", "80 BETA")


def published(world: World, *orders: SignedOrder) -> list[Order]:
    world.relay.publish(*orders)
    return [entry.order for entry in world.everyone.book.entries()]


def signed_by_ann(world: World, **change: object) -> SignedOrder:
    order = replace(draft(world), **change)  # type: ignore[arg-type]
    return SignedOrder(
        order, sign(order, world.ann.sign(order).domain, poor("ann")), world.ann.sign(order).domain
    )


def test_reads_what_was_published(world: World) -> None:
    signed = world.ann.sign(draft(world))
    assert published(world, signed) == [signed.order]
    entry = world.everyone.book.find(signed.id)
    assert entry.signed == signed
    assert entry.block == world.chain.block_number()


def test_filters(world: World) -> None:
    first = world.ann.trade("100 ACME", "80 BETA").order
    second = world.bob.trade("50 BETA", "60 GAMMA").order
    book, brand = world.everyone.book, world.everyone.brand
    assert [entry.signed for entry in book.entries()] == [first, second]
    assert [entry.signed for entry in book.entries(give=brand("ACME"))] == [first]
    assert [entry.signed for entry in book.entries(want=brand("GAMMA"))] == [second]
    assert [entry.signed for entry in book.entries(maker=world.bob.address)] == [second]


def test_an_order_published_twice_is_one(world: World) -> None:
    signed = world.ann.sign(draft(world))
    short = signed.signature[:32] + (
        int.from_bytes(signed.signature[32:64]) | (signed.signature[64] - 27) << 255
    ).to_bytes(32)
    assert published(world, signed, signed, replace(signed, signature=short)) == [signed.order]


def test_the_short_form_of_a_signature_counts(world: World) -> None:
    signed = world.ann.sign(draft(world))
    short = signed.signature[:32] + (
        int.from_bytes(signed.signature[32:64]) | (signed.signature[64] - 27) << 255
    ).to_bytes(32)
    assert published(world, replace(signed, signature=short)) == [signed.order]
    receipt = world.bob.accept(signed.id)
    assert receipt.gas_used > 0


def test_ignores_what_its_maker_did_not_sign(world: World) -> None:
    signed = world.ann.sign(draft(world))
    other = replace(signed.order, give_amount=400)
    high_s = (
        signed.signature[:32]
        + (
            0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
            - int.from_bytes(signed.signature[32:64])
        ).to_bytes(32)
        + bytes([55 - signed.signature[64]])
    )
    assert (
        published(
            world,
            replace(signed, order=other),
            replace(signed, signature=b""),
            replace(signed, signature=high_s),
            replace(signed, signature=bytes(65)),
            replace(signed, signature=signed.signature + b"\0" * 5000),
            replace(signed, order=replace(signed.order, maker="0x" + "00" * 20)),
        )
        == []
    )


def test_ignores_foreign_points_and_other_kinds(world: World) -> None:
    stranger = world.relay.address
    assert (
        published(
            world,
            signed_by_ann(world, give_token=stranger),
            signed_by_ann(world, want_token=stranger),
            signed_by_ann(world, give_kind=1, give_points_expiring_by=0),
            signed_by_ann(world, want_kind=2, want_points_living_until=0),
        )
        == []
    )


def test_ignores_orders_without_sense(world: World) -> None:
    now = world.chain.now()
    assert (
        published(
            world,
            signed_by_ann(world, give_amount=0),
            signed_by_ann(world, want_amount=0),
            signed_by_ann(world, want_amount=1 << 200),
            signed_by_ann(world, want_token=world.everyone.brand("ACME").address),
            signed_by_ann(world, open_until=UINT256_MAX),
            signed_by_ann(world, open_until=now + 400 * DAY),
        )
        == []
    )


def test_ignores_an_order_for_another_exchange(world: World) -> None:
    order = draft(world)
    domain = replace(world.ann.sign(order).domain, chain_id=1)
    assert published(world, SignedOrder(order, sign(order, domain, poor("ann")), domain)) == []


def test_stale_orders_are_found_by_name_only(world: World) -> None:
    signed = world.ann.trade("100 ACME", "80 BETA", until="2h").order
    world.pass_until(signed.order.open_until)
    assert len(world.everyone.book.entries()) == 1
    world.pass_until(signed.order.open_until + 1)
    assert world.everyone.book.entries() == []
    assert world.everyone.book.find(signed.id).signed == signed
    # A client that starts only now finds it as well.
    fresh = World(world.chain, world.manifest).everyone
    assert fresh.book.entries() == []
    assert fresh.book.find(signed.id).signed == signed


def test_find_by_the_beginning_of_an_id(world: World) -> None:
    signed = world.ann.trade("100 ACME", "80 BETA").order
    assert world.everyone.book.find(signed.id[:8]).signed == signed
    assert world.everyone.book.find(signed.id[2:12].upper()).signed == signed
    for name in ("0x12", "", "hello world"):
        with pytest.raises(InputError, match="names no order"):
            world.everyone.book.find(name)
    with pytest.raises(OrderError, match="no order 0x0000000001 is published"):
        world.everyone.book.find("0x0000000001")


@pytest.mark.parametrize(("code", "counts"), [(YES, True), (TRUE, False), (DIRTY, False), (BREAKS, False)])
def test_asks_a_contract_wallet_as_the_exchange_does(world: World, code: str, counts: bool) -> None:
    wallet = poor("wallet").address
    world.set_code(wallet, code)
    world.brand.mint("ACME", {wallet: 100})
    order = replace(draft(world), maker=wallet)
    signed = replace(world.ann.sign(draft(world)), order=order, signature=b"by the owners of a wallet")
    assert published(world, signed) == ([order] if counts else [])
    if counts:
        world.bob.accept(signed.id)
        assert world.units(world.bob, "ACME") == 100


def test_reads_on_where_it_stopped(world: World) -> None:
    assert world.everyone.book.entries() == []
    first = world.ann.trade("100 ACME", "80 BETA").order
    assert len(world.everyone.book.entries()) == 1
    second = world.ann.trade("50 ACME", "40 BETA").order
    assert [entry.signed for entry in world.everyone.book.entries()] == [first, second]
    assert first.order.nonce != second.order.nonce
