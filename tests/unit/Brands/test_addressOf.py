"""addressOf: where a launch would put a token."""

from __future__ import annotations

from typing import Any

from tests.helpers import DAY


def test_depends_on_launcher_and_each_parameter(
    brands: Any, parameters: Any, stranger: Any, buyer: Any
) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"owner": buyer.address},
        {"name": "Le PanierP", "symbol": "ANIER"},
        {"name": "Le Panier "},
        {"symbol": "PANIEr"},
        {"decimals": 3},
        {"epochLength": 31 * DAY},
        {"origin": parameters["origin"] - 1},
        {"domain": "panier.example"},
        {"symbol": "PANIERpanier", "domain": ".example"},
    ]
    addresses = {
        brands.addressOf(launcher, tuple((parameters | change).values()))
        for change in changes
        for launcher in (stranger, buyer)
    }
    assert len(addresses) == 2 * len(changes)
