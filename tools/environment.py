"""Makes a brownie user at home in this project's virtual environment.

Set-up copies this file into the environment's site-packages, where a `.pth` line imports it whenever Python
starts. It must therefore be quick and quiet: it names the compiler's folder, and does (and imports) the rest
when brownie is imported.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from pathlib import Path
    from types import ModuleType

PORT_VARIABLE = "TROC_DEVELOPMENT_PORT"
WATCHED = os.path.join(sys.prefix, "brownie-watch")


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens, with room above it for the workers of pytest-xdist."""
    import socket

    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if 10_000 < port < 65_000:
            return port


def merge_networks(known: dict[str, Any], ours: dict[str, Any]) -> bool:
    """Put this project's networks into a list in brownie's form, in place; returns whether that changed it.

    Both have the form of brownie's `network-config.yaml`. What is known already, by its id, stays as the user
    has it.
    """
    taken = {network["id"] for group in known["live"] for network in group["networks"]}
    taken |= {network["id"] for network in known["development"]}
    changed = False
    for group in ours["live"]:
        for network in group["networks"]:
            if network["id"] in taken:
                continue
            home = next((other for other in known["live"] if other["name"] == group["name"]), None)
            if home is None:
                home = {"name": group["name"], "networks": []}
                known["live"].append(home)
            home["networks"].append(network)
            changed = True
    missing = [network for network in ours["development"] if network["id"] not in taken]
    known["development"] += missing
    return changed or bool(missing)


def add_networks(ours: Path, stock: Path, home: Path) -> bool:
    """Copy this project's networks into brownie's own list, `~/.brownie/network-config.yaml`.

    `ours` is the project's list, `stock` the one that brownie starts from where the user has none yet.
    Returns whether anything was written: a second call writes nothing.
    """
    import yaml

    target = home / ".brownie" / "network-config.yaml"
    known = yaml.safe_load((target if target.is_file() else stock).read_text())
    if not merge_networks(known, yaml.safe_load(ours.read_text())):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    # Several test workers may start at once: nobody may read half a file.
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    draft.write_text(yaml.safe_dump(known, sort_keys=False))
    draft.replace(target)
    return True


def use_our_nodes(known: dict[str, Any], ours: dict[str, Any], stock: dict[str, Any]) -> None:
    """Let brownie reach this project's public networks through the node that `.env` names, in place.

    `known` are brownie's networks by id, as it has loaded them; `ours` and `stock` as for `merge_networks`.
    Some of our networks brownie lists itself, with the node of a company. Only this process reaches them
    otherwise: the list in the home folder is other projects' too. An address that the user chose stays.
    """
    usual = {network["id"]: network["host"] for group in stock["live"] for network in group["networks"]}
    for group in ours["live"]:
        for network in group["networks"]:
            listed = known.get(network["id"])
            if listed is not None and listed["host"] == usual.get(network["id"]):
                listed["host"] = network["host"]


def drop_gone_builds(project: Path) -> list[str]:
    """Delete what brownie compiled from sources that are no more; returns their names, sorted.

    brownie does so only for the contracts themselves, and stops at one that used to import such a file, as
    after a change of branch.
    """
    import re

    gone = []
    for build in (project / "build" / "contracts").glob("*.json"):
        # Megabytes each: parsing them all would take seconds.
        sources = re.search(rb'"allSourcePaths":\s*\{([^}]*)\}', build.read_bytes())
        paths = re.findall(rb'"((?:contracts|interfaces)[^"]+)"', sources.group(1)) if sources else []
        if any(not (project / path.decode().replace("\\/", "/")).is_file() for path in paths):
            gone.append(build)
    # An interface's build does not say which file it is from: look for the one that declares it.
    declared = set()
    for path in (project / "interfaces").rglob("*.*"):
        declared.add(path.stem)
        if path.suffix == ".sol":
            declared.update(re.findall(r"\b(?:interface|contract)\s+(\w+)", path.read_text()))
    built = (project / "build" / "interfaces").glob("*.json")
    gone += [build for build in built if build.stem not in declared]
    for build in gone:
        build.unlink(missing_ok=True)
    return sorted(build.stem for build in gone)


def projects() -> set[Path]:
    """The project that this environment belongs to, and the copy of it that one stands in."""
    from pathlib import Path

    here = Path.cwd()
    found = [Path(sys.prefix).parent, *[folder for folder in (here, *here.parents) if is_project(folder)][:1]]
    return {folder.resolve() for folder in found if is_project(folder)}


def is_project(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("brownie-config.yaml", "network-config.yaml"))


def our_networks() -> Path:
    """The list of this project's networks."""
    from pathlib import Path

    return Path(sys.prefix).parent / "network-config.yaml"


def prepare_brownie(stock: Path) -> None:
    """What brownie needs before it is imported: tools on PATH, its networks, a port, no stale builds."""
    from pathlib import Path

    environment = Path(sys.prefix)
    tools = str(environment / "bin")
    path = os.environ.get("PATH", "")
    if tools not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([tools, path])
    # Always a new port, also when the variable was inherited: brownie would attach to its parent's chain.
    os.environ[PORT_VARIABLE] = str(free_port())
    if our_networks().is_file():
        add_networks(our_networks(), stock, Path.home())
    for project in projects():
        drop_gone_builds(project)


def watch_brownie(spec: ModuleSpec, stock: Path) -> None:
    """Have brownie's list of networks corrected as soon as brownie is imported."""
    import types

    loader = spec.loader
    assert loader is not None
    load = loader.exec_module

    def exec_module(self: Any, module: ModuleType) -> None:
        load(module)
        if our_networks().is_file():
            import yaml

            lists = [yaml.safe_load(file.read_text()) for file in (our_networks(), stock)]
            use_our_nodes(sys.modules["brownie._config"].CONFIG.networks, *lists)

    loader.exec_module = types.MethodType(exec_module, loader)  # type: ignore[method-assign]


class BrownieWatch:
    """Finds brownie where it lies, on an entry of `sys.path` of its own: prepares for it, and corrects it.

    An entry of `sys.path` rather than of `sys.meta_path`, because pytest, which imports brownie as a plugin,
    puts itself before everything in the latter.
    """

    spec: ModuleSpec | None = None
    is_prepared = False

    def __init__(self, entry: str) -> None:
        if entry != WATCHED:
            raise ImportError

    def find_spec(self, name: str, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "brownie":
            return None
        if not BrownieWatch.is_prepared:
            from importlib.machinery import PathFinder
            from pathlib import Path

            # Before the search, which comes here too.
            BrownieWatch.is_prepared = True
            spec = PathFinder.find_spec(name)
            if spec is not None and spec.origin is not None:
                stock = Path(spec.origin).parent / "data" / "network-config.yaml"
                prepare_brownie(stock)
                watch_brownie(spec, stock)
                BrownieWatch.spec = spec
        return BrownieWatch.spec


def install() -> None:
    """Called once for each start of Python."""
    os.environ["SOLCX_BINARY_PATH"] = os.path.join(sys.prefix, "solc")
    sys.path_hooks.insert(0, BrownieWatch)
    sys.path.insert(0, WATCHED)


if __name__ == "troc_environment":
    install()
