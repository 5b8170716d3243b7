"""reclaim: what she did not answer goes back."""

from __future__ import annotations

from typing import Any

from tests.helpers import next_block_at, reverts_with
from tests.unit.Inbox.conftest import BLOCKED, DEPOSIT, HELD, REPLY, REST, TENTH, id_of


def test_returns_the_rest_whoever_calls(
    inbox: Any, cash: Any, brand: Any, customer: Any, stranger: Any, send: Any, answer_by: Any
) -> None:
    message = send(place=4)
    next_block_at(answer_by(message) + 1)
    events = inbox.reclaim(message, {"from": stranger}).events
    assert dict(events["MessageReclaimed"]) == {
        "messageId": "0x" + id_of(message).hex(),
        "sender": brand,
        "amount": REST,
    }
    balances = [cash.balanceOf(account) for account in (brand, customer, stranger, inbox)]
    assert balances == [HELD - TENTH, TENTH, 0, 0]
    assert not inbox.isOpen(message)
    with reverts_with("MessageNotOpen", id_of(message)):
        inbox.reclaim(message, {"from": brand})
    send(place=4)


def test_reverts_while_she_can_answer(inbox: Any, brand: Any, send: Any, answer_by: Any) -> None:
    message = send()
    for early in (1, 0):
        next_block_at(answer_by(message) - early)
        with reverts_with("ReclaimTooEarly", id_of(message), answer_by(message)):
            inbox.reclaim(message, {"from": brand})


def test_reverts_once_answered(inbox: Any, brand: Any, customer: Any, send: Any, answer_by: Any) -> None:
    message = send()
    send(place=1)
    inbox.answer(message, REPLY, {"from": customer})
    next_block_at(answer_by(message) + 1)
    with reverts_with("MessageNotOpen", id_of(message)):
        inbox.reclaim(message, {"from": brand})


def test_a_new_policy_changes_nothing_for_what_waits(
    inbox: Any, cash: Any, brand: Any, customer: Any, stranger: Any, send: Any, answer_by: Any
) -> None:
    answered, forgotten = send(), send(place=1)
    inbox.setPolicy((False, 2**95, 0, 0, 0, 255), {"from": customer})
    inbox.setWelcome(brand, BLOCKED, {"from": customer})
    inbox.answer(answered, REPLY, {"from": customer})
    next_block_at(answer_by(forgotten) + 1)
    inbox.reclaim(forgotten, {"from": stranger})
    assert (cash.balanceOf(customer), cash.balanceOf(brand)) == (DEPOSIT + TENTH, HELD - DEPOSIT - TENTH)
