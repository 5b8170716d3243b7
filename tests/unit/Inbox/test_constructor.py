"""The inbox's birth, and what it never has."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import ZERO_ADDRESS, reverts_with


@pytest.mark.parametrize("nobody", [ZERO_ADDRESS, "0x" + "12" * 20])
def test_reverts_without_a_token(deployer: Any, nobody: str) -> None:
    with reverts_with("NoPaymentToken", nobody):
        brownie.Inbox.deploy(nobody, {"from": deployer})


def test_reverts_with_points(deployer: Any, token: Any) -> None:
    with reverts_with("PaymentTokenExpires", token):
        brownie.Inbox.deploy(token, {"from": deployer})


def test_keeps_what_deposits_are_paid_in(inbox: Any, cash: Any) -> None:
    assert inbox.token() == cash


def test_tells_its_domain(inbox: Any) -> None:
    assert inbox.eip712Domain()[1:5] == ("Troc Inbox", "1", brownie.web3.chain_id, inbox.address)


def test_accepts_no_ether(inbox: Any, stranger: Any) -> None:
    with pytest.raises(Exception, match="revert"):
        stranger.transfer(inbox, 1)


def test_no_function_is_payable(inbox: Any) -> None:
    kinds = {entry["stateMutability"] for entry in inbox.abi if entry["type"] == "function"}
    assert kinds == {"nonpayable", "view", "pure"}
