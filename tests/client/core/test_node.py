"""How a node is reached: plainly where that is all it takes, by requests where it takes more."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from web3.types import RPCEndpoint

from troc.chain import Node
from troc.errors import NetworkError

_BLOCK = RPCEndpoint("eth_blockNumber")


class _Seen:
    """What a server was asked: each path, its headers and what was posted. `answer` gives a status, headers
    and what JSON it answers.
    """

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[str], tuple[int, dict[str, str]]] = lambda path: (200, {})
        seen = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                seen.paths.append(self.path)
                seen.headers.append({name.lower(): value for name, value in self.headers.items()})
                status, headers = seen.answer(self.path)
                many = asked if isinstance(asked, list) else [asked]
                told = [{"jsonrpc": "2.0", "id": each["id"], "result": "0x7"} for each in many]
                body = json.dumps(told if isinstance(asked, list) else told[0]).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[_Seen]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    seen = _Seen()
    yield seen
    seen.server.shutdown()
    seen.server.server_close()


def _number(node: Node) -> Any:
    return node.make_request(_BLOCK, [])["result"]


def test_keeps_path_and_question_of_the_address(seen: _Seen) -> None:
    node = Node(f"http://{seen.host}/v3/key?token=a")
    assert _number(node) == "0x7"
    assert [each["result"] for each in node.make_batch_request([(_BLOCK, []), (_BLOCK, [])])] == ["0x7"] * 2
    assert seen.paths == ["/v3/key?token=a"] * 2
    assert seen.headers[0]["content-type"] == "application/json"


def test_sends_the_password_of_the_address(seen: _Seen) -> None:
    assert _number(Node(f"http://me:secret@{seen.host}")) == "0x7"
    assert seen.headers[0]["authorization"] == "Basic " + base64.b64encode(b"me:secret").decode()


def test_sends_the_password_of_a_netrc_file(seen: _Seen, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    assert _number(Node(f"http://{seen.host}")) == "0x7"
    assert seen.headers[0]["authorization"] == "Basic " + base64.b64encode(b"me:secret").decode()


def test_goes_by_the_proxy_of_the_environment(seen: _Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://{seen.host}")
    assert _number(Node("http://node.example/rpc")) == "0x7"
    assert seen.paths == ["http://node.example/rpc"]


def test_follows_where_the_node_moved(seen: _Seen) -> None:
    seen.answer = lambda path: (200, {}) if path == "/new" else (308, {"Location": "/new"})
    assert _number(Node(f"http://{seen.host}/old")) == "0x7"
    assert seen.paths[-1] == "/new"


def test_says_what_the_node_answers_instead(seen: _Seen) -> None:
    seen.answer = lambda path: (503, {})
    node = Node(f"http://me:secret@{seen.host}")
    for asked in (node, Node(f"http://{seen.host}")):
        with pytest.raises(NetworkError, match=rf"the node at {seen.host} answers 503"):
            asked.make_batch_request([(_BLOCK, [])])


def test_says_that_nothing_is_there(seen: _Seen) -> None:
    node = Node("http://127.0.0.1:1")
    with pytest.raises(NetworkError, match=r"the node at 127.0.0.1:1 does not answer"):
        node.make_batch_request([(_BLOCK, [])])
