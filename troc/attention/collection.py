"""A customer's book of slips: what brands signed for her, what its content revealed, and leaves of roots.

All that was read is proof, so nothing is ever taken out: a smaller statement stays beside the larger one, a
claimed ticket beside the others. A ticket without its one-time key waits for the key, and a key for its
ticket. What the chain knows is not kept: `troc.attention.claiming` asks it each time. The file is its owner's
alone, since the one-time key of a code is cash.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from troc.attention.contacts import account_of
from troc.attention.credentials import SignedCredential, is_credential
from troc.attention.leaves import FORMAT as LEAVES_FORMAT
from troc.attention.leaves import Leaf, leaves_in, leaves_of
from troc.attention.messages import Ticket, rewards_domain
from troc.attention.slips import NO_ACCOUNT, Slip, is_text, key_address, read_slips, read_text
from troc.chain import Chain
from troc.errors import InputError, TrocError
from troc.messages import Domain, digest
from troc.spelling import read_file
from troc.store import chain_folder, open_store, reading, sqlite_url

try:
    import sqlalchemy as sa
    from sqlalchemy.engine import Engine
except ImportError:  # pragma: no cover
    raise InputError(
        "a book of slips needs SQLAlchemy", "run `pip install '.[store]'` in the folder of this project"
    ) from None

PART = "collection"
VERSION = 1
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")

_ROOT_FILE = b"trocroot"
_KEY = re.compile(r"0x[0-9a-fA-F]{64}")
_LARGEST_FILE = 64 * 2**20

_tables = sa.MetaData()
_Hash = sa.String(66)
_Address = sa.String(42)

_slips = sa.Table(
    "collection_slips",
    _tables,
    sa.Column("account", _Address, primary_key=True),
    sa.Column("digest", _Hash, primary_key=True),
    sa.Column("campaign", _Hash, nullable=False, index=True),
    # As its file has it, without the key.
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("contract", _Address, nullable=False),
    # The address of a ticket's one-time key, and the key when it is known.
    sa.Column("key", _Address, index=True),
    sa.Column("secret", _Hash),
    sa.Column("added_at", sa.BigInteger, nullable=False),
)

_keys = sa.Table(
    "collection_keys",
    _tables,
    sa.Column("account", _Address, primary_key=True),
    sa.Column("key", _Address, primary_key=True),
    sa.Column("secret", _Hash, nullable=False),
)

_leaves = sa.Table(
    "collection_leaves",
    _tables,
    sa.Column("account", _Address, primary_key=True),
    sa.Column("digest", _Hash, primary_key=True),
    sa.Column("campaign", _Hash, nullable=False, index=True),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("added_at", sa.BigInteger, nullable=False),
)

_credentials = sa.Table(
    "collection_credentials",
    _tables,
    sa.Column("account", _Address, primary_key=True),
    sa.Column("campaign", _Hash, primary_key=True),
    sa.Column("pseudonym", _Hash, primary_key=True),
    sa.Column("expiry", sa.String(78), nullable=False),
    sa.Column("credential", sa.Text, nullable=False),
)


class Addition(StrEnum):
    """What came of something that was added."""

    NEW = "new"
    COMPLETED = "completed"
    """A ticket found its one-time key."""
    WAITING = "waiting"
    """A ticket without its key, or a key without its ticket."""
    KNOWN = "known"


@dataclass(frozen=True)
class KeptCredential:
    """What names this account for a pseudonym in a campaign. `expiry`: its last second; `data`: as the
    contract for credentials takes it.
    """

    campaign: bytes
    pseudonym: bytes
    expiry: int
    data: bytes


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


class Collection:
    """The slips of one account on one chain."""

    def __init__(self, engine: Engine, account: str, chain_id: int) -> None:
        self.engine = engine
        self.account = account
        self._chain_id = chain_id

    @classmethod
    def open(cls, chain: Chain, account: str, url: str = "") -> Collection:
        """The book in the database of the chain's folder, or at `url`. Raises `StoreError`."""
        if not url:
            path = chain_folder(chain) / "collection.sqlite"
            url = sqlite_url(path)
            # SQLite gives its other files the rights of this one.
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            path.chmod(0o600)
        return cls(open_store(url, _tables, PART, VERSION), account, chain.chain_id)

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    # --------------------------------------------------------------------------------------------- adding

    def add(self, slip: Slip, now: int) -> Addition:
        """Keep a slip that was checked. `now`: Unix seconds, for its place among the others."""
        name = {"account": self.account, "digest": _hex(digest(slip.message, slip.domain))}
        with self.engine.begin() as connection:
            known = connection.execute(sa.select(_slips.c.secret).filter_by(**name)).one_or_none()
            if not isinstance(slip.message, Ticket):
                if known is not None:
                    return Addition.KNOWN
                connection.execute(_slips.insert().values(**name, **self._row(slip, None, now)))
                return Addition.NEW
            secret = slip.secret or self._secret_of(connection, slip.message.key)
            if known is not None:
                if known.secret or not secret:
                    return Addition.KNOWN if known.secret else Addition.WAITING
                connection.execute(_slips.update().filter_by(**name).values(secret=_hex(secret)))
            else:
                connection.execute(_slips.insert().values(**name, **self._row(slip, secret, now)))
            if not secret:
                return Addition.WAITING
            connection.execute(_keys.delete().filter_by(account=self.account, key=slip.message.key))
            return Addition.NEW if slip.secret and known is None else Addition.COMPLETED

    def _row(self, slip: Slip, secret: bytes | None, now: int) -> dict[str, Any]:
        return {
            "campaign": _hex(slip.message.campaign),
            "content": json.dumps(slip.public().to_json()),
            "contract": slip.domain.verifying_contract,
            "key": slip.message.key if isinstance(slip.message, Ticket) else None,
            "secret": _hex(secret) if secret else None,
            "added_at": now,
        }

    def _secret_of(self, connection: sa.Connection, key: str) -> bytes:
        found = connection.scalar(sa.select(_keys.c.secret).filter_by(account=self.account, key=key))
        return b"" if found is None else _bytes(found)

    def add_key(self, secret: bytes) -> Addition:
        """Keep a one-time key: with its ticket, or until the ticket comes."""
        key = key_address(secret)
        mine = {"account": self.account, "key": key}
        with self.engine.begin() as connection:
            found = connection.execute(sa.select(_slips.c.digest, _slips.c.secret).filter_by(**mine)).all()
            if found:
                connection.execute(_slips.update().filter_by(**mine).values(secret=_hex(secret)))
                return Addition.KNOWN if all(row.secret for row in found) else Addition.COMPLETED
            if not self._secret_of(connection, key):
                connection.execute(_keys.insert().values(**mine, secret=_hex(secret)))
            return Addition.WAITING

    def add_leaf(self, leaf: Leaf, domain: Domain, now: int) -> Addition:
        """Keep a leaf that was checked."""
        name = {"account": self.account, "digest": _hex(digest(leaf, domain))}
        row = {
            "campaign": _hex(leaf.campaign),
            "content": json.dumps(leaf.to_json()),
            "added_at": now,
        }
        with self.engine.begin() as connection:
            if connection.scalar(sa.select(_leaves.c.digest).filter_by(**name)) is not None:
                return Addition.KNOWN
            connection.execute(_leaves.insert().values(**name, **row))
            return Addition.NEW

    def add_credential(self, kept: KeptCredential) -> Addition:
        """Keep a credential for a pseudonym; the one that lasts longest counts."""
        name = {
            "account": self.account,
            "campaign": _hex(kept.campaign),
            "pseudonym": _hex(kept.pseudonym),
        }
        row = {"expiry": str(kept.expiry), "credential": _hex(kept.data)}
        with self.engine.begin() as connection:
            known = connection.scalar(sa.select(_credentials.c.expiry).filter_by(**name))
            if known is None:
                connection.execute(_credentials.insert().values(**name, **row))
                return Addition.NEW
            if int(known) >= kept.expiry:
                return Addition.KNOWN
            connection.execute(_credentials.update().filter_by(**name).values(**row))
            return Addition.COMPLETED

    # -------------------------------------------------------------------------------------------- reading

    def campaigns(self) -> list[bytes]:
        """The campaigns of which something was kept, in the order in which they came."""
        found: dict[bytes, int] = {}
        with reading(self.engine) as connection:
            for table in (_slips, _leaves):
                query = sa.select(table.c.campaign, sa.func.min(table.c.added_at))
                query = query.where(table.c.account == self.account).group_by(table.c.campaign)
                for campaign, at in connection.execute(query):
                    known = found.get(_bytes(campaign), at)
                    found[_bytes(campaign)] = min(known, at)
        return sorted(found, key=lambda campaign: (found[campaign], campaign))

    def slips(self, campaign: bytes | None = None) -> list[Slip]:
        """What was signed, oldest first by the second; tickets with their keys where those are known."""
        query = sa.select(_slips).where(_slips.c.account == self.account)
        if campaign is not None:
            query = query.where(_slips.c.campaign == _hex(campaign))
        with reading(self.engine) as connection:
            return [
                Slip.from_json(
                    json.loads(row.content) | ({"key": row.secret} if row.secret else {}),
                    rewards_domain(self._chain_id, row.contract),
                )
                for row in connection.execute(query.order_by(_slips.c.added_at, _slips.c.digest))
            ]

    def leaves(self, campaign: bytes | None = None) -> list[Leaf]:
        """Leaves of roots, oldest first."""
        query = sa.select(_leaves.c.content).where(_leaves.c.account == self.account)
        if campaign is not None:
            query = query.where(_leaves.c.campaign == _hex(campaign))
        with reading(self.engine) as connection:
            rows = connection.scalars(query.order_by(_leaves.c.added_at, _leaves.c.digest))
            return [Leaf.from_json(json.loads(row)) for row in rows]

    def waiting_keys(self) -> list[str]:
        """The addresses of one-time keys whose ticket has not come."""
        query = sa.select(_keys.c.key).filter_by(account=self.account).order_by(_keys.c.key)
        with reading(self.engine) as connection:
            return list(connection.scalars(query))

    def credentials(self, campaign: bytes) -> dict[bytes, KeptCredential]:
        """What names this account in a campaign, by pseudonym."""
        query = sa.select(_credentials).filter_by(account=self.account, campaign=_hex(campaign))
        with reading(self.engine) as connection:
            return {
                _bytes(row.pseudonym): KeptCredential(
                    campaign, _bytes(row.pseudonym), int(row.expiry), _bytes(row.credential)
                )
                for row in connection.execute(query)
            }


