"""Attack 29: every function of Brands against every role; Brands has no owner."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import reverts_with

ROLES = ("brand", "issuer", "customer", "stranger", "deployer", "exchange", "newcomer")


@pytest.fixture(autouse=True)
def isolation(module_isolation: None) -> None:
    """Calls alone: nothing to undo between tests."""


@pytest.fixture(scope="module")
def newcomer(create_account: Any) -> Any:
    """Has asked for the brand."""
    return create_account("newcomer")


@pytest.fixture(scope="module")
def launched(brands: Any, parameters: Any, stranger: Any, newcomer: Any) -> Any:
    words = tuple(parameters.values())
    brands.launch(words, {"from": stranger})
    token = brownie.LoyaltyToken.at(brands.addressOf(stranger, words))
    token.requestOwnershipHandover({"from": newcomer})
    return token


@pytest.mark.parametrize("role", ROLES)
def test_only_the_brand_claims(brands: Any, launched: Any, role: str, request: pytest.FixtureRequest) -> None:
    account = request.getfixturevalue(role)
    if role == "brand":
        brands.claimDomain.call(launched, "x.example", {"from": account.address})
        return
    with reverts_with("NotTheBrand", launched, account):
        brands.claimDomain.call(launched, "x.example", {"from": account.address})


@pytest.mark.parametrize("role", ROLES)
def test_anyone_launches(brands: Any, parameters: Any, role: str, request: pytest.FixtureRequest) -> None:
    account = request.getfixturevalue(role)
    words = tuple((parameters | {"name": "BioBox"}).values())
    assert brands.launch.call(words, {"from": account.address}) == brands.addressOf(account, words)


def test_the_matrix_is_whole() -> None:
    functions = {
        entry["name"]
        for entry in brownie.Brands.abi
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }
    assert functions == {"launch", "claimDomain"}
