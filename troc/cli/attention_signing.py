"""`troc attention statement`, `ticket`, `register`, `serve`, `token`: signing for campaigns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from troc import words
from troc.cli.acting import agreed, progress_bar, troc_of
from troc.cli.attention import app
from troc.cli.handing import check_output, kind_of, write_picture, write_pictures, write_texts
from troc.cli.session import Session, session_of
from troc.errors import CampaignError, InputError, StoreError, TrocError
from troc.qr import blocks
from troc.vouchers import write_secret

if TYPE_CHECKING:
    from troc.attention.campaigns import Campaign
    from troc.attention.register import Contact, Register, Taken
    from troc.attention.signing import Signing
    from troc.attention.slips import Slip
    from troc.client import Troc

token_app = typer.Typer(no_args_is_help=True, help="Tokens by which a shop's systems are let in to sign.")
app.add_typer(token_app, name="token")

_Campaign = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="How its id begins (`troc attention campaign list`)")
]
_File = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]",
        help="CSV or Parquet with the columns account and contact (your own name for it, unique)",
    ),
]
_To = Annotated[str, typer.Option("--to", help="Address or pseudonym of the customer")]
_Contacts = Annotated[
    list[str] | None, typer.Option("--contact", help="Your own name for the contact; several possible")
]
_Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="A new file (.json, .txt, .png, .svg), or a new folder")
]
_Register = Annotated[
    str,
    typer.Option("--register", help="URL of the register of what is signed (default: a file of its own)"),
]
_Good = Annotated[str, typer.Option(help="Until when it can be claimed: 30d or 2027-02-19")]
_Page = Annotated[str, typer.Option(help="Make links to this page of yours: https://biobox.example/claim")]

DEFAULT_PORT = 8730
_SHOWN = 20
_GATHERED = 500
"""Contacts that are taken down at once."""


def _open_register(session: Session, url: str) -> Register:
    from troc.attention.register import Register
    from troc.store import chain_folder, sqlite_url

    usual = chain_folder(session.chain) / f"attention-{session.address}.sqlite"
    return Register(url or sqlite_url(usual))


def _signing(session: Session, troc: Troc, campaigns: list[Campaign], url: str) -> Signing:
    from troc.attention.signing import Signing

    return Signing(troc.attention, _open_register(session, url), session.signer, campaigns)


def _rows(troc: Troc, file: Path | None, to: str, names: list[str]) -> list[tuple[bytes, str]]:
    """Account and name of each contact that was asked for."""
    from troc.attention.roots import account_of, read_names

    if (file is None) == (not to) or bool(to) != bool(names):
        raise InputError(
            "it is not clear whose contacts are meant", "name a file; or --to, and --contact for each"
        )
    if file is not None:
        return read_names(file)
    return [(account_of(to), name) for name in names]


def _take(
    session: Session,
    rows: Sequence[tuple[bytes, str]],
    submit: Callable[[bytes, str], Future[Taken]],
) -> tuple[list[Taken], list[tuple[str, TrocError]]]:
    """Take contacts down, many at once; each by itself, so that one that is refused stops no other."""
    taken: list[Taken] = []
    refused: list[tuple[str, TrocError]] = []
    with progress_bar(session, "Signing", len(rows)) as step:
        for start in range(0, len(rows), _GATHERED):
            waiting: list[tuple[str, Future[Taken]]] = []
            for account, name in rows[start : start + _GATHERED]:
                try:
                    waiting.append((name, submit(account, name)))
                except TrocError as error:
                    refused.append((name, error))
            for name, future in waiting:
                try:
                    taken.append(future.result())
                except TrocError as error:
                    refused.append((name, error))
            step(min(start + _GATHERED, len(rows)), len(rows))
    return taken, refused


def _preview(
    session: Session,
    signing: Signing,
    campaign: Campaign,
    rows: Sequence[tuple[bytes, str]],
    how: str,
    good: str = "",
) -> bool:
    """Show what is new, and ask. `good`: until when new tickets can be claimed."""
    known = {each.id for each in signing.register.contacts(campaign.id)}
    new = [row for row in rows if row[1] not in known]
    if new and good:
        signing.check_good(campaign, good)
    accounts = len({account for account, _ in new})
    books = signing.register.books(campaign.id)
    text = (
        f"You sign {words.count(len(new), how)} of {words.count(accounts, 'account')} in campaign"
        f" {campaign.short}, worth {campaign.worth(len(new))}."
    )
    if len(new) < len(rows):
        text += f" {words.count(len(rows) - len(new), 'contact was', 'contacts were')} signed before."
    text += f" Accounts that are not enrolled can still be promised {words.count(books.room, 'contact')}."
    preview = {
        "campaign": campaign.name,
        "new": len(new),
        "known": len(rows) - len(new),
        "accounts": accounts,
        "worth": campaign.worth(len(new)).as_json(),
        "room": books.room,
    }
    return agreed(session, text, preview, "Sign?")


def _tell_refused(session: Session, refused: Sequence[tuple[str, TrocError]]) -> None:
    """What was refused, as lines; and the exit code of a run that is not whole."""
    if not refused:
        return
    for name, error in refused[:_SHOWN]:
        session.say(f"{name}: {error.message}: {error.remedy}")
    if len(refused) > _SHOWN:
        session.say(f"and {len(refused) - _SHOWN:,} more")
    raise CampaignError(
        f"refused: {words.count(len(refused), 'contact')}",
        "the lines above say why; running it again signs nothing twice",
    )


def _contact_form(contact: Contact) -> dict[str, object]:
    from troc.attention.contacts import named

    return {
        "contact": contact.id,
        "account": named(contact.account),
        "number": contact.number,
        "how": str(contact.how),
        "state": str(contact.state),
        "valid_until": contact.valid_until,
    }


@app.command()
def statement(
    context: typer.Context,
    campaign: _Campaign,
    file: _File = None,
    to: _To = "",
    contact: _Contacts = None,
    root: Annotated[
        bool,
        typer.Option(
            "--root", help="Number them for a root, and sign nothing: -o is a CSV for `troc attention root`"
        ),
    ] = False,
    output: _Output = None,
    register: _Register = "",
) -> None:
    """Sign that customers had contacts. Each is numbered once; run again with more, it signs what is new."""
    from troc.attention.register import How
    from troc.attention.slips import write_slips

    session = session_of(context)
    troc = troc_of(session)
    found = troc.attention.find(campaign)
    rows = _rows(troc, file, to, contact or [])
    _check_file(output, "csv" if root else "json", required=root)
    signing = _signing(session, troc, [found], register)
    how = How.ROOT if root else How.STATEMENT
    with signing.running():
        # What she had before the end may be signed after it.
        had_at = min(signing.now, found.terms.end)
        if not _preview(session, signing, found, rows, "contact"):
            return
        taken, refused = _take(
            session,
            rows,
            lambda account, name: signing.confirm(found, name, account, had_at=had_at, how=how),
        )
        if root:
            numbers = [each for each in signing.register.contacts(found.id) if each.how is How.ROOT]
            assert output is not None
            lines = [f"0x{each.account.hex()},{each.number}\n" for each in numbers]
            write_secret(output, "".join(["account,contact\n", *lines]).encode())
            session.result(
                {"signed": 0, "contacts": len(numbers), "files": [str(output)]},
                f"Wrote {words.count(len(numbers), 'contact')} into {output}, for `troc attention root`.",
            )
        else:
            whose = {each.contact.account for each in taken}
            slips = [
                slip
                for slip in signing.statements(found, next(iter(whose)) if len(whose) == 1 else None)
                if slip.message.account in whose
            ]
            if output is not None and slips:
                write_slips(slips, output)
            texts = [slip.to_text() for slip in slips]
            shown = [] if output else texts
            session.result(
                {
                    "signed": len(taken),
                    "contacts": [_contact_form(each.contact) for each in taken],
                    "slips": texts,
                    "files": [str(output)] if output and slips else [],
                },
                "\n".join(
                    [
                        *shown,
                        f"Signed {words.count(len(taken), 'contact')} in"
                        f" {words.count(len(slips), 'statement')}.",
                    ]
                ),
            )
    _tell_refused(session, refused)


def _check_file(output: Path | None, usual: str, required: bool) -> None:
    check_output(None if output is None or kind_of(output) == "csv" else output, 1, False)
    if output is None:
        if required:
            raise InputError("numbers for a root go into a file", "name it with -o: contacts.csv")
    elif kind_of(output) not in (usual, "txt") or (required and kind_of(output) != usual):
        raise InputError(f"{output} is no .{usual} file", f"name one with -o: it ends in .{usual}")
    elif output.exists():
        raise InputError(f"{output} is there already", "choose another name")


@app.command()
def ticket(
    context: typer.Context,
    campaign: _Campaign,
    file: _File = None,
    to: _To = "",
    contact: _Contacts = None,
    codes: Annotated[
        int | None, typer.Option(help="Sign this batch of 1,000 codes instead, for whoever has them")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="A new PDF: the codes to print and cut")] = None,
    title: Annotated[str, typer.Option(help="What stands on the sheet (default: the brand's name)")] = "",
    good: _Good = "",
    page: _Page = "",
    ahead: Annotated[
        Path | None,
        typer.Option(help="A new file (.json, .txt): the tickets without their keys, to send ahead"),
    ] = None,
    output: _Output = None,
    qr: Annotated[bool, typer.Option("--qr", help="Draw QR codes: here, or in the folder of -o")] = False,
    register: _Register = "",
) -> None:
    """Sign promises: a ticket with a one-time key that only the content reveals, or a batch of codes.

    The same contact, or batch, gets the same ticket each time.
    """
    from troc.attention.signing import USUAL_VALID
    from troc.spelling import check_page

    session = session_of(context)
    troc = troc_of(session)
    found = troc.attention.find(campaign)
    if page:
        check_page(page)
    if codes is not None:
        if file or to or contact or ahead:
            raise InputError("codes are for nobody in particular", "leave the file, --to and --ahead away")
        _check_sheet(sheet)
        check_output(output, min(1_000, found.terms.codes), qr)
        _sign_codes(session, troc, found, codes, sheet, title, good, page, output, qr, register)
        return
    if sheet or title:
        raise InputError("only codes are printed on sheets", "name their batch with --codes")
    rows = _rows(troc, file, to, contact or [])
    check_output(output, len(rows), qr)
    if ahead is not None:
        _check_file(ahead, "json", required=False)
    signing = _signing(session, troc, [found], register)
    good = good or USUAL_VALID
    with signing.running():
        if not _preview(session, signing, found, rows, "ticket", good):
            return
        taken, refused = _take(
            session, rows, lambda account, name: signing.promise(found, name, account, good=good)
        )
        slips = [signing.ticket(found, each.contact).slip for each in taken]
        files = _write(slips, page, output, ahead, qr)
        texts = [slip.to_link(page) if page else slip.to_text() for slip in slips]
        shown = [] if files else [line for each in texts for line in ([each, blocks(each)] if qr else [each])]
        session.result(
            {
                "signed": len(taken),
                "contacts": [_contact_form(each.contact) for each in taken],
                "slips": [] if files else texts,
                "files": [str(path) for path in files],
            },
            "\n".join([*shown, _said(len(slips), "ticket", files)]),
        )
    _tell_refused(session, refused)


def _check_sheet(sheet: Path | None) -> None:
    if sheet is None:
        return
    if kind_of(sheet) != "pdf":
        raise InputError(f"{sheet} is no .pdf file", "name one with --sheet: it ends in .pdf")
    if sheet.exists():
        raise InputError(f"{sheet} is there already", "choose another name")


def _sign_codes(
    session: Session,
    troc: Troc,
    campaign: Campaign,
    batch: int,
    sheet: Path | None,
    title: str,
    good: str,
    page: str,
    output: Path | None,
    qr: bool,
    register: str,
) -> None:
    from troc.attention.campaigns import CODES_OF_BATCH
    from troc.attention.sheets import Label
    from troc.attention.sheets import sheet as print_sheet

    terms = campaign.terms
    count = max(0, min(CODES_OF_BATCH, terms.codes - batch * CODES_OF_BATCH))
    text = (
        f"You sign batch {batch} of campaign {campaign.short}: {words.count(count, 'code')},"
        f" worth {campaign.worth(count)}. Once the batch is active, each is as good as cash."
    )
    signing = _signing(session, troc, [campaign], register)
    with signing.running():
        if batch not in {each.batch for each in signing.register.batches(campaign.id)}:
            signing.check_good(campaign, good)
        preview = {"campaign": campaign.name, "batch": batch, "count": count}
        if not agreed(session, text, preview, "Sign?"):
            return
        slips = signing.print_batch(campaign, batch, good)
    files = []
    if sheet is not None:
        name = title or (campaign.symbol if not terms.fresh else troc.brand(terms.token).name)
        label = Label(name, campaign.short, str(campaign.price), page)
        files.append(write_secret(sheet, print_sheet(slips, label)))
    files += _write(slips, page, output, None, qr)
    texts = [slip.to_link(page) if page else slip.to_text() for slip in slips]
    session.result(
        preview
        | {"signed": len(slips), "slips": [] if files else texts, "files": [str(each) for each in files]},
        "\n".join(
            [
                *([] if files else texts),
                _said(len(slips), "code", files),
                "The batch is active: each of them is cash now."
                if troc.attention.activated(campaign.id, batch)
                else f"They are worth nothing until `troc attention activate {campaign.short} {batch}`.",
            ]
        ),
    )


def _said(count: int, what: str, files: Sequence[Path]) -> str:
    said = f"Signed {words.count(count, what)}"
    if not files:
        return f"{said}."
    more = f" and {words.count(len(files) - 3, 'file')} more" if len(files) > 3 else ""
    return f"{said} into {words.listed(str(path) for path in files[:3])}{more}."


def _write(slips: list[Slip], page: str, output: Path | None, ahead: Path | None, qr: bool) -> list[Path]:
    from troc.attention.messages import Ticket
    from troc.attention.slips import write_slips

    if not slips:
        return []
    texts = [slip.to_link(page) if page else slip.to_text() for slip in slips]
    written = [] if ahead is None else [write_slips([slip.public() for slip in slips], ahead)]
    if output is None:
        return written
    kind = kind_of(output)
    if kind == "json":
        return [*written, write_slips(slips, output)]
    if kind == "txt":
        return [*written, write_texts(texts, output)]
    if kind:
        return [*written, write_picture(texts[0], output)]
    output.mkdir(mode=0o700)
    written += [
        write_slips(slips, output / "tickets.json"),
        write_slips([slip.public() for slip in slips], output / "ahead.json"),
        write_texts(texts, output / "links.txt"),
    ]
    # A picture of a code bears its number.
    first = slips[0].message.id if isinstance(slips[0].message, Ticket) and slips[0].is_code else 1
    return written + (write_pictures(texts, output, first) if qr else [])


@app.command("register")
def show_register(
    context: typer.Context,
    campaign: _Campaign,
    export: Annotated[
        Path | None, typer.Option(help="A new file (.json, .txt): all that was signed, without one-time keys")
    ] = None,
    register: _Register = "",
) -> None:
    """How a campaign stands by the register: what was signed, what is owed, what may still be promised."""
    from troc.attention.signing import Watch, books_form
    from troc.attention.slips import write_slips

    session = session_of(context)
    troc = troc_of(session)
    found = troc.attention.find(campaign)
    if export is not None:
        _check_file(export, "json", required=False)
        signing = _signing(session, troc, [found], register)
        with signing.running():
            slips = signing.everything(found)
        if not slips:
            raise CampaignError(f"nothing was signed for campaign {found.short} here", "check --register")
        write_slips(slips, export)
        session.result(
            {"slips": len(slips), "files": [str(export)]},
            f"Wrote {words.count(len(slips), 'slip')} into {export}.",
        )
        return
    books = _open_register(session, register)
    if found.id in books.campaigns():
        # A service that has it looks at the chain by itself.
        with suppress(StoreError), books.running():
            Watch(troc.attention, books, [found]).observe()
    form = books_form(found, books)
    lines = [f"Campaign {found.short}, by the chain's block of {words.moment(form['block_time'])}:"]
    lines += [
        f"  {words.count(sum(states.values()), 'contact')} by {how}: "
        + words.listed(f"{count:,} {state}" for state, count in sorted(states.items()))
        for how, states in form["contacts"].items()
        if states
    ]
    lines += [
        f"  batch {each['batch']} of codes: {each['signed']:,} {'printed' if each['printed'] else 'given'},"
        f" {each['paid']:,} paid"
        for each in form["batches"]
    ]
    lines.append(
        f"  {form['owed']:,} are owed to accounts that are not enrolled, {form['free']:,} are free for them:"
        f" {words.count(form['room'], 'contact')} can still be promised."
    )
    if form["short"]:
        lines.append(f"  {form['short']:,} could go unpaid: fund the campaign.")
    session.result(form, "\n".join(lines))


@app.command()
def serve(
    context: typer.Context,
    campaign: Annotated[
        list[str], typer.Argument(metavar="CAMPAIGN...", help="Those that the account signs for")
    ],
    host: Annotated[
        str, typer.Option(help="Where it listens; keep it local, and put TLS in front")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = DEFAULT_PORT,
    register: _Register = "",
    account_per_day: Annotated[
        int, typer.Option(min=0, help="Contacts of one account a day (0: only the campaign's own bound)")
    ] = 0,
    per_day: Annotated[int, typer.Option(min=0, help="Contacts of all accounts a day (0: no bound)")] = 0,
) -> None:
    """Sign for a shop's site, mail and tills over HTTP, until Ctrl-C. The account is the campaigns' key."""
    try:
        from troc.attention.service import create_app
        from troc.serving.running import serve as serve_app
    except ImportError:
        raise InputError(
            "signing over HTTP needs FastAPI and uvicorn",
            "run `pip install '.[attention]'` in the folder of this project",
        ) from None
    from troc.attention.register import Caps
    from troc.attention.signing import Signing

    session = session_of(context)
    troc = troc_of(session)
    rewards = troc.attention
    found = [rewards.find(each) for each in campaign]
    caps = Caps(account_per_day, per_day)
    signing = Signing(rewards, _open_register(session, register), session.signer, found, caps)

    def opened() -> None:
        url = f"http://{host}:{port}"
        names = [each.name for each in found]
        session.result({"address": signing.address, "campaigns": names, "url": url})
        session.say(f"{words.listed(each.short for each in found)} can be signed for at {url} (/docs).")

    serve_app(signing.running(), lambda: create_app(signing), host, port, opened)
    session.say("The service is closed. What it signed is kept, and goes on when it is opened again.")


_Name = Annotated[str, typer.Argument(help="Such as the shop's site")]


@token_app.command("add")
def add(context: typer.Context, name: _Name, register: _Register = "") -> None:
    """Make a token. It is shown this once."""
    from troc.attention.register import TOKENS

    session = session_of(context)
    token = TOKENS.add(_open_register(session, register).engine, name)
    session.result({"name": name, "token": token}, f"The token of {name}, shown this once:\n{token}")


@token_app.command("list")
def list_tokens(context: typer.Context, register: _Register = "") -> None:
    """Tokens, and whether they are good."""
    from troc.attention.register import TOKENS

    session = session_of(context)
    found = TOKENS.listed(_open_register(session, register).engine)
    session.result(
        {"tokens": [vars(token) for token in found]},
        "\n".join(map(str, found)) or "No tokens yet: make one with `troc attention token add NAME`.",
    )


@token_app.command("revoke")
def revoke(context: typer.Context, name: _Name, register: _Register = "") -> None:
    """End a token at once, also in a running service."""
    from troc.attention.register import TOKENS

    session = session_of(context)
    TOKENS.revoke(_open_register(session, register).engine, name)
    session.result({"name": name, "revoked": True}, f"The token of {name} is void.")
