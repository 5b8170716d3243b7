"""setPolicy and setPolicyFor: what may reach somebody."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import MAX_UINT256, next_block_at, nonce, now, reverts_with, sign
from tests.orders import digest
from tests.unit.Inbox.conftest import POLICY

LARGEST = (True, 2**96 - 1, 255, 2**64 - 1, 2**16 - 1, 255)
FIELDS = ("on", "floor", "perWeek", "topics", "channels", "answerDays")


def signed(who: Any, inbox: Any, policy: tuple[Any, ...], **fields: int) -> tuple[Any, ...]:
    """The arguments of `setPolicyFor`."""
    last = {"deadline": MAX_UINT256, "nonce": nonce(3, 9)} | fields
    message = {"recipient": who.address, **dict(zip(FIELDS, policy, strict=True)), **last}
    return who, policy, *last.values(), sign(who, inbox, "SetPolicy", message)


@pytest.mark.parametrize("policy", [POLICY, LARGEST, (False, 0, 0, 0, 0, 1)])
def test_keeps_a_policy(inbox: Any, customer: Any, stranger: Any, policy: tuple[Any, ...]) -> None:
    events = inbox.setPolicy(policy, {"from": customer}).events
    assert dict(events["PolicySet"]) == {
        "recipient": customer,
        **dict(zip(FIELDS, policy, strict=True)),
    }
    assert inbox.policyOf(customer) == (policy, 0, 0)
    assert inbox.policyOf(stranger) == ((False, 0, 0, 0, 0, 0), 0, 0)


def test_keeps_what_arrived(inbox: Any, customer: Any, send: Any) -> None:
    send()
    inbox.setPolicy(LARGEST, {"from": customer})
    assert inbox.policyOf(customer) == (LARGEST, 1, 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("floor", 2**96),
        ("floor", MAX_UINT256),
        ("perWeek", 256),
        ("topics", 2**64),
        ("channels", 2**16),
        ("answerDays", 0),
        ("answerDays", 256),
    ],
)
def test_reverts_out_of_range(inbox: Any, customer: Any, field: str, value: int) -> None:
    policy = tuple((dict(zip(FIELDS, POLICY, strict=True)) | {field: value}).values())
    with reverts_with("PolicyOutOfRange", *policy[1:]):
        inbox.setPolicy(policy, {"from": customer})
    with reverts_with("PolicyOutOfRange", *policy[1:]):
        inbox.setPolicyFor(*signed(customer, inbox, policy), {"from": customer})


def test_takes_her_signature_once(inbox: Any, customer: Any, stranger: Any) -> None:
    call = signed(customer, inbox, LARGEST)
    inbox.setPolicyFor(*call, {"from": stranger})
    assert inbox.policyOf(customer)[0] == LARGEST
    assert not inbox.nonceOpen(customer, nonce(3, 9))
    with reverts_with("NonceUsed", customer, nonce(3, 9)):
        inbox.setPolicyFor(*call, {"from": stranger})


def test_takes_it_until_the_deadline(inbox: Any, customer: Any, stranger: Any) -> None:
    deadline = now() + 1_000
    next_block_at(deadline)
    inbox.setPolicyFor(*signed(customer, inbox, LARGEST, deadline=deadline), {"from": stranger})
    late = signed(customer, inbox, LARGEST, deadline=deadline, nonce=nonce(4))
    next_block_at(deadline + 1)
    with reverts_with("InboxDeadlinePassed", deadline):
        inbox.setPolicyFor(*late, {"from": stranger})


def test_reverts_with_another_s_signature(inbox: Any, customer: Any, stranger: Any) -> None:
    *call, _ = signed(customer, inbox, LARGEST)
    *_, theirs = signed(stranger, inbox, LARGEST)
    message = {"recipient": customer.address, **dict(zip(FIELDS, LARGEST, strict=True))}
    message |= {"deadline": MAX_UINT256, "nonce": nonce(3, 9)}
    with reverts_with("NotSignedByRecipient", customer, digest(inbox, "SetPolicy", message)):
        inbox.setPolicyFor(*call, theirs, {"from": stranger})
