"""Where a vault's files lie: any URL that fsspec knows. A folder, memory, or an S3-compatible server.

A write is whole or not there, and on the disk when it returns. An S3 server is reached as its own settings
say (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, ... or a profile): no secret stands in a URL. Where a bucket
keeps old versions, deleting deletes those too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from troc.errors import InputError, StoreError
from troc.files import DRAFT, sync_folder, write_file

try:
    from fsspec.core import url_to_fs
except ImportError:  # pragma: no cover
    raise InputError(
        "a vault needs fsspec", "run `pip install '.[data]'` in the folder of this project"
    ) from None


@dataclass(frozen=True)
class Store:
    """Files by name, such as "copies/0x12.blob". Raises `StoreError` where the place does not answer."""

    url: str
    _fs: Any = field(repr=False, compare=False)
    _base: str = field(repr=False, compare=False)

    @classmethod
    def open(cls, url: str) -> Store:
        """Open a place; a local folder is made when something is written."""
        if "://" in url and "@" in url.split("://", 1)[1].split("/", 1)[0]:
            raise InputError(
                "there is a password in the address of the vault", "set it where the server says"
            )
        if "::" in url:
            # A cache on the way would keep copies that no erasure reaches.
            raise InputError(f"{url} leads through another place", "name the place itself")
        if "://" not in url and not url.startswith("memory:"):
            url = str(Path(url).expanduser().resolve())
        try:
            fs, base = url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise InputError(
                f"{url} is no place for a vault ({error})",
                "name a folder, s3://bucket/folder, or another address that fsspec knows",
            ) from None
        return cls(url.rstrip("/"), fs, str(base).rstrip("/"))

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is none."""
        with self._asking():
            try:
                return bytes(self._fs.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def read_part(self, name: str, start: int, end: int) -> bytes | None:
        """Bytes `start` to `end` (not included) of a file."""
        with self._asking():
            try:
                return bytes(self._fs.cat_file(self._path(name), start=start, end=end))
            except FileNotFoundError:
                return None

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        with self._asking():
            self._fs.invalidate_cache()
            return bool(self._fs.exists(self._path(name)))

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file, in place of what is there."""
        path = self._path(name)
        with self._asking():
            if self._is_local:
                write_file(Path(path), data)
            else:
                if self._fs.protocol == "memory":
                    self._fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
                self._fs.pipe_file(path, data)

    def delete(self, name: str) -> None:
        """Delete a file, with all versions of it that the place keeps. No file: nothing happens."""
        path = self._path(name)
        with self._asking():
            with contextlib.suppress(FileNotFoundError):
                self._fs.rm_file(path)
            if self._is_local:
                with contextlib.suppress(FileNotFoundError):
                    sync_folder(Path(path).parent)
            elif hasattr(self._fs, "call_s3"):
                self._delete_versions(path)

    def names(self, folder: str = "") -> list[str]:
        """The names of all files, or of those in a folder, sorted."""
        top = self._path(folder) if folder else self._base
        with self._asking():
            self._fs.invalidate_cache()
            try:
                found = self._fs.find(top)
            except FileNotFoundError:
                return []
        start = len(self._base) + 1
        names = sorted(path[start:] for path in found if path.startswith(self._base + "/"))
        return [name for name in names if DRAFT not in name]

    def sweep(self) -> None:
        """Delete what was left of writes that were cut off. Only who works on the vault alone may."""
        if self._is_local:
            with self._asking():
                for draft in Path(self._base).rglob(f"{DRAFT}*"):
                    draft.unlink(missing_ok=True)

    @property
    def _is_local(self) -> bool:
        return "file" in self._fs.protocol

    def _path(self, name: str) -> str:
        return f"{self._base}/{name}"

    def _delete_versions(self, path: str) -> None:
        bucket, key, _ = self._fs.split_path(path)
        found = self._fs.call_s3("list_object_versions", Bucket=bucket, Prefix=key)
        for version in [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]:
            if version["Key"] == key and version["VersionId"] != "null":
                self._fs.call_s3("delete_object", Bucket=bucket, Key=key, VersionId=version["VersionId"])

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            # Each kind of place has errors of its own.
            said = " ".join((str(error) or type(error).__name__).split())[:200]
            raise StoreError(
                f"the vault's place {self.url} does not answer ({said})", "check its address and your rights"
            ) from None
