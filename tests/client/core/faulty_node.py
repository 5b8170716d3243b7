"""A node that fails on purpose: between a client and a real chain, it passes on what it does not spoil."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
from eth_utils.crypto import keccak

Forward = Callable[[], Any]
Answer = Callable[[list[Any], Forward], Any]
"""Gets a request's parameters and a function that asks the real chain; gives the result."""


class CutError(Exception):
    """Raised by an answer: the line goes dead, for this request or, where `for_good`, from now on."""

    def __init__(self, for_good: bool = False) -> None:
        self.for_good = for_good


class RefusalError(Exception):
    """Raised by an answer: the node gives an error of this text."""


class FaultyNode:
    """Spoils the answers to the methods in `answers`; `requests` lists what was asked."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.answers: dict[str, Answer] = {}
        self.requests: list[str] = []
        self.posts = 0
        self.refuses_batches = False
        self.dead_from: int | None = None
        self.url = ""

    def post(self, body: Any) -> Any:
        """One request of HTTP: one of JSON-RPC, or a batch of them."""
        self.posts += 1
        if not isinstance(body, list):
            return self.handle(body)
        if self.refuses_batches:
            return {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches"}}
        return [self.handle(entry) for entry in body]

    def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """One JSON-RPC request."""
        method, params = request["method"], request.get("params") or []
        self.requests.append(method)
        if self.dead_from is not None and len(self.requests) > self.dead_from:
            raise CutError
        envelope = {"jsonrpc": "2.0", "id": request["id"]}
        if method not in self.answers:
            reply: dict[str, Any] = self._ask(request)
            return reply

        def forward() -> Any:
            reply = self._ask(request)
            if "error" in reply:
                raise RefusalError(reply["error"]["message"])
            return reply["result"]

        try:
            return {**envelope, "result": self.answers[method](params, forward)}
        except RefusalError as refusal:
            return {**envelope, "error": {"code": -32000, "message": str(refusal)}}
        except CutError as cut:
            if cut.for_good:
                self.dead_from = 0
            raise

    def heal(self) -> None:
        """Answer everything rightly from now on."""
        self.answers.clear()
        self.requests.clear()
        self.posts = 0
        self.refuses_batches = False
        self.dead_from = None

    def _ask(self, request: dict[str, Any]) -> Any:
        return requests.post(self.upstream, json=request, timeout=30).json()


def swallow(times: int) -> Answer:
    """For `eth_sendRawTransaction`: says that a transaction was taken, and drops it; `times` times."""
    left = times

    def answer(params: list[Any], forward: Forward) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            return forward()
        return "0x" + keccak(hexstr=params[0]).hex()

    return answer


def instead(result: Any, times: int) -> Answer:
    """Gives `result` in place of the truth; `times` times."""
    left = times

    def answer(params: list[Any], forward: Forward) -> Any:
        nonlocal left
        left -= 1
        return result if left >= 0 else forward()

    return answer


@contextmanager
def faulty_node(upstream: str) -> Iterator[FaultyNode]:
    """A faulty node in front of the chain at `upstream`, until the block ends."""
    node = FaultyNode(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Else each answer waits 40 ms for the other side to confirm its head.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                content = json.dumps(node.post(body)).encode()
            except CutError:
                # No JSON: the client's library would try again, at length, after an answer that never came.
                content = b"gone"
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    node.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
