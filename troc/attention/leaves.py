"""Leaves: an account's contacts under a root of a campaign, with the way to that root, as she keeps them.

Nobody signs a leaf: that it is under a root which the campaign's admin appended is its proof. A file of
leaves is JSON (docs/earned.md); the file of a whole root (`troc.attention.roots`) gives the leaves of an
account too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from eth_utils.crypto import keccak

from troc.attention.contacts import of_page
from troc.attention.messages import REWARDS, rewards_domain
from troc.data.messages import Bytes32s
from troc.errors import InputError
from troc.messages import ZERO_ADDRESS, Bytes32, Domain, Message, Uint256, to_address
from troc.vouchers import write_secret

FORMAT = "troc-leaves-1"
MOST_HASHES = 64
"""Between a leaf and its root: more than any tree has."""


@dataclass(frozen=True)
class Leaf(Message):
    """The contacts of an account on one page under `root`; `proof`: the sister nodes from the leaf up.

    It has the form of a message, so that it is told in JSON and named by a digest like one. Raises
    `InputError` where the way does not lead to the root.
    """

    contract: ClassVar[str] = REWARDS

    root: Bytes32
    campaign: Bytes32
    account: Bytes32
    page: Uint256
    contacts: Uint256
    proof: Bytes32s

    def __post_init__(self) -> None:
        super().__post_init__()
        of_page(self.page, self.contacts)
        if not self.contacts or not any(self.account):
            raise InputError("the leaf names no account or no contact", "ask the brand for another")
        if len(self.proof) > MOST_HASHES or self._leads_to() != self.root:
            raise InputError(
                f"the leaf of page {self.page} is not under the root 0x{self.root.hex()[:8]}…",
                "ask the brand for its proof again",
            )

    def _leads_to(self) -> bytes:
        encoded = self.campaign + self.account + self.page.to_bytes(32) + self.contacts.to_bytes(32)
        found = keccak(keccak(encoded))
        for other in self.proof:
            found = keccak(min(found, other) + max(found, other))
        return found

    @property
    def signer(self) -> str:
        """Nobody."""
        return ZERO_ADDRESS

    @property
    def numbers(self) -> frozenset[int]:
        """Its contacts by number."""
        return of_page(self.page, self.contacts)


def write_leaves(leaves: Sequence[Leaf], domain: Domain, path: Path) -> Path:
    """Write leaves of one contract to a new file that only its owner reads."""
    data = {
        "format": FORMAT,
        "chainId": domain.chain_id,
        "rewards": domain.verifying_contract,
        "leaves": [each.to_json() for each in leaves],
    }
    return write_secret(path, (json.dumps(data, indent=2) + "\n").encode())


def leaves_of(data: Any, name: str) -> tuple[list[Leaf], Domain]:
    """The leaves of a file's JSON, and their contract's domain. Raises `InputError`; `name`: the file's."""
    keys = ("format", "chainId", "rewards", "leaves")
    if not isinstance(data, dict) or set(data) != set(keys) or data["format"] != FORMAT:
        raise InputError(f"{name} holds no leaves", f"it needs the fields {', '.join(keys)}")
    if type(data["chainId"]) is not int or not isinstance(data["leaves"], list):
        raise InputError(f"{name} holds no leaves", "ask for the file again")
    domain = rewards_domain(data["chainId"], to_address(data["rewards"], f"{name}: rewards"))
    found = []
    for number, entry in enumerate(data["leaves"], 1):
        try:
            found.append(Leaf.from_json(entry))
        except InputError as error:
            raise InputError(f"{name}, leaf {number}: {error.message}", error.remedy) from None
    return found, domain


def leaves_in(path: Path, accounts: Iterable[bytes]) -> list[Leaf]:
    """The leaves of accounts in the file of a whole root, each checked; none where it has none."""
    # Needs NumPy, pandas and a fast keccak, which whoever only claims does without.
    from troc.attention.roots import RootFile

    found = []
    with RootFile(path) as file:
        for account in accounts:
            try:
                pages = file.pages_of(account)
            except InputError:
                continue
            for page in pages:
                proof = file.proof_of(account, page)
                found.append(Leaf(file.root, file.campaign, account, page, proof.contacts, proof.hashes))
    return found
