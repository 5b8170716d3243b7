"""Sets of contacts of millions of accounts under one root, and the proof of each from a file on disk.

A leaf is an account's set of contacts on one page: keccak256(keccak256(abi.encode(bytes32 campaign, bytes32
account, uint256 page, uint256 contacts))). The tree is OpenZeppelin's StandardMerkleTree: leaves sorted by
their hash, the pair below a node sorted, in an array with the root at 0, the children of i at 2i + 1 and
2i + 2, and the leaves backwards at its end. An account is 32 bytes: an address, left-padded, or a pseudonym.
Page n holds the contacts 255 n to 255 n + 254 as bits 0 to 254 of one word.

docs/roots.md has the file to the byte.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import re
import struct
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from troc.errors import InputError, TamperedError
from troc.messages import to_address

try:
    from sha3 import keccak_256
except ImportError:  # pragma: no cover
    raise InputError(
        "roots need a fast keccak", "run `pip install '.[attention]'` in the folder of this project"
    ) from None

CONTACTS_A_PAGE = 255
"""Bit 255 of page 0 says that an account is enrolled: no set has it."""
MOST_CONTACTS = 65_535
"""Of one account in one campaign, as AttentionRewards allows them."""
MOST_LEAVES = 2**31
VERSION = 1

_MAGIC = b"trocroot"
# Magic, version, leaves, campaign, root; then the digest of these and of all that follows.
_FIELDS = struct.Struct(">8sII32s32s")
_HEADER = _FIELDS.size + 32
_ENTRY = np.dtype([("account", "u1", 32), ("page", ">u4"), ("place", ">u4"), ("contacts", "u1", 32)])
_KEY = 36
_BLOCK = 1 << 16
_ACCOUNT = re.compile(r"0x(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})")
_NUMBER = re.compile(r"[0-9]{1,9}")
_HIGH, _CAPITALS, _LETTERS = (
    {ord(digit): "01"[digit in ones] for digit in "0123456789abcdefABCDEF"}
    for ones in ("89abcdef", "ABCDEF", "abcdefABCDEF")
)
_BUILD_AGAIN = "fetch the file again, or build it again from the contacts"

_T = TypeVar("_T")
_Bytes = NDArray[np.uint8]
_Whole = NDArray[np.int64]


# ------------------------------------------------------------------------------------------------ contacts


@dataclass(frozen=True)
class Sets:
    """Sets of contacts, one a row, by rising account and page.

    `accounts` and `contacts` have 32 bytes a row, the highest first; no set is empty or has bit 255.
    """

    accounts: _Bytes
    pages: _Whole
    contacts: _Bytes

    def __len__(self) -> int:
        return len(self.pages)

    @property
    def total(self) -> int:
        """How many contacts they hold."""
        return int(np.unpackbits(self.contacts, axis=None).sum()) if len(self) else 0

    @property
    def account_count(self) -> int:
        """How many accounts they are of."""
        return int(1 + (self.accounts[1:] != self.accounts[:-1]).any(axis=1).sum()) if len(self) else 0

    def rows(self) -> Iterator[tuple[bytes, int, int]]:
        """Each as account, page and contacts."""
        for account, page, contacts in zip(self.accounts, self.pages, self.contacts, strict=True):
            yield account.tobytes(), int(page), int.from_bytes(contacts.tobytes())

    @classmethod
    def unite(cls, accounts: _Bytes, rows: _Whole, numbers: _Whole) -> Sets:
        """The sets of rows that say: account `accounts[rows[i]]` had contact `numbers[i]`.

        An account may stand in `accounts` several times, and a contact in several rows. Raises `InputError`
        where there are no rows, or a number is none of 0 to 65,534.
        """
        if not len(rows):
            raise InputError("there are no contacts", "give at least one row")
        if numbers.min() < 0 or numbers.max() >= MOST_CONTACTS:
            raise InputError("a contact's number is out of range", f"use 0 to {MOST_CONTACTS - 1:,}")
        order = _order(accounts)
        ordered = accounts[order]
        first = np.ones(len(ordered), bool)
        first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        rank = np.empty(len(ordered), np.int64)
        rank[order] = np.cumsum(first) - 1

        keys = np.unique(rank[rows] << 16 | numbers)
        owners, pages = keys >> 16, (keys & 0xFFFF) // CONTACTS_A_PAGE
        bits = (keys & 0xFFFF) % CONTACTS_A_PAGE
        starts = np.ones(len(keys), bool)
        starts[1:] = (owners[1:] != owners[:-1]) | (pages[1:] != pages[:-1])
        sets = np.cumsum(starts) - 1
        contacts = np.zeros((int(sets[-1]) + 1, 32), np.uint8)
        np.bitwise_or.at(contacts, (sets, 31 - bits // 8), (1 << bits % 8).astype(np.uint8))
        return cls(ordered[first][owners[starts]], pages[starts], contacts)


def account_of(text: str) -> bytes:
    """The 32 bytes of an account: an address (mixed case must carry a right checksum), or a pseudonym of 64
    hex digits. Raises `InputError` for anything else, and for zero, which is nobody's.
    """
    if not isinstance(text, str) or not _ACCOUNT.fullmatch(text):
        raise InputError(f"{text!r} is no account", "write 0x and 40 hex digits, or the 64 of a pseudonym")
    digits = text[2:]
    account = bytes.fromhex(digits).rjust(32, b"\0")
    if not any(account):
        raise InputError(f"{text} is nobody's account", "leave it out")
    if len(digits) == 40 and digits not in (digits.lower(), digits.upper()):
        # ERC-55: a letter is a capital where the hash of the small ones has 8 or more in its place. As bits,
        # for a million addresses.
        marks = _bits(keccak_256(digits.lower().encode()).hexdigest()[:40], _HIGH)
        if _bits(digits, _CAPITALS) != marks & _bits(digits, _LETTERS):
            raise InputError(f"{text} has a wrong checksum", "copy the address again")
    return account


def _bits(digits: str, ones: dict[int, str]) -> int:
    """A bit a digit, set for those of one kind."""
    return int(digits.translate(ones), 2)


def read_sets(file: Path, max_contacts: int = MOST_CONTACTS) -> Sets:
    """The sets of a CSV or Parquet file with the columns `account` and `contact`, a contact a row.

    Contacts are numbered below `max_contacts`, the campaign's. Raises `InputError`, with the row (1 is the
    first below the header) where one is wrong.
    """
    table = _table_of_contacts(file)

    def number_of(text: str) -> int:
        if not _NUMBER.fullmatch(text):
            raise InputError(f"contact {text!r} is no whole number", "write it in digits")
        if int(text) >= max_contacts:
            raise InputError(f"contact {text} is out of range", f"use 0 to {max_contacts - 1:,}")
        return int(text)

    rows, accounts = _parse(file, table["account"], account_of)
    known, numbers = _parse(file, table["contact"], number_of)
    bytes32 = np.frombuffer(b"".join(accounts), np.uint8).reshape(-1, 32)
    return Sets.unite(bytes32, rows, np.array(numbers, np.int64)[known])


def read_names(file: Path) -> list[tuple[bytes, str]]:
    """The account and the name of each contact of a CSV or Parquet file with the columns `account` and
    `contact`: what a shop calls it, not its number. Raises `InputError`, with the row where one is wrong.
    """
    table = _table_of_contacts(file)
    rows, accounts = _parse(file, table["account"], account_of)
    known, names = _parse(file, table["contact"], str)
    return [(accounts[row], names[name]) for row, name in zip(rows, known, strict=True)]


def _table_of_contacts(file: Path) -> pd.DataFrame:
    table = _read_table(file)
    for name in ("account", "contact"):
        if name not in table.columns:
            raise InputError(f"{file.name} has no column {name}", f"name a column `{name}`")
    if table.empty:
        raise InputError(f"{file.name} holds no contacts", "write a row for each: account, contact")
    return table


def read_accounts(file: Path) -> list[bytes]:
    """The accounts of a CSV or Parquet file with the column `account`, in its order, each once.

    Raises `InputError`, with the row (1 is the first below the header) where one is wrong.
    """
    table = _read_table(file)
    if "account" not in table.columns:
        raise InputError(f"{file.name} has no column account", "name a column `account`")
    _, accounts = _parse(file, table["account"], account_of)
    return list(dict.fromkeys(accounts))


def read_people(file: Path) -> list[tuple[str, str]]:
    """The person and her address of each row of a CSV or Parquet file with the columns `person` and
    `account`: whatever an attestor knows her by. Raises `InputError`, with the row where one is wrong.
    """
    table = _read_table(file)
    for name in ("person", "account"):
        if name not in table.columns:
            raise InputError(f"{file.name} has no column {name}", f"name a column `{name}`")
    rows, people = _parse(file, table["person"], str)
    known, accounts = _parse(file, table["account"], to_address)
    return [(people[row], accounts[its]) for row, its in zip(rows, known, strict=True)]


def _read_table(file: Path) -> pd.DataFrame:
    if not file.is_file():
        raise InputError(f"there is no file {file}", "check its name")
    try:
        if file.suffix.lower() == ".parquet":
            return pd.read_parquet(file, dtype_backend="pyarrow")
        with warnings.catch_warnings():
            # A row with more cells than the header would lose them with a warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(file, dtype=str, keep_default_na=False, index_col=False)
    except (OSError, ValueError, pa.ArrowException, pd.errors.ParserWarning) as error:
        reason = str(error).split("\n", 1)[0]
        raise InputError(f"{file.name} cannot be read ({reason})", "save it as CSV or as Parquet") from None


def _parse(file: Path, column: pd.Series[Any], parse: Callable[[str], _T]) -> tuple[_Whole, list[_T]]:
    """Each different cell once, parsed, and which of them is in each row."""
    codes, cells = pd.factorize(column)
    rows = np.asarray(codes, np.int64)
    if (rows < 0).any():
        row = int((rows < 0).argmax()) + 1
        raise InputError(f"row {row:,} of {file.name} has no {column.name}", "fill it in, or leave it out")
    found = []
    for at, cell in enumerate(cells):
        try:
            found.append(parse(str(cell).strip()))
        except InputError as error:
            row = int((rows == at).argmax()) + 1
            raise InputError(f"row {row:,} of {file.name}: {error.message}", error.remedy) from None
    return rows, found


# ---------------------------------------------------------------------------------------------------- tree


def leaf_hash(campaign: bytes, account: bytes, page: int, contacts: int) -> bytes:
    """The hash of a leaf: twice, so that no inner node passes for one."""
    encoded = campaign + account + page.to_bytes(32) + contacts.to_bytes(32)
    return _keccak(_keccak(encoded))


def root_by_proof(leaf: bytes, hashes: Sequence[bytes]) -> bytes:
    """The root that a leaf and the hashes beside its way, from below, lead to."""
    found = leaf
    for other in hashes:
        found = _keccak(found + other if found < other else other + found)
    return found


def _keccak(data: bytes) -> bytes:
    digest: bytes = keccak_256(data).digest()
    return digest


def _columns(rows: _Bytes) -> list[NDArray[np.uint64]]:
    """32 bytes a row as four numbers, the highest first."""
    words = np.ascontiguousarray(rows).view(">u8")
    return [words[:, at].astype(np.uint64) for at in range(4)]


def _order(rows: _Bytes) -> NDArray[np.intp]:
    """What sorts rows of 32 bytes."""
    return np.lexsort(_columns(rows)[::-1])


def _hash_each(rows: _Bytes) -> _Bytes:
    """keccak256 of each row."""
    data, width = rows.tobytes(), rows.shape[1]
    digests = [keccak_256(data[at : at + width]).digest() for at in range(0, len(data), width)]
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)


def _leaves(campaign: bytes, sets: Sets) -> _Bytes:
    found = np.empty((len(sets), 32), np.uint8)
    for start in range(0, len(sets), _BLOCK):
        block = slice(start, start + _BLOCK)
        encoded = np.zeros((len(sets.pages[block]), 128), np.uint8)
        encoded[:, :32] = np.frombuffer(campaign, np.uint8)
        encoded[:, 32:64] = sets.accounts[block]
        encoded[:, 88:96] = sets.pages[block].astype(">u8").view(np.uint8).reshape(-1, 8)
        encoded[:, 96:] = sets.contacts[block]
        found[block] = _hash_each(_hash_each(encoded))
    return found


def _nodes(pairs: _Bytes) -> _Bytes:
    """The nodes over pairs of hashes, 64 bytes a row."""
    left, right = _columns(pairs[:, :32]), _columns(pairs[:, 32:])
    swap = np.zeros(len(pairs), bool)
    for low, high in zip(left[::-1], right[::-1], strict=True):
        swap = (low > high) | ((low == high) & swap)
    return _hash_each(np.where(swap[:, None], np.roll(pairs, 32, axis=1), pairs))


def _grow(campaign: bytes, sets: Sets) -> tuple[_Whole, _Bytes]:
    """Where each set stands in the tree, and the tree."""
    count = len(sets)
    leaves = _leaves(campaign, sets)
    order = _order(leaves)
    tree = np.empty((2 * count - 1, 32), np.uint8)
    tree[count - 1 :] = leaves[order[::-1]]
    places = np.empty(count, np.int64)
    places[order] = 2 * count - 2 - np.arange(count)
    known = count - 1
    while known:
        # All nodes whose children are there: those from half of it on.
        low = known // 2
        for start in range(low, known, _BLOCK):
            end = min(start + _BLOCK, known)
            tree[start:end] = _nodes(tree[2 * start + 1 : 2 * end + 1].reshape(-1, 64))
        known = low
    return places, tree


# ---------------------------------------------------------------------------------------------------- file


def write_root(path: Path, campaign: bytes, sets: Sets) -> bytes:
    """Build the tree of a campaign's sets and write its file in one step; gives the root.

    Raises `InputError` where the campaign is not 32 bytes, there is no set, or the file cannot be written.
    """
    if len(campaign) != 32:
        raise InputError(f"a campaign of {len(campaign)} bytes", "give the 32 bytes of its id")
    if not 0 < len(sets) <= MOST_LEAVES:
        raise InputError(f"{len(sets):,} sets make no tree", f"give 1 to {MOST_LEAVES:,}")
    places, tree = _grow(campaign, sets)
    root: bytes = tree[0].tobytes()
    entries = np.empty(len(sets), _ENTRY)
    entries["account"], entries["page"] = sets.accounts, sets.pages
    entries["place"], entries["contacts"] = places, sets.contacts
    fields = _FIELDS.pack(_MAGIC, VERSION, len(sets), campaign, root)
    body: tuple[Any, ...] = (entries.view(np.uint8), tree)
    digest = hashlib.sha256(fields)
    for part in body:
        digest.update(part)
    with _whole_file(path) as file:
        file.write(fields + digest.digest())
        for part in body:
            file.write(part)
    return root


@contextmanager
def _whole_file(path: Path) -> Iterator[Any]:
    """A file for oneself alone, whole and on the disk, in the place of what was there."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", "name another file") from None


