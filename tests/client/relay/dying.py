"""`troc` in a process that kills itself, as the power does, at one step of a message's way.

    python -m tests.client.relay.dying STEP ARGUMENTS...

No handler runs and nothing is flushed: SIGKILL.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from troc.chain import Chain
from troc.cli import main
from troc.relay import sender
from troc.relay.sender import Sender

STEPS: dict[str, tuple[Any, str, bool]] = {
    # Written down and answered, in no transaction.
    "accepted": (Sender, "_launch", False),
    # Signed, and nothing of it written down.
    "signed": (sender, "_store", False),
    # The transaction is written down, and not sent.
    "stored": (Chain, "broadcast", False),
    # It is sent, and nobody wrote down more.
    "sent": (Chain, "broadcast", True),
    # It is in a block, and nobody wrote that down.
    "mined": (Sender, "_note_mined", False),
}


def die_at(step: str) -> None:
    """Replace one function by one that ends this process."""
    owner, name, after = STEPS[step]
    function: Callable[..., Any] = getattr(owner, name)

    def deadly(*arguments: Any, **options: Any) -> Any:
        if after:
            function(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")

    setattr(owner, name, deadly)


if __name__ == "__main__":
    if sys.argv[1] != "never":
        die_at(sys.argv[1])
    main(sys.argv[2:])
