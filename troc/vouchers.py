"""Vouchers: points that an issuer signs away off the chain, to a customer or to whoever has a one-time key.

A voucher is a text of a few hundred letters that fits a QR code, or a link with that text behind the `#`, or
an entry of a JSON file; docs/vouchers.md lays all three down. Signing needs no chain and keeps no state:
what makes each voucher payable once is its nonce (`Nonces`). Claiming is in `troc.claims`.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils.crypto import keccak

from troc import spelling
from troc.accounts import Signer
from troc.errors import InputError
from troc.messages import (
    WHOLE_INDEXES,
    Claim,
    Domain,
    Voucher,
    digest,
    pack_nonce,
    sign,
    to_address,
    unpack_nonce,
)
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

SCHEME = "TROC:VOUCHER/"
"""What a voucher's text begins with. Capitals: a QR code holds more of them."""

NO_RECEIPT = bytes(32)

_FORMAT = "troc-vouchers-1"
_VERSION = 1
_IS_KEY, _HAS_SECRET, _HAS_RECEIPT = 1, 2, 4
_LARGEST_SIGNATURE = 1_024
"""Bytes: a wallet of a dozen owners; more would not fit a QR code."""
_LARGEST_FILE = 256 * 2**20


@dataclass(frozen=True)
class Draft:
    """What a voucher is to pay: `units` in smallest units, to `recipient` or (None) to a new one-time key.

    `receipt_id`: 32 bytes as `troc.points.receipt_id` makes them, or zeros for none.
    """

    units: int
    recipient: str | None = None
    receipt_id: bytes = NO_RECEIPT


