"""A batch, checked by somebody who trusts neither solver nor index.

Recomputes what a record says (`troc.market.records`) by the formulas of docs/clearing.md, from the log and
from the state of the block that the batch was made from. Shares no code with the solver: everything here is
written anew, in Python's own integers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from eth_utils.crypto import keccak

from troc import words
from troc.chain import Chain
from troc.market.evidence import Evidence, Move, OpenOrder, Settled
from troc.market.records import CalledSettlement, PricedGood, Published, Record, commitment
from troc.messages import ZERO_ADDRESS

ONE = 10**18
"""A price of 1, and a smoothing of 1."""

LONGEST_WINDOW = words.HOUR
"""Seconds between the block that a batch was made from and the time until which it is to be settled. A longer
window would leave out orders that could well be settled.
"""

UNEVEN = Fraction(3, 10_000)
"""An order's rate may differ from the published one by this much of what it trades; and all that some get
less by, beyond that, may be this much of what all trade.
"""

UNEVEN_UNITS = 2
"""And by as many smallest units on either side, since nothing smaller can be paid."""

PASSED_OVER = Fraction(1, 100)
"""Orders that allow parts and are better than the prices may go without, while others that ask for more are
filled, for at most this much of all that was traded.
"""

_TRIED = 400
"""Among so many orders the one that was left out is looked for."""


class Verdict(StrEnum):
    """What became of a check."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNTOLD = "cannot be told"


@dataclass(frozen=True)
class Item:
    """One check: its name, what became of it, and why, for people."""

    name: str
    verdict: Verdict
    text: str

    def as_json(self) -> dict[str, str]:
        """For `--json`."""
        return {"name": self.name, "verdict": str(self.verdict), "text": self.text}


@dataclass(frozen=True)
class Figures:
    """What the settlements that happened make of a batch, in units of the prices: S, S*, U, V and the
    deviation of docs/clearing.md.
    """

    surplus: int
    bound: int
    unfilled: int
    traded: int
    deviation: int


@dataclass(frozen=True)
class BatchAudit:
    """All checks of one record. `settled` are the transactions of its settlements that happened; `figures` is
    None where the state that they rest on is gone.
    """

    published: Published
    items: tuple[Item, ...]
    settled: tuple[str, ...]
    figures: Figures | None

    @property
    def holds(self) -> bool:
        """Whether nothing that could be checked fails."""
        return all(item.verdict is not Verdict.FAILS for item in self.items)


def audit_batch(chain: Chain, evidence: Evidence, published: Published) -> BatchAudit:
    """Check one record."""
    record = published.record
    block = _check_block(chain, evidence, published)
    calls = evidence.calls_since(min(record.closed_at, published.block))
    mine, found = _find(chain, published, calls)
    settled = [done for call in mine if (done := evidence.settled(call)) is not None]
    items = [block, _check_id(published), found, _check_limits(settled), _check_balance(settled)]
    figures = None
    if block.verdict is Verdict.HOLDS:
        in_it, orders = _check_orders(record, evidence.orders_of(record))
        complete = len(settled) == len(set(record.settlements))
        market = Market(orders, record, settled)
        figures = market.figures
        items += [
            in_it,
            _check_members(settled, orders),
            market.check_goods(),
            market.check_rates(),
            market.check_surplus(complete),
            market.check_bound(),
            market.check_unfilled(complete),
            market.check_passed_over(complete),
            _check_outside(evidence, published, orders, settled),
        ]
    else:
        items += [
            Item(name, Verdict.UNTOLD, "it rests on the state of another block")
            for name in ("orders", "members", "prices", "rates", "surplus", "bound", "unfilled", "fairness")
        ]
    return BatchAudit(published, tuple(items), tuple(done.call.transaction for done in settled), figures)


def _item(name: str, faults: Sequence[str], good: str) -> Item:
    if not faults:
        return Item(name, Verdict.HOLDS, good)
    more = f", and {len(faults) - 3:,} more like it" if len(faults) > 3 else ""
    return Item(name, Verdict.FAILS, "; ".join(faults[:3]) + more)


