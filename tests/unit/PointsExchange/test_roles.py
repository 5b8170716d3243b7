"""Attack 29: who may call what. The exchange has no owner, so every function is open to everyone, and what it does to
a maker's orders and points depends on her signature alone.
"""

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


def test_the_matrix_names_every_function(exchange):
    functions = {
        entry["name"]: entry["stateMutability"] for entry in exchange.abi if entry["type"] == "function"
    }
    assert {name for name, kind in functions.items() if kind == "nonpayable"} == set(SENDING)
    assert {name for name, kind in functions.items() if kind == "view"} == set(READING)
    assert len(functions) == len(SENDING) + len(READING)


def test_the_book_has_no_other_functions(OrderBook):
    assert {entry["name"] for entry in OrderBook.abi if entry["type"] == "function"} == {
        "publish",
        "publishBatch",
    }


def test_accepts_no_ether(exchange, stranger):
    with pytest.raises(Exception, match="revert"):
        stranger.transfer(exchange, 1)


@pytest.fixture
def sender(request, role):
    return request.getfixturevalue(role)


@pytest.fixture
def signatures(pair, sign_order):
    return [sign_order(order) for order in pair]


@pytest.mark.parametrize("role", ROLES)
def test_everyone_settles_what_makers_signed(
    exchange, pair, signatures, sender, role, acme, beta, customer, buyer
):
    exchange.settle([words(order) for order in pair], signatures, [(0, 1, 100), (1, 0, 80)], {"from": sender})
    assert (acme.balanceOf(customer), beta.balanceOf(customer)) == (HELD - 100, HELD + 80)
    assert (acme.balanceOf(buyer), beta.balanceOf(buyer)) == (HELD + 100, HELD - 80)


@pytest.mark.parametrize("role", ROLES)
def test_everyone_settles_with_permits(exchange, pair, signatures, sender, role, acme, buyer):
    exchange.settleWithPermits(
        [], [words(order) for order in pair], signatures, [(0, 1, 100), (1, 0, 80)], {"from": sender}
    )
    assert acme.balanceOf(buyer) == HELD + 100


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("permits", [False, True])
def test_everyone_but_the_maker_takes(exchange, pair, signatures, sender, role, permits, brand, acme, beta):
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
def test_everyone_ends_only_her_own_orders(exchange, pair, sender, role):
    exchange.cancel([0], [], {"from": sender})
    assert exchange.remainingOf(words(pair[0])) == (0 if role == "customer" else 100)


@pytest.mark.parametrize("role", ROLES)
def test_everyone_ends_only_her_own_series(exchange, pair, sender, role):
    exchange.cancelAll([0], [], {"from": sender})
    assert exchange.remainingOf(words(pair[0])) == (0 if role == "customer" else 100)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("kind", "names"),
    [("Cancel", ("wholeNonces", "partialNonces")), ("CancelAll", ("wholeSeries", "partialSeries"))],
)
def test_everyone_submits_what_the_maker_signed(exchange, pair, sender, role, customer, kind, names):
    message = {"maker": customer.address, names[0]: [0], names[1]: []}
    function = exchange.cancelFor if kind == "Cancel" else exchange.cancelAllFor
    function(*message.values(), sign(customer, exchange, kind, message), {"from": sender})
    assert exchange.remainingOf(words(pair[0])) == 0


@pytest.mark.parametrize("role", ROLES)
def test_everyone_reads_the_same(exchange, pair, sender, role):
    assert exchange.remainingOf(words(pair[0]), {"from": sender}) == 100
    assert exchange.wholeWordOf(pair[0]["maker"], 0, {"from": sender}) == 0


def test_a_brand_cannot_stop_its_customers_orders(
    settle, pair, exchange, acme, brand, customer, buyer, stranger
):
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
