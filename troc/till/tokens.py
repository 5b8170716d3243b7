"""The tokens of a till (`troc.serving.tokens`)."""

from __future__ import annotations

from troc.serving.tokens import Token, Tokens, digest
from troc.till.tables import tokens
from troc.till.writer import Turn

_TOKENS = Tokens(tokens, "troc_till_", "troc till token")
add, listed, revoke = _TOKENS.add, _TOKENS.listed, _TOKENS.revoke


def holder_of(turn: Turn, token: str) -> str:
    """The name of a good token; asked anew in each transaction."""
    return turn.holder_of(_TOKENS, token)


__all__ = ["Token", "add", "digest", "holder_of", "listed", "revoke"]
