"""Files that say who gets how many points: read, checked whole, and cut into batches.

A file is CSV or Parquet with the columns `address` and `amount` (whole points). Nothing of a file is used
unless all of it is sound.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from troc import words
from troc.errors import InputError
from troc.messages import ZERO_ADDRESS, pack_batch_word, to_address

COLUMNS = ("address", "amount")
RECEIPT = "receipt"
"""A third column, where a customer may stand in several lines: her purchases."""

LOT_MAX = 2**56 - 1
"""The most smallest units that one lot of a token can hold (LOYALTY.md, "Lots")."""

BATCH_SIZE = 256
"""Recipients of a batch before it is cut in halves to fit a block: about 6.5 million gas for new holders."""

_SHOWN = 20


@dataclass(frozen=True)
class Payout:
    """One recipient and what she gets, in smallest units. `receipt` tells purchases of hers apart."""

    address: str
    units: int
    receipt: str = ""


@dataclass(frozen=True)
class Fault:
    """What is wrong with one line. Lines count from 1, and the header is line 1; in Parquet the first row
    is line 1.
    """

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


class FileFaultsError(InputError):
    """A file that cannot be paid out; `faults` are all of them, in the order of the file."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        shown = "; ".join(str(fault) for fault in faults[:_SHOWN])
        more = f"; and {len(faults) - _SHOWN:,} more" if len(faults) > _SHOWN else ""
        super().__init__(
            f"{path.name} has {words.count(len(faults), 'fault')}, nothing was sent ({shown}{more})",
            "mend these lines and run it again",
        )

    def as_json(self) -> dict[str, Any]:
        """Adds `faults`, each with its `line` and `text`."""
        return super().as_json() | {
            "faults": [{"line": fault.line, "text": fault.text} for fault in self.faults]
        }


@dataclass(frozen=True)
class Batch:
    """Recipients that are paid in one transaction.

    `reference` makes the chain refuse the same batch a second time: it depends on the whole file and on the
    span of recipients, and on nothing that could differ when a run is taken up again.
    """

    reference: bytes
    payouts: tuple[Payout, ...]
    start: int
    digest: bytes

    @property
    def packed(self) -> list[int]:
        """The argument of `mintBatch`."""
        return [pack_batch_word(payout.address, payout.units) for payout in self.payouts]

    @property
    def units(self) -> int:
        """The sum of the batch, in smallest units."""
        return sum(payout.units for payout in self.payouts)

    def halves(self) -> tuple[Batch, Batch] | None:
        """The batch cut in two, or None for a single recipient."""
        if len(self.payouts) == 1:
            return None
        middle = len(self.payouts) // 2
        return (
            _batch(self.digest, self.payouts[:middle], self.start),
            _batch(self.digest, self.payouts[middle:], self.start + middle),
        )


def read_payouts(
    path: Path, decimals: int, symbol: str, forbidden: Iterable[str] = (), receipts: bool = False
) -> list[Payout]:
    """Read a file of points to pay out, sorted by address.

    `forbidden` are addresses that cannot hold these points (the token, the exchange). `receipts`: there may
    be a column of them, and then an address may stand in several lines. Raises
    `FileFaultsError` with every fault of the file, or `InputError` where it cannot be read at all.
    """
    rows = _read_rows(path, (*COLUMNS, RECEIPT) if receipts else COLUMNS)
    faults: list[Fault] = []
    lines: dict[str, int] = {}
    payouts: list[Payout] = []
    no_holders = {ZERO_ADDRESS, *forbidden}
    for line, address_text, amount_text, receipt, fault in rows:
        found = [fault] if fault else []
        address = ""
        if not fault:
            try:
                address = to_address(address_text, "address")
            except InputError as error:
                found.append(error.message.removeprefix("address: "))
            units = 0
            try:
                units = words.to_units(words.parse_amount(amount_text), decimals, symbol)
            except InputError as error:
                found.append(error.message)
            if units > LOT_MAX:
                most = words.number(LOT_MAX, decimals)
                found.append(f"{amount_text} is too large, one payment can be {most} at most")
            if address in no_holders:
                found.append(f"{address} cannot hold {symbol}")
            elif (receipt or address) in lines:
                found.append(
                    f"{receipt or address} is doubled, it stands in line {lines[receipt or address]} already"
                )
            elif address:
                lines[receipt or address] = line
            payouts.append(Payout(address, units, receipt))
        faults.extend(Fault(line, text) for text in found)
    if faults:
        raise FileFaultsError(path, faults)
    if not payouts:
        raise InputError(f"{path.name} pays nobody", f"add lines with {' and '.join(COLUMNS)}")
    return in_order(payouts)