def _short(hash_: bytes) -> str:
    return "0x" + hash_[:6].hex()


# ---------------------------------------------------------------------------------- what needs no old state


def _check_block(chain: Chain, evidence: Evidence, published: Published) -> Item:
    record = published.record
    if record.closed_at >= published.block:
        return Item(
            "block", Verdict.FAILS, f"made from block {record.closed_at:,}, which came after it was published"
        )
    if evidence.hash_of(record.closed_at) != record.closed_hash:
        return Item(
            "block",
            Verdict.FAILS,
            f"the chain has another block {record.closed_at:,} than the one it was made from: the chain was"
            " reorganised, or there never was such a block",
        )
    time = chain.time_of(record.closed_at)
    window = record.settle_by - time
    faults = []
    if not 0 < window <= LONGEST_WINDOW:
        faults.append(
            f"it counts what is open {window:,} seconds after block {record.closed_at:,}: between 1 and"
            f" {LONGEST_WINDOW:,} are allowed"
        )
    # Whoever could go back to any old block could choose which orders are in the batch.
    late = chain.time_of(published.block) - record.settle_by
    if late > 0:
        faults.append(f"it was published {late:,} seconds after the time until which it was to be settled")
    return _item(
        "block",
        faults,
        f"made from block {record.closed_at:,}, {words.moment(time)}, for {window:,} seconds",
    )


def _check_id(published: Published) -> Item:
    right = published.record.id_for(published.solver) == published.batch_id
    return _item(
        "record",
        [] if right else ["its id is not the hash of what it says"],
        "its id is the hash of what it says",
    )


def _find(
    chain: Chain, published: Published, calls: Iterable[CalledSettlement]
) -> tuple[list[CalledSettlement], Item]:
    """The settlements of a record that happened in its time, each once, and what is to say of them."""
    said = published.record.settlements
    first: dict[bytes, CalledSettlement] = {}
    faults = []
    again = late = 0
    for call in calls:
        hash_ = keccak(call.data)
        if hash_ not in said:
            continue
        if (call.block, call.position) < (published.block, published.position):
            faults.append(f"{call.transaction} settled a part of it before it was published")
        elif hash_ in first:
            again += 1
        elif chain.time_of(call.block) > published.record.settle_by:
            late += 1
        else:
            first[hash_] = call
    if len(set(said)) < len(said):
        faults.append("it lists a settlement twice")
    text = f"{len(first):,} of {words.count(len(set(said)), 'settlement')} happened"
    if again:
        text += f"; {words.count(again, 'repetition')} by whoever sent them again, which are not counted"
    if late:
        text += f"; {words.count(late, 'settlement')} came too late, by whoever sent it, and is not counted"
    return list(first.values()), _item("settlements", faults, text)


def _check_limits(settled: Sequence[Settled]) -> Item:
    """Each order gives what it said and receives its price, by what was called and by the exchange's log."""
    faults = []
    fills = 0
    for done in settled:
        given: Counter[int] = Counter()
        received: Counter[int] = Counter()
        for giver, receiver, units in done.transfers:
            given[giver] += units
            received[receiver] += units
        told = [(hash_, given[place], received[place]) for place, hash_ in enumerate(done.digests)]
        if sorted(told) != sorted(done.fills):
            faults.append(f"{done.call.transaction} says something else than the exchange's log")
        for place, order in enumerate(done.orders):
            fills += 1
            name = _short(done.digests[place])
            if received[place] * order.give_amount < given[place] * order.want_amount:
                faults.append(
                    f"order {name} received {received[place]:,} for {given[place]:,}, below its price"
                )
            if not order.allow_partial and given[place] != order.give_amount:
                faults.append(f"order {name} gave {given[place]:,}, and all or nothing was its word")
            if not 0 < given[place] <= order.give_amount:
                faults.append(f"order {name} gave {given[place]:,} of {order.give_amount:,}")
    return _item("limits", faults, f"each of {words.count(fills, 'fill')} is at its maker's price or better")


