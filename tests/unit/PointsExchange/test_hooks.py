"""Attack 11: hooks that call back while the exchange waits for them."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import reverts_with
from tests.orders import ERC20, ERC1155, words
from tests.unit.PointsExchange.conftest import HELD


@pytest.fixture(scope="module")
def hook(deployer: Any, acme: Any, customer: Any) -> Any:
    """A contract that calls back, with 100 ACME."""
    contract = brownie.CallbackMock.deploy({"from": deployer})
    acme.transfer(contract, 100, {"from": customer})
    return contract


@pytest.fixture(scope="module")
def odd(deployer: Any, exchange: Any, customer: Any, buyer: Any, hook: Any) -> Any:
    """A token that calls the hook before it moves; customer and buyer hold 1,000."""
    token = brownie.OddTokenMock.deploy({"from": deployer})
    for holder in (customer, buyer):
        token.mint(holder, HELD, {"from": deployer})
        token.approve(exchange, 1, {"from": holder})
    token.setHook(hook, {"from": deployer})
    return token


@pytest.fixture
def hooked(create_order: Any, odd: Any, beta: Any, customer: Any) -> Any:
    """The customer gives 100 of the token with the hook for 80 BETA."""
    return create_order(customer, odd, 100, beta, 80, giveKind=ERC20)


@pytest.fixture
def coupon(create_order: Any, coupons: Any, acme: Any, buyer: Any) -> Any:
    """The buyer gives coupons for 10 ACME."""
    return create_order(buyer, coupons, 10, acme, 10, giveKind=ERC1155, giveId=7)


def _calls(exchange: Any, order: Any, signature: Any) -> Any:
    swap = [(0, 1, order["giveAmount"]), (1, 0, order["wantAmount"])]
    return {
        "take": (words(order), signature, order["giveAmount"], 0),
        "takeWithPermits": ([], words(order), signature, order["giveAmount"], 0),
        "settle": ([words(order)], [signature], swap),
        "settleWithPermits": ([], [words(order)], [signature], swap),
    }


@pytest.mark.parametrize("name", ["take", "takeWithPermits", "settle", "settleWithPermits"])
def test_nothing_is_measured_while_something_is_measured(
    exchange: Any,
    take: Any,
    hook: Any,
    hooked: Any,
    coupon: Any,
    sign_order: Any,
    coupons: Any,
    deployer: Any,
    name: str,
) -> None:
    arguments = _calls(exchange, coupon, sign_order(coupon))[name]
    hook.plan(exchange, getattr(exchange, name).encode_input(*arguments), {"from": deployer})
    take(hooked, 100)
    done, answer = hook.outcome(0)
    assert (done, bytes(answer)) == (False, brownie.web3.keccak(text="Reentrancy()")[:4])
    assert coupons.balanceOf(hook, 7) == 0


def test_points_alone_may_move_meanwhile(
    exchange: Any,
    take: Any,
    hook: Any,
    hooked: Any,
    create_order: Any,
    sign_order: Any,
    acme: Any,
    beta: Any,
    neighbour: Any,
    deployer: Any,
) -> None:
    order = create_order(neighbour, beta, 10, acme, 10)
    hook.plan(
        exchange, exchange.take.encode_input(words(order), sign_order(order), 10, 0), {"from": deployer}
    )
    take(hooked, 100)
    assert hook.outcome(0)[0]
    assert beta.balanceOf(hook) == 10


def test_what_is_being_settled_is_used_up_already(
    exchange: Any, take: Any, hook: Any, hooked: Any, deployer: Any
) -> None:
    hook.plan(exchange, exchange.remainingOf.encode_input(words(hooked)), {"from": deployer})
    take(hooked, 100)
    done, answer = hook.outcome(0)
    assert (done, int.from_bytes(bytes(answer), "big")) == (True, 0)


@pytest.mark.parametrize("name", ["take", "settle"])
def test_one_payment_does_not_count_twice(
    exchange: Any,
    hook: Any,
    odd: Any,
    create_order: Any,
    sign_order: Any,
    beta: Any,
    customer: Any,
    deployer: Any,
    name: str,
) -> None:
    """The hook of one payment makes another; a token that moves what is there has none left for the first."""
    odd.behave(3, {"from": deployer})
    odd.mint(hook, 100, {"from": deployer})
    hook.run(odd, odd.approve.encode_input(exchange, 1), {"from": deployer})
    first, second = (create_order(customer, beta, 80, odd, 100, wantKind=ERC20) for _ in range(2))
    calls = [_calls(exchange, order, sign_order(order))[name] for order in (first, second)]
    hook.plan(exchange, getattr(exchange, name).encode_input(*calls[1]), {"from": deployer})
    hook.run(exchange, getattr(exchange, name).encode_input(*calls[0]), {"from": deployer})
    assert not hook.outcome(0)[0]
    assert (odd.balanceOf(customer), beta.balanceOf(customer)) == (HELD + 100, HELD - 80)


def test_hole_a_claim_released_in_a_hook_is_no_payment(
    exchange: Any,
    hook: Any,
    odd: Any,
    create_order: Any,
    sign_order: Any,
    coupons: Any,
    customer: Any,
    deployer: Any,
) -> None:
    claim = brownie.ClaimMock.deploy(odd, customer, {"from": deployer})
    odd.mint(claim, 100, {"from": deployer})
    odd.behave(3, {"from": deployer})
    hook.run(odd, odd.approve.encode_input(exchange, 1), {"from": deployer})
    order = create_order(customer, coupons, 10, odd, 100, giveKind=ERC1155, giveId=7, wantKind=ERC20)
    hook.plan(claim, claim.release.encode_input(), {"from": deployer})
    call = exchange.settle.encode_input([words(order)], [sign_order(order)], [(0, 1, 10), (1, 0, 100)])
    with reverts_with("ShortDelivery", odd, customer, 0, 100):
        hook.run(exchange, call, {"from": deployer})
