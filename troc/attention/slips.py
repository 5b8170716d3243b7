"""Slips: statements and tickets that a campaign's key signed, as they travel to whom they pay.

A slip is a text of a few hundred letters that fits a QR code, or a link with that text behind the `#`, or an
entry of a JSON file; docs/attention.md lays all three down. Signing needs no chain. A slip that was read is
whole and rightly signed by the key that it names; whether that is the campaign's, only the chain tells:
give `Slip.expect` what it says.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_keys.constants import SECPK1_N
from eth_keys.datatypes import PrivateKey

from troc import qr, spelling
from troc.accounts import Signer
from troc.attention.contacts import MOST_CONTACTS, address_of, of_page, to_pages
from troc.attention.messages import ClaimTicket, Statement, Ticket, rewards_domain
from troc.errors import InputError
from troc.messages import ZERO_ADDRESS, Domain, digest, full_signature, recover, sign, to_address
from troc.spelling import (
    Reader,
    check_page,
    checked,
    read_file,
    read_lines,
    spell,
    unchecked,
    unspell,
    varint,
)
from troc.vouchers import write_secret

SCHEME = "TROC:SLIP/"
"""What a slip's text begins with. Capitals: a QR code holds more of them."""

NO_ACCOUNT = bytes(32)
"""The account of a code."""

LEAST_SEED = 16
"""Bytes of the seed of one-time keys: fewer could be guessed."""

MOST_CODES = 2**32

_FORMAT = "troc-slips-1"
_VERSION = 1
_IS_TICKET, _HAS_ACCOUNT, _IS_PSEUDONYM, _HAS_SECRET = 1, 2, 4, 8
_LARGEST_FILE = 256 * 2**20
_AGAIN = "ask whoever gave it to you for another"


