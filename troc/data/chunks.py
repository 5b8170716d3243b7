"""Records as chunks: what is sealed, proven and judged one by one.

    chunk = salt (32) ‖ uint32 length ‖ data ‖ zeros

A **table** is rows and columns; a record of a person's fields is a table of one row. Each cell is a chunk of
256 bytes that holds `[row, "column", value]` as JSON, so that any selection of fields can be sold, and proven
to be an attested one, without a word about the rest. A cell of more than 220 bytes takes several chunks, and
so do all of its column. With `by="row"` a whole row is a unit, `[row, {...}]`: smaller, and never parted. A
**file** is cut into chunks of 1,024 bytes in 1,088. After the last comes padding, chunks of length 0, up to a
round number, so that neither sizes nor the count say much.

The salt is HMAC-SHA-256 of the record's secret and the chunk's place in the record. It lies in the chunk, so
who lacks the chunk cannot try out values against the plain leaf, `keccak256(0x02 ‖ chunk)`.

What attestors sign is the plain root:

    keccak256(0x05 ‖ uint32 count ‖ uint32 chunk size ‖ uint8 kind ‖ uint32 units ‖ uint32 width of each ‖
              label hashes ‖ root over keccak256(0x03 ‖ uint32 place ‖ plain leaf))

Labels are the names of the columns (of a file: its own), and last how many rows (bytes). Each is hashed with
a salt, `keccak256(0x04 ‖ salt ‖ label)`: a seller tells the ones she likes, and who is told can check them.
"""

from __future__ import annotations

import csv
import hmac
import io
import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

from troc.data import tree
from troc.data.tree import index_bytes, keccak
from troc.errors import InputError

SALT = 32
HEAD = SALT + 4
CELL_CHUNK = 256
FILE_DATA = 1024
FILE_CHUNK = 1088
"""36 bytes of salt and length, 1,024 of data, and zeros up to a multiple of 32."""

LEAST_CHUNKS = 16
LARGEST_RECORD = 2**28
"""Bytes. A record is worked on in memory, in a few copies."""

CELL, ROW, FILE = "cell", "row", "file"
KINDS = (CELL, ROW, FILE)

_MOST_COLUMNS = 10_000
_MOST_WIDTH = 64
"""Chunks of one cell or row: 14,080 bytes."""


# -------------------------------------------------------------------------------------------------- chunks


def salt_of(secret: bytes, place: int) -> bytes:
    """The salt of a chunk at this place of a record."""
    return hmac.digest(secret, b"chunk" + index_bytes(place), "sha256")


def pack(salt: bytes, data: bytes, size: int) -> bytes:
    """A chunk of `size` bytes."""
    if len(salt) != SALT or len(data) > size - HEAD:
        raise InputError(f"{len(data)} bytes do not fit a chunk of {size}", f"use at most {size - HEAD}")
    return b"".join((salt, index_bytes(len(data)), data)).ljust(size, b"\0")


def unpack(chunk: bytes) -> bytes:
    """The data of a chunk. Raises `InputError` where it is none."""
    length = int.from_bytes(chunk[SALT:HEAD])
    if len(chunk) < HEAD or length > len(chunk) - HEAD or any(chunk[HEAD + length :]):
        raise InputError("what was sealed is no chunk", "claim it back from whoever sealed it")
    return chunk[HEAD : HEAD + length]


def plain_leaf(chunk: bytes) -> bytes:
    """The commitment to a chunk in plain."""
    return keccak(b"\x02" + chunk)


def rounded(count: int) -> int:
    """How many chunks a record of `count` gets: at least 16; a power of two up to 1,024; beyond, an eighth of
    one at a time, so that padding costs at most an eighth.
    """
    if count <= FILE_DATA:
        return max(LEAST_CHUNKS, 1 << tree.height(max(count, 1)))
    step = 1 << (tree.height(count) - 4)
    return -(-count // step) * step


# -------------------------------------------------------------------------------------------------- layout


@dataclass(frozen=True)
class Label:
    """A name, or a number, that is told or not. `text` None: not told."""

    hash: bytes
    text: str | None = None
    salt: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, salt: bytes, text: str) -> Label:
        """A label that is told."""
        return cls(keccak(b"\x04" + salt + text.encode()), text, salt)

    @property
    def untold(self) -> Label:
        """The same, and not told."""
        return Label(self.hash)

    @property
    def is_sound(self) -> bool:
        """Whether what is told is what was hashed."""
        return self.text is None or (len(self.salt) == SALT and self == Label.of(self.salt, self.text))


