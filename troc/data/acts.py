"""Acts of the market for data: what beside the signed message its call needs, which call that is, and the
trace that it leaves (`troc.acts`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from web3.contract import Contract
from web3.contract.contract import ContractEvent, ContractFunction

from troc.data.messages import (
    MARKET,
    Acknowledge,
    AcknowledgeMany,
    Buy,
    CancelDeals,
    CancelDealSeries,
    CloseRequest,
    Concede,
    Deal,
    Deliver,
    Request,
    Revoke,
    Settle,
    SettleTo,
    market_domain,
    sale_id,
)
from troc.errors import InputError
from troc.messages import KIND_POINTS, Domain, Message, digest, to_address

KINDS: Mapping[str, type[Message]] = {
    kind.__name__: kind
    for kind in (
        Buy,
        Deliver,
        Concede,
        Settle,
        SettleTo,
        Revoke,
        Acknowledge,
        AcknowledgeMany,
        CancelDeals,
        CancelDealSeries,
        Request,
        CloseRequest,
    )
}
CONTRACT = MARKET
ENDING: tuple[type[Message], ...] = (CancelDeals, CancelDealSeries)
"""Messages that only end others, and name what they end."""

domain = market_domain

MOST_SALES = 200
"""Sales of which one message states something."""
NO_ATTESTATION = (bytes(32), 0, 0, 0, b"")

_ABOUT_A_SALE = (Buy, Deliver, Concede, Settle, SettleTo, Revoke, Acknowledge)
_PAID, _CONCEDED = 3, 5
_FIELDS = {"deal", "dealSignature", "buyer", "request", "attestation", "sales"}


@dataclass(frozen=True)
class Context:
    """What the call needs that is not in the message: the deal with its seller's signature, and its buyer;
    the request, and the attestation (as `take` takes it) where an answer is taken; sales as deal digest and
    seller.
    """

    deal: Deal | None = None
    deal_signature: bytes = b""
    buyer: str = ""
    request: Request | None = None
    attestation: tuple[bytes, int, int, int, bytes] = NO_ATTESTATION
    sales: tuple[tuple[bytes, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For a request to a relay."""
        data: dict[str, Any] = {}
        if self.deal is not None:
            data |= {
                "deal": self.deal.to_json(),
                "dealSignature": _hex(self.deal_signature),
                "buyer": self.buyer,
            }
        if self.request is not None:
            data["request"] = self.request.to_json()
        if self.attestation != NO_ATTESTATION:
            content, issued, expires, index, signature = self.attestation
            data["attestation"] = [_hex(content), str(issued), str(expires), str(index), _hex(signature)]
        if self.sales:
            data["sales"] = [[_hex(deal), seller] for deal, seller in self.sales]
        return data

    @classmethod
    def from_json(cls, data: Any) -> Context:
        """Read what `to_json` wrote."""
        wrong = InputError("what belongs to the message makes no sense", "send it as troc writes it")
        if not isinstance(data, dict) or not set(data) <= _FIELDS:
            raise wrong
        try:
            attestation = NO_ATTESTATION
            if "attestation" in data:
                content, issued, expires, index, signature = data["attestation"]
                numbers = tuple(_number(each) for each in (issued, expires, index))
                attestation = (_bytes(content, 32), *numbers, _bytes(signature))  # type: ignore[assignment]
            sales = tuple((_bytes(deal, 32), to_address(who)) for deal, who in data.get("sales", ()))
            if len(sales) > MOST_SALES:
                raise wrong
            return cls(
                Deal.from_json(data["deal"]) if "deal" in data else None,
                _bytes(data.get("dealSignature", "0x")),
                to_address(data["buyer"]) if "buyer" in data else "",
                Request.from_json(data["request"]) if "request" in data else None,
                attestation,
                sales,
            )
        except (TypeError, ValueError):
            raise wrong from None


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _bytes(text: Any, length: int | None = None) -> bytes:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise ValueError
    found = bytes.fromhex(text[2:])
    if length not in (None, len(found)) or len(found) > 4_096:
        raise ValueError
    return found


def _number(text: Any) -> int:
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 78):
        raise ValueError
    number = int(text)
    if number >= 2**256:
        raise ValueError
    return number


def read_context(data: Any) -> Context:
    """Read what `Context.to_json` wrote."""
    return Context.from_json(data)


def deadline(_: Message, __: Context) -> int | None:
    """The last second at which it can take effect, where the message does not say so itself."""
    return None


def uses(_: Message) -> int | None:
    """The nonce that it uses, once: none of them does."""
    return None


def payer(_: Message, __: Context) -> str | None:
    """Whom it pays, whoever asks for it: it is its signer's own affair."""
    return None


def state(_: Contract, __: Message, ___: Context) -> tuple[ContractFunction, Callable[[Any], bool]] | None:
    """What the market can be asked: only its log tells what took effect."""
    return None


