"""What commands share that hand something signed to people: files, folders and QR codes of texts or links."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from troc.errors import InputError
from troc.qr import KINDS, picture
from troc.vouchers import write_secret


def check_output(output: Path | None, count: int, qr: bool) -> None:
    """Refuse before anything is signed what could not be written afterwards."""
    if output is None:
        return
    kind = kind_of(output)
    if output.exists():
        raise InputError(f"{output} is there already", "choose another name")
    if not output.parent.is_dir():
        raise InputError(f"there is no folder {output.parent}", "make it first")
    if kind not in ("", "json", "txt", *KINDS):
        raise InputError(f"nothing is written as .{kind}", "use .json, .txt, .png, .svg, or name a folder")
    if kind in KINDS and count > 1:
        raise InputError(f"{count:,} QR codes do not fit one picture", "name a folder, with --qr")
    if kind in ("json", "txt") and qr:
        raise InputError(f"a .{kind} file holds no QR codes", "name a folder, or a .png or .svg file")


def kind_of(output: Path) -> str:
    """How the name of a file ends, without the dot; empty for a folder."""
    return output.suffix.lower().removeprefix(".")


def write_texts(texts: Sequence[str], path: Path) -> Path:
    """A text or link a line, in a new file that only its owner reads."""
    return write_secret(path, "".join(f"{text}\n" for text in texts).encode())


def write_picture(text: str, path: Path) -> Path:
    """One QR code, as the file's name says."""
    return write_secret(path, picture(text, kind_of(path)))


def write_pictures(texts: Sequence[str], folder: Path, first: int = 1) -> list[Path]:
    """A QR code each, numbered from `first`."""
    digits = max(4, len(str(first + len(texts) - 1)))
    return [
        write_picture(text, folder / f"{number:0{digits}}.png") for number, text in enumerate(texts, first)
    ]
