"""What shows that somebody without the passphrase wrote the brand's database.

Each row of a guarded table has a keyed hash (HMAC-SHA-256, RFC 2104) over all its columns. The rows of a
table are sorted into 256 shelves by a random column, and of each shelf the sum of its hashes is kept, sealed,
beside the journal's head: an additive multiset hash (Clarke et al., "Incremental multiset hash functions and
their application to memory integrity checking", ASIACRYPT 2003), whose hashes nobody sees. A value that was
changed or put back, a row that is one too many, that is missing or that was moved makes a sum differ, and
sums of before do not go with the journal's head.
"""

from __future__ import annotations

import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from troc.errors import StoreError

if TYPE_CHECKING:
    from troc.programme.vault import Vault

SHELF = "shelf"
"""Key of a guarded table's `info`: the column by which its rows are sorted, random hex or bytes."""

OPEN_KINDS = ("watch.acknowledged",)
"""Entries of the journal that programs without the passphrase write."""

_SHELVES = 256
_MANY = 32
"""From so many shelves on, the whole table is read."""

_SUM = 16
_MODULUS = 1 << 8 * _SUM
_ROW = "guard"

tables = sa.MetaData()
_guards = sa.Table(
    "guards",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)
_journal = sa.table("journal", sa.column("sequence"), sa.column("kind"), sa.column("hash"))


class _State:
    """The sums of all shelves, by table, and the head of the journal that they belong to."""

    def __init__(self, head: tuple[int, str], sums: Mapping[str, Sequence[int]]) -> None:
        self.head = head
        self.sums = defaultdict(lambda: [0] * _SHELVES, {name: list(each) for name, each in sums.items()})
        self.is_changed = False

    def to_text(self) -> str:
        sums = {
            name: b"".join(each.to_bytes(_SUM) for each in of).hex() for name, of in sorted(self.sums.items())
        }
        return json.dumps({"head": self.head, "sums": sums})

    @classmethod
    def from_text(cls, text: str) -> _State:
        data = json.loads(text)
        sums = {
            name: [int.from_bytes(part) for part in _parts(bytes.fromhex(of))]
            for name, of in data["sums"].items()
        }
        return cls((data["head"][0], data["head"][1]), sums)


def _parts(blob: bytes) -> Iterator[bytes]:
    return (blob[start : start + _SUM] for start in range(0, len(blob), _SUM))


