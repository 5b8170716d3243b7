"""Rewrite every lock file from what it is made of: `make lock`.

Python: `requirements*.in` become `requirements*.lock`, with hashes, for every platform, for Python 3.11 and
3.12. npm: `package-lock.json`, here and in `benchmarks/`. None of them may carry the address of a package
registry.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = ("--only-binary", "--no-binary")


def lock_python(source: Path) -> None:
    """Resolve one `.in` file and write the `.lock` beside it."""
    target = source.with_suffix(".lock")
    subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11",
         "--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header",
         "--output-file", target.name, source.name],
        cwd=ROOT,
        check=True,
    )  # fmt: skip
    # pip forgets what `--no-binary` said when `--only-binary :all:` comes after it: keep the source's order.
    options = [line for line in source.read_text().splitlines() if line.startswith(OPTIONS)]
    target.write_text(
        "\n".join(["# Made from " + source.name + " by `make lock`.", *options, target.read_text()])
    )


def platform_of(name: str) -> dict[str, list[str]]:
    """`os` and `cpu` in npm's words, from a package name such as `@foundry-rs/anvil-linux-arm64`."""
    system, processor = name.rsplit("-", 2)[1:]
    return {"cpu": [{"amd64": "x64", "arm64": "arm64"}[processor]], "os": [system]}


def complete_npm(lock: dict[str, Any]) -> list[str]:
    """Add the platforms that the registry at hand does not carry, by version; returns their names.

    `npm ci` refuses a lock file that leaves out an optional package, and npm leaves out what it did not find.
    """
    packages = lock["packages"]
    added = []
    for path, entry in list(packages.items()):
        if not path.startswith("node_modules/@foundry-rs/"):
            continue
        for name, version in entry.get("optionalDependencies", {}).items():
            if f"node_modules/{name}" in packages:
                continue
            packages[f"node_modules/{name}"] = {
                "version": version,
                **platform_of(name),
                "dev": True,
                "license": entry["license"],
                "optional": True,
            }
            added.append(name)
    lock["packages"] = dict(sorted(packages.items()))
    return added


def lock_npm() -> None:
    """Rewrite package-lock.json."""
    subprocess.run(["npm", "install", "--package-lock-only", "--ignore-scripts"], cwd=ROOT, check=True)
    path = ROOT / "package-lock.json"
    lock = json.loads(path.read_text())
    # Where to give money to authors says nothing about what is installed.
    for entry in lock["packages"].values():
        entry.pop("funding", None)
    for name in complete_npm(lock):
        print(f"  {name}: not in this registry, locked by version without a hash")
    path.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n")


def lock_peers() -> None:
    """Rewrite the lock file of the packages that only `make bench` installs."""
    command = ["npm", "install", "--package-lock-only", "--ignore-scripts"]
    subprocess.run(command, cwd=ROOT / "benchmarks", check=True)


def main() -> None:
    for source in sorted(ROOT.glob("requirements*.in")):
        print(f"{source.name} -> {source.with_suffix('.lock').name}")
        lock_python(source)
    print("package.json -> package-lock.json")
    lock_npm()
    print("benchmarks/package.json -> benchmarks/package-lock.json")
    lock_peers()


if __name__ == "__main__":
    main()
