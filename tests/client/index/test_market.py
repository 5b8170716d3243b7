"""Orders, fills, ends and batches in the index: what the exchange itself says of each order, unasked."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.client.core.conftest import rpc_call
from tests.client.index.test_catching_up import content, with_range
from tests.client.trade.conftest import DAY, World, poor
from tests.client.trade.test_book import BREAKS, YES, draft, signed_by_ann
from troc.chain import Chain
from troc.client import Troc
from troc.errors import TrocError
from troc.index import Index
from troc.index.market import MOST_SIGNATURES
from troc.messages import Order, pack_nonce, sign
from troc.orders import SignedOrder

# Says that it signed where the last byte of the calldata is 1: the answer is the magic word times that byte.
# A token that moves whatever it is told to move, and says of everybody that he has all that was ever moved.
BOUNDLESS = "0x36602410600f575f545f5260205ff35b5f54604435015f5560015f5260205ff3"

YES_AFTER_A_MILLION = "0x6200a0005b6001900380600457" + YES[2:]
NEVER_ENDS = "0x5b5f56"
SIGNS_BY_LAST_BYTE = "0x600136033560f81c7f1626ba7e" + "00" * 28 + "025f5260205ff3"


def remaining(world: World, order: Order) -> int:
    """What the exchange says is left."""
    exchange = world.chain.contract("PointsExchange", world.manifest.address("PointsExchange"))
    return int(world.chain.call(exchange.functions.remainingOf(order.as_tuple())))


def agrees(world: World, index: Index) -> int:
    """Catches up and compares every published order with the exchange; how many could be settled."""
    index.catch_up()
    now = world.chain.now()
    entries = world.everyone.book.entries(stale=True)
    found = {order.id: order for order in index.orders()}
    assert [order.signed for order in found.values()] == [entry.signed for entry in entries]
    assert [order.block for order in found.values()] == [entry.block for entry in entries]
    for entry in entries:
        assert found[entry.id].left == remaining(world, entry.order), entry.order
    can = [entry.id for entry in entries if found[entry.id].left and entry.order.open_until >= now]
    assert [order.id for order in index.open_orders(at=now)] == can
    return len(can)


def signed(who: Troc, order: Order, **change: object) -> SignedOrder:
    """An order of this customer's with other terms, signed by her."""
    changed = replace(order, **change)  # type: ignore[arg-type]
    domain = who.sign(order).domain
    return SignedOrder(changed, sign(changed, domain, who.signer), domain)


def test_an_order_is_open_until_it_is_filled(world: World, index: Index) -> None:
    order = world.ann.trade("100 ACME", "80 BETA").order
    assert agrees(world, index) == 1
    (found,) = index.open_orders()
    assert found.signed == order
    assert (found.left, found.filled, found.by_key, found.cancelled) == (100, 0, True, False)
    world.bob.accept(order.id)
    assert agrees(world, index) == 0
    (found,) = index.orders()
    assert (found.left, found.filled, found.cancelled) == (0, 100, False)
    fill, other = index.fills()
    assert fill.order == found
    assert (fill.id, fill.maker, fill.given, fill.received) == (order.id, world.ann.address, 100, 8000)
    # Bob signed the other half, and somebody with ether settled both.
    assert (other.maker, other.given, other.received) == (world.bob.address, 8000, 100)
    assert other.order is not None
    assert not other.order.published


def test_parts_and_orders_that_share_a_limit(world: World, index: Index) -> None:
    order = world.ann.trade("100 ACME", "80 BETA", in_parts=True).order
    cheaper = signed(world.ann, order.order, want_amount=7000)
    larger = signed(world.ann, order.order, give_amount=150, want_amount=12000)
    world.relay.publish(cheaper, larger)
    assert agrees(world, index) == 3
    world.bob.accept(order.id, "30")
    assert agrees(world, index) == 3
    assert [each.left for each in index.open_orders()] == [70, 70, 120]
    world.bob.accept(cheaper.id, "70")
    assert agrees(world, index) == 1
    assert [(each.filled, each.left) for each in index.orders()] == [(30, 0), (70, 0), (0, 50)]


