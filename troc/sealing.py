"""Secrets under a passphrase, and bytes under a secret: what every encrypted store of this project shares.

A passphrase becomes a key by scrypt (RFC 7914), and wraps a secret by AES-256-GCM. So are bytes sealed under
a secret, with random nonces, bound to the place where they lie: nothing can be moved.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from troc.errors import InputError

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
except ImportError:  # pragma: no cover
    raise InputError(
        "this needs encryption", "run `pip install '.[store]'` in the folder of this project"
    ) from None

SCRYPT_WORK = 17
"""Base-2 logarithm of scrypt's cost: 128 MB and about half a second for each try."""

MIN_PASSPHRASE = 8
SECRET = 32
"""Bytes of a secret that a passphrase wraps."""

_MOST_WORK = 22
"""4 GB a try. What a store asks for beyond was not written by us."""

_BLOCK, _PARALLEL = 8, 1
_NONCE = 12
_TAG = 16


@dataclass(frozen=True)
class Wrapped:
    """A secret under a passphrase, as it is stored."""

    work: int
    salt: bytes
    wrapped: bytes

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return {"work": self.work, "salt": self.salt.hex(), "wrapped": self.wrapped.hex()}

    @classmethod
    def from_json(cls, data: Any) -> Wrapped:
        """Read what `as_json` wrote. Raises `ValueError` where we could not have written it."""
        try:
            found = cls(data["work"], bytes.fromhex(data["salt"]), bytes.fromhex(data["wrapped"]))
        except (KeyError, TypeError) as error:
            raise ValueError from error
        if type(found.work) is not int or not found.is_sound:
            raise ValueError
        return found

    @property
    def is_sound(self) -> bool:
        """Whether we could have written it."""
        return 0 < self.work <= _MOST_WORK and len(self.wrapped) == _NONCE + SECRET + _TAG


def check_passphrase(passphrase: str) -> None:
    """Refuse one that protects little."""
    if len(passphrase) < MIN_PASSPHRASE:
        raise InputError("the passphrase is too short", f"use {MIN_PASSPHRASE} characters or more")


def wrap(secret: bytes, passphrase: str, bound: str, work: int) -> Wrapped:
    """Wrap a secret of 32 bytes. `bound`: what it is the secret of; it opens nothing else."""
    check_passphrase(passphrase)
    salt = os.urandom(16)
    box = Box.of(_passphrase_key(passphrase, salt, work))
    return Wrapped(work, salt, box.seal(_place(bound, work), secret))


def unwrap(wrapped: Wrapped, passphrase: str, bound: str) -> bytes | None:
    """The secret; None for a wrong passphrase. Only what `is_sound`."""
    box = Box.of(_passphrase_key(passphrase, wrapped.salt, wrapped.work))
    return box.unseal(_place(bound, wrapped.work), wrapped.wrapped)


@dataclass(frozen=True)
class Box:
    """Seals bytes under one secret. Where they lie is authenticated with them."""

    _cipher: AESGCM = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> Box:
        """Under a secret of 32 bytes."""
        return cls(AESGCM(secret))

    def seal(self, place: bytes, data: bytes) -> bytes:
        """A nonce, then AES-GCM."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, data, place)

    def unseal(self, place: bytes, sealed: bytes) -> bytes | None:
        """What was sealed; None where it was changed, or belongs elsewhere."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], place)
        except (InvalidTag, ValueError):
            # What was cut has not even a nonce.
            return None


def _place(bound: str, work: int) -> bytes:
    return f"{bound}\0{work}".encode()


def _passphrase_key(passphrase: str, salt: bytes, work: int) -> bytes:
    kdf = Scrypt(salt=salt, length=SECRET, n=1 << work, r=_BLOCK, p=_PARALLEL)
    return kdf.derive(passphrase.encode())
