"""nonceOpen: whether a message could still be accepted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import nonce


@pytest.mark.parametrize(
    ("value", "is_open"),
    [
        (nonce(), True),
        (nonce(index=223), True),
        (nonce(index=224), False),
        (nonce(index=2**64 - 1), False),
        (nonce(series=1), False),
        (nonce(lane=2**128 - 1), True),
    ],
)
def test_says_what_is_open_at_first(token: Any, customer: Any, value: int, is_open: bool) -> None:
    assert token.nonceOpen(customer, value) is is_open
