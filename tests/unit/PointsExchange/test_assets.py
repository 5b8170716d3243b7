"""Attack 10: tokens that do not do what they were told, as money and as coupons, given and wanted."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import reverts_with
from tests.orders import ERC20, ERC1155, POINTS, words
from tests.unit.PointsExchange.conftest import HELD

ODDITIES = [
    "None",
    "TakesFee",
    "DeliversNothing",
    "DeliversWhatIsThere",
    "DeliversTwice",
    "ReturnsNothing",
    "ReturnsFalse",
    "ReturnsTwo",
    "ReturnsMegabyte",
    "Reverts",
    "RevertsWithMegabyte",
    "BurnsGas",
    "HalvesBalances",
    "DoublesBalances",
    "ReportsFallingBalances",
    "ReportsRisingBalances",
]


@pytest.fixture(scope="module")
def odd(deployer: Any, exchange: Any, customer: Any, buyer: Any) -> Any:
    """A token that misbehaves as it is told; customer and buyer hold 1,000."""
    token = brownie.OddTokenMock.deploy({"from": deployer})
    for holder in (customer, buyer):
        token.mint(holder, HELD, {"from": deployer})
        token.approve(exchange, 1, {"from": holder})
    return token


@pytest.fixture
def take_odd(take: Any, create_order: Any, odd: Any, beta: Any, customer: Any, deployer: Any) -> Any:
    """The buyer takes 100 of the odd token for 80 BETA, or gives 100 of it for 80 BETA."""

    def take_odd(oddity: str, kind: Any, side: str) -> Any:
        odd.behave(ODDITIES.index(oddity), {"from": deployer})
        if side == "give":
            return take(create_order(customer, odd, 100, beta, 80, giveKind=kind), 100)
        return take(create_order(customer, beta, 80, odd, 100, wantKind=kind), 80)

    return take_odd


sides = pytest.mark.parametrize("side", ["give", "want"])


@sides
@pytest.mark.parametrize(
    ("oddity", "kind"),
    [
        ("None", POINTS),
        ("None", ERC20),
        ("None", ERC1155),
        ("ReturnsNothing", ERC20),
        ("ReturnsMegabyte", POINTS),
        ("ReturnsMegabyte", ERC20),
        ("DeliversTwice", ERC20),
        ("DoublesBalances", ERC1155),
    ],
)
def test_harmless_oddities(
    take_odd: Any, odd: Any, beta: Any, customer: Any, oddity: str, kind: Any, side: str
) -> None:
    take_odd(oddity, kind, side)
    assert beta.balanceOf(customer) == HELD + (80 if side == "give" else -80)


@sides
@pytest.mark.parametrize("kind", [ERC20, ERC1155])
@pytest.mark.parametrize(
    ("oddity", "delivered"),
    [("TakesFee", 98), ("DeliversNothing", 0), ("HalvesBalances", 0), ("ReportsFallingBalances", 0)],
)
def test_reverts_when_less_arrives(
    take_odd: Any, odd: Any, customer: Any, buyer: Any, oddity: str, delivered: int, kind: Any, side: str
) -> None:
    receiver = buyer if side == "give" else customer
    with reverts_with("ShortDelivery", odd, receiver, delivered, 100):
        take_odd(oddity, kind, side)


@sides
@pytest.mark.parametrize("oddity", ["ReturnsNothing", "ReturnsFalse", "ReturnsTwo"])
def test_reverts_when_points_do_not_answer_true(take_odd: Any, odd: Any, oddity: str, side: str) -> None:
    with reverts_with("TransferRefused", odd):
        take_odd(oddity, POINTS, side)


@sides
@pytest.mark.parametrize(
    "oddity", ["ReturnsFalse", "ReturnsTwo", "Reverts", "RevertsWithMegabyte", "BurnsGas"]
)
def test_reverts_when_money_does_not_move(take_odd: Any, oddity: str, side: str) -> None:
    with reverts_with("TransferFromFailed"):
        take_odd(oddity, ERC20, side)


@sides
@pytest.mark.parametrize("kind", [POINTS, ERC1155])
def test_reverts_with_the_tokens_own_reason(take_odd: Any, kind: Any, side: str) -> None:
    with reverts_with("OddRefusal"):
        take_odd("Reverts", kind, side)


def test_attack_13_a_receiver_that_refuses_blocks_nobody_else(
    take: Any,
    exchange: Any,
    create_order: Any,
    sign_order: Any,
    coupons: Any,
    beta: Any,
    customer: Any,
    buyer: Any,
    deployer: Any,
) -> None:
    refuser = brownie.OddWalletMock.deploy({"from": deployer})
    beta.transfer(refuser, 100, {"from": buyer})
    order = create_order(customer, coupons, 10, beta, 10, giveKind=ERC1155, giveId=7)
    call = exchange.take.encode_input(words(order), sign_order(order), 10, 0)
    with reverts_with("TransferToNonERC1155ReceiverImplementer"):
        refuser.run(exchange, call, {"from": deployer})
    take(order, 10)
    assert coupons.balanceOf(buyer, 7) == HELD + 10
