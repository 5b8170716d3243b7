"""What services answer over HTTP when they say no, and how much of a request they read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from troc.errors import InputError, NetworkError, StoreError, TrocError
from troc.serving.refusal import RefusalError

_BODY_SECONDS = 10.0


class ErrorAnswer(BaseModel):
    """Why not. `code` is for programs, `message` and `remedy` for people."""

    model_config = ConfigDict(extra="forbid")

    code: str
    message: str
    remedy: str


def prepare(app: FastAPI, service: str, largest_body: int) -> None:
    """Answer every error as `ErrorAnswer`, and read at most `largest_body` bytes of a request, in time."""
    app.add_exception_handler(TrocError, _refuse)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _no_request)

    async def broken(request: Request, error: Exception) -> JSONResponse:
        return answer(
            500, "internal", f"the {service} failed", "look at its log, and send the same request again"
        )

    app.add_exception_handler(Exception, broken)
    app.state.direct = {}
    app.add_middleware(_SmallBodies, largest=largest_body, direct=app.state.direct)


Known = TypeVar("Known")
Body = TypeVar("Body", bound=BaseModel)


def direct(
    app: FastAPI,
    path: str,
    model: type[Body],
    known: Callable[[Scope], Known],
    endpoint: Callable[[Body, Known], Awaitable[Response]],
) -> None:
    """Answer POST requests for `path` by `endpoint` without FastAPI's way to it, which takes longer than the
    services themselves do. `prepare` came before.

    The route stands in the app as well, for /docs, with the same body (`model`) and the same errors; `known`
    gives the other argument, for which FastAPI has dependencies.
    """

    async def handle(scope: Scope, body: bytes) -> Response:
        try:
            who = known(scope)
            return await endpoint(_parsed(model, scope, body), who)
        except TrocError as error:
            return _refusal(error)
        except RequestValidationError as error:
            return _malformed_body(error, header(scope, b"content-type"))

    app.state.direct[path] = handle


def header(scope: Scope, name: bytes) -> str:
    """A header of a request; empty where it has none."""
    return next((value.decode("latin-1") for each, value in scope["headers"] if each == name), "")


def _parsed(model: type[Body], scope: Scope, body: bytes) -> Body:
    kind = header(scope, b"content-type").split(";", 1)[0].strip().lower()
    if not re.fullmatch(r"application/([^/]+\+)?json", kind):
        raise RequestValidationError([{"loc": ("body",), "msg": "this is no JSON"}])
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise RequestValidationError([{**first, "loc": ("body", *first["loc"])}]) from None


def bearer(what: str) -> Callable[..., Awaitable[str]]:
    """A dependency that gives the token of a request; `what` says what the token is."""
    scheme = HTTPBearer(description=what, auto_error=False)

    async def token(found: HTTPAuthorizationCredentials | None = Depends(scheme)) -> str:  # noqa: B008
        if found is None:
            raise _token_missing()
        return found.credentials

    return token


def bearer_of(scope: Scope) -> str:
    """The token of a request, as `bearer` finds it."""
    scheme, _, found = header(scope, b"authorization").partition(" ")
    if scheme.lower() != "bearer" or not found.strip():
        raise _token_missing()
    return found.strip()


def _token_missing() -> RefusalError:
    return RefusalError(
        "token_missing", 401, "the request has no token", "send `Authorization: Bearer …` with it"
    )


def parse_hex(text: str) -> bytes:
    """The bytes of a signature in hex."""
    try:
        if not text.startswith("0x"):
            raise ValueError
        return bytes.fromhex(text[2:])
    except ValueError:
        raise InputError("the signature is not in hex", "write 0x and hex digits") from None


def answer(status: int, code: str, message: str, remedy: str) -> JSONResponse:
    """A refusal as HTTP carries it."""
    headers = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "1"}}.get(status)
    return JSONResponse({"code": code, "message": message, "remedy": remedy}, status, headers)


class _SmallBodies:
    """Reads no more of a request than the service's own requests need, whoever sends it, and waits for no
    more than that takes. What `direct` named is answered from here.
    """

    def __init__(self, app: ASGIApp, largest: int, direct: Mapping[str, _Handler]) -> None:
        self._app = app
        self._largest = largest
        self._direct = direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parts: list[bytes] = []
        size, more = 0, True
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                while more and size <= self._largest:
                    part = await receive()
                    if part["type"] == "http.disconnect":
                        return
                    parts.append(part.get("body", b""))
                    size += len(parts[-1])
                    more = part.get("more_body", False)
        except TimeoutError:
            refusal = answer(408, "too_slow", "the request did not arrive in time", "send it again")
            await refusal(scope, receive, send)
            return
        if size > self._largest:
            refusal = answer(
                413, "too_large", "the request is too large", f"send at most {self._largest:,} bytes"
            )
            await refusal(scope, receive, send)
            return
        handle = self._direct.get(scope["path"]) if scope["method"] == "POST" else None
        if handle is not None:
            response = await handle(scope, b"".join(parts))
            await response(scope, receive, send)
            return
        read = False

        async def replay() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": b"".join(parts), "more_body": False}

        await self._app(scope, replay, send)


_Handler = Callable[[Scope, bytes], Awaitable[Response]]


async def _refuse(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TrocError)
    return _refusal(error)


def _refusal(error: TrocError) -> JSONResponse:
    if isinstance(error, RefusalError):
        return answer(error.status, error.code, error.message, error.remedy)
    status, code = {InputError: (422, "malformed"), NetworkError: (503, "chain_unreachable")}.get(
        type(error), (503, "database") if isinstance(error, StoreError) else (409, "refused")
    )
    return answer(status, code, error.message, error.remedy)


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _malformed_body(error, request.headers.get("content-type", ""))


def _malformed_body(error: RequestValidationError, content_type: str) -> JSONResponse:
    first = error.errors()[0]
    # Without that header a body is not read as JSON, and no word of ours would say why.
    if first["loc"] == ("body",) and "json" not in content_type:
        return answer(
            422,
            "malformed",
            "the request does not say that its body is JSON",
            "send the header `content-type: application/json` with it",
        )
    where = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    return answer(422, "malformed", f"{where}: {first['msg']}", "see /docs for what is expected")


async def _no_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return answer(error.status_code, "malformed", error.detail, "see /docs for what is expected")
