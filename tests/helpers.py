"""What tests in brownie's idiom share: expected errors, the clock, signatures, numbers in one word."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import brownie
from brownie import web3
from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data

DAY = 86_400
MAX_UINT256 = 2**256 - 1
LANE = 2**56 - 1
ZERO_ADDRESS = "0x" + "00" * 20

_MESSAGES = Path(__file__).parent.parent / "docs" / "messages.md"
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_TYPE_STRINGS = re.compile(r"^(?:\w+\(\w[^()]*\))+$", re.MULTILINE)
_TYPE_STRING = re.compile(r"(\w+)\(([^()]*)\)")
_DOMAINS = {
    "PointsExchange": "Troc Exchange",
    "DataMarket": "Troc Data Market",
    "Inbox": "Troc Inbox",
    "AttentionRewards": "Troc Attention",
    "AttestorCredentials": "Troc Credentials",
}

# ----------------------------------------------------------------------------------------------------- errors


def reverts_with(name: str, *args: Any) -> Any:
    """A context that passes only if the call in it fails with this custom error and exactly these values.

    Accounts and contracts stand for their addresses. brownie tells a custom error as a string: addresses in
    lower case, a trailing space where there are no values.
    """
    return brownie.reverts(f"{name}: {', '.join(_spoken(value) for value in args)}")


def _spoken(value: Any) -> str:
    value = getattr(value, "address", value)
    if isinstance(value, str) and re.fullmatch("0x[0-9a-fA-F]{40}", value):
        return value.lower()
    if isinstance(value, str) and re.fullmatch("0x[0-9a-fA-F]{64}", value):
        value = bytes.fromhex(value[2:])
    return str(bytes(value)) if isinstance(value, (bytes, bytearray)) else str(value)


# ------------------------------------------------------------------------------------------------------ clock


def now() -> int:
    """The time of the latest block, which is the time that calls see."""
    return int(web3.eth.get_block("latest")["timestamp"])


def travel_to(timestamp: int) -> None:
    """Mine a block of this time, so that calls see it; transactions come in this second or later."""
    if is_ganache():
        _request("evm_setTime", timestamp * 1000)
        _request("evm_mine", timestamp)
    else:
        _request("evm_setNextBlockTimestamp", timestamp)
        _request("evm_mine")
    assert now() == timestamp, f"the chain is at {now()}, not at {timestamp}"


def next_block_at(timestamp: int) -> None:
    """Let the next transaction come in a block of exactly this time."""
    if is_ganache():
        _request("evm_setTime", timestamp * 1000)
    else:
        _request("evm_setNextBlockTimestamp", timestamp)


def is_ganache() -> bool:
    return "ganache" in web3.client_version.lower()


def _request(method: str, *params: Any) -> None:
    answer = web3.provider.make_request(method, list(params))
    assert "error" not in answer, f"{method}{params}: {answer['error']}"


# ------------------------------------------------------------------------------------------------- signatures


@cache
def message_types() -> dict[str, list[dict[str, str]]]:
    """The fields of each signed message, and of what is part of one, as docs/messages.md lays them down."""
    return {
        name: [dict(zip(("type", "name"), field.split(" "), strict=True)) for field in fields.split(",")]
        for line in _TYPE_STRINGS.findall(_MESSAGES.read_text())
        for name, fields in _TYPE_STRING.findall(line)
    }


def types_of(kind: str) -> dict[str, list[dict[str, str]]]:
    """The fields of one message and of its parts."""
    fields = message_types()[kind]
    parts = [field["type"] for field in fields if field["type"] in message_types()]
    return {kind: fields} | {name: own for part in parts for name, own in types_of(part).items()}


def domain_name(contract: Any) -> str:
    """What docs/messages.md says that the domain of a contract is called; a token is asked for its name."""
    return _DOMAINS.get(contract._name) or str(contract.name())


def typed_data(contract: Any, kind: str, message: dict[str, Any], **domain: Any) -> SignableMessage:
    """A message as a wallet sees it. `domain` overrides single fields of the domain of `contract`."""
    if "name" not in domain:
        domain["name"] = domain_name(contract)
    whole = {"version": "1", "chainId": web3.chain_id, "verifyingContract": contract.address, **domain}
    return encode_typed_data(whole, types_of(kind), message)


def sign(signer: Any, contract: Any, kind: str, message: dict[str, Any], **domain: Any) -> bytes:
    """The 65 bytes by which `signer`, an account with a key, signs a message of docs/messages.md."""
    key = signer.private_key if hasattr(signer, "private_key") else signer.key
    signed = Account.sign_message(typed_data(contract, kind, message, **domain), key)
    return bytes(signed.signature)


def upper_half(signature: bytes) -> bytes:
    """The other signature of 65 bytes that the curve accepts for the same message and key."""
    r, s, v = signature[:32], int.from_bytes(signature[32:64]), signature[64]
    return r + (_ORDER - s).to_bytes(32) + bytes([27 + 28 - v])


def compact(signature: bytes) -> bytes:
    """A signature in 64 bytes, by ERC-2098."""
    s = int.from_bytes(signature[32:64]) | (signature[64] - 27) << 255
    return signature[:32] + s.to_bytes(32)


def nonce(index: int = 0, lane: int = 0, series: int = 0) -> int:
    """`lane:128 | series:64 | index:64`."""
    return lane << 128 | series << 64 | index


# ---------------------------------------------------------------------------------------- numbers in one word


def batch(items: Iterable[tuple[Any, int]]) -> list[int]:
    """Recipients and amounts as `mintBatch` takes them: `amount << 160 | recipient`."""
    return [amount << 160 | int(getattr(to, "address", to), 16) for to, amount in items]
