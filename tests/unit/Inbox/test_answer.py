"""answer: in time, by herself, once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import next_block_at, reverts_with
from tests.unit.Inbox.conftest import DEPOSIT, REPLY, REST, TENTH, id_of


def test_pays_her_the_rest(inbox: Any, cash: Any, brand: Any, customer: Any, send: Any) -> None:
    message = send(place=4)
    events = inbox.answer(message, REPLY, {"from": customer}).events
    assert dict(events["MessageAnswered"]) == {
        "messageId": "0x" + id_of(message).hex(),
        "recipient": customer,
        "answer": "0x" + REPLY.hex(),
        "amount": REST,
    }
    assert (cash.balanceOf(customer), cash.balanceOf(inbox)) == (DEPOSIT, 0)
    assert not inbox.isOpen(message)
    assert int(str(inbox.waitingAt(brand, 4)), 16) == 0


@pytest.mark.parametrize("role", ["brand", "stranger", "deployer"])
def test_reverts_for_anybody_else(
    inbox: Any, customer: Any, send: Any, request: pytest.FixtureRequest, role: str
) -> None:
    caller = request.getfixturevalue(role)
    with reverts_with("NotTheRecipient", customer, caller):
        inbox.answer(send(), REPLY, {"from": caller})


@pytest.mark.parametrize("late", [-1, 0, 1])
def test_until_the_last_second(
    inbox: Any, cash: Any, customer: Any, send: Any, answer_by: Any, late: int
) -> None:
    message = send()
    next_block_at(answer_by(message) + late)
    if late <= 0:
        inbox.answer(message, REPLY, {"from": customer})
    else:
        with reverts_with("AnswerTooLate", id_of(message), answer_by(message)):
            inbox.answer(message, REPLY, {"from": customer})
    assert cash.balanceOf(customer) == (DEPOSIT if late <= 0 else TENTH)


def test_reverts_the_second_time(inbox: Any, customer: Any, send: Any) -> None:
    message = send()
    send(place=1)
    inbox.answer(message, REPLY, {"from": customer})
    with reverts_with("MessageNotOpen", id_of(message)):
        inbox.answer(message, REPLY, {"from": customer})


def test_reverts_with_what_was_not_sent(inbox: Any, customer: Any, send: Any) -> None:
    recipient, sender, terms, content = send()
    for false in (
        (recipient, sender, terms + 1, content),
        (recipient, sender, terms, REPLY),
        (recipient, recipient, terms, content),
        (recipient, sender, terms + (1 << 152), content),
    ):
        with reverts_with("MessageNotOpen", id_of(false)):
            inbox.answer(false, REPLY, {"from": customer})
