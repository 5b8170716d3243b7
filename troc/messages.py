"""The messages that people sign: EIP-712 typed data, field by field as docs/messages.md lays them down.

Amounts are smallest units, times Unix seconds. The Python names are the message's own in snake case; in
JSON a message has the names that a wallet shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from typing import Annotated, Any, ClassVar, Self, get_type_hints

from eth_account.messages import SignableMessage, encode_typed_data
from eth_keys.datatypes import Signature
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from troc.accounts import Signer
from troc.errors import InputError

_Curve: Any
try:
    from coincurve import PublicKey as _Curve
except ImportError:  # pragma: no cover
    _Curve = None

Address = Annotated[str, "address"]
Bytes32 = Annotated[bytes, "bytes32"]
Bool = Annotated[bool, "bool"]
Uint8 = Annotated[int, "uint8"]
Uint256 = Annotated[int, "uint256"]
Uint256s = Annotated[tuple[int, ...], "uint256[]"]

ZERO_ADDRESS = "0x" + "00" * 20
UINT256_MAX = 2**256 - 1

KIND_POINTS, KIND_ERC20, KIND_ERC1155 = 0, 1, 2

_LANE, _SERIES, _INDEX = 128, 64, 64
WHOLE_INDEXES = 224
"""Indexes of one lane of whole messages."""

_BATCH_AMOUNT = 56
_BATCH_ADDRESS = 160


_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_WORD = re.compile(r"0x[0-9a-fA-F]{64}")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,77}")


@cache
def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def to_address(value: Any, what: str = "address") -> str:
    """A checksummed address. Mixed case must carry a right checksum."""
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise InputError(f"{what}: {value!r} is no address", "write 0x and 40 hex digits")
    checksummed = _checksummed(value)
    if value != checksummed and value[2:] not in (value[2:].lower(), value[2:].upper()):
        raise InputError(f"{what}: {value} has a wrong checksum", "copy the address again")
    return checksummed


@lru_cache(maxsize=16_384)
def _checksummed(address: str) -> str:
    """A hash each time, and messages name the same few addresses again and again."""
    return str(to_checksum_address(address))


def _check(type_: str, value: Any, what: str) -> Any:
    """One value in the form that the dataclasses hold, or an error."""
    if type_ == "address":
        return to_address(value, what)
    if type_ == "bool":
        if type(value) is not bool:
            raise InputError(f"{what}: {value!r} is neither true nor false", "write one of them")
        return value
    if type_ == "bytes32":
        if not isinstance(value, bytes) or len(value) != 32:
            raise InputError(f"{what}: not 32 bytes", "write 0x and 64 hex digits")
        return bytes(value)
    if type_.endswith("[]"):
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise InputError(f"{what}: {value!r} is no list", "write a list")
        return tuple(_check(type_[:-2], entry, what) for entry in value)
    bits = int(type_.removeprefix("uint"))
    if type(value) is not int or value < 0 or value.bit_length() > bits:
        raise InputError(f"{what}: {value!r} is no whole number from 0 to 2^{bits} - 1", "mend it")
    return value


def _to_json(type_: str, value: Any) -> Any:
    if type_ == "bytes32":
        return "0x" + value.hex()
    if type_.endswith("[]"):
        return [_to_json(type_[:-2], entry) for entry in value]
    # 256 bits are beyond what JavaScript reads as a number.
    return str(value) if type_.startswith("uint") else value


def _from_json(type_: str, value: Any, what: str) -> Any:
    if type_ == "address":
        return value
    if type_.endswith("[]"):
        if not isinstance(value, list):
            raise InputError(f"{what}: {value!r} is no list", "write a list")
        return [_from_json(type_[:-2], entry, what) for entry in value]
    if type_ == "bytes32":
        if not isinstance(value, str) or not _WORD.fullmatch(value):
            raise InputError(f"{what}: {value!r} is no 32 bytes", "write 0x and 64 hex digits")
        return bytes.fromhex(value[2:])
    if type_.startswith("uint") and isinstance(value, str):
        if not _DECIMAL.fullmatch(value):
            raise InputError(f"{what}: {value!r} is no whole number", "write it in decimal digits")
        return int(value)
    return value


@dataclass(frozen=True)
class Struct:
    """Fields as a contract has them. Raises `InputError` where a value does not fit its type; addresses are
    checksummed.
    """

    def __post_init__(self) -> None:
        for name, type_, _, what in self._places():
            object.__setattr__(self, name, _check(type_, getattr(self, name), what))

    @classmethod
    @cache
    def _layout(cls) -> dict[str, str]:
        """EIP-712 type by Python field name, in the order of the message."""
        hints = get_type_hints(cls, include_extras=True)
        return {item.name: hints[item.name].__metadata__[0] for item in fields(cls)}

    @classmethod
    @cache
    def _places(cls) -> tuple[tuple[str, str, str, str], ...]:
        """Of each field its Python name, its type, its own name, and what an error calls it."""
        return tuple(
            (name, type_, _camel(name), f"{cls.__name__}.{_camel(name)}")
            for name, type_ in cls._layout().items()
        )

    def values(self) -> dict[str, Any]:
        """Values by the message's own names, for EIP-712."""
        return {
            _camel(name): list(value) if isinstance(value, tuple) else value
            for name, value in ((name, getattr(self, name)) for name in self._layout())
        }

    def as_tuple(self) -> tuple[Any, ...]:
        """Values in order, for a contract call."""
        return tuple(self.values().values())

    def to_json(self) -> dict[str, Any]:
        """For a file: numbers as decimal strings, bytes in hex."""
        return {own: _to_json(type_, getattr(self, name)) for name, type_, own, _ in self._places()}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read what `to_json` wrote. Refuses a field too many, too few or malformed, in one line."""
        places = cls._places()
        if not isinstance(data, Mapping):
            raise InputError(f"{cls.__name__}: {data!r} is no message", "write its fields by name")
        names = {own: None for _, _, own, _ in places}
        if data.keys() != names.keys():
            for key in data:
                if key not in names:
                    said = f"{cls.__name__}: unknown field {key!r}"
                    raise InputError(said, f"use only {', '.join(names)}")
            missing = next(key for key in names if key not in data)
            raise InputError(f"{cls.__name__}: the field {missing} is missing", "add it")
        return cls(*[_from_json(type_, data[own], what) for _, type_, own, what in places])

    @classmethod
    def from_chain(cls, value: Any) -> Self:
        """Read the struct as web3 decodes it: a tuple, or a mapping by the message's own names."""
        layout = cls._layout()
        parts = [value[_camel(name)] for name in layout] if isinstance(value, Mapping) else list(value)
        return cls(**dict(zip(layout, parts, strict=True)))


