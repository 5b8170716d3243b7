"""A customer's vault: her records, and the copies of them that she sealed for sale.

    vault.json                     which vault this is
    records/<plain root>.head|.body   a record: its secret and layout; its data
    copies/<root>.key|.blob|.manifest|.note   a sealed copy: its key; ciphertexts; manifest; in short
    used/<key commitment>          a key that was taken, so that it is never taken again
    erased/<root>                  the signed receipt of what was erased
    tokens/<digest>                who may fetch a copy, until when
    intents/<number>               what is under way

Heads, bodies and keys are sealed under the keystore's secret (`troc.data.keys`). Each change first writes
down what it is about to make or to destroy. After a cut the next one that works on the vault takes back what
was being made, and finishes what was being destroyed: nothing half made is ever sold, nothing half destroyed
stays.

`Shelf` is what works without the keys: serving, checking, erasing. `Vault` adds, seals and opens.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct

from troc.accounts import Signer
from troc.data import chunks, cipher, manifest, tree
from troc.data.chunks import Content, Label, Layout, Record
from troc.data.keys import Keys, open_keys, store_keys
from troc.data.manifest import Fault, Manifest
from troc.data.stores import Store
from troc.errors import InputError, PendingError, StoreError, TamperedError
from troc.files import write_file
from troc.network import setting
from troc.sealing import check_passphrase
from troc.serving.lock import only_holder

_PARTS = ("key", "blob", "manifest", "note")
_PATIENCE = 15.0
"""Seconds to wait for another process that works on the vault."""
_TOKEN = "troc_data_"
_PROBE = "probe-"


class ErasedError(StoreError):
    """What is asked for was erased, and a receipt says so."""


def vault_folder() -> Path:
    """Where the vault of this machine lies: `TROC_HOME` or `TROC_DATA`, else `.troc` in the home folder."""
    return Path(setting("TROC_HOME") or setting("TROC_DATA") or "~/.troc").expanduser() / "vault"


@dataclass(frozen=True)
class Receipt:
    """That sealed copies were erased with their keys, signed by an account (EIP-191). Times are Unix seconds.

    `record`: the plain root of the record that they were copies of; `whole`: whether that was erased too.
    """

    account: str
    copies: tuple[tuple[bytes, bytes], ...]
    record: bytes
    whole: bool
    erased_at: int
    signature: bytes = b""

    @property
    def text(self) -> str:
        """What is signed."""
        when = datetime.fromtimestamp(self.erased_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        lines = ["Erased from my vault, each with its key and every copy that my vault made of it:"]
        for root, commit in self.copies:
            lines.append(f"sealed copy 0x{root.hex()} (key commitment 0x{commit.hex()})")
        lines.append(f"{'and the record' if self.whole else 'of the record'} 0x{self.record.hex()}")
        return "\n".join([*lines, f"on {when}, by {self.account}"])

    def signed(self, signer: Signer) -> Receipt:
        """The same, signed."""
        return replace(self, signature=signer.sign_message(encode_defunct(text=self.text)))

    @property
    def is_signed(self) -> bool:
        """Whether the account that it names signed it."""
        try:
            found = Account.recover_message(encode_defunct(text=self.text), signature=self.signature)
        except Exception:
            return False
        return bool(found == self.account)

    def to_json(self) -> dict[str, Any]:
        """For a file, with the text that was signed."""
        return {
            "account": self.account,
            "copies": [{"root": _hex(root), "keyCommit": _hex(commit)} for root, commit in self.copies],
            "record": _hex(self.record),
            "whole": self.whole,
            "erasedAt": self.erased_at,
            "text": self.text,
            "signature": _hex(self.signature),
        }

    @classmethod
    def from_json(cls, data: Any) -> Receipt:
        """Read what `to_json` wrote; whether it is signed is another question."""
        try:
            return cls(
                str(data["account"]),
                tuple((_unhex(copy["root"]), _unhex(copy["keyCommit"])) for copy in data["copies"]),
                _unhex(data["record"]),
                bool(data["whole"]),
                int(data["erasedAt"]),
                _unhex(data["signature"]),
            )
        except (KeyError, TypeError, ValueError):
            raise InputError("this is no receipt of an erasure", "ask for it again") from None


@dataclass(frozen=True)
class Note:
    """A sealed copy in short. `made_at`: Unix seconds."""

    root: bytes
    record: bytes
    key_commit: bytes
    schema: str
    count: int
    chunk_size: int
    made_at: float

    @property
    def size(self) -> int:
        """Bytes of the blob."""
        return self.count * self.chunk_size


@dataclass(frozen=True)
class Grant:
    """Who may fetch a copy, until when (Unix seconds). `number` names it; the token itself is not kept."""

    number: str
    root: bytes
    who: str
    until: int


@dataclass(frozen=True)
class Place:
    """Where the vault's files lie. While it moves: where to, or which place is still to be emptied."""

    store: str
    moving: str = ""
    leaving: str = ""


