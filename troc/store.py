"""Databases: SQLite files by default, PostgreSQL by URL, the same code through SQLAlchemy.

What is read from the chain lies in one database a chain, what a brand keeps off the chain in one database a
brand. Each part of the client declares its tables and a version of them; several parts can share a database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from troc.chain import Chain
from troc.errors import InputError, StoreError
from troc.network import setting

try:
    import sqlalchemy as sa
    from sqlalchemy.engine import Engine
    from sqlalchemy.exc import SQLAlchemyError
except ImportError:  # pragma: no cover
    raise InputError(
        "databases need SQLAlchemy", "run `pip install '.[store]'` in the folder of this project"
    ) from None

_BUSY_MILLISECONDS = 15_000
_READING = "troc_reading"

_versions = sa.MetaData()
_parts = sa.Table(
    "troc_parts",
    _versions,
    sa.Column("part", sa.String(40), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)


def data_folder() -> Path:
    """Where databases lie unless a URL says otherwise: `TROC_DATA`, else `.troc` in the home folder."""
    return Path(setting("TROC_DATA") or "~/.troc").expanduser()


def chain_folder(chain: Chain) -> Path:
    """The folder of one chain. A local chain that was started anew is another chain."""
    return data_folder() / f"{chain.chain_id}-{chain.genesis_hash[2:14]}"


def sqlite_url(path: Path) -> str:
    """The URL of an SQLite file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return str(sa.URL.create("sqlite", database=str(path)))


def open_store(url: str, tables: sa.MetaData, part: str, version: int = 1) -> Engine:
    """Open a database and make the tables of a part that are not there yet.

    `url` is SQLAlchemy's ("sqlite:///index.sqlite", "postgresql://name@host/troc"). Raises `StoreError` where
    it cannot be opened, or holds that part in another version.
    """
    if url.startswith(("postgresql://", "postgres://")):
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    with _opening(url):
        engine = sa.create_engine(url)
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _prepare_sqlite)
            sa.event.listen(engine, "begin", _begin_sqlite)
        _versions.create_all(engine)
    add_part(engine, tables, part, version)
    return engine


def add_part(engine: Engine, tables: sa.MetaData, part: str, version: int = 1) -> None:
    """Make the tables of one more part in an open database, as `open_store` does."""
    with _opening(engine.url), engine.begin() as connection:
        found = connection.scalar(sa.select(_parts.c.version).where(_parts.c.part == part))
        if found is None:
            tables.create_all(connection)
            connection.execute(_parts.insert().values(part=part, version=version))
    if found is not None and found != version:
        raise StoreError(
            f"{shown_url(engine.url)} holds {part} in version {found}, this program needs {version}",
            "name another database; the index can be built anew from the chain",
        )


@contextmanager
def _opening(url: str | sa.URL) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise StoreError(
            f"this database needs {error.name}",
            "run `pip install '.[postgresql]'` in the folder of this project, or use SQLite",
        ) from None
    except SQLAlchemyError as error:
        raise StoreError(
            f"the database {shown_url(url)} cannot be opened ({_said(error)})", "check its URL and its server"
        ) from None


def drop_store(url: str, prefix: str, part: str) -> None:
    """Drop a part of a database in whatever version: its tables are those whose names begin with `prefix`."""
    engine = open_store(url, sa.MetaData(), "store")
    found = sa.MetaData()
    try:
        names = [name for name in sa.inspect(engine).get_table_names() if name.startswith(prefix)]
        with engine.begin() as connection:
            found.reflect(connection, only=names)
            found.drop_all(connection)
            connection.execute(_parts.delete().where(_parts.c.part == part))
    except SQLAlchemyError as error:
        raise StoreError(
            f"{part} in {shown_url(url)} cannot be dropped ({_said(error)})", "check who else uses it"
        ) from None
    finally:
        engine.dispose()


@contextmanager
def reading(engine: Engine) -> Iterator[sa.Connection]:
    """A connection that only reads, and sees one state of the database throughout. It never waits for a
    writer.
    """
    with engine.connect().execution_options(**_consistent(engine)) as connection, connection.begin():
        yield connection


def _consistent(engine: Engine) -> dict[str, Any]:
    return {_READING: True} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # pysqlite's own transactions begin late, and let two writers read before one of them writes.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer waits here, instead of failing in the middle because another one came first.
    only_reads = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")


def shown_url(url: str | sa.URL) -> str:
    """A database's URL without its password."""
    return sa.make_url(url).render_as_string(hide_password=True)


def _said(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().split("\n", 1)[0]
