"""Files that are written whole, and are on the disk when that returns."""

from __future__ import annotations

import os
from pathlib import Path

DRAFT = ".draft-"
"""How the names of files begin that are not whole yet."""


def write_file(path: Path, data: bytes) -> None:
    """Write a file for oneself alone, whole and on the disk, in the place of what was there."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{DRAFT}{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Bring to the disk which files a folder has."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
