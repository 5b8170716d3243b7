"""The letters of the inbox, and answers to them: what travels off the chain, whose hash is on it.

A letter begins with 32 random bytes. The chain shows its hash to all for ever, and without them anybody could
find a short text by trying.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from troc.errors import InputError
from troc.messages import Domain, to_address
from troc.spelling import read_file
from troc.vouchers import write_secret

LETTER, ANSWER = "letter", "answer"
LARGEST = 16 * 2**20
"""Bytes of a letter."""

_SALT = 32
_FIELDS = {"troc", "chainId", "inbox", "recipient", "sender", "salt", "text", "data", "messageId"}


@dataclass(frozen=True)
class Letter:
    """A letter to somebody, or her answer to the message `message_id`. `data` is what is in it."""

    domain: Domain
    recipient: str
    sender: str
    data: bytes
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(_SALT))
    message_id: bytes = b""

    def __post_init__(self) -> None:
        if len(self.data) > LARGEST:
            raise InputError(
                f"a letter of {len(self.data):,} bytes is too large",
                f"send at most {LARGEST:,}, or a link to the rest",
            )

    @property
    def kind(self) -> str:
        """`LETTER`, or `ANSWER`."""
        return ANSWER if self.message_id else LETTER

    @property
    def hash(self) -> bytes:
        """What the chain keeps of it, 32 bytes."""
        return keccak(self.salt + self.data)

    @property
    def text(self) -> str | None:
        """What is in it, where that is text."""
        try:
            return self.data.decode()
        except UnicodeDecodeError:
            return None

    def to_json(self) -> dict[str, Any]:
        """For its file."""
        content = {"data": base64.b64encode(self.data).decode()} if self.text is None else {"text": self.text}
        answered = {"messageId": "0x" + self.message_id.hex()} if self.message_id else {}
        return {
            "troc": self.kind,
            "chainId": self.domain.chain_id,
            "inbox": self.domain.verifying_contract,
            "recipient": self.recipient,
            "sender": self.sender,
            **answered,
            "salt": "0x" + self.salt.hex(),
            **content,
        }

    def write(self, path: Path) -> Path:
        """Write it to a new file that only its owner reads."""
        return write_secret(path, (json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n").encode())

    @classmethod
    def from_json(cls, data: Any, domain: Domain) -> Letter:
        """Read what `to_json` wrote, for this inbox."""
        wrong = InputError("this is no letter of the inbox", "ask whoever wrote it for its file again")
        if not isinstance(data, Mapping) or data.get("troc") not in (LETTER, ANSWER):
            raise wrong
        if not set(data) <= _FIELDS or ("text" in data) == ("data" in data):
            raise wrong
        if (data.get("chainId"), data.get("inbox")) != (domain.chain_id, domain.verifying_contract):
            raise InputError(
                f"this {data['troc']} is for the inbox {str(data.get('inbox'))[:42]} on chain"
                f" {str(data.get('chainId'))[:20]}",
                "choose its --network",
            )
        try:
            text, coded = data.get("text"), data.get("data")
            content = base64.b64decode(str(coded), validate=True) if text is None else str(text).encode()
        except (binascii.Error, UnicodeEncodeError):
            raise wrong from None
        answered = _bytes(data.get("messageId"), wrong) if data["troc"] == ANSWER else b""
        recipient, sender = (to_address(data.get(name), name) for name in ("recipient", "sender"))
        return cls(domain, recipient, sender, content, _bytes(data.get("salt"), wrong), answered)


def _bytes(value: Any, wrong: InputError) -> bytes:
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{64}", value):
        raise wrong
    return bytes.fromhex(value[2:])


def read_letter(path: Path | str, domain: Domain) -> Letter:
    """The letter or answer in a file."""
    found = _json_of(path)
    return Letter.from_json(found, domain)


def is_letter(path: Path) -> bool:
    """Whether a file is a letter that was written before."""
    try:
        found = _json_of(path)
    except InputError:
        return False
    return isinstance(found, Mapping) and found.get("troc") in (LETTER, ANSWER)


def _json_of(path: Path | str) -> Any:
    text = read_file(
        path, "letter", "the file of a letter", 3 * LARGEST, ("a letter", "ask for a smaller one")
    )
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{path} is no letter of the inbox", "ask for its file again") from None


def content_of(source: str) -> bytes:
    """What a letter is to say: the bytes of that file, else the text itself."""
    path = file_of(source)
    try:
        return source.encode() if path is None else path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "check its name") from None
    except UnicodeEncodeError:
        raise InputError("this is no text", "write it into a file, and name that") from None


def file_of(source: str) -> Path | None:
    """The file that is meant; None where it is text, which can be too long for a name."""
    try:
        return path if (path := Path(source)).is_file() else None
    except (OSError, ValueError):
        return None
