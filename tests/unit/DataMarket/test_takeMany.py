"""takeMany and takeManyFor: the buyer accepts many answers; what ended meanwhile is passed over."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import MAX_UINT256, next_block_at, now, reverts_with, sign
from tests.orders import POINTS, digest, words
from tests.sales import PRICE, Sale, State


@pytest.fixture(scope="module")
def request_(opened: Any) -> dict[str, Any]:
    """An open request for three answers in cash."""
    request: dict[str, Any] = opened()
    return request


@pytest.fixture(scope="module")
def attested(opened: Any, attestor: Any) -> dict[str, Any]:
    """An open request for three answers that the attestor vouches for."""
    request: dict[str, Any] = opened(attestor=attestor)
    return request


def states(market: Any, *sales: Sale) -> list[int]:
    return [market.saleOf(sale.id)[0] for sale in sales]


def test_takes_many_at_once(market: Any, request_: Any, request_id: Any, answer: Any, buyer: Any) -> None:
    sales = [answer(request_) for _ in range(3)]
    transaction = market.takeMany(words(request_), [sale.answer() for sale in sales], {"from": buyer})
    assert states(market, *sales) == [State.BOUGHT] * 3
    assert len(transaction.events["AnswerTaken"]) == len(transaction.events["Bought"]) == 3
    assert market.leftOf(request_id(request_)) == 0


def test_says_how_many(market: Any, request_: Any, answer: Any, buyer: Any) -> None:
    sale = answer(request_)
    for answers, taken in (([], 0), ([sale.answer()], 1), ([sale.answer()] * 3, 1)):
        assert market.takeMany.call(words(request_), answers, {"from": buyer}) == taken


def test_passes_over_what_ended_since_the_buyer_looked(
    market: Any, request_: Any, request_id: Any, answer: Any, buyer: Any, seller: Any
) -> None:
    sold, cancelled, expired, unsigned, good = (
        answer(request_),
        answer(request_),
        answer(request_, openUntil=now() - 1),
        answer(request_, signature=b""),
        answer(request_),
    )
    market.take(words(request_), sold.words, sold.signature, sold.b.x, {"from": buyer})
    market.cancel([cancelled.deal["nonce"]], {"from": seller})
    answers = [sale.answer() for sale in (sold, cancelled, expired, unsigned, good)]
    assert market.takeMany.call(words(request_), answers, {"from": buyer}) == 1
    market.takeMany(words(request_), answers, {"from": buyer})
    assert states(market, sold, cancelled, expired, unsigned, good) == [1, 0, 0, 0, 1]
    assert market.leftOf(request_id(request_)) == 1


def test_passes_over_what_is_no_longer_attested(
    market: Any,
    attested: Any,
    request_id: Any,
    attestors: Any,
    answer: Any,
    attest: Any,
    buyer: Any,
    seller: Any,
    attestor: Any,
) -> None:
    attestors.revokeAttestations([7], {"from": attestor})
    sales = [answer(attested) for _ in range(6)]
    attestations = [
        attest(index=7),
        attest(expires=now() - 1),
        attest(issued=now() + 1_000),
        attest(signer=seller),
        attest(),
        attest(index=1),
    ]
    answers = [sale.answer(one) for sale, one in zip(sales, attestations, strict=True)]
    market.takeMany(words(attested), answers, {"from": buyer})
    # The last is of a subject that was taken a moment ago.
    assert states(market, *sales) == [0, 0, 0, 0, 1, 0]
    assert market.leftOf(request_id(attested)) == 2


def test_points_of_all_wait_in_the_requests_pocket(
    market: Any, opened: Any, request_id: Any, answer: Any, points: Any, buyer: Any, seller: Any
) -> None:
    request = opened(points, kind=POINTS)
    sales = [answer(request) for _ in range(3)]
    market.takeMany(words(request), [sale.answer() for sale in sales], {"from": buyer})
    pocket = points.pocketOf(market, request_id(request))
    assert (points.balanceOf(pocket), market.leftOf(request_id(request))) == (3 * PRICE, 0)
    for sale in sales:
        market.deliver(*sale.delivery, {"from": seller})
        market.settle(sale.words, buyer, {"from": buyer})
    assert (points.balanceOf(pocket), points.balanceOf(seller)) == (0, 3 * PRICE)


def test_a_wallet_that_burns_its_gas_is_passed_over(
    market: Any, opened: Any, answer: Any, buyer: Any, deployer: Any
) -> None:
    """A sixty-fourth is left after it; the buyer leaves such a seller out the next time."""
    wallet = brownie.OddWalletMock.deploy({"from": deployer})
    request = opened()
    burning, good = answer(request, seller=wallet, signature=b""), answer(request)
    wallet.setAnswer(10, {"from": deployer})
    answers = [burning.answer(), good.answer()]
    market.takeMany(words(request), answers, {"from": buyer, "gas_limit": 12_000_000})
    assert states(market, burning, good) == [0, 1]


@pytest.mark.parametrize("fields", [{"price": PRICE + 1}, {"termsHash": bytes(32)}, {"count": 0}])
def test_an_answer_that_never_fitted_stops_all(
    market: Any, request_: Any, answer: Any, buyer: Any, fields: Any
) -> None:
    """That is the buyer's own mistake, and tells him so."""
    good, bad = answer(request_), answer(request_, **fields)
    with pytest.raises(Exception, match=r"NotAsRequested|CountOutOfRange"):
        market.takeMany(words(request_), [good.answer(), bad.answer()], {"from": buyer})
    assert states(market, good) == [0]


