"""Bearer tokens of a service: shown once, stored hashed, void at once when revoked.

A token is 256 random bits, so one round of SHA-256 protects it as well as a slow hash would.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import cached_property

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from troc import words
from troc.errors import InputError
from troc.serving.refusal import RefusalError
from troc.store import reading

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Token:
    """A token without its secret. Times are Unix seconds; `revoked` None: good."""

    name: str
    made: int
    revoked: int | None

    def __str__(self) -> str:
        ended = f", revoked {words.day(self.revoked)}" if self.revoked else ""
        return f"{self.name}  since {words.day(self.made)}{ended}"


def token_table(name: str, tables: sa.MetaData) -> sa.Table:
    """Where a service keeps its tokens."""
    return sa.Table(
        name,
        tables,
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("made", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.BigInteger),
    )


def digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True)
class Tokens:
    """The tokens of one service. Each begins with `prefix`; `command` is how they are made and listed."""

    table: sa.Table
    prefix: str
    command: str

    @cached_property
    def _good(self) -> sa.Select[tuple[str]]:
        columns = self.table.c
        return sa.select(columns.name).where(
            columns.digest == sa.bindparam("its_digest"), columns.revoked.is_(None)
        )

    def add(self, engine: Engine, name: str) -> str:
        """Make a token. It is shown this once."""
        if not _NAME.fullmatch(name):
            raise InputError(f"{name!r} is no name for a token", "use 1 to 64 letters, digits and _ . -")
        token = self.prefix + secrets.token_urlsafe(32)
        columns = self.table.c
        with engine.begin() as connection:
            if connection.scalar(sa.select(columns.name).where(columns.name == name)) is not None:
                raise InputError(f"there is a token {name} already", "choose another name")
            connection.execute(
                self.table.insert().values(name=name, digest=digest(token), made=int(time.time()))
            )
        return token

    def listed(self, engine: Engine) -> list[Token]:
        """All tokens, by name."""
        columns = self.table.c
        with reading(engine) as connection:
            rows = connection.execute(
                sa.select(columns.name, columns.made, columns.revoked).order_by(columns.name)
            )
            return [Token(*row) for row in rows]

    def revoke(self, engine: Engine, name: str) -> None:
        """End a token, at once and for good."""
        columns = self.table.c
        with engine.begin() as connection:
            found = connection.execute(
                self.table.update()
                .where(columns.name == name, columns.revoked.is_(None))
                .values(revoked=int(time.time()))
            )
            if found.rowcount == 0:
                raise InputError(f"there is no good token {name!r}", f"see `{self.command} list`")

    def holder_of(self, connection: sa.Connection, known: MutableMapping[str, str], token: str) -> str:
        """The name of a good token, which `known` remembers for one transaction."""
        if token not in known:
            name = connection.scalar(self._good, {"its_digest": digest(token)})
            if name is None:
                raise RefusalError(
                    "token_unknown",
                    401,
                    "this token is unknown or was revoked",
                    f"send `Authorization: Bearer …` with a good one (`{self.command} add`)",
                )
            known[token] = str(name)
        return known[token]
