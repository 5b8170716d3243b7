"""`troc brand adjust`, `troc brand limits`: goodwill with a reason, a limit, and a second pair of eyes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from troc import words
from troc.accounts import Signer, address_of, open_account
from troc.cli.acting import agreed, amount_form
from troc.cli.members import BrandName, Database, Desk, PasswordFile, desk_of, units_of
from troc.cli.session import Session
from troc.errors import AccountError, InputError

if TYPE_CHECKING:
    from troc.programme.adjusting import Decision, Policy


def _open(session: Session, name: str, file: Path | None, option: str) -> Signer:
    try:
        return open_account(name, session.config, file, session.ask_secret if sys.stdin.isatty() else None)
    except AccountError as error:
        if "nobody to ask" not in error.message:
            raise
        raise AccountError(error.message, f"name a file that holds it with {option}") from None


_AgentFile = Annotated[Path | None, typer.Option(help="File with the agent's passphrase")]
_Grant = Annotated[int | None, typer.Option(help="Issue out of this grant of --account")]
_SecondFile = Annotated[Path | None, typer.Option(help="File with the second agent's passphrase")]


def adjust(
    context: typer.Context,
    brand: BrandName,
    who: Annotated[str, typer.Argument(metavar="CARD|ADDRESS", help="Whose points")],
    amount: Annotated[str, typer.Argument(help='Whole points: "+50" gives, "-50" notes that she owes them')],
    reason: Annotated[str, typer.Option(help="Why")],
    agent: Annotated[str, typer.Option(help="The account of who decides")],
    second: Annotated[str, typer.Option(help="The account of the second person, above the limit")] = "",
    reference: Annotated[str, typer.Option(help="Tells apart two equal adjustments of one day")] = "",
    grant: _Grant = None,
    ask: Annotated[
        Path | None,
        typer.Option(help="Only sign, into this new file, for a second person at another machine"),
    ] = None,
    agent_password_file: _AgentFile = None,
    second_password_file: _SecondFile = None,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Give points as goodwill, or note that a customer owes some. Nobody takes points from her."""
    sign, digits = amount[:1], amount[1:]
    if sign not in ("+", "-"):
        raise InputError(f"{amount!r} says neither more nor less", "write +50 or -50")
    desk = desk_of(context, brand, database, members_password_file)
    units = units_of(digits, desk.brand) * (1 if sign == "+" else -1)
    if ask is not None and second:
        raise InputError("the second person signs elsewhere, or here", "leave --ask or --second away")
    text = _text(desk, who, units, reason)
    if not agreed(desk.session, text, {"who": who, "units": str(units)}, "Do it?"):
        return
    first = _open(desk.session, agent, agent_password_file, "--agent-password-file")
    adjusting = desk.programme.adjusting
    if ask is not None:
        adjusting.ask(who, units, reason, first, reference).write(ask)
        desk.session.result(
            {"file": str(ask), "decided": False},
            f"Signed into {ask}. Nothing is decided: give it to another agent, who runs `troc brand"
            f" countersign {desk.brand.symbol} {ask.name}`.",
        )
        return
    other = _open(desk.session, second, second_password_file, "--second-password-file") if second else None
    _carry_out(desk, adjusting.decide(who, units, reason, first, other, reference), grant)


