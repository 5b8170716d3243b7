"""`troc` in a process that kills itself, as the power does, just before or after it sends a transaction.

    python -m tests.client.data.dying before|after ARGUMENTS...

No handler runs and nothing is flushed: SIGKILL.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from troc.chain import Chain
from troc.cli import main


def die(after: bool) -> None:
    """Let the next transaction be the last thing that happens, or that does not happen any more."""
    submit = Chain.submit

    def deadly(*arguments: Any) -> Any:
        if after:
            submit(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")

    setattr(Chain, "submit", deadly)  # noqa: B010


if __name__ == "__main__":
    die(sys.argv[1] == "after")
    main(sys.argv[2:])
