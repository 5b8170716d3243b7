"""What the index reads from a node, many things in a request: block headers, logs, balances of old blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_utils.address import to_checksum_address
from web3 import Web3
from web3.types import RPCEndpoint

from troc.artifacts import artifact
from troc.chain import READS_PER_BATCH, Chain, Node
from troc.errors import NetworkError

ADDRESSES_PER_REQUEST = 200

checksummed = lru_cache(maxsize=200_000)(to_checksum_address)


class TooMuchError(NetworkError):
    """The node finds a range of logs too long."""


class _RefusedError(Exception):
    pass


@dataclass(frozen=True)
class Header:
    """A block. `time` in seconds."""

    number: int
    hash: str
    time: int


@dataclass(frozen=True, slots=True)
class Log:
    """An event as the node tells it. `time` is 0 where the node leaves it out."""

    address: str
    topics: tuple[str, ...]
    data: str
    block: int
    block_hash: str
    time: int
    position: int
    transaction: str


@dataclass(frozen=True)
class LotsAt:
    """A question: what an account holds of a token at the end of a block."""

    token: str
    account: str
    block: int


class Source:
    """Reads of one chain."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._state_gone = -1

    def head(self) -> int:
        """Number of the latest block."""
        return self._chain.block_number()

    def headers(self, numbers: Sequence[int]) -> list[Header | None]:
        """Headers of blocks, in the order asked for; None for a block that is not there."""
        answers = self._ask_many("eth_getBlockByNumber", [[hex(number), False] for number in numbers])
        return [
            None
            if answer is None
            else Header(_int(answer["number"]), answer["hash"], _int(answer["timestamp"]))
            for answer in answers
        ]

    def logs(self, addresses: Sequence[str], topics: Sequence[str], start: int, end: int) -> list[Log]:
        """Events of these contracts and kinds in a range of blocks, both ends included, in their order.

        Raises `TooMuchError` where the node refuses so long a range.
        """
        found: list[Log] = []
        for first in range(0, len(addresses), ADDRESSES_PER_REQUEST):
            question = {
                "fromBlock": hex(start),
                "toBlock": hex(end),
                "address": list(addresses[first : first + ADDRESSES_PER_REQUEST]),
                "topics": [list(topics)],
            }
            try:
                answer = self._ask("eth_getLogs", [question])
            except _RefusedError as error:
                raise TooMuchError(f"the node gives no logs ({error})", "use another node") from None
            found += [_log(entry) for entry in answer if not entry.get("removed")]
        return sorted(found, key=lambda log: (log.block, log.position))

    def lots(self, asked: Sequence[LotsAt]) -> list[tuple[tuple[int, int], ...] | None]:
        """Pairs of expiry and units for each question; None where the node keeps no state of then."""
        calls = [[{"to": each.token, "data": _lots_call(each.account)}, hex(each.block)] for each in asked]
        answers: list[tuple[tuple[int, int], ...] | None] = []
        for start in range(0, len(calls), READS_PER_BATCH):
            part = list(
                zip(
                    asked[start : start + READS_PER_BATCH],
                    calls[start : start + READS_PER_BATCH],
                    strict=True,
                )
            )
            live = [call for each, call in part if each.block > self._state_gone]
            try:
                got = iter(self._batch("eth_call", live))
            except _RefusedError:
                got = iter(self._one_by_one(part))
            answers += [_lots(next(got)) if each.block > self._state_gone else None for each, _ in part]
        return answers

    def are_plain(self, asked: Sequence[tuple[str, str]]) -> list[bool]:
        """For pairs of token and transaction: whether it calls that token itself, for one transfer that takes
        the oldest lots.
        """
        found = self._ask_many("eth_getTransactionByHash", [[transaction] for _, transaction in asked])
        return [
            answer is not None
            and str(answer.get("to")).lower() == token.lower()
            and answer["input"][:10] in _PLAIN
            for (token, _), answer in zip(asked, found, strict=True)
        ]

    def have_code(self, addresses: Sequence[str]) -> list[bool]:
        """For addresses, whether they are contracts now."""
        answers = self._ask_many("eth_getCode", [[address, "latest"] for address in addresses])
        return [answer not in (None, "0x") for answer in answers]

    def calls(self, transactions: Sequence[str]) -> list[tuple[str, bytes]]:
        """For transactions, whom they called and with what; empty where the chain dropped them."""
        answers = self._ask_many("eth_getTransactionByHash", [[each] for each in transactions])
        return [
            ("", b"")
            if answer is None or answer.get("to") is None
            else (checksummed(answer["to"]), bytes.fromhex(answer["input"][2:]))
            for answer in answers
        ]

    def liability(self, token: str, block: int) -> tuple[tuple[int, int], ...] | None:
        """Pairs of expiry and units of all living points of a token; None where the state is gone."""
        try:
            answer = self._ask("eth_call", [{"to": token, "data": _LIABILITY}, hex(block)])
        except _RefusedError:
            return None
        return _lots(answer)

    # ---------------------------------------------------------------------------------------- internal

    def _one_by_one(self, part: Sequence[tuple[LotsAt, list[Any]]]) -> list[str]:
        """The answers to those questions of which the state is still there; remembers which is not."""
        answers: list[tuple[int, str]] = []
        for each, call in part:
            if each.block <= self._state_gone:
                continue
            try:
                answers.append((each.block, self._ask("eth_call", call)))
            except _RefusedError:
                # Nodes keep the states of the latest blocks: what is older is gone as well.
                self._state_gone = max(self._state_gone, each.block)
        return [answer for block, answer in answers if block > self._state_gone]

    def _ask_many(self, method: str, params: Sequence[list[Any]]) -> list[Any]:
        answers: list[Any] = []
        for start in range(0, len(params), READS_PER_BATCH):
            part = params[start : start + READS_PER_BATCH]
            try:
                answers += self._batch(method, part)
            except _RefusedError:
                # Some nodes refuse batches.
                try:
                    answers += [self._ask(method, each) for each in part]
                except _RefusedError as error:
                    raise NetworkError(
                        f"the node refuses {method} ({error})", "wait a little, or use another node"
                    ) from None
        return answers

    def _batch(self, method: str, params: Sequence[list[Any]]) -> list[Any]:
        if not params:
            return []
        replies = self._node.make_batch_request([(RPCEndpoint(method), each) for each in params])
        if not isinstance(replies, list) or len(replies) != len(params):
            raise _RefusedError("no batches")
        # The order of the replies is free (JSON-RPC 2.0, section 6).
        return [_result(reply) for reply in sorted(replies, key=lambda reply: reply.get("id") or 0)]

    def _ask(self, method: str, params: list[Any]) -> Any:
        return _result(self._node.make_request(RPCEndpoint(method), params))

    @property
    def _node(self) -> Node:
        node = self._chain.web3.provider
        assert isinstance(node, Node)
        return node


