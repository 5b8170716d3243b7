"""Orders taken, matched, settled in rings and batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eth_account.signers.local import LocalAccount
from web3.contract import Contract

from benchmarks.chain import Chain, Cost, System
from benchmarks.ours.solved import SOLVED_BRANDS, SOLVED_ORDERS, solved_book, solved_settlement
from benchmarks.ours.suite import (
    NOBODY,
    PARTIAL_LANE,
    WHOLE_LANE,
    SignedOrder,
    Suite,
    contract,
    deploy,
    system,
)
from benchmarks.records import Record
from benchmarks.rings import BATCH_OF_30, BATCH_OF_30_SHAPE, PAIR, RING_OF_THREE, Link
from benchmarks.tokens import ONE

_HELD = 1_000 * ONE
_GIVE, _WANT = 3 * ONE, 2 * ONE
_EACH = 4 * ONE
_PARTS = 4
_FIRST, _IN_USE = "first nonce word", "nonce word in use"


def measure(chain: Chain) -> Iterator[Record]:
    """All that the peers can do, under the same keys."""
    suite, ours = deploy(chain), system()
    origin = f"both bounds set, 65-byte signatures; {contract('exchange/PointsExchange').origin}"
    parts = (
        _take,
        _take_partial,
        _settle,
        _settle_partial,
        _settle_uneven,
        _solved,
        _relayed_pair,
        _acts,
    )
    for part in parts:
        with chain.undone():
            yield from part(suite, ours, origin)


def _take(suite: Suite, ours: System, origin: str) -> Iterator[Record]:
    chain = suite.chain
    give, want = suite.tokens(2)
    maker, taker, customer = (chain.account(label) for label in ("maker", "taker", "customer who signs"))
    suite.fund([maker, taker], [give, want], _HELD)
    suite.fund([customer], [give], _HELD)

    def take(signer: LocalAccount, index: int, sender: LocalAccount = taker) -> Cost:
        order = suite.sign_order(signer, give, _GIVE, want, _WANT, nonce=WHOLE_LANE + index)
        return _take_call(suite, order, _GIVE, sender)

    how = f"take; {origin}"
    for index, (operation, state) in enumerate((("take-order-first", _FIRST), ("take-order", _IN_USE))):
        cost = take(maker, index)
        yield ours.record(operation, cost, state=f"existing holders, {state}", how=how, per="order")
    state = "new holder of what she gets, {}; she signs one order and nothing else; the taker traded before"
    cost = take(customer, 0)
    how = f"take by somebody else: no approval and no ether of hers; {origin}"
    for operation in ("first-trade", "first-trade-signed", "first-trade-no-ether"):
        yield ours.record(operation, cost, state=state.format(_FIRST), how=how, per="customer")
    taking = chain.account("customer who takes")
    suite.fund([taking], [want], _HELD)
    cost = take(maker, 2, taking)
    state = "she takes: new holder of what she gets, no approval needed; the maker traded before"
    yield ours.record("first-trade-taking", cost, state=state, how=f"take by her; {origin}", per="customer")


def _take_call(suite: Suite, order: SignedOrder, amount: int, sender: LocalAccount) -> Cost:
    call = suite.exchange.functions.take(order.order, order.signature, amount, suite.living_until())
    return suite.chain.send(call, sender.address)


def _take_partial(suite: Suite, ours: System, origin: str) -> Iterator[Record]:
    chain = suite.chain
    give, want = suite.tokens(2)
    maker, taker = chain.account("maker"), chain.account("taker")
    suite.fund([maker, taker], [give, want], _HELD)
    order = suite.sign_order(
        maker, give, _PARTS * _GIVE, want, _PARTS * _WANT, nonce=PARTIAL_LANE, allow_partial=True
    )
    for suffix, state in (("-first", "first"), ("", "second")):
        cost = _take_call(suite, order, _GIVE, taker)
        how = f"take with a quarter of the order; {origin}"
        state = f"existing holders, {state} fill of the order"
        yield ours.record(f"take-partial{suffix}", cost, state=state, how=how, per="order")


def _orders(
    suite: Suite,
    links: Sequence[Link],
    makers: Sequence[LocalAccount],
    held: Sequence[Contract],
    nonce: int,
    *,
    partial: bool = False,
    only_takers: Sequence[str] | None = None,
) -> list[SignedOrder]:
    return [
        suite.sign_order(
            maker,
            held[link.give],
            _EACH,
            held[link.want],
            _EACH,
            nonce=nonce,
            allow_partial=partial,
            only_taker=only_takers[index] if only_takers else NOBODY,
        )
        for index, (maker, link) in enumerate(zip(makers, links, strict=True))
    ]


def _settle_call(
    suite: Suite, orders: Sequence[SignedOrder], transfers: Sequence[tuple[int, int, int]]
) -> Cost:
    call = suite.exchange.functions.settle(
        [order.order for order in orders], [order.signature for order in orders], list(transfers)
    )
    return suite.chain.send(call, suite.chain.address("solver"))


def _straight(links: Sequence[Link], amount: int) -> list[tuple[int, int, int]]:
    return [(index, link.to, amount) for index, link in enumerate(links)]


def _settle(suite: Suite, ours: System, origin: str) -> Iterator[Record]:
    chain = suite.chain
    for operation, links, shape in (
        ("match-two", PAIR, "two orders"),
        ("ring-of-three", RING_OF_THREE, "a ring of three orders"),
        ("batch-of-30", BATCH_OF_30, f"30 orders of 30 makers over 4 brands: {BATCH_OF_30_SHAPE}"),
    ):
        with chain.undone():
            held = suite.tokens(1 + max(link.give for link in links))
            makers = chain.accounts("maker", len(links))
            how = f"settle of {shape}, by a third party; {origin}"
            transfers = _straight(links, _EACH)

            def settle(nonce: int) -> Cost:
                orders = _orders(suite, links, makers, held, nonce)  # noqa: B023 - called in this turn only
                return _settle_call(suite, orders, transfers)  # noqa: B023

            with chain.undone():
                for link, maker in zip(links, makers, strict=True):
                    suite.fund([maker], [held[link.give]], _HELD)
                yield ours.record(
                    f"{operation}-new",
                    settle(WHOLE_LANE),
                    state=f"new holders of what they get, {_FIRST}",
                    how=how,
                    per="order",
                    count=len(links),
                )
            suite.fund(makers, held, _HELD)
            for index, (suffix, state) in enumerate((("-first", _FIRST), ("", _IN_USE))):
                yield ours.record(
                    f"{operation}{suffix}",
                    settle(WHOLE_LANE + index),
                    state=f"existing holders, {state}",
                    how=how,
                    per="order",
                    count=len(links),
                )


def _settle_partial(suite: Suite, ours: System, origin: str) -> Iterator[Record]:
    held, makers = suite.tokens(2), suite.chain.accounts("maker", 2)
    suite.fund(makers, held, _HELD)
    orders = _orders(suite, PAIR, makers, held, PARTIAL_LANE, partial=True)
    for suffix, state in (("-first", "first"), ("", "second")):
        cost = _settle_call(suite, orders, _straight(PAIR, _EACH // _PARTS))
        how = f"settle with a quarter of two orders, by a third party; {origin}"
        state = f"existing holders, {state} fill of both orders"
        yield ours.record(f"match-two-partial{suffix}", cost, state=state, how=how, per="order", count=2)


def _settle_uneven(suite: Suite, ours: System, origin: str) -> Iterator[Record]:
    """The batch again, but each order is fed by two others: nearly twice as many transfers."""
    chain = suite.chain
    held, makers = suite.tokens(4), chain.accounts("maker", len(BATCH_OF_30))
    suite.fund(makers, held, _HELD)
    transfers = list(_two_sources(BATCH_OF_30))
    for index in range(2):
        orders = _orders(suite, BATCH_OF_30, makers, held, WHOLE_LANE + index)
        cost = _settle_call(suite, orders, transfers)
    how = f"settle of 30 orders of 30 makers over 4 brands with {len(transfers)} transfers; {origin}"
    yield ours.record(
        "batch-of-30-uneven",
        cost,
        state=f"existing holders, {_IN_USE}",
        how=how,
        per="order",
        count=len(BATCH_OF_30),
    )


def _two_sources(links: Sequence[Link]) -> Iterator[tuple[int, int, int]]:
    """Each order gives a half to the one it feeds, and a half to the next one that wants the same."""
    for token in sorted({link.give for link in links}):
        givers = [index for index, link in enumerate(links) if link.give == token]
        takers = [links[index].to for index in givers]
        for turn, giver in enumerate(givers):
            yield giver, takers[turn], _EACH // 2
            yield giver, takers[(turn + 1) % len(takers)], _EACH // 2


def _solved(suite: Suite, ours: System, origin: str) -> Iterator[Record]:
    """A settlement of 30 orders, as the solver makes it of a book of ring-rich, uneven orders in parts."""
    chain = suite.chain
    held = suite.tokens(SOLVED_BRANDS)
    ends = suite.living_until(), suite.expiry(held[0])
    book = solved_book(*ends)
    settlement = solved_settlement(book, SOLVED_ORDERS)
    makers = chain.accounts("maker", len(book.maker))
    orders = []
    for row in settlement.orders.tolist():
        give, want = held[book.give[row]], held[book.want[row]]
        suite.fund([makers[row]], [give, want], _HELD)
        # Each is there for twice what the batch takes of it: the same settlement runs twice.
        amounts = 2 * int(book.give_amount[row]), 2 * int(book.want_amount[row])
        orders.append(
            suite.sign_order(
                makers[row], give, amounts[0], want, amounts[1], nonce=PARTIAL_LANE, allow_partial=True
            )
        )
    transfers = [(giver, taker, units) for giver, taker, units in settlement.transfers.tolist()]
    how = (
        f"settle of {len(orders)} orders in parts over {SOLVED_BRANDS} brands, as the solver made them of a"
        f" book, with {len(transfers)} transfers, by a third party; {origin}"
    )
    for suffix, state in (("-first", _FIRST), ("", _IN_USE)):
        yield ours.record(
            f"solver-batch{suffix}",
            _settle_call(suite, orders, transfers),
            state=f"existing holders, {state}",
            how=how,
            per="order",
            count=len(orders),
        )


def _relayed_pair(suite: Suite, ours: System, origin: str) -> Iterator[Record]:
    held, makers = suite.tokens(2), suite.chain.accounts("maker", 2)
    suite.fund(makers, held, _HELD)
    each_other = [makers[1].address, makers[0].address]
    for index, (suffix, state) in enumerate((("-first", _FIRST), ("", _IN_USE))):
        orders = _orders(suite, PAIR, makers, held, WHOLE_LANE + index, only_takers=each_other)
        cost = _settle_call(suite, orders, _straight(PAIR, _EACH))
        how = f"settle by a third party of two orders that name each other; {origin}"
        yield ours.record(
            f"relayed-pair{suffix}",
            cost,
            state=f"existing holders, {state}",
            how=how,
            per="customer",
            count=2,
        )


def _acts(suite: Suite, ours: System, origin: str) -> Iterator[Record]:
    chain = suite.chain
    give, want = suite.tokens(2)
    maker = chain.account("maker")
    order = suite.sign_order(maker, give, _GIVE, want, _WANT, nonce=WHOLE_LANE)
    cost = chain.send(suite.order_book.functions.publish([order.order], [order.signature]))
    yield ours.record(
        "publish-order", cost, state="nothing is stored", how=f"OrderBook.publish; {origin}", per="order"
    )
    for index, (suffix, state) in enumerate((("-first", _FIRST), ("", _IN_USE))):
        cost = chain.send(suite.exchange.functions.cancel([WHOLE_LANE + index], []), maker.address)
        yield ours.record(f"cancel-order{suffix}", cost, state=state, how=f"cancel by the maker; {origin}")
