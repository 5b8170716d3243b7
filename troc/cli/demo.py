"""`troc demo`: the demo on a chain of its own."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from troc import words
from troc.accounts import address_of
from troc.cli.session import session_of
from troc.demo.receipts import HOUSEHOLDS

OWNER = "dev:1"
"""Whose the household's data is on the chain of `troc up --demo`."""


def demo(
    context: typer.Context,
    households: Annotated[int, typer.Option(min=1, help="How many households take part")] = HOUSEHOLDS,
    files: Annotated[
        Path | None,
        typer.Option(help="Only write the grocer's files into this folder, to try out moving a programme"),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Only write a household's own data into this folder, to try out selling it"),
    ] = None,
    attention: Annotated[
        bool,
        typer.Option("--attention", help="Only pay the grocer's whole year of campaigns: 27, in two minutes"),
    ] = False,
) -> None:
    """Real receipts become points that are owned and traded: a story, told on a chain of its own."""
    # They need what `pip install '.[demo]'` brings, and no other command does.
    from troc.demo.files import write_files, write_household
    from troc.demo.telling import Teller

    session = session_of(context)
    if files is not None:
        written = write_files(files, int(time.time()))
        session.result(
            asdict(written),
            f"Wrote into {files}: members.csv with {written.points} points of"
            f" {words.count(written.members, 'member')} in {words.count(written.rows, 'row')};"
            f" receipts.parquet with {words.count(written.receipts, 'receipt')} of"
            f" {words.count(written.lines, 'line')}; products.parquet; rules.yaml.",
        )
        return
    if data is not None:
        own = write_household(data, address_of(OWNER))
        session.result(
            asdict(own),
            f"Wrote into {data}: dairy.json with {words.count(own.rows, 'row')} of household {own.household},"
            f" which is {OWNER}; grocer.csv with the grocer's {words.count(own.grocers_rows, 'row')};"
            " terms.yaml.",
        )
        return
    if attention:
        from troc.demo.year import pay_all

        done = pay_all(Teller(session.console))
        session.result(
            {"campaigns": len(done), "contacts": sum(each.paid for each in done)},
        )
        return
    from troc.demo.story import run

    teller = Teller(session.console)
    run(households, teller)
    session.result({"households": households, "checks": teller.checks})
