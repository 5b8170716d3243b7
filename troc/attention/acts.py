"""Claims of paid attention as acts: what beside the signed message its call needs, which call that is, and
the trace that it leaves (`troc.acts`).

Anyone may submit them: what a statement or a leaf pays goes to the account that it names, and a ticket's
one-time key signs who is paid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from web3.contract import Contract
from web3.contract.contract import ContractEvent, ContractFunction

from troc.attention.contacts import PAGE, address_of
from troc.attention.leaves import Leaf
from troc.attention.messages import REWARDS, ClaimTicket, Statement, Ticket, rewards_domain
from troc.attention.slips import NO_ACCOUNT
from troc.chain import Chain
from troc.errors import InputError
from troc.messages import ZERO_ADDRESS, Domain, Message, digest, recover

CONTRACT = REWARDS
KINDS: Mapping[str, type[Message]] = {kind.__name__: kind for kind in (Statement, ClaimTicket, Leaf)}
ENDING: tuple[type[Message], ...] = ()
"""Messages that only end others."""

domain = rewards_domain

LONGEST_BYTES = 4_096
"""Of a signature or a credential."""
_ADDRESS_BITS = 160
_WORD = 32
_HIGHEST = 255
_PAGE_AT = _ADDRESS_BITS + 8
_FIELDS = {"credential", "account", "ticket", "signature"}


@dataclass(frozen=True)
class Taker:
    """What a claim needs that its signer did not sign. `credential`: what the contract for credentials asks
    of a pseudonym; empty where the campaign asks for none. For a ticket also the ticket with its campaign's
    `signature`, and the account for which it counts.
    """

    credential: bytes = b""
    account: bytes = NO_ACCOUNT
    ticket: Ticket | None = None
    signature: bytes = b""

    def to_json(self) -> dict[str, Any]:
        """For a request to a relay."""
        data: dict[str, Any] = {"credential": "0x" + self.credential.hex()}
        if self.ticket is None:
            return data
        return data | {
            "account": "0x" + self.account.hex(),
            "ticket": self.ticket.to_json(),
            "signature": "0x" + self.signature.hex(),
        }


def read_context(data: Any) -> Taker:
    """Read what `Taker.to_json` wrote."""
    wrong = InputError("what belongs to the claim makes no sense", "send it as troc writes it")
    if not isinstance(data, dict) or not set(data) <= _FIELDS:
        raise wrong
    try:
        credential, account, signature = (
            _bytes(data.get(name, "0x")) for name in ("credential", "account", "signature")
        )
    except ValueError:
        raise wrong from None
    if len(account) not in (0, 32) or max(len(credential), len(signature)) > LONGEST_BYTES:
        raise wrong
    ticket = Ticket.from_json(data["ticket"]) if "ticket" in data else None
    return Taker(credential, account or NO_ACCOUNT, ticket, signature)


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise ValueError
    return bytes.fromhex(text[2:])


def check(message: Message, context: Taker, domain: Domain) -> None:
    """Raise `InputError` unless the context is the one that the message speaks of."""
    ticket = context.ticket
    if not isinstance(message, ClaimTicket):
        if ticket is not None:
            raise InputError("only the claim of a ticket has a ticket", "leave it away")
        return
    if ticket is None or ticket.key != message.key or digest(ticket, domain) != message.ticket:
        raise InputError("the ticket is not the one that is claimed", "send the right one along")
    if recover(ticket, domain, context.signature) != ticket.signer:
        raise InputError(f"{ticket.signer} has not signed the ticket", "ask for another")
    if context.account == NO_ACCOUNT or ticket.account not in (NO_ACCOUNT, context.account):
        raise InputError("the ticket is not for the account that claims it", "name its own account")


def deadline(_: Message, context: Taker) -> int | None:
    """The last second at which it can take effect, where the message does not say so itself."""
    return None if context.ticket is None else context.ticket.valid_until


def uses(_: Message) -> int | None:
    """The nonce that it uses, once: none has any."""
    return None


def payer(message: Message, context: Taker) -> str | None:
    """Who is paid; the zero address where a credential would have to say."""
    if isinstance(message, ClaimTicket):
        return message.recipient
    assert isinstance(message, (Statement, Leaf))
    if not context.credential:
        return address_of(message.account) or ZERO_ADDRESS
    # The first word of a credential is the account, with the attestor's contract (docs/messages.md).
    return address_of(context.credential[:32].ljust(32, b"\0")) or ZERO_ADDRESS


def pair(signature: bytes) -> tuple[bytes, bytes]:
    """A signature as the contract takes it: the two words of the compact form (ERC-2098). What has none
    becomes two empty words, which are nobody's.
    """
    if len(signature) == 2 * _WORD:
        return signature[:_WORD], signature[_WORD:]
    s, v = int.from_bytes(signature[_WORD : 2 * _WORD]), signature[2 * _WORD :]
    if v not in (b"\x1b", b"\x1c") or s >> _HIGHEST:
        return bytes(_WORD), bytes(_WORD)
    return signature[:_WORD], (s | (v[0] - 27) << _HIGHEST).to_bytes(_WORD)


def _statement(message: Message, signature: bytes) -> tuple[Any, ...]:
    assert isinstance(message, Statement)
    return message.account, message.page, message.contacts, pair(signature)


def call(message: Message, signature: bytes, context: Taker, _: Domain) -> tuple[str, tuple[Any, ...]]:
    """The function that submits it, and its arguments; the campaign stands for its handle (`Handles`)."""
    # A claim without one has a function of its own: an empty one costs more than 300 gas.
    credential = (context.credential,) if context.credential else ()
    match message:
        case Statement():
            return "claimStatement", (message.campaign, _statement(message, signature), *credential)
        case Leaf():
            leaf = (message.account, message.page, message.contacts)
            return "claimRoot", (message.campaign, leaf, list(message.proof), *credential)
        case ClaimTicket():
            found = context.ticket
            assert found is not None
            is_code = found.account == NO_ACCOUNT
            ticket = (context.account, found.id, found.key, found.valid_until, pair(context.signature))
            arguments = (found.campaign, ticket, pair(signature), *credential)
            return "claimCode" if is_code else "claimTicket", arguments
    raise AssertionError(type(message).__name__)


def call_many(statements: Sequence[tuple[Message, bytes, Taker]]) -> tuple[str, tuple[Any, ...]]:
    """The function that submits several statements of one campaign, and its arguments, as `call` has them."""
    (campaign,) = {campaign_of(message, context) for message, _, context in statements}
    credentials = [context.credential for _, _, context in statements]
    listed = [_statement(message, signature) for message, signature, _ in statements]
    return "claimStatements", (campaign, listed, credentials if any(credentials) else [])


class Handles:
    """What claims call a campaign by: three words, of which its id is the hash. The contract is asked once
    for each.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._known: dict[tuple[str, bytes], tuple[int, int, bytes]] = {}

    def resolved(self, rewards: Contract, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """What `call` or `call_many` gives, with the handle in the place of the campaign."""
        campaign, *others = arguments
        return self._of(rewards, campaign), *others

    def _of(self, rewards: Contract, campaign: bytes) -> tuple[int, int, bytes]:
        key = rewards.address, campaign
        if key not in self._known:
            reward, rule, terms = self._chain.call(rewards.functions.handleOf(campaign))
            if not rule:
                # There is none, yet: the contract says so.
                return 0, 0, campaign
            self._known[key] = reward, rule, bytes(terms)
        return self._known[key]


@dataclass(frozen=True)
class _Place:
    """Where the contract keeps what a claim is paid for: bits of a page, or a code's index."""

    campaign: bytes
    account: bytes
    page: int = 0
    contacts: int = 0
    code: int | None = None


def _place(message: Message, context: Taker) -> _Place:
    if isinstance(message, ClaimTicket):
        ticket = context.ticket
        assert ticket is not None
        if ticket.account == NO_ACCOUNT:
            return _Place(ticket.campaign, context.account, code=ticket.id)
        page, bit = divmod(ticket.id, PAGE)
        return _Place(ticket.campaign, context.account, page, 1 << bit)
    assert isinstance(message, (Statement, Leaf))
    return _Place(message.campaign, message.account, message.page, message.contacts)


def campaign_of(message: Message, context: Taker) -> bytes:
    """The campaign that pays."""
    return _place(message, context).campaign


def state(
    rewards: Contract, message: Message, context: Taker
) -> tuple[ContractFunction, Callable[[Any], bool]]:
    """What the contract can be asked, and which answers say that nothing of it is left to be paid."""
    place = _place(message, context)
    if place.code is not None:
        return rewards.functions.isTaken(place.campaign, place.code), bool
    asked = rewards.functions.contactsOf(place.campaign, place.account, place.page)
    return asked, lambda word: word & place.contacts == place.contacts


def trace(
    rewards: Contract, message: Message, context: Taker, _: Domain
) -> tuple[ContractEvent, dict[str, Any], Callable[[Mapping[str, Any]], bool]]:
    """The event that it leaves, values of its indexed arguments, and what else must fit. A contact is paid
    once, by whichever path: an event counts that has one of these.
    """
    place = _place(message, context)
    filters = {"campaignId": place.campaign, "account": place.account}
    if place.code is not None:
        assert isinstance(message, ClaimTicket)
        packed = place.code << _ADDRESS_BITS | int(message.recipient, 16)
        return rewards.events.CodePaid(), filters, lambda values: values["packed"] == packed
    return (
        rewards.events.ContactsPaid(),
        filters,
        lambda values: (
            values["packed"] >> _PAGE_AT == place.page and bool(values["contacts"] & place.contacts)
        ),
    )


def tokens(_: Message, __: Taker) -> tuple[str, ...]:
    """The points that it is about: only the chain tells."""
    return ()
