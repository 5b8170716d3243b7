"""A local chain for measuring: Anvil with 12 s between blocks, and what a measurement asks of it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import RPCEndpoint, TxParams

from benchmarks.compile import Artifact
from benchmarks.records import BenchmarkError, Record

# A fixed first block keeps signatures, deadlines and thereby calldata the same in every run.
_GENESIS_TIME = 1_800_000_000
_BLOCK_TIME = 12
_GAS_LIMIT = 30_000_000
MAX_UINT256 = 2**256 - 1


@dataclass(frozen=True)
class Cost:
    """Gas and calldata of one transaction, or of several that belong together."""

    gas: int
    calldata_bytes: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.gas + other.gas, self.calldata_bytes + other.calldata_bytes)

    def share(self, count: int) -> Cost:
        """The part of one among `count`, rounded up."""
        return Cost(-(-self.gas // count), -(-self.calldata_bytes // count))


@dataclass(frozen=True)
class System:
    """The system whose figures are being recorded."""

    name: str
    version: str

    def record(
        self, operation: str, cost: Cost, *, state: str, how: str, per: str = "transaction", count: int = 1
    ) -> Record:
        """A record of `cost`, shared by `count` where it stands for several."""
        part = cost.share(count)
        return Record(operation, self.name, self.version, state, part.gas, per, part.calldata_bytes, how)


class Chain:
    """A running chain. Gas costs nothing and every address may send, so that only gas units matter."""

    def __init__(self, url: str) -> None:
        self.w3 = Web3(Web3.HTTPProvider(url, request_kwargs={"timeout": 60}))

    @cached_property
    def chain_id(self) -> int:
        """The id that signatures are bound to."""
        return self.w3.eth.chain_id

    @property
    def now(self) -> int:
        """Timestamp of the last block, in seconds."""
        return int(self.w3.eth.get_block("latest")["timestamp"])

    def request(self, method: str, *params: Any) -> Any:
        """Call a method of the node that web3.py has no name for; raises BenchmarkError on refusal."""
        answer = self.w3.provider.make_request(RPCEndpoint(method), list(params))
        if "error" in answer:
            raise BenchmarkError(f"the chain refused {method}: {answer['error']}")
        return answer["result"]

    def account(self, label: str) -> LocalAccount:
        """The account of that label: the same key in every run, and of use on this chain only."""
        return cast(LocalAccount, Account.from_key(Web3.keccak(text=f"benchmark account: {label}")))

    def accounts(self, label: str, count: int) -> list[LocalAccount]:
        """`count` accounts, numbered."""
        return [self.account(f"{label} {index}") for index in range(count)]

    def address(self, label: str) -> ChecksumAddress:
        """The address of an account that only sends or receives."""
        return self.account(label).address

    @cached_property
    def deployer(self) -> ChecksumAddress:
        """Who deploys and owns everything, unless said otherwise."""
        return self.address("deployer")

    def deploy(self, artifact: Artifact, *args: Any, sender: ChecksumAddress | None = None) -> Contract:
        """Deploy a contract and hand back its handle."""
        factory = self.w3.eth.contract(abi=artifact.abi, bytecode=HexBytes(artifact.bytecode))
        call = factory.constructor(*args)
        data = cast(str, call.data_in_transaction)
        receipt = self._transact({"from": sender or self.deployer, "data": HexBytes(data)}, artifact.name)
        return self.at(artifact, receipt["contractAddress"])

    def deploy_code(self, code: str) -> ChecksumAddress:
        """Deploy creation code that has no ABI."""
        receipt = self._transact({"from": self.deployer, "data": HexBytes(code)}, "code")
        return cast(ChecksumAddress, receipt["contractAddress"])

    def at(self, artifact: Artifact, address: ChecksumAddress) -> Contract:
        """A handle for a contract that is already there."""
        return self.w3.eth.contract(address=address, abi=artifact.abi)

    def send(self, call: ContractFunction, sender: ChecksumAddress | None = None) -> Cost:
        """Send a call as a transaction; raises BenchmarkError with the reason where it reverts."""
        data = HexBytes(cast(str, call._encode_transaction_data()))
        transaction: TxParams = {"from": sender or self.deployer, "to": call.address, "data": data}
        receipt = self._transact(transaction, call.fn_name)
        return Cost(int(receipt["gasUsed"]), len(data))

    def _transact(self, transaction: TxParams, name: str) -> Any:
        # A fixed limit, since an estimate would cost another call for each transaction.
        sent = self.w3.eth.send_transaction(
            {**transaction, "gas": _GAS_LIMIT, "gasPrice": Web3.to_wei(0, "wei")}
        )
        receipt = self.w3.eth.wait_for_transaction_receipt(sent, timeout=60, poll_latency=0.005)
        if receipt["status"] != 1:
            raise BenchmarkError(f"{name} reverted: {self._reason(transaction)}")
        return receipt

    def _reason(self, transaction: TxParams) -> str:
        try:
            self.w3.eth.call(transaction)
        except Exception as error:
            return str(error)[:400]
        return "no reason given"

    def sign(
        self,
        signer: LocalAccount,
        domain: Mapping[str, Any],
        types: Mapping[str, Any],
        message: Mapping[str, Any],
    ) -> Signature:
        """Sign a message by EIP-712 as a wallet would; no contract's own hash is asked."""
        signed = signer.sign_message(encode_typed_data(dict(domain), dict(types), dict(message)))
        return Signature(
            signed.v,
            HexBytes(signed.r.to_bytes(32, "big")),
            HexBytes(signed.s.to_bytes(32, "big")),
            HexBytes(signed.message_hash),
        )

    def advance(self, seconds: int) -> None:
        """Let time pass and mine a block."""
        self.request("evm_setNextBlockTimestamp", self.now + seconds)
        self.request("evm_mine")

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Whatever happens inside is undone at the end, so that measurements do not meet."""
        snapshot = self.request("evm_snapshot")
        try:
            yield
        finally:
            if not self.request("evm_revert", snapshot):
                raise BenchmarkError("the chain could not go back to a snapshot: start the run again")


@dataclass(frozen=True)
class Signature:
    """An ECDSA signature of a digest, and the forms in which contracts take it."""

    v: int
    r: HexBytes
    s: HexBytes
    digest: HexBytes

    @property
    def packed(self) -> bytes:
        """65 bytes: r, s, v."""
        return bytes(self.r) + bytes(self.s) + bytes([self.v])

    @property
    def compact(self) -> bytes:
        """64 bytes, as ERC-2098 has it."""
        return bytes(self.r) + self.vs

    @property
    def vs(self) -> bytes:
        """The second word of the compact form."""
        word = int.from_bytes(self.s, "big") | ((self.v - 27) << 255)
        return word.to_bytes(32, "big")


def anvil_binary() -> Path:
    """The native Anvil that set-up links: the npm wrapper would leave a process behind when it is ended."""
    binary = Path(sys.prefix) / "bin" / "anvil"
    if not binary.is_file():
        raise BenchmarkError(f"{binary.name} is not in this environment: run `make setup`")
    return binary


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_chain() -> Iterator[Chain]:
    """Start an Anvil on a free port, and end it by its process id."""
    port = _free_port()
    options: Sequence[str] = (
        "--host", "127.0.0.1", "--port", str(port), "--hardfork", "prague", "--timestamp", str(_GENESIS_TIME),
        "--block-base-fee-per-gas", "0", "--gas-limit", str(_GAS_LIMIT), "--accounts", "1", "--silent",
    )  # fmt: skip
    process = subprocess.Popen(
        [str(anvil_binary()), *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        chain = Chain(f"http://127.0.0.1:{port}")
        _wait(chain, process)
        # Blocks of one and the same second would make a peer that keeps time (Uniswap) look cheaper.
        chain.request("anvil_setBlockTimestampInterval", _BLOCK_TIME)
        chain.request("anvil_autoImpersonateAccount", True)
        yield chain
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(chain: Chain, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if process.poll() is not None:
            said = process.stderr.read().decode() if process.stderr else ""
            raise BenchmarkError(f"anvil ended at once: {said.strip()[-300:] or 'no reason given'}")
        if chain.w3.is_connected():
            return
        time.sleep(0.05)
    raise BenchmarkError("anvil did not answer within 30 s: is the machine overloaded?")


def typed(*fields: str) -> list[dict[str, str]]:
    """EIP-712 fields out of "type name" pairs, in order."""
    return [dict(zip(("type", "name"), field.split(), strict=True)) for field in fields]
