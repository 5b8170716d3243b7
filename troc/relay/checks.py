"""Whether a relay takes an act: its form, its signature, its dates, and what the chain says of it now.

What the chain must be asked is gathered from all requests of a moment and asked in one. An order is judged
by what its maker holds, since publishing it never fails; everything else is rehearsed as it will be sent.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from eth_utils.abi import function_signature_to_4byte_selector as selector_of
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from troc import words
from troc.acts import Act, Acts
from troc.brands import Brand
from troc.chain import Chain
from troc.errors import ContractError, NetworkError, OrderError, TrocError
from troc.messages import (
    KIND_POINTS,
    ZERO_ADDRESS,
    CancelNonces,
    Message,
    Order,
    Permit,
    Redeem,
    digest,
    recover,
    unpack_nonce,
)
from troc.orders import check_sense
from troc.points import Holding, lots_of
from troc.serving.refusal import RefusalError
from troc.signatures import WALLET_GAS
from troc.trade import left_by_nonce

Call = Mapping[str, Any]
Answer = bytes | ContractError

_ERC1271 = bytes.fromhex("1626ba7e")
_FRESH_SECONDS = 2.0
"""How long what was read of an account counts at acceptance. It is read anew just before submission."""
_REMEMBERED = 50_000
_MOST_AT_ONCE = 300
_INBOX = ("SetPolicy", "SetWelcome", "CancelInboxNonces")
_FREE = (
    "Cancel",
    "CancelAll",
    "CancelDeals",
    "CancelDealSeries",
    "SetPolicy",
    "SetWelcome",
    "CancelInboxNonces",
)
"""What anybody can ask for again and again, who has nothing."""
_GAS_EACH = {"Order": 200_000, "Voucher": 400_000, "Statement": 300_000}
_GAS_SINGLE = 600_000
_GAS_SETTLED = 250_000
_MOST_BRANDS_ASKED = 100


def most_gas(act: Act) -> int:
    """What an act may take, whatever a signer's wallet does at the relay's cost."""
    if act.transfers:
        return _GAS_SINGLE + _GAS_SETTLED * len(act.parts)
    return _GAS_EACH.get(act.kind, _GAS_SINGLE)


class Reader:
    """Asks the node what many requests want to know at once, in one request of its own."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._queue: queue.SimpleQueue[tuple[Sequence[Call], Future[list[Answer]]] | None] = (
            queue.SimpleQueue()
        )
        self._thread = threading.Thread(target=self._run, name="relay reader", daemon=True)
        self._thread.start()

    def ask(self, calls: Sequence[Call]) -> Future[list[Answer]]:
        """What the chain answers to these calls."""
        future: Future[list[Answer]] = Future()
        self._queue.put((calls, future))
        return future

    def close(self) -> None:
        """Answer what waits, and stop."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            waiting = [first]
            asked = len(first[0])
            closing = False
            while asked < _MOST_AT_ONCE and not closing:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    closing = True
                else:
                    waiting.append(following)
                    asked += len(following[0])
            self._answer(waiting)
            if closing:
                return

    def _answer(self, waiting: list[tuple[Sequence[Call], Future[list[Answer]]]]) -> None:
        try:
            answers = self._chain.try_many([call for calls, _ in waiting for call in calls])
        except Exception as error:
            for _, future in waiting:
                future.set_exception(error)
            return
        start = 0
        for calls, future in waiting:
            future.set_result(answers[start : start + len(calls)])
            start += len(calls)


@dataclass(frozen=True)
class Question:
    """What the chain is asked of one act."""

    act: Act
    calls: tuple[Call, ...]


class Checks:
    """Judges acts for one relay. `only`: addresses of the points that it serves; none: all."""

    def __init__(self, chain: Chain, acts: Acts, relay: str, only: frozenset[str] = frozenset()) -> None:
        self._chain = chain
        self._acts = acts
        self._relay = relay
        self._only = only
        self._exchange = acts.exchange.verifying_contract
        self._read: dict[tuple[str, str], tuple[float, Answer]] = {}
        self.brands: Mapping[str, Brand] = {}

    # ------------------------------------------------------------------------------------ without the chain

    def read(self, data: Any, now: int) -> tuple[Act, bool]:
        """The act in a request, and whether its signers' own keys signed all of it. Asks nobody.

        Raises for one that is malformed, foreign, too late, or not signed by whom it names as far as that
        shows without asking.
        """
        act = self._acts.read(data, self._domain_of)
        deadline = act.deadline
        if deadline is not None and deadline < now:
            raise RefusalError(
                "deadline_passed", 409, f"it was good until {words.moment(deadline)}", "sign a new one"
            )
        self._check_points(act)
        message = act.message
        if isinstance(message, Redeem) and message.agent not in (ZERO_ADDRESS, self._relay):
            raise RefusalError(
                "not_the_agent",
                409,
                f"only {message.agent} may submit this redemption",
                "send it there, or sign one for anyone (agent 0)",
            )
        for part in act.parts:
            if isinstance(part.message, Order):
                try:
                    check_sense(part.message, now)
                except OrderError as error:
                    raise RefusalError("bad_terms", 409, error.message, error.remedy) from None
        if act.transfers and act.payer == ZERO_ADDRESS:
            raise RefusalError(
                "nobody_to_charge",
                409,
                "a settlement of partial orders alone could be asked for without end",
                "let one of the orders be all or nothing, or settle it with an account that has ether",
            )
        if act.campaign is not None and act.payer == ZERO_ADDRESS:
            raise RefusalError(
                "nobody_to_charge",
                409,
                "the claim is for a pseudonym and has no credential, so nobody knows whom it pays",
                "send the credential along",
            )
        by_key = all(
            recover(part.message, act.domain, part.signature) == part.message.signer for part in act.parts
        )
        return act, by_key

    def _domain_of(self, contract: str) -> Any:
        found = self._acts.deployed_domain(contract)
        return found or self._brand(contract).domain_of_messages(self._chain.chain_id)

    def _brand(self, token: str) -> Brand:
        brand = self.brands.get(token)
        if brand is None:
            raise RefusalError(
                "unknown_points",
                404,
                f"{token} are no points that were launched here",
                "check the address of the points, or the chain",
            )
        return brand

    def _check_points(self, act: Act) -> None:
        for part in act.parts:
            if isinstance(part.message, Order):
                order = part.message
                for token, kind in (
                    (order.give_token, order.give_kind),
                    (order.want_token, order.want_kind),
                ):
                    if kind != KIND_POINTS:
                        raise RefusalError(
                            "unknown_points", 409, f"{token} are no points", "trade points of a brand"
                        )
                    self._brand(token)
        tokens = act.tokens
        if self._only and tokens and not self._only & set(tokens):
            raise RefusalError(
                "not_served",
                403,
                "this relay does not serve these points",
                "ask their brand for its relay, or use an account that has ether",
            )

    # ----------------------------------------------------------------------------------------- with the chain

    def question(self, act: Act, by_key: bool) -> Question:
        """What is to be asked of the chain."""
        message = act.message
        if act.kind == "Order":
            assert isinstance(message, Order)
            lane, _, _ = unpack_nonce(message.nonce)
            word = "partialWordOf" if message.allow_partial else "wholeWordOf"
            calls = [
                _view(message.give_token, "lotsOf(address)", message.maker),
                _view(message.give_token, "allowance(address,address)", message.maker, self._exchange),
                _view(self._exchange, f"{word}(address,uint256)", message.maker, lane),
            ]
            if not by_key:
                calls.append(self._wallet(act))
            return Question(act, tuple(calls))
        if act.campaign is not None:
            rules = _view(act.domain.verifying_contract, "rulesOf(bytes32)", int.from_bytes(act.campaign))
            return Question(act, (rules, self._rehearsal(act)))
        calls = [*self._belongings(act), self._rehearsal(act)]
        if isinstance(message, Permit) and not by_key:
            # The call leaves its number to the token, so a rehearsal does not show what was signed.
            calls.append(self._wallet(act))
        return Question(act, tuple(calls))

    def _belongings(self, act: Act) -> list[Call]:
        """What shows that a signer is somebody to whom it matters: this costs the relay, whoever asks."""
        who = act.message.signer
        if act.kind in _FREE:
            tokens = [token for token in self.brands if not self._only or token in self._only]
            tokens = tokens[-_MOST_BRANDS_ASKED:]
            if act.kind in _INBOX:
                tokens.append(self._acts.inbox_token)
            return [_view(token, "balanceOf(address)", who) for token in tokens]
        if isinstance(act.message, (CancelNonces, Permit)):
            token = act.domain.verifying_contract
            grants = [_view(token, "grantOf(address,uint256)", who, 0)]
            return [_view(token, "balanceOf(address)", who), *grants]
        return []

    def _rehearsal(self, act: Act) -> Call:
        call = self._acts.call([act])
        return {
            "from": self._relay,
            "to": call["to"],
            "data": HexBytes(call["data"]).to_0x_hex(),
            "gas": hex(most_gas(act)),
        }

    def _wallet(self, act: Act) -> Call:
        signature = act.parts[0].signature
        data = _ERC1271 + digest(act.message, act.domain) + (64).to_bytes(32) + len(signature).to_bytes(32)
        data += signature + bytes(-len(signature) % 32)
        return {"to": act.message.signer, "data": "0x" + data.hex(), "gas": hex(WALLET_GAS)}

    def answer(self, question: Question, answers: Sequence[Answer], now: int) -> None:
        """Judge an act by what the chain answered. Raises `RefusalError` where it refuses."""
        if question.act.kind == "Order":
            self._judge_order(question.act, answers, now)
            return
        if question.act.campaign is not None:
            self._judge_claim(*answers)
            return
        message = question.act.message
        known = len(self._belongings(question.act))
        belongings, rehearsed, wallets = answers[:known], answers[known], answers[known + 1 :]
        for wallet in wallets:
            _check_wallet(message, wallet)
        if isinstance(rehearsed, ContractError):
            raise refusal_of(rehearsed)
        if belongings and not any(_is_something(answer) for answer in belongings):
            raise RefusalError(
                "no_points",
                403,
                f"{message.signer} has no points here",
                "submit it with an account that has ether",
            )

    def _judge_claim(self, rules: Answer, rehearsed: Answer) -> None:
        """Anybody can open a campaign: the relay pays for claims of those that pay points that it serves."""
        for answer in (rules, rehearsed):
            if isinstance(answer, ContractError):
                raise refusal_of(answer)
        assert isinstance(rules, bytes)
        token, kind = to_checksum_address(rules[12:32]), int.from_bytes(rules[32:64])
        if kind == KIND_POINTS:
            self._brand(token)
        if kind != KIND_POINTS or (self._only and token not in self._only):
            raise RefusalError(
                "not_served",
                403,
                "this relay does not serve what the campaign pays",
                "ask its brand for its relay, or use an account that has ether",
            )

    def _judge_order(self, act: Act, answers: Sequence[Answer], now: int) -> None:
        order = act.message
        assert isinstance(order, Order)
        for wallet in answers[3:]:
            _check_wallet(order, wallet)
        for answer in answers[:3]:
            if isinstance(answer, ContractError):
                raise refusal_of(answer)
        lots, allowance, word = (bytes(answer) for answer in answers[:3] if isinstance(answer, bytes))
        brand = self._brand(order.give_token)
        numbers = [int.from_bytes(lots[32 * place : 32 * place + 32]) for place in range(8)]
        holding = Holding(brand, order.maker, lots_of((numbers[:4], numbers[4:])), any(allowance))
        if not left_by_nonce(order, int.from_bytes(word)):
            raise RefusalError("ended", 409, "this order was filled or cancelled before", "sign a new one")
        if not holding.exchange_on:
            raise RefusalError(
                "exchange_off",
                409,
                f"{order.maker} keeps {brand.symbol} from the exchange",
                "switch them on first (`troc points exchange on`)",
            )
        here = holding.within(0, order.give_points_expiring_by)
        if here < (1 if order.allow_partial else order.give_amount):
            raise RefusalError(
                "points_missing",
                409,
                f"{order.maker} has {brand.text(here)} of those that the order gives",
                "get them first, or sign an order that gives less",
            )

    # --------------------------------------------------------------------------------- what was read lately

    def lately(self, question: Question) -> list[Answer] | None:
        """The answers, if all of them were read a moment ago."""
        limit = time.monotonic() - _FRESH_SECONDS
        found = []
        for call in question.calls:
            if "gas" in call:
                return None
            entry = self._read.get((call["to"], call["data"]))
            if entry is None or entry[0] < limit:
                return None
            found.append(entry[1])
        return found

    def remember(self, question: Question, answers: Sequence[Answer]) -> None:
        """Keep what was read, for a moment."""
        if len(self._read) > _REMEMBERED:
            self._read.clear()
        now = time.monotonic()
        for call, answer in zip(question.calls, answers, strict=True):
            if "gas" not in call:
                self._read[call["to"], call["data"]] = now, answer


def _check_wallet(message: Message, answer: Answer) -> None:
    """Raise unless a wallet says that it signed (ERC-1271), with the whole word, as the contracts want it."""
    if isinstance(answer, ContractError) or answer[:32] != _ERC1271 + bytes(28):
        raise RefusalError(
            "not_signed", 403, f"the signature is not that of {message.signer}", "sign it with that account"
        )


def refusal_of(error: TrocError) -> RefusalError:
    """A contract's refusal in the relay's form: the name of its error in lower case is the code."""
    if isinstance(error, RefusalError):
        return error
    if isinstance(error, NetworkError):
        return RefusalError("chain_unreachable", 503, error.message, error.remedy)
    name = error.name if isinstance(error, ContractError) else type(error).__name__
    if name.startswith("NotSignedBy"):
        return RefusalError("not_signed", 403, error.message, error.remedy)
    code = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("erc20_", "")
    return RefusalError(code, 409, error.message, error.remedy)


def _is_something(answer: Answer) -> bool:
    return isinstance(answer, bytes) and any(answer)


def _view(to: str, signature: str, *values: str | int) -> Call:
    data = selector_of(signature)
    for value in values:
        data += (bytes.fromhex(value[2:]) if isinstance(value, str) else value.to_bytes(32)).rjust(32, b"\0")
    return {"to": to, "data": "0x" + data.hex()}
