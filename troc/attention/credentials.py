"""Credentials: an attestor's word that a person's pseudonym in a campaign belongs to an account.

An attestor deploys a contract of its own (`AttestorCredentials`), which campaigns name. For each campaign a
person has another pseudonym, HMAC-SHA256(key, person ‖ campaign), so that nobody but the attestor can tell
that two of them are one person's. The key lies in one file, under a passphrase.
"""

from __future__ import annotations

import hmac
import json
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from troc import sealing
from troc.accounts import Signer
from troc.attention.messages import CREDENTIALS, Credential, credentials_domain
from troc.chain import Chain, Signed
from troc.errors import AccountError, InputError, StoreError, TrocError
from troc.files import write_file
from troc.manifest import is_ours
from troc.messages import Domain, sign, to_address
from troc.sealing import Wrapped
from troc.spelling import Reader, checked, read_file, spell, unchecked, unspell, varint
from troc.store import chain_folder

if TYPE_CHECKING:
    from troc.client import Troc

SCHEME = "TROC:CREDENTIAL/"
"""What a credential's text begins with."""

_VERSION = 1
_LONGEST_SIGNATURE = 1_024
"""Bytes: a wallet of a dozen owners."""
_LARGEST_FILE = 2**16
_AGAIN = "ask its attestor for another"


# ------------------------------------------------------------------------------------------------ credentials


@dataclass(frozen=True)
class SignedCredential:
    """A credential with its attestor's signature. Whether it counts, `check` asks the contract."""

    message: Credential
    signature: bytes
    domain: Domain

    @property
    def data(self) -> bytes:
        """As the contract takes it: a word for the account, one for the expiry, the signature."""
        account = bytes.fromhex(self.message.account[2:]).rjust(32, b"\0")
        return account + self.message.expiry.to_bytes(32) + self.signature

    def check(self, chain: Chain) -> None:
        """Raise unless the contract takes it now. A refusal says why (`ContractError`)."""
        if self.domain.chain_id != chain.chain_id:
            raise InputError(
                f"this credential is for the chain {self.domain.chain_id}, not {chain.chain_id}",
                "choose its network with --network",
            )
        contract = chain.contract(CREDENTIALS, self.domain.verifying_contract)
        if not is_ours(chain, CREDENTIALS, contract.address):
            raise InputError(f"{contract.address} is no contract of an attestor's", _AGAIN)
        message = self.message
        chain.call(contract.functions.accountOf(message.campaign, message.pseudonym, self.data))
        if chain.call(contract.functions.attestor()) != message.attestor:
            raise InputError(f"{message.attestor} is not the attestor of {contract.address}", _AGAIN)

    def to_text(self) -> str:
        """`TROC:CREDENTIAL/…`, which names all that belongs to it (docs/campaigns.md)."""
        message = self.message
        body = bytes([_VERSION])
        for number in (self.domain.chain_id, message.expiry, len(self.signature)):
            body += varint(number)
        for address in (self.domain.verifying_contract, message.attestor, message.account):
            body += bytes.fromhex(address[2:])
        return spell(SCHEME, checked(body + message.campaign + message.pseudonym + self.signature))

    @classmethod
    def from_text(cls, text: str) -> SignedCredential:
        """Read what `to_text` wrote, and nothing else."""
        body = unchecked(unspell(text, SCHEME, "credential"), "credential")
        if body[0] != _VERSION:
            raise InputError(f"this credential is of version {body[0]}", "use a newer troc")
        try:
            found = cls._read(Reader(body[1:]))
        except IndexError:
            found = None
        if found is None or found.to_text() != SCHEME + "".join(text.split()).upper().removeprefix(SCHEME):
            raise InputError("this credential is malformed", _AGAIN)
        return found

    @classmethod
    def _read(cls, reader: Reader) -> SignedCredential:
        chain_id, expiry, length = (reader.varint() for _ in range(3))
        if max(chain_id, expiry) >> 256 or length > _LONGEST_SIGNATURE:
            raise IndexError
        contract, attestor, account = (reader.address() for _ in range(3))
        campaign, pseudonym = reader.take(32), reader.take(32)
        message = Credential(attestor, campaign, pseudonym, account, expiry)
        return cls(message, reader.take(length), credentials_domain(chain_id, contract))


def is_credential(text: str) -> bool:
    """Whether this is meant as a credential's text."""
    return text.strip().upper().startswith(SCHEME)


def read_credential(source: str | Path) -> SignedCredential:
    """Read a credential's text, or a file with it."""
    if isinstance(source, str) and is_credential(source):
        return SignedCredential.from_text(source)
    many = "a credential", "name a file with its text alone"
    return SignedCredential.from_text(
        read_file(source, "credential", "its text or file", _LARGEST_FILE, many)
    )


# --------------------------------------------------------------------------------------------------- attestor


