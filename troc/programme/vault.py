"""A brand's own database, and what keeps personal things in it unread.

Personal fields are encrypted one by one with AES-256-GCM under random nonces, bound to their table, row
and column. Each member has a key of her own, derived from one data key of the brand and a salt in her row:
without the salt nobody can read her fields again, the brand included. The data key is wrapped by a key from
a passphrase (scrypt, RFC 7914). Lookups go by keyed hashes (HMAC-SHA-256). Both databases share this code.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from troc.brands import Brand
from troc.chain import Chain
from troc.errors import AccountError, InputError, StoreError
from troc.programme import guard
from troc.programme.guard import Guard
from troc.store import add_part, chain_folder, open_store, sqlite_url

try:
    import sqlalchemy as sa
    from sqlalchemy.engine import Engine

    from troc import sealing
    from troc.sealing import Box, Wrapped
except ImportError:  # pragma: no cover
    raise InputError(
        "members need encryption", "run `pip install '.[store]'` in the folder of this project"
    ) from None

SCRYPT_WORK = sealing.SCRYPT_WORK
BRAND = "brand"
"""Whose key seals what concerns no member."""

_PERSONAL = ("members", "consents", "claim_entries", "claim_payment_lines")
"""Tables of which rows are erased. The rest of a shared server need not be rewritten."""

_KEY = 32

_tables = sa.MetaData()
_vaults = sa.Table(
    "vault",
    _tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("owner", sa.String(160), nullable=False),
    sa.Column("work", sa.Integer, nullable=False),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
)


@dataclass(frozen=True)
class BrandStore:
    """The database of one brand on one chain. Opening it needs no passphrase; personal fields need one
    (`Vault`).
    """

    engine: Engine
    brand: Brand
    chain_id: int
    genesis: str
    guards: list[Guard] = field(default_factory=list, compare=False, repr=False)

    @property
    def owner(self) -> str:
        """Which points of which chain this database belongs to."""
        return f"{self.chain_id}:{self.genesis}:{self.brand.address}"

    def add(self, tables: sa.MetaData, part: str, version: int = 1) -> None:
        """Make the tables of a part that are not there yet."""
        add_part(self.engine, tables, part, version)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that is the only one that writes: others wait until it ends."""
        with self.engine.begin() as connection, ExitStack() as guarded:
            if self.engine.dialect.name == "postgresql":
                # One lock for all parts, so that no two of them can wait for each other.
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            for each in self.guards:
                guarded.enter_context(each.during(connection))
            yield connection

    def scrub(self) -> None:
        """Write the brand's tables anew, so that nothing of a deleted row is left in its files.

        Raises `StoreError` where another program keeps the database from it.
        """
        try:
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                if self.engine.dialect.name == "postgresql":
                    there = sa.inspect(connection).get_table_names()
                    tables = ", ".join(name for name in _PERSONAL if name in there)
                    connection.exec_driver_sql(f"VACUUM FULL {tables}")
                    return
        except sa.exc.SQLAlchemyError:
            raise self._in_use() from None
        # The engine would begin a transaction, in which nothing can be rewritten.
        raw = self.engine.raw_connection()
        try:
            raw.cursor().execute("VACUUM")
            busy, *_ = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except Exception:
            raise self._in_use() from None
        finally:
            raw.close()
        if busy:
            raise self._in_use()

    def _in_use(self) -> StoreError:
        return StoreError(
            "traces of what was erased are still in the files, because another program uses the database",
            "stop it and run `troc brand members scrub`",
        )


_LOCK = int.from_bytes(hashlib.sha256(b"troc.brand").digest()[:7])


def open_brand_store(chain: Chain, brand: Brand, database: str = "") -> BrandStore:
    """The database of a brand: `database` is its URL (none: an SQLite file in the folder of the chain)."""
    url = database or sqlite_url(_brand_file(chain, brand))
    store = BrandStore(open_store(url, _tables, "vault"), brand, chain.chain_id, chain.genesis_hash)
    with store.engine.connect() as connection:
        owner = connection.scalar(sa.select(_vaults.c.owner))
    if owner not in (None, store.owner):
        raise StoreError("this database belongs to other points or another chain", "name another one")
    return store


def has_members(chain: Chain, brand: Brand, database: str = "") -> bool:
    """Whether a brand keeps members: in the database named, or in the file of its own. Makes nothing."""
    if not database and not _brand_file(chain, brand).exists():
        return False
    with open_brand_store(chain, brand, database).engine.connect() as connection:
        return connection.scalar(sa.select(_vaults.c.owner)) is not None


def _brand_file(chain: Chain, brand: Brand) -> Path:
    return chain_folder(chain) / brand.address / "brand.sqlite"


