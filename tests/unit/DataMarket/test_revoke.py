"""revoke and revokeFor: the seller withdraws her consent, on the chain or by a signature."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import next_block_at, now, reverts_with, sign
from tests.orders import digest
from tests.sales import Sale, State, hexed


def test_is_dated(market: Any, delivered: Sale, seller: Any, buyer: Any) -> None:
    then = now() + 100
    next_block_at(then)
    transaction = market.revoke(delivered.digest, buyer, {"from": seller})
    assert market.saleOf(delivered.id)[3:] == (then, 0)
    assert dict(transaction.events["ConsentRevoked"]) == {
        "saleId": hexed(delivered.id),
        "seller": seller,
        "buyer": buyer,
    }


def test_moves_no_money_and_no_deadline(
    market: Any, bought: Sale, seller: Any, buyer: Any, cash: Any
) -> None:
    before = (*market.saleOf(bought.id)[:3], cash.balanceOf(market))
    market.revoke(bought.digest, buyer, {"from": seller})
    assert (*market.saleOf(bought.id)[:3], cash.balanceOf(market)) == before
    market.deliver(*bought.delivery, {"from": seller})


def test_after_the_sale_has_ended(market: Any, delivered: Sale, seller: Any, buyer: Any) -> None:
    market.settle(delivered.words, buyer, {"from": buyer})
    market.revoke(delivered.digest, buyer, {"from": seller})
    assert market.saleOf(delivered.id)[0] == State.PAID
    assert market.saleOf(delivered.id)[3] == now()


def test_happens_once(market: Any, delivered: Sale, seller: Any, buyer: Any, stranger: Any) -> None:
    market.revoke(delivered.digest, buyer, {"from": seller})
    revoked = now()
    signature = sign(seller, market, "Revoke", delivered.about("seller"))
    with reverts_with("AlreadyRevoked", delivered.id, revoked):
        market.revoke(delivered.digest, buyer, {"from": seller})
    with reverts_with("AlreadyRevoked", delivered.id, revoked):
        market.revokeFor(delivered.digest, seller, buyer, signature, {"from": stranger})


@pytest.mark.parametrize("role", ["buyer", "stranger"])
def test_nobody_else_revokes(request: Any, market: Any, delivered: Sale, buyer: Any, role: str) -> None:
    """Who sends is the seller of the sale that is meant, so there is none."""
    with pytest.raises(Exception, match="WrongState"):
        market.revoke(delivered.digest, buyer, {"from": request.getfixturevalue(role)})


def test_needs_a_sale(market: Any, prepare: Any, seller: Any, buyer: Any) -> None:
    sale = prepare()
    with reverts_with("WrongState", sale.id, State.NONE):
        market.revoke(sale.digest, buyer, {"from": seller})


def test_anyone_submits_what_she_signed(
    market: Any, delivered: Sale, seller: Any, buyer: Any, stranger: Any
) -> None:
    signature = sign(seller, market, "Revoke", delivered.about("seller"))
    market.revokeFor(delivered.digest, seller, buyer, signature, {"from": stranger})
    assert market.saleOf(delivered.id)[3] == now()


def test_nobody_else_signs_it(market: Any, delivered: Sale, seller: Any, buyer: Any, stranger: Any) -> None:
    message = delivered.about("seller")
    for signer in (buyer, stranger):
        with reverts_with("NotSignedBy", seller, digest(market, "Revoke", message)):
            market.revokeFor(
                delivered.digest, seller, buyer, sign(signer, market, "Revoke", message), {"from": signer}
            )


def test_a_concession_revokes_nothing(market: Any, delivered: Sale, seller: Any, buyer: Any) -> None:
    message = delivered.about("seller")
    signature = sign(seller, market, "Concede", message)
    with reverts_with("NotSignedBy", seller, digest(market, "Revoke", message)):
        market.revokeFor(delivered.digest, seller, buyer, signature, {"from": buyer})
