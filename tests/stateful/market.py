"""The exchange as the documents describe it, in plain Python, over models of the points that are traded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from tests.stateful.nonces import Partial, Whole
from tests.stateful.points import ZERO, Points
from tests.stateful.world import Refused
from troc.messages import Domain, Order, digest

MOST_AMOUNT = 2**128 - 1

_State = tuple[dict[str, Counter[tuple[str, int]]], Whole, Partial]

Transfer = tuple[int, int, int]
"""From which order, to which, how much; the number of orders stands for the sender."""


@dataclass(frozen=True)
class Signed:
    """An order with a signature, and whether that is its maker's, for this exchange on this chain."""

    order: Order
    signature: bytes
    good: bool


@dataclass
class Market:
    """Methods raise `Refused` as the exchange does, and then change nothing."""

    address: str
    domain: Domain
    points: dict[str, Points]
    whole: Whole = field(default_factory=Whole)
    partial: Partial = field(default_factory=Partial)

    # -------------------------------------------------------------------------------------------- trading

    def settle(self, sender: str, listed: Sequence[Signed], transfers: Sequence[Transfer]) -> None:
        before = self._state()
        try:
            self._settle(sender, listed, transfers)
        except Refused:
            self._restore(before)
            raise

    def take(self, sender: str, signed: Signed, amount: int, living_until: int) -> int:
        before = self._state()
        try:
            return self._take(sender, signed, amount, living_until)
        except Refused:
            self._restore(before)
            raise

    def _settle(self, sender: str, listed: Sequence[Signed], transfers: Sequence[Transfer]) -> None:
        count = len(listed)
        given, received = [0] * count, [0] * count

        def order(index: int) -> Order:
            if index >= count:
                raise Refused("NoSuchOrder", index)
            return listed[index].order

        for i, (start, end, amount) in enumerate(transfers):
            if not 0 < amount <= MOST_AMOUNT:
                raise Refused("AmountOutOfRange", amount)
            if start == count:
                self._check_sender(order(end), sender)
            elif end == count:
                self._check_sender(order(start), sender)
            else:
                self._check_pair(order(start), order(end), sender, i)
            if start < count:
                given[start] += amount
            if end < count:
                received[end] += amount
        for signed, gives, gets in zip(listed, given, received, strict=True):
            self._check_terms(signed.order)
            self._use(signed, gives, gets)
        for start, end, amount in transfers:
            if start == count:
                self._move_wanted(listed[end].order, sender, amount)
            elif end == count:
                self._move_given(listed[start].order, sender, amount, 0)
            else:
                to = listed[end].order
                self._move_given(listed[start].order, to.maker, amount, to.want_points_living_until)

    def _take(self, sender: str, signed: Signed, amount: int, living_until: int) -> int:
        order = signed.order
        self._check_terms(order)
        self._check_sender(order, sender)
        if amount > MOST_AMOUNT:
            raise Refused("AmountOutOfRange", amount)
        paid = self.price(order, amount)
        self._use(signed, amount, paid)
        self._move_wanted(order, sender, paid)
        self._move_given(order, sender, amount, living_until)
        return paid

    @staticmethod
    def price(order: Order, amount: int) -> int:
        """What has to be paid for a part of an order: never less than its share, so rounded up."""
        return -(-amount * order.want_amount // order.give_amount)

    # --------------------------------------------------------------------------------------------- checks

    def _check_sender(self, order: Order, sender: str) -> None:
        if order.maker == sender:
            raise Refused("SameParty", sender)
        if order.only_taker not in (ZERO, sender):
            raise Refused("OnlyTaker", order.only_taker, sender)

    def _check_pair(self, giver: Order, taker: Order, sender: str, index: int) -> None:
        if giver.give_token != taker.want_token:
            raise Refused("AssetsDiffer", index)
        if giver.maker == taker.maker:
            raise Refused("SameParty", giver.maker)
        for one, other in ((giver, taker), (taker, giver)):
            if one.only_taker not in (ZERO, other.maker, sender):
                raise Refused("OnlyTaker", one.only_taker, other.maker)

    def _check_terms(self, order: Order) -> None:
        for amount in (order.give_amount, order.want_amount):
            if not 0 < amount <= MOST_AMOUNT:
                raise Refused("AmountOutOfRange", amount)
        if order.give_token == order.want_token:
            raise Refused("SameAsset", order.give_token)

    def _use(self, signed: Signed, given: int, received: int) -> None:
        order = signed.order
        name = digest(order, self.domain)
        if self.points[order.give_token].now > order.open_until:
            raise Refused("OrderExpired", order.open_until)
        if not signed.good:
            raise Refused("NotSignedByMaker", order.maker, name)
        if order.allow_partial:
            if given == 0:
                raise Refused("AmountOutOfRange", 0)
            self.partial.check_amount(order.maker, order.nonce, given, order.give_amount)
            self.partial.filled[order.maker, order.nonce] += given
        else:
            if given != order.give_amount:
                raise Refused("NotWhole", name, given, order.give_amount)
            self.whole.check(order.maker, order.nonce)
            self.whole.used.add((order.maker, order.nonce))
        if received > MOST_AMOUNT:
            raise Refused("AmountOutOfRange", received)
        if received * order.give_amount < given * order.want_amount:
            raise Refused("BelowPrice", name, given, received)

    def remaining(self, order: Order) -> int:
        """What an order can still give as far as its nonce says."""
        if not order.allow_partial:
            return order.give_amount if self.whole.is_open(order.maker, order.nonce) else 0
        if not self.partial.is_open(order.maker, order.nonce):
            return 0
        return self.partial.left(order.maker, order.nonce, order.give_amount)

    # --------------------------------------------------------------------------------------------- moving

    def _move_given(self, order: Order, to: str, amount: int, living_until: int) -> None:
        points = self.points[order.give_token]
        points.check_allowance(order.maker, self.address, amount)
        points.transfer_within(order.maker, to, amount, living_until, order.give_points_expiring_by)

    def _move_wanted(self, order: Order, sender: str, amount: int) -> None:
        points = self.points[order.want_token]
        points.check_allowance(sender, self.address, amount)
        points.transfer_within(sender, order.maker, amount, order.want_points_living_until, 0)

    # ----------------------------------------------------------------------------------------- cancelling

    def cancel(self, maker: str, whole: list[int], parts: list[int]) -> None:
        self.whole.check_cancel(maker, whole)
        self.partial.check_cancel(maker, parts)
        self.whole.cancel(maker, whole)
        self.partial.cancel(maker, parts)

    def cancel_all(self, maker: str, whole: list[int], parts: list[int]) -> None:
        self.whole.check_cancel_all(maker, whole)
        self.partial.check_cancel_all(maker, parts)
        self.whole.cancel_all(maker, whole)
        self.partial.cancel_all(maker, parts)

    # -------------------------------------------------------------------------------------------- undoing

    def _state(self) -> _State:
        held = {address: points.held.copy() for address, points in self.points.items()}
        return held, deepcopy(self.whole), deepcopy(self.partial)

    def _restore(self, state: _State) -> None:
        held, self.whole, self.partial = state
        for address, points in self.points.items():
            points.held = held[address]
