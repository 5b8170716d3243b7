"""The paid inbox through the client: what is hers, what is refused and why, and what an attacker gets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.client.attention.inbox_cases import (
    CASH,
    DAY,
    EMAIL,
    FOOD,
    POLICY,
    Mail,
    changed,
    deployed,
    home,
    mail,
)
from troc.attention.inbox import WEEK, Inbox, Policy, State, Welcome
from troc.attention.letters import Letter
from troc.attention.messages import SetPolicy
from troc.errors import ContractError, InboxError, InputError, NotDeployedError
from troc.manifest import Manifest
from troc.messages import sign

__all__ = ["deployed", "home", "mail"]


def refuses(mail: Mail, said: str, sender: Inbox | None = None, **terms: Any) -> InboxError:
    """The draft is refused in these words, and nothing is paid."""
    by = sender or mail.brand
    before = mail.cash(by)
    with pytest.raises(InboxError, match=said) as caught:
        mail.send(sender=by, **terms)
    assert mail.cash(by) == before
    return caught.value


# ------------------------------------------------------------------------------------------------ the way


def test_a_tenth_is_hers_at_once_and_the_rest_when_she_answers(mail: Mail) -> None:
    sent = mail.send(deposit=3 * CASH + 1)
    assert mail.cash(mail.ann) == (3 * CASH + 1 + 9) // 10
    (found,) = mail.ann.received()
    assert found == sent
    assert (found.state, found.message.topic, found.message.channel) == (State.WAITING, FOOD, EMAIL)
    assert found.message.answer_by == mail.chain.time_of(sent.block) + 7 * DAY
    receipt = mail.ann.answer(found)
    assert receipt.sender == mail.payer.address
    assert mail.cash(mail.ann) == 3 * CASH + 1
    assert mail.brand.sent()[0].state == State.ANSWERED
    with pytest.raises(InboxError, match=r"answered .* before"):
        mail.ann.answer(mail.ann.received()[0])


def test_what_she_did_not_answer_goes_back(mail: Mail) -> None:
    sent = mail.send()
    mail.pass_to(sent.message.answer_by)
    with pytest.raises(InboxError, match="can still be answered until"):
        mail.brand.reclaim(mail.brand.sent())
    mail.pass_to(sent.message.answer_by + 1)
    (late,) = mail.ann.received()
    assert late.state == State.UNANSWERED
    with pytest.raises(InboxError, match=r"could be answered until .* the deposit goes back"):
        mail.ann.answer(late)
    # The contract says the same to whoever does not look first.
    with pytest.raises(ContractError) as caught:
        mail.ann.answer(replace(late, state=State.WAITING))
    assert caught.value.name == "AnswerTooLate"
    assert len(mail.rival.reclaim([late])) == 1
    assert mail.cash(mail.brand) == 1_000 * CASH - late.message.at_once
    assert mail.brand.reclaim([late]) == []
    assert mail.ann.received()[0].state == State.RECLAIMED


def test_she_can_answer_in_the_last_second(mail: Mail) -> None:
    sent = mail.send()
    mail.chain.web3.provider.make_request("evm_setNextBlockTimestamp", [sent.message.answer_by])  # type: ignore[arg-type]
    mail.ann.answer(sent)
    assert mail.cash(mail.ann) == 2 * CASH


def test_nobody_else_answers_for_her(mail: Mail) -> None:
    sent = mail.send()
    with pytest.raises(InboxError, match="not for you"):
        mail.bob.answer(sent)
    with pytest.raises(ContractError) as caught:
        mail.chain.send(
            mail.rival.contract.functions.answer(sent.message.as_tuple(), bytes(32)), mail.rival.troc.signer
        )
    assert caught.value.name == "NotTheRecipient"


def test_places_are_used_again(mail: Mail) -> None:
    first, second = mail.send(), mail.send("Second")
    assert (first.message.place, second.message.place) == (0, 1)
    mail.ann.answer(first)
    assert mail.send("Third").message.place == 0


# ------------------------------------------------------------------------------------------- what is refused


def test_nothing_below_the_floor(mail: Mail) -> None:
    error = refuses(mail, r"1.999999999999999999 CASH are below", deposit=2 * CASH - 1)
    assert error.remedy == "deposit 2 CASH"


def test_nothing_that_she_does_not_admit(mail: Mail) -> None:
    refuses(mail, "on travel: welcome are: food", topic=20)
    refuses(mail, "on topic 200", topic=200)
    refuses(mail, "by sms: welcome are: email", channel=2)
    refuses(mail, "by channel 16", channel=16)


def test_nothing_while_it_is_off(mail: Mail) -> None:
    mail.ann.set_policy(changed(on=False))
    refuses(mail, "the inbox is off")
    with pytest.raises(InboxError, match="the inbox is off"):
        mail.brand.draft(mail.bob.troc.address, 2 * CASH, FOOD, EMAIL)


def test_nothing_from_whom_she_blocked(mail: Mail) -> None:
    mail.ann.set_welcome(mail.rival.troc.address, Welcome.BLOCKED)
    refuses(mail, "no messages from you", sender=mail.rival, deposit=900 * CASH)
    mail.send()
    mail.ann.set_welcome(mail.rival.troc.address, Welcome.PAID)
    mail.send("At last", sender=mail.rival)


def test_whom_she_lets_in_pays_nothing_and_counts(mail: Mail) -> None:
    mail.ann.set_welcome(mail.brand.troc.address, Welcome.FREE)
    for number in range(3):
        assert mail.send(f"letter {number}", deposit=0).message.rest == 0
    assert mail.ann.policy().left == 0
    refuses(mail, "3 messages a week, and 3 have arrived", deposit=0)


def test_no_more_than_a_week_s_number(mail: Mail) -> None:
    for number in range(3):
        mail.send(f"letter {number}")
    standing = mail.ann.policy()
    assert (standing.arrived, standing.left, standing.number) == (3, 0, 3)
    error = refuses(mail, "takes 3 messages a week, and 3 have arrived", sender=mail.rival)
    assert "from 26 November 2026, 00:00 UTC on" in error.remedy
    assert standing.week_ends % WEEK == 0
    mail.pass_to(standing.week_ends)
    mail.send("next week")
    assert mail.ann.policy().left == 2


def test_no_longer_than_he_would_wait(mail: Mail) -> None:
    refuses(mail, "takes 7 days to answer, and you would wait 3 days", most_days=3)


def test_nothing_that_he_does_not_have(mail: Mail) -> None:
    refuses(mail, "you have 1,000 CASH, and the deposit is 1,001 CASH", deposit=1_001 * CASH)


def test_a_policy_that_changes_in_between_costs_him_nothing(mail: Mail) -> None:
    """She changes it after he looked, and in the end between the look of `send` and its transaction."""
    draft = mail.brand.draft(mail.ann.troc.address, 2 * CASH, FOOD, EMAIL)
    mail.ann.set_policy(changed(answer_days=30))
    with pytest.raises(InboxError, match="takes 30 days to answer, and you would wait 7 days"):
        mail.brand.send(draft, mail.letter("one"))
    mail.ann.set_policy(changed(floor=5 * CASH))
    with pytest.raises(InboxError, match="deposit 5 CASH"):
        mail.brand.send(draft, mail.letter("two"))
    mail.ann.set_policy(POLICY)
    looked = mail.brand.check

    def change_after(*arguments: Any) -> None:
        looked(*arguments)
        mail.brand.check = looked  # type: ignore[method-assign]
        mail.ann.set_policy(changed(floor=7 * CASH))

    mail.brand.check = change_after  # type: ignore[method-assign, assignment]
    with pytest.raises(InboxError, match="deposit 7 CASH"):
        mail.brand.send(draft, mail.letter("three"))
    assert mail.cash(mail.brand) == 1_000 * CASH
    assert mail.ann.received() == []


@pytest.mark.parametrize(
    "change",
    [{"floor": 2**96}, {"per_week": 256}, {"answer_days": 0}, {"answer_days": 256}, {"topics": 2**64}],
)
def test_no_policy_that_the_contract_refuses(mail: Mail, change: dict[str, int]) -> None:
    with pytest.raises(InputError, match="out of range"):
        mail.ann.set_policy(changed(**change))


# ------------------------------------------------------------------------------------------------ attackers


def test_a_spammer_who_fills_her_week_pays_a_tenth_of_each(mail: Mail) -> None:
    for number in range(3):
        mail.send(f"spam {number}", sender=mail.rival)
    refuses(mail, "have arrived")
    assert mail.cash(mail.ann) == 3 * (2 * CASH // 10)
    mail.pass_to(mail.chain.now() + 8 * DAY)
    assert len(mail.rival.reclaim(mail.rival.sent())) == 3
    assert mail.cash(mail.rival) == 1_000 * CASH - 3 * (2 * CASH // 10)
    assert mail.cash(mail.rival.address) == 0


def test_a_policy_that_a_relay_held_back_does_not_count_after_a_newer_one(mail: Mail) -> None:
    """Both have the same nonce, so that only one of them can ever count."""
    until = mail.chain.now() + DAY
    held = mail.ann._signed_policy(changed(floor=0), until)
    signature = sign(held, mail.ann.domain, mail.ann.troc.signer)
    mail.ann.set_policy(changed(floor=9 * CASH))
    recipient, *policy, deadline, nonce = held.as_tuple()
    call = mail.ann.contract.functions.setPolicyFor(recipient, tuple(policy), deadline, nonce, signature)
    with pytest.raises(ContractError) as caught:
        mail.chain.send(call, mail.payer)
    assert caught.value.name == "NonceUsed"
    assert mail.ann.policy().policy.floor == 9 * CASH


def test_what_she_signed_and_cancelled_counts_no_longer(mail: Mail) -> None:
    held = mail.ann._signed_policy(changed(floor=0), mail.chain.now() + DAY)
    assert isinstance(held, SetPolicy)
    mail.ann.cancel_signed()
    assert not mail.chain.call(mail.ann.contract.functions.nonceOpen(held.recipient, held.nonce))
    mail.ann.set_policy(changed(floor=4 * CASH))
    assert mail.ann.policy().policy.floor == 4 * CASH
    who = mail.rival.troc.address
    nonce = mail.ann._welcome_nonce(who)
    assert nonce != mail.ann._welcome_nonce(mail.brand.troc.address)
    mail.ann.cancel_signed(who)
    assert mail.ann._welcome_nonce(who) == nonce + 1


# -------------------------------------------------------------------------------------------------- letters


def test_a_letter_is_checked_against_the_chain(mail: Mail) -> None:
    letter = mail.letter("Try our bread")
    sent = mail.brand.send(mail.brand.draft(mail.ann.troc.address, 2 * CASH, FOOD, EMAIL), letter)
    assert mail.ann.check_letter(letter) == sent
    for wrong in (
        replace(letter, data=b"Try our cake"),
        replace(letter, salt=bytes(32)),
        replace(letter, sender=mail.rival.troc.address),
        replace(letter, recipient=mail.bob.troc.address),
    ):
        with pytest.raises(InboxError, match="altered, or never sent"):
            mail.ann.check_letter(wrong)
    reply = Letter(mail.ann.domain, letter.recipient, letter.sender, b"Yes", message_id=sent.message.id)
    with pytest.raises(InboxError, match="answer"):
        mail.brand.check_letter(reply)
    mail.ann.answer(sent, reply.hash)
    assert mail.brand.check_letter(reply).answer == reply.hash
    for wrong in (replace(reply, data=b"No"), replace(reply, sender=mail.rival.troc.address)):
        with pytest.raises(InboxError, match="altered, or never sent"):
            mail.brand.check_letter(wrong)


def test_a_letter_is_sent_once(mail: Mail) -> None:
    """Also by a program that died after it sent, and runs again."""
    letter = mail.letter("Try our bread")
    draft = mail.brand.draft(mail.ann.troc.address, 2 * CASH, FOOD, EMAIL)
    assert mail.brand.send(draft, letter) == mail.brand.send(draft, letter)
    assert len(mail.ann.received()) == 1
    with pytest.raises(InputError, match="of others"):
        mail.rival.send(draft, letter)


def test_the_same_text_twice_has_two_hashes(mail: Mail) -> None:
    assert mail.letter("yes").hash != mail.letter("yes").hash


# --------------------------------------------------------------------------------------------- deployments


def test_a_deployment_without_an_inbox_says_so(mail: Mail) -> None:
    without = Manifest.from_json(mail.manifest.to_json())
    without = replace(
        without, contracts={name: each for name, each in without.contracts.items() if name != "Inbox"}
    )
    from troc.client import Troc

    troc = Troc(mail.chain, without)
    with pytest.raises(NotDeployedError, match="Inbox is not deployed"):
        _ = troc.inbox


def test_amounts_are_those_of_the_payment_token(mail: Mail) -> None:
    assert mail.ann.units("0.5") == mail.ann.units("0.5 CASH") == CASH // 2
    assert mail.ann.units("0") == mail.ann.units("0.00 CASH") == 0
    for wrong in ("5 EUR", "-1", "", "x", "0.0000000000000000001"):
        with pytest.raises(InputError):
            mail.ann.units(wrong)
    assert mail.bob.policy().policy == Policy()
    assert not mail.bob.policy().is_set
