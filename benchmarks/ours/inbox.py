"""A paid inbox: a message sent, answered and reclaimed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract

from benchmarks.chain import MAX_UINT256, Chain, Cost, typed
from benchmarks.ours.suite import contract, system
from benchmarks.records import Record
from benchmarks.tokens import ONE

_DAY = 86_400
_ANSWER_DAYS = 7
_DEPOSIT = 2 * ONE
_EVERYTHING = 2**64 - 1

_ANSWER = {
    "AnswerMessage": typed("address recipient", "bytes32 messageId", "bytes32 answer"),
}


class _Place:
    """An inbox, what is paid in, who writes and who answers."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.cash = chain.deploy(contract("mocks/CashMock"), "Cash", "CASH")
        self.inbox: Contract = chain.deploy(contract("attention/Inbox"), self.cash.address)
        self.sender = chain.account("brand that writes")
        self.recipient = self.recipient_of("customer")
        self.chain.send(self.cash.functions.mint(self.sender.address, 1_000 * ONE))
        self.chain.send(self.cash.functions.mint(self.recipient.address, ONE))
        self.chain.send(
            self.cash.functions.approve(self.inbox.address, MAX_UINT256), self.sender.address
        )

    def recipient_of(self, label: str) -> LocalAccount:
        """Somebody who lets messages in."""
        account = self.chain.account(label)
        policy = (True, _DEPOSIT, 50, _EVERYTHING, 3, _ANSWER_DAYS)
        self.chain.send(self.inbox.functions.setPolicy(policy), account.address)
        return account

    def send(
        self, label: str, place: int, to: LocalAccount | None = None
    ) -> tuple[Cost, tuple[Any, ...]]:
        """Send a message; its cost, and the message as `answer` takes it."""
        recipient = (to or self.recipient).address
        number = self.inbox.functions.policyOf(recipient).call()[2]
        content = bytes(Web3.keccak(text=label))
        call = self.inbox.functions.send(recipient, _DEPOSIT, 5, 1, _ANSWER_DAYS, place, content)
        cost = self.chain.send(call, self.sender.address)
        answer_by = self.chain.now + _ANSWER_DAYS * _DAY
        terms = _DEPOSIT | 5 << 96 | 1 << 104 | answer_by << 112 | place << 152 | number << 216
        return cost, (recipient, self.sender.address, terms, content)

    def answer_for(self, message: tuple[Any, ...]) -> Cost:
        """Answer it by her signature, as ERC-2098 writes signatures, submitted by the sender."""
        signed = {
            "recipient": self.recipient.address,
            "messageId": bytes(self.inbox.functions.messageIdOf(message).call()),
            "answer": bytes(Web3.keccak(text="answer")),
        }
        domain = {
            "name": "Troc Inbox",
            "version": "1",
            "chainId": self.chain.chain_id,
            "verifyingContract": self.inbox.address,
        }
        signature = self.chain.sign(self.recipient, domain, _ANSWER, signed).compact
        call = self.inbox.functions.answerFor(message, signed["answer"], signature)
        return self.chain.send(call, self.sender.address)


def measure(chain: Chain) -> Iterator[Record]:
    """What a message costs its sender, and its answer whoever submits it."""
    ours, origin = system(), contract("attention/Inbox").origin
    place = _Place(chain)
    functions = place.inbox.functions
    # Others wait: the inbox holds some of the token, its guard was used, and her week has begun.
    place.send("another", 0)
    _, ended = place.send("ended", 1)
    place.answer_for(ended)
    how = f"send by a brand that approved it once and for ever; {origin}"
    with chain.undone():
        cost, _ = place.send("first", 2)
        state = "plain ERC-20 that both hold, one more of the sender's waits than ever before"
        yield ours.record("inbox-send-first", cost, state=state, how=how)
    with chain.undone():
        cost, _ = place.send("new", 2, place.recipient_of("another customer"))
        state = "the same, and she has never got a message, and holds none of the token"
        yield ours.record("inbox-send-new", cost, state=state, how=how)
    holder = "plain ERC-20 that both hold, other messages wait, another has ended"
    cost, message = place.send("next", 1)
    yield ours.record("inbox-send", cost, state=holder, how=how)
    with chain.undone():
        how = f"answerFor by the recipient's signature, submitted by the sender; {origin}"
        yield ours.record("inbox-answer", place.answer_for(message), state=holder, how=how)
    with chain.undone():
        call = functions.answer(message, bytes(Web3.keccak(text="answer")))
        how = f"answer by the recipient; {origin}"
        cost = chain.send(call, place.recipient.address)
        yield ours.record("inbox-answer-sent", cost, state=holder, how=how)
    with chain.undone():
        chain.advance((_ANSWER_DAYS + 1) * _DAY)
        cost = chain.send(functions.reclaim(message), chain.address("anybody"))
        yield ours.record("inbox-reclaim", cost, state=holder, how=f"reclaim by anybody; {origin}")
    with chain.undone():
        policy = (True, 2 * _DEPOSIT, 50, _EVERYTHING, 3, _ANSWER_DAYS)
        cost = chain.send(functions.setPolicy(policy), place.recipient.address)
        yield ours.record("inbox-policy", cost, state="changed", how=f"setPolicy; {origin}")
