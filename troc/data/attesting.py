"""Attestors: who vouches that a record is what its holder says, whom a buyer trusts, proofs of single fields.

An attestor sees a record opened (`Opened`), compares it with what it knows, and signs its plain root for its
holder: `Attestation` of docs/messages.md, which the market checks when an answer to a request is taken. What
is signed is never on the chain; a number of the attestor's own is, by which it revokes.

A holder proves some chunks of an attested record, and says nothing of the rest (`Proof`): the chunks, with
their places, and the hashes that lead from them to the plain root. Salts lie in the chunks, so what is not
shown cannot be guessed. Whoever got a proof could show it to others as his own: a proof that is to say who
somebody is carries her signature over a fresh challenge.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from eth_utils.crypto import keccak

from troc import words
from troc.accounts import Signer
from troc.data import tree
from troc.data.chunks import (
    CELL,
    FILE,
    SALT,
    Label,
    Layout,
    Record,
    place_leaves,
    plain_leaf,
    read_rows,
    unpack,
)
from troc.data.documents import canonical
from troc.data.receipts import DATA_NAME, Check, data_domain, is_signed_by_key
from troc.domains import Fetch, is_account_proven, is_domain
from troc.errors import InputError, TamperedError
from troc.messages import Address, Bytes32, Domain, Message, Uint256, sign, to_address

MARKET_NAME = "Troc Data Market"

IsRevoked = Callable[[str, int], bool]
"""Whether an attestor has revoked a number of its own (the contract `Attestors`)."""

_CONTENT = "Content(bytes32 plainRoot,uint256 count)"
_PROOF_TAG = keccak(b"troc.proof.v1")
_MOST_BYTES = 256 * 2**20
_MOST_INDEX = 2**256 - 1


def market_domain(chain_id: int, market: str) -> Domain:
    """The EIP-712 domain of the market."""
    return Domain(MARKET_NAME, chain_id, market)


def schema_hash(name: str) -> bytes:
    """How the chain names what an attestation is about: keccak256 of its name."""
    return keccak(name.encode())


# -------------------------------------------------------------------------------------------- attestations


@dataclass(frozen=True)
class Attestation(Message):
    """The attestor states that `subject` holds content with this plain root. Times are Unix seconds."""

    contract: ClassVar[str] = "DataMarket"

    attestor: Address
    subject: Address
    schema: Bytes32
    issued: Uint256
    expires: Uint256
    index: Uint256
    plain_root: Bytes32
    count: Uint256

    @classmethod
    def types(cls) -> dict[str, list[dict[str, str]]]:
        flat = super().types()["Attestation"]
        return {
            "Attestation": [*flat[:-2], {"name": "content", "type": "Content"}],
            "Content": flat[-2:],
        }

    @classmethod
    def type_string(cls) -> str:
        own = ",".join(f"{field['type']} {field['name']}" for field in cls.types()["Attestation"])
        return f"Attestation({own}){_CONTENT}"

    def values(self) -> dict[str, Any]:
        flat = super().values()
        content = {name: flat.pop(name) for name in ("plainRoot", "count")}
        return flat | {"content": content}

    @property
    def content_hash(self) -> bytes:
        """What the chain sees of the content."""
        return keccak(keccak(_CONTENT.encode()) + self.plain_root + self.count.to_bytes(32))

    def _encoded(self) -> bytes:
        return super()._encoded()[:-64] + self.content_hash


@dataclass(frozen=True)
class Attested:
    """An attestation with its signature, for the market of a chain."""

    attestation: Attestation
    chain_id: int
    market: str
    signature: bytes

    @property
    def domain(self) -> Domain:
        """What it was signed for."""
        return market_domain(self.chain_id, self.market)

    def argument(self) -> tuple[bytes, int, int, int, bytes]:
        """What `takeAttested` and `takeMany` take."""
        one = self.attestation
        return one.content_hash, one.issued, one.expires, one.index, self.signature

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return {
            "attestation": self.attestation.to_json(),
            "chainId": self.chain_id,
            "market": self.market,
            "signature": "0x" + self.signature.hex(),
        }

    @classmethod
    def from_json(cls, data: Any) -> Attested:
        """Read what `as_json` wrote. Raises `InputError` for anything else. Checks no signature."""
        try:
            if set(data) != {"attestation", "chainId", "market", "signature"}:
                raise ValueError
            signature = bytes.fromhex(data["signature"].removeprefix("0x"))
            if type(data["chainId"]) is not int or data["chainId"] < 0:
                raise ValueError
        except (TypeError, ValueError, AttributeError, KeyError):
            raise InputError("this is no attestation", "name a file of `troc data attest`") from None
        return cls(
            Attestation.from_json(data["attestation"]),
            data["chainId"],
            to_address(data["market"], "market"),
            signature,
        )

    @classmethod
    def read(cls, path: Path) -> Attested:
        """Read one from a file."""
        return cls.from_json(_load(path, "attestation"))


@dataclass(frozen=True)
class About:
    """What an attestation must be about: the content of a manifest, and who sells it."""

    subject: str
    schema: str
    plain_root: bytes
    count: int


def doubts(
    attested: Attested,
    about: About,
    now: int,
    is_revoked: IsRevoked,
    check: Check = is_signed_by_key,
) -> list[str]:
    """Why an attestation does not count for this content and this seller now; empty where it does.

    Whether the attestor is trusted is another question (`TrustList`).
    """
    one = attested.attestation
    found = []
    if one.subject != to_address(about.subject, "subject"):
        found.append(f"it is about {words.short(one.subject)}, not about the seller")
    if one.schema != schema_hash(about.schema):
        found.append(f"it is about something else than {words.shown(about.schema)!r}")
    if (one.plain_root, one.count) != (about.plain_root, about.count):
        found.append("it is about other content")
    if one.attestor == one.subject:
        found.append("the seller attests herself")
    if now < one.issued:
        found.append(f"it counts from {words.moment(one.issued)} on")
    if now > one.expires:
        found.append(f"it counted until {words.moment(one.expires)}")
    if not check(one, attested.domain, attested.signature):
        found.append(f"it is not signed by {one.attestor}")
    elif is_revoked(one.attestor, one.index):
        found.append("the attestor has revoked it")
    return found


# ----------------------------------------------------------------------------------------- opened records


@dataclass(frozen=True)
class Opened:
    """A whole record as its attestor is shown it: every chunk, padding included. For the attestor alone."""

    subject: str
    schema: str
    layout: Layout
    chunks: tuple[bytes, ...]

    @classmethod
    def of(cls, record: Record, subject: str, schema: str) -> Opened:
        """What a holder hands to an attestor."""
        return cls(to_address(subject, "subject"), schema, record.layout, tuple(record.chunks()))

    @cached_property
    def plain_root(self) -> bytes:
        """What there is to sign."""
        return self.layout.root_over([plain_leaf(chunk) for chunk in self.chunks])

    @cached_property
    def rows(self) -> tuple[Mapping[str, Any], ...]:
        """What it says, where it is a table."""
        pieces = {place: unpack(chunk) for place, chunk in enumerate(self.chunks)}
        return tuple(read_rows(self.layout, pieces)) if self.layout.kind != FILE else ()

    @property
    def data(self) -> bytes:
        """What it holds, where it is a file."""
        return b"".join(map(unpack, self.chunks))

    def about(self) -> About:
        """What an attestation of it is about."""
        return About(self.subject, self.schema, self.plain_root, self.layout.count)

    def as_json(self) -> dict[str, Any]:
        """For a file that the attestor alone may read."""
        return {
            "subject": self.subject,
            "schema": self.schema,
            "record": layout_as_json(self.layout),
            "chunks": ["0x" + chunk.hex() for chunk in self.chunks],
        }

    @classmethod
    def from_json(cls, data: Any) -> Opened:
        """Read what `as_json` wrote. Raises `InputError` where it makes no sense."""
        try:
            found = cls(
                data["subject"],
                _text(data["schema"]),
                layout_from_json(data["record"]),
                _hexes(data["chunks"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputError("this is no opened record", "name a file of `troc data ask`") from None
        if what := found._fault():
            raise InputError(f"this opened record cannot be attested: {what}", "ask its holder for it anew")
        return replace(found, subject=to_address(found.subject, "subject"))

    def _fault(self) -> str:
        if what := self.layout.fault():
            return what
        if any(label.text is None for label in self.layout.labels):
            return "it hides what its fields are"
        if len(self.chunks) != self.layout.count:
            return f"it shows {len(self.chunks)} chunks of {self.layout.count}"
        if any(len(chunk) != self.layout.chunk_size for chunk in self.chunks):
            return "a chunk has a wrong size"
        if len({chunk[:SALT] for chunk in self.chunks}) != len(self.chunks):
            return "two chunks have the same salt"
        if self.layout.kind == FILE:
            held = len(self.data)
        else:
            held = len(self.rows)
            if self._columns != {column for row in self.rows for column in row} and self.layout.kind == CELL:
                return "its fields are not those that it names"
        if held != self.layout.rows:
            return f"it says that it holds {self.layout.rows}, and holds {held}"
        return ""

    @property
    def _columns(self) -> set[str]:
        return {label.text or "" for label in self.layout.labels[:-1]}


def missing_rows(
    opened: Opened, own: Sequence[Mapping[str, Any]], holder: str = ""
) -> list[Mapping[str, Any]]:
    """Rows of an opened record that the attestor does not have itself, column by column, each as often.

    `holder`: the column of its own rows that names whose each is, by address: hers alone count.
    """
    columns = sorted(opened._columns)
    mine = Counter(
        _row(row, columns)
        for row in own
        if not holder or str(row.get(holder, "")).lower() == opened.subject.lower()
    )
    missing = []
    for row in opened.rows:
        key = _row(row, columns)
        if mine[key]:
            mine[key] -= 1
        else:
            missing.append(row)
    return missing


def _row(row: Mapping[str, Any], columns: Sequence[str]) -> tuple[str, ...]:
    return tuple("" if row.get(column) is None else str(row[column]) for column in columns)


def layout_as_json(layout: Layout) -> dict[str, Any]:
    """A layout as manifests write it."""
    return {
        "kind": layout.kind,
        "chunkSize": layout.chunk_size,
        "count": layout.count,
        "widths": list(layout.widths),
        "labels": [
            {"hash": "0x" + label.hash.hex()}
            if label.text is None
            else {"text": label.text, "salt": "0x" + label.salt.hex()}
            for label in layout.labels
        ],
    }


def layout_from_json(data: Any) -> Layout:
    """Read what `layout_as_json` wrote. Raises `ValueError`, `KeyError` or `TypeError` for anything else."""
    numbers = (data["chunkSize"], data["count"], *data["widths"])
    if any(type(number) is not int or not 0 <= number <= tree.MOST_LEAVES for number in numbers):
        raise ValueError
    labels = tuple(
        Label.of(_hexes([label["salt"]])[0], _text(label["text"]))
        if "text" in label
        else Label(_hexes([label["hash"]])[0])
        for label in data["labels"]
    )
    return Layout(_text(data["kind"]), data["chunkSize"], data["count"], tuple(data["widths"]), labels)


# ---------------------------------------------------------------------------------------------- attesting


@dataclass(frozen=True)
class Entry:
    """A line of an attestor's own ledger: what it attested under a number."""

    index: int
    subject: str
    schema: str
    plain_root: str
    issued: int
    expires: int


