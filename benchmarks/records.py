"""One measured figure, and the files that hold them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


class BenchmarkError(Exception):
    """Something that keeps a measurement from being made; the text says what to do."""


@dataclass(frozen=True, order=True)
class Record:
    """What one operation of one system costs.

    Attributes:
        operation: The key under which systems are compared, such as `take-order`.
        system: `troc`, or the name of the peer.
        version: Version of the peer's package, or of this project.
        state: What the storage held beforehand, such as "existing holders, nonce word in use".
        gas: `gasUsed` of the receipts, 21,000 and calldata included; rounded up where it is a share.
        per: What `gas` is for: `transaction`, `order`, `recipient`, or all of a `customer`'s or a `sale`'s.
        calldata_bytes: Length of the calldata of the same transactions; rounded up where it is a share.
        how: The call that was measured, and where the bytecode comes from.
    """

    operation: str
    system: str
    version: str
    state: str
    gas: int
    per: str
    calldata_bytes: int
    how: str

    @property
    def key(self) -> tuple[str, str]:
        """What names a figure from one run to the next."""
        return (self.operation, self.system)


def checked(records: Iterable[Record]) -> list[Record]:
    """The records sorted; raises BenchmarkError where two have the same operation and system."""
    result = sorted(records)
    seen: set[tuple[str, str]] = set()
    for record in result:
        if record.key in seen:
            raise BenchmarkError(
                f"{record.operation} of {record.system} was measured twice: give one of them another name"
            )
        seen.add(record.key)
    return result


def write(path: Path, records: Iterable[Record]) -> None:
    """Write the records as JSON, sorted, one line for each field so that a change reads well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(record) for record in checked(records)], indent=1) + "\n")


def read(path: Path) -> list[Record]:
    """Read what `write` wrote; raises BenchmarkError where the file is missing or has another shape."""
    try:
        return [Record(**entry) for entry in json.loads(path.read_text())]
    except FileNotFoundError:
        raise BenchmarkError(f"{path.name} is missing: run `make bench`") from None
    except (TypeError, ValueError) as error:
        raise BenchmarkError(f"{path.name} is not a list of records ({error}): run `make bench`") from None
