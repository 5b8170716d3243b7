"""EIP-7702: an account that borrows code still sells, buys and is paid by its own key; the code signs only
what it would sign as a wallet, and nothing stays of it.
"""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import MAX_UINT256, ZERO_ADDRESS, reverts_with, sign
from tests.orders import digest
from tests.sales import PRICE, State
from tests.unit.LoyaltyToken.test_delegated import borrow

pytestmark = pytest.mark.prague


@pytest.fixture(scope="module")
def delegated(market: Any, deployer: Any, seller: Any) -> Any:
    """The seller, who borrows the code of a wallet."""
    borrow(seller, brownie.DelegateMock.deploy({"from": deployer}).address)
    return brownie.Contract.from_abi("DelegateMock", seller.address, brownie.DelegateMock.abi)


def test_own_key_sells_and_the_account_is_paid(
    delegated: Any, market: Any, sell: Any, seller: Any, buyer: Any, cash: Any
) -> None:
    sale = sell()
    market.settle(sale.words, buyer, {"from": buyer})
    assert cash.balanceOf(seller) == PRICE


def test_own_key_signs_every_act(
    delegated: Any, market: Any, sell: Any, seller: Any, buyer: Any, stranger: Any, state_of: Any
) -> None:
    sale = sell()
    market.revokeFor(
        sale.digest, seller, buyer, sign(seller, market, "Revoke", sale.about("seller")), {"from": stranger}
    )
    market.concedeFor(
        sale.words, buyer, sign(seller, market, "Concede", sale.about("seller")), {"from": stranger}
    )
    assert state_of(sale) == State.CONCEDED


def test_a_key_that_the_account_named_signs_until_the_code_goes(
    delegated: Any, market: Any, sell: Any, seller: Any, buyer: Any, stranger: Any, state_of: Any
) -> None:
    sale = sell()
    message = sale.about("seller")
    by_stranger = sign(stranger, market, "Concede", message)
    refused = reverts_with("NotSignedBy", seller, digest(market, "Concede", message))
    with refused:
        market.concedeFor(sale.words, buyer, by_stranger, {"from": stranger})
    delegated.allow(stranger, True, {"from": seller})
    market.concedeFor.call(sale.words, buyer, by_stranger, {"from": stranger})
    borrow(seller, ZERO_ADDRESS)
    with reverts_with("NotSignedBy", seller, digest(market, "Concede", message)):
        market.concedeFor(sale.words, buyer, by_stranger, {"from": stranger})
    assert state_of(sale) == State.DELIVERED


def test_a_delegated_buyer_buys_by_his_own_key(
    market: Any, prepare: Any, deployer: Any, buyer: Any, stranger: Any, state_of: Any
) -> None:
    borrow(buyer, brownie.DelegateMock.deploy({"from": deployer}).address)
    sale = prepare()
    message = {
        "buyer": buyer.address,
        "dealDigest": sale.digest,
        "content": bytes(32),
        "pointB": sale.b.x,
        "deadline": MAX_UINT256,
    }
    signature = sign(buyer, market, "Buy", message)
    market.buyFor(sale.words, sale.signature, buyer, sale.b.x, MAX_UINT256, signature, {"from": stranger})
    assert state_of(sale) == State.BOUGHT
