"""Requests that are read without uvicorn's parser are answered as it would answer them."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from troc.serving.quick import QuickProtocol

_QUIET = 0.15
"""Seconds without a byte after which an answer is taken for whole."""


async def _app(scope: Any, receive: Any, send: Any) -> None:
    """Answers what it was asked: path, query, and body; some paths do something else."""
    assert scope["type"] == "http"
    path = scope["path"]
    if path == "/early":
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b"no"})
        return
    if path == "/broken":
        raise RuntimeError("broken")
    body, more = b"", True
    while more:
        part = await receive()
        if part["type"] == "http.disconnect":
            return
        body += part.get("body", b"")
        more = part.get("more_body", False)
    if path == "/slow":
        await asyncio.sleep(0.3)
    kind = dict(scope["headers"]).get(b"x-kind", b"-")
    said = b"|".join((scope["method"].encode(), path.encode(), scope["query_string"], kind, body))
    if path == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for start in range(0, len(said), 7):
            await send({"type": "http.response.body", "body": said[start : start + 7], "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    if path == "/empty":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    headers = [(b"x-mine", b"yes"), (b"content-length", str(len(said)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": said})


class _Served:
    def __init__(self, protocol: type[asyncio.Protocol], **options: Any) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            _app, http=protocol, access_log=False, log_level="critical", lifespan="off", **options
        )
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.server.run, args=([self._socket],), daemon=True)
        self._thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def close(self) -> None:
        self.server.should_exit = True
        self._thread.join()

    def ask(self, *pieces: bytes) -> tuple[list[tuple[int, bytes, bool]], bool]:
        """The answers to what is sent piece by piece: status, body, and whether the app's header is there;
        and whether the connection was closed.
        """
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.03)
            connection.settimeout(0.5)
            said, closed = b"", False
            while True:
                try:
                    part = connection.recv(65_536)
                except TimeoutError:
                    break
                except ConnectionResetError:
                    part = b""
                if not part:
                    closed = True
                    break
                said += part
                connection.settimeout(_QUIET)
        return _answers(said), closed


def _answers(said: bytes) -> list[tuple[int, bytes, bool]]:
    found = []
    while said:
        head, _, said = said.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        status = int(lines[0].split()[1])
        headers = dict(line.split(b": ", 1) for line in lines[1:])
        if status == 100:
            continue
        body = b""
        if headers.get(b"transfer-encoding") == b"chunked":
            while True:
                size, _, said = said.partition(b"\r\n")
                piece, said = said[: int(size, 16)], said[int(size, 16) + 2 :]
                body += piece
                if not piece:
                    break
        elif b"content-length" in headers:
            length = int(headers[b"content-length"])
            body, said = said[:length], said[length:]
        elif status != 204:
            body, said = said, b""
        found.append((status, body, b"x-mine" in headers))
    return found


@pytest.fixture(scope="module")
def quick() -> Iterator[_Served]:
    served = _Served(QuickProtocol)
    yield served
    served.close()


@pytest.fixture(scope="module")
def usual() -> Iterator[_Served]:
    served = _Served(H11Protocol)
    yield served
    served.close()


def _post(path: bytes, body: bytes, *headers: bytes) -> bytes:
    lines = [b"POST " + path + b" HTTP/1.1", b"Host: here", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


_GET = b"GET /a%20b/c?d=e%20f HTTP/1.1\r\nHost: here\r\nX-Kind:  k  \r\n\r\n"
_HOST = b"POST /p HTTP/1.1\r\nHost: here\r\n"

CASES: dict[str, tuple[bytes, ...]] = {
    "a post": (_post(b"/p", b"hello"),),
    "a post of nothing": (_post(b"/p", b""),),
    "a get": (_GET,),
    "kept alive": (_post(b"/p", b"one"), _post(b"/p", b"two", b"Connection: keep-alive"), _GET),
    "a body by itself": (_post(b"/p", b"hello")[:-5], b"hello"),
    "a body in pieces": (_post(b"/p", b"hello")[:-3], b"l", b"lo"),
    "a head in pieces": (_post(b"/p", b"hello")[:20], _post(b"/p", b"hello")[20:], _post(b"/p", b"more")),
    "several at once": (_post(b"/p", b"one") + _post(b"/slow", b"two") + _GET,),
    "more before the answer": (_post(b"/slow", b"one"), _post(b"/p", b"two") + _GET[:9], _GET[9:]),
    "streamed": (_post(b"/stream", b"a long body that comes in pieces"), _GET),
    "no content": (_post(b"/empty", b"x"), _GET),
    "a large body": (_post(b"/p", b"x" * 100_000), _GET),
    "chunks": (_HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", _GET),
    "no number for a length": (_HOST + b"Content-Length: +4\r\n\r\nabcd",),
    "no length": (_HOST + b"\r\n", _GET),
    "no host": (b"GET /p HTTP/1.1\r\nX-Kind: k\r\n\r\n",),
    "two hosts": (b"GET /p HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",),
    "a space before the colon": (_HOST + b"Content-Length : 3\r\n\r\nabc",),
    "a folded header": (_HOST + b"X-Kind: a\r\n b\r\nContent-Length: 3\r\n\r\nabc",),
    "a bare line feed": (b"GET /p HTTP/1.1\nHost: here\n\n",),
    "a zero byte": (_HOST + b"X-Kind: a\0b\r\nContent-Length: 0\r\n\r\n",),
    "closing": (_post(b"/p", b"one", b"Connection: close"),),
    "an older version": (b"GET /p HTTP/1.0\r\nHost: here\r\n\r\n",),
    "expecting": (_post(b"/p", b"hello", b"Expect: 100-continue")[:-5], b"hello"),
    "another method": (b"DELETE /p HTTP/1.1\r\nHost: here\r\n\r\n", _GET),
    "a head only": (b"HEAD /p HTTP/1.1\r\nHost: here\r\n\r\n",),
    "nonsense": (b"nonsense\r\n\r\n",),
    "an error": (_post(b"/broken", b"x"),),
}


@pytest.mark.parametrize("pieces", CASES.values(), ids=[each.replace(" ", "_") for each in CASES])
def test_answers_as_uvicorn_does(quick: _Served, usual: _Served, pieces: tuple[bytes, ...]) -> None:
    answers, closed = quick.ask(*pieces)
    assert (answers, closed) == usual.ask(*pieces)
    assert answers


def test_chunks_count_whatever_the_length_says(quick: _Served, usual: _Served) -> None:
    asked = _HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    answers, closed = quick.ask(asked)
    assert answers == [(200, b"POST|/p||-|abc", True)]
    assert (answers, closed) == usual.ask(asked)


def test_refuses_two_lengths(quick: _Served, usual: _Served) -> None:
    asked = _HOST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"
    answers, closed = quick.ask(asked)
    assert [status for status, _, _ in answers] == [400]
    assert (answers, closed) == usual.ask(asked)


def test_plain_requests_never_reach_uvicorns_parser(quick: _Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object, data: bytes) -> None:
        raise AssertionError

    monkeypatch.setattr(H11Protocol, "data_received", refuse)
    answers, closed = quick.ask(_post(b"/p", b"one"), _post(b"/p", b"two")[:-3], b"two", _GET)
    assert [body for _, body, _ in answers] == [
        b"POST|/p||-|one",
        b"POST|/p||-|two",
        b"GET|/a b/c|d=e%20f|k|",
    ]
    assert not closed


def test_closes_where_it_answered_before_the_body_was_there(quick: _Served) -> None:
    """What comes of the body afterwards must not be read as a request."""
    hidden = b"GET /hidden HTTP/1.1\r\nHost: here\r\n\r\n"
    head = _post(b"/early", hidden)[: -len(hidden)]
    answers, closed = quick.ask(head, hidden)
    assert (answers, closed) == ([(401, b"no", False)], True)


def test_refuses_when_too_many_are_served() -> None:
    served = _Served(QuickProtocol, limit_concurrency=2)
    try:
        answers: list[Any] = []
        slow = threading.Thread(target=lambda: answers.append(served.ask(_post(b"/slow", b"one"))))
        slow.start()
        time.sleep(0.1)
        refused, _ = served.ask(_post(b"/p", b"two"))
        slow.join()
        assert refused[0][0] == 503
        assert answers[0][0][0][:2] == (200, b"POST|/slow||-|one")
    finally:
        served.close()


def test_ends_connections_that_say_nothing_more() -> None:
    served = _Served(QuickProtocol, timeout_keep_alive=0.1)
    try:
        answers, closed = served.ask(_post(b"/p", b"one"))
        assert answers[0][:2] == (200, b"POST|/p||-|one")
        assert closed
    finally:
        served.close()


def test_answers_what_is_under_way_when_it_ends() -> None:
    served = _Served(QuickProtocol)
    answers: list[Any] = []
    slow = threading.Thread(target=lambda: answers.append(served.ask(_post(b"/slow", b"one"))))
    slow.start()
    time.sleep(0.1)
    served.close()
    slow.join()
    assert answers[0] == ([(200, b"POST|/slow||-|one", True)], True)