class Guard:
    """Writes guarded tables of one brand's database, and checks what is read from them."""

    def __init__(self, vault: Vault) -> None:
        self._key = vault.secret("guard", b"rows")
        self._seal = vault.brand_key
        self._writing: dict[sa.Connection, _State] = {}
        self._seen: set[str] = set()

    # -------------------------------------------------------------------------------------------- writing

    def begin(self, connection: sa.Connection, guarded: Iterable[sa.Table] = ()) -> None:
        """Take what the tables say now for what they are to say."""
        _guards.create(connection, checkfirst=True)
        state = _State(self._head(connection), {})
        there = set(sa.inspect(connection).get_table_names())
        for table in guarded:
            if table.name in there:
                state.sums[table.name] = self._sums(connection, table)
        connection.execute(_guards.delete())
        connection.execute(_guards.insert().values(id=1, sealed=self._sealed(state)))

    @contextmanager
    def during(self, connection: sa.Connection) -> Iterator[None]:
        """Around a transaction that writes: what it changes is taken into the sums at its end."""
        state = self._writing[connection] = self._load(connection)
        try:
            yield
            head = self._head(connection)
            if state.is_changed or head != state.head:
                state.head = head
                connection.execute(_guards.update().values(sealed=self._sealed(state)))
        finally:
            del self._writing[connection]

    def insert(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows."""
        connection.execute(table.insert(), list(rows))
        names = table.c.keys()
        self._count(connection, table, [{name: row.get(name) for name in names} for row in rows], 1)

    def update(
        self, connection: sa.Connection, table: sa.Table, where: Sequence[Any], values: Mapping[str, Any]
    ) -> int:
        """Update rows; gives how many."""
        rows = self._checked(connection, table, where)
        if rows:
            connection.execute(table.update().where(*where).values(**values))
            self._count(connection, table, rows, -1)
            self._count(connection, table, [{**row, **values} for row in rows], 1)
        return len(rows)

    def delete(self, connection: sa.Connection, table: sa.Table, where: Sequence[Any]) -> None:
        """Delete rows."""
        rows = self._checked(connection, table, where)
        if rows:
            connection.execute(table.delete().where(*where))
            self._count(connection, table, rows, -1)

    def _checked(
        self, connection: sa.Connection, table: sa.Table, where: Sequence[Any]
    ) -> list[dict[str, Any]]:
        rows = [dict(row) for row in connection.execute(sa.select(table).where(*where)).mappings()]
        self.check(connection, table, [row[table.info[SHELF]] for row in rows])
        return rows

    def _count(
        self, connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]], sign: int
    ) -> None:
        state = self._writing[connection]
        sums, names, shelf = state.sums[table.name], table.c.keys(), table.info[SHELF]
        for row in rows:
            place = _shelf(row[shelf])
            digest = self._digest(table.name, [row[name] for name in names])
            sums[place] = (sums[place] + sign * digest) % _MODULUS
            state.is_changed = True

    # ------------------------------------------------------------------------------------------- checking

    def check(
        self, connection: sa.Connection, table: sa.Table, keys: Iterable[str | bytes] | None = None
    ) -> None:
        """Check the shelves on which rows with these keys lie (None: the whole table), as the connection
        sees them. Raises `StoreError` where somebody without the passphrase wrote there.
        """
        state = self._writing.get(connection) or self._load(connection)
        wanted = None if keys is None else {_shelf(key) for key in keys}
        if wanted is not None and len(wanted) >= _MANY:
            wanted = None
        if wanted == set():
            return
        expected = state.sums[table.name] if table.name in state.sums else [0] * _SHELVES
        found = self._sums(connection, table, wanted)
        for place in range(_SHELVES) if wanted is None else wanted:
            if found[place] != expected[place]:
                raise _altered(table.name.replace("_", " "))

    def check_all(self, connection: sa.Connection, guarded: Iterable[sa.Table]) -> int:
        """Check whole tables; gives how many rows they have."""
        rows = 0
        there = set(sa.inspect(connection).get_table_names())
        for table in guarded:
            if table.name in there:
                self.check(connection, table)
                rows += connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        return rows

    def _sums(self, connection: sa.Connection, table: sa.Table, shelves: set[int] | None = None) -> list[int]:
        query = sa.select(table)
        column = table.c[table.info[SHELF]]
        if shelves is not None:
            query = query.where(sa.or_(*(_within(column, place) for place in shelves)))
        sums = [0] * _SHELVES
        place = list(table.c.keys()).index(table.info[SHELF])
        for row in connection.execute(query.execution_options(yield_per=1000)):
            on = _shelf(row[place])
            sums[on] = (sums[on] + self._digest(table.name, row)) % _MODULUS
        return sums

    def _digest(self, table: str, values: Sequence[Any]) -> int:
        # Every value is None, a whole number, a text or bytes: these have one form each.
        plain = (each if each is None or isinstance(each, str | bytes) else int(each) for each in values)
        text = repr((table, *plain))
        return int.from_bytes(hmac.digest(self._key, text.encode(), "sha256")[:_SUM])

    # ------------------------------------------------------------------------------------------- the state

    def _load(self, connection: sa.Connection) -> _State:
        there = self._there(connection, _guards.name)
        sealed = connection.scalar(sa.select(_guards.c.sealed)) if there else None
        if sealed is None:
            raise StoreError(
                "the database has no sums by which changes are seen",
                "restore it from a backup; if an earlier version made it, run `troc brand members check BRAND"
                " --begin`",
            )
        state = _State.from_text(self._seal.unseal("guards", _ROW, "sealed", sealed))
        self._check_head(connection, state.head)
        return state

    def _sealed(self, state: _State) -> bytes:
        return self._seal.seal("guards", _ROW, "sealed", state.to_text())

    def _check_head(self, connection: sa.Connection, head: tuple[int, str]) -> None:
        """The journal still has that head, and nothing after it but what is written without a passphrase."""
        if not self._there(connection, _journal.name):
            if head[0]:
                raise _altered("the journal")
            return
        query = sa.select(_journal).where(_journal.c.sequence >= max(head[0], 1))
        later = connection.execute(query.order_by(_journal.c.sequence)).all()
        if head[0] and (not later or (later[0].sequence, later[0].hash) != head):
            raise _altered("the journal")
        if any(row.kind not in OPEN_KINDS for row in (later[1:] if head[0] else later)):
            raise _altered("members and claims, which are older than the journal,")

    def _head(self, connection: sa.Connection) -> tuple[int, str]:
        if not self._there(connection, _journal.name):
            return 0, ""
        last = connection.execute(
            sa.select(_journal).order_by(_journal.c.sequence.desc()).limit(1)
        ).one_or_none()
        return (int(last.sequence), str(last.hash)) if last else (0, "")

    def _there(self, connection: sa.Connection, table: str) -> bool:
        if table not in self._seen and sa.inspect(connection).has_table(table):
            self._seen.add(table)
        return table in self._seen


def _shelf(key: str | bytes) -> int:
    try:
        return int(key[:2], 16) if isinstance(key, str) else key[0]
    except (ValueError, IndexError):
        raise _altered("what rows are sorted by") from None


def _within(column: sa.Column[Any], place: int) -> sa.ColumnElement[bool]:
    """Whether a row lies on a shelf, by the column's index."""
    low, high = (bytes([place]), bytes([place + 1])) if place < _SHELVES - 1 else (b"\xff", None)
    if isinstance(column.type, sa.String):
        lower = column >= low.hex()
        return lower if high is None else sa.and_(lower, column < high.hex())
    return column >= low if high is None else sa.and_(column >= low, column < high)


def _altered(what: str) -> StoreError:
    return StoreError(
        f"{what} in the database was altered by somebody without the passphrase",
        "restore the database from a backup, and pay nothing until it is clear",
    )
