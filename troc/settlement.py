"""Settlements: which transfers make named orders fit together (EXCHANGE.md, "settle").

Pure arithmetic: no chain. Everything counts in smallest units. Each order gives as much as it can; what its
price asks for is rounded up in favour of its maker; what is given beyond the prices goes to those who
receive.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from troc import words
from troc.errors import OrderError, PointsError
from troc.messages import ZERO_ADDRESS, Order
from troc.points import Holding

_ROUNDS = 10_000
"""Prices that miss each other by a hair fall slowly; after this many rounds they count as missing each
other.
"""


@dataclass(frozen=True)
class Leg:
    """An order in a settlement and what it can still give."""

    order: Order
    left: int


@dataclass(frozen=True)
class Transfer:
    """One move, by the places of the orders in the list."""

    giver: int
    receiver: int
    amount: int


@dataclass(frozen=True)
class Settlement:
    """Transfers that make orders fit, in the order in which they are made, and what each order gives and
    receives.
    """

    transfers: tuple[Transfer, ...]
    given: tuple[int, ...]
    received: tuple[int, ...]


def fit(
    legs: Sequence[Leg], holdings: Mapping[tuple[str, str], Holding], sender: str = ZERO_ADDRESS
) -> Settlement:
    """Transfers that settle all of these orders, straight from maker to maker.

    `holdings` are what makers hold, by (maker, token). `sender` is who will submit. Orders that come first
    are served first where there is not enough for all. Raises `OrderError` where the orders do not fit, and
    `PointsError` where points do not live as long as somebody asks.
    """
    if len(legs) < 2:
        raise OrderError(
            "one order alone cannot be settled", "name the orders that fit it, or take it yourself"
        )
    given = _amounts(legs)
    received = _shares(legs, given)
    transfers = _pair(legs, given, received, sender)
    _check_lots(legs, holdings, transfers)
    for leg, gives, gets in zip(legs, given, received, strict=True):
        # The exchange checks the same (X2); a mistake here should not cost anybody gas.
        assert 0 < gives <= leg.left
        assert gets * leg.order.give_amount >= gives * leg.order.want_amount
    return Settlement(tuple(transfers), tuple(given), tuple(received))


def _need(order: Order, gives: int) -> int:
    return -(-gives * order.want_amount // order.give_amount)


def _amounts(legs: Sequence[Leg]) -> list[int]:
    """What each order gives: the most at which every price is met, found by lowering from the most that is
    there.
    """
    given = [leg.left for leg in legs]
    tokens = dict.fromkeys(leg.order.want_token for leg in legs)
    for leg in legs:
        if leg.order.give_token not in tokens:
            raise _misfit(f"nobody here wants what order {legs.index(leg) + 1} gives")
    for _ in range(_ROUNDS):
        changed = False
        for token in tokens:
            supply = sum(
                gives for leg, gives in zip(legs, given, strict=True) if leg.order.give_token == token
            )
            wanting = [place for place, leg in enumerate(legs) if leg.order.want_token == token]
            excess = sum(_need(legs[place].order, given[place]) for place in wanting) - supply
            for place in reversed(wanting):
                order = legs[place].order
                if excess <= 0:
                    break
                if not order.allow_partial:
                    continue
                need = _need(order, given[place])
                lower = max(need - excess, 0) * order.give_amount // order.want_amount
                excess -= need - _need(order, lower)
                given[place] = lower
                changed = True
            if excess > 0:
                raise _misfit(f"there is too little for order {wanting[-1] + 1}, which must be settled whole")
            if any(given[place] == 0 for place in wanting):
                raise _misfit(
                    f"there is nothing left for order {next(p for p in wanting if not given[p]) + 1}"
                )
        if not changed:
            return given
    raise _misfit("their prices miss each other")


def _misfit(why: str) -> OrderError:
    return OrderError(f"these orders do not fit together: {why}", "name other orders, or leave one out")


def _shares(legs: Sequence[Leg], given: Sequence[int]) -> list[int]:
    """What each order receives: its price, and a share of what is given beyond the prices."""
    received = [_need(leg.order, gives) for leg, gives in zip(legs, given, strict=True)]
    for token in dict.fromkeys(leg.order.want_token for leg in legs):
        wanting = [place for place, leg in enumerate(legs) if leg.order.want_token == token]
        supply = sum(gives for leg, gives in zip(legs, given, strict=True) if leg.order.give_token == token)
        total = sum(received[place] for place in wanting)
        surplus = left = supply - total
        for place in wanting:
            share = surplus * received[place] // total
            received[place] += share
            left -= share
        received[wanting[0]] += left
    return received


def _may_pair(giver: Order, receiver: Order, sender: str) -> bool:
    return (
        giver.give_token == receiver.want_token
        and giver.maker != receiver.maker
        and giver.only_taker in (ZERO_ADDRESS, sender, receiver.maker)
        # What cannot be in one wallet at one time needs no look at the wallet.
        and (
            not giver.give_points_expiring_by
            or receiver.want_points_living_until < giver.give_points_expiring_by
        )
    )


def _pair(legs: Sequence[Leg], given: Sequence[int], received: Sequence[int], sender: str) -> list[Transfer]:
    """Who gives how much to whom: a flow from givers to receivers (Edmonds and Karp), all tokens at once.

    Receivers with the nearest bound come first: they can use the oldest points, which others cannot.
    """
    size = len(legs)
    source, sink = 2 * size, 2 * size + 1
    capacity: dict[int, dict[int, int]] = {node: {} for node in range(2 * size + 2)}
    for giver in range(size):
        capacity[source][giver] = given[giver]
        capacity[giver][source] = 0
        capacity[size + giver][sink] = received[giver]
        capacity[sink][size + giver] = 0
        for receiver in range(size):
            if _may_pair(legs[giver].order, legs[receiver].order, sender):
                capacity[giver][size + receiver] = given[giver]
                capacity[size + receiver][giver] = 0
    while path := _path(capacity, source, sink):
        amount = min(capacity[here][there] for here, there in path)
        for here, there in path:
            capacity[here][there] -= amount
            capacity[there][here] += amount
    for place in range(size):
        if capacity[source][place] or capacity[size + place][sink]:
            raise _misfit(_why_alone(legs, place))
    transfers = [
        Transfer(giver, node - size, capacity[node][giver])
        for giver in range(size)
        for node in capacity[giver]
        if size <= node < 2 * size and capacity[node][giver]
    ]
    return sorted(transfers, key=lambda move: legs[move.receiver].order.want_points_living_until)


def _why_alone(legs: Sequence[Leg], place: int) -> str:
    for giver, leg in enumerate(legs):
        for receiver, other in enumerate(legs):
            if place in (giver, receiver) and leg.order.give_token == other.order.want_token:
                bound = leg.order.give_points_expiring_by
                if 0 < bound <= other.order.want_points_living_until:
                    return f"the points of order {giver + 1} do not live as long as order {receiver + 1} asks"
    return f"nobody may trade with order {place + 1}, or too few may"


def _path(capacity: Mapping[int, Mapping[int, int]], source: int, sink: int) -> list[tuple[int, int]]:
    came_from = {source: source}
    queue = deque([source])
    while queue and sink not in came_from:
        here = queue.popleft()
        for there, room in capacity[here].items():
            if room and there not in came_from:
                came_from[there] = here
                queue.append(there)
    if sink not in came_from:
        return []
    nodes = [sink]
    while nodes[-1] != source:
        nodes.append(came_from[nodes[-1]])
    return list(pairwise(reversed(nodes)))


def _check_lots(
    legs: Sequence[Leg], holdings: Mapping[tuple[str, str], Holding], transfers: Sequence[Transfer]
) -> None:
    left = dict(holdings)
    for move in transfers:
        giver, receiver = legs[move.giver].order, legs[move.receiver].order
        key = (giver.maker, giver.give_token)
        bounds = receiver.want_points_living_until, giver.give_points_expiring_by
        within = left[key].within(*bounds)
        brand = left[key].brand
        if within < move.amount:
            raise PointsError(
                f"order {move.giver + 1} has {brand.text(within)} that live beyond {words.moment(bounds[0])},"
                f" and order {move.receiver + 1} asks for {brand.number(move.amount)}",
                "leave one of them out, or ask its maker for an order with other dates",
            )
        left[key] = left[key].without(move.amount, *bounds)
