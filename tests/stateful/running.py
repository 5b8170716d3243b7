"""How a model is tried: random examples, in which everything that is expected happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

_MORE = 5


def try_model(machine: Any, profile: settings, expected: Iterable[str], share: float = 1.0) -> None:
    """Run a share of the profile's examples of a machine, which counts in `seen` what happens. If something
    expected did not, since an edit elsewhere changed the examples, five times as many; then it fails.
    """
    seen: Counter[str] = machine.seen
    seen.clear()
    for times in (1, _MORE):
        count = round(profile.max_examples * share * times)
        run_state_machine_as_test(machine, settings=settings(profile, max_examples=count))
        missing = {name for name in expected if not seen[name]}
        if not missing:
            return
    raise AssertionError(f"never happened: {sorted(missing)}")
