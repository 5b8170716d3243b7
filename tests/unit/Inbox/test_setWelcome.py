"""setWelcome and setWelcomeFor: how somebody takes a sender."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import MAX_UINT256, nonce, now, reverts_with, sign, travel_to
from tests.orders import digest
from tests.unit.Inbox.conftest import BLOCKED, FREE, PAID


def message_of(customer: Any, brand: Any, welcome: int, **fields: int) -> dict[str, Any]:
    message = {"recipient": customer.address, "sender": brand.address, "welcome": welcome}
    return message | {"deadline": MAX_UINT256, "nonce": nonce(3, 9)} | fields


@pytest.mark.parametrize("welcome", [FREE, BLOCKED, PAID])
def test_keeps_it(inbox: Any, customer: Any, brand: Any, stranger: Any, welcome: int) -> None:
    events = inbox.setWelcome(brand, welcome, {"from": customer}).events
    assert dict(events["WelcomeSet"]) == {"recipient": customer, "sender": brand, "welcome": welcome}
    assert inbox.welcomeOf(customer, brand) == welcome
    assert inbox.welcomeOf(customer, stranger) == inbox.welcomeOf(stranger, brand) == PAID


def test_there_are_no_others(inbox: Any, customer: Any, brand: Any) -> None:
    with pytest.raises(Exception, match="revert"):
        inbox.setWelcome(brand, BLOCKED + 1, {"from": customer})


def test_takes_her_signature_once(inbox: Any, customer: Any, brand: Any, stranger: Any) -> None:
    message = message_of(customer, brand, BLOCKED)
    signature = sign(customer, inbox, "SetWelcome", message)
    inbox.setWelcomeFor(*message.values(), signature, {"from": stranger})
    assert inbox.welcomeOf(customer, brand) == BLOCKED
    with reverts_with("NonceUsed", customer, nonce(3, 9)):
        inbox.setWelcomeFor(*message.values(), signature, {"from": stranger})


def test_reverts_after_the_deadline(inbox: Any, customer: Any, brand: Any, stranger: Any) -> None:
    message = message_of(customer, brand, FREE, deadline=now())
    signature = sign(customer, inbox, "SetWelcome", message)
    travel_to(message["deadline"] + 1)
    with reverts_with("InboxDeadlinePassed", message["deadline"]):
        inbox.setWelcomeFor(*message.values(), signature, {"from": stranger})


def test_reverts_with_another_s_signature(inbox: Any, customer: Any, brand: Any, stranger: Any) -> None:
    message = message_of(customer, brand, FREE)
    with reverts_with("NotSignedByRecipient", customer, digest(inbox, "SetWelcome", message)):
        inbox.setWelcomeFor(*message.values(), sign(brand, inbox, "SetWelcome", message), {"from": stranger})
