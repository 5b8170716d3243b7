"""cancelNonces and cancelNoncesFor: what she signed and no longer means."""

from __future__ import annotations

from typing import Any

from tests.helpers import nonce, reverts_with, sign
from tests.orders import digest

NONCES = [nonce(3), nonce(223, 9)]


def test_ends_these_and_no_others(inbox: Any, customer: Any, stranger: Any) -> None:
    events = inbox.cancelNonces(NONCES, {"from": customer}).events
    assert dict(events["InboxNoncesCancelled"]) == {"recipient": customer, "nonces": tuple(NONCES)}
    assert not any(inbox.nonceOpen(customer, number) for number in NONCES)
    assert inbox.nonceOpen(customer, nonce(4))
    assert inbox.nonceOpen(stranger, NONCES[0])


def test_takes_her_signature(inbox: Any, customer: Any, stranger: Any) -> None:
    message = {"recipient": customer.address, "nonces": NONCES}
    signature = sign(customer, inbox, "CancelInboxNonces", message)
    for _ in range(2):
        inbox.cancelNoncesFor(customer, NONCES, signature, {"from": stranger})
    assert not any(inbox.nonceOpen(customer, number) for number in NONCES)


def test_reverts_with_another_s_signature(inbox: Any, customer: Any, stranger: Any) -> None:
    message = {"recipient": customer.address, "nonces": NONCES}
    with reverts_with("NotSignedByRecipient", customer, digest(inbox, "CancelInboxNonces", message)):
        signature = sign(stranger, inbox, "CancelInboxNonces", message)
        inbox.cancelNoncesFor(customer, NONCES, signature, {"from": stranger})
