"""How what a contract answers becomes values of Python."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from eth_abi.codec import ABICodec
from eth_abi.decoding import StringDecoder
from eth_abi.grammar import ABIType, BasicType, TupleType, parse
from eth_abi.registry import BaseEquals
from eth_utils.abi import function_abi_to_4byte_selector, get_abi_input_types, get_abi_output_types
from eth_utils.address import to_checksum_address
from web3._utils.abi import build_strict_registry
from web3.contract.contract import ContractFunction

from troc.artifacts import artifact


class TextDecoder(StringDecoder):
    """Text of which nobody made sure that it is UTF-8, as on any chain.

    Bytes that are not UTF-8 stay in the text as lone surrogates (PEP 383), so that nothing is lost and one
    name made to offend does not hide all others. `troc.words.shown` makes such text fit to be shown.
    """

    def __init__(self) -> None:
        super().__init__("surrogateescape")  # type: ignore[no-untyped-call]


def _codec() -> ABICodec:
    registry = build_strict_registry()
    registry.unregister_decoder("string")
    registry.register_decoder(BaseEquals("string", with_sub=False), TextDecoder, label="string")  # type: ignore[no-untyped-call]
    return ABICodec(registry)


CODEC = _codec()
"""web3's own coding, strict in what it sends; but any bytes are accepted for text."""


# ------------------------------------------------------------------------------------------- without web3
# web3 takes a millisecond or more for each call: too long for whoever makes or asks ten thousands.


def data_of(function: ContractFunction) -> str:
    """The calldata of a call, in hex. web3 knows its function and arguments since it was made; asked for the
    calldata it would look for the function once more, and hash the signatures of the whole contract for it.
    """
    return str(function.selector) + CODEC.encode(get_abi_input_types(function.abi), function.arguments).hex()


def answer_to(function: ContractFunction, answer: bytes) -> Any:
    """What a contract answered to a call, as web3 gives it: one value, or a list of all. Raises eth-abi's
    `DecodingError`.
    """
    types = tuple(get_abi_output_types(function.abi))
    values = [shape(value) for shape, value in zip(_shapes(types), CODEC.decode(types, answer), strict=True)]
    return values[0] if len(values) == 1 else values


@cache
def _shapes(types: tuple[str, ...]) -> list[Callable[[Any], Any]]:
    return [_shape(parse(each)) for each in types]


def _shape(kind: ABIType) -> Callable[[Any], Any]:
    """Makes addresses checksummed, and lists of arrays."""
    if kind.is_array:
        inner = _shape(kind.item_type)
        return lambda values: [inner(value) for value in values]
    if isinstance(kind, TupleType):
        parts = [_shape(part) for part in kind.components]
        return lambda values: tuple(part(value) for part, value in zip(parts, values, strict=True))
    is_address = isinstance(kind, BasicType) and kind.base == "address"
    return to_checksum_address if is_address else lambda value: value


def call_data(contract: str, function: str, *arguments: Any) -> bytes:
    """The calldata of a function of ours."""
    entry = _function(contract, function)
    return call_selector(contract, function) + CODEC.encode(get_abi_input_types(entry), arguments)


def words_call(contract: str, function: str, *words: str | int) -> str:
    """The calldata, in hex, of a function of ours whose arguments are single words: numbers, truth values and
    addresses; a struct of these is its fields.
    """
    return f"0x{call_selector(contract, function).hex()}" + "".join(
        word[2:].lower().rjust(64, "0") if isinstance(word, str) else f"{int(word):064x}" for word in words
    )


def answer_words(answer: bytes) -> list[int]:
    """The words of an answer that has nothing else in it."""
    return [int.from_bytes(answer[start : start + 32]) for start in range(0, len(answer), 32)]


@cache
def call_selector(contract: str, function: str) -> bytes:
    """The first four bytes of the calldata of a function of ours."""
    return bytes(function_abi_to_4byte_selector(_function(contract, function)))


@cache
def _function(contract: str, function: str) -> Any:
    (entry,) = (entry for entry in artifact(contract).abi if entry.get("name") == function)
    return entry