# -------------------------------------------------------------------------------------------------- shelf


class Shelf:
    """What can be done with a vault without its keys. `folder`: what this machine knows of it."""

    def __init__(self, folder: Path, opening: Callable[[str], Store] = Store.open) -> None:
        self.folder = folder
        self._opening = opening
        self._stores: dict[str, Store] = {}
        if not self._place_file.is_file():
            raise StoreError("there is no vault here yet", "begin with `troc data add FILE`")

    @property
    def _place_file(self) -> Path:
        return self.folder / "place.json"

    @property
    def place(self) -> Place:
        """Where it lies now; another process may have moved it."""
        try:
            return Place(**json.loads(self._place_file.read_bytes()))
        except (OSError, ValueError, TypeError):
            raise StoreError(
                f"{self._place_file} was altered", "bring the vault back with `troc data restore URL`"
            ) from None

    @property
    def store(self) -> Store:
        """Its files."""
        return self._store_at(self.place.store)

    @property
    def vault_id(self) -> str:
        """Which vault it is."""
        return _identity(self.store)["vault"]

    def _store_at(self, url: str) -> Store:
        if url not in self._stores:
            self._stores[url] = self._opening(url)
        return self._stores[url]

    def _set_place(self, place: Place) -> None:
        write_file(self._place_file, json.dumps(vars(place)).encode())

    # ------------------------------------------------------------------------------------------- reading

    def roots(self) -> list[bytes]:
        """The roots of all sealed copies that are whole."""
        half = {name for intent in self._intents().values() for name in intent["names"]}
        found = [name for name in self.store.names("copies") if name.endswith(".note") and name not in half]
        return [_unhex(name.removeprefix("copies/").removesuffix(".note")) for name in found]

    def notes(self) -> list[Note]:
        """All sealed copies in short, the oldest first; those that are damaged beyond that are left out."""
        found = []
        for root in self.roots():
            with contextlib.suppress(TamperedError):
                found.append(self.note(root))
        return sorted(found, key=lambda note: (note.made_at, note.root))

    def note(self, root: bytes) -> Note:
        """A sealed copy in short. Raises `ErasedError` where it was erased, `StoreError` where none is.

        Where what is written of it cannot be read, the manifest says the same, but for when it was made.
        """
        try:
            return self._written_note(root)
        except TamperedError:
            return _note_of(Shelf.manifest(self, root))

    def _written_note(self, root: bytes) -> Note:
        name = _copy_name(root, "note")
        data = _parsed(self._copy(root, "note"), name)
        try:
            return Note(
                root,
                _unhex(data["record"]),
                _unhex(data["keyCommit"]),
                str(data["schema"]),
                int(data["count"]),
                int(data["chunkSize"]),
                float(data["madeAt"]),
            )
        except (KeyError, TypeError, ValueError):
            raise _altered(name) from None

    def manifest(self, root: bytes) -> Manifest:
        """The manifest of a sealed copy, checked. Raises `ErasedError` where it was erased, `StoreError`
        where there is none, `TamperedError` where it was damaged.
        """
        name = _copy_name(root, "manifest")
        data = _parsed(self._copy(root, "manifest"), name)
        try:
            found = Manifest.from_json(data)
        except InputError:
            raise _altered(name) from None
        if found.root != root:
            raise _altered(name)
        return found

    def blob(self, root: bytes) -> bytes:
        """The ciphertexts of a sealed copy, joined. Raises `TamperedError` where one is damaged: it is never
        handed out.
        """
        found = self.manifest(root)
        blob = self._copy(root, "blob")
        if faults := found.check_blob(blob):
            raise _damaged(root, faults)
        return blob

    def blob_part(self, root: bytes, start: int, end: int, of: Manifest | None = None) -> bytes:
        """Bytes `start` to `end` (not included) of a blob; the chunks that they lie in are checked."""
        found = of or self.manifest(root)
        first, last = start // found.chunk_size, -(-end // found.chunk_size)
        name = _copy_name(root, "blob")
        part = self.store.read_part(name, first * found.chunk_size, last * found.chunk_size)
        if part is None:
            raise self._missing(root)
        hashes = found.cipher_hashes[first:last]
        pieces = found.split(part)
        for at, hash_ in enumerate(hashes):
            if at >= len(pieces) or tree.keccak(pieces[at]) != hash_:
                raise _damaged(root, [Fault(first + at, "its ciphertext is damaged")])
        return part[start - first * found.chunk_size : end - first * found.chunk_size]

    def receipt(self, root: bytes) -> Receipt | None:
        """The receipt of an erased copy, None where it was not erased."""
        data = self.store.read(f"erased/{_name(root)}")
        return None if data is None else Receipt.from_json(_parsed(data, f"erased/{_name(root)}"))

    def receipts(self) -> dict[bytes, Receipt]:
        """Of everything that was erased, by root."""
        found = {}
        for name in self.store.names("erased"):
            root = _unhex(name.removeprefix("erased/"))
            if receipt := self.receipt(root):
                found[root] = receipt
        return found

    def find(self, text: str) -> bytes:
        """The root of the one copy, whole or erased, that begins with these hex digits."""
        wanted = text.lower().removeprefix("0x")
        erased = [_unhex(name.removeprefix("erased/")) for name in self.store.names("erased")]
        found = [root for root in dict.fromkeys([*self.roots(), *erased]) if root.hex().startswith(wanted)]
        if len(found) != 1 or len(wanted) < 4:
            many = "several copies begin" if len(found) > 1 else "no copy begins"
            raise InputError(f"{many} with {text!r}", "write its root as `troc data list` shows it")
        return found[0]

    def verify(self, root: bytes) -> list[Fault]:
        """What is wrong with a sealed copy. Damage does not raise."""
        self._copy(root, "note")
        try:
            found = self.manifest(root)
            blob = self.store.read(_copy_name(root, "blob"))
        except (StoreError, TamperedError) as error:
            return [Fault(None, error.message)]
        faults = [Fault(None, "its blob is gone")] if blob is None else found.check_blob(blob)
        try:
            written = self._written_note(root)
            if replace(written, made_at=0.0) != _note_of(found):
                raise _altered(_copy_name(root, "note"))
        except TamperedError as error:
            faults.append(Fault(None, error.message))
        return faults

    def _copy(self, root: bytes, part: str) -> bytes:
        data = self.store.read(_copy_name(root, part))
        if data is None:
            raise self._missing(root)
        return data

    def _missing(self, root: bytes) -> StoreError:
        if self.receipt(root) is not None:
            return ErasedError(
                f"the sealed copy {_hex(root)} was erased", "see its receipt with `troc data list`"
            )
        return StoreError(f"there is no sealed copy {_hex(root)}", "see `troc data list`")

    # ------------------------------------------------------------------------------------------- fetching

    def grant(self, root: bytes, who: str, seconds: int) -> str:
        """Let somebody fetch a copy for so many seconds. Returns a token that is shown this once.

        `who`: her address, or a word for the owner's own list.
        """
        if seconds <= 0:
            raise InputError("a token that has expired lets nobody in", "say how long it is good")
        self.note(root)
        token = _TOKEN + secrets.token_urlsafe(32)
        until = int(time.time()) + seconds
        data = {"root": _hex(root), "who": who, "until": until}
        with self._alone():
            self.store.write(f"tokens/{_digest(token)}", json.dumps(data).encode())
        return token

    def grants(self, root: bytes | None = None) -> list[Grant]:
        """Who may fetch (a copy) now."""
        found = (self._grant(name.removeprefix("tokens/")) for name in self.store.names("tokens"))
        return [g for g in found if g and g.until >= time.time() and root in (None, g.root)]

    def granted(self, token: str) -> Grant | None:
        """What a token lets fetch; None where it is unknown or was revoked. It may have expired."""
        return self._grant(_digest(token))

    def revoke(self, number: str) -> None:
        """End a token, at once and for good. `number`: as `grants` tells it, or its beginning."""
        with self._alone():
            found = [grant.number for grant in self.grants() if number and grant.number.startswith(number)]
            if len(found) != 1:
                raise InputError(f"there is no good token {number!r}", "see `troc data list`")
            self.store.delete(f"tokens/{found[0]}")

    def _grant(self, number: str) -> Grant | None:
        data = self.store.read(f"tokens/{number}")
        if data is None:
            return None
        try:
            found = _parsed(data, f"tokens/{number}")
            return Grant(number, _unhex(found["root"]), str(found["who"]), int(found["until"]))
        except (KeyError, TypeError, ValueError, TamperedError):
            # One that was altered lets nobody in.
            return None

    # ------------------------------------------------------------------------------------------- erasing

    def to_erase(self, root: bytes, whole: bool = False) -> tuple[list[Note], bool]:
        """Which copies `erase` would destroy, this one first, and whether their record too."""
        try:
            note = self.note(root)
        except TamperedError:
            # Damaged as it is it can be destroyed, though not said what it was a copy of.
            return [Note(root, bytes(32), bytes(32), "", 0, 0, 0.0)], False
        others = [other for other in self.notes() if other.record == note.record and other.root != root]
        return ([note, *others], True) if whole else ([note], not others)

    def erase(self, root: bytes, signer: Signer, whole: bool = False) -> Receipt:
        """Destroy the key and the blob of a copy, in every place where the vault put them, and sign that.

        The record goes too where this was its last copy; with `whole` it goes with all its copies. Done
        before: the same receipt. Raises `StoreError` where a place does not answer: what can be destroyed is,
        and the rest as soon as the vault is worked on while it answers.
        """
        with self.working():
            for number, intent in self._intents().items():
                if _copy_name(root, "key") in intent["names"]:
                    self._finish(number, intent)
            done = self.receipt(root)
            if done is not None:
                return done
            goes, last = self.to_erase(root, whole)
            note = goes[0]
            names = [_copy_name(each.root, part) for part in _PARTS for each in goes]
            if last:
                names += [f"records/{_name(note.record)}.{part}" for part in ("head", "body")]
            receipt = Receipt(
                signer.address,
                tuple((each.root, each.key_commit) for each in goes),
                note.record,
                last,
                int(time.time()),
            ).signed(signer)
            number = self._intend("erase", names, receipt=receipt.to_json())
            self._finish(number, self._intents()[number])
            return receipt

    # ------------------------------------------------------------------------------------------- moving

    def move(self, url: str) -> None:
        """Move the vault's files to another place, check each there, and delete them here.

        A move that was cut off goes on when it is asked for again; until it is done the vault works where it
        was. Moving to where it is calls such a move off.
        """
        with self.working():
            place = self.place
            target = self._store_at(self._opening(url).url)
            if target.url == place.store:
                if not place.moving:
                    raise InputError(f"the vault lies at {target.url} already", "name another place")
                self._clear(self._store_at(place.moving))
                self._set_place(Place(place.store))
                return
            if place.moving and place.moving != target.url:
                raise PendingError(
                    f"the vault was being moved to {place.moving}",
                    f"finish that with `troc data move {place.moving}`, or call it off with `troc data move"
                    f" {place.store}`",
                )
            if place.leaving:
                raise PendingError(
                    f"the vault has not left {place.leaving} yet, which does not answer",
                    "try again when it does, or give it up with `troc data move --forget`",
                )
            there = target.read("vault.json")
            if there is None and not all(name.startswith(_PROBE) for name in target.names()):
                raise InputError(f"{target.url} is not empty", "name an empty place")
            if there is not None and _identity(target)["vault"] != self.vault_id:
                raise InputError(f"at {target.url} lies another vault", "name an empty place")
            self._check_apart(target)
            self._set_place(replace(place, moving=target.url))
            self._copy_to(target)
            self._set_place(Place(target.url, leaving=place.store))
            self._leave()

    def _check_apart(self, target: Store) -> None:
        """Refuse a place that is this one by another name, or lies inside of it: leaving would empty it."""
        probe = _PROBE + secrets.token_hex(8)
        target.write(probe, b"")
        try:
            seen = any(name.endswith(probe) for name in self.store.names())
        finally:
            target.delete(probe)
        if seen:
            raise InputError(f"the vault lies at {target.url} already, or around it", "name another place")

    def forget(self) -> None:
        """Give up a place that the vault has left but could not empty: it is gone for good."""
        with self._alone():
            place = self.place
            if not place.leaving:
                raise InputError("there is no such place", "leave --forget away")
            self._set_place(Place(place.store))

    def _copy_to(self, target: Store) -> None:
        source = self.store
        # First what says whose it is: what was begun can be told from somebody else's.
        names = sorted(source.names(), key=lambda name: name != "vault.json")
        for name in names:
            data = source.read(name)
            if data is None or target.read(name) == data:
                continue
            target.write(name, data)
            if target.read(name) != data:
                raise StoreError(
                    f"{name} arrived altered at {target.url}", "try again, or name another place"
                )
        for name in set(target.names()) - set(names):
            target.delete(name)

    def _leave(self) -> None:
        place = self.place
        if place.leaving:
            self._clear(self._store_at(place.leaving))
            self._set_place(Place(place.store))

    @staticmethod
    def _clear(store: Store) -> None:
        names = store.names()
        # Last what says whose it is.
        for name in sorted(names, key=lambda name: name == "vault.json"):
            store.delete(name)

    # ------------------------------------------------------------------------------------------- working

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Work on the vault alone; first what was cut off is taken back or finished."""
        with self._alone():
            self.store.sweep()
            # A place that does not answer must not keep its owner from her vault.
            with contextlib.suppress(StoreError):
                self._leave()
            for number, intent in self._intents().items():
                with contextlib.suppress(StoreError):
                    self._finish(number, intent)
            yield

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        give_up = time.monotonic() + _PATIENCE
        busy = StoreError("another process works on the vault", "try again in a moment")
        with contextlib.ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(only_holder(self.folder / "vault.lock", busy))
                    break
                except StoreError:
                    if time.monotonic() > give_up:
                        raise
                    time.sleep(0.05)
            yield

    def _intend(self, do: str, names: Sequence[str], **more: Any) -> str:
        number = secrets.token_hex(8)
        data = {"do": do, "names": list(names), **more}
        self.store.write(f"intents/{number}", json.dumps(data).encode())
        return number

    def _intents(self) -> dict[str, dict[str, Any]]:
        store = self.store
        found = {}
        for name in store.names("intents"):
            data = store.read(name)
            if data is not None:
                with contextlib.suppress(TamperedError):
                    # One that was cut off while it was written: nothing had begun.
                    found[name.removeprefix("intents/")] = _parsed(data, name)
        return found

    def _finish(self, number: str, intent: Mapping[str, Any]) -> None:
        """Delete what was being made, or destroyed; then that it was."""
        place = self.place
        for url in filter(None, (place.store, place.moving, place.leaving)):
            for name in intent["names"]:
                self._store_at(url).delete(name)
        if intent["do"] == "erase":
            receipt = Receipt.from_json(intent["receipt"])
            for root, _ in receipt.copies:
                self.store.write(f"erased/{_name(root)}", json.dumps(receipt.to_json()).encode())
        self._done(number)

    def _done(self, number: str) -> None:
        self.store.delete(f"intents/{number}")


# -------------------------------------------------------------------------------------------------- vault


class Vault(Shelf):
    """A vault with its keys. Printing it shows none."""

    def __init__(self, folder: Path, keys: Keys, opening: Callable[[str], Store] = Store.open) -> None:
        super().__init__(folder, opening)
        if _identity(self.store)["check"] != keys.derive("check").hex():
            raise StoreError(
                "these keys are another vault's", "bring the right ones with `troc data restore`"
            )
        self._keys = keys

    @classmethod
    def create(
        cls,
        folder: Path,
        passphrase: str,
        url: str = "",
        work: int = 0,
        opening: Callable[[str], Store] = Store.open,
    ) -> Vault:
        """Begin a vault. `url`: where its files lie (none: in `folder`); `work`: scrypt's cost (0: the
        usual).
        """
        check_passphrase(passphrase)
        if (folder / "place.json").exists():
            raise StoreError("there is a vault here already", "use it, or name another folder with TROC_HOME")
        store = opening(url or str(folder / "files"))
        if store.names() and not _was_begun(folder, store):
            raise InputError(
                f"{store.url} is not empty",
                "name an empty place, or bring its vault here with `troc data restore`",
            )
        keys, vault_id = Keys.new(), secrets.token_hex(16)
        store_keys(folder / "keystore.json", keys, vault_id, passphrase, work)
        identity = {"vault": vault_id, "check": keys.derive("check").hex()}
        store.write("vault.json", json.dumps(identity).encode())
        write_file(folder / "place.json", json.dumps(vars(Place(store.url))).encode())
        return cls(folder, keys, opening)

    @classmethod
    def open(cls, folder: Path, passphrase: str, opening: Callable[[str], Store] = Store.open) -> Vault:
        """Open the vault of this machine. Raises `AccountError` for a wrong passphrase."""
        shelf = Shelf(folder, opening)
        return cls(folder, open_keys(folder / "keystore.json", shelf.vault_id, passphrase), opening)

    @classmethod
    def restore(
        cls,
        folder: Path,
        phrase: str,
        passphrase: str,
        url: str = "",
        work: int = 0,
        opening: Callable[[str], Store] = Store.open,
    ) -> Vault:
        """Open the files of a vault, at `url` or where this machine knows it, by its phrase; from then on by
        a passphrase.
        """
        check_passphrase(passphrase)
        keys = Keys.from_phrase(phrase)
        if not url:
            url = Shelf(folder, opening).place.store
        store = opening(url)
        identity = _identity(store)
        if identity["check"] != keys.derive("check").hex():
            raise InputError(
                "these are the words of another vault", "find the paper that belongs to this one"
            )
        known = ""
        with contextlib.suppress(StoreError):
            known = Shelf(folder, opening).place.store
        if known not in ("", store.url):
            raise StoreError("there is another vault here already", "name another folder with TROC_HOME")
        store_keys(folder / "keystore.json", keys, identity["vault"], passphrase, work)
        if not known:
            write_file(folder / "place.json", json.dumps(vars(Place(store.url))).encode())
        return cls(folder, keys, opening)

    @property
    def phrase(self) -> str:
        """The 24 words of its backup."""
        return self._keys.phrase

    def change_passphrase(self, passphrase: str, work: int = 0) -> None:
        """Wrap the keys anew."""
        check_passphrase(passphrase)
        store_keys(self.folder / "keystore.json", self._keys, self.vault_id, passphrase, work)

    # ------------------------------------------------------------------------------------------- adding

    def add(
        self,
        content: Content,
        schema: str = "",
        columns: Sequence[str] | None = None,
        where: Mapping[str, str] | None = None,
        tell: bool = False,
    ) -> Manifest:
        """Keep a record, and seal a copy of it, or of a selection of its columns and rows, under a fresh key.

        `schema`: the name of what it is, seen by buyers. `tell`: whether the manifest names the columns and
        how many rows the record has.
        """
        record = chunks.lay_out(content, os.urandom(32))
        places = record.places(columns, where)
        leaves = record.plain_leaves()
        name = _name(record.layout.root_over(leaves))
        head = f"records/{name}.head"
        body = f"records/{name}.body"
        told = {
            "secret": record.secret.hex(),
            "name": content.name,
            "schema": schema,
            "madeAt": int(time.time()),
            "record": _layout_json(record.layout),
            "pieces": len(record.pieces),
        }
        files = {
            body: lambda: self._keys.seal(body, _packed(record.pieces, content.kind)),
            head: lambda: self._keys.seal(head, json.dumps(told).encode()),
        }
        return self._seal(record, leaves, schema, places, _tell(tell, content.labels, columns), files)

    def seal(
        self,
        record: bytes,
        columns: Sequence[str] | None = None,
        where: Mapping[str, str] | None = None,
        tell: bool = False,
    ) -> Manifest:
        """Seal another copy of a record under a fresh key, for another sale. Its plain leaves stay as they
        are.

        `record`: its plain root, or the root of a copy.
        """
        if not self.store.has(f"records/{_name(record)}.head"):
            record = self.note(record).record
        found = self.record(record)
        labels = [label.text or "" for label in found.layout.labels]
        places = found.places(columns, where)
        told = _tell(tell, labels, columns)
        return self._seal(found, found.plain_leaves(), self._head(record)["schema"], places, told, {})

    def _seal(
        self,
        record: Record,
        leaves: Sequence[bytes],
        schema: str,
        places: Sequence[int],
        tell: Sequence[str] | None,
        files: Mapping[str, Callable[[], bytes]],
    ) -> Manifest:
        with self.working():
            key = self._fresh_key()
            found, blob = manifest.seal(record, key, schema, places, tell, leaves)
            names = {part: _copy_name(found.root, part) for part in _PARTS}
            note = replace(_note_of(found), made_at=round(time.time(), 3))
            number = self._intend("make", [*files, *names.values()])
            for name, made in files.items():
                self.store.write(name, made())
            self.store.write(names["blob"], blob)
            shown = json.dumps(found.to_json()).encode()
            self.store.write(names["key"], self._keys.seal(names["key"], key + _sha256(shown)))
            self.store.write(names["manifest"], shown)
            self.store.write(names["note"], _shown(note))
            self._done(number)
            return found

    def _fresh_key(self) -> bytes:
        """A key, written down as taken before anything is sealed under it."""
        key = cipher.new_key()
        taken = f"used/{_name(cipher.commitment(key))}"
        if self.store.has(taken):
            raise StoreError(
                "a key came up that was used before", "stop: this machine's source of randomness is broken"
            )
        self.store.write(taken, b"")
        return key

    # ------------------------------------------------------------------------------------------- reading

    def manifest(self, root: bytes) -> Manifest:
        """As of a shelf; and that nobody has put another schema or other names into it."""
        found, name = super().manifest(root), _copy_name(root, "key")
        sealed = self._keys.unseal(name, self._copy(root, "key"))[cipher.KEY :]
        if sealed != _sha256(self._copy(root, "manifest")):
            raise _altered(_copy_name(root, "manifest"))
        return found

    def key(self, root: bytes) -> bytes:
        """The key of a sealed copy. Raises `StoreError` where it was altered, `ErasedError` where it was
        erased.
        """
        name = _copy_name(root, "key")
        key = self._keys.unseal(name, self._copy(root, "key"))[: cipher.KEY]
        if cipher.commitment(key) != self.note(root).key_commit:
            raise _altered(name)
        return key

    def record(self, plain_root: bytes) -> Record:
        """A record in plain, checked: what an attestor is shown, and what copies are sealed from."""
        head, name = self._head(plain_root), f"records/{_name(plain_root)}.body"
        sealed = self.store.read(name)
        if sealed is None:
            raise StoreError(f"there is no record {_hex(plain_root)}", "see `troc data list`")
        try:
            pieces = _unpacked(self._keys.unseal(name, sealed))
            found = Record(_layout_from(head["record"]), bytes.fromhex(head["secret"]), pieces)
            whole = found.layout.root_over(found.plain_leaves()) == plain_root
        except (KeyError, TypeError, ValueError, zlib.error):
            whole = False
        if not whole:
            raise _altered(name)
        return found

    def _head(self, plain_root: bytes) -> dict[str, Any]:
        name = f"records/{_name(plain_root)}.head"
        sealed = self.store.read(name)
        if sealed is None:
            raise StoreError(f"there is no record {_hex(plain_root)}", "see `troc data list`")
        return _parsed(self._keys.unseal(name, sealed), name)

    def verify(self, root: bytes) -> list[Fault]:
        """Also whether the key opens and is the one, and whether the record is whole."""
        found = super().verify(root)
        for check in (lambda: self.key(root), lambda: self.record(self.note(root).record)):
            try:
                check()
            except (StoreError, TamperedError) as error:
                found.append(Fault(None, error.message))
        return found

    def repair(self, root: bytes) -> None:
        """Make a damaged blob anew from the record and the key. The same bytes, or nothing is written."""
        with self.working():
            found = self.manifest(root)
            self._repair_note(found)
            record, key = self.record(found.plain_root), self.key(root)
            parts = [cipher.apply(key, at, record.chunk(place)) for at, place in enumerate(found.places)]
            if faults := found.check_blob(parts):
                raise _damaged(root, faults)
            self.store.write(_copy_name(root, "blob"), b"".join(parts))

    def _repair_note(self, found: Manifest) -> None:
        """Write anew what the manifest says. When the copy was made is kept where it can still be read."""
        made_at = self.note(found.root).made_at
        note = replace(_note_of(found), made_at=made_at)
        self.store.write(_copy_name(found.root, "note"), _shown(note))


# -------------------------------------------------------------------------------------------------- forms


def _was_begun(folder: Path, store: Store) -> bool:
    """Whether a vault was being made here when it was cut off: its keys are here, and nothing is in it."""
    try:
        ours = json.loads((folder / "keystore.json").read_bytes())["vault"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return store.names() == ["vault.json"] and _identity(store)["vault"] == ours


def _identity(store: Store) -> dict[str, str]:
    data = store.read("vault.json")
    if data is None:
        raise StoreError(f"there is no vault at {store.url}", "check the address")
    found = _parsed(data, "vault.json")
    return {"vault": str(found.get("vault")), "check": str(found.get("check"))}


def _tell(tell: bool, labels: Sequence[str], columns: Sequence[str] | None) -> Sequence[str] | None:
    if not tell:
        return None
    return list(columns) if columns else list(labels)


def _layout_json(layout: Layout) -> dict[str, Any]:
    return {
        "kind": layout.kind,
        "chunkSize": layout.chunk_size,
        "count": layout.count,
        "widths": list(layout.widths),
        "labels": [[label.text, label.salt.hex()] for label in layout.labels],
    }


def _layout_from(data: Mapping[str, Any]) -> Layout:
    labels = tuple(Label.of(bytes.fromhex(salt), text) for text, salt in data["labels"])
    return Layout(data["kind"], data["chunkSize"], data["count"], tuple(data["widths"]), labels)


def _packed(pieces: Sequence[bytes], kind: str) -> bytes:
    """Pieces with their lengths. Tables shrink a lot, files seldom do."""
    joined = b"".join(part for piece in pieces for part in (tree.index_bytes(len(piece)), piece))
    return zlib.compress(joined, 0 if kind == chunks.FILE else 1)


def _unpacked(data: bytes) -> tuple[bytes, ...]:
    joined = zlib.decompress(data)
    found, at = [], 0
    while at < len(joined):
        end = at + 4 + int.from_bytes(joined[at : at + 4])
        found.append(joined[at + 4 : end])
        at = end
    return tuple(found)


def _name(hash_: bytes) -> str:
    return hash_.hex()


def _copy_name(root: bytes, part: str) -> str:
    return f"copies/{_name(root)}.{part}"


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _digest(token: str) -> str:
    """What is kept of a token: it is 256 random bits, so one round of SHA-256 protects it."""
    return _sha256(token.encode()).hex()


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _parsed(data: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _altered(name)
    return found


def _shown(note: Note) -> bytes:
    data = {
        "record": _hex(note.record),
        "keyCommit": _hex(note.key_commit),
        "schema": note.schema,
        "count": note.count,
        "chunkSize": note.chunk_size,
        "madeAt": note.made_at,
    }
    return json.dumps(data).encode()


def _note_of(found: Manifest) -> Note:
    return Note(
        found.root, found.plain_root, found.key_commit, found.schema, found.count, found.chunk_size, 0.0
    )


def _altered(name: str) -> TamperedError:
    return TamperedError(
        f"the file {name} of the vault was altered", "bring it back from a copy of the vault"
    )


def _damaged(root: bytes, faults: Sequence[Fault]) -> TamperedError:
    more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
    return TamperedError(
        f"the sealed copy {_hex(root)} is damaged: {faults[0]}{more}",
        "mend it with `troc data verify --repair`",
    )
