"""claim: a signed issue, paid once, to a customer or to whom a one-time key names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brownie
import pytest

from tests.helpers import (
    DAY,
    LANE,
    ZERO_ADDRESS,
    batch,
    compact,
    next_block_at,
    nonce,
    now,
    reverts_with,
    sign,
    upper_half,
)
from tests.orders import digest

RECEIPT = "0x" + "ab" * 32
NO_RECEIPT = "0x" + "00" * 32


@pytest.fixture(autouse=True)
def grant(granted: Any) -> None:
    """The issuer's grant 1 has 100 points."""


# ---------------------------------------------------------------------------------------------- to a customer


def test_pays_out_of_the_grant(
    make_voucher: Any, sign_voucher: Any, token: Any, totals: Any, issuer: Any, customer: Any, stranger: Any
) -> None:
    voucher = make_voucher(receiptId=RECEIPT)
    events = token.claim(sign_voucher(voucher), {"from": stranger}).events
    assert events["VoucherClaimed"] == {
        "issuer": issuer,
        "nonce": 5,
        "receiptId": RECEIPT,
        "to": customer,
        "amount": 40,
    }
    assert events["Transfer"] == {"from": ZERO_ADDRESS, "to": customer, "value": 40}
    assert token.grantOf(issuer, 1)[0] == 60
    assert (token.balanceOf(customer), totals()) == (40, (40, 40, 0, 0))
    assert token.referenceUsed(issuer, RECEIPT)


def test_pays_into_the_lot_of_the_day_it_is_submitted(
    make_voucher: Any, sign_voucher: Any, token: Any, lots: Any, enter: Any, customer: Any, stranger: Any
) -> None:
    signed = sign_voucher(make_voucher())
    enter(2)
    token.claim(signed, {"from": stranger})
    assert lots(customer) == (0, 0, 0, 40)
    assert token.balanceOfAtEpoch(2, customer) == 40


def test_reverts_when_submitted_again(
    make_voucher: Any, sign_voucher: Any, token: Any, issuer: Any, customer: Any, stranger: Any
) -> None:
    signed = sign_voucher(make_voucher())
    token.claim(signed, {"from": customer})
    for submitter in (customer, stranger):
        with reverts_with("NonceUsed", issuer, 5):
            token.claim(signed, {"from": submitter})
    assert token.balanceOf(customer) == 40


def test_reverts_after_the_issuer_cancelled(
    make_voucher: Any, sign_voucher: Any, token: Any, issuer: Any, customer: Any, stranger: Any
) -> None:
    """By its own transaction, or by a message that somebody else submits."""
    token.cancelNonces([5], {"from": issuer})
    cancel = {"holder": issuer.address, "nonces": [6]}
    token.cancelNoncesFor(issuer, [6], sign(issuer, token, "CancelNonces", cancel), {"from": stranger})
    for index in (5, 6):
        with reverts_with("NonceUsed", issuer, index):
            token.claim(sign_voucher(make_voucher(nonce=index)), {"from": customer})


def test_shares_its_nonces_with_the_other_messages_of_the_issuer(
    make_voucher: Any, sign_voucher: Any, token: Any, brand: Any, issuer: Any, customer: Any
) -> None:
    token.mint(issuer, 10, {"from": brand})
    send = {
        "holder": issuer.address,
        "to": customer.address,
        "amount": 10,
        "deadline": now() + DAY,
        "nonce": 5,
    }
    token.sendFor(tuple(send.values()), sign(issuer, token, "Send", send), {"from": customer})
    with reverts_with("NonceUsed", issuer, 5):
        token.claim(sign_voucher(make_voucher()), {"from": customer})


@pytest.mark.parametrize("number", [nonce(index=224), nonce(index=2**64 - 1, lane=3)])
def test_reverts_when_the_nonce_is_out_of_range(
    make_voucher: Any, sign_voucher: Any, token: Any, customer: Any, number: int
) -> None:
    with reverts_with("NonceIndexTooLarge", number):
        token.claim(sign_voucher(make_voucher(nonce=number)), {"from": customer})


def test_reverts_when_the_nonce_is_of_another_series(
    make_voucher: Any, sign_voucher: Any, token: Any, issuer: Any, customer: Any
) -> None:
    number = nonce(index=5, series=1)
    with reverts_with("NonceNotCurrent", issuer, number, 0):
        token.claim(sign_voucher(make_voucher(nonce=number)), {"from": customer})


def test_holds_until_its_deadline(make_voucher: Any, sign_voucher: Any, token: Any, customer: Any) -> None:
    deadline = now() + 1_000
    vouchers = [sign_voucher(make_voucher(amount=10, nonce=index, deadline=deadline)) for index in range(3)]
    for signed, moment in zip(vouchers, (deadline - 1, deadline), strict=False):
        next_block_at(moment)
        token.claim(signed, {"from": customer})
    next_block_at(deadline + 1)
    with reverts_with("DeadlinePassed", deadline):
        token.claim(vouchers[2], {"from": customer})
    assert token.balanceOf(customer) == 20


