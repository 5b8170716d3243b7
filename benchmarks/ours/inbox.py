"""A paid inbox: messages sent with a deposit, answered, and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from web3 import Web3
from web3.contract import Contract

from benchmarks.chain import MAX_UINT256, Chain, typed
from benchmarks.ours.suite import contract, system
from benchmarks.records import BenchmarkError, Record
from benchmarks.tokens import ONE

_DAY = 86_400
_DEPOSIT = 5 * ONE
_TOPIC, _CHANNEL, _DAYS = 3, 2, 7
_ANSWER = {"AnswerMessage": typed("address recipient", "bytes32 messageId", "bytes32 answer")}
_SENT = "MessageSent"


def measure(chain: Chain) -> Iterator[Record]:
    """What a sender pays to reach somebody, and what the answer costs whoever submits it."""
    ours = system()
    artifact = contract("attention/Inbox")
    cash = chain.deploy(contract("mocks/CashMock"), "Cash", "CASH")
    inbox = chain.deploy(artifact, cash.address)
    origin = artifact.origin
    reader, sender = chain.account("reader"), chain.address("advertiser")
    relay = chain.address("relay")
    policy = (True, ONE, 200, (1 << 64) - 1, (1 << 16) - 1, _DAYS)
    chain.send(inbox.functions.setPolicy(policy), reader.address)
    for holder in (sender, reader.address, inbox.address):
        chain.send(cash.functions.mint(holder, 1_000 * ONE))
    chain.send(cash.functions.approve(inbox.address, MAX_UINT256), sender)
    # Others wrote to her this week, and wait; each place of the sender's is used a first time once.
    stranger = chain.address("another advertiser")
    chain.send(cash.functions.mint(stranger, 1_000 * ONE))
    chain.send(cash.functions.approve(inbox.address, MAX_UINT256), stranger)
    _send(chain, inbox, stranger, reader.address, 0)
    ended = _send(chain, inbox, sender, reader.address, 0)[1]
    chain.send(inbox.functions.answer(ended, Web3.keccak(text="yes")), reader.address)

    known = "recipient known to the token, other messages of hers wait"
    how = f"send with a deposit of a plain ERC-20; {origin}"
    with chain.undone():
        cost, _ = _send(chain, inbox, sender, reader.address, 1)
        yield ours.record("inbox-send-first", cost, state=f"a new place; {known}", how=how)
    cost, message = _send(chain, inbox, sender, reader.address, 0)
    yield ours.record("inbox-send", cost, state=f"a place used before; {known}", how=how)
    with chain.undone():
        message_id = inbox.functions.messageIdOf(message).call()
        answer = Web3.keccak(text="yes")
        domain = {
            "name": "Troc Inbox",
            "version": "1",
            "chainId": chain.chain_id,
            "verifyingContract": inbox.address,
        }
        content = {"recipient": reader.address, "messageId": message_id, "answer": answer}
        signature = chain.sign(reader, domain, _ANSWER, content)
        call = inbox.functions.answerFor(message, answer, signature.compact)
        how = f"answerFor by a relay, signed by the recipient; {origin}"
        yield ours.record("inbox-answer-signed", chain.send(call, relay), state=known, how=how)
    with chain.undone():
        cost = chain.send(inbox.functions.answer(message, Web3.keccak(text="yes")), reader.address)
        yield ours.record("inbox-answer", cost, state=known, how=f"answer by the recipient; {origin}")
    chain.advance((_DAYS + 1) * _DAY)
    cost = chain.send(inbox.functions.reclaim(message), sender)
    yield ours.record("inbox-reclaim", cost, state=known, how=f"reclaim by the sender; {origin}")


def _send(chain: Chain, inbox: Contract, sender: Any, recipient: Any, place: int) -> tuple[Any, Any]:
    """Send a message; its cost, and the message as answers name it."""
    content = Web3.keccak(text=f"letter in place {place}")
    call = inbox.functions.send(recipient, _DEPOSIT, _TOPIC, _CHANNEL, _DAYS, place, content)
    cost = chain.send(call, sender)
    for entry in inbox.events[_SENT]().get_logs(from_block="latest"):
        return cost, (recipient, sender, entry["args"]["terms"], content)
    raise BenchmarkError("the message that was sent left no event: see Inbox.send")