@dataclass(frozen=True)
class Slip:
    """A statement or a ticket with the signature of its campaign's key, 65 bytes.

    `secret`: the one-time key of a ticket, 32 bytes; empty where only the content will reveal it. Printing a
    slip never shows it. Raises `InputError` for what no contract would pay: a signature of another key, sets
    or numbers out of range, another ticket's one-time key.
    """

    message: Statement | Ticket
    signature: bytes
    domain: Domain
    secret: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        message = self.message
        object.__setattr__(self, "signature", full_signature(self.signature) or b"")
        object.__setattr__(self, "domain", _domain(self.domain))
        self._check_numbers()
        if self.secret and (isinstance(message, Statement) or key_address(self.secret) != message.key):
            raise InputError("the one-time key is not that of the ticket", _AGAIN)
        # ecrecover gives the zero address for what nobody signed.
        if message.signer == ZERO_ADDRESS or recover(message, self.domain, self.signature) != message.signer:
            raise InputError(f"{message.signer} has not signed this {self.kind}", _AGAIN)

    def _check_numbers(self) -> None:
        message = self.message
        if isinstance(message, Statement):
            of_page(message.page, message.contacts)
            if not message.contacts or message.account == NO_ACCOUNT:
                raise InputError("the statement names no account or no contact", _AGAIN)
        elif message.id >= (MOST_CODES if message.account == NO_ACCOUNT else MOST_CONTACTS):
            raise InputError(f"no ticket can have the number {message.id}", _AGAIN)

    @classmethod
    def signed(cls, message: Statement | Ticket, domain: Domain, signer: Signer, secret: bytes = b"") -> Slip:
        """Sign one. The signature is our own, and `secret` the key that the ticket was made of: neither is
        looked at again, which would take as long as signing.
        """
        slip: Slip = object.__new__(cls)
        domain = _domain(domain)
        signature = sign(message, domain, signer)
        vars(slip).update(message=message, signature=signature, domain=domain, secret=secret)
        slip._check_numbers()
        return slip

    @property
    def kind(self) -> str:
        """`statement` or `ticket`."""
        return type(self.message).__name__.lower()

    @property
    def contacts(self) -> frozenset[int]:
        """The contacts that it pays; none for a code."""
        if isinstance(self.message, Statement):
            return of_page(self.message.page, self.message.contacts)
        return frozenset() if self.is_code else frozenset({self.message.id})

    @property
    def is_code(self) -> bool:
        """Whether it pays whoever has its one-time key."""
        return self.message.account == NO_ACCOUNT

    def expect(self, domain: Domain, campaign: bytes | None = None, signer: str | None = None) -> None:
        """Raise `InputError` unless it is for this contract and, where given, of this campaign and key."""
        if self.domain.chain_id != domain.chain_id:
            raise InputError(
                f"this {self.kind} is for the chain {self.domain.chain_id}, not {domain.chain_id}",
                "choose its network with --network",
            )
        if self.domain != _domain(domain):
            raise InputError(
                f"this {self.kind} is for the contract {self.domain.verifying_contract}, "
                f"not {domain.verifying_contract}",
                "use it where it was made for",
            )
        if campaign is not None and self.message.campaign != campaign:
            raise InputError(
                f"this {self.kind} is of another campaign, 0x{self.message.campaign.hex()}", _AGAIN
            )
        if signer is not None and self.message.signer != signer:
            raise InputError(
                f"this {self.kind} is signed by {self.message.signer}, which is not the campaign's key",
                _AGAIN,
            )

    def with_key(self, secret: bytes) -> Slip:
        """The same ticket with its one-time key."""
        return replace(self, secret=secret)

    def public(self) -> Slip:
        """The same without the one-time key."""
        return replace(self, secret=b"")

    def claim_to(self, recipient: str) -> tuple[ClaimTicket, bytes]:
        """The message by which the one-time key names `recipient`, and the key's signature."""
        if not isinstance(self.message, Ticket) or not self.secret:
            raise InputError(f"this {self.kind} has no one-time key with it", "take the key from the content")
        claim = ClaimTicket(self.message.key, recipient, digest(self.message, self.domain))
        key = Signer("the one-time key", self.message.key, Account.from_key(self.secret))
        return claim, sign(claim, self.domain, key)

    # -------------------------------------------------------------------------------------------- text

    def to_text(self) -> str:
        """`TROC:SLIP/…`, in letters that a QR code packs tightly."""
        return spell(SCHEME, self.to_bytes())

    def to_link(self, page: str) -> str:
        """A link to a page of the brand's. What is behind the `#` a browser keeps to itself."""
        check_page(page)
        return f"{page}#{self.to_text().removeprefix(SCHEME)}"

    def to_picture(self, kind: str) -> bytes:
        """A QR code as a file, `png` or `svg`."""
        return qr.picture(self.to_text(), kind)

    def to_bytes(self) -> bytes:
        """The bytes that the text spells, with a checksum at their end (docs/attention.md)."""
        message = self.message
        address = address_of(message.account)
        flags = bool(self.secret) * _HAS_SECRET | (not self.is_code) * _HAS_ACCOUNT
        flags |= isinstance(message, Ticket) * _IS_TICKET
        flags |= (address is None and not self.is_code) * _IS_PSEUDONYM
        if isinstance(message, Ticket):
            numbers, key = (message.id, message.valid_until), self.secret or bytes.fromhex(message.key[2:])
        else:
            numbers, key = (message.page, message.contacts), b""
        r, s, parity = self.signature[:32], int.from_bytes(self.signature[32:64]), self.signature[64] - 27
        body = bytes([_VERSION, flags])
        body += b"".join(varint(number) for number in (self.domain.chain_id, *numbers))
        body += bytes.fromhex(self.domain.verifying_contract[2:]) + bytes.fromhex(message.signer[2:])
        body += message.campaign
        body += b"" if self.is_code else message.account if address is None else message.account[-20:]
        body += key
        # ERC-2098: a byte less, and one form for each signature.
        body += r + (s | parity << 255).to_bytes(32)
        return checked(body)

    @classmethod
    def from_bytes(cls, data: bytes) -> Slip:
        """Read what `to_bytes` wrote, and nothing else: one slip has one spelling."""
        body = unchecked(data, "slip")
        if body[0] != _VERSION:
            raise InputError(
                f"this slip is of version {body[0]}, which is not known here", "use a newer troc"
            )
        try:
            found = cls._read(Reader(body[1:]))
        except IndexError:
            found = None
        if found is None or found.to_bytes() != data:
            raise InputError("this slip is malformed", _AGAIN)
        return found

    @classmethod
    def _read(cls, reader: Reader) -> Slip:
        flags = reader.take(1)[0]
        chain_id, first, second = (reader.varint() for _ in range(3))
        if max(chain_id, first, second) >> 256:
            raise IndexError
        domain, signer, campaign = (
            rewards_domain(chain_id, reader.address()),
            reader.address(),
            reader.take(32),
        )
        account = NO_ACCOUNT
        if flags & _HAS_ACCOUNT:
            account = reader.take(32 if flags & _IS_PSEUDONYM else 20).rjust(32, b"\0")
        if not flags & _IS_TICKET:
            return cls(Statement(signer, campaign, account, first, second), reader.take(64), domain)
        secret = reader.take(32) if flags & _HAS_SECRET else b""
        key = key_address(secret) if secret else reader.address()
        return cls(Ticket(signer, campaign, account, first, key, second), reader.take(64), domain, secret)

    # -------------------------------------------------------------------------------------------- file

    def to_json(self) -> dict[str, Any]:
        """An entry of a file: the message, the signature, and the one-time key if it is there."""
        entry: dict[str, Any] = {self.kind: self.message.to_json(), "signature": "0x" + self.signature.hex()}
        return entry | ({"key": "0x" + self.secret.hex()} if self.secret else {})

    @classmethod
    def from_json(cls, data: Any, domain: Domain) -> Slip:
        """Read what `to_json` wrote."""
        fields = set(data) if isinstance(data, dict) else set()
        if fields not in (
            {"statement", "signature"},
            {"ticket", "signature"},
            {"ticket", "signature", "key"},
        ):
            raise InputError(
                "an entry is no slip",
                "it needs a statement or a ticket, and a signature; a ticket may have a key",
            )
        message = (
            Ticket.from_json(data["ticket"]) if "ticket" in fields else Statement.from_json(data["statement"])
        )
        secret = _hex(data["key"], "key", 32) if "key" in fields else b""
        return cls(message, _hex(data["signature"], "signature", 65), domain, secret)


