"""Acts: what somebody signed and anyone may submit, as docs/messages.md lists it. How each is told in JSON,
which call submits it, and by which trace in the log it is known that it took effect.

An act is named by the digest of what was signed. Its signatures cover all its terms: whoever submits it can
leave it, and change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

from eth_utils.abi import function_abi_to_4byte_selector, get_abi_input_types
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3.contract import Contract
from web3.contract.contract import ContractEvent, ContractFunction
from web3.types import TxParams

from troc.abi import CODEC, call_selector
from troc.attention import acts as attention_acts
from troc.attention import inbox_acts
from troc.attention.messages import INBOX, Statement
from troc.brands import Brands
from troc.chain import Chain
from troc.data import acts as data_acts
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


class Context(Protocol):
    """What the call of a message needs beside it."""

    def to_json(self) -> dict[str, Any]:
        """For a request to a relay."""


class Family(Protocol):
    """The module of a contract whose messages all work alike: how each is submitted, and known to have been.

    `context` in its functions is what its `read_context` gives, also for `{}`.
    """

    CONTRACT: str
    KINDS: Mapping[str, type[Message]]
    ENDING: tuple[type[Message], ...]

    def domain(self, chain_id: int, contract: str, /) -> Domain:
        """The domain of its messages."""

    def read_context(self, data: Any) -> Any:
        """Read what the context's `to_json` wrote. Raises `InputError`."""

    def check(self, message: Message, context: Any, domain: Domain, /) -> None:
        """Raise `InputError` unless the context is the one that the message speaks of."""

    def deadline(self, message: Message, context: Any, /) -> int | None:
        """The last second at which it can take effect, where the message does not say so itself."""

    def uses(self, message: Message, /) -> int | None:
        """The nonce that it uses, once; None where it uses none."""

    def payer(self, message: Message, context: Any, /) -> str | None:
        """Whom it pays, whoever asks for it; None where it is its signer's own affair."""

    def state(
        self, contract: Contract, message: Message, context: Any, /
    ) -> tuple[ContractFunction, Callable[[Any], bool]] | None:
        """What the contract can be asked, and which answers say that it may have taken effect; None where
        only the log tells.
        """

    def call(
        self, message: Message, signature: bytes, context: Any, domain: Domain, /
    ) -> tuple[str, tuple[Any, ...]]:
        """The function of the contract that submits it, and its arguments."""

    def trace(
        self, contract: Contract, message: Message, context: Any, domain: Domain, /
    ) -> tuple[ContractEvent, dict[str, Any], Callable[[Mapping[str, Any]], bool]]:
        """The event that it leaves, values of its indexed arguments, and what else must fit."""

    def tokens(self, message: Message, context: Any, /) -> tuple[str, ...]:
        """The points that it is about, if any."""


FAMILIES: Mapping[str, Family] = {
    family.CONTRACT: family for family in (data_acts, inbox_acts, attention_acts)
}
"""By the name of the contract."""

