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

from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from troc import words
from troc.abi import answer_words, words_call
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
from troc.serving.answers import together
from troc.serving.refusal import RefusalError
from troc.signatures import ERC1271, wallet_call
from troc.trade import left_by_nonce

Call = Mapping[str, Any]
Answer = bytes | ContractError

_FRESH_SECONDS = 2.0
"""How long what was read of an account counts at acceptance. It is read anew just before submission."""
_REMEMBERED = 50_000
_MOST_AT_ONCE = 300
_GATHER_SECONDS = 0.005
"""How long a question waits for others while many come, and not at all while few do."""
_BUSY_SECONDS = 0.02
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
_TOKENS_ASKED = 1_000
"""Tokens of one question of `_has_any`: code of more than 49,152 bytes is not run (EIP-3860)."""


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
        ended = 0.0
        while (first := self._queue.get()) is not None:
            if time.monotonic() - ended < _BUSY_SECONDS and len(first[0]) < _MOST_AT_ONCE:
                time.sleep(_GATHER_SECONDS)
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
            ended = time.monotonic()
            if closing:
                return

    def _answer(self, waiting: list[tuple[Sequence[Call], Future[list[Answer]]]]) -> None:
        try:
            answers = self._chain.try_many([call for calls, _ in waiting for call in calls])
        except Exception as error:
            with together():
                for _, future in waiting:
                    future.set_exception(error)
            return
        start = 0
        with together():
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
        self._read: dict[tuple[str | None, str], tuple[float, Answer]] = {}
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
                _view("LoyaltyToken", message.give_token, "lotsOf", message.maker),
                _view("LoyaltyToken", message.give_token, "allowance", message.maker, self._exchange),
                _view("PointsExchange", self._exchange, word, message.maker, lane),
            ]
            if not by_key:
                calls.append(self._wallet(act))
            return Question(act, tuple(calls))
        if act.campaign is not None:
            rules = _view(
                "AttentionRewards", act.domain.verifying_contract, "rulesOf", int.from_bytes(act.campaign)
            )
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
            if act.kind in _INBOX:
                tokens.append(self._acts.inbox_token)
            return _has_any(who, tokens)
        if isinstance(act.message, (CancelNonces, Permit)):
            token = act.domain.verifying_contract
            grants = [_view("LoyaltyToken", token, "grantOf", who, 0)]
            return [_view("LoyaltyToken", token, "balanceOf", who), *grants]
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
        return wallet_call(act.message.signer, digest(act.message, act.domain), act.parts[0].signature)

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
                f"{message.signer} has no points of {self._whose(question.act)}",
                "submit it with an account that has ether",
            )

    def _whose(self, act: Act) -> str:
        """The brands of which a signer would need points, in words."""
        if isinstance(act.message, (CancelNonces, Permit)):
            return self._brand(act.domain.verifying_contract).symbol
        served = sorted(self.brands[token].symbol for token in self._only if token in self.brands)
        return f"{words.listed(served)}, which this relay serves" if served else "any brand here"

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
        holding = Holding(brand, order.maker, lots_of(answer_words(lots)), any(allowance))
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
            entry = self._read.get((call.get("to"), call["data"]))
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
                self._read[call.get("to"), call["data"]] = now, answer


def _check_wallet(message: Message, answer: Answer) -> None:
    """Raise unless a wallet says that it signed (ERC-1271), with the whole word, as the contracts want it."""
    if isinstance(answer, ContractError) or answer[:32] != ERC1271 + bytes(28):
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


def _view(contract: str, to: str, function: str, *words: str | int) -> Call:
    return {"to": to, "data": words_call(contract, function, *words)}


def _has_any(who: str, tokens: Sequence[str]) -> list[Call]:
    """Questions of which one is answered by 1 where an account has some of any of these tokens, of however
    many: code that the node runs and nobody deploys (`eth_call` without `to`) asks for all of the balances.
    """
    code = "".join(_HAS_ANY).format(who=who[2:].lower())
    return [
        {
            "data": f"0x{code}"
            + "".join(token[2:].lower().rjust(64, "0") for token in tokens[start:][:_TOKENS_ASKED])
        }
        for start in range(0, len(tokens), _TOKENS_ASKED)
    ]


_HAS_ANY = (
    "6370a0823160e01b60005273{who}600452",  # balanceOf(who), at 0
    "6064",  # where the first token stands: behind this code
    "5b388114605e57",  # at 25, a loop: behind the last one, it ends
    "602081604039",  # the token, at 40
    "6000606052",  # no answer yet, at 60
    "602060606024600060405161ea60fa",  # asked, for 60,000 gas at most
    "60605102605357",  # an answer that is not 0, of a call that succeeded: found
    "602001602556",  # the next one
    "5b600160005260206000f3",  # at 53: 1
    "5b60206080f3",  # at 5e: 0
)
