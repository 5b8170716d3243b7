"""What anyone reads: balances, lots, supply, books, epochs."""

from __future__ import annotations

from typing import Any

from tests.helpers import LANE, MAX_UINT256, ZERO_ADDRESS, travel_to


def test_balances_age_by_themselves(held: Any, token: Any, customer: Any, enter: Any) -> None:
    for epoch, left in ((3, 100), (4, 90), (5, 70), (6, 40), (7, 0), (1_000, 0)):
        enter(epoch)
        assert (token.balanceOf(customer), token.totalSupply()) == (left, left)
        assert tuple(token.totals()) == (100, left, 0, 100 - left)


def test_balances_fall_in_the_second_of_expiry(held: Any, token: Any, customer: Any) -> None:
    travel_to(token.expiryOf(0) - 1)
    assert token.balanceOf(customer) == 100
    travel_to(token.expiryOf(0))
    assert token.balanceOf(customer) == 90


def test_lots_come_with_their_expiries(held: Any, token: Any, customer: Any, enter: Any) -> None:
    amounts, expiries = token.lotsOf(customer)
    assert tuple(amounts) == held
    assert tuple(expiries) == tuple(token.expiryOf(epoch) for epoch in range(4))
    enter(5)
    amounts, expiries = token.lotsOf(customer)
    assert tuple(amounts) == (30, 40, 0, 0)
    assert tuple(expiries) == tuple(token.expiryOf(epoch) for epoch in range(2, 6))


def test_liability_is_all_points_and_promises(
    held: Any, token: Any, brand: Any, issuer: Any, buyer: Any
) -> None:
    token.mint(buyer, 5, {"from": brand})
    token.setGrant(issuer, 1, 77, 0, 2**40 - 1, {"from": brand})
    amounts, expiries, pending, promised = token.liability()
    assert tuple(amounts) == (10, 20, 30, 45)
    assert tuple(expiries) == tuple(token.expiryOf(epoch) for epoch in range(4))
    assert (pending, promised) == (0, 77)


def test_balance_of_an_epoch(held: Any, token: Any, customer: Any, enter: Any) -> None:
    assert [token.balanceOfAtEpoch(epoch, customer) for epoch in range(5)] == [10, 20, 30, 40, 0]
    assert token.balanceOfAtEpoch(MAX_UINT256, customer) == 0
    enter(5)
    assert [token.balanceOfAtEpoch(epoch, customer) for epoch in range(5)] == [0, 0, 30, 40, 0]


def test_epochs_expire_four_lengths_after_they_began(token: Any) -> None:
    expiry = token.origin() + 4 * token.epochLength()
    assert token.expiryOf(0) == expiry
    travel_to(expiry - 1)
    assert (token.currentEpoch(), token.isEpochExpired(0)) == (3, False)
    travel_to(expiry)
    assert (token.currentEpoch(), token.isEpochExpired(0)) == (4, True)
    assert not token.isEpochExpired(1)
    assert not token.isEpochExpired(MAX_UINT256)


def test_full_lots_do_not_run_into_each_other(
    create_token: Any, exchange: Any, brand: Any, customer: Any
) -> None:
    token = create_token()
    for epoch in range(4):
        if epoch:
            travel_to(token.origin() + epoch * token.epochLength())
        token.mint(customer, LANE, {"from": brand})
    token.approve(exchange, 0, {"from": customer})
    assert tuple(token.lotsOf(customer)[0]) == (LANE,) * 4
    assert token.balanceOf(customer) == token.totalSupply() == 4 * LANE


def test_references_are_unused_at_first(token: Any, issuer: Any) -> None:
    assert not token.referenceUsed(ZERO_ADDRESS, b"\x01" * 32)
    assert not token.referenceUsed(issuer, b"\x01" * 32)