def type_of(part: Mapping[str, Any]) -> str:
    """A parameter's type as signatures write it."""
    if not part["type"].startswith("tuple"):
        return str(part["type"])
    return f"({','.join(map(type_of, part['components']))}){part['type'][5:]}"


def _result(reply: Any) -> Any:
    if not isinstance(reply, dict) or "result" not in reply:
        error = reply.get("error") if isinstance(reply, dict) else None
        said = error.get("message") if isinstance(error, dict) else error
        raise _RefusedError(" ".join(str(said).split())[:200])
    return reply["result"]


def _int(value: Any) -> int:
    return int(value, 16) if isinstance(value, str) else int(value)


def _log(entry: Any) -> Log:
    return Log(
        address=checksummed(entry["address"]),
        topics=tuple(entry["topics"]),
        data=entry["data"],
        block=_int(entry["blockNumber"]),
        block_hash=entry["blockHash"],
        time=_int(entry.get("blockTimestamp") or 0),
        position=_int(entry["logIndex"]),
        transaction=entry["transactionHash"],
    )


def _selector(name: str) -> str:
    (function,) = (entry for entry in artifact("LoyaltyToken").abi if entry.get("name") == name)
    return "0x" + bytes(Web3.keccak(text=f"{name}({','.join(map(type_of, function['inputs']))})"))[:4].hex()


_PLAIN = frozenset(_selector(name) for name in ("transfer", "transferFrom", "sendFor"))
_LIABILITY = _selector("liability")
_LOTS_OF = _selector("lotsOf")


def _lots_call(account: str) -> str:
    return _LOTS_OF + account[2:].lower().rjust(64, "0")


def _lots(answer: str) -> tuple[tuple[int, int], ...]:
    # Two lists of four numbers, the amounts first.
    numbers = [int(answer[2 + 64 * index : 66 + 64 * index], 16) for index in range(8)]
    return tuple(zip(numbers[4:], numbers[:4], strict=True))
