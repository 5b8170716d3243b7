"""What is sold: one manifest, the hashes of a sealed copy; and what a buyer does with it.

    leaf j = keccak256(0x00 ‖ uint32 j ‖ plain leaf j ‖ keccak256(ciphertext j))

A manifest shows a schema's name, the number and size of chunks, what attestors sign (`plain_root`), and of
the fields what the seller tells. Before paying a buyer checks it against the deal and the ciphertexts
(`Manifest.check`), after the key has come he opens it (`open_record`), and learns the first wrong chunk,
which the contract judges.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from troc.data import chunks, cipher, tree
from troc.data.chunks import FILE, Label, Layout
from troc.data.tree import index_bytes, keccak
from troc.errors import InputError, TamperedError

_VERSION = 1
_LONGEST_SCHEMA = 200


class WrongChunkError(TamperedError):
    """A chunk of a sealed copy that is not what was committed to.

    `index` is its place in the manifest. `disputable`: the seller's key and manifest lead to it, so that the
    contract gives the money back; else the copy was damaged on its way, and another one may be whole.
    """

    def __init__(self, index: int, disputable: bool, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.index = index
        self.disputable = disputable


class WrongKeyError(TamperedError):
    """A key that is not the one that the manifest commits to."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a sealed copy. `chunk`: its index, None where it is not about one."""

    chunk: int | None
    what: str

    def __str__(self) -> str:
        return self.what if self.chunk is None else f"chunk {self.chunk}: {self.what}"


@dataclass(frozen=True)
class Manifest:
    """A sealed copy of a record, or of a selection of it, under a key of its own.

    `places[j]` is where chunk j lies in the record; at and beyond `layout.count` it is padding of this copy
    alone. `plain_proof` leads from the plain leaves to `plain_root`, which attestors sign.
    """

    root: bytes
    key_commit: bytes
    plain_leaves: tuple[bytes, ...] = field(repr=False)
    cipher_hashes: tuple[bytes, ...] = field(repr=False)
    schema: str
    layout: Layout
    plain_root: bytes
    places: tuple[int, ...] = field(repr=False)
    plain_proof: tuple[bytes, ...] = field(repr=False)

    @property
    def count(self) -> int:
        """Chunks, padding included."""
        return len(self.plain_leaves)

    @property
    def chunk_size(self) -> int:
        """Bytes of each chunk and ciphertext."""
        return self.layout.chunk_size

    @property
    def size(self) -> int:
        """Bytes of the blob."""
        return self.count * self.chunk_size

    @property
    def fields(self) -> tuple[str, ...]:
        """The name of the field in each chunk; "" where it is not told, and for padding that is told."""
        layout = self.layout
        if layout.kind != chunks.CELL:
            return ("",) * self.count
        names = [label.text or "" for label in layout.labels[:-1]]
        end = layout.count if layout.rows is None else layout.rows * layout.stride
        return tuple(names[layout.column_of(place)] if place < end else "" for place in self.places)

    @cached_property
    def _tree(self) -> list[list[bytes]]:
        return tree.levels(leaves(self.plain_leaves, self.cipher_hashes))

    def proof(self, index: int) -> list[bytes]:
        """What proves leaf `index` under the root: exactly ceil(log2 count) hashes, from below."""
        return tree.proof(self._tree, index)

    # ------------------------------------------------------------------------------------------- checking

    def faults(self) -> list[Fault]:
        """What is wrong with the manifest in itself."""
        layout = self.layout
        if len(self.cipher_hashes) != self.count or len(self.places) != self.count or not self.count:
            return [Fault(None, "its lists differ in length")]
        hashes = (self.root, self.key_commit, self.plain_root, *self.plain_leaves, *self.cipher_hashes)
        if any(len(each) != 32 for each in (*hashes, *self.plain_proof)):
            return [Fault(None, "a hash has not 32 bytes")]
        if what := layout.fault():
            return [Fault(None, what)]
        found = []
        if self._tree[-1][0] != self.root:
            found.append(Fault(None, "its root is not that of its leaves"))
        inner = [at for at, place in enumerate(self.places) if place < layout.count]
        places = [self.places[at] for at in inner]
        try:
            under = tree.root_by_multiproof(
                layout.count,
                places,
                chunks.place_leaves(places, [self.plain_leaves[at] for at in inner]),
                self.plain_proof,
            )
            if layout.plain_root(under) != self.plain_root:
                found.append(Fault(None, "its plain leaves do not lie under the plain root"))
        except InputError:
            found.append(Fault(None, "its plain leaves do not lie under the plain root"))
        return found

    def check(self, ciphertexts: bytes | Sequence[bytes]) -> list[Fault]:
        """What is wrong with it and with these ciphertexts, joined or one by one. Empty: all is well."""
        return [*self.faults(), *self.check_blob(ciphertexts)]

    def check_blob(self, ciphertexts: bytes | Sequence[bytes]) -> list[Fault]:
        """What is wrong with these ciphertexts alone."""
        parts = self.split(ciphertexts) if isinstance(ciphertexts, bytes) else list(ciphertexts)
        found = [
            Fault(index, "its ciphertext is damaged")
            for index, (part, hash_) in enumerate(zip(parts, self.cipher_hashes, strict=False))
            if len(part) != self.chunk_size or keccak(part) != hash_
        ]
        if len(parts) != self.count:
            found.append(Fault(None, f"there are {len(parts)} chunks of {self.count}"))
        return found

    def split(self, blob: bytes) -> list[bytes]:
        """The ciphertexts of a blob; the last is short where the blob was cut."""
        return [blob[at : at + self.chunk_size] for at in range(0, len(blob), self.chunk_size)]

    # --------------------------------------------------------------------------------------------- files

    def to_json(self) -> dict[str, Any]:
        """For a file, or for HTTP: hashes in hex."""
        layout = self.layout
        return {
            "version": _VERSION,
            "root": _hex(self.root),
            "count": self.count,
            "keyCommit": _hex(self.key_commit),
            "schema": self.schema,
            "plainRoot": _hex(self.plain_root),
            "record": {
                "kind": layout.kind,
                "chunkSize": layout.chunk_size,
                "count": layout.count,
                "widths": list(layout.widths),
                "labels": [
                    {"hash": _hex(label.hash)}
                    if label.text is None
                    else {"text": label.text, "salt": _hex(label.salt)}
                    for label in layout.labels
                ],
            },
            "places": _ranges(self.places),
            "plainLeaves": [_hex(leaf) for leaf in self.plain_leaves],
            "cipherHashes": [_hex(hash_) for hash_ in self.cipher_hashes],
            "plainProof": [_hex(hash_) for hash_ in self.plain_proof],
        }

    @classmethod
    def from_json(cls, data: Any) -> Manifest:
        """Read what `to_json` wrote. Raises `InputError` for what is no manifest, `TamperedError` for one
        that contradicts itself.
        """
        try:
            if data["version"] != _VERSION:
                raise InputError(
                    f"the manifest has version {data['version']}", "update this program, or ask for another"
                )
            record = data["record"]
            labels = tuple(
                Label.of(_bytes(label["salt"]), _string(label["text"]))
                if "text" in label
                else Label(_bytes(label["hash"]))
                for label in record["labels"]
            )
            numbers = (record["chunkSize"], record["count"], *record["widths"], data["count"])
            if any(type(number) is not int or not 0 <= number <= tree.MOST_LEAVES for number in numbers):
                raise ValueError
            layout = Layout(
                _string(record["kind"]), record["chunkSize"], record["count"], tuple(record["widths"]), labels
            )
            plain_leaves = tuple(map(_bytes, data["plainLeaves"]))
            found = cls(
                root=_bytes(data["root"]),
                key_commit=_bytes(data["keyCommit"]),
                plain_leaves=plain_leaves,
                cipher_hashes=tuple(map(_bytes, data["cipherHashes"])),
                schema=_string(data["schema"]),
                layout=layout,
                plain_root=_bytes(data["plainRoot"]),
                places=_unranged(data["places"], len(plain_leaves)),
                plain_proof=tuple(map(_bytes, data["plainProof"])),
            )
            count = data["count"]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputError("this is no manifest of a sealed copy", "ask the seller for it again") from None
        faults = found.faults()
        if count != found.count:
            faults.append(Fault(None, "its count is not that of its leaves"))
        if faults:
            raise TamperedError(f"the manifest contradicts itself: {faults[0]}", "do not pay for it")
        return found