def check(message: Message, context: Context, domain: Domain) -> None:
    """Raise `InputError` unless the context is the one that the message speaks of."""
    deal, other = (
        context.deal,
        InputError("the deal is not the one that was signed for", "send the right one"),
    )
    if isinstance(message, _ABOUT_A_SALE):
        if deal is None or not context.buyer:
            raise InputError("the deal of the message is missing", "send it along, with its buyer")
        named = digest(deal, domain)
        if isinstance(message, Buy):
            if message.deal_digest != named or message.buyer != context.buyer:
                raise other
        elif message.sale_id != sale_id(named, deal.seller, context.buyer):
            raise other
    if isinstance(message, CloseRequest) and (
        context.request is None or digest(context.request, domain) != message.request_id
    ):
        raise InputError("the request of the message is missing", "send it along")
    if isinstance(message, AcknowledgeMany):
        ids = tuple(sale_id(named, seller, message.buyer) for named, seller in context.sales)
        if not ids or ids != message.sale_ids:
            raise InputError("the sales of the message are not those that were signed", "send them along")
    if (
        isinstance(message, Buy)
        and deal is not None
        and any(deal.request_id) != (context.request is not None)
    ):
        raise InputError("an answer needs its request, and an offer has none", "send the right one")


def call(message: Message, signature: bytes, context: Context, domain: Domain) -> tuple[str, tuple[Any, ...]]:
    """The function of the market that submits it, and its arguments."""
    deal, buyer = context.deal, context.buyer
    terms = deal.as_tuple() if deal is not None else ()
    named = digest(deal, domain) if deal is not None else b""
    seller = deal.seller if deal is not None else ""
    match message:
        case Buy() if context.request is not None:
            answer = (terms, context.deal_signature, message.point_b, context.attestation)
            request = context.request.as_tuple()
            return "takeManyFor", (request, [answer], message.deadline, [signature])
        case Buy():
            bought = (message.buyer, message.point_b, message.deadline, signature)
            return "buyFor", (terms, context.deal_signature, *bought)
        case Deliver():
            # Points need coincurve, which whoever only trades does without.
            from troc.data.sealed import even_y

            assert deal is not None
            posted = (message.point_b, message.point_e, message.wrapped)
            y = even_y(message.point_e)
            return "deliverFor", (message.sale_id, seller, deal.dispute_seconds, posted, y, signature)
        case Concede():
            return "concedeFor", (terms, buyer, signature)
        case Settle():
            return "settleFor", (terms, buyer, signature)
        case SettleTo():
            return "settleToFor", (terms, buyer, message.to, signature)
        case Revoke():
            return "revokeFor", (named, seller, buyer, signature)
        case Acknowledge():
            return "acknowledgeFor", (named, seller, buyer, signature)
        case AcknowledgeMany():
            digests, sellers = zip(*context.sales, strict=True)
            return "acknowledgeManyFor", (list(digests), list(sellers), message.buyer, signature)
        case CancelDeals():
            return "cancelFor", (message.account, list(message.nonces), signature)
        case CancelDealSeries():
            return "cancelAllFor", (message.account, list(message.series), signature)
        case Request():
            return "openRequestFor", (message.as_tuple(), signature)
        case CloseRequest():
            assert context.request is not None
            return "closeRequestToFor", (context.request.as_tuple(), message.to, signature)
    raise AssertionError(type(message).__name__)


def trace(
    market: Contract, message: Message, context: Context, domain: Domain
) -> tuple[ContractEvent, dict[str, Any], Callable[[Mapping[str, Any]], bool]]:
    """The event that it leaves, values of its indexed arguments, and what else must fit."""
    events = market.events

    def anything(_: Mapping[str, Any]) -> bool:
        return True

    match message:
        case Buy():
            assert context.deal is not None
            named = sale_id(message.deal_digest, context.deal.seller, message.buyer)
            point = message.point_b
            return events.Bought(), {"saleId": named}, lambda values: bytes(values["pointB"]) == point
        case Deliver():
            posted = message.point_e, message.wrapped
            return (
                events.Delivered(),
                {"saleId": message.sale_id},
                lambda values: (bytes(values["pointE"]), bytes(values["wrapped"])) == posted,
            )
        case Concede():
            ended = {"saleId": message.sale_id}
            return events.SaleEnded(), ended, lambda values: values["outcome"] == _CONCEDED
        case Settle():
            ended = {"saleId": message.sale_id}
            return events.SaleEnded(), ended, lambda values: values["outcome"] == _PAID
        case SettleTo():
            return events.SaleEnded(), {"saleId": message.sale_id, "to": message.to}, anything
        case Revoke():
            return events.ConsentRevoked(), {"saleId": message.sale_id}, anything
        case Acknowledge():
            return events.ErasureAcknowledged(), {"saleId": message.sale_id}, anything
        case AcknowledgeMany():
            return events.ErasureAcknowledged(), {"saleId": list(message.sale_ids)}, anything
        case CancelDeals():
            nonces = list(message.nonces)
            return (
                events.DealsCancelled(),
                {"account": message.account},
                lambda values: list(values["nonces"]) == nonces,
            )
        case CancelDealSeries():
            series = list(message.series)
            return (
                events.DealSeriesCancelled(),
                {"account": message.account},
                lambda values: list(values["series"]) == series,
            )
        case Request():
            return events.RequestOpened(), {"requestId": digest(message, domain)}, anything
        case CloseRequest():
            return events.RequestClosed(), {"requestId": message.request_id}, anything
    raise AssertionError(type(message).__name__)


def tokens(message: Message, context: Context) -> tuple[str, ...]:
    """The points that it is about, if any."""
    terms = message if isinstance(message, Request) else context.deal or context.request
    if isinstance(terms, (Deal, Request)) and terms.token_kind == KIND_POINTS:
        return (terms.token,)
    return ()
