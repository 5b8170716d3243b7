"""Accounts: encrypted V3 keystore files that brownie shares, and a local chain's development accounts.

A private key is in memory only while it signs, and never in a file, an argument, a log or an error.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from eth_account import Account
from eth_account.datastructures import SignedTransaction
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from troc.errors import AccountError, InputError
from troc.network import NetworkConfig

_CurveKey: Any
try:
    from coincurve import PrivateKey as _CurveKey
except ImportError:  # pragma: no cover
    _CurveKey = None

DERIVATION_PATH = "m/44'/60'/0'/0/{index}"
"""BIP-44, as common wallets use it."""

BACKUP_WORDS = 24

DEV_MNEMONIC = "test test test test test test test test test test test junk"
"""Anvil's and Hardhat's well-known development accounts. Everybody knows them: local chains only."""

DEV_ACCOUNTS = 10

_DEV_CUSTOMERS_PATH = "m/44'/60'/1'/0/{index}"
"""The second account of BIP-44: local chains give ether to the first alone."""

DEV_ROLES = {"brand": 0, "customer": 1, "buyer": 2}
"""Names of development accounts on a local chain, as long as no stored account has them."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_DEV = re.compile(r"dev:(\d+)")

Account.enable_unaudited_hdwallet_features()


@dataclass(frozen=True)
class Signer:
    """An opened account. Printing it shows its name and address, never its key."""

    name: str
    address: str
    _account: LocalAccount | _Unopened = field(repr=False, compare=False)

    def sign_transaction(self, transaction: dict[str, Any]) -> SignedTransaction:
        """Sign a complete transaction."""
        return self._account.sign_transaction(transaction)

    def sign_message(self, message: SignableMessage) -> bytes:
        """Sign an EIP-191 or EIP-712 message. Returns 65 bytes `r ‖ s ‖ v`, `v` 27 or 28."""
        return bytes(self._account.sign_message(message).signature)

    def sign_digest(self, digest: bytes) -> bytes:
        """The same of a message's digest, 32 bytes, in a fifth of the time. Whoever calls it knows what it is
        the digest of.
        """
        account = self._account
        opened = account if isinstance(account, LocalAccount) else account.opened()
        if _CurveKey is None:
            signature = opened._key_obj.sign_msg_hash(digest).to_bytes()
        else:
            signature = _curve_key(opened).sign_recoverable(digest, hasher=None)
        return bytes(signature[:64]) + bytes([27 + signature[64]])


_curve_keys: WeakKeyDictionary[LocalAccount, Any] = WeakKeyDictionary()


def _curve_key(account: LocalAccount) -> Any:
    """An opened account's key as the curve takes it, for as long as the account is open: to make it takes
    longer than to sign, since its public key is worked out.
    """
    found = _curve_keys.get(account)
    if found is None:
        found = _curve_keys[account] = _CurveKey(bytes(account.key))
    return found


@dataclass(frozen=True)
class Stored:
    """A keystore file: its name, its address and where it lies."""

    name: str
    address: str
    path: Path


def keystore_folder() -> Path:
    """The folder that brownie uses too."""
    return Path.home() / ".brownie" / "accounts"


def _path(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is no name for an account",
            "use 1 to 64 letters, digits and _ . - and begin with a letter or digit",
        )
    return keystore_folder() / f"{name}.json"


def list_accounts() -> list[Stored]:
    """Every account of the folder, by name."""
    found = []
    for path in sorted(keystore_folder().glob("*.json")):
        try:
            found.append(Stored(path.stem, _address(_read(path)), path))
        except AccountError:
            continue
    return found


def address_of(name: str, config: NetworkConfig | None = None) -> str:
    """The address of an account, without opening it. `name` as for `open_account`; roles need the network."""
    index = _dev_index(name, config)
    if index is not None:
        return _dev_account(index).address
    return _address(_read(_existing(name, config)))


def public_address_of(name: str, config: NetworkConfig) -> str:
    """The same for somebody who is to receive something: no development account but on a local chain."""
    if not config.is_local and _dev_index(name, config) is not None:
        raise _everybodys(name, config)
    return address_of(name, config)


def no_account(config: NetworkConfig) -> AccountError:
    """For a command that nobody was named to act in."""
    local = f" (on a local chain also dev:0 to dev:{DEV_ACCOUNTS - 1})" if config.is_local else ""
    return AccountError("no account was named", f"use --account NAME, or set TROC_ACCOUNT in .env{local}")


