"""What is deployed: `deployments/<chain id>.json`, locally `deployments/local/<genesis hash>.json`."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from hexbytes import HexBytes

from troc.artifacts import INBOX, SUITE, artifact
from troc.chain import Chain, Signed
from troc.errors import ChainRestartedError, InputError, NotDeployedError, PendingError
from troc.network import NetworkConfig

SCHEMA = 1

KEPT_LOCAL = 50
"""Records of local chains that are kept, of those that still run and of those set aside alike."""

_PACKAGED = Path(__file__).resolve().parent / "deployments"
_DEPLOY_INBOX = "deploy one for its token: `brownie run deploy inbox TOKEN --network NAME`"
_DEPLOY = "deploy with `troc up` (a local chain) or `brownie run deploy --network NAME`"


@dataclass(frozen=True)
class Deployed:
    """One contract on a chain.

    `arguments` are the constructor's, by name; creation code as the name and keccak256 of what it creates.
    `block` is the block of creation, or where a node lost the receipt, one not after it. `code_hash` is
    keccak256 of the code there.
    """

    address: str
    arguments: Mapping[str, Any]
    transaction: str
    block: int
    code_hash: str
    compiler: str


@dataclass(frozen=True)
class Launched:
    """Points that the config asked to launch together with the contracts."""

    address: str
    arguments: Mapping[str, Any]
    transaction: str
    block: int
    code_hash: str
    compiler: str
    domain: str


@dataclass(frozen=True)
class Pending:
    """A creation that was signed and is not known to be confirmed.

    `raw` is what was sent, or was about to be: sending it again cannot create a second contract. `block`
    was the latest when it was signed. `arguments` are as in `Deployed`.
    """

    name: str
    transaction: str
    raw: str
    sender: str
    nonce: int
    creates: str
    block: int
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def signed(self) -> Signed:
        """The transaction, to be sent again."""
        return Signed(self.transaction, HexBytes(self.raw), self.sender, self.nonce, self.creates)


@dataclass(frozen=True)
class Manifest:
    """What is deployed on one chain. `rpc`, for local chains alone, tells which was started anew."""

    network: str
    chain_id: int
    genesis_hash: str
    deployer: str
    rpc: str = ""
    contracts: Mapping[str, Deployed] = field(default_factory=dict)
    brands: Mapping[str, Launched] = field(default_factory=dict)
    pending: Pending | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every contract of the suite is there; an inbox may be missing."""
        return all(name in self.contracts for name in SUITE)

    @property
    def first_block(self) -> int:
        """The block before which there is nothing of ours: where to begin to read logs."""
        return min((deployed.block for deployed in self.contracts.values()), default=0)

    def address(self, name: str) -> str:
        """The address of a contract of the suite, or of the inbox."""
        if name not in self.contracts:
            raise NotDeployedError(
                f"{name} is not deployed on {self.network}", _DEPLOY_INBOX if name == INBOX else _DEPLOY
            )
        return self.contracts[name].address

    def with_contract(self, name: str, deployed: Deployed) -> Manifest:
        """This, with one contract more and nothing pending."""
        return replace(self, contracts={**self.contracts, name: deployed}, pending=None)

    def with_brand(self, symbol: str, launched: Launched) -> Manifest:
        """This, with one brand more."""
        return replace(self, brands={**self.brands, symbol: launched})

    def to_json(self) -> dict[str, Any]:
        """For the file."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, data: Any) -> Manifest:
        """Read what `to_json` wrote; `ValueError`, `TypeError` or `KeyError` where it is something else."""
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']!r}")
        values = {item.name: data[item.name] for item in fields(cls)}
        values["contracts"] = {name: Deployed(**entry) for name, entry in data["contracts"].items()}
        values["brands"] = {symbol: Launched(**entry) for symbol, entry in data["brands"].items()}
        values["pending"] = Pending(**data["pending"]) if data["pending"] else None
        return cls(**values)


def local_folder(config: NetworkConfig) -> Path:
    """Where the records of local chains lie."""
    return config.folder / "deployments" / "local"


def manifest_path(chain: Chain) -> Path:
    """Where this chain's record is written."""
    if chain.config.is_local:
        return local_folder(chain.config) / f"{chain.genesis_hash}.json"
    return chain.config.folder / "deployments" / f"{chain.chain_id}.json"


def read_manifest(path: Path) -> Manifest | None:
    """The record in a file; None where there is no file."""
    if not path.is_file():
        return None
    try:
        return Manifest.from_json(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"the record {path} cannot be read ({error!r})",
            "restore it (git), or move it away to deploy anew",
        ) from None


