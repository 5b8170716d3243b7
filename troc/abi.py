"""How what a contract answers becomes values of Python."""

from __future__ import annotations

from eth_abi.codec import ABICodec
from eth_abi.decoding import StringDecoder
from eth_abi.registry import BaseEquals
from web3._utils.abi import build_strict_registry


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
