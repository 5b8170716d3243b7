"""What the exchange will do with transfers, in whole numbers and plain Python: nothing here is shared with
the solver.

The rules are those of `PointsExchange.settle` and of the token's `transferFromWithin`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from troc.errors import OrderError
from troc.market.clearing.batch import Batch, Integers


class Wallets:
    """Makers' lots, and what orders have given, while settlements run over them."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.held: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
        holdings = batch.holdings
        for maker, token, expiry, units in zip(
            holdings.maker.tolist(),
            holdings.token.tolist(),
            holdings.expiry.tolist(),
            holdings.units.tolist(),
            strict=True,
        ):
            self.held[maker, token][expiry] = units
        self.used: dict[int, int] = defaultdict(int)
        self.maker, self.only = batch.maker.tolist(), batch.only.tolist()
        self.give, self.want = batch.give.tolist(), batch.want.tolist()
        self.by, self.beyond = batch.give_expiring_by.tolist(), batch.want_living_until.tolist()

    def run(self, transfers: Integers) -> tuple[dict[int, int], dict[int, int]]:
        """One settlement: what each order gives, and gets. Raises `OrderError` for what the exchange would
        refuse, and then leaves everything as it was.
        """
        before: dict[tuple[int, int], dict[int, int]] = {}
        gives: dict[int, int] = defaultdict(int)
        gets: dict[int, int] = defaultdict(int)
        try:
            for number, (giver, taker, amount) in enumerate(transfers.tolist(), 1):
                self._check(number, giver, taker, amount)
                token = self.give[giver]
                wallets = (self.maker[giver], token), (self.maker[taker], token)
                for wallet in wallets:
                    before.setdefault(wallet, dict(self.held[wallet]))
                source, sink = (self.held[wallet] for wallet in wallets)
                missing = _move(source, sink, amount, self.beyond[taker], self.by[giver])
                if missing:
                    raise _refused(number, f"lacks {missing} of {amount} units within its bounds")
                gives[giver] += amount
                gets[taker] += amount
            _check_orders(self.batch, self.used, gives, gets)
        except OrderError:
            self.held.update(before)
            raise
        for row, units in gives.items():
            self.used[row] += units
        return gives, gets

    def _check(self, number: int, giver: int, taker: int, amount: int) -> None:
        if amount <= 0:
            raise _refused(number, "moves nothing")
        if self.give[giver] != self.want[taker]:
            raise _refused(number, "moves points that its receiver does not want")
        if self.maker[giver] == self.maker[taker]:
            raise _refused(number, "goes from a maker to herself")
        if self.only[giver] not in (-1, self.maker[taker]) or self.only[taker] not in (-1, self.maker[giver]):
            raise _refused(number, "goes to a maker who may not take it")


def check_execution(
    batch: Batch,
    transfers: Integers,
    given: Sequence[int] | Integers | None = None,
    received: Sequence[int] | Integers | None = None,
) -> None:
    """Run the transfers over the makers' lots, and raise `OrderError` for what the exchange would refuse.

    `given` and `received`, if named, must be what the transfers add up to.
    """
    gives, gets = Wallets(batch).run(transfers)
    for named, added in ((given, gives), (received, gets)):
        if named is not None and any(int(units) != added[row] for row, units in enumerate(named)):
            raise OrderError("the transfers are not what is given and received", "report this")


def _refused(number: int, why: str) -> OrderError:
    return OrderError(f"transfer {number} of the clearing {why}", "report this with the batch")


def _move(giver: dict[int, int], taker: dict[int, int], amount: int, beyond: int, by: int) -> int:
    """Moves the oldest lots within the bounds; gives what is missing."""
    for expiry in sorted(giver):
        if expiry > beyond and (by == 0 or expiry <= by):
            units = min(amount, giver[expiry])
            giver[expiry] -= units
            taker[expiry] = taker.get(expiry, 0) + units
            amount -= units
            if not giver[expiry]:
                del giver[expiry]
        if not amount:
            break
    return amount


def _check_orders(batch: Batch, used: dict[int, int], gives: dict[int, int], gets: dict[int, int]) -> None:
    give_amount, want_amount, left = (
        batch.give_amount.tolist(),
        batch.want_amount.tolist(),
        batch.left.tolist(),
    )
    whole = batch.whole.tolist()
    for row in gives.keys() | gets.keys():
        given, received = gives.get(row, 0), gets.get(row, 0)
        if not 0 < given <= left[row] - used.get(row, 0) or (whole[row] and given != give_amount[row]):
            raise OrderError(f"order {row} of the clearing gives {given} units", "report this with the batch")
        if received * give_amount[row] < given * want_amount[row]:
            raise OrderError(
                f"order {row} of the clearing gets {received} units for {given}, which is below its price",
                "report this with the batch",
            )
