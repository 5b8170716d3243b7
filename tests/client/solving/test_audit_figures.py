"""The auditor's arithmetic beside the solver's: written apart, they must agree to the last unit."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from eth_utils.crypto import keccak

from troc.market.audit import Market, Verdict
from troc.market.batches import Candidate, Closing, arrange
from troc.market.clearing import Clearing, clear
from troc.market.evidence import OpenOrder, Settled
from troc.market.records import CalledSettlement, PricedGood, Record
from troc.messages import KIND_POINTS, ZERO_ADDRESS, Order

NOW = 1_800_000_000
QUARTER = 90 * 86_400


def address(kind: int, place: int) -> str:
    return f"0x{kind << 120 | place + 1:040x}"


@dataclass
class Shape:
    """What a random batch looks like."""

    orders: int
    makers: int
    tokens: int
    lives: tuple[int, ...] = (0,)
    whole: float = 0.0
    only: float = 0.0
    bounded: float = 0.0
    most: int = 100_000


SHAPES = {
    "plain": Shape(200, 200, 8),
    "thin": Shape(25, 20, 6),
    "tiny amounts": Shape(150, 120, 5, most=30),
    "shared balances": Shape(150, 25, 6),
    "lives": Shape(120, 80, 5, lives=(0, NOW + QUARTER, NOW + 2 * QUARTER), bounded=0.5),
    "whole": Shape(60, 50, 5, whole=0.4),
    "all": Shape(70, 30, 5, lives=(0, NOW + QUARTER), whole=0.3, only=0.1, bounded=0.5),
}


def draw(shape: Shape, seed: int) -> list[OpenOrder]:
    """A random batch as the chain shows it."""
    chance = random.Random(seed)
    worth = [chance.lognormvariate(0, 0.5) for _ in range(shape.tokens)]
    lots: dict[tuple[int, int], tuple[tuple[int, int], ...]] = {}
    orders = []
    for number in range(shape.orders):
        maker = chance.randrange(shape.makers)
        give, want = chance.sample(range(shape.tokens), 2)
        if (maker, give) not in lots:
            lots[maker, give] = tuple(
                (NOW + (quarter + 1) * QUARTER - 5, chance.randrange(1, shape.most))
                for quarter in sorted(chance.sample(range(4), chance.randrange(1, 5)))
            )
        held = lots[maker, give]
        bound = chance.choice(held)[0] if chance.random() < shape.bounded else 0
        payable = sum(units for expiry, units in held if not bound or expiry <= bound)
        whole = chance.random() < shape.whole
        amount = chance.randrange(1, payable + 1) if whole else chance.randrange(1, shape.most)
        rate = worth[give] / worth[want] * chance.uniform(0.7, 1.05)
        only = address(1, chance.randrange(shape.makers)) if chance.random() < shape.only else ZERO_ADDRESS
        order = Order(
            maker=address(1, maker),
            give_token=address(2, give),
            give_kind=KIND_POINTS,
            give_id=0,
            give_amount=amount,
            want_token=address(2, want),
            want_kind=KIND_POINTS,
            want_id=0,
            want_amount=max(1, int(amount * rate)),
            give_points_expiring_by=bound,
            want_points_living_until=chance.choice(shape.lives),
            only_taker=only,
            open_until=NOW + QUARTER,
            nonce=number << 128,
            allow_partial=not whole,
        )
        left = amount if whole else chance.randrange(1, amount + 1)
        orders.append(OpenOrder(keccak(text=f"{seed} {number}"), order, left, held, False))
    return sorted(orders, key=lambda each: each.digest)


def cleared(orders: list[OpenOrder]) -> tuple[Clearing, Market]:
    """What the solver makes of it, and what the auditor makes of that."""
    lots = {(each.order.maker, each.order.give_token): list(each.lots) for each in orders}
    kept = [(Candidate(each.digest, each.order, b"", True), each.left) for each in orders]
    gathered = arrange(Closing(1, b"", NOW, NOW), kept, lots)
    clearing = clear(gathered.batch)
    fills = tuple(
        (orders[place].digest, given, received)
        for place, (given, received) in enumerate(
            zip(clearing.given.tolist(), clearing.received.tolist(), strict=True)
        )
        if given
    )
    record = Record(
        closed_at=1,
        closed_hash=b"",
        settle_by=NOW,
        orders=len(orders),
        orders_hash=b"",
        goods=tuple(
            PricedGood(gathered.tokens[good.token], good.living_until, price, group)
            for good, price, group in zip(clearing.goods, clearing.prices, clearing.groups, strict=True)
            if group >= 0
        ),
        smoothing=round(clearing.smoothing * 10**18),
        surplus=clearing.surplus,
        bound=clearing.bound,
        unfilled=clearing.unfilled,
        settlements=(),
    )
    done = Settled(CalledSettlement("", 1, 0, "", b""), (), (), (), fills, ())
    return clearing, Market(orders, record, [done])


@pytest.mark.parametrize("name", SHAPES)
def test_agrees_with_the_solver(name: str) -> None:
    clearing, market = cleared(draw(SHAPES[name], seed=0))
    figures = market.figures
    assert (figures.surplus, figures.bound, figures.unfilled) == (
        clearing.surplus,
        clearing.bound,
        clearing.unfilled,
    )
    checks = [market.check_rates(), market.check_passed_over(True)]
    assert [item.text for item in checks if item.verdict is not Verdict.HOLDS] == []