@dataclass(frozen=True)
class Message(Struct):
    """What all messages share. The first field is always the signer's address."""

    contract: ClassVar[str]
    """The contract that the message is for."""

    @classmethod
    def types(cls) -> dict[str, list[dict[str, str]]]:
        """The `types` of EIP-712, without the domain."""
        return {
            cls.__name__: [{"name": _camel(name), "type": type_} for name, type_ in cls._layout().items()]
        }

    @classmethod
    def type_string(cls) -> str:
        """The encoded type of EIP-712."""
        return (
            cls.__name__
            + "("
            + ",".join(f"{type_} {_camel(name)}" for name, type_ in cls._layout().items())
            + ")"
        )

    @classmethod
    @cache
    def _type_hash(cls) -> bytes:
        return keccak(cls.type_string().encode())

    def _encoded(self) -> bytes:
        """A word a field. A message with a struct in it writes that struct's hash."""
        return b"".join([_word(type_, getattr(self, name)) for name, type_ in self._layout().items()])

    @property
    def signer(self) -> str:
        """Who signs it."""
        address: str = getattr(self, next(iter(self._layout())))
        return address


@dataclass(frozen=True)
class Order(Message):
    """Give at most `give_amount`, get at least `want_amount / give_amount` for each unit given."""

    contract: ClassVar[str] = "PointsExchange"

    maker: Address
    give_token: Address
    give_kind: Uint8
    give_id: Uint256
    give_amount: Uint256
    want_token: Address
    want_kind: Uint8
    want_id: Uint256
    want_amount: Uint256
    give_points_expiring_by: Uint256
    want_points_living_until: Uint256
    only_taker: Address
    open_until: Uint256
    nonce: Uint256
    allow_partial: Bool