@dataclass(frozen=True)
class SignedVoucher:
    """A voucher with its issuer's signature, for the points `token` of one chain.

    `secret` is the one-time key, 32 bytes: whoever has it names who gets the points. Printing a voucher
    never shows it.
    """

    chain_id: int
    token: str
    voucher: Voucher
    signature: bytes
    secret: bytes = field(default=b"", repr=False)

    def digest(self, domain: Domain) -> bytes:
        """What its issuer signed."""
        return digest(self.voucher, domain)

    def public(self) -> SignedVoucher:
        """The same without the one-time key, for a record of what was signed."""
        return replace(self, secret=b"")

    def claim_to(self, to: str, domain: Domain) -> tuple[Claim, bytes]:
        """The message by which the one-time key names `to`, and the key's signature."""
        if not self.secret:
            raise InputError(
                "the one-time key of this voucher is missing", "claim with its link, its QR code or its file"
            )
        account = Account.from_key(self.secret)
        key = Signer("the one-time key", account.address, account)
        claim = Claim(key.address, to, self.digest(domain))
        return claim, sign(claim, domain, key)

    def named_to(self, to: str, domain: Domain) -> bytes:
        """That signature alone."""
        return self.claim_to(to, domain)[1]

    # -------------------------------------------------------------------------------------------- text

    def to_text(self) -> str:
        """`TROC:VOUCHER/…`, in letters that a QR code packs tightly."""
        return spell(SCHEME, self.to_bytes())

    def to_link(self, page: str) -> str:
        """A link to a page of the brand's. What is behind the `#` a browser keeps to itself."""
        self.check_page(page)
        return f"{page}#{self.to_text().removeprefix(SCHEME)}"

    @staticmethod
    def check_page(page: str) -> None:
        """Raise unless links can lead to this page."""
        check_page(page)

    def to_bytes(self) -> bytes:
        """The bytes that the text spells, with a checksum at their end (docs/vouchers.md)."""
        voucher = self.voucher
        lane, series, index = unpack_nonce(voucher.nonce)
        flags = voucher.is_key * _IS_KEY | bool(self.secret) * _HAS_SECRET
        flags |= (voucher.receipt_id != NO_RECEIPT) * _HAS_RECEIPT
        body = bytes([_VERSION, flags])
        body += b"".join(
            varint(number)
            for number in (
                self.chain_id,
                voucher.grant_id,
                voucher.amount,
                voucher.deadline,
                series,
                index,
                len(self.signature),
            )
        )
        body += bytes.fromhex(self.token[2:]) + bytes.fromhex(voucher.issuer[2:]) + lane.to_bytes(16)
        body += self.secret or bytes.fromhex(voucher.recipient[2:])
        body += voucher.receipt_id if flags & _HAS_RECEIPT else b""
        body += self.signature
        return checked(body)

    @classmethod
    def from_bytes(cls, data: bytes) -> SignedVoucher:
        """Read what `to_bytes` wrote, and nothing else: one voucher has one spelling."""
        body = unchecked(data, "voucher")
        if body[0] != _VERSION:
            raise InputError(
                f"this voucher is of version {body[0]}, which is not known here", "use a newer troc"
            )
        try:
            found = cls._read(Reader(body[1:]))
        except (InputError, IndexError):
            found = None
        # Two texts for one voucher would let it look like two.
        if found is None or found.to_bytes() != data:
            raise InputError("this voucher is malformed", "ask whoever gave it to you for another")
        return found

    @classmethod
    def _read(cls, reader: Reader) -> SignedVoucher:
        flags = reader.take(1)[0]
        chain_id, grant_id, amount, deadline, series, index, length = (reader.varint() for _ in range(7))
        token, issuer, lane = reader.address(), reader.address(), int.from_bytes(reader.take(16))
        secret = reader.take(32) if flags & _HAS_SECRET else b""
        recipient = _address_of(secret) if secret else reader.address()
        receipt_id = reader.take(32) if flags & _HAS_RECEIPT else NO_RECEIPT
        if length > _LARGEST_SIGNATURE or index >= WHOLE_INDEXES or (secret and not flags & _IS_KEY):
            raise IndexError
        voucher = Voucher(
            issuer=issuer,
            grant_id=grant_id,
            recipient=recipient,
            is_key=bool(flags & _IS_KEY),
            amount=amount,
            receipt_id=receipt_id,
            deadline=deadline,
            nonce=pack_nonce(lane, series, index),
        )
        return cls(chain_id, token, voucher, reader.take(length), secret)

    # -------------------------------------------------------------------------------------------- file

    def to_json(self) -> dict[str, Any]:
        """An entry of a file: the message, the signature, and the one-time key if it is there."""
        entry: dict[str, Any] = {
            "voucher": self.voucher.to_json(),
            "signature": "0x" + self.signature.hex(),
        }
        return entry | ({"key": "0x" + self.secret.hex()} if self.secret else {})

    @classmethod
    def from_json(cls, data: Any, chain_id: int, token: str) -> SignedVoucher:
        """Read what `to_json` wrote."""
        if not isinstance(data, dict) or not {"voucher", "signature"} <= set(data) <= {
            "voucher",
            "signature",
            "key",
        }:
            raise InputError(
                "an entry is no voucher", "it needs the fields voucher and signature, and may have a key"
            )
        voucher = Voucher.from_json(data["voucher"])
        signature = _hex(data["signature"], "signature")
        secret = _hex(data["key"], "key") if "key" in data else b""
        if secret and (not voucher.is_key or _address_of(secret) != voucher.recipient):
            raise InputError("the key is not that of the voucher", "ask for the file again")
        return cls(chain_id, token, voucher, signature, secret)


class Nonces:
    """Nonces for vouchers: lanes of 224, one after the other, so that 224 vouchers share a word of storage.

    Lanes come from a hash of `seed`: the same seed gives the same nonces, and of what was signed twice only
    one can be paid; another seed gives lanes that nobody meets by chance (2^128 of them). Without a seed it
    is random. A till keeps one of these as long as it runs, and need not remember it.
    """

    def __init__(self, seed: bytes = b"") -> None:
        self._seed = keccak(b"troc.voucher\0" + (seed or secrets.token_bytes(32)))
        self._taken = 0

    def take(self) -> int:
        """The next one."""
        lane, index = divmod(self._taken, WHOLE_INDEXES)
        self._taken += 1
        return pack_nonce(int.from_bytes(keccak(self._seed + lane.to_bytes(8))[:16]), 0, index)