@dataclass(frozen=True)
class Layout:
    """How a record lies in its chunks; attested with the plain root.

    `widths`: chunks of each unit of a row (by cell: of each column; by row: of a row; of a file: 1).
    `labels`: columns (of a file: its name), then the number of rows (bytes). `count`: chunks, padding
    included.
    """

    kind: str
    chunk_size: int
    count: int
    widths: tuple[int, ...]
    labels: tuple[Label, ...]

    def plain_root(self, tree_root: bytes) -> bytes:
        """What an attestor signs, given the root over the plain leaves."""
        numbers = (len(self.widths), *self.widths)
        return keccak(
            b"\x05"
            + index_bytes(self.count)
            + index_bytes(self.chunk_size)
            + bytes([KINDS.index(self.kind)])
            + b"".join(map(index_bytes, numbers))
            + b"".join(label.hash for label in self.labels)
            + tree_root
        )

    def root_over(self, plain_leaves: Sequence[bytes]) -> bytes:
        """The plain root over all plain leaves of the record."""
        if len(plain_leaves) != self.count:
            raise InputError(f"{len(plain_leaves)} plain leaves for {self.count} chunks", "use all of them")
        return self.plain_root(tree.root_of(place_leaves(range(self.count), plain_leaves)))

    @cached_property
    def stride(self) -> int:
        """Chunks of one row."""
        return sum(self.widths)

    def column_of(self, place: int) -> int:
        """Which column the chunk at a place belongs to; by row and of a file: 0."""
        return bisect_right(self._ends, place % self.stride)

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(self.widths))

    @property
    def rows(self) -> int | None:
        """How many rows (bytes of a file) there are, where that is told."""
        text = self.labels[-1].text
        return None if text is None else int(text)

    def fault(self) -> str:
        """What is wrong with it; empty where nothing is."""
        if self.kind not in KINDS:
            return "it is of no known kind"
        if self.chunk_size != (FILE_CHUNK if self.kind == FILE else CELL_CHUNK):
            return f"its chunks have {self.chunk_size} bytes"
        if not 0 < self.count <= tree.MOST_LEAVES:
            return f"its count is {self.count}"
        columns = len(self.widths) if self.kind == CELL else 1
        if len(self.labels) > _MOST_COLUMNS + 1:
            return "it has too many columns"
        if (
            not self.widths
            or len(self.widths) != columns
            or not all(0 < w <= _MOST_WIDTH for w in self.widths)
        ):
            return "the widths of its columns make no sense"
        if self.kind != ROW and len(self.labels) != columns + 1:
            return "it has not a label for each column"
        if not self.labels or not all(len(label.hash) == 32 and label.is_sound for label in self.labels):
            return "what it tells of its fields is not what was hashed"
        last = self.labels[-1].text
        if last is not None and not re.fullmatch(r"[0-9]{1,12}", last):
            return "its number of rows is no number"
        return ""


def place_leaves(places: Sequence[int], plain_leaves: Sequence[bytes]) -> list[bytes]:
    """The leaves of a record's own tree."""
    return [
        keccak(b"\x03" + index_bytes(place) + leaf) for place, leaf in zip(places, plain_leaves, strict=True)
    ]


# ------------------------------------------------------------------------------------------------- records


