"""`troc demo`: the demo on a chain of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from troc.cli.session import session_of
from troc.demo.story import HOUSEHOLDS, run
from troc.demo.telling import Teller


def demo(
    context: typer.Context,
    households: Annotated[int, typer.Option(min=1, help="How many households take part")] = HOUSEHOLDS,
) -> None:
    """Real receipts become points that are owned and traded: a story, told on a chain of its own."""
    session = session_of(context)
    teller = Teller(session.console)
    run(households, teller)
    session.result({"households": households, "checks": teller.checks})