class Ledger:
    """Which numbers an attestor has used, in a file of a line each. A number is written down before the
    attestation leaves, and never used again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> list[Entry]:
        """Every line. A last one that was cut off stands for a number that nobody got."""
        if not self._path.exists():
            return []
        found = []
        try:
            text = self._path.read_text(encoding="utf-8")
            lines = text.split("\n")
            for line in lines[:-1]:
                found.append(Entry(**json.loads(line)))
        except (OSError, ValueError, TypeError):
            raise InputError(
                f"{self._path} is no ledger of attestations", "name the file that `troc data attest` keeps"
            ) from None
        return found

    def add(self, entries: Sequence[Entry]) -> None:
        """Write lines at its end."""
        used = {entry.index for entry in self.entries()}
        if used & {entry.index for entry in entries}:
            raise InputError(
                "a number of the ledger would be used twice", "run one `troc data attest` at a time"
            )
        text = "".join(json.dumps(vars(entry)) + "\n" for entry in entries)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            whole = self._path.read_bytes()
            with self._path.open("r+b") as file:
                # What a cut left of a line nobody signed for.
                file.truncate(file.seek(whole.rfind(b"\n") + 1))
                file.write(text.encode())
                file.flush()
        except OSError as error:
            raise InputError(
                f"{self._path} cannot be written ({error.strerror})", "name another place for the ledger"
            ) from None

    @property
    def next_index(self) -> int:
        """The first number that was never used."""
        return max((entry.index for entry in self.entries()), default=-1) + 1

    def indices_of(self, subject: str) -> list[int]:
        """The numbers of what was attested for somebody, to revoke it."""
        subject = to_address(subject, "subject")
        return [entry.index for entry in self.entries() if entry.subject == subject]


def attest(
    opened: Sequence[Opened],
    signer: Signer,
    chain_id: int,
    market: str,
    issued: int,
    expires: int,
    ledger: Ledger,
) -> list[Attested]:
    """Attest opened records in one go, each under a number of its own, in the order given.

    Numbers are dealt out by chance: the chain shows them, and they must not tell who stood beside whom in the
    attestor's list. Comparing what the records say is the attestor's own business (`missing_rows`).
    """
    if not 0 < issued <= expires:
        raise InputError("an attestation would end before it begins", "choose a later end")
    if any(one.subject == signer.address for one in opened):
        raise InputError("nobody attests her own record", "ask somebody whom buyers trust")
    first = ledger.next_index
    numbers = list(range(first, first + len(opened)))
    secrets.SystemRandom().shuffle(numbers)
    ledger.add(
        sorted(
            (
                Entry(number, one.subject, one.schema, "0x" + one.plain_root.hex(), issued, expires)
                for one, number in zip(opened, numbers, strict=True)
            ),
            key=lambda entry: entry.index,
        )
    )
    found = []
    for one, number in zip(opened, numbers, strict=True):
        about = one.about()
        message = Attestation(
            signer.address,
            about.subject,
            schema_hash(about.schema),
            issued,
            expires,
            number,
            about.plain_root,
            about.count,
        )
        signature = sign(message, market_domain(chain_id, market), signer)
        found.append(Attested(message, chain_id, market, signature))
    return found


# --------------------------------------------------------------------------------------------------- trust


@dataclass(frozen=True)
class Trusted:
    """An attestor on a buyer's list. `domain`: one that was asked and agreed on the day `since` (Unix
    seconds), or empty. `schemas`: what it is trusted for; empty: for everything.
    """

    address: str
    name: str
    domain: str = ""
    schemas: tuple[str, ...] = ()
    since: int = 0

    @property
    def title(self) -> str:
        """`Le Panier (proven domain panier.example)`."""
        shown = words.shown(self.name)
        return f"{shown} (proven domain {self.domain})" if self.domain else f"{shown} (no proven domain)"


class TrustList:
    """Whom a buyer trusts to vouch for content: his own choice, in a file of his own."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> dict[str, Trusted]:
        """By address."""
        if not self._path.exists():
            return {}
        data = _load(self._path, "list of trusted attestors")
        try:
            found = [
                Trusted(**(entry | {"schemas": tuple(map(_text, entry["schemas"]))}))
                for entry in data["trusted"]
            ]
            for entry in found:
                if type(entry.since) is not int:
                    raise TypeError
                _text(entry.name), _text(entry.domain)
        except (KeyError, TypeError, ValueError):
            raise InputError(
                f"{self._path} is no list of attestors", "name one of `troc data trust`"
            ) from None
        return {to_address(entry.address): entry for entry in found}

    def add(self, entry: Trusted) -> None:
        """Trust an attestor, or change what it is trusted for."""
        self._save(self.entries() | {entry.address: entry})

    def remove(self, address: str) -> None:
        """Trust it no longer."""
        address = to_address(address)
        entries = self.entries()
        if entries.pop(address, None) is None:
            raise InputError(f"{address} is not on the list", "look at `troc data trust`")
        self._save(entries)

    def trusts(self, attestor: str, schema: str) -> bool:
        """Whether an attestor is trusted for content of this schema."""
        entry = self.entries().get(to_address(attestor))
        return entry is not None and (not entry.schemas or schema in entry.schemas)

    def _save(self, entries: Mapping[str, Trusted]) -> None:
        data = {"trusted": [vars(entry) | {"schemas": list(entry.schemas)} for entry in entries.values()]}
        draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:
            raise InputError(
                f"{self._path} cannot be written ({error.strerror})", "name another place"
            ) from None


