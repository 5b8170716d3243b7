"""`troc data add`, `seal`, `list`, `verify`, `move`, `erase`, `token`, `serve`, `backup`, `restore`: the
vault.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troc import words
from troc.cli.data import app
from troc.cli.session import Session, session_of, setting_file
from troc.errors import ChecksFailedError, DeclinedError, InputError

if TYPE_CHECKING:
    from troc.data.manifest import Manifest
    from troc.data.vault import Note, Shelf, Vault

_OPTION = "--vault-password-file"
VaultPasswordFile = Annotated[
    Path | None,
    typer.Option(
        _OPTION,
        help="File with the vault's passphrase (default: TROC_VAULT_PASSWORD_FILE, else you are asked)",
    ),
]
_Copy = Annotated[str, typer.Argument(metavar="COPY", help="Its root, or how that begins (`troc data list`)")]
_Fields = Annotated[str, typer.Option(help="Only these fields, as in income,household_size (default: all)")]
_Where = Annotated[
    list[str] | None, typer.Option(help="Only rows with this value, as in department=DAIRY; several possible")
]
_Tell = Annotated[
    bool, typer.Option("--tell", help="Name the fields and the number of rows to whoever may fetch the copy")
]


# ------------------------------------------------------------------------------------------------- opening


def shelf_of() -> Shelf:
    """The vault of this machine, without its keys."""
    need_data()
    from troc.data.vault import Shelf, vault_folder

    return Shelf(vault_folder())


def open_vault(session: Session, password_file: Path | None = None) -> Vault:
    """The vault of this machine, with its keys: asks for the passphrase."""
    shelf_of()
    from troc.data.vault import Vault, vault_folder

    return Vault.open(vault_folder(), session.passphrase("the vault", _password_file(password_file), _OPTION))


def need_data() -> None:
    """Refuse in one line where a part is not installed."""
    try:
        import fsspec  # noqa: F401
        import sha3  # noqa: F401
        import sqlalchemy  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"the vault needs {error.name}", "run `pip install '.[data]'` in the folder of this project"
        ) from None


def _new_passphrase(session: Session, file: Path | None) -> str:
    return session.new_passphrase("the vault", _password_file(file), _OPTION)


def _password_file(named: Path | None) -> Path | None:
    return named or setting_file("TROC_VAULT_PASSWORD_FILE")


# ------------------------------------------------------------------------------------------------- adding


@app.command()
def add(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A table (.csv, .json, .parquet), or any other file")],
    schema: Annotated[str, typer.Option(help="The name of what it is, which buyers see")] = "",
    fields: _Fields = "",
    where: _Where = None,
    tell: _Tell = False,
    by: Annotated[str, typer.Option(help="cell: fields can be sold apart; row: smaller")] = "cell",
    as_file: Annotated[bool, typer.Option("--as-file", help="Take a table as the bytes it is")] = False,
    place: Annotated[
        str, typer.Option(help="Where a new vault's files lie: a folder, s3://… (default: on this machine)")
    ] = "",
    vault_password_file: VaultPasswordFile = None,
) -> None:
    """Keep a record in your vault, sealed. The first one begins the vault."""
    need_data()
    from troc.data import chunks
    from troc.data.vault import Vault, vault_folder

    session = session_of(context)
    content = chunks.Content.read(file, by, as_file)
    columns = _columns(fields)
    chosen = content.only(columns or None, _conditions(where)) if columns or where else content
    if session.options.dry_run:
        laid = chunks.lay_out(chosen, bytes(32)).layout
        size = laid.count * laid.chunk_size
        session.result(
            {"added": False, "count": laid.count, "bytes": size, "fields": list(chosen.columns)},
            f"{_what(chosen)} would be sealed in {words.count(laid.count, 'chunk')}, {size:,} bytes.\n"
            "Nothing was written.",
        )
        return
    folder = vault_folder()
    if (folder / "place.json").exists():
        if place:
            raise InputError("there is a vault already", f"leave --place away, or `troc data move {place}`")
        vault, begun = open_vault(session, vault_password_file), False
    else:
        vault, begun = Vault.create(folder, _new_passphrase(session, vault_password_file), place), True
    found = vault.add(content, schema, columns or None, _conditions(where), tell)
    text = f"Sealed {_what(chosen)} as {_hex(found.root)}."
    if begun:
        text += "\nThis is a new vault: write its backup down now, with `troc data backup`."
    session.result(_form(found) | {"added": True}, text)


@app.command()
def seal(
    context: typer.Context,
    copy: _Copy,
    fields: _Fields = "",
    where: _Where = None,
    tell: _Tell = False,
    vault_password_file: VaultPasswordFile = None,
) -> None:
    """Seal another copy of a record, or of some of its fields and rows, under a key of its own."""
    session = session_of(context)
    root = shelf_of().find(copy)
    vault = open_vault(session, vault_password_file)
    if session.options.dry_run:
        record = vault.record(vault.note(root).record)
        places = record.places(_columns(fields) or None, _conditions(where))
        session.result(
            {"sealed": False, "chunks": len(places)},
            f"{words.count(len(places), 'chunk')} would be sealed.\nNothing was written.",
        )
        return
    found = vault.seal(root, _columns(fields) or None, _conditions(where), tell)
    session.result(
        _form(found) | {"sealed": True}, f"Sealed as {_hex(found.root)}, {words.count(found.count, 'chunk')}."
    )


# ------------------------------------------------------------------------------------------------- looking


@app.command("list")
def list_(context: typer.Context) -> None:
    """What is in your vault, what was erased, and who may fetch what."""
    session = session_of(context)
    shelf = shelf_of()
    notes, receipts, grants = shelf.notes(), shelf.receipts(), shelf.grants()
    place = shelf.place
    lines = [f"The vault lies at {place.store}."]
    if place.moving:
        lines.append(f"It was being moved to {place.moving}: go on with `troc data move {place.moving}`.")
    if place.leaving:
        lines.append(f"It has not been deleted at {place.leaving} yet, which does not answer.")
    for note in notes:
        named = f"{note.schema}, " if note.schema else ""
        lines.append(
            f"{_hex(note.root)}  {named}{note.size:,} bytes, sealed on {words.day(int(note.made_at))}"
        )
        lines += [
            f"    {grant.who} may fetch it until {words.moment(grant.until)} (token {grant.number[:12]})"
            for grant in grants
            if grant.root == note.root
        ]
    damaged = set(shelf.roots()) - {note.root for note in notes}
    lines += [f"{_hex(root)}  damaged: see `troc data verify`" for root in sorted(damaged)]
    if not notes and not damaged:
        lines.append("Nothing is in it: add a file with `troc data add FILE`.")
    lines += [f"{_hex(root)}  erased on {words.day(receipt.erased_at)}" for root, receipt in receipts.items()]
    session.result(
        {
            "place": vars(place),
            "copies": [_note_form(note) for note in notes],
            "erased": [receipt.to_json() for receipt in dict.fromkeys(receipts.values())],
            "tokens": [
                {"number": grant.number, "root": _hex(grant.root), "who": grant.who, "until": grant.until}
                for grant in grants
            ],
        },
        "\n".join(lines),
    )


@app.command()
def verify(
    context: typer.Context,
    copy: Annotated[str, typer.Argument(metavar="COPY", help="One copy (default: all)")] = "",
    repair: Annotated[
        bool, typer.Option("--repair", help="Make damaged copies anew from their record; the same bytes")
    ] = False,
    vault_password_file: VaultPasswordFile = None,
) -> None:
    """Check every chunk, key and record. Damage is named, and what is damaged is never sold."""
    session = session_of(context)
    shelf = shelf_of()
    roots = [shelf.find(copy)] if copy else shelf.roots()
    vault = open_vault(session, vault_password_file)
    found = {root: vault.verify(root) for root in roots}
    mended = []
    if repair and not session.options.dry_run:
        for root in [root for root, faults in found.items() if faults]:
            vault.repair(root)
            found[root] = vault.verify(root)
            mended.append(root)
    bad = {root: faults for root, faults in found.items() if faults}
    if bad:
        root, faults = next(iter(bad.items()))
        more = f" ({words.count(sum(map(len, bad.values())), 'fault')} in all)" if len(faults) > 1 else ""
        raise ChecksFailedError(
            f"{_hex(root)}: {faults[0]}{more}",
            "mend it with --repair" if not repair else "bring the vault's files back from a copy",
        )
    text = f"{words.count(len(roots), 'sealed copy', 'sealed copies')} checked, nothing is damaged."
    if mended:
        text += f" {words.count(len(mended), 'copy was', 'copies were')} made anew."
    session.result(
        {"checked": [_hex(root) for root in roots], "repaired": [_hex(root) for root in mended]}, text
    )


# ------------------------------------------------------------------------------------------------- moving


@app.command()
def move(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="An empty place: a folder, s3://bucket/folder, …")] = "",
    forget: Annotated[
        bool, typer.Option("--forget", help="The place that the vault left is gone for good: give it up")
    ] = False,
) -> None:
    """Move the vault's files to another place. Cut off, it goes on when you ask again."""
    session = session_of(context)
    shelf = shelf_of()
    before = shelf.place
    if forget == bool(url):
        raise InputError("it is not clear where to", "name a place, or use --forget")
    if session.options.dry_run:
        files = len(shelf.store.names())
        session.result(
            {"moved": False, "files": files, "place": vars(before)},
            f"{words.count(files, 'file')} would go from {before.store} to {url}.\nNothing was moved.",
        )
        return
    if forget:
        shelf.forget()
    else:
        shelf.move(url)
    now = shelf.place
    session.result(
        {"moved": now.store != before.store, "place": vars(now)}, f"The vault lies at {now.store}."
    )