def fraud(slips: Iterable[Slip]) -> list[tuple[Slip, Slip]]:
    """Tickets that prove a campaign's key a fraud, in pairs: two one-time keys for one contact, or for one
    code. Whoever was to see the second content knows nothing of the first, and only one of them is paid.
    """
    first: dict[tuple[Domain, str, bytes, bytes, int], Slip] = {}
    found = []
    for slip in slips:
        ticket = slip.message
        if not isinstance(ticket, Ticket):
            continue
        what = slip.domain, ticket.signer, ticket.campaign, ticket.account, ticket.id
        known = first.setdefault(what, slip)
        assert isinstance(known.message, Ticket)
        if known.message.key != ticket.key:
            found.append((known, slip))
    return found


# ---------------------------------------------------------------------------------------------------- signing


def ticket_key(seed: bytes, campaign: bytes, account: bytes, number: int) -> bytes:
    """The one-time key of a ticket, 32 bytes: the same from the same seed, so there is nothing to keep."""
    if len(seed) < LEAST_SEED:
        raise InputError(
            f"a seed of {len(seed)} bytes can be guessed", f"use {LEAST_SEED} random bytes or more"
        )
    made = hmac.new(seed, campaign + account + number.to_bytes(32), hashlib.sha256).digest()
    # 1 to n - 1; what the remainder favours, it favours by less than 2^-127.
    return (int.from_bytes(made) % (SECPK1_N - 1) + 1).to_bytes(32)


def key_address(secret: bytes) -> str:
    """The address of a one-time key."""
    try:
        return str(PrivateKey(secret).public_key.to_checksum_address())
    except Exception:
        # What the library says could quote the key.
        raise InputError("the one-time key is malformed", _AGAIN) from None


