"""What the inbox takes for signed is what wallets sign, for random messages of each kind."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.helpers import message_types
from tests.unit.Inbox.conftest import id_of
from tests.unit.test_digests import anything, call_all, digests, message, selector

EACH = 12
REFUSAL = selector("NotSignedByRecipient(address,bytes32)")


def drawn_by(inbox: Any, chance: random.Random, kind: str) -> tuple[dict[str, Any], str]:
    """A random message, and the call that asks for it without a signature."""
    if kind == "AnswerMessage":
        words = tuple(anything(chance, type_) for type_ in ("address", "address", "uint256", "bytes32"))
        drawn = message(chance, kind, recipient=words[0], messageId=id_of(words))
        return drawn, inbox.answerFor.encode_input(words, drawn["answer"], b"")
    drawn = message(chance, kind)
    if kind == "CancelInboxNonces":
        return drawn, inbox.cancelNoncesFor.encode_input(*drawn.values(), b"")
    drawn["deadline"] = 2**40 + chance.getrandbits(200)
    if kind == "SetWelcome":
        drawn["welcome"] = chance.randrange(3)
        return drawn, inbox.setWelcomeFor.encode_input(*drawn.values(), b"")
    recipient, *policy, deadline, nonce = drawn.values()
    return drawn, inbox.setPolicyFor.encode_input(recipient, policy, deadline, nonce, b"")


@pytest.mark.parametrize("kind", ["SetPolicy", "SetWelcome", "CancelInboxNonces", "AnswerMessage"])
def test_digests_are_those_of_wallets(inbox: Any, kind: str) -> None:
    """Without a signature they are refused, with the digest that should have been signed."""
    assert kind in message_types()
    chance = random.Random(f"troc inbox {kind}")
    messages, calls = zip(*(drawn_by(inbox, chance, kind) for _ in range(EACH)), strict=True)
    expected = [
        (False, REFUSAL + bytes(12) + bytes.fromhex(drawn["recipient"][2:]) + digest)
        for drawn, digest in zip(messages, digests(inbox, kind, list(messages)), strict=True)
    ]
    assert call_all(inbox, list(calls)) == expected
    assert len(set(expected)) == EACH
