"""The journal of a brand: entries are added and never changed.

Each entry holds the hash of the one before it, so that whatever is altered, removed, inserted or moved shows,
and where. Whoever can write the whole database could write the whole chain of hashes anew, or cut its end:
against that the head is anchored, which is to keep it where they cannot write (a file elsewhere, paper, the
chain). Reading and checking need no passphrase; what concerns a member is sealed with her key, and erasing
her leaves the hashes as they are.
"""

from __future__ import annotations

import hashlib
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from troc.accounts import Signer
from troc.chain import Chain, Receipt
from troc.errors import InputError, StoreError, TamperedError
from troc.programme.vault import BrandStore, Key
from troc.store import reading

_tables = sa.MetaData()
_entries = sa.Table(
    "journal",
    _tables,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(40), nullable=False, index=True),
    sa.Column("actor", sa.String(100), nullable=False),
    sa.Column("subject", sa.String(32), nullable=False, index=True),
    sa.Column("reference", sa.String(64), nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)
_HASHED = (
    "sequence",
    "time",
    "kind",
    "actor",
    "subject",
    "reason",
    "reference",
    "payload",
    "sealed",
    "previous",
)
_ANCHOR = b"troc.journal\0"
_ERASED = "erased"


def canonical(data: Any) -> str:
    """The one way to write a value as JSON (RFC 8785 for texts, whole numbers, lists and mappings)."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True)
class Head:
    """The last entry that there was: its number (0 for none) and its hash in hex."""

    sequence: int
    hash: str

    @property
    def calldata(self) -> bytes:
        """What is written into a transaction to anchor it."""
        return _ANCHOR + self.sequence.to_bytes(8) + bytes.fromhex(self.hash)

    @classmethod
    def from_calldata(cls, data: bytes) -> Head:
        """Read what `calldata` wrote."""
        if len(data) != len(_ANCHOR) + 40 or not data.startswith(_ANCHOR):
            raise InputError("this transaction anchors no journal", "name one of `troc brand journal anchor`")
        data = data[len(_ANCHOR) :]
        return cls(int.from_bytes(data[:8]), data[8:].hex())

    def write(self, path: Path) -> None:
        """Write it into a file."""
        path.write_text(json.dumps({"sequence": self.sequence, "hash": self.hash}) + "\n")

    @classmethod
    def read(cls, path: Path) -> Head:
        """Read what `write` wrote."""
        try:
            data = json.loads(path.read_text())
            head = cls(int(data["sequence"]), str(data["hash"]))
            if head.sequence < 0 or len(bytes.fromhex(head.hash)) != 32:
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(
                f"{path} holds no head of a journal", "name a file of `troc brand journal head -o`"
            ) from None
        return head


@dataclass(frozen=True)
class Entry:
    """One entry. `time` in Unix seconds; `subject` is a member's number, `brand`, or nothing.

    `payload` is open to whoever reads the database. `reason` and `sealed` of an entry with a subject are
    encrypted; `Journal.opened` reads them.
    """

    sequence: int
    time: int
    kind: str
    actor: str
    subject: str
    reference: str
    reason: str
    payload: str
    sealed: str
    previous: str
    hash: str

    def expected_hash(self) -> str:
        """What `hash` must be: SHA-256 of all other fields as canonical JSON."""
        fields = [getattr(self, name) for name in _HASHED]
        return hashlib.sha256(canonical(fields).encode()).hexdigest()

    @property
    def data(self) -> dict[str, Any]:
        """The open part of the payload."""
        found = json.loads(self.payload)
        assert isinstance(found, dict)
        return found


class Journal:
    """The journal of one brand, in the brand's own database."""

    def __init__(self, store: BrandStore, clock: Callable[[], float] = time.time) -> None:
        self.store = store
        self._clock = clock
        store.add(_tables, "journal")
        self._start = hashlib.sha256(f"troc.journal\0{store.owner}".encode()).hexdigest()

    def now(self) -> int:
        """What the journal takes for now, in Unix seconds."""
        return int(self._clock())

    # -------------------------------------------------------------------------------------------- writing

    def append(
        self,
        kind: str,
        actor: str,
        reason: str = "",
        payload: Mapping[str, Any] | None = None,
        *,
        reference: str = "",
        subject: str = "",
        key: Key | None = None,
        sealed: Mapping[str, Any] | None = None,
        connection: sa.Connection | None = None,
    ) -> Entry:
        """Add an entry.

        `payload` must tell nothing about a person. `sealed` may: it and `reason` are encrypted with `key`
        for the `subject`. `connection` is one of `BrandStore.writing`, so that the entry and what it tells
        of are written together or not at all.
        """
        if connection is None:
            with self.store.writing() as own:
                return self.append(
                    *(kind, actor, reason, payload),
                    reference=reference,
                    subject=subject,
                    key=key,
                    sealed=sealed,
                    connection=own,
                )
        if (key is None) != (not subject) or (sealed is not None and key is None):
            raise InputError("an entry about somebody needs her key", "give both, or neither")
        head = self._head(connection)
        number = head.sequence + 1
        secret = "" if sealed is None else canonical(sealed)
        if key is not None:
            reason = _seal(key, number, "reason", reason)
            secret = _seal(key, number, "sealed", secret)
        entry = Entry(
            sequence=number,
            time=self.now(),
            kind=kind,
            actor=actor,
            subject=subject,
            reference=reference,
            reason=reason,
            payload=canonical(payload or {}),
            sealed=secret,
            previous=head.hash,
            hash="",
        )
        complete = {**vars(entry), "hash": entry.expected_hash()}
        connection.execute(_entries.insert().values(**complete))
        return Entry(**complete)

    # -------------------------------------------------------------------------------------------- reading

    def entries(
        self,
        *,
        kind: str = "",
        subject: str = "",
        reference: str = "",
        since: int = 0,
        connection: sa.Connection | None = None,
    ) -> Iterator[Entry]:
        """Entries in their order, of one kind, subject or reference, from the time `since` on."""
        if connection is None:
            with reading(self.store.engine) as own:
                yield from self.entries(
                    kind=kind, subject=subject, reference=reference, since=since, connection=own
                )
            return
        query = sa.select(_entries).order_by(_entries.c.sequence)
        for column, value in (("kind", kind), ("subject", subject), ("reference", reference)):
            if value:
                query = query.where(_entries.c[column] == value)
        if since:
            query = query.where(_entries.c.time >= since)
        for row in connection.execute(query.execution_options(yield_per=1000)).mappings():
            yield Entry(**row)

    def opened(self, entry: Entry, key: Key | None) -> tuple[str, dict[str, Any]]:
        """The reason, and what the sealed part of an entry says. `key`: the subject's, None once she is
        erased.
        """
        if not entry.subject:
            return entry.reason, {}
        if key is None:
            return _ERASED, {}
        secret = _unseal(key, entry.sequence, "sealed", entry.sealed)
        return _unseal(key, entry.sequence, "reason", entry.reason), json.loads(secret) if secret else {}

    def head(self) -> Head:
        """The last entry. Keep it where nobody who writes the database can write: it anchors the journal."""
        with reading(self.store.engine) as connection:
            return self._head(connection)

    def verify(self, anchor: Head | None = None) -> Head:
        """Check every entry; gives the head.

        Raises `TamperedError`, which names the first entry that is not as it was. `anchor` is a head of
        before: only with one does a cut at the end show, and a chain of hashes that was made anew.
        """
        number, previous = 0, self._start
        try:
            with reading(self.store.engine) as connection:
                for entry in self.entries(connection=connection):
                    number += 1
                    if entry.sequence < number:
                        raise _tampered(entry.sequence, "is one too many")
                    if entry.sequence > number:
                        raise _tampered(number, "is missing")
                    if entry.previous != previous or entry.hash != entry.expected_hash():
                        raise _tampered(number, "was altered")
                    if anchor is not None and anchor.sequence == number and anchor.hash != entry.hash:
                        raise _tampered(number, "is another one than was anchored, or follows one that is")
                    previous = entry.hash
        except (sa.exc.SQLAlchemyError, UnicodeError):
            raise _tampered(number + 1, "or a later one cannot be read") from None
        if anchor is not None and anchor.sequence > number:
            raise _tampered(number + 1, f"is missing: {anchor.sequence} entries were anchored")
        if anchor is not None and anchor.sequence == 0 and anchor.hash != self._start:
            raise _tampered(0, "was anchored by another journal")
        return Head(number, previous)

    def _head(self, connection: sa.Connection) -> Head:
        last = connection.execute(
            sa.select(_entries.c.sequence, _entries.c.hash).order_by(_entries.c.sequence.desc()).limit(1)
        ).first()
        return Head(last.sequence, last.hash) if last else Head(0, self._start)

    # ------------------------------------------------------------------------------------------- anchoring

    def anchor(self, chain: Chain, signer: Signer) -> tuple[Head, Receipt]:
        """Write the head into the chain: a transaction of `signer` to itself that moves nothing."""
        head = self.verify()
        call: Any = {"to": signer.address, "data": "0x" + head.calldata.hex()}
        return head, chain.send(call, signer)

    def anchored(self, chain: Chain, transaction: str, owner: str) -> Head:
        """The head that a transaction of the brand's `owner` anchored."""
        found = chain.transaction(transaction)
        if found["from"] != owner:
            raise InputError(
                f"{transaction} is of {found['from']}, who is not the brand", "name one of the brand's"
            )
        return Head.from_calldata(bytes(found["input"]))


def _tampered(number: int, what: str) -> TamperedError:
    return TamperedError(
        f"entry {number} of the journal {what}", "compare with a backup; do not write on until it is clear"
    )


def _seal(key: Key, number: int, column: str, text: str) -> str:
    return b64encode(key.seal("journal", str(number), column, text)).decode()


def _unseal(key: Key, number: int, column: str, text: str) -> str:
    try:
        sealed = b64decode(text, validate=True)
    except ValueError:
        raise StoreError(
            f"entry {number} of the journal was altered", "run `troc brand journal verify`"
        ) from None
    return key.unseal("journal", str(number), column, sealed)
