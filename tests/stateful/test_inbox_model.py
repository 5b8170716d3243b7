"""The paid inbox beside a model in plain Python, among people of whom any may be hostile.

Each call is made to both. Both must do the same, or refuse it with the same error and the same values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import astuple, replace
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.stateful.data import MAX, Message, digest
from tests.stateful.inbox import WEEK, Inbox, Policy, Sent, signed_words
from tests.stateful.points import DAY
from tests.stateful.running import try_model
from tests.stateful.world import CHAIN_ID, Refused, World, outcome, person, role
from troc.messages import pack_nonce

BIRTH = 1_767_225_600
OWNER = role("owner of the cash")
PEOPLE = {person(name).address: person(name) for name in ("ann", "ben", "cyd", "dan")}
ADDRESSES = list(PEOPLE)
RECIPIENTS = ADDRESSES[:2]
LETTERS = [b"\x01" * 32, b"\x02" * 32]
NONE = bytes(32)

seldom = st.integers(0, 9).map(lambda n: n == 0)
recipients, anyone = st.sampled_from(RECIPIENTS), st.sampled_from(ADDRESSES)
some = st.integers(0, 200)
nonces = st.builds(pack_nonce, st.integers(0, 1), st.sampled_from([0] * 9 + [1]), st.integers(0, 5))
policies = st.builds(
    Policy,
    on=st.sampled_from([True] * 7 + [False]),
    floor=st.sampled_from([0, 1, 50, 50, 105, 2**96 - 1, 2**96]),
    per_week=st.sampled_from([0, 1, 2, 3, 3, 4, 255, 256]),
    topics=st.sampled_from([1, 3, 3, 2**64 - 1, 2**64 - 1, 0, 2**64]),
    channels=st.sampled_from([1, 3, 2**16 - 1, 2**16 - 1, 0, 2**16]),
    answer_days=st.sampled_from([1, 1, 7, 7, 30, 255, 0, 256]),
)
usual = st.builds(
    Policy,
    on=st.just(True),
    floor=st.sampled_from([0, 50]),
    per_week=st.integers(1, 4),
    topics=st.just(2**64 - 1),
    channels=st.just(2**16 - 1),
    answer_days=st.sampled_from([1, 7]),
)
deposits = st.sampled_from([50] * 6 + [0, 1, 9, 10, 11, 49, 107, 1_000, 2**96])
# Whose signature a call comes with, over which chain.
signings = st.sampled_from(["well"] * 7 + ["other key", "other chain", "other words"])


class InboxMachine(RuleBasedStateMachine):
    """The inbox and cash, and the model."""

    seen: ClassVar[Counter[str]] = Counter()
    """How often which call went through, and which error was seen, over all examples."""

    @initialize(policy=usual)
    def begin(self, policy: Policy) -> None:
        self.world = World(BIRTH)
        self.cash = self.world.deploy("CashMock", "Euro", "EUR")
        self.address = self.world.deploy("Inbox", self.cash)
        self.model = Inbox(self.address, lambda: self.world.time)
        for who in ADDRESSES:
            self.world.call(who, self.cash, "approve", self.address, MAX)
        self.set_policy(RECIPIENTS[0], policy)

    # ------------------------------------------------------------------------------------------ comparing

    def both(self, model: Callable[[], Any], sender: str, function: str, *arguments: Any) -> None:
        """Makes one call to both."""
        expected = outcome(model)
        answer = outcome(lambda: self.world.call(sender, self.address, function, *arguments))
        if isinstance(expected, Refused) or isinstance(answer, Refused):
            assert answer == expected, f"{function}{arguments}: {answer!r}, and by the model {expected!r}"
            self.seen[answer.name] += 1
            return
        if expected is not None:
            assert answer == expected
        self.seen[function] += 1

    @invariant()
    def check_all(self) -> None:
        model = self.model
        for who in [*ADDRESSES, self.address]:
            assert self.world.view(self.cash, "balanceOf", who) == model.cash[who], f"cash of {who}"
        held = sum(each.rest for each in model.waiting())
        assert model.cash[self.address] == held, "the inbox holds exactly what waits"
        for who in ADDRESSES:
            told, arrived, number = self.world.view(self.address, "policyOf", who)
            assert tuple(told) == astuple(model.policy(who)), f"policy of {who}"
            assert (arrived, number) == (model.arrived(who), model.number(who))
        for each in model.sent:
            waits = each.id not in model.outcomes
            assert self.world.view(self.address, "isOpen", each.words) == waits
            there = model.at(each.sender, each.place)
            found = self.world.view(self.address, "waitingAt", each.sender, each.place)
            assert found == (NONE if there is None else there.id)
        assert len({each.id for each in model.sent}) == len(model.sent), "no two messages have one id"

    def sign(self, who: str, how: str, kind: str, values: Message) -> tuple[bytes, bool, bytes]:
        """What the contract asks to be signed, whether that was, and the signature."""

        def of(words: Message, chain_id: int = CHAIN_ID) -> bytes:
            return digest(self.address, kind, signed_words(words), chain_id, "Troc Inbox")

        asked = of(values)
        signer, signed = PEOPLE[who], asked
        if how == "other key":
            signer = next(PEOPLE[each] for each in ADDRESSES if each != who)
        elif how == "other chain":
            signed = of(values, CHAIN_ID + 1)
        elif how == "other words":
            last = list(values)[-1]
            other = [7] if isinstance(values[last], list) else b"\x07" * 32
            signed = of(values | {last: values[last] + 1 if isinstance(values[last], int) else other})
        return asked, how == "well", signer.sign_digest(signed)

    # ----------------------------------------------------------------------------------------------- time

    @rule(seconds=st.one_of(st.integers(1, DAY), st.integers(1, 10 * DAY)))
    def wait(self, seconds: int) -> None:
        self.world.move_to(self.world.time + seconds // 4)

    @rule(late=st.sampled_from([-1, 0]))
    def wait_for_the_end_of_a_week(self, late: int) -> None:
        border = (self.world.time // WEEK + 1) * WEEK
        self.world.move_to(max(self.world.time, border + late))

    @rule(number=some, late=st.sampled_from([0, 1, 1]))
    def wait_for_a_deadline(self, number: int, late: int) -> None:
        """The last second of some message, or the first after it."""
        if waiting := self.model.waiting():
            self.world.move_to(max(self.world.time, waiting[number % len(waiting)].answer_by + late))

    # ----------------------------------------------------------------------------------------- the policy

    @rule(who=recipients, policy=st.one_of(usual, policies))
    def set_policy(self, who: str, policy: Policy) -> None:
        self.both(lambda: self.model.set_policy(who, policy), who, "setPolicy", astuple(policy))

    @rule(
        who=recipients, by=anyone, policy=st.one_of(usual, policies), nonce=nonces, how=signings, late=seldom
    )
    def set_policy_for(self, who: str, by: str, policy: Policy, nonce: int, how: str, late: bool) -> None:
        until = self.world.time - late
        names = ("on", "floor", "perWeek", "topics", "channels", "answerDays")
        values = {
            "recipient": who,
            **dict(zip(names, astuple(policy), strict=True)),
            "deadline": until,
            "nonce": nonce,
        }
        asked, good, signature = self.sign(who, how, "SetPolicy", values)
        self.both(
            lambda: self.model.set_policy_for(who, policy, until, nonce, asked, good),
            by,
            "setPolicyFor",
            *(who, astuple(policy), until, nonce, signature),
        )

    @rule(who=recipients, sender=anyone, welcome=st.integers(0, 2))
    def set_welcome(self, who: str, sender: str, welcome: int) -> None:
        self.both(lambda: self.model.set_welcome(who, sender, welcome), who, "setWelcome", sender, welcome)

    @rule(
        who=recipients,
        by=anyone,
        sender=anyone,
        welcome=st.sampled_from([0, 0, 1, 2]),
        nonce=nonces,
        how=signings,
        late=seldom,
    )
    def set_welcome_for(
        self, who: str, by: str, sender: str, welcome: int, nonce: int, how: str, late: bool
    ) -> None:
        until = self.world.time - late
        values = {"recipient": who, "sender": sender, "welcome": welcome, "deadline": until, "nonce": nonce}
        asked, good, signature = self.sign(who, how, "SetWelcome", values)
        self.both(
            lambda: self.model.set_welcome_for(who, sender, welcome, until, nonce, asked, good),
            by,
            "setWelcomeFor",
            *(who, sender, welcome, until, nonce, signature),
        )

    @rule(who=recipients, ended=st.lists(nonces, max_size=2), own=st.booleans(), by=anyone, how=signings)
    def cancel(self, who: str, ended: list[int], own: bool, by: str, how: str) -> None:
        if own:
            self.both(lambda: self.model.cancel(who, ended), who, "cancelNonces", ended)
            return
        values = {"recipient": who, "nonces": ended}
        asked, good, signature = self.sign(who, how, "CancelInboxNonces", values)
        self.both(
            lambda: self.model.cancel(who, ended, asked, good), by, "cancelNoncesFor", who, ended, signature
        )

    # ------------------------------------------------------------------------------------------- messages

    @rule(
        sender=anyone,
        to=st.one_of(recipients, recipients, recipients, anyone),
        deposit=deposits,
        topic=st.sampled_from([0] * 9 + [1, 63, 64]),
        channel=st.sampled_from([0] * 9 + [1, 15, 16]),
        most_days=st.sampled_from([255] * 5 + [7, 0]),
        place=st.sampled_from([0, 1, 1, 2, 2, 3, 2**64 - 1, 2**64]),
        content=st.sampled_from(LETTERS),
    )
    def send(
        self,
        sender: str,
        to: str,
        deposit: int,
        topic: int,
        channel: int,
        most_days: int,
        place: int,
        content: bytes,
    ) -> None:
        self.world.call(OWNER, self.cash, "mint", sender, deposit)
        self.model.cash[sender] += deposit
        terms = (to, deposit, topic, channel, most_days, place, content)
        self.both(lambda: self.model.send(sender, *terms), sender, "send", *terms)

    def some_message(self, number: int, altered: str, ended: bool) -> Sent | None:
        """One that waits, mostly; or one that ended, or that never was sent quite so."""
        among = self.model.sent if ended else self.model.waiting()
        if not among:
            return None
        found = among[number % len(among)]
        changes: dict[str, dict[str, Any]] = {
            "deposit": {"deposit": found.deposit + 10},
            "answer_by": {"answer_by": found.answer_by + DAY},
            "sender": {"sender": next(each for each in ADDRESSES if each != found.sender)},
            "recipient": {"recipient": next(each for each in ADDRESSES if each != found.recipient)},
            "number": {"number": found.number + 1},
        }
        return replace(found, **changes.get(altered, {}))

    altered = st.sampled_from([""] * 8 + ["deposit", "answer_by", "sender", "recipient", "number"])

    @rule(
        number=some, changed=altered, ended=seldom, stranger=seldom, reply=st.sampled_from([NONE, *LETTERS])
    )
    def answer(self, number: int, changed: str, ended: bool, stranger: bool, reply: bytes) -> None:
        message = self.some_message(number, changed, ended)
        if message is not None:
            caller = ADDRESSES[number % len(ADDRESSES)] if stranger else message.recipient
            self.both(lambda: self.model.answer(caller, message), caller, "answer", message.words, reply)

    @rule(number=some, by=anyone, changed=altered, ended=seldom, how=signings)
    def answer_for(self, number: int, by: str, changed: str, ended: bool, how: str) -> None:
        message = self.some_message(number, changed, ended)
        if message is None:
            return
        values = {"recipient": message.recipient, "messageId": message.id, "answer": NONE}
        asked, good, signature = self.sign(message.recipient, how, "AnswerMessage", values)
        self.both(
            lambda: self.model.answer_for(message, asked, good),
            by,
            "answerFor",
            *(message.words, NONE, signature),
        )

    @rule(number=some, by=anyone, changed=altered, ended=seldom)
    def reclaim(self, number: int, by: str, changed: str, ended: bool) -> None:
        message = self.some_message(number, changed, ended)
        if message is not None:
            self.both(lambda: self.model.reclaim(message), by, "reclaim", message.words)


EXPECTED = {
    "setPolicy",
    "setPolicyFor",
    "setWelcome",
    "setWelcomeFor",
    "cancelNonces",
    "cancelNoncesFor",
    "send",
    "answer",
    "answerFor",
    "reclaim",
    "PolicyOutOfRange",
    "InboxOff",
    "SenderBlocked",
    "DepositOutOfRange",
    "PlaceNotFree",
    "BelowFloor",
    "TopicNotAdmitted",
    "ChannelNotAdmitted",
    "WeekFull",
    "AnswerTakesLonger",
    "MessageNotOpen",
    "AnswerTooLate",
    "ReclaimTooEarly",
    "NotTheRecipient",
    "NotSignedByRecipient",
    "InboxDeadlinePassed",
    "NonceUsed",
    "NonceNotCurrent",
}


def test_the_inbox_does_what_the_model_says(profile: settings) -> None:
    try_model(InboxMachine, profile, EXPECTED, share=0.25)
