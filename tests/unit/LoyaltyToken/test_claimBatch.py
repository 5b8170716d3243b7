"""claimBatch: many vouchers at once; those that ended before do not keep the others from being paid."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import DAY, LANE, nonce, now, reverts_with

RECEIPT = "0x" + "ab" * 32


@pytest.fixture(autouse=True)
def grant(granted: Any) -> None:
    """The issuer's grant 1 has 100 points."""


def test_pays_each(
    make_voucher: Any,
    sign_voucher: Any,
    one_time_key: Any,
    token: Any,
    totals: Any,
    issuer: Any,
    customer: Any,
    buyer: Any,
    stranger: Any,
) -> None:
    vouchers = [
        sign_voucher(make_voucher(amount=10, nonce=0, receiptId=RECEIPT)),
        sign_voucher(make_voucher(amount=20, nonce=1, recipient=buyer)),
        sign_voucher(
            make_voucher(amount=30, nonce=nonce(223, lane=7), recipient=one_time_key, isKey=True),
            key=one_time_key,
            to=customer,
        ),
    ]
    transaction = token.claimBatch(vouchers, {"from": stranger})
    paid = [(event["to"], event["amount"]) for event in transaction.events["VoucherClaimed"]]
    assert paid == [(customer, 10), (buyer, 20), (customer, 30)]
    assert [event["value"] for event in transaction.events["Transfer"]] == [10, 20, 30]
    assert (token.balanceOf(customer), token.balanceOf(buyer)) == (40, 20)
    assert (token.grantOf(issuer, 1)[0], totals()) == (40, (60, 60, 0, 0))


def test_pays_a_hundred_to_one_holder(
    make_voucher: Any, sign_voucher: Any, token: Any, brand: Any, issuer: Any, buyer: Any, stranger: Any
) -> None:
    token.setGrant(issuer, 2, 5_050, 0, 0, {"from": brand})
    token.mint(buyer, 7, {"from": brand})
    vouchers = [
        sign_voucher(make_voucher(grantId=2, recipient=buyer, amount=index + 1, nonce=index))
        for index in range(100)
    ]
    assert token.claimBatch(vouchers, {"from": stranger}).gas_used < 4_000_000
    assert (token.balanceOf(buyer), token.grantOf(issuer, 2)[0]) == (5_057, 0)


def test_passes_over_what_ended_before(
    make_voucher: Any, sign_voucher: Any, token: Any, issuer: Any, customer: Any, stranger: Any
) -> None:
    """Used, cancelled, of another series, out of range, twice in the batch: whatever is in them."""
    token.claim(sign_voucher(make_voucher(amount=1, nonce=0)), {"from": customer})
    token.cancelNonces([1], {"from": issuer})
    indexes = (0, 1, nonce(2, series=1), nonce(224), nonce(3), nonce(3), nonce(4))
    vouchers = [sign_voucher(make_voucher(amount=5, nonce=number)) for number in indexes]
    assert token.claimBatch.call(vouchers, {"from": stranger}) == 2
    events = token.claimBatch(vouchers, {"from": stranger}).events
    assert [event["nonce"] for event in events["VoucherClaimed"]] == [3, 4]
    assert token.balanceOf(customer) == 11
    assert token.claimBatch.call(vouchers, {"from": stranger}) == 0


def test_one_that_was_paid_may_be_worthless_by_now(
    make_voucher: Any, sign_voucher: Any, token: Any, brand: Any, issuer: Any, customer: Any, stranger: Any
) -> None:
    """It is passed over before it is looked at."""
    over = make_voucher(amount=50, deadline=now() + DAY)
    token.claim(sign_voucher(over), {"from": customer})
    token.setGrant(issuer, 1, 10, 0, 0, {"from": brand})
    vouchers = [sign_voucher(over, signer=stranger), sign_voucher(make_voucher(amount=10, nonce=6))]
    token.claimBatch(vouchers, {"from": stranger})
    assert token.balanceOf(customer) == 60


def test_nothing_to_pay_is_nothing(
    make_voucher: Any, sign_voucher: Any, token: Any, totals: Any, issuer: Any, stranger: Any
) -> None:
    token.cancelNonces([5], {"from": issuer})
    for vouchers in ([], [sign_voucher(make_voucher())]):
        assert token.claimBatch.call(vouchers, {"from": stranger}) == 0
        assert not token.claimBatch(vouchers, {"from": stranger}).events
    assert totals() == (0, 0, 0, 0)


