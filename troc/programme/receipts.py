"""Receipts, read in pieces that fit memory: CSV or Parquet, one row a line of a receipt, in any order.

Money becomes whole smallest units at once (`int64`). A Parquet column of floats is taken for what it was
written from if it lies within a ten-thousandth of the smallest unit; anything finer is a fault. Times without
a zone are the shop's own; times with one are shown in the zone that the rules name.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from troc.errors import InputError
from troc.payouts import Fault, FileFaultsError
from troc.programme.rules import DEFAULT_COLUMNS, ROLES, STATUS, Rules, Table

try:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc
    from numpy.typing import NDArray
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet
except ImportError:  # pragma: no cover
    raise InputError(
        "receipts need pandas and pyarrow", "run `pip install '.[programme]'` in the folder of this project"
    ) from None

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

CHUNK_ROWS = 400_000
"""Lines that are read at once."""

AMOUNT_MAX = 10**11
"""The most smallest units of money of one line: a thousand million euros."""

_BYTES_OF_A_ROW = 64
_HEADER_MAX = 65_536
_NEAR = 1e-4
_FAULTS = 20
_AMOUNT = r"^-?[0-9]{1,12}(\.[0-9]{1,12})?$"


@dataclass(frozen=True)
class Column:
    """A column as codes into its values; -1 where a line has none. Values are all text or all int64."""

    codes: Ints
    values: NDArray[Any]

    @property
    def texts(self) -> list[str]:
        """The values as people write them."""
        return [str(value) for value in self.values.tolist()]

    def among(self, wanted: frozenset[str]) -> Mask:
        """Whether each line has one of these values."""
        allowed = np.array([text in wanted for text in self.texts] + [False], dtype=np.bool_)
        return allowed[self.codes]


@dataclass(frozen=True)
class Lines:
    """A piece of a file of receipts. `cents` in smallest units of money, `seconds` the shop's own clock since
    1970.
    """

    member: Column
    basket: Column
    cents: Ints
    seconds: Ints
    attributes: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.cents)


@dataclass(frozen=True)
class Lookup:
    """A table of the rules, read: the position of each key, and its columns."""

    on: str
    keys: pd.Index[Any]
    columns: Mapping[str, Column]

    def attributes(self, found: Column) -> dict[str, Column]:
        """The table's columns for lines that have these keys."""
        places = np.append(self.keys.get_indexer(pd.Index(found.texts, dtype=object)), -1).astype(np.int64)
        place = places[found.codes]
        return {
            name: Column(np.append(column.codes, -1)[place], column.values)
            for name, column in self.columns.items()
        }


class Statuses(Protocol):
    """Who knows the status of a member."""

    def statuses_of(self, cards: Sequence[str]) -> list[str | None]:
        """For each card the status of its member, in the same order; None where the card is of no member."""


@dataclass(frozen=True)
class _StatusLookup:
    """Statuses by card. Each card is asked for once, in however many pieces of a file it stands."""

    members: Statuses
    on: str = "member"
    columns: tuple[str, ...] = (STATUS,)
    _known: dict[str, str] = field(default_factory=dict)

    def attributes(self, found: Column) -> dict[str, Column]:
        """See `Lookup`. A member without a status has none, and neither has a card of no member."""
        new = [card for card in found.texts if card not in self._known]
        for card, status in zip(new, self.members.statuses_of(new), strict=True):
            self._known[card] = status or ""
        codes, values = pd.factorize(
            np.array([self._known[card] or None for card in found.texts], dtype=object)
        )
        return {STATUS: Column(np.append(codes, -1).astype(np.int64)[found.codes], np.asarray(values))}


def read_lookups(rules: Rules, files: Mapping[str, Path] | None = None) -> list[Lookup]:
    """The tables of the rules. `files` by name of table goes before what the rules name."""
    files = dict(files or {})
    known = [table.name for table in rules.tables]
    for name in files:
        if name not in known:
            raise InputError(f"the rules have no table {name!r}", "see `tables` in the rules")
    return [_lookup(table, files.get(table.name, table.file)) for table in rules.tables]


