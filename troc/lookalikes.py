"""Names that an eye takes for one another: GR33N and GREEN, or one with a Cyrillic letter in it."""

from __future__ import annotations

import re
import unicodedata

from troc.errors import InputError

_SYMBOL = re.compile(r"[A-Z0-9]+")

# What is drawn alike, after `casefold` (compare Unicode Technical Standard 39, section 4).
_DRAWN_ALIKE = str.maketrans(
    "013456789l" + "авеѕіјкмнорстухԁԛԝһ" + "αβεζηικνορτυχ",
    "oieasgtbgi" + "abesijkmhopctyxdqwh" + "abezhiknoptyx",
)


def check_symbol(symbol: str) -> None:
    """Raise `InputError` unless a symbol is made of what every eye and keyboard tells apart."""
    if not _SYMBOL.fullmatch(symbol):
        raise InputError(
            f"the symbol {symbol!r} could be taken for something else",
            "use the capital letters A to Z and digits alone",
        )


def outline(text: str) -> str:
    """What an eye sees of a name: names with the same outline look alike."""
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_DRAWN_ALIKE)
    return "".join(character for character in plain if character.isalnum())


def foreign_letters(text: str) -> list[str]:
    """The letters of a symbol that are none of A to Z, by their Unicode names."""
    return [
        unicodedata.name(character, f"U+{ord(character):04X}")
        for character in dict.fromkeys(text)
        if not character.isascii()
    ]
