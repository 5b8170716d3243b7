"""sendFor: gives points away by a signature that anyone submits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import MAX_UINT256, next_block_at, nonce, now, reverts_with, sign


@pytest.fixture
def message(held: Any, customer: Any, buyer: Any) -> dict[str, Any]:
    """The customer sends 35 points to the buyer."""
    return {
        "holder": customer.address,
        "to": buyer.address,
        "amount": 35,
        "deadline": MAX_UINT256,
        "nonce": nonce(index=3, lane=7),
    }


def send(token: Any, message: dict[str, Any], signature: bytes, submitter: Any) -> Any:
    return token.sendFor(tuple(message.values()), signature, {"from": submitter})


def test_moves_the_oldest_first(
    message: Any, token: Any, lots: Any, customer: Any, buyer: Any, stranger: Any
) -> None:
    events = send(token, message, sign(customer, token, "Send", message), stranger).events
    assert events["Transfer"] == {"from": customer, "to": buyer, "value": 35}
    assert (lots(customer), lots(buyer)) == ((0, 0, 25, 40), (10, 20, 5, 0))
    assert not token.nonceOpen(customer, message["nonce"])


def test_reverts_when_submitted_again(message: Any, token: Any, customer: Any, stranger: Any) -> None:
    signature = sign(customer, token, "Send", message)
    send(token, message, signature, stranger)
    with reverts_with("NonceUsed", customer, message["nonce"]):
        send(token, message, signature, stranger)


def test_reverts_when_cancelled(message: Any, token: Any, customer: Any, stranger: Any) -> None:
    token.cancelNonces([message["nonce"]], {"from": customer})
    with reverts_with("NonceUsed", customer, message["nonce"]):
        send(token, message, sign(customer, token, "Send", message), stranger)


def test_holds_until_its_deadline(message: Any, token: Any, customer: Any, stranger: Any) -> None:
    deadline = message["deadline"] = now() + 1_000
    for index, moment in enumerate((deadline - 1, deadline)):
        message["nonce"] = index
        next_block_at(moment)
        send(token, message, sign(customer, token, "Send", message), stranger)
    message["nonce"] = 2
    next_block_at(deadline + 1)
    with reverts_with("DeadlinePassed", deadline):
        send(token, message, sign(customer, token, "Send", message), stranger)


@pytest.mark.parametrize("field", ["holder", "to", "amount", "deadline", "nonce"])
def test_reverts_when_a_field_was_changed(
    message: Any, token: Any, customer: Any, stranger: Any, field: str
) -> None:
    signature = sign(customer, token, "Send", message)
    changed = stranger.address if field in ("holder", "to") else message[field] - 1
    message[field] = changed
    with reverts_with("NotSignedByHolder", message["holder"]):
        send(token, message, signature, stranger)


@pytest.mark.parametrize(
    "domain",
    [
        {"chainId": 1},
        {"verifyingContract": "0x" + "11" * 20},
        {"name": "La Panier"},
        {"version": "2"},
    ],
)
def test_reverts_when_signed_for_another_domain(
    message: Any, token: Any, customer: Any, stranger: Any, domain: dict[str, Any]
) -> None:
    signature = sign(customer, token, "Send", message, **domain)
    with reverts_with("NotSignedByHolder", customer):
        send(token, message, signature, stranger)


def test_reverts_when_one_point_is_missing(message: Any, token: Any, customer: Any, stranger: Any) -> None:
    message["amount"] = 101
    with reverts_with("ERC20InsufficientBalance", customer, 100, 101):
        send(token, message, sign(customer, token, "Send", message), stranger)


def test_reverts_when_the_receiver_is_refused(
    message: Any, token: Any, customer: Any, stranger: Any, refused: Any
) -> None:
    message["to"] = getattr(refused, "address", refused)
    with reverts_with("ERC20InvalidReceiver", refused):
        send(token, message, sign(customer, token, "Send", message), stranger)


@pytest.mark.parametrize(("index", "series"), [(224, 0), (2**64 - 1, 0)])
def test_reverts_when_the_nonce_is_out_of_range(
    message: Any, token: Any, customer: Any, stranger: Any, index: int, series: int
) -> None:
    message["nonce"] = nonce(index=index, series=series)
    with reverts_with("NonceIndexTooLarge", message["nonce"]):
        send(token, message, sign(customer, token, "Send", message), stranger)


def test_reverts_when_the_nonce_is_of_another_series(
    message: Any, token: Any, customer: Any, stranger: Any
) -> None:
    message["nonce"] = nonce(series=1)
    with reverts_with("NonceNotCurrent", customer, message["nonce"], 0):
        send(token, message, sign(customer, token, "Send", message), stranger)


def test_contract_wallet_signs(
    message: Any, token: Any, create_wallet: Any, customer: Any, buyer: Any, stranger: Any
) -> None:
    wallet = create_wallet(customer)
    token.transfer(wallet, 50, {"from": customer})
    message["holder"] = wallet.address
    send(token, message, sign(customer, token, "Send", message), stranger)
    assert (token.balanceOf(wallet), token.balanceOf(buyer)) == (15, 35)
    message["nonce"] += 1
    with reverts_with("NotSignedByHolder", wallet):
        send(token, message, sign(buyer, token, "Send", message), stranger)
