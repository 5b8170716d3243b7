"""claimDomain: the brand of a token names its domain."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import reverts_with


@pytest.fixture(scope="module")
def launched(brands: Any, parameters: Any, stranger: Any) -> Any:
    """A token that a stranger launched for the brand."""
    words = tuple(parameters.values())
    brands.launch(words, {"from": stranger})
    return brownie.LoyaltyToken.at(brands.addressOf(stranger, words))


@pytest.mark.parametrize("domain", ["lepanier.example", ""])
def test_sets_the_domain(brands: Any, launched: Any, brand: Any, domain: str) -> None:
    events = brands.claimDomain(launched, domain, {"from": brand}).events
    assert events["DomainClaimed"] == {"token": launched, "domain": domain}
    assert brands.domainOf(launched) == domain


@pytest.mark.parametrize("role", ["stranger", "customer", "issuer", "deployer"])
def test_reverts_when_somebody_else_claims(
    brands: Any, launched: Any, role: str, request: pytest.FixtureRequest
) -> None:
    account = request.getfixturevalue(role)
    with reverts_with("NotTheBrand", launched, account):
        brands.claimDomain(launched, "x.example", {"from": account})


def test_reverts_when_the_domain_is_too_long(brands: Any, launched: Any, brand: Any) -> None:
    with reverts_with("BadDomain", "x" * 254):
        brands.claimDomain(launched, "x" * 254, {"from": brand})
    brands.claimDomain(launched, "x" * 253, {"from": brand})


def test_belongs_to_the_owner_of_now(brands: Any, launched: Any, brand: Any, buyer: Any) -> None:
    launched.requestOwnershipHandover({"from": buyer})
    with reverts_with("NotTheBrand", launched, buyer):
        brands.claimDomain(launched, "x.example", {"from": buyer})
    launched.completeOwnershipHandover(buyer, {"from": brand})
    brands.claimDomain(launched, "x.example", {"from": buyer})
    with reverts_with("NotTheBrand", launched, brand):
        brands.claimDomain(launched, "y.example", {"from": brand})


def test_reverts_when_not_launched_here(brands: Any, token: Any, brand: Any) -> None:
    assert not brands.isToken(token)
    with reverts_with("UnknownToken", token):
        brands.claimDomain(token, "x.example", {"from": brand})
