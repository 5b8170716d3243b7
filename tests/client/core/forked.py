"""Programs in processes of their own that start in a moment: each is forked from a process that has read the
libraries, which takes a second or two, and has done nothing else.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

from tests.client.core.command import environment

_PRELOADED = (
    "troc.cli",
    "troc.client",
    "troc.relay.service",
    "troc.till.service",
    "uvicorn",
)
_FORKING = get_context("forkserver")
_FORKING.set_forkserver_preload(["tests.client.core.forked", *_PRELOADED])


class Forked:
    """`python -m MODULE ARGUMENTS...`, as `subprocess.Popen` would run it; what it prints is thrown away."""

    def __init__(self, module: str, arguments: Sequence[str], home: Path, cwd: Path) -> None:
        self._process = _FORKING.Process(
            target=_run, args=(module, list(arguments), environment(home), str(cwd)), daemon=True
        )
        self._process.start()

    @property
    def returncode(self) -> int | None:
        """Its exit code, or the negative number of the signal that ended it; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended. Raises `subprocess.TimeoutExpired` where it goes on."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return self.returncode

    def kill(self) -> None:
        """As the power does: no handler runs."""
        self._process.kill()

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()


def _run(module: str, arguments: list[str], environment: dict[str, str], cwd: str) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
