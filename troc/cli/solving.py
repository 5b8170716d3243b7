"""`troc trade solve` and `troc trade audit`: clearing the open book, and checking how somebody did."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troc import words
from troc.brands import Brand
from troc.cli.acting import agreed, amount_form, troc_of
from troc.cli.session import Session, session_of
from troc.client import Troc
from troc.errors import ChecksFailedError, InputError, PendingError, TrocError

if TYPE_CHECKING:
    from troc.market.audit import BatchAudit
    from troc.market.batches import Solution
    from troc.market.solving import Settling, Solver

_SPAN = re.compile(r"(\d{1,6})\s*(s|m|h|)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
_ID_DIGITS = 14
_SHOWN_FLOWS = 12


def pause_of(text: str) -> int:
    """Seconds of a pause such as 60s or 5m."""
    found = _SPAN.fullmatch(text.strip())
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= words.DAY:
        raise InputError(
            f"--every {text!r} is no sensible pause", "write seconds or minutes, as in 60s or 5m"
        )
    return seconds


def solve(
    context: typer.Context,
    submit: Annotated[bool, typer.Option("--submit", help="Publish the batch and settle it")] = False,
    every: Annotated[
        str, typer.Option(help="Do so again and again with this pause, until Ctrl-C: 60s, 5m")
    ] = "",
    orders: Annotated[
        int, typer.Option(min=2, max=400, help="Orders in one settlement; more where cutting loses much")
    ] = 30,
    window: Annotated[
        int, typer.Option(min=1, max=60, help="Minutes within which the batch is to be settled")
    ] = 20,
    database: Annotated[
        str, typer.Option(help="URL of the solver's journal (default: a file in the folder of the chain)")
    ] = "",
) -> None:
    """Find prices at which the open orders trade, and who trades what. Anyone may, also with --submit."""
    # Needs NumPy, SciPy and SQLAlchemy, which not everybody has.
    from troc.market.solving import Solver

    session = session_of(context)
    pause = pause_of(every) if every else 0
    troc = troc_of(session)
    solver = Solver(troc, database or None)
    if not submit:
        while True:
            try:
                _look(session, troc, solver, orders, window * 60)
            except TrocError as error:
                if not pause:
                    raise
                session.say(f"{error} Tried again in {pause:,} s.")
            if not pause:
                return
            time.sleep(pause)
    if not pause:
        _submit_once(session, troc, solver, orders, window * 60)
        return
    if session.options.dry_run:
        raise InputError("--every sends, and --dry-run forbids it", "leave one of them out")
    session.say(f"Every {pause:,} seconds a batch is published and settled; {troc.sender.address} pays.")
    if not session.confirm("Begin?"):
        raise PendingError("nothing was sent", "run it again if you change your mind")
    with solver.alone():
        while True:
            _submit_again(session, troc, solver, orders, window * 60)
            time.sleep(pause)


def _look(session: Session, troc: Troc, solver: Solver, orders: int, seconds: int) -> None:
    solution, gas = solver.propose(orders, seconds)
    session.result(_solution_form(troc, solution, gas), _solution_text(troc, solution, gas))


def _submit_once(session: Session, troc: Troc, solver: Solver, orders: int, seconds: int) -> None:
    sender = troc.sender
    with solver.alone():
        done = [] if session.options.dry_run else solver.resume(sender, session.say)
        solution, gas = solver.propose(orders, seconds, sender.address)
        form, text = _solution_form(troc, solution, gas), _solution_text(troc, solution, gas)
        if not solution.settlements:
            session.result(
                form | {"sent": bool(done), "batches": [_settling_form(each) for each in done]}, text
            )
            return
        if agreed(session, text, dict(form), "Publish and settle it?"):
            done += solver.run(sender, orders, seconds, session.say, solution)
            session.result(
                form | {"sent": True, "batches": [_settling_form(each) for each in done]},
                f"Check it with `troc trade audit {done[-1].id[:_ID_DIGITS]}`.",
            )


def _submit_again(session: Session, troc: Troc, solver: Solver, orders: int, seconds: int) -> None:
    """One turn of many: what goes wrong is told, and the next turn tries again."""

    def tell(text: str) -> None:
        session.say(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {text}")

    try:
        done = solver.run(troc.sender, orders, seconds, tell)
    except TrocError as error:
        tell(str(error))
        return
    if not done:
        tell("nothing can be traded")
    elif session.options.as_json:
        session.result({"batches": [_settling_form(each) for each in done]})


def audit(
    context: typer.Context,
    batch: Annotated[
        str, typer.Argument(metavar="[BATCH]", help="Its id or the beginning of it (default: the last one)")
    ] = "",
) -> None:
    """Check what a solver said of a batch, without believing a word of it. Needs an archive node."""
    from troc.market.audit import audit_batch
    from troc.market.evidence import Evidence
    from troc.market.records import named_batch, published_batches

    session = session_of(context)
    troc = troc_of(session)
    manifest = troc.manifest
    book = troc.chain.contract("OrderBook", manifest.address("OrderBook"))
    published = named_batch(published_batches(troc.chain, book, manifest.first_block), batch)
    evidence = Evidence(
        troc.chain,
        manifest.address("Brands"),
        manifest.address("OrderBook"),
        troc.exchange_domain,
        manifest.first_block,
    )
    found = audit_batch(troc.chain, evidence, published)
    lines = [
        f"Batch {published.id}, published by {published.solver} in block {published.block:,}.",
        *(f"{item.name:<12} {item.verdict:<15} {item.text}" for item in found.items),
    ]
    session.result(_audit_form(found), "\n".join(lines))
    if not found.holds:
        failed = words.listed(item.name for item in found.items if item.verdict == "does not hold")
        raise ChecksFailedError(
            f"the record of batch {published.id[:_ID_DIGITS]} does not hold ({failed})",
            f"do not trust prices of {published.solver}",
        )


# ------------------------------------------------------------------------------------------- text and forms


def _brand(troc: Troc, token: str) -> Brand:
    brand = troc.brands.by_address(token)
    assert brand is not None
    return brand


def _solution_text(troc: Troc, solution: Solution, gas: list[int]) -> str:
    from troc.market.summary import prices_text, summarise

    summary = summarise(solution)
    record = solution.record
    count = words.count(len(solution.gathered.orders), "open order")
    if not summary.traded:
        lines = [f"{count}, and none can be traded."]
    else:
        lines = [f"{count}, {summary.traded:,} of them trade, in {words.count(len(gas), 'settlement')}."]
        lines += [f"Prices: {line}." for line in prices_text(solution, lambda token: _brand(troc, token))]
        for flow in summary.flows[:_SHOWN_FLOWS]:
            give, want = _brand(troc, flow.give), _brand(troc, flow.want)
            verb = "gives" if flow.orders == 1 else "give"
            lines.append(
                f"  {words.count(flow.orders, 'order')} {verb} {give.text(flow.given)}"
                f" for {want.text(flow.received)}"
            )
        if len(summary.flows) > _SHOWN_FLOWS:
            lines.append(f"  and {words.count(len(summary.flows) - _SHOWN_FLOWS, 'pair')} more")
        share = record.surplus / record.bound if record.bound else 1.0
        lines.append(f"Makers gain {100 * share:.2f} % of what no settlement at these prices could exceed.")
        lines.append(f"{sum(gas):,} gas to settle, {sum(gas) // summary.traded:,} an order.")
    reasons = summary.by_reason()
    if reasons:
        lines.append("Not, or not wholly, traded:")
        lines += [f"  {words.count(number, 'order')}: {why}" for why, number in reasons.items()]
    return "\n".join(lines)


def _solution_form(troc: Troc, solution: Solution, gas: list[int]) -> dict[str, Any]:
    from troc.market.summary import summarise

    summary = summarise(solution)
    gathered = solution.gathered
    given, received = solution.given.tolist(), solution.received.tolist()
    return {
        "block": gathered.closing.block,
        "settle_by": gathered.closing.settle_by,
        "orders": len(gathered.orders),
        "traded": summary.traded,
        "record": solution.record.to_json(),
        "fills": [
            {
                "order": "0x" + candidate.digest.hex(),
                "gives": amount_form(_brand(troc, candidate.order.give_token), given[place]),
                "gets": amount_form(_brand(troc, candidate.order.want_token), received[place]),
            }
            for place, candidate in enumerate(gathered.orders)
            if given[place]
        ],
        "not_filled": [
            {
                "order": "0x" + gathered.orders[each.place].digest.hex(),
                "why": str(each.why),
                "asks_more_by": None if each.above is None else float(each.above),
            }
            for each in summary.shortfalls
        ],
        "settlements": [
            {"hash": "0x" + each.hash.hex(), "calldata": "0x" + each.data.hex(), "gas": units}
            for each, units in zip(solution.settlements, gas, strict=True)
        ],
    }


def _settling_form(settling: Settling) -> dict[str, Any]:
    return {
        "id": settling.id,
        "settlements": settling.settlements,
        "settled": list(settling.settled),
        "by_others": settling.elsewhere,
        "failed": list(settling.failed),
        "gas": settling.gas,
        "fee": str(settling.fee),
    }


def _audit_form(found: BatchAudit) -> dict[str, Any]:
    published, figures = found.published, found.figures
    return {
        "id": published.id,
        "solver": published.solver,
        "block": published.block,
        "transaction": published.transaction,
        "record": published.record.to_json(),
        "holds": found.holds,
        "checks": [item.as_json() for item in found.items],
        "settled": list(found.settled),
        "figures": figures
        and {
            "surplus": str(figures.surplus),
            "bound": str(figures.bound),
            "unfilled": str(figures.unfilled),
            "traded": str(figures.traded),
            "deviation": str(figures.deviation),
        },
    }
