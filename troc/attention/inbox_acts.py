"""Acts of the inbox: what beside the signed message its call needs, which call that is, and the trace that it
leaves (`troc.acts`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak
from web3.contract import Contract
from web3.contract.contract import ContractEvent, ContractFunction

from troc.attention.messages import (
    INBOX,
    AnswerMessage,
    CancelInboxNonces,
    SetPolicy,
    SetWelcome,
    inbox_domain,
)
from troc.errors import InputError
from troc.messages import ZERO_ADDRESS, Domain, Message, to_address

CONTRACT = INBOX
KINDS: Mapping[str, type[Message]] = {
    kind.__name__: kind for kind in (SetPolicy, SetWelcome, CancelInboxNonces, AnswerMessage)
}
ENDING: tuple[type[Message], ...] = (CancelInboxNonces,)
"""Messages that only end others, and name what they end."""

domain = inbox_domain

_TOPIC, _CHANNEL, _ANSWER_BY, _PLACE, _NUMBER = 96, 104, 112, 152, 216
_FIELDS = {"sender", "terms", "content"}


@dataclass(frozen=True)
class InboxMessage:
    """A message of the inbox as the contract takes it: `terms` is
    `number:40 ‖ place:64 ‖ answerBy:40 ‖ channel:8 ‖ topic:8 ‖ deposit:96`, `content` the hash of its letter.
    """

    recipient: str
    sender: str
    terms: int
    content: bytes

    def as_tuple(self) -> tuple[str, str, int, bytes]:
        """For a contract call."""
        return self.recipient, self.sender, self.terms, self.content

    @property
    def id(self) -> bytes:
        """What names it, 32 bytes."""
        accounts = b"".join(bytes(12) + bytes.fromhex(each[2:]) for each in (self.recipient, self.sender))
        return keccak(accounts + self.terms.to_bytes(32) + self.content)

    @property
    def deposit(self) -> int:
        """What was paid in, in smallest units."""
        return self._part(0, 96)

    @property
    def at_once(self) -> int:
        """What she got when it arrived: a tenth of the deposit, rounded up."""
        return -(-self.deposit // 10)

    @property
    def rest(self) -> int:
        """What waits for her answer."""
        return self.deposit - self.at_once

    @property
    def topic(self) -> int:
        """What it is about, 0 to 63."""
        return self._part(_TOPIC, 8)

    @property
    def channel(self) -> int:
        """By which way its letter comes, 0 to 15."""
        return self._part(_CHANNEL, 8)

    @property
    def answer_by(self) -> int:
        """The last second at which she can answer."""
        return self._part(_ANSWER_BY, 40)

    @property
    def place(self) -> int:
        """Where the chain keeps it, by its sender's own numbering."""
        return self._part(_PLACE, 64)

    @property
    def number(self) -> int:
        """Of her messages, from 0 on."""
        return self._part(_NUMBER, 40)

    def _part(self, start: int, bits: int) -> int:
        return self.terms >> start & (1 << bits) - 1


@dataclass(frozen=True)
class Context:
    """What the call needs that is not signed: of an answer the rest of the message that it answers."""

    sender: str = ZERO_ADDRESS
    terms: int = 0
    content: bytes = bytes(32)

    @classmethod
    def of(cls, message: InboxMessage) -> Context:
        """The context of an answer to a message."""
        return cls(message.sender, message.terms, message.content)

    def message(self, recipient: str) -> InboxMessage:
        """The message, which is for this recipient."""
        return InboxMessage(recipient, self.sender, self.terms, self.content)

    def to_json(self) -> dict[str, Any]:
        """For a request to a relay."""
        if self == Context():
            return {}
        return {"sender": self.sender, "terms": str(self.terms), "content": "0x" + self.content.hex()}


