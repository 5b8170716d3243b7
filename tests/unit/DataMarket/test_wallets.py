"""Parties that are contracts: several owners, yes and then no, and odd answers."""

from __future__ import annotations

from typing import Any

import brownie
import pytest
from eth_account import Account

from tests.helpers import MAX_UINT256, reverts_with, sign, travel_to
from tests.orders import digest, words
from tests.sales import PRICE, State
from tests.unit.PointsExchange.test_wallets import ANSWERS


@pytest.fixture(scope="module")
def odd(deployer: Any, market: Any, cash: Any) -> Any:
    """A wallet that answers oddly, with 1,000 in cash that the market may move."""
    wallet = brownie.OddWalletMock.deploy({"from": deployer})
    cash.mint(wallet, 1_000, {"from": deployer})
    wallet.run(cash, cash.approve.encode_input(market, MAX_UINT256), {"from": deployer})
    return wallet


@pytest.fixture(scope="module")
def answers(odd: Any, deployer: Any) -> Any:
    return lambda answer: odd.setAnswer(ANSWERS.index(answer), {"from": deployer})


ODD = [
    "No",
    "True",
    "ShortYes",
    "DirtyYes",
    "Question",
    "Nothing",
    "NoInMegabyte",
    "RevertsWithYes",
    "BurnsGas",
]


@pytest.mark.parametrize("answer", ODD)
def test_odd_answers_are_no_signature(
    market: Any, prepare: Any, create_deal: Any, odd: Any, answers: Any, buyer: Any, answer: str
) -> None:
    sale = prepare(create_deal(seller=odd), signature=b"")
    answers(answer)
    with reverts_with("NotSignedBy", odd, sale.digest):
        market.buy(sale.words, b"", sale.b.x, {"from": buyer})


@pytest.mark.parametrize("answer", ["Yes", "YesInMegabyte"])
def test_yes_is_a_signature(
    market: Any,
    prepare: Any,
    create_deal: Any,
    odd: Any,
    answers: Any,
    buyer: Any,
    state_of: Any,
    answer: str,
) -> None:
    sale = prepare(create_deal(seller=odd), signature=b"")
    answers(answer)
    market.buy(sale.words, b"any bytes", sale.b.x, {"from": buyer})
    assert state_of(sale) == State.BOUGHT


def test_a_seller_who_says_yes_and_then_no(
    market: Any, prepare: Any, create_deal: Any, odd: Any, answers: Any, buyer: Any, deployer: Any, cash: Any
) -> None:
    """What was sold while it said yes stays sold; it is not asked again to be paid."""
    sale, late = (prepare(create_deal(seller=odd), signature=b"") for _ in range(2))
    market.buy(sale.words, b"", sale.b.x, {"from": buyer})
    answers("No")
    with reverts_with("NotSignedBy", odd, late.digest):
        market.buy(late.words, b"", late.b.x, {"from": buyer})
    odd.run(market, market.deliver.encode_input(*sale.delivery), {"from": deployer})
    held = cash.balanceOf(odd)
    market.settle(sale.words, buyer, {"from": buyer})
    assert cash.balanceOf(odd) == held + PRICE


def test_a_buyer_who_says_yes_and_then_no(
    market: Any, prepare: Any, odd: Any, answers: Any, stranger: Any, seller: Any, cash: Any
) -> None:
    sale = prepare(buyer=odd)
    buying = (sale.words, sale.signature, odd, sale.b.x, MAX_UINT256, b"")
    market.buyFor(*buying, {"from": stranger})
    market.deliver(*sale.delivery, {"from": seller})
    answers("No")
    with reverts_with("NotSignedBy", odd, digest(market, "Settle", sale.about("buyer"))):
        market.settleFor(sale.words, odd, b"", {"from": stranger})
    travel_to(market.saleOf(sale.id)[1] + 1)
    market.settle(sale.words, odd, {"from": seller})
    assert cash.balanceOf(seller) == PRICE


def test_a_wallet_says_no_to_each_message(
    market: Any,
    sell: Any,
    create_deal: Any,
    create_request: Any,
    odd: Any,
    answers: Any,
    stranger: Any,
    buyer: Any,
) -> None:
    answers("No")
    request = create_request(buyer=odd)
    with reverts_with("NotSignedBy", odd, digest(market, "Request", request)):
        market.openRequestFor(words(request), b"", {"from": stranger})
    message = {"account": odd.address, "nonces": [0]}
    with reverts_with("NotSignedBy", odd, digest(market, "CancelDeals", message)):
        market.cancelFor(odd, [0], b"", {"from": stranger})


