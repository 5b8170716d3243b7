"""What commands that act share: the client of a session, looking before acting, and forms for `--json`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from troc import words
from troc.accounts import address_of, no_account
from troc.brands import Brand
from troc.chain import Receipt
from troc.cli.session import Session
from troc.client import Troc
from troc.errors import DeclinedError
from troc.lookalikes import foreign_letters
from troc.network import setting
from troc.orders import Side
from troc.points import Holding
from troc.trade import Standing


def troc_of(session: Session) -> Troc:
    """The client, acting as the session's account if one was named."""
    if session.options.submit_with:
        # Before anything is asked or signed.
        address_of(session.options.submit_with, session.config)
    named = session.options.account or setting("TROC_ACCOUNT")
    return Troc(
        session.chain,
        session.manifest,
        session.address if named else None,
        lambda: session.signer,
        (lambda: session.submitter) if session.options.submit_with else None,
        unnamed=no_account(session.config),
        relays=session.relays,
        say=session.say,
    )


def agreed(session: Session, text: str, data: dict[str, Any], question: str) -> bool:
    """Show what is about to happen, and ask. False under `--dry-run`, where `data` is the result.

    Raises `DeclinedError` for a no.
    """
    if session.options.dry_run:
        session.result(data | {"sent": False}, f"{text}\nNothing was sent.")
        return False
    session.say(text)
    if not session.confirm(question):
        raise DeclinedError("nothing was sent", "run it again if you change your mind")
    return True


def warnings(troc: Troc, *brands: Brand) -> str:
    """A line for each brand that claims a domain which was not asked, or that another looks like."""
    lines = [
        f"Unproven: {brand.name} claims {brand.domain} (`troc brand status {brand.address}` asks there)."
        for brand in brands
        if brand.domain and not brand.proven
    ]
    lines += [
        f"Mind: {brand.title}, {brand.address}, {note}." for brand in brands for note in mind(troc, brand)
    ]
    return "".join(f"\n{line}" for line in lines)


def mind(troc: Troc, brand: Brand) -> list[str]:
    """What an eye could miss of a brand's name and symbol."""
    notes = [
        f"looks like {other.title}, {other.address}: compare the address with what the brand itself says"
        for other in troc.brands.lookalikes(brand)
    ]
    foreign = foreign_letters(brand.symbol)
    if foreign:
        notes.append(f"has {words.listed(foreign)} in its symbol, which is no letter of A to Z")
    return notes


@contextmanager
def progress_bar(session: Session, doing: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """A bar for whoever looks on; gives what to tell how many are done, and of how many."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=session.console,
        disable=not total or not session.console.is_terminal,
        transient=True,
    )
    with bar:
        task = bar.add_task(doing, total=total)
        yield lambda done, _: bar.update(task, completed=done)


# ------------------------------------------------------------------------------------------- forms for --json


def amount_form(brand: Brand, units: int) -> dict[str, Any]:
    """An amount: in whole points for people, in smallest units for programs."""
    return {
        "token": brand.address,
        "symbol": brand.symbol,
        "amount": brand.number(units).replace(",", ""),
        "units": str(units),
    }


def brand_form(brand: Brand) -> dict[str, Any]:
    """A brand."""
    return {
        "token": brand.address,
        "name": brand.name,
        "symbol": brand.symbol,
        "decimals": brand.decimals,
        "life": words.life(brand.epoch_length),
        "domain": brand.domain,
        "proven": brand.proven,
    }


def holding_form(holding: Holding) -> dict[str, Any]:
    """What somebody holds of a brand, by expiry (Unix seconds)."""
    return amount_form(holding.brand, holding.total) | {
        "account": holding.account,
        "exchange_on": holding.exchange_on,
        "lots": [
            amount_form(holding.brand, lot.units) | {"expiry": lot.expiry}
            for lot in holding.lots
            if lot.units
        ],
    }


def sides_form(sides: Iterable[Side]) -> list[dict[str, Any]]:
    """Several amounts."""
    return [amount_form(side.brand, side.units) for side in sides]


def standing_form(standing: Standing) -> dict[str, Any]:
    """How an order stands."""
    return {
        "id": standing.entry.id,
        "state": str(standing.state),
        "why": standing.why,
        "next_step": standing.next_step,
        "terms": standing.terms(),
        "give": amount_form(standing.give, standing.order.give_amount),
        "want": amount_form(standing.want, standing.order.want_amount),
        "filled": amount_form(standing.give, standing.filled),
        "left": amount_form(standing.give, standing.left),
        "order": standing.order.to_json(),
        "signature": "0x" + standing.entry.signed.signature.hex(),
    }


def sent_form(receipt: Receipt) -> dict[str, Any]:
    """A transaction that is done. `fee` is in wei."""
    return {
        "sent": True,
        "transaction": receipt.transaction,
        "block": receipt.block,
        "gas": receipt.gas_used,
        "fee": str(receipt.fee),
    }
