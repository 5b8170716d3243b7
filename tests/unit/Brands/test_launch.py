"""launch: a token at an address that depends on who launches it and on each parameter.

What must fail is called, not sent: brownie would trace it on Ganache, and a birth is too long for that.
"""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import DAY, ZERO_ADDRESS, reverts_with


def test_launches_a_token(brands: Any, parameters: Any, exchange: Any, brand: Any, stranger: Any) -> None:
    words = tuple(parameters.values())
    foretold = brands.addressOf(stranger, words)
    assert not brands.isToken(foretold)
    transaction = brands.launch(words, {"from": stranger})
    event = transaction.events["Launched"]
    assert (event["token"], event["owner"], event["launcher"]) == (foretold, brand, stranger)
    assert tuple(event["launch"]) == words
    token = brownie.LoyaltyToken.at(foretold)
    assert brands.isToken(token)
    assert (token.name(), token.symbol(), token.decimals()) == ("Le Panier", "PANIER", 2)
    assert (token.epochLength(), token.origin()) == (30 * DAY, parameters["origin"])
    assert (token.exchange(), token.owner()) == (exchange, brand)
    assert brands.domainOf(token) == ""
    assert "DomainClaimed" not in transaction.events


def test_a_brand_that_launches_itself_claims_its_domain(brands: Any, parameters: Any, brand: Any) -> None:
    words = tuple((parameters | {"domain": "panier.example"}).values())
    token = brands.addressOf(brand, words)
    events = brands.launch(words, {"from": brand}).events
    assert events["DomainClaimed"] == {"token": token, "domain": "panier.example"}
    assert brands.domainOf(token) == "panier.example"


def test_reverts_when_somebody_else_claims_a_domain_for_the_brand(
    brands: Any, parameters: Any, stranger: Any
) -> None:
    words = tuple((parameters | {"domain": "panier.example"}).values())
    token = brands.addressOf(stranger, words)
    with reverts_with("NotTheBrand", token, stranger):
        brands.launch.call(words, {"from": stranger})
    assert not brands.isToken(token)


def test_launched_code_is_the_tokens(brands: Any, parameters: Any, create_token: Any, stranger: Any) -> None:
    words = tuple(parameters.values())
    brands.launch(words, {"from": stranger})
    launched = bytes(brownie.web3.eth.get_code(brands.addressOf(stranger, words)))
    deployed = bytes(brownie.web3.eth.get_code(create_token(decimals=2).address))
    # Immutables differ: the token's own address and hashes of its domain.
    assert len(launched) == len(deployed) <= 23_500


def test_reverts_when_launched_before(brands: Any, parameters: Any, stranger: Any) -> None:
    words = tuple(parameters.values())
    brands.launch(words, {"from": stranger})
    with reverts_with("AlreadyLaunched", brands.addressOf(stranger, words)):
        brands.launch.call(words, {"from": stranger})


def test_somebody_faster_cannot_take_the_address(
    brands: Any, parameters: Any, stranger: Any, buyer: Any
) -> None:
    words = tuple(parameters.values())
    foretold = brands.addressOf(stranger, words)
    brands.launch(words, {"from": buyer})
    assert not brands.isToken(foretold)
    brands.launch(words, {"from": stranger})
    assert brands.isToken(foretold)


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("owner", ZERO_ADDRESS, "BadOwner"),
        ("name", "", "BadName"),
        ("symbol", "SEVENTEEN LETTERS", "BadSymbol"),
        ("decimals", 7, "BadDecimals"),
        ("epochLength", DAY - 1, "BadEpochLength"),
        ("origin", 2**40, "BadOrigin"),
    ],
)
def test_reverts_when_a_parameter_is_wrong(
    brands: Any, parameters: Any, stranger: Any, field: str, value: Any, error: str
) -> None:
    words = tuple((parameters | {field: value}).values())
    with reverts_with(error, value):
        brands.launch.call(words, {"from": stranger})
    assert not brands.isToken(brands.addressOf(stranger, words))


def test_reverts_when_the_domain_is_too_long(brands: Any, parameters: Any, brand: Any) -> None:
    words = tuple((parameters | {"domain": "x" * 254}).values())
    with reverts_with("BadDomain", "x" * 254):
        brands.launch.call(words, {"from": brand})
    assert not brands.isToken(brands.addressOf(brand, words))