@dataclass(frozen=True)
class Content:
    """What somebody keeps: a table (`columns`, `rows` of values) or a file (`data`).

    Values are what JSON has: text, numbers, booleans, null, lists, objects.
    """

    kind: str
    name: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    data: bytes = field(default=b"", repr=False)

    @classmethod
    def of_file(cls, data: bytes, name: str = "") -> Content:
        """Any bytes."""
        return cls(FILE, name, data=data)

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, Any]], name: str = "", by: str = CELL) -> Content:
        """Rows by column. A column that a row lacks is null there."""
        if by not in (CELL, ROW):
            raise InputError(f"{by!r} is no way to cut a table", f"use {CELL} or {ROW}")
        columns = tuple(dict.fromkeys(column for row in rows for column in row))
        if not columns:
            raise InputError(
                f"there is nothing in {name or 'this table'}", "name a table with rows and columns"
            )
        return cls(by, name, columns, tuple(tuple(row.get(column) for column in columns) for row in rows))

    @classmethod
    def read(cls, path: Path, by: str = CELL, as_file: bool = False) -> Content:
        """Read a file: .csv, .json and .parquet as tables (unless `as_file`), anything else as its bytes."""
        try:
            size = path.stat().st_size
            data = path.read_bytes() if size <= LARGEST_RECORD else b""
        except OSError as error:
            raise InputError(
                f"{path} cannot be read ({error.strerror})", "check its name and rights"
            ) from None
        if size > LARGEST_RECORD:
            raise InputError(
                f"{path.name} has {size:,} bytes", f"cut it into files of at most {LARGEST_RECORD:,}"
            )
        reader = None if as_file else _READERS.get(path.suffix.lower())
        if reader is None:
            return cls.of_file(data, path.name)
        return cls.of_rows(reader(data, path.name), path.name, by)

    def only(self, columns: Sequence[str] | None = None, where: Mapping[str, str] | None = None) -> Content:
        """A table of some columns, and of the rows whose values are these, as text."""
        if self.kind == FILE:
            raise InputError(f"{self.name or 'this file'} has no fields", "leave the fields away")
        rows = [self.rows[row] for row in select_rows(self.columns, self.rows, where)]
        kept = [self.column(name) for name in columns] if columns else range(len(self.columns))
        return Content(
            self.kind,
            self.name,
            tuple(self.columns[column] for column in kept),
            tuple(tuple(row[column] for column in kept) for row in rows),
        )

    def column(self, name: str) -> int:
        """The place of a column."""
        return _column(self.columns, name)

    @property
    def labels(self) -> tuple[str, ...]:
        """What may be told of it: see `Layout`."""
        if self.kind == FILE:
            return self.name, str(len(self.data))
        return *self.columns, str(len(self.rows))

    def units(self) -> list[list[bytes]]:
        """Rows of units, in bytes: a cell, a row, or a piece of a file."""
        if self.kind == FILE:
            return [[self.data[at : at + FILE_DATA]] for at in range(0, len(self.data), FILE_DATA)]
        try:
            if self.kind == ROW:
                return [
                    [_json([number, dict(zip(self.columns, row, strict=True))])]
                    for number, row in enumerate(self.rows)
                ]
            return [
                [_json([number, name, value]) for name, value in zip(self.columns, row, strict=True)]
                for number, row in enumerate(self.rows)
            ]
        except (TypeError, ValueError) as error:
            raise InputError(
                f"a value cannot be written as JSON ({error})", "write it as text or a number"
            ) from None


@dataclass(frozen=True)
class Record:
    """A content laid out: the data of each chunk, without salts and padding. Made by `lay_out`."""

    layout: Layout
    secret: bytes = field(repr=False)
    pieces: tuple[bytes, ...] = field(repr=False)

    def chunk(self, place: int) -> bytes:
        """The chunk at a place. Beyond the pieces lies padding."""
        return self._made[place] if place < self.layout.count else self._make(place)

    def _make(self, place: int) -> bytes:
        data = self.pieces[place] if place < len(self.pieces) else b""
        return pack(salt_of(self.secret, place), data, self.layout.chunk_size)

    @cached_property
    def _made(self) -> list[bytes]:
        return [self._make(place) for place in range(self.layout.count)]

    def plain_leaves(self) -> list[bytes]:
        """All of them, padding included."""
        return [plain_leaf(self.chunk(place)) for place in range(self.layout.count)]

    def chunks(self) -> Iterator[bytes]:
        """All chunks, padding included: what an attestor is shown."""
        return map(self.chunk, range(self.layout.count))

    def places(
        self, columns: Sequence[str] | None = None, where: Mapping[str, str] | None = None
    ) -> list[int]:
        """The places of what a selection holds. Columns can be parted where the record is cut by cell."""
        layout = self.layout
        if not columns and not where:
            return list(range(layout.count))
        if layout.kind == FILE:
            raise InputError("a file has no fields", "sell the whole of it")
        names = tuple(label.text or "" for label in layout.labels[:-1])
        if columns and layout.kind == ROW:
            raise InputError(
                "this record is cut by row, and its columns cannot be parted", "add it again by cell"
            )
        wanted = {_column(names, name) for name in columns} if columns else set(range(len(layout.widths)))
        table = read_rows(layout, dict(enumerate(self.pieces)))
        values = [tuple(row.get(name) for name in names) for row in table]
        rows = select_rows(names, values, where)
        starts = [sum(layout.widths[:column]) for column in range(len(layout.widths))]
        return [
            row * layout.stride + starts[column] + part
            for row in rows
            for column in range(len(layout.widths))
            if column in wanted
            for part in range(layout.widths[column])
        ]


