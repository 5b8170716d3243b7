"""Serving sealed copies: to whom, which bytes, until when; and fetching them over a bad line."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient

from tests.client.core.command import environment
from tests.client.data.vault_cases import BASKETS, HOUSEHOLD, home, signer, vault
from troc.accounts import Signer
from troc.anvil import free_port
from troc.data import serving
from troc.data.chunks import Content
from troc.data.manifest import Manifest
from troc.data.serving import Link, create_app, fetch, fetch_manifest
from troc.data.vault import Shelf, Vault
from troc.errors import InputError, NetworkError, TamperedError
from troc.serving.refusal import RefusalError

__all__ = ["home", "signer", "vault"]


class Buyer:
    """Somebody with a token for the first copy."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self.manifest = vault.add(BASKETS)
        self.blob = vault.blob(self.manifest.root)
        self.token = vault.grant(self.manifest.root, "buyer", 60)
        self.http = TestClient(create_app(Shelf(vault.folder)), raise_server_exceptions=False)

    def get(self, what: str, token: str | None = None, root: bytes | None = None, **headers: str) -> Any:
        named = "0x" + (root or self.manifest.root).hex()
        sent = {"Authorization": f"Bearer {token or self.token}"} if token != "" else {}
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.get(f"/data/{named}/{what}", headers=sent | headers)


@pytest.fixture
def buyer(vault: Vault) -> Buyer:
    return Buyer(vault)


def test_who_has_a_token_gets_manifest_and_blob(buyer: Buyer) -> None:
    assert Manifest.from_json(buyer.get("manifest").json()) == buyer.manifest
    answer = buyer.get("blob")
    assert (answer.status_code, answer.content) == (200, buyer.blob)
    assert answer.headers["content-length"] == str(len(buyer.blob))
    assert answer.headers["cache-control"] == "no-store"


def test_nobody_else_gets_anything(buyer: Buyer) -> None:
    other = buyer.vault.add(HOUSEHOLD)
    for what in ("manifest", "blob"):
        refused = {
            buyer.get(what, token="").json()["code"],
            buyer.get(what, token="troc_data_" + "x" * 43).json()["code"],
            buyer.get(what, root=other.root).json()["code"],
            buyer.get(what, root=bytes(32)).json()["code"],
        }
        assert refused == {"token_missing", "token_unknown"}
        assert buyer.get(what, token="../../vault").status_code == 401
    assert buyer.http.get(f"/data/{'0' * 64}/blob").status_code == 401
    for path in ("/", "/data", "/data/", "/tokens", "/copies"):
        assert buyer.http.get(path, headers={"Authorization": f"Bearer {buyer.token}"}).status_code == 404


def test_a_token_ends(buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    (grant,) = buyer.vault.grants(buyer.manifest.root)
    assert grant.who == "buyer"
    assert buyer.token not in str(buyer.vault.grants())
    now = time.time()
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: now + 3600)
        assert buyer.get("blob").json()["code"] == "token_expired"
        assert buyer.vault.grants() == []
    assert buyer.get("blob").status_code == 200
    name = f"tokens/{grant.number}"
    kept = buyer.vault.store.read(name)
    assert kept is not None
    buyer.vault.store.write(name, b"{}")
    assert buyer.get("blob").status_code == 401
    buyer.vault.store.write(name, kept)
    buyer.vault.revoke(grant.number[:12])
    assert buyer.get("blob").status_code == 401
    with pytest.raises(InputError):
        buyer.vault.revoke(grant.number)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-999", 100, 1000),
        ("bytes=255-256", 255, 257),
        ("bytes=5000-", 5000, None),
        ("bytes=-300", -300, None),
        ("bytes=0-99999999", 0, None),
    ],
)
def test_sends_a_part(buyer: Buyer, asked: str, start: int, end: int | None) -> None:
    answer = buyer.get("blob", Range=asked)
    assert (answer.status_code, answer.content) == (206, buyer.blob[start:end])
    first = start % len(buyer.blob)
    shown = f"bytes {first}-{first + len(answer.content) - 1}/{len(buyer.blob)}"
    assert answer.headers["content-range"] == shown


@pytest.mark.parametrize(
    "asked", ["bytes=99999999-", "bytes=9-3", "bytes=-", "rows=1-2", "bytes=0-1,5-6", "bytes=-0"]
)
def test_refuses_a_part_that_is_none(buyer: Buyer, asked: str) -> None:
    answer = buyer.get("blob", Range=asked)
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(buyer.blob)}"


def test_sends_all_where_the_copy_is_another(buyer: Buyer) -> None:
    tag = buyer.get("blob").headers["etag"]
    assert buyer.get("blob", Range="bytes=0-9", if_range=tag).status_code == 206
    assert buyer.get("blob", Range="bytes=0-9", if_range='"other"').status_code == 200


def test_what_was_erased_is_gone(buyer: Buyer, signer: Signer) -> None:
    assert buyer.get("blob").status_code == 200
    buyer.vault.erase(buyer.manifest.root, signer)
    for what in ("manifest", "blob"):
        answer = buyer.get(what)
        assert (answer.status_code, answer.json()["code"]) == (410, "erased")
    assert buyer.get("blob", token="troc_data_" + "x" * 43).status_code == 401


