"""Bearer tokens of a till: shown once, stored hashed, void at once when revoked.

A token is 256 random bits, so one round of SHA-256 protects it as well as a slow hash would.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from troc.errors import InputError
from troc.serving.refusal import RefusalError
from troc.store import reading
from troc.till.tables import tokens
from troc.till.writer import Turn

_PREFIX = "troc_till_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Token:
    """A token without its secret. Times are Unix seconds; `revoked` None: good."""

    name: str
    made: int
    revoked: int | None


def digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def add(engine: Engine, name: str) -> str:
    """Make a token. It is shown this once."""
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name for a token", "use 1 to 64 letters, digits and _ . -")
    token = _PREFIX + secrets.token_urlsafe(32)
    with engine.begin() as connection:
        if connection.scalar(sa.select(tokens.c.name).where(tokens.c.name == name)) is not None:
            raise InputError(f"there is a token {name} already", "choose another name")
        connection.execute(tokens.insert().values(name=name, digest=digest(token), made=int(time.time())))
    return token


def listed(engine: Engine) -> list[Token]:
    """All tokens, by name."""
    with reading(engine) as connection:
        rows = connection.execute(
            sa.select(tokens.c.name, tokens.c.made, tokens.c.revoked).order_by(tokens.c.name)
        )
        return [Token(*row) for row in rows]


def revoke(engine: Engine, name: str) -> None:
    """End a token, at once and for good."""
    with engine.begin() as connection:
        found = connection.execute(
            tokens.update()
            .where(tokens.c.name == name, tokens.c.revoked.is_(None))
            .values(revoked=int(time.time()))
        )
        if found.rowcount == 0:
            raise InputError(f"there is no good token {name!r}", "see `troc till token list`")


def holder_of(turn: Turn, token: str) -> str:
    """The name of a good token; asked anew in each transaction."""
    if token not in turn.tokens:
        name = turn.connection.scalar(
            sa.select(tokens.c.name).where(tokens.c.digest == digest(token), tokens.c.revoked.is_(None))
        )
        if name is None:
            raise RefusalError(
                "token_unknown",
                401,
                "this token is unknown or was revoked",
                "send `Authorization: Bearer …` with a good one (`troc till token add`)",
            )
        turn.tokens[token] = str(name)
    return turn.tokens[token]
