"""Serving until Ctrl-C or SIGTERM."""

from __future__ import annotations

import contextlib
import errno
import gc
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn

from troc.errors import NetworkError


def serve(
    open_service: contextlib.AbstractContextManager[Any],
    app: Callable[[], Any],
    host: str,
    port: int,
    opened: Callable[[], None],
    **options: Any,
) -> None:
    """Open a service, serve its app, and close it when a signal comes: what is under way is answered first.

    `opened` is called once it is open; `options` are uvicorn's. Raises `NetworkError` where it cannot listen
    there.
    """
    with _listening(host, port) as sockets:
        # Requests wait for the thread that signs batches to give way, several times each: by default for five
        # milliseconds, so that a batch of a fifth of a second would hold them up for as long.
        sys.setswitchinterval(0.0001)
        # Nor must they wait while everything that was loaded is searched for garbage.
        _hash_at_once()
        gc.collect()
        gc.freeze()
        signal.signal(signal.SIGTERM, _stop)
        with contextlib.suppress(KeyboardInterrupt), open_service:
            config = uvicorn.Config(
                app(),
                host=host,
                port=port,
                log_level="warning",
                access_log=False,
                **options,
            )
            opened()
            # It gives signals back to us when it has answered what is under way.
            uvicorn.Server(config).run(sockets)


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[list[socket.socket]]:
    """A place that is ours before the service is opened: nothing is begun, or said, for one that is taken."""
    with contextlib.ExitStack() as stack:
        sockets = []
        try:
            for family, _, _, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                sockets.append(stack.enter_context(socket.create_server(place[:2], family=family)))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise NetworkError(
                    f"something listens on port {port} already", "stop it, or choose another with --port"
                ) from None
            raise NetworkError(
                f"this machine cannot listen at {host}, port {port} ({error.strerror})",
                "choose another --host or --port",
            ) from None
        yield sockets


def _hash_at_once() -> None:
    """Hash by the quicker of eth-hash's backends, where it is there. The usual one lets other threads go
    first each time: for a hash of microseconds, a request would wait for a millisecond.
    """
    with contextlib.suppress(ImportError):
        from eth_hash.auto import keccak
        from eth_hash.backends import pysha3

        setattr(keccak, "hasher", pysha3.keccak256)  # noqa: B010 (it is typed as a method)


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
