"""What wheel and sdist hold besides the client itself: the networks, and what is deployed on them.

The client finds both beside its code where it does not run from the project's folder (`troc.network`,
`troc.manifest`).
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def packed(root: Path) -> list[str]:
    """The files of `config/` and `deployments/` that are committed: not what a user keeps there for herself.

    An unpacked sdist has no repository, and holds only such files.
    """
    here = [path.relative_to(root).as_posix() for path in root.glob("config/*.yaml")]
    here += [path.relative_to(root).as_posix() for path in root.glob("deployments/*.json")]
    if not (root / ".git").exists():
        return sorted(here)
    command = ["git", "ls-files", "-z", "config", "deployments"]
    try:
        committed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise SystemExit(
            "troc: git does not say which files are committed: install git, and own the folder"
        ) from None
    return sorted(set(here) & set(committed.split("\0")))


class Beside(BuildHookInterface[Any]):
    """Called by hatchling, for each wheel and sdist."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        # An editable install runs from the project's folder.
        if version == "editable":
            return
        root = Path(self.root)
        prefix = "troc/" if self.target_name == "wheel" else ""
        build_data["force_include"] |= {str(root / name): prefix + name for name in packed(root)}