def _check_balance(settled: Sequence[Settled]) -> Item:
    """What the tokens moved is what was called for, from maker to maker, and nothing stayed anywhere else."""
    faults = []
    tokens = set()
    for done in settled:
        size = len(done.orders)
        meant: Counter[tuple[str, str, str]] = Counter()
        for giver, receiver, units in done.transfers:
            if size in (giver, receiver):
                faults.append(f"in {done.call.transaction} its sender trades without an order")
                token = done.orders[receiver].want_token if giver == size else done.orders[giver].give_token
            else:
                token = done.orders[giver].give_token
            sender = done.call.sender
            parties = [sender if place == size else done.orders[place].maker for place in (giver, receiver)]
            meant[token, parties[0], parties[1]] += units
            tokens.add(token)
        moved: Counter[tuple[str, str, str]] = Counter()
        for move in done.moves:
            moved[move.token, move.giver, move.receiver] += move.units
        if moved != meant:
            faults.append(f"{done.call.transaction} moved something else than its list of transfers says")
        net = _net(done.moves)
        makers = {order.maker for order in done.orders}
        for (token, account), units in net.items():
            if units and account not in makers:
                faults.append(f"{units:,} units of {token} went to {account}, who has no order there")
    return _item(
        "balance",
        list(dict.fromkeys(faults)),
        f"what was given of {words.count(len(tokens), 'token')} is what was received, and nobody kept any",
    )


def _net(moves: Iterable[Move]) -> Counter[tuple[str, str]]:
    net: Counter[tuple[str, str]] = Counter()
    for move in moves:
        net[move.token, move.giver] -= move.units
        net[move.token, move.receiver] += move.units
    return net


# --------------------------------------------------------------------------------------- whose batch it was


def _check_orders(record: Record, orders: Sequence[OpenOrder]) -> tuple[Item, list[OpenOrder]]:
    """Whether all that were open are in the batch; and those that count as the batch from here on.

    A contract can say that it signed when it is asked, and not in a settlement: whether it was left out
    rightly cannot be seen afterwards.
    """

    def is_made_from(some: Sequence[OpenOrder]) -> bool:
        return len(some) == record.orders and commitment(each.digest for each in some) == record.orders_hash

    if is_made_from(orders):
        text = f"all {words.count(len(orders), 'order')} that were open and payable are in it"
        return Item("orders", Verdict.HOLDS, text), list(orders)
    wallets = {order.order.maker for order in orders if order.by_contract}
    for out in [*({wallet} for wallet in sorted(wallets)), wallets]:
        rest = [order for order in orders if order.order.maker not in out]
        if out and is_made_from(rest):
            text = (
                f"{words.count(len(orders) - len(rest), 'order')} of {words.listed(sorted(out))} left out;"
                " contracts signed for them, and what they would have said in a settlement is not known"
            )
            return Item("orders", Verdict.UNTOLD, text), rest
    fault = (
        f"it was made from {words.count(record.orders, 'order')}, and {len(orders):,} were open and payable"
        if record.orders != len(orders)
        else f"its {words.count(record.orders, 'order')} are not those that were open and payable"
    )
    if record.orders == len(orders) - 1 and len(orders) <= _TRIED:
        for order in orders:
            if is_made_from([each for each in orders if each is not order]):
                fault += f": order {_short(order.digest)} was left out"
    return Item("orders", Verdict.FAILS, fault), list(orders)


def _check_members(settled: Sequence[Settled], orders: Sequence[OpenOrder]) -> Item:
    known = {order.digest: order for order in orders}
    given: Counter[bytes] = Counter()
    faults = []
    for done in settled:
        for hash_, units, _ in done.fills:
            given[hash_] += units
            if hash_ not in known:
                faults.append(f"order {_short(hash_)} was settled and is none of the batch's")
    for hash_, units in given.items():
        if hash_ in known and units > known[hash_].left:
            faults.append(f"order {_short(hash_)} gave {units:,}, and {known[hash_].left:,} were left of it")
    return _item("members", list(dict.fromkeys(faults)), "every order that was settled belonged to the batch")


