"""`troc brand desk`: standing behind one's points at a buying and a selling price."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troc import words
from troc.cli.acting import agreed, amount_form, troc_of
from troc.cli.session import session_of
from troc.cli.solving import pause_of
from troc.errors import AccountError, InputError, TrocError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from troc.market.desk import Line


def desk(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The desk's file: pairs, prices, caps (docs/market.md)")],
    every: Annotated[
        str, typer.Option(help="Renew it again and again with this pause, until Ctrl-C: 60s, 10m")
    ] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="End all of its orders for good")] = False,
    report: Annotated[bool, typer.Option("--report", help="Show what it has, gave and offers")] = False,
) -> None:
    """Stand behind your points: signed orders at your buying and selling price, within caps."""
    # Needs SQLAlchemy, which not everybody has.
    from troc.market.desk import Desk, read_plan

    session = session_of(context)
    pause = pause_of(every) if every else 0
    if sum((bool(every), withdraw, report)) > 1:
        raise InputError("it is not clear what to do", "use one of --every, --withdraw and --report")
    troc = troc_of(session)
    plan = read_plan(file, troc)
    running = Desk(troc, plan)
    if report:
        lines = running.report()
        session.result(_form(lines), "\n".join(line.text() for line in lines))
        return
    if withdraw:
        if agreed(session, "Every order of this desk ends for good.", {"withdraw": True}, "End them?"):
            brands = running.withdraw()
            session.result(
                {"sent": True, "ended": [brand.symbol for brand in brands]},
                f"Ended what the desk gave of {words.listed(brand.name for brand in brands)}.",
            )
        return
    told = [
        f"Gives {price.give.name} at {float(price.rate):.6g} {price.want.name} a point"
        for price in plan.prices
    ]
    if not agreed(session, "\n".join(told), {"prices": told}, "Stand behind it?"):
        return
    while True:
        try:
            done = running.renew()
            data: dict[str, Any] = {"sent": True, "published": done.published, "kept": done.kept}
            session.result(
                data
                | {"ended": [each.symbol for each in done.ended]}
                | {"others": [each.symbol for each in done.others]}
                | _form(done.lines),
                done.text(),
            )
        except TrocError as error:
            # Whatever passes by itself, or is mended elsewhere: a desk that ends stands behind nothing.
            if not pause or isinstance(error, AccountError | InputError):
                raise
            session.say(f"{error} Tried again in {pause} s.")
        if not pause:
            return
        time.sleep(pause)


def _form(lines: Sequence[Line]) -> dict[str, Any]:
    return {
        "brands": [
            {
                "has": amount_form(line.brand, line.has),
                "given_today": amount_form(line.brand, line.given_today),
                "given": amount_form(line.brand, line.given),
                "offered": amount_form(line.brand, line.offered),
            }
            for line in lines
        ]
    }