# ------------------------------------------------------------------------------------------- reading sources


@dataclass(frozen=True)
class Key:
    """A one-time key that some content revealed, 32 bytes. Printing it does not show it."""

    secret: bytes

    def __repr__(self) -> str:
        return "Key(…)"


@dataclass(frozen=True)
class Found:
    """A leaf, and the contract that its file names; None: the file of a root, which names none."""

    leaf: Leaf
    domain: Domain | None


Item = Slip | Key | Found | SignedCredential


def source_of(item: Item | TrocError) -> Slip | Leaf | None:
    """The slip or leaf that was read; None for a key, a credential, and for what could not be read."""
    if isinstance(item, Found):
        return item.leaf
    return item if isinstance(item, Slip) else None


def read_item(text: str) -> Item:
    """What one text says: a slip, a credential, or a one-time key in hex."""
    text = text.strip()
    if is_credential(text):
        return SignedCredential.from_text(text)
    if _KEY.fullmatch(text):
        key = Key(_bytes(text))
        key_address(key.secret)
        return key
    return read_text(text)


def is_source(text: str) -> bool:
    """Whether this is meant as a slip, a file or a folder, and not as the id of a campaign."""
    return is_text(text) or is_credential(text) or Path(text).exists()


def read_source(source: str | Path, accounts: Iterable[bytes] = ()) -> Iterator[tuple[str, Item | TrocError]]:
    """What a source holds, each with where it stands: a text, a link or a key, the file of slips or leaves,
    of a root (the leaves of `accounts`), a picture of a QR code, or a folder of such. What cannot be read is
    told in its place, so that nothing else is lost by it.
    """
    if isinstance(source, str) and (
        is_text(source) or is_credential(source) or _KEY.fullmatch(source.strip())
    ):
        yield from _each(["what was given"], lambda _: [read_item(source)])
        return
    path = Path(source)
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith("."))
        if not files:
            yield str(path), InputError(f"{path} is an empty folder", "name a file, a text or a link")
        for file in files:
            yield from _file(file, accounts)
        return
    yield from _file(path, accounts)


