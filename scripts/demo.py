"""The demo: a real grocer's receipts become points that are owned and traded, on a chain of its own.

brownie run demo               with 200 households
brownie run demo main 400      with another number of them

brownie's own network is not touched. `troc demo` does the same.
"""

from __future__ import annotations

import sys

from troc.demo.receipts import HOUSEHOLDS
from troc.demo.story import run
from troc.errors import InputError, TrocError


def main(households: int | str = HOUSEHOLDS) -> None:
    """Tell the story with that many households; ends with an exit code if a check fails."""
    try:
        if not str(households).isdecimal():
            raise InputError(f"{households!r} is no number of households", "write digits, or nothing")
        run(int(households))
    except TrocError as error:
        sys.exit(f"demo: {error}")