@dataclass(frozen=True)
class Cancel(Message):
    """Ends the orders with these nonces."""

    contract: ClassVar[str] = "PointsExchange"

    maker: Address
    whole_nonces: Uint256s
    partial_nonces: Uint256s


@dataclass(frozen=True)
class CancelAll(Message):
    """Ends, in each lane, the series named (nonces with index 0) and every earlier one."""

    contract: ClassVar[str] = "PointsExchange"

    maker: Address
    whole_series: Uint256s
    partial_series: Uint256s


@dataclass(frozen=True)
class Permit(Message):
    """EIP-2612, with its own sequential nonce. For the exchange `value` is 0 (off) or 2^256 - 1 (on)."""

    contract: ClassVar[str] = "LoyaltyToken"

    owner: Address
    spender: Address
    value: Uint256
    nonce: Uint256
    deadline: Uint256

    def arguments(self, signature: bytes) -> tuple[str, str, int, int, int, bytes, bytes]:
        """What `permit` takes, with a signature of 65 bytes `r ‖ s ‖ v`."""
        r, s, v = signature[:32], signature[32:64], signature[64]
        return self.owner, self.spender, self.value, self.deadline, v, r, s


@dataclass(frozen=True)
class Send(Message):
    """Gives points away."""

    contract: ClassVar[str] = "LoyaltyToken"

    holder: Address
    to: Address
    amount: Uint256
    deadline: Uint256
    nonce: Uint256


@dataclass(frozen=True)
class Redeem(Message):
    """Spends points at the brand. Only `agent` may submit it; the zero address: anyone."""

    contract: ClassVar[str] = "LoyaltyToken"

    holder: Address
    amount: Uint256
    receipt_id: Bytes32
    agent: Address
    deadline: Uint256
    nonce: Uint256


@dataclass(frozen=True)
class CancelNonces(Message):
    """Ends `Send`, `Redeem` and `Voucher` messages that were not used yet."""

    contract: ClassVar[str] = "LoyaltyToken"

    holder: Address
    nonces: Uint256s


@dataclass(frozen=True)
class Voucher(Message):
    """Pays points out of a grant of the issuer's, once. With `is_key` the recipient is a one-time key."""

    contract: ClassVar[str] = "LoyaltyToken"

    issuer: Address
    grant_id: Uint256
    recipient: Address
    is_key: Bool
    amount: Uint256
    receipt_id: Bytes32
    deadline: Uint256
    nonce: Uint256


@dataclass(frozen=True)
class Claim(Message):
    """By which a one-time key names who gets its voucher's points. `voucher` is the voucher's digest."""

    contract: ClassVar[str] = "LoyaltyToken"

    key: Address
    to: Address
    voucher: Bytes32


EXCHANGE_NAME = "Troc Exchange"


@dataclass(frozen=True)
class Domain:
    """The EIP-712 domain: `Troc Exchange` for the exchange, the token's name for points."""

    name: str
    chain_id: int
    verifying_contract: str
    version: str = "1"

    def values(self) -> dict[str, Any]:
        """Values by EIP-712's names."""
        return {
            "name": self.name,
            "version": self.version,
            "chainId": self.chain_id,
            "verifyingContract": self.verifying_contract,
        }


def typed(message: Message, domain: Domain) -> SignableMessage:
    """The message as a wallet signs it. Raises `InputError` where the points' name is not text."""
    try:
        return encode_typed_data(domain.values(), message.types(), message.values())
    except UnicodeEncodeError:
        raise _no_text(domain) from None


@lru_cache(maxsize=4096)
def digest(message: Message, domain: Domain) -> bytes:
    """The 32 bytes that are signed: `keccak256(0x19 01 ‖ domain ‖ message)`.

    The messages are flat, so this encodes them itself: a service hashes hundreds a second.
    """
    return keccak(b"\x19\x01" + domain_separator(domain) + keccak(message._type_hash() + encoded(message)))


def encoded(message: Message) -> bytes:
    """The message's `encodeData` without its type: a word a field, a list by its hash. Where there is no
    list, the ABI encodes the struct the same.
    """
    return message._encoded()


def _word(type_: str, value: Any) -> bytes:
    if type_ == "address":
        return bytes(12) + bytes.fromhex(value[2:])
    if type_ == "bytes32":
        return bytes(value)
    if type_.endswith("[]"):
        return keccak(b"".join(_word(type_[:-2], entry) for entry in value))
    return int(value).to_bytes(32)


