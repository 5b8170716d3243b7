"""What a service answers when it says no."""

from __future__ import annotations

from typing import Any

from troc.errors import TrocError


class RefusalError(TrocError):
    """A request that a service refuses.

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
