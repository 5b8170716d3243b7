"""`troc points`: balance, list, send, redeem, exchange."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from pathlib import Path
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
from troc.messages import Redeem
from troc.messages import sign as sign_message
from troc.points import Holding
from troc.vouchers import write_secret

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
def sign(
    context: typer.Context,
    draft: Annotated[Path, typer.Argument(help="A till's draft of what you spend, as it sent it")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new file, to be sent to the till")],
) -> None:
    """Sign what you spend at a till: read its draft, and write what the till is to get."""
    session = session_of(context)
    troc = troc_of(session)
    receipt, message, token = _read_draft(draft)
    brand = troc.brand(token)
    if message.holder != session.address:
        raise InputError(
            f"this draft is for {message.holder}, not for {session.address}", "use --account with that one"
        )
    if message.deadline <= session.chain.now():
        raise InputError(
            f"this draft was good until {words.moment(message.deadline)}", "ask the till for a new one"
        )
    if output.exists():
        raise InputError(f"{output} is there already", "choose another name")
    text = (
        f"You spend {brand.text(message.amount)} for the sale {receipt}, through the till {message.agent},"
        f" which has your signature until {words.moment(message.deadline)}.{warnings(troc, brand)}"
    )
    preview = amount_form(brand, message.amount) | {"receipt": receipt, "agent": message.agent}
    if not agreed(session, text, preview, "Sign it?"):
        return
    signature = sign_message(message, brand.domain_of_messages(session.chain.chain_id), session.signer)
    body = {"receipt": receipt, "message": message.to_json(), "signature": "0x" + signature.hex()}
    write_secret(output, (json.dumps(body) + "\n").encode())
    session.result(preview | {"file": str(output)}, f"Signed: {output} goes to the till's /redeem.")


def _read_draft(path: Path) -> tuple[str, Redeem, str]:
    """Receipt, message and token of a till's draft."""
    try:
        data = json.loads(path.read_text())
        message = Redeem.from_json(data["message"])
        shown = Redeem.from_json(data["typed_data"]["message"])
        token = data["typed_data"]["domain"]["verifyingContract"]
        if shown != message or not isinstance(token, str) or not isinstance(data["receipt"], str):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{path} is no draft of a till", "name what its /redeem/draft answered") from None
    return data["receipt"], message, token


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