def test_one_more_than_is_left_stops_all(
    market: Any, request_: Any, request_id: Any, answer: Any, buyer: Any
) -> None:
    answers = [answer(request_).answer() for _ in range(4)]
    with reverts_with("RequestNotOpen", request_id(request_)):
        market.takeMany(words(request_), answers, {"from": buyer})


def test_is_the_buyers_alone(market: Any, request_: Any, answer: Any, buyer: Any, seller: Any) -> None:
    with reverts_with("NotTheParty", buyer, seller):
        market.takeMany(words(request_), [answer(request_).answer()], {"from": seller})


@pytest.mark.parametrize("late", [0, 1])
def test_may_be_made_until_the_last_second(
    market: Any, request_: Any, answer: Any, buyer: Any, late: int
) -> None:
    sale = answer(request_, openUntil=MAX_UINT256)
    next_block_at(request_["openUntil"] + late)
    if not late:
        market.takeMany(words(request_), [sale.answer()], {"from": buyer})
        return
    with reverts_with("DealExpired", request_["openUntil"]):
        market.takeMany(words(request_), [sale.answer()], {"from": buyer})


# ---------------------------------------------------------------------------------------------- by signature


def message(sale: Sale, deadline: int = MAX_UINT256) -> dict[str, Any]:
    return {
        "buyer": sale.buyer.address,
        "dealDigest": sale.digest,
        "content": bytes(32),
        "pointB": sale.b.x,
        "deadline": deadline,
    }


@pytest.fixture(scope="module")
def signed(market: Any) -> Any:
    """What `takeManyFor` takes after the request."""

    def signed(*sales: Sale, deadline: int = MAX_UINT256, signer: Any = None) -> tuple[Any, ...]:
        signatures = [sign(signer or sale.buyer, market, "Buy", message(sale, deadline)) for sale in sales]
        return [sale.answer() for sale in sales], deadline, signatures

    return signed


def test_anyone_submits_what_both_signed(
    market: Any, request_: Any, answer: Any, signed: Any, stranger: Any
) -> None:
    sales = [answer(request_) for _ in range(2)]
    market.takeManyFor(words(request_), *signed(*sales), {"from": stranger})
    assert states(market, *sales) == [State.BOUGHT] * 2


def test_a_seller_submits_her_own_answer_unsigned(
    market: Any, request_: Any, answer: Any, signed: Any, seller: Any, stranger: Any
) -> None:
    sale = answer(request_, signature=b"")
    assert market.takeManyFor.call(words(request_), *signed(sale), {"from": stranger}) == 0
    market.takeManyFor(words(request_), *signed(sale), {"from": seller})
    assert states(market, sale) == [State.BOUGHT]