def lay_out(content: Content, secret: bytes) -> Record:
    """Cut a content into chunks, under the salts of a secret of 32 bytes that nobody else has."""
    units = content.units()
    size = FILE_CHUNK if content.kind == FILE else CELL_CHUNK
    room = FILE_DATA if content.kind == FILE else size - HEAD
    if not units:
        raise InputError(
            f"there is nothing in {content.name or 'this record'}", "name something that holds data"
        )
    widths = [max(1, -(-max(len(row[at]) for row in units) // room)) for at in range(len(units[0]))]
    for at, width in enumerate(widths):
        if width > _MOST_WIDTH:
            what = content.columns[at] if content.kind == CELL else "a row"
            raise InputError(
                f"{what} holds more than {_MOST_WIDTH * room:,} bytes in one place", "add it as a file"
            )
    count = rounded(len(units) * sum(widths))
    if len(content.columns) > _MOST_COLUMNS:
        raise InputError(f"it has {len(content.columns):,} columns", f"use at most {_MOST_COLUMNS:,}")
    if count > tree.MOST_LEAVES or count * size > 2 * LARGEST_RECORD:
        raise InputError(f"{content.name or 'this record'} is too large", "cut it into smaller ones")
    pieces = tuple(
        unit[part * room : (part + 1) * room]
        for row in units
        for unit, width in zip(row, widths, strict=True)
        for part in range(width)
    )
    labels = tuple(
        Label.of(hmac.digest(secret, b"label" + index_bytes(at), "sha256"), text)
        for at, text in enumerate(content.labels)
    )
    return Record(Layout(content.kind, size, count, tuple(widths), labels), secret, pieces)


def read_rows(layout: Layout, pieces: Mapping[int, bytes]) -> list[dict[str, Any]]:
    """The rows of a table, as far as these pieces (by place) hold them; what is missing is left out."""
    found: dict[int, dict[str, Any]] = {}
    starts = {sum(layout.widths[:column]): width for column, width in enumerate(layout.widths)}
    for place in sorted(pieces):
        width = starts.get(place % layout.stride)
        if width is None or not pieces[place]:
            continue
        text = b"".join(pieces.get(place + part, b"") for part in range(width))
        try:
            row, *rest = json.loads(text)
            if layout.kind == CELL:
                name, value = rest
                told = layout.labels[layout.column_of(place)].text
                right = isinstance(name, str) and told in (None, name)
                rest = [{name: value}] if right else []
            (values,) = rest
            if row != place // layout.stride or not isinstance(values, dict):
                raise ValueError
            found.setdefault(row, {}).update(values)
        except (ValueError, TypeError, RecursionError):
            raise InputError(
                f"chunk {place} of the record holds nothing that can be read",
                "claim it back from whoever sealed it",
            ) from None
    return [found[row] for row in sorted(found)]


def select_rows(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], where: Mapping[str, str] | None
) -> list[int]:
    """The numbers of the rows whose values are these, as text."""
    wanted = [(_column(columns, name), value) for name, value in (where or {}).items()]
    found = [
        number
        for number, row in enumerate(rows)
        if all(_text(row[column]) == value for column, value in wanted)
    ]
    if not found:
        raise InputError("no row is like that", "look at the values in the file")
    return found


def _column(columns: Sequence[str], name: str) -> int:
    if name not in columns:
        raise InputError(f"there is no field {name!r}", f"name one of {', '.join(columns)}")
    return list(columns).index(name)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value).decode()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


# -------------------------------------------------------------------------------------------------- readers


def _read_csv(data: bytes, name: str) -> list[dict[str, Any]]:
    try:
        text = data.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        head = next(reader, [])
        if len(set(head)) != len(head) or "" in head:
            raise InputError(f"{name}: a column has no name, or the name of another one", "give each its own")
        rows = []
        for row in reader:
            if not row:
                continue
            if len(row) != len(head):
                raise InputError(
                    f"{name}, line {reader.line_num}: {len(row)} values for {len(head)} columns",
                    "mend the line",
                )
            rows.append(dict(zip(head, row, strict=True)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{name} is no CSV file ({error})", "write it in UTF-8, or add it as a file"
        ) from None
    return rows


def _read_json(data: bytes, name: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is no JSON ({error})", "mend it, or add it as a file") from None
    rows = [found] if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(
            f"{name} holds neither an object nor a list of objects",
            "write fields by name, or add it as a file",
        )
    return rows


def _read_parquet(data: bytes, name: str) -> list[dict[str, Any]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:  # pragma: no cover
        raise InputError(
            "Parquet needs pyarrow", "run `pip install '.[data]'` in the folder of this project"
        ) from None
    try:
        rows = pq.read_table(pa.BufferReader(data)).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{name} is no Parquet file ({error})", "mend it, or add it as a file") from None
    return [{str(column): _plain(value) for column, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    """A value of Parquet's as JSON has it: dates and decimals as text, bytes in hex."""
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


_READERS = {".csv": _read_csv, ".json": _read_json, ".parquet": _read_parquet}
