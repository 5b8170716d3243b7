"""Claims of paid attention as acts: what beside the signed message its call needs, which call that is, and
the trace that it leaves (`troc.acts`).

Anyone may submit them: money goes to the account of a statement or a leaf, and a ticket's one-time key names
who is paid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from web3.contract import Contract
from web3.contract.contract import ContractEvent, ContractFunction

from troc.attention.contacts import PAGE, address_of
from troc.attention.leaves import Leaf
from troc.attention.messages import ClaimTicket, Statement, Ticket
from troc.attention.slips import NO_ACCOUNT
from troc.errors import InputError
from troc.messages import ZERO_ADDRESS, Domain, Message, digest

KINDS: Mapping[str, type[Message]] = {kind.__name__: kind for kind in (Statement, Ticket, Leaf)}
LONGEST_CREDENTIAL = 4_096
"""Bytes."""

_ADDRESS_BITS = 160
_PAGE_AT = _ADDRESS_BITS + 8
_FIELDS = {"account", "credential"}


@dataclass(frozen=True)
class Taker:
    """Who claims: the account that a code shall count for (else the message names it), and what the contract
    for credentials asks of a pseudonym; empty where the campaign asks for none.
    """

    account: bytes = NO_ACCOUNT
    credential: bytes = b""

    def to_json(self) -> dict[str, Any]:
        """For a request to a relay."""
        return {"account": "0x" + self.account.hex(), "credential": "0x" + self.credential.hex()}

    @classmethod
    def from_json(cls, data: Any) -> Taker:
        """Read what `to_json` wrote."""
        wrong = InputError("who claims makes no sense", "send it as troc writes it")
        if not isinstance(data, dict) or set(data) != _FIELDS:
            raise wrong
        try:
            account, credential = (_bytes(data[name]) for name in ("account", "credential"))
        except ValueError:
            raise wrong from None
        if len(account) != 32 or len(credential) > LONGEST_CREDENTIAL:
            raise wrong
        return cls(account, credential)


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise ValueError
    return bytes.fromhex(text[2:])


def is_claim(message: Message) -> bool:
    """Whether a campaign pays for this message."""
    return isinstance(message, (Statement, Ticket, Leaf))


def check(message: Message, claim: Message | None, taker: Taker, domain: Domain) -> None:
    """Raise `InputError` unless the one-time key's message and the taker belong to the message."""
    if isinstance(message, Ticket):
        if not isinstance(claim, ClaimTicket) or claim.key != message.key:
            raise InputError("a ticket needs a claim signed by its one-time key", "sign one with the key")
        if claim.ticket != digest(message, domain):
            raise InputError("the claim is for another ticket", "sign one for this ticket")
        if message.account not in (NO_ACCOUNT, taker.account) or taker.account == NO_ACCOUNT:
            raise InputError("the ticket is not for the account that claims it", "name its own account")
    elif taker.account != NO_ACCOUNT:
        raise InputError("the message names its account itself", "leave the account of the taker 0")


def account_of(message: Message, taker: Taker) -> bytes:
    """Whose contact or code it is."""
    return taker.account if isinstance(message, Ticket) else _account(message)


def _account(message: Any) -> bytes:
    account: bytes = message.account
    return account


def payee_of(message: Message, claim: Message | None, taker: Taker) -> str:
    """Who is paid, as far as the message tells: of a pseudonym only its credential does."""
    if isinstance(claim, ClaimTicket):
        return claim.recipient
    found = address_of(_account(message))
    if found is not None and not taker.credential:
        return found
    # `AttestorCredentials` has the address in the first word.
    return (len(taker.credential) >= 32 and address_of(taker.credential[:32])) or ZERO_ADDRESS


def uses(message: Message, domain: Domain) -> str:
    """What one act alone can use up: a ticket."""
    return "ticket 0x" + digest(message, domain).hex() if isinstance(message, Ticket) else ""


def statement_terms(message: Message, signature: bytes, taker: Taker) -> tuple[Any, ...]:
    """A statement as the contract takes it."""
    assert isinstance(message, Statement)
    return message.account, message.page, message.contacts, signature, taker.credential


def call(
    message: Message, signature: bytes, claim: tuple[Message, bytes] | None, taker: Taker
) -> tuple[str, tuple[Any, ...]]:
    """The function that submits a single claim, and its arguments."""
    match message:
        case Statement():
            return "claimStatement", (message.campaign, statement_terms(message, signature, taker))
        case Leaf():
            leaf = (message.root, message.account, message.page, message.contacts, list(message.proof))
            return "claimRoot", (message.campaign, (*leaf, taker.credential))
        case Ticket():
            assert claim is not None
            named, key_signature = claim
            assert isinstance(named, ClaimTicket)
            ticket = (message.account, message.id, message.key, message.valid_until, signature)
            who = (taker.account, named.recipient, key_signature, taker.credential)
            return "claimTicket", (message.campaign, ticket, who)
    raise AssertionError(type(message).__name__)


def many(claims: Sequence[tuple[Message, bytes, Taker]]) -> tuple[str, tuple[Any, ...]]:
    """The function that submits several statements of one campaign, and its arguments."""
    first = claims[0][0]
    assert isinstance(first, Statement)
    return "claimStatements", (first.campaign, [statement_terms(*each) for each in claims])


def _place(message: Message) -> tuple[int, int]:
    """Page and contacts of what is no code."""
    if isinstance(message, Ticket):
        page, bit = divmod(message.id, PAGE)
        return page, 1 << bit
    assert isinstance(message, (Statement, Leaf))
    return message.page, message.contacts


def is_code(message: Message) -> bool:
    """Whether it is a code."""
    return isinstance(message, Ticket) and message.account == NO_ACCOUNT


def is_paid(rewards: Contract, message: Message, taker: Taker) -> tuple[ContractFunction, int]:
    """What to ask, and which bits of the answer must be set where nothing of it is left to be paid."""
    campaign: Any = message
    if is_code(message):
        return rewards.functions.isTaken(campaign.campaign, campaign.id), 1
    page, contacts = _place(message)
    return rewards.functions.contactsOf(campaign.campaign, account_of(message, taker), page), contacts


def trace(
    rewards: Contract, message: Message, claim: Message | None, taker: Taker
) -> tuple[ContractEvent, dict[str, Any], Callable[[Mapping[str, Any]], bool]]:
    """The event that it leaves, values of its indexed arguments, and what else must fit. A contact is paid
    once, by whichever path: it counts whose event has one of these.
    """
    named: Any = message
    filters = {"campaignId": named.campaign, "account": account_of(message, taker)}
    if is_code(message):
        payee = int(payee_of(message, claim, taker), 16)
        packed = named.id << _ADDRESS_BITS | payee
        return rewards.events.CodePaid(), filters, lambda values: values["packed"] == packed
    page, contacts = _place(message)
    return (
        rewards.events.ContactsPaid(),
        filters,
        lambda values: values["packed"] >> _PAGE_AT == page and bool(values["contacts"] & contacts),
    )
