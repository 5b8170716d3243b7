"""A real HTTP server that receives notices, and misbehaves as a test wants."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Endpoint:
    """What came in, and how to answer: `status` for all, or one by one from `answers`."""

    url: str = ""
    status: int = 204
    answers: list[int] = field(default_factory=list)
    location: str = ""
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def keys(self) -> list[str]:
        """The idempotency keys in the order in which they came."""
        return [headers["Idempotency-Key"] for headers, _ in self.received]


@contextmanager
def endpoint(*, held: bool = False, **how: object) -> Iterator[Endpoint]:
    """Runs until the block ends. `held`: it answers when `go_on` is set."""
    found = Endpoint(**how)  # type: ignore[arg-type]
    if not held:
        found.go_on.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.received.append((dict(self.headers.items()), body))
            found.arrived.set()
            found.go_on.wait(30)
            self.send_response(found.answers.pop(0) if found.answers else found.status)
            if found.location:
                self.send_header("Location", found.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the name is the library's

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield found
    finally:
        found.go_on.set()
        server.shutdown()
        server.server_close()
