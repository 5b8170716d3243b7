"""PDF documents (fpdf2): A4, in a font that has the letters of most languages, the same bytes each time."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from troc.errors import InputError

if TYPE_CHECKING:
    from fpdf import FPDF

_NO_GLYPH = "\N{REPLACEMENT CHARACTER}"


def a4(title: str, author: str, at: int) -> FPDF:
    """An empty document with the font `text`, plain and bold. `at`: its date, in Unix seconds."""
    try:
        from fpdf import FPDF
    except ImportError:
        raise InputError(
            "a PDF needs fpdf2", "run `pip install '.[attention]'` in the folder of this project"
        ) from None
    pdf = FPDF(format="A4")
    pdf.set_creation_date(datetime.fromtimestamp(at, UTC))
    pdf.set_title(title)
    pdf.set_author(author)
    pdf.set_creator("troc")
    pdf.set_producer("troc")
    pdf.set_lang("en")
    for style, name in (("", "DejaVuSans"), ("B", "DejaVuSans-Bold")):
        pdf.add_font("text", style, _font(name))
    return pdf


def _font(name: str) -> Path:
    """DejaVu comes with matplotlib, under a licence that lets documents hold it."""
    spec = find_spec("matplotlib")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "mpl-data" / "fonts" / "ttf" / f"{name}.ttf"
        if path.exists():
            return path
    raise InputError(
        "a PDF needs the fonts of matplotlib",
        "run `pip install '.[attention]'` in the folder of this project",
    )


def printable(pdf: FPDF, text: str) -> str:
    """What the font has no sign for is shown as such, as in a text that cannot be read."""
    cmap = pdf.fonts[pdf.font_family + pdf.font_style].cmap  # type: ignore[union-attr]
    return "".join(character if ord(character) in cmap else _NO_GLYPH for character in text)
