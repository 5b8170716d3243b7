"""A chain as this client uses it: reading, sending, logs, and refusals in words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

import requests
import urllib3
from eth_abi.exceptions import DecodingError
from eth_typing import URI, ChecksumAddress, HexStr
from eth_utils.abi import abi_to_signature, event_abi_to_log_topic
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from requests.utils import get_netrc_auth
from rlp import encode as rlp_encode  # type: ignore[import-untyped]
from web3 import HTTPProvider, Web3
from web3._utils.http_session_manager import HTTPSessionManager
from web3._utils.method_formatters import log_entry_formatter
from web3.contract import Contract
from web3.contract.contract import ContractConstructor, ContractEvent, ContractFunction
from web3.datastructures import AttributeDict
from web3.exceptions import (
    BlockNotFound,
    ContractLogicError,
    TransactionNotFound,
    Web3Exception,
    Web3RPCError,
)
from web3.logs import DISCARD
from web3.middleware import AttributeDictMiddleware, ExtraDataToPOAMiddleware
from web3.types import (
    BlockIdentifier,
    EventData,
    LogReceipt,
    RPCEndpoint,
    RPCResponse,
    TxData,
    TxParams,
)

from troc.abi import CODEC, answer_to, data_of
from troc.accounts import Signer
from troc.artifacts import artifact
from troc.errors import (
    ContractError,
    FundsError,
    InputError,
    NetworkError,
    NotDeployedError,
    PendingError,
    TrocError,
    WrongChainError,
)
from troc.network import LOCAL_CHAIN_IDS, NetworkConfig
from troc.reverts import UNEXPLAINED, explain

REQUEST_SECONDS = 30
READS_PER_BATCH = 100
GAS_MARGIN = 1.2
"""A state that changes between the estimate and the block may make a call dearer."""

_BLOCK_SHARE = 0.9
"""A batch leaves some of a block to others."""
_TRANSACTION_GAS = 2**24
"""No transaction takes more on chains that follow EIP-7825."""

Sendable = ContractFunction | ContractConstructor | TxParams
T = TypeVar("T")


class _Contract(Contract):
    """web3's own would make classes of all functions and events of a contract, which takes 10 ms: this one
    makes those that somebody asks for.
    """

    def __init__(self, web3: Web3, address: str, abi: Sequence[Mapping[str, Any]]) -> None:
        self.w3 = web3
        self.abi = cast(Any, abi)
        self.address = _checksummed(address)
        self.functions = cast(Any, _Entries(self, "function", ContractFunction))
        self.events = cast(Any, _Entries(self, "event", ContractEvent))


class _Entries:
    """The functions or events of a contract, by name."""

    def __init__(
        self, contract: _Contract, kind: str, made_of: type[ContractFunction] | type[ContractEvent]
    ) -> None:
        self._contract, self._kind, self._made_of = contract, kind, made_of

    def __getattr__(self, name: str) -> Any:
        contract = self._contract
        same: list[Any] = [
            each for each in contract.abi if each["type"] == self._kind and each.get("name") == name
        ]
        if not same:
            raise AttributeError(f"no {self._kind} is called {name}")
        # Where several have one name, web3 looks for the one that the arguments fit.
        first = min(same, key=lambda each: len(each["inputs"]))
        made = self._made_of.factory(
            abi_to_signature(first), w3=contract.w3, contract_abi=same, address=contract.address, abi=first
        )
        setattr(self, name, made)
        return made

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


class _Session(requests.Session):
    """Of one node: looks for proxies and certificates in the environment once, not for each request."""

    _settings: Mapping[str, Any] | None = None

    def merge_environment_settings(self, *asked: Any) -> Any:
        if self._settings is None:
            self._settings = super().merge_environment_settings(*asked)
        return dict(self._settings)


class _Sessions(HTTPSessionManager):
    """Posts to a node. One that is reached without TLS, proxy and password is asked without requests, whose
    way to the wire takes longer than most answers.
    """

    def __init__(self, session: _Session) -> None:
        super().__init__(explicit_session=session)
        self._session = session
        self._plain: dict[str, tuple[urllib3.HTTPConnectionPool, str] | None] = {}
        self._headers = urllib3.make_headers(keep_alive=True, accept_encoding=True) | {
            "Content-Type": "application/json",
            "User-Agent": "troc",
        }

    def make_post_request(self, endpoint_uri: URI, data: Any, **kwargs: Any) -> bytes:
        """What the node answers. Raises what requests raises."""
        if endpoint_uri not in self._plain:
            self._plain[endpoint_uri] = self._plainly(endpoint_uri)
        plain = self._plain[endpoint_uri]
        if plain is None or not isinstance(data, bytes):
            return super().make_post_request(endpoint_uri, data, **kwargs)
        pool, path = plain
        try:
            answer = pool.urlopen(
                "POST", path, body=data, headers=self._headers, retries=False, redirect=False
            )
        except urllib3.exceptions.TimeoutError as error:
            raise requests.Timeout(error) from None
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error) from None
        if 300 <= answer.status < 400:
            return super().make_post_request(endpoint_uri, data, **kwargs)
        if answer.status >= 400:
            response = requests.Response()
            response.status_code = answer.status
            raise requests.HTTPError(f"status {answer.status}", response=response)
        return answer.data

    def _plainly(self, url: str) -> tuple[urllib3.HTTPConnectionPool, str] | None:
        """Connections to an address, and the path there; None where requests has to see to more."""
        parts = urlsplit(url)
        settings = self._session.merge_environment_settings(url, {}, False, None, None)
        is_plain = parts.scheme == "http" and not settings["proxies"] and "@" not in parts.netloc
        if not is_plain or not parts.hostname or get_netrc_auth(url) is not None:
            return None
        pool = urllib3.HTTPConnectionPool(parts.hostname, parts.port, timeout=REQUEST_SECONDS)
        return pool, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


class Node(HTTPProvider):
    """A node's address. Failing to reach it is an error in our words."""

    def __init__(self, url: str) -> None:
        session = _Session()
        super().__init__(url, request_kwargs={"timeout": REQUEST_SECONDS}, session=session)
        self._request_session_manager = _Sessions(session)
        self.url = url
        self._chain_id: RPCResponse | None = None

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        # web3 asks before each call which chain this is. Whoever has connected keeps to that chain: what is
        # signed names it, and is refused elsewhere.
        if method == "eth_chainId" and self._chain_id is not None:
            return self._chain_id
        try:
            reply = super().make_request(method, params)
        except (requests.RequestException, ValueError) as error:
            raise self._unreachable(error) from None
        if method == "eth_chainId" and "result" in reply:
            self._chain_id = reply
        return reply

    def encode_batch_rpc_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> bytes:
        """All of them by one call of the encoder, where they hold nothing but what JSON knows."""
        count = self.request_counter
        asked = [
            {"jsonrpc": "2.0", "method": method, "params": params or [], "id": next(count)}
            for method, params in requests
        ]
        try:
            return json.dumps(asked, separators=(",", ":")).encode()
        except TypeError:
            return super().encode_batch_rpc_request(requests)

    def make_batch_request(self, batch_requests: list[tuple[RPCEndpoint, Any]]) -> Any:
        try:
            return super().make_batch_request(batch_requests)
        except (requests.RequestException, ValueError) as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> NetworkError:
        # The address may hold an access token: name the host alone.
        host = self.url.split("://", 1)[-1].split("/", 1)[0].rsplit("@", 1)[-1]
        if isinstance(error, requests.HTTPError) and error.response is not None:
            said = f"answers {error.response.status_code}"
        else:
            said = "does not answer" if isinstance(error, requests.RequestException) else "answers nonsense"
        return NetworkError(
            f"the node at {host} {said}", "start it (`troc up` for a local chain) or set TROC_RPC_URL"
        )


