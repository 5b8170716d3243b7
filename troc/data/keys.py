"""The keystore of a vault: one secret, from which everything opens, and the phrase that backs it up.

The keys of sealed copies are random, and lie in the vault's files, each sealed under the secret. The secret
lies on this machine alone, wrapped by a passphrase (`troc.sealing`, as a brand's members are). As 24 words
(BIP-39) it opens the vault's files on another machine.
"""

from __future__ import annotations

import hmac
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from eth_account.hdaccount.mnemonic import Mnemonic
from eth_account.types import Language

from troc import sealing
from troc.errors import AccountError, InputError, StoreError, TamperedError
from troc.files import write_file
from troc.sealing import Box, Wrapped

WORDS = 24
_BITS = 11


@dataclass(frozen=True)
class Keys:
    """The opened secret. Printing it shows nothing."""

    _secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> Keys:
        """32 bytes of the system's randomness."""
        return cls(os.urandom(sealing.SECRET))

    @classmethod
    def from_phrase(cls, phrase: str) -> Keys:
        """From the 24 words, in their order; case and spaces do not matter."""
        mnemonic = Mnemonic(Language.ENGLISH)
        words = phrase.lower().split()
        if len(words) != WORDS or not mnemonic.is_mnemonic_valid(" ".join(words)):
            raise InputError(
                "these words are no backup of a vault",
                f"check their spelling and order; they are {WORDS} English words",
            )
        number = 0
        for word in words:
            number = number << _BITS | mnemonic.wordlist.index(word)
        # The lowest bits are a checksum.
        return cls((number >> sealing.SECRET * 8 // 32).to_bytes(sealing.SECRET))

    @property
    def phrase(self) -> str:
        """The 24 words. Who has them and the vault's files has all that is in it."""
        return str(Mnemonic(Language.ENGLISH).to_mnemonic(self._secret))

    def derive(self, what: str) -> bytes:
        """32 bytes for one purpose."""
        return hmac.digest(self._secret, b"troc data\0" + what.encode(), "sha256")

    def seal(self, name: str, data: bytes) -> bytes:
        """The content of a file, for this name alone."""
        return self._box.seal(name.encode(), data)

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """What was sealed. Raises `TamperedError` where it was changed, or is another file's."""
        found = self._box.unseal(name.encode(), sealed)
        if found is None:
            raise TamperedError(
                f"the file {name} of the vault was altered", "bring it back from a copy of the vault"
            )
        return found

    @property
    def _box(self) -> Box:
        return Box.of(self.derive("files"))


def store_keys(path: Path, keys: Keys, vault_id: str, passphrase: str, work: int = 0) -> None:
    """Write the keystore file, under a passphrase. `work`: scrypt's cost (0: the usual)."""
    wrapped = sealing.wrap(keys._secret, passphrase, _bound(vault_id), work or sealing.SCRYPT_WORK)
    write_file(path, json.dumps({"vault": vault_id} | wrapped.as_json()).encode())


def open_keys(path: Path, vault_id: str, passphrase: str) -> Keys:
    """Open the keystore file of a vault. Raises `AccountError` for a wrong passphrase."""
    try:
        data = json.loads(path.read_bytes())
        wrapped = Wrapped.from_json(data)
        if data["vault"] != vault_id:
            raise ValueError
    except FileNotFoundError:
        raise StoreError(
            "the keys of this vault are not on this machine", "bring them here with `troc data restore`"
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise StoreError(
            f"the keystore {path} was altered", "bring the keys back with `troc data restore`"
        ) from None
    secret = sealing.unwrap(wrapped, passphrase, _bound(vault_id))
    if secret is None:
        raise AccountError("this is not the passphrase of the vault", "try again, mind capitals and spaces")
    return Keys(secret)


def _bound(vault_id: str) -> str:
    return f"troc data\0{vault_id}"