def leaves(plain_leaves: Sequence[bytes], cipher_hashes: Sequence[bytes]) -> list[bytes]:
    """The leaves of a manifest."""
    return [
        keccak(b"\x00" + index_bytes(index) + plain + hash_)
        for index, (plain, hash_) in enumerate(zip(plain_leaves, cipher_hashes, strict=True))
    ]


def seal(
    record: chunks.Record,
    key: bytes,
    schema: str = "",
    places: Sequence[int] | None = None,
    tell: Sequence[str] | None = (),
    plain_leaves: Sequence[bytes] | None = None,
) -> tuple[Manifest, bytes]:
    """Encrypt chunks of a record under a key that was never used: the manifest, and the ciphertexts joined.

    `places`: which (none: all). `tell`: the names of columns to tell, with how many rows there are (None:
    nothing is told). `plain_leaves`: of the whole record, where they are known.
    """
    if len(schema) > _LONGEST_SCHEMA:
        raise InputError("the schema's name is too long", f"use at most {_LONGEST_SCHEMA} characters")
    layout = record.layout
    chosen = list(range(layout.count)) if places is None else sorted(set(places))
    whole = chosen == list(range(layout.count))
    if not whole:
        # Padding of this copy has places that no other copy and no attestor knows.
        chosen += range(layout.count, layout.count + chunks.rounded(len(chosen)) - len(chosen))
    all_leaves = plain_leaves or record.plain_leaves()
    above = tree.levels(chunks.place_leaves(range(layout.count), all_leaves))
    own: list[bytes] = []
    hashes: list[bytes] = []
    parts: list[bytes] = []
    for index, place in enumerate(chosen):
        chunk = record.chunk(place)
        part = cipher.apply(key, index, chunk)
        own.append(all_leaves[place] if place < layout.count else chunks.plain_leaf(chunk))
        hashes.append(keccak(part))
        parts.append(part)
    known = [place for place in chosen if place < layout.count]
    manifest = Manifest(
        root=tree.root_of(leaves(own, hashes)),
        key_commit=cipher.commitment(key),
        plain_leaves=tuple(own),
        cipher_hashes=tuple(hashes),
        schema=schema,
        layout=_told(layout, tell),
        plain_root=layout.plain_root(above[-1][0]),
        places=tuple(chosen),
        plain_proof=tuple(tree.multiproof(above, known)),
    )
    return manifest, b"".join(parts)