class Header(NamedTuple):
    """A block: its number, hash and time in Unix seconds."""

    number: int
    hash: bytes
    time: int


@dataclass(frozen=True)
class Signed:
    """A signed transaction, ready to be sent any number of times: its nonce lets it in once.

    `creates` is the address of the contract that it creates, if any.
    """

    transaction: str
    raw: HexBytes
    sender: str
    nonce: int
    creates: str | None


@dataclass(frozen=True)
class Receipt:
    """A transaction in a block, confirmed as often as the network's config asks. `fee` is in wei."""

    transaction: str
    sender: str
    block: int
    gas_used: int
    fee: int
    contract: str | None
    logs: Sequence[LogReceipt]

    def events(self, event: ContractEvent) -> list[EventData]:
        """The events of this kind that the contract of `event` emitted in this transaction."""
        mine = [log for log in self.logs if not event.address or log["address"] == event.address]
        return list(event.process_receipt({"logs": mine}, errors=DISCARD))


class _Logs(Sequence[LogReceipt]):
    """Logs as a node told them. What nobody looks at needs no form of ours, which a hundred take 50 ms."""

    def __init__(self, told: Sequence[Any]) -> None:
        self._told = told

    @cached_property
    def _formed(self) -> list[LogReceipt]:
        return [
            cast(LogReceipt, AttributeDict.recursive(log_entry_formatter(dict(each)))) for each in self._told
        ]

    def __len__(self) -> int:
        return len(self._told)

    def __getitem__(self, place: Any) -> Any:
        return self._formed[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Logs) and self._told == other._told

    def __hash__(self) -> int:
        return len(self._told)


