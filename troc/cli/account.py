"""`troc account`: new, import, list, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from troc import accounts
from troc.cli.session import Session, session_of
from troc.errors import AccountError, DeclinedError, InputError

app = typer.Typer(no_args_is_help=True, help="Accounts, in keystore files that brownie shares.")

_CHECKED_WORDS = (3, 11, 20)
"""Places of the backup (from 1) that a new owner types back, to show that she has it."""

MIN_PASSPHRASE = 8

_Name = Annotated[str, typer.Argument(help="What to call it")]
_Which = Annotated[str, typer.Argument(help="Which account (`troc account list`)")]


def _new_passphrase(session: Session, name: str) -> str:
    """From `--password-file`, else typed twice."""
    if session.options.password_file:
        password = accounts.read_password(session.options.password_file)
    else:
        password = session.ask_secret(f"New passphrase for {name}: ")
        if session.ask_secret("Again: ") != password:
            raise InputError("the two passphrases differ", "type the same one twice")
    if len(password) < MIN_PASSPHRASE:
        raise InputError("the passphrase is too short", f"use {MIN_PASSPHRASE} characters or more")
    return password


def _confirm_backup(session: Session, words: list[str]) -> None:
    """Show the words, once, and have some of them typed back."""
    session.say(
        "This is your paper backup. Who has these words has your points; without them a lost file is lost."
    )
    session.say("Write them down now: they are shown once.\n")
    for row in range(0, len(words), 4):
        session.say("   ".join(f"{place:2}. {words[place - 1]:<9}" for place in range(row + 1, row + 5)))
    session.say("")
    for place in _CHECKED_WORDS:
        try:
            answer = typer.prompt(f"Word {place} of your paper backup", err=session.options.as_json)
        except typer.Abort:
            raise DeclinedError(
                "nobody typed the words of the paper backup, and no account was made",
                "run it in a terminal; a program brings an account of its own with `troc account import NAME"
                " --keystore FILE --password-file FILE`",
            ) from None
        if answer.strip().lower() != words[place - 1]:
            raise DeclinedError(
                f"word {place} is another one, and no account was made",
                "run it again and write the words down",
            )


@app.command()
def new(context: typer.Context, name: _Name) -> None:
    """Make an account, with a paper backup of 24 words."""
    session = session_of(context)
    accounts.check_free(name)
    password = _new_passphrase(session, name)
    words = accounts.new_mnemonic()
    _confirm_backup(session, words.split())
    stored = accounts.create(name, words, password)
    session.result(
        {"name": name, "address": stored.address, "keystore": str(stored.path)},
        f"{name} is {stored.address}, stored encrypted in {stored.path}",
    )


@app.command("import")
def import_(
    context: typer.Context,
    name: _Name,
    keystore: Annotated[Path | None, typer.Option(help="A V3 keystore file, with its passphrase")] = None,
    backup: Annotated[bool, typer.Option("--backup", help="Type the words of a paper backup")] = False,
) -> None:
    """Take over an account: a keystore file, a paper backup, or a private key that you type."""
    session = session_of(context)
    accounts.check_free(name)
    if keystore is not None and backup:
        raise InputError("both a keystore file and a backup were named", "choose one")
    if keystore is not None:
        given = session.options.password_file
        password = (
            accounts.read_password(given) if given else session.ask_secret(f"Passphrase of {keystore}: ")
        )
        stored = accounts.import_keystore(name, keystore, password)
    else:
        secret = session.ask_secret("Words of the paper backup: " if backup else "Private key (not shown): ")
        if not secret:
            raise AccountError("nothing was typed", "run it again")
        password = _new_passphrase(session, name)
        stored = (accounts.create if backup else accounts.import_key)(name, secret, password)
    session.result(
        {"name": name, "address": stored.address, "keystore": str(stored.path)},
        f"{name} is {stored.address}, stored encrypted in {stored.path}",
    )


@app.command("list")
def list_(context: typer.Context) -> None:
    """Show the accounts that there are."""
    session = session_of(context)
    found = accounts.list_accounts()
    width = max((len(stored.name) for stored in found), default=0)
    lines = [f"{stored.name:<{width}}  {stored.address}" for stored in found]
    lines = lines or ["There is no account yet: make one with `troc account new NAME`."]
    everybodys = accounts.dev_addresses() if session.config.is_local else {}
    if everybodys:
        lines.append("On a local chain also these, which everybody has:")
        lines += [f"{name}  {address}" for name, address in everybodys.items()]
    session.result(
        {
            "accounts": [{"name": stored.name, "address": stored.address} for stored in found],
            "development": everybodys,
        },
        "\n".join(lines),
    )


@app.command()
def export(
    context: typer.Context,
    name: _Which,
    target: Annotated[Path, typer.Argument(help="A new file, or a folder")],
) -> None:
    """Copy an account's keystore file. It stays encrypted with its passphrase."""
    session = session_of(context)
    path = accounts.export(name, target)
    session.result({"name": name, "keystore": str(path)}, f"{name}'s keystore file is now also {path}")
