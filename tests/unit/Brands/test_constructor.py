"""The birth of Brands: an exchange with code, and the code of tokens."""

from __future__ import annotations

from typing import Any

import brownie

from tests.helpers import ZERO_ADDRESS, reverts_with


def test_stores_exchange_and_code(brands: Any, exchange: Any) -> None:
    assert brands.exchange() == exchange
    stored = bytes(brownie.web3.eth.get_code(brands.tokenCode()))
    # Behind one byte that makes it uncallable.
    assert stored == b"\0" + bytes.fromhex(brownie.LoyaltyToken.bytecode)
    assert len(brownie.web3.eth.get_code(brands.address)) <= 23_500


def test_reverts_when_the_exchange_has_no_code(deployer: Any, stranger: Any) -> None:
    for account in (stranger.address, ZERO_ADDRESS):
        with reverts_with("NoExchange", account):
            brownie.Brands.deploy(account, brownie.LoyaltyToken.bytecode, {"from": deployer})


def test_reverts_without_code_of_tokens(deployer: Any, exchange: Any) -> None:
    with reverts_with("NoTokenCode"):
        brownie.Brands.deploy(exchange, b"", {"from": deployer})