@dataclass(frozen=True)
class Mined:
    """A transaction in a block, by the block's hash; `failed`: it took the fee and changed nothing."""

    receipt: Receipt
    block_hash: str
    failed: bool


def create_address(sender: str, nonce: int) -> str:
    """Where `sender`'s transaction with this nonce creates a contract (Yellow Paper, section 7)."""
    return to_checksum_address(keccak(rlp_encode([bytes.fromhex(sender[2:]), nonce]))[12:])


class Chain:
    """A chain behind one node."""

    def __init__(self, web3: Web3, config: NetworkConfig) -> None:
        self.web3 = web3
        self.config = config
        self._contracts: dict[tuple[str, str], Contract] = {}

    @classmethod
    def connect(cls, config: NetworkConfig) -> Chain:
        """Reach the network's node and make sure that it keeps the chain that the config names."""
        # Chains with a proof of authority put signatures where web3 expects 32 bytes. What else web3 has
        # between itself and a node is for names, and for gas and chain ids, to which we see.
        web3 = Web3(Node(config.rpc), middleware=[AttributeDictMiddleware, ExtraDataToPOAMiddleware])
        web3.codec = CODEC
        chain = cls(web3, config)
        if config.is_local:
            if chain.chain_id not in LOCAL_CHAIN_IDS:
                raise WrongChainError(
                    f"the node keeps chain {chain.chain_id}, which is no local chain",
                    "use --network with that chain's name",
                )
        elif chain.chain_id != config.chain_id:
            raise WrongChainError(
                f"the node keeps chain {chain.chain_id} and {config.name} is chain {config.chain_id}",
                "set TROC_RPC_URL to a node of that chain, or choose another --network",
            )
        return chain

    # ------------------------------------------------------------------------------------------- facts

    @cached_property
    def chain_id(self) -> int:
        """The chain id that the node tells."""
        return self._ask(lambda: self.web3.eth.chain_id)

    @cached_property
    def genesis_hash(self) -> str:
        """Hash of block 0: tells a local chain from the one that was there before it."""
        return "0x" + bytes(self._ask(lambda: self.web3.eth.get_block(0))["hash"]).hex()

    def still_has_genesis(self) -> bool:
        """Whether the node keeps the chain that it kept at first, asked anew."""
        mine = self.genesis_hash
        return self.block_hash(0) == mine

    def header(self, block: BlockIdentifier = "latest") -> Header:
        """Number, hash and time of a block."""
        found = self._block(block)
        return Header(int(found["number"], 16), bytes.fromhex(found["hash"][2:]), int(found["timestamp"], 16))

    def now(self) -> int:
        """Timestamp of the latest block, in seconds: what contracts last took for now."""
        return int(self._block("latest")["timestamp"], 16)

    def block_number(self) -> int:
        """Number of the latest block."""
        return int(self._told("eth_blockNumber"), 16)

    def time_of(self, block: int) -> int:
        """Timestamp of a block, in seconds."""
        return int(self._block(block)["timestamp"], 16)

    def transactions_since(self, block: int) -> int:
        """How many transactions the blocks after this one hold, anybody's."""
        later = range(block + 1, self.block_number() + 1)
        return sum(
            len(self._ask(partial(self.web3.eth.get_block, number))["transactions"]) for number in later
        )

    def block_before(self, time: int) -> int:
        """Number of the last block with a timestamp below `time`, which is after the first block's."""
        low, high = 0, self.block_number()
        while low < high:
            middle = (low + high + 1) // 2
            if self.time_of(middle) < time:
                low = middle
            else:
                high = middle - 1
        return low

    def block_gas_limit(self) -> int:
        """Gas that a block holds."""
        return int(self._block("latest")["gasLimit"], 16)

    def batch_gas(self) -> float:
        """Gas that one transaction of a batch takes at most."""
        return min(self.block_gas_limit() * _BLOCK_SHARE, _TRANSACTION_GAS)

    def balance(self, address: str) -> int:
        """Wei of an account."""
        return int(self._told("eth_getBalance", address, "latest"), 16)

    def code(self, address: str) -> bytes:
        """The code at an address; empty where there is no contract."""
        return bytes(self._ask(lambda: self.web3.eth.get_code(_checksummed(address))))

    def contract(self, name: str, address: str) -> Contract:
        """One of our contracts (`troc.artifacts.NAMES`) at an address."""
        if (name, address) not in self._contracts:
            self._contracts[name, address] = _Contract(self.web3, address, artifact(name).abi)
        return self._contracts[name, address]

    # ----------------------------------------------------------------------------------------- reading

    def call(
        self,
        function: ContractFunction,
        sender: str | None = None,
        block: BlockIdentifier = "latest",
        gas: int | None = None,
    ) -> Any:
        """Ask a contract. A refusal becomes a `ContractError` in words. `gas`: the most it may take."""
        transaction = _call_of(function)
        if sender is not None:
            transaction["from"] = _checksummed(sender)
        if gas is not None:
            transaction["gas"] = gas
        return _understood(function, self._ask(lambda: self.web3.eth.call(transaction, block)))

    def read_many(
        self, functions: Sequence[ContractFunction], block: BlockIdentifier = "latest"
    ) -> list[Any]:
        """Ask many things, in as few requests as possible. The answers come in the same order."""
        answers: list[Any] = []
        at = hex(block) if isinstance(block, int) else block
        for start in range(0, len(functions), READS_PER_BATCH):
            part = functions[start : start + READS_PER_BATCH]
            replies = self._batch([[_call_of(function), at] for function in part])
            if replies is None or any("result" not in reply for reply in replies):
                # Some nodes refuse batches; and asked one by one, a refusal says whose it is.
                answers += [self.call(function, block=block) for function in part]
            else:
                answers += [
                    _understood(function, bytes(HexBytes(reply["result"])))
                    for function, reply in zip(part, replies, strict=True)
                ]
        return answers

    def call_many(self, calls: Sequence[tuple[str, str]], block: int | None = None) -> list[bytes]:
        """The bare answers to calls (address, calldata in hex) at the end of a block (none: the latest), in
        the same order.

        Ten times as fast as `read_many`, for whoever asks tens of thousands and packs and unpacks words
        himself. Raises `NetworkError` where the node refuses, as for a block of which it keeps no state.
        """
        at = "latest" if block is None else hex(block)
        return [
            _answer(reply) for reply in self._replies([[{"to": to, "data": data}, at] for to, data in calls])
        ]

    def _replies(self, asked: Sequence[list[Any]], method: str = "eth_call") -> Iterator[RPCResponse]:
        """What the node replies to a method with each of these parameters, many in a request."""
        for start in range(0, len(asked), READS_PER_BATCH):
            part = asked[start : start + READS_PER_BATCH]
            replies = self._batch(part, method)
            if replies is None:
                provider = cast(HTTPProvider, self.web3.provider)
                replies = [provider.make_request(RPCEndpoint(method), each) for each in part]
            yield from replies

    def _batch(self, asked: Sequence[list[Any]], method: str = "eth_call") -> list[RPCResponse] | None:
        """The replies to a method with these parameters, in the same order, from one request. None where the
        node refuses batches, as some do.
        """
        provider = cast(HTTPProvider, self.web3.provider)
        replies = provider.make_batch_request([(RPCEndpoint(method), each) for each in asked])
        if not isinstance(replies, list) or len(replies) != len(asked):
            return None
        # The order of the replies is free (JSON-RPC 2.0, section 6).
        return sorted(replies, key=lambda reply: int(cast(int, reply.get("id") or 0)))

    def pending_calls(self, to: str) -> list[bytes]:
        """The calldata of transactions to a contract that wait in the node's pool, as far as it tells."""
        try:
            block = self._ask(lambda: self.web3.eth.get_block("pending", full_transactions=True))
        except NetworkError:
            return []
        # A node that knows no pending block tells the latest one, whose transactions wait no more.
        if block.get("hash") is not None and int(block["number"]) <= self.block_number():
            return []
        sent = cast(Sequence[Mapping[str, Any]], block.get("transactions", ()))
        return [bytes(HexBytes(each["input"])) for each in sent if each.get("to") == to]

    def try_many(
        self, calls: Sequence[Mapping[str, Any]], block: BlockIdentifier = "latest"
    ) -> list[bytes | ContractError]:
        """Rehearse many calls, in few requests: what each answers, or why it is refused.

        A call has `to` and `data`, and perhaps `from` and `gas`, as a node takes them.
        """
        at = hex(block) if isinstance(block, int) else block
        return [_answered(reply) for reply in self._replies([[dict(call), at] for call in calls])]

    def logs(
        self,
        event: ContractEvent,
        filters: Mapping[str, Any] | None = None,
        from_block: int = 0,
        to_block: int | None = None,
    ) -> Iterator[EventData]:
        """The events of one kind of the contract that `event` belongs to, oldest first.

        `filters` are values (or lists of them) of indexed arguments. Asks for `config.log_range` blocks at
        once, and for fewer where the node finds that too much.
        """
        yield from self._in_ranges(
            lambda first, until: event.get_logs(
                argument_filters=dict(filters or {}), from_block=first, to_block=until
            ),
            from_block,
            to_block,
        )

    def log_data(
        self, event: ContractEvent, indexed: str, accounts: Sequence[str], from_block: int = 0
    ) -> list[bytes]:
        """What the events of this kind say whose indexed argument is one of these accounts: one piece of
        bytes a range of blocks, not decoded.
        """
        names = [each["name"] for each in event.abi["inputs"] if each.get("indexed")]
        place = names.index(indexed)
        padded = ["0x" + account[2:].lower().rjust(64, "0") for account in accounts]
        topics = [event_abi_to_log_topic(event.abi).hex(), *[None] * place, padded]
        topics[0] = f"0x{topics[0]}"

        def ask(first: int, until: int) -> Iterator[bytes]:
            asked = {
                "address": event.address,
                "topics": topics,
                "fromBlock": hex(first),
                "toBlock": hex(until),
            }
            provider = cast(HTTPProvider, self.web3.provider)
            answer = provider.make_request(RPCEndpoint("eth_getLogs"), [asked])
            if "error" in answer:
                raise Web3RPCError(str(answer["error"]), rpc_response=answer)
            yield b"".join(bytes.fromhex(log["data"][2:]) for log in answer["result"])

        return list(self._in_ranges(ask, from_block, None))

    def _in_ranges(
        self, ask: Callable[[int, int], Iterable[T]], from_block: int, to_block: int | None
    ) -> Iterator[T]:
        """Ask for ranges of blocks, smaller ones where the node finds them too much."""
        last = self.block_number() if to_block is None else to_block
        span = self.config.log_range
        while from_block <= last:
            until = min(from_block + span - 1, last)
            try:
                found = list(ask(from_block, until))
            except Web3RPCError as error:
                if span == 1:
                    raise NetworkError(
                        f"the node gives no logs ({_said(error)})", "use another node"
                    ) from None
                span = max(1, span // 4)
                continue
            yield from found
            from_block = until + 1

    # ----------------------------------------------------------------------------------------- sending

    def estimate(self, call: Sendable, sender: str, value: int = 0) -> int:
        """Gas that a call would take now: a rehearsal that costs nothing, and is refused like the call."""
        transaction: TxParams = {
            "value": cast(Any, value),
            **_transaction_of(call),
            "from": _checksummed(sender),
        }
        return int(self._ask(lambda: self.web3.eth.estimate_gas(transaction)))

    def gas_price(self) -> int:
        """Wei that a unit of gas costs at most, if sent now."""
        fees = self.fees()
        return int(cast(int, fees.get("maxFeePerGas", fees.get("gasPrice"))))

    def send(
        self,
        call: Sendable,
        signer: Signer,
        value: int = 0,
        on_signed: Callable[[Signed], None] | None = None,
        most_gas: int | None = None,
    ) -> Receipt:
        """Send a call and wait until it is confirmed. `value` is in wei.

        `on_signed` is told the signed transaction before it leaves, so that a caller can write it down and
        take up again with `submit` what was cut off. `most_gas` refuses a call in which somebody else's code
        would run at the sender's cost (`ContractError` with the name `TOO_MUCH_GAS`).

        Raises `ContractError` where the contract refuses, before anything is sent if that shows in time;
        `FundsError`; `PendingError` after `config.wait_seconds`.
        """
        for attempt in range(_NONCE_ATTEMPTS):
            signed = self.sign(call, signer, value, most_gas)
            if on_signed is not None:
                on_signed(signed)
            try:
                return self.submit(signed)
            except _NonceTakenError:
                # Another program sent from this account at the same moment.
                if attempt == _NONCE_ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def sign(self, call: Sendable, signer: Signer, value: int = 0, most_gas: int | None = None) -> Signed:
        """Complete and sign a transaction: EIP-1559 where the chain knows it, the older form elsewhere."""
        sender = _checksummed(signer.address)
        gas = self.estimate(call, sender, value)
        if most_gas is not None and gas > most_gas:
            raise ContractError(
                f"the transaction would take {gas:,} gas, and {most_gas:,} are allowed",
                "let whoever asks for it submit it",
                TOO_MUCH_GAS,
                {"gas": gas},
            )
        block = self._block("latest")
        nonce = self._ask(lambda: self.web3.eth.get_transaction_count(sender, "pending"))
        return self.sign_as(
            call,
            signer,
            nonce=nonce,
            gas=min(int(gas * GAS_MARGIN), max(int(block["gasLimit"], 16), gas)),
            fees=self._fees_after(block),
            value=value,
        )

    def sign_as(
        self,
        call: Sendable,
        signer: Signer,
        *,
        nonce: int,
        gas: int,
        fees: TxParams | None = None,
        value: int = 0,
    ) -> Signed:
        """Sign a transaction with this number and limit of gas; `fees` as `fees` tells them."""
        sender = _checksummed(signer.address)
        transaction: TxParams = {
            "from": sender,
            "chainId": self.chain_id,
            "nonce": cast(Any, nonce),
            "value": cast(Any, value),
            "gas": gas,
            **(fees or self.fees()),
            **_transaction_of(call),
        }
        complete = {key: value for key, value in transaction.items() if key != "from"}
        if not complete.get("to"):
            complete.pop("to", None)
        done = signer.sign_transaction(complete)
        return Signed(
            transaction="0x" + bytes(done.hash).hex(),
            raw=HexBytes(done.raw_transaction),
            sender=sender,
            nonce=nonce,
            creates=None if "to" in complete else create_address(sender, nonce),
        )

    def submit(self, signed: Signed) -> Receipt:
        """Send a signed transaction, again where the node dropped it, and wait until it is confirmed."""
        give_up = time.monotonic() + self.config.wait_seconds
        self._broadcast(signed, first=True)
        sent = time.monotonic()
        while True:
            receipt = self.receipt(signed.transaction)
            if receipt is not None and self.block_number() - receipt.block + 1 >= self.config.confirmations:
                return receipt
            if time.monotonic() > give_up:
                if receipt is None and self.transaction_count(signed.sender) > signed.nonce:
                    raise PendingError(
                        f"the node keeps no receipt of {signed.transaction}",
                        "run it again, or use another node",
                    )
                raise PendingError(
                    f"{signed.transaction} is not confirmed yet", "wait a little and run it again"
                )
            if (
                receipt is None
                and time.monotonic() - sent > _RESEND_SECONDS
                and not self._knows(signed.transaction)
            ):
                self._broadcast(signed, first=False)
                sent = time.monotonic()
            time.sleep(self.config.poll_seconds)

    def receipt(self, transaction: str) -> Receipt | None:
        """The receipt of a transaction, or None while the node has none or only an empty one.

        Raises `ContractError` for a transaction that failed.
        """
        mined = self.mined(transaction)
        if mined is not None and mined.failed:
            raise self.why_failed(transaction, mined.receipt.block)
        return None if mined is None else mined.receipt

    def mined(self, transaction: str) -> Mined | None:
        """What a block says of a transaction, failed or not; None while the node has no receipt."""
        found = self._told("eth_getTransactionReceipt", transaction)
        if not found or found.get("blockNumber") is None or found.get("status") is None:
            return None
        gas, contract = int(found["gasUsed"], 16), found.get("contractAddress")
        receipt = Receipt(
            transaction=transaction,
            sender=_checksummed(found["from"]),
            block=int(found["blockNumber"], 16),
            gas_used=gas,
            fee=gas * int(found.get("effectiveGasPrice") or "0x0", 16),
            contract=contract and _checksummed(contract),
            logs=_Logs(found["logs"]),
        )
        return Mined(receipt, str(found["blockHash"]), int(found["status"], 16) == 0)

    def block_hash(self, number: int) -> str:
        """The hash of a block that is there; empty where there is none."""
        try:
            return str(self._block(number)["hash"])
        except BlockNotFound:
            return ""

    def block_hashes(self, numbers: Collection[int]) -> dict[int, str]:
        """The same of several blocks, in as few requests as possible."""
        ordered = sorted(numbers)
        replies = self._replies([[hex(number), False] for number in ordered], "eth_getBlockByNumber")
        found = {}
        for number, reply in zip(ordered, replies, strict=True):
            if "error" in reply:
                raise self._refused(Web3RPCError(str(reply["error"]), rpc_response=reply))
            block = cast(Mapping[str, Any], reply.get("result") or {})
            found[number] = str(block.get("hash", ""))
        return found

    def broadcast(self, signed: Signed, first: bool = True) -> None:
        """Send a signed transaction, and do not wait: `submit` does. Raises `PendingError` where another
        one took its number; not `first`: then nothing, since it may be in a block.
        """
        self._broadcast(signed, first)

    def knows(self, transaction: str) -> bool:
        """Whether the node has a transaction, in a block or waiting."""
        return self._knows(transaction)

    def transaction(self, transaction: str) -> TxData:
        """A transaction by its hash. Raises `InputError` where the node knows none."""
        try:
            return self._ask(lambda: self.web3.eth.get_transaction(cast(HexStr, transaction)))
        except (TransactionNotFound, ValueError):
            raise InputError(
                f"the chain has no transaction {transaction}", "check its hash and --network"
            ) from None

    def transaction_count(self, address: str) -> int:
        """How many transactions of an account are in blocks: the nonce of the next one."""
        return int(self._told("eth_getTransactionCount", address, "latest"), 16)

    def has_unmined(self, address: str) -> bool:
        """Whether the node knows of transactions of an account that are in no block yet."""
        pending = int(self._told("eth_getTransactionCount", address, "pending"), 16)
        return pending > self.transaction_count(address)

    # ---------------------------------------------------------------------------------------- internal

    def fees(self) -> TxParams:
        """What a transaction offers that is to be in one of the next blocks, in wei for a unit of gas."""
        return self._fees_after(self._block("latest"))

    def _told(self, method: str, *asked: Any) -> Any:
        """What the node answers, as JSON has it. web3 puts everything into its own form first: of a block all
        transactions, for a receipt all logs.
        """
        provider = cast(HTTPProvider, self.web3.provider)
        answer = provider.make_request(RPCEndpoint(method), list(asked))
        if "error" in answer:
            raise self._refused(Web3RPCError(str(answer["error"]), rpc_response=answer))
        return answer.get("result")

    def _block(self, at: BlockIdentifier) -> Mapping[str, Any]:
        """A block by number or name, as JSON has it."""
        found = self._told("eth_getBlockByNumber", hex(at) if isinstance(at, int) else at, False)
        if not found:
            raise BlockNotFound(f"there is no block {at!r}")
        return cast(Mapping[str, Any], found)

    def _fees_after(self, block: Mapping[str, Any]) -> TxParams:
        base = block.get("baseFeePerGas")
        if base is None:
            return {"gasPrice": self._ask(lambda: self.web3.eth.gas_price)}
        tip = self._ask(lambda: self.web3.eth.max_priority_fee)
        # The base fee can double in six blocks.
        return {"maxFeePerGas": cast(Any, 2 * int(base, 16) + int(tip)), "maxPriorityFeePerGas": tip}

    def _broadcast(self, signed: Signed, first: bool) -> None:
        try:
            self.web3.eth.send_raw_transaction(signed.raw)
        except NetworkError:
            # It may have arrived: the receipt tells.
            if first and not self._is_reachable():
                raise
        except Web3Exception as error:
            said = _said(error).lower()
            if "already known" in said or "already imported" in said or "known transaction" in said:
                return
            if "nonce" in said and ("low" in said or "expected" in said):
                # Either it is in a block already, or its nonce went to another one.
                if first and not self._knows(signed.transaction):
                    raise _NonceTakenError(
                        f"another transaction of {signed.sender} came first",
                        "run it again when the other program is done",
                    ) from None
                return
            raise self._refused(error) from None

    def _is_reachable(self) -> bool:
        try:
            self.block_number()
        except NetworkError:
            return False
        return True

    def _knows(self, transaction: str) -> bool:
        try:
            return bool(self._ask(lambda: self.web3.eth.get_transaction(cast(HexStr, transaction))))
        except TransactionNotFound:
            return False

    def why_failed(self, transaction: str, block: int) -> TrocError:
        """Why a transaction failed in this block: rehearsed on the block before, since no receipt says."""
        try:
            sent = self.web3.eth.get_transaction(cast(HexStr, transaction))
            again: TxParams = {
                "from": sent["from"],
                "value": sent["value"],
                "data": sent["input"],
                "gas": sent["gas"],
            }
            if sent.get("to"):
                again["to"] = sent["to"]
            self._ask(lambda: self.web3.eth.call(again, block_identifier=block - 1))
        except ContractError as error:
            return error
        except (TransactionNotFound, NetworkError):
            pass
        return ContractError(
            f"the transaction {transaction} failed in block {block}",
            "look at the state again and retry",
            UNEXPLAINED,
            {},
        )

    def _ask(self, request: Callable[[], T]) -> T:
        """Run a request and put refusals into our words."""
        try:
            return request()
        except (TransactionNotFound, BlockNotFound):
            raise
        except Web3Exception as error:
            raise self._refused(error) from None

    def _refused(self, error: Web3Exception) -> TrocError:
        said = _said(error)
        if "insufficient funds" in said.lower() or "gas required exceeds allowance" in said.lower():
            return FundsError(
                "the account cannot pay for the transaction",
                "give it some of the chain's own coin, or let another account submit (--submit-with), or a"
                " relay (--relay)",
            )
        data = _revert_data(error)
        if isinstance(error, ContractLogicError) or data:
            return explain(data, said)
        if "outofgas" in said.lower().replace(" ", ""):
            return ContractError("the call takes more gas than it may", "try again", TOO_MUCH_GAS, {})
        return NetworkError(f"the node refuses ({said})", "check the request, or use another node")


TOO_MUCH_GAS = "TooMuchGas"
"""The name of the `ContractError` for a call beyond `most_gas`."""

_NONCE_ATTEMPTS = 3
_RESEND_SECONDS = 1.0


class _NonceTakenError(PendingError):
    """Another transaction with this nonce came first; ours can never get into a block."""


def _checksummed(address: str) -> ChecksumAddress:
    return to_checksum_address(address)


def _call_of(function: ContractFunction) -> TxParams:
    return {"to": function.address, "data": cast(HexStr, data_of(function))}


def _transaction_of(call: Sendable) -> TxParams:
    """What a transaction says to whom: nobody, where it creates a contract."""
    if isinstance(call, ContractFunction):
        return _call_of(call)
    return {"data": call.data_in_transaction} if isinstance(call, ContractConstructor) else call


def _understood(function: ContractFunction, answer: bytes) -> Any:
    try:
        return answer_to(function, answer)
    except DecodingError:
        raise NotDeployedError(
            "there is no such contract at this address", "check the address and --network"
        ) from None


def _answer(reply: RPCResponse) -> bytes:
    """What a node answers to a call."""
    if "result" not in reply:
        said = reply.get("error")
        text = said.get("message") if isinstance(said, Mapping) else said
        raise NetworkError(
            f"the node refuses ({' '.join(str(text).split())[:200]})", "use another node, or wait a little"
        )
    answer = bytes.fromhex(str(reply["result"])[2:])
    if not answer:
        raise NotDeployedError("there is no such contract at this address", "check the address and --network")
    return answer


def _revert_data(error: Web3Exception) -> bytes:
    """What the contract answered, wherever the node put it."""
    candidates: list[Any] = [getattr(error, "data", None)]
    response = getattr(error, "rpc_response", None)
    if isinstance(response, Mapping) and isinstance(response.get("error"), Mapping):
        candidates.append(response["error"].get("data"))
    for candidate in candidates:
        if isinstance(candidate, Mapping):
            # Ganache nests it.
            candidate = candidate.get("result") or candidate.get("data")
        if isinstance(candidate, str) and candidate.startswith("0x"):
            try:
                return bytes.fromhex(candidate[2:])
            except ValueError:
                continue
    return b""


def _answered(answer: RPCResponse) -> bytes | ContractError:
    error = answer.get("error")
    if error is None:
        return bytes.fromhex(str(answer["result"])[2:])
    data, said = "", str(error)
    if isinstance(error, Mapping):
        data, said = error.get("data") or "", str(error.get("message", ""))
    if isinstance(data, Mapping):
        data = data.get("result") or data.get("data") or ""
    good = isinstance(data, str) and data.startswith("0x")
    return explain(bytes.fromhex(data[2:]) if good else b"", " ".join(said.split())[:200])


def _said(error: Web3Exception) -> str:
    """What the node said, in one line."""
    response = getattr(error, "rpc_response", None)
    if isinstance(response, Mapping) and isinstance(response.get("error"), Mapping):
        text = str(response["error"].get("message", error))
    else:
        text = str(getattr(error, "message", None) or error)
    return " ".join(text.split())[:200]
