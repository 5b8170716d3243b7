"""What other threads answer, for the requests that wait in an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")
_Answered = list[tuple["asyncio.Future[Any]", "Future[Any]"]]


class _Here(threading.local):
    gathered: dict[asyncio.AbstractEventLoop, _Answered] | None = None


_here = _Here()


def answer(future: Future[T]) -> asyncio.Future[T]:
    """Wait for a future of another thread in the running loop: as `asyncio.wrap_future`, but for two things.

    What a thread answers `together` wakes the loop once. And who waits no more cancels nothing: what was
    asked for is done, as it is where the connection breaks a moment later.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[T] = loop.create_future()

    def done(future: Future[T]) -> None:
        if _here.gathered is None:
            _wake(loop, [(waiter, future)])
        else:
            _here.gathered.setdefault(loop, []).append((waiter, future))

    future.add_done_callback(done)
    return waiter


@contextlib.contextmanager
def together() -> Iterator[None]:
    """What this thread answers in here wakes a loop at the end. Each wake is a call of the system, after
    which the loop wants the interpreter while the thread still answers the others.
    """
    gathered: dict[asyncio.AbstractEventLoop, _Answered] = {}
    _here.gathered = gathered
    try:
        yield
    finally:
        _here.gathered = None
        for loop, answered in gathered.items():
            _wake(loop, answered)


def _wake(loop: asyncio.AbstractEventLoop, answered: _Answered) -> None:
    # A loop that is closed waits for nothing.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(_tell, answered)


def _tell(answered: _Answered) -> None:
    for waiter, future in answered:
        if waiter.done():
            continue
        error = future.exception()
        if error is None:
            waiter.set_result(future.result())
        else:
            waiter.set_exception(error)
