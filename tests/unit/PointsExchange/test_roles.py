"""Attack 29: who may call what. The exchange has no owner: every function is open to everyone. What it does
to a maker's orders and points depends on her signature alone.
"""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import sign
from tests.orders import words
from tests.unit.PointsExchange.conftest import HELD

ROLES = ["deployer", "brand", "customer", "buyer", "neighbour", "stranger"]
SENDING = [
    "settle",
    "settleWithPermits",
    "take",
    "takeWithPermits",
    "cancel",
    "cancelFor",
    "cancelAll",
    "cancelAllFor",
]
READING = ["digestOf", "remainingOf", "wholeWordOf", "partialWordOf", "DOMAIN_SEPARATOR", "eip712Domain"]


def test_the_matrix_names_every_function(exchange: Any) -> None:
    functions = {
        entry["name"]: entry["stateMutability"] for entry in exchange.abi if entry["type"] == "function"
    }
    assert {name for name, kind in functions.items() if kind == "nonpayable"} == set(SENDING)
    assert {name for name, kind in functions.items() if kind == "view"} == set(READING)
    assert len(functions) == len(SENDING) + len(READING)


def test_the_book_has_no_other_functions() -> None:
    assert {entry["name"] for entry in brownie.OrderBook.abi if entry["type"] == "function"} == {
        "publish",
        "publishBatch",
    }


def test_accepts_no_ether(exchange: Any, stranger: Any) -> None:
    with pytest.raises(Exception, match="revert"):
        stranger.transfer(exchange, 1)


@pytest.fixture
def sender(request: Any, role: str) -> Any:
    return request.getfixturevalue(role)


@pytest.fixture
def signatures(pair: Any, sign_order: Any) -> Any:
    return [sign_order(order) for order in pair]


@pytest.mark.parametrize("role", ROLES)
def test_everyone_settles_what_makers_signed(
    exchange: Any,
    pair: Any,
    signatures: Any,
    sender: Any,
    role: str,
    acme: Any,
    beta: Any,
    customer: Any,
    buyer: Any,
) -> None:
    exchange.settle([words(order) for order in pair], signatures, [(0, 1, 100), (1, 0, 80)], {"from": sender})
    assert (acme.balanceOf(customer), beta.balanceOf(customer)) == (HELD - 100, HELD + 80)
    assert (acme.balanceOf(buyer), beta.balanceOf(buyer)) == (HELD + 100, HELD - 80)


@pytest.mark.parametrize("role", ROLES)
def test_everyone_settles_with_permits(
    exchange: Any, pair: Any, signatures: Any, sender: Any, role: str, acme: Any, buyer: Any
) -> None:
    exchange.settleWithPermits(
        [], [words(order) for order in pair], signatures, [(0, 1, 100), (1, 0, 80)], {"from": sender}
    )
    assert acme.balanceOf(buyer) == HELD + 100


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("permits", [False, True])
def test_everyone_but_the_maker_takes(
    exchange: Any,
    pair: Any,
    signatures: Any,
    sender: Any,
    role: str,
    permits: Any,
    brand: Any,
    acme: Any,
    beta: Any,
) -> None:
    if sender != pair[0]["maker"] and not beta.balanceOf(sender):
        beta.mint(sender, 80, {"from": brand})
    function = exchange.takeWithPermits if permits else exchange.take
    arguments = ([],) * permits + (words(pair[0]), signatures[0], 100, 0, {"from": sender})
    if role == "customer":
        with pytest.raises(Exception, match="SameParty"):
            function(*arguments)
        return
    before = acme.balanceOf(sender)
    function(*arguments)
    assert acme.balanceOf(sender) == before + 100


@pytest.mark.parametrize("role", ROLES)
def test_everyone_ends_only_her_own_orders(exchange: Any, pair: Any, sender: Any, role: str) -> None:
    exchange.cancel([0], [], {"from": sender})
    assert exchange.remainingOf(words(pair[0])) == (0 if role == "customer" else 100)


@pytest.mark.parametrize("role", ROLES)
def test_everyone_ends_only_her_own_series(exchange: Any, pair: Any, sender: Any, role: str) -> None:
    exchange.cancelAll([0], [], {"from": sender})
    assert exchange.remainingOf(words(pair[0])) == (0 if role == "customer" else 100)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("kind", "names"),
    [("Cancel", ("wholeNonces", "partialNonces")), ("CancelAll", ("wholeSeries", "partialSeries"))],
)
def test_everyone_submits_what_the_maker_signed(
    exchange: Any, pair: Any, sender: Any, role: str, customer: Any, kind: str, names: Any
) -> None:
    message = {"maker": customer.address, names[0]: [0], names[1]: []}
    function = exchange.cancelFor if kind == "Cancel" else exchange.cancelAllFor
    function(*message.values(), sign(customer, exchange, kind, message), {"from": sender})
    assert exchange.remainingOf(words(pair[0])) == 0


@pytest.mark.parametrize("role", ROLES)
def test_everyone_reads_the_same(exchange: Any, pair: Any, sender: Any, role: str) -> None:
    assert exchange.remainingOf(words(pair[0]), {"from": sender}) == 100
    assert exchange.wholeWordOf(pair[0]["maker"], 0, {"from": sender}) == 0


def test_a_brand_cannot_stop_its_customers_orders(
    settle: Any, pair: Any, exchange: Any, acme: Any, brand: Any, customer: Any, buyer: Any, stranger: Any
) -> None:
    """Whatever it does after they signed."""
    acme.approve(exchange, 0, {"from": brand})
    acme.setGrant(stranger, 1, 1_000, 0, 0, {"from": brand})
    acme.mint(buyer, 1, {"from": brand})
    with pytest.raises(Exception, match="ERC20InsufficientAllowance"):
        acme.transferFrom(customer, brand, 1, {"from": brand})
    with pytest.raises(Exception, match="HandOverInTwoSteps"):
        acme.renounceOwnership({"from": brand})
    settle(pair, [(0, 1, 100), (1, 0, 80)])
    assert acme.balanceOf(buyer) == HELD + 101