def _everybodys(name: str, config: NetworkConfig) -> AccountError:
    return AccountError(
        f"everybody has the key of {name}, and {config.name} is no local chain",
        "use an account of your own (`troc account new NAME`)",
    )


def new_mnemonic() -> str:
    """The 24 words of a paper backup (BIP-39, 256 bits of the system's randomness)."""
    _, words = Account.create_with_mnemonic(num_words=BACKUP_WORDS)
    return str(words)


def create(name: str, words: str, password: str) -> Stored:
    """Store the first account of a paper backup, encrypted with `password`. Both must not be lost.

    `words` is BIP-39, of any length; the address derives by `DERIVATION_PATH` at index 0 without a
    passphrase.
    """
    try:
        account = Account.from_mnemonic(" ".join(words.split()), account_path=DERIVATION_PATH.format(index=0))
    except Exception:
        # What the library says could quote the words.
        raise InputError(
            "these words are no paper backup",
            "check their spelling and order; they are 12 to 24 English words",
        ) from None
    return _store(name, account, password)


def import_key(name: str, private_key: str, password: str) -> Stored:
    """Store a private key, typed in hex, encrypted with `password`."""
    try:
        account = Account.from_key(private_key.strip())
    except Exception:
        # What the library says could quote the key.
        raise InputError(
            "this is no private key", "type 64 hex digits, with or without 0x in front"
        ) from None
    return _store(name, account, password)


def import_keystore(name: str, source: Path, password: str) -> Stored:
    """Store a copy of a V3 keystore file, after opening it with `password`."""
    keystore = _read(source)
    account = _decrypt(keystore, password, str(source))
    path = _free(name)
    _write(path, keystore | {"address": account.address[2:].lower()})
    return Stored(name, account.address, path)


def export(name: str, target: Path) -> Path:
    """Copy an account's keystore file to `target`, a new file or a folder. It stays encrypted."""
    source = _existing(name)
    if target.is_dir():
        target = target / source.name
    if target.exists():
        raise InputError(f"{target} is there already", "choose another name")
    try:
        _write(target, _read(source))
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error.strerror})", "choose another place") from None
    return target


def open_account(
    name: str,
    config: NetworkConfig,
    password_file: Path | None = None,
    ask: Callable[[str], str] | None = None,
) -> Signer:
    """Open an account for signing.

    `name` is a stored account, or on a local chain `dev:0` to `dev:9`, or one of `DEV_ROLES`. The
    passphrase comes from `password_file` (its first line), else from `ask(prompt)`.
    """
    index = _dev_index(name, config)
    if index is not None:
        if not config.is_local:
            raise _everybodys(name, config)
        account = _dev_account(index)
        return Signer(name, account.address, account)
    path = _existing(name, config)
    keystore = _read(path)
    if password_file is not None:
        password = read_password(password_file)
    elif ask is not None:
        password = ask(f"Passphrase of {name}: ")
    else:
        raise AccountError(
            f"the passphrase of {name} is needed, and there is nobody to ask",
            "name a file that holds it: --password-file, or TROC_PASSWORD_FILE in .env",
        )
    account = _decrypt(keystore, password, name)
    return Signer(name, account.address, account)


class _Unopened:
    """Opens an account when something is signed, and not before."""

    def __init__(self, open_it: Callable[[], Signer]) -> None:
        self._open_it = open_it
        self._signer: Signer | None = None

    def opened(self) -> LocalAccount:
        """It, after the passphrase was asked for."""
        if self._signer is None:
            self._signer = self._open_it()
        account = self._signer._account
        assert isinstance(account, LocalAccount)
        return account

    def sign_transaction(self, transaction: dict[str, Any]) -> SignedTransaction:
        return self.opened().sign_transaction(transaction)

    def sign_message(self, message: SignableMessage) -> Any:
        return self.opened().sign_message(message)


def open_later(
    name: str,
    config: NetworkConfig,
    password_file: Path | None = None,
    ask: Callable[[str], str] | None = None,
) -> Signer:
    """As `open_account`, but the passphrase is asked for when something is signed, and not before."""
    index = _dev_index(name, config)
    if index is not None:
        return open_account(name, config)
    account = _Unopened(lambda: open_account(name, config, password_file, ask))
    return Signer(name, address_of(name, config), account)


def open_dev_customers(how_many: int, config: NetworkConfig) -> list[Signer]:
    """Accounts without any ether, for trying out customers of a local chain. Everybody has their keys."""
    if not config.is_local:
        raise AccountError(
            f"everybody has the keys of these customers, and {config.name} is no local chain",
            "use accounts of your own (`troc account new NAME`)",
        )
    seed = seed_from_mnemonic(DEV_MNEMONIC, "")
    keys = (key_from_seed(seed, _DEV_CUSTOMERS_PATH.format(index=index)) for index in range(how_many))
    accounts: list[LocalAccount] = [Account.from_key(key) for key in keys]
    return [
        Signer(f"customer {index + 1}", account.address, account) for index, account in enumerate(accounts)
    ]