def _lookup(table: Table, path: Path | None) -> Lookup:
    if path is None:
        raise InputError(
            f"the table {table.name!r} has no file",
            f"name it with --table {table.name}=FILE, or in the rules",
        )
    wanted = {table.key, *table.columns.values()}
    batches = list(_Source(path, CHUNK_ROWS).batches(sorted(wanted)))
    content = pa.Table.from_batches(batches)
    key = _column(path, 0, table.key, content.column(table.key).combine_chunks())
    texts = pd.Index(np.array([*key.texts, ""], dtype=object)[key.codes])
    if len(content) and (key.codes < 0).any():
        raise InputError(f"{path.name} has rows without {table.key!r}", "give every row its key")
    if not texts.is_unique:
        doubled = str(texts[texts.duplicated()][0])
        raise InputError(f"{path.name} has {table.key} {doubled} twice", "leave one row for each")
    columns = {
        name: _column(path, 0, column, content.column(column).combine_chunks())
        for name, column in table.columns.items()
    }
    return Lookup(table.on, texts, columns)


def read_lines(
    path: Path,
    rules: Rules,
    lookups: Sequence[Lookup | _StatusLookup] = (),
    chunk_rows: int = CHUNK_ROWS,
    statuses: Statuses | None = None,
) -> Iterator[Lines]:
    """The lines of a file, piece by piece. Raises `FileFaultsError` with the faults of the first piece that
    has any, by line. `statuses` are asked where neither the file nor a table has the status.
    """
    source = _Source(path, chunk_rows)
    given = {name for lookup in lookups for name in lookup.columns}
    named = STATUS in given or STATUS in rules.columns or STATUS in source.names
    if statuses is not None and STATUS in rules.attributes and not named:
        lookups, given = [*lookups, _StatusLookup(statuses)], given | {STATUS}
    columns = {
        role: _chosen(source, rules, role)
        for role in (*ROLES, *sorted(rules.attributes - given - set(ROLES)))
    }
    start = source.first_line
    for batch in source.batches(sorted(set(columns.values()))):
        try:
            yield _lines(path, start, batch, columns, rules, lookups)
        except pa.ArrowException as error:
            raise source.unreadable(error) from None
        start += len(batch)


def _chosen(source: _Source, rules: Rules, role: str) -> str:
    wanted = (rules.columns[role],) if role in rules.columns else DEFAULT_COLUMNS.get(role, (role,))
    for column in wanted:
        if column in source.names:
            return column
    raise InputError(
        f"{source.path.name} has no column {wanted[0]!r}",
        f"say under `columns` of the rules which column is the {role}; it has"
        f" {', '.join(source.names[:_FAULTS])}"
        + ("; or name the brand of the members with --members" if role == STATUS else ""),
    )


