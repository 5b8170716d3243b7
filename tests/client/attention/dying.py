"""`troc` in processes that kill themselves, as the power does, at one step of signing.

    python -m tests.client.attention.dying ARGUMENTS...

reads lines `STEP PASSES` and runs the command once for each, in a process of its own: the step passes that
many times before. No handler runs and nothing is flushed: SIGKILL. It writes the pid of each, and `ended
STATUS` after it. What they import is imported once, so that a new start takes a moment.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from tests.client.till.dying import die_in
from troc.attention import register, service, signing
from troc.attention.campaigns import Rewards
from troc.cli import main
from troc.serving import running, writer

STEPS: dict[str, tuple[Any, str, bool]] = {
    # It was found good, and nothing of it is written.
    "accepted": (register.Turn, "put", False),
    # It is written, and its transaction is open.
    "written": (register.Turn, "close", True),
    # It is on the disk, and nobody was told.
    "committed": (writer.Writer, "_commit", True),
    # It is signed, and not answered.
    "signed": (signing.Signing, "statement", True),
    # The same for tickets.
    "promised": (signing.Signing, "ticket", True),
    # What the chain told is read, and not written down.
    "told": (signing.Watch, "_look", True),
}

_LOADED = (service, running, Rewards)


def _live(step: str, passes: int, arguments: list[str]) -> None:
    if step in STEPS:
        die_in(*STEPS[step], passes)
    main(arguments)


if __name__ == "__main__":
    for line in sys.stdin:
        step_, passes_ = line.split()
        pid = os.fork()
        if not pid:
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            os.dup2(0, 1)
            _live(step_, int(passes_), sys.argv[1:])
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print("ended", os.waitstatus_to_exitcode(status), flush=True)
