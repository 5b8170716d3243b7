"""Sellers and buyers without ether, whose acts a relay brings to the chain: it changes nothing and learns no
key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.client.data.conftest import ROWS, Market
from tests.client.relay.conftest import running_relay, serve
from tests.client.trade.conftest import poor
from troc.acts import KINDS, act_of
from troc.chain import Chain
from troc.data.acts import Context
from troc.data.client import Data
from troc.data.deals import SaleState
from troc.data.messages import Buy, CancelDeals, Deliver, Settle
from troc.errors import InputError, RelayError
from troc.messages import pack_nonce, sign

__all__ = ["serve"]


@pytest.fixture
def relay(market: Market, serve: Callable[[Any], str], tmp_path: Path) -> Iterator[str]:
    """The URL of a relay."""
    with running_relay(market.everyone, tmp_path) as app:
        yield serve(app)


def relayed(market: Market, relay: str, name: str) -> Data:
    """Somebody without ether who knows a relay."""
    troc = market.everyone.as_account(poor(name), relays=[relay])
    places: dict[str, Any] = {
        "folder": market.folder / name,
        "database": f"sqlite:///{market.folder}/{name}.db",
    }
    return troc.data.using(market.copies, market.copies.fetch, **places)


def test_a_whole_sale_without_ether(market: Market, relay: str) -> None:
    ann, dai = (relayed(market, relay, name) for name in ("ann", "dai"))
    sale = dai.buy(ann.offer(market.copy(), "50 MILK"))
    assert [did.what for did in ann.seller.step()] == ["delivered"]
    assert [dict(row) for row in dai.open(sale.id).rows] == ROWS
    assert [did.what for did in dai.buyer.step()] == ["settled"]
    ann.revoke(sale.id)
    dai.acknowledge(sale.id)
    found = market.sale(sale.id)
    assert (found.state, bool(found.revoked_at), bool(found.acknowledged_at)) == (SaleState.PAID, True, True)
    second = dai.buy(ann.offer(market.copy(), "5 MILK"))
    ann.deliver(second.id)
    delivered = market.sale(second.id).delivered
    assert delivered is not None
    market.pass_to(delivered.dispute_until + 1)
    assert [did.what for did in ann.seller.step()] == ["withdrawn"]
    assert market.balance(ann) == 55


def test_a_request_without_ether(market: Market, relay: str) -> None:
    ann, dai = (relayed(market, relay, name) for name in ("ann", "dai"))
    found = dai.requests.find(dai.requests.open(dai.requests.draft(dai.buyer.money("5 MILK"), 2)))
    (sale,) = dai.requests.take(found, [ann.requests.fill(found, market.copy())])
    assert market.sale(sale.id).state == SaleState.BOUGHT
    dai.requests.close(dai.requests.find(found.id))
    assert dai.requests.find(found.id).left == 0


def test_what_a_relay_is_told_is_what_was_signed(market: Market) -> None:
    offer = market.ann.offer(market.copy(), "5 MILK")
    dai = market.dai.buyer
    acts = market.everyone.acts
    point, deadline = dai.point_for(offer.digest)
    buy = Buy(dai.address, offer.digest, bytes(32), point.x, deadline)
    signature = sign(buy, dai.domain, dai.troc.signer)
    context = Context(offer.deal, offer.signature, dai.address)
    act = act_of(buy, signature, dai.domain, context)
    assert acts.read(act.to_json()) == act
    other = replace(context, deal=replace(offer.deal, price=1))
    for wrong in (other, replace(context, buyer=market.eve.buyer.address), Context()):
        with pytest.raises(InputError):
            acts.read(act_of(buy, signature, dai.domain, wrong).to_json())
    sale = offer.sale_id(dai.address)
    for message in (
        Settle(dai.address, bytes(32)),
        Deliver(offer.deal.seller, bytes(32), point.x, point.x, bytes(32)),
    ):
        with pytest.raises(InputError):
            acts.read(act_of(message, signature, dai.domain, context).to_json())
    settle = act_of(Settle(dai.address, sale), signature, dai.domain, context)
    assert acts.read(settle.to_json()) == settle
    assert settle.tokens == (offer.deal.token,)
    with pytest.raises(InputError):
        acts.read(settle.to_json() | {"contract": market.deployment.address("PointsExchange")})
    assert {"Buy", "Deliver", "Request", "CloseRequest", "AcknowledgeMany"} <= set(KINDS)


def test_a_relay_brings_nothing_for_who_has_nothing(market: Market, relay: str) -> None:
    impatient = Chain(market.chain.web3, replace(market.chain.config, wait_seconds=3))
    hal = relayed(Market(impatient, market.deployment, market.cash, market.folder), relay, "hal")
    seller = hal.seller
    with pytest.raises(RelayError):
        seller.do(seller.call("cancel", [7]), CancelDeals(seller.address, (pack_nonce(1, 0),)), Context())