class _Source:
    """A file of either kind."""

    def __init__(self, path: Path, chunk_rows: int) -> None:
        self.path = path
        self._chunk_rows = chunk_rows
        if not path.is_file():
            raise InputError(f"there is no file {path}", "check its name")
        self._is_parquet = path.suffix.lower() in (".parquet", ".pq")
        self.first_line = 1 if self._is_parquet else 2
        self.names = self._parquet().schema_arrow.names if self._is_parquet else self._header()
        doubled = {name for name in self.names if self.names.count(name) > 1}
        if doubled:
            raise InputError(f"{path.name} has the column {min(doubled)!r} twice", "rename one of them")

    def batches(self, columns: list[str]) -> Iterator[Any]:
        """Record batches with these columns."""
        for column in columns:
            if column not in self.names:
                raise InputError(
                    f"{self.path.name} has no column {column!r}", f"it has {', '.join(self.names)}"
                )
        try:
            if self._is_parquet:
                yield from self._parquet().iter_batches(batch_size=self._chunk_rows, columns=columns)
            else:
                yield from self._csv(columns)
        except (OSError, pa.ArrowException) as error:
            raise self.unreadable(error) from None

    def _parquet(self) -> Any:
        try:
            # With a buffer a row group is read page by page, however large it is.
            return parquet.ParquetFile(self.path, buffer_size=1 << 20, pre_buffer=False)
        except (OSError, pa.ArrowException) as error:
            raise self.unreadable(error) from None

    def _header(self) -> list[str]:
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                line = file.readline(_HEADER_MAX)
        except (OSError, UnicodeDecodeError) as error:
            raise self.unreadable(error) from None
        if not line.endswith("\n") and len(line) == _HEADER_MAX:
            raise InputError(f"{self.path.name} has no header line", "save it as CSV in UTF-8, or as Parquet")
        if not line.strip():
            raise InputError(f"{self.path.name} is empty", "give it a header line")
        return next(csv.reader([line]))

    def _csv(self, columns: list[str]) -> Iterator[Any]:
        reader = arrow_csv.open_csv(
            self.path,
            read_options=arrow_csv.ReadOptions(block_size=self._chunk_rows * _BYTES_OF_A_ROW),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=columns,
                column_types=dict.fromkeys(columns, pa.string()),
                strings_can_be_null=False,
            ),
        )
        with reader:
            yield from reader

    def unreadable(self, error: Exception) -> InputError:
        """What to say when the file is not what it seems."""
        reason = str(error).strip().split("\n", 1)[0]
        kind = "Parquet" if self._is_parquet else "CSV"
        return InputError(
            f"{self.path.name} cannot be read as {kind} ({reason})", "save it as CSV in UTF-8, or as Parquet"
        )


# ------------------------------------------------------------------------------------------------- columns


def _lines(
    path: Path,
    start: int,
    batch: Any,
    columns: Mapping[str, str],
    rules: Rules,
    lookups: Sequence[Lookup | _StatusLookup],
) -> Lines:
    decimals = 0 if rules.amounts_in_smallest else rules.currency_decimals
    cents = _amounts(path, start, columns["amount"], batch.column(columns["amount"]), decimals)
    seconds = _times(path, start, columns["time"], batch.column(columns["time"]), rules.timezone)
    found = {
        role: _column(path, start, column, batch.column(column))
        for role, column in columns.items()
        if role not in ("amount", "time")
    }
    _refuse(path, start, found["basket"].codes < 0, f"the column {columns['basket']!r} is empty")
    for lookup in lookups:
        if lookup.on in found:
            found.update(lookup.attributes(found[lookup.on]))
    return Lines(found["member"], found["basket"], cents, seconds, found)


def _column(path: Path, start: int, name: str, found: Any) -> Column:
    kind = found.type
    if pa.types.is_dictionary(kind):
        found = found.dictionary_decode()
        kind = found.type
    if pa.types.is_floating(kind):
        whole = pc.cast(found, pa.int64(), safe=False)
        exact = pc.and_(pc.equal(pc.cast(whole, pa.float64()), found), pc.less(pc.abs(found), 2.0**53))
        _refuse(path, start, _bools(pc.invert(exact)), f"the column {name!r} has a number that is no name")
        found = whole
    elif pa.types.is_integer(kind):
        found = pc.cast(found, pa.int64())
    elif pa.types.is_nested(kind):
        raise InputError(f"{path.name} has lists in the column {name!r}", "give every line one value")
    else:
        found = pc.utf8_trim_whitespace(pc.cast(found, pa.string()))
        found = pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.string()), found)
    coded = found.dictionary_encode()
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    values = coded.dictionary
    if pa.types.is_integer(values.type):
        return Column(codes, values.to_numpy(zero_copy_only=False))
    return Column(codes, np.array(values.to_pylist(), dtype=object))