@dataclass(frozen=True)
class Attestor:
    """An attestor's contract, and the key of its pseudonyms. Printing it shows no key."""

    contract: str
    domain: Domain
    _key: bytes = field(repr=False)

    def pseudonym(self, person: str, campaign: bytes) -> bytes:
        """By which a campaign knows a person: 32 bytes. `person`: whatever the attestor knows her by, always
        in the same words.
        """
        name = unicodedata.normalize("NFC", person.strip())
        if not name:
            raise InputError("a person without a name", "name whatever you know her by, as a number of yours")
        return hmac.digest(self._key, name.encode() + campaign, "sha256")

    def issue(
        self, person: str, campaign: bytes, account: str, expiry: int, signer: Signer
    ) -> SignedCredential:
        """Sign that a person's pseudonym in a campaign belongs to an account, up to `expiry` (its last
        second).
        """
        message = Credential(
            signer.address, campaign, self.pseudonym(person, campaign), to_address(account, "account"), expiry
        )
        return SignedCredential(message, sign(message, self.domain, signer), self.domain)


def attestor_file(chain: Chain, attestor: str) -> Path:
    """Where the key of an attestor's pseudonyms lies, and which contract is the attestor's."""
    return chain_folder(chain) / "credentials" / f"{attestor}.json"


def deploy_attestor(
    troc: Troc,
    passphrase: Callable[[bool], str],
    report: Callable[[str], None] = lambda line: None,
    work: int = 0,
) -> Attestor:
    """Deploy the contract of the account that acts as an attestor, and make its key. Twice changes nothing.

    `passphrase` gives the key's; it is told whether that is to be a new one. `work`: scrypt's cost (0: the
    usual).
    """
    chain, signer = troc.chain, troc.signer
    path = attestor_file(chain, signer.address)
    if not path.exists():
        key = os.urandom(sealing.SECRET)
        wrapped = sealing.wrap(key, passphrase(True), _bound(signer.address), work or sealing.SCRYPT_WORK)
        # Before there is a contract: what is signed under another key is another person.
        _write(path, {"attestor": signer.address, "contract": ""} | wrapped.as_json())
    else:
        key = _open_key(path, signer.address, passphrase(False))
    kept = _read(path)
    contract = kept["contract"]
    if not _is_attestors(chain, contract, signer.address):

        def remember(signed: Signed) -> None:
            _write(path, kept | {"contract": signed.creates})

        from troc.artifacts import artifact

        made = artifact(CREDENTIALS)
        creation = chain.web3.eth.contract(abi=made.abi, bytecode=made.bytecode)
        receipt = chain.send(creation.constructor(signer.address), signer, on_signed=remember)
        contract = str(receipt.contract)
        report(f"The contract is at {contract}.")
    return Attestor(contract, credentials_domain(chain.chain_id, contract), key)


def open_attestor(chain: Chain, attestor: str, passphrase: Callable[[], str]) -> Attestor:
    """The contract and key of an attestor. Raises `AccountError` for a wrong passphrase, `StoreError` where
    there is none on this machine.
    """
    path = attestor_file(chain, attestor)
    kept = _read(path)
    if not _is_attestors(chain, kept["contract"], attestor):
        raise StoreError(
            f"the contract of {attestor} is not deployed", "run `troc attention credentials deploy`"
        )
    key = _open_key(path, attestor, passphrase())
    return Attestor(kept["contract"], credentials_domain(chain.chain_id, kept["contract"]), key)


def contract_of(chain: Chain, attestor: str) -> str:
    """The contract of an attestor that has a key on this machine; empty where it is not deployed."""
    path = attestor_file(chain, attestor)
    if not path.exists():
        return ""
    contract = str(_read(path)["contract"])
    return contract if _is_attestors(chain, contract, attestor) else ""


def _is_attestors(chain: Chain, contract: str, attestor: str) -> bool:
    if not contract or not is_ours(chain, CREDENTIALS, contract):
        return False
    try:
        return bool(
            chain.call(chain.contract(CREDENTIALS, contract).functions.attestor()) == to_address(attestor)
        )
    except TrocError:
        return False


def _bound(attestor: str) -> str:
    return f"troc credentials\0{attestor}"


def _write(path: Path, data: dict[str, Any]) -> None:
    write_file(path, json.dumps(data, indent=2).encode())


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
        Wrapped.from_json(data)
        if not isinstance(data["contract"], str) or data["attestor"] != path.stem:
            raise ValueError
    except FileNotFoundError:
        raise StoreError(
            "the key of this attestor is not on this machine",
            f"bring {path.name} here, or begin with `troc attention credentials deploy`",
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise StoreError(f"{path} was altered", "bring it back from a copy") from None
    return dict(data)


def _open_key(path: Path, attestor: str, passphrase: str) -> bytes:
    key = sealing.unwrap(Wrapped.from_json(_read(path)), passphrase, _bound(attestor))
    if key is None:
        raise AccountError(
            "this is not the passphrase of the credentials", "try again, mind capitals and spaces"
        )
    return key
