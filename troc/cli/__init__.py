"""The command line `troc`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from copy import copy
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from troc import __version__
from troc.cli import (
    account,
    adjusting,
    attention,
    attention_campaigns,
    attention_claims,
    attention_credentials,
    attention_inbox,
    attention_roots,
    attention_signing,
    books,
    brand,
    data,
    data_consent,
    data_deals,
    data_vault,
    demo,
    desk,
    earning,
    importing,
    index,
    journal,
    market,
    members,
    notices,
    points,
    relay,
    solving,
    till,
    trade,
    up,
    watch,
)
from troc.cli.session import Options, Session
from troc.errors import TrocError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    # A traceback that shows local variables could show a key.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Loyalty points that customers own and trade.",
    epilog="Global options may stand anywhere in the line.",
)
brand.app.add_typer(members.app, name="members")
brand.app.add_typer(journal.app, name="journal")
brand.app.add_typer(watch.app, name="watch")
brand.app.add_typer(notices.app, name="notices")
brand.app.command("adjust", context_settings={"ignore_unknown_options": True})(adjusting.adjust)
brand.app.command("countersign")(adjusting.countersign)
brand.app.command("limits")(adjusting.limits)
brand.app.command("status")(books.status)
brand.app.command("liability")(books.liability)
brand.app.command("balances")(books.balances)
brand.app.command("report")(books.report)
journal.app.command("month")(books.month)
points.app.command("statement")(books.statement)
points.app.command("link")(members.sign_link)
app.add_typer(account.app, name="account")
app.add_typer(brand.app, name="brand")
brand.app.command("desk")(desk.desk)
brand.app.command("earn")(earning.earn)
brand.app.command("import")(importing.import_members)
app.add_typer(data.app, name="data")
app.add_typer(points.app, name="points")
app.add_typer(relay.app, name="relay")
app.add_typer(till.app, name="till")
trade.app.command("quote")(market.quote)
trade.app.command("swap")(market.swap)
app.add_typer(trade.app, name="trade")
trade.app.command("solve")(solving.solve)
trade.app.command("audit")(solving.audit)
# Each of these registers its commands on `data.app`.
_DATA = (data_vault, data_consent, data_deals)
app.add_typer(attention.app, name="attention")
# Each of these registers its commands on `attention.app`.
_ATTENTION = (
    attention_campaigns,
    attention_claims,
    attention_credentials,
    attention_inbox,
    attention_roots,
    attention_signing,
)
app.command("up")(up.up)
app.command("index")(index.index)
app.command("demo")(demo.demo)

_FLAGS = ("--json", "--dry-run", "--yes")
_VALUES = (
    "--network",
    "--rpc",
    "--account",
    "--password-file",
    "--submit-with",
    "--submit-password-file",
    "--relay",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    network: Annotated[str, typer.Option(help="A file of config/ (default: TROC_NETWORK, else local)")] = "",
    rpc: Annotated[
        str, typer.Option(help="Address of the node (default: TROC_RPC_URL, else the network's)")
    ] = "",
    account: Annotated[str, typer.Option(help="Who acts (default: TROC_ACCOUNT)")] = "",
    password_file: Annotated[
        Path | None,
        typer.Option(help="File with the passphrase (default: TROC_PASSWORD_FILE, else you are asked)"),
    ] = None,
    submit_with: Annotated[
        str, typer.Option(help="Another account that sends and pays; the one that acts only signs")
    ] = "",
    submit_password_file: Annotated[
        Path | None, typer.Option(help="File with that account's passphrase (default: you are asked)")
    ] = None,
    relays: Annotated[
        list[str] | None,
        typer.Option(
            "--relay",
            help="A relay that submits what you sign, so that you need no ether; several are tried in turn"
            " (default: TROC_RELAY)",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, send nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to what would be asked")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    context.obj = Session(
        Options(
            network=network,
            rpc=rpc,
            account=account,
            password_file=password_file,
            submit_with=submit_with,
            submit_password_file=submit_password_file,
            relays=tuple(relays or ()),
            as_json=as_json,
            dry_run=dry_run,
            yes=yes,
        )
    )


def globals_first(arguments: list[str]) -> list[str]:
    """Move global options to the front, where click wants them, from wherever a person wrote them."""
    front: list[str] = []
    rest: list[str] = []
    queue = list(arguments)
    while queue:
        argument = queue.pop(0)
        if argument == "--":
            rest += [argument, *queue]
            break
        if argument in _FLAGS or (argument.split("=", 1)[0] in _VALUES and "=" in argument):
            front.append(argument)
        elif argument in _VALUES:
            front += [argument, *queue[:1]]
            del queue[:1]
        else:
            rest.append(argument)
    return front + rest


def _group_of(arguments: list[str]) -> str:
    """The group of commands that a line is about, as `globals_first` left it; empty where it names none."""
    queue = list(arguments)
    while queue and queue[0].startswith("-"):
        option = queue.pop(0)
        if option in _VALUES:
            del queue[:1]
    return next((str(group.name) for group in app.registered_groups if queue[:1] == [group.name]), "")


@cache
def _command(group: str) -> Callable[..., Any]:
    """The commands as click runs them, or of the groups one alone: typer takes a third of a second to make
    all of them from their functions.
    """
    part = copy(app)
    part.registered_groups = [each for each in app.registered_groups if group in ("", each.name)]
    return get_command(part)


def main(arguments: list[str] | None = None) -> None:
    """Run a command and end the process with its exit code (`troc.errors`; 2 for a wrong command line)."""
    arguments = globals_first(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _command(_group_of(arguments))(arguments, prog_name="troc", standalone_mode=False)
    except TrocError as error:
        print(json.dumps(error.as_json()) if "--json" in arguments else f"troc: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message())
            sys.exit(error.exit_code)
        command = getattr(getattr(error, "ctx", None), "command_path", "troc")
        print(f"troc: {error.format_message().rstrip('.')}: see `{command} --help`", file=sys.stderr)
        sys.exit(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        print("troc: stopped", file=sys.stderr)
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