def read_password(path: Path) -> str:
    """The first line of a file that holds a passphrase. Warns on standard error where others can read it."""
    try:
        lines = path.read_text(errors="replace").splitlines()
        if path.stat().st_mode & 0o044:
            print(
                f"troc: others can read the passphrase file {path}: run `chmod 600 {path}`", file=sys.stderr
            )
    except OSError as error:
        raise AccountError(
            f"the passphrase file {path} cannot be read ({error.strerror})", "check its name and rights"
        ) from None
    if not lines or not lines[0]:
        raise AccountError(f"the passphrase file {path} is empty", "write the passphrase into its first line")
    return lines[0]


def _dev_index(name: str, config: NetworkConfig | None) -> int | None:
    """Which development account a name stands for, if any."""
    match = _DEV.fullmatch(name)
    if match:
        return int(match[1])
    if config is not None and config.is_local and name in DEV_ROLES and not _path(name).is_file():
        return DEV_ROLES[name]
    return None


@cache
def _dev_account(index: int) -> LocalAccount:
    if index >= DEV_ACCOUNTS:
        raise AccountError(
            f"there is no development account dev:{index}", f"use dev:0 to dev:{DEV_ACCOUNTS - 1}"
        )
    account: LocalAccount = Account.from_mnemonic(
        DEV_MNEMONIC, account_path=DERIVATION_PATH.format(index=index)
    )
    return account


def dev_addresses() -> dict[str, str]:
    """Addresses of a local chain's development accounts, by name."""
    return {f"dev:{index}": _dev_account(index).address for index in range(DEV_ACCOUNTS)}


def _existing(name: str, config: NetworkConfig | None = None) -> Path:
    path = _path(name)
    if not path.is_file():
        if name.startswith("0x"):
            raise AccountError(
                f"{name} is an address, and an account goes by its name",
                "write an account's name (`troc account list`); where there is --of, it takes addresses",
            )
        names = [file.stem for file in sorted(keystore_folder().glob("*.json"))]
        if config is not None and config.is_local:
            names += [role for role in DEV_ROLES if role not in names] + [f"dev:0 to dev:{DEV_ACCOUNTS - 1}"]
        known = ", ".join(names) or "none so far"
        raise AccountError(
            f"there is no account {name!r} (there: {known})",
            f"name one of them, or make it with `troc account new {name}`",
        )
    return path


def check_free(name: str) -> None:
    """Refuse a name that is malformed or taken, before anything else is asked."""
    _free(name)


def _free(name: str) -> Path:
    path = _path(name)
    if path.exists():
        raise InputError(f"there is an account {name!r} already", "choose another name")
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        raise AccountError(
            f"the keystore file {path} cannot be read ({error.strerror})", "check its name and rights"
        ) from None
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    # Some wallets write `Crypto`.
    data = {key.lower(): value for key, value in data.items()} if isinstance(data, dict) else {}
    if data.get("version") != 3 or not isinstance(data.get("crypto"), dict):
        raise AccountError(f"{path} is no V3 keystore file", "export one from your wallet")
    return data


def _address(keystore: dict[str, Any]) -> str:
    try:
        return to_checksum_address("0x" + str(keystore["address"]).removeprefix("0x"))
    except (KeyError, ValueError):
        raise AccountError(
            "the keystore file names no address", "import it with `troc account import`"
        ) from None


def _decrypt(keystore: dict[str, Any], password: str, what: str) -> LocalAccount:
    try:
        account: LocalAccount = Account.from_key(Account.decrypt(keystore, password))
    except ValueError:
        raise AccountError(
            f"this is not the passphrase of {what}", "try again, mind capitals and spaces"
        ) from None
    except Exception:
        raise AccountError(
            f"the keystore of {what} is damaged", "restore it from your paper backup"
        ) from None
    return account


def _store(name: str, account: LocalAccount, password: str) -> Stored:
    path = _free(name)
    if not password:
        raise InputError("an empty passphrase protects nothing", "choose one")
    _write(path, account.encrypt(password))
    return Stored(name, account.address, path)


def _write(path: Path, keystore: dict[str, Any]) -> None:
    """Write a file that only its owner reads, and never half of it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(keystore, file)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
