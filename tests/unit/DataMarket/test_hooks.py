"""Hooks that call back into every entry point, while a price moves in and while it moves out."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import MAX_UINT256, reverts_with, sign
from tests.orders import words
from tests.sales import PRICE, Sale, State
from tests.unit.DataMarket.conftest import HELD


@pytest.fixture(scope="module")
def hook(deployer: Any) -> Any:
    """A contract that calls back, and signs everything."""
    return brownie.CallbackMock.deploy({"from": deployer})


@pytest.fixture(scope="module")
def odd(deployer: Any, market: Any, buyer: Any, hook: Any) -> Any:
    """Money that calls the hook before it moves; the buyer and the hook hold 1,000."""
    token = brownie.OddTokenMock.deploy({"from": deployer})
    for holder in (buyer, hook):
        token.mint(holder, HELD, {"from": deployer})
    token.approve(market, 1, {"from": buyer})
    hook.run(token, token.approve.encode_input(market, 1), {"from": deployer})
    return token


@pytest.fixture(scope="module")
def hooked(odd: Any, hook: Any, deployer: Any) -> Any:
    """From now on the token calls the hook, which makes these calls of the market's."""

    def hooked(market: Any, *calls: tuple[Any, ...]) -> None:
        for function, *arguments in calls:
            hook.plan(market, getattr(market, function).encode_input(*arguments), {"from": deployer})
        odd.setHook(hook, {"from": deployer})

    return hooked


@pytest.fixture(scope="module")
def owned(sell: Any, create_deal: Any, odd: Any, hook: Any) -> Sale:
    """A sale of the seller's to the buyer, in the token, delivered with another key."""
    sale: Sale = sell(create_deal(odd), key=bytes(32))
    return sale


def outcomes(hook: Any) -> list[tuple[bool, bytes]]:
    return [(done, bytes(answer)) for done, answer in map(hook.outcome, range(hook.made()))]


def error(web3: Any, text: str) -> bytes:
    return bytes(web3.keccak(text=text)[:4])


def test_no_price_is_measured_while_another_is(
    market: Any,
    prepare: Any,
    create_deal: Any,
    create_request: Any,
    odd: Any,
    hook: Any,
    hooked: Any,
    buyer: Any,
    seller: Any,
    web3: Any,
) -> None:
    inner = prepare(create_deal(odd), buyer=hook)
    own, signed = create_request(odd, buyer=hook), create_request(odd, buyer=hook)
    purchase = (inner.words, inner.signature, hook.address, inner.b.x, MAX_UINT256, b"")
    hooked(
        market,
        ("buy", inner.words, inner.signature, inner.b.x),
        ("buyFor", *purchase),
        ("openRequest", words(own)),
        ("openRequestFor", words(signed), b""),
    )
    sale = prepare(create_deal(odd))
    market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})
    assert outcomes(hook) == [(False, error(web3, "Reentrancy()"))] * 4
    assert odd.balanceOf(market) == PRICE


@pytest.mark.parametrize("name", ["settleFor", "disputeKey", "concedeFor", "closeRequestTo"])
def test_no_exit_in_the_middle_of_a_purchase(
    market: Any,
    prepare: Any,
    create_deal: Any,
    create_request: Any,
    odd: Any,
    hook: Any,
    hooked: Any,
    owned: Sale,
    buyer: Any,
    seller: Any,
    deployer: Any,
    name: str,
) -> None:
    """What goes out meanwhile makes the arrival differ, and all is undone."""
    request = create_request(odd, buyer=hook, number=1)
    hook.run(market, market.openRequest.encode_input(words(request)), {"from": deployer})
    held = odd.balanceOf(market)
    exits: dict[str, tuple[Any, ...]] = {
        "settleFor": (owned.words, buyer, sign(buyer, market, "Settle", owned.about("buyer"))),
        "concedeFor": (owned.words, buyer, sign(seller, market, "Concede", owned.about("seller"))),
        "disputeKey": (owned.words, buyer, owned.posted, owned.b.scalar),
        "closeRequestTo": (words(request), hook.address),
    }
    hooked(market, (name, *exits[name]))
    sale = prepare(create_deal(odd))
    with reverts_with("ArrivalDiffers", odd, 0, PRICE):
        market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})
    assert odd.balanceOf(market) == held


