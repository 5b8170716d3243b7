"""The helpers themselves: a helper that always agrees would make every test that uses it worthless."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import message_types, next_block_at, now, reverts_with, sign, travel_to, types_of


def test_reverts_with_accepts_the_error_and_its_values(token: Any, stranger: Any) -> None:
    with reverts_with("ERC20InsufficientBalance", stranger, 0, 1):
        token.transfer(token.owner(), 1, {"from": stranger})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("ERC20InsufficientAllowance", (0, 1)),
        ("ERC20InsufficientBalance", (0, 2)),
        ("ERC20InsufficientBalance", (0,)),
        ("ERC20InsufficientBalance", ()),
    ],
)
def test_reverts_with_refuses_another_error_or_value(
    token: Any, stranger: Any, name: str, values: tuple[int, ...]
) -> None:
    wrong = pytest.raises(AssertionError, match="Unexpected revert string")
    with wrong, reverts_with(name, stranger, *values):
        token.transfer(token.owner(), 1, {"from": stranger})


def test_reverts_with_refuses_success(token: Any, stranger: Any) -> None:
    wrong = pytest.raises(AssertionError, match="did not revert")
    with wrong, reverts_with("ERC20InsufficientBalance", stranger, 0, 0):
        token.transfer(token.owner(), 0, {"from": stranger})


def test_reverts_with_speaks_bytes(token: Any, brand: Any, customer: Any) -> None:
    with reverts_with("ReferenceUsed", "0x" + "00" * 20, b"\x07" * 32):
        token.mintFor(customer, 1, b"\x07" * 32, {"from": brand})
        token.mintFor(customer, 1, b"\x07" * 32, {"from": brand})


def test_travel_to_moves_what_calls_see(token: Any) -> None:
    then = token.origin() + token.epochLength()
    travel_to(then - 1)
    assert (now(), token.currentEpoch()) == (then - 1, 0)
    travel_to(then)
    assert (now(), token.currentEpoch()) == (then, 1)


def test_next_block_at_dates_the_next_transaction(token: Any, brand: Any, customer: Any) -> None:
    then = now() + 1_000_000
    for moment in (then - 1, then, then + 1):
        next_block_at(moment)
        assert token.mint(customer, 1, {"from": brand}).timestamp == moment


def test_time_comes_back_with_isolation(token: Any) -> None:
    assert now() < token.origin() + 1_000


def test_message_types_are_those_of_the_page() -> None:
    assert set(message_types()) == {
        "Permit", "Send", "Redeem", "CancelNonces", "Voucher", "Claim", "Order", "Cancel", "CancelAll",
        "Deal", "Buy", "Deliver", "Concede", "Settle", "SettleTo", "Revoke", "Acknowledge", "AcknowledgeMany",
        "CancelDeals", "CancelDealSeries", "Request", "CloseRequest", "Attestation", "Content",
        "Statement", "Ticket", "ClaimTicket", "Credential",
        "SetPolicy", "SetWelcome", "CancelInboxNonces", "AnswerMessage",
        "LinkCard", "Adjustment", "AdjustmentPolicy", "AskToConcede", "Receipt", "Disclosure",
    }  # fmt: skip
    assert message_types()["CancelNonces"] == [
        {"type": "address", "name": "holder"},
        {"type": "uint256[]", "name": "nonces"},
    ]
    assert list(types_of("Attestation")) == ["Attestation", "Content"]
    assert types_of("Attestation")["Attestation"][-1] == {"type": "Content", "name": "content"}


def test_sign_makes_65_bytes_that_depend_on_the_domain(token: Any, customer: Any) -> None:
    message = {"holder": customer.address, "nonces": [1]}
    signature = sign(customer, token, "CancelNonces", message)
    assert len(signature) == 65
    assert signature != sign(customer, token, "CancelNonces", message, chainId=5)
