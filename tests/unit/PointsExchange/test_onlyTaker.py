"""onlyTaker: the sender is the taker, or everything goes to orders of the taker; a relay may be neither."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import reverts_with
from tests.unit.PointsExchange.conftest import HELD

SWAP = [(0, 1, 100), (1, 0, 80)]


@pytest.fixture
def reserved(pair: Any, buyer: Any) -> Any:
    """The customer's order is for the buyer alone."""
    pair[0]["onlyTaker"] = buyer.address
    return pair


def test_sent_by_the_taker_and_given_to_him(settle: Any, reserved: Any, acme: Any, buyer: Any) -> None:
    settle(reserved[:1], SWAP, sender=buyer)
    assert acme.balanceOf(buyer) == HELD + 100


def test_sent_by_a_relay_and_given_to_his_order(
    settle: Any, reserved: Any, acme: Any, buyer: Any, customer: Any
) -> None:
    """Two customers without ether trade with each other alone."""
    reserved[1]["onlyTaker"] = customer.address
    settle(reserved, SWAP)
    assert acme.balanceOf(buyer) == HELD + 100


def test_sent_by_the_taker_and_given_to_another(
    settle: Any, reserved: Any, acme: Any, buyer: Any, neighbour: Any
) -> None:
    reserved[1]["maker"] = neighbour.address
    settle(reserved, SWAP, sender=buyer)
    assert acme.balanceOf(neighbour) == HELD + 100


def test_reverts_when_neither(settle: Any, reserved: Any, buyer: Any, neighbour: Any) -> None:
    reserved[1]["maker"] = neighbour.address
    with reverts_with("OnlyTaker", buyer, neighbour):
        settle(reserved, SWAP)


def test_reverts_when_another_sender_takes(settle: Any, reserved: Any, buyer: Any, neighbour: Any) -> None:
    with reverts_with("OnlyTaker", buyer, neighbour):
        settle(reserved[:1], SWAP, sender=neighbour)


def test_reverts_when_a_part_goes_past_the_taker(
    settle: Any, reserved: Any, buyer: Any, stranger: Any
) -> None:
    reserved[1]["wantAmount"] = 99
    with reverts_with("OnlyTaker", buyer, stranger):
        settle(reserved, [(0, 1, 99), (1, 0, 80), (0, 2, 1)])


def test_reverts_when_reserved_for_the_maker_herself(
    settle: Any, pair: Any, customer: Any, buyer: Any
) -> None:
    pair[0]["onlyTaker"] = customer.address
    with reverts_with("OnlyTaker", customer, buyer):
        settle(pair, SWAP)


def test_reverts_when_another_pays_in_the_takers_place(
    settle: Any, reserved: Any, buyer: Any, neighbour: Any
) -> None:
    """He would earn the price that was meant for the taker."""
    with reverts_with("OnlyTaker", buyer, neighbour):
        settle(reserved, [(0, 1, 100), (2, 0, 80), (1, 2, 80)], sender=neighbour)


def test_reverts_when_anothers_order_pays_in_the_takers_place(
    settle: Any, reserved: Any, create_order: Any, acme: Any, beta: Any, buyer: Any, neighbour: Any
) -> None:
    orders = [*reserved, create_order(neighbour, beta, 80, acme, 1)]
    with reverts_with("OnlyTaker", buyer, neighbour):
        settle(orders, [(0, 1, 99), (2, 0, 80), (0, 1, 1)])