@app.command()
def erase(
    context: typer.Context,
    copy: _Copy,
    whole: Annotated[
        bool, typer.Option("--whole", help="The record too, with all copies that were sealed of it")
    ] = False,
) -> None:
    """Destroy a sealed copy with its key, and sign a receipt. The record goes with its last copy."""
    session = session_of(context)
    shelf = shelf_of()
    root = shelf.find(copy)
    done = shelf.receipt(root)
    if done is None:
        goes, last = shelf.to_erase(root, whole)
        what = words.count(len(goes), "sealed copy", "sealed copies") + (
            " and the record itself" if last else ""
        )
        text = f"{what} will be destroyed for good, with {'its key' if len(goes) == 1 else 'their keys'}."
        data = {"copies": [_hex(each.root) for each in goes], "whole": last}
        if session.options.dry_run:
            session.result(data | {"erased": False}, f"{text}\nNothing was destroyed.")
            return
        # Who signs the receipt must be known before anybody agrees.
        signs = f"{session.account_name} signs that it was."
        session.say(f"{text} {signs}")
        if not session.confirm("Destroy it?"):
            raise DeclinedError("nothing was destroyed", "run it again if you change your mind")
        done = shelf.erase(root, session.signer, whole)
    session.result(done.to_json() | {"erased": True}, done.text)