def _check_outside(
    evidence: Evidence, published: Published, orders: Sequence[OpenOrder], settled: Sequence[Settled]
) -> Item:
    """What became of the batch's orders beside its settlements: anybody may take an open order any time."""
    mine = {done.call.transaction for done in settled}
    ours = {order.digest for order in orders}
    fills = evidence.fills_since(published.record.closed_at + 1)
    elsewhere = {
        hash_
        for hash_, found in fills.items()
        if hash_ in ours and any(transaction not in mine for transaction, _, _ in found)
    }
    text = (
        f"{words.count(len(elsewhere), 'order')} of the batch was filled elsewhere since it was made"
        if len(elsewhere) == 1
        else f"{len(elsewhere):,} orders of the batch were filled elsewhere since it was made"
    )
    return Item("elsewhere", Verdict.HOLDS, text if elsewhere else "no order of it was filled elsewhere")


# ------------------------------------------------------------------------------------------------ the market


class _Heap(NamedTuple):
    """Points of one maker and one good that exactly the same of her orders may give."""

    good: PricedGood
    units: int
    orders: frozenset[bytes]


class _Offer(NamedTuple):
    order: OpenOrder
    buys: PricedGood
    heap: _Heap
    units: int

    @property
    def gain(self) -> int:
        """Its margin for a unit, times what the order gives in all."""
        return self.heap.good.price * self.order.order.give_amount - self.cost

    @property
    def cost(self) -> int:
        return self.buys.price * self.order.order.want_amount