def find_manifest(chain: Chain) -> Manifest | None:
    """This chain's record as it stands, complete or not; also one that came with the package."""
    path = manifest_path(chain)
    found = read_manifest(path)
    if found is None and not chain.config.is_local:
        found = read_manifest(_PACKAGED / path.name)
    if found is not None and (found.chain_id, found.genesis_hash) != (chain.chain_id, chain.genesis_hash):
        raise InputError(f"the record {path} is of another chain", "move it away, or use that chain's node")
    return found


def _gone(chain: Chain) -> ChainRestartedError:
    return ChainRestartedError(
        f"the chain at {chain.config.rpc} was started anew and holds nothing of ours",
        _DEPLOY,
    )


def load_manifest(chain: Chain) -> Manifest:
    """What is deployed on this chain, checked to be there still.

    Raises `ChainRestartedError` where a local chain was started anew, `NotDeployedError` where nothing was
    deployed or not all of it.
    """
    manifest = find_manifest(chain)
    if manifest is None:
        if forgotten(chain):
            raise _gone(chain)
        folder = manifest_path(chain).parent
        raise NotDeployedError(
            f"nothing is recorded as deployed on {chain.config.name} (looked in {folder})",
            "run it in the folder of the project that deployed there, or " + _DEPLOY
            if chain.config.is_local
            else f"put the brand's record {chain.chain_id}.json there, or, to deploy a suite of your own,"
            " `brownie run deploy --network NAME`",
        )
    if not manifest.is_complete:
        raise NotDeployedError(
            f"the deployment on {chain.config.name} was cut off", "run it again, it goes on where it was"
        )
    # A node that lags behind lacks what was deployed last.
    latest = list(manifest.contracts.values())[-1].address
    if not chain.code(latest):
        if chain.config.is_local:
            raise _gone(chain)
        raise NotDeployedError(
            f"the node knows no contract at {latest}",
            "wait until it is synchronised, or use another node",
        )
    return manifest


def write_manifest(chain: Chain, manifest: Manifest) -> Path:
    """Write the record, never half of it. Of local chains the latest records are kept, and no others."""
    path = manifest_path(chain)
    is_new = not path.exists()
    write_text(path, json.dumps(manifest.to_json(), indent=2) + "\n")
    if is_new and chain.config.is_local:
        _forget_oldest(path.parent)
        _forget_oldest(path.parent / "old")
    return path


def _forget_oldest(folder: Path) -> None:
    """Delete records beyond the latest `KEPT_LOCAL`, and what lies beside them: each run of a development
    chain leaves one.
    """
    found = sorted(folder.glob("0x*.json"), key=lambda path: path.stat().st_mtime)
    for path in found[: -KEPT_LOCAL or None]:
        path.unlink(missing_ok=True)
        shutil.rmtree(verification_folder(path), ignore_errors=True)


@contextmanager
def only_deployer(chain: Chain) -> Iterator[None]:
    """Keeps every other process from deploying on this chain into the same record meanwhile.

    Raises `PendingError` where one does. The lock ends with the process that has it, however that ends; a
    file that it leaves means nothing.
    """
    path = manifest_path(chain).with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("w") as file:
            if not _lock(file.fileno()):
                raise PendingError(
                    f"another process is deploying on {chain.config.name}",
                    "wait until it is done, then run it again",
                )
            # Who had it before may have deleted the file between our two steps.
            if not _is_still(path, file.fileno()):
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _is_still(path: Path, file: int) -> bool:
    """Whether an open file is the one at this path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _lock(file: int) -> bool:
    """Lock a file for this process; returns whether that went well."""
    if sys.platform == "win32":
        # It knows no such locks: contracts are deployed from Linux or macOS.
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_text(path: Path, text: str) -> None:
    """Write a file so that nobody ever reads half of it, and so that a cut leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def forgotten(chain: Chain) -> list[Path]:
    """Records of local chains that the same node kept before it was started anew."""
    if not chain.config.is_local:
        return []
    found = []
    for path in sorted(local_folder(chain.config).glob("0x*.json")):
        manifest = read_manifest(path)
        if manifest and manifest.rpc == chain.config.rpc and manifest.genesis_hash != chain.genesis_hash:
            found.append(path)
    return found


def set_aside(path: Path) -> Path:
    """Move a record of what is no more, and what lies beside it, into `old/`. Returns where it lies now."""
    folder = path.parent / "old"
    folder.mkdir(exist_ok=True)
    number = 0
    while (target := folder / f"{path.stem}{f'-{number}' if number else ''}.json").exists():
        number += 1
    path.replace(target)
    beside = verification_folder(path)
    if beside.is_dir():
        beside.replace(verification_folder(target))
    return target


def verification_folder(path: Path) -> Path:
    """The folder beside a record that holds what explorers are told."""
    return path.with_suffix(".verification")


def is_ours(chain: Chain, name: str, address: str) -> bool:
    """Whether the code at an address is that of the contract `name` of this version."""
    return artifact(name).is_code(chain.code(address))