def _each(
    places: Iterable[str], read: Callable[[str], Iterable[Item]]
) -> Iterator[tuple[str, Item | TrocError]]:
    for place in places:
        try:
            yield from ((place, item) for item in read(place))
        except TrocError as error:
            yield place, error


def _file(path: Path, accounts: Iterable[bytes]) -> Iterator[tuple[str, Item | TrocError]]:
    if path.suffix.lower() in PICTURES:
        yield from _each([path.name], lambda _: map(read_item, _in_picture(path)))
        return
    if _begins(path) == _ROOT_FILE:
        yield from _each([path.name], lambda _: [Found(each, None) for each in _leaves_in(path, accounts)])
        return
    try:
        text = read_file(
            path,
            "slip",
            "a text, a link, a file, a picture or a folder",
            _LARGEST_FILE,
            ("a file of slips", "cut it into smaller ones"),
        )
        data = _json(text, path) if text.lstrip().startswith("{") else None
    except TrocError as error:
        yield path.name, error
        return
    if data is None:
        lines = {f"{path.name}, line {number}": line for number, line in enumerate(text.splitlines(), 1)}
        yield from _each(
            [place for place, line in lines.items() if line.strip()], lambda place: [read_item(lines[place])]
        )
    elif data.get("format") == LEAVES_FORMAT:
        yield from _each([path.name], lambda _: _found(data, path.name))
    else:
        yield from _each([path.name], lambda _: read_slips(path))


def _begins(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(_ROOT_FILE))
    except OSError:
        return b""


def _json(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} cannot be read as slips ({error})", "ask for it again") from None


def _found(data: Any, name: str) -> list[Item]:
    leaves, domain = leaves_of(data, name)
    return [Found(each, domain) for each in leaves]


def _leaves_in(path: Path, accounts: Iterable[bytes]) -> list[Leaf]:
    found = leaves_in(path, accounts)
    if not found:
        raise InputError(f"{path.name} has no contacts of yours", "they may be in a later root")
    return found


def _in_picture(path: Path) -> list[str]:
    from troc.qr import read_picture

    return read_picture(path)


def is_of(account: bytes, address: str) -> bool:
    """Whether a slip for this account is for whoever has the address, or for anybody."""
    return account in (NO_ACCOUNT, account_of(address))
