"""The market's birth, and what it never has."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import ZERO_ADDRESS, reverts_with


@pytest.mark.parametrize("nobody", [ZERO_ADDRESS, "0x" + "12" * 20])
def test_reverts_without_attestors(deployer: Any, nobody: str) -> None:
    with reverts_with("NoAttestors", nobody):
        brownie.DataMarket.deploy(nobody, {"from": deployer})


def test_keeps_where_attestors_revoke(market: Any, attestors: Any) -> None:
    assert market.attestors() == attestors


def test_accepts_no_ether(market: Any, stranger: Any) -> None:
    with pytest.raises(Exception, match="revert"):
        stranger.transfer(market, 1)


def test_no_function_is_payable(market: Any) -> None:
    kinds = {entry["stateMutability"] for entry in market.abi if entry["type"] == "function"}
    assert kinds == {"nonpayable", "view", "pure"}
