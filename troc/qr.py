"""QR codes of vouchers and slips, for paper, screens and the terminal (ISO/IEC 18004, drawn by segno), and
read from pictures (by zxing-cpp).
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from troc.errors import InputError

KINDS = ("png", "svg")
_DOTS = {"png": 8, "svg": 4}


def _code(text: str, mask: int | None = None) -> Any:
    try:
        import segno
    except ImportError:
        raise InputError(
            "drawing QR codes needs segno", "run `pip install '.[programme]'` in the folder of this project"
        ) from None
    try:
        return segno.make_qr(text, error="m", mask=mask)
    except segno.DataOverflowError:
        raise InputError("this is too long for a QR code", "hand out the file or the link") from None


def picture(text: str, kind: str) -> bytes:
    """A QR code as a file: `png` or `svg`."""
    out = io.BytesIO()
    _code(text).save(out, kind=kind, scale=_DOTS[kind])
    return out.getvalue()


def dots(text: str) -> list[bytes]:
    """A QR code as rows of dots, 1 where one is dark, its quiet zone with it: for thousands of codes.

    Its mask is the first and not the best of eight. What is signed looks like chance under each of them, and
    trying all takes four fifths of the time.
    """
    return [bytes(row) for row in _code(text, mask=0).matrix_iter(border=4)]


def blocks(text: str) -> str:
    """A QR code for a terminal, two rows a line."""
    out = io.StringIO()
    _code(text).terminal(out, compact=True)
    return out.getvalue()


def read_picture(path: Path) -> list[str]:
    """What the QR codes in a picture say, from the top down; a photograph or a sheet will do.

    Raises `InputError` where it is no picture, or none can be read in it.
    """
    try:
        import zxingcpp
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise InputError(
            "reading QR codes from pictures needs zxing-cpp and Pillow",
            "run `pip install '.[attention]'` in the folder of this project, or give the text or the link",
        ) from None
    try:
        with Image.open(path) as image:
            found = zxingcpp.read_barcodes(image.convert("L"), formats=zxingcpp.BarcodeFormat.QRCode)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or "it is no picture that is known here"
        raise InputError(f"{path.name} cannot be read ({reason})", "give a PNG or JPEG file") from None
    if not found:
        raise InputError(
            f"no QR code can be read in {path.name}", "take it again, straight, near and in good light"
        )
    return [
        each.text
        for each in sorted(found, key=lambda each: (each.position.top_left.y // 8, each.position.top_left.x))
    ]
