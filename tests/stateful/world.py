"""An EVM inside Python with our contracts in it, for models that are run beside them.

The bytecode is forge's, of the contracts as they stand: `load` builds them first.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from eth_abi.abi import decode, encode
from eth_account import Account
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from pyrevm import EVM, BlockEnv

from troc.messages import Domain, Message, typed

ROOT = Path(__file__).resolve().parents[2]
CHAIN_ID = 1
DEPLOYER = "0x" + "de" * 20
_OUTPUT = re.compile(r"output: 0x([0-9a-fA-F]*)")


class Refused(Exception):  # noqa: N818 (a contract's answer, not a fault)
    """A custom error of a contract, with its values; models raise it too."""

    def __init__(self, name: str, *values: Any) -> None:
        super().__init__(name, *values)
        self.name = name
        self.values = values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Refused) and (self.name, self.values) == (other.name, other.values)

    def __hash__(self) -> int:
        return hash((self.name, self.values))


@dataclass(frozen=True)
class Compiled:
    """What a call needs to know of a contract."""

    bytecode: bytes
    inputs: Mapping[str, Sequence[str]]
    outputs: Mapping[str, Sequence[str]]
    changing: frozenset[str]
    """The functions that can change something."""


def _type(parameter: Mapping[str, Any]) -> str:
    if not parameter["type"].startswith("tuple"):
        return str(parameter["type"])
    inner = ",".join(_type(component) for component in parameter["components"])
    return f"({inner}){parameter['type'].removeprefix('tuple')}"


@cache
def _build() -> None:
    own = ROOT / ".venv" / "bin" / "forge"
    command = [str(own) if own.exists() else "forge", "build", "contracts"]
    forge = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if forge.returncode != 0:
        raise RuntimeError(f"forge build failed:\n{forge.stdout}{forge.stderr}")


@cache
def load(name: str) -> Compiled:
    """A contract by its name. Functions of one name are told apart by how many values they take."""
    _build()
    output = json.loads((ROOT / "out" / f"{name}.sol" / f"{name}.json").read_text())
    inputs: dict[str, list[str]] = {}
    outputs: dict[str, list[str]] = {}
    for entry in output["abi"]:
        types = [_type(parameter) for parameter in entry.get("inputs", [])]
        if entry["type"] == "error":
            _ERRORS[keccak(text=f"{entry['name']}({','.join(types)})")[:4]] = (entry["name"], types)
        elif entry["type"] == "constructor":
            inputs[""] = types
        elif entry["type"] == "function":
            inputs[entry["name"]] = types
            inputs[f"{entry['name']}/{len(types)}"] = types
            outputs[entry["name"]] = [_type(parameter) for parameter in entry["outputs"]]
    changing = frozenset(
        entry["name"]
        for entry in output["abi"]
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    )
    return Compiled(bytes.fromhex(output["bytecode"]["object"][2:]), inputs, outputs, changing)


# The first is of the library that moves ERC-20, which no contract's ABI names.
_ERRORS: dict[bytes, tuple[str, list[str]]] = {
    keccak(text="TransferFromFailed()")[:4]: ("TransferFromFailed", [])
}


def plain(value: Any) -> Any:
    """Dataclasses as tuples, lists too: as the ABI has them."""
    if isinstance(value, int | str | bytes):
        return value
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if is_dataclass(value):
        return tuple(plain(getattr(value, one.name)) for one in fields(value))
    return value


def checksummed(value: Any) -> Any:
    """Addresses as eth-account writes them."""
    if isinstance(value, str) and value.startswith("0x") and len(value) == 42:
        return to_checksum_address(value)
    if isinstance(value, list | tuple):
        return tuple(checksummed(entry) for entry in value)
    return value


def role(name: str) -> str:
    """An address for a role without a key."""
    return str(to_checksum_address(keccak(text=f"role: {name}")[:20]))


@dataclass(frozen=True)
class Person:
    """An account with a key."""

    name: str
    address: str
    _key: bytes = field(repr=False)

    def sign(self, message: Message, domain: Domain) -> bytes:
        """Signs whatever message, also one that names somebody else."""
        return bytes(Account.sign_message(typed(message, domain), self._key).signature)

    def sign_digest(self, digest: bytes) -> bytes:
        return bytes(Account.unsafe_sign_hash(digest, self._key).signature)


@cache
def person(name: str) -> Person:
    key = keccak(text=f"person: {name}")
    return Person(name, Account.from_key(key).address, key)


class World:
    """One EVM. Its time stands still unless it is moved."""

    def __init__(self, time: int) -> None:
        self._evm = EVM(spec_id="SHANGHAI")
        self._contracts: dict[str, Compiled] = {}
        self._seen: dict[Any, Any] = {}
        self.published: list[bytes] = []
        """Calldata, also of what was refused, and topics and data of logs: what everybody can read."""
        self.time = time
        self.move_to(time)

    def move_to(self, time: int) -> None:
        self.time = time
        self._evm.set_block_env(BlockEnv(number=1, timestamp=time))

    @contextmanager
    def at(self, time: int) -> Iterator[None]:
        """As it would be then, if nothing happened in between."""
        now = self.time
        self.move_to(time)
        yield
        self.move_to(now)

    def deploy(self, name: str, *arguments: Any) -> str:
        contract = load(name)
        code = contract.bytecode + encode(contract.inputs.get("", []), plain(arguments))
        address = str(to_checksum_address(self._evm.deploy(DEPLOYER, code)))
        self._seen.clear()
        self._contracts[address] = contract
        return address

    def call(self, sender: str, address: str, function: str, *arguments: Any) -> Any:
        """Call a function. One value is returned as it is, several as a tuple; `Refused` where it reverts."""
        contract = self._contracts[address]
        types = tuple(contract.inputs[f"{function}/{len(arguments)}"])
        answer = self._call(sender, address, _calldata(function, types, arguments), static=False)
        self._seen.clear()
        return _decode(contract.outputs[function], answer)

    def view(self, address: str, function: str, *arguments: Any) -> Any:
        """Asked once for each moment until something changes: a call that reverts changes nothing."""
        question = self.time, address, function, arguments
        if question not in self._seen:
            contract = self._contracts[address]
            data = _known_calldata(function, tuple(contract.inputs[function]), arguments)
            self._seen[question] = _decode(
                contract.outputs[function], self._call(DEPLOYER, address, data, static=True)
            )
        return self._seen[question]

    def _call(self, sender: str, address: str, data: bytes, *, static: bool) -> bytes:
        if not static:
            self.published.append(data)
        try:
            answer = bytes(self._evm.message_call(sender, address, calldata=data, is_static=static))
        except RuntimeError as error:
            raise _refusal(str(error)) from None
        if not static and self._evm.result is not None:
            for log in self._evm.result.logs:
                topics, rest = log.data
                self.published.append(b"".join(map(bytes, topics)) + bytes(rest))
        return answer


def _calldata(function: str, types: tuple[str, ...], arguments: Sequence[Any]) -> bytes:
    return _selector(function, types) + _encode(types, arguments)


# Of what is asked after each step, nearly everything was asked before.
_known_calldata = lru_cache(maxsize=4096)(_calldata)


@cache
def _selector(function: str, types: tuple[str, ...]) -> bytes:
    return bytes(keccak(text=f"{function}({','.join(types)})")[:4])


def _encode(types: tuple[str, ...], values: Sequence[Any]) -> bytes:
    """As eth-abi does it; by hand where there are only words, which is nearly always and takes no time."""
    if not all(type_ in ("uint256", "address", "bytes32") for type_ in types):
        return encode(types, plain(values))
    words = bytearray()
    for value in values:
        if isinstance(value, int):
            words += value.to_bytes(32)
        else:
            words += value if isinstance(value, bytes) else bytes.fromhex(value[2:]).rjust(32, b"\0")
    return bytes(words)


def _decode(types: Sequence[str], answer: bytes) -> Any:
    """One value, or a tuple of several; by hand where there are only numbers."""
    if not all(type_ in ("uint256", "uint256[4]", "bool") for type_ in types):
        values = checksummed(decode(types, answer))
        return values[0] if len(values) == 1 else values
    words = [int.from_bytes(answer[at : at + 32]) for at in range(0, len(answer), 32)]
    numbers: list[Any] = []
    for type_ in types:
        if type_ == "uint256[4]":
            numbers.append(tuple(words[:4]))
            del words[:4]
        else:
            word = words.pop(0)
            numbers.append(bool(word) if type_ == "bool" else word)
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def _refusal(message: str) -> Exception:
    found = _OUTPUT.search(message)
    output = bytes.fromhex(found.group(1)) if found else b""
    if output[:4] not in _ERRORS:
        return RuntimeError(message)
    name, types = _ERRORS[output[:4]]
    return Refused(name, *checksummed(decode(types, output[4:])))


def outcome(act: Callable[[], Any]) -> Any:
    """What an act returns, or how it is refused."""
    try:
        return act()
    except Refused as refused:
        return refused
