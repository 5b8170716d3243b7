"""Places for a vault: a folder, memory, and an S3-compatible server that runs here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client.data.vault_cases import BASKETS, HOUSEHOLD, PASSPHRASE, WORK, fresh_url, home, signer, vault
from troc.accounts import Signer
from troc.anvil import free_port
from troc.data.manifest import open_record
from troc.data.stores import Store
from troc.data.vault import Vault
from troc.errors import InputError, StoreError

__all__ = ["home", "signer", "vault"]


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """The client of a server with two buckets; "kept" keeps old versions."""
    from botocore.session import get_session
    from moto.server import ThreadedMotoServer

    port = free_port()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patched:
        for name, value in settings.items():
            patched.setenv(name, value)
        client = get_session().create_client("s3")
        client.create_bucket(Bucket="plain")
        client.create_bucket(Bucket="kept")
        client.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
        try:
            yield client
        finally:
            server.stop()


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "s3":
        request.getfixturevalue("s3")
        return Store.open(f"s3://plain/{tmp_path.name}")
    return Store.open(str(tmp_path / "files") if request.param == "folder" else fresh_url())


def test_a_place_keeps_files(store: Store) -> None:
    assert store.names() == []
    assert store.read("a/one") is None
    assert store.read_part("a/one", 0, 3) is None
    assert not store.has("a/one")
    store.write("a/one", b"0123456789")
    store.write("a/one", b"abcdefghij")
    store.write("two", b"")
    assert store.read("a/one") == b"abcdefghij"
    assert store.read_part("a/one", 2, 5) == b"cde"
    assert store.read_part("a/one", 8, 50) == b"ij"
    assert store.read("two") == b""
    assert store.names() == ["a/one", "two"]
    assert store.names("a") == ["a/one"]
    assert store.has("two")
    store.delete("two")
    store.delete("two")
    assert store.names() == ["a/one"]
    assert not store.has("two")


def test_a_whole_life_on_s3(s3: Any, home: Path, tmp_path: Path, signer: Signer) -> None:
    vault = Vault.create(home / "vault", PASSPHRASE, "s3://plain/life", WORK)
    manifest = vault.add(BASKETS)
    opened = open_record(manifest, vault.blob(manifest.root), vault.key(manifest.root))
    assert len(opened.rows) == len(BASKETS.rows)
    assert vault.blob_part(manifest.root, 300, 700) == vault.blob(manifest.root)[300:700]
    phrase = vault.phrase
    vault.move(str(tmp_path / "files"))
    assert "Contents" not in s3.list_objects_v2(Bucket="plain", Prefix="life/")
    vault.move("s3://plain/again")
    other = Vault.restore(tmp_path / "other", phrase, PASSPHRASE, "s3://plain/again", WORK)
    assert other.verify(manifest.root) == []
    assert other.erase(manifest.root, signer).is_signed
    left = [entry["Key"] for entry in s3.list_objects_v2(Bucket="plain", Prefix="again/")["Contents"]]
    assert not [name for name in left if "copies" in name or "records" in name]


def test_erasing_leaves_no_old_version_behind(s3: Any, home: Path, signer: Signer) -> None:
    vault = Vault.create(home / "vault", PASSPHRASE, "s3://kept/mine", WORK)
    manifest = vault.add(HOUSEHOLD)
    vault.store.write(f"copies/{manifest.root.hex()}.blob", vault.blob(manifest.root))
    vault.erase(manifest.root, signer)
    found = s3.list_object_versions(Bucket="kept", Prefix="mine/")
    names = [entry["Key"] for entry in [*found["Versions"], *found.get("DeleteMarkers", ())]]
    assert not [name for name in names if "copies" in name or "records" in name]


def test_a_place_that_is_away_is_said_in_one_line(s3: Any) -> None:
    with pytest.raises(StoreError) as caught:
        Store.open("s3://nobody-made-this/x").write("a", b"b")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["s3://me:secret@host/bucket", "nonsense://x", "simplecache::s3://plain/x"])
def test_refuses_what_is_no_place(url: str) -> None:
    with pytest.raises(InputError) as caught:
        Store.open(url)
    assert "secret" not in str(caught.value)


def test_a_folder_is_for_its_owner_and_holds_no_drafts(vault: Vault, tmp_path: Path) -> None:
    vault.move(str(tmp_path / "files"))
    manifest = vault.add(HOUSEHOLD)
    paths = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)
    draft = tmp_path / "files" / "copies" / f".draft-{manifest.root.hex()}.blob.1"
    draft.write_bytes(b"half")
    assert not [name for name in vault.store.names() if "draft" in name]
    with vault.working():
        pass
    assert not draft.exists()


def test_a_disk_that_is_full_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "files"
    store = Store.open(str(folder))
    store.write("one", b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        store.write("one", b"new")
    monkeypatch.undo()
    assert store.read("one") == b"old"
    assert store.names() == ["one"]
    assert [path.name for path in folder.iterdir()] == ["one"]
