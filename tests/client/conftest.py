"""The client's tests have chains of their own, and need nothing of brownie's. All of them share both kinds of
databases: a file, and a PostgreSQL server that runs for the session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError, TimeoutExpired
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

# Processes that use the server are killed in the tests, never the server itself nor the machine.
_SETTINGS = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "autovacuum = off")


@pytest.fixture(scope="session", autouse=True)
def speed() -> None:
    """In place of the one for brownie."""


@pytest.fixture(autouse=True)
def isolation() -> None:
    """In place of the one for brownie."""


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a real server. Root's runs under a user of its own, who must reach its files: another run of
    pytest that begins meanwhile closes pytest's own folder to everybody else.
    """
    from pgserver.postgres_server import get_server

    with TemporaryDirectory(prefix="troc-postgresql-") as folder:
        server = _start(lambda: get_server(Path(mkdtemp(dir=folder))))
        settings = (f"ALTER SYSTEM SET {setting}" for setting in _SETTINGS)
        _run(server.get_uri(), *settings, "SELECT pg_reload_conf()")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def _start(start: Callable[[], Any]) -> Any:
    """Start it; where the machine is busy it is sometimes given up too soon, and started once more."""
    for _ in range(2):
        with suppress(OSError, RuntimeError, CalledProcessError, TimeoutExpired):
            return start()
    return start()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database: of PostgreSQL a schema, which its user finds under her own name, since a
    database takes twenty times as long.
    """
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite'}"
    server = str(request.getfixturevalue("postgresql"))
    name = f"troc_{uuid4().hex}"
    _run(server, f"CREATE ROLE {name} SUPERUSER LOGIN", f"CREATE SCHEMA AUTHORIZATION {name}")
    return server.replace("postgres:@", f"{name}:@")


def _run(server: str, *statements: str) -> None:
    admin = sa.create_engine(server.replace("postgresql://", "postgresql+psycopg://"))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    admin.dispose()
