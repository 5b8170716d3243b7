"""`troc trade quote` and `swap`: what the standing orders give now, and taking it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from troc.cli.acting import agreed, amount_form, troc_of, warnings
from troc.cli.session import session_of
from troc.errors import TrocError
from troc.orders import USUAL_OPEN, Side

if TYPE_CHECKING:
    from troc.market.swaps import SwapQuote

_Give = Annotated[
    str, typer.Argument(metavar="GIVE", help='"120 PANIER", or PANIER where WANT has an amount')
]
_Want = Annotated[str, typer.Argument(metavar="WANT", help='BIOBOX, or "80 BIOBOX" if GIVE has none')]
_Live = Annotated[
    str | None,
    typer.Option(help="How long what you get must be good: 90d or 2027-02-19", show_default="30 days"),
]


def quote(context: typer.Context, give: _Give, want: _Want, live: _Live = None) -> None:
    """What the standing orders give now, over several if need be. Nothing is sent."""

    session = session_of(context)
    found = troc_of(session).market.quote(give, want, live=live)
    session.result(_form(found), found.text() + warnings(troc_of(session), found.give, found.want))


def swap(
    context: typer.Context,
    give: _Give,
    want: _Want,
    live: _Live = None,
    worst: Annotated[
        str, typer.Option(help='The worst that you accept: an amount ("80 BIOBOX") or a share ("2%")')
    ] = "1%",
    in_parts: Annotated[bool, typer.Option("--in-parts", help="Swap a part if not all can be had")] = False,
    else_publish: Annotated[
        bool, typer.Option("--else-publish", help="Let what cannot be had at once wait as an order")
    ] = False,
    until: Annotated[
        str, typer.Option(help="How long that order is open: 12h, 7d or 2027-02-19")
    ] = USUAL_OPEN,
) -> None:
    """Swap at once over standing orders, in one settlement, at your worst price or better."""

    session = session_of(context)
    troc = troc_of(session)
    market = troc.market
    found = market.quote(give, want, live=live)
    lines = [found.text()]
    limit: Side | None = None
    try:
        brand = found.want if found.spend else found.give
        limit = Side(brand, market.worst(found, worst))
        lines.append(f"At worst you get {limit.text}." if found.spend else f"At worst you give {limit.text}.")
    except TrocError:
        if not else_publish:
            raise
    else:
        if not else_publish:
            market.check(found, limit.units, in_parts)
    text = "\n".join(lines) + warnings(troc, found.give, found.want)
    preview = _form(found) | {"worst": None if limit is None else amount_form(limit.brand, limit.units)}
    if not agreed(session, text, dict(preview), "Swap?"):
        return
    # What was shown binds: a share counts from that quote, not from a later one.
    done = market.swap(
        give,
        want,
        live=live,
        worst=worst,
        in_parts=in_parts,
        else_publish=else_publish,
        until=until,
        quote=found,
    )
    session.result(
        {
            "sent": True,
            "transaction": done.transaction,
            "by_others": done.by_others,
            "gave": amount_form(done.quote.give, done.gave),
            "got": amount_form(done.quote.want, done.got),
            "published": None if done.published is None else done.published.id,
            "worst": preview["worst"],
        },
        f"{done.text()}.",
    )


def _form(found: SwapQuote) -> dict[str, Any]:
    way = found.way
    batch = found.batch
    return {
        "give": amount_form(found.give, way.gives if way else 0),
        "get": amount_form(found.want, way.gets if way else 0),
        "complete": found.is_complete,
        "live_until": found.live_until,
        "way": found.way_in_words() if way else "",
        "orders": [entry.id for entry in found.entries],
        "between": [brand.symbol for brand in found.between],
        "depth": [
            {
                "factor": each.factor,
                "give": amount_form(found.give, each.gives),
                "get": amount_form(found.want, each.gets),
            }
            for each in found.depth
        ],
        "there": None if found.there is None else amount_form(found.want, found.there.gets),
        "last_batch": None
        if batch is None
        else {"id": batch.id, "time": batch.time, "units_per_unit": float(batch.rate)},
        "standing_orders": found.orders,
    }
