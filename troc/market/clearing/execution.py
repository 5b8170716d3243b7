"""What the exchange will do with transfers, in whole numbers and plain Python: nothing here is shared with
the solver.

The rules are those of `PointsExchange.settle` and of the token's `transferFromWithin`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from troc.errors import OrderError
from troc.market.clearing.batch import Batch, Integers


def check_execution(
    batch: Batch,
    transfers: Integers,
    given: Sequence[int] | Integers | None = None,
    received: Sequence[int] | Integers | None = None,
) -> None:
    """Run the transfers over the makers' lots, and raise `OrderError` for what the exchange would refuse.

    `given` and `received`, if named, must be what the transfers add up to.
    """
    held: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
    holdings = batch.holdings
    for maker, token, expiry, units in zip(
        holdings.maker.tolist(),
        holdings.token.tolist(),
        holdings.expiry.tolist(),
        holdings.units.tolist(),
        strict=True,
    ):
        held[maker, token][expiry] = units
    maker, give, want = batch.maker.tolist(), batch.give.tolist(), batch.want.tolist()
    only, by, beyond = (
        batch.only.tolist(),
        batch.give_expiring_by.tolist(),
        batch.want_living_until.tolist(),
    )
    gives: dict[int, int] = defaultdict(int)
    gets: dict[int, int] = defaultdict(int)
    for number, (giver, taker, amount) in enumerate(transfers.tolist(), 1):
        if amount <= 0:
            raise _refused(number, "moves nothing")
        if give[giver] != want[taker]:
            raise _refused(number, "moves points that its receiver does not want")
        if maker[giver] == maker[taker]:
            raise _refused(number, "goes from a maker to herself")
        if only[giver] not in (-1, maker[taker]) or only[taker] not in (-1, maker[giver]):
            raise _refused(number, "goes to a maker who may not take it")
        missing = _move(
            held[maker[giver], give[giver]],
            held[maker[taker], give[giver]],
            amount,
            beyond[taker],
            by[giver],
        )
        if missing:
            raise _refused(number, f"lacks {missing} of {amount} units within its bounds")
        gives[giver] += amount
        gets[taker] += amount
    _check_orders(batch, gives, gets)
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


def _check_orders(batch: Batch, gives: dict[int, int], gets: dict[int, int]) -> None:
    give_amount, want_amount, left = (
        batch.give_amount.tolist(),
        batch.want_amount.tolist(),
        batch.left.tolist(),
    )
    whole = batch.whole.tolist()
    for row in gives.keys() | gets.keys():
        given, received = gives.get(row, 0), gets.get(row, 0)
        if not 0 < given <= left[row] or (whole[row] and given != give_amount[row]):
            raise OrderError(f"order {row} of the clearing gives {given} units", "report this with the batch")
        if received * give_amount[row] < given * want_amount[row]:
            raise OrderError(
                f"order {row} of the clearing gets {received} units for {given}, which is below its price",
                "report this with the batch",
            )
