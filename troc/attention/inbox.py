"""`t.inbox`: the paid inbox as one account sees it (docs/Inbox.md).

t = troc.connect("local", account="customer", relays=["https://relay.example"])
t.inbox.set_policy(replace(t.inbox.policy().policy, on=True, floor=t.inbox.units("0.50")))
for each in t.inbox.received():
    ...

What is hers she does by a signature where she has a submitter; who writes to somebody sends and pays himself.
Amounts are smallest units of the payment token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eth_utils.crypto import keccak
from web3.contract.contract import ContractFunction

from troc import words
from troc.acts import act_of
from troc.artifacts import INBOX
from troc.attention import topics
from troc.attention.inbox_acts import Context, InboxMessage
from troc.attention.letters import ANSWER, Letter
from troc.attention.messages import (
    AnswerMessage,
    CancelInboxNonces,
    SetPolicy,
    SetWelcome,
    inbox_domain,
)
from troc.chain import Receipt
from troc.errors import ContractError, InboxError, InputError
from troc.messages import Message, sign, to_address
from troc.money import Money, plain
from troc.points import SIGNED_FOR, first_open_nonce

if TYPE_CHECKING:
    from troc.client import Troc

WEEK = 7 * words.DAY
MOST_DEPOSIT, MOST_PER_WEEK, MOST_DAYS = 2**96 - 1, 255, 255

_ASKED_AT_ONCE = 500
_SHORTEST_ID = 6


class Welcome(IntEnum):
    """How somebody takes a sender."""

    PAID = 0
    FREE = 1
    BLOCKED = 2


class State(StrEnum):
    """How a message stands."""

    WAITING = "waiting"
    UNANSWERED = "unanswered"
    ANSWERED = "answered"
    RECLAIMED = "reclaimed"


@dataclass(frozen=True)
class Policy:
    """What may reach somebody: the least deposit, how many messages a week, bit i for topic and channel i."""

    on: bool = False
    floor: int = 0
    per_week: int = 0
    topics: int = 0
    channels: int = 0
    answer_days: int = 0

    def check(self) -> None:
        """Raise `InputError` where the contract would refuse it."""
        for value, least, most, what in (
            (self.floor, 0, MOST_DEPOSIT, "smallest units as a floor"),
            (self.per_week, 0, MOST_PER_WEEK, "messages a week"),
            (self.topics, 0, 2**topics.TOPIC_COUNT - 1, "topics"),
            (self.channels, 0, 2**topics.CHANNEL_COUNT - 1, "channels"),
            (self.answer_days, 1, MOST_DAYS, "days to answer"),
        ):
            if not least <= value <= most:
                raise InputError(f"{value:,} {what} are out of range", f"choose {least} to {most:,}")


@dataclass(frozen=True)
class PolicyStanding:
    """An account's policy, and what of the week is left. `arrived`: messages of this week; `number`: of ever;
    `now`: Unix seconds.
    """

    account: str
    policy: Policy
    arrived: int
    number: int
    now: int

    @property
    def is_set(self) -> bool:
        """Whether she ever said what may reach her."""
        return self.policy.answer_days > 0

    @property
    def left(self) -> int:
        """How many messages can still arrive this week."""
        return max(self.policy.per_week - self.arrived, 0) if self.policy.on else 0

    @property
    def week_ends(self) -> int:
        """The first second of next week: weeks begin on Thursday, 00:00 UTC."""
        return (self.now // WEEK + 1) * WEEK


@dataclass(frozen=True)
class Draft:
    """A message to be sent. `most_days`: the longest that its sender would wait for an answer."""

    recipient: str
    deposit: int
    topic: int
    channel: int
    most_days: int


@dataclass(frozen=True)
class MessageStanding:
    """A message and how it stands. `answer`: the hash of the answer, zero for none; `transaction` sent it."""

    message: InboxMessage
    state: State
    transaction: str
    block: int
    answer: bytes = bytes(32)

    @property
    def id(self) -> str:
        """Its id in hex."""
        return "0x" + self.message.id.hex()


class Inbox:
    """The inbox of a deployment. Raises `NotDeployedError` where it has none."""

    def __init__(self, troc: Troc) -> None:
        self.troc = troc
        self.chain = troc.chain
        self.address = troc.manifest.address(INBOX)
        self._since = troc.manifest.contracts[INBOX].block
        self.contract = self.chain.contract(INBOX, self.address)
        self.domain = inbox_domain(self.chain.chain_id, self.address)

    # -------------------------------------------------------------------------------------------- money

    @cached_property
    def money(self) -> Money:
        """Nothing yet of the payment token."""
        return plain(self.chain, str(self.chain.call(self.contract.functions.token())))

    @cached_property
    def symbol(self) -> str:
        """Of the payment token."""
        token = self.chain.contract("LoyaltyToken", self.money.token)
        return words.shown(str(self.chain.call(token.functions.symbol())))[:20]

    def units(self, text: str) -> int:
        """What "0.50" or "0.50 EUR" is in smallest units; "0" is nothing."""
        number, _, name = text.strip().partition(" ")
        if name.strip() and name.strip() not in (self.symbol, self.money.token):
            raise InputError(
                f"this inbox is paid in {self.symbol}, not in {name.strip()[:20]}",
                f"write an amount of {self.symbol}",
            )
        if number.strip("0") in ("", ".") and "0" in number:
            return 0
        return words.to_units(words.parse_amount(number), self.money.decimals, self.symbol)

    def text(self, units: int) -> str:
        """An amount as people read it: "0.5 EUR"."""
        return f"{words.number(units, self.money.decimals)} {self.symbol}"

    # --------------------------------------------------------------------------------------- the policy

    def policy(self, account: str | None = None) -> PolicyStanding:
        """What may reach an account (none: the one that acts), and what of the week is left."""
        account = to_address(account or self.troc.address, "account")
        found, arrived, number = self.chain.call(self.contract.functions.policyOf(account))
        return PolicyStanding(account, Policy(*found), arrived, number, self.chain.now())

    def welcome(self, account: str, sender: str) -> Welcome:
        """How an account takes a sender."""
        return Welcome(self.chain.call(self.contract.functions.welcomeOf(account, sender)))

    def set_policy(self, policy: Policy) -> Receipt:
        """Say what may reach the account that acts. It holds for messages that are sent afterwards."""
        policy.check()
        return self._do(
            self.contract.functions.setPolicy(astuple(policy)),
            lambda until: self._signed_policy(policy, until),
        )

    def _signed_policy(self, policy: Policy, until: int) -> SetPolicy:
        return SetPolicy(
            recipient=self.troc.address,
            on=policy.on,
            floor=policy.floor,
            per_week=policy.per_week,
            topics=policy.topics,
            channels=policy.channels,
            answer_days=policy.answer_days,
            deadline=until,
            nonce=self._policy_nonce(),
        )

    def set_welcome(self, sender: str, welcome: Welcome) -> Receipt:
        """Say how the account that acts takes a sender."""
        sender = to_address(sender, "sender")
        return self._do(
            self.contract.functions.setWelcome(sender, int(welcome)),
            lambda until: SetWelcome(
                self.troc.address, sender, int(welcome), until, self._welcome_nonce(sender)
            ),
        )

    def cancel_signed(self, sender: str = "") -> Receipt:
        """End the policy (or what was said of a sender) that the account signed and nobody brought yet."""
        nonce = self._welcome_nonce(to_address(sender, "sender")) if sender else self._policy_nonce()
        return self._do(
            self.contract.functions.cancelNonces([nonce]),
            lambda _: CancelInboxNonces(self.troc.address, (nonce,)),
        )

    def _policy_nonce(self) -> int:
        """Always the first that is open: so a policy that a relay held back and the one that she signed next
        have the same, and only one of them can count.
        """
        return first_open_nonce(self.chain, self.contract.functions.nonceOpen, self.troc.address)

    def _welcome_nonce(self, sender: str) -> int:
        """The same for each sender apart."""

        def lane(number: int) -> int:
            seed = b"troc.inbox.welcome\0" + bytes.fromhex(sender[2:]) + number.to_bytes(8)
            return int.from_bytes(keccak(seed)[:16])

        return first_open_nonce(self.chain, self.contract.functions.nonceOpen, self.troc.address, lane)

    def _do(
        self,
        function: ContractFunction,
        message: Callable[[int], Message],
        context: Context | None = None,
    ) -> Receipt:
        """Call `function` oneself, or sign the message, given its deadline, and have it submitted."""
        submitter = self.troc.submitter
        if submitter is None:
            return self.chain.send(function, self.troc.signer)
        signed = message(self.chain.now() + SIGNED_FOR)
        signature = sign(signed, self.domain, self.troc.signer)
        return submitter.submit([act_of(signed, signature, self.domain, context)])[-1]

    # ------------------------------------------------------------------------------------------ sending

    def draft(
        self, recipient: str, deposit: int, topic: int, channel: int, most_days: int | None = None
    ) -> Draft:
        """A message that could be sent now. Raises `InboxError` where it would be refused, and says why.

        `most_days`: the longest to wait for an answer (none: what she takes by now).
        """
        found = self.policy(recipient)
        days = found.policy.answer_days if most_days is None else most_days
        made = Draft(found.account, deposit, topic, channel, days)
        self.check(made, found)
        return made

    def check(self, draft: Draft, standing: PolicyStanding | None = None) -> None:
        """Raise `InboxError` where the message would be refused now."""
        found = standing or self.policy(draft.recipient)
        policy, who = found.policy, words.short(draft.recipient)
        if not policy.on:
            raise InboxError(f"{who} takes no messages: the inbox is off", "respect it, or ask first")
        welcome = self.welcome(draft.recipient, self.troc.address)
        if welcome == Welcome.BLOCKED:
            raise InboxError(f"{who} takes no messages from you", "respect it")
        if not 0 <= draft.topic < topics.TOPIC_COUNT or not policy.topics >> draft.topic & 1:
            raise InboxError(
                f"{who} takes no messages on {topics.topic_name(draft.topic)}",
                f"welcome are: {words.listed(topics.topic_names(policy.topics)) or 'none'}",
            )
        if not 0 <= draft.channel < topics.CHANNEL_COUNT or not policy.channels >> draft.channel & 1:
            raise InboxError(
                f"{who} takes no messages by {topics.channel_name(draft.channel)}",
                f"welcome are: {words.listed(topics.channel_names(policy.channels)) or 'none'}",
            )
        if not 0 <= draft.deposit <= MOST_DEPOSIT:
            raise InboxError(f"a deposit of {draft.deposit} units is out of range", "name another amount")
        if welcome == Welcome.PAID and draft.deposit < policy.floor:
            raise InboxError(
                f"{self.text(draft.deposit)} are below what {who} asks for",
                f"deposit {self.text(policy.floor)}",
            )
        if not found.left:
            again = f"try again from {words.moment(found.week_ends)} on" if policy.per_week else "respect it"
            raise InboxError(
                f"{who} takes {words.count(policy.per_week, 'message')} a week, and"
                f" {found.arrived:,} have arrived",
                again,
            )
        if policy.answer_days > draft.most_days:
            raise InboxError(
                f"{who} takes {words.count(policy.answer_days, 'day')} to answer, and you would wait"
                f" {words.count(draft.most_days, 'day')}",
                "wait longer, or send nothing",
            )
        self._check_money(draft.deposit)

    def _check_money(self, deposit: int) -> None:
        token = self.chain.contract("LoyaltyToken", self.money.token).functions
        has = self.chain.call(token.balanceOf(self.troc.address)) if deposit else 0
        if has < deposit:
            raise InboxError(
                f"you have {self.text(has)}, and the deposit is {self.text(deposit)}", "get more first"
            )

    def sent_before(self, letter: Letter) -> MessageStanding | None:
        """The message that carried a letter, if the account sent it before."""
        pair = {"recipient": letter.recipient, "sender": letter.sender}
        found = [each for each in self._find(pair) if each.message.content == letter.hash]
        return found[-1] if found else None

    def send(self, draft: Draft, letter: Letter) -> MessageStanding:
        """Send a message with the hash of a letter, and pay its deposit; the letter travels by its channel.

        Sends nothing for a letter that was sent before, and gives its message. Raises `InboxError` where it
        is refused, also where her policy changed since `draft`.
        """
        if (letter.recipient, letter.sender) != (draft.recipient, self.troc.address):
            raise InputError("this letter is of others, or for others", "write one of your own")
        before = self.sent_before(letter)
        if before is not None:
            return before
        signer = self.troc.signer
        self.check(draft)
        self._allow(draft.deposit)
        call = self.contract.functions.send(
            draft.recipient,
            draft.deposit,
            draft.topic,
            draft.channel,
            draft.most_days,
            self._free_place(signer.address),
            letter.hash,
        )
        try:
            receipt = self.chain.send(call, signer)
        except ContractError:
            # Where she changed her mind a moment ago, say what she asks for now.
            self.check(draft)
            raise
        (event,) = receipt.events(self.contract.events.MessageSent())
        return MessageStanding(_message_of(event), State.WAITING, receipt.transaction, receipt.block)

    def _allow(self, deposit: int) -> None:
        """Let the inbox move the deposit."""
        token = self.chain.contract("LoyaltyToken", self.money.token).functions
        if deposit and self.chain.call(token.allowance(self.troc.address, self.address)) < deposit:
            self.chain.send(token.approve(self.address, deposit), self.troc.signer)

    def _free_place(self, sender: str) -> int:
        """The first place in which none of his messages waits: one that was used before costs less gas."""
        used = sorted({each.message.place for each in self.sent(sender)})
        waiting = self.chain.read_many([self.contract.functions.waitingAt(sender, each) for each in used])
        free = [place for place, message in zip(used, waiting, strict=True) if not any(message)]
        if free:
            return free[0]
        return next(place for place in range(len(used) + 1) if place not in used)

    # ------------------------------------------------------------------------------------------ reading

    def received(self, account: str | None = None) -> list[MessageStanding]:
        """Messages to an account (none: the one that acts), oldest first."""
        return self._find({"recipient": to_address(account or self.troc.address, "account")})

    def sent(self, account: str | None = None) -> list[MessageStanding]:
        """Messages of an account (none: the one that acts), oldest first."""
        return self._find({"sender": to_address(account or self.troc.address, "account")})

    def message(self, id_: bytes) -> MessageStanding | None:
        """A message by its id; None where none was sent."""
        found = self._find({"messageId": id_})
        return found[0] if found else None

    def named(self, name: str, among: Sequence[MessageStanding] | None = None) -> MessageStanding:
        """A message to the account by how its id begins. Raises `InboxError`."""
        messages = self.received() if among is None else among
        found = [each for each in messages if each.id.startswith(name.lower())]
        if len(found) != 1 or len(name) < _SHORTEST_ID:
            what = "several messages begin" if len(found) > 1 else "no message begins"
            raise InboxError(
                f"{what} with {name[:20]}", "write more of its number, as `troc attention inbox` shows it"
            )
        return found[0]

    def _find(self, filters: dict[str, Any]) -> list[MessageStanding]:
        events = self.contract.events
        sent = list(self.chain.logs(events.MessageSent(), filters, self._since))
        messages = [_message_of(event) for event in sent]
        answers: dict[bytes, bytes] = {}
        for start in range(0, len(messages), _ASKED_AT_ONCE):
            ids = [each.id for each in messages[start : start + _ASKED_AT_ONCE]]
            for event in self.chain.logs(events.MessageAnswered(), {"messageId": ids}, self._since):
                answers[bytes(event["args"]["messageId"])] = bytes(event["args"]["answer"])
        left = [each for each in messages if each.id not in answers]
        asked = self.chain.read_many([self.contract.functions.isOpen(each.as_tuple()) for each in left])
        waits = {each.id for each, is_open in zip(left, asked, strict=True) if is_open}
        now = self.chain.now()
        return [
            MessageStanding(
                each,
                _state(each, each.id in answers, each.id in waits, now),
                "0x" + bytes(event["transactionHash"]).hex(),
                int(event["blockNumber"]),
                answers.get(each.id, bytes(32)),
            )
            for each, event in zip(messages, sent, strict=True)
        ]

    def check_letter(self, letter: Letter) -> MessageStanding:
        """The message to which a letter or an answer belongs, word for word. Raises `InboxError` where the
        chain knows none.
        """
        if letter.kind == ANSWER:
            found = self.message(letter.message_id)
            good = (
                found is not None
                and (found.message.recipient, found.message.sender) == (letter.recipient, letter.sender)
                and found.answer == letter.hash
            )
        else:
            found = self.sent_before(letter)
            good = found is not None
        if found is None or not good:
            raise InboxError(
                f"the chain knows no message with this {letter.kind}: it was altered, or never sent",
                "ask whoever wrote it for the file again, and trust nothing in this one",
            )
        return found

    # ------------------------------------------------------------------------------------------- ending

    def check_answer(self, standing: MessageStanding) -> None:
        """Raise `InboxError` where a message cannot be answered by the account that acts."""
        message, number = standing.message, standing.id[:14]
        if message.recipient != self.troc.address:
            raise InboxError(f"{number} is for {message.recipient}, not for you", "answer your own messages")
        if standing.state == State.ANSWERED:
            raise InboxError(f"you have answered {number} before", "nothing is left to do for it")
        if standing.state != State.WAITING:
            where = "goes" if standing.state == State.UNANSWERED else "went"
            raise InboxError(
                f"{number} could be answered until {words.moment(message.answer_by)}",
                f"nothing can be done: the deposit {where} back to its sender",
            )

    def answer(self, standing: MessageStanding, hash_: bytes = bytes(32)) -> Receipt:
        """Answer a message: the rest of its deposit is paid to the recipient. `hash_`: of the answer, which
        travels off the chain; zero for none.
        """
        self.check_answer(standing)
        message = standing.message
        return self._do(
            self.contract.functions.answer(message.as_tuple(), hash_),
            lambda _: AnswerMessage(self.troc.address, message.id, hash_),
            Context.of(message),
        )

    def reclaim(self, messages: Iterable[MessageStanding]) -> list[Receipt]:
        """Have the deposits of messages that were not answered in time go back to their senders; anyone may.
        What ended meanwhile is passed over. Raises `InboxError` where one can still be answered.
        """
        receipts = []
        now = self.chain.now()
        for each in messages:
            if each.state == State.WAITING and now <= each.message.answer_by:
                raise InboxError(
                    f"{each.id[:14]} can still be answered until {words.moment(each.message.answer_by)}",
                    "reclaim it after that",
                )
            is_open = self.contract.functions.isOpen(each.message.as_tuple())
            if self.chain.call(is_open):
                call = self.contract.functions.reclaim(each.message.as_tuple())
                receipts.append(self.chain.send(call, self.troc.sender))
        return receipts


def _message_of(event: Any) -> InboxMessage:
    values = event["args"]
    return InboxMessage(
        to_address(values["recipient"]),
        to_address(values["sender"]),
        int(values["terms"]),
        bytes(values["content"]),
    )


def _state(message: InboxMessage, answered: bool, waits: bool, now: int) -> State:
    if answered:
        return State.ANSWERED
    if not waits:
        return State.RECLAIMED
    return State.WAITING if now <= message.answer_by else State.UNANSWERED
