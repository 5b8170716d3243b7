"""Acts: what somebody signed and anyone may submit, as docs/messages.md lists it. How each is told in JSON,
which call submits it, and by which trace in the log it is known that it took effect.

An act is named by the digest of what was signed. Its signatures cover all its terms: whoever submits it can
leave it, and change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from eth_utils.abi import function_abi_to_4byte_selector, get_abi_input_types
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3.contract import Contract
from web3.contract.contract import ContractEvent
from web3.types import TxParams

from troc.abi import CODEC
from troc.attention import acts as attention_acts
from troc.attention.acts import Taker
from troc.attention.messages import REWARDS, ClaimTicket, Statement, rewards_domain
from troc.brands import Brands
from troc.chain import Chain
from troc.data import acts as data_acts
from troc.data.acts import Context
from troc.data.messages import MARKET, CancelDeals, CancelDealSeries, market_domain
from troc.errors import InputError, OrderError, WrongChainError
from troc.messages import (
    ZERO_ADDRESS,
    Cancel,
    CancelAll,
    CancelNonces,
    Claim,
    Domain,
    Message,
    Order,
    Permit,
    Redeem,
    Send,
    Voucher,
    digest,
    encoded,
    recover,
    to_address,
)

SETTLEMENT = "Settlement"
MOST_ORDERS = 30
"""Orders of one settlement."""
MOST_NONCES = 300
"""Numbers that one message ends."""
LARGEST_SIGNATURE = 4_096
"""Bytes: enough for a wallet of thirty owners."""

_ENDING = (Cancel, CancelAll, CancelNonces, CancelDeals, CancelDealSeries)
_KINDS: Mapping[str, type[Message]] = {
    kind.__name__: kind for kind in (Order, Cancel, CancelAll, Permit, Send, Redeem, CancelNonces, Voucher)
}
_KINDS = {**_KINDS, **data_acts.KINDS, **attention_acts.KINDS}
KINDS = (*_KINDS, SETTLEMENT)


@dataclass(frozen=True)
class Part:
    """A message and its signature."""

    message: Message
    signature: bytes

    def to_json(self) -> dict[str, Any]:
        """For a file or a request."""
        return {"message": self.message.to_json(), "signature": "0x" + self.signature.hex()}


@dataclass(frozen=True)
class Act:
    """One signed message; or a voucher or ticket with its one-time key's claim; or orders that settle each
    other by `transfers` (giver's place, receiver's place, units). `context`: what a message of the market for
    data needs beside it, or who takes what a campaign pays.
    """

    parts: tuple[Part, ...]
    domain: Domain
    transfers: tuple[tuple[int, int, int], ...] = ()
    context: Context | Taker | None = None

    @property
    def message(self) -> Message:
        """What was signed, or the first of it."""
        return self.parts[0].message

    @property
    def kind(self) -> str:
        """The name of the message, or `Settlement`."""
        return SETTLEMENT if self.transfers else type(self.message).__name__

    @property
    def id(self) -> str:
        """Names the act for ever: a digest in hex."""
        digests = [digest(part.message, self.domain) for part in self.parts]
        if not self.transfers:
            # A claim covers its voucher.
            return "0x" + digests[-1].hex()
        moves = b"".join(number.to_bytes(32) for move in self.transfers for number in move)
        return "0x" + keccak(b"troc.settlement\0" + b"".join(digests) + moves).hex()

    @property
    def deadline(self) -> int | None:
        """The last second at which it can take effect; None where it has no end."""
        ends = [
            getattr(part.message, name)
            for part in self.parts
            for name in ("deadline", "open_until", "valid_until")
            if hasattr(part.message, name)
        ]
        return min(ends, default=None)

    @property
    def payer(self) -> str:
        """To whose account a relay puts it: who signed it; of a voucher who gets the points, and of a claim
        who is paid; of a settlement the last maker whose order is all or nothing, and so can be brought once
        only.
        """
        if self.kind == SETTLEMENT:
            whole = [
                part.message.maker
                for part in self.parts
                if isinstance(part.message, Order) and not part.message.allow_partial
            ]
            return whole[-1] if whole else ZERO_ADDRESS
        if isinstance(self.message, Voucher):
            last = self.parts[-1].message
            return last.to if isinstance(last, Claim) else self.message.recipient
        if self.is_claim:
            return attention_acts.payee_of(self.message, self._key_claim, self.taker)
        return self.message.signer

    @property
    def is_claim(self) -> bool:
        """Whether a campaign of paid attention pays for it."""
        return attention_acts.is_claim(self.message)

    @property
    def taker(self) -> Taker:
        """Who claims."""
        return self.context if isinstance(self.context, Taker) else Taker()

    @property
    def deal_context(self) -> Context:
        """What a message of the market for data needs beside it."""
        return self.context if isinstance(self.context, Context) else Context()

    @property
    def _key_claim(self) -> Message | None:
        return self.parts[1].message if len(self.parts) > 1 else None

    @property
    def account(self) -> str:
        """What a relay counts it under: the payer, if she asked for it. Anyone can bring a settlement of her
        order, or a voucher or a statement for her: that counts apart.
        """
        asked = self.kind != SETTLEMENT and not isinstance(self.message, Voucher) and not self.is_claim
        return self.payer if asked else f"for {self.payer}"

    @property
    def parties(self) -> tuple[str, ...]:
        """Whose state it depends on or changes."""
        if self.is_claim:
            return ("0x" + attention_acts.account_of(self.message, self.taker).hex(),)
        return tuple(dict.fromkeys(part.message.signer for part in self.parts))

    @property
    def uses(self) -> str:
        """What can be used once by one act only: another act with the same excludes this one. Empty where it
        excludes none.
        """
        message = self.message
        if isinstance(message, (Send, Redeem, Voucher, Permit)):
            sequence = "permit" if isinstance(message, Permit) else "whole"
            return f"{self.domain.verifying_contract} {message.signer} {sequence} {message.nonce}"
        return attention_acts.uses(message, self.domain)

    @property
    def tokens(self) -> tuple[str, ...]:
        """The points that it is about; none where it is about the exchange alone, or only the chain tells."""
        if data_acts.is_of_market(self.message):
            return data_acts.tokens(self.message, self.deal_context)
        if self.is_claim:
            return ()
        if self.domain.verifying_contract and not isinstance(self.message, (Order, Cancel, CancelAll)):
            return (self.domain.verifying_contract,)
        orders = [part.message for part in self.parts if isinstance(part.message, Order)]
        return tuple(dict.fromkeys(token for each in orders for token in (each.give_token, each.want_token)))

    # -------------------------------------------------------------------------------------------- JSON

    def to_json(self) -> dict[str, Any]:
        """As a relay takes it."""
        data: dict[str, Any] = {
            "kind": self.kind,
            "chainId": self.domain.chain_id,
            "contract": self.domain.verifying_contract,
        }
        if self.transfers:
            return data | {
                "orders": [part.to_json() for part in self.parts],
                "transfers": [[giver, receiver, str(units)] for giver, receiver, units in self.transfers],
            }
        data |= self.parts[0].to_json()
        if self.context is not None:
            data["context"] = self.context.to_json()
        return data | ({"claim": self.parts[1].to_json()} if len(self.parts) > 1 else {})

    @classmethod
    def from_json(cls, data: Any, chain_id: int, domain_of: Callable[[str], Domain]) -> Self:
        """Read what `to_json` wrote. `domain_of` gives the domain of a contract, or refuses it."""
        kind = data.get("kind") if isinstance(data, dict) else None
        if kind not in KINDS:
            raise InputError(f"{str(kind)[:40]!r} is no kind of message", f"use one of {', '.join(KINDS)}")
        own = ("orders", "transfers") if kind == SETTLEMENT else ("message", "signature")
        wanted = {"kind", "chainId", "contract", *own}
        more = {"claim"} if kind in ("Voucher", "Ticket") else set()
        more |= {"context"} if kind in data_acts.KINDS or kind in attention_acts.KINDS else set()
        if not wanted <= set(data) <= wanted | more:
            raise InputError(
                f"a {kind} has other fields than these", f"use {', '.join(sorted(wanted))} and no others"
            )
        if data["chainId"] != chain_id:
            raise WrongChainError(
                f"the message is for chain {str(data['chainId'])[:40]}, and this is chain {chain_id}",
                "send it to a relay of its chain",
            )
        domain = domain_of(to_address(data["contract"], "contract"))
        if kind == SETTLEMENT:
            return cls(_orders(data["orders"]), domain, _transfers(data["transfers"], len(data["orders"])))
        parts = [_signed(data, _KINDS[kind])]
        message = parts[0].message
        if isinstance(message, Voucher):
            if ("claim" in data) != message.is_key:
                raise InputError(
                    "a voucher for a one-time key needs a claim signed by it, and no other has one",
                    "sign a Claim with the key, or leave it away",
                )
            if message.is_key:
                parts.append(_signed(data["claim"], Claim))
                claim = parts[1].message
                assert isinstance(claim, Claim)
                if claim.key != message.recipient or claim.voucher != digest(message, domain):
                    raise InputError("the claim is for another voucher", "sign one for this voucher")
        if attention_acts.is_claim(message):
            return cls._claim_from_json(data, parts[0], domain)
        nonces = sum(
            len(value)
            for value in (getattr(message, name) for name in message._layout())
            if isinstance(value, tuple)
        )
        if nonces > MOST_NONCES or (not nonces and isinstance(message, _ENDING)):
            raise InputError(f"the message ends {nonces} numbers", f"end 1 to {MOST_NONCES} at once")
        if not data_acts.is_of_market(message):
            return cls(tuple(parts), domain)
        context = Context.from_json(data.get("context", {}))
        data_acts.check(message, context, domain)
        return cls(tuple(parts), domain, context=context)

    @classmethod
    def _claim_from_json(cls, data: Any, part: Part, domain: Domain) -> Self:
        parts = [part, *([_signed(data["claim"], ClaimTicket)] if "claim" in data else [])]
        taker = Taker.from_json(data["context"]) if "context" in data else Taker()
        attention_acts.check(part.message, parts[1].message if len(parts) > 1 else None, taker, domain)
        return cls(tuple(parts), domain, context=taker)


def _signed(data: Any, kind: type[Message]) -> Part:
    if not isinstance(data, dict):
        raise InputError(f"{kind.__name__}: this is no message", "give `message` and `signature`")
    signature = data.get("signature")
    try:
        if not isinstance(signature, str) or not signature.startswith("0x"):
            raise ValueError
        found = bytes.fromhex(signature[2:])
    except ValueError:
        raise InputError("the signature is not in hex", "write 0x and hex digits") from None
    if len(found) > LARGEST_SIGNATURE:
        raise InputError(f"a signature of {len(found):,} bytes", f"use at most {LARGEST_SIGNATURE:,}")
    return Part(kind.from_json(data.get("message")), found)


def _orders(data: Any) -> tuple[Part, ...]:
    if not isinstance(data, list) or not 0 < len(data) <= MOST_ORDERS:
        raise InputError("these are no orders of a settlement", f"give a list of 1 to {MOST_ORDERS}")
    return tuple(_signed(each, Order) for each in data)


def _transfers(data: Any, orders: int) -> tuple[tuple[int, int, int], ...]:
    """Between orders only: whoever submits is no party to what somebody else submits for him."""
    found = []
    good = isinstance(data, list) and 0 < len(data) <= 4 * MOST_ORDERS
    for move in data if good else ():
        if not (isinstance(move, list) and len(move) == 3 and all(type(n) is int for n in move[:2])):
            break
        giver, receiver, units = move
        if not (isinstance(units, str) and units.isascii() and units.isdigit() and len(units) < 40):
            break
        if not (0 <= giver < orders and 0 <= receiver < orders and int(units) > 0):
            break
        found.append((giver, receiver, int(units)))
    if not good or len(found) != len(data):
        raise InputError(
            "these are no transfers of a settlement",
            'write [["place of the giving order", "place of the receiving one", "units as text"], …]',
        )
    return tuple(found)


@dataclass(frozen=True)
class _Trace:
    """What an act leaves in the log: an event with these indexed values that fits."""

    event: ContractEvent
    filters: Mapping[str, Any]
    fits: Callable[[Mapping[str, Any]], bool]


class Acts:
    """Acts of one deployment: the calls that submit them, and their traces."""

    def __init__(
        self,
        chain: Chain,
        brands: Brands,
        exchange: Domain,
        order_book: str,
        market: str = "",
        rewards: str = "",
    ) -> None:
        self._chain = chain
        self._brands = brands
        self._market = market
        self._rewards = rewards
        self.exchange = exchange
        self._exchange = chain.contract("PointsExchange", exchange.verifying_contract)
        self.book = chain.contract("OrderBook", order_book)

    def domain_of(self, contract: str) -> Domain:
        """The domain of the exchange, of the market for data, of paid attention, or of points that were
        launched here.
        """
        if contract == self.exchange.verifying_contract:
            return self.exchange
        if contract == self._market:
            return market_domain(self._chain.chain_id, contract)
        if contract == self._rewards:
            return rewards_domain(self._chain.chain_id, contract)
        return self._brands.find(contract).domain_of_messages(self._chain.chain_id)

    def read(self, data: Any, domain_of: Callable[[str], Domain] | None = None) -> Act:
        """An act in JSON, for a contract that can take it. `domain_of` in place of asking the chain."""
        act = Act.from_json(data, self._chain.chain_id, domain_of or self.domain_of)
        wants = "PointsExchange" if act.kind == SETTLEMENT else act.message.contract
        contract = act.domain.verifying_contract
        known = {
            self._market: MARKET,
            self._rewards: REWARDS,
            self.exchange.verifying_contract: "PointsExchange",
        }
        named = known.get(contract, "") if contract else ""
        if named != wants and (named or wants in ("PointsExchange", MARKET, REWARDS)):
            raise InputError(
                f"a {act.kind} is no message for {contract}",
                "name the exchange for orders, the market for deals, the rewards for what campaigns pay, and"
                " the points for what is about points",
            )
        return act

    def call(self, acts: Sequence[Act]) -> TxParams:
        """The one call that submits them: several orders, several vouchers of one token, several statements
        of one campaign, or a single act.
        """
        first = acts[0]
        if first.kind == "Order":
            orders = [act.message.as_tuple() for act in acts]
            return _plain(self.book, "publish", orders, [act.parts[0].signature for act in acts])
        if first.kind == "Voucher":
            claims = [_claim(act) for act in acts]
            if len(acts) > 1:
                return _plain(self._token(first), "claimBatch", claims)
            return _plain(self._token(first), "claim", claims[0])
        if first.kind == "Statement" and len(acts) > 1:
            claims = [(act.message, act.parts[0].signature, act.taker) for act in acts]
            name, arguments = attention_acts.many(claims)
            return _plain(self.rewards_contract, name, *arguments)
        assert len(acts) == 1
        return self._single(first)

    @property
    def rewards(self) -> str:
        """The address of the contract of campaigns; empty where there is none."""
        return self._rewards

    @property
    def rewards_contract(self) -> Contract:
        """The contract of campaigns."""
        return self._chain.contract(REWARDS, self._rewards)

    @property
    def market(self) -> str:
        """The address of the market for data; empty where there is none."""
        return self._market

    @property
    def _market_contract(self) -> Contract:
        return self._chain.contract(MARKET, self._market)

    def _token(self, act: Act) -> Contract:
        return self._chain.contract("LoyaltyToken", act.domain.verifying_contract)

    def _single(self, act: Act) -> TxParams:
        message, signature = act.message, act.parts[0].signature
        if act.transfers:
            orders = [part.message.as_tuple() for part in act.parts]
            signatures = [part.signature for part in act.parts]
            return _plain(self._exchange, "settle", orders, signatures, act.transfers)
        if data_acts.is_of_market(message):
            name, arguments = data_acts.call(message, signature, act.deal_context, act.domain)
            return _plain(self._market_contract, name, *arguments)
        if act.is_claim:
            claim = (act.parts[1].message, act.parts[1].signature) if len(act.parts) > 1 else None
            name, arguments = attention_acts.call(message, signature, claim, act.taker)
            return _plain(self.rewards_contract, name, *arguments)
        values = message.as_tuple()
        match message:
            case Cancel():
                return _plain(self._exchange, "cancelFor", *values, signature)
            case CancelAll():
                return _plain(self._exchange, "cancelAllFor", *values, signature)
            case Permit():
                terms = (message.owner, message.spender, message.value, message.deadline)
                return _plain(self._token(act), "approveFor", *terms, signature)
            case Send():
                return _plain(self._token(act), "sendFor", values, signature)
            case Redeem():
                return _plain(self._token(act), "redeemFor", values, signature)
            case CancelNonces():
                return _plain(self._token(act), "cancelNoncesFor", *values, signature)
        raise AssertionError(act.kind)

    def can_share(self, act: Act) -> str:
        """Acts of which this is the same, and not empty, may go in one call."""
        if isinstance(act.message, Statement):
            return f"{act.kind}{act.domain.verifying_contract} {act.message.campaign.hex()}"
        return act.kind + act.domain.verifying_contract if act.kind in ("Order", "Voucher") else ""

    # ------------------------------------------------------------------------------------------- traces

    def find(self, act: Act, since: int) -> str | None:
        """The transaction by which it took effect in a block from `since` on, whoever sent it; None where
        there is none. Looks at the log, and asks nobody's word.
        """
        if not self._is_used(act):
            return None
        trace = self._trace(act)
        seen: dict[bytes, set[bytes]] = {}
        for event in self._chain.logs(trace.event, trace.filters, since):
            transaction = bytes(event["transactionHash"])
            if not trace.fits(event["args"]):
                continue
            if not act.transfers:
                return "0x" + transaction.hex()
            digests = seen.setdefault(transaction, set())
            digests.add(bytes(event["args"]["digest"]))
            if len(digests) == len({part.message for part in act.parts}):
                return "0x" + transaction.hex()
        return None

    def took_effect(self, act: Act, events: Sequence[Any]) -> bool:
        """Whether one of these events (`trace_of`) is its trace."""
        trace = self._trace(act)
        return any(
            all(event["args"][name] == value for name, value in trace.filters.items())
            and trace.fits(event["args"])
            for event in events
        )

    def event_of(self, act: Act) -> ContractEvent:
        """The kind of event that it leaves."""
        return self._trace(act).event

    def _is_used(self, act: Act) -> bool:
        """False where the state tells at once that it did not take effect."""
        message = act.message
        if data_acts.is_of_market(message):
            return True
        if act.is_claim:
            asked, bits = attention_acts.is_paid(self.rewards_contract, message, act.taker)
            return int(self._chain.call(asked)) & bits == bits
        token = self._chain.contract("LoyaltyToken", act.domain.verifying_contract).functions
        if isinstance(message, Permit):
            return bool(self._chain.call(token.nonces(message.owner)) > message.nonce)
        if isinstance(message, (Send, Redeem, Voucher)):
            return not self._chain.call(token.nonceOpen(message.signer, message.nonce))
        return True

    def _trace(self, act: Act) -> _Trace:
        message = act.message
        exchange = self._exchange.events
        if act.transfers:
            digests = [digest(part.message, act.domain) for part in act.parts]
            return _Trace(exchange.OrderFilled(), {"digest": digests}, lambda _: True)
        if data_acts.is_of_market(message):
            return _Trace(*data_acts.trace(self._market_contract, message, act.deal_context, act.domain))
        if act.is_claim:
            return _Trace(*attention_acts.trace(self.rewards_contract, message, act._key_claim, act.taker))
        token = self._chain.contract("LoyaltyToken", act.domain.verifying_contract).events
        match message:
            case Order():
                return _Trace(
                    self.book.events.OrderPublished(),
                    {
                        "maker": message.maker,
                        "giveToken": message.give_token,
                        "wantToken": message.want_token,
                    },
                    lambda values: _is_published(act, values),
                )
            case Cancel():
                lists = (list(message.whole_nonces), list(message.partial_nonces))
                return _Trace(
                    exchange.OrdersCancelled(),
                    {"maker": message.maker},
                    lambda values: (list(values["wholeNonces"]), list(values["partialNonces"])) == lists,
                )
            case CancelAll():
                series = (list(message.whole_series), list(message.partial_series))
                return _Trace(
                    exchange.SeriesCancelled(),
                    {"maker": message.maker},
                    lambda values: (list(values["wholeSeries"]), list(values["partialSeries"])) == series,
                )
            case Permit():
                value = message.value
                return _Trace(
                    token.Approval(),
                    {"owner": message.owner, "spender": message.spender},
                    lambda values: values["value"] == value,
                )
            case Send() | Redeem():
                amount = message.amount
                if isinstance(message, Send):
                    event, filters = token.Transfer(), {"from": message.holder, "to": message.to}
                    return _Trace(event, filters, lambda values: values["value"] == amount)
                return _Trace(
                    token.Redeemed(),
                    {"holder": message.holder, "receiptId": message.receipt_id},
                    lambda values: values["amount"] == amount,
                )
            case CancelNonces():
                nonces = list(message.nonces)
                return _Trace(
                    token.NoncesCancelled(),
                    {"holder": message.holder},
                    lambda values: list(values["nonces"]) == nonces,
                )
            case Voucher():
                to = act.payer
                return _Trace(
                    token.VoucherClaimed(),
                    {"issuer": message.issuer, "nonce": message.nonce},
                    lambda values: values["to"] == to,
                )
        raise AssertionError(act.kind)


def _plain(contract: Contract, name: str, *values: Any) -> TxParams:
    """A call, encoded. web3 checks and maps each value of a list several times, which for a hundred orders
    takes it a good part of a second.
    """
    (entry,) = (found for found in contract.abi if found.get("name") == name)
    selector = function_abi_to_4byte_selector(entry)
    data = selector + CODEC.encode(get_abi_input_types(entry), values)
    return {"to": contract.address, "data": HexBytes(data)}


def _claim(act: Act) -> tuple[Any, ...]:
    voucher = act.parts[0]
    if len(act.parts) == 1:
        return voucher.message.as_tuple(), voucher.signature, ZERO_ADDRESS, b""
    claim = act.parts[1]
    assert isinstance(claim.message, Claim)
    return voucher.message.as_tuple(), voucher.signature, claim.message.to, claim.signature


def _is_published(act: Act, values: Mapping[str, Any]) -> bool:
    """Anyone can publish her order with somebody else's scribble."""
    order, signature = act.message, bytes(values["signature"])
    if encoded(Order.from_chain(values["order"])) != encoded(order):
        return False
    return signature == act.parts[0].signature or recover(order, act.domain, signature) == order.signer


def act_of(message: Message, signature: bytes, domain: Domain, context: Context | Taker | None = None) -> Act:
    """The act of one signed message; of one for the market for data with its `context`."""
    if isinstance(message, Claim):
        raise OrderError("a claim goes with its voucher", "name both")
    return Act((Part(message, signature),), domain, context=context)
