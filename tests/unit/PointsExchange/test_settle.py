"""settle: orders that fit together, by a list of direct transfers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import LANE, next_block_at, nonce, reverts_with, sign
from tests.orders import ERC20, ERC1155, digest, words
from tests.unit.PointsExchange.conftest import HELD

SWAP = [(0, 1, 100), (1, 0, 80)]


def test_moves_points_from_maker_to_maker(
    settle: Any, pair: Any, acme: Any, beta: Any, customer: Any, buyer: Any
) -> None:
    settle(pair, SWAP)
    assert (acme.balanceOf(customer), beta.balanceOf(customer)) == (HELD - 100, HELD + 80)
    assert (acme.balanceOf(buyer), beta.balanceOf(buyer)) == (HELD + 100, HELD - 80)


def test_emits_an_event_for_each_order(
    settle: Any, pair: Any, exchange: Any, customer: Any, buyer: Any
) -> None:
    events = settle(pair, SWAP).events["OrderFilled"]
    assert [dict(event) for event in events] == [
        {"digest": _hex(exchange, pair[0]), "maker": customer, "given": 100, "received": 80},
        {"digest": _hex(exchange, pair[1]), "maker": buyer, "given": 80, "received": 100},
    ]


def _hex(exchange: Any, order: Any) -> Any:
    return "0x" + digest(exchange, "Order", order).hex()


def test_x1_keeps_nothing(settle: Any, pair: Any, exchange: Any, acme: Any, beta: Any) -> None:
    settle(pair, SWAP)
    assert acme.balanceOf(exchange) == beta.balanceOf(exchange) == exchange.balance() == 0


def test_sender_is_one_side(settle: Any, pair: Any, acme: Any, beta: Any, buyer: Any) -> None:
    settle(pair[:1], SWAP, sender=buyer)
    assert (acme.balanceOf(buyer), beta.balanceOf(buyer)) == (HELD + 100, HELD - 80)


def test_sender_receives_what_is_over(settle: Any, pair: Any, acme: Any, beta: Any, stranger: Any) -> None:
    pair[0]["wantAmount"], pair[1]["wantAmount"] = 70, 95
    settle(pair, [(0, 1, 95), (0, 2, 5), (1, 0, 70), (1, 2, 10)])
    assert (acme.balanceOf(stranger), beta.balanceOf(stranger)) == (5, 10)


def test_three_kinds_in_one_settlement(
    settle: Any,
    create_order: Any,
    acme: Any,
    cash: Any,
    coupons: Any,
    customer: Any,
    buyer: Any,
    neighbour: Any,
) -> None:
    orders = [
        create_order(neighbour, acme, 30, coupons, 10, wantKind=ERC1155, wantId=7),
        create_order(customer, coupons, 10, cash, 20, giveKind=ERC1155, giveId=7, wantKind=ERC20),
        create_order(buyer, cash, 20, acme, 30, giveKind=ERC20),
    ]
    settle(orders, [(0, 2, 30), (1, 0, 10), (2, 1, 20)])
    assert coupons.balanceOf(neighbour, 7) == 10
    assert cash.balanceOf(customer) == HELD + 20
    assert acme.balanceOf(buyer) == HELD + 30


def test_same_partial_order_twice(
    settle: Any,
    exchange: Any,
    create_order: Any,
    acme: Any,
    beta: Any,
    customer: Any,
    buyer: Any,
    neighbour: Any,
) -> None:
    order = create_order(customer, acme, 100, beta, 80, allowPartial=True)
    orders = [
        order,
        order,
        create_order(buyer, beta, 48, acme, 60),
        create_order(neighbour, beta, 32, acme, 40),
    ]
    settle(orders, [(0, 2, 60), (2, 0, 48), (1, 3, 40), (3, 1, 32)])
    assert exchange.remainingOf(words(order)) == 0
    assert beta.balanceOf(customer) == HELD + 80


def test_deadline_to_the_second(
    settle: Any, create_order: Any, acme: Any, beta: Any, customer: Any, buyer: Any
) -> None:
    order = create_order(customer, acme, 100, beta, 80, allowPartial=True)
    for moment in (order["openUntil"] - 1, order["openUntil"]):
        next_block_at(moment)
        settle([order], [(0, 1, 10), (1, 0, 8)], sender=buyer)
    next_block_at(order["openUntil"] + 1)
    with reverts_with("OrderExpired", order["openUntil"]):
        settle([order], [(0, 1, 10), (1, 0, 8)], sender=buyer)


def test_reverts_when_signatures_are_missing(
    exchange: Any, pair: Any, sign_order: Any, stranger: Any
) -> None:
    with reverts_with("SignaturesMissing", 2, 1):
        exchange.settle([words(order) for order in pair], [sign_order(pair[0])], SWAP, {"from": stranger})


@pytest.mark.parametrize("transfer", [(3, 0, 1), (0, 3, 1), (2, 3, 1)])
def test_reverts_when_there_is_no_such_order(settle: Any, pair: Any, transfer: Any) -> None:
    with reverts_with("NoSuchOrder", 3):
        settle(pair, [transfer])


def test_reverts_when_sender_is_both_ends(settle: Any, pair: Any) -> None:
    with reverts_with("NoSuchOrder", 2):
        settle(pair, [(2, 2, 1)])


@pytest.mark.parametrize("amount", [0, 2**128])
def test_reverts_when_a_transfer_is_out_of_range(settle: Any, pair: Any, amount: int) -> None:
    with reverts_with("AmountOutOfRange", amount):
        settle(pair, [(0, 1, amount)])


@pytest.mark.parametrize("field", ["giveAmount", "wantAmount"])
@pytest.mark.parametrize("amount", [0, 2**128])
def test_reverts_when_an_order_is_out_of_range(settle: Any, pair: Any, field: Any, amount: int) -> None:
    pair[0][field] = amount
    with reverts_with("AmountOutOfRange", amount):
        settle(pair, SWAP)


def test_reverts_when_a_partial_order_gives_nothing(
    settle: Any, create_order: Any, acme: Any, beta: Any, customer: Any
) -> None:
    order = create_order(customer, acme, 100, beta, 80, allowPartial=True)
    with reverts_with("AmountOutOfRange", 0):
        settle([order], [])


def test_reverts_when_assets_differ(settle: Any, pair: Any, cash: Any) -> None:
    pair[0] |= {"wantToken": cash.address, "wantKind": ERC20}
    with reverts_with("AssetsDiffer", 1):
        settle(pair, SWAP)


def test_reverts_when_both_ends_are_one_account(settle: Any, pair: Any, customer: Any) -> None:
    pair[1]["maker"] = customer.address
    with reverts_with("SameParty", customer):
        settle(pair, SWAP)


@pytest.mark.parametrize("transfer", [(0, 1, 100), (1, 0, 80)])
def test_reverts_when_the_sender_is_the_other_side_of_her_own_order(
    settle: Any, pair: Any, customer: Any, transfer: Any
) -> None:
    with reverts_with("SameParty", customer):
        settle(pair[:1], [transfer], sender=customer)


def test_reverts_when_an_order_gives_what_it_wants(settle: Any, pair: Any, acme: Any, buyer: Any) -> None:
    pair[0]["wantToken"] = acme.address
    with reverts_with("SameAsset", acme):
        settle(pair[:1], SWAP, sender=buyer)


@pytest.mark.parametrize("side", ["give", "want"])
def test_reverts_when_a_kind_is_unknown(settle: Any, pair: Any, buyer: Any, side: str) -> None:
    pair[0][f"{side}Kind"] = 3
    with reverts_with("UnknownKind", 3):
        settle(pair[:1], SWAP, sender=buyer)


@pytest.mark.parametrize("side", ["give", "want"])
def test_reverts_when_points_have_an_id(settle: Any, pair: Any, buyer: Any, side: str) -> None:
    pair[0][f"{side}Id"] = 1
    with reverts_with("IdNotZero", 1):
        settle(pair[:1], SWAP, sender=buyer)


@pytest.mark.parametrize(
    ("side", "bound"), [("give", "givePointsExpiringBy"), ("want", "wantPointsLivingUntil")]
)
@pytest.mark.parametrize("kind", [ERC20, ERC1155])
def test_reverts_when_something_without_lots_is_bounded(
    settle: Any, pair: Any, buyer: Any, side: str, bound: Any, kind: Any
) -> None:
    pair[0] |= {f"{side}Kind": kind, bound: 1}
    with reverts_with("BoundNotZero", 1):
        settle(pair[:1], SWAP, sender=buyer)


def test_reverts_when_not_signed_by_the_maker(
    exchange: Any, pair: Any, sign_order: Any, neighbour: Any, customer: Any, stranger: Any
) -> None:
    forged = sign(neighbour, exchange, "Order", pair[0])
    with reverts_with("NotSignedByMaker", customer, digest(exchange, "Order", pair[0])):
        exchange.settle(
            [words(order) for order in pair], [forged, sign_order(pair[1])], SWAP, {"from": stranger}
        )


@pytest.mark.parametrize("amount", [99, 101])
def test_reverts_when_a_whole_order_gives_less_or_more(
    settle: Any, pair: Any, exchange: Any, amount: int
) -> None:
    with reverts_with("NotWhole", digest(exchange, "Order", pair[0]), amount, 100):
        settle(pair, [(0, 1, amount), (1, 0, 80)])


def test_hole_a_whole_order_burned_by_an_empty_fill(settle: Any, pair: Any, exchange: Any) -> None:
    with reverts_with("NotWhole", digest(exchange, "Order", pair[0]), 0, 100):
        settle(pair[:1], [])
    assert exchange.remainingOf(words(pair[0])) == 100


def test_reverts_below_the_price(settle: Any, pair: Any, exchange: Any) -> None:
    pair[1]["giveAmount"] = 79
    with reverts_with("BelowPrice", digest(exchange, "Order", pair[0]), 100, 79):
        settle(pair, [(0, 1, 100), (1, 0, 79)])


def test_attack_08_reverts_when_settled_again(settle: Any, pair: Any, customer: Any) -> None:
    settle(pair, SWAP)
    with reverts_with("NonceUsed", customer, pair[0]["nonce"]):
        settle(pair, SWAP)


def test_reverts_when_an_index_is_too_large(settle: Any, pair: Any) -> None:
    pair[0]["nonce"] = nonce(224)
    with reverts_with("NonceIndexTooLarge", nonce(224)):
        settle(pair, SWAP)


def test_reverts_when_a_series_is_not_current(settle: Any, pair: Any, customer: Any) -> None:
    pair[0]["nonce"] = nonce(series=1)
    with reverts_with("NonceNotCurrent", customer, nonce(series=1), 0):
        settle(pair, SWAP)


def test_reverts_when_parts_add_up_to_too_much(
    settle: Any, create_order: Any, acme: Any, beta: Any, customer: Any, buyer: Any
) -> None:
    order = create_order(customer, acme, 100, beta, 80, allowPartial=True)
    settle([order], [(0, 1, 60), (1, 0, 48)], sender=buyer)
    with reverts_with("Overfilled", customer, order["nonce"], 40, 41):
        settle([order], [(0, 1, 41), (1, 0, 40)], sender=buyer)


def test_reverts_when_a_maker_has_too_few_points(
    settle: Any, create_order: Any, acme: Any, beta: Any, customer: Any, buyer: Any
) -> None:
    orders = [create_order(customer, acme, HELD + 1, beta, 80), create_order(buyer, beta, 80, acme, 1)]
    with reverts_with("ERC20InsufficientBalance", customer, HELD, HELD + 1):
        settle(orders, [(0, 1, HELD + 1), (1, 0, 80)])


def test_reverts_when_a_maker_switched_the_exchange_off(
    settle: Any, pair: Any, exchange: Any, acme: Any, customer: Any
) -> None:
    acme.approve(exchange, 0, {"from": customer})
    with reverts_with("ExchangeSwitchedOff", customer):
        settle(pair, SWAP)


def test_reverts_when_a_token_of_points_has_no_code(
    settle: Any, pair: Any, buyer: Any, stranger: Any
) -> None:
    pair[0]["giveToken"] = stranger.address
    with reverts_with("TransferRefused", stranger):
        settle(pair[:1], SWAP, sender=buyer)


def test_reverts_when_a_word_is_too_large(exchange: Any, pair: Any, sign_order: Any, buyer: Any) -> None:
    """brownie would not encode such an order: the words are changed afterwards."""
    call = exchange.take.encode_input(words(pair[0]), sign_order(pair[0]), 100, 0)
    # The maker's word follows the selector, and its upper 12 bytes are zero.
    with reverts_with("MalformedOrder"):
        buyer.transfer(exchange, data=call[:10] + "1" + call[11:])


def test_a_lot_to_the_last_unit(
    settle: Any, create_order: Any, create_token: Any, brand: Any, beta: Any, customer: Any, buyer: Any
) -> None:
    token = create_token(name="Full", symbol="FULL")
    token.mint(customer, LANE, {"from": brand})
    settle([create_order(customer, token, LANE, beta, 1)], [(0, 1, LANE), (1, 0, 1)], sender=buyer)
    assert token.balanceOf(buyer) == LANE