@dataclass(frozen=True)
class Vault:
    """An opened database: seals, unseals, and finds by keyed hash. Printing it shows no key."""

    store: BrandStore
    _data_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not self.store.guards:
            self.store.guards.append(Guard(self))

    @property
    def guard(self) -> Guard:
        """Writes and checks what must not be changed without the passphrase. One for each store."""
        return self.store.guards[0]

    # -------------------------------------------------------------------------------------------- opening

    @classmethod
    def create(cls, store: BrandStore, passphrase: str, work: int = 0) -> Vault:
        """Make the data key of a database, wrapped by `passphrase`. `work`: scrypt's cost (0: the usual)."""
        sealing.check_passphrase(passphrase)
        data_key = os.urandom(_KEY)
        store.add(guard.tables, "guards")
        with store.writing() as connection:
            if connection.scalar(sa.select(_vaults.c.id)) is not None:
                raise StoreError("this database has a passphrase already", "use it, or name another database")
            connection.execute(
                _vaults.insert().values(id=1, owner=store.owner, **_wrap(store, data_key, passphrase, work))
            )
            vault = cls(store, data_key)
            vault.guard.begin(connection)
        return vault

    @classmethod
    def open(cls, store: BrandStore, passphrase: str) -> Vault:
        """Open it. Raises `AccountError` for a wrong passphrase, `StoreError` where there is none yet, or
        where the database is another brand's.
        """
        store.add(guard.tables, "guards")
        with store.engine.connect() as connection:
            row = connection.execute(sa.select(_vaults)).mappings().first()
        if row is None:
            raise StoreError(
                f"there are no members of {store.brand.symbol} yet",
                f"begin with `troc brand members init {store.brand.symbol}`",
            )
        wrapped = Wrapped(row["work"], row["salt"], row["wrapped"])
        if not wrapped.is_sound:
            raise StoreError("the key of this database was altered", "restore the database from a backup")
        data_key = sealing.unwrap(wrapped, passphrase, _bound(store))
        if data_key is None:
            raise AccountError(
                f"this is not the passphrase of the members of {store.brand.symbol}",
                "try again, mind capitals and spaces",
            )
        return cls(store, data_key)

    @staticmethod
    def exists(store: BrandStore) -> bool:
        """Whether the database has a data key."""
        with store.engine.connect() as connection:
            return connection.scalar(sa.select(_vaults.c.id)) is not None

    def change_passphrase(self, passphrase: str, work: int = 0) -> None:
        """Wrap the data key anew. Nothing else is written; a copy from before opens with the old one."""
        with self.store.writing() as connection:
            connection.execute(_vaults.update().values(**_wrap(self.store, self._data_key, passphrase, work)))

    # -------------------------------------------------------------------------------------------- sealing

    def key(self, salt: bytes) -> Key:
        """The key of the member with this salt; the brand's own with `BRAND`'s."""
        return Key(Box.of(hmac.digest(self._data_key, b"member\0" + salt, "sha256")))

    @property
    def brand_key(self) -> Key:
        """The key of what concerns no member."""
        return self.key(BRAND.encode())

    def blind(self, kind: str, value: str) -> bytes:
        """A keyed hash of 16 bytes, by which a row is found that holds `value` encrypted."""
        return hmac.digest(self._data_key, f"blind\0{kind}\0{value}".encode(), "sha256")[:16]

    def secret(self, kind: str, value: bytes) -> bytes:
        """32 bytes that only the brand can make: salts, references."""
        return hmac.digest(self._data_key, f"secret\0{kind}\0".encode() + value, "sha256")


@dataclass(frozen=True)
class Key:
    """Encrypts the fields of one member. Row and column are authenticated: nothing can be moved."""

    _box: Box = field(repr=False)

    def seal(self, table: str, row: str, column: str, text: str) -> bytes:
        """Encrypt a field."""
        return self._box.seal(_place(table, row, column), text.encode())

    def unseal(self, table: str, row: str, column: str, sealed: bytes) -> str:
        """Read a field. Raises `StoreError` where it was changed, or belongs elsewhere."""
        found = self._box.unseal(_place(table, row, column), sealed)
        if found is None:
            raise StoreError(
                f"the field {column} of {table} {row} was altered", "restore the database from a backup"
            )
        return found.decode()


def _place(table: str, row: str, column: str) -> bytes:
    """Where a field stands: authenticated with it."""
    return f"{table}\0{row}\0{column}".encode()


def _bound(store: BrandStore) -> str:
    return f"troc vault\0{store.owner}"


def _wrap(store: BrandStore, data_key: bytes, passphrase: str, work: int) -> dict[str, Any]:
    return vars(sealing.wrap(data_key, passphrase, _bound(store), work or SCRYPT_WORK))
