"""Finding and running the modules that measure."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import benchmarks.ours
import benchmarks.peers
from benchmarks.chain import Chain, running_chain
from benchmarks.packages import install
from benchmarks.records import Record, checked


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


def measure_all(only: str = "") -> list[Record]:
    """Records of ours and of the peers, on one chain, of modules with `only` in their names."""
    install()
    with running_chain() as chain:
        ours = list(_records(chain, benchmarks.ours, only))
        return checked([*ours, *_records(chain, benchmarks.peers, only)])
