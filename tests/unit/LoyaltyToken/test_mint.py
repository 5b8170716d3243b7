"""mint: the brand issues points of this epoch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import LANE, ZERO_ADDRESS, reverts_with


def test_issues_into_the_lot_of_now(
    token: Any, lots: Any, totals: Any, brand: Any, customer: Any, enter: Any
) -> None:
    events = token.mint(customer, 10, {"from": brand}).events
    assert events["Transfer"] == {"from": ZERO_ADDRESS, "to": customer, "value": 10}
    enter(2)
    token.mint(customer, 5, {"from": brand})
    assert lots(customer) == (0, 10, 0, 5)
    assert totals() == (15, 15, 0, 0)


def test_reverts_when_the_lot_is_full(token: Any, lots: Any, brand: Any, customer: Any, enter: Any) -> None:
    token.mint(customer, LANE - 1, {"from": brand})
    with reverts_with("NoHeadroom", 1, 2):
        token.mint(customer, 2, {"from": brand})
    token.mint(customer, 1, {"from": brand})
    enter(1)
    token.mint(customer, LANE, {"from": brand})
    assert lots(customer) == (0, 0, LANE, LANE)


@pytest.mark.parametrize("role", ["customer", "issuer", "stranger", "deployer"])
def test_reverts_when_somebody_else_mints(token: Any, role: str, request: pytest.FixtureRequest) -> None:
    account = request.getfixturevalue(role)
    with reverts_with("Unauthorized"):
        token.mint(account, 1, {"from": account})


def test_reverts_when_the_receiver_is_refused(token: Any, brand: Any, refused: Any) -> None:
    with reverts_with("ERC20InvalidReceiver", refused):
        token.mint(refused, 1, {"from": brand})