_FAMILY_KINDS = {name: kind for family in FAMILIES.values() for name, kind in family.KINDS.items()}
_ENDING = (Cancel, CancelAll, CancelNonces, *(kind for each in FAMILIES.values() for kind in each.ENDING))
_KINDS: Mapping[str, type[Message]] = {
    kind.__name__: kind for kind in (Order, Cancel, CancelAll, Permit, Send, Redeem, CancelNonces, Voucher)
}
_KINDS = {**_KINDS, **_FAMILY_KINDS}
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
    """One signed message; or a voucher with its one-time key's claim; or orders that settle each other by
    `transfers` (giver's place, receiver's place, units). `context`: what the call needs beside a message of
    one of the `FAMILIES`.
    """

    parts: tuple[Part, ...]
    domain: Domain
    transfers: tuple[tuple[int, int, int], ...] = ()
    context: Context | None = None

    @property
    def message(self) -> Message:
        """What was signed, or the first of it."""
        return self.parts[0].message

    @property
    def kind(self) -> str:
        """The name of the message, or `Settlement`."""
        return SETTLEMENT if self.transfers else type(self.message).__name__

    @cached_property
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
            for name in ("deadline", "open_until")
            if hasattr(part.message, name)
        ]
        family = FAMILIES.get(self.message.contract)
        own = None if family is None else family.deadline(self.message, self.known_context)
        return min(ends if own is None else [*ends, own], default=None)

    @property
    def known_context(self) -> Any:
        """The context of a message of one of the `FAMILIES`; an empty one where none came."""
        return self.context or FAMILIES[self.message.contract].read_context({})

    @property
    def payer(self) -> str:
        """To whose account a relay puts it: who signed it; of a voucher or a claim who is paid; of a
        settlement the last maker whose order is all or nothing, and so can be brought once only.
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
        return self._paid_by_family or self.message.signer

    @property
    def _paid_by_family(self) -> str | None:
        family = None if self.transfers else FAMILIES.get(self.message.contract)
        return None if family is None else family.payer(self.message, self.known_context)

    @property
    def campaign(self) -> bytes | None:
        """The campaign of paid attention that pays for it; None where it is no claim."""
        is_claim = self.message.contract == attention_acts.CONTRACT
        return attention_acts.campaign_of(self.message, self.known_context) if is_claim else None

    @property
    def account(self) -> str:
        """What a relay counts it under: the payer, if she asked for it. Anyone can bring a settlement of her
        order, or a voucher or a statement for her: that counts apart.
        """
        asked = self.kind != SETTLEMENT and not isinstance(self.message, Voucher)
        asked = asked and self._paid_by_family is None
        return self.payer if asked else f"for {self.payer}"

    @property
    def parties(self) -> tuple[str, ...]:
        """Whose state it depends on or changes."""
        if self._paid_by_family is not None:
            return (self.payer,)
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
        family = FAMILIES.get(message.contract)
        nonce = None if family is None else family.uses(message)
        return "" if nonce is None else f"{self.domain.verifying_contract} {message.signer} whole {nonce}"

    @property
    def tokens(self) -> tuple[str, ...]:
        """The points that it is about; none where it is about the exchange alone."""
        family = FAMILIES.get(self.message.contract)
        if family is not None:
            return family.tokens(self.message, self.known_context)
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
        more = {"claim"} if kind == "Voucher" else {"context"} if kind in _FAMILY_KINDS else set()
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
        nonces = sum(
            len(value)
            for value in (getattr(message, name) for name in message._layout())
            if isinstance(value, tuple)
        )
        if nonces > MOST_NONCES or (not nonces and isinstance(message, _ENDING)):
            raise InputError(f"the message ends {nonces} numbers", f"end 1 to {MOST_NONCES} at once")
        family = FAMILIES.get(message.contract)
        if family is None:
            return cls(tuple(parts), domain)
        context = family.read_context(data.get("context", {}))
        family.check(message, context, domain)
        return cls(tuple(parts), domain, context=context)


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
        contracts: Mapping[str, str] | None = None,
    ) -> None:
        """`contracts`: addresses by name; those of `FAMILIES` that are not among them take no acts here."""
        self._chain = chain
        self._brands = brands
        self._deployed = {
            contracts[name]: family for name, family in FAMILIES.items() if contracts and name in contracts
        }
        self.exchange = exchange
        self._exchange = chain.contract("PointsExchange", exchange.verifying_contract)
        self.book = chain.contract("OrderBook", order_book)
        self._handles = attention_acts.Handles(chain)

    def domain_of(self, contract: str) -> Domain:
        """The domain of a contract of the deployment, or of points that were launched here."""
        found = self.deployed_domain(contract)
        return found or self._brands.find(contract).domain_of_messages(self._chain.chain_id)

    def deployed_domain(self, contract: str) -> Domain | None:
        """The domain of the exchange, or of one of the `FAMILIES`; None where it is neither."""
        if contract == self.exchange.verifying_contract:
            return self.exchange
        family = self._deployed.get(contract)
        return None if family is None else family.domain(self._chain.chain_id, contract)

    def read(self, data: Any, domain_of: Callable[[str], Domain] | None = None) -> Act:
        """An act in JSON, for a contract that can take it. `domain_of` in place of asking the chain."""
        act = Act.from_json(data, self._chain.chain_id, domain_of or self.domain_of)
        contract = act.domain.verifying_contract
        family = self._deployed.get(contract)
        if contract == self.exchange.verifying_contract:
            takes = "PointsExchange"
        else:
            takes = "LoyaltyToken" if family is None else family.CONTRACT
        if takes != ("PointsExchange" if act.kind == SETTLEMENT else act.message.contract):
            raise InputError(
                f"a {act.kind} is no message for {contract}",
                "name the exchange for orders, the market for deals, the inbox for messages, the rewards"
                " for claims, and the points for what is about points",
            )
        return act

    def call(self, acts: Sequence[Act]) -> TxParams:
        """The one call that submits them: several orders, several vouchers of one token, several statements
        of one campaign, or a single act.
        """
        first = acts[0]
        if first.kind == "Order":
            return {"to": self.book.address, "data": HexBytes(_publish(acts))}
        if first.kind == "Voucher":
            claims = [_claim(act) for act in acts]
            if len(acts) > 1:
                return _plain(self._token(first), "claimBatch", claims)
            return _plain(self._token(first), "claim", claims[0])
        if first.kind == "Statement" and len(acts) > 1:
            statements = [(act.message, act.parts[0].signature, act.known_context) for act in acts]
            contract = self._contract(first)
            name, arguments = attention_acts.call_many(statements)
            return _plain(contract, name, *self._handles.resolved(contract, arguments))
        assert len(acts) == 1
        return self._single(first)

    @cached_property
    def inbox_token(self) -> str:
        """What deposits are paid in, in the deployment's inbox; empty where there is none."""
        for address, family in self._deployed.items():
            if family.CONTRACT == INBOX:
                return str(self._chain.call(self._chain.contract(INBOX, address).functions.token()))
        return ""

    def _contract(self, act: Act) -> Contract:
        return self._chain.contract(act.message.contract, act.domain.verifying_contract)

    def _token(self, act: Act) -> Contract:
        return self._chain.contract("LoyaltyToken", act.domain.verifying_contract)

    def _single(self, act: Act) -> TxParams:
        message, signature = act.message, act.parts[0].signature
        if act.transfers:
            orders = [part.message.as_tuple() for part in act.parts]
            signatures = [part.signature for part in act.parts]
            return _plain(self._exchange, "settle", orders, signatures, act.transfers)
        family = FAMILIES.get(message.contract)
        if family is not None:
            name, arguments = family.call(message, signature, act.known_context, act.domain)
            if family is attention_acts:
                arguments = self._handles.resolved(self._contract(act), arguments)
            return _plain(self._contract(act), name, *arguments)
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
        family = FAMILIES.get(message.contract)
        if family is not None:
            found = family.state(self._contract(act), message, act.known_context)
            return found is None or found[1](self._chain.call(found[0]))
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
        family = FAMILIES.get(message.contract)
        if family is not None:
            return _Trace(*family.trace(self._contract(act), message, act.known_context, act.domain))
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
    named = (found for found in contract.abi if found.get("name") == name)
    # Claims have two forms of one name.
    (entry,) = (found for found in named if len(get_abi_input_types(found)) == len(values))
    selector = function_abi_to_4byte_selector(entry)
    data = selector + CODEC.encode(get_abi_input_types(entry), values)
    return {"to": contract.address, "data": HexBytes(data)}


def _publish(acts: Sequence[Act]) -> bytes:
    """The calldata of `publish(Order[],bytes[])`. An order is encoded as it was hashed to be signed."""
    orders = b"".join(encoded(act.message) for act in acts)
    signatures = [act.parts[0].signature for act in acts]
    count = len(acts).to_bytes(32)
    places, rest = b"", b""
    for signature in signatures:
        places += (32 * len(acts) + len(rest)).to_bytes(32)
        rest += len(signature).to_bytes(32) + signature + bytes(-len(signature) % 32)
    heads = (64).to_bytes(32) + (64 + 32 + len(orders)).to_bytes(32)
    return call_selector("OrderBook", "publish") + heads + count + orders + count + places + rest


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


def act_of(message: Message, signature: bytes, domain: Domain, context: Context | None = None) -> Act:
    """The act of one signed message; of one of the `FAMILIES` with its `context`."""
    if isinstance(message, Claim):
        raise OrderError("a claim goes with its voucher", "name both")
    return Act((Part(message, signature),), domain, context=context)