# ------------------------------------------------------------------------------------------------- serving


@app.command()
def token(
    context: typer.Context,
    copy: Annotated[str, typer.Argument(metavar="COPY", help="Which copy; with --revoke: which token")],
    who: Annotated[str, typer.Argument(help="Whom it is for: an address, or a word for yourself")] = "",
    good: Annotated[str, typer.Option(help="Until when: 30d, 2027-02-19")] = "30d",
    url: Annotated[str, typer.Option(help="Where your vault is served, for the link")] = "",
    revoke: Annotated[bool, typer.Option("--revoke", help="End a token, at once and for good")] = False,
) -> None:
    """Let a buyer fetch a sealed copy, until a day. What he fetches he cannot read without the key."""
    need_data()
    from troc.data.serving import DEFAULT_PORT, Link

    session = session_of(context)
    shelf = shelf_of()
    if revoke:
        shelf.revoke(copy)
        session.result({"revoked": copy}, f"The token {copy} lets nobody in any more.")
        return
    if not who:
        raise InputError("it is not said whom it is for", "write an address, or a word for yourself")
    root = shelf.find(copy)
    now = int(time.time())
    until = words.parse_until(good, now)
    made = shelf.grant(root, who, until - now)
    link = Link.of(url or f"http://127.0.0.1:{DEFAULT_PORT}", root, made)
    session.result(
        {"root": _hex(root), "who": who, "until": until, "token": made, "link": link.text},
        f"{who} can fetch it until {words.moment(until)} from\n{link.text}\nThis is shown once.",
    )


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="Where it listens; keep it local, and put a proxy with TLS in front")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8720,
) -> None:
    """Serve sealed copies to those who have a token, until Ctrl-C. It needs no passphrase."""
    try:
        from troc.data.serving import create_app, opened
        from troc.serving.running import serve as serve_app
    except ImportError:
        raise InputError(
            "serving needs FastAPI and uvicorn", "run `pip install '.[data]'` in the folder of this project"
        ) from None
    session = session_of(context)
    shelf = shelf_of()

    def said() -> None:
        session.result({"url": f"http://{host}:{port}"})
        session.say(f"The vault is open at http://{host}:{port}, to those who have a token.")

    serve_app(opened(shelf), lambda: create_app(shelf), host, port, said, timeout_graceful_shutdown=10)
    session.say("The vault is closed.")


