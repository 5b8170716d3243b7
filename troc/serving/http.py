"""What services answer over HTTP when they say no, and how much of a request they read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict
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
    app.add_middleware(_SmallBodies, largest=largest_body)


def bearer(what: str) -> Callable[..., Awaitable[str]]:
    """A dependency that gives the token of a request; `what` says what the token is."""
    scheme = HTTPBearer(description=what, auto_error=False)

    async def token(found: HTTPAuthorizationCredentials | None = Depends(scheme)) -> str:  # noqa: B008
        if found is None:
            raise RefusalError(
                "token_missing", 401, "the request has no token", "send `Authorization: Bearer …` with it"
            )
        return found.credentials

    return token


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
    more than that takes.
    """

    def __init__(self, app: ASGIApp, largest: int) -> None:
        self._app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parts: list[bytes] = []
        size, more = 0, True
        give_up = time.monotonic() + _BODY_SECONDS
        while more:
            try:
                part = await asyncio.wait_for(receive(), max(0.0, give_up - time.monotonic()))
            except TimeoutError:
                refusal = answer(408, "too_slow", "the request did not arrive in time", "send it again")
                await refusal(scope, receive, send)
                return
            if part["type"] == "http.disconnect":
                return
            parts.append(part.get("body", b""))
            size += len(parts[-1])
            more = part.get("more_body", False)
            if size > self._largest:
                refusal = answer(
                    413, "too_large", "the request is too large", f"send at most {self._largest:,} bytes"
                )
                await refusal(scope, receive, send)
                return
        read = False

        async def replay() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": b"".join(parts), "more_body": False}

        await self._app(scope, replay, send)


async def _refuse(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TrocError)
    if isinstance(error, RefusalError):
        return answer(error.status, error.code, error.message, error.remedy)
    status, code = {InputError: (422, "malformed"), NetworkError: (503, "chain_unreachable")}.get(
        type(error), (503, "database") if isinstance(error, StoreError) else (409, "refused")
    )
    return answer(status, code, error.message, error.remedy)


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    # Without that header a body is not read as JSON, and no word of ours would say why.
    if first["loc"] == ("body",) and "json" not in request.headers.get("content-type", ""):
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
