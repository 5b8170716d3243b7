"""The paid inbox as its page describes it, in plain Python: who may write, who is paid, and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import astuple, dataclass, field
from typing import Any

from eth_utils.crypto import keccak

from tests.stateful.data import word
from tests.stateful.nonces import Whole
from tests.stateful.points import DAY
from tests.stateful.world import Refused

WEEK = 7 * DAY
PAID, FREE, BLOCKED = range(3)


@dataclass(frozen=True)
class Policy:
    on: bool = False
    floor: int = 0
    per_week: int = 0
    topics: int = 0
    channels: int = 0
    answer_days: int = 0

    def check(self) -> None:
        limits = (self.floor, 96), (self.per_week, 8), (self.topics, 64), (self.channels, 16)
        if any(value >= 2**bits for value, bits in limits) or not 0 < self.answer_days < 256:
            raise Refused("PolicyOutOfRange", *astuple(self)[1:])


@dataclass(frozen=True)
class Sent:
    """A message, and what its parts say."""

    recipient: str
    sender: str
    deposit: int
    topic: int
    channel: int
    answer_by: int
    place: int
    number: int
    content: bytes

    @property
    def words(self) -> tuple[str, str, int, bytes]:
        """As the contract takes it."""
        terms = 0
        for value, bits in (
            (self.number, 40),
            (self.place, 64),
            (self.answer_by, 40),
            (self.channel, 8),
            (self.topic, 8),
            (self.deposit, 96),
        ):
            terms = terms << bits | value
        return self.recipient, self.sender, terms, self.content

    @property
    def id(self) -> bytes:
        return bytes(keccak(b"".join(map(word, self.words))))

    @property
    def at_once(self) -> int:
        return self.deposit // 10 + (self.deposit % 10 > 0)

    @property
    def rest(self) -> int:
        return self.deposit - self.at_once


@dataclass
class Inbox:
    """Methods raise `Refused` as the contract does, and then change nothing."""

    address: str
    clock: Callable[[], int]
    cash: Counter[str] = field(default_factory=Counter)
    policies: dict[str, Policy] = field(default_factory=dict)
    welcomes: dict[tuple[str, str], int] = field(default_factory=dict)
    arrivals: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By recipient and week."""
    nonces: Whole = field(default_factory=Whole)
    sent: list[Sent] = field(default_factory=list)
    outcomes: dict[bytes, str] = field(default_factory=dict)
    """Who was paid the rest of a message, by its id."""

    # --------------------------------------------------------------------------------------------- looking

    def policy(self, recipient: str) -> Policy:
        return self.policies.get(recipient, Policy())

    def arrived(self, recipient: str) -> int:
        return self.arrivals[recipient, self.clock() // WEEK]

    def number(self, recipient: str) -> int:
        return sum(each.recipient == recipient for each in self.sent)

    def waiting(self) -> list[Sent]:
        return [each for each in self.sent if each.id not in self.outcomes]

    def at(self, sender: str, place: int) -> Sent | None:
        return next((one for one in self.waiting() if (one.sender, one.place) == (sender, place)), None)

    # ------------------------------------------------------------------------------------------ the policy

    def set_policy(self, recipient: str, policy: Policy) -> None:
        policy.check()
        self.policies[recipient] = policy

    def set_policy_for(
        self, recipient: str, policy: Policy, until: int, nonce: int, asked: bytes, signed: bool
    ) -> None:
        self._check_signed(recipient, until, nonce, asked, signed)
        policy.check()
        self.nonces.cancel(recipient, [nonce])
        self.policies[recipient] = policy

    def set_welcome(self, recipient: str, sender: str, welcome: int) -> None:
        self.welcomes[recipient, sender] = welcome

    def set_welcome_for(
        self, recipient: str, sender: str, welcome: int, until: int, nonce: int, asked: bytes, signed: bool
    ) -> None:
        self._check_signed(recipient, until, nonce, asked, signed)
        self.nonces.cancel(recipient, [nonce])
        self.welcomes[recipient, sender] = welcome

    def cancel(self, recipient: str, nonces: list[int], asked: bytes = b"", signed: bool = True) -> None:
        if not signed:
            raise Refused("NotSignedByRecipient", recipient, asked)
        self.nonces.check_cancel(recipient, nonces)
        self.nonces.cancel(recipient, nonces)

    def _check_signed(self, recipient: str, until: int, nonce: int, asked: bytes, signed: bool) -> None:
        if self.clock() > until:
            raise Refused("InboxDeadlinePassed", until)
        if not signed:
            raise Refused("NotSignedByRecipient", recipient, asked)
        self.nonces.check(recipient, nonce)

    # -------------------------------------------------------------------------------------------- messages

    def send(
        self,
        sender: str,
        recipient: str,
        deposit: int,
        topic: int,
        channel: int,
        most_days: int,
        place: int,
        content: bytes,
    ) -> bytes:
        """The id of the message."""
        policy, welcome = self.policy(recipient), self.welcomes.get((recipient, sender), PAID)
        if not policy.on:
            raise Refused("InboxOff", recipient)
        if deposit >= 2**96:
            raise Refused("DepositOutOfRange", deposit)
        if topic > 63 or not policy.topics >> topic & 1:
            raise Refused("TopicNotAdmitted", recipient, topic)
        if channel > 15 or not policy.channels >> channel & 1:
            raise Refused("ChannelNotAdmitted", recipient, channel)
        if welcome == BLOCKED:
            raise Refused("SenderBlocked", recipient, sender)
        if welcome == PAID and deposit < policy.floor:
            raise Refused("BelowFloor", deposit, policy.floor)
        if policy.answer_days > most_days:
            raise Refused("AnswerTakesLonger", policy.answer_days, most_days)
        if self.arrived(recipient) >= policy.per_week:
            raise Refused("WeekFull", recipient, policy.per_week)
        if place >= 2**64 or self.at(sender, place) is not None:
            raise Refused("PlaceNotFree", sender, place)
        until = self.clock() + policy.answer_days * DAY
        number = self.number(recipient)
        made = Sent(recipient, sender, deposit, topic, channel, until, place, number, content)
        self.arrivals[recipient, self.clock() // WEEK] += 1
        self.sent.append(made)
        self._move(sender, self.address, deposit)
        self._move(self.address, recipient, made.at_once)
        return made.id

    def answer(self, caller: str, message: Sent) -> None:
        if caller != message.recipient:
            raise Refused("NotTheRecipient", message.recipient, caller)
        self._answer(message)

    def answer_for(self, message: Sent, asked: bytes, signed: bool) -> None:
        if not signed:
            raise Refused("NotSignedByRecipient", message.recipient, asked)
        self._answer(message)

    def _answer(self, message: Sent) -> None:
        self._check_waits(message)
        if self.clock() > message.answer_by:
            raise Refused("AnswerTooLate", message.id, message.answer_by)
        self._end(message, message.recipient)

    def reclaim(self, message: Sent) -> None:
        self._check_waits(message)
        if self.clock() <= message.answer_by:
            raise Refused("ReclaimTooEarly", message.id, message.answer_by)
        self._end(message, message.sender)

    def _check_waits(self, message: Sent) -> None:
        if message not in self.waiting():
            raise Refused("MessageNotOpen", message.id)

    def _end(self, message: Sent, to: str) -> None:
        self.outcomes[message.id] = to
        self._move(self.address, to, message.rest)

    def _move(self, giver: str, receiver: str, amount: int) -> None:
        self.cash[giver] -= amount
        self.cash[receiver] += amount


def signed_words(values: dict[str, Any]) -> dict[str, Any]:
    """A message's values as words, booleans as numbers."""
    return {name: int(value) if isinstance(value, bool) else value for name, value in values.items()}
