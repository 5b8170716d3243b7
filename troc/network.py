"""Networks: one file each in `config/`, and the settings of `.env`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from dotenv import find_dotenv, load_dotenv

from troc.errors import InputError
from troc.lookalikes import check_symbol

LOCAL_CHAIN_IDS = (1337, 31337)
"""Chain ids of Ganache and Anvil: only chains with one of these count as local."""

_PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class BrandConfig:
    """Points to launch together with the contracts.

    `owner` issues them: an account, or a multisig wallet such as a Safe. `epoch_seconds` is how long an
    epoch lasts: points live in theirs and the next three; 0: for ever. `origin` is the first second of
    epoch 0, and has passed.
    """

    name: str
    symbol: str
    owner: str
    epoch_seconds: int
    origin: int
    decimals: int = 0
    domain: str = ""


@dataclass(frozen=True)
class NetworkConfig:
    """A network and how to treat it.

    `chain_id` is a number, or "local" for a chain on this machine that may be started anew at any time.
    `live` chains carry value: before something is deployed there, a person is asked. `confirmations` is how
    many blocks make a transaction final for us, its own included. `log_range` is how many blocks are asked
    for at once when logs are read. `wait_seconds` is how long a transaction may take. `folder` is where
    `deployments/` lies. `inbox_token` is the ERC-20 that deposits of the inbox are paid in, which is deployed
    along; empty: no inbox is.
    """

    name: str
    rpc: str
    chain_id: int | str
    folder: Path
    live: bool = False
    confirmations: int = 1
    explorer: str = ""
    log_range: int = 10_000
    wait_seconds: float = 180.0
    poll_seconds: float = 1.0
    brands: tuple[BrandConfig, ...] = ()
    inbox_token: str = ""

    @property
    def is_local(self) -> bool:
        """Whether this is a chain on this machine, with the well-known development accounts."""
        return self.chain_id == "local"


@cache
def load_settings() -> None:
    """Read `.env`, here or in a folder above, into the environment. What is set there already stays."""
    load_dotenv(find_dotenv(usecwd=True))


def setting(name: str) -> str:
    """A setting from the environment or `.env`; empty where it is not set."""
    load_settings()
    return os.environ.get(name, "").strip()


def config_folders() -> list[Path]:
    """The folders `config/`: of the project one stands in, of the one `troc` runs from, as installed."""
    here = Path.cwd()
    standing_in = (folder for folder in (here, *here.parents) if _has_config(folder))
    candidates = [*islice(standing_in, 1), *filter(_has_config, (_PACKAGE.parent, _PACKAGE))]
    return list(dict.fromkeys(folder / "config" for folder in candidates))


def _has_config(folder: Path) -> bool:
    return (folder / "config" / "local.yaml").is_file()


def load_network(name: str = "", rpc: str = "") -> NetworkConfig:
    """The network of that name: `config/<name>.yaml`.

    An empty `name` means `TROC_NETWORK` or, where that is not set, "local". `rpc` replaces the address of
    the node; without it `TROC_RPC_URL` does, for the network that `TROC_NETWORK` names.
    """
    usual = setting("TROC_NETWORK") or "local"
    name = name or usual
    folders = config_folders()
    for folder in folders:
        path = folder / f"{name}.yaml"
        if path.is_file():
            break
    else:
        known = sorted({file.stem for folder in folders for file in folder.glob("*.yaml")})
        raise InputError(
            f"there is no network {name!r}", f"use one of {', '.join(known)}, or write config/{name}.yaml"
        )
    if not rpc and name == usual:
        rpc = setting("TROC_RPC_URL")
    home = Path.home() / ".troc" if folder.parent == _PACKAGE else folder.parent
    return parse_network(name, path, home, rpc)


def parse_network(name: str, path: Path, folder: Path, rpc: str = "") -> NetworkConfig:
    """Read and check one file of `config/`. `rpc` replaces the address of the node that it names."""
    try:
        data = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InputError(
            f"{path} cannot be read ({error})", "mend it; config/local.yaml shows the form"
        ) from None
    if not isinstance(data, dict):
        raise InputError(f"{path} holds no settings", "write it like config/local.yaml")
    known = {field.name for field in fields(NetworkConfig)} - {"name", "folder"}
    unknown = sorted(set(map(str, data)) - known)
    if unknown:
        raise InputError(f"{path}: unknown setting {unknown[0]!r}", f"use only {', '.join(sorted(known))}")

    chain_id = data.get("chain_id")
    if chain_id != "local" and not (type(chain_id) is int and chain_id > 0):
        raise InputError(
            f"{path}: chain_id must be a number or local", "write the number that the chain goes by"
        )
    rpc = rpc or str(data.get("rpc") or "")
    if not rpc:
        raise InputError(
            f"no node is known for the network {name!r}",
            f"set TROC_NETWORK={name} and TROC_RPC_URL in .env, or use --rpc",
        )
    if not rpc.startswith(("http://", "https://")):
        raise InputError(f"{rpc!r} is no address of a node", "write one that starts with http:// or https://")
    numbers = {
        key: _number(path, key, data[key])
        for key in ("confirmations", "log_range", "wait_seconds", "poll_seconds")
        if key in data
    }
    live = data.get("live", False)
    if type(live) is not bool:
        raise InputError(f"{path}: live must be true or false", "write one of them")
    inbox_token = data.get("inbox_token") or ""
    if not isinstance(inbox_token, str):
        raise InputError(f"{path}: inbox_token must be text", "put the address in quotes")
    return NetworkConfig(
        name=name,
        rpc=rpc,
        chain_id=chain_id,
        folder=folder,
        live=live,
        explorer=str(data.get("explorer") or ""),
        brands=tuple(_brand(path, entry) for entry in data.get("brands") or ()),
        inbox_token=inbox_token,
        **numbers,
    )


def _number(path: Path, key: str, value: Any) -> Any:
    whole = key in ("confirmations", "log_range")
    if type(value) not in ((int,) if whole else (int, float)) or value <= 0:
        raise InputError(f"{path}: {key} must be a {'whole ' if whole else ''}number above 0", "mend it")
    return value


def _brand(path: Path, entry: Any) -> BrandConfig:
    known = {field.name: field for field in fields(BrandConfig)}
    if not isinstance(entry, Mapping):
        raise InputError(f"{path}: a brand needs {', '.join(known)}", "write them below each other")
    unknown = sorted(set(map(str, entry)) - set(known))
    if unknown:
        raise InputError(f"{path}: unknown setting {unknown[0]!r} of a brand", f"use only {', '.join(known)}")
    missing = [key for key in ("name", "symbol", "owner", "epoch_seconds", "origin") if key not in entry]
    if missing:
        raise InputError(f"{path}: a brand lacks {missing[0]}", "add it: docs/deploy.md says what it means")
    for key in ("epoch_seconds", "origin", "decimals"):
        if key in entry and (type(entry[key]) is not int or entry[key] < 0):
            raise InputError(f"{path}: {key} of a brand must be a whole number", "mend it")
    for key in ("name", "symbol", "owner", "domain"):
        if key in entry and not isinstance(entry[key], str):
            raise InputError(f"{path}: {key} of a brand must be text", "put it in quotes")
    try:
        check_symbol(entry["symbol"])
    except InputError as error:
        raise InputError(f"{path}: {error.message}", error.remedy) from None
    return BrandConfig(**entry)