class Market:
    """A batch at its published prices: docs/clearing.md, "What is published, exactly"."""

    def __init__(self, orders: Sequence[OpenOrder], record: Record, settled: Sequence[Settled]) -> None:
        self._record = record
        self._goods: dict[str, list[PricedGood]] = defaultdict(list)
        for good in sorted(record.goods, key=lambda each: each.living_until):
            self._goods[good.token].append(good)
        self._known = {order.digest: order for order in orders}
        self.given: Counter[bytes] = Counter()
        self.received: Counter[bytes] = Counter()
        for done in settled:
            for hash_, gave, got in done.fills:
                self.given[hash_] += gave
                self.received[hash_] += got
        self._buys: dict[bytes, PricedGood] = {}
        for order in orders:
            bought = self._bought(order)
            if bought is not None and order.order.only_taker == ZERO_ADDRESS:
                self._buys[order.digest] = bought
        self._heaps = list(self._make_heaps(orders))
        self._offers = self._make_offers()
        self._counting = {
            hash_: [offer for offer in offers if offer.heap.good.group == offer.buys.group]
            for hash_, offers in self._offers.items()
        }
        gives = {(order.order.maker, order.order.give_token) for order in orders}
        wants = {(order.order.maker, order.order.want_token) for order in orders}
        self._may_meet_herself = {
            order.digest
            for order in orders
            if (order.order.maker, order.order.give_token) in wants
            or (order.order.maker, order.order.want_token) in gives
        }

    # ------------------------------------------------------------------------------------- who offers what

    def _bought(self, order: OpenOrder) -> PricedGood | None:
        wanted = order.order.want_points_living_until
        return next(
            (good for good in self._goods[order.order.want_token] if good.living_until >= wanted), None
        )

    def _good_of(self, token: str, expiry: int) -> PricedGood | None:
        return next((good for good in reversed(self._goods[token]) if good.living_until < expiry), None)

    def _make_heaps(self, orders: Sequence[OpenOrder]) -> Iterator[_Heap]:
        """Oldest first within a maker and token."""
        givers: dict[tuple[str, str], list[OpenOrder]] = defaultdict(list)
        for order in orders:
            if order.digest in self._buys:
                givers[order.order.maker, order.order.give_token].append(order)
        for (_, token), mine in givers.items():
            heaps: dict[tuple[PricedGood, frozenset[bytes]], int] = {}
            for expiry, units in sorted(mine[0].lots):
                good = self._good_of(token, expiry)
                may = frozenset(
                    order.digest
                    for order in mine
                    if not order.order.give_points_expiring_by
                    or expiry <= order.order.give_points_expiring_by
                )
                if good is not None and may:
                    heaps[good, may] = heaps.get((good, may), 0) + units
            for (good, may), units in heaps.items():
                yield _Heap(good, units, may)

    def _make_offers(self) -> dict[bytes, list[_Offer]]:
        offers: dict[bytes, list[_Offer]] = defaultdict(list)
        left = {hash_: self._known[hash_].left for hash_ in self._buys}
        for heap in self._heaps:
            for hash_ in heap.orders:
                units = min(heap.units, left[hash_])
                left[hash_] -= units
                if units:
                    offers[hash_].append(_Offer(self._known[hash_], self._buys[hash_], heap, units))
        for hash_, rest in left.items():
            if rest and not self._known[hash_].order.allow_partial:
                offers.pop(hash_, None)
        return offers

    def _edges(self) -> dict[PricedGood, set[PricedGood]]:
        """Which good leads to which: by an order, or because fresher points serve who wants older ones."""
        edges: dict[PricedGood, set[PricedGood]] = {good: set() for good in self._record.goods}
        for offers in self._offers.values():
            for offer in offers:
                edges[offer.heap.good].add(offer.buys)
        for goods in self._goods.values():
            for older, fresher in pairwise(goods):
                edges[older].add(fresher)
        return edges

    # ----------------------------------------------------------------------------------------- the figures

    @cached_property
    def _given_by_heap(self) -> dict[bytes, list[tuple[_Offer, int]]]:
        """Of what an order gave, how much came from which of its offers: the dearest first."""
        found = {}
        for hash_, gave in self.given.items():
            parts = []
            for offer in sorted(self._counting.get(hash_, ()), key=lambda each: -each.heap.good.price):
                units = min(offer.units, gave)
                gave -= units
                if units:
                    parts.append((offer, units))
            found[hash_] = parts
        return found

    @cached_property
    def figures(self) -> Figures:
        """The figures as the settlements that happened make them."""
        return Figures(
            surplus=sum(self._gain(hash_) for hash_ in self.given if hash_ in self._buys),
            bound=self._bound(),
            unfilled=sum(self._unfilled(heap) for heap in self._heaps),
            traded=sum(self._value(hash_) for hash_ in self.given),
            deviation=sum(self._deviation(hash_) for hash_ in self.given if hash_ in self._buys),
        )

    def _gain(self, hash_: bytes) -> int:
        order = self._known[hash_].order
        beyond = self.received[hash_] * order.give_amount - self.given[hash_] * order.want_amount
        return self._buys[hash_].price * beyond // order.give_amount

    def _value(self, hash_: bytes) -> int:
        return sum(offer.heap.good.price * units for offer, units in self._given_by_heap[hash_])

    def _deviation(self, hash_: bytes) -> int:
        return abs(self._buys[hash_].price * self.received[hash_] - self._value(hash_))

    def _offers_from(self, heap: _Heap) -> list[_Offer]:
        return [
            offer for hash_ in heap.orders for offer in self._counting.get(hash_, ()) if offer.heap is heap
        ]

    def _bound(self) -> int:
        bound = 0
        for heap in self._heaps:
            rest = heap.units
            better = [offer for offer in self._offers_from(heap) if offer.gain > 0]
            for offer in sorted(better, key=lambda each: Fraction(each.cost, each.order.order.give_amount)):
                units = min(offer.units, rest)
                rest -= units
                bound += -(-units * offer.gain // offer.order.order.give_amount)
        return bound

    def _is_well_better(self, offer: _Offer) -> bool:
        """Better than the prices by more than the smoothing: to be filled whole."""
        gives = offer.heap.good.price * offer.order.order.give_amount
        return gives * ONE > offer.cost * (ONE + self._record.smoothing)

    def _taken(self, offer: _Offer) -> int:
        parts = self._given_by_heap.get(offer.order.digest, ())
        return sum(units for each, units in parts if each.heap is offer.heap)

    def _unfilled(self, heap: _Heap, *, only: Callable[[_Offer], bool] = lambda _: True) -> int:
        offers = self._offers_from(heap)
        wanted = sum(offer.units for offer in offers if self._is_well_better(offer) and only(offer))
        taken = sum(map(self._taken, offers))
        return heap.good.price * max(0, min(heap.units, wanted) - taken)

    # ------------------------------------------------------------------------------------------ the verdicts

    def check_goods(self) -> Item:
        """One price for each good, which compares only with those that orders connect it with."""
        faults = []
        seen: dict[str, PricedGood] = {}
        for good in sorted(self._record.goods):
            older = seen.get(good.token)
            if older is not None and older.living_until == good.living_until:
                faults.append(f"{good.token} has two prices for one life")
            elif older is not None and older.group == good.group and older.price > good.price:
                faults.append(f"points of {good.token} that live longer cost less")
            if good.price <= 0:
                faults.append(f"points of {good.token} have no price")
            seen[good.token] = good
        connected = _connected(self._edges())
        parts: dict[int, set[int]] = defaultdict(set)
        for good in self._record.goods:
            parts[good.group].add(connected[good])
        faults += [
            f"prices of group {group} compare goods that no circle of orders connects"
            for group, found in parts.items()
            if len(found) > 1
        ]
        between = sum(
            any(connected[offer.heap.good] == connected[offer.buys] for offer in offers)
            and not self._counting[hash_]
            for hash_, offers in self._offers.items()
        )
        text = f"one price for each of {words.count(len(self._record.goods), 'good')}"
        if between:
            text += f"; {words.count(between, 'order')} between groups took no part"
        return _item("prices", faults, text)

    def check_rates(self) -> Item:
        """Everybody traded at the published prices.

        Nobody gets more than is due, but for rounding. Some may get less where whole units, or points of the
        right life, do not come out; that is small beside what was traded.
        """
        more, less, short = [], [], Fraction(0)
        for hash_ in self.given:
            if hash_ not in self._buys:
                continue
            parts = self._given_by_heap[hash_]
            value = self._value(hash_)
            if sum(units for _, units in parts) < self.given[hash_]:
                more.append(f"order {_short(hash_)} gave more than it could have offered")
                continue
            dearest = max(offer.heap.good.price for offer, _ in parts)
            slack = UNEVEN * value + UNEVEN_UNITS * (dearest + self._buys[hash_].price)
            off = self._buys[hash_].price * self.received[hash_] - value
            told = f"order {_short(hash_)} got {_percent(abs(off), value)}"
            if off > slack:
                more.append(f"{told} more than the published rate")
            elif -off > slack:
                short += -off - slack
                less.append(f"{told} less than the published rate")
        total = _percent(self.figures.deviation, self.figures.traded)
        if short <= UNEVEN * self.figures.traded:
            less = []
        return _item("rates", more + less, f"all traded at the published rates, {total} of the value apart")

    def check_surplus(self, complete: bool) -> Item:
        """What makers gained."""
        item = _compare("surplus", self._record.surplus, self.figures.surplus, complete, rises=True)
        if item.verdict is not Verdict.HOLDS:
            return item
        share = _percent(self.figures.surplus, self.figures.traded)
        return Item("surplus", Verdict.HOLDS, f"makers gained {share} of the value traded, as it says")

    def check_bound(self) -> Item:
        """The certificate: it depends on orders and prices alone."""
        said, found = self._record.bound, self.figures.bound
        if said != found:
            return Item("bound", Verdict.FAILS, f"it says {said:,}, and the orders make it {found:,}")
        share = _percent(self._record.surplus, found)
        return Item("bound", Verdict.HOLDS, f"the surplus is {share} of what no allocation could exceed")

    def check_unfilled(self, complete: bool) -> Item:
        """What better orders went without."""
        item = _compare("unfilled", self._record.unfilled, self.figures.unfilled, complete, rises=False)
        if item.verdict is not Verdict.HOLDS:
            return item
        share = _percent(self.figures.unfilled, self.figures.traded)
        return Item(
            "unfilled", Verdict.HOLDS, f"orders better than the prices went without {share} of the value"
        )

    def check_passed_over(self, complete: bool) -> Item:
        """Nobody was served before somebody who asked for less."""
        name = "fairness"
        if not complete:
            return Item(name, Verdict.UNTOLD, "not all settlements happened")
        # Of each way to trade, the least that an order had to offer to be filled.
        served: dict[tuple[PricedGood, PricedGood], Fraction] = {}
        for parts in self._given_by_heap.values():
            for offer, _ in parts:
                way = offer.heap.good, offer.buys
                asks = Fraction(offer.cost, offer.order.order.give_amount)
                served[way] = max(served.get(way, asks), asks)
        smoothing = 1 + Fraction(self._record.smoothing, ONE)

        def is_behind(offer: _Offer) -> bool:
            way = offer.heap.good, offer.buys
            asks = Fraction(offer.cost, offer.order.order.give_amount)
            return (
                offer.order.order.allow_partial
                # Nobody can be served by herself: of such orders one may have to wait.
                and offer.order.digest not in self._may_meet_herself
                and way in served
                and asks * smoothing <= served[way]
            )

        passed = sum(self._unfilled(heap, only=is_behind) for heap in self._heaps)
        slack = PASSED_OVER * self.figures.traded
        share = _percent(passed, self.figures.traded)
        if passed > slack:
            return Item(
                name,
                Verdict.FAILS,
                f"orders worth {share} of the value were passed over for others that asked for more",
            )
        return Item(name, Verdict.HOLDS, "nobody was passed over for somebody who asked for more")


def _compare(name: str, said: int, found: int, complete: bool, *, rises: bool) -> Item:
    """A figure that only rises (or falls) with each settlement."""
    if complete:
        if said == found:
            return Item(name, Verdict.HOLDS, f"{said:,}, as it says")
        return Item(name, Verdict.FAILS, f"it says {said:,}, and the settlements make it {found:,}")
    if (found > said) if rises else (found < said):
        return Item(
            name, Verdict.FAILS, f"it says {said:,}, and what was settled so far makes it {found:,} already"
        )
    return Item(
        name, Verdict.UNTOLD, f"it says {said:,}, what was settled so far makes it {found:,}, some is missing"
    )


def _percent(part: int, whole: int) -> str:
    if not whole:
        return "nothing" if not part else "all"
    return f"{100 * part / whole:.4g} %"


def _connected(edges: dict[PricedGood, set[PricedGood]]) -> dict[PricedGood, int]:
    """Goods that a circle connects have one number (Tarjan's strongly connected components, without
    recursion).
    """
    index: dict[PricedGood, int] = {}
    low: dict[PricedGood, int] = {}
    group: dict[PricedGood, int] = {}
    stack: list[PricedGood] = []
    for root in edges:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        stack.append(root)
        path: list[tuple[PricedGood, Any]] = [(root, iter(edges[root]))]
        while path:
            here, following = path[-1]
            step = next(following, None)
            if step is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[here])
                if low[here] == index[here]:
                    while True:
                        member = stack.pop()
                        group[member] = index[here]
                        if member == here:
                            break
            elif step not in index:
                index[step] = low[step] = len(index)
                stack.append(step)
                path.append((step, iter(edges[step])))
            elif step not in group:
                low[here] = min(low[here], index[step])
    return group