@pytest.mark.parametrize("units", [1 << 62, 1 << 90])
def test_amounts_beyond_what_a_database_counts(world: World, index: Index, units: int) -> None:
    """Whoever makes tokens trades them in any amount, and stops nobody's reading of the book."""
    token = "0x" + "77" * 20
    world.set_code(token, BOUNDLESS)
    order = world.ann.trade("100 ACME", "80 BETA", in_parts=True).order
    huge = {"give_token": token, "give_kind": 1, "give_amount": 1 << 100, "give_points_expiring_by": 0}
    acme = order.order.give_token
    bought = {"want_token": acme, "want_amount": 1, "want_points_living_until": 0}
    given = signed(world.ann, order.order, nonce=pack_nonce(7), **huge, **bought)
    wants = {"want_token": token, "want_kind": 1, "want_amount": 1, "want_points_living_until": 0}
    world.brand.mint("ACME", {world.bob.address: 10})
    draft_ = world.bob.draft("10 ACME", "80 GAMMA")
    taken = signed(world.bob, draft_, nonce=pack_nonce(7), allow_partial=True, **wants)
    for _ in range(3):
        world.relay.orders._settle([given, taken], [(0, 1, units), (1, 0, 1)], world.relay.anyone)
    assert agrees(world, index) == 1
    assert index.filled([given.id])[given.id][:2] == (3 * min(units, 2**63 - 1), 3)


def test_one_of_two_orders_with_the_same_number_ends_both(world: World, index: Index) -> None:
    order = world.ann.trade("100 ACME", "80 BETA").order
    world.relay.publish(signed(world.ann, order.order, want_amount=7000))
    world.bob.accept(order.id)
    assert agrees(world, index) == 0


def test_ends(world: World, index: Index) -> None:
    whole = world.ann.trade("10 ACME", "80 BETA").order
    partial = world.ann.trade("20 ACME", "90 BETA", in_parts=True).order
    world.bob.trade("10 BETA", "90 GAMMA")
    assert agrees(world, index) == 3
    world.ann.cancel(whole.id)
    assert agrees(world, index) == 2
    assert [each.cancelled for each in index.orders()] == [True, False, False]
    world.ann.cancel(partial.id)
    assert agrees(world, index) == 1
    world.bob.cancel_all()
    assert agrees(world, index) == 0
    later = world.bob.trade("10 BETA", "90 GAMMA").order
    assert agrees(world, index) == 1
    assert index.open_orders()[0].id == later.id


def test_orders_of_another_series(world: World, index: Index) -> None:
    order = world.ann.draft("10 ACME", "80 BETA")
    for partial in (False, True):
        world.relay.publish(
            *(
                signed(world.ann, order, nonce=pack_nonce(3, series), allow_partial=partial)
                for series in (0, 1, 2)
            )
        )
    assert agrees(world, index) == 2
    exchange = world.chain.contract("PointsExchange", world.manifest.address("PointsExchange"))
    world.give_ether(world.ann.address)
    lane = [pack_nonce(3)]
    world.chain.send(exchange.functions.cancelAll(lane, lane), poor("ann"))
    assert agrees(world, index) == 2
    assert [each.cancelled for each in index.orders()] == [True, False, False] * 2


def test_what_runs_out(world: World, index: Index) -> None:
    world.ann.trade("10 ACME", "80 BETA", until="1d")
    world.pass_days(2)
    assert agrees(world, index) == 0
    assert len(index.orders()) == 1
    assert len(index.open_orders(at=world.chain.now() - 2 * DAY)) == 1