@dataclass(frozen=True)
class Proof:
    """An account's set of contacts on a page, and the hashes that lead from its leaf to the root."""

    account: bytes
    page: int
    contacts: int
    hashes: tuple[bytes, ...]

    def root(self, campaign: bytes) -> bytes:
        """The root that this leads to."""
        return root_by_proof(leaf_hash(campaign, self.account, self.page, self.contacts), self.hashes)


class RootFile:
    """The file of a root, open for reading: only what is asked for is read.

    What it hands out was checked against its root. That this is the root on the chain is the caller's to see.
    """

    def __init__(self, path: Path) -> None:
        """Open it. Raises `InputError` for another file or version, `TamperedError` for one that was cut."""
        self.path = path
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                head = file.read(_HEADER)
                whole = len(head) == _HEADER
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if whole else None
        except OSError as error:
            raise InputError(f"{path} cannot be opened ({error.strerror})", "check its name") from None
        try:
            if not head.startswith(_MAGIC):
                raise InputError(f"{path.name} is no file of a root", "name one that was built from contacts")
            if not whole:
                raise TamperedError(f"{path.name} was cut off", _BUILD_AGAIN)
            _, version, self.count, self.campaign, self.root = _FIELDS.unpack(head[: _FIELDS.size])
            if version != VERSION:
                raise InputError(
                    f"{path.name} has version {version}, not {VERSION}",
                    "build it again from the contacts, or use the Troc that built it",
                )
            self._tree = _HEADER + _ENTRY.itemsize * self.count
            if self.count == 0 or size != self._tree + 32 * (2 * self.count - 1):
                raise TamperedError(f"{path.name} has {size:,} bytes, not those of its leaves", _BUILD_AGAIN)
        except Exception:
            self.close()
            raise

    def __enter__(self) -> RootFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._map is not None:
            self._map.close()

    def proof_of(self, account: str | bytes, page: int) -> Proof:
        """The proof of an account's page. Raises `InputError` where this root has none, `TamperedError` where
        the file is damaged.
        """
        wanted = _bytes_of(account)
        if not 0 <= page < 2**32:
            raise InputError(f"there is no page {page}", "use contact // 255")
        at, found = self._search(wanted + page.to_bytes(4))
        if found:
            return self._proof(at)
        pages = self.pages_of(wanted)
        raise InputError(
            f"0x{wanted.hex()} has no contacts on page {page} of this root",
            f"ask for one of its pages: {', '.join(map(str, pages))}",
        )

    def pages_of(self, account: str | bytes) -> list[int]:
        """The pages on which an account has contacts, rising. Raises as `proof_of` does."""
        wanted = _bytes_of(account)
        at, _ = self._search(wanted + bytes(4))
        pages = []
        while at < self.count:
            # Also the one behind them: it could be one of hers, damaged.
            proof = self._proof(at)
            if proof.account != wanted:
                break
            pages.append(proof.page)
            at += 1
        if not pages:
            raise InputError(
                f"0x{wanted.hex()} has no contacts in this root",
                "check the account; its contacts may be in a later root",
            )
        return pages

    def check(self) -> None:
        """Recompute all: the digest, every leaf, every node. Raises `TamperedError`."""
        if fault := self._fault():
            raise TamperedError(f"{self.path.name}: {fault}", _BUILD_AGAIN)

    def sets(self) -> Sets:
        """All sets, as they stand in the file: `check` tells whether they are under its root."""
        entries = self._entries()
        return Sets(entries["account"].copy(), entries["page"].astype(np.int64), entries["contacts"].copy())

    def _entries(self) -> NDArray[Any]:
        return np.frombuffer(self._bytes[_HEADER : self._tree], _ENTRY)

    def _fault(self) -> str | None:
        data = memoryview(self._bytes)
        digest = hashlib.sha256(data[: _FIELDS.size])
        digest.update(data[_HEADER:])
        if digest.digest() != data[_FIELDS.size : _HEADER]:
            return "its bytes are not those that were written"
        entries, sets = self._entries(), self.sets()
        if (sets.contacts[:, 0] > 127).any() or not sets.contacts.any(axis=1).all():
            return "a set is empty or has bit 255"
        order = np.lexsort([sets.pages, *_columns(sets.accounts)[::-1]])
        same = (sets.accounts[1:] == sets.accounts[:-1]).all(axis=1) & (sets.pages[1:] == sets.pages[:-1])
        if (order[1:] < order[:-1]).any() or same.any():
            return "its accounts and pages are not in order"
        places, tree = _grow(self.campaign, sets)
        if not np.array_equal(tree, np.frombuffer(data[self._tree :], np.uint8).reshape(-1, 32)):
            return "its hashes are not those of its sets"
        if not np.array_equal(places, entries["place"]):
            return "its sets do not stand where it says"
        return None if tree[0].tobytes() == self.root else "its root is not that of its hashes"

    @property
    def _bytes(self) -> mmap.mmap:
        assert self._map is not None
        return self._map

    def _search(self, key: bytes) -> tuple[int, bool]:
        """The first entry that is not below a key, and whether it is the one. All that a search without a
        find has seen is proven, so that damage does not make an account unknown.
        """
        data, low, high, found = self._bytes, 0, self.count, False
        seen = []
        while low < high:
            middle = (low + high) // 2
            start = _HEADER + middle * _ENTRY.itemsize
            other = data[start : start + _KEY]
            seen.append(middle)
            if other < key:
                low = middle + 1
            else:
                high, found = middle, other == key
        if not found:
            for at in seen:
                self._proof(at)
        return low, found

    def _proof(self, at: int) -> Proof:
        """The proof of an entry, checked."""
        data, start = self._bytes, _HEADER + at * _ENTRY.itemsize
        entry = data[start : start + _ENTRY.itemsize]
        page, place = struct.unpack(">II", entry[32:40])
        hashes = []
        if self.count - 1 <= place < 2 * self.count - 1:
            while place:
                beside = self._tree + 32 * (place + 1 if place % 2 else place - 1)
                hashes.append(data[beside : beside + 32])
                place = (place - 1) // 2
        proof = Proof(entry[:32], page, int.from_bytes(entry[40:]), tuple(hashes))
        if proof.root(self.campaign) != self.root:
            raise TamperedError(f"{self.path.name} is damaged at its entry {at:,}", _BUILD_AGAIN)
        return proof


def _bytes_of(account: str | bytes) -> bytes:
    if isinstance(account, str):
        return account_of(account)
    if len(account) != 32:
        raise InputError(f"an account of {len(account)} bytes", "give the 32 of an account")
    return account
