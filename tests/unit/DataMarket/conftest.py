"""A market, people with cash and points, content in three sealed chunks, and sales that stand somewhere."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import brownie
import pytest

from tests.helpers import MAX_UINT256, nonce, sign
from tests.orders import digest, words
from tests.sales import Sale, attestation_words, make_attestation, make_deal, make_request, sale_id_of
from tests.sealing import Content, make_content, point_of, wrap

HELD = 1_000


@pytest.fixture(scope="module")
def seller(create_account: Callable[[str], Any]) -> Any:
    """Sells her data."""
    return create_account("seller")


@pytest.fixture(scope="module")
def attestor(create_account: Callable[[str], Any]) -> Any:
    """Vouches for content."""
    return create_account("attestor")


@pytest.fixture(scope="module")
def attestors(deployer: Any) -> Any:
    return brownie.Attestors.deploy({"from": deployer})


@pytest.fixture(scope="module")
def market(deployer: Any, attestors: Any, seller: Any, buyer: Any, stranger: Any) -> Any:
    """After the people, so that a test may ask for one by name."""
    return brownie.DataMarket.deploy(attestors, {"from": deployer})


@pytest.fixture(scope="module")
def cash(deployer: Any, market: Any, buyer: Any) -> Any:
    """Money of which the buyer holds 1,000, and lets the market move it."""
    token = brownie.CashMock.deploy("Euro", "EUR", {"from": deployer})
    token.mint(buyer, HELD, {"from": deployer})
    token.approve(market, MAX_UINT256, {"from": buyer})
    return token


@pytest.fixture(scope="module")
def points(token: Any, market: Any, brand: Any, buyer: Any) -> Any:
    """Points of which the buyer holds 1,000, and lets the market move them."""
    token.mint(buyer, HELD, {"from": brand})
    token.approve(market, MAX_UINT256, {"from": buyer})
    return token


@pytest.fixture(scope="module")
def content() -> Content:
    """Three chunks, none as long as another."""
    return make_content([64, 96, 45])


@pytest.fixture(scope="module")
def lanes() -> Callable[[], int]:
    """A nonce that this module has not used yet, alone in its lane."""
    numbers = count(1)
    return lambda: nonce(lane=next(numbers))


@pytest.fixture(scope="module")
def create_deal(seller: Any, cash: Any, content: Content, lanes: Any) -> Callable[..., dict[str, Any]]:
    """The seller's offer of the content for 50 in cash."""

    def create(token: Any = cash, content: Content = content, **fields: Any) -> dict[str, Any]:
        return make_deal(seller, token, content, **{"nonce": lanes()} | fields)

    return create


@pytest.fixture(scope="module")
def sign_deal(market: Any, accounts: Any) -> Callable[[dict[str, Any]], bytes]:
    """The seller's signature."""
    return lambda deal: sign(accounts.at(deal["seller"]), market, "Deal", deal)


@pytest.fixture(scope="module")
def prepare(
    market: Any, content: Content, create_deal: Any, sign_deal: Any, buyer: Any
) -> Callable[..., Sale]:
    """A sale before it is bought: its key is the committed one unless `key` says otherwise."""
    numbers = count()

    def prepare(
        deal: dict[str, Any] | None = None,
        buyer: Any = buyer,
        key: bytes | None = None,
        content: Content = content,
        signature: bytes | None = None,
    ) -> Sale:
        deal = deal or create_deal()
        deal_digest = digest(market, "Deal", deal)
        sale_id = sale_id_of(deal_digest, deal["seller"], buyer.address)
        b, e = (point_of(f"{side} {next(numbers)}") for side in "be")
        return Sale(
            deal=deal,
            content=content,
            digest=deal_digest,
            signature=sign_deal(deal) if signature is None else signature,
            id=sale_id,
            buyer=buyer,
            b=b,
            e=e,
            wrapped=wrap(content.key if key is None else key, sale_id, e.scalar, b.x),
        )

    return prepare


@pytest.fixture(scope="module")
def buy(market: Any, prepare: Any) -> Callable[..., Sale]:
    """Prepares a sale, and buys."""

    def buy(*arguments: Any, **fields: Any) -> Sale:
        sale: Sale = prepare(*arguments, **fields)
        market.buy(sale.words, sale.signature, sale.b.x, {"from": sale.buyer})
        return sale

    return buy


@pytest.fixture(scope="module")
def sell(market: Any, buy: Any, accounts: Any) -> Callable[..., Sale]:
    """Prepares a sale, buys and delivers."""

    def sell(*arguments: Any, **fields: Any) -> Sale:
        sale: Sale = buy(*arguments, **fields)
        market.deliver(*sale.delivery, {"from": accounts.at(sale.deal["seller"])})
        return sale

    return sell


@pytest.fixture(scope="module")
def bought(buy: Any) -> Sale:
    """A sale that waits for its delivery."""
    sale: Sale = buy()
    return sale


@pytest.fixture(scope="module")
def delivered(sell: Any) -> Sale:
    """A sale that was delivered as it should."""
    sale: Sale = sell()
    return sale


@pytest.fixture(scope="module")
def cheated(sell: Any) -> Sale:
    """A sale that was delivered with another key."""
    sale: Sale = sell(key=b"\x07" * 32)
    return sale


@pytest.fixture(scope="module")
def create_request(buyer: Any, cash: Any, lanes: Any) -> Callable[..., dict[str, Any]]:
    """The buyer's request for three answers at 50 in cash."""

    def create(token: Any = cash, **fields: Any) -> dict[str, Any]:
        return make_request(buyer, token, **{"nonce": lanes()} | fields)

    return create


@pytest.fixture(scope="module")
def request_id(market: Any) -> Callable[[dict[str, Any]], bytes]:
    return lambda request: digest(market, "Request", request)


@pytest.fixture(scope="module")
def opened(market: Any, create_request: Any, buyer: Any) -> Callable[..., dict[str, Any]]:
    """Opens a request of the buyer's."""

    def opened(*arguments: Any, **fields: Any) -> dict[str, Any]:
        request: dict[str, Any] = create_request(*arguments, **fields)
        market.openRequest(words(request), {"from": buyer})
        return request

    return opened


@pytest.fixture(scope="module")
def answer(market: Any, create_deal: Any, prepare: Any, request_id: Any) -> Callable[..., Sale]:
    """The seller's answer to a request."""

    def answer(request: dict[str, Any], **fields: Any) -> Sale:
        asked = {name: request[name] for name in ("price", "termsHash")}
        asked |= {"kind": request["tokenKind"], "requestId": request_id(request)}
        asked |= {"liveUntil": market.liveUntilOf(words(request))}
        signature = fields.pop("signature", None)
        deal = create_deal(request["token"], **asked | fields)
        sale: Sale = prepare(deal, signature=signature)
        return sale

    return answer


@pytest.fixture(scope="module")
def attest(market: Any, attestor: Any, seller: Any) -> Callable[..., tuple[Any, ...]]:
    """The attestor's word for the seller, as the market takes it."""

    def attest(subject: Any = seller, /, signer: Any = attestor, **fields: Any) -> tuple[Any, ...]:
        attestation = make_attestation(attestor, subject, **fields)
        return attestation_words(attestation, sign(signer, market, "Attestation", attestation))

    return attest


@pytest.fixture(scope="module")
def state_of(market: Any) -> Callable[[Sale], int]:
    return lambda sale: int(market.saleOf(sale.id)[0])