def sign_vouchers(
    drafts: Iterable[Draft],
    domain: Domain,
    signer: Signer,
    *,
    deadline: int,
    grant: int = 0,
    nonces: Nonces | None = None,
) -> list[SignedVoucher]:
    """Sign vouchers against a grant of the signer's. Asks no chain: a till that is offline can do it.

    `domain` is that of the token (`Brand.domain_of_messages`), `deadline` the last second at which they can
    be claimed.
    """
    nonces = nonces or Nonces()
    signed = []
    for draft in drafts:
        secret = b"" if draft.recipient else bytes(Account.create().key)
        voucher = Voucher(
            issuer=signer.address,
            grant_id=grant,
            recipient=draft.recipient or _address_of(secret),
            is_key=bool(secret),
            amount=draft.units,
            receipt_id=draft.receipt_id,
            deadline=deadline,
            nonce=nonces.take(),
        )
        signature = sign(voucher, domain, signer)
        signed.append(SignedVoucher(domain.chain_id, domain.verifying_contract, voucher, signature, secret))
    return signed


def receipt_salt(signer: Signer, domain: Domain) -> bytes:
    """The secret with which an issuer hashes its receipts, 32 bytes: made from a signature that is never
    shown (RFC 6979: the same each time), so there is nothing to keep beside the account.
    """
    text = f"Troc: the salt of my receipts\nchain {domain.chain_id}\ntoken {domain.verifying_contract}"
    return keccak(signer.sign_message(encode_defunct(text=text)))


# ---------------------------------------------------------------------------------------------------- reading


def read_text(text: str) -> SignedVoucher:
    """Read a voucher's text or link. Capitals or not is the same, and so are the breaks that a mail makes."""
    return SignedVoucher.from_bytes(unspell(text, SCHEME, "voucher"))


def is_text(source: str) -> bool:
    """Whether this is meant as a voucher's text or link, and not as the name of a file."""
    return spelling.is_text(source, SCHEME)


def read_vouchers(source: str | Path) -> list[SignedVoucher]:
    """Read a text, a link, a JSON file, or a file with a text or link a line."""
    if isinstance(source, str) and is_text(source):
        return [read_text(source)]
    path = Path(source)
    many = "a file of vouchers", "cut it into smaller ones"
    text = read_file(source, "voucher", "its text, its link or its file", _LARGEST_FILE, many)
    if text.lstrip().startswith("{"):
        return _from_file(text, path)
    none = InputError(f"{path.name} holds no voucher", "give its text, its link or its file")
    return read_lines(text, path, read_text, none)


def _from_file(text: str, path: Path) -> list[SignedVoucher]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} cannot be read as vouchers ({error})", "ask for it again") from None
    keys = ("format", "chainId", "token", "vouchers")
    if set(data) != set(keys) or data["format"] != _FORMAT or not isinstance(data["vouchers"], list):
        raise InputError(f"{path.name} holds no vouchers", f"it needs the fields {', '.join(keys)}")
    if type(data["chainId"]) is not int:
        raise InputError(f"{path.name}: the chain id is no number", "ask for the file again")
    token = to_address(data["token"], f"{path.name}: token")
    found = []
    for number, entry in enumerate(data["vouchers"], 1):
        try:
            found.append(SignedVoucher.from_json(entry, data["chainId"], token))
        except InputError as error:
            raise InputError(f"{path.name}, voucher {number}: {error.message}", error.remedy) from None
    return found


# ---------------------------------------------------------------------------------------------------- writing


def write_vouchers(vouchers: Sequence[SignedVoucher], path: Path) -> Path:
    """Write vouchers of one token to a new JSON file that only its owner reads."""
    data = {
        "format": _FORMAT,
        "chainId": vouchers[0].chain_id,
        "token": vouchers[0].token,
        "vouchers": [each.to_json() for each in vouchers],
    }
    return write_secret(path, (json.dumps(data, indent=2) + "\n").encode())


def write_secret(path: Path, content: bytes) -> Path:
    """Write a new file that only its owner reads, and never half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            # Fails where the name is taken, unlike a rename.
            os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise InputError(f"{path} is there already", "choose another name") from None
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", "choose another place") from None
    return path


def _address_of(secret: bytes) -> str:
    try:
        return str(Account.from_key(secret).address)
    except Exception:
        # What the library says could quote the key.
        raise InputError("the one-time key is malformed", "ask for the voucher again") from None


def _hex(value: Any, what: str) -> bytes:
    if not isinstance(value, str) or not re.fullmatch(r"0x([0-9a-fA-F]{2}){1,1024}", value):
        raise InputError(f"the {what} of the voucher is no hex number", "ask for the file again")
    return bytes.fromhex(value[2:])