def test_filters(world: World, index: Index) -> None:
    first = world.ann.trade("100 ACME", "80 BETA").order
    second = world.bob.trade("50 BETA", "60 GAMMA").order
    index.catch_up()
    acme, beta = (world.everyone.brand(symbol).address for symbol in ("ACME", "BETA"))
    for found, expected in (
        (index.open_orders(), [first, second]),
        (index.open_orders(give=acme), [first]),
        (index.open_orders(want=beta), [first]),
        (index.open_orders(maker=world.bob.address), [second]),
        (index.open_orders(give=beta, want=beta), []),
    ):
        assert [each.signed for each in found] == expected
    for name in (first.id, first.id[2:10].upper(), first.id[:14]):
        assert index.order(name).signed == first
    for name, said in (
        ("0x", "names no order"),
        ("%%%%%%%", "names no order"),
        ("f" * 12, "is published here"),
    ):
        with pytest.raises(TrocError, match=said):
            index.order(name)


def test_an_order_that_was_never_published_is_read_from_its_settlement(world: World, index: Index) -> None:
    order = world.ann.sign(draft(world))
    bobs = signed(world.bob, world.bob.draft("80 BETA", "100 ACME"))
    world.relay.orders._settle([order, bobs], [(0, 1, 100), (1, 0, 8000)], world.relay.anyone)
    exchange = world.chain.contract("PointsExchange", world.manifest.address("PointsExchange"))
    other = signed(world.ann, order.order, give_amount=5, want_amount=400, nonce=pack_nonce(0, 0, 9))
    world.give_ether(world.bob.address)
    world.chain.send(exchange.functions.take(other.order.as_tuple(), other.signature, 5, 0), poor("bob"))
    index.catch_up()
    assert index.orders() == []
    assert [fill.order and fill.order.signed for fill in index.fills()] == [order, bobs, other]
    assert [fill.id for fill in index.fills(maker=world.ann.address)] == [order.id, other.id]
    assert [fill.given for fill in index.fills(order=bobs.id)] == [8000]
    last = index.fills()[-1]
    assert index.fills(transactions=[last.transaction]) == [last]
    assert last in index.fills(since=last.time)
    assert index.fills(until=last.time + 1) == index.fills()
    assert last not in index.fills(until=last.time)
    world.relay.publish(order)
    assert agrees(world, index) == 0
    assert [each.filled for each in index.orders()] == [100]


def test_junk_becomes_no_row(world: World, index: Index) -> None:
    good = world.ann.sign(draft(world))
    stranger = world.relay.address
    world.relay.publish(
        good,
        good,
        replace(good, signature=bytes(65)),
        replace(good, signature=good.signature + b"\0" * 5000),
        replace(good, order=replace(good.order, give_amount=400)),
        replace(good, order=replace(good.order, maker="0x" + "00" * 20)),
        signed_by_ann(world, give_token=stranger),
        signed_by_ann(world, give_kind=1, give_points_expiring_by=0),
        signed_by_ann(world, give_amount=0),
        signed_by_ann(world, want_amount=1 << 200),
        signed_by_ann(world, want_token=good.order.give_token),
        signed_by_ann(world, only_taker=world.ann.address),
        signed_by_ann(world, open_until=world.chain.now() + 400 * DAY),
    )
    assert agrees(world, index) == 1
    # Numbers that the exchange takes for no order's.
    world.relay.publish(
        signed_by_ann(world, nonce=pack_nonce(0, 0, 224)),
        signed_by_ann(world, nonce=pack_nonce(0, 0, 1), allow_partial=True),
    )
    index.catch_up()
    # The good one, and the one that stays open for too long to be shown today.
    assert index.status().rows["orders"] == 2
    assert [each.signed for each in index.orders()] == [good]


@pytest.mark.parametrize(("code", "rows"), [(YES, 1), (BREAKS, 0), (None, 0)])
def test_only_a_wallet_can_sign_without_a_key(
    world: World, index: Index, code: str | None, rows: int
) -> None:
    """Whether it did is asked when the order is used: wallets change their minds."""
    good = world.ann.sign(draft(world))
    wallet = "0x" + "ab" * 20
    if code:
        world.set_code(wallet, code)
    world.relay.publish(replace(good, order=replace(good.order, maker=wallet), signature=b"anything"))
    index.catch_up()
    assert [each.by_key for each in index.orders()] == [False] * rows


