"""`troc trade`: order, book, show, accept, cancel, settle, history, market."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from troc import words
from troc.brands import Brand
from troc.cli.acting import agreed, amount_form, sent_form, sides_form, standing_form, troc_of, warnings
from troc.cli.session import session_of
from troc.client import Troc
from troc.errors import InputError
from troc.messages import Order
from troc.orders import USUAL_OPEN, good_until, price_in_words
from troc.trade import Quote, Standing

app = typer.Typer(no_args_is_help=True, help="Trade points of one brand for points of another.")

_Order = Annotated[str, typer.Argument(metavar="ORDER", help="Its id, the beginning of it, or a file")]
_Live = Annotated[
    str | None,
    typer.Option(help="How long what you get must be good: 90d or 2027-02-19", show_default="30 days"),
]
_ID_DIGITS = 14


def _line(standing: Standing) -> str:
    order = standing.order
    parts = ", in parts" if order.allow_partial else ""
    price = price_in_words(order, standing.give, standing.want)
    return (
        f"{standing.entry.id[:_ID_DIGITS]}  gives {standing.give.number(standing.left)} {standing.give.name}"
        f" at {price}{parts}, {good_until(order.want_points_living_until)},"
        f" open until {words.moment(order.open_until)}"
    )


def _quote_form(quote: Quote) -> dict[str, object]:
    return {
        "takes": quote.standing.entry.id,
        "give": amount_form(quote.standing.want, quote.payment),
        "get": amount_form(quote.standing.give, quote.amount),
        "live_until": quote.live_until,
        "terms": quote.text(),
    }


@app.command()
def order(
    context: typer.Context,
    give: Annotated[str, typer.Argument(help='What you give, such as "120 PANIER"')],
    want: Annotated[str, typer.Argument(help='What you want, such as "90 BIOBOX"')],
    live: _Live = None,
    until: Annotated[
        str, typer.Option(help="How long the order is open: 12h, 7d or 2027-02-19")
    ] = USUAL_OPEN,
    in_parts: Annotated[bool, typer.Option("--in-parts", help="Parts of it may be settled")] = False,
    only: Annotated[str | None, typer.Option(help="Address of the only taker")] = None,
    file: Annotated[Path | None, typer.Option(help="Write it to this file instead of publishing it")] = None,
    new: Annotated[bool, typer.Option("--new", help="Take no open order, make one in any case")] = False,
) -> None:
    """Take an open order that fits, else make one: shown in words before you sign."""
    session = session_of(context)
    troc = troc_of(session)
    words_of_order: dict[str, Any] = {
        "live": live,
        "until": until,
        "in_parts": in_parts,
        "only": session.address_of(only, "the only taker") if only else None,
    }
    plan: Quote | Order
    if file is not None:
        plan = troc.draft(give, want, **words_of_order, unpublished=True)
    else:
        plan = troc.plan_trade(give, want, **words_of_order, new=new)
    if isinstance(plan, Quote):
        brands = plan.standing.give, plan.standing.want
        found = plan.standing.entry.id[:_ID_DIGITS]
        text = f"The open order {found} fits. {plan.text()}.{warnings(troc, *brands)}"
        preview = _quote_form(plan)
        question = "Take it?"
    else:
        brands = troc.brand(plan.give_token), troc.brand(plan.want_token)
        text = f"{troc.terms(plan)}.{warnings(troc, *brands)}{_offered(troc, brands[0], plan.give_amount)}"
        preview = {"terms": troc.terms(plan), "order": plan.to_json()}
        question = "Sign it?"
    if not agreed(session, text, dict(preview), question):
        return
    if file is not None and not isinstance(plan, Quote):
        signed = troc.sign(plan)
        troc.write(signed, file)
        session.result(
            {"took": False, "id": signed.id, "file": str(file), "sent": False, **preview},
            f"Signed the order {signed.id[:_ID_DIGITS]} into {file}. Who has the file can settle it.",
        )
        return
    outcome = troc.carry_out(plan)
    next_step = (
        "see `troc trade history`" if outcome.took else f"`troc trade show {outcome.order.id[:_ID_DIGITS]}`"
    )
    verb = "Took" if outcome.took else "Published"
    session.result(
        {
            "took": outcome.took,
            "id": outcome.order.id,
            "sent": True,
            "transaction": outcome.transaction,
            **preview,
        },
        f"{verb} the order {outcome.order.id[:_ID_DIGITS]}: {next_step}.",
    )


def _offered(troc: Troc, brand: Brand, units: int) -> str:
    """A line on the points that are offered in other open orders already."""
    others = troc.orders.open_of(troc.address, brand)
    if not others:
        return ""
    offered, total = sum(each.left for each in others), troc.balance(brand).total
    ids = words.listed(each.entry.id[:_ID_DIGITS] for each in others)
    line = f"\nYou offer {brand.number(offered)} of your {brand.text(total)} already, in {ids}"
    return f"{line}: not all of it can be filled." if offered + units > total else f"{line}."


@app.command()
def book(
    context: typer.Context,
    give: Annotated[str | None, typer.Option(help="Only orders that give points of this brand")] = None,
    want: Annotated[str | None, typer.Option(help="Only orders that want points of this brand")] = None,
    maker: Annotated[str | None, typer.Option(help="Only orders of this address")] = None,
) -> None:
    """Open orders."""
    session = session_of(context)
    standings = troc_of(session).open_orders(give, want, session.address_of(maker) if maker else None)
    session.result(
        {"orders": [standing_form(standing) for standing in standings]},
        "\n".join(map(_line, standings)) or "No open order: make one with `troc trade order`.",
    )


@app.command()
def show(context: typer.Context, order: _Order) -> None:
    """How an order stands, and what to do next."""
    session = session_of(context)
    troc = troc_of(session)
    standing = troc.show(order)
    session.result(
        standing_form(standing),
        f"{standing.entry.id}\n{standing.terms()}.\nState: {standing.state} ({standing.why}).\n"
        f"Next: {standing.next_step}.{warnings(troc, standing.give, standing.want)}",
    )


@app.command()
def accept(
    context: typer.Context,
    order: _Order,
    amount: Annotated[str | None, typer.Option(help="How much of what it gives (default: all)")] = None,
    live: Annotated[
        str | None, typer.Option(help="How long what you get must be good (default: as shown)")
    ] = None,
) -> None:
    """Take an order."""
    session = session_of(context)
    troc = troc_of(session)
    quote = troc.quote(order, amount, live)
    text = f"{quote.text()}.{warnings(troc, quote.standing.give, quote.standing.want)}"
    if agreed(session, text, _quote_form(quote), "Take it?"):
        receipt = troc.orders.take(quote, troc.signer, troc.submitter)
        session.result(_quote_form(quote) | sent_form(receipt), "Taken: see `troc trade history`.")


@app.command()
def settle(
    context: typer.Context,
    orders: Annotated[
        list[str], typer.Argument(metavar="ORDERS", help="Ids or files of orders that fit together")
    ],
) -> None:
    """Settle several orders that fit together, a swap among three included. You need no points for it."""
    session = session_of(context)
    troc = troc_of(session)
    standings, settlement = troc.plan_settlement(orders)
    lines = []
    for place, standing in enumerate(standings):
        given = standing.give.number(settlement.given[place])
        received = standing.want.number(settlement.received[place])
        lines.append(
            f"{place + 1}. {words.short(standing.order.maker)} gives {given} {standing.give.name}"
            f" and gets {received} {standing.want.name}"
        )
    preview = {
        "orders": [standing.entry.id for standing in standings],
        "transfers": [
            {
                "from": standings[move.giver].order.maker,
                "to": standings[move.receiver].order.maker,
                **amount_form(standings[move.giver].give, move.amount),
            }
            for move in settlement.transfers
        ],
    }
    if agreed(session, "\n".join(lines), preview, "Settle them?"):
        receipt = troc.orders.settle([standing.entry for standing in standings], settlement, troc.anyone)
        session.result(preview | sent_form(receipt), f"Settled {words.count(len(standings), 'order')}.")


@app.command()
def cancel(
    context: typer.Context,
    order: Annotated[
        str, typer.Argument(metavar="[ORDER]", help="Its id, the beginning of it, or a file")
    ] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Every order that you have signed so far")
    ] = False,
) -> None:
    """End an order of yours for good."""
    session = session_of(context)
    troc = troc_of(session)
    if bool(order) == everything:
        raise InputError("it is not clear what to end", "name one order, or use --all")
    if everything:
        if agreed(session, "Every order that you have signed so far ends.", {"all": True}, "End them?"):
            session.result({"all": True, **sent_form(troc.cancel_all())}, "Ended.")
        return
    standing = troc.show(order)
    troc.orders.check_cancellable(standing, troc.address)
    preview = {"id": standing.entry.id}
    if agreed(session, f"This order ends for good: {standing.terms(you=True)}.", dict(preview), "End it?"):
        session.result(preview | sent_form(troc.cancel(standing.entry)), "Ended.")


@app.command()
def history(
    context: typer.Context,
    of: Annotated[str, typer.Option("--of", help="Address to look at (default: your account)")] = "",
) -> None:
    """What you have traded."""
    session = session_of(context)
    trades = troc_of(session).history(session.address_of(of) if of else None)
    session.result(
        {
            "trades": [
                {
                    "time": trade.time,
                    "transaction": trade.transaction,
                    "gave": sides_form(trade.gave),
                    "got": sides_form(trade.got),
                    "asked": None
                    if trade.least is None
                    else amount_form(trade.least.brand, trade.least.units),
                }
                for trade in trades
            ]
        },
        "\n".join(trade.text() for trade in trades) or "No trade yet.",
    )


@app.command()
def market(
    context: typer.Context,
    base: Annotated[str, typer.Argument(metavar="BRAND", help="Brand whose points are counted")],
    quote: Annotated[str, typer.Argument(metavar="BRAND", help="Brand in whose points prices are told")],
    since: Annotated[str, typer.Option(help="First day, as in 2027-02-19", show_default="first trade")] = "",
    until: Annotated[str, typer.Option(help="Last day, as in 2027-03-31", show_default="now")] = "",
    plot: Annotated[Path | None, typer.Option(help="Draw price, volume, open orders: .png or .svg")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the trades to this CSV file")] = None,
    parquet: Annotated[Path | None, typer.Option(help="Write the trades to this Parquet file")] = None,
) -> None:
    """What was traded between two brands, at which prices, and what is open."""
    session = session_of(context)
    troc = troc_of(session)
    index = troc.index
    # Needs SQLAlchemy, which not everybody has.
    from troc.market.history import market_history
    from troc.market.history import plot as draw

    index.catch_up()
    first = words.parse_day(since) if since else 0
    last = words.parse_day(until) + words.DAY if until else None
    if last is not None and last <= first:
        raise InputError(f"{until} is before {since}", "name the earlier day with --since")
    for path, ending in ((csv, ".csv"), (parquet, ".parquet")):
        if path is not None and path.suffix.lower() != ending:
            raise InputError(f"{path} does not end in {ending}", f"let its name end in {ending}")
    found = market_history(index, troc.brand(base), troc.brand(quote), first, last)
    written = [found.write(path) for path in (csv, parquet) if path is not None]
    if plot is not None:
        written.append(draw(found, plot))
    lines = [found.text(), *(f"Wrote {path}." for path in written)]
    session.result(found.as_json() | {"files": [str(path) for path in written]}, "\n".join(lines))
