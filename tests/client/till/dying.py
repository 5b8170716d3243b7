"""`troc` in a process that kills itself, as the power does, at one step of an errand.

    python -m tests.client.till.dying STEP PASSES ARGUMENTS...

The step passes that many times before. No handler runs and nothing is flushed: SIGKILL.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from troc.chain import Chain
from troc.cli import main
from troc.till import desk
from troc.till.errands import Errands

STEPS: dict[str, tuple[Any, str, bool]] = {
    # Accepted and answered, and no batch yet; or not even accepted.
    "accepted": (desk, "new_errand", False),
    # The errand is written down, nothing is signed.
    "stored": (Chain, "sign", False),
    # The signed transaction is written down, and not sent.
    "signed": (Chain, "submit", False),
    # It is in a block, and nobody wrote that down.
    "sent": (Chain, "submit", True),
    # The same, and the answer of the chain was read.
    "confirmed": (Errands, "_finish", False),
}


def die_in(owner: Any, name: str, after: bool, passes: int) -> None:
    """Replace one method by one that ends this process, before or after it did its work."""
    method: Callable[..., Any] = getattr(owner, name)
    left = passes

    def deadly(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left >= 0:
            return method(*arguments, **options)
        if after:
            method(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")

    setattr(owner, name, deadly)


if __name__ == "__main__":
    if sys.argv[1] != "never":
        die_in(*STEPS[sys.argv[1]], int(sys.argv[2]))
    main(sys.argv[3:])
