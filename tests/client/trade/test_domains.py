"""`troc.domains`: whether a domain says of itself that points are its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from troc.domains import fetch_https, is_domain, is_proven, proof_url

TOKEN = "0x" + "70" * 20


def serving(content: object) -> bool:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return is_proven("biobox.example", 31337, TOKEN, lambda url: text)


def test_a_domain_that_names_the_token_proves_it() -> None:
    asked = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return json.dumps(
            {"points": [{"chainId": 1, "token": TOKEN}, {"chainId": 31337, "token": TOKEN}]}
        ).encode()

    assert is_proven("biobox.example", 31337, TOKEN, fetch)
    assert asked == ["https://biobox.example/.well-known/troc.json"] == [proof_url("biobox.example")]


@pytest.mark.parametrize(
    "content",
    [
        {"points": [{"chainId": 1, "token": TOKEN}]},
        {"points": [{"chainId": "31337", "token": TOKEN}]},
        {"points": [{"chainId": 31337, "token": "0x" + "71" * 20}]},
        {"points": [{"chainId": 31337, "token": None}]},
        {"points": {"chainId": 31337, "token": TOKEN}},
        {"points": [TOKEN]},
        [],
        b"<html>",
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_anything_else_proves_nothing(content: object) -> None:
    assert not serving(content)


def test_a_domain_that_cannot_be_reached_proves_nothing() -> None:
    def fetch(url: str) -> bytes:
        raise OSError("no route")

    assert not is_proven("biobox.example", 31337, TOKEN, fetch)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example",
        "biobox.example/x",
        "biobox.example:1",
        "a@b.example",
        "-a.example",
        "b..example",
        "B.example",
        "127.0.0.1",
    ],
)
def test_is_domain_refuses(text: str) -> None:
    assert not is_domain(text)
    assert not is_proven(
        text, 31337, TOKEN, lambda url: json.dumps({"points": [{"chainId": 31337, "token": TOKEN}]}).encode()
    )


@pytest.fixture
def server() -> Iterator[str]:
    """A server that redirects, or serves as many bytes as asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/10")
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * int(self.path[1:]))

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_fetch_follows_no_redirect_and_reads_no_flood(server: str) -> None:
    assert fetch_https(f"{server}/10") == b"x" * 10
    with pytest.raises(OSError, match="302"):
        fetch_https(f"{server}/moved")
    with pytest.raises(OSError, match="too much"):
        fetch_https(f"{server}/70000")
