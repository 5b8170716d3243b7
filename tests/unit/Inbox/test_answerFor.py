"""answerFor: by her signature, submitted by anyone; what it costs."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import compact, next_block_at, reverts_with, sign, upper_half
from tests.orders import digest
from tests.unit.Inbox.conftest import DEPOSIT, POLICY, REPLY, REST, TENTH, Words, id_of


def answer_of(message: Words) -> dict[str, Any]:
    return {"recipient": message[0], "messageId": id_of(message), "answer": REPLY}


@pytest.mark.parametrize("form", [bytes, compact])
def test_pays_her_whoever_submits(
    inbox: Any, cash: Any, customer: Any, stranger: Any, send: Any, form: Any
) -> None:
    message = send()
    signature = form(sign(customer, inbox, "AnswerMessage", answer_of(message)))
    events = inbox.answerFor(message, REPLY, signature, {"from": stranger}).events
    assert events["MessageAnswered"]["amount"] == REST
    assert [cash.balanceOf(account) for account in (customer, stranger, inbox)] == [DEPOSIT, 0, 0]
    with reverts_with("MessageNotOpen", id_of(message)):
        inbox.answerFor(message, REPLY, signature, {"from": stranger})


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_until_the_last_second(
    inbox: Any, cash: Any, customer: Any, stranger: Any, send: Any, answer_by: Any, late: int
) -> None:
    message = send()
    signature = sign(customer, inbox, "AnswerMessage", answer_of(message))
    next_block_at(answer_by(message) + late)
    if late <= 0:
        inbox.answerFor(message, REPLY, signature, {"from": stranger})
    else:
        with reverts_with("AnswerTooLate", id_of(message), answer_by(message)):
            inbox.answerFor(message, REPLY, signature, {"from": stranger})
    assert cash.balanceOf(customer) == (DEPOSIT if late <= 0 else TENTH)


def test_reverts_with_what_she_did_not_sign(
    inbox: Any, customer: Any, brand: Any, stranger: Any, deployer: Any, cash: Any, send: Any
) -> None:
    message, other = send(), send(place=1)
    words = answer_of(message)
    another = brownie.Inbox.deploy(cash, {"from": deployer})
    good = sign(customer, inbox, "AnswerMessage", words)
    for signature in (
        sign(brand, inbox, "AnswerMessage", words),
        sign(customer, inbox, "AnswerMessage", words | {"answer": bytes(32)}),
        sign(customer, inbox, "AnswerMessage", answer_of(other)),
        sign(customer, another, "AnswerMessage", words),
        sign(customer, inbox, "AnswerMessage", words, chainId=1),
        sign(customer, inbox, "AnswerMessage", words, version="2"),
        upper_half(good),
        b"",
    ):
        with reverts_with("NotSignedByRecipient", customer, digest(inbox, "AnswerMessage", words)):
            inbox.answerFor(message, REPLY, signature, {"from": stranger})
    inbox.answerFor(message, REPLY, good, {"from": stranger})


def test_a_wallet_answers_by_its_contract(
    inbox: Any, cash: Any, customer: Any, stranger: Any, send: Any, create_wallet: Any
) -> None:
    wallet = create_wallet(customer)
    wallet.execute(inbox, inbox.setPolicy.encode_input(POLICY), {"from": customer})
    message = send(recipient=wallet)
    shown = wallet.signedHashOf(digest(inbox, "AnswerMessage", answer_of(message)))
    signature = brownie.web3.eth.account.unsafe_sign_hash(shown, customer.private_key).signature
    inbox.answerFor(message, REPLY, signature, {"from": stranger})
    assert cash.balanceOf(wallet) == DEPOSIT


def test_costs_no_more_than_53_000(inbox: Any, cash: Any, customer: Any, stranger: Any, send: Any) -> None:
    """The usual message: others wait, so the inbox still holds some of the token afterwards."""
    message, _ = send(), send(place=1)
    signature = compact(sign(customer, inbox, "AnswerMessage", answer_of(message)))
    assert inbox.answerFor(message, REPLY, signature, {"from": stranger}).gas_used <= 53_000
