"""HTTP/1.1 for services that answer hundreds of small requests a second.

uvicorn's own parser is general, in pure Python, and takes a third of a millisecond a request. Nearly all
requests of a service are alike: a GET, or a POST with its length, of some hundred bytes. These are read here;
whatever else comes (other methods, chunks, `Expect`, `Connection: close`, a head in pieces, anything
malformed) goes to uvicorn's parser untouched.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import unquote

from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol, RequestResponseCycle

_HEAD = re.compile(rb"(GET|POST) (/[!-~]*) HTTP/1\.1\r\n((?:[-!#$%&'*+.^_`|~0-9A-Za-z]+:[\t -~]*\r\n)+)\r\n")
_LARGEST_HEAD = 16 * 1024
_LARGEST_BODY = 64 * 1024
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,5}")
_ONCE = (b"host", b"content-length")
_OTHERS = (b"transfer-encoding", b"expect", b"upgrade")
"""Requests with these are not for us."""
_NO_BODY = (204, 304)


class QuickProtocol(H11Protocol):
    """A connection to a service, for uvicorn's option `http`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._is_plain = not self.config.access_log and not self.config.reset_contextvars
        self._idle = self.conn.states
        self._later = b""

    def data_received(self, data: bytes) -> None:
        """Read a request, or more of it."""
        cycle = self.cycle
        if isinstance(cycle, _Cycle) and not cycle.response_complete:
            more = cycle.take(data)
            if more:
                # The next request waits until this one is answered.
                self._later += more
                self.flow.pause_reading()
            return
        if not self._begin(data):
            super().data_received(data)

    def on_response_complete(self) -> None:
        """Go on with what came meanwhile."""
        super().on_response_complete()
        if self._later and not self.transport.is_closing():
            data, self._later = self._later, b""
            self.data_received(data)

    def _begin(self, data: bytes) -> bool:
        """Answer a request that is plain. False, and nothing done, where it is another one."""
        conn = self.conn
        most = self.limit_concurrency
        if most is not None and max(len(self.connections), len(self.tasks)) >= most:
            return False
        if not self._is_plain or conn.states != self._idle or conn.trailing_data[0]:
            return False
        found = _HEAD.match(data, 0, _LARGEST_HEAD)
        if found is None:
            return False
        headers: list[tuple[bytes, bytes]] = []
        once: dict[bytes, bytes] = {}
        for line in found[3].split(b"\r\n")[:-1]:
            name, _, value = line.partition(b":")
            name, value = name.lower(), value.strip(b" \t")
            if name in _OTHERS or (name == b"connection" and value.lower() != b"keep-alive"):
                return False
            if name in _ONCE and once.setdefault(name, value) is not value:
                return False
            headers.append((name, value))
        method, target = found[1].decode(), found[2]
        length = once.get(b"content-length", b"0" if method == "GET" else b"")
        if b"host" not in once or not _LENGTH.fullmatch(length) or int(length) > _LARGEST_BODY:
            return False
        raw_path, _, query = target.partition(b"?")
        root = self.root_path
        self.headers = headers
        self.scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "method": method,
            "root_path": root,
            "path": root + unquote(raw_path.decode()),
            "raw_path": root.encode() + raw_path,
            "query_string": query,
            "headers": headers,
            "state": self.app_state.copy(),
        }
        self._unset_keepalive_if_required()
        self.cycle = cycle = _Cycle(self, int(length))
        more = cycle.take(data[found.end() :])
        if more:
            self._later = more
            self.flow.pause_reading()
        task = self.loop.create_task(cycle.run_asgi(self.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)
        return True


class _Cycle(RequestResponseCycle):
    """One request and its answer, which leaves in one piece where the app gives it in one."""

    def __init__(self, protocol: QuickProtocol, length: int) -> None:
        super().__init__(
            scope=protocol.scope,
            conn=protocol.conn,
            transport=protocol.transport,
            flow=protocol.flow,
            logger=protocol.logger,
            access_logger=protocol.access_logger,
            access_log=False,
            default_headers=protocol.server_state.default_headers,
            message_event=asyncio.Event(),
            on_response=protocol.on_response_complete,
        )
        self._missing = length
        self._status = 0
        self._head: list[tuple[bytes, bytes]] = []
        self._is_under_way = False
        self._is_chunked = False
        self.more_body = length > 0
        if not length:
            self.message_event.set()

    def take(self, data: bytes) -> bytes:
        """Take what belongs to the body; gives the rest."""
        mine = data[: self._missing]
        if mine:
            self.body += mine
            self._missing -= len(mine)
            self.more_body = self._missing > 0
            self.message_event.set()
        return data[len(mine) :]

    async def send(self, message: Any) -> None:
        """As ASGI has it."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        wanted = "http.response.body" if self.response_started else "http.response.start"
        if self.response_complete or message["type"] != wanted:
            raise RuntimeError(f"{message['type']} does not come now")
        if not self.response_started:
            self.response_started = True
            self._status = message["status"]
            self._head = [*self.default_headers, *message.get("headers", ())]
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        self._write(body, more)
        if more:
            return
        self.response_complete = True
        self.message_event.set()
        # Of a body that nobody waited for, the rest would be taken for a request.
        if self._missing or not self.keep_alive or CLOSE_HEADER in self._head:
            self.transport.close()
        self.on_response()

    def _write(self, body: bytes, more: bool) -> None:
        status = self._status
        pieces = [] if self._is_under_way else self._start(len(body), more)
        self._is_under_way = True
        if status in _NO_BODY:
            body = b""
        if self._is_chunked:
            pieces += [b"%x\r\n" % len(body), body, b"\r\n"] if body else []
            pieces += [] if more else [b"0\r\n\r\n"]
        else:
            pieces.append(body)
        self.transport.write(b"".join(pieces))

    def _start(self, length: int, more: bool) -> list[bytes]:
        """The head, once it is known whether the first piece of the body is all of it."""
        lines = [b"HTTP/1.1 %d %s\r\n" % (self._status, STATUS_PHRASES[self._status])]
        has_length = self._status in _NO_BODY
        for name, value in self._head:
            if b"\r" in value or b"\n" in value:
                raise RuntimeError("a line break in a header")
            has_length = has_length or name.lower() == b"content-length"
            lines.append(b"%s: %s\r\n" % (name, value))
        if not has_length:
            self._is_chunked = more
            lines.append(b"transfer-encoding: chunked\r\n" if more else b"content-length: %d\r\n" % length)
        lines.append(b"\r\n")
        return lines