def test_those_that_somebody_submitted_before_are_passed_over(
    market: Any, request_: Any, request_id: Any, answer: Any, signed: Any, stranger: Any
) -> None:
    first, second = answer(request_), answer(request_)
    market.takeManyFor(words(request_), *signed(first), {"from": stranger})
    market.takeManyFor(words(request_), *signed(first, second), {"from": stranger})
    assert states(market, first, second) == [State.BOUGHT] * 2
    assert market.leftOf(request_id(request_)) == 1


def test_attested_ones(
    market: Any, attested: Any, answer: Any, attest: Any, signed: Any, stranger: Any
) -> None:
    sale = answer(attested)
    _, deadline, signatures = signed(sale)
    assert (
        market.takeManyFor.call(words(attested), [sale.answer()], deadline, signatures, {"from": stranger})
        == 0
    )
    attestation = attest()
    asked = message(sale, deadline) | {"content": attestation[0]}
    with reverts_with("NotSignedBy", sale.buyer, digest(market, "Buy", asked)):
        market.takeManyFor.call(
            words(attested), [sale.answer(attestation)], deadline, signatures, {"from": stranger}
        )
    signatures = [sign(sale.buyer, market, "Buy", asked)]
    market.takeManyFor(words(attested), [sale.answer(attestation)], deadline, signatures, {"from": stranger})
    assert states(market, sale) == [State.BOUGHT]


def test_nobody_but_the_buyer_signs(
    market: Any, request_: Any, answer: Any, signed: Any, buyer: Any, seller: Any, stranger: Any
) -> None:
    sale = answer(request_)
    for signer in (seller, stranger):
        with reverts_with("NotSignedBy", buyer, digest(market, "Buy", message(sale))):
            market.takeManyFor(words(request_), *signed(sale, signer=signer), {"from": signer})


def test_a_relay_cannot_put_in_its_own_point(
    market: Any, request_: Any, answer: Any, signed: Any, buyer: Any, stranger: Any
) -> None:
    sale, other = answer(request_), answer(request_)
    _, deadline, signatures = signed(sale)
    changed = (sale.words, sale.signature, other.b.x, sale.answer()[3])
    asked = digest(market, "Buy", message(sale) | {"pointB": other.b.x})
    with reverts_with("NotSignedBy", buyer, asked):
        market.takeManyFor(words(request_), [changed], deadline, signatures, {"from": stranger})


@pytest.mark.parametrize("late", [0, 1])
def test_holds_until_the_deadlines_last_second(
    market: Any, request_: Any, answer: Any, signed: Any, stranger: Any, late: int
) -> None:
    sale, deadline = answer(request_), now() + 100
    taking = (words(request_), *signed(sale, deadline=deadline), {"from": stranger})
    next_block_at(deadline + late)
    if not late:
        market.takeManyFor(*taking)
        return
    with reverts_with("PurchaseExpired", deadline):
        market.takeManyFor(*taking)


def test_what_the_buyer_cancelled_is_not_taken(
    market: Any, request_: Any, answer: Any, signed: Any, buyer: Any, stranger: Any
) -> None:
    sale = answer(request_)
    market.cancel([sale.deal["nonce"]], {"from": buyer})
    with reverts_with("DealCancelled", buyer, sale.deal["nonce"]):
        market.takeManyFor(words(request_), *signed(sale), {"from": stranger})


def test_lists_of_two_lengths(market: Any, request_: Any, answer: Any, signed: Any, stranger: Any) -> None:
    answers, deadline, signatures = signed(answer(request_))
    with reverts_with("CountsDiffer", 1, 2):
        market.takeManyFor(words(request_), answers, deadline, signatures * 2, {"from": stranger})
    with reverts_with("CountsDiffer", 0, 1):
        market.takeManyFor(words(request_), [], deadline, signatures, {"from": stranger})


def test_a_purchase_of_a_plain_deal_takes_no_answer(
    market: Any, request_: Any, request_id: Any, prepare: Any, signed: Any, stranger: Any
) -> None:
    with reverts_with("OtherRequest", request_id(request_), bytes(32)):
        market.takeManyFor(words(request_), *signed(prepare()), {"from": stranger})
