"""What the exchange will do with transfers, in whole numbers: nothing here is shared with the solver.

The rules are those of `PointsExchange.settle` and of the token's `transferFromWithin`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from troc.errors import OrderError
from troc.market.clearing.batch import Batch, Flags, Integers


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
        self.used = np.zeros(len(batch), np.int64)

    def run(self, transfers: Integers) -> None:
        """One settlement. Raises `OrderError` for what the exchange would refuse, and then leaves everything
        as it was.
        """
        given, received = _added_up(self.batch, transfers)
        _check_ends(self.batch, transfers)
        _check_orders(self.batch, self.batch.left - self.used, given, received)
        before: dict[tuple[int, int], dict[int, int]] = {}
        try:
            self.move(transfers, before)
        except OrderError:
            self.held.update(before)
            raise
        self.used += given

    def move(self, transfers: Integers, before: dict[tuple[int, int], dict[int, int]]) -> None:
        """Move the points, and remember in `before` what wallets held that change."""
        batch = self.batch
        giver, taker = transfers[:, 0], transfers[:, 1]
        for number, row in enumerate(
            zip(
                batch.maker[giver].tolist(),
                batch.maker[taker].tolist(),
                batch.give[giver].tolist(),
                transfers[:, 2].tolist(),
                batch.want_living_until[taker].tolist(),
                batch.give_expiring_by[giver].tolist(),
                strict=True,
            )
        ):
            source, sink, token, amount, beyond, by = row
            for wallet in ((source, token), (sink, token)):
                if wallet not in before:
                    before[wallet] = dict(self.held[wallet])
            missing = _move(self.held[source, token], self.held[sink, token], amount, beyond, by)
            if missing:
                raise _refused(
                    transfers[number].tolist(), f"lacks {missing} of {amount} units within its bounds"
                )


def check_execution(
    batch: Batch,
    transfers: Integers,
    given: Sequence[int] | Integers | None = None,
    received: Sequence[int] | Integers | None = None,
) -> None:
    """Run the transfers over the makers' lots, and raise `OrderError` for what the exchange would refuse.

    `given` and `received`, if named, must be what the transfers add up to.
    """
    gives, gets = _added_up(batch, transfers)
    for named, added in ((given, gives), (received, gets)):
        if named is not None and not np.array_equal(np.asarray(named), added):
            raise OrderError("the transfers are not what is given and received", "report this")
    _check_ends(batch, transfers)
    _check_orders(batch, batch.left, gives, gets)
    plain = _plain(batch, transfers)
    _check_plain(batch, transfers[plain])
    rest = transfers[~plain]
    if len(rest):
        Wallets(batch).move(rest, {})


def _added_up(batch: Batch, transfers: Integers) -> tuple[Integers, Integers]:
    gives, gets = np.zeros(len(batch), np.int64), np.zeros(len(batch), np.int64)
    # Sums that would wrap round 64 bits are more than anybody has.
    for side in (0, 1):
        rough = np.bincount(transfers[:, side], np.abs(transfers[:, 2].astype(np.float64)))
        if (rough >= 2.0**62).any():
            raise OrderError("the transfers move more than there is", "report this with the batch")
    np.add.at(gives, transfers[:, 0], transfers[:, 2])
    np.add.at(gets, transfers[:, 1], transfers[:, 2])
    return gives, gets


def _plain(batch: Batch, transfers: Integers) -> Flags:
    """Transfers out of wallets with one lot, into which nothing comes: their sequence does not matter."""
    lots, count = np.unique(batch.holdings.maker * batch.tokens + batch.holdings.token, return_counts=True)
    token = batch.give[transfers[:, 0]]
    source = batch.maker[transfers[:, 0]] * batch.tokens + token
    sink = batch.maker[transfers[:, 1]] * batch.tokens + token
    plain: Flags = np.isin(source, lots[count == 1]) & ~np.isin(source, sink)
    return plain


def _check_plain(batch: Batch, transfers: Integers) -> None:
    holdings = batch.holdings
    wallets = holdings.maker * batch.tokens + holdings.token
    sequence = np.argsort(wallets)
    source = batch.maker[transfers[:, 0]] * batch.tokens + batch.give[transfers[:, 0]]
    lot = sequence[np.searchsorted(wallets[sequence], source)]
    by, beyond = batch.give_expiring_by[transfers[:, 0]], batch.want_living_until[transfers[:, 1]]
    expiry = holdings.expiry[lot]
    for row in transfers[(expiry <= beyond) | ((by != 0) & (expiry > by))].tolist():
        raise _refused(row, f"lacks {row[2]} of {row[2]} units within its bounds")
    taken = np.zeros(len(wallets), np.int64)
    np.add.at(taken, lot, transfers[:, 2])
    for row in transfers[(taken > holdings.units)[lot]].tolist():
        raise _refused(row, "is one of several that take more than there is")


def _refused(row: list[int], why: str) -> OrderError:
    return OrderError(
        f"the transfer from order {row[0]} to order {row[1]} {why}", "report this with the batch"
    )


def _check_ends(batch: Batch, transfers: Integers) -> None:
    giver, taker = transfers[:, 0], transfers[:, 1]
    makers = batch.maker[giver], batch.maker[taker]
    for wrong, why in (
        (transfers[:, 2] <= 0, "moves nothing"),
        (batch.give[giver] != batch.want[taker], "moves points that its receiver does not want"),
        (makers[0] == makers[1], "goes from a maker to herself"),
        ((batch.only[giver] != -1) & (batch.only[giver] != makers[1]), "goes to a maker who may not take it"),
        (
            (batch.only[taker] != -1) & (batch.only[taker] != makers[0]),
            "comes from a maker who may not give it",
        ),
    ):
        for row in transfers[wrong].tolist():
            raise _refused(row, why)


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


def _check_orders(batch: Batch, left: Integers, given: Integers, received: Integers) -> None:
    takes_part = np.flatnonzero((given != 0) | (received != 0))
    for row, gives, gets, most, whole, give_amount, want_amount in zip(
        takes_part.tolist(),
        given[takes_part].tolist(),
        received[takes_part].tolist(),
        left[takes_part].tolist(),
        batch.whole[takes_part].tolist(),
        batch.give_amount[takes_part].tolist(),
        batch.want_amount[takes_part].tolist(),
        strict=True,
    ):
        if not 0 < gives <= most or (whole and gives != give_amount):
            raise OrderError(f"order {row} of the clearing gives {gives} units", "report this with the batch")
        if gets * give_amount < gives * want_amount:
            raise OrderError(
                f"order {row} of the clearing gets {gets} units for {gives}, which is below its price",
                "report this with the batch",
            )