def test_a_seller_that_calls_back_while_it_is_asked(
    market: Any,
    prepare: Any,
    create_deal: Any,
    odd: Any,
    answers: Any,
    buyer: Any,
    deployer: Any,
    seller: Any,
) -> None:
    """It is asked by a static call: it changes nothing; reading is allowed."""
    sale = prepare(create_deal(seller=odd), signature=b"")
    answers("CallsBack")
    odd.setCall(market, market.cancel.encode_input([5]), {"from": deployer})
    with reverts_with("NotSignedBy", odd, sale.digest):
        market.buy(sale.words, b"", sale.b.x, {"from": buyer, "gas_limit": 3_000_000})
    odd.setCall(market, market.saleOf.encode_input(sale.id), {"from": deployer})
    market.buy(sale.words, b"", sale.b.x, {"from": buyer})


def test_a_megabyte_is_not_copied(
    market: Any, prepare: Any, create_deal: Any, odd: Any, answers: Any, buyer: Any
) -> None:
    sale = prepare(create_deal(seller=odd), signature=b"")
    answers("YesInMegabyte")
    transaction = market.buy(sale.words, b"", sale.b.x, {"from": buyer})
    # The wallet's own memory costs 2.2 million; a copy would cost as much again.
    assert transaction.gas_used < 2_600_000


@pytest.mark.parametrize("safe", [False, True], ids=["plain", "as a Safe"])
def test_several_owners_sell_and_are_paid(
    market: Any,
    prepare: Any,
    create_deal: Any,
    deployer: Any,
    buyer: Any,
    seller: Any,
    stranger: Any,
    cash: Any,
    safe: Any,
) -> None:
    owners = sorted([seller, stranger], key=lambda owner: int(owner.address, 16))
    wallet = (brownie.SafeMock if safe else brownie.WalletMock).deploy(owners, 2, {"from": deployer})
    sale = prepare(create_deal(seller=wallet), signature=b"")

    def signed(kind: str, message: Any) -> bytes:
        asked = bytes(wallet.signedHashOf(digest(market, kind, message)))
        return b"".join(
            bytes(Account.unsafe_sign_hash(asked, owner.private_key).signature) for owner in owners
        )

    by_both = signed("Deal", sale.deal)
    with reverts_with("NotSignedBy", wallet, sale.digest):
        market.buy(sale.words, by_both[:65], sale.b.x, {"from": buyer})
    market.buy(sale.words, by_both, sale.b.x, {"from": buyer})
    posted = dict(zip(("pointB", "pointE", "wrapped"), sale.posted, strict=True))
    delivery = signed("Deliver", sale.about("seller") | posted)
    market.deliverFor(sale.id, wallet, *sale.delivery[1:], delivery, {"from": stranger})
    market.settle(sale.words, buyer, {"from": buyer})
    assert cash.balanceOf(wallet) == PRICE


def test_an_attestor_that_is_a_wallet(
    market: Any,
    opened: Any,
    answer: Any,
    attest: Any,
    create_wallet: Any,
    attestor: Any,
    buyer: Any,
    state_of: Any,
) -> None:
    wallet = create_wallet(attestor)
    request = opened(attestor=wallet)
    sale, attestation = answer(request), attest(attestor=wallet)
    market.takeAttested(words(request), sale.words, sale.signature, sale.b.x, attestation, {"from": buyer})
    assert state_of(sale) == State.BOUGHT


def test_a_wallet_buys_by_its_owners_signature(
    market: Any,
    prepare: Any,
    create_wallet: Any,
    deployer: Any,
    buyer: Any,
    stranger: Any,
    cash: Any,
    state_of: Any,
) -> None:
    wallet = create_wallet(buyer)
    cash.mint(wallet, PRICE, {"from": deployer})
    wallet.execute(cash, cash.approve.encode_input(market, PRICE), {"from": buyer})
    sale = prepare(buyer=wallet)
    message = {
        "buyer": wallet.address,
        "dealDigest": sale.digest,
        "content": bytes(32),
        "pointB": sale.b.x,
        "deadline": MAX_UINT256,
    }
    signature = sign(buyer, market, "Buy", message)
    market.buyFor(sale.words, sale.signature, wallet, sale.b.x, MAX_UINT256, signature, {"from": stranger})
    assert state_of(sale) == State.BOUGHT