def _amounts(path: Path, start: int, name: str, found: Any, decimals: int) -> Ints:
    _refuse(path, start, _bools(pc.is_null(found, nan_is_null=True)), f"the column {name!r} is empty")
    kind = found.type
    finer = f"the column {name!r} is finer than {decimals} digits after the point"
    if pa.types.is_integer(kind):
        values = pc.cast(found, pa.int64()).to_numpy(zero_copy_only=False)
        _refuse(path, start, _too_large(values), f"the column {name!r} is too large")
        cents: Ints = values * np.int64(10**decimals)
    elif pa.types.is_floating(kind):
        scaled = pc.cast(found, pa.float64()).to_numpy(zero_copy_only=False) * float(10**decimals)
        _refuse(path, start, _too_large(scaled), f"the column {name!r} is too large")
        rounded = np.rint(scaled)
        _refuse(path, start, np.abs(scaled - rounded) > _NEAR, finer)
        cents = rounded.astype(np.int64)
    else:
        if not pa.types.is_decimal(kind):
            found = pc.utf8_trim_whitespace(pc.cast(found, pa.string()))
            wrong = _bools(pc.invert(pc.match_substring_regex(found, _AMOUNT)))
            _refuse(path, start, wrong, f"the column {name!r} is no amount; write digits, as in 12.50")
        scale = max(getattr(kind, "scale", 12), 12)
        exact = pc.cast(found, pa.decimal128(38, scale))
        whole = pc.cast(exact, pa.decimal128(38, decimals), safe=False)
        _refuse(path, start, _bools(pc.not_equal(pc.cast(whole, exact.type), exact)), finer)
        cents = _unscaled(whole)
    _refuse(path, start, _too_large(cents), f"the column {name!r} is too large")
    return cents


def _unscaled(found: Any) -> Ints:
    """The whole numbers that decimals are stored as; what needs more than 63 bits becomes too large."""
    found = pa.concat_arrays([found])
    halves = np.frombuffer(found.buffers()[1], dtype=np.int64)
    halves = halves[2 * found.offset : 2 * (found.offset + len(found))]
    whole = np.array(halves[0::2], dtype=np.int64)
    whole[halves[1::2] != whole >> 63] = 2**62
    return whole


def _too_large(values: NDArray[Any]) -> Mask:
    # Not by its absolute value: that of the lowest int64 is itself.
    return np.asarray(~((values >= -AMOUNT_MAX) & (values <= AMOUNT_MAX)), dtype=np.bool_)


def _times(path: Path, start: int, name: str, found: Any, zone: str) -> Ints:
    _refuse(path, start, _bools(pc.is_null(found)), f"the column {name!r} is empty")
    if pa.types.is_date(found.type):
        found = pc.cast(found, pa.timestamp("s"))
    elif not pa.types.is_timestamp(found.type):
        found = _parsed(path, start, name, pc.cast(found, pa.string()))
    if found.type.tz is not None:
        found = pc.local_timestamp(pc.cast(found, pa.timestamp(found.type.unit, zone)))
    seconds = pc.cast(pc.floor_temporal(found, unit="second"), pa.timestamp("s"), safe=False)
    return np.asarray(pc.cast(seconds, pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)


def _parsed(path: Path, start: int, name: str, found: Any) -> Any:
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return pc.cast(found, kind)
        except pa.ArrowInvalid:
            continue
    text = f"the column {name!r} is no time; write 2027-02-19 14:30:00, all with a zone or all without"
    wrong = np.array([not _is_time(each) for each in found.to_pylist()])
    _refuse(path, start, wrong if wrong.any() else ~wrong, text)
    raise AssertionError


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _bools(found: Any) -> Mask:
    return np.asarray(pc.fill_null(found, False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _refuse(path: Path, start: int, wrong: Mask, text: str) -> None:
    if wrong.any():
        raise FileFaultsError(path, [Fault(start + int(place), text) for place in np.flatnonzero(wrong)])