# ------------------------------------------------------------------------------------------------- signature


@pytest.mark.parametrize(
    "field", ["grantId", "recipient", "isKey", "amount", "receiptId", "deadline", "nonce"]
)
def test_reverts_when_a_field_was_changed(
    make_voucher: Any, sign_voucher: Any, token: Any, issuer: Any, stranger: Any, field: str
) -> None:
    voucher = make_voucher()
    _, signature, to, claimed = sign_voucher(voucher)
    others = {"recipient": stranger.address, "isKey": True, "receiptId": RECEIPT}
    voucher[field] = others.get(field) or voucher[field] - 1
    with reverts_with("NotSignedByIssuer", issuer):
        token.claim((tuple(voucher.values()), signature, to, claimed), {"from": stranger})


def test_reverts_when_it_names_another_issuer(
    make_voucher: Any, sign_voucher: Any, token: Any, brand: Any, stranger: Any
) -> None:
    token.setGrant(stranger, 1, 100, 0, 0, {"from": brand})
    with reverts_with("NotSignedByIssuer", stranger):
        token.claim(sign_voucher(make_voucher(issuer=stranger)), {"from": stranger})


@pytest.mark.parametrize("signer", ["brand", "customer"])
def test_reverts_when_somebody_else_signed(
    make_voucher: Any, sign_voucher: Any, token: Any, issuer: Any, signer: str, request: Any
) -> None:
    signed = sign_voucher(make_voucher(), signer=request.getfixturevalue(signer))
    with reverts_with("NotSignedByIssuer", issuer):
        token.claim(signed, {"from": issuer})


def test_nobody_signs_for_the_zero_address(make_voucher: Any, token: Any, brand: Any, stranger: Any) -> None:
    """What `ecrecover` answers to nonsense is nobody's signature, even if the brand made it an issuer."""
    token.setGrant(ZERO_ADDRESS, 1, 100, 0, 0, {"from": brand})
    voucher = tuple(make_voucher(issuer=ZERO_ADDRESS).values())
    for signature in (b"", bytes(64), bytes(65), bytes(32) + b"\x01" * 32 + b"\x1b"):
        with reverts_with("NotSignedByIssuer", ZERO_ADDRESS):
            token.claim((voucher, signature, ZERO_ADDRESS, b""), {"from": stranger})


def test_reverts_on_another_chain_and_for_another_token(
    make_voucher: Any, create_token: Any, token: Any, brand: Any, issuer: Any, customer: Any
) -> None:
    voucher = make_voucher()
    twin = create_token()
    twin.setGrant(issuer, 1, 100, 0, 0, {"from": brand})
    for other in ({"chainId": 1}, {"verifyingContract": twin.address}, {"name": "Other"}, {"version": "2"}):
        signature = sign(issuer, token, "Voucher", voucher, **other)
        with reverts_with("NotSignedByIssuer", issuer):
            token.claim((tuple(voucher.values()), signature, ZERO_ADDRESS, b""), {"from": customer})
    # The one for the twin is good there.
    signature = sign(issuer, twin, "Voucher", voucher)
    twin.claim((tuple(voucher.values()), signature, ZERO_ADDRESS, b""), {"from": customer})
    assert twin.balanceOf(customer) == 40


def test_reverts_when_s_lies_in_the_upper_half(
    make_voucher: Any, sign_voucher: Any, token: Any, issuer: Any, customer: Any
) -> None:
    voucher, signature, to, claimed = sign_voucher(make_voucher())
    with reverts_with("NotSignedByIssuer", issuer):
        token.claim((voucher, upper_half(signature), to, claimed), {"from": customer})
    token.claim((voucher, compact(signature), to, claimed), {"from": customer})
    assert token.balanceOf(customer) == 40


def test_a_wallet_issues_by_erc_1271(
    make_voucher: Any,
    sign_voucher: Any,
    create_wallet: Callable[[Any], Any],
    token: Any,
    brand: Any,
    issuer: Any,
    customer: Any,
) -> None:
    wallet = create_wallet(issuer)
    token.setGrant(wallet, 1, 40, 0, 0, {"from": brand})
    voucher = make_voucher(issuer=wallet)
    with reverts_with("NotSignedByIssuer", wallet):
        token.claim(sign_voucher(voucher, signer=customer), {"from": customer})
    token.claim(sign_voucher(voucher), {"from": customer})
    assert (token.balanceOf(customer), token.grantOf(wallet, 1)[0]) == (40, 0)


# ----------------------------------------------------------------------------------------------- one-time key


