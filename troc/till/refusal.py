"""What a till answers when it says no."""

from __future__ import annotations

from typing import Any

from troc.errors import TrocError


class RefusalError(TrocError):
    """A request that the till refuses.

    `code` is a word for programs, `status` HTTP's.
    """

    exit_code = 21

    def __init__(self, code: str, status: int, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.code = code
        self.status = status

    def as_json(self) -> dict[str, Any]:
        """Adds the `code`."""
        return super().as_json() | {"code": self.code}


def differs(receipt: str, before: str) -> RefusalError:
    """The same receipt with another content."""
    return RefusalError(
        "receipt_differs",
        409,
        f"the receipt {receipt} stands for {before}",
        "use a new number for a new sale",
    )
