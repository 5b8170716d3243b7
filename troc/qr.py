"""QR codes of vouchers, for paper, screens and the terminal (ISO/IEC 18004, drawn by segno)."""

from __future__ import annotations

import io
from typing import Any

from troc.errors import InputError

KINDS = ("png", "svg")
_DOTS = {"png": 8, "svg": 4}


def _code(text: str) -> Any:
    try:
        import segno
    except ImportError:
        raise InputError(
            "drawing QR codes needs segno", "run `pip install '.[programme]'` in the folder of this project"
        ) from None
    try:
        return segno.make_qr(text, error="m")
    except segno.DataOverflowError:
        raise InputError("this is too long for a QR code", "hand out the file or the link") from None


def picture(text: str, kind: str) -> bytes:
    """A QR code as a file: `png` or `svg`."""
    out = io.BytesIO()
    _code(text).save(out, kind=kind, scale=_DOTS[kind])
    return out.getvalue()


def blocks(text: str) -> str:
    """A QR code for a terminal, two rows a line."""
    out = io.StringIO()
    _code(text).terminal(out, compact=True)
    return out.getvalue()
