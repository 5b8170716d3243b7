"""From the open book to a batch, and from a cleared batch to settlements and a record of it.

The rules by which an order belongs to a batch are docs/clearing.md's: anybody who reads the log and the state
of the same block comes to the same batch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from eth_utils.crypto import keccak

from troc.abi import answer_words, call_data, words_call
from troc.chain import Chain
from troc.errors import NetworkError, OrderError
from troc.market.clearing import Batch, Clearing, Holdings, Settlement, Split, clear, split
from troc.market.clearing.batch import FOR_EVER, Integers
from troc.market.clearing.certificate import Certificate, certify
from troc.market.clearing.market import book_of, market_of
from troc.market.records import SMOOTHING_DECIMALS, PricedGood, Record, commitment
from troc.messages import KIND_POINTS, ZERO_ADDRESS, Domain, Order
from troc.orders import LONGEST_OPEN
from troc.signatures import are_signed_by_contracts

MOST_UNITS = 2**56
"""Orders with an amount of this many smallest units or more are left out: no account can hold them."""

SETTLE_SECONDS = 20 * 60
"""How long after its block a batch is to be settled, unless said otherwise."""

ORDERS_A_SETTLEMENT = 30
"""Few enough that a maker who moves her points spoils little, enough that the 21,000 gas of a transaction
count for little.
"""

MOST_ORDERS = 400
"""In one settlement: what a transaction of 2^24 gas (EIP-7825) has room for."""

LOST = 100
"""Cutting may lose one in so many of the surplus."""

_MOST_DATA = 120 * 1024
"""Bytes of a record that nodes let pass as one transaction, with some to spare."""

Lots = dict[tuple[str, str], list[tuple[int, int]]]
"""What makers can pay with: (expiry, units) of each lot by (maker, token)."""


class Candidate(NamedTuple):
    """An order that was published and well signed when it was read; `by_key`: by its maker's own key, so that
    it stays so.
    """

    digest: bytes
    order: Order
    signature: bytes
    by_key: bool


class Closing(NamedTuple):
    """The block that a batch is made from, and until when (Unix seconds) the batch is to be settled."""

    block: int
    hash: bytes
    time: int
    settle_by: int


@dataclass(frozen=True)
class Gathered:
    """A batch and where it comes from: the orders that were open and payable, ascending by digest.

    `tokens` and `makers` are what the numbers in `batch` stand for; makers without an order are takers whom
    an order names.
    """

    closing: Closing
    orders: tuple[Candidate, ...]
    tokens: tuple[str, ...]
    makers: tuple[str, ...]
    batch: Batch


@dataclass(frozen=True)
class PlannedSettlement:
    """One call of the exchange: `data` is its calldata. `places` are its orders by their places in the batch,
    `transfers` (giver, receiver, units) by their places among these.
    """

    places: tuple[int, ...]
    transfers: tuple[tuple[int, int, int], ...]
    data: bytes

    @property
    def hash(self) -> bytes:
        """What names it in a record."""
        return keccak(self.data)


@dataclass(frozen=True)
class Solution:
    """A cleared batch, its settlements, and what is to be published of it.

    `given` and `received` by order are what the settlements make: where the clearing was cut, a few units
    less than it says.
    """

    gathered: Gathered
    clearing: Clearing
    given: Integers
    received: Integers
    settlements: tuple[PlannedSettlement, ...]
    record: Record


class Batches:
    """Makes batches of one deployment. `exchange` is the EIP-712 domain of its exchange."""

    def __init__(self, chain: Chain, exchange: Domain) -> None:
        self._chain = chain
        self._domain = exchange
        self._contract = chain.contract("PointsExchange", exchange.verifying_contract)

    # --------------------------------------------------------------------------------------------- gathering

    def close(self, block: int, settle_seconds: int = SETTLE_SECONDS) -> Closing:
        """A block, as what a batch is made from."""
        number, hash_, time = self._chain.header(block)
        return Closing(number, hash_, time, time + settle_seconds)

    def gather(
        self,
        published: Sequence[Candidate],
        launched: Collection[str],
        closing: Closing,
        leave_out: Collection[str] = (),
    ) -> Gathered:
        """The batch of a block.

        `published` are well-signed orders in the sequence in which they were first published, `launched` the
        tokens that `Brands` launched. `leave_out` are contract wallets that say one thing when asked and
        another in a settlement. Raises `NetworkError` where the chain drops the block meanwhile.
        """
        sensible = [
            each
            for each in published
            if each.order.maker not in leave_out and _is_sensible(each.order, launched, closing)
        ]
        # Of orders that exclude each other the last one counts: a maker who changes her mind publishes anew.
        latest = {(each.order.maker, each.order.allow_partial, each.order.nonce): each for each in sensible}
        candidates = sorted(latest.values(), key=lambda each: each.digest)
        left = self._left([each.order for each in candidates], closing.block)
        open_ = [(each, units) for each, units in zip(candidates, left, strict=True) if units]
        lots = self._lots([each.order for each, _ in open_], closing)
        payable = [
            (each, units)
            for each, units in open_
            if _is_payable(each.order, lots[each.order.maker, each.order.give_token])
        ]
        denied = self._denied([each for each, _ in payable if not each.by_key], closing)
        kept = [(each, units) for each, units in payable if each.digest not in denied]
        if self._chain.header(closing.block).hash != closing.hash:
            raise NetworkError(f"the chain dropped block {closing.block:,} while it was read", "run it again")
        return arrange(closing, kept, lots)

    def _denied(self, candidates: Sequence[Candidate], closing: Closing) -> set[bytes]:
        """Digests of the orders of contracts that do not say that they signed them."""
        answers = are_signed_by_contracts(
            self._chain,
            [(each.order.maker, each.digest, each.signature) for each in candidates],
            asker=self._domain.verifying_contract,
            block=closing.block,
        )
        return {each.digest for each, signed in zip(candidates, answers, strict=True) if not signed}

    def _left(self, orders: Sequence[Order], block: int) -> list[int]:
        """What the exchange says that orders can still give."""
        calls = [
            (self._contract.address, words_call("PointsExchange", "remainingOf", *order.as_tuple()))
            for order in orders
        ]
        return [int.from_bytes(answer) for answer in self._chain.call_many(calls, block)]

    def _lots(self, orders: Sequence[Order], closing: Closing) -> Lots:
        """What makers hold of what they give and can pay with, by (maker, token)."""
        exchange = self._domain.verifying_contract
        pairs = list(dict.fromkeys((order.maker, order.give_token) for order in orders))
        calls = []
        for maker, token in pairs:
            calls.append((token, words_call("LoyaltyToken", "lotsOf", maker)))
            calls.append((token, words_call("LoyaltyToken", "allowance", maker, exchange)))
        answers = self._chain.call_many(calls, closing.block)
        lots: Lots = {}
        for place, pair in enumerate(pairs):
            amounts, allowed = answer_words(answers[2 * place]), any(answers[2 * place + 1])
            lots[pair] = [
                (expiry, units)
                for units, expiry in zip(amounts[:4], amounts[4:8], strict=True)
                if units and allowed and expiry > closing.settle_by
            ]
        return lots

    # ----------------------------------------------------------------------------------------------- solving

    def solve(self, gathered: Gathered, most_orders: int = ORDERS_A_SETTLEMENT) -> Solution:
        """Clear a batch, cut it into settlements of so many orders, and say what is to be published.

        Settlements are made larger, up to what a block holds, where cutting would lose more than a hundredth
        of the surplus. Raises `OrderError` where the record would not fit a transaction.
        """
        clearing = clear(gathered.batch)
        solution = self._cut(gathered, clearing, most_orders)
        while (
            LOST * (clearing.surplus - solution.record.surplus) > clearing.surplus
            and most_orders < MOST_ORDERS
        ):
            most_orders = min(2 * most_orders, MOST_ORDERS)
            larger = self._cut(gathered, clearing, most_orders)
            solution = max(solution, larger, key=lambda each: each.record.surplus)
        return solution

    def cut(self, solution: Solution, most_orders: int) -> Solution:
        """The same in settlements of another size."""
        return self._cut(solution.gathered, solution.clearing, most_orders)

    def _cut(self, gathered: Gathered, clearing: Clearing, most_orders: int) -> Solution:
        found = split(gathered.batch, clearing, most_orders)
        settlements = tuple(self._plan(gathered, each) for each in found.settlements)
        record = _record(gathered, clearing, _certificate(gathered.batch, clearing, found), settlements)
        if 32 * (4 * len(record.goods) + len(record.settlements)) > _MOST_DATA:
            raise OrderError(
                f"the batch has {len(settlements):,} settlements, more than one record can list",
                f"let each have more orders, as in --orders {2 * most_orders}",
            )
        return Solution(gathered, clearing, found.given, found.received, settlements, record)

    def _plan(self, gathered: Gathered, settlement: Settlement) -> PlannedSettlement:
        places = tuple(settlement.orders.tolist())
        transfers = tuple((giver, taker, units) for giver, taker, units in settlement.transfers.tolist())
        orders = [gathered.orders[place] for place in places]
        data = call_data(
            "PointsExchange",
            "settle",
            [each.order.as_tuple() for each in orders],
            [each.signature for each in orders],
            transfers,
        )
        return PlannedSettlement(places, transfers, data)


def _certificate(batch: Batch, clearing: Clearing, found: Split) -> Certificate:
    """The certificate of what the settlements make of a clearing."""
    book = book_of(batch)
    market = market_of(book)
    known = {good: place for place, good in enumerate(clearing.goods)}
    places = [known.get(good, -1) for good in market.goods]
    return certify(
        market,
        [clearing.prices[place] if place >= 0 else 0 for place in places],
        [clearing.groups[place] if place >= 0 else -1 for place in places],
        round(clearing.smoothing * 10**SMOOTHING_DECIMALS),
        found.given[book.rows],
        found.received[book.rows],
    )


def _record(
    gathered: Gathered,
    clearing: Clearing,
    certificate: Certificate,
    settlements: Sequence[PlannedSettlement],
) -> Record:
    closing = gathered.closing
    return Record(
        closed_at=closing.block,
        closed_hash=closing.hash,
        settle_by=closing.settle_by,
        orders=len(gathered.orders),
        orders_hash=commitment(each.digest for each in gathered.orders),
        goods=tuple(
            PricedGood(gathered.tokens[good.token], good.living_until, price, group)
            for good, price, group in zip(clearing.goods, clearing.prices, clearing.groups, strict=True)
        ),
        smoothing=round(clearing.smoothing * 10**SMOOTHING_DECIMALS),
        surplus=certificate.surplus,
        bound=certificate.bound,
        unfilled=certificate.unfilled,
        settlements=tuple(each.hash for each in settlements),
    )


def _is_sensible(order: Order, launched: Collection[str], closing: Closing) -> bool:
    """Whether an order may belong to a batch, apart from what its maker holds."""
    return (
        order.give_kind == order.want_kind == KIND_POINTS
        and order.give_id == order.want_id == 0
        and order.give_token in launched
        and order.want_token in launched
        and order.give_token != order.want_token
        and 0 < order.give_amount < MOST_UNITS
        and 0 < order.want_amount < MOST_UNITS
        and order.only_taker != order.maker
        and closing.settle_by <= order.open_until <= closing.time + LONGEST_OPEN
    )


def _is_payable(order: Order, lots: Sequence[tuple[int, int]]) -> bool:
    bound = order.give_points_expiring_by
    held = sum(units for expiry, units in lots if not bound or expiry <= bound)
    return held >= (1 if order.allow_partial else order.give_amount)


def arrange(closing: Closing, kept: Sequence[tuple[Candidate, int]], lots: Lots) -> Gathered:
    """The arrays of a batch."""
    orders = [each.order for each, _ in kept]
    tokens = list(dict.fromkeys(token for order in orders for token in (order.give_token, order.want_token)))
    makers = list(
        dict.fromkeys(
            [order.maker for order in orders]
            + [order.only_taker for order in orders if order.only_taker != ZERO_ADDRESS]
        )
    )
    token_at = {token: place for place, token in enumerate(tokens)}
    maker_at = {maker: place for place, maker in enumerate(makers)}
    held = [
        (maker_at[maker], token_at[token], min(expiry, FOR_EVER), units)
        for (maker, token), found in lots.items()
        if maker in maker_at and token in token_at
        for expiry, units in found
    ]
    rows = np.array(held, dtype=np.int64).reshape(len(held), 4)

    def column(values: Iterable[int]) -> Integers:
        return np.fromiter(values, dtype=np.int64, count=len(orders))

    batch = Batch(
        ids=np.frombuffer(b"".join(each.digest for each, _ in kept), dtype=np.uint8).reshape(-1, 32),
        maker=column(maker_at[order.maker] for order in orders),
        give=column(token_at[order.give_token] for order in orders),
        want=column(token_at[order.want_token] for order in orders),
        give_amount=column(order.give_amount for order in orders),
        want_amount=column(order.want_amount for order in orders),
        left=column(left for _, left in kept),
        give_expiring_by=column(
            _bound(order.give_points_expiring_by, lots[order.maker, order.give_token]) for order in orders
        ),
        want_living_until=column(min(order.want_points_living_until, FOR_EVER) for order in orders),
        whole=np.array([not order.allow_partial for order in orders], dtype=np.bool_),
        only=column(
            -1 if order.only_taker == ZERO_ADDRESS else maker_at[order.only_taker] for order in orders
        ),
        holdings=Holdings(*(np.ascontiguousarray(rows[:, place]) for place in range(4))),
        tokens=len(tokens),
    )
    return Gathered(closing, tuple(each for each, _ in kept), tuple(tokens), tuple(makers), batch)


def _bound(bound: int, lots: Sequence[tuple[int, int]]) -> int:
    """A bound on expiry beside expiries that are cut off at `FOR_EVER`."""
    if bound < FOR_EVER:
        return bound
    return 0 if bound >= max(expiry for expiry, _ in lots) else FOR_EVER - 1
