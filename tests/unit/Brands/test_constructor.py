"""The birth of Brands: an exchange with code, and the code of tokens."""

from __future__ import annotations

from typing import Any

import brownie
from brownie import web3
from brownie.exceptions import VirtualMachineError

from tests.helpers import ZERO_ADDRESS, reverts_with


def try_deploy(exchange: str, code: bytes | str) -> None:
    """Deploy Brands in a call: Ganache cannot trace what fails after so much code."""
    try:
        web3.eth.call({"data": brownie.Brands.deploy.encode_input(exchange, code)})
    except ValueError as error:
        raise VirtualMachineError(error) from None


def test_stores_exchange_and_code(brands: Any, exchange: Any) -> None:
    assert brands.exchange() == exchange
    stored = bytes(brownie.web3.eth.get_code(brands.tokenCode()))
    # Behind one byte that makes it uncallable.
    assert stored == b"\0" + bytes.fromhex(brownie.LoyaltyToken.bytecode)
    assert len(brownie.web3.eth.get_code(brands.address)) <= 23_500


def test_reverts_when_the_exchange_has_no_code(stranger: Any) -> None:
    for account in (stranger.address, ZERO_ADDRESS):
        with reverts_with("NoExchange", account):
            try_deploy(account, brownie.LoyaltyToken.bytecode)


def test_reverts_without_code_of_tokens(exchange: Any) -> None:
    with reverts_with("NoTokenCode"):
        try_deploy(exchange.address, b"")