def test_pays_whom_the_key_names(
    make_voucher: Any, sign_voucher: Any, one_time_key: Any, token: Any, buyer: Any, stranger: Any
) -> None:
    voucher = make_voucher(recipient=one_time_key, isKey=True)
    signed = sign_voucher(voucher, key=one_time_key, to=buyer)
    events = token.claim(signed, {"from": stranger}).events
    assert events["VoucherClaimed"]["to"] == buyer
    assert (token.balanceOf(buyer), token.balanceOf(one_time_key.address)) == (40, 0)


def test_reverts_when_the_recipient_was_swapped_on_the_way(
    make_voucher: Any, sign_voucher: Any, one_time_key: Any, token: Any, buyer: Any, stranger: Any
) -> None:
    voucher = make_voucher(recipient=one_time_key, isKey=True)
    words, signature, _, claimed = sign_voucher(voucher, key=one_time_key, to=buyer)
    with reverts_with("NotSignedByKey", one_time_key.address):
        token.claim((words, signature, stranger.address, claimed), {"from": stranger})
    token.claim((words, signature, buyer.address, claimed), {"from": stranger})
    assert (token.balanceOf(buyer), token.balanceOf(stranger)) == (40, 0)


@pytest.mark.parametrize("claimed", [b"", bytes(65)])
def test_reverts_without_the_key(
    make_voucher: Any, sign_voucher: Any, one_time_key: Any, token: Any, stranger: Any, claimed: bytes
) -> None:
    voucher, signature, *_ = sign_voucher(make_voucher(recipient=one_time_key, isKey=True))
    with reverts_with("NotSignedByKey", one_time_key.address):
        token.claim((voucher, signature, stranger.address, claimed), {"from": stranger})


def test_reverts_when_another_key_named_the_recipient(
    make_voucher: Any, sign_voucher: Any, one_time_key: Any, token: Any, stranger: Any
) -> None:
    """Nor does the issuer name one."""
    voucher = make_voucher(recipient=one_time_key, isKey=True)
    words, signature, to, _ = sign_voucher(voucher, to=stranger)
    claim = {"key": one_time_key.address, "to": to, "voucher": digest(token, "Voucher", voucher)}
    with reverts_with("NotSignedByKey", one_time_key.address):
        token.claim((words, signature, to, sign(stranger, token, "Claim", claim)), {"from": stranger})


def test_a_claim_is_for_one_voucher_alone(
    make_voucher: Any, sign_voucher: Any, one_time_key: Any, token: Any, stranger: Any
) -> None:
    first = make_voucher(recipient=one_time_key, isKey=True)
    second = make_voucher(recipient=one_time_key, isKey=True, nonce=6)
    *_, claimed = sign_voucher(first, key=one_time_key, to=stranger)
    words, signature, to, _ = sign_voucher(second, key=one_time_key, to=stranger)
    with reverts_with("NotSignedByKey", one_time_key.address):
        token.claim((words, signature, to, claimed), {"from": stranger})


def test_a_claim_is_for_this_chain_token_and_half_of_the_curve(
    make_voucher: Any, sign_voucher: Any, one_time_key: Any, token: Any, customer: Any, exchange: Any
) -> None:
    voucher = make_voucher(recipient=one_time_key, isKey=True)
    words, signature, to, claimed = sign_voucher(voucher, key=one_time_key, to=customer)
    claim = {"key": one_time_key.address, "to": to, "voucher": digest(token, "Voucher", voucher)}
    wrong = [
        sign(one_time_key, token, "Claim", claim, chainId=1),
        sign(one_time_key, token, "Claim", claim, verifyingContract=exchange.address),
        upper_half(claimed),
    ]
    for one in wrong:
        with reverts_with("NotSignedByKey", one_time_key.address):
            token.claim((words, signature, to, one), {"from": customer})
    token.claim((words, signature, to, compact(claimed)), {"from": customer})
    assert token.balanceOf(customer) == 40


def test_a_key_cannot_name_who_must_not_get_points(
    make_voucher: Any, sign_voucher: Any, one_time_key: Any, token: Any, stranger: Any, refused: Any
) -> None:
    voucher = make_voucher(recipient=one_time_key, isKey=True)
    with reverts_with("ERC20InvalidReceiver", refused):
        token.claim(sign_voucher(voucher, key=one_time_key, to=refused), {"from": stranger})


def test_whom_a_voucher_without_a_key_names_gets_it(
    make_voucher: Any, sign_voucher: Any, one_time_key: Any, token: Any, customer: Any, stranger: Any
) -> None:
    """Whatever the submitter writes beside it."""
    signed = sign_voucher(make_voucher(), key=one_time_key, to=stranger)
    token.claim(signed, {"from": stranger})
    assert (token.balanceOf(customer), token.balanceOf(stranger)) == (40, 0)