# ------------------------------------------------------------------------------------------------- backup


@app.command()
def backup(context: typer.Context, vault_password_file: VaultPasswordFile = None) -> None:
    """Show the 24 words that bring the vault's keys back, on any machine, with the vault's files."""
    session = session_of(context)
    vault = open_vault(session, vault_password_file)
    phrase = vault.phrase.split()
    rows = [phrase[at : at + 4] for at in range(0, len(phrase), 4)]
    lines = ["Who has these words and the vault's files can read all that is in it. Write them down:", ""]
    lines += [
        "   ".join(f"{4 * row + at + 1:2}. {word:<9}" for at, word in enumerate(part)).rstrip()
        for row, part in enumerate(rows)
    ]
    lines += ["", f"Keep copies of its files too; they lie at {vault.place.store}."]
    session.result({"words": " ".join(phrase), "place": vault.place.store}, "\n".join(lines))


@app.command()
def restore(
    context: typer.Context,
    url: Annotated[
        str, typer.Argument(help="Where the vault's files lie (default: where this machine knows)")
    ] = "",
    vault_password_file: VaultPasswordFile = None,
) -> None:
    """Bring a vault's keys back by its 24 words, under a new passphrase."""
    need_data()
    from troc.data.vault import Vault, vault_folder

    session = session_of(context)
    phrase = session.ask_secret("Words of the vault's backup: ")
    vault = Vault.restore(vault_folder(), phrase, _new_passphrase(session, vault_password_file), url)
    copies = len(vault.roots())
    session.result(
        {"restored": True, "place": vault.place.store, "copies": copies},
        f"The vault at {vault.place.store} opens again:"
        f" {words.count(copies, 'sealed copy', 'sealed copies')}.",
    )


# --------------------------------------------------------------------------------------------------- forms


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _columns(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _conditions(pairs: Sequence[str] | None) -> dict[str, str]:
    found = {}
    for pair in pairs or ():
        name, sign, value = pair.partition("=")
        if not sign or not name.strip():
            raise InputError(f"{pair!r} is no condition", "write it as in department=DAIRY")
        found[name.strip()] = value
    return found


def _what(content: Any) -> str:
    if content.kind == "file":
        return f"{content.name}, {len(content.data):,} bytes,"
    rows, columns = len(content.rows), len(content.columns)
    return f"{words.count(rows, 'row')} of {words.count(columns, 'field')}"


def _form(manifest: Manifest) -> dict[str, Any]:
    return {
        "root": _hex(manifest.root),
        "count": manifest.count,
        "bytes": manifest.size,
        "keyCommit": _hex(manifest.key_commit),
        "plainRoot": _hex(manifest.plain_root),
        "schema": manifest.schema,
    }


def _note_form(note: Note) -> dict[str, Any]:
    return {
        "root": _hex(note.root),
        "record": _hex(note.record),
        "keyCommit": _hex(note.key_commit),
        "schema": note.schema,
        "count": note.count,
        "bytes": note.size,
        "madeAt": int(note.made_at),
    }