def countersign(
    context: typer.Context,
    brand: BrandName,
    file: Annotated[Path, typer.Argument(help="What the first person wrote with `brand adjust --ask`")],
    agent: Annotated[str, typer.Option(help="Your account, which signs as the second person")],
    grant: _Grant = None,
    agent_password_file: _AgentFile = None,
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Sign an adjustment as the second person, at another machine, and have it done."""
    from troc.programme.adjusting import Asked

    asked = Asked.read(file)
    desk = desk_of(context, brand, database, members_password_file)
    text = f"{asked.address} asks: {_text(desk, asked.who, asked.units, asked.reason)}"
    if not agreed(desk.session, text, {"who": asked.who, "units": str(asked.units)}, "Sign it, and do it?"):
        return
    signer = _open(desk.session, agent, agent_password_file, "--agent-password-file")
    _carry_out(desk, desk.programme.adjusting.countersign(asked, signer), grant)


def _text(desk: Desk, who: str, units: int, reason: str) -> str:
    points = desk.brand.text(abs(units))
    return (
        f"{who} gets {points}: {reason}."
        if units > 0
        else f"{points} too many for {who}: {reason}. What is kept for her as a claim is reduced, the rest is"
        " a debt that is netted against later earnings. Points that she holds stay hers."
    )


def _carry_out(desk: Desk, decision: Decision, grant: int | None) -> None:
    token = desk.troc.brands.token(desk.brand)
    adjusting = desk.programme.adjusting
    done = adjusting.carry_out(decision, desk.session.chain, token, desk.troc.sender, grant)
    parts = [
        f"{desk.brand.text(value)} {what}"
        for value, what in (
            (done.issued, "issued"),
            (done.claimed, "added to her claim"),
            (done.reduced, "taken off her claim"),
            (done.debt, "noted as her debt"),
        )
        if value
    ]
    said = f"{words.listed(parts)}; entry {decision.entry.sequence} of the journal."
    if done.known:
        said = f"Done before: {said} For another one, give it a --reference."
    desk.session.result(
        {
            name: amount_form(desk.brand, getattr(done, name))
            for name in ("issued", "claimed", "reduced", "debt")
        }
        | {"transaction": done.transaction, "known": done.known, "entry": decision.entry.sequence},
        said,
    )


def limits(
    context: typer.Context,
    brand: BrandName,
    agent: Annotated[list[str] | None, typer.Option(help="An account that may adjust; two or more")] = None,
    per_day: Annotated[str, typer.Option(help="Whole points that each may adjust in a day (UTC)")] = "",
    second_above: Annotated[str, typer.Option(help="Above so many whole points it takes two")] = "",
    sign: Annotated[list[str] | None, typer.Option(help="The two agents that sign the change")] = None,
    sign_password_file: Annotated[
        list[Path] | None, typer.Option(help="Files with their passphrases, in the same order")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for the journal")] = "",
    database: Database = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Show who may adjust points and how much; with --agent, --per-day, --second-above, --sign: change it."""
    desk = desk_of(context, brand, database, members_password_file)
    from troc.programme.adjusting import Policy

    adjusting = desk.programme.adjusting
    if not (agent or per_day or second_above or sign):
        policy = adjusting.policy()
        if policy is None:
            desk.session.result({"agents": {}}, "Nobody may adjust points yet.")
            return
        desk.session.result(policy.as_json(), _limits_text(policy.agents.values(), policy, desk.brand.text))
        return
    if not (agent and per_day and second_above and sign and len(sign) == 2):
        raise InputError(
            "limits are set as a whole", "give --agent twice or more, --per-day, --second-above, --sign twice"
        )
    config = desk.session.config
    policy = Policy(
        {address_of(name, config): name for name in agent},
        units_of(per_day, desk.brand),
        0 if second_above.strip() == "0" else units_of(second_above, desk.brand),
    )
    text = _limits_text(agent, policy, desk.brand.text)
    if not agreed(desk.session, text, policy.as_json(), "Set these limits?"):
        return
    files = [*(sign_password_file or ()), None, None]
    option = "--sign-password-file, given twice in the order of --sign"
    first, second = (
        _open(desk.session, name, file, option) for name, file in zip(sign, files[:2], strict=True)
    )
    entry = adjusting.set_policy(policy, first, second, reason)
    desk.session.result(
        policy.as_json() | {"entry": entry.sequence}, f"Set by entry {entry.sequence} of the journal."
    )


def _limits_text(agents: Iterable[str], policy: Policy, text: Callable[[int], str]) -> str:
    return (
        f"{words.listed(agents)} may adjust {text(policy.per_day)} a day each;"
        f" more than {text(policy.second_above)} at once takes two of them."
    )