def test_what_is_paid_is_over_already(
    market: Any, odd: Any, hook: Any, hooked: Any, owned: Sale, buyer: Any, seller: Any, web3: Any
) -> None:
    """While the price moves out, every call about the sale finds it ended."""
    about = (owned.words, buyer)
    hooked(
        market,
        ("settle", *about),
        ("settleFor", *about, sign(buyer, market, "Settle", owned.about("buyer"))),
        ("concedeFor", *about, sign(seller, market, "Concede", owned.about("seller"))),
        ("refund", *about),
        ("disputeKey", *about, owned.posted, owned.b.scalar),
        ("disputeChunk", *about, owned.posted, owned.b.scalar, owned.content.chunk(0)),
        ("deliverFor", owned.id, seller, *owned.delivery[1:], _delivery(market, owned, seller)),
        ("buyFor", owned.words, owned.signature, hook.address, owned.b.x, MAX_UINT256, b""),
    )
    held = odd.balanceOf(market)
    market.settle(owned.words, buyer, {"from": buyer})
    made = outcomes(hook)
    assert [done for done, _ in made] == [False] * 7 + [True]
    assert {answer[:4] for _, answer in made[:7]} == {error(web3, "WrongState(bytes32,uint8)")}
    # The purchase of another, in the middle of a payment, is paid for by him.
    assert (odd.balanceOf(seller), odd.balanceOf(market)) == (PRICE, held)
    assert odd.balanceOf(hook) == HELD - PRICE


def _delivery(market: Any, sale: Sale, seller: Any) -> bytes:
    posted = dict(zip(("pointB", "pointE", "wrapped"), sale.posted, strict=True))
    return sign(seller, market, "Deliver", sale.about("seller") | posted)


def test_a_verdict_is_paid_once(
    market: Any, odd: Any, hook: Any, hooked: Any, owned: Sale, buyer: Any, web3: Any
) -> None:
    """What is owed is not yet, or no longer, owed when the token calls back."""
    hooked(
        market,
        ("refund", owned.words, buyer),
        ("disputeKey", owned.words, buyer, owned.posted, owned.b.scalar),
    )
    market.disputeKey(owned.words, buyer, owned.posted, owned.b.scalar, {"from": buyer})
    assert hook.made() == 2
    assert not any(done for done, _ in outcomes(hook))
    assert (odd.balanceOf(buyer), market.saleOf(owned.id)[:3]) == (HELD, (State.KEY_WRONG, 0, False))


def test_what_is_owed_is_paid_once(
    market: Any, odd: Any, hook: Any, hooked: Any, owned: Sale, buyer: Any, deployer: Any
) -> None:
    odd.behave(9, {"from": deployer})
    market.disputeKey(owned.words, buyer, owned.posted, owned.b.scalar, {"from": buyer})
    odd.behave(0, {"from": deployer})
    hooked(market, ("refund", owned.words, buyer))
    market.refund(owned.words, buyer, {"from": buyer})
    assert not any(done for done, _ in outcomes(hook))
    assert odd.balanceOf(buyer) == HELD


def test_a_budget_is_returned_once(
    market: Any,
    create_request: Any,
    odd: Any,
    hook: Any,
    hooked: Any,
    answer: Any,
    buyer: Any,
    owned: Sale,
    deployer: Any,
    web3: Any,
) -> None:
    request = create_request(odd, buyer=hook)
    hook.run(market, market.openRequest.encode_input(words(request)), {"from": deployer})
    held = odd.balanceOf(market)
    hooked(market, ("closeRequest", words(request)), ("closeRequestTo", words(request), buyer.address))
    hook.run(market, market.closeRequest.encode_input(words(request)), {"from": deployer})
    assert {answer[:4] for _, answer in outcomes(hook)} == {error(web3, "RequestNotOpen(bytes32)")}
    assert (odd.balanceOf(market), odd.balanceOf(hook)) == (held - 3 * PRICE, HELD)


def test_what_moves_no_money_is_allowed_meanwhile(
    market: Any, prepare: Any, create_deal: Any, odd: Any, hook: Any, hooked: Any, buyer: Any
) -> None:
    sale = prepare(create_deal(odd))
    hooked(market, ("cancel", [5]), ("cancelAll", [0]), ("saleOf", sale.id))
    market.buy(sale.words, sale.signature, sale.b.x, {"from": buyer})
    made = outcomes(hook)
    assert all(done for done, _ in made)
    # It is written down before the price moves.
    assert int.from_bytes(made[2][1][:32]) == State.BOUGHT
