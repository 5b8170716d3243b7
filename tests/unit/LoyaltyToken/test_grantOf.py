"""grantOf: what is left of a grant, and what was issued today."""

from __future__ import annotations

from typing import Any

from tests.helpers import DAY, next_block_at, now, travel_to


def test_is_nothing_at_first(token: Any, issuer: Any) -> None:
    assert tuple(token.grantOf(issuer, 1)) == (0, 0, 0, 0)


def test_counts_today_alone(token: Any, brand: Any, issuer: Any, customer: Any) -> None:
    midnight = (now() // DAY + 2) * DAY
    token.setGrant(issuer, 1, 100, 30, 0, {"from": brand})
    next_block_at(midnight - 10)
    token.issue(1, customer, 20, "0x" + "00" * 32, {"from": issuer})
    assert tuple(token.grantOf(issuer, 1)) == (80, 0, 30, 20)
    travel_to(midnight - 1)
    assert token.grantOf(issuer, 1)[3] == 20
    travel_to(midnight)
    assert token.grantOf(issuer, 1)[3] == 0
