"""approveFor: permit with a signature of any form, for contract wallets too."""

from __future__ import annotations

from typing import Any

import brownie
import pytest

from tests.helpers import MAX_UINT256, next_block_at, now, reverts_with, sign


def permit_of(
    holder: Any, spender: Any, value: int, nonce: int = 0, deadline: int = MAX_UINT256
) -> dict[str, Any]:
    return {
        "owner": holder.address,
        "spender": spender.address,
        "value": value,
        "nonce": nonce,
        "deadline": deadline,
    }


def submit(token: Any, message: dict[str, Any], signature: bytes, submitter: Any) -> Any:
    words = (message["owner"], message["spender"], message["value"], message["deadline"])
    return token.approveFor(*words, signature, {"from": submitter})


def test_sets_the_allowance(token: Any, customer: Any, buyer: Any, stranger: Any) -> None:
    message = permit_of(customer, buyer, 7)
    events = submit(token, message, sign(customer, token, "Permit", message), stranger).events
    assert events["Approval"] == {"owner": customer, "spender": buyer, "value": 7}
    assert (token.allowance(customer, buyer), token.nonces(customer)) == (7, 1)


def test_reverts_when_submitted_again(token: Any, customer: Any, buyer: Any, stranger: Any) -> None:
    message = permit_of(customer, buyer, 7)
    signature = sign(customer, token, "Permit", message)
    submit(token, message, signature, stranger)
    with reverts_with("NotSignedByHolder", customer):
        submit(token, message, signature, stranger)


@pytest.mark.parametrize("owners", [1, 3])
def test_a_wallet_of_several_owners_switches_the_exchange_off(
    token: Any, exchange: Any, create_account: Any, deployer: Any, stranger: Any, owners: int
) -> None:
    people = sorted(
        (create_account(f"owner {i}") for i in range(owners)), key=lambda one: int(one.address, 16)
    )
    wallet = brownie.WalletMock.deploy(people, owners, {"from": deployer})
    message = permit_of(wallet, exchange, 0)
    signatures = [sign(person, token, "Permit", message) for person in people]
    if owners > 1:
        with reverts_with("NotSignedByHolder", wallet):
            submit(token, message, b"".join(signatures[1:]), stranger)
    submit(token, message, b"".join(signatures), stranger)
    assert token.allowance(wallet, exchange) == 0


def test_holds_until_its_deadline(token: Any, customer: Any, buyer: Any, stranger: Any) -> None:
    deadline = now() + 1_000
    message = permit_of(customer, buyer, 7, deadline=deadline)
    next_block_at(deadline)
    submit(token, message, sign(customer, token, "Permit", message), stranger)
    message = permit_of(customer, buyer, 8, nonce=1, deadline=deadline)
    next_block_at(deadline + 1)
    with reverts_with("DeadlinePassed", deadline):
        submit(token, message, sign(customer, token, "Permit", message), stranger)
