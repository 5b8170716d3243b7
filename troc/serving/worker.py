"""The thread behind a service that brings to the chain what was accepted."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod

from troc.errors import NetworkError
from troc.serving.line import Line

_LOOK_SECONDS = 1.0
"""How often the chain is looked at."""
_FAILED_SECONDS = 3.0


class Worker(ABC):
    """Looks at the chain regularly (`observe`) and does what is to be done (`step`), in a thread of its own,
    until it is stopped. While the node is away it says so on its `line`, and tries again.
    """

    def __init__(self, name: str, log: logging.Logger, pause: float) -> None:
        self.line = Line()
        self._log = log
        self._pause = pause
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Look at the chain once (raises where that fails), then work on."""
        self.observe()
        self._thread.start()

    def stop(self) -> None:
        """Stop after what is at hand; the rest is taken up at the next start."""
        self._stopped.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self) -> None:
        """Something new was accepted."""
        self._wake.set()

    @abstractmethod
    def observe(self) -> None:
        """Ask the chain for what is to be known. Raises `NetworkError` while it is away."""

    @abstractmethod
    def step(self) -> bool:
        """Do one thing. False where there is nothing to do now."""

    def _run(self) -> None:
        looked = time.monotonic()
        while not self._stopped.is_set():
            busy = False
            try:
                if not self.line.online or time.monotonic() - looked >= _LOOK_SECONDS:
                    self.observe()
                    looked = time.monotonic()
                busy = self.step()
            except NetworkError as error:
                if self.line.online:
                    self._log.warning("%s", error)
                self.line.online, self.line.why = False, error.message
            except Exception as error:
                self._log.exception("the %s failed", self._thread.name)
                self.line.why = str(error)
                self._stopped.wait(_FAILED_SECONDS)
            if not busy:
                self._wake.wait(self._pause)
                self._wake.clear()