def sign_statements(
    campaign: bytes, account: bytes, contacts: Iterable[int], domain: Domain, signer: Signer
) -> list[Slip]:
    """Sign that an account had these contacts: a statement a page."""
    statements = [Statement(signer.address, campaign, account, *each) for each in to_pages(contacts).items()]
    return [Slip.signed(each, domain, signer) for each in statements]


def sign_ticket(
    campaign: bytes,
    account: bytes,
    number: int,
    valid_until: int,
    seed: bytes,
    domain: Domain,
    signer: Signer,
) -> Slip:
    """Sign a ticket, and give it with its one-time key. `account`: `NO_ACCOUNT` for a code; `valid_until`:
    the last second of its claim.
    """
    secret = ticket_key(seed, campaign, account, number)
    ticket = Ticket(signer.address, campaign, account, number, key_address(secret), valid_until)
    return Slip.signed(ticket, domain, signer, secret)


# ------------------------------------------------------------------------------------------- reading, writing


def read_text(text: str) -> Slip:
    """Read a slip's text or link. Capitals or not is the same, and so are the breaks that a mail makes."""
    return Slip.from_bytes(unspell(text, SCHEME, "slip"))


def is_text(source: str) -> bool:
    """Whether this is meant as a slip's text or link, and not as the name of a file."""
    return spelling.is_text(source, SCHEME)


def read_slips(source: str | Path) -> list[Slip]:
    """Read a text, a link, a JSON file, or a file with a text or link a line."""
    if isinstance(source, str) and is_text(source):
        return [read_text(source)]
    path = Path(source)
    many = "a file of slips", "cut it into smaller ones"
    text = read_file(source, "slip", "its text, link or file", _LARGEST_FILE, many)
    if text.lstrip().startswith("{"):
        return _from_file(text, path)
    none = InputError(f"{path.name} holds no slip", "give its text, link or file")
    return read_lines(text, path, read_text, none)


def write_slips(slips: Sequence[Slip], path: Path) -> Path:
    """Write slips of one contract to a new file that only its owner reads: `.txt` as texts, else JSON."""
    domains = {each.domain for each in slips}
    if len(domains) != 1:
        raise InputError(f"slips of {len(domains)} contracts", "write a file for each contract, none empty")
    (domain,) = domains
    if path.suffix.lower() == ".txt":
        return write_secret(path, "".join(each.to_text() + "\n" for each in slips).encode())
    data = {
        "format": _FORMAT,
        "chainId": domain.chain_id,
        "rewards": domain.verifying_contract,
        "slips": [each.to_json() for each in slips],
    }
    return write_secret(path, (json.dumps(data, indent=2) + "\n").encode())


def _from_file(text: str, path: Path) -> list[Slip]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} cannot be read as slips ({error})", "ask for it again") from None
    keys = ("format", "chainId", "rewards", "slips")
    if set(data) != set(keys) or data["format"] != _FORMAT or not isinstance(data["slips"], list):
        raise InputError(f"{path.name} holds no slips", f"it needs the fields {', '.join(keys)}")
    if type(data["chainId"]) is not int or not 0 <= data["chainId"] < 2**256:
        raise InputError(f"{path.name}: the chain id is no number", "ask for the file again")
    domain = rewards_domain(data["chainId"], to_address(data["rewards"], f"{path.name}: rewards"))
    found = []
    for number, entry in enumerate(data["slips"], 1):
        try:
            found.append(Slip.from_json(entry, domain))
        except InputError as error:
            raise InputError(f"{path.name}, slip {number}: {error.message}", error.remedy) from None
    return found


def _domain(domain: Domain) -> Domain:
    """The one spelling of a domain: what is signed for another name does not recover."""
    return rewards_domain(domain.chain_id, to_address(domain.verifying_contract))


def _hex(value: Any, what: str, length: int) -> bytes:
    if not isinstance(value, str) or not re.fullmatch(rf"0x[0-9a-fA-F]{{{2 * length}}}", value):
        raise InputError(f"the {what} of the slip is not {length} bytes in hex", "ask for the file again")
    return bytes.fromhex(value[2:])