def test_reverts_as_a_whole_when_the_grant_is_exhausted(
    make_voucher: Any, sign_voucher: Any, token: Any, issuer: Any, customer: Any, stranger: Any
) -> None:
    vouchers = [sign_voucher(make_voucher(amount=40, nonce=index)) for index in range(3)]
    with reverts_with("GrantExceeded", issuer, 1, 20, 40):
        token.claimBatch(vouchers, {"from": stranger})
    assert [token.nonceOpen(issuer, index) for index in range(3)] == [True] * 3
    assert (token.balanceOf(customer), token.grantOf(issuer, 1)[0]) == (0, 100)
    token.claimBatch(vouchers[:2], {"from": stranger})
    assert token.balanceOf(customer) == 80


def test_reverts_as_a_whole_when_one_is_wrong(
    make_voucher: Any, sign_voucher: Any, one_time_key: Any, token: Any, issuer: Any, stranger: Any
) -> None:
    late = now() - 1
    wrong = {
        ("DeadlinePassed", late): sign_voucher(make_voucher(nonce=6, deadline=late)),
        ("NotSignedByIssuer", issuer): sign_voucher(make_voucher(nonce=6), signer=stranger),
        ("NotSignedByKey", one_time_key.address): sign_voucher(
            make_voucher(nonce=6, recipient=one_time_key, isKey=True), key=stranger, to=stranger
        ),
        ("ZeroAmount",): sign_voucher(make_voucher(nonce=6, amount=0)),
        ("ERC20InvalidReceiver", token): sign_voucher(make_voucher(nonce=6, recipient=token)),
    }
    for error, voucher in wrong.items():
        with reverts_with(*error):
            token.claimBatch([sign_voucher(make_voucher()), voucher], {"from": stranger})
    assert token.nonceOpen(issuer, 5)
    assert token.totalSupply() == 0


def test_pays_for_a_receipt_once(
    make_voucher: Any, sign_voucher: Any, token: Any, issuer: Any, stranger: Any
) -> None:
    vouchers = [sign_voucher(make_voucher(nonce=index, receiptId=RECEIPT)) for index in range(2)]
    with reverts_with("ReferenceUsed", issuer, RECEIPT):
        token.claimBatch(vouchers, {"from": stranger})


def test_issuers_have_their_own_nonces_grants_and_receipts(
    make_voucher: Any, sign_voucher: Any, token: Any, brand: Any, issuer: Any, buyer: Any, customer: Any
) -> None:
    token.setGrant(buyer, 1, 40, 0, 0, {"from": brand})
    vouchers = [
        sign_voucher(make_voucher(issuer=one, receiptId=RECEIPT), signer=one) for one in (issuer, buyer)
    ]
    token.claimBatch(vouchers, {"from": customer})
    assert [token.grantOf(one, 1)[0] for one in (issuer, buyer)] == [60, 0]
    assert token.balanceOf(customer) == 80


def test_promised_ones_have_their_place_and_the_others_do_not_take_it(
    make_voucher: Any, sign_voucher: Any, token: Any, brand: Any, issuer: Any, customer: Any, stranger: Any
) -> None:
    """In whatever order they come, to the last unit of the lot."""
    token.setGrant(issuer, 2, 50, 0, now() + DAY, {"from": brand})
    token.mint(brand, LANE - 60, {"from": brand})
    vouchers = [
        sign_voucher(make_voucher(grantId=grant, amount=amount, nonce=index))
        for index, (grant, amount) in enumerate([(2, 30), (1, 6), (1, 4), (2, 20), (1, 1)])
    ]
    with reverts_with("NoHeadroom", 10, 11):
        token.claimBatch(vouchers, {"from": stranger})
    token.claimBatch(vouchers[:4], {"from": stranger})
    assert (token.balanceOf(customer), token.totalSupply()) == (60, LANE)


def test_reverts_when_the_sum_exceeds_the_lot(
    make_voucher: Any, sign_voucher: Any, token: Any, brand: Any, issuer: Any, customer: Any, stranger: Any
) -> None:
    """Though each would fit: amounts must not run into the next lot of the holder."""
    for grant in (2, 3):
        token.setGrant(issuer, grant, LANE, 0, 0, {"from": brand})
    vouchers = [sign_voucher(make_voucher(grantId=grant, amount=LANE, nonce=grant)) for grant in (2, 3)]
    with reverts_with("NoHeadroom", LANE, 2 * LANE):
        token.claimBatch(vouchers, {"from": stranger})
    token.claimBatch(vouchers[:1], {"from": stranger})
    assert tuple(token.lotsOf(customer)[0]) == (0, 0, 0, LANE)
