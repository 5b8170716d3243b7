"""Programs in processes of their own that start in a moment: each is forked from a process that has read the
libraries, which takes a second or two, and has done nothing else.
"""

from __future__ import annotations

import atexit
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.client.core.command import environment

_PRELOADED = (
    "troc.cli",
    "troc.client",
    "troc.relay.service",
    "troc.till.service",
    "uvicorn",
    # What brownie reads, before it looks into the home of whoever runs it.
    "prompt_toolkit",
    "pygments",
    "solcx",
)
_NOTHING = (os.devnull,) * 3
_FORKING = get_context("forkserver")
_FORKING.set_forkserver_preload(["tests.client.core.forked", *_PRELOADED])


class Forked:
    """`python -m MODULE ARGUMENTS...`, as `subprocess.Popen` would run it; what it prints is thrown away."""

    def __init__(self, module: str, arguments: Sequence[str], home: Path, cwd: Path) -> None:
        self._process = _FORKING.Process(
            target=_run, args=(module, list(arguments), environment(home), str(cwd), _NOTHING), daemon=True
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


def run_forked(
    module: str, arguments: Sequence[str], variables: dict[str, str], cwd: Path, stdin: str, timeout: float
) -> subprocess.CompletedProcess[str]:
    """`python -m MODULE ARGUMENTS...`, as `subprocess.run` would run it and hand over what it prints."""
    with TemporaryDirectory() as folder:
        files = [os.path.join(folder, name) for name in ("in", "out", "err")]
        for file in files:
            Path(file).touch()
        Path(files[0]).write_text(stdin)
        process = _FORKING.Process(target=_run, args=(module, list(arguments), variables, str(cwd), files))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired([module, *arguments], timeout)
        out, err = (Path(file).read_text() for file in files[1:])
        return subprocess.CompletedProcess([module, *arguments], process.exitcode, out, err)


def _run(
    module: str, arguments: list[str], variables: dict[str, str], cwd: str, files: Sequence[str]
) -> None:
    os.chdir(cwd)
    # What this project's environment names whenever Python starts.
    compilers = os.environ["SOLCX_BINARY_PATH"]
    os.environ.clear()
    os.environ.update(variables, SOLCX_BINARY_PATH=compilers)
    for descriptor, file in enumerate(files):
        os.dup2(os.open(file, os.O_RDWR), descriptor)
    # multiprocessing has put nothing in its place.
    sys.stdin = os.fdopen(0)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        # multiprocessing leaves out what a program does at its end, as to end the node that it began.
        atexit._run_exitfuncs()
