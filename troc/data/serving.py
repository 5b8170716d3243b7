"""Sealed copies over HTTP, to those who have a token, and fetching them.

A token is for one copy, until a time, and ends at once when it is revoked. A link is the address of a copy
with its token behind the `#`, where servers and their logs do not see it:
`https://vault.example/data/0x12…#troc_data_…`. There is no list of what is there. What is sent was checked
against the manifest; a damaged chunk is never sent. No key and no plaintext comes near this service: it needs
no passphrase.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import requests
from fastapi import Depends, FastAPI, Header
from fastapi.responses import JSONResponse, Response, StreamingResponse

from troc.data.manifest import Manifest
from troc.data.vault import ErasedError, Shelf
from troc.errors import InputError, NetworkError, TamperedError
from troc.serving.http import ErrorAnswer, bearer, prepare
from troc.serving.refusal import RefusalError

DEFAULT_PORT = 8720

_LARGEST_BODY = 1024
_AT_ONCE = 2**20
"""Bytes that are read, checked and sent together."""
_MOST_MANIFESTS = 16
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_ROOT = re.compile(r"0x[0-9a-f]{64}")

_Token = Annotated[str, Depends(bearer("The part of the link behind its #"))]


def create_app(shelf: Shelf) -> FastAPI:
    """The service of a vault."""
    door = _Door(shelf)
    app = FastAPI(
        title="Vault",
        summary="Sealed copies, to those who were let in.",
        version="1",
        responses={
            status: {"model": ErrorAnswer, "description": what}
            for status, what in (
                (401, "No good token for this copy"),
                (410, "Erased"),
                (416, "No such bytes"),
                (503, "The vault's place does not answer, or the copy is damaged"),
            )
        },
    )
    prepare(app, "vault", _LARGEST_BODY)

    @app.get("/data/{root}/manifest", tags=["copies"])
    def manifest(root: str, token: _Token) -> JSONResponse:
        """The manifest of a copy: what a buyer checks before he pays."""
        return JSONResponse(door.enter(root, token).to_json())

    @app.get("/data/{root}/blob", tags=["copies"])
    def blob(
        root: str,
        token: _Token,
        range_: Annotated[str, Header(alias="Range")] = "",
        if_range: Annotated[str, Header(alias="If-Range")] = "",
    ) -> Response:
        """The ciphertexts of a copy, or a part of them (`Range: bytes=0-1023`)."""
        found = door.enter(root, token)
        tag = f'"{root}"'
        headers = {"Accept-Ranges": "bytes", "ETag": tag, "Cache-Control": "no-store"}
        start, end, status = 0, found.size, 200
        if range_ and if_range in ("", tag):
            part = _part(range_, found.size)
            if part is None:
                headers["Content-Range"] = f"bytes */{found.size}"
                body = {"code": "range", "message": "there are no such bytes", "remedy": "ask for others"}
                return JSONResponse(body, 416, headers)
            start, end = part
            status = 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
        headers["Content-Length"] = str(end - start)
        parts = door.read(found, start, end)
        # The first is read now: what goes wrong with it can still be said.
        first = next(parts)

        def body_of() -> Iterator[bytes]:
            yield first
            yield from parts

        return StreamingResponse(body_of(), status, headers, media_type="application/octet-stream")

    @app.get("/health", tags=["vault"])
    def health() -> dict[str, Any]:
        """Whether the service works: it answers."""
        return {"open": True}

    return app


@contextlib.contextmanager
def opened(shelf: Shelf) -> Iterator[Shelf]:
    """A shelf that is ready to be served: what was cut off is taken back or finished."""
    with shelf.working():
        pass
    yield shelf


class _Door:
    """Lets in who has a token, to one copy."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._manifests: dict[bytes, Manifest] = {}

    def enter(self, root: str, token: str) -> Manifest:
        """The manifest of a copy, for who has a good token of it. To all others every root looks the same."""
        grant = self._shelf.granted(token)
        if grant is None or not _ROOT.fullmatch(root) or "0x" + grant.root.hex() != root:
            raise RefusalError(
                "token_unknown",
                401,
                "this token is unknown, was revoked, or is another copy's",
                "ask the seller",
            )
        if grant.until < time.time():
            raise RefusalError("token_expired", 401, "this token has expired", "ask the seller for another")
        try:
            self._shelf.note(grant.root)
            found = self._manifests.get(grant.root) or self._shelf.manifest(grant.root)
        except ErasedError as error:
            self._manifests.pop(grant.root, None)
            raise RefusalError("erased", 410, error.message, "it will not come back") from None
        except TamperedError as error:
            raise _damaged(error) from None
        if len(self._manifests) >= _MOST_MANIFESTS:
            self._manifests.clear()
        self._manifests[grant.root] = found
        return found

    def read(self, manifest: Manifest, start: int, end: int) -> Iterator[bytes]:
        """Bytes of the blob, checked. Stops where one is damaged or gone."""
        step = _AT_ONCE // manifest.chunk_size * manifest.chunk_size
        at = start
        while at < end:
            until = min(end, (at // step + 1) * step)
            try:
                yield self._shelf.blob_part(manifest.root, at, until, manifest)
            except ErasedError as error:
                raise RefusalError("erased", 410, error.message, "it will not come back") from None
            except TamperedError as error:
                raise _damaged(error) from None
            at = until


def _damaged(error: TamperedError) -> RefusalError:
    return RefusalError("damaged", 503, error.message, "ask the seller to mend it")


def _part(text: str, size: int) -> tuple[int, int] | None:
    """The bytes that a range asks for, the end not included; None where there are none."""
    match = _RANGE.fullmatch(text.strip())
    if match is None or match[0] == "bytes=-":
        return None
    if not match[1]:
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(size, int(match[2]) + 1 if match[2] else size)
    return (start, end) if start < end else None


# ------------------------------------------------------------------------------------------------- fetching

_TIMEOUT = (10.0, 30.0)
_TRIES = 5
_MANIFEST_HEAD = 1 << 20
_MANIFEST_CHUNK = 400
"""Bytes of a manifest: at most, and for each chunk."""


@dataclass(frozen=True)
class Link:
    """Where a copy can be fetched, and with which token. Printing it does not show the token."""

    url: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, base: str, root: bytes, token: str) -> Link:
        """The link to a copy of the service at `base`."""
        return cls(f"{base.rstrip('/')}/data/0x{root.hex()}", token)

    @classmethod
    def parse(cls, text: str) -> Link:
        """Read what `text` wrote."""
        url, _, token = text.strip().partition("#")
        if not re.fullmatch(r"https?://[^\s?#]+/data/0x[0-9a-f]{64}", url) or not re.fullmatch(
            r"[\w-]{20,100}", token
        ):
            raise InputError(
                "this is no link to a sealed copy", "copy the whole of it, with what is behind the #"
            )
        return cls(url, token)

    @property
    def text(self) -> str:
        """For a message. Who has it can fetch the sealed copy, and read nothing without its key."""
        return f"{self.url}#{self.token}"

    @property
    def root(self) -> bytes:
        """The copy's root."""
        return bytes.fromhex(self.url[-64:])


def fetch_manifest(link: Link, count: int) -> Manifest:
    """The manifest behind a link, checked; `count`: how many chunks the deal names. Raises `NetworkError`
    where the service does not answer or says no, `InputError` or `TamperedError` for a wrong manifest.
    """
    most = _MANIFEST_HEAD + count * _MANIFEST_CHUNK
    data = b""
    for piece in _get(link, "manifest", 0):
        data += piece
        if len(data) > most:
            raise InputError("the manifest is larger than the deal allows", "do not pay for it")
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        parsed = None
    found = Manifest.from_json(parsed)
    if found.root != link.root or found.count != count:
        raise TamperedError("this manifest is another one than the deal names", "do not pay for it")
    return found


def fetch_blob(link: Link, manifest: Manifest) -> bytes:
    """The ciphertexts behind a link, checked. A fetch that is cut off goes on where it was. Raises
    `TamperedError` for the first damaged chunk, `NetworkError` where it does not arrive.
    """
    data = bytearray()
    for left in reversed(range(_TRIES)):
        before = len(data)
        try:
            for piece in _get(link, "blob", len(data)):
                data += piece
                if len(data) > manifest.size:
                    raise TamperedError("more arrives than was sold", "do not pay for it")
        except NetworkError:
            if not left and len(data) == before:
                raise
        if len(data) == manifest.size:
            break
    else:
        raise NetworkError("the sealed copy does not arrive whole", "try again in a while")
    if faults := manifest.check_blob(bytes(data)):
        raise TamperedError(
            f"the sealed copy is damaged: {faults[0]}", "fetch it again, and do not pay for it"
        )
    return bytes(data)


def fetch(link: Link, count: int) -> tuple[Manifest, bytes]:
    """Manifest and ciphertexts behind a link, both checked: what a buyer has before he pays."""
    found = fetch_manifest(link, count)
    return found, fetch_blob(link, found)


def _get(link: Link, what: str, start: int) -> Iterator[bytes]:
    headers = {"Authorization": f"Bearer {link.token}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        with requests.get(
            f"{link.url}/{what}", headers=headers, timeout=_TIMEOUT, stream=True, allow_redirects=False
        ) as answer:
            if answer.status_code not in (200, 206):
                said = f"the seller's vault says no ({answer.status_code}: {_said(answer)})"
                raise RefusalError("refused", answer.status_code, said, "ask the seller")
            if start and answer.status_code == 200:
                raise NetworkError("the seller's vault does not go on where it was", "try again")
            yield from answer.iter_content(_AT_ONCE)
    except requests.RequestException as error:
        raise NetworkError(
            f"the seller's vault does not answer ({type(error).__name__})", "try again in a while"
        ) from None


def _said(answer: requests.Response) -> str:
    try:
        text = answer.raw.read(2000, decode_content=True)
        return str(json.loads(text)["message"])[:200]
    except Exception:
        return "without a reason"