def in_order(payouts: Iterable[Payout]) -> list[Payout]:
    """The order in which payouts are cut into batches: by address, then by receipt."""
    return sorted(payouts, key=lambda payout: (payout.address.lower(), payout.receipt))


def batches(
    payouts: Sequence[Payout],
    token: str,
    reference: str = "",
    size: int = BATCH_SIZE,
    epoch: int | None = None,
) -> list[Batch]:
    """Cut payouts (as `read_payouts` sorts them) into batches.

    `reference` tells apart two files with the same content, such as the same bonus in two months; `epoch`
    is the one that the points go into, where they do not go into the current one.
    """
    kind = b"troc.mint\0" if epoch is None else b"troc.mintAtEpoch\0" + epoch.to_bytes(32)
    digest = keccak(
        kind
        + bytes.fromhex(token[2:])
        + keccak(reference.encode())
        + b"".join(pack_batch_word(payout.address, payout.units).to_bytes(32) for payout in payouts)
        + b"".join(keccak(payout.receipt.encode()) for payout in payouts if payout.receipt)
    )
    return [
        _batch(digest, tuple(payouts[start : start + size]), start) for start in range(0, len(payouts), size)
    ]


def _batch(digest: bytes, payouts: Sequence[Payout], start: int) -> Batch:
    span = start.to_bytes(8) + len(payouts).to_bytes(8)
    return Batch(keccak(digest + span), tuple(payouts), start, digest)


_Row = tuple[int, str, str, str, str]
"""Line, address, amount, receipt, and a fault of the line as a whole or nothing."""


def _read_rows(path: Path, columns: Sequence[str]) -> Iterator[_Row]:
    if not path.is_file():
        raise InputError(f"there is no file {path}", "check its name")
    if path.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise InputError(f"{path.name} is a spreadsheet", "save it as CSV, separated by commas")
    is_parquet = path.suffix.lower() in (".parquet", ".pq")
    return _read_parquet(path, columns) if is_parquet else _read_csv(path, columns)


def _positions(path: Path, header: Sequence[str], columns: Sequence[str]) -> list[int]:
    """Where address, amount and, if there is one, receipt stand."""
    names = [name.strip().lower() for name in header]
    separator = next((each for each in (";", "\t", "|") if len(names) == 1 and each in names[0]), "")
    if separator:
        raise InputError(f"the columns of {path.name} are separated by {separator!r}", "save it with commas")
    if any(name.startswith("0x") for name in names):
        raise InputError(
            f"{path.name} begins with a customer", f"make its first line say {','.join(columns[:2])}"
        )
    faults = [Fault(1, f"unknown column {name!r}") for name in names if name not in columns]
    faults += [Fault(1, f"the column {name!r} is missing") for name in COLUMNS if name not in names]
    faults += [Fault(1, f"the column {name!r} is doubled") for name in columns if names.count(name) > 1]
    if faults:
        raise FileFaultsError(path, faults)
    return [names.index(name) for name in columns if name in names]


def _read_csv(path: Path, columns: Sequence[str]) -> Iterator[_Row]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path.name} cannot be read ({error})", "save it as CSV in UTF-8, or as Parquet"
        ) from None
    reader = csv.reader(text.splitlines())
    try:
        header = next(reader, None)
        if header is None:
            raise InputError(f"{path.name} is empty", f"give it a header line: {','.join(COLUMNS)}")
        positions = _positions(path, header, columns)
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(positions):
                fault = f"{words.count(len(row), 'value')} instead of {len(positions)}"
                yield reader.line_num, "", "", "", fault
            else:
                address, amount, *receipt = (row[position].strip() for position in positions)
                yield reader.line_num, address, amount, "".join(receipt), ""
    except csv.Error as error:
        raise InputError(
            f"{path.name} is no CSV file ({error})", "save it as CSV in UTF-8, or as Parquet"
        ) from None


def _read_parquet(path: Path, columns: Sequence[str]) -> Iterator[_Row]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise InputError(
            "reading Parquet needs pyarrow",
            "run `pip install '.[files]'` in the folder of this project, or save the file as CSV",
        ) from None
    try:
        table = parquet.read_table(path)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).split("\n", 1)[0]
        raise InputError(
            f"{path.name} is no Parquet file ({reason})", "save it as Parquet or as CSV"
        ) from None
    cells = [table.column(position) for position in _positions(path, table.column_names, columns)]
    for index in range(table.num_rows):
        address, amount, *receipt = (_text(column[index].as_py()) for column in cells)
        yield index + 1, address, amount, "".join(receipt), ""


def _text(value: Any) -> str:
    """A cell of a typed file in the digits that a person would have written."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}".removesuffix(".0") if value == value else "nan"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
