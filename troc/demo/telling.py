"""How the demo speaks: chapters, sentences, tables, and checks that are remembered."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from troc.errors import ChecksFailedError

_WIDTH = 112
"""Columns of text at most; and where nobody knows how wide the reader's page is."""


class Teller:
    """Tells the story: coloured on a terminal, plain text elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        if not self._console.is_terminal:
            self._console.width = _WIDTH
        self._width = min(self._console.width, _WIDTH)
        self._failed: list[str] = []
        self.checks = 0
        self._chapters = 0

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._chapters += 1
        self._console.print()
        self._console.print(Text(f"{self._chapters}. {title}", style="bold cyan"))

    def say(self, text: str) -> None:
        """Tell something; further lines are indented as the first. Square brackets are shown as they are."""
        for line in text.split("\n"):
            indent = line[: len(line) - len(line.lstrip())]
            self._console.print(
                Text(textwrap.fill(line, self._width, subsequent_indent=indent)), soft_wrap=True
            )

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> None:
        """Show a table; all columns but the first `left` are figures."""
        # Tables of the widest figures must fit a terminal of 80 columns.
        tight = 0 if self._console.width < _WIDTH else (0, 1)
        shape = box.SIMPLE if self._console.is_terminal else box.MARKDOWN
        table = Table(box=shape, header_style="bold", show_edge=False, pad_edge=False, padding=tight)
        for place, column in enumerate(columns):
            table.add_column(Text(column), justify="left" if place < left else "right")
        for row in rows:
            table.add_row(*map(Text, row))
        self._console.print(table)

    def check(self, text: str, holds: bool) -> None:
        """Show whether something that must hold does."""
        mark = Text("  ok      ", style="green") if holds else Text("  FAILED  ", style="bold red")
        told = textwrap.fill(text, self._width, initial_indent=mark.plain, subsequent_indent=" " * len(mark))
        self._console.print(mark + Text(told[len(mark) :]), soft_wrap=True)
        self.checks += 1
        if not holds:
            self._failed.append(text)

    def end(self) -> None:
        """Raise `ChecksFailedError` if anything did not hold."""
        if self._failed:
            raise ChecksFailedError(
                f"{len(self._failed)} of the demo's checks failed ({'; '.join(self._failed)})",
                "that is a defect of ours: please report it with the whole output",
            )