def trusted(
    address: str,
    name: str,
    domain: str,
    chain_id: int,
    now: int,
    fetch: Fetch,
    schemas: Iterable[str] = (),
) -> Trusted:
    """An attestor to put on the list. A domain that is given must name its account, or it is refused."""
    address = to_address(address, "attestor")
    if domain and not is_domain(domain):
        raise InputError(f"{words.shown(domain)!r} is no domain", "write it as in panier.example")
    if domain and not is_account_proven(domain, chain_id, address, fetch):
        raise InputError(
            f"{domain} does not say that {address} is its own",
            f"have it list the account in https://{domain}/.well-known/troc.json, or trust the address alone",
        )
    return Trusted(address, name or domain or words.short(address), domain, tuple(schemas), now)


# ------------------------------------------------------------------------------------ proofs of single fields


@dataclass(frozen=True)
class Disclosure(Message):
    """By which the subject of an attestation shows `proof` to whoever set `challenge`, until `deadline`."""

    contract: ClassVar[str] = DATA_NAME

    subject: Address
    challenge: Bytes32
    proof: Bytes32
    deadline: Uint256


@dataclass(frozen=True)
class Proof:
    """Some chunks of an attested record, and the hashes that lead from them to its plain root."""

    layout: Layout
    places: tuple[int, ...]
    chunks: tuple[bytes, ...]
    hashes: tuple[bytes, ...]

    @classmethod
    def of(cls, record: Record, columns: Sequence[str], where: Mapping[str, str] | None = None) -> Proof:
        """A proof of these columns (of the rows whose values are `where`). Nothing else is told, not how many
        rows there are, and not what the other columns are called.
        """
        if not columns:
            raise InputError("this would prove the whole record", "name the fields to prove")
        places = record.places(columns, where)
        layout = record.layout
        levels = tree.levels(place_leaves(range(layout.count), record.plain_leaves()))
        labels = tuple(label if label.text in columns else label.untold for label in layout.labels[:-1])
        return cls(
            Layout(
                layout.kind,
                layout.chunk_size,
                layout.count,
                layout.widths,
                (*labels, layout.labels[-1].untold),
            ),
            tuple(places),
            tuple(record.chunk(place) for place in places),
            tuple(tree.multiproof(levels, places)),
        )

    @cached_property
    def plain_root(self) -> bytes:
        """The plain root that it leads to. Raises `InputError` where it leads nowhere: a place that is beyond
        the last, doubled or out of order, a chunk of a wrong size, a hash too much or too few.
        """
        if what := self.layout.fault():
            raise InputError(f"this proof proves nothing: {what}", "ask for it anew")
        if any(len(chunk) != self.layout.chunk_size for chunk in self.chunks):
            raise InputError("this proof proves nothing: a chunk has a wrong size", "ask for it anew")
        if (
            any(len(hash_) != 32 for hash_ in self.hashes)
            or len(self.places) != len(self.chunks)
            or not all(0 <= place < self.layout.count for place in self.places)
        ):
            raise InputError("this proof proves nothing: its lists do not fit", "ask for it anew")
        leaves = place_leaves(self.places, [plain_leaf(chunk) for chunk in self.chunks])
        under = tree.root_by_multiproof(self.layout.count, self.places, leaves, self.hashes)
        return self.layout.plain_root(under)

    @property
    def rows(self) -> tuple[Mapping[str, Any], ...]:
        """What it says, row by row."""
        pieces = {place: unpack(chunk) for place, chunk in zip(self.places, self.chunks, strict=True)}
        return tuple(read_rows(self.layout, pieces))

    @property
    def hash(self) -> bytes:
        """What `Disclosure` names."""
        return keccak(_PROOF_TAG + canonical(self.as_json()).encode())

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return {
            "record": layout_as_json(self.layout),
            "places": list(self.places),
            "chunks": ["0x" + chunk.hex() for chunk in self.chunks],
            "hashes": ["0x" + hash_.hex() for hash_ in self.hashes],
        }

    @classmethod
    def from_json(cls, data: Any) -> Proof:
        """Read what `as_json` wrote. Raises `InputError` for anything else; it is not checked yet."""
        try:
            places = tuple(data["places"])
            if any(type(place) is not int for place in places):
                raise ValueError
            return cls(
                layout_from_json(data["record"]), places, _hexes(data["chunks"]), _hexes(data["hashes"])
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputError("this is no proof of fields", "name a file of `troc data prove`") from None


@dataclass(frozen=True)
class Shown:
    """A proof with the attestation that it leads to and, for who asked, the subject's signature."""

    proof: Proof
    attested: Attested
    disclosure: Disclosure | None = None
    signature: bytes = b""

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return {
            "proof": self.proof.as_json(),
            "attested": self.attested.as_json(),
            "disclosure": None if self.disclosure is None else self.disclosure.to_json(),
            "signature": "0x" + self.signature.hex(),
        }

    @classmethod
    def from_json(cls, data: Any) -> Shown:
        """Read what `as_json` wrote. Raises `InputError` for anything else; it is not checked yet."""
        try:
            disclosure = data["disclosure"]
            signature = bytes.fromhex(data["signature"].removeprefix("0x"))
            proof, attested = data["proof"], data["attested"]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputError("this is no proof of fields", "name a file of `troc data prove`") from None
        return cls(
            Proof.from_json(proof),
            Attested.from_json(attested),
            None if disclosure is None else Disclosure.from_json(disclosure),
            signature,
        )

    @classmethod
    def read(cls, path: Path) -> Shown:
        """Read one from a file."""
        return cls.from_json(_load(path, "proof of fields"))


def show(
    proof: Proof, attested: Attested, signer: Signer | None = None, challenge: bytes = b"", deadline: int = 0
) -> Shown:
    """Put a proof beside its attestation; with `challenge` also sign it for whoever set that."""
    if proof.plain_root != attested.attestation.plain_root:
        raise InputError("this attestation is about another record", "name the one of this record")
    if signer is None:
        return Shown(proof, attested)
    disclosure = Disclosure(attested.attestation.subject, challenge, proof.hash, deadline)
    domain = data_domain(attested.chain_id, attested.market)
    return Shown(proof, attested, disclosure, sign(disclosure, domain, signer))


def check_shown(
    shown: Shown,
    schema: str,
    now: int,
    is_revoked: IsRevoked,
    challenge: bytes = b"",
    check: Check = is_signed_by_key,
) -> tuple[Mapping[str, Any], ...]:
    """What the fields say. Raises `TamperedError` with the reason where they are not proven.

    `challenge`: 32 bytes that were never used before; empty where it does not matter who shows it.
    """
    one = shown.attested.attestation
    about = About(one.subject, schema, shown.proof.plain_root, shown.proof.layout.count)
    if found := doubts(shown.attested, about, now, is_revoked, check):
        raise TamperedError(f"this is not attested: {found[0]}", "do not rely on it")
    if challenge:
        disclosure = shown.disclosure
        domain = data_domain(shown.attested.chain_id, shown.attested.market)
        if disclosure is None or disclosure.challenge != challenge or disclosure.proof != shown.proof.hash:
            raise TamperedError("nobody signed your challenge with this proof", "ask the subject to sign it")
        if disclosure.subject != one.subject or not check(disclosure, domain, shown.signature):
            raise TamperedError("somebody else than the subject shows this proof", "do not rely on it")
        if now > disclosure.deadline:
            raise TamperedError(
                f"this proof was shown until {words.moment(disclosure.deadline)}", "ask for a new one"
            )
    return shown.proof.rows


# ---------------------------------------------------------------------------------------------------- files


def _load(path: Path, what: str) -> Any:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "check its name and rights") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path} holds no {what}", "name another file") from None


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 10_000:
        raise ValueError
    return value


def _hexes(values: Any) -> tuple[bytes, ...]:
    if not isinstance(values, list) or not all(isinstance(v, str) and v[:2] == "0x" for v in values):
        raise ValueError
    return tuple(bytes.fromhex(value[2:]) for value in values)
