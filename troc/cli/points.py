"""`troc points`: balance, list, send, redeem, exchange."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

import typer

from troc import words
from troc.cli import pending, vouchers
from troc.cli.acting import (
    agreed,
    amount_form,
    brand_form,
    holding_form,
    mind,
    sent_form,
    troc_of,
    warnings,
)
from troc.cli.session import session_of
from troc.errors import InputError
from troc.points import Holding

app = typer.Typer(no_args_is_help=True, help="Points: what you hold and until when, giving, redeeming.")
app.command()(vouchers.claim)
app.command()(pending.pending)

_Of = Annotated[str, typer.Option("--of", help="Address to look at (default: your account)")]
_Points = Annotated[str, typer.Argument(metavar="POINTS", help='Such as "30 PANIER"')]


class Switch(StrEnum):
    """On or off."""

    ON = "on"
    OFF = "off"


def _lines(holding: Holding) -> list[str]:
    lines = [f"{holding.brand.number(holding.total)} {holding.brand.title}"]
    lines += [f"  {line}" for line in holding.text()]
    if not holding.exchange_on:
        lines.append("  kept from the exchange")
    return lines


@app.command()
def balance(
    context: typer.Context,
    brand: Annotated[str, typer.Argument(metavar="BRAND", help="Symbol, proven domain or address")],
    of: _Of = "",
) -> None:
    """Points of one brand, by the day until which they are good."""
    session = session_of(context)
    holding = troc_of(session).balance(brand, session.address_of(of) if of else None)
    session.result(holding_form(holding), "\n".join(_lines(holding)))


@app.command("list")
def list_(
    context: typer.Context,
    of: _Of = "",
    everything: Annotated[bool, typer.Option("--all", help="Every brand that there is instead")] = False,
) -> None:
    """Points of every brand."""
    session = session_of(context)
    troc = troc_of(session)
    if everything:
        brands = troc.brands.all()
        session.result(
            {
                "brands": [
                    brand_form(brand)
                    | {"looks_like": [other.address for other in troc.brands.lookalikes(brand)]}
                    for brand in brands
                ]
            },
            "\n".join(
                line
                for brand in brands
                for line in (
                    f"{brand.title}  {brand.address}  points live {words.life(brand.epoch_length)}",
                    *(f"  {note}" for note in mind(troc, brand)),
                )
            )
            or "There is no brand yet: launch one with `troc brand launch NAME SYMBOL`.",
        )
        return
    holdings = troc.holdings(session.address_of(of) if of else None)
    session.result(
        {"holdings": [holding_form(holding) for holding in holdings]},
        "\n".join(line for holding in holdings for line in _lines(holding)) or "No points yet.",
    )


@app.command()
def send(
    context: typer.Context,
    points: _Points,
    to: Annotated[str, typer.Argument(help="Address of the recipient")],
) -> None:
    """Give points away, those that expire soonest first."""
    session = session_of(context)
    troc = troc_of(session)
    side = troc.side(points)
    to = session.address_of(to, "recipient")
    preview = amount_form(side.brand, side.units) | {"to": to}
    troc.points.check(side.brand, troc.address, side.units)
    text = f"You give {side.text} to {to}, those that expire soonest first.{warnings(troc, side.brand)}"
    if agreed(session, text, preview, "Give them?"):
        session.result(preview | sent_form(troc.send(points, to)), f"Gave {side.text} to {to}.")


@app.command()
def redeem(
    context: typer.Context,
    points: _Points,
    receipt: Annotated[
        str, typer.Argument(help="What the brand gave (`troc brand receipt`): 0x and 64 hex digits")
    ],
) -> None:
    """Spend points at their brand for a receipt, those that expire soonest first."""
    session = session_of(context)
    troc = troc_of(session)
    side = troc.side(points)
    if not re.fullmatch(r"0x[0-9a-fA-F]{64}", receipt):
        raise InputError(
            f"{receipt!r} is no receipt",
            "copy 0x and 64 hex digits from the brand, which makes them with `troc brand receipt`",
        )
    troc.points.check(side.brand, troc.address, side.units)
    preview = amount_form(side.brand, side.units) | {"receipt": receipt}
    text = f"You spend {side.text} at the brand for the receipt {receipt}, those that expire soonest first."
    if agreed(session, text, preview, "Spend them?"):
        done = troc.redeem(points, bytes.fromhex(receipt[2:]))
        session.result(preview | sent_form(done), f"Spent {side.text}.")


@app.command()
def exchange(
    context: typer.Context,
    switch: Annotated[Switch, typer.Argument(help="Whether signed orders may move your points")],
    brand: Annotated[str, typer.Argument(metavar="BRAND", help="Symbol, proven domain or address")],
) -> None:
    """Keep your points of a brand from the exchange, or allow it again."""
    session = session_of(context)
    troc = troc_of(session)
    found = troc.brand(brand)
    text = (
        f"Orders that you sign can be settled with your {found.name}."
        if switch is Switch.ON
        else f"No order can be settled with your {found.name} until you switch this on again."
    )
    preview = {"token": found.address, "exchange_on": switch is Switch.ON}
    if agreed(session, text, preview, f"Switch it {switch}?"):
        done = troc.set_exchange(found, switch is Switch.ON)
        session.result(preview | sent_form(done), f"The exchange is {switch} for your {found.name}.")
