"""`troc brand watch`: rules over the index, and what they find."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from troc import words
from troc.cli.acting import troc_of
from troc.cli.members import BrandName, Database, PasswordFile, actor_of, desk_of, need_store
from troc.cli.session import Session, session_of
from troc.errors import InputError, NetworkError
from troc.messages import to_address

if TYPE_CHECKING:
    from troc.programme.watch import Fault, Finding, Findings, Round

NEW_FINDINGS = 30
"""Exit code where something new was found; 3 where a rule could not run and nothing new was found."""

IndexDatabase = Annotated[str, typer.Option("--index", help="URL of the index (default: the chain's file)")]

_EVERY = re.compile(r"(\d{1,6})\s*(s|m|h)")
_CLERK = "clerk"


class _RunUnlessTold(TyperGroup):
    """`troc brand watch PANIER` means `troc brand watch run PANIER`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunUnlessTold,
    no_args_is_help=True,
    help="Rules over the index that look for fraud. `troc brand watch BRAND` runs them.",
)


@app.command()
def run(
    context: typer.Context,
    brand: BrandName,
    rules: Annotated[
        list[Path] | None, typer.Option(help="A rule of your own (.sql), or a folder of them; repeatable")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Run them once (usual)")] = False,
    every: Annotated[
        str, typer.Option(help="Run them again after each such while (60s, 5m), until Ctrl-C")
    ] = "",
    clerks: Annotated[Path | None, typer.Option(help="File with addresses of clerks, one a line")] = None,
    days: Annotated[int, typer.Option(help="How far back something counts as new", min=1)] = 60,
    limit: Annotated[int, typer.Option(help="Seconds that one rule may take", min=1)] = 30,
    database: Database = "",
    index: IndexDatabase = "",
    members_password_file: PasswordFile = None,
) -> None:
    """Run the rules. Says what is new, each finding once; exit code 30 if there is something. With the
    passphrase of the members, those with the status "clerk" count as clerks.
    """
    need_store()
    from troc.index import Index
    from troc.programme.vault import open_brand_store
    from troc.programme.watch import Findings, Watch, read_rules

    session = session_of(context)
    if once and every:
        raise InputError("--once and --every exclude each other", "leave one away")
    pause = parse_every(every) if every else 0
    found = troc_of(session).brand(brand)
    chosen, faulty = read_rules(rules or [])
    known = _read_clerks(clerks) if clerks else []
    if members_password_file is not None:
        desk = desk_of(context, brand, database, members_password_file)
        known += [
            member.address
            for member in desk.programme.members.all()
            if member.address and member.status.strip().lower() == _CLERK
        ]
    followed = Index(session.chain, session.manifest, index or None)
    findings = Findings(open_brand_store(session.chain, found, database))
    watch = Watch(findings, followed, chosen, sorted(set(known)), days, limit)

    def step() -> Round:
        followed.catch_up()
        done = watch.run()
        _show(session, done.new, [*faulty, *done.faults], len(chosen))
        return done

    while pause:
        try:
            step()
        except NetworkError as error:
            # A node that is away for a while must not end a watch that nobody looks at.
            session.say(f"troc: {error}")
        time.sleep(pause)
    done = step()
    faults = [*faulty, *done.faults]
    raise typer.Exit(NEW_FINDINGS if done.new else InputError.exit_code if faults else 0)


@app.command("list")
def list_(
    context: typer.Context,
    brand: BrandName,
    every_one: Annotated[bool, typer.Option("--all", help="Also those that were laid aside")] = False,
    database: Database = "",
) -> None:
    """Show what was found and not laid aside."""
    session = session_of(context)
    findings = _findings(session, brand, database).all(open_only=not every_one)
    session.result(
        {"findings": [finding.as_json() for finding in findings]},
        "\n".join(map(_line, findings)) or "Nothing is open.",
    )


@app.command()
def ack(
    context: typer.Context,
    brand: BrandName,
    finding: Annotated[str, typer.Argument(metavar="ID", help="As it was shown")],
    reason: Annotated[str, typer.Option(help="Why, for the journal")],
    database: Database = "",
) -> None:
    """Lay a finding aside: it stays known, and the journal says who did so and why."""
    session = session_of(context)
    done = _findings(session, brand, database).acknowledge(finding, actor_of(session), reason)
    session.result(done.as_json(), f"{done.id} is laid aside; the journal has it.")


@app.command()
def rules(
    context: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder")],
) -> None:
    """Copy the built-in rules into a folder, to be changed and added to."""
    need_store()
    from troc.programme.watch import copy_rules

    files = copy_rules(output)
    session_of(context).result(
        {"files": [str(file) for file in files]},
        f"{words.count(len(files), 'rule')} in {output}; run them with --rules {output}.",
    )


def parse_every(text: str) -> int:
    """Seconds of "60s", "5m", "1h"."""
    found = _EVERY.fullmatch(text.strip().lower())
    seconds = int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]] if found else 0
    if not 0 < seconds <= 86_400:
        raise InputError(f"{text!r} is no such while", "write 60s, 5m or 1h, up to a day")
    return seconds


def _findings(session: Session, brand: str, database: str) -> Findings:
    need_store()
    from troc.programme.vault import open_brand_store
    from troc.programme.watch import Findings

    return Findings(open_brand_store(session.chain, troc_of(session).brand(brand), database))


def _read_clerks(file: Path) -> list[str]:
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeError):
        raise InputError(f"{file} cannot be read", "name a file with an address a line") from None
    cleaned = [line.split("#", 1)[0].strip() for line in lines]
    return [to_address(line, f"line {number} of {file}") for number, line in enumerate(cleaned, 1) if line]


def _line(finding: Finding) -> str:
    laid = " (laid aside)" if finding.acknowledged_at is not None else ""
    return f"{finding.id}  {finding.severity:6}  {finding.rule}: {finding.reason}{laid}"


def _show(session: Session, new: Iterable[Finding], faults: Iterable[Fault], rules: int) -> None:
    new, faults = list(new), list(faults)
    lines = [_line(finding) for finding in new] or [f"Nothing new by {words.count(rules, 'rule')}."]
    session.result(
        {
            "new": [finding.as_json() for finding in new],
            "faults": [{"rule": fault.rule, "said": fault.said} for fault in faults],
        },
        "\n".join(lines + [f"troc: {fault.said}" for fault in faults]),
    )