def _told(layout: Layout, tell: Sequence[str] | None) -> Layout:
    last = len(layout.labels) - 1
    labels = tuple(
        label if tell is not None and (at == last or label.text in tell) else label.untold
        for at, label in enumerate(layout.labels)
    )
    return Layout(layout.kind, layout.chunk_size, layout.count, layout.widths, labels)


# -------------------------------------------------------------------------------------------------- opening


@dataclass(frozen=True)
class Opened:
    """What was bought. A table: `rows`, with the fields that were sold; a file: `data`."""

    kind: str
    rows: tuple[Mapping[str, Any], ...] = ()
    data: bytes = field(default=b"", repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields that were sold, in their order."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row))

    def save(self, path: Path) -> None:
        """Write it to a new file: bytes as they are, rows as JSON."""
        data = self.data if self.kind == FILE else json.dumps(list(self.rows), indent=2).encode()
        try:
            with path.open("xb") as file:
                file.write(data)
        except FileExistsError:
            raise InputError(f"{path} is there already", "choose another name") from None
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror})", "choose another place") from None


def open_record(manifest: Manifest, blob: bytes | Sequence[bytes], key: bytes) -> Opened:
    """Decrypt what was bought, and check every chunk of it.

    Raises `TamperedError` for a manifest that contradicts itself, `WrongKeyError` for a key that it does not
    commit to, `WrongChunkError` for the first chunk that is not what it committed to.
    """
    if faults := manifest.faults():
        raise TamperedError(f"the manifest contradicts itself: {faults[0]}", "keep it as evidence")
    check_key(manifest, key)
    parts = manifest.split(blob) if isinstance(blob, bytes) else list(blob)
    pieces: dict[int, bytes] = {}
    for index in range(manifest.count):
        chunk = open_chunk(manifest, index, parts[index] if index < len(parts) else b"", key)
        try:
            pieces[manifest.places[index]] = chunks.unpack(chunk)
        except InputError as error:
            raise WrongChunkError(index, False, f"chunk {index}: {error.message}", error.remedy) from None
    layout = manifest.layout
    # What lies beyond the record is padding; no attestor saw what else a seller may have put there.
    pieces = {place: piece for place, piece in pieces.items() if place < layout.count}
    if layout.kind == FILE:
        return Opened(FILE, data=b"".join(pieces[place] for place in sorted(pieces)))
    return Opened(layout.kind, tuple(chunks.read_rows(layout, pieces)))


def check_key(manifest: Manifest, key: bytes) -> None:
    """Raise `WrongKeyError` unless the manifest commits to this key."""
    if len(key) != cipher.KEY or cipher.commitment(key) != manifest.key_commit:
        raise WrongKeyError(
            "this key is not the one that the manifest commits to",
            "ask the seller to concede, or dispute the key before the time is over",
        )


def open_chunk(manifest: Manifest, index: int, part: bytes, key: bytes) -> bytes:
    """Decrypt one chunk, checked. The key is the right one."""
    if len(part) != manifest.chunk_size or keccak(part) != manifest.cipher_hashes[index]:
        raise WrongChunkError(
            index, False, f"chunk {index} was damaged on its way", "fetch the sealed copy again"
        )
    chunk = cipher.apply(key, index, part)
    if chunks.plain_leaf(chunk) != manifest.plain_leaves[index]:
        raise WrongChunkError(
            index,
            True,
            f"chunk {index} is not what the seller committed to",
            "ask the seller to concede, or dispute this chunk before the time is over",
        )
    return chunk


# ---------------------------------------------------------------------------------------------------- forms


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str) or len(text) != 66 or text[:2] != "0x":
        raise ValueError
    return bytes.fromhex(text[2:])


def _string(text: Any) -> str:
    if not isinstance(text, str) or len(text) > 10_000:
        raise ValueError
    return text


def _ranges(places: Sequence[int]) -> list[list[int]]:
    """Rising places as [first, how many]."""
    found: list[list[int]] = []
    for place in places:
        if found and place == sum(found[-1]):
            found[-1][1] += 1
        else:
            found.append([place, 1])
    return found


def _unranged(ranges: Any, most: int) -> tuple[int, ...]:
    found: list[int] = []
    for first, how_many in ranges:
        if type(first) is not int or type(how_many) is not int or first < 0 or how_many < 1:
            raise ValueError
        if len(found) + how_many > most or first + how_many > 2**33:
            raise ValueError
        found += range(first, first + how_many)
    return tuple(found)