_DOMAIN_TYPE = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")


@lru_cache(maxsize=1024)
def domain_separator(domain: Domain) -> bytes:
    """The hash of a domain (EIP-712)."""
    try:
        name = keccak(domain.name.encode())
    except UnicodeEncodeError:
        raise _no_text(domain) from None
    return keccak(
        _DOMAIN_TYPE
        + name
        + keccak(domain.version.encode())
        + domain.chain_id.to_bytes(32)
        + _word("address", domain.verifying_contract)
    )


def _no_text(domain: Domain) -> InputError:
    return InputError(
        f"the points at {domain.verifying_contract} bear a name that is not text, which no wallet signs",
        "send the transaction from the account that holds them, without --submit-with",
    )


def sign(message: Message, domain: Domain, signer: Signer) -> bytes:
    """Sign a message: 65 bytes `r ‖ s ‖ v`. Refuses to sign for somebody else."""
    if signer.address != message.signer:
        raise InputError(
            f"{signer.name} ({signer.address}) cannot sign for {message.signer}",
            "open the account that the message names",
        )
    return signer.sign_digest(digest(message, domain))


def recover(message: Message, domain: Domain, signature: bytes) -> str | None:
    """Whose key made a signature of 65 bytes, or of 64 bytes by ERC-2098; None where it is malformed.

    As strict as the contracts: `s` in the lower half, `v` 27 or 28.
    """
    whole = full_signature(signature)
    if whole is None:
        return None
    try:
        return _signer_of(whole[:64] + bytes([whole[64] - 27]), digest(message, domain))
    except Exception:
        return None


def _signer_of(signature: bytes, hashed: bytes) -> str:
    """The address whose key signed this hash; `signature` ends with 0 or 1. Raises where there is none.

    eth-keys makes objects of everything on the way, which takes as long as the curve itself.
    """
    if _Curve is None:
        return _checksummed(Signature(signature).recover_public_key_from_msg_hash(hashed).to_address())
    key = _Curve.from_signature_and_message(signature, hashed, hasher=None).format(compressed=False)
    return _checksummed("0x" + keccak(key[1:])[12:].hex())


def full_signature(signature: bytes) -> bytes | None:
    """A signature of 65 bytes, from one of 65 or of 64 (ERC-2098); None where the contracts take it for
    malformed.
    """
    if len(signature) == 64:
        flag = signature[32] >> 7
        signature = signature[:32] + bytes([signature[32] & 0x7F]) + signature[33:] + bytes([27 + flag])
    if len(signature) != 65 or signature[64] not in (27, 28):
        return None
    return None if int.from_bytes(signature[32:64]) > _HALF_ORDER else signature


_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Half the order of secp256k1, rounded down."""


def pack_nonce(lane: int, series: int = 0, index: int = 0) -> int:
    """`lane:128 ‖ series:64 ‖ index:64`."""
    for value, bits, what in ((lane, _LANE, "lane"), (series, _SERIES, "series"), (index, _INDEX, "index")):
        if not 0 <= value < 1 << bits:
            raise InputError(
                f"the {what} {value} of a nonce does not fit into {bits} bits", "choose a smaller one"
            )
    return lane << (_SERIES + _INDEX) | series << _INDEX | index


def unpack_nonce(nonce: int) -> tuple[int, int, int]:
    """(lane, series, index) of a nonce."""
    return nonce >> (_SERIES + _INDEX), nonce >> _INDEX & ((1 << _SERIES) - 1), nonce & ((1 << _INDEX) - 1)


def pack_batch_word(to: str, amount: int) -> int:
    """One recipient of a batch, `amount:56 ‖ address:160`; `amount` in smallest units."""
    if not 0 < amount < 1 << _BATCH_AMOUNT:
        raise InputError(f"the amount {amount} does not fit a batch", "use 1 to 2^56 - 1 smallest units")
    return amount << _BATCH_ADDRESS | int(to_address(to), 16)


def unpack_batch_word(word: int) -> tuple[str, int]:
    """(address, amount in smallest units) of one recipient of a batch."""
    return to_checksum_address((word & ((1 << _BATCH_ADDRESS) - 1)).to_bytes(20)), word >> _BATCH_ADDRESS