# ---------------------------------------------------------------------------------------- grant and receipts


def test_pays_for_a_receipt_once(
    make_voucher: Any, sign_voucher: Any, token: Any, issuer: Any, customer: Any
) -> None:
    """However the issuer pays for it."""
    other = "0x" + "cd" * 32
    token.claim(sign_voucher(make_voucher(receiptId=RECEIPT)), {"from": customer})
    token.issue(1, customer, 1, other, {"from": issuer})
    for index, receipt in ((6, RECEIPT), (7, other)):
        with reverts_with("ReferenceUsed", issuer, receipt):
            token.claim(sign_voucher(make_voucher(receiptId=receipt, nonce=index)), {"from": customer})
    with reverts_with("ReferenceUsed", issuer, RECEIPT):
        token.issue(1, customer, 1, RECEIPT, {"from": issuer})
    with reverts_with("ReferenceUsed", issuer, RECEIPT):
        token.issueBatch(1, RECEIPT, batch([(customer, 1)]), {"from": issuer})


def test_needs_no_receipt(
    make_voucher: Any, sign_voucher: Any, token: Any, issuer: Any, customer: Any
) -> None:
    for index in range(2):
        token.claim(sign_voucher(make_voucher(nonce=index)), {"from": customer})
    assert token.balanceOf(customer) == 80
    assert not token.referenceUsed(issuer, NO_RECEIPT)


def test_is_worth_what_is_left_of_the_grant(
    make_voucher: Any, sign_voucher: Any, token: Any, brand: Any, issuer: Any, customer: Any
) -> None:
    signed = sign_voucher(make_voucher())
    token.setGrant(issuer, 1, 39, 0, 0, {"from": brand})
    with reverts_with("GrantExceeded", issuer, 1, 39, 40):
        token.claim(signed, {"from": customer})
    # A refused voucher is not used up.
    assert token.nonceOpen(issuer, 5)
    token.setGrant(issuer, 1, 40, 0, 0, {"from": brand})
    token.claim(signed, {"from": customer})
    assert token.grantOf(issuer, 1)[0] == 0


def test_keeps_to_the_cap_of_the_day_it_is_submitted(
    make_voucher: Any, sign_voucher: Any, token: Any, brand: Any, issuer: Any, customer: Any
) -> None:
    token.setGrant(issuer, 1, 100, 50, 0, {"from": brand})
    first, second = (sign_voucher(make_voucher(nonce=index)) for index in range(2))
    midnight = (now() // DAY + 2) * DAY
    next_block_at(midnight - 100)
    token.claim(first, {"from": customer})
    with reverts_with("DayCapExceeded", issuer, 1, 10, 40):
        token.claim(second, {"from": customer})
    next_block_at(midnight)
    token.claim(second, {"from": customer})
    assert token.balanceOf(customer) == 80


def test_a_promise_keeps_its_place(
    make_voucher: Any, sign_voucher: Any, token: Any, brand: Any, issuer: Any, customer: Any
) -> None:
    """A voucher of a locked grant is paid in a full lot; one of another is not."""
    token.setGrant(issuer, 2, 40, 0, now() + DAY, {"from": brand})
    token.mint(brand, LANE - 40, {"from": brand})
    with reverts_with("NoHeadroom", 0, 40):
        token.claim(sign_voucher(make_voucher()), {"from": customer})
    token.claim(sign_voucher(make_voucher(grantId=2)), {"from": customer})
    assert (token.balanceOf(customer), token.totalSupply()) == (40, LANE)


def test_reverts_when_it_is_worth_nothing(
    make_voucher: Any, sign_voucher: Any, token: Any, customer: Any
) -> None:
    with reverts_with("ZeroAmount"):
        token.claim(sign_voucher(make_voucher(amount=0)), {"from": customer})


def test_reverts_when_the_recipient_is_refused(
    make_voucher: Any, sign_voucher: Any, token: Any, stranger: Any, refused: Any
) -> None:
    with reverts_with("ERC20InvalidReceiver", refused):
        token.claim(sign_voucher(make_voucher(recipient=refused)), {"from": stranger})


@pytest.mark.parametrize("field", ["issuer", "recipient", "isKey"])
def test_reverts_when_a_word_is_too_large(
    make_voucher: Any, sign_voucher: Any, token: Any, customer: Any, field: str
) -> None:
    """brownie would not encode such a voucher: the words are changed afterwards. The refusal is empty."""
    voucher = make_voucher()
    call = bytearray.fromhex(token.claim.encode_input(sign_voucher(voucher))[2:])
    # The voucher follows the selector and the place of the whole.
    call[36 + 32 * list(voucher).index(field)] = 1
    with brownie.reverts(""):
        customer.transfer(token, data="0x" + call.hex())
