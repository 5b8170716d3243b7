"""transfer: the oldest points first."""

from tests.helpers import reverts_with


def test_moves_points(token, brand, customer, buyer):
    token.mint(customer, 100, {"from": brand})
    transaction = token.transfer(buyer, 40, {"from": customer})
    assert (token.balanceOf(customer), token.balanceOf(buyer)) == (60, 40)
    assert transaction.events["Transfer"] == {"from": customer, "to": buyer, "value": 40}


def test_reverts_when_holder_has_too_few(token, brand, customer, buyer):
    token.mint(customer, 100, {"from": brand})
    with reverts_with("ERC20InsufficientBalance", customer, 100, 101):
        token.transfer(buyer, 101, {"from": customer})
