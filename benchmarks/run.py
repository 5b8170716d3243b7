"""Finding and running the modules that measure."""

from __future__ import annotations

import hashlib
import importlib
import os
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import benchmarks.ours
import benchmarks.peers
from benchmarks.chain import Chain, running_chain
from benchmarks.compile import ROOT
from benchmarks.packages import install
from benchmarks.records import Record, checked, read, write

_KEPT = ROOT / "build" / "benchmarks"
_SOURCES = ("benchmarks", "contracts", "interfaces", "troc")
_SETTINGS = ("foundry.toml", "package-lock.json", "requirements.lock")


def modules(package: ModuleType) -> list[ModuleType]:
    """The modules of a package that measure something, by name."""
    found = sorted(info.name for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."))
    loaded = [importlib.import_module(name) for name in found]
    return [module for module in loaded if hasattr(module, "measure")]


def _records(chain: Chain, package: ModuleType, only: str = "") -> Iterator[Record]:
    for module in modules(package):
        if only in module.__name__.rpartition(".")[2]:
            with chain.undone():
                yield from module.measure(chain)


def measure_ours() -> list[Record]:
    """Records of this project's contracts, on a chain of their own."""
    with running_chain() as chain:
        return checked(_records(chain, benchmarks.ours))


def measured_ours() -> list[Record]:
    """The same, taken from what was measured of the very same sources before, if it was: gas is no matter of
    chance, and what CI does measures three times.
    """
    kept = _KEPT / f"ours-{_fingerprint()}.json"
    if not kept.exists():
        found = measure_ours()
        kept.parent.mkdir(parents=True, exist_ok=True)
        written = kept.with_suffix(f".{os.getpid()}")
        write(written, found)
        written.replace(kept)
    return read(kept)


def _fingerprint() -> str:
    """A hash of all that a figure of ours can depend on."""
    files = [ROOT / name for name in _SETTINGS]
    for folder in _SOURCES:
        files += sorted(
            path
            for path in (ROOT / folder).rglob("*")
            if path.suffix in (".py", ".sol", ".json") and "node_modules" not in path.parts
        )
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(ROOT)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return digest.hexdigest()[:32]


def measure_all(only: str = "") -> list[Record]:
    """Records of ours and of the peers, on one chain, of modules with `only` in their names."""
    install()
    with running_chain() as chain:
        ours = list(_records(chain, benchmarks.ours, only))
        return checked([*ours, *_records(chain, benchmarks.peers, only)])
