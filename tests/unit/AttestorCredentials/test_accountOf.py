"""The attestor's word: which account a pseudonym is paid to, in one campaign, until it expires."""

from __future__ import annotations

from typing import Any

import brownie
import pytest
from brownie import web3
from eth_abi.abi import encode

from tests.helpers import MAX_UINT256, ZERO_ADDRESS, compact, now, reverts_with, sign, travel_to, upper_half
from tests.orders import digest

CAMPAIGN, PERSON = b"\x0c" * 32, b"\x0a" * 32


@pytest.fixture(scope="module")
def attestor(create_account: Any) -> Any:
    return create_account("attestor")


@pytest.fixture(scope="module")
def credentials(deployer: Any, attestor: Any) -> Any:
    return brownie.AttestorCredentials.deploy(attestor, {"from": deployer})


def message(attestor: Any, account: Any, expiry: int = MAX_UINT256, **fields: Any) -> dict[str, Any]:
    to = getattr(account, "address", account)
    usual = {"attestor": attestor.address, "campaign": CAMPAIGN, "pseudonym": PERSON}
    return usual | {"account": to, "expiry": expiry} | fields


def credential(stated: dict[str, Any], signature: bytes) -> bytes:
    return encode(["address", "uint256"], [stated["account"], stated["expiry"]]) + signature


def test_names_the_account(credentials: Any, attestor: Any, customer: Any) -> None:
    stated = message(attestor, customer)
    signature = sign(attestor, credentials, "Credential", stated)
    for form in (signature, compact(signature)):
        assert credentials.accountOf(CAMPAIGN, PERSON, credential(stated, form)) == customer


@pytest.mark.parametrize("field", ["campaign", "pseudonym", "account", "expiry"])
def test_every_field_is_signed(
    credentials: Any, attestor: Any, customer: Any, stranger: Any, field: str
) -> None:
    other = {"campaign": bytes(32), "pseudonym": bytes(32), "account": stranger.address, "expiry": 2**40}
    stated = message(attestor, customer)
    signature = sign(attestor, credentials, "Credential", stated | {field: other[field]})
    with reverts_with("CredentialNotSigned", attestor, digest(credentials, "Credential", stated)):
        credentials.accountOf(CAMPAIGN, PERSON, credential(stated, signature))


@pytest.mark.parametrize("domain", [{"chainId": 1}, {"version": "2"}, {"name": "Troc Attention"}])
def test_serves_one_chain(credentials: Any, attestor: Any, customer: Any, domain: dict[str, Any]) -> None:
    stated = message(attestor, customer)
    signature = sign(attestor, credentials, "Credential", stated, **domain)
    with reverts_with("CredentialNotSigned", attestor, digest(credentials, "Credential", stated)):
        credentials.accountOf(CAMPAIGN, PERSON, credential(stated, signature))


def test_serves_one_deployment(credentials: Any, deployer: Any, attestor: Any, customer: Any) -> None:
    twin = brownie.AttestorCredentials.deploy(attestor, {"from": deployer})
    stated = message(attestor, customer)
    signature = sign(attestor, twin, "Credential", stated)
    with reverts_with("CredentialNotSigned", attestor, digest(credentials, "Credential", stated)):
        credentials.accountOf(CAMPAIGN, PERSON, credential(stated, signature))


def test_nobody_else_signs(credentials: Any, attestor: Any, customer: Any, stranger: Any) -> None:
    """Nor does he by naming himself; nor in another form of the signature."""
    stated = message(attestor, customer)
    good = sign(attestor, credentials, "Credential", stated)
    wrong = [sign(who, credentials, "Credential", stated) for who in (customer, stranger)]
    wrong.append(sign(stranger, credentials, "Credential", message(stranger, customer)))
    for signature in [*wrong, b"", bytes(65), upper_half(good), good[:63], good + b"\0"]:
        with reverts_with("CredentialNotSigned", attestor, digest(credentials, "Credential", stated)):
            credentials.accountOf(CAMPAIGN, PERSON, credential(stated, signature))


def test_until_it_expires(credentials: Any, attestor: Any, customer: Any) -> None:
    expiry = now() + 1_000
    stated = message(attestor, customer, expiry)
    whole = credential(stated, sign(attestor, credentials, "Credential", stated))
    travel_to(expiry)
    assert credentials.accountOf(CAMPAIGN, PERSON, whole) == customer
    travel_to(expiry + 1)
    with reverts_with("CredentialExpired", expiry):
        credentials.accountOf(CAMPAIGN, PERSON, whole)


def test_is_for_somebody(credentials: Any, attestor: Any) -> None:
    stated = message(attestor, ZERO_ADDRESS)
    whole = credential(stated, sign(attestor, credentials, "Credential", stated))
    with reverts_with("CredentialOfNobody", CAMPAIGN, PERSON):
        credentials.accountOf(CAMPAIGN, PERSON, whole)


@pytest.mark.parametrize("length", [0, 1, 63])
def test_has_its_two_words(credentials: Any, length: int) -> None:
    with reverts_with("CredentialTooShort", length):
        credentials.accountOf(CAMPAIGN, PERSON, b"\1" * length)


def test_an_account_is_an_address(credentials: Any) -> None:
    with pytest.raises(Exception, match="revert"):
        credentials.accountOf(CAMPAIGN, PERSON, b"\1" * 64)


def test_an_attestor_that_is_a_wallet(
    deployer: Any, attestor: Any, customer: Any, stranger: Any, create_wallet: Any
) -> None:
    wallet = create_wallet(attestor)
    credentials = brownie.AttestorCredentials.deploy(wallet, {"from": deployer})
    stated = message(wallet, customer)
    whole = credential(stated, sign(attestor, credentials, "Credential", stated))
    assert credentials.accountOf(CAMPAIGN, PERSON, whole) == customer
    forged = credential(stated, sign(stranger, credentials, "Credential", stated))
    with reverts_with("CredentialNotSigned", wallet, digest(credentials, "Credential", stated)):
        credentials.accountOf(CAMPAIGN, PERSON, forged)


# ------------------------------------------------------------------------------------------------------ birth


def test_needs_an_attestor(deployer: Any) -> None:
    with reverts_with("NoAttestor"):
        brownie.AttestorCredentials.deploy(ZERO_ADDRESS, {"from": deployer})


def test_tells_attestor_and_domain(credentials: Any, attestor: Any) -> None:
    assert credentials.attestor() == attestor
    assert credentials.eip712Domain()[1:5] == (
        "Troc Credentials",
        "1",
        web3.chain_id,
        credentials.address,
    )


def test_changes_nothing(credentials: Any) -> None:
    """Nobody runs it: there are only views."""
    assert {entry["stateMutability"] for entry in credentials.abi if entry["type"] == "function"} == {"view"}