def read_context(data: Any) -> Context:
    """Read what `Context.to_json` wrote."""
    wrong = InputError("what belongs to the message makes no sense", "send it as troc writes it")
    if data == {}:
        return Context()
    if not isinstance(data, dict) or set(data) != _FIELDS or not all(map(_is_text, data.values())):
        raise wrong
    terms, content = data["terms"], data["content"]
    try:
        if not (terms.isascii() and terms.isdigit() and len(terms) <= 78 and content.startswith("0x")):
            raise wrong
        found = Context(to_address(data["sender"], "sender"), int(terms), bytes.fromhex(content[2:]))
    except ValueError:
        raise wrong from None
    if found.terms >= 1 << 256 or len(found.content) != 32:
        raise wrong
    return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def payer(_: Message, __: Context) -> str | None:
    """Whom it pays, whoever asks for it: it is its signer's own affair."""
    return None


def state(
    inbox: Contract, message: Message, _: Context
) -> tuple[ContractFunction, Callable[[Any], bool]] | None:
    """What the inbox can be asked, and which answers say that it may have taken effect."""
    nonce = uses(message)
    if nonce is None:
        return None
    return inbox.functions.nonceOpen(message.signer, nonce), lambda is_open: not is_open


def check(message: Message, context: Context, _: Domain) -> None:
    """Raise `InputError` unless the context is the one that the message speaks of."""
    if isinstance(message, AnswerMessage) and context.message(message.recipient).id != message.message_id:
        raise InputError("the message is not the one that was answered", "send the right one along")


def deadline(message: Message, context: Context) -> int | None:
    """The last second at which it can take effect, where the message does not say so itself."""
    return context.message(message.recipient).answer_by if isinstance(message, AnswerMessage) else None


def call(message: Message, signature: bytes, context: Context, _: Domain) -> tuple[str, tuple[Any, ...]]:
    """The function of the inbox that submits it, and its arguments."""
    match message:
        case SetPolicy():
            recipient, *policy, until, nonce = message.as_tuple()
            return "setPolicyFor", (recipient, tuple(policy), until, nonce, signature)
        case SetWelcome():
            return "setWelcomeFor", (*message.as_tuple(), signature)
        case CancelInboxNonces():
            return "cancelNoncesFor", (message.recipient, list(message.nonces), signature)
        case AnswerMessage():
            found = context.message(message.recipient)
            return "answerFor", (found.as_tuple(), message.answer, signature)
    raise AssertionError(type(message).__name__)


def trace(
    inbox: Contract, message: Message, _: Context, __: Domain
) -> tuple[ContractEvent, dict[str, Any], Callable[[Mapping[str, Any]], bool]]:
    """The event that it leaves, values of its indexed arguments, and what else must fit."""
    events = inbox.events
    match message:
        case SetPolicy():
            policy = message.as_tuple()[1:-2]
            names = ("on", "floor", "perWeek", "topics", "channels", "answerDays")
            return (
                events.PolicySet(),
                {"recipient": message.recipient},
                lambda values: tuple(values[name] for name in names) == policy,
            )
        case SetWelcome():
            pair = {"recipient": message.recipient, "sender": message.sender}
            welcome = message.welcome
            return events.WelcomeSet(), pair, lambda values: values["welcome"] == welcome
        case CancelInboxNonces():
            nonces = list(message.nonces)
            return (
                events.InboxNoncesCancelled(),
                {"recipient": message.recipient},
                lambda values: list(values["nonces"]) == nonces,
            )
        case AnswerMessage():
            answer = message.answer
            return (
                events.MessageAnswered(),
                {"messageId": message.message_id, "recipient": message.recipient},
                lambda values: bytes(values["answer"]) == answer,
            )
    raise AssertionError(type(message).__name__)


def tokens(_: Message, __: Context) -> tuple[str, ...]:
    """The points that it is about: none."""
    return ()


def uses(message: Message) -> int | None:
    """The nonce that it uses, once; None where it uses none."""
    return message.nonce if isinstance(message, (SetPolicy, SetWelcome)) else None
