"""The birth of a token, and what it says of itself."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import DAY, ZERO_ADDRESS, now, reverts_with, travel_to


def test_stores_its_parameters(create_token: Any, exchange: Any, brand: Any) -> None:
    token = create_token("BioBox", "BIO", decimals=6, epoch_length=DAY, origin=now() - 10 * DAY)
    assert (token.name(), token.symbol(), token.decimals()) == ("BioBox", "BIO", 6)
    assert (token.epochLength(), token.validityDuration(), token.epochType()) == (DAY, 4, 1)
    assert (token.exchange(), token.owner(), token.totalSupply()) == (exchange, brand, 0)
    assert token.currentEpoch() == 10
    assert token.origin() == token.expiryOf(0) - 4 * DAY


def test_length_0_is_for_ever(create_token: Any, brand: Any, customer: Any) -> None:
    token = create_token(epoch_length=0)
    assert token.epochLength() == 2**62
    token.mint(customer, 10, {"from": brand})
    travel_to(now() + 1_000 * 365 * DAY)
    assert token.balanceOf(customer) == 10
    assert token.expiryOf(0) == token.origin() + 2**64


@pytest.mark.parametrize(
    ("changes", "error", "value"),
    [
        ({"name": ""}, "BadName", ""),
        ({"name": "x" * 65}, "BadName", "x" * 65),
        ({"symbol": ""}, "BadSymbol", ""),
        ({"symbol": "x" * 17}, "BadSymbol", "x" * 17),
        ({"decimals": 7}, "BadDecimals", 7),
        ({"epoch_length": DAY - 1}, "BadEpochLength", DAY - 1),
        ({"epoch_length": 2**62 + 1}, "BadEpochLength", 2**62 + 1),
        ({"origin": 2**40}, "BadOrigin", 2**40),
        ({"owner": ZERO_ADDRESS}, "BadOwner", ZERO_ADDRESS),
        ({"exchange": ZERO_ADDRESS}, "BadExchangeAddress", ZERO_ADDRESS),
    ],
)
def test_reverts_when_a_parameter_is_wrong(
    create_token: Any, changes: dict[str, Any], error: str, value: Any
) -> None:
    with reverts_with(error, value):
        create_token(**changes)


def test_supports_its_interfaces(token: Any) -> None:
    selectors = [bytes.fromhex(one[2:]) for one in brownie.interface.IERC7818.selectors]
    words = [int.from_bytes(one, "big") for one in selectors]
    combined = 0
    for word in words:
        combined ^= word
    for identity in ("0x01ffc9a7", "0x36372b07", "0x" + combined.to_bytes(4, "big").hex()):
        assert token.supportsInterface(identity)
    assert not token.supportsInterface("0xffffffff")
    assert not token.supportsInterface("0x12345678")


def test_tells_its_domain(token: Any) -> None:
    fields, name, version, chain_id, verifier, _, _ = token.eip712Domain()
    assert (bytes(fields), name, version) == (b"\x0f", "Le Panier", "1")
    assert (chain_id, verifier) == (brownie.web3.eth.chain_id, token)


def test_is_smaller_than_a_contract_may_be(token: Any) -> None:
    assert len(brownie.web3.eth.get_code(token.address)) <= 23_500