def test_a_damaged_chunk_is_never_sent(buyer: Buyer) -> None:
    name = f"copies/{buyer.manifest.root.hex()}.blob"
    broken = bytearray(buyer.blob)
    broken[5 * 256] ^= 1
    buyer.vault.store.write(name, bytes(broken))
    assert buyer.get("blob").json()["code"] == "damaged"
    assert buyer.get("blob", Range="bytes=0-1279").content == buyer.blob[:1280]
    assert buyer.get("blob", Range="bytes=1281-1281").status_code == 503


def test_a_large_request_is_refused(buyer: Buyer) -> None:
    sent = buyer.http.request("GET", "/health", content=b"x" * 5000)
    assert sent.status_code == 413


# ------------------------------------------------------------------------------------------------- fetching


@pytest.fixture
def served(vault: Vault) -> Iterator[Callable[[Content], tuple[Link, Manifest]]]:
    """Adds a record and serves it on a real port."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(create_app(Shelf(vault.folder)), port=port, log_level="critical", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)

    def add(content: Content) -> tuple[Link, Manifest]:
        manifest = vault.add(content)
        token = vault.grant(manifest.root, "buyer", 60)
        return Link.parse(Link.of(f"http://127.0.0.1:{port}", manifest.root, token).text), manifest

    yield add
    server.should_exit = True
    thread.join()


def test_fetches_what_a_link_names(served: Callable[[Content], tuple[Link, Manifest]], vault: Vault) -> None:
    link, manifest = served(Content.of_file(bytes(range(256)) * 10_000))
    assert link.token not in repr(link)
    assert fetch(link, manifest.count) == (manifest, vault.blob(manifest.root))
    with pytest.raises(TamperedError, match="another one"):
        fetch_manifest(link, manifest.count + 1)
    with pytest.raises(RefusalError, match="401"):
        fetch_manifest(Link(link.url, "troc_data_" + "x" * 43), manifest.count)


def test_goes_on_where_it_was_cut_off(
    served: Callable[[Content], tuple[Link, Manifest]], vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, manifest = served(Content.of_file(bytes(3_000_000)))
    whole, starts = serving._get, []

    def cut(link: Link, what: str, start: int) -> Iterator[bytes]:
        starts.append(start)
        parts = whole(link, what, start)
        yield next(parts)
        if what == "blob" and len(starts) < 4:
            raise NetworkError("the line is cut", "try again")
        yield from parts

    monkeypatch.setattr(serving, "_get", cut)
    assert serving.fetch_blob(link, manifest) == vault.blob(manifest.root)
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert len(starts) >= 3


def test_a_seller_who_sends_too_much_or_too_little(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    manifest = vault.add(HOUSEHOLD)
    link = Link(f"http://127.0.0.1:1/data/0x{manifest.root.hex()}", "x" * 30)

    def endless(link: Link, what: str, start: int) -> Iterator[bytes]:
        while True:
            yield bytes(2**20)

    def short(link: Link, what: str, start: int) -> Iterator[bytes]:
        yield from ()

    monkeypatch.setattr(serving, "_get", endless)
    with pytest.raises(TamperedError, match="more arrives"):
        serving.fetch_blob(link, manifest)
    with pytest.raises(InputError, match="larger"):
        fetch_manifest(link, 16)
    monkeypatch.setattr(serving, "_get", short)
    with pytest.raises(NetworkError, match="whole"):
        serving.fetch_blob(link, manifest)
    monkeypatch.undo()
    with pytest.raises(NetworkError, match="does not answer"):
        fetch_manifest(link, 16)


@pytest.mark.parametrize("text", ["", "https://x", "ftp://x/data/0x" + "1" * 64 + "#" + "t" * 30, "x#y"])
def test_refuses_what_is_no_link(text: str) -> None:
    with pytest.raises(InputError):
        Link.parse(text)


def test_a_service_of_its_own_is_opened_and_closed(vault: Vault, home: Path, tmp_path: Path) -> None:
    """`troc data serve` as it is run: in a folder, without a passphrase, ended by a signal."""
    vault.move(str(tmp_path / "files"))
    manifest = vault.add(HOUSEHOLD)
    port = free_port()
    link = Link.of(f"http://127.0.0.1:{port}", manifest.root, vault.grant(manifest.root, "buyer", 60))
    service = subprocess.Popen(
        [sys.executable, "-m", "troc", "data", "serve", "--port", str(port)],
        env=environment(home) | {"TROC_HOME": str(vault.folder.parent)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert service.stdout is not None
    try:
        said = f"The vault is open at http://127.0.0.1:{port}, to those who have a token.\n"
        assert service.stdout.readline() == said
        eventually(lambda: answers(port))
        assert fetch(link, manifest.count) == (manifest, vault.blob(manifest.root))
    finally:
        service.terminate()
    assert service.wait(20) == 0
    assert service.stdout.read() == "The vault is closed.\n"


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def eventually(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    give_up = time.monotonic() + 20
    while not true():
        assert time.monotonic() < give_up, "it never came true"
        time.sleep(0.02)
