"""Makes a brownie user at home in this project's virtual environment.

Set-up copies this file into the environment's site-packages, where a `.pth` line imports it whenever Python starts.
It must therefore be quick and quiet: it names the compiler's folder, and does the rest when brownie is imported.
"""

from __future__ import annotations

import importlib.machinery
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

PORT_VARIABLE = "TROC_DEVELOPMENT_PORT"
GROUP = "Troc"


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens, with room above it for the workers of pytest-xdist."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if 10_000 < port < 65_000:
            return port


def merge_networks(known: dict[str, Any], ours: dict[str, Any]) -> bool:
    """Put this project's networks into a list in brownie's form, in place; returns whether that changed it.

    Both have the form of brownie's `network-config.yaml`. A network of the same id that is not marked as this
    project's (by the group or a name that starts with "Troc") belongs to the user and stays as it is.
    """
    changed = False
    groups = {group["name"]: group["networks"] for group in known["live"]}
    taken = {network["id"] for name, networks in groups.items() if name != GROUP for network in networks}
    taken |= {network["id"] for network in known["development"] if not network["name"].startswith(GROUP)}

    wanted = [network for group in ours["live"] for network in group["networks"] if network["id"] not in taken]
    if wanted != groups.get(GROUP, []):
        known["live"] = [group for group in known["live"] if group["name"] != GROUP]
        known["live"].append({"name": GROUP, "networks": wanted})
        changed = True

    wanted = [network for network in ours["development"] if network["id"] not in taken]
    if wanted != [network for network in known["development"] if network["name"].startswith(GROUP)]:
        known["development"] = [network for network in known["development"] if not network["name"].startswith(GROUP)]
        known["development"] += wanted
        changed = True
    return changed


def add_networks(ours: Path, stock: Path, home: Path) -> bool:
    """Copy this project's networks into brownie's own list, `~/.brownie/network-config.yaml`.

    `ours` is the project's list, `stock` the one that brownie starts from where the user has none yet. Returns whether
    anything was written: a second call writes nothing.
    """
    import yaml

    target = home / ".brownie" / "network-config.yaml"
    known = yaml.safe_load((target if target.is_file() else stock).read_text())
    if not merge_networks(known, yaml.safe_load(ours.read_text())):
        return False
    target.parent.mkdir(exist_ok=True)
    # Several test workers may start at once: nobody may read half a file.
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    draft.write_text(yaml.safe_dump(known, sort_keys=False))
    draft.replace(target)
    return True


def prepare_brownie(stock: Path) -> None:
    """What brownie needs before it is imported: tools on PATH, its networks, a development port of its own."""
    environment = Path(sys.prefix)
    tools = str(environment / "bin")
    path = os.environ.get("PATH", "")
    if tools not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([tools, path])
    # Always a new port, also when the variable was inherited: brownie would otherwise attach to its parent's chain.
    os.environ[PORT_VARIABLE] = str(free_port())
    ours = environment.parent / "network-config.yaml"
    if ours.is_file():
        add_networks(ours, stock, Path.home())


class BrownieWatch:
    """An import hook that prepares the ground right before brownie is imported, and leaves the import to others."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name == "brownie":
            sys.meta_path.remove(cls)
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            if spec is not None and spec.origin is not None:
                prepare_brownie(Path(spec.origin).parent / "data" / "network-config.yaml")
        return None


def install() -> None:
    """Called once for each start of Python."""
    os.environ["SOLCX_BINARY_PATH"] = os.path.join(sys.prefix, "solc")
    sys.meta_path.insert(0, BrownieWatch)


if __name__ == "troc_environment":
    install()