def test_batches(world: World, index: Index) -> None:
    book = world.chain.contract("OrderBook", world.manifest.address("OrderBook"))
    acme, beta = (world.everyone.brand(symbol).address for symbol in ("ACME", "BETA"))
    goods = [(acme, 0, 10**18, 0), (beta, 5, 7, 0)]
    batch = (1, bytes(32), 9, 2, b"h" * 32, goods, 10**13, 5, 6, 0, [b"s" * 32])
    for _ in range(2):
        receipt = world.chain.send(book.functions.publishBatch(batch), world.relay_signer)
    other = (2, *batch[1:])
    world.chain.send(book.functions.publishBatch(other), world.relay_signer)
    index.catch_up()
    first, second = index.batches()
    assert first.block == receipt.block - 1
    assert first.solver == second.solver == world.relay.address
    assert index.batches(last=1) == [second]
    assert index.batches(since=second.time + 1) == []


def trade_about(world: World, rounds: int, seed: int) -> None:
    """Orders, takings, parts, ends and lapses by chance."""
    chance = random.Random(seed)
    people = {"ACME": world.ann, "BETA": world.bob, "GAMMA": world.cem}
    for _ in range(rounds):
        give, want = chance.sample(sorted(people), 2)
        who = people[give]
        entries = [
            standing
            for standing in world.everyone.orders.standings(world.everyone.book.entries())
            if standing.state.can_be_taken
        ]
        act = chance.choice(("order", "order", "take", "take", "end", "all", "wait"))
        if act == "order":
            in_parts = chance.random() < 0.6
            who.trade(
                f"{chance.randint(2, 6)} {give}",
                f"{chance.randint(2, 6)} {want}",
                live="40d",
                until="5d",
                in_parts=in_parts,
                new=True,
            )
        elif act == "take" and entries:
            standing = chance.choice(entries)
            taker = people[standing.want.symbol]
            part = standing.give.number(standing.left // 2)
            taker.accept(
                standing.entry.id, part if standing.order.allow_partial and standing.left > 1 else None
            )
        elif act == "end" and entries:
            standing = chance.choice(entries)
            people[standing.give.symbol].cancel(standing.entry.id)
        elif act == "all" and chance.random() < 0.4:
            who.cancel_all()
        else:
            world.pass_days(1)


def test_any_course_of_a_market_agrees_with_the_exchange(world: World, index: Index, tmp_path: Path) -> None:
    for seed in range(2):
        trade_about(world, 12, seed)
        agrees(world, index)
    assert index.fills()
    for blocks in (1, 7):
        other = Index(with_range(world, blocks), world.manifest, f"sqlite:///{tmp_path}/{blocks}.sqlite")
        other.catch_up()
        assert content(other) == content(index)


def test_dropped_blocks_are_undone(world: World, index: Index, tmp_path: Path) -> None:
    trade_about(world, 4, 5)
    index.catch_up()
    before = world.chain.block_number()
    trade_about(world, 12, 6)
    agrees(world, index)
    depth = world.chain.block_number() - before
    rpc_call(world.chain, "anvil_reorg", depth, [])
    world.ann.trade("3 ACME", "2 BETA", new=True)
    # What the client itself has read is of the chain that is no more.
    world = World(world.chain, world.manifest)
    agrees(world, index)
    fresh = Index(world.chain, world.manifest, f"sqlite:///{tmp_path}/fresh.sqlite")
    fresh.catch_up()
    assert content(fresh) == content(index)


def test_holdings(world: World, index: Index) -> None:
    world.pass_days(100)
    world.brand.mint("ACME", {world.ann.address: 7}, reference="later")
    world.ann.send("3 ACME", world.bob.address)
    index.catch_up()
    acme = world.everyone.brand("ACME")
    people = [each.address for each in (world.ann, world.bob, world.cem)]
    found = index.holdings([*people, "0x" + "12" * 20], [acme])
    told = world.everyone.points.lots(acme, people[:2])
    assert set(found) == {(person, acme.address) for person in people[:2]}
    for person, lots in zip(people, told, strict=False):
        assert found[person, acme.address].lots == tuple(lot for lot in lots if lot.units)
        assert found[person, acme.address].exact
    first = next(lot.expiry for lot in told[0] if lot.units)
    later = index.holdings(people, [acme], at=first)
    assert all(lot.expiry > first for lot in later[people[0], acme.address].lots)
    # Everybody, and as it was before.
    assert len(index.holdings()) == 4
    before = index.holdings(at=world.chain.now() - 50 * DAY)
    assert (world.bob.address, acme.address) not in before
    assert before[world.ann.address, acme.address].units == 400


def test_the_book_as_it_stood(world: World, index: Index) -> None:
    order = world.ann.trade("100 ACME", "80 BETA", in_parts=True).order
    published = world.chain.now()
    world.pass_days(1)
    world.bob.accept(order.id, "30")
    taken = world.chain.now()
    world.pass_days(1)
    world.ann.cancel(order.id)
    index.catch_up()
    lefts = [
        [each.left for each in index.open_orders(at=at)]
        for at in (published - 1, published, taken - 1, taken, world.chain.now())
    ]
    assert lefts == [[], [100], [100], [70], []]


def test_a_wallets_order_is_not_hidden_by_a_wrong_signature(world: World, index: Index) -> None:
    """A stranger may publish it first with another signature; what the wallet says of each counts."""
    good = world.ann.sign(draft(world))
    wallet = "0x" + "ab" * 20
    world.set_code(wallet, SIGNS_BY_LAST_BYTE)
    order = replace(good.order, maker=wallet)
    wrong, right = (replace(good, order=order, signature=bytes(31) + end) for end in (b"\0", b"\1"))
    for published in (wrong, wrong, right):
        world.relay.publish(published)
        index.catch_up()
    assert [each.signature for each in index.open_orders()] == [right.signature]
    world.relay.publish(*[replace(wrong, signature=bytes([n]) + bytes(31)) for n in range(40)])
    index.catch_up()
    assert index.status().rows["orders"] == MOST_SIGNATURES
    assert [each.signature for each in index.open_orders()] == [right.signature]


def test_wallets_are_asked_together_and_once_a_block(
    world: World, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = world.ann.sign(draft(world))
    wallet = "0x" + "ab" * 20
    world.set_code(wallet, YES)
    order = replace(good.order, maker=wallet)
    world.relay.publish(
        *[replace(good, order=replace(order, nonce=pack_nonce(0, 0, n)), signature=b"any") for n in range(30)]
    )
    index.catch_up()
    asked: list[int] = []
    plain = Chain.try_many

    def counted(chain: Chain, calls: Sequence[Any], block: Any = "latest") -> Any:
        asked.append(len(calls))
        return plain(chain, calls, block)

    monkeypatch.setattr(Chain, "try_many", counted)
    assert [len(index.open_orders()) for _ in range(3)] == [30] * 3
    assert [each for each in asked if each] == [30]
    # What it says counts for that block alone.
    world.set_code(wallet, BREAKS)
    world.relay.publish(good)
    index.catch_up()
    assert [each.signed for each in index.open_orders()] == [good]
    assert [each for each in asked if each] == [30, 30]


def test_wallets_that_burn_everything_do_not_hold_the_book(world: World, index: Index) -> None:
    """One says yes after a million units of gas, and is not heard that long; the other never ends."""
    good = world.ann.sign(draft(world))
    for wallet, code in (("0x" + "ab" * 20, YES_AFTER_A_MILLION), ("0x" + "cd" * 20, NEVER_ENDS)):
        world.set_code(wallet, code)
        orders = [replace(good.order, maker=wallet, nonce=pack_nonce(0, 0, n)) for n in range(60)]
        world.relay.publish(*[replace(good, order=order, signature=b"any") for order in orders])
    world.relay.publish(good)
    index.catch_up()
    assert index.status().rows["orders"] == 121
    assert [each.signed for each in index.open_orders()] == [good]
