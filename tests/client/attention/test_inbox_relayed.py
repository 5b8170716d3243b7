"""Recipients without ether: what is theirs a relay brings to the chain, changing nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.client.attention.inbox_cases import CASH, POLICY, Mail, changed, deployed, home, mail
from tests.client.relay.conftest import running_relay, serve
from tests.client.trade.conftest import poor
from troc.acts import KINDS, Act, act_of
from troc.attention.inbox import Inbox, State, Welcome
from troc.attention.inbox_acts import Context
from troc.attention.messages import AnswerMessage, CancelInboxNonces, SetWelcome
from troc.chain import Chain
from troc.errors import InputError, RelayError
from troc.messages import Message, sign
from troc.relay.checks import Checks
from troc.serving.refusal import RefusalError

__all__ = ["deployed", "home", "mail", "serve"]


@pytest.fixture
def relay(mail: Mail, serve: Callable[[Any], str], tmp_path: Path) -> Iterator[str]:
    """The URL of a relay."""
    with running_relay(mail.everyone, tmp_path) as app:
        yield serve(app)


def relayed(mail: Mail, relay: str, name: str) -> Inbox:
    """Somebody without ether who knows a relay."""
    return mail.everyone.as_account(poor(name), relays=[relay]).inbox


def signed(inbox: Inbox, message: Message, context: Context | None = None) -> Act:
    """What somebody asks a relay for."""
    return act_of(message, sign(message, inbox.domain, inbox.troc.signer), inbox.domain, context)


def judged(mail: Mail, act: Act) -> None:
    """Raise unless a relay would take an act: its form, then what the chain says."""
    checks = Checks(mail.chain, mail.everyone.acts, mail.payer.address)
    read, by_key = checks.read(act.to_json(), mail.chain.now())
    question = checks.question(read, by_key)
    checks.answer(question, mail.chain.try_many(question.calls), mail.chain.now())


def test_all_that_is_hers_without_ether(mail: Mail, relay: str) -> None:
    sent = mail.send()
    ann = relayed(mail, relay, "ann")
    before = mail.chain.balance(ann.troc.address)
    ann.answer(sent, bytes([3] * 32))
    assert mail.cash(ann) == 2 * CASH
    assert mail.brand.sent()[0].answer == bytes([3] * 32)
    ann.set_policy(changed(floor=3 * CASH))
    ann.set_welcome(mail.rival.troc.address, Welcome.BLOCKED)
    ann.cancel_signed()
    found = ann.policy()
    assert found.policy == changed(floor=3 * CASH)
    assert ann.welcome(ann.troc.address, mail.rival.troc.address) == Welcome.BLOCKED
    assert mail.chain.balance(ann.troc.address) == before == 0


def test_a_relay_brings_no_policy_for_who_has_nothing(mail: Mail, relay: str) -> None:
    """Else anybody could spend its money, with a new account each time."""
    config = replace(mail.chain.config, wait_seconds=3)
    impatient = Mail(Chain(mail.chain.web3, config), mail.manifest)
    with pytest.raises(RelayError, match="has no points"):
        relayed(impatient, relay, "bob").set_policy(POLICY)
    assert not mail.bob.policy().is_set


def test_a_relay_takes_an_answer_of_who_has_nothing_else(mail: Mail) -> None:
    mail.bob.set_policy(changed(floor=0))
    to_bob = mail.brand.draft(mail.bob.troc.address, 0, *(mail.send().message.topic, 1))
    sent = mail.brand.send(to_bob, mail.letter("to Bob", recipient=mail.bob))
    message = AnswerMessage(mail.bob.troc.address, sent.message.id, bytes(32))
    judged(mail, signed(mail.bob, message, Context.of(sent.message)))


def test_what_a_relay_is_told_is_what_was_signed(mail: Mail) -> None:
    sent = mail.send()
    ann, acts = mail.ann, mail.everyone.acts
    message = AnswerMessage(ann.troc.address, sent.message.id, bytes(32))
    context = Context.of(sent.message)
    act = signed(ann, message, context)
    assert acts.read(act.to_json()) == act
    assert act.deadline == sent.message.answer_by
    assert {"SetPolicy", "SetWelcome", "CancelInboxNonces", "AnswerMessage"} <= set(KINDS)
    for wrong in (
        replace(context, terms=context.terms + 1),
        replace(context, sender=mail.rival.troc.address),
        replace(context, content=bytes(32)),
        Context(),
    ):
        with pytest.raises(InputError, match="not the one that was answered"):
            acts.read(replace(act, context=wrong).to_json())
    data = act.to_json()
    good = data["context"]
    malformed: list[Any] = [{"terms": "1"}, good | {"more": "1"}, good | {"terms": "x"}, 3, []]
    for wrong_context in malformed:
        with pytest.raises(InputError):
            acts.read(data | {"context": wrong_context})
    with pytest.raises(InputError):
        acts.read(data | {"contract": mail.manifest.address("DataMarket")})
    with pytest.raises(InputError, match="is no message for"):
        acts.read(data | {"contract": mail.manifest.address("PointsExchange")})


def test_a_relay_refuses_what_the_chain_would(mail: Mail) -> None:
    sent = mail.send()
    ann = mail.ann
    answer = AnswerMessage(ann.troc.address, sent.message.id, bytes(32))
    act = signed(ann, answer, Context.of(sent.message))
    judged(mail, act)
    forged = replace(act, parts=(replace(act.parts[0], signature=sign_as(mail, answer)),))
    with pytest.raises(RefusalError) as caught:
        judged(mail, forged)
    assert caught.value.code == "not_signed"
    mail.pass_to(sent.message.answer_by + 1)
    with pytest.raises(RefusalError) as caught:
        judged(mail, act)
    assert caught.value.code == "deadline_passed"
    assert mail.ann.received()[0].state == State.UNANSWERED
    welcome = SetWelcome(ann.troc.address, mail.rival.troc.address, 1, mail.chain.now() + 60, 7)
    judged(mail, signed(ann, welcome))
    with pytest.raises(InputError, match="ends 0 numbers"):
        judged(mail, signed(ann, CancelInboxNonces(ann.troc.address, ())))
    judged(mail, signed(ann, CancelInboxNonces(ann.troc.address, (7,))))
    ann.troc.submitter.submit([signed(ann, welcome)])  # type: ignore[union-attr]
    with pytest.raises(RefusalError) as caught:
        judged(mail, signed(ann, welcome))
    assert caught.value.code == "nonce_used"


def sign_as(mail: Mail, message: Any) -> bytes:
    """Somebody else's signature of her message."""
    foreign = replace(message, recipient=mail.bob.troc.address)
    return sign(foreign, mail.bob.domain, mail.bob.troc.signer)
