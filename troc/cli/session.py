"""What every command shares: the global options, the chain, the accounts, and how it speaks."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from troc.accounts import Signer, address_of, no_account, open_account, public_address_of, read_password
from troc.chain import Chain
from troc.errors import AccountError, DeclinedError, InputError
from troc.manifest import Manifest, load_manifest
from troc.messages import to_address
from troc.network import NetworkConfig, load_network, setting


@dataclass(frozen=True)
class Options:
    """The global options, as they were given; empty where they were not."""

    network: str = ""
    rpc: str = ""
    account: str = ""
    password_file: Path | None = None
    submit_with: str = ""
    submit_password_file: Path | None = None
    relays: tuple[str, ...] = ()
    as_json: bool = False
    dry_run: bool = False
    yes: bool = False


@dataclass
class Session:
    """One run of the command line. Connects and asks for a passphrase only when something needs it."""

    options: Options = field(default_factory=Options)

    @cached_property
    def config(self) -> NetworkConfig:
        """The network that was chosen."""
        return load_network(self.options.network, self.options.rpc)

    @cached_property
    def chain(self) -> Chain:
        """Its chain."""
        return Chain.connect(self.config)

    @cached_property
    def manifest(self) -> Manifest:
        """What is deployed there."""
        return load_manifest(self.chain)

    @property
    def account_name(self) -> str:
        """The account that `--account` or `TROC_ACCOUNT` names."""
        name = self.options.account or setting("TROC_ACCOUNT")
        if not name:
            raise no_account(self.config)
        return name

    @property
    def address(self) -> str:
        """Its address, without opening it."""
        return address_of(self.account_name, self.config)

    def address_of(self, text: str, what: str = "account") -> str:
        """The address that a person meant: itself, or an account of hers by name.

        A development account is one on a local chain alone: elsewhere everybody has its key.
        """
        if text.startswith("0x"):
            return to_address(text, what)
        try:
            return public_address_of(text, self.config)
        except (AccountError, InputError) as error:
            raise InputError(
                f"{what}: {error.message}",
                "write an address (0x and 40 hex digits) or the name of an account",
            ) from None

    @cached_property
    def signer(self) -> Signer:
        """It, opened: asks for the passphrase."""
        return self._open(self.account_name, self.options.password_file or setting_file("TROC_PASSWORD_FILE"))

    @cached_property
    def submitter(self) -> Signer:
        """The account that sends transactions and pays for them: `--submit-with`, else the one that signs."""
        name = self.options.submit_with
        if not name or name == self.account_name:
            return self.signer
        return self._open(name, self.options.submit_password_file)

    @property
    def relays(self) -> tuple[str, ...]:
        """The relays that `--relay` or `TROC_RELAY` names; those of the setting only where nobody else is
        named to pay.
        """
        if self.options.relays or self.options.submit_with:
            return self.options.relays
        return tuple(setting("TROC_RELAY").replace(",", " ").split())

    def _open(self, name: str, password_file: Path | None) -> Signer:
        return open_account(name, self.config, password_file, self.ask_secret if sys.stdin.isatty() else None)

    # ---------------------------------------------------------------------------------------- speaking

    @cached_property
    def console(self) -> Console:
        """Where a person reads: standard output, or standard error under `--json`."""
        return Console(stderr=self.options.as_json, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Tell a person something. Square brackets are shown as they are."""
        self.console.print(text, markup=False)

    def result(self, data: Mapping[str, Any], text: str = "") -> None:
        """What the command is about: `data` on standard output under `--json`, else `text`."""
        if self.options.as_json:
            print(json.dumps(data, indent=2))
        elif text:
            self.say(text)

    def confirm(self, question: str) -> bool:
        """Ask for a yes. `--yes` says it beforehand; where nobody can be asked it is an error."""
        if self.options.yes:
            return True
        if not sys.stdin.isatty():
            raise DeclinedError("there is nobody to ask", "run it in a terminal, or use --yes")
        while True:
            answer = typer.prompt(
                f"{question} [y/N]", default="n", show_default=False, err=self.options.as_json
            )
            if answer.strip().lower() in ("y", "yes", "n", "no"):
                return answer.strip().lower() in ("y", "yes")
            print("troc: answer y or n", file=sys.stderr)

    def passphrase(self, whose: str, file: Path | None, option: str, prompt: str = "") -> str:
        """The passphrase of a store of secrets: from a file that `option` named, else asked for."""
        if file is not None:
            return read_password(file)
        if not sys.stdin.isatty():
            raise AccountError(f"the passphrase of {whose} is needed", f"name a file with {option}")
        return self.ask_secret(prompt or f"Passphrase of {whose}: ")

    def new_passphrase(self, whose: str, file: Path | None, option: str) -> str:
        """The passphrase that a store of secrets shall have; typed twice where it is asked for."""
        passphrase = self.passphrase(whose, file, option, f"New passphrase of {whose}: ")
        if file is None and self.ask_secret("Again: ") != passphrase:
            raise InputError("the two passphrases differ", "type the same one twice")
        return passphrase

    def ask_secret(self, prompt: str) -> str:
        """Ask for a passphrase or key, unseen."""
        if sys.stdin.isatty():
            try:
                return getpass.getpass(prompt)
            except EOFError:
                raise AccountError("nothing was typed", "run it again") from None
        # What a program hands over is not seen by anybody.
        line = sys.stdin.readline()
        if not line:
            raise AccountError(
                f"there is nobody to ask for this: {prompt.strip().rstrip(':')}",
                "run it in a terminal, or use --password-file",
            )
        return line.rstrip("\n")


def setting_file(name: str) -> Path | None:
    """The file that a setting names."""
    value = setting(name)
    return Path(value).expanduser() if value else None


def session_of(context: typer.Context) -> Session:
    """The session of the running command."""
    session = context.obj
    assert isinstance(session, Session)
    return session
