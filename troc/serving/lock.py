"""One service a database: a second one is refused.

The lock goes with the process, also when that is killed: on a file beside SQLite, on a session of PostgreSQL.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from troc.errors import StoreError

_POSTGRESQL_KEY = 0x7472_6F63_0000_0000


@contextmanager
def only_one(
    engine: Engine, service: str, remedy: str = "stop it first, or name another --database"
) -> Iterator[None]:
    """Hold the database's lock until the block ends, or raise `StoreError`. `service`: what runs on it."""
    taken = StoreError(f"another {service} service runs on this database", remedy)
    key = _POSTGRESQL_KEY | crc32(service.encode())
    if engine.dialect.name != "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(key))):
                raise taken
            try:
                yield
            finally:
                connection.scalar(sa.select(sa.func.pg_advisory_unlock(key)))
        return
    path = engine.url.database
    if not path or path == ":memory:":
        raise StoreError(f"a {service} needs a database that outlives it", "name a file with --database")
    with only_holder(Path(path + ".lock"), taken):
        yield


@contextmanager
def only_holder(path: Path, taken: StoreError) -> Iterator[None]:
    """Hold the lock of a file until the block ends, or raise `taken`."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise taken from None
        yield
