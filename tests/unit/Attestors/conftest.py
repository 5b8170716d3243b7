"""The register of attestors, and one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brownie
import pytest


@pytest.fixture(scope="module")
def attestors(deployer: Any) -> Any:
    return brownie.Attestors.deploy({"from": deployer})


@pytest.fixture(scope="module")
def attestor(create_account: Callable[[str], Any]) -> Any:
    return create_account("attestor")
