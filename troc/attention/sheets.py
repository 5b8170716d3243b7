"""Sheets of codes to print and cut: on packaging, at tills, beside beacons. A4, four by five on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from troc import words
from troc.attention.messages import Ticket
from troc.attention.slips import Slip
from troc.errors import InputError
from troc.pdf import a4, printable
from troc.qr import dots

if TYPE_CHECKING:
    from fpdf import FPDF
    from PIL.Image import Image

COLUMNS, ROWS = 4, 5
A_PAGE = COLUMNS * ROWS

_LEFT, _TOP = 10.0, 14.0
_WIDTH, _HEIGHT = 47.5, 53.0
_PICTURE = 37.0
"""Millimetres. A code has some 70 dots a side: half a millimetre each, which any telephone reads."""
_MARK = 3.0
_PIXELS = 4


@dataclass(frozen=True)
class Label:
    """What stands beside each code. `worth`: what it pays, in words; `page`: links instead of texts."""

    brand: str
    campaign: str
    worth: str
    page: str = ""


def sheet(codes: Sequence[Slip], label: Label) -> bytes:
    """Codes with their keys as a PDF to print: the same bytes each time. It is as good as cash."""
    if not codes:
        raise InputError("there are no codes to print", "name a batch that has some")
    for code in codes:
        if not code.is_code or not code.secret:
            raise InputError("only codes are printed, with their keys", "sign a batch of codes")
    last = max(code.message.valid_until for code in codes if isinstance(code.message, Ticket))
    pdf = a4(f"{label.brand}: codes of {label.campaign}", label.brand, last)
    pdf.set_auto_page_break(False)
    for place, code in enumerate(codes):
        if place % A_PAGE == 0:
            pdf.add_page()
            _frame(pdf, label, place // A_PAGE + 1, -(-len(codes) // A_PAGE))
        row, column = divmod(place % A_PAGE, COLUMNS)
        _draw(pdf, code, label, _LEFT + column * _WIDTH, _TOP + row * _HEIGHT)
    return bytes(pdf.output())


def _frame(pdf: FPDF, label: Label, page: int, pages: int) -> None:
    """Cut marks in the margins, so that none is left on a code, and what the page is."""
    right, bottom = _LEFT + COLUMNS * _WIDTH, _TOP + ROWS * _HEIGHT
    pdf.set_line_width(0.1)
    for column in range(COLUMNS + 1):
        x = _LEFT + column * _WIDTH
        pdf.line(x, _TOP - _MARK - 1, x, _TOP - 1)
        pdf.line(x, bottom + 1, x, bottom + _MARK + 1)
    for row in range(ROWS + 1):
        y = _TOP + row * _HEIGHT
        pdf.line(_LEFT - _MARK - 1, y, _LEFT - 1, y)
        pdf.line(right + 1, y, right + _MARK + 1, y)
    pdf.set_font("text", "", 7)
    pdf.set_xy(_LEFT, bottom + 5)
    text = f"{label.brand}, campaign {label.campaign}, page {page} of {pages}. Nothing until it is activated."
    pdf.cell(COLUMNS * _WIDTH, 4, printable(pdf, text), align="C")


def _draw(pdf: FPDF, code: Slip, label: Label, x: float, y: float) -> None:
    assert isinstance(code.message, Ticket)
    left = x + (_WIDTH - _PICTURE) / 2
    pdf.image(picture_of(code, label), left, y + 1, _PICTURE, _PICTURE)

    def line(at: float, size: float, style: str, said: str) -> None:
        pdf.set_font("text", style, size)
        said = printable(pdf, said)
        # A long name is made smaller, not cut.
        while pdf.get_string_width(said) > _WIDTH - 3 and size > 3:
            size -= 0.5
            pdf.set_font("text", style, size)
        pdf.set_xy(x, y + at)
        pdf.cell(_WIDTH, 4, said, align="C")

    line(_PICTURE + 0.5, 8, "B", f"worth {label.worth}")
    line(_PICTURE + 4.5, 7, "", label.brand)
    line(_PICTURE + 8, 6, "", f"until {words.moment(code.message.valid_until)}")
    line(_PICTURE + 11, 6, "", f"No. {code.message.id:,} · {label.campaign}")


def picture_of(code: Slip, label: Label) -> Image:
    """Its QR code, of which a dot is several pixels: one alone would be blurred where it is enlarged."""
    import PIL.Image

    rows = dots(code.to_link(label.page) if label.page else code.to_text())
    small = PIL.Image.frombytes("L", (len(rows[0]), len(rows)), b"".join(rows))
    large = small.resize((_PIXELS * small.width, _PIXELS * small.height), PIL.Image.Resampling.NEAREST)
    return large.point([255, 0, *[0] * 254], mode="1")
