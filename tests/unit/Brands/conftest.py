"""What tests of Brands share: the parameters of a launch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import DAY, now


@pytest.fixture(scope="module")
def parameters(brands: Any, brand: Any) -> dict[str, Any]:
    """What a launch asks for, by name; `tuple(parameters.values())` is what it takes."""
    return {
        "owner": brand.address,
        "name": "Le Panier",
        "symbol": "PANIER",
        "decimals": 2,
        "epochLength": 30 * DAY,
        "origin": now(),
        "domain": "",
    }
